//! Events: the records with one event id, and the assembler that collects them.
//!
//! Does no I/O and reads no clock. What a record's fields mean is not known here.

pub mod assembler;
pub mod window;

use crate::record::RecordType;
use crate::record::stamp::EventId;

/// Why an event was taken to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Its last record came: EOE, or one that stands alone by its type.
    Complete,
    /// No more records came within the time limit, or too much was open.
    Timer,
    /// Records that came after their event had been closed; the event holds only these.
    Late,
    /// The one record has no readable stamp: its body is the whole text, its id is that of its arrival. With the type
    /// number 0 the text is a whole line of a log that is not a record.
    Malformed,
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
    /// How many secrets in its command lines were replaced before it was stored: with any, its text is not the kernel's.
    pub redacted: u32,
    text: Vec<u8>,
    records: Vec<Record>,
}

/// A record's place in its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    kind: RecordType,
    unnamed: bool,
    /// Where it ends in the event's text.
    end: u32,
}

impl Event {
    /// An event without records.
    pub fn new(id: EventId) -> Event {
        Event { node: None, id, closed: Closed::Complete, redacted: 0, text: Vec::new(), records: Vec::new() }
    }

    /// Makes this an event without records under another id, and keeps its memory.
    pub fn reset(&mut self, id: EventId) {
        self.node = None;
        self.id = id;
        self.closed = Closed::Complete;
        self.redacted = 0;
        self.text.clear();
        self.records.clear();
    }

    /// Adds a record; `body` is the text after its stamp.
    pub fn push(&mut self, kind: RecordType, body: &[u8]) {
        self.push_with(kind, |text| text.extend_from_slice(body));
    }

    /// Adds a record whose text `write` appends to the buffer it is given.
    pub fn push_with(&mut self, kind: RecordType, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        let end =
            u32::try_from(self.text.len()).expect("an event is bounded far below 4 GiB by who fills it");
        self.records.push(Record { kind, unnamed: false, end });
    }

    /// Says of the last record that its type, which has a name, was given by number alone: `UNKNOWN[1423]`. So does a log
    /// whose writer did not know the name, and so it is written again.
    pub fn unname_last(&mut self) {
        if let Some(last) = self.records.last_mut() {
            last.unnamed = true;
        }
    }

    /// Whether [`Event::unname_last`] was said of a record, by its place.
    pub fn is_unnamed(&self, place: usize) -> bool {
        self.records.get(place).is_some_and(|record| record.unnamed)
    }

    /// The records in the order they came.
    pub fn records(&self) -> impl Iterator<Item = (RecordType, &[u8])> {
        let mut start = 0;
        self.records.iter().map(move |record| {
            let end = record.end as usize;
            let body = self.text.get(start..end).unwrap_or_default();
            start = end;
            (record.kind, body)
        })
    }

    /// The body of the first record of a type.
    pub fn record(&self, kind: RecordType) -> Option<&[u8]> {
        self.records().find(|record| record.0 == kind).map(|record| record.1)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all records' text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}
