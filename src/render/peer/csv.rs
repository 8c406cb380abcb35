//! Columns and sentences.

use std::io::Write as _;

use super::normal::Normal;
use super::words::Text;
use super::{Peer, head_type};
use crate::enrich::Names;
use crate::event::Event;

/// Columns beside those that are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The parts of the time.
    pub time: bool,
    /// The labels of subject and object.
    pub labels: bool,
    /// The second object.
    pub object: bool,
    /// The key.
    pub keys: bool,
}

impl Extra {
    /// Whether there is any.
    pub fn is_any(self) -> bool {
        self != Extra::default()
    }

    /// The names of the columns, as a line.
    pub fn head(self) -> String {
        let with = |wanted: bool, names: &'static str| if wanted { names } else { "" };
        [
            "NODE,EVENT,DATE,TIME,",
            with(self.time, "YEAR,MONTH,DAY,WEEKDAY,HOUR,MILLI,GMT_OFFSET,"),
            "SERIAL_NUM,EVENT_KIND,SESSION,SUBJ_PRIME,SUBJ_SEC,SUBJ_KIND,",
            with(self.labels, "SUBJ_LABEL,"),
            "ACTION,RESULT,OBJ_PRIME,OBJ_SEC,",
            with(self.object, "OBJ2,"),
            with(self.labels, "OBJ_LABEL,"),
            "OBJ_KIND,HOW",
            with(self.keys, ",KEY"),
            "\n",
        ]
        .concat()
    }
}

impl Peer {
    /// Adds an event as a line of columns.
    pub fn csv(&mut self, event: &Event, names: &Names, out: &mut Vec<u8>) {
        let normal = self.normal(event, names);
        let id = event.id;
        let mut line = Line { out, escape: self.escape, begun: false };
        line.cell(event.node.as_deref().unwrap_or_default());
        line.cell(head_type(event).as_bytes());
        line.cell(self.clock.date(id.time_ms).as_bytes());
        line.cell(self.clock.time(id.time_ms).as_bytes());
        if self.extra.time {
            let zoned = self.clock.zoned(id.time_ms);
            let cell = |format: &str| zoned.as_ref().map(|zoned| zoned.strftime(format).to_string());
            for format in ["%Y", "%-m", "%-d", "%w", "%-H"] {
                line.cell(cell(format).unwrap_or_default().as_bytes());
            }
            line.cell((id.time_ms % 1000).to_string().as_bytes());
            line.cell(cell("%:z").unwrap_or_default().as_bytes());
        }
        line.cell(id.serial.to_string().as_bytes());
        line.cell(normal.kind.as_bytes());
        for text in [&normal.session, &normal.login, &normal.user] {
            line.cell(text);
        }
        line.cell(normal.user_kind.as_bytes());
        if self.extra.labels {
            line.cell(&normal.user_label);
        }
        line.cell(&normal.action);
        line.cell(normal.result.as_bytes());
        line.cell(&normal.object);
        line.cell(&normal.inode);
        if self.extra.object {
            line.cell(&normal.second);
        }
        if self.extra.labels {
            line.cell(&normal.object_label);
        }
        line.cell(normal.object_kind.as_bytes());
        line.cell(&normal.how);
        if self.extra.keys {
            line.cell(&normal.key);
        }
        out.push(b'\n');
    }

    /// Adds an event as a sentence.
    pub fn text(&mut self, event: &Event, names: &Names, out: &mut Vec<u8>) {
        let normal = self.normal(event, names);
        let time_ms = event.id.time_ms;
        let escape = self.escape;
        match &event.node {
            Some(node) => {
                out.extend_from_slice(b"On ");
                escape.write(node, out);
                out.extend_from_slice(b" at ");
            }
            None => out.extend_from_slice(b"At "),
        }
        // Writing to memory cannot fail.
        let _ = write!(out, "{} ", self.clock.time(time_ms));
        let _ = write!(out, "{} ", self.clock.date(time_ms));
        escape.write(&normal.login, out);
        let acts = normal.acts
            && !normal.user.is_empty()
            && normal.user != normal.login
            && *normal.user != *b"unset";
        if acts {
            out.extend_from_slice(if normal.login.is_empty() { b"" } else { b", acting as " });
            escape.write(&normal.user, out);
            out.extend_from_slice(if normal.login.is_empty() { b"" } else { b"," });
        }
        out.extend_from_slice(match normal.result {
            "success" => b" successfully ",
            "failed" => b" unsuccessfully ",
            _ => b" ",
        });
        escape.write(&normal.action, out);
        out.push(b' ');
        escape.write(shown(&normal), out);
        if !normal.second.is_empty() {
            out.extend_from_slice(b" to ");
            escape.write(&normal.second, out);
        }
        if !normal.how.is_empty() && !WITHOUT_HOW.iter().any(|action| *normal.action == **action) {
            out.extend_from_slice(if shown(&normal).is_empty() { b"using " } else { b" using " });
            escape.write(&normal.how, out);
        } else if !shown(&normal).is_empty() {
            out.push(b' ');
        }
        out.push(b'\n');
    }
}

/// Actions of which a sentence does not say with what: a program that ran is what it ran with.
const WITHOUT_HOW: [&[u8]; 3] = [b"executed", b"ended-session", b"entered-promiscuous-mode-on-device"];

/// The object in a sentence: of an address the host, the path or the family.
fn shown<'a>(normal: &'a Normal<'_>) -> &'a [u8] {
    let text: &'a Text<'_> = &normal.object;
    if !normal.is_address {
        return text;
    }
    let after = |name: &[u8]| {
        let start = memchr::memmem::find(text, name)? + name.len();
        let rest = text.get(start..)?;
        rest.get(..memchr::memchr(b' ', rest).unwrap_or(rest.len()))
    };
    after(b"laddr=").or_else(|| after(b"saddr_fam=")).unwrap_or(text)
}

/// A line of cells.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    escape: super::Escape,
    begun: bool,
}

impl Line<'_> {
    /// Adds a cell, in quotes where it holds a comma, a quote or a line break (RFC 4180).
    fn cell(&mut self, text: &[u8]) {
        if self.begun {
            self.out.push(b',');
        }
        self.begun = true;
        let start = self.out.len();
        self.escape.write(text, self.out);
        if self.out.iter().skip(start).any(|byte| matches!(byte, b',' | b'"' | b'\n')) {
            let plain = self.out.split_off(start);
            self.out.push(b'"');
            for byte in plain {
                self.out.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
            }
            self.out.push(b'"');
        }
    }
}
