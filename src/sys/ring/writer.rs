//! The end of a ring where messages are put in.

use std::ops::Range;
use std::sync::Arc;

use super::memory::{
    CALL_BYTES, FILLER, HEAD_BYTES, Memory, NOTE_HEAD_BYTES, ONE_BYTES, RING_AT, RING_BYTES, ROOMS_AT, Word,
    pack,
};
use super::{MARK_BYTES, NOTE_BYTES_MAX, ROOM_BYTES, ROOMS};

/// The end where messages are put in.
pub struct Writer {
    pub(super) memory: Arc<Memory>,
    /// Bytes put in, published or not.
    pub(super) written: u64,
    /// Call and room of the last message in the ring.
    pub(super) last: Option<(u32, u16)>,
    /// When the messages that are put in came.
    pub(super) now_ms: u32,
}

impl Writer {
    /// The rooms of the last call whose datagrams have not reached the ring, by number.
    ///
    /// In a ring that another process has left. What is in a room that was not written begins with zeros.
    pub fn unfinished(&self) -> Range<usize> {
        match self.last {
            Some((call, room)) if call == self.call() => usize::from(room) + 1..ROOMS,
            _ => 0..ROOMS,
        }
    }

    fn call(&self) -> u32 {
        self.memory.get(Word::Call) as u32
    }

    /// Says when the messages came that are put in from now on, as [`now_ms`](super::now_ms) does.
    pub fn set_time(&mut self, now_ms: u32) {
        self.now_ms = now_ms;
    }

    /// Says that there was nothing more to put in at the time last set, after what there was is published.
    pub fn set_idle(&mut self) {
        self.memory.set(Word::Idle, u64::from(self.now_ms));
    }

    /// Whether there is room for all that one call can receive.
    pub fn is_ready(&self) -> bool {
        self.has_room(CALL_BYTES)
    }

    /// Whether there is room for what one room can receive, if not for more.
    pub fn has_room_for_one(&self) -> bool {
        self.has_room(ONE_BYTES)
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.written - self.memory.get(Word::Released) + bytes <= RING_BYTES
    }

    /// The part of the ring that is taken, from 0 to 1.
    pub fn fill(&self) -> f64 {
        (self.written - self.memory.get(Word::Released)) as f64 / RING_BYTES as f64
    }

    /// Makes the rooms ready for a call, and gives them.
    pub fn rooms(&mut self) -> &mut [u8] {
        for room in 0..ROOMS {
            self.memory.bytes_mut(ROOMS_AT + room * ROOM_BYTES, MARK_BYTES).fill(0);
        }
        self.memory.set(Word::Call, self.memory.get(Word::Call) + 1);
        self.memory.bytes_mut(ROOMS_AT, ROOMS * ROOM_BYTES)
    }

    /// What is in a room.
    pub fn room(&self, room: usize) -> &[u8] {
        match room < ROOMS {
            true => self.memory.bytes(ROOMS_AT + room * ROOM_BYTES, ROOM_BYTES),
            false => &[],
        }
    }

    /// Puts a part of a room's datagram into the ring as a message. Rooms are to come in their order. Gives whether there
    /// was space; there is if [`Writer::is_ready`] said so before the call.
    pub fn push_room(&mut self, kind: u16, room: usize, part: Range<usize>) -> bool {
        let start = ROOMS_AT + room.min(ROOMS - 1) * ROOM_BYTES;
        let from = part.start.min(ROOM_BYTES);
        let len = part.end.clamp(from, ROOM_BYTES) - from;
        let number = u16::try_from(room).unwrap_or(u16::MAX);
        // The rooms and the free part of the ring are different parts of the memory.
        let payload = self.memory.clone();
        self.put(kind, number, payload.bytes(start + from, len))
    }

    /// Puts a message into the ring that did not come by a room.
    pub fn push(&mut self, kind: u16, payload: &[u8]) -> bool {
        self.put(kind, u16::MAX, payload)
    }

    fn put(&mut self, kind: u16, room: u16, payload: &[u8]) -> bool {
        let Ok(len) = u32::try_from(payload.len()) else { return false };
        let whole = (HEAD_BYTES + payload.len()).next_multiple_of(HEAD_BYTES) as u64;
        let rest = RING_BYTES - self.written % RING_BYTES;
        let filler = if whole > rest { rest } else { 0 };
        let free = RING_BYTES - (self.written - self.memory.get(Word::Released));
        if filler + whole > free {
            return false;
        }
        if filler > 0 {
            self.head(FILLER, u16::MAX, (filler - HEAD_BYTES as u64) as u32);
            self.written += filler;
        }
        self.head(kind, room, len);
        if room != u16::MAX {
            self.last = Some((self.call(), room));
        }
        let at = RING_AT + (self.written % RING_BYTES) as usize + HEAD_BYTES;
        self.memory.bytes_mut(at, payload.len()).copy_from_slice(payload);
        self.written += whole;
        true
    }

    /// Puts a message into the ring that is about a whole call: to come after all messages of its rooms.
    pub fn push_about_call(&mut self, kind: u16, payload: &[u8]) -> bool {
        self.put(kind, ROOMS as u16 - 1, payload)
    }

    /// The note of the last call that was published.
    pub fn note(&self) -> &[u8] {
        let Some((call, _)) = self.last else { return &[] };
        let bytes = self.memory.bytes(Memory::note_at(call), NOTE_HEAD_BYTES + NOTE_BYTES_MAX);
        let Some((of, rest)) = bytes.split_first_chunk() else { return &[] };
        let Some((length, rest)) = rest.split_first_chunk() else { return &[] };
        match u32::from_ne_bytes(*of) == call {
            true => rest.get(..u32::from_ne_bytes(*length) as usize).unwrap_or_default(),
            false => &[],
        }
    }

    /// Sets the note of this call, which is valid from [`Writer::publish`] on. What is longer than [`NOTE_BYTES_MAX`] is
    /// refused, and the call has none then.
    pub fn set_note(&mut self, note: &[u8]) -> bool {
        let call = self.call();
        let fits = note.len() <= NOTE_BYTES_MAX;
        let note = if fits { note } else { &[] };
        // The last published call has the other one.
        let place = self.memory.bytes_mut(Memory::note_at(call), NOTE_HEAD_BYTES + note.len());
        if let Some((head, rest)) = place.split_at_mut_checked(NOTE_HEAD_BYTES) {
            let length = note.len() as u32;
            head.copy_from_slice(&[call.to_ne_bytes(), length.to_ne_bytes()].concat());
            rest.copy_from_slice(note);
        }
        fits
    }

    /// Writes the head of a message where the next one goes.
    fn head(&mut self, kind: u16, room: u16, len: u32) {
        let (call, time) = (self.call(), self.now_ms);
        let head = self.memory.bytes_mut(RING_AT + (self.written % RING_BYTES) as usize, HEAD_BYTES);
        let numbers = [
            &len.to_ne_bytes()[..],
            &kind.to_ne_bytes(),
            &room.to_ne_bytes(),
            &call.to_ne_bytes(),
            &time.to_ne_bytes(),
        ];
        head.copy_from_slice(&numbers.concat());
    }

    /// Lets the other end see what was put in, and notes that all rooms of the call have been looked at.
    pub fn publish(&mut self) {
        self.last = Some((self.call(), ROOMS as u16));
        self.memory.set(Word::Written, self.written);
        self.memory.set(Word::Last, pack(self.last));
    }
}
