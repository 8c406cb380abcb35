//! Events as people and programs read them.

use std::sync::Arc;

use super::{Format, Style, write};
use crate::enrich::Names;
use crate::enrich::context::{
    Ancestor, Container, Context, Login, Parent, Process, ProcessId, Runtime, Sha256,
};
use crate::entry::Stored;
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::stamp::EventId;

fn stored() -> Stored {
    let mut event = Event::new(EventId { time_ms: 1_700_000_004_100, serial: 14 });
    event.push(
        RecordType::SYSCALL,
        b"arch=c000003e syscall=257 success=no exit=-13 a2=0 ppid=6 pid=7 auid=1000 uid=0 comm=\"tail\" exe=\"/usr/bin/tail\" key=\"passwd-ra\"",
    );
    event.push(RecordType::CWD, b"cwd=\"/root\"");
    event.push(RecordType::PATH, b"item=0 name=\"/etc/passwd\" inode=5 mode=0100644 nametype=NORMAL");
    event.push(RecordType::PROCTITLE, b"proctitle=7461696C002F6574632F706173737764");
    let names = Names { users: vec![(0, "root".into()), (1000, "alice".into())], groups: Vec::new() };
    Stored { event, names, context: Context::default() }
}

fn written(format: Format, stored: &Stored) -> String {
    let mut out = Vec::new();
    write(Style { format, terminal: true, colours: false }, b"{}", stored, &mut out)
        .expect("memory takes all");
    String::from_utf8(out).expect("escaped text")
}

#[test]
fn a_line_says_who_did_what_on_what_with_what() {
    let line = written(Format::Line, &stored());
    let (_, sentence) = line.split_once(' ').expect("a time before it");
    assert_eq!(
        sentence,
        "alice as root tried to read /etc/passwd with tail (pid 7) · failed: EACCES · passwd-ra\n"
    );
}

#[test]
fn text_tells_all_parts() {
    let text = written(Format::Text, &stored());
    for part in [
        "  serial 14\n  alice as root tried to read /etc/passwd with tail (pid 7) · failed: EACCES · passwd-ra\n",
        "  who      uid 0 (root)  auid 1000 (alice)\n",
        "  what     openat (x86_64)  failed  with EACCES(Permission denied)\n",
        "  with     comm tail  exe /usr/bin/tail  pid 7  ppid 6\n",
        "  args     tail /etc/passwd\n",
        "  where    /root\n",
        "  on       /etc/passwd  inode 5  mode file,644  as NORMAL\n",
        "  SYSCALL arch=x86_64 syscall=openat success=no exit=EACCES(Permission denied) a2=0x0 ppid=6 pid=7 auid=alice \
         uid=root comm=tail exe=/usr/bin/tail key=passwd-ra\n  CWD cwd=/root\n",
        "  PROCTITLE proctitle=tail /etc/passwd\n\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn text_tells_what_is_known_of_the_process() {
    let id = |pid| ProcessId { started: 10, pid };
    let process = Process {
        id: id(7),
        parent: Some(Parent {
            id: id(6),
            exe: Some((*b"/usr/bin/bash").into()),
            argv: [(*b"bash").into(), (*b"\x1b[2J.sh").into()].into(),
        }),
        ancestors: vec![
            Ancestor { id: id(5), exe: Some((*b"/usr/sbin/sshd").into()) },
            Ancestor { id: id(1), exe: None },
        ],
    };
    let login = Login {
        session: 3,
        user: Some((*b"alice").into()),
        address: Some((*b"192.0.2.7").into()),
        terminal: Some((*b"pts/0").into()),
        ..Login::default()
    };
    let context = Context {
        process: Some(Arc::new(process)),
        script: Some((*b"/opt/x.py").into()),
        hash: Some(Sha256([0xab; 32])),
        environment: vec![((*b"LANG").into(), (*b"C\n").into())],
        container: Some(Container { id: (*b"3f2a").into(), runtime: Some(Runtime::Podman) }),
        unit: Some((*b"ssh.service").into()),
        login: Some(Arc::new(login)),
    };
    let text = written(Format::Text, &Stored { context, ..stored() });
    let hash = format!("  sha256   {}\n", "ab".repeat(32));
    for part in [
        "  script   /opt/x.py\n",
        "  parent   exe /usr/bin/bash  pid 6  args bash ",
        "  above    /usr/sbin/sshd (5)  ? (1)\n",
        "  login    session 3  user alice  from 192.0.2.7  terminal pts/0\n",
        "  in       unit ssh.service  container 3f2a  of podman\n",
        "  env      LANG=C\\n\n",
        &hash,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn raw_gives_back_the_records() {
    let mut stored = stored();
    stored.event.push(RecordType(1999), b"a\nb");
    let raw = written(Format::Raw, &stored);
    let lines: Vec<_> = raw.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "type=CWD msg=audit(1700000004.100:14): cwd=\"/root\"");
    assert_eq!(lines[4], "type=UNKNOWN[1999] msg=audit(1700000004.100:14): a b");
}

/// A record of the type `UNKNOWN[0]` was taken for a line that is no record, and came back without its head.
#[test]
fn a_record_of_type_0_is_written_with_its_head() {
    let mut stored = Stored {
        event: Event::new(EventId { time_ms: 1000, serial: 1 }),
        names: Names::default(),
        context: Context::default(),
    };
    stored.event.push(RecordType(0), b"a=b");
    assert_eq!(written(Format::Raw, &stored), "type=UNKNOWN[0] msg=audit(1.000:1): a=b\n");
    stored.event.closed = Closed::Malformed;
    assert_eq!(written(Format::Raw, &stored), "a=b\n");
}

#[test]
fn split_arguments_are_joined() {
    let mut event = Event::new(EventId::default());
    event.push(RecordType::EXECVE, b"argc=3 a0=\"x\" a1_len=6 a1[0]=414141 a1[1]=\"BBB\"");
    event.push(RecordType::EXECVE, b" a2=\"last\"");
    let names = Names::default();
    let view = super::view::view(&event, &names);
    assert_eq!(view.process.arguments, [b"x".to_vec(), b"AAABBB".to_vec(), b"last".to_vec()]);
}

proptest::proptest! {
    #[test]
    fn nothing_in_a_record_can_make_it_fail(kind in 1000u16..2999, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200), time_ms in proptest::num::u64::ANY) {
        let mut event = Event::new(EventId { time_ms, serial: 1 });
        event.push(RecordType(kind), &body);
        let stored = Stored { event, names: Names::default(), context: Context::default() };
        for format in [Format::Text, Format::Line] {
            let text = written(format, &stored);
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }
}
