//! The lines of a rules file that are no rules: settings of the audit subsystem and what else auditctl can be told there.
//!
//! Only says what a line asks for. Whether and when that is done is left to those above.

use super::error::{Cause, RuleError};
use super::options::{OptionWord, Options};
use super::text::Word;

/// The highest `--backlog_wait_time`: ten minutes (`10 * AUDIT_BACKLOG_WAIT_TIME`, kernel/audit.c) of a clock with 1000
/// ticks a second, the fastest there is. A slower one's kernel refuses less.
pub const BACKLOG_WAIT_TICKS_MAX: u32 = 600_000;

/// What a line of a rules file asks for that is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// `-e`: 0 off, 1 on, 2 locked until the next boot.
    Enabled(u32),
    /// `-f`: what to do on loss: 0 nothing, 1 print, 2 panic.
    Failure(u32),
    /// `-r`: messages a second at most, 0 for no limit.
    RateLimit(u32),
    /// `-b`: messages queued at most.
    BacklogLimit(u32),
    /// `--backlog_wait_time`: longest time to hold a producer back, in clock ticks.
    BacklogWaitTime(u32),
    /// `--loginuid-immutable`: a login uid once set cannot be changed, until the next boot.
    LoginUidImmutable,
    /// `--reset-lost`: count lost messages from 0 again.
    ResetLost,
    /// `--reset_backlog_wait_time_actual`: count the time producers were held back from 0 again.
    ResetWaitTime,
    /// `-t`: let go of parts of watched directories that are no longer mounted.
    Trim,
    /// `-q`: a subtree that is mounted at a place counts as part of what is watched there.
    Equivalent {
        /// Where it is mounted.
        mount_point: Vec<u8>,
        /// What is mounted.
        subtree: Vec<u8>,
    },
    /// `-m`: write a message to the audit log.
    Message(Vec<u8>),
    /// `-l`: list the rules.
    List,
    /// `-s`: show the status.
    Status,
    /// `-c`: go on after a rule that fails, and fail at the end.
    Continue,
    /// `-i`: go on after a rule that fails, as if it had not.
    IgnoreErrors,
    /// `-D`: delete all rules there are, with `-k` those of one key.
    DeleteAll {
        /// The key.
        key: Option<Vec<u8>>,
    },
}

impl Control {
    /// The option as a rules file has it.
    pub fn option(&self) -> &'static str {
        match self {
            Control::Enabled(_) => "-e",
            Control::Failure(_) => "-f",
            Control::RateLimit(_) => "-r",
            Control::BacklogLimit(_) => "-b",
            Control::BacklogWaitTime(_) => "--backlog_wait_time",
            Control::LoginUidImmutable => "--loginuid-immutable",
            Control::ResetLost => "--reset-lost",
            Control::ResetWaitTime => "--reset_backlog_wait_time_actual",
            Control::Trim => "-t",
            Control::Equivalent { .. } => "-q",
            Control::Message(_) => "-m",
            Control::List => "-l",
            Control::Status => "-s",
            Control::Continue => "-c",
            Control::IgnoreErrors => "-i",
            Control::DeleteAll { .. } => "-D",
        }
    }

    /// Reads a line whose first option is `option`; `None` if that is not one of these.
    pub(super) fn read(option: &OptionWord, options: &mut Options<'_>) -> Result<Option<Control>, RuleError> {
        let mut numbered = |max| options.value(option).and_then(|word| number(&word, max));
        let control = match option.name.text.as_slice() {
            b"-e" => Control::Enabled(numbered(2)?),
            b"-f" => Control::Failure(numbered(2)?),
            b"-r" => Control::RateLimit(numbered(u32::MAX)?),
            b"-b" => Control::BacklogLimit(numbered(u32::MAX)?),
            b"--backlog_wait_time" => Control::BacklogWaitTime(numbered(BACKLOG_WAIT_TICKS_MAX)?),
            b"-q" => equivalent(&options.value(option)?)?,
            b"-m" => Control::Message(options.value(option)?.text),
            b"-D" => {
                option.alone()?;
                Control::DeleteAll { key: only_key(options)? }
            }
            _ => match plain(&option.name)? {
                Some(control) => {
                    option.alone()?;
                    control
                }
                None => return Ok(None),
            },
        };
        options.end()?;
        Ok(Some(control))
    }
}

/// The options without a value.
fn plain(name: &Word) -> Result<Option<Control>, RuleError> {
    Ok(Some(match name.text.as_slice() {
        b"--loginuid-immutable" => Control::LoginUidImmutable,
        b"--reset-lost" => Control::ResetLost,
        b"--reset_backlog_wait_time_actual" => Control::ResetWaitTime,
        b"-t" => Control::Trim,
        b"-l" => Control::List,
        b"-s" => Control::Status,
        b"-c" => Control::Continue,
        b"-i" => Control::IgnoreErrors,
        b"-R" | b"-v" | b"-h" | b"--signal" => return Err(RuleError::new(Cause::NotInFile, name)),
        _ => return Ok(None),
    }))
}

fn number(word: &Word, max: u32) -> Result<u32, RuleError> {
    let digits = std::str::from_utf8(&word.text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number <= max);
    number.ok_or_else(|| RuleError::new(Cause::NotANumber { from: 0, to: max }, word))
}

/// `-q`'s value: two absolute paths parted by a comma.
fn equivalent(word: &Word) -> Result<Control, RuleError> {
    let mut parts = word.text.splitn(2, |byte| *byte == b',');
    match (parts.next(), parts.next()) {
        (Some(mount_point @ [b'/', ..]), Some(subtree @ [b'/', ..])) => {
            Ok(Control::Equivalent { mount_point: mount_point.to_vec(), subtree: subtree.to_vec() })
        }
        _ => Err(RuleError::new(Cause::TwoPaths, word)),
    }
}

/// The key of `-D -k KEY`.
fn only_key(options: &mut Options<'_>) -> Result<Option<Vec<u8>>, RuleError> {
    let Some(option) = options.next() else { return Ok(None) };
    if option.name.text != b"-k" {
        return Err(RuleError::new(Cause::AfterCommand, &option.name));
    }
    Ok(Some(options.value(&option)?.text))
}
