//! Datagrams of the kernel, received many at a time into the ring that goes to the storing thread.

use std::io::IoSliceMut;
use std::ops::{AddAssign, Range};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use netlink_sys::Socket;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, recvmmsg};

use super::error::{Error, Request};
use super::exchange::KERNEL_PORT;
use super::message::{self, HEADER_BYTES};
use crate::sys::ring::{MARK_BYTES, ROOM_BYTES, ROOMS, Writer, now_ms};

/// How often one datagram is received while the ring has no room for a full call. The kernel tries for 0.1 s to send a
/// message to a socket that is full (`audit_net_init`, kernel/audit.c); when that fails it puts all that it holds on a queue
/// that it tries five times (`UNICAST_RETRIES`), and then drops. One datagram taken in time has it wait on, and hold
/// producers back.
const TRICKLE: Duration = Duration::from_millis(40);

/// What was received, and what was wrong with the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of the log, whether they went into the ring or were kept out of it by the gate.
    pub messages: u64,
    /// Messages that did not come from the kernel and were dropped.
    pub foreign: u64,
    /// Messages that were longer than the room for one; they are kept as far as they go.
    pub truncated: u64,
    /// Datagrams too short for a netlink header, dropped. The kernel sends none.
    pub malformed: u64,
    /// Messages about the connection, not of the log, left out: acknowledgements, and the kernel's probes whether the
    /// daemon can be reached, which want no answer.
    pub control: u64,
    /// Messages that had come before, by another socket.
    pub again: u64,
}

impl Counts {
    /// How many datagrams there were.
    pub fn datagrams(&self) -> u64 {
        self.messages + self.foreign + self.malformed + self.control + self.again
    }

    /// Type and payload of a datagram that is a message of the log; one that is not is counted.
    pub fn message<'a>(&mut self, port: u32, datagram: &'a [u8]) -> Option<(u16, &'a [u8])> {
        match classify(port, datagram) {
            Datagram::Message(kind, payload) => return Some((kind, payload)),
            Datagram::Foreign => self.foreign += 1,
            Datagram::Malformed => self.malformed += 1,
            Datagram::Control => self.control += 1,
        }
        None
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.messages += other.messages;
        self.foreign += other.foreign;
        self.truncated += other.truncated;
        self.malformed += other.malformed;
        self.control += other.control;
        self.again += other.again;
    }
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Datagram<'a> {
    Foreign,
    Malformed,
    Control,
    Message(u16, &'a [u8]),
}

fn classify(port: u32, datagram: &[u8]) -> Datagram<'_> {
    if port != KERNEL_PORT {
        return Datagram::Foreign;
    }
    match message::split(datagram) {
        None => Datagram::Malformed,
        Some((kind, _)) if kind < message::MIN_TYPE || kind == message::REPLACE => Datagram::Control,
        Some((kind, payload)) => Datagram::Message(kind, payload),
    }
}

/// What one datagram is by the call that received it.
#[derive(Clone, Copy, Default)]
struct Received {
    port: u32,
    length: usize,
    truncated: bool,
}

/// Where messages go that have not come before.
pub(super) type Wanted<'a> = &'a mut dyn FnMut(u16, &[u8]) -> bool;

/// What may keep messages out of the ring where it is filling up, and accounts for these. `fill` is the part of the ring that is
/// taken, from 0 to 1.
pub trait Gate {
    /// Whether a message goes into the ring. They come in the order in which they were received.
    fn lets_in(&mut self, fill: f64, kind: u16, payload: &[u8]) -> bool;

    /// The message that accounts for what was kept out since the last time, if it is to go into the ring now.
    fn account(&mut self, fill: f64) -> Option<(u16, Vec<u8>)>;

    /// That message is in the ring.
    fn accounted(&mut self);

    /// What the gate of the next process has to know, by which it goes on as if it were this one: at most
    /// [`NOTE_BYTES_MAX`](crate::sys::ring::NOTE_BYTES_MAX) bytes.
    fn note(&self, out: &mut Vec<u8>);

    /// Goes on where the gate of another process has ended.
    fn resume(&mut self, note: &[u8]);
}

/// Receives into a ring. It cannot be handed from thread to thread.
pub struct Intake {
    ring: Writer,
    headers: MultiHeaders<NetlinkAddr>,
    gate: Option<Box<dyn Gate>>,
    note: Vec<u8>,
    /// When one datagram was last taken for which there was just room.
    trickled: Instant,
}

impl Intake {
    /// An intake for a ring, with or without a gate before it. What an earlier process had received and not put into the
    /// ring is put there.
    pub fn new(ring: Writer, gate: Option<Box<dyn Gate>>) -> Intake {
        let headers = MultiHeaders::preallocate(ROOMS, None);
        let mut intake = Intake { ring, headers, gate, note: Vec::new(), trickled: Instant::now() };
        if let Some(gate) = &mut intake.gate {
            gate.resume(intake.ring.note());
        }
        intake.finish();
        intake
    }

    /// Puts what is in the rooms of an unfinished call into the ring. Without the call's own word the length of a datagram
    /// is what its header says, which for an event leaves out the header, and the sender is taken to be the kernel, which
    /// alone can send here without CAP_NET_ADMIN.
    fn finish(&mut self) {
        for room in self.ring.unfinished() {
            let bytes = self.ring.room(room);
            let Some((mark, payload)) = bytes.split_first_chunk::<MARK_BYTES>() else { continue };
            let length = mark.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length)) as usize;
            if *mark == [0; MARK_BYTES] || length > payload.len() {
                continue;
            }
            let datagram = bytes.get(..HEADER_BYTES + length).unwrap_or(bytes);
            let Datagram::Message(kind, payload) = classify(KERNEL_PORT, datagram) else { continue };
            if self.gate.as_mut().is_none_or(|gate| gate.lets_in(self.ring.fill(), kind, payload)) {
                self.ring.push_room(kind, room, HEADER_BYTES..HEADER_BYTES + length);
            }
        }
        self.publish();
    }

    /// Publishes what was put into the ring, and with it what the gate has to tell.
    fn publish(&mut self) {
        if let Some(gate) = &mut self.gate {
            if let Some((kind, account)) = gate.account(self.ring.fill())
                && self.ring.push_about_call(kind, &account)
            {
                gate.accounted();
            }
            self.note.clear();
            gate.note(&mut self.note);
            self.ring.set_note(&self.note);
        }
        self.ring.publish();
    }

    /// Puts what the gate has to account for into the ring, at the end; whether there was room.
    pub(super) fn settle(&mut self) -> bool {
        let Some(gate) = &mut self.gate else { return true };
        let Some((kind, account)) = gate.account(0.0) else { return true };
        let fits = self.ring.push_about_call(kind, &account);
        if fits {
            gate.accounted();
            self.ring.publish();
        }
        fits
    }

    /// Whether all that one call receives has room.
    pub fn is_ready(&self) -> bool {
        self.ring.is_ready()
    }

    /// The part of the ring that is taken, from 0 to 1.
    pub fn fill(&self) -> f64 {
        self.ring.fill()
    }

    /// Puts a message into the ring that was received elsewhere, if it is let in; whether there was room.
    pub(super) fn push(&mut self, kind: u16, payload: &[u8]) -> bool {
        if self.gate.as_mut().is_some_and(|gate| !gate.lets_in(self.ring.fill(), kind, payload)) {
            self.publish();
            return true;
        }
        self.ring.set_time(now_ms());
        let fits = self.ring.push(kind, payload);
        self.publish();
        fits
    }

    /// Receives once from a socket. Messages that are not `wanted` are left out. While the ring is not ready, one datagram
    /// is taken now and then, as long as that fits, and never waited for.
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        flags: MsgFlags,
        wanted: Wanted<'_>,
    ) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let (rooms, flags) = match self.ring.is_ready() {
            true => (ROOMS, flags),
            false if self.trickled.elapsed() >= TRICKLE && self.ring.has_room_for_one() => {
                (1, MsgFlags::MSG_DONTWAIT)
            }
            false => return Ok(counts),
        };
        let mut received = [Received::default(); ROOMS];
        let count = self.fill_rooms(socket, received.get_mut(..rooms).unwrap_or_default(), flags)?;
        if rooms == 1 {
            self.trickled = Instant::now();
        }
        self.ring.set_time(now_ms());
        for (room, received) in received.iter().take(count).enumerate() {
            let bytes = self.ring.room(room);
            let datagram = bytes.get(..received.length).unwrap_or(bytes);
            let Some((kind, payload)) = counts.message(received.port, datagram) else { continue };
            if !wanted(kind, payload) {
                counts.again += 1;
                continue;
            }
            counts.messages += 1;
            counts.truncated += u64::from(received.truncated);
            if self.gate.as_mut().is_some_and(|gate| !gate.lets_in(self.ring.fill(), kind, payload)) {
                continue;
            }
            let part: Range<usize> = HEADER_BYTES..HEADER_BYTES + payload.len();
            // There is room: the ring was ready.
            self.ring.push_room(kind, room, part);
        }
        self.publish();
        if count < rooms {
            self.ring.set_idle();
        }
        Ok(counts)
    }

    /// Receives into as many rooms as are to be told of. Gives how many have something.
    fn fill_rooms(
        &mut self,
        socket: &Socket,
        received: &mut [Received],
        flags: MsgFlags,
    ) -> Result<usize, Error> {
        let mut rooms = self.ring.rooms().chunks_exact_mut(ROOM_BYTES);
        let mut slices: [[IoSliceMut<'_>; 1]; ROOMS] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        match recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut().take(received.len()),
            flags,
            None,
        ) {
            Ok(results) => {
                let mut count = 0;
                for (result, received) in results.zip(received.iter_mut()) {
                    let port = result.address.map_or(KERNEL_PORT, |address| address.pid());
                    let truncated = result.flags.contains(MsgFlags::MSG_TRUNC);
                    *received = Received { port, length: result.bytes, truncated };
                    count += 1;
                }
                Ok(count)
            }
            // ENOBUFS is the kernel's word that it had to queue elsewhere; nothing is lost by it.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => Ok(0),
            Err(errno) => Err(Error::new(Request::Receive, errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::ring::Ring;

    fn event(kind: u16, payload: &[u8]) -> Vec<u8> {
        // The kernel's length leaves out the header.
        let mut bytes = u32::try_from(payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_kernels_messages_are_told_from_all_else() {
        let text = &b"audit(1.000:1): "[..];
        for (port, datagram, expected) in [
            (0, event(1300, text), Datagram::Message(1300, text)),
            (0, event(65535, text), Datagram::Message(65535, text)),
            (4711, event(1300, text), Datagram::Foreign),
            (0, event(1300, text)[..20].to_vec(), Datagram::Message(1300, b"audi")),
            (0, event(1300, text)[..15].to_vec(), Datagram::Malformed),
            (0, vec![], Datagram::Malformed),
            (0, event(1320, b""), Datagram::Message(1320, b"")),
            (0, event(2, text), Datagram::Control),
            (0, event(1329, b""), Datagram::Control),
        ] {
            assert_eq!(classify(port, &datagram), expected, "{port} {datagram:?}");
        }
    }

    #[test]
    fn what_a_process_received_before_its_end_reaches_the_ring_in_the_next() {
        let Ring { mut writer, mut reader, .. } = Ring::create().unwrap();
        let rooms = writer.rooms().chunks_exact_mut(ROOM_BYTES);
        let text = |number: usize| format!("audit(1.000:{number}): text");
        for (number, room) in rooms.enumerate().take(4) {
            let kind = if number == 2 { 1329 } else { 1300 };
            let datagram = event(kind, text(number).as_bytes());
            room[..datagram.len()].copy_from_slice(&datagram);
        }
        Intake::new(writer, None);
        let mut found = Vec::new();
        while let Some((kind, payload)) = reader.take() {
            found.push((kind, String::from_utf8(payload.to_vec()).unwrap()));
        }
        assert_eq!(found, [(1300, text(0)), (1300, text(1)), (1300, text(3))]);
    }
}
