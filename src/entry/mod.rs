//! The stored form of an event: one JSON object on one line, and the terms under which it is found.
//!
//! Every record is stored as typed members when these give its text back byte for byte, and otherwise with its text
//! beside what could be read. `docs/format.md` describes the object.

mod arguments;
mod context;
mod contexts;
mod date;
pub mod decode;
pub mod encode;
mod facts;
pub mod field;
mod json;
mod layout;
mod members;
pub mod sensitive;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::enrich::Names;
use crate::enrich::context::{Context, Version};
use crate::event::Event;

/// The version of the stored form, its member `v`.
pub const VERSION: u32 = 1;

/// An event read back from its stored form.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The event, its records' text as the kernel wrote it.
    pub event: Event,
    /// The names that were known when it was stored.
    pub names: Names,
    /// What was known besides.
    pub context: Context,
}

/// Gives what an event is stored with besides its records.
pub trait Resolve {
    /// The name of a user id.
    fn user(&mut self, id: u32) -> Option<Arc<str>>;
    /// The name of a group id.
    fn group(&mut self, id: u32) -> Option<Arc<str>>;
    /// What is known of the event's process, and its version. Asked once for each event.
    fn context(&mut self, _event: &Event) -> Option<(&Context, Version)> {
        None
    }
}

impl Resolve for &Names {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.users.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone())
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.groups.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone())
    }
}

/// The byte that parts the elements of a field which is a list: keys by 0x01 (`AUDIT_KEY_SEPARATOR`), arguments by NUL.
fn separator(name: &[u8]) -> Option<u8> {
    match name {
        b"key" => Some(1),
        b"proctitle" => Some(0),
        _ => None,
    }
}

/// Whether a record's field of this name would collide with a member of the stored form, or could differ from another one
/// in case only, which many a database takes for the same.
fn is_reserved(name: &[u8]) -> bool {
    matches!(name, b"type" | b"raw" | b"hex" | b"argv" | b"first" | b"absolute")
        || name.iter().any(u8::is_ascii_uppercase)
}
