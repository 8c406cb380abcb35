//! What is stored gives back what came, and is found under what it says.

use std::sync::Arc;

use super::Resolve;
use super::decode::{decode, id};
use super::encode::Encoder;
use super::field::Field;
use crate::enrich::Names;
use crate::enrich::context::{
    Ancestor, Bytes, Container, Context, Login, Parent, Process, ProcessId, Runtime, Sha256, Version,
};
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::store::term::Terms;

fn event(records: &[(u16, &[u8])]) -> Event {
    let mut event = Event::new(EventId { time_ms: 1_700_000_004_100, serial: 14 });
    for (kind, body) in records {
        event.push(RecordType(*kind), body);
    }
    event
}

fn names() -> Names {
    Names { users: vec![(0, "root".into()), (1000, "alice".into())], groups: vec![(0, "root".into())] }
}

fn encode(event: &Event) -> (String, Terms) {
    let (mut line, mut terms) = (Vec::new(), Terms::default());
    Encoder::default().encode(event, &mut &names(), &mut line, &mut terms);
    (String::from_utf8(line).expect("an entry is UTF-8"), terms)
}

fn check_json(records: &[(u16, &[u8])], expected: &str) {
    let event = event(records);
    let (line, _) = encode(&event);
    let head = r#"{"v":1,"time":"2023-11-14T22:13:24.100Z","serial":14,"records":["#;
    assert_eq!(line, format!("{head}{expected}}}"));
    assert_eq!(decode(line.as_bytes()).expect("what is encoded decodes").event, event);
}

#[test]
fn fields_become_typed_members() {
    check_json(
        &[(1300, br#"arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c pid=7 auid=1000 uid=0 comm="cat" key=(null)"#)],
        concat!(
            r#"{"type":"SYSCALL","arch":"c000003e","syscall":257,"success":"no","exit":-13,"a0":"ffffff9c","pid":7,"#,
            r#""auid":1000,"uid":0,"comm":"cat","key":null}],"names":{"arch":"x86_64","syscall":"openat","#,
            r#""users":{"1000":"alice","0":"root"}}"#
        ),
    );
    check_json(&[(1307, b"cwd=2F6120FF")], r#"{"type":"CWD","cwd":{"hex":"2F6120FF"}}]"#);
    check_json(&[(1327, b"proctitle=6C73002D6C")], r#"{"type":"PROCTITLE","proctitle":["ls","-l"]}]"#);
    check_json(
        &[(1305, b"op=add_rule key=6101622063 res=1")],
        r#"{"type":"CONFIG_CHANGE","op":"add_rule","key":["a","b c"],"res":1}]"#,
    );
    check_json(
        &[(1309, br#"argc=2 a0="ls" a1=2D6C20"#)],
        r#"{"type":"EXECVE","argc":2,"argv":["ls","-l "]}]"#,
    );
    check_json(&[(1309, br#" a121="x" a122="y""#)], r#"{"type":"EXECVE","first":121,"argv":["x","y"]}]"#);
    check_json(
        &[(1100, br#"pid=1 msg='op=login acct="root" addr= res=failed'"#)],
        r#"{"type":"USER_AUTH","pid":1,"msg":{"op":"login","acct":"root","addr":"","res":"failed"}}]"#,
    );
}

#[test]
fn text_that_members_cannot_give_back_is_kept() {
    check_json(
        &[(1400, b"avc:  denied  { read } for  pid=7 comm=\"x\"")],
        r#"{"type":"AVC","raw":"avc:  denied  { read } for  pid=7 comm=\"x\"","pid":7,"comm":"x"}]"#,
    );
    check_json(
        &[(1305, br#"auid=0 ses=1op=remove_rule res=1"#)],
        r#"{"type":"CONFIG_CHANGE","raw":"auid=0 ses=1op=remove_rule res=1","auid":0,"ses":1,"op":"remove_rule","res":1}],"names":{"users":{"0":"root"}}"#,
    );
    check_json(&[(1305, b"a=1 a=2")], r#"{"type":"CONFIG_CHANGE","raw":"a=1 a=2","a":"1"}]"#);
    check_json(&[(1305, b"type=1 a=2")], r#"{"type":"CONFIG_CHANGE","raw":"type=1 a=2","a":"2"}]"#);
    check_json(
        &[(1112, b"msg='a=1 msg='b=2''")],
        r#"{"type":"USER_LOGIN","raw":"msg='a=1 msg='b=2''","msg":{"a":"1","msg":"b=2"}}]"#,
    );
    check_json(
        &[(1305, b"uid=0 UID=\"root\" absolute=1")],
        r#"{"type":"CONFIG_CHANGE","raw":"uid=0 UID=\"root\" absolute=1","uid":0}],"names":{"users":{"0":"root"}}"#,
    );
    check_json(&[(1423, b"")], r#"{"type":"LANDLOCK_ACCESS"}]"#);
    check_json(&[(1999, b" ")], r#"{"type":"UNKNOWN[1999]","raw":" "}]"#);
}

/// A context with every member.
fn context() -> Context {
    let id = |started, pid| ProcessId { started, pid };
    Context {
        process: Some(Arc::new(Process {
            id: id(900, 9),
            parent: Some(Parent {
                id: id(800, 8),
                exe: Some((*b"/bin/bash").into()),
                argv: [Bytes::from(*b"bash"), Bytes::from(*b"-c \xff")].into(),
            }),
            ancestors: vec![
                Ancestor { id: id(700, 7), exe: Some((*b"/usr/sbin/sshd").into()) },
                Ancestor { id: id(1, 1), exe: None },
            ],
        })),
        script: Some((*b"/opt/a \"b\"").into()),
        hash: Some(Sha256([0xab; 32])),
        environment: vec![((*b"LANG").into(), (*b"C").into()), ((*b"X").into(), (*b"\xfe\n").into())],
        container: Some(Container { id: (*b"3f2a").into(), runtime: Some(Runtime::Docker) }),
        unit: Some((*b"sshd.service").into()),
        login: Some(Arc::new(Login {
            session: 3,
            user: Some((*b"alice").into()),
            uid: Some(1000),
            address: Some((*b"192.0.2.7").into()),
            terminal: Some((*b"pts/0").into()),
            time_ms: Some(1_700_000_000_123),
        })),
    }
}

/// Names, and what is told besides.
struct Told(Context);

impl Resolve for Told {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        names().user(id).map(Arc::from)
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        names().group(id).map(Arc::from)
    }

    fn context(&mut self, _: &Event) -> Option<(&Context, Version)> {
        Some((&self.0, Version::unique()))
    }
}

fn encode_told(event: &Event, context: Context) -> (String, Terms) {
    let (mut line, mut terms) = (Vec::new(), Terms::default());
    Encoder::default().encode(event, &mut Told(context), &mut line, &mut terms);
    (String::from_utf8(line).expect("an entry is UTF-8"), terms)
}

#[test]
fn what_is_told_of_the_process_comes_back() {
    let event = event(&[(1300, b"pid=9 uid=0")]);
    let (line, _) = encode_told(&event, context());
    let expected = concat!(
        r#""names":{"users":{"0":"root"}},"context":{"process":{"id":"900-9","#,
        r#""parent":{"id":"800-8","pid":8,"exe":"/bin/bash","argv":["bash",{"hex":"2D6320FF"}]},"#,
        r#""ancestors":[{"id":"700-7","pid":7,"exe":"/usr/sbin/sshd"},{"id":"1-1","pid":1}]},"#,
        r#""script":"/opt/a \"b\"","#,
        r#""hash":{"sha256":"abababababababababababababababababababababababababababababababab"},"#,
        r#""environment":{"LANG":"C","X":{"hex":"FE0A"}},"container":{"id":"3f2a","runtime":"docker"},"#,
        r#""unit":"sshd.service","login":{"session":3,"user":"alice","uid":1000,"address":"192.0.2.7","#,
        r#""terminal":"pts/0","time":"2023-11-14T22:13:20.123Z"}}}"#
    );
    assert!(line.ends_with(expected), "{line}");
    let parts: [fn(Context) -> Context; 9] = [
        |context| context,
        |_| Context::default(),
        |context| Context { process: context.process, ..Context::default() },
        |context| Context { script: context.script, ..Context::default() },
        |context| Context { hash: context.hash, ..Context::default() },
        |context| Context { environment: context.environment, ..Context::default() },
        |context| Context { container: context.container, ..Context::default() },
        |context| Context { unit: context.unit, ..Context::default() },
        |context| Context { login: context.login, ..Context::default() },
    ];
    for part in parts {
        let (line, terms) = encode_told(&event, part(context()));
        let stored = decode(line.as_bytes()).expect("what is encoded decodes");
        assert_eq!((&stored.event, &stored.context), (&event, &part(context())));
        let mut again = Terms::default();
        super::decode::describe(line.as_bytes(), &mut again).expect("an entry");
        assert_eq!(again, terms, "{line}");
        for end in 0..line.len() {
            decode(&line.as_bytes()[..end]).expect_err("a cut entry is none");
        }
    }
}

#[test]
fn an_event_is_found_under_what_is_told_of_its_process() {
    let (_, terms) = encode_told(&event(&[(1300, b"pid=9")]), context());
    let hash = "ab".repeat(32);
    let expected = format!(
        "type=SYSCALL pid=9 process=900-9 parent=/bin/bash ancestor=/bin/bash ancestor=/usr/sbin/sshd \
         hash={hash} script=/opt/a \"b\" container=3f2a unit=sshd.service origin=192.0.2.7"
    );
    assert_eq!(words(&terms), expected);
}

/// The terms as filters have them.
fn words(terms: &Terms) -> String {
    let words: Vec<String> = terms
        .iter()
        .map(|(field, value)| {
            let (_, name) = Field::ALL.iter().find(|(known, _)| known.id() == field).expect("a known field");
            format!("{name}={}", String::from_utf8_lossy(value))
        })
        .collect();
    words.join(" ")
}

#[test]
fn a_relative_path_has_its_absolute_form_beside_it_where_that_is_known() {
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("ffffff9c", "/etc/x", "../passwd", Some("/etc/passwd")),
        ("ffffffffffffff9c", "/etc", "a b", Some("/etc/a b")),
        ("ffffff9c", "/etc", "/passwd", None),
        ("ffffff9c", "/etc", "", None),
        ("5", "/etc", "passwd", None),
        ("ffffff9c", "(unreachable)", "passwd", None),
    ];
    for (directory, cwd, name, expected) in cases {
        let written = |text: &str| match text.contains(' ') {
            true => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            false => format!("\"{text}\""),
        };
        let call = format!("arch=c000003e syscall=257 a0={directory} a1=0 a2=0 a3=0");
        let event = event(&[
            (1300, call.as_bytes()),
            (1307, format!("cwd={}", written(cwd)).as_bytes()),
            (1302, format!("item=0 name={} inode=5", written(name)).as_bytes()),
        ]);
        let (line, _) = encode(&event);
        let entry: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(entry["records"][2]["absolute"].as_str(), *expected, "{line}");
        assert_eq!(decode(line.as_bytes()).expect("what is encoded decodes").event, event);
    }
}

#[test]
fn an_event_is_found_under_what_its_records_say() {
    let (_, terms) = encode(&event(&[
        (1300, br#"arch=c000003e syscall=257 success=no exit=-13 ppid=6 pid=7 auid=4294967295 uid=0 euid=0 tty=(none) ses=1 comm="cat" exe="/usr/bin/cat" key=610162"#),
        (1307, b"cwd=\"/etc/x\""),
        (1302, b"item=0 name=\"../passwd\" inode=5"),
        (1306, b"saddr=020000507F000001"),
    ]));
    let expected = "type=SYSCALL syscall=openat result=fail errno=EACCES ppid=6 pid=7 auid=4294967295 uid=0 euid=0 \
        session=1 comm=cat exe=/usr/bin/cat key=a key=b type=CWD type=PATH path=../passwd path=/etc/passwd \
        type=SOCKADDR host=127.0.0.1";
    assert_eq!(words(&terms), expected);
}

/// An EXECVE record whose `argc` is no number was stored as an entry that could not be read again.
#[test]
fn a_count_of_arguments_may_be_anything() {
    for body in [
        &b"argc=t a0=\"m"[..],
        b"argc=",
        b"argc=-1 a0=\"x\"",
        b"argc=0123456789012345678 a0=\"x\"",
        b"argc=\"2\" a0=\"x\"",
    ] {
        let event = event(&[(1309, body)]);
        let (line, _) = encode(&event);
        assert_eq!(decode(line.as_bytes()).map(|stored| stored.event), Ok(event), "{line}");
    }
}

/// After a record whose quote is never closed, as where a long message is cut off, the next record with the same beginning
/// was read as that one: what stands in its quotes was not found, so that a failed login after it was hidden.
#[test]
fn a_record_is_read_the_same_whatever_came_before_it() {
    let cases: [(u16, &[u8], &[u8]); 3] = [
        (1112, b"pid=1 msg='op=login uid=7 res=success", b"pid=1 msg='op=login uid=7 res=failed'"),
        (1305, b"op=\"a res=1", b"op=\"a res=0\" key=x"),
        (1112, b"msg='op=\"a x", b"msg='op=\"a b\" res=failed'"),
    ];
    for (kind, before, record) in cases {
        let mut encoder = Encoder::default();
        let (mut line, mut terms) = (Vec::new(), Terms::default());
        for body in [before, record] {
            line.clear();
            terms.clear();
            encoder.encode(&event(&[(kind, body)]), &mut &names(), &mut line, &mut terms);
        }
        let alone = encode(&event(&[(kind, record)]));
        assert_eq!((String::from_utf8(line).expect("text"), terms), alone, "{}", record.escape_ascii());
    }
}

#[test]
fn node_lateness_and_strange_times_are_kept() {
    for closed in [Closed::Complete, Closed::Timer, Closed::Late, Closed::Malformed] {
        for time_ms in [0, 951_827_696_789, 253_402_300_799_999, 253_402_300_800_000, u64::MAX] {
            let mut event = event(&[(1300, b"a=b")]);
            event.id.time_ms = time_ms;
            event.closed = closed;
            event.node = Some(Box::from(&b"web \"1\"\xff"[..]));
            let (line, _) = encode(&event);
            let stored = decode(line.as_bytes()).expect("what is encoded decodes");
            assert_eq!(stored.event, event);
            assert_eq!(id(line.as_bytes()), Some(event.id));
        }
    }
}

#[test]
fn what_is_not_an_entry_is_refused_with_its_place() {
    let (line, _) = encode(&event(&[(1300, b"a=b"), (1302, b"name=\"x\"")]));
    for end in 0..line.len() {
        let error = decode(&line.as_bytes()[..end]).expect_err("a cut entry is none");
        assert!(error.at <= end);
    }
    let foreign = line.replace("\"v\":1", "\"v\":2");
    assert!(decode(foreign.as_bytes()).is_err());
    assert!(decode(format!("{line} ").as_bytes()).is_err());
}

/// Bodies that look like records: names and values of all sorts, joined in regular and irregular ways.
fn body() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let name = prop_oneof![
        proptest::sample::select(vec![
            "key",
            "proctitle",
            "comm",
            "pid",
            "uid",
            "msg",
            "name",
            "type",
            "raw",
            "hex",
            "a0",
            "argv",
            "absolute",
            "Pid",
            "PID"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}",
    ];
    let value = prop_oneof![
        "[ -~]{0,6}".prop_map(|s| format!("\"{s}\"").into_bytes()),
        "-?[0-9]{0,17}".prop_map(String::into_bytes),
        "([0-9A-F]{2}){0,6}".prop_map(String::into_bytes),
        "([0-9a-f]{2}){0,3}".prop_map(String::into_bytes),
        Just(b"(null)".to_vec()),
        "'[a-z]{1,3}=[a-z0-9\"]{0,5} hex=\"x\"'".prop_map(String::into_bytes),
        "'(acct|op|x|hex)=[A-Z0-9]{0,4}'".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    let field = (name, value, proptest::sample::select(vec![" ", " ", " ", " ", "  ", "", "\n"])).prop_map(
        |(name, value, gap)| {
            let mut text = format!("{name}=").into_bytes();
            text.extend_from_slice(&value);
            text.extend_from_slice(gap.as_bytes());
            text
        },
    );
    (proptest::collection::vec(field, 0..6), any::<bool>()).prop_map(|(fields, trim)| {
        let mut body = fields.concat();
        if trim && body.last() == Some(&b' ') {
            body.pop();
        }
        body
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]
    #[test]
    fn every_record_comes_back_byte_for_byte(
        bodies in proptest::collection::vec((proptest::sample::select(vec![1300u16, 1302, 1305, 1309, 1112, 9999]), body()), 0..4),
    ) {
        let records: Vec<(u16, &[u8])> = bodies.iter().map(|(kind, body)| (*kind, body.as_slice())).collect();
        let event = event(&records);
        let (line, _) = encode(&event);
        serde_json::from_str::<serde_json::Value>(&line).expect("an entry is JSON");
        assert!(!line.contains('\n'));
        assert!(!line.contains("\"Pid\":") && !line.contains("\"PID\":"), "names that differ in case only: {line}");
        assert_eq!(decode(line.as_bytes()).map(|stored| stored.event), Ok(event), "{line}");
    }

    #[test]
    fn decoding_anything_never_panics(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = decode(&line);
    }
}
