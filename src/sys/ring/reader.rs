//! The end of a ring where messages are taken out.

use std::ops::Range;
use std::sync::Arc;

use super::STATE_BYTES_MAX;
use super::memory::{CARRY_BYTES, FILLER, HEAD_BYTES, Memory, RING_AT, RING_BYTES, STATE_AT, Word};

/// The end where messages are taken out.
pub struct Reader {
    pub(super) memory: Arc<Memory>,
    /// Bytes taken out.
    pub(super) position: u64,
    /// Messages up to here were left by an earlier process.
    pub(super) left_until: u64,
}

impl Reader {
    /// Takes the next message out: its type and its bytes.
    pub fn take(&mut self) -> Option<(u16, &[u8])> {
        self.take_stamped().map(|(_, kind, bytes)| (kind, bytes))
    }

    /// The same with the time at which it was put in, before them, as [`now_ms`](super::now_ms) tells it.
    pub fn take_stamped(&mut self) -> Option<(u32, u16, &[u8])> {
        let written = self.memory.get(Word::Written);
        loop {
            let message = Head::at(&self.memory, self.position, written)?;
            self.position += message.whole;
            if message.kind != FILLER {
                let bytes = self.memory.bytes(message.payload_at, message.len);
                return Some((message.time, message.kind, bytes));
            }
        }
    }

    /// The time up to which all that came has been taken out, as messages are stamped; nothing while some of it is waiting.
    pub fn idle_ms(&self) -> Option<u32> {
        // This first: what is published after it came later.
        let idle = self.memory.get(Word::Idle) as u32;
        (self.waiting() == 0).then_some(idle)
    }

    /// Whether the next message was left by an earlier process.
    pub fn is_left(&self) -> bool {
        self.position < self.left_until
    }

    /// Bytes that have been put in and not been taken out.
    pub fn waiting(&self) -> u64 {
        self.memory.get(Word::Written) - self.position
    }

    /// Bytes that have been taken out and not been given back.
    pub fn unreleased(&self) -> u64 {
        self.position - self.memory.get(Word::Released)
    }

    /// The part of the ring that is taken, from 0 to 1.
    pub fn fill(&self) -> f64 {
        (self.waiting() + self.unreleased()) as f64 / RING_BYTES as f64
    }

    /// Gives back all that was taken out: it is done with, but for the messages that `carried` hands over one by one to
    /// the function it gets. These are kept until the next call. Gives whether there was room for them; if not, nothing
    /// is given back.
    pub fn release(&mut self, carried: impl FnOnce(&mut dyn FnMut(u16, &[u8]))) -> bool {
        let turn = self.memory.get(Word::Carried) + 1;
        let area = self.memory.bytes_mut(Memory::carry_at(turn), CARRY_BYTES);
        let mut end = HEAD_BYTES;
        let mut fits = true;
        carried(&mut |kind, payload| {
            let head = [&(payload.len() as u32).to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 2]].concat();
            let place = area.get_mut(end..end + head.len() + payload.len());
            match place.and_then(|place| place.split_at_mut_checked(head.len())) {
                Some((first, rest)) => {
                    first.copy_from_slice(&head);
                    rest.copy_from_slice(payload);
                    end += head.len() + payload.len();
                }
                None => fits = false,
            }
        });
        if !fits {
            return false;
        }
        let head = [(end as u64).to_ne_bytes(), self.position.to_ne_bytes()].concat();
        if let Some(place) = area.get_mut(..HEAD_BYTES) {
            place.copy_from_slice(&head);
        }
        self.memory.set(Word::Carried, turn);
        self.memory.set(Word::Released, self.position);
        true
    }

    fn carried_area(&self) -> (&[u8], u64) {
        let turn = self.memory.get(Word::Carried);
        let area = self.memory.bytes(Memory::carry_at(turn), CARRY_BYTES);
        let number = |range: Range<usize>| {
            let bytes = area.get(range).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
            u64::from_ne_bytes(bytes)
        };
        let messages = area.get(HEAD_BYTES..number(0..8) as usize).unwrap_or_default();
        (messages, number(8..16))
    }

    /// The position up to which the carried messages stand for the ring.
    pub(super) fn carried_until(&self) -> Option<u64> {
        let (_, until) = self.carried_area();
        let (written, released) = (self.memory.get(Word::Written), self.memory.get(Word::Released));
        let valid = self.memory.get(Word::Carried) > 0;
        Some(until).filter(|until| valid && (released..=written).contains(until))
    }

    /// The messages that an earlier process had taken out, not done with, and kept when it gave back those around them.
    pub fn carried(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let (mut rest, _) = self.carried_area();
        std::iter::from_fn(move || {
            let (head, after) = rest.split_at_checked(8)?;
            let len = u32::from_ne_bytes(*head.first_chunk()?) as usize;
            let kind = u16::from_ne_bytes(head.get(4..6)?.try_into().ok()?);
            let (payload, after) = after.split_at_checked(len)?;
            rest = after;
            Some((kind, payload))
        })
    }

    /// All messages that an earlier process has left in the ring, without taking them out.
    pub fn left(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut position = self.position;
        std::iter::from_fn(move || {
            let message = Head::at(&self.memory, position, self.left_until)?;
            position += message.whole;
            Some((message.kind, self.memory.bytes(message.payload_at, message.len)))
        })
        .filter(|(kind, _)| *kind != FILLER)
    }

    /// Call and room of the last message in the ring that came by a room.
    pub(super) fn last(&self) -> Option<(u32, u16)> {
        let mut position = self.position;
        let mut last = None;
        while let Some(message) = Head::at(&self.memory, position, self.left_until) {
            position += message.whole;
            if message.room != u16::MAX {
                last = Some((message.call, message.room));
            }
        }
        last
    }

    /// Bytes that are to go with the messages to the next process.
    pub fn state(&self) -> &[u8] {
        let len = usize::try_from(self.memory.get(Word::State)).unwrap_or(0);
        self.memory.bytes(STATE_AT, len.min(STATE_BYTES_MAX))
    }

    /// Sets them. What is longer than [`STATE_BYTES_MAX`] is refused, and there is no state then.
    pub fn set_state(&mut self, state: &[u8]) -> bool {
        self.memory.set(Word::State, 0);
        let fits = state.len() <= STATE_BYTES_MAX;
        if fits {
            self.memory.bytes_mut(STATE_AT, state.len()).copy_from_slice(state);
            self.memory.set(Word::State, state.len() as u64);
        }
        fits
    }
}

/// The head of a message in the ring.
struct Head {
    kind: u16,
    room: u16,
    call: u32,
    time: u32,
    payload_at: usize,
    len: usize,
    /// Bytes it takes in the ring.
    whole: u64,
}

impl Head {
    /// The message at a position below `end`; `None` at the end, or where there is none that makes sense.
    fn at(memory: &Memory, position: u64, end: u64) -> Option<Head> {
        if position >= end {
            return None;
        }
        let offset = (position % RING_BYTES) as usize;
        let head = memory.bytes(RING_AT + offset, HEAD_BYTES);
        let len = u32::from_ne_bytes(*head.first_chunk()?) as usize;
        let number = |at: usize| Some(u16::from_ne_bytes(head.get(at..at + 2)?.try_into().ok()?));
        let call = u32::from_ne_bytes(head.get(8..12)?.try_into().ok()?);
        let time = u32::from_ne_bytes(head.get(12..16)?.try_into().ok()?);
        let whole = (HEAD_BYTES + len).next_multiple_of(HEAD_BYTES);
        let inside = offset + whole <= RING_BYTES as usize && position + whole as u64 <= end;
        let payload_at = RING_AT + offset + HEAD_BYTES;
        inside.then_some(Head {
            kind: number(4)?,
            room: number(6)?,
            call,
            time,
            payload_at,
            len,
            whole: whole as u64,
        })
    }
}
