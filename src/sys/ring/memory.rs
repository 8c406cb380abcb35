//! The memory of a ring and what is where in it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, MmapRaw};

use super::{ROOM_BYTES, ROOMS, STATE_BYTES_MAX};

/// Bytes of the ring. With records of about 200 bytes it holds some 70,000, a tenth of a second at the kernel's best rate.
pub(super) const RING_BYTES: u64 = 16 << 20;
/// Bytes of either area of carried messages.
pub(super) const CARRY_BYTES: usize = 4 << 20;
pub(super) const PAGE: usize = 4096;
/// Length of a message's head, and what every message begins at a multiple of.
pub(super) const HEAD_BYTES: usize = 16;
/// What the ring must have room for before a call: all rooms full, and what is left over at the ring's end.
pub(super) const CALL_BYTES: u64 = ((ROOMS + 1) * (ROOM_BYTES + 2 * HEAD_BYTES)) as u64;
/// The same before a call that uses one room: what is left over at the ring's end is shorter than a message.
pub(super) const ONE_BYTES: u64 = (2 * (ROOM_BYTES + 2 * HEAD_BYTES)) as u64;
/// The type of what fills the ring's end where the next message does not fit.
pub(super) const FILLER: u16 = 0;

pub(super) const STATE_AT: usize = PAGE;
/// Where the two notes are, of which each call writes one: a page each, with the call's number (4 bytes) and the length (4)
/// before the bytes.
pub(super) const NOTES_AT: usize = STATE_AT + STATE_BYTES_MAX;
pub(super) const NOTE_HEAD_BYTES: usize = 8;
pub(super) const CARRY_AT: usize = NOTES_AT + 2 * PAGE;
pub(super) const ROOMS_AT: usize = CARRY_AT + 2 * CARRY_BYTES;
pub(super) const RING_AT: usize = (ROOMS_AT + ROOMS * ROOM_BYTES).next_multiple_of(PAGE);
pub(super) const ALL_BYTES: usize = RING_AT + RING_BYTES as usize;

/// The numbers in the head.
#[derive(Clone, Copy)]
pub(super) enum Word {
    /// What this memory is, and in which layout.
    Magic,
    /// Bytes ever put into the ring, fillers counted: where the next message goes.
    Written,
    /// Bytes of these that are done with.
    Released,
    /// How often the rooms have been made ready.
    Call,
    /// Which of the carried areas is valid, by its lowest bit.
    Carried,
    /// Length of the state.
    State,
    /// When there was last nothing more to put in, as messages are stamped.
    Idle,
    /// The owner's two numbers and 1 each, or 0.
    Told,
    ToldToo,
    /// Call and room of the last message that was published and came by a room, as [`pack`] has them.
    Last,
}

/// "ktrail", and the version of the layout; the sizes are the layout too.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"ktrail\0\x01") ^ ((ALL_BYTES as u64) << 20);

/// A call and a room in one number, which is 0 where there is none.
pub(super) fn pack(last: Option<(u32, u16)>) -> u64 {
    last.map_or(0, |(call, room)| u64::from(call) << 16 | (u64::from(room) + 1))
}

pub(super) fn unpack(number: u64) -> Option<(u32, u16)> {
    let room = u16::try_from((number & 0xffff).checked_sub(1)?).ok()?;
    Some(((number >> 16) as u32, room))
}

/// The memory. All of it is only ever read and written through the two ends, each of which there is once.
pub(super) struct Memory {
    pub(super) file: OwnedFd,
    map: MmapRaw,
}

impl Memory {
    pub(super) fn map(file: OwnedFd) -> io::Result<Arc<Memory>> {
        let map = MmapRaw::map_raw(&file)?;
        match map.len() == ALL_BYTES {
            true => Ok(Arc::new(Memory { file, map })),
            false => Err(io::Error::other("it has not the length of a ring")),
        }
    }

    /// Makes the rooms' pages present. A process that is killed while the kernel copies a datagram into a page that is not
    /// loses that datagram: it is taken from the socket by then.
    pub(super) fn populate_rooms(&self) {
        // Kernels before 5.14 cannot.
        let _ = self.map.advise_range(Advice::PopulateWrite, ROOMS_AT, RING_AT - ROOMS_AT);
    }

    pub(super) fn word(&self, word: Word) -> &AtomicU64 {
        // SAFETY: the head is in the mapping, which lives as long as `self` and begins at a page, so the number is
        // aligned; numbers of the head are accessed as atomics only.
        #[allow(unsafe_code)]
        unsafe {
            &*self.map.as_ptr().cast::<AtomicU64>().add(word as usize)
        }
    }

    pub(super) fn get(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Acquire)
    }

    pub(super) fn set(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Release);
    }

    /// Bytes of the memory; empty where they are not all inside.
    ///
    /// The caller sees to it that nobody writes there while it has them.
    pub(super) fn bytes(&self, at: usize, len: usize) -> &[u8] {
        if at < PAGE || at.checked_add(len).is_none_or(|end| end > ALL_BYTES) {
            return &[];
        }
        // SAFETY: inside the mapping, which cannot shrink (its file is sealed against it), and outside the head. Of the
        // two ends, one writes a part only while the other cannot see it: the ring beyond `Written` belongs to the
        // writer, the ring between `Released` and `Written`, the state and the carried areas to the reader.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.map.as_ptr().add(at), len)
        }
    }

    /// The same to write. Called with parts that belong to the caller's end only.
    #[allow(clippy::mut_from_ref)]
    pub(super) fn bytes_mut(&self, at: usize, len: usize) -> &mut [u8] {
        if at < PAGE || at.checked_add(len).is_none_or(|end| end > ALL_BYTES) {
            return &mut [];
        }
        // SAFETY: as in `bytes`; each end is there once and hands the slice out, if at all, only borrowed from itself.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(at), len)
        }
    }

    pub(super) fn note_at(call: u32) -> usize {
        NOTES_AT + (call & 1) as usize * PAGE
    }

    pub(super) fn carry_at(turn: u64) -> usize {
        CARRY_AT + (turn & 1) as usize * CARRY_BYTES
    }
}
