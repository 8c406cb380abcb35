//! Events as people and programs read them.

use std::sync::Arc;

use super::ecs::Ecs;
use super::ocsf::Ocsf;
use super::view::Act;
use super::{Format, Style, write};
use crate::enrich::Names;
use crate::enrich::context::{
    Ancestor, Container, Context, Login, Parent, Process, ProcessId, Runtime, Sha256,
};
use crate::entry::Stored;
use crate::entry::decode::decode;
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::tables;

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
    write(Style { format, terminal: true, colours: false, date: false }, b"{}", stored, &mut out)
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

/// EOE says that its event is complete; it is not stored.
const WITHOUT_WORDS: [u16; 1] = [1320];

#[test]
fn every_record_type_has_words_and_an_act() {
    for (number, name) in tables::record_types() {
        let kind = RecordType(*number);
        let mut event = Event::new(EventId::default());
        event.push(kind, b"op=x name=\"y\" res=1");
        let names = Names::default();
        let view = super::view::view(&event, &names);
        assert_eq!(view.record, kind);
        let is_generic = view.sentence.verb.starts_with("recorded ") || view.act == Act::Unknown;
        assert_eq!(
            is_generic,
            WITHOUT_WORDS.contains(number),
            "{name}: {:?} {:?}",
            view.sentence.verb,
            view.act
        );
    }
    let mut event = Event::new(EventId::default());
    event.push(RecordType(2999), b"op=x");
    let names = Names::default();
    let view = super::view::view(&event, &names);
    assert_eq!((&*view.sentence.verb, view.act), ("recorded UNKNOWN[2999]", Act::Unknown));
}

#[test]
fn a_sentence_says_what_the_record_says() {
    let cases: &[(u16, &str, &str)] = &[
        (
            1209,
            "op=gap missing=3 from=11 to=13 res=failed",
            "the audit trail misses records: 3 serials 11 to 13 · failed",
        ),
        (
            1209,
            "op=lost lost=5 total=7 backlog=64 res=failed",
            "the audit trail lost records: 5 of 7 · failed",
        ),
        (
            1209,
            "op=low-space action=rotate free=7 least=8 res=failed",
            "the audit trail is short of space: rotate · failed",
        ),
        (
            1206,
            "op=write error=ENOSPC failed_ms=15 res=success",
            "the audit trail could not be written for ms: 15 for ENOSPC · ok",
        ),
        (
            1203,
            "op=rules-drift change=removed rule=\"-D\" auid=1000 pid=3 repair=done res=success",
            "alice removed the rule -D repair: done (pid 3) · ok",
        ),
        (1209, "op=other res=failed", "- tried to report an error other · failed"),
        (1503, "operation=\"open\" name=\"/x\" pid=3", "kernel was denied open on /x (pid 3) · failed"),
        (1330, "name=\"dummy\"", "kernel loaded the kernel module dummy"),
        (
            2404,
            "pid=9 msg='op=destroy fp=SHA256:aa res=success'",
            "- used the key SHA256:aa by destroy (pid 9) · ok",
        ),
        (
            2207,
            "pid=9 uid=0 msg='op=lock acct=\"bob\" res=success'",
            "root locked the account bob (pid 9) · ok",
        ),
    ];
    for (kind, body, expected) in cases {
        let mut event = Event::new(EventId::default());
        event.push(RecordType(*kind), body.as_bytes());
        let line = written(Format::Line, &Stored { event, ..stored() });
        let (_, sentence) = line.split_once(' ').expect("a time before it");
        assert_eq!(sentence.trim_end(), *expected);
    }
}

/// A process that is known better than its records tell.
const CONTEXT: &str = r#"{"v":1,"time":"2023-11-14T22:13:24.100Z","serial":14,"records":[],"context":{"process":{"id":"5-7","parent":{"id":"4-6","pid":6,"exe":"/bin/sh","argv":["sh","-c","x y"]},"ancestors":[{"id":"1-1","pid":1,"exe":"/sbin/init"}]},"script":{"hex":"2F78FF"},"hash":{"sha256":"abababababababababababababababababababababababababababababababab"},"environment":{"LANG":"C"},"container":{"id":"c0","runtime":"podman"},"unit":"sshd.service","login":{"session":3,"user":"alice","uid":1000,"address":"192.0.2.7","terminal":"pts/0","time":"2023-11-14T22:00:00.000Z"}}}"#;

#[test]
fn other_schemas_have_what_the_context_tells() {
    let context = decode(CONTEXT.as_bytes()).expect("an entry").context;
    let stored = Stored { context, ..stored() };
    let made = |write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).expect("memory takes all");
        serde_json::from_slice::<serde_json::Value>(&out).expect("JSON")
    };
    let ecs = made(&|out| Ecs::new(Some("web".into())).write(&stored, out));
    let ocsf = made(&|out| Ocsf::new(None).write(&stored, out));
    let cases: &[(&serde_json::Value, &str, serde_json::Value)] = &[
        (&ecs, "/host/name", "web".into()),
        (&ecs, "/process/entity_id", "5-7".into()),
        (&ecs, "/process/parent/executable", "/bin/sh".into()),
        (&ecs, "/process/hash/sha256", "ab".repeat(32).into()),
        (&ecs, "/process/env_vars/0", "LANG=C".into()),
        (&ecs, "/process/entry_leader/entry_meta/source/ip", "192.0.2.7".into()),
        (&ecs, "/container/runtime", "podman".into()),
        (&ecs, "/service/name", "sshd.service".into()),
        (&ecs, "/auditd/data/script", "/x\\xff".into()),
        (&ecs, "/auditd/data/ancestors/0", "/sbin/init".into()),
        (&ecs, "/file/path", "/etc/passwd".into()),
        (&ecs, "/user/audit/name", "alice".into()),
        (&ocsf, "/actor/process/uid", "5-7".into()),
        (&ocsf, "/actor/process/parent_process/cmd_line", "sh -c 'x y'".into()),
        (&ocsf, "/actor/process/ancestry/0/path", "/sbin/init".into()),
        (&ocsf, "/actor/process/file/hashes/0/algorithm_id", 3.into()),
        (&ocsf, "/actor/process/container/uid", "c0".into()),
        (&ocsf, "/actor/process/environment_variables/0/value", "C".into()),
        (&ocsf, "/unmapped/unit", "sshd.service".into()),
        (&ocsf, "/device/name", "unknown".into()),
        (&ocsf, "/type_uid", 100_102.into()),
        (&ocsf, "/status_code", "EACCES".into()),
    ];
    for (value, path, expected) in cases {
        assert_eq!(value.pointer(path), Some(expected), "{path}: {value}");
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
        "  env      LANG=C\\u{a}\n",
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
        let mut out = Vec::new();
        Ecs::new(None).write(&stored, &mut out).expect("memory takes all");
        Ocsf::new(None).write(&stored, &mut out).expect("memory takes all");
        for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(line).expect("one JSON object a line");
        }
    }
}
