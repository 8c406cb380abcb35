//! An event as the text that outputs send.

use std::collections::VecDeque;

use serde_json::Value;

use crate::entry::Stored;
use crate::event::{Closed, Event};
use crate::interpret::context::Context;
use crate::record::RecordType;
use crate::render::{self, Style, enriched, raw};

/// The form of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The stored form, a JSON object.
    Json,
    /// Records as auditd's RAW format has them.
    Raw,
    /// Records as auditd's ENRICHED format has them.
    Enriched,
    /// One line in words.
    Line,
}

/// The lines of an event, without newlines: one a record of `raw` and `enriched`, otherwise one.
pub(super) fn lines(form: Form, line: &[u8], stored: &Stored) -> VecDeque<Vec<u8>> {
    match form {
        Form::Json => [line.to_vec()].into(),
        Form::Raw => records(stored, false).map(|(_, text)| text).collect(),
        Form::Enriched => records(stored, true).map(|(_, text)| text).collect(),
        Form::Line => {
            // Names with newlines or bytes that are no UTF-8 must not break a receiver's lines.
            let style = Style { format: render::Format::Line, terminal: true, colours: false, date: true };
            let mut text = Vec::new();
            render::write(style, line, stored, &mut text).expect("a vector takes all");
            while text.last() == Some(&b'\n') {
                text.pop();
            }
            [text].into()
        }
    }
}

/// The lines of an event's records with their types.
pub(super) fn records(
    stored: &Stored,
    is_enriched: bool,
) -> impl Iterator<Item = (RecordType, Vec<u8>)> + '_ {
    let context = Context::of(&stored.event);
    stored.event.records().enumerate().map(move |(place, (kind, body))| {
        let mut text = Vec::with_capacity(body.len() + 256);
        match is_enriched {
            true => enriched::record(stored, &context, place, (kind, body), &mut text),
            false => raw::record(&stored.event, place, kind, body, &mut text),
        }
        (kind, text)
    })
}

/// Whether the kernel has ended the event with a record of its own, which is not stored: one of several records, and
/// that of a system call with one.
pub(super) fn was_ended(event: &Event) -> bool {
    let is_call = |kind| matches!(kind, RecordType::SYSCALL | RecordType::URINGOP);
    event.closed == Closed::Complete && (event.len() > 1 || event.records().any(|(kind, _)| is_call(kind)))
}

/// The text with at most so many bytes, and a mark of what was cut.
pub(super) fn cut(mut text: Vec<u8>, bytes_max: usize) -> Vec<u8> {
    if text.len() <= bytes_max {
        return text;
    }
    let mark = format!(" [cut from {} bytes]", text.len());
    let mut end = bytes_max.saturating_sub(mark.len());
    // Not in the middle of a character.
    while end > 0 && text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    text.truncate(end);
    text.extend_from_slice(mark.as_bytes());
    text
}

/// Members of the stored form that stay when it is cut: those of a bounded length, and the records.
const KEPT: [&str; 7] = ["v", "time", "time_ms", "serial", "node", "closed", "records"];

/// The stored form with at most so many bytes: whole records are left out from the end, and a member `cut` says how many.
pub(super) fn cut_json(line: &[u8], bytes_max: usize) -> Vec<u8> {
    if line.len() <= bytes_max {
        return line.to_vec();
    }
    let Ok(Value::Object(mut object)) = serde_json::from_slice::<Value>(line) else {
        return cut(line.to_vec(), bytes_max);
    };
    let records = match object.get_mut("records") {
        Some(Value::Array(records)) => std::mem::take(records),
        _ => Vec::new(),
    };
    object.retain(|name, _| KEPT.contains(&name.as_str()));
    let all = records.len();
    object.insert("cut".to_owned(), Value::from(all));
    // With the longest number, before any record.
    let mut length = serde_json::to_vec(&object).map_or(usize::MAX, |text| text.len());
    let mut kept = Vec::new();
    for record in records {
        length += record.to_string().len() + 1;
        if length > bytes_max {
            break;
        }
        kept.push(record);
    }
    object.insert("cut".to_owned(), Value::from(all - kept.len()));
    object.insert("records".to_owned(), Value::Array(kept));
    serde_json::to_vec(&object).unwrap_or_else(|_| cut(line.to_vec(), bytes_max))
}
