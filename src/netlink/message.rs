//! Framing: the netlink header, and the control messages in the form netlink-packet-core asks for.

use netlink_packet_audit::{StatusMessage, StatusMessageBuffer};
use netlink_packet_core::{
    DecodeError, Emitable, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable, Parseable,
};

/// Size of a netlink header in bytes (`struct nlmsghdr`, linux/netlink.h).
pub(super) const HEADER_BYTES: usize = 16;
/// Message types below this are netlink's own: acknowledgements, end marks (`NLMSG_MIN_TYPE`, linux/netlink.h).
pub(super) const MIN_TYPE: u16 = 16;
/// `AUDIT_GET`.
pub(super) const GET: u16 = 1000;
/// `AUDIT_SET`.
pub(super) const SET: u16 = 1001;
/// `AUDIT_SIGNAL_INFO`.
pub(super) const SIGNAL_INFO: u16 = 1010;
/// `AUDIT_ADD_RULE`.
pub(super) const ADD_RULE: u16 = 1011;
/// `AUDIT_DEL_RULE`.
pub(super) const DELETE_RULE: u16 = 1012;
/// `AUDIT_LIST_RULES`.
pub(super) const LIST_RULES: u16 = 1013;
/// `AUDIT_TRIM`.
pub(super) const TRIM: u16 = 1014;
/// `AUDIT_MAKE_EQUIV`.
pub(super) const MAKE_EQUIVALENT: u16 = 1015;
/// `AUDIT_SET_FEATURE`.
pub(super) const SET_FEATURE: u16 = 1018;
/// `AUDIT_GET_FEATURE`.
pub(super) const GET_FEATURE: u16 = 1019;
/// `AUDIT_REPLACE`, with which the kernel tries whether the daemon can be reached.
pub(super) const REPLACE: u16 = 1329;

/// A control message. Rules travel as bytes, because netlink-packet-audit's own codec corrupts some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Ask for the status.
    GetStatus,
    /// The kernel's status, or the wish to change it; with the field that netlink-packet-audit does not know.
    Status {
        /// The fields that netlink-packet-audit knows.
        status: StatusMessage,
        /// How long producers were held back, in the kernel's clock ticks; `None` from kernels before 5.9.
        wait_time_actual: Option<u32>,
    },
    /// A message of any type by its bytes.
    Other {
        /// The message's type.
        kind: u16,
        /// What follows the header.
        payload: Vec<u8>,
    },
}

impl Control {
    /// Whether it is of this type as the kernel sends it: a status comes as `AUDIT_GET`.
    pub(super) fn is(&self, wanted: u16) -> bool {
        match self {
            Control::GetStatus | Control::Status { .. } => wanted == GET,
            Control::Other { kind, .. } => *kind == wanted,
        }
    }

    /// The bytes of a message that is given by them.
    pub(super) fn into_payload(self) -> Option<Vec<u8>> {
        match self {
            Control::Other { payload, .. } => Some(payload),
            Control::GetStatus | Control::Status { .. } => None,
        }
    }
}

/// Bytes of `struct audit_status` with `backlog_wait_time_actual`, its last field (linux/audit.h).
const STATUS_BYTES: usize = 44;
/// Where `backlog_wait_time_actual` begins.
const WAIT_TIME_ACTUAL_AT: usize = 40;

impl NetlinkSerializable for Control {
    fn message_type(&self) -> u16 {
        match self {
            Control::GetStatus => GET,
            Control::Status { .. } => SET,
            Control::Other { kind, .. } => *kind,
        }
    }

    fn buffer_len(&self) -> usize {
        match self {
            Control::GetStatus => 0,
            Control::Status { status, .. } => status.buffer_len(),
            Control::Other { payload, .. } => payload.len(),
        }
    }

    fn serialize(&self, buffer: &mut [u8]) {
        match self {
            Control::GetStatus => {}
            Control::Status { status, .. } => status.emit(buffer),
            Control::Other { payload, .. } => buffer.copy_from_slice(payload),
        }
    }
}

impl NetlinkDeserializable for Control {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Control, DecodeError> {
        if header.message_type != GET {
            return Ok(Control::Other { kind: header.message_type, payload: payload.to_vec() });
        }
        // Older kernels send fewer fields than the decoder asks for: what is missing is 0.
        let mut full = [0; STATUS_BYTES];
        let known = payload.len().min(STATUS_BYTES);
        if let (Some(to), Some(from)) = (full.get_mut(..known), payload.get(..known)) {
            to.copy_from_slice(from);
        }
        let status = StatusMessage::parse(&StatusMessageBuffer::new(&full[..]))?;
        let actual = full.last_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes));
        let wait_time_actual = actual.filter(|_| payload.len() >= WAIT_TIME_ACTUAL_AT + 4);
        Ok(Control::Status { status, wait_time_actual })
    }
}

/// Type and payload of one datagram of the event socket.
///
/// One datagram is one message, and its length is the datagram's: for events the kernel's `nlmsg_len` leaves out the
/// header (`__audit_log_end`, kernel/audit.c).
pub(super) fn split(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let (header, payload) = datagram.split_at_checked(HEADER_BYTES)?;
    let kind = header.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    Some((kind, payload))
}

/// The sequence number in a datagram's header; `None` if it has no whole header.
pub(super) fn sequence(datagram: &[u8]) -> Option<u32> {
    let (header, _) = datagram.split_at_checked(HEADER_BYTES)?;
    header.get(8..12)?.try_into().ok().map(u32::from_ne_bytes)
}

/// The first `N` numbers of 32 bits in a payload, and what comes after them.
pub(super) fn numbers<const N: usize>(payload: &[u8]) -> Option<([u32; N], &[u8])> {
    let (words, rest) = payload.split_at_checked(N * 4)?;
    let mut numbers = [0; N];
    for (number, word) in numbers.iter_mut().zip(words.chunks_exact(4)) {
        *number = u32::from_ne_bytes(word.try_into().ok()?);
    }
    Some((numbers, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u16) -> NetlinkHeader {
        let mut header = NetlinkHeader::default();
        header.message_type = kind;
        header
    }

    #[test]
    fn a_status_of_any_kernels_length_is_read() {
        let full: Vec<u8> = (1u32..=11).flat_map(u32::to_ne_bytes).collect();
        for (length, wait_time, actual) in
            [(44, 10, Some(11)), (40, 10, None), (36, 0, None), (32, 0, None), (60, 10, Some(11))]
        {
            let mut payload = full.clone();
            payload.resize(length, 0);
            let Ok(Control::Status { status, wait_time_actual }) =
                Control::deserialize(&header(GET), &payload)
            else {
                panic!("a status of {length} bytes is a status");
            };
            assert_eq!((status.enabled, status.lost, status.backlog), (2, 7, 8));
            assert_eq!((status.backlog_wait_time, wait_time_actual), (wait_time, actual), "{length}");
        }
    }

    #[test]
    fn the_length_of_an_event_is_the_datagrams() {
        let mut datagram = vec![0; HEADER_BYTES];
        datagram[4..6].copy_from_slice(&1300u16.to_ne_bytes());
        datagram[0] = 3;
        datagram.extend_from_slice(b"audit(1.000:1): ");
        assert_eq!(split(&datagram), Some((1300, &b"audit(1.000:1): "[..])));
        assert_eq!(split(&datagram[..16]), Some((1300, &b""[..])));
        assert_eq!(split(&datagram[..15]), None);
    }

    #[test]
    fn numbers_are_read_only_if_all_are_there() {
        let payload: Vec<u8> = [1u32, 2].into_iter().flat_map(u32::to_ne_bytes).chain(*b"rest").collect();
        assert_eq!(numbers::<2>(&payload), Some(([1, 2], &b"rest"[..])));
        assert_eq!(numbers::<2>(&payload[..7]), None);
        assert_eq!(sequence(&payload), None);
    }
}
