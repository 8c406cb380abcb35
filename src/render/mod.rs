//! Entries as text: one type for each output format, and escaping for terminals.
//!
//! `raw` and `json` give back what was stored and are never altered; `text` and `line` are for people; `ecs` and `ocsf`
//! are the schemas of others.

pub mod ecs;
pub mod enriched;
pub mod escape;
pub mod json;
mod line;
pub mod ocsf;
mod page;
pub mod peer;
pub mod raw;
mod records;
mod siem;
mod text;
mod told;
pub mod view;
pub mod zone;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::entry::Stored;

use page::Page;

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Several lines an event, for people.
    Text,
    /// One line an event, for people.
    Line,
    /// The stored form, one JSON object a line.
    Json,
    /// Records as auditd's RAW format writes them.
    Raw,
}

/// How an event is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Whether it goes to a terminal: hostile bytes are escaped then.
    pub terminal: bool,
    /// Whether the formats for people use colours.
    pub colours: bool,
    /// Whether a line tells the day beside the time of day.
    pub date: bool,
}

/// Writes one event; `line` is its stored form, of which `stored` was made.
pub fn write(style: Style, line: &[u8], stored: &Stored, out: &mut dyn Write) -> io::Result<()> {
    match style.format {
        Format::Text => told(style, stored, text::write, out),
        Format::Line => told(style, stored, line::write, out),
        Format::Json => json::write(line, out),
        Format::Raw => raw::write(&stored.event, out),
    }
}

fn told(style: Style, stored: &Stored, tell: fn(&Stored, &mut Page), out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style);
    tell(stored, &mut page);
    out.write_all(page.bytes())
}
