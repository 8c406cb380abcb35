//! One request and its answers, over bytes: how it is framed, which datagrams belong to it, and when it is over.
//!
//! Sends and receives nothing: that is the business of who holds the socket.

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use nix::errno::Errno;

use super::error::{Error, Request};
use super::message::{self, Control as Message};

/// The port of the kernel. Any process may send to a netlink socket, but none has this port.
pub const KERNEL_PORT: u32 = 0;
/// The largest errno: a number further from 0 is a value (`MAX_ERRNO`, linux/err.h).
const ERRNO_MAX: i32 = 4095;

/// What a request is answered with, besides its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nothing.
    Nothing,
    /// One message of this type, before or after the acknowledgement.
    One(u16),
    /// Any number of messages of this type, then an end mark.
    List(u16),
}

/// A request under way.
#[derive(Debug)]
pub struct Exchange {
    request: Request,
    sequence: u32,
    expected: Answers,
    answers: Vec<Message>,
    /// Whether all answers are there.
    complete: bool,
    /// The number in the acknowledgement.
    acknowledged: Option<i32>,
}

impl Exchange {
    /// A request with its sequence number, which is not 0: the kernel's events have that.
    pub fn new(request: Request, sequence: u32, expected: Answers) -> Exchange {
        let complete = expected == Answers::Nothing;
        Exchange { request, sequence, expected, answers: Vec::new(), complete, acknowledged: None }
    }

    /// The datagram to send.
    pub fn frame(&self, payload: Message) -> Vec<u8> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(payload));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    /// Takes in a datagram from the socket; gives whether it belonged to this request.
    pub fn take(&mut self, port: u32, datagram: &[u8]) -> Result<bool, Error> {
        if port != KERNEL_PORT || message::sequence(datagram) != Some(self.sequence) {
            return Ok(false);
        }
        let broken = |_| Error::BadAnswer(self.request, "its framing is broken");
        let message = NetlinkMessage::<Message>::deserialize(datagram).map_err(broken)?;
        match (message.payload, self.expected) {
            (NetlinkPayload::Error(error), _) => {
                self.acknowledged = Some(error.raw_code());
            }
            (NetlinkPayload::Done(_), Answers::List(_)) => self.complete = true,
            (NetlinkPayload::InnerMessage(message), Answers::One(kind)) if message.is(kind) => {
                self.answers.push(message);
                self.complete = true;
            }
            (NetlinkPayload::InnerMessage(message), Answers::List(kind)) if message.is(kind) => {
                self.answers.push(message);
            }
            // Of this request by its number, but nothing that is waited for.
            _ => {}
        }
        Ok(true)
    }

    /// Whether nothing more is to come.
    pub fn is_over(&self) -> bool {
        self.acknowledged.is_some_and(|number| self.complete || is_errno(number))
    }

    /// The number in the acknowledgement, which is 0 or an old value, and the answers; or why the kernel refused.
    pub fn finish(self) -> Result<(u32, Vec<Message>), Errno> {
        match self.acknowledged.unwrap_or(0) {
            number if is_errno(number) => Err(Errno::from_raw(-number)),
            // The kernel answers a reset with the unsigned count it had (audit_receive_msg, kernel/audit.c).
            number => Ok((number.cast_unsigned(), self.answers)),
        }
    }
}

fn is_errno(number: i32) -> bool {
    (-ERRNO_MAX..0).contains(&number)
}

#[cfg(test)]
mod tests {
    use super::super::message::{ADD_RULE, GET, LIST_RULES, REPLACE};
    use super::*;

    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    const SEQUENCE: u32 = 7;

    /// A datagram whose header gives its true length.
    fn datagram(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + payload.len()).unwrap();
        framed(length, kind, sequence, payload)
    }

    fn framed(length: u32, kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    /// An acknowledgement, with the header of the request that it repeats.
    fn acknowledgement(number: i32) -> Vec<u8> {
        let mut payload = number.to_ne_bytes().to_vec();
        payload.extend(framed(16, ADD_RULE, SEQUENCE, b""));
        datagram(NLMSG_ERROR, SEQUENCE, &payload)
    }

    fn rule(bytes: &[u8]) -> Message {
        Message::Other { kind: LIST_RULES, payload: bytes.to_vec() }
    }

    /// Feeds the datagrams of the kernel; the exchange must be over with the last, not before.
    fn kernel_says(expected: Answers, datagrams: &[Vec<u8>]) -> Result<(u32, Vec<Message>), Errno> {
        let mut exchange = Exchange::new(Request::ListRules, SEQUENCE, expected);
        for datagram in datagrams {
            assert!(!exchange.is_over(), "over before {datagram:?}");
            exchange.take(KERNEL_PORT, datagram).unwrap();
        }
        assert!(exchange.is_over());
        exchange.finish()
    }

    #[test]
    fn a_request_is_framed_with_its_length_type_and_sequence() {
        let exchange = Exchange::new(Request::AddRule, SEQUENCE, Answers::Nothing);
        let bytes = exchange.frame(Message::Other { kind: ADD_RULE, payload: b"rule".to_vec() });
        let mut expected = datagram(ADD_RULE, SEQUENCE, b"rule");
        expected[6] = 5;
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_positive_acknowledgement_is_an_old_value_and_a_negative_one_an_error() {
        for (number, expected) in [
            (0, Ok(0)),
            (5, Ok(5)),
            (i32::MAX, Ok(0x7fff_ffff)),
            (i32::MIN, Ok(0x8000_0000)),
            (-4096, Ok(0xffff_f000)),
            (-17, Err(Errno::EEXIST)),
            (-1, Err(Errno::EPERM)),
        ] {
            let outcome = kernel_says(Answers::Nothing, &[acknowledgement(number)]);
            assert_eq!(outcome.map(|(value, _)| value), expected, "{number}");
        }
    }

    #[test]
    fn a_list_ends_with_its_end_mark() {
        let part = |payload: &[u8]| datagram(LIST_RULES, SEQUENCE, payload);
        let done = datagram(NLMSG_DONE, SEQUENCE, b"");
        let outcome = kernel_says(
            Answers::List(LIST_RULES),
            &[
                acknowledgement(0),
                part(b"one"),
                datagram(GET, SEQUENCE, &[0; 40]),
                part(b"two"),
                done.clone(),
            ],
        );
        assert_eq!(outcome, Ok((0, vec![rule(b"one"), rule(b"two")])));
        let outcome = kernel_says(Answers::List(LIST_RULES), &[done, acknowledgement(0)]);
        assert_eq!(outcome, Ok((0, vec![])), "no rules");
    }

    #[test]
    fn an_answer_may_come_before_its_acknowledgement() {
        let answer = datagram(LIST_RULES, SEQUENCE, b"it");
        for datagrams in [[acknowledgement(0), answer.clone()], [answer, acknowledgement(0)]] {
            assert_eq!(kernel_says(Answers::One(LIST_RULES), &datagrams), Ok((0, vec![rule(b"it")])));
        }
    }

    #[test]
    fn a_refusal_ends_a_list_at_once() {
        assert_eq!(kernel_says(Answers::List(LIST_RULES), &[acknowledgement(-1)]), Err(Errno::EPERM));
    }

    #[test]
    fn what_is_not_the_answer_does_not_count() {
        for (port, datagram, what) in [
            (4711, acknowledgement(0), "from another process"),
            (0, datagram(NLMSG_ERROR, SEQUENCE - 1, &[0; 20]), "to a request before"),
            (0, datagram(NLMSG_ERROR, 0, &[0; 20]), "to none"),
            (0, framed(4, 1300, 0, b"audit(1.000:1): "), "an event, with the kernel's wrong length"),
            (0, datagram(REPLACE, 0, &[1; 4]), "a probe"),
            (0, acknowledgement(0)[..15].to_vec(), "no header"),
            (0, vec![], "nothing"),
        ] {
            let mut exchange = Exchange::new(Request::AddRule, SEQUENCE, Answers::Nothing);
            assert!(!exchange.take(port, &datagram).unwrap(), "{what}");
            assert!(!exchange.is_over(), "{what}");
        }
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        for (datagram, what) in [
            (framed(64, LIST_RULES, SEQUENCE, b"short"), "longer by its header than it is"),
            (framed(3, LIST_RULES, SEQUENCE, b"short"), "shorter by its header than a header"),
            (datagram(NLMSG_ERROR, SEQUENCE, b"no"), "an acknowledgement without a number"),
        ] {
            let mut exchange = Exchange::new(Request::ListRules, SEQUENCE, Answers::List(LIST_RULES));
            let error = exchange.take(KERNEL_PORT, &datagram).expect_err(what);
            assert!(matches!(error, Error::BadAnswer(Request::ListRules, _)), "{what}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_without_a_panic(
            kind in 0u16..1400, length in 0u32..64, payload in proptest::collection::vec(0u8.., 0..64),
        ) {
            let mut exchange = Exchange::new(Request::GetStatus, SEQUENCE, Answers::One(GET));
            let _ = exchange.take(KERNEL_PORT, &framed(length, kind, SEQUENCE, &payload));
            let _ = exchange.take(KERNEL_PORT, &payload);
        }
    }
}
