//! Messages on their way from one thread to another, in memory that outlives the process.
//!
//! The memory is a memfd (memfd_create(2)). Whoever has its descriptor when a process has ended, however it ended, finds
//! in it what that process had received and not yet given back as done with: the next process goes on from there.
//!
//! In this order the memory has:
//!
//! * a head of one page: numbers of 64 bits in the machine's order,
//! * the state, some bytes of the owner's that go with the messages,
//! * two notes, of which one is valid: some bytes of the receiver's, published together with the messages of a call,
//! * two areas of carried messages, of which one is valid at a time,
//! * rooms into which the kernel writes datagrams,
//! * the ring of messages.
//!
//! A message in the ring begins at a multiple of 16 with a head of 16 bytes: length, type, the room it came from, the
//! number of the call that filled the room, and when it came. Whether a room's datagram has reached the ring can be told by these.

mod memory;
mod reader;
mod writer;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::time::{ClockId, clock_gettime};

use memory::{ALL_BYTES, MAGIC, Memory, NOTE_HEAD_BYTES, PAGE, RING_BYTES, Word, unpack};
pub use reader::Reader;
pub use writer::Writer;

/// Datagrams received in one call.
pub const ROOMS: usize = 64;
/// Room for one datagram in bytes.
///
/// The kernel has no limit of its own for a record. The longest known has two paths of 4095 bytes in hexadecimal
/// (AppArmor's `name=` and `target=`) and some hundred bytes besides: 17 KiB. The 64 more make the number of cache lines
/// odd: at a power of two, the beginnings of all rooms would share a few sets of the processor's cache.
pub const ROOM_BYTES: usize = (20 << 10) + 64;
/// Bytes at the beginning of a room that are zero until a datagram is written there: at least a netlink header.
pub const MARK_BYTES: usize = 16;
/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = PAGE - NOTE_HEAD_BYTES;
/// Bytes of state at most.
pub const STATE_BYTES_MAX: usize = 4 << 20;

/// Now, as messages are stamped: milliseconds of a clock that is the same in all processes and never goes back, of which the
/// low 32 bits are kept. They begin anew after 49 days, and so does what is reckoned from them.
pub fn now_ms() -> u32 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    now.as_millis() as u32
}

/// The descriptor of a ring's memory, for whoever is to keep it.
#[derive(Clone)]
pub struct Kept(Arc<Memory>);

impl Kept {
    /// Two numbers of the owner's that go with the messages; nothing where none were set.
    pub fn told(&self) -> Option<[u32; 2]> {
        let number = |word| u32::try_from(self.0.get(word).checked_sub(1)?).ok();
        Some([number(Word::Told)?, number(Word::ToldToo)?])
    }

    /// Sets them.
    pub fn set_told(&self, [first, second]: [u32; 2]) {
        self.0.set(Word::Told, u64::from(first) + 1);
        self.0.set(Word::ToldToo, u64::from(second) + 1);
    }
}

impl AsFd for Kept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.file.as_fd()
    }
}

/// A ring, before its two ends go to their threads.
pub struct Ring {
    /// Where messages are put in.
    pub writer: Writer,
    /// Where they are taken out.
    pub reader: Reader,
    /// The memory.
    pub kept: Kept,
}

impl Ring {
    /// An empty ring.
    pub fn create() -> io::Result<Ring> {
        let file = memfd_create("ktrail-ring", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        nix::unistd::ftruncate(&file, ALL_BYTES as i64)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW))?;
        let memory = Memory::map(file)?;
        memory.set(Word::Magic, MAGIC);
        Ok(Ring::of(memory))
    }

    /// The ring that an earlier process has left, with what it left in it. An error where this is no ring, or one of
    /// another layout.
    pub fn attach(file: OwnedFd) -> io::Result<Ring> {
        let seals = fcntl(&file, FcntlArg::F_GET_SEALS)?;
        if !SealFlag::from_bits_truncate(seals).contains(SealFlag::F_SEAL_SHRINK) {
            return Err(io::Error::other("it is not sealed against shrinking"));
        }
        let memory = Memory::map(file)?;
        if memory.get(Word::Magic) != MAGIC {
            return Err(io::Error::other("it has not the layout of this version"));
        }
        let (written, released) = (memory.get(Word::Written), memory.get(Word::Released));
        if written.checked_sub(released).is_none_or(|left| left > RING_BYTES) {
            return Err(io::Error::other("its positions make no sense"));
        }
        Ok(Ring::of(memory))
    }

    fn of(memory: Arc<Memory>) -> Ring {
        memory.populate_rooms();
        let written = memory.get(Word::Written);
        let mut reader = Reader { position: 0, left_until: written, memory: memory.clone() };
        // The carried area has the position up to which it stands for the ring, both being published at once.
        reader.position = reader.carried_until().unwrap_or_else(|| memory.get(Word::Released));
        // The number in the head lags behind the ring for a moment only, in which little can have been released.
        let last = reader.last().max(unpack(memory.get(Word::Last)));
        memory.set(Word::Released, reader.position);
        Ring {
            writer: Writer { written, last, now_ms: now_ms(), memory: memory.clone() },
            reader,
            kept: Kept(memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::memory::CARRY_BYTES;
    use super::*;

    fn taken(reader: &mut Reader) -> Vec<(u16, Vec<u8>)> {
        let mut taken = Vec::new();
        while let Some((kind, bytes)) = reader.take() {
            taken.push((kind, bytes.to_vec()));
        }
        taken
    }

    /// The ring as the next process finds it.
    fn next_process(ring: Ring) -> Ring {
        let file = ring.kept.0.file.try_clone().unwrap();
        drop(ring);
        Ring::attach(file).unwrap()
    }

    #[test]
    fn messages_come_out_as_they_were_put_in_round_and_round() {
        let Ring { mut writer, mut reader, .. } = Ring::create().unwrap();
        let mut sent = 0u32;
        for round in 0..4000u32 {
            let lengths = [0, 1, 15, 16, 17, 200, ROOM_BYTES, (round * 31) as usize % 9000];
            for len in lengths {
                let payload = vec![sent as u8; len];
                assert!(writer.push(1300 + (sent % 7) as u16, &payload));
                sent += 1;
            }
            assert!(reader.take().is_none(), "not published yet");
            writer.publish();
            for (number, (kind, bytes)) in (sent - 8..).zip(taken(&mut reader)) {
                assert_eq!(u32::from(kind), 1300 + number % 7);
                assert!(bytes.iter().all(|byte| *byte == number as u8));
                assert_eq!(bytes.len(), lengths[(number % 8) as usize]);
            }
            assert!(reader.release(|_| {}));
        }
        assert!(sent as u64 * 2000 > 3 * RING_BYTES, "it went round");
    }

    #[test]
    fn a_full_ring_takes_nothing_until_something_is_released() {
        let Ring { mut writer, mut reader, .. } = Ring::create().unwrap();
        let payload = vec![7; 9000];
        let mut count = 0;
        while writer.push(1300, &payload) {
            count += 1;
        }
        assert!(!writer.is_ready());
        assert!(count > 1800);
        writer.publish();
        assert_eq!(taken(&mut reader).len(), count);
        assert!(!writer.push(1300, &payload), "taken out is not given back");
        assert!(reader.release(|_| {}));
        assert!(writer.is_ready() && writer.push(1300, &payload));
    }

    #[test]
    fn what_is_not_released_is_found_by_the_next_process() {
        let mut ring = Ring::create().unwrap();
        for number in 0..10u16 {
            ring.writer.push(1300 + number, &number.to_ne_bytes());
        }
        ring.writer.publish();
        for _ in 0..6 {
            ring.reader.take();
        }
        ring.reader.release(|keep| keep(1302, b"open"));
        ring.reader.take();
        ring.reader.set_state(b"state");
        ring.writer.push(1399, b"never published");
        let mut ring = next_process(ring);
        assert_eq!(ring.reader.state(), b"state");
        assert_eq!(ring.reader.carried().collect::<Vec<_>>(), [(1302, &b"open"[..])]);
        let left: Vec<u16> = ring.reader.left().map(|(kind, _)| kind).collect();
        assert_eq!(left, [1306, 1307, 1308, 1309]);
        assert!(ring.reader.is_left());
        assert_eq!(taken(&mut ring.reader).len(), 4);
        assert!(!ring.reader.is_left());
        assert!(ring.reader.release(|_| {}));
        let ring = next_process(ring);
        assert!(ring.reader.carried().next().is_none() && ring.reader.left().next().is_none());
    }

    #[test]
    fn datagrams_that_did_not_reach_the_ring_are_known_by_their_rooms() {
        let mut ring = Ring::create().unwrap();
        assert_eq!(ring.writer.unfinished(), 0..ROOMS);
        let fill = |writer: &mut Writer| {
            for (room, bytes) in writer.rooms().chunks_exact_mut(ROOM_BYTES).enumerate().take(5) {
                bytes[..20].fill(room as u8 + 1);
            }
        };
        fill(&mut ring.writer);
        let mut ring = next_process(ring);
        assert_eq!(ring.writer.unfinished(), 0..ROOMS, "none of the call has reached it");
        for room in 0..3 {
            assert!(ring.writer.push_room(1300, room, 4..20));
        }
        // The end came between the two words of `publish`.
        ring.writer.memory.set(Word::Written, ring.writer.written);
        let mut ring = next_process(ring);
        assert_eq!(ring.writer.unfinished(), 3..ROOMS);
        assert_eq!(ring.writer.room(3)[..20], [4; 20]);
        assert_eq!(ring.writer.room(5)[..MARK_BYTES], [0; MARK_BYTES]);
        assert_eq!(taken(&mut ring.reader)[2], (1300, vec![3; 16]));
        ring.writer.publish();
        assert!(ring.reader.release(|_| {}));
        let mut ring = next_process(ring);
        assert!(ring.writer.unfinished().is_empty(), "also what was not wanted is done with");
        fill(&mut ring.writer);
        assert_eq!(next_process(ring).writer.unfinished(), 0..ROOMS, "another call");
    }

    #[test]
    fn a_message_comes_with_the_time_it_was_put_in() {
        let mut ring = Ring::create().unwrap();
        for time in [7, u32::MAX] {
            ring.writer.set_time(time);
            ring.writer.push(1300, b"text");
        }
        ring.writer.publish();
        ring.writer.set_idle();
        let mut ring = next_process(ring);
        assert_eq!(ring.reader.take_stamped(), Some((7, 1300, &b"text"[..])));
        assert_eq!(ring.reader.idle_ms(), None);
        assert_eq!(ring.reader.take_stamped(), Some((u32::MAX, 1300, &b"text"[..])));
        assert_eq!(ring.reader.idle_ms(), Some(u32::MAX));
    }

    #[test]
    fn the_owners_numbers_reach_the_next_process() {
        let ring = Ring::create().unwrap();
        assert_eq!(ring.kept.told(), None);
        ring.kept.set_told([0, u32::MAX]);
        assert_eq!(next_process(ring).kept.told(), Some([0, u32::MAX]));
    }

    #[test]
    fn a_note_is_published_with_the_messages_of_its_call() {
        let mut ring = Ring::create().unwrap();
        assert_eq!(ring.writer.note(), b"");
        for note in [&b"first"[..], b"", b"third"] {
            ring.writer.rooms();
            assert!(ring.writer.set_note(note));
            ring.writer.publish();
            ring = next_process(ring);
            assert_eq!(ring.writer.note(), note);
        }
        ring.writer.rooms();
        assert!(ring.writer.set_note(b"not published"));
        let mut ring = next_process(ring);
        assert_eq!(ring.writer.note(), b"third");
        assert!(!ring.writer.set_note(&[0; NOTE_BYTES_MAX + 1]), "it is too long");
        ring.writer.publish();
        assert_eq!(next_process(ring).writer.note(), b"", "nor is there another then");
    }

    #[test]
    fn carried_messages_that_do_not_fit_keep_all_where_it_is() {
        let mut ring = Ring::create().unwrap();
        ring.writer.push(1300, b"one");
        ring.writer.publish();
        ring.reader.take();
        let large = vec![1; CARRY_BYTES];
        assert!(!ring.reader.release(|keep| keep(1300, &large)));
        assert!(ring.reader.unreleased() > 0);
        assert_eq!(next_process(ring).reader.left().count(), 1);
    }

    #[test]
    fn what_is_no_ring_is_refused() {
        let plain = memfd_create("x", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        nix::unistd::ftruncate(&plain, ALL_BYTES as i64).unwrap();
        let sealed = plain.try_clone().unwrap();
        assert!(Ring::attach(plain).is_err_and(|error| error.to_string().contains("sealed")));
        fcntl(&sealed, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK)).unwrap();
        assert!(Ring::attach(sealed).is_err_and(|error| error.to_string().contains("layout")));
    }
}
