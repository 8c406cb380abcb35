//! The fields of one record, those inside its message included.

use std::borrow::Cow;

use crate::interpret::{self, Kind};
use crate::record::RecordType;
use crate::record::fields::{Value, fields};
use crate::render::view::Text;

/// One record.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct Said<'a> {
    pub(in crate::render) kind: RecordType,
    pub(in crate::render) body: &'a [u8],
}

impl<'a> Said<'a> {
    /// The value of the field `name`: the record's own, else the last one inside its message, since user-space programs
    /// put free text first and what the audit library adds last. `None` for `?` and `(null)`, which mean that there is
    /// nothing to tell.
    pub(super) fn get(&self, name: &[u8]) -> Option<Text<'a>> {
        let mut last = None;
        for field in fields(self.body) {
            match field.value {
                Value::Message(inside) => {
                    for field in fields(inside).filter(|field| field.name == name) {
                        last = self.text(name, &field.value).or(last);
                    }
                }
                value if field.name == name => {
                    if let Some(text) = self.text(name, &value) {
                        return Some(text);
                    }
                }
                _ => {}
            }
        }
        last
    }

    /// The value of the first of these fields that tells something.
    pub(in crate::render) fn first_of(&self, names: &[&str]) -> Option<Text<'a>> {
        names.iter().find_map(|name| self.get(name.as_bytes()))
    }

    /// The inside of the record's message, else its whole body.
    pub(super) fn message(&self) -> &'a [u8] {
        let message = fields(self.body).find_map(|field| match field.value {
            Value::Message(inside) => Some(inside),
            _ => None,
        });
        message.unwrap_or(self.body)
    }

    fn text(&self, name: &[u8], value: &Value<'a>) -> Option<Text<'a>> {
        told(self.kind, name, value)
    }
}

/// A field's string, `None` when there is nothing to tell.
pub(super) fn told<'a>(kind: RecordType, name: &[u8], value: &Value<'a>) -> Option<Text<'a>> {
    if let Value::Bare(b"?" | b"(null)" | b"(none)" | b"") = value {
        return None;
    }
    match interpret::kind(kind, name) {
        Kind::Text | Kind::Keys | Kind::Arguments => Some(interpret::text(value)),
        _ => Some(Cow::Borrowed(interpret::inside(value))),
    }
}
