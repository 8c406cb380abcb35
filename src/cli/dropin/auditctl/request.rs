//! What auditctl asks of the kernel, and what it prints of the answers.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;

use super::arguments::Said;
use super::{failed, status};
use crate::enrich::lookup::{Host, Lookup};
use crate::interpret::{Kind, UNSET, calls};
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::netlink::status::{LOGIN_UID_IMMUTABLE, Status, StatusChange};
use crate::render::escape;
use crate::rules::Rule;
use crate::rules::control::Control as Setting;
use crate::rules::display::Form;
use crate::rules::error::Warning;
use crate::rules::kernel::CodecError;
use crate::rules::parse::Line;

/// The record type of -m (`AUDIT_USER`, linux/audit.h).
const USER: u16 = 1005;

/// The kernel, asked as auditctl asks it.
pub(super) struct Kernel {
    control: Control,
}

/// Why something could not be done.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Kernel(#[from] Error),
    #[error("{1} ({0})")]
    Rule(Box<Rule>, #[source] Error),
    #[error("a rule of the kernel cannot be shown: {0}")]
    Unknown(#[from] CodecError),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl Failure {
    pub(super) fn status(&self) -> u8 {
        match self {
            // As with a socket that cannot be opened.
            Failure::Kernel(Error::Disabled(_)) | Failure::Rule(_, Error::Disabled(_)) => 0,
            Failure::Kernel(Error::Immutable(_)) | Failure::Rule(_, Error::Immutable(_)) => status::FILE,
            Failure::Kernel(Error::NotPermitted(_)) | Failure::Rule(_, Error::NotPermitted(_)) => {
                status::NOT_PERMITTED
            }
            _ => status::FAILED,
        }
    }
}

impl Kernel {
    pub(super) fn open() -> Result<Kernel, ExitCode> {
        match Control::open() {
            Ok(control) => Ok(Kernel { control }),
            // A machine booted without audit has nothing to load into, which is no failure of the boot.
            Err(error @ Error::Disabled(_)) => Err(failed(error, 0)),
            Err(error) => Err(failed(error, status::FAILED)),
        }
    }

    /// Does what a line says.
    pub(super) fn line(&mut self, said: &Said) -> Result<(), Failure> {
        let warned = |warning: &&Warning| matches!(said.line, Line::Add(_)) && is_told(warning);
        for warning in said.warnings.iter().filter(warned) {
            eprintln!("auditctl: warning: {warning}");
        }
        let refused = |rule: &Rule, error| Failure::Rule(Box::new(rule.clone()), error);
        match &said.line {
            Line::Blank => Ok(()),
            Line::Add(rule) => self.control.add_rule(&rule.to_kernel()).map_err(|error| refused(rule, error)),
            Line::Delete(rule) => {
                self.control.delete_rule(&rule.to_kernel()).map_err(|error| refused(rule, error))
            }
            Line::Control(setting) => self.setting(setting),
        }
    }

    fn setting(&mut self, setting: &Setting) -> Result<(), Failure> {
        let unchanged = StatusChange::default();
        let change = match setting {
            Setting::Enabled(enabled) => StatusChange { enabled: Some(*enabled), ..unchanged },
            Setting::Failure(failure) => StatusChange { failure: Some(*failure), ..unchanged },
            Setting::RateLimit(limit) => StatusChange { rate_limit: Some(*limit), ..unchanged },
            Setting::BacklogLimit(limit) => StatusChange { backlog_limit: Some(*limit), ..unchanged },
            Setting::BacklogWaitTime(ticks) => StatusChange { backlog_wait_time: Some(*ticks), ..unchanged },
            other => return self.other(other),
        };
        Ok(self.control.set(&change)?)
    }

    fn other(&mut self, setting: &Setting) -> Result<(), Failure> {
        match setting {
            Setting::LoginUidImmutable => self.control.make_login_uid_immutable()?,
            Setting::ResetLost => eprintln!("lost: {}", self.control.reset_lost()?),
            Setting::ResetWaitTime => {
                eprintln!("backlog_wait_time_actual: {}", self.control.reset_wait_time_actual()?);
            }
            Setting::Trim => self.control.trim()?,
            Setting::Equivalent { mount_point, subtree } => {
                self.control.make_equivalent(mount_point, subtree)?
            }
            Setting::Message(text) => self.control.send_user(USER, &message(text))?,
            Setting::List => return self.list(None, false),
            Setting::Status => return self.status(false),
            Setting::DeleteAll { key } => return self.delete_all(key.as_deref()),
            _ => {}
        }
        Ok(())
    }

    fn delete_all(&mut self, key: Option<&[u8]>) -> Result<(), Failure> {
        for bytes in self.control.list_rules()? {
            if key.is_none_or(|key| Rule::from_kernel(&bytes).is_ok_and(|rule| has_key(&rule, key))) {
                self.control.delete_rule(&bytes)?;
            }
        }
        self.list(key, false)
    }

    /// Lists the rules, or those with a key that the text is part of.
    pub(super) fn list(&mut self, key: Option<&[u8]>, interpret: bool) -> Result<(), Failure> {
        let rules = self.control.list_rules()?;
        let mut out = io::stdout().lock();
        let terminal = out.is_terminal();
        if rules.is_empty() {
            writeln!(out, "No rules")?;
        }
        for bytes in &rules {
            let rule = Rule::from_kernel(bytes)?;
            if key.is_none_or(|key| has_key(&rule, key)) {
                let shown = if interpret { rule.interpreted(&argument) } else { rule.to_text(Form::Listed) };
                let mut text = Vec::new();
                escape::show(&shown, terminal, &mut text);
                text.push(b'\n');
                out.write_all(&text)?;
            }
        }
        Ok(())
    }

    /// Prints the status with the feature at its end.
    pub(super) fn status(&mut self, interpret: bool) -> Result<(), Failure> {
        let status = self.control.status()?;
        let features = self.control.features()?;
        let has = |bits: u32| bits & LOGIN_UID_IMMUTABLE != 0;
        let mut out = io::stdout().lock();
        write_status(&status, interpret, &mut out)?;
        let locked = if has(features.locked) { "locked" } else { "unlocked" };
        writeln!(out, "loginuid_immutable {} {locked}", u8::from(has(features.enabled)))?;
        Ok(())
    }

    /// Prints the status as it stands after a setting.
    pub(super) fn short_status(&mut self) -> Result<(), Failure> {
        Ok(write_status(&self.control.status()?, false, &mut io::stdout().lock())?)
    }

    /// Sends the registered daemon a signal.
    pub(super) fn signal(&mut self, signal: Signal) -> ExitCode {
        let pid = match self.control.status() {
            Ok(status) => i32::try_from(status.pid).unwrap_or(0),
            Err(error) => return failed(error, status::FAILED),
        };
        if pid == 0 {
            return failed("no audit daemon is running", status::NO_DAEMON);
        }
        // Of ktraild this is the wish for another program: it resumes by itself.
        let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim_ascii() == b"ktraild" && signal == Signal::SIGUSR2 {
            return failed("ktraild resumes by itself when there is space again", status::FAILED);
        }
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(format_args!("cannot send the daemon {signal}: {error}"), status::FAILED),
        }
    }
}

/// Whether auditctl warns of it too: scripts may take anything else on standard error for a failure.
fn is_told(warning: &Warning) -> bool {
    matches!(warning, Warning::SyscallsWithoutArch | Warning::DotDot | Warning::Wildcard)
}

/// Whether one of the rule's keys has the text in it.
fn has_key(rule: &Rule, text: &[u8]) -> bool {
    text.is_empty() || rule.keys().any(|key| key.windows(text.len()).any(|part| part == text))
}

/// An argument of a system call in words, ids by this host's names for them.
fn argument(call: &str, place: usize, arguments: &[u64; 4]) -> Option<String> {
    let meaning = calls::meaning(call, place)?;
    let id = || u32::try_from(*arguments.get(place)?).ok().filter(|id| *id != UNSET);
    let name = match meaning.id_kind() {
        Some(Kind::User) => id().map(|id| Host.user(id).unwrap_or_else(|| format!("unknown({id})"))),
        Some(_) => id().map(|id| Host.group(id).unwrap_or_else(|| format!("unknown({id})"))),
        None => None,
    };
    name.or_else(|| meaning.words(place, arguments).map(|words| words.into_owned()))
}

fn write_status(status: &Status, interpret: bool, out: &mut impl Write) -> io::Result<()> {
    let named = |number: u32, names: [&str; 3]| {
        let name = usize::try_from(number).ok().and_then(|number| names.get(number).copied());
        name.filter(|_| interpret).map_or_else(|| number.to_string(), str::to_owned)
    };
    writeln!(out, "enabled {}", named(status.enabled, ["disable", "enable", "enabled+immutable"]))?;
    writeln!(out, "failure {}", named(status.failure, ["silent", "printk", "panic"]))?;
    writeln!(out, "pid {}", status.pid)?;
    writeln!(out, "rate_limit {}", status.rate_limit)?;
    writeln!(out, "backlog_limit {}", status.backlog_limit)?;
    writeln!(out, "lost {}", status.lost)?;
    writeln!(out, "backlog {}", status.backlog)?;
    writeln!(out, "backlog_wait_time {}", status.backlog_wait_time)?;
    if let Some(actual) = status.backlog_wait_time_actual {
        writeln!(out, "backlog_wait_time_actual {actual}")?;
    }
    Ok(())
}

/// The text of a message with what programs tell of themselves.
fn message(text: &[u8]) -> Vec<u8> {
    let exe = fs::read_link("/proc/self/exe").unwrap_or_default();
    let terminal = fs::read_link("/proc/self/fd/0").ok().filter(|_| io::stdin().is_terminal());
    let terminal = terminal.as_deref().and_then(|path| path.strip_prefix("/dev").ok());
    let host = nix::unistd::gethostname().unwrap_or_default();
    let mut message = b"text=".to_vec();
    message.extend(untrusted(text));
    message.extend_from_slice(b" exe=\"");
    message.extend(exe.display().to_string().bytes().filter(|byte| !matches!(byte, b'"' | 0..=b' ')));
    message.extend_from_slice(b"\" hostname=");
    message.extend(host.to_string_lossy().bytes());
    message.extend_from_slice(b" addr=? terminal=");
    message.extend(terminal.map_or("?".to_owned(), |name| name.display().to_string()).into_bytes());
    message.extend_from_slice(b" res=success");
    message
}

/// Text as it is, or in hexadecimal where it could be taken for more than itself.
fn untrusted(text: &[u8]) -> Vec<u8> {
    match text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'')) {
        true => text.to_vec(),
        false => text.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect(),
    }
}
