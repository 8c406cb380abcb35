//! The records of an event with their fields in words.

use crate::enrich::Names;
use crate::entry::Stored;
use crate::event::Closed;
use crate::interpret::context::{Context, decimal};
use crate::interpret::{self, Kind, inside};
use crate::record::fields::{Field, Value, fields};
use crate::render::page::{Ink, Page};

/// Writes a line for each record: its type, then its text with the value of each field in words.
pub(super) fn write(stored: &Stored, page: &mut Page) {
    let event = &stored.event;
    let context = Context::of(event);
    for (place, (kind, body)) in event.records().enumerate() {
        page.inked(Ink::Faint, |page| match event.is_unnamed(place) {
            true => page.put(format_args!("  UNKNOWN[{}] ", kind.0)),
            false => page.put(format_args!("  {kind} ")),
        });
        match event.closed {
            Closed::Malformed => page.shown(body),
            _ => words(body, &context.within(kind), &stored.names, page),
        }
        page.plain("\n");
    }
}

/// Adds a record's text; what is no field stays as it is.
fn words(body: &[u8], context: &Context, names: &Names, page: &mut Page) {
    let mut done = 0;
    for field in fields(body) {
        page.shown(body.get(done..field.start).unwrap_or_default());
        page.shown(field.name);
        page.plain("=");
        match field.value {
            Value::Message(inside) => {
                page.plain("'");
                words(inside, context, names, page);
                page.plain("'");
            }
            _ => page.shown(&told(&field, context, names)),
        }
        done = field.end;
    }
    page.shown(body.get(done..).unwrap_or_default());
}

/// The field's value in words: an id by its name, where that was stored.
fn told<'a>(field: &Field<'a>, context: &Context, names: &'a Names) -> std::borrow::Cow<'a, [u8]> {
    let kind = interpret::kind(context.record, field.name);
    let id = || decimal(inside(&field.value)).and_then(|id| u32::try_from(id).ok());
    let name = match kind {
        Kind::User => id().and_then(|id| names.user(id)),
        Kind::Group => id().and_then(|id| names.group(id)),
        _ => None,
    };
    match name {
        Some(name) => std::borrow::Cow::Borrowed(name.as_bytes()),
        None => interpret::words(context, kind, &field.value),
    }
}
