//! From messages and lines to entries.

use std::sync::Arc;

use super::counters::Counters;
use super::shed::account::ACCOUNT;
use super::shed::{self, Shedder};
use super::{Ingest, Now, Sink};
use crate::enrich::Names;
use crate::entry::Resolve;
use crate::entry::decode::decode;
use crate::event::{Closed, assembler};
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::store::term::Terms;

#[derive(Default)]
struct Collected(Vec<String>);

impl Sink for Collected {
    fn entry(&mut self, id: EventId, _: &Terms, line: &[u8]) {
        assert_eq!(decode(line).expect("an entry decodes").event.id, id);
        self.0.push(String::from_utf8(line.to_vec()).expect("an entry is UTF-8"));
    }
}

struct Root;

impl Resolve for Root {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        (id == 0).then(|| "root".into())
    }
    fn group(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
}

fn live(counters: &Arc<Counters>) -> Ingest {
    Ingest::live(assembler::Config::default(), None, Box::new(Root), counters.clone())
}

#[test]
fn messages_become_entries() {
    let counters = Arc::new(Counters::default());
    let (mut ingest, mut found) = (live(&counters), Collected::default());
    let now = Now { mono_ms: 5, wall_ms: 1_000 };
    for (kind, text) in [
        (2u16, "acknowledgement"),
        (1329, "\u{1}\0\0\0"),
        (1300, "audit(1.000:7): uid=0 pid=3"),
        (1320, "audit(1.000:7): "),
        (1005, "audit(1.000:8): pid=1\0\0"),
        (1300, "garbage"),
    ] {
        ingest.message(kind, text.as_bytes(), now, &mut found);
    }
    let expected = [
        r#"{"v":1,"time":"1970-01-01T00:00:01.000Z","serial":7,"records":[{"type":"SYSCALL","uid":0,"pid":3}],"names":{"users":{"0":"root"}}}"#,
        r#"{"v":1,"time":"1970-01-01T00:00:01.000Z","serial":8,"records":[{"type":"USER","pid":1}]}"#,
        r#"{"v":1,"time":"1970-01-01T00:00:01.000Z","serial":1,"closed":"malformed","records":[{"type":"SYSCALL","raw":"garbage"}]}"#,
    ];
    assert_eq!(found.0, expected);
    let read = |counter| Counters::read(counter);
    assert_eq!((read(&counters.records), read(&counters.events), read(&counters.malformed)), (4, 3, 1));
}

#[test]
fn a_missing_serial_is_an_event_of_its_own() {
    let counters = Arc::new(Counters::default());
    let (mut ingest, mut found) = (live(&counters), Collected::default());
    for serial in [7, 9] {
        let text = format!("audit(1.000:{serial}): pid=1");
        ingest.message(1005, text.as_bytes(), Now::default(), &mut found);
    }
    found.0.clear();
    ingest.tick(Now { mono_ms: super::gaps::PATIENCE_MS, wall_ms: 0 }, &mut found);
    assert_eq!(found.0.len(), 1);
    assert!(
        found.0[0].contains(r#""type":"DAEMON_ERR","op":"gap","missing":"1","from":"8""#),
        "{}",
        found.0[0]
    );
    assert_eq!(Counters::read(&counters.gaps), 1);
}

/// A producer that the kernel held back between two records of a call has made one event, not two.
#[test]
fn an_event_is_not_torn_where_the_kernel_holds_its_producer_back() {
    for (held, expected) in [(0, 2), (5, 1)] {
        let counters = Arc::new(Counters::default());
        let (mut ingest, mut found) = (live(&counters), Collected::default());
        let now = |mono_ms| Now { mono_ms, wall_ms: mono_ms };
        let mut message = |kind, body: &str, mono_ms, found: &mut Collected| {
            ingest.message(kind, format!("audit(1.000:7): {body}").as_bytes(), now(mono_ms), found);
            ingest.tick(now(mono_ms + 2001), found);
        };
        Counters::add(&counters.held_ticks, held);
        message(1300, "arch=c000003e syscall=2 success=yes exit=3", 0, &mut found);
        message(1302, "item=0 name=\"/a\"", 60_000, &mut found);
        message(1320, "", 60_500, &mut found);
        assert_eq!(found.0.len(), expected, "{held} ticks: {:#?}", found.0);
        if held == 0 {
            assert!(found.0[1].contains(r#""closed":"late""#), "{}", found.0[1]);
        } else {
            assert!(!found.0[0].contains("closed"), "{}", found.0[0]);
        }
    }
}

/// It stays open no longer than the kernel can hold its producer back.
#[test]
fn an_event_whose_end_never_comes_is_closed_after_all() {
    let counters = Arc::new(Counters::default());
    let (mut ingest, mut found) = (live(&counters), Collected::default());
    ingest.message(1300, b"audit(1.000:7): arch=c000003e syscall=2", Now::default(), &mut found);
    Counters::add(&counters.held_ticks, 1);
    for (mono_ms, expected) in [(1000, 0), (61_999, 0), (62_000, 1)] {
        ingest.tick(Now { mono_ms, wall_ms: 0 }, &mut found);
        assert_eq!(found.0.len(), expected, "at {mono_ms} ms");
    }
}

/// What was left out on the way is told with its key, its count and its time, and its serial numbers are no gap; others are.
#[test]
fn what_was_shed_is_an_event_of_its_own_and_no_gap() {
    let counters = Arc::new(Counters::default());
    let keys = shed::Config { keep_keys: vec![b"keep".as_slice().into()], ..shed::Config::default() };
    let mut shedder = Shedder::new(keys, counters.clone());
    let (mut ingest, mut found) = (live(&counters), Collected::default());
    let now = |mono_ms| Now { mono_ms, wall_ms: 60_000 + mono_ms };
    for (serial, key, records) in
        [(7, "\"keep\"", 3), (8, "\"a\"", 3), (9, "(null)", 2), (10, "\"a\"", 2), (12, "\"keep\"", 2)]
    {
        let first =
            format!("audit({serial}.000:{serial}): arch=c000003e syscall=2 success=yes exit=0 key={key}");
        let more = [(1302u16, format!("audit({serial}.000:{serial}): item=0"))];
        let last = [(1320, format!("audit({serial}.000:{serial}): "))];
        for (kind, text) in [(1300, first)].into_iter().chain(more).take(records - 1).chain(last) {
            if shedder.keeps(0.8, kind, text.as_bytes()) {
                ingest.message(kind, text.as_bytes(), now(0), &mut found);
            }
        }
    }
    assert_eq!(found.0.len(), 2);
    found.0.clear();
    ingest.message(ACCOUNT, &shedder.account(0.8).expect("there is one"), now(0), &mut found);
    let mut carried = Vec::new();
    ingest.open_messages(&mut |kind, bytes| carried.push((kind, bytes.to_vec())));
    ingest.tick(now(999), &mut found);
    assert!(found.0.is_empty(), "accounts gather for a second");
    ingest.tick(now(1000), &mut found);
    let expected = [
        r#""op":"shed","key":["a"],"shed_type":"SYSCALL","events":"2","since_ms":"8000","until_ms":"10000","res":"failed"}"#,
        r#""op":"shed","key":null,"shed_type":"SYSCALL","events":"1","since_ms":"9000","until_ms":"9000","res":"failed"}"#,
    ];
    let check = |found: &Collected| {
        assert_eq!(found.0.len(), expected.len(), "{:#?}", found.0);
        for (line, expected) in found.0.iter().zip(expected) {
            assert!(line.contains(expected), "{line}");
        }
    };
    check(&found);
    found.0.clear();
    ingest.tick(now(super::gaps::PATIENCE_MS), &mut found);
    let gap = r#""op":"gap","missing":"1","from":"11","to":"11","since_ms":"60000","until_ms":"60000","res":"failed"}"#;
    assert!(found.0.len() == 1 && found.0[0].contains(gap), "{:#?}", found.0);
    assert_eq!(Counters::read(&counters.gaps), 1);

    // What was not told yet is told by the next process.
    let (mut ingest, mut found) = (live(&counters), Collected::default());
    for (kind, bytes) in carried {
        ingest.message(kind, &bytes, now(0), &mut found);
    }
    ingest.finish(now(1), &mut found);
    check(&found);
}

#[test]
fn a_log_is_read_with_the_names_in_its_tails() {
    let (mut ingest, mut found) = (Ingest::import(Arc::default()), Collected::default());
    let log = [
        "node=a type=SYSCALL msg=audit(1.000:7): uid=1000 gid=0\u{1d}UID=\"alice\" GID=\"root\"",
        "node=b type=SYSCALL msg=audit(1.000:7): uid=1000 gid=0",
        "node=a type=PROCTITLE msg=audit(1.000:7): proctitle=\"x\"",
        "what is this?",
    ];
    for (number, line) in log.iter().enumerate() {
        ingest.log_line(line.as_bytes(), number as u64, &mut found);
    }
    ingest.finish(Now::default(), &mut found);
    let stored: Vec<_> = found.0.iter().map(|line| decode(line.as_bytes()).expect("an entry")).collect();
    let of_a = Names { users: vec![(1000, "alice".into())], groups: vec![(0, "root".into())] };
    assert_eq!(stored[0].names, of_a);
    assert_eq!(stored[0].event.len(), 2);
    assert_eq!((stored[1].event.closed, stored[1].event.id.serial), (Closed::Malformed, 3));
    assert_eq!(stored[1].event.record(RecordType(0)), Some(&b"what is this?"[..]));
    assert_eq!((stored[2].event.node.as_deref(), &stored[2].names), (Some(&b"b"[..]), &Names::default()));
}
