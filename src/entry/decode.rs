//! Stored form → event: the records' text as it was, from their members.

use std::cell::RefCell;
use std::sync::Arc;

use super::encode::Encoder;
use super::json::{self, Reader};
use super::{Resolve, Stored, VERSION, context, date, separator};
use crate::enrich::Names;
use crate::enrich::context::{Context, Version};
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::fields::encode as encoded;
use crate::record::line;
use crate::record::stamp::EventId;
use crate::store::Stamp;
use crate::store::term::Terms;
use crate::tables::field::{Class, class};

/// A line is not an entry of ours.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an entry of version {VERSION}: byte {at} is not what the format has there")]
pub struct DecodeError {
    /// Where in the line, from 0.
    pub at: usize,
}

/// Reads the stored form, given without its newline.
pub fn decode(line: &[u8]) -> Result<Stored, DecodeError> {
    let mut reader = Reader::new(line);
    let stored = entry(&mut reader).filter(|_| reader.rest().is_empty());
    stored.ok_or(DecodeError { at: reader.at() })
}

/// Reads only the id of an entry, which stands at its beginning.
pub fn id(line: &[u8]) -> Option<EventId> {
    event_id(&mut Reader::new(line))
}

fn entry(reader: &mut Reader<'_>) -> Option<Stored> {
    let mut event = Event::new(event_id(reader)?);
    if reader.skip(b",\"node\":").is_some() {
        let mut node = Vec::new();
        reader.text(&mut node)?;
        event.node = Some(node.into());
    }
    if reader.skip(b",\"closed\":").is_some() {
        event.closed = match reader.plain()? {
            b"timer" => Closed::Timer,
            b"late" => Closed::Late,
            b"malformed" => Closed::Malformed,
            _ => return None,
        };
    }
    if reader.skip(b",\"redacted\":").is_some() {
        event.redacted = reader.number()?;
    }
    reader.skip(b",\"records\":[")?;
    while reader.skip(b"]").is_none() {
        if !event.is_empty() {
            reader.skip(b",")?;
        }
        record(reader, &mut event)?;
    }
    let names = names(reader)?;
    let context = context::read(reader)?;
    reader.skip(b"}")?;
    Some(Stored { event, names, context })
}

fn event_id(reader: &mut Reader<'_>) -> Option<EventId> {
    reader.skip(b"{\"v\":")?;
    if reader.number::<u32>()? != VERSION {
        return None;
    }
    let time_ms = match reader.skip(b",\"time\":") {
        Some(()) => date::read(reader.plain()?)?,
        None => {
            reader.skip(b",\"time_ms\":")?;
            std::str::from_utf8(reader.plain()?).ok()?.parse().ok()?
        }
    };
    reader.skip(b",\"serial\":")?;
    Some(EventId { time_ms, serial: reader.number()? })
}

fn record(reader: &mut Reader<'_>, event: &mut Event) -> Option<()> {
    reader.skip(b"{\"type\":")?;
    let name = reader.plain()?;
    let kind = RecordType::from_text(name)?;
    let mut read = None;
    event.push_with(kind, |text| {
        read = body(reader, kind, text);
    });
    if line::is_unnamed(name, kind) {
        event.unname_last();
    }
    read
}

/// The members after `type` up to the closing brace.
fn body(reader: &mut Reader<'_>, kind: RecordType, text: &mut Vec<u8>) -> Option<()> {
    if reader.skip(b",\"raw\":").is_some() {
        reader.text(text)?;
        return skip_members(reader);
    }
    if kind == RecordType::EXECVE {
        return arguments_or_members(reader, text);
    }
    members(reader, text)
}

/// Members as `name=value` words, up to and with the closing brace.
fn members(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    let mut first = true;
    while reader.skip(b"}").is_none() {
        reader.skip(b",")?;
        if reader.skip(b"\"absolute\":").is_some() {
            // Made from other records, no part of this one's text.
            reader.text(&mut Vec::new())?;
            continue;
        }
        if !first {
            text.push(b' ');
        }
        first = false;
        member(reader, text)?;
    }
    Some(())
}

fn member(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    let name = reader.plain()?;
    text.extend_from_slice(name);
    text.push(b'=');
    reader.skip(b":")?;
    match reader.peek()? {
        b'{' if name == b"msg" && !reader.rest().starts_with(b"{\"hex\":") => message(reader, text),
        _ => value(reader, name, text),
    }
}

fn message(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    text.push(b'\'');
    reader.skip(b"{")?;
    let mut first = true;
    while reader.skip(b"}").is_none() {
        if !first {
            reader.skip(b",")?;
            text.push(b' ');
        }
        first = false;
        let name = reader.plain()?;
        text.extend_from_slice(name);
        text.push(b'=');
        reader.skip(b":")?;
        value(reader, name, text)?;
    }
    text.push(b'\'');
    Some(())
}

fn value(reader: &mut Reader<'_>, name: &[u8], text: &mut Vec<u8>) -> Option<()> {
    match reader.peek()? {
        b'0'..=b'9' | b'-' => text.extend_from_slice(reader.digits()?),
        b'n' => null(reader, text)?,
        b'[' => {
            let separator = separator(name)?;
            let mut list = Vec::new();
            let mut first = true;
            reader.list(|reader| {
                if !std::mem::take(&mut first) {
                    list.push(separator);
                }
                reader.text(&mut list)
            })?;
            encoded(&list, text);
        }
        _ if class(name) == Class::Encoded => {
            let mut string = Vec::new();
            reader.text(&mut string)?;
            encoded(&string, text);
        }
        _ => reader.text(text)?,
    }
    Some(())
}

fn null(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    reader.skip(b"null")?;
    text.extend_from_slice(b"(null)");
    Some(())
}

/// An EXECVE record's members: `argc` and `argv`, `first` and `argv`, or plain ones.
fn arguments_or_members(reader: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    let mut ahead = *reader;
    let mut head = Vec::new();
    let mut next = 0u32;
    if ahead.skip(b",\"argc\":").is_some() {
        // A count that is no number is a member like others, and so are those after it.
        let Some(digits) = ahead.digits() else { return members(reader, text) };
        head.extend_from_slice(b"argc=");
        head.extend_from_slice(digits);
    } else if ahead.skip(b",\"first\":").is_some() {
        next = ahead.number()?;
    }
    if ahead.skip(b",\"argv\":[").is_none() {
        return members(reader, text);
    }
    text.extend_from_slice(&head);
    *reader = ahead;
    let mut first = true;
    while reader.skip(b"]").is_none() {
        if !first {
            reader.skip(b",")?;
        }
        first = false;
        text.extend_from_slice(b" a");
        json::number(text, u64::from(next));
        text.push(b'=');
        match reader.peek()? {
            b'n' => null(reader, text)?,
            _ => {
                let mut argument = Vec::new();
                reader.text(&mut argument)?;
                encoded(&argument, text);
            }
        }
        next = next.checked_add(1)?;
    }
    reader.skip(b"}")
}

/// Passes over members whose text has been had already.
fn skip_members(reader: &mut Reader<'_>) -> Option<()> {
    let mut ignored = Vec::new();
    while reader.skip(b"}").is_none() {
        reader.skip(b",")?;
        ignored.clear();
        member(reader, &mut ignored)?;
    }
    Some(())
}

fn names(reader: &mut Reader<'_>) -> Option<Names> {
    let mut names = Names::default();
    if reader.skip(b",\"names\":").is_none() {
        return Some(names);
    }
    reader.members(|reader, member| {
        match member {
            b"users" => id_names(reader, &mut names.users)?,
            b"groups" => id_names(reader, &mut names.groups)?,
            b"arch" | b"syscall" => {
                reader.plain()?;
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(names)
}

fn id_names(reader: &mut Reader<'_>, names: &mut Vec<(u32, Arc<str>)>) -> Option<()> {
    reader.members(|reader, id| {
        let id = std::str::from_utf8(id).ok()?.parse().ok()?;
        let mut name = Vec::new();
        reader.text(&mut name)?;
        names.push((id, String::from_utf8(name).ok()?.into()));
        Some(())
    })
}

/// The stamp and the terms of a line of the store, as they were when it was appended; `None` if it is not an entry.
pub fn describe(line: &[u8], terms: &mut Terms) -> Option<Stamp> {
    thread_local! {
        /// What the lines before had is known, and there is room for one as long.
        static AGAIN: RefCell<(Encoder, Vec<u8>)> = RefCell::default();
    }
    let stored = decode(line).ok()?;
    AGAIN.with_borrow_mut(|(encoder, again)| {
        again.clear();
        encoder.encode(&stored.event, &mut Told(&stored.context), again, terms);
    });
    Some(Stamp { time_ms: stored.event.id.time_ms, serial: stored.event.id.serial })
}

/// What makes terms: no name does.
struct Told<'a>(&'a Context);

impl Resolve for Told<'_> {
    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }

    fn group(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }

    fn context(&mut self, _: &Event) -> Option<(&Context, Version)> {
        Some((self.0, Version::ONCE))
    }
}
