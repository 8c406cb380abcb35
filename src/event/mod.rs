//! Placeholder.

use crate::record::RecordType;
use crate::record::stamp::EventId;

/// Why an event was taken to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Its last record came: EOE, or one that stands alone by its type.
    Complete,
    /// No more records came within the time limit, or too many events were open.
    Timer,
    /// Records that came after their event had been closed; the event holds only these.
    Late,
}

/// The records with one event id, in the order they came, as text without their stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The host, when the log names it (`node=`).
    pub node: Option<Box<[u8]>>,
    /// Time and serial.
    pub id: EventId,
    /// Why the event was closed.
    pub closed: Closed,
    text: Vec<u8>,
    ends: Vec<(RecordType, u32)>,
}

impl Event {
    /// An event without records.
    pub fn new(id: EventId) -> Event {
        Event { node: None, id, closed: Closed::Complete, text: Vec::new(), ends: Vec::new() }
    }

    /// Adds a record; `body` is the text after its stamp.
    pub fn push(&mut self, kind: RecordType, body: &[u8]) {
        self.text.extend_from_slice(body);
        let end = u32::try_from(self.text.len()).expect("the assembler bounds an event's size");
        self.ends.push((kind, end));
    }

    /// The records in the order they came.
    pub fn records(&self) -> impl Iterator<Item = (RecordType, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(kind, end)| {
            let end = end as usize;
            let body = self.text.get(start..end).unwrap_or_default();
            start = end;
            (kind, body)
        })
    }
}
