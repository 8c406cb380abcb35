//! Collects the records of an auditd log into events as auditd's tools do, and gives the events in the order of time.
//!
//! An event stays open until a later one begins at least a second count after it; auditd writes the records of a slow
//! system call late and out of order. Of the open events none is given out before those that were earlier. The clock is
//! the records' own.

use std::collections::BTreeMap;

use super::Event;
use super::assembler::Incoming;
use crate::record::RecordType;
use crate::record::stamp::EventId;

/// Seconds for which an event stays open when nothing else is said (`end_of_event_timeout` of auditd.conf).
pub const TIMEOUT_S_DEFAULT: u64 = 2;

/// Open events at most: a burst of a hundred thousand events within the time limit is told whole. With more the earliest is
/// given out.
const OPEN_MAX: usize = 1 << 18;

/// Bytes of text in open events at most, for the same reason.
const OPEN_BYTES_MAX: usize = 512 << 20;

/// Emptied events kept for reuse.
const SPARE_MAX: usize = 256;

/// Text an emptied event may hold in reserve, in bytes; a larger one is freed.
const SPARE_BYTES_MAX: usize = 64 << 10;

/// An event's place: its id, and the number of its arrival for equal ids.
type Place = (EventId, u64);

struct Open {
    event: Event,
    /// By the type of its first record no other follows.
    alone: bool,
}

/// Collects records into events.
pub struct Window {
    timeout_s: u64,
    open: BTreeMap<Place, Open>,
    bytes: usize,
    arrivals: u64,
    /// The seconds of the record by which an event was last opened.
    now_s: u64,
    spare: Vec<Event>,
}

impl Window {
    /// A window that holds nothing yet.
    pub fn new(timeout_s: u64) -> Window {
        Window { timeout_s, open: BTreeMap::new(), bytes: 0, arrivals: 0, now_s: 0, spare: Vec::new() }
    }

    /// Takes a record in; says whether [`Window::ready`] may have an event by it.
    pub fn push(&mut self, record: &Incoming<'_>) -> bool {
        let add = |event: &mut Event| {
            event.push(record.kind, record.body);
            if record.unnamed {
                event.unname_last();
            }
        };
        self.bytes += record.body.len();
        let same = (record.id, 0)..=(record.id, u64::MAX);
        let found = self.open.range_mut(same).map(|(_, open)| open);
        if let Some(open) =
            found.filter(|open| !open.alone).find(|open| open.event.node.as_deref() == record.node)
        {
            add(&mut open.event);
            return self.is_full();
        }
        let mut event = self.spare.pop().unwrap_or_else(|| Event::new(record.id));
        event.reset(record.id);
        event.node = record.node.map(Box::from);
        add(&mut event);
        self.arrivals += 1;
        self.open.insert((record.id, self.arrivals), Open { event, alone: stands_alone(record.kind) });
        self.now_s = record.id.time_ms / 1000;
        true
    }

    /// The earliest event, if no more records of it are waited for.
    pub fn ready(&mut self) -> Option<Event> {
        let ((id, _), open) = self.open.first_key_value()?;
        let over = id.time_ms / 1000 + self.timeout_s <= self.now_s;
        if over || open.alone || self.is_full() { self.take() } else { None }
    }

    /// The earliest event: nothing more will come.
    pub fn take(&mut self) -> Option<Event> {
        let (_, open) = self.open.pop_first()?;
        self.bytes = self.bytes.saturating_sub(open.event.bytes());
        Some(open.event)
    }

    /// Takes back an event that has been dealt with, for its memory.
    pub fn recycle(&mut self, event: Event) {
        if self.spare.len() < SPARE_MAX && event.bytes() <= SPARE_BYTES_MAX {
            self.spare.push(event);
        }
    }

    fn is_full(&self) -> bool {
        self.open.len() > OPEN_MAX || self.bytes > OPEN_BYTES_MAX
    }
}

/// Whether no other record follows one of this type, as auditd's tools have it.
fn stands_alone(kind: RecordType) -> bool {
    matches!(kind.0, 0..=1299 | 1327 | 1406..=1419 | 2000 | 2100..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as `(type, milliseconds, serial)`; what comes out as `(milliseconds, serial, records)`.
    fn check(records: &[(u16, u64, u32)], expected: &[(u64, u32, usize)]) {
        let mut window = Window::new(TIMEOUT_S_DEFAULT);
        let mut found = Vec::new();
        let told = |event: Event| (event.id.time_ms, event.id.serial, event.len());
        for &(kind, time_ms, serial) in records {
            let id = EventId { time_ms, serial };
            window.push(&Incoming { node: None, kind: RecordType(kind), unnamed: false, id, body: b"x" });
            found.extend(std::iter::from_fn(|| window.ready()).map(told));
        }
        found.extend(std::iter::from_fn(|| window.take()).map(told));
        assert_eq!(found, expected);
    }

    #[test]
    fn events_come_in_the_order_of_time_within_the_window() {
        check(
            &[
                (1300, 5500, 9),
                (1005, 200, 2),
                (1300, 100, 1),
                (1300, 1100, 5),
                (1005, 3900, 3),
                (1300, 6500, 9),
                (1005, 7500, 9),
                (1300, 1100, 5),
                (1300, 9100, 50),
            ],
            &[
                (200, 2, 1),
                (100, 1, 1),
                (1100, 5, 1),
                (3900, 3, 1),
                (5500, 9, 1),
                (1100, 5, 1),
                (6500, 9, 1),
                (7500, 9, 1),
                (9100, 50, 1),
            ],
        );
    }

    #[test]
    fn a_late_record_joins_its_event_while_it_is_open() {
        check(&[(1300, 100, 1), (1327, 100, 1), (1300, 150, 2), (1302, 100, 1)], &[(100, 1, 3), (150, 2, 1)]);
        check(&[(1005, 100, 1), (1302, 100, 1)], &[(100, 1, 1), (100, 1, 1)]);
    }
}
