//! Datagrams of the audit socket: told from all else, taken for the answers of a request, carried by the ring.
//!
//! The first byte says what the request waits for; then parts, whose number is the sender's port.
#![no_main]

use std::cell::RefCell;

use ktrail::netlink::error::Request;
use ktrail::netlink::exchange::{Answers, Exchange, KERNEL_PORT};
use ktrail::netlink::intake::Counts;
use ktrail::netlink::message::Control;
use ktrail::rules::Rule;
use ktrail::sys::ring::{ROOM_BYTES, Ring};
use ktrail_fuzz::parts;
use ktrail_fuzz::rules::check_any;
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 16;
const SEQUENCE: u32 = 7;
const GET: u16 = 1000;
const LIST_RULES: u16 = 1013;

thread_local! {
    static RING: RefCell<Ring> = RefCell::new(Ring::create().expect("memory for a ring"));
}

fuzz_target!(|input: &[u8]| {
    let Some((&expected, input)) = input.split_first() else { return };
    let expected = match expected % 3 {
        0 => Answers::Nothing,
        1 => Answers::One(GET),
        _ => Answers::List(LIST_RULES),
    };
    let mut exchange = Exchange::new(Request::GetStatus, SEQUENCE, expected);
    let mut counts = Counts::default();
    let mut given = 0;
    let datagrams = parts(input);
    for (port, datagram) in &datagrams {
        let port = u32::from(*port);
        if let Some((kind, payload)) = counts.message(port, datagram) {
            assert_eq!(port, KERNEL_PORT, "nobody but the kernel is believed");
            assert_eq!(payload, &datagram[HEADER_BYTES..], "a message is as long as its datagram");
            assert_eq!(kind.to_ne_bytes(), datagram[4..6]);
            given += 1;
            carry(kind, payload);
        }
        let was_over = exchange.is_over();
        if let Ok(true) = exchange.take(port, datagram) {
            assert_eq!(port, KERNEL_PORT, "nobody but the kernel answers");
            assert_eq!(datagram[8..12], SEQUENCE.to_ne_bytes(), "an answer is to this request");
        }
        assert!(exchange.is_over() || !was_over || expected != Answers::Nothing);
    }
    assert_eq!(counts.datagrams() + given, datagrams.len() as u64, "each is counted as one thing");
    let Ok((_, answers)) = exchange.finish() else { return };
    assert!(answers.len() <= datagrams.len());
    for answer in answers {
        match answer {
            Control::Other { kind, payload } => {
                assert!(kind == LIST_RULES && expected == Answers::List(LIST_RULES));
                if let Ok(rule) = Rule::from_kernel(&payload) {
                    check_any(&rule);
                }
            }
            Control::Status { .. } => assert_eq!(expected, Answers::One(GET)),
            Control::GetStatus => panic!("the kernel asks nothing"),
        }
    }
});

/// Checks that a message comes out of the ring as it went in.
fn carry(kind: u16, payload: &[u8]) {
    let payload = &payload[..payload.len().min(ROOM_BYTES - HEADER_BYTES)];
    RING.with_borrow_mut(|ring| {
        assert!(ring.writer.push(kind, payload), "there is room in an empty ring");
        ring.writer.publish();
        assert_eq!(ring.reader.take(), Some((kind, payload)));
        assert!(ring.reader.release(|_| {}), "nothing is carried");
    });
}
