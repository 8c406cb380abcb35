//! Event → stored form and terms, in one pass over each record's fields.

use super::contexts::Contexts;
use super::facts::Facts;
use super::field::Field;
use super::layout::Layouts;
use super::members::Writer;
use super::{Resolve, VERSION, arguments, date, json};
use crate::event::{Closed, Event};
use crate::interpret::context::hexadecimal;
use crate::interpret::{inside, path};
use crate::record::RecordType;
use crate::record::fields::find;
use crate::store::term::Terms;

/// Encodes events; keeps its buffers from one to the next.
#[derive(Default)]
pub struct Encoder {
    layouts: Layouts,
    facts: Facts,
    contexts: Contexts,
    bytes: Vec<u8>,
    /// Seconds whose date is in `date`.
    date_seconds: Option<u64>,
    date: Vec<u8>,
}

impl Encoder {
    /// Appends the event's stored form to `out`, without a newline, and its terms to `terms`.
    pub fn encode(&mut self, event: &Event, names: &mut dyn Resolve, out: &mut Vec<u8>, terms: &mut Terms) {
        self.facts.clear();
        self.head(event, out, terms);
        out.extend_from_slice(b",\"records\":[");
        let mut last_kind = None;
        for (index, (kind, body)) in event.records().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if last_kind != Some(kind) {
                type_term(kind, terms);
                last_kind = Some(kind);
            }
            out.extend_from_slice(b"{\"type\":\"");
            let name = kind.name().filter(|_| !event.is_unnamed(index));
            type_name(kind, name, out);
            out.push(b'"');
            if event.closed == Closed::Malformed {
                out.extend_from_slice(b",\"raw\":");
                json::text(out, body);
            } else {
                self.record(kind, body, out, terms);
                if kind == RecordType::PATH {
                    self.absolute(event, out);
                }
            }
            out.push(b'}');
        }
        out.push(b']');
        self.names(names, out);
        if let Some((context, version)) = names.context(event) {
            self.contexts.write(context, version, out, terms);
        }
        out.push(b'}');
    }

    fn head(&mut self, event: &Event, out: &mut Vec<u8>, terms: &mut Terms) {
        out.extend_from_slice(b"{\"v\":");
        json::number(out, u64::from(VERSION));
        self.time(event.id.time_ms, out);
        out.extend_from_slice(b",\"serial\":");
        json::number(out, u64::from(event.id.serial));
        if let Some(node) = &event.node {
            out.extend_from_slice(b",\"node\":");
            json::text(out, node);
            terms.add(Field::Node.id(), node);
        }
        let closed: &[u8] = match event.closed {
            Closed::Complete => b"",
            Closed::Timer => b",\"closed\":\"timer\"",
            Closed::Late => b",\"closed\":\"late\"",
            Closed::Malformed => b",\"closed\":\"malformed\"",
        };
        out.extend_from_slice(closed);
        if event.redacted > 0 {
            out.extend_from_slice(b",\"redacted\":");
            json::number(out, u64::from(event.redacted));
        }
    }

    fn time(&mut self, time_ms: u64, out: &mut Vec<u8>) {
        let seconds = time_ms / 1000;
        if seconds >= date::SECONDS_MAX {
            out.extend_from_slice(b",\"time_ms\":\"");
            json::number(out, time_ms);
            out.push(b'"');
            return;
        }
        if self.date_seconds != Some(seconds) {
            self.date_seconds = Some(seconds);
            self.date.clear();
            date::write(seconds, &mut self.date);
        }
        out.extend_from_slice(b",\"time\":\"");
        out.extend_from_slice(&self.date);
        out.push(b'.');
        date::padded(time_ms % 1000, 3, out);
        out.extend_from_slice(b"Z\"");
    }

    fn record(&mut self, kind: RecordType, body: &[u8], out: &mut Vec<u8>, terms: &mut Terms) {
        let mark = out.len();
        if kind == RecordType::EXECVE && arguments::write(body, &mut self.bytes, out) {
            return;
        }
        out.truncate(mark);
        let Some(layout) = self.layouts.of(kind) else { return };
        let mut writer = Writer { facts: &mut self.facts, terms, out, bytes: &mut self.bytes };
        if !writer.record(layout, body) {
            // The text itself goes first, so that a reader who only wants the text need not look further.
            let parsed = out.split_off(mark);
            out.extend_from_slice(b",\"raw\":");
            json::text(out, body);
            out.extend_from_slice(&parsed);
        }
    }

    /// The absolute form of a relative path, where the records tell what it is relative to.
    fn absolute(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.facts.take_path(&mut self.bytes);
        if !self.bytes.is_empty() && begins_at_cwd(event, self.facts.syscall) {
            out.extend_from_slice(b",\"absolute\":");
            json::text(out, &self.bytes);
        }
    }

    fn names(&self, names: &mut dyn Resolve, out: &mut Vec<u8>) {
        let mark = out.len();
        if let Some(arch) = self.facts.arch {
            out.extend_from_slice(b",\"arch\":\"");
            out.extend_from_slice(arch.name().as_bytes());
            out.push(b'"');
        }
        if let Some(syscall) = self.facts.syscall {
            out.extend_from_slice(b",\"syscall\":\"");
            out.extend_from_slice(syscall.as_bytes());
            out.push(b'"');
        }
        id_names(b",\"users\":", &self.facts.users, &mut |id| names.user(id), out);
        id_names(b",\"groups\":", &self.facts.groups, &mut |id| names.group(id), out);
        if let Some(comma) = out.get_mut(mark) {
            *comma = b'{';
            out.splice(mark..mark, *b",\"names\":");
            out.push(b'}');
        }
    }
}

/// Whether the relative paths of an event begin at its working directory.
fn begins_at_cwd(event: &Event, syscall: Option<&str>) -> bool {
    let (Some(syscall), Some(body)) = (syscall, event.record(RecordType::SYSCALL)) else { return true };
    let argument = |name: &[u8]| hexadecimal(inside(&find(body, name)?));
    path::begins_at_cwd(syscall, &[argument(b"a0"), argument(b"a1"), argument(b"a2"), argument(b"a3")])
}

fn id_names(
    member: &[u8],
    ids: &[u32],
    name: &mut dyn FnMut(u32) -> Option<std::sync::Arc<str>>,
    out: &mut Vec<u8>,
) {
    let mut open = false;
    for &id in ids {
        let Some(name) = name(id) else { continue };
        match open {
            true => out.push(b','),
            false => {
                out.extend_from_slice(member);
                out.push(b'{');
            }
        }
        open = true;
        out.push(b'"');
        json::number(out, u64::from(id));
        out.extend_from_slice(b"\":");
        json::text(out, name.as_bytes());
    }
    if open {
        out.push(b'}');
    }
}

/// Writes a record's type as auditd does: by its name, or `UNKNOWN[1423]` without one.
fn type_name(kind: RecordType, name: Option<&str>, out: &mut Vec<u8>) {
    match name {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"UNKNOWN[");
            json::number(out, u64::from(kind.0));
            out.push(b']');
        }
    }
}

fn type_term(kind: RecordType, terms: &mut Terms) {
    match kind.name() {
        Some(name) => terms.add(Field::Type.id(), name.as_bytes()),
        None => {
            let mut name = Vec::new();
            type_name(kind, None, &mut name);
            terms.add(Field::Type.id(), &name);
        }
    }
}
