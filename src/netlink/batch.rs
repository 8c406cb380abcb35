//! Messages received together, and what was wrong with the others.

use super::exchange::KERNEL_PORT;
use super::message;

/// Bytes that an empty batch keeps for its next use: a full one of usual records has 20 KB.
const BATCH_BYTES_KEPT_MAX: usize = 256 << 10;

/// Messages received together, one after the other in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Type and end of each message in `bytes`, ascending.
    ends: Vec<(u16, u32)>,
    /// Messages that did not come from the kernel and were dropped.
    pub foreign: u64,
    /// Messages that were longer than the room for one; they are kept as far as they go.
    pub truncated: u64,
    /// Datagrams too short for a netlink header, dropped. The kernel sends none.
    pub malformed: u64,
    /// Messages about the connection, not of the log, left out: acknowledgements, and the kernel's probes whether the
    /// daemon can be reached, which want no answer.
    pub control: u64,
}

impl Batch {
    /// Forgets all messages and keeps the memory, unless it has grown unusually large.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BATCH_BYTES_KEPT_MAX);
        self.ends.clear();
        (self.foreign, self.truncated, self.malformed, self.control) = (0, 0, 0, 0);
    }

    /// Adds what one datagram from the socket `port` says.
    pub(super) fn take(&mut self, port: u32, datagram: &[u8], truncated: bool) {
        if port != KERNEL_PORT {
            self.foreign += 1;
            return;
        }
        match message::split(datagram) {
            None => self.malformed += 1,
            Some((kind, _)) if kind < message::MIN_TYPE || kind == message::REPLACE => self.control += 1,
            Some((kind, payload)) => {
                self.truncated += u64::from(truncated);
                self.push(kind, payload);
            }
        }
    }

    /// Adds all of another batch.
    pub(super) fn append(&mut self, other: &Batch) {
        other.messages().for_each(|(kind, payload)| self.push(kind, payload));
        self.foreign += other.foreign;
        self.truncated += other.truncated;
        self.malformed += other.malformed;
        self.control += other.control;
    }

    /// Adds a message.
    pub fn push(&mut self, kind: u16, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        let end =
            u32::try_from(self.bytes.len()).expect("a batch is bounded far below 4 GiB by who fills it");
        self.ends.push((kind, end));
    }

    /// Type and payload of each message.
    pub fn messages(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(kind, end)| {
            let end = end as usize;
            let payload = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (kind, payload)
        })
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u16, payload: &[u8]) -> Vec<u8> {
        // The kernel's length leaves out the header.
        let mut bytes = u32::try_from(payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes
    }

    /// Messages, and the counts foreign, truncated, malformed, control.
    fn check(datagrams: &[(u32, Vec<u8>, bool)], messages: &[(u16, &[u8])], counts: [u64; 4]) {
        let mut batch = Batch::default();
        datagrams.iter().for_each(|(port, datagram, truncated)| batch.take(*port, datagram, *truncated));
        assert_eq!(batch.messages().collect::<Vec<_>>(), messages, "{datagrams:?}");
        assert_eq!([batch.foreign, batch.truncated, batch.malformed, batch.control], counts, "{datagrams:?}");
        assert_eq!(batch.len(), messages.len());
    }

    #[test]
    fn the_kernels_messages_are_kept_whole_and_all_else_is_counted() {
        let event = |kind| event(kind, b"audit(1.000:1): ");
        let text = &b"audit(1.000:1): "[..];
        check(&[(0, event(1300), false), (0, event(65535), false)], &[(1300, text), (65535, text)], [0; 4]);
        check(&[(4711, event(1300), false), (0, event(1302), false)], &[(1302, text)], [1, 0, 0, 0]);
        check(&[(0, event(1300)[..20].to_vec(), true)], &[(1300, b"audi")], [0, 1, 0, 0]);
        check(&[(0, event(1300)[..15].to_vec(), false), (0, vec![], false)], &[], [0, 0, 2, 0]);
        check(&[(0, event(1320)[..16].to_vec(), false)], &[(1320, b"")], [0; 4]);
        check(&[(0, event(2), false), (0, event(3), false), (0, event(1329), false)], &[], [0, 0, 0, 3]);
    }

    #[test]
    fn a_batch_is_appended_with_its_counts_and_cleared_of_them() {
        let mut early = Batch::default();
        early.take(0, &event(1300, b"one"), true);
        early.take(1, &event(1300, b"foreign"), false);
        let mut batch = Batch::default();
        batch.push(1000, b"zero");
        batch.append(&early);
        assert_eq!(batch.messages().collect::<Vec<_>>(), [(1000, &b"zero"[..]), (1300, b"one")]);
        assert_eq!((batch.foreign, batch.truncated, batch.bytes()), (1, 1, 7));
        batch.clear();
        assert!(batch.is_empty() && batch.messages().next().is_none());
        assert_eq!((batch.foreign, batch.truncated, batch.bytes()), (0, 0, 0));
    }

    #[test]
    fn a_batch_gives_unusual_memory_back() {
        let mut batch = Batch::default();
        batch.push(1300, &vec![b'x'; 2 * BATCH_BYTES_KEPT_MAX]);
        batch.clear();
        assert!(batch.bytes.capacity() <= BATCH_BYTES_KEPT_MAX);
        batch.push(1300, b"usual");
        let kept = batch.bytes.capacity();
        batch.clear();
        assert_eq!(batch.bytes.capacity(), kept);
    }
}
