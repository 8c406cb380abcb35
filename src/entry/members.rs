//! A record's fields → members of its object, in one pass.

use super::facts::Facts;
use super::json;
use super::layout::{Layout, Member, Walk};
use crate::record::fields::{self, Value, is_quotable, unhex};
use crate::store::term::Terms;
use crate::tables::field::Class;

/// Writes members and keeps what the index takes from them.
pub(super) struct Writer<'a> {
    pub(super) facts: &'a mut Facts,
    pub(super) terms: &'a mut Terms,
    pub(super) out: &'a mut Vec<u8>,
    /// For decoded bytes.
    pub(super) bytes: &'a mut Vec<u8>,
}

/// A field as it was found.
struct Found<'a> {
    /// Its place in the layout.
    at: usize,
    start: usize,
    end: usize,
    value: Value<'a>,
}

impl Writer<'_> {
    /// Writes the fields of a body, each with a comma before it. False if the body's text cannot be made from them again.
    pub(super) fn record(&mut self, layout: &mut Layout, body: &[u8]) -> bool {
        self.fields(layout, body, false)
    }

    fn fields(&mut self, layout: &mut Layout, body: &[u8], within_message: bool) -> bool {
        let mut regular = true;
        let mut walk = layout.begin();
        let mut end = 0;
        loop {
            let start = if end == 0 { 0 } else { end + 1 };
            if let Some(len) = self.same_as_before(layout, &mut walk, body, end, start) {
                end = start + len;
                continue;
            }
            let Some(found) = find(layout, walk, body, end, start) else { break };
            regular &= found.start == start;
            end = found.end;
            let first = layout.step(&mut walk, found.at);
            let Some(member) = layout.members.get_mut(found.at) else { break };
            if !first || member.reserved {
                regular = false;
                continue;
            }
            regular &= match found.value {
                Value::Message(inside) if !within_message && member.name() == b"msg" => {
                    self.message(layout, inside)
                }
                value => self.value(member, body.get(found.start..found.end).unwrap_or_default(), value),
            };
        }
        layout.end();
        regular && end == body.len()
    }

    /// Copies the form of the field that was expected, if its text at `start` is what it was in the record before; the
    /// length of that text.
    #[inline]
    fn same_as_before(
        &mut self,
        layout: &mut Layout,
        walk: &mut Walk,
        body: &[u8],
        end: usize,
        start: usize,
    ) -> Option<usize> {
        let at = layout.expected(*walk);
        let member = layout.members.get(at)?;
        let len = member.same(body.get(start..)?)?;
        if start != end && body.get(end) != Some(&b' ') || !layout.is_first(at) {
            return None;
        }
        self.out.extend_from_slice(&member.form);
        if !member.is_null {
            self.facts.take(member.role, member.id, &member.value, self.terms);
        }
        layout.step(walk, at);
        Some(len)
    }

    /// The fields within `msg='…'` as an object.
    fn message(&mut self, layout: &mut Layout, inside: &[u8]) -> bool {
        self.out.extend_from_slice(b",\"msg\":");
        let mark = self.out.len();
        let mut inner = layout.take_inner();
        let regular = self.fields(&mut inner, inside, true);
        layout.inner = Some(inner);
        match self.out.get_mut(mark) {
            Some(comma) => *comma = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
        regular
    }

    /// Writes one member; false if the reader would not make `text` of it.
    fn value(&mut self, member: &mut Member, text: &[u8], value: Value<'_>) -> bool {
        let mark = self.out.len();
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(member.name());
        self.out.extend_from_slice(b"\":");
        let plain = member.class != Class::Encoded && matches!(value, Value::Bare(_));
        member.is_null = !plain && value == Value::Bare(b"(null)");
        let (decoded, regular) = match value {
            Value::Bare(word) if plain => (word, true),
            Value::Bare(_) if member.is_null => (&b""[..], true),
            Value::Bare(word) => {
                self.bytes.clear();
                match unhex(word, self.bytes) {
                    true => {
                        let shortest = !is_quotable(self.bytes) && !word.iter().any(u8::is_ascii_lowercase);
                        (self.bytes.as_slice(), shortest)
                    }
                    false => (word, false),
                }
            }
            Value::Quoted(inside) => (inside, member.class == Class::Encoded && is_quotable(inside)),
            Value::Message(inside) => (inside, false),
        };
        match member.separator {
            _ if member.is_null => self.out.extend_from_slice(b"null"),
            _ if plain && member.class == Class::Decimal && json::is_number(decoded) => {
                self.out.extend_from_slice(decoded);
            }
            Some(separator) if !plain => list(decoded, separator, self.out),
            _ => json::text(self.out, decoded),
        }
        if !member.is_null {
            self.facts.take(member.role, member.id, decoded, self.terms);
        }
        // A quote that nothing closes here may be closed in the next record, where the same text is the beginning of more.
        let is_open = matches!(value, Value::Bare([b'"' | b'\'', ..]));
        match regular && !is_open {
            true => member.remember(text, self.out.get(mark..).unwrap_or_default(), decoded),
            false => member.forget(),
        }
        regular
    }
}

/// The next field of a body: the expected one, or whichever there is.
fn find<'a>(layout: &mut Layout, walk: Walk, body: &'a [u8], end: usize, start: usize) -> Option<Found<'a>> {
    if start == end || body.get(end) == Some(&b' ') {
        let at = layout.expected(walk);
        if let Some(member) = layout.members.get(at)
            && let Some(after) = member.after_name(body.get(start..).unwrap_or_default())
        {
            let (value, len) = fields::value(|| member.class, after);
            return Some(Found { at, start, end: body.len() - after.len() + len, value });
        }
    }
    let field = fields::from(body, end).next()?;
    Some(Found { at: layout.find(field.name), start: field.start, end: field.end, value: field.value })
}

fn list(text: &[u8], separator: u8, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, element) in text.split(|&byte| byte == separator).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::text(out, element);
    }
    out.push(b']');
}
