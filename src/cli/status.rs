//! `ktrail status`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::arguments::{self, Place};
use super::exit;
use super::search::client;
use crate::protocol::Status;

pub(super) fn status(place: &Place, arguments: &arguments::Status) -> anyhow::Result<u8> {
    let status = client(place)?.status()?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print(&status);
    }
    Ok(exit::FOUND)
}

fn print(status: &Status) {
    let row = |name: &str, value: String| println!("{name:<18}{value}");
    let (daemon, counters, store) = (&status.daemon, &status.counters, &status.store);
    row(
        "daemon",
        format!("ktraild {}, pid {}, since {}", daemon.version, daemon.pid, time(daemon.started_ms)),
    );
    match &status.kernel {
        Some(kernel) => {
            let enabled = match kernel.enabled {
                0 => "off",
                1 => "on",
                _ => "on, locked until the next boot",
            };
            row("auditing", enabled.to_owned());
            row("registered", format!("pid {}", kernel.pid));
            row("backlog", format!("{} of {}", kernel.backlog, kernel.backlog_limit));
        }
        None => row("auditing", "the kernel could not be asked".to_owned()),
    }
    row(
        "rate",
        format!("{} events/s, {} messages/s (last 10 s)", status.rates.events, status.rates.messages),
    );
    row("received", format!("{} messages, {} records", counters.messages, counters.records));
    row("stored", format!("{} of {} events", counters.stored, counters.events));
    row(
        "lost",
        format!(
            "{} by the kernel, {} gaps in serials, {} not stored",
            counters.lost, counters.gaps, counters.dropped
        ),
    );
    row(
        "odd",
        format!(
            "{} late, {} malformed, {} foreign, {} truncated",
            counters.late, counters.malformed, counters.foreign, counters.truncated
        ),
    );
    row(
        "log",
        format!(
            "{}: {} entries, {}, {} segments",
            daemon.log_dir,
            store.entries,
            size(store.bytes),
            store.segments
        ),
    );
    if let (Some(oldest), Some(newest)) = (store.oldest_ms, store.newest_ms) {
        row("from, to", format!("{}, {}", time(oldest), time(newest)));
    }
    row("followers", daemon.followers.to_string());
}

fn time(time_ms: u64) -> String {
    let timestamp = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    timestamp.map_or_else(
        || format!("{time_ms} ms"),
        |time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
