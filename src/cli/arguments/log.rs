//! The arguments of `ktrail log`.

use std::ops::RangeInclusive;

use clap::{Args, Subcommand, ValueEnum};

use super::Report;

#[derive(Debug, Args)]
pub(in crate::cli) struct Log {
    #[command(subcommand)]
    pub(in crate::cli) command: LogCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LogCommand {
    /// List the segments
    List(LogList),
    /// Show what one segment is made of
    Info(LogInfo),
    /// Read every byte and compare; exit status 1 when something is wrong
    Check(LogCheck),
    /// Mend what can be mended while no daemon writes; exit status 1 when something is left
    Repair(LogCheck),
    /// Write the events of segments to standard output
    Export(LogExport),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogList {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub(in crate::cli) format: Report,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogInfo {
    /// The segment's number
    #[arg(value_name = "SEGMENT")]
    pub(in crate::cli) segment: u64,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub(in crate::cli) format: Report,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogCheck {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub(in crate::cli) format: Report,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogExport {
    /// How events are written
    #[arg(long, value_enum, default_value_t = Export::Json)]
    pub(in crate::cli) format: Export,
    /// In ecs and ocsf, the host of events that name none; without it this one
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) host: Option<String>,
    /// From this time on: 2026-11-23T09:00, 09:00, today, yesterday, '10 minutes ago'
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
    /// Only these segments, both included: 3..7, 3.., ..7, 3
    #[arg(long, value_name = "A..B", value_parser = segments)]
    pub(in crate::cli) segments: Option<RangeInclusive<u64>>,
}

/// A range of segments' numbers, both ends included.
pub(super) fn segments(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str, open: u64| match text {
        "" => Ok(open),
        _ => text.parse().map_err(|_| format!("{text:?} is not a segment's number")),
    };
    match text.split_once("..") {
        _ if text.is_empty() => Err("write 3..7, 3.., ..7 or 3".to_owned()),
        Some((first, last)) => Ok(number(first, 1)?..=number(last, u64::MAX)?),
        None => number(text, 0).map(|number| number..=number),
    }
}

/// How exported events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Export {
    /// One JSON object an event, as it is stored
    Json,
    /// Records as auditd's RAW format has them
    Raw,
    /// The Elastic Common Schema, one JSON object an event
    Ecs,
    /// The Open Cybersecurity Schema Framework, one JSON object an event
    Ocsf,
}
