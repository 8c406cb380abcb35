//! The text that a format for people writes of one event, with colours and escaping where it goes to a terminal.

use std::fmt::{self, Display};
use std::io::Write as _;

use super::Style;
use super::escape::show;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Labels and times, which are read last.
    Faint,
    /// Who.
    Actor,
    /// On what.
    Object,
    /// It succeeded.
    Good,
    /// It failed.
    Bad,
    /// Keys of rules.
    Key,
}

impl Ink {
    /// The control sequence (ECMA-48, SGR) that turns it on.
    fn sequence(self) -> &'static str {
        match self {
            Ink::Faint => "\x1b[2m",
            Ink::Actor => "\x1b[1m",
            Ink::Object => "\x1b[36m",
            Ink::Good => "\x1b[32m",
            Ink::Bad => "\x1b[31m",
            Ink::Key => "\x1b[35m",
        }
    }
}

/// The text so far.
#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Page {
        Page { bytes: Vec::with_capacity(2048), style }
    }

    /// Adds words of ktrail's own.
    pub(super) fn plain(&mut self, words: &str) {
        self.bytes.extend_from_slice(words.as_bytes());
    }

    /// Adds numbers and other text of ktrail's own making.
    pub(super) fn put(&mut self, words: fmt::Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = self.bytes.write_fmt(words);
    }

    /// Adds bytes of the log.
    pub(super) fn shown(&mut self, bytes: &[u8]) {
        show(bytes, self.style.terminal, &mut self.bytes);
    }

    /// Adds what `write` adds, in a colour.
    pub(super) fn inked(&mut self, ink: Ink, write: impl FnOnce(&mut Page)) {
        if !self.style.colours {
            return write(self);
        }
        self.plain(ink.sequence());
        write(self);
        self.plain("\x1b[0m");
    }

    /// Adds a name and a value between two blanks and the next: `  pid 7`.
    pub(super) fn named(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(format_args!("  {name} {value}"));
        }
    }

    /// As [`Page::named`], for bytes of the log.
    pub(super) fn named_bytes(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.put(format_args!("  {name} "));
            self.shown(value);
        }
    }

    /// Whether lines tell the day.
    pub(super) fn has_dates(&self) -> bool {
        self.style.date
    }

    /// The text.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back everything after the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }
}
