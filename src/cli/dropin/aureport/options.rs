//! The options of `aureport`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use jiff::Zoned;
use thiserror::Error;

use super::words::{REPORTS, Words};
use crate::cli::dropin::ausearch::when::{self, WhenError};
use crate::cli::dropin::events::Reading;
use crate::event::Event;
use crate::record::RecordType;
use crate::render::peer::Escape;
use crate::report::particulars::Particulars;

/// Which report.
#[derive(Clone, Copy)]
pub(super) enum Report {
    /// The totals.
    Summary,
    /// From when to when each log is.
    Ranges,
    /// A list of events.
    Listing(&'static Words),
}

/// Everything that the command line asks for.
pub(super) struct Options {
    pub(super) report: Report,
    pub(super) summary: bool,
    pub(super) interpret: bool,
    pub(super) escape: Escape,
    pub(super) input: Option<PathBuf>,
    pub(super) input_logs: bool,
    pub(super) debug: bool,
    pub(super) timeout_s: Option<u64>,
    pub(super) since_ms: Option<u64>,
    pub(super) until_ms: Option<u64>,
    /// Whether it succeeded, where that is asked for.
    success: Option<bool>,
    no_config: bool,
    nodes: Vec<Vec<u8>>,
}

/// What is to be done.
pub(super) enum Asked {
    Help,
    Version,
    Report(Box<Options>),
}

/// Why a command line is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum OptionError {
    #[error("{0} is not an option; --help lists them")]
    Unknown(String),
    #[error("{0} needs an argument")]
    NoArgument(String),
    #[error("one report at a time: {0} asks for another")]
    Reports(String),
    #[error("--eoe-timeout needs a number of seconds above 0, not {0:?}")]
    Timeout(String),
    #[error("{0:?} is not a way of escaping; it is raw, tty, shell or shell_quote")]
    Escape(String),
    #[error("{0}: {1}")]
    When(String, #[source] WhenError),
}

/// The options that are no reports, with what they are for.
const OPTIONS: &[(&str, &str)] = &[
    ("--debug", "tell of lines that are left out"),
    ("--eoe-timeout SECONDS", "how long an event's records are waited for"),
    ("--escape WAY", "raw, tty (the default), shell or shell_quote"),
    ("--failed", "only what failed"),
    ("--help", "this"),
    ("-i, --interpret", "numbers in words, by this host's names"),
    ("-if, --input FILE", "a log of auditd, or a directory of them"),
    ("--input-logs", "the log, though standard input is a pipe"),
    ("-nc, --no-config", "without CONFIG_CHANGE events"),
    ("--node NAME", "only events of this host; more than one may be named"),
    ("--success", "only what succeeded"),
    ("--summary", "count by what the report is about"),
    ("-te, --end [DATE] [TIME]", "until then"),
    ("-ts, --start [DATE] [TIME]", "from then on"),
    ("-v, --version", "the version"),
];

/// What `--help` prints.
pub(super) fn help() -> String {
    let mut text = String::from(
        "aureport: reports on the log of ktrail, or of auditd\n\nReports, the totals without one:\n",
    );
    for words in REPORTS {
        text.push_str(&format!("  {:<28} {}\n", words.options.join(", "), words.title));
    }
    text.push_str("  -t, --log                    Log Time Range Report\n\nOptions:\n");
    for (names, about) in OPTIONS {
        text.push_str(&format!("  {names:<28} {about}\n"));
    }
    text.push_str("\nExit status: 0 when there was something to report, 1 when not or on an error.\n");
    text
}

/// Reads a command line; times are seen from `now`.
pub(super) fn parse(arguments: Vec<OsString>, now: &Zoned) -> Result<Asked, OptionError> {
    let mut left = arguments.into_iter().peekable();
    let mut options = Options::default();
    let mut report = None;
    while let Some(argument) = left.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || left.next_if(is_argument).ok_or_else(|| OptionError::NoArgument(name.clone()));
        match name.as_str() {
            "--help" => return Ok(Asked::Help),
            "-v" | "--version" => return Ok(Asked::Version),
            "--summary" => options.summary = true,
            "-i" | "--interpret" => options.interpret = true,
            "--input-logs" => options.input_logs = true,
            "--debug" => options.debug = true,
            "--failed" => options.success = Some(false),
            "--success" => options.success = Some(true),
            "-nc" | "--no-config" => options.no_config = true,
            "--node" => options.nodes.push(value()?.into_vec()),
            "-if" | "--input" => options.input = Some(PathBuf::from(value()?)),
            "--escape" => {
                let way = value()?.to_string_lossy().into_owned();
                options.escape = Escape::from_name(&way).ok_or(OptionError::Escape(way))?;
            }
            "--eoe-timeout" => {
                let text = value()?.to_string_lossy().into_owned();
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                options.timeout_s = Some(seconds.ok_or(OptionError::Timeout(text))?);
            }
            "-ts" | "--start" | "-te" | "--end" => {
                let (first, second) = (value()?, left.next_if(is_argument));
                options.time(&name, &first, second.as_ref(), now)?;
            }
            _ => {
                let asked = asked(&name).ok_or_else(|| OptionError::Unknown(name.clone()))?;
                if report.replace(asked).is_some() {
                    return Err(OptionError::Reports(name));
                }
            }
        }
    }
    options.report = report.unwrap_or(Report::Summary);
    Ok(Asked::Report(Box::new(options)))
}

fn is_argument(text: &OsString) -> bool {
    !text.as_encoded_bytes().starts_with(b"-")
}

fn asked(name: &str) -> Option<Report> {
    if matches!(name, "-t" | "--log") {
        return Some(Report::Ranges);
    }
    REPORTS.iter().find(|words| words.options.contains(&name)).map(Report::Listing)
}

impl Default for Options {
    fn default() -> Options {
        Options {
            report: Report::Summary,
            summary: false,
            interpret: false,
            escape: Escape::default(),
            input: None,
            input_logs: false,
            debug: false,
            timeout_s: None,
            since_ms: None,
            until_ms: None,
            success: None,
            no_config: false,
            nodes: Vec::new(),
        }
    }
}

impl Options {
    fn time(
        &mut self,
        name: &str,
        first: &OsString,
        second: Option<&OsString>,
        now: &Zoned,
    ) -> Result<(), OptionError> {
        let end = matches!(name, "-te" | "--end");
        let second = second.map(|second| second.to_string_lossy());
        let seconds = when::parse(&first.to_string_lossy(), second.as_deref(), end, now)
            .map_err(|error| OptionError::When(name.to_owned(), error))?;
        let time_ms = seconds.saturating_mul(1000);
        match end {
            true => self.until_ms = Some(time_ms.saturating_add(999)),
            false => self.since_ms = Some(time_ms),
        }
        Ok(())
    }

    /// How the log is read.
    pub(super) fn reading(&self) -> Reading<'static> {
        Reading {
            program: "aureport",
            timeout_s: self.timeout_s,
            debug: self.debug,
            since_ms: self.since_ms,
            until_ms: self.until_ms,
        }
    }

    /// Whether an event is to be reported on.
    pub(super) fn wants(&self, event: &Event, said: &Particulars<'_>) -> bool {
        let time_ms = event.id.time_ms;
        let in_time = self.since_ms.is_none_or(|since_ms| time_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| time_ms <= until_ms);
        let ended = self.success.is_none_or(|success| said.outcome == Some(success));
        let node = self.nodes.is_empty()
            || event.node.as_deref().is_some_and(|node| self.nodes.iter().any(|wanted| **wanted == *node));
        in_time && ended && node && !(self.no_config && said.kind() == RecordType::CONFIG_CHANGE)
    }

    /// What stands before the title of a report that counts.
    pub(super) fn wanted_prefix(&self, counts: bool) -> &'static str {
        match self.success {
            Some(false) if counts => "Failed ",
            Some(true) if counts => "Success ",
            _ => "",
        }
    }
}
