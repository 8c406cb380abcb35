//! The reports over events made by hand.

use super::addresses::{ADDRESSES_MAX, Addresses};
use super::cell::{Call, Cell};
use super::listing::{LISTINGS, Listing};
use super::particulars::Particulars;
use super::session::{PROCESSES_MAX, Session};
use super::tally::{Tally, VALUES_MAX};
use super::timeline::{STRETCHES_MAX, Timeline};
use crate::event::Event;
use crate::record::RecordType;
use crate::record::stamp::EventId;

fn event(serial: u32, records: &[(u16, &str)]) -> Event {
    let mut event = Event::new(EventId { time_ms: 1_700_000_000_000 + u64::from(serial) * 1000, serial });
    for (kind, body) in records {
        event.push(RecordType(*kind), body.as_bytes());
    }
    event
}

const OPEN: &[(u16, &str)] = &[
    (
        1300,
        "arch=c000003e syscall=257 success=no exit=-13 ppid=7 pid=8 auid=1000 uid=1000 tty=pts0 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=6B310162",
    ),
    (1307, "cwd=\"/home\""),
    (1302, "item=0 name=\"./a b\" nametype=NORMAL"),
    (1302, "item=1 name=\"c\" nametype=NORMAL"),
];

#[test]
fn particulars_come_from_all_records_of_an_event() {
    let event = event(1, OPEN);
    let said = Particulars::of(&event);
    assert_eq!((said.pid, said.auid, said.uid, said.session), (Some(8), Some(1000), Some(1000), Some(3)));
    assert_eq!((said.comm.as_deref(), said.exe.as_deref()), (Some(&b"cat"[..]), Some(&b"/usr/bin/cat"[..])));
    assert_eq!((said.call, said.outcome), (Some(Call { number: 257, name: Some("openat") }), Some(false)));
    assert_eq!(said.files, [&b"/home/./a b"[..], b"c"]);
    assert_eq!(said.keys, [&b"k1"[..], b"b"]);
}

#[test]
fn a_decision_is_read_of_every_security_module() {
    let cases: &[(u16, &str, Option<bool>, &str, &str)] = &[
        (
            1400,
            "avc:  denied  { read write } for  pid=1 comm=\"x\" scontext=s tcontext=o tclass=file",
            Some(false),
            "read write",
            "o",
        ),
        (
            1400,
            "avc:  granted  { setexec } for  pid=1 scontext=s tcontext=o tclass=process",
            Some(true),
            "setexec",
            "o",
        ),
        (
            1107,
            "pid=1 uid=81 auid=1 ses=1 msg='avc:  denied  { send_msg } for scontext=s tcontext=o tclass=dbus terminal=?'",
            Some(false),
            "send_msg",
            "o",
        ),
        (
            1400,
            "apparmor=\"DENIED\" operation=\"open\" profile=\"s\" name=\"/etc/x\" pid=1 comm=\"x\" requested_mask=\"r\"",
            Some(false),
            "r",
            "/etc/x",
        ),
    ];
    for (kind, body, granted, permissions, object) in cases {
        let event = event(1, &[(*kind, body)]);
        let said = Particulars::of(&event);
        let decision = said.decisions.first().expect(body);
        assert_eq!((decision.granted, said.outcome), (*granted, *granted), "{body}");
        assert_eq!(decision.permissions, Some(permissions.as_bytes()), "{body}");
        assert_eq!((decision.subject, decision.object), (Some(&b"s"[..]), Some(object.as_bytes())), "{body}");
    }
}

#[test]
fn every_list_has_a_row_for_each_thing_and_a_value_for_each_column() {
    let events = [
        event(1, OPEN),
        event(2, &[(1112, "pid=1 uid=0 auid=1 ses=1 msg='op=login acct=\"root\" hostname=h res=failed'")]),
    ];
    let cases =
        [("files", 2), ("keys", 2), ("events", 2), ("syscalls", 1), ("logins", 1), ("hosts", 1), ("mac", 0)];
    for (name, expected) in cases {
        let listing = Listing::named(name).expect(name);
        let mut rows = Vec::new();
        events.iter().for_each(|event| listing.rows(&Particulars::of(event), &mut |row| rows.push(row)));
        assert_eq!(rows.len(), expected, "{name}");
        assert!(rows.iter().all(|row| row.cells.len() == listing.columns.len()), "{name}");
    }
    let mut objects = Vec::new();
    let logins = Listing::named("logins").expect("logins");
    logins.objects(&Particulars::of(&events[1]), &mut |cell| objects.push(cell));
    assert_eq!(objects, [Cell::Text(b"root".to_vec())]);
    assert!(LISTINGS.is_sorted_by_key(|listing| listing.name), "the help lists them in this order");
}

#[test]
fn counts_are_in_order_of_frequency_and_then_of_coming() {
    let mut tally = Tally::default();
    for value in ["b", "a", "c", "a", "c"] {
        tally.add(value.as_bytes());
    }
    assert_eq!(tally.most_frequent(), [(&b"a"[..], 2), (b"c", 2), (b"b", 1)]);
    assert_eq!((tally.len(), tally.others()), (3, 0));
}

#[test]
fn a_timeline_holds_every_event_in_bounded_memory() {
    let mut timeline = Timeline::new(1000);
    let events = 3 * STRETCHES_MAX as u64;
    for event in 0..events {
        timeline.take(event * 1_000_000, event % 3 == 0);
    }
    let sum = |timeline: &Timeline| {
        let stretches = timeline.stretches(usize::MAX);
        let sum = |part: fn(&super::timeline::Count) -> u64| {
            stretches.iter().map(|(_, count)| part(count)).sum::<u64>()
        };
        (stretches.len(), sum(|count| count.events), sum(|count| count.failed))
    };
    let (length, all, failed) = sum(&timeline);
    assert!(length <= 2 * STRETCHES_MAX, "{length}");
    assert_eq!((all, failed), (events, events.div_ceil(3)));
    timeline.fit(50);
    let (length, all, _) = sum(&timeline);
    assert!(length <= 50 && length > 10, "{length}");
    assert_eq!(all, events);
    assert_eq!(timeline.length_ms() % 86_400_000, 0, "a whole length");
}

/// What there is no room for is told as a number.
#[test]
fn values_addresses_and_processes_are_bounded() {
    const MORE: usize = 3;
    let mut tally = Tally::default();
    (0..VALUES_MAX + MORE).for_each(|value| tally.add(&value.to_le_bytes()));
    tally.add(&0usize.to_le_bytes());
    assert_eq!((tally.len(), tally.others()), (VALUES_MAX, MORE as u64));
    assert_eq!(tally.most_frequent()[0], (&0usize.to_le_bytes()[..], 2), "what is known is still counted");

    let (mut addresses, mut session) = (Addresses::default(), Session::default());
    for number in 0..ADDRESSES_MAX.max(PROCESSES_MAX) + MORE {
        let login = format!(
            "pid={number} uid=0 auid=1 ses=1 msg='op=login acct=\"x\" hostname=? addr={number} res=failed'"
        );
        let event = event(1, &[(1112, &login)]);
        let said = Particulars::of(&event);
        addresses.take(&said);
        session.take(&event, &said);
    }
    assert_eq!((addresses.rows().len(), addresses.others()), (ADDRESSES_MAX, MORE as u64));
    assert_eq!((session.tree().len(), session.others()), (PROCESSES_MAX, MORE as u64));
}

#[test]
fn attempts_are_counted_by_address() {
    let login = |serial, host: &str, account: &str, result: &str| {
        let body = format!(
            "pid=1 uid=0 auid=1 ses=1 msg='op=login acct=\"{account}\" hostname=? addr={host} res={result}'"
        );
        event(serial, &[(1112, &body)])
    };
    let mut addresses = Addresses::default();
    let all = [
        login(1, "a", "x", "failed"),
        login(2, "b", "x", "failed"),
        login(3, "b", "y", "failed"),
        login(4, "a", "x", "success"),
    ];
    all.iter().for_each(|event| addresses.take(&Particulars::of(event)));
    let rows: Vec<_> = addresses
        .rows()
        .iter()
        .map(|(host, attempts)| (*host, attempts.count, attempts.accounts.len()))
        .collect();
    assert_eq!(rows, [(&b"b"[..], 2, 2), (b"a", 1, 1)]);
}

#[test]
fn a_session_is_a_tree_even_when_pids_go_round() {
    let process = |serial, pid: u32, ppid: u32, argv: &str| {
        let call = format!(
            "arch=c000003e syscall=59 success=yes exit=0 ppid={ppid} pid={pid} auid=1 uid=1 tty=pts0 ses=3 comm=\"x\" exe=\"/x\" key=(null)"
        );
        event(serial, &[(1300, &call), (1309, argv)])
    };
    let events = [
        process(1, 10, 1, "argc=1 a0=\"bash\""),
        process(2, 11, 10, "argc=2 a0=\"ls\" a1=\"-l\""),
        process(3, 12, 11, "argc=1 a0=\"cat\""),
        process(4, 13, 10, "argc=1 a0=\"id\""),
        // Each the parent of the other: numbers that were used again.
        process(5, 20, 21, "argc=1 a0=\"p\""),
        process(6, 21, 20, "argc=1 a0=\"q\""),
        process(7, 11, 10, "argc=1 a0=\"ps\""),
        event(8, &[(1305, "auid=1 ses=3 op=add_rule res=1")]),
    ];
    let mut session = Session::default();
    events.iter().for_each(|event| session.take(event, &Particulars::of(event)));
    let tree: Vec<_> = session
        .tree()
        .into_iter()
        .map(|(depth, pid, process)| {
            (depth, pid, String::from_utf8_lossy(&process.programs.join(&b';')).into_owned())
        })
        .collect();
    let expected =
        [(0, 10, "bash"), (1, 11, "ls -l;ps"), (2, 12, "cat"), (1, 13, "id"), (0, 20, "p"), (1, 21, "q")];
    assert_eq!(tree, expected.map(|(depth, pid, programs)| (depth, pid, programs.to_owned())));
    assert_eq!(session.others(), 1);
}
