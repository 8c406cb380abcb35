//! Messages of the kernel as they come: each record is in exactly one entry, whatever their order, also when another
//! process goes on half-way.
//!
//! Parts, whose number is the message's type. A part of type 0 lets time pass, as many milliseconds as it has bytes
//! times 50; one of type 1 changes to the next process.
#![no_main]

use std::sync::Arc;

use ktrail::entry::Resolve;
use ktrail::event::{Closed, assembler};
use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now};
use ktrail::record::stamp::{self, EventId};
use ktrail_fuzz::{Collected, parts};
use libfuzzer_sys::fuzz_target;

const PASS: u16 = 0;
const NEXT_PROCESS: u16 = 1;
const EOE: u16 = 1320;
const DAEMON_ERR: u16 = 1209;
const OPEN_MAX: usize = 6;

/// A record: its event, unless it has no readable stamp, its type and its body.
type Record = (Option<EventId>, u16, Vec<u8>);

struct Root;

impl Resolve for Root {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        (id == 0).then(|| "root".into())
    }
    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        (id == 0).then(|| "root".into())
    }
}

fn ingest(counters: &Arc<Counters>) -> Ingest {
    let config =
        assembler::Config { open_max: OPEN_MAX, event_bytes_max: 600, ..assembler::Config::default() };
    Ingest::live(config, Some(Box::from(&b"web1"[..])), Box::new(Root), counters.clone())
}

fuzz_target!(|input: &[u8]| {
    let counters = Arc::new(Counters::default());
    let (mut now, mut found, mut sent) = (Now::default(), Collected::default(), Vec::new());
    let mut process = ingest(&counters);
    for (kind, payload) in parts(input) {
        match kind {
            PASS => {
                now.mono_ms += payload.len() as u64 * 50;
                now.wall_ms = now.mono_ms;
                process.tick(now, &mut found);
                assert!(Counters::read(&counters.open) <= OPEN_MAX as u64 + 1, "what is open is bounded");
            }
            NEXT_PROCESS => {
                let mut next = ingest(&counters);
                process.open_messages(&mut |kind, payload| next.message(kind, payload, now, &mut found));
                process = next;
            }
            _ => {
                process.message(kind, payload, now, &mut found);
                sent.extend(record(kind, payload));
            }
        }
    }
    process.finish(Now::default(), &mut found);
    let stored = found.entries.iter().flat_map(|stored| {
        let id = Some(stored.event.id).filter(|_| stored.event.closed != Closed::Malformed);
        stored.event.records().map(move |(kind, body)| (id, kind.0, body.to_vec()))
    });
    let is_gap = |record: &Record| record.1 == DAEMON_ERR && record.2.starts_with(b"op=gap missing=");
    let without_gaps = |mut records: Vec<Record>| {
        records.retain(|record| !is_gap(record));
        records.sort();
        records
    };
    assert_eq!(without_gaps(stored.collect()), without_gaps(sent), "no record is lost or doubled");
});

/// The record that a message is to become.
fn record(kind: u16, payload: &[u8]) -> Option<Record> {
    let is_record = matches!(kind, 1005 | 1006) || kind >= 1100 && kind != 1329;
    let end = payload.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match stamp::split(&payload[..end]) {
        _ if !is_record => None,
        Ok(_) if kind == EOE => None,
        Ok((id, body)) => Some((Some(id), kind, body.to_vec())),
        Err(_) => Some((None, kind, payload[..end].to_vec())),
    }
}
