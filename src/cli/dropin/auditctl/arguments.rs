//! auditctl's arguments as wishes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use thiserror::Error;

use super::ARGUMENT_BYTES_MAX;
use super::file::Mode;
use crate::rules::control::Control;
use crate::rules::error::{RuleError, Warning};
use crate::rules::parse::{self, Line};
use crate::rules::text;
use crate::ruleset::host::ThisHost;

/// What is printed without arguments and with -h.
pub(super) const USAGE: &str = "\
usage: auditctl [options]
  Rules
    -a LIST,ACTION                    add a rule to the end of a list: user task exit exclude filesystem
                                      io_uring; always or never
    -A LIST,ACTION                    add it to the front
    -d LIST,ACTION                    delete the rule that is the same
    -S CALL[,CALL...]                 system calls by name or number, or all
    -F FIELD OPERATOR VALUE           a condition: = != < <= > >= & &=
    -C FIELD=FIELD                    two fields compared: = !=
    -w PATH [-p rwxa]                 watch a file or a directory and all below it
    -W PATH                           delete the watch that is the same
    -k KEY                            a key to find the events by
    -D [-k KEY]                       delete all rules, or those of a key
    -R FILE                           do the lines of a file; -c goes on after an error, -i takes it for none
    -l [-i | -k KEY]                  list the rules
  Settings
    -e 0|1|2                          auditing off, on, on and locked until the next boot
    -f 0|1|2                          when events are lost: nothing, print, panic
    -b NUMBER                         messages the kernel queues at most
    -r NUMBER                         messages a second at most, 0 for any number
    --backlog_wait_time NUMBER        longest time to hold a producer back
    --loginuid-immutable              login uids once set cannot be changed, until the next boot
    --reset-lost                      count lost messages from 0 again
    --reset_backlog_wait_time_actual  count the time producers were held back from 0 again
  Others
    -s [-i]                           show the status
    -m TEXT                           write a message to the audit log
    -t                                let go of watched subtrees that are no longer mounted
    -q MOUNT,SUBTREE                  watch a subtree with the directory it is mounted at
    --signal SIGNAL                   tell the daemon: stop reload rotate resume state
    -v, -h                            version, this help
";

/// Options of a setting, which may stand beside others; each with a value.
const SETTINGS: [&str; 5] = ["-e", "-f", "-b", "-r", "--backlog_wait_time"];
/// Options of a rule, each with a value.
const OF_RULE: [&str; 10] = parse::RULE_OPTIONS;

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    List { key: Option<Vec<u8>>, interpret: bool },
    Status { interpret: bool },
    File { path: PathBuf, mode: Mode },
    Signal(Signal),
    Line(Box<Said>),
}

/// A line of rules or settings with what is odd in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) line: Line,
    pub(super) warnings: Vec<Warning>,
}

impl Said {
    /// Whether it is a setting, after which the status is shown.
    pub(super) fn is_setting(&self) -> bool {
        let Line::Control(control) = &self.line else { return false };
        matches!(
            control,
            Control::Enabled(_)
                | Control::Failure(_)
                | Control::BacklogLimit(_)
                | Control::RateLimit(_)
                | Control::BacklogWaitTime(_)
        )
    }
}

/// Why arguments are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ArgumentError {
    #[error("{}: unknown option", .0.escape_ascii())]
    Unknown(Vec<u8>),
    #[error("{0}: the option needs a value")]
    NoValue(&'static str),
    #[error("{}: an argument that belongs to no option", .0.escape_ascii())]
    Stray(Vec<u8>),
    #[error("{0} takes {1} and nothing else")]
    Only(&'static str, &'static str),
    #[error("an argument has {0} bytes, more than {ARGUMENT_BYTES_MAX}")]
    Long(usize),
    #[error("{}: unknown signal; there are stop, reload, rotate, resume and state", .0.escape_ascii())]
    Signal(Vec<u8>),
    #[error("{0}")]
    Rule(#[from] RuleError),
}

/// Reads all arguments.
pub(super) fn read(words: &[&[u8]]) -> Result<Vec<Wish>, ArgumentError> {
    if let Some(long) = words.iter().map(|word| word.len()).find(|length| *length > ARGUMENT_BYTES_MAX) {
        return Err(ArgumentError::Long(long));
    }
    match words {
        [b"-l"] => Ok(vec![Wish::List { key: None, interpret: false }]),
        [b"-l", b"-i"] => Ok(vec![Wish::List { key: None, interpret: true }]),
        [b"-l", b"-k", key] => Ok(vec![Wish::List { key: Some(key.to_vec()), interpret: false }]),
        [b"-l", ..] => Err(ArgumentError::Only("-l", "-i or -k KEY")),
        [b"-s"] => Ok(vec![Wish::Status { interpret: false }]),
        [b"-s", b"-i"] => Ok(vec![Wish::Status { interpret: true }]),
        [b"-s", ..] => Err(ArgumentError::Only("-s", "-i")),
        [b"--signal", name] => signal(name).map(|signal| vec![Wish::Signal(signal)]),
        [b"--signal", ..] => Err(ArgumentError::NoValue("--signal")),
        [b"-R", path] => Ok(vec![file(path, Mode::Stop)]),
        [b"-c", b"-R", path] => Ok(vec![file(path, Mode::Continue)]),
        [b"-i", b"-R", path] => Ok(vec![file(path, Mode::Ignore)]),
        [b"-R"] => Err(ArgumentError::NoValue("-R")),
        [b"-R", _, stray, ..] => Err(ArgumentError::Stray(stray.to_vec())),
        [b"-c" | b"-i"] => Ok(Vec::new()),
        [b"-m" | b"-D" | b"-t" | b"-q", ..] => Ok(vec![line(words)?]),
        words => settings_and_rule(words),
    }
}

fn file(path: &[u8], mode: Mode) -> Wish {
    Wish::File { path: OsStr::from_bytes(path).into(), mode }
}

/// Settings may stand beside each other and beside a rule.
fn settings_and_rule(words: &[&[u8]]) -> Result<Vec<Wish>, ArgumentError> {
    let mut wishes = Vec::new();
    let mut rule: Vec<&[u8]> = Vec::new();
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        match sort(word) {
            Sort::Setting => {
                let setting: Vec<&[u8]> = [word].into_iter().chain(rest.next()).collect();
                wishes.push(line(&setting)?);
            }
            Sort::Whole => wishes.push(line(&[word])?),
            Sort::OfRule => rule.extend([word].into_iter().chain(rest.next())),
            Sort::OfRuleWhole => rule.push(word),
            Sort::Unknown => return Err(ArgumentError::Unknown(word.to_vec())),
            Sort::Stray => return Err(ArgumentError::Stray(word.to_vec())),
        }
    }
    if !rule.is_empty() {
        wishes.push(line(&rule)?);
    }
    Ok(wishes)
}

/// What an argument is that stands where an option may.
enum Sort {
    /// A setting's option; its value follows.
    Setting,
    /// A setting's option with its value, or a long option that has none.
    Whole,
    /// A rule's option; its value follows.
    OfRule,
    /// A rule's option with its value.
    OfRuleWhole,
    Unknown,
    Stray,
}

fn sort(word: &[u8]) -> Sort {
    let is = |options: &[&str]| options.iter().any(|option| option.as_bytes() == word);
    let begins = |options: &[&str]| {
        let mut short = options.iter().filter(|option| option.len() == 2);
        short.any(|option| word.starts_with(option.as_bytes()))
    };
    match word {
        _ if is(&SETTINGS) => Sort::Setting,
        _ if is(&OF_RULE) => Sort::OfRule,
        [b'-', b'-', _, ..] => Sort::Whole,
        _ if begins(&SETTINGS) => Sort::Whole,
        _ if begins(&OF_RULE) => Sort::OfRuleWhole,
        [b'-', ..] => Sort::Unknown,
        _ => Sort::Stray,
    }
}

/// The words as the line of a rules file that they would be.
fn line(words: &[&[u8]]) -> Result<Wish, ArgumentError> {
    let mut text = Vec::new();
    for word in words {
        text::escape(word, &mut text);
        text.push(b' ');
    }
    let (line, warnings) = parse::line(&text, &ThisHost::default())?;
    Ok(Wish::Line(Box::new(Said { line, warnings })))
}

/// Signals by what they ask for and by name.
const SIGNALS: [(&[&str], Signal); 5] = [
    (&["stop", "TERM"], Signal::SIGTERM),
    (&["reload", "HUP"], Signal::SIGHUP),
    (&["rotate", "USR1"], Signal::SIGUSR1),
    (&["resume", "USR2"], Signal::SIGUSR2),
    (&["state", "CONT"], Signal::SIGCONT),
];

fn signal(name: &[u8]) -> Result<Signal, ArgumentError> {
    let known = SIGNALS.iter().find(|(names, _)| names.iter().any(|known| known.as_bytes() == name));
    known.map(|(_, signal)| *signal).ok_or_else(|| ArgumentError::Signal(name.to_vec()))
}
