//! `ktrail status`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use jiff::Timestamp;

use super::arguments::{self, Place};
use super::exit;
use super::search::client;
use crate::protocol::{Confined, Enforced, Lookup, METRICS_PATH, Output, Shed, Space, Status, Unseen};
use crate::render::escape::show;
use crate::render::zone;

/// Columns of a row's name.
const ROW_NAME: usize = 18;
/// Processes older than auditing that are named.
const UNSEEN_SHOWN: usize = 5;
/// Types and keys of events left out that are named.
const SHED_SHOWN: usize = 10;

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
    let daemon = &status.daemon;
    row(
        "daemon",
        format!("ktraild {}, pid {}, since {}", daemon.version, daemon.pid, time(daemon.started_ms)),
    );
    row("confined", confined(daemon.confined.as_ref()));
    match &status.kernel {
        Some(kernel) => {
            let enabled = match kernel.enabled {
                0 => "off",
                1 => "on",
                _ => "on, locked until the next boot",
            };
            row("auditing", enabled.to_owned());
            row("registered", registered(kernel.pid, daemon.pid));
            row("backlog", format!("{} of {}", kernel.backlog, kernel.backlog_limit));
        }
        None => row("auditing", "the kernel could not be asked".to_owned()),
    }
    if let Some(unseen) = &status.unseen {
        row("unseen", older(unseen));
    }
    print_counts(status);
    print_log(status);
    row("followers", daemon.followers.to_string());
    for output in &status.outputs {
        row("output", output_line(output));
    }
    if let Some(address) = &daemon.metrics {
        row("metrics", format!("http://{address}{METRICS_PATH}"));
    }
}

/// Whom the kernel sends the events to.
fn registered(pid: u32, own: u32) -> String {
    match pid {
        0 => "nobody".to_owned(),
        pid if pid == own => format!("pid {pid}"),
        pid => format!("pid {pid}, which is NOT this daemon"),
    }
}

/// What the daemon may do.
fn confined(confined: Option<&Confined>) -> String {
    let Some(confined) = confined else { return "no: [confine] is off".to_owned() };
    let capabilities = match confined.capabilities.is_empty() {
        true => "no capability".to_owned(),
        false => confined.capabilities.join(" "),
    };
    let limited = |what: &str, enforced: Enforced| match enforced {
        Enforced::All => format!("{what} limited"),
        Enforced::Some => format!("{what} limited in part"),
        Enforced::None => format!("{what} NOT limited"),
    };
    format!(
        "user {}, {capabilities}; {}, {}, {}",
        confined.user,
        if confined.no_new_privileges { "no new privileges" } else { "NEW PRIVILEGES possible" },
        limited("system calls", confined.calls),
        limited("paths", confined.paths),
    )
}

fn row(name: &str, value: String) {
    println!("{name:<ROW_NAME$}{value}");
}

fn print_counts(status: &Status) {
    let (counters, queues) = (&status.counters, &status.queues);
    row(
        "rate",
        format!("{} events/s, {} messages/s (last 10 s)", status.rates.events, status.rates.messages),
    );
    row("received", format!("{} messages, {} records", counters.messages, counters.records));
    row("stored", format!("{} of {} events", counters.stored, counters.events));
    row(
        "waiting",
        format!(
            "{} bytes received, {} unfinished events, {} bytes unwritten, {} entries for followers",
            queues.received_bytes, queues.open, queues.unwritten_bytes, queues.followers
        ),
    );
    row(
        "lost",
        format!(
            "{} by the kernel, {} gaps in serials, {} not stored",
            counters.lost, counters.gaps, counters.dropped
        ),
    );
    row("overload", overload(status));
    row(
        "odd",
        format!(
            "{} late, {} malformed, {} foreign, {} truncated",
            counters.late, counters.malformed, counters.foreign, counters.truncated
        ),
    );
    let all = &status.lookups;
    for (name, lookup) in
        [("names", &all.names), ("processes", &all.processes), ("executables", &all.executables)]
    {
        lookups(lookup).into_iter().for_each(|text| row(name, text));
    }
}

/// What became of the look-ups of one kind; nothing where there were none.
fn lookups(lookup: &Lookup) -> Option<String> {
    let Lookup { known, asked, answered, absent, late, refused, forgotten } = *lookup;
    (known + asked + refused > 0).then(|| {
        format!(
            "{known} from memory, {asked} asked ({answered} answered, {absent} of them with nothing), {forgotten} forgotten; \
             {late} late, {refused} refused"
        )
    })
}

fn print_log(status: &Status) {
    let store = &status.store;
    row(
        "log",
        format!(
            "{}: {} entries, {}, {} segments",
            status.daemon.log_dir,
            store.entries,
            size(store.bytes),
            store.segments
        ),
    );
    if let (Some(oldest), Some(newest)) = (store.oldest_ms, store.newest_ms) {
        row("from, to", format!("{}, {}", time(oldest), time(newest)));
    }
    row("space", space(&store.space));
    if let Some(checkpoint) = &store.checkpoint {
        row("checkpoint", checkpoint.clone());
    }
    if let Some(cause) = &store.failing {
        row("writing", format!("fails with {cause}; events are kept in memory and by the kernel"));
    }
}

/// An output: what it is, how much it has got, and why it gets nothing.
fn output_line(output: &Output) -> String {
    let mut text = format!(
        "{} ({}): {} delivered, {} waiting, {} dropped",
        output.name, output.kind, output.delivered, output.waiting, output.dropped
    );
    if output.clients_dropped > 0 {
        let _ = write!(text, ", {} slow clients let go", output.clients_dropped);
    }
    if let Some(cause) = &output.failing {
        let _ = write!(text, "; FAILS: {cause}");
    }
    text
}

/// What is done while more comes than can be stored, and what it has done.
fn overload(status: &Status) -> String {
    let (counters, policy) = (&status.counters, status.overload.policy.name());
    let mut text = format!(
        "{policy}; producers held back for {} clock ticks, {} events shed",
        counters.held_ticks, counters.shed
    );
    let mut shed: Vec<_> = status.overload.shed.iter().collect();
    shed.sort_by_key(|shed| std::cmp::Reverse(shed.events));
    for Shed { kind, keys, events, since_ms, until_ms } in shed.iter().take(SHED_SHOWN).copied() {
        let keys = if keys.is_empty() { "no key".to_owned() } else { format!("key {}", keys.join(", ")) };
        let mut shown = Vec::new();
        show(keys.as_bytes(), io::stdout().is_terminal(), &mut shown);
        let (keys, since, until) = (String::from_utf8_lossy(&shown), time(*since_ms), time(*until_ms));
        let _ = write!(text, "\n{:<ROW_NAME$}{events} {kind}, {keys}, {since} to {until}", "");
    }
    if shed.len() > SHED_SHOWN {
        let _ = write!(text, "\n{:<ROW_NAME$}… (more with --json)", "");
    }
    text
}

/// The space for the log, and what is done about it.
fn space(space: &Space) -> String {
    let free = space.free_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} free", size(bytes)));
    let least = match space.least_bytes {
        0 => "no least".to_owned(),
        least => format!("at least {}, then {}", size(least), space.policy.name()),
    };
    let low = space.low_since_ms.map_or_else(String::new, |since| {
        let done = if space.holding { "nothing is written" } else { space.policy.name() };
        format!("; LOW since {}: {done}", time(since))
    });
    format!("{free} ({least}){low}")
}

/// The processes that no rule sees, and what to do.
fn older(unseen: &Unseen) -> String {
    let Some(since) = unseen.since_ms else { return "no process: auditing is on since boot".to_owned() };
    if unseen.processes == 0 {
        return format!("no process is older than auditing, on since {}", time(since));
    }
    let at_most = if unseen.at_most { "at most " } else { "" };
    let mut text = format!(
        "{at_most}{} processes, older than auditing, on since {}: no rule for system calls sees them; restart them, or \
         boot with audit=1",
        unseen.processes,
        time(since)
    );
    for process in unseen.some.iter().take(UNSEEN_SHOWN) {
        let _ = write!(text, "\n{:<ROW_NAME$}{} {}", "", process.pid, process.command);
    }
    if unseen.processes > u64::try_from(UNSEEN_SHOWN).unwrap_or(0) {
        let _ = write!(text, "\n{:<ROW_NAME$}… (more with --json)", "");
    }
    text
}

/// A time as people read it, in their zone.
pub(super) fn time(time_ms: u64) -> String {
    let timestamp = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    timestamp.map_or_else(
        || format!("{time_ms} ms"),
        |time| time.to_zoned(zone::local()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

/// A number of bytes as people read it.
pub(super) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
