//! The options of `ausearch`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::unistd::{Group, User};
use thiserror::Error;

use super::names::{Meaning, OPTIONS};
use super::wanted::{Identity, Wanted};
use super::when::{self, WhenError};
use crate::record::RecordType;
use crate::render::peer::Escape;
use crate::render::peer::csv::Extra;
use crate::tables::{self, Arch};

/// What is written of each event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// A line between events, and the records as they are.
    #[default]
    Plain,
    /// The same with values in words.
    Interpreted,
    /// The records as they are.
    Raw,
    /// One line of columns.
    Csv,
    /// One sentence.
    Text,
}

/// Everything that the command line asks for.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) wanted: Wanted,
    pub(super) format: Format,
    pub(super) escape: Escape,
    pub(super) extra: Extra,
    pub(super) input: Option<PathBuf>,
    pub(super) input_logs: bool,
    pub(super) just_one: bool,
    pub(super) line_buffered: bool,
    pub(super) debug: bool,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) start_at_checkpoint: bool,
    pub(super) timeout_s: Option<u64>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Version,
    Search(Box<Options>),
}

/// Why a command line is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum OptionError {
    #[error("{0} is not an option; {hint}", hint = Hint(.0))]
    Unknown(String),
    #[error("{0} needs an argument")]
    NoArgument(String),
    #[error("{0} needs a number, not {1:?}")]
    NoNumber(String, String),
    #[error("{0}: this host knows no user {1:?}; give a number")]
    NoUser(String, String),
    #[error("{0}: this host knows no group {1:?}; give a number")]
    NoGroup(String, String),
    #[error("-sv is yes or no, not {0:?}")]
    Success(String),
    #[error("{0:?} is not a record type. The types are: ALL {names}", names = type_names())]
    Type(String),
    #[error("{0:?} is neither a number nor the name of an error")]
    Errno(String),
    #[error("{0:?} is not a machine; it is b64, b32 or one of {names}", names = arch_names())]
    Arch(String),
    #[error("{machine} has no system call {name:?}", name = .0, machine = .1.name())]
    Syscall(String, Arch),
    #[error("{0:?} is not a format; it is raw, default, interpret, csv or text")]
    Format(String),
    #[error("{0:?} is not a way of escaping; it is raw, tty, shell or shell_quote")]
    Escape(String),
    #[error("two output formats are asked for, the second by {0}")]
    Formats(String),
    #[error("--extra-… add columns to --format csv and need it")]
    ExtraWithoutCsv,
    #[error("--eoe-timeout needs a number of seconds above 0, not {0:?}")]
    Timeout(String),
    #[error("{0}: {1}")]
    When(String, #[source] WhenError),
}

/// What to do about an unknown option.
struct Hint<'a>(&'a str);

impl std::fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.0.split('=').next().unwrap_or(self.0);
        let known = OPTIONS.iter().flat_map(|(names, _)| names.iter());
        if name != self.0 && known.clone().any(|known| *known == name) {
            return write!(f, "write {name} and its argument with a blank between");
        }
        let near = known.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
        match near {
            Some((distance, known)) if distance <= 2 => write!(f, "did you mean {known}?"),
            _ => f.write_str("ausearch -h lists them"),
        }
    }
}

fn type_names() -> String {
    tables::record_types().iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

fn arch_names() -> String {
    Arch::ALL.map(Arch::name).join(" ")
}

/// Reads a command line; times are seen from `now`.
pub(super) fn parse(arguments: Vec<OsString>, now: &jiff::Zoned) -> Result<Asked, OptionError> {
    let mut reader =
        Reader { left: arguments.into_iter().peekable(), options: Options::default(), formats: 0 };
    while let Some(argument) = reader.left.next() {
        let name = argument.to_string_lossy().into_owned();
        let meaning = OPTIONS.iter().find(|(names, _)| names.contains(&name.as_str()));
        match meaning {
            None => return Err(OptionError::Unknown(name)),
            Some((_, Meaning::Help)) => return Ok(Asked::Help),
            Some((_, Meaning::Version)) => return Ok(Asked::Version),
            Some((_, meaning)) => reader.option(*meaning, &name, now)?,
        }
    }
    let options = reader.options;
    if options.extra.is_any() && options.format != Format::Csv {
        return Err(OptionError::ExtraWithoutCsv);
    }
    Ok(Asked::Search(Box::new(options)))
}

/// The arguments that are left and what those before them have said.
struct Reader {
    left: std::iter::Peekable<std::vec::IntoIter<OsString>>,
    options: Options,
    formats: usize,
}

impl Reader {
    fn option(&mut self, meaning: Meaning, name: &str, now: &jiff::Zoned) -> Result<(), OptionError> {
        let options = &mut self.options;
        match meaning {
            Meaning::Debug => options.debug = true,
            Meaning::InputLogs => options.input_logs = true,
            Meaning::JustOne => options.just_one = true,
            Meaning::LineBuffered => options.line_buffered = true,
            Meaning::Word => options.wanted.whole_words = true,
            Meaning::ExtraKeys => options.extra.keys = true,
            Meaning::ExtraLabels => options.extra.labels = true,
            Meaning::ExtraObject => options.extra.object = true,
            Meaning::ExtraTime => options.extra.time = true,
            Meaning::Interpret => return self.format(Format::Interpreted, name),
            Meaning::Raw => return self.format(Format::Raw, name),
            Meaning::Start | Meaning::End => return self.time(meaning, name, now),
            Meaning::Checkpoint => self.options.checkpoint = Some(PathBuf::from(self.argument(name)?)),
            Meaning::Input => self.options.input = Some(PathBuf::from(self.argument(name)?)),
            Meaning::Format => {
                let text = self.text(name)?;
                let known = match text.as_str() {
                    "raw" => Format::Raw,
                    "default" => Format::Plain,
                    "interpret" => Format::Interpreted,
                    "csv" => Format::Csv,
                    "text" => Format::Text,
                    _ => return Err(OptionError::Format(text)),
                };
                return self.format(known, name);
            }
            Meaning::Escape => {
                let text = self.text(name)?;
                self.options.escape = Escape::from_name(&text).ok_or(OptionError::Escape(text))?;
            }
            Meaning::Timeout => {
                let text = self.text(name)?;
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                self.options.timeout_s = Some(seconds.ok_or(OptionError::Timeout(text))?);
            }
            _ => return self.condition(meaning, name),
        }
        Ok(())
    }

    /// Adds a condition that events have to meet.
    fn condition(&mut self, meaning: Meaning, name: &str) -> Result<(), OptionError> {
        // Numbers below zero are taken where the kernel has them; elsewhere a minus begins another option.
        let signed = matches!(meaning, Meaning::Exit | Meaning::Session | Meaning::Login);
        let argument = if signed { self.signed(name)? } else { self.argument(name)? };
        let text = argument.to_string_lossy().into_owned();
        let bytes = argument.into_vec();
        let wanted = &mut self.options.wanted;
        match meaning {
            Meaning::Event => wanted.serial = Some(number(name, &text)?),
            Meaning::Pid => wanted.pid = Some(number(name, &text)?),
            Meaning::ParentPid => wanted.ppid = Some(number(name, &text)?),
            Meaning::Session => wanted.session = Some(id(name, &text)?),
            Meaning::Arch => wanted.arch = Some(arch(&text)?),
            Meaning::Syscall => wanted.syscall = Some(syscall(text, wanted.arch)?),
            Meaning::Exit => wanted.exit = Some(exit(text)?),
            Meaning::Success => wanted.success = Some(success(text)?),
            Meaning::Type => types(&text, wanted)?,
            Meaning::Uid => wanted.uid = Some(user(name, &text)?),
            Meaning::UidEffective => wanted.euid = Some(user(name, &text)?),
            Meaning::UidAll => wanted.uid_any = Some(user(name, &text)?),
            Meaning::Login => wanted.auid = Some(user(name, &text)?),
            Meaning::Gid => wanted.gid = Some(group(name, &text)?),
            Meaning::GidEffective => wanted.egid = Some(group(name, &text)?),
            Meaning::GidAll => wanted.gid_any = Some(group(name, &text)?),
            Meaning::Node => wanted.nodes.push(bytes),
            Meaning::Comm => wanted.comm = Some(bytes),
            Meaning::Exe => wanted.exe = Some(bytes),
            Meaning::File => wanted.file = Some(bytes),
            Meaning::Host => wanted.host = Some(bytes),
            Meaning::Terminal => wanted.terminal = Some(bytes),
            Meaning::Key => wanted.key = Some(bytes),
            Meaning::Uuid => wanted.uuid = Some(bytes),
            Meaning::Machine => wanted.machine = Some(bytes),
            Meaning::Subject => wanted.subject = Some(bytes),
            Meaning::Object => wanted.object = Some(bytes),
            Meaning::Context => wanted.context = Some(bytes),
            _ => {}
        }
        Ok(())
    }

    fn format(&mut self, format: Format, name: &str) -> Result<(), OptionError> {
        self.formats += 1;
        if self.formats > 1 && self.options.format != format {
            return Err(OptionError::Formats(name.to_owned()));
        }
        self.options.format = format;
        Ok(())
    }

    /// A date, a time, or both.
    fn time(&mut self, meaning: Meaning, name: &str, now: &jiff::Zoned) -> Result<(), OptionError> {
        let wrong = |error| OptionError::When(name.to_owned(), error);
        let first = self.text(name)?;
        if meaning == Meaning::Start && first == "checkpoint" {
            self.options.start_at_checkpoint = true;
            return Ok(());
        }
        let second = match self.left.peek() {
            Some(next) if !next.as_bytes().starts_with(b"-") => Some(next.to_string_lossy().into_owned()),
            _ => None,
        };
        if second.is_some() {
            self.left.next();
        }
        let end = meaning == Meaning::End;
        let seconds = when::parse(&first, second.as_deref(), end, now).map_err(wrong)?;
        match end {
            true => self.options.wanted.until_s = Some(seconds),
            false => self.options.wanted.since_s = Some(seconds),
        }
        Ok(())
    }

    /// The next argument, which must not look like an option.
    fn argument(&mut self, name: &str) -> Result<OsString, OptionError> {
        let next = self.left.next_if(|next| !next.as_bytes().starts_with(b"-"));
        next.ok_or_else(|| OptionError::NoArgument(name.to_owned()))
    }

    /// The next argument, which may begin with a minus.
    fn signed(&mut self, name: &str) -> Result<OsString, OptionError> {
        self.left.next().ok_or_else(|| OptionError::NoArgument(name.to_owned()))
    }

    fn text(&mut self, name: &str) -> Result<String, OptionError> {
        Ok(self.argument(name)?.to_string_lossy().into_owned())
    }
}

fn number(name: &str, text: &str) -> Result<u64, OptionError> {
    let wrong = || OptionError::NoNumber(name.to_owned(), text.to_owned());
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

/// A 32-bit id; -1 is the one that is not set.
fn id(name: &str, text: &str) -> Result<u32, OptionError> {
    match text {
        "-1" | "unset" => Ok(u32::MAX),
        _ => u32::try_from(number(name, text)?)
            .map_err(|_| OptionError::NoNumber(name.to_owned(), text.to_owned())),
    }
}

fn is_number(text: &str) -> bool {
    matches!(text, "-1" | "unset") || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn user(name: &str, text: &str) -> Result<Identity, OptionError> {
    if is_number(text) {
        return Ok(Identity { id: id(name, text)?, name: None });
    }
    let found = User::from_name(text).ok().flatten();
    let found = found.ok_or_else(|| OptionError::NoUser(name.to_owned(), text.to_owned()))?;
    Ok(Identity { id: found.uid.as_raw(), name: Some(text.to_owned()) })
}

fn group(name: &str, text: &str) -> Result<Identity, OptionError> {
    if is_number(text) {
        return Ok(Identity { id: id(name, text)?, name: None });
    }
    let found = Group::from_name(text).ok().flatten();
    let found = found.ok_or_else(|| OptionError::NoGroup(name.to_owned(), text.to_owned()))?;
    Ok(Identity { id: found.gid.as_raw(), name: Some(text.to_owned()) })
}

fn arch(text: &str) -> Result<u32, OptionError> {
    let native = Arch::native();
    let named = match text {
        "b64" => Some(native),
        "b32" => native.compat(),
        _ => Arch::from_name(text)
            .or_else(|| (text == "i486" || text == "i586" || text == "i686").then_some(Arch::I386)),
    };
    let number = || u32::from_str_radix(text.trim_start_matches("0x"), 16).ok().filter(|_| text.len() > 4);
    named.map(Arch::token).or_else(number).ok_or_else(|| OptionError::Arch(text.to_owned()))
}

fn syscall(text: String, arch: Option<u32>) -> Result<u64, OptionError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number("-sc", &text);
    }
    let arch = arch.and_then(Arch::from_token).unwrap_or(Arch::native());
    let found = tables::syscall_number(arch, &text);
    found.map(u64::from).ok_or(OptionError::Syscall(text, arch))
}

/// What a system call returned: a number, or an error's name with a minus before it when it failed.
fn exit(text: String) -> Result<i64, OptionError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let (sign, name) = match text.strip_prefix('-') {
        Some(name) => (-1, name),
        None => (1, text.as_str()),
    };
    let found = tables::errno_number(name).map(|number| sign * i64::from(number));
    found.ok_or(OptionError::Errno(text))
}

fn success(text: String) -> Result<bool, OptionError> {
    match text.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(OptionError::Success(text)),
    }
}

/// Adds record types parted by commas; with `ALL` any type will do.
fn types(text: &str, wanted: &mut Wanted) -> Result<(), OptionError> {
    let (types, any) = (&mut wanted.types, &mut wanted.types_any);
    for name in text.split(',').filter(|name| !name.is_empty()) {
        let upper = name.to_ascii_uppercase();
        let all = types.get_or_insert_default();
        if upper == "ALL" {
            *any = true;
            continue;
        }
        let number = match name.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number that no type can have matches nothing.
            true => name.parse().ok(),
            false => {
                let found = RecordType::from_text(upper.as_bytes());
                Some(found.ok_or_else(|| OptionError::Type(name.to_owned()))?.0)
            }
        };
        all.extend(number.map(RecordType));
    }
    Ok(())
}
