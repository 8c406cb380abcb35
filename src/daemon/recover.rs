//! What an earlier process had received and not given back as stored: told from what of it is in the log all the same.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use roaring::RoaringBitmap;

use crate::entry::decode;
use crate::record::RecordType;
use crate::record::stamp::{self, EventId};
use crate::redact;
use crate::store::{Error, Reader, SegmentView};

/// Stands for the text of a record in which something was replaced; no record is empty.
const REDACTED: &[u8] = b"";

/// The records in the log of the events that messages belong to.
#[derive(Default)]
pub(super) struct Known {
    /// How often a record of an event is in the log and was not met among the messages yet.
    records: HashMap<EventId, HashMap<u64, u32>>,
    /// Events of which a record is not in the log.
    fresh: HashSet<EventId>,
    hasher: RandomState,
}

impl Known {
    /// Looks the events of these messages up in the log.
    pub(super) fn of<'a>(
        reader: &Reader,
        messages: impl Iterator<Item = (u16, &'a [u8])>,
    ) -> Result<Known, Error> {
        let mut known = Known::default();
        for (_, payload) in messages {
            if let Ok((id, _)) = stamp::split(payload) {
                known.records.entry(id).or_default();
            }
        }
        let times = known.records.keys().map(|id| id.time_ms);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(known) };
        for segment in reader.snapshot().segments() {
            known.look(segment, first, last)?;
        }
        Ok(known)
    }

    fn look(&mut self, segment: &SegmentView, first_ms: u64, last_ms: u64) -> Result<(), Error> {
        if segment.time_range().is_none_or(|(earliest, latest)| latest < first_ms || earliest > last_ms) {
            return Ok(());
        }
        let mut ordinals = RoaringBitmap::new();
        ordinals.insert_range(0..segment.len());
        segment.in_time(Some(first_ms), Some(last_ms), &mut ordinals)?;
        let mut line = Vec::new();
        for ordinal in ordinals {
            segment.read(ordinal, &mut line)?;
            // A line of another kind is nobody's message.
            let Ok(stored) = decode::decode(&line) else { continue };
            let Some(records) = self.records.get_mut(&stored.event.id) else { continue };
            for (kind, body) in stored.event.records() {
                // What was replaced in it is not to be had any more: such a record is known by its type.
                let is_redacted = stored.event.redacted > 0 && redact::holds_command(kind);
                let body = if is_redacted { REDACTED } else { body };
                *records.entry(self.hasher.hash_one((kind.0, body))).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Whether a message is not in the log. The end mark of an event, which is in no log, is told by its records.
    pub(super) fn is_fresh(&mut self, kind: u16, payload: &[u8]) -> bool {
        let Ok((id, body)) = stamp::split(payload) else { return true };
        if RecordType(kind) == RecordType::EOE {
            return self.fresh.contains(&id);
        }
        let end = body.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let keys = [body.get(..end).unwrap_or(body), REDACTED].map(|body| self.hasher.hash_one((kind, body)));
        for key in keys {
            let stored = self.records.get_mut(&id).and_then(|records| records.get_mut(&key));
            if let Some(count) = stored.filter(|count| **count > 0) {
                *count -= 1;
                return false;
            }
        }
        self.fresh.insert(id);
        true
    }
}
