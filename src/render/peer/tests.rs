//! Events as the tools of audit-userspace write them; the comparison with these is in `tests/ausearch.rs`.

use proptest::prelude::*;

use super::csv::Extra;
use super::{Escape, Lookup, Peer};
use crate::enrich::Names;
use crate::event::Event;
use crate::record::RecordType;
use crate::record::stamp::EventId;

/// A host with one user and one group.
struct One;

impl Lookup for One {
    fn user(&self, id: u32) -> Option<String> {
        (id == 1000).then(|| "alice".to_owned())
    }

    fn group(&self, id: u32) -> Option<String> {
        (id == 1000).then(|| "staff".to_owned())
    }
}

fn peer() -> Peer {
    let extra = Extra { time: true, labels: true, object: true, keys: true };
    Peer::new(Escape::Tty, extra, jiff::tz::TimeZone::UTC, Box::new(One))
}

fn event(records: &[(u16, &[u8])]) -> Event {
    let mut event = Event::new(EventId { time_ms: 1_700_000_004_100, serial: 14 });
    for (kind, body) in records {
        event.push(RecordType(*kind), body);
    }
    event
}

fn opened() -> Event {
    event(&[
        (
            1300,
            b"arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7ffd a2=241 a3=1b6 items=1 pid=7 auid=1000 uid=0 \
              gid=1000 ses=3 comm=\"sh\" exe=\"/usr/bin/sh\" key=61620163\x1dAUID=\"alice\" UID=\"toor\" GID=\"wheel\"",
        ),
        (1307, b"cwd=\"/root\""),
        (1302, b"item=0 name=\"a,b\" inode=5 mode=0100644 nametype=NORMAL"),
    ])
}

#[test]
fn names_of_the_log_come_before_those_of_the_host() {
    let mut out = Vec::new();
    peer().interpreted(&opened(), &Names::default(), &mut out);
    let text = String::from_utf8(out).expect("text");
    let expected = "----\n\
        type=PATH msg=audit(11/14/23 22:13:24.100:14) : item=0 name=a,b inode=5 mode=file,644 nametype=NORMAL \n\
        type=CWD msg=audit(11/14/23 22:13:24.100:14) : cwd=/root \n\
        type=SYSCALL msg=audit(11/14/23 22:13:24.100:14) : arch=x86_64 syscall=openat success=no \
        exit=EACCES(Permission denied) a0=AT_FDCWD a1=0x7ffd a2=O_WRONLY|O_CREAT|O_TRUNC a3=0x1b6 items=1 pid=7 \
        auid=alice uid=toor gid=wheel ses=3 comm=sh exe=/usr/bin/sh key=ab key=c \n";
    assert_eq!(text, expected);
}

#[test]
fn a_cell_with_a_comma_is_quoted() {
    let mut out = Vec::new();
    peer().csv(&opened(), &Names::default(), &mut out);
    let expected = ",SYSCALL,11/14/23,22:13:24,2023,11,14,2,22,100,+00:00,14,audit-rule,3,alice,toor,privileged-acct,,\
        opened-file,failed,\"/root/a,b\",5,,,file,sh,ab\n";
    assert_eq!(String::from_utf8_lossy(&out), expected);
    out.clear();
    peer().text(&opened(), &Names::default(), &mut out);
    let expected =
        "At 22:13:24 11/14/23 alice, acting as toor, unsuccessfully opened-file /root/a,b using sh\n";
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

proptest! {
    #[test]
    fn any_record_is_written_on_one_line(
        kinds in proptest::collection::vec(prop_oneof![1000u16..2600, Just(1300), Just(1302)], 1..5),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        words in "(a0|uid|syscall|arch|saddr|name|msg|op|key|res)=[0-9A-Fa-f'\" ]{0,30} (mode|auid|exe|cwd)=[0-9]{0,20}",
    ) {
        let text = words.as_bytes();
        let records: Vec<(u16, &[u8])> =
            kinds.iter().enumerate().map(|(n, kind)| (*kind, if n % 2 == 0 { text } else { &body })).collect();
        let event = event(&records);
        let mut out = Vec::new();
        for write in [Peer::csv, Peer::text] {
            out.clear();
            write(&mut peer(), &event, &Names::default(), &mut out);
            prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
        out.clear();
        peer().interpreted(&event, &Names::default(), &mut out);
        prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1 + records.len());
        out.clear();
        peer().plain(&event, &mut out);
        prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2 + records.len());
    }
}
