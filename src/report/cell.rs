//! The values of a report's rows, with their types: how they are worded is the output's.

use crate::record::RecordType;
use crate::record::stamp::EventId;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// The event does not say.
    Missing,
    /// Any bytes, decoded.
    Text(Vec<u8>),
    /// A number.
    Number(u64),
    /// Milliseconds since 1970.
    Time(u64),
    /// A user id.
    User(u32),
    /// A record type.
    Type(RecordType),
    /// A system call.
    Call(Call),
    /// Whether it succeeded.
    Outcome(bool),
}

/// A system call: its number, and its name where the event's architecture knows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The number on the event's architecture.
    pub number: u32,
    /// The name.
    pub name: Option<&'static str>,
}

/// A row that one event gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The event.
    pub id: EventId,
    /// The values, in the order of the report's columns.
    pub cells: Vec<Cell>,
}

impl Cell {
    /// A text, or nothing.
    pub(super) fn text(text: Option<&[u8]>) -> Cell {
        text.map_or(Cell::Missing, |text| Cell::Text(text.to_vec()))
    }
}
