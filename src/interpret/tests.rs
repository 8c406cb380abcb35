use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::record::stamp::EventId;

fn context(record: u16) -> Context {
    Context { record: RecordType(record), arch: Some(Arch::X86_64), syscall: Some(257) }
}

fn check(record: u16, body: &str, expected: &str) {
    let context = context(record);
    let told: Vec<String> = fields::fields(body.as_bytes())
        .map(|field| {
            let told = value(&context, field.name, &field.value);
            format!("{}={}", String::from_utf8_lossy(field.name), String::from_utf8_lossy(&told))
        })
        .collect();
    assert_eq!(told.join(" "), expected, "{body}");
}

#[test]
fn the_table_is_ascending() {
    assert!(KINDS.is_sorted_by(|(a, _), (b, _)| a < b));
}

#[test]
fn fields_of_a_system_call_are_told() {
    check(
        1300,
        "arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=0 auid=4294967295 uid=1000 ses=4294967295 \
         tty=(none) comm=6D7920636174 exe=\"/usr/bin/cat\" key=61620163",
        "arch=x86_64 syscall=openat success=no exit=EACCES(Permission denied) a0=0xffffff9c a1=0x0 auid=unset uid=1000 \
         ses=unset tty=(none) comm=my cat exe=/usr/bin/cat key=ab key=c",
    );
    check(1300, "syscall=9999 exit=3 key=(null) exe=(null)", "syscall=9999 exit=3 key=(null) exe=(null)");
    check(
        1300,
        "exit=-512 exit=-38 exit=-4095",
        "exit=ERESTARTSYS exit=ENOSYS(Function not implemented) exit=-4095",
    );
    check(1309, "argc=2 a0=\"10\" a1=2222", "argc=2 a0=10 a1=\"\"");
}

#[test]
fn fields_of_other_records_are_told() {
    check(
        1302,
        "mode=0100644 ouid=0 cap_fp=0 cap_fi=0000000000002400 cap_fe=1 name=(null)",
        "mode=file,644 ouid=0 cap_fp=none cap_fi=net_bind_service,net_raw cap_fe=1 name=(null)",
    );
    check(
        1302,
        "mode=041777 mode=0104755 mode=020620",
        "mode=dir,sticky,777 mode=file,suid,755 mode=character,620",
    );
    check(1322, "cap_pp=8000020000000001", "cap_pp=chown,0x8000020000000000");
    check(1305, "op=add_rule key=\"k\" list=4 res=1", "op=add_rule key=k list=exit res=yes");
    check(1318, "opid=869 oauid=-1 ouid=0 oses=-1", "opid=869 oauid=unset ouid=0 oses=unset");
    check(1326, "sig=31 syscall=257 code=0x7ffc0000", "sig=SIGSYS syscall=openat code=log");
    check(1701, "sig=11 res=1", "sig=SIGSEGV res=yes");
    check(1327, "proctitle=6C73002D6C00", "proctitle=ls -l");
    check(1306, "saddr=020000507F000001", "saddr={ saddr_fam=inet laddr=127.0.0.1 lport=80 }");
    check(1324, "saddr=127.0.0.1 proto=17", "saddr=127.0.0.1 proto=17");
    check(2404, "fp=? res=success", "fp=? res=success");
    check(1112, "id=4294967295 res=failed", "id=unset res=failed");
}

#[test]
fn what_is_not_what_its_field_should_hold_is_left_as_it_stands() {
    let words = ["", "x", "-", "+1", "0x", "999999999999999999999", "9z", "\u{e4}", "(null)"];
    for (name, _) in KINDS.iter().filter(|(name, _)| *name != "a0") {
        for word in words {
            check(1300, &format!("{name}={word}"), &format!("{name}={word}"));
        }
    }
}

#[test]
fn socket_addresses_of_all_families_are_told() {
    let cases = [
        ("020000507F0000010000000000000000", "127.0.0.1:80", "inet laddr=127.0.0.1 lport=80"),
        ("000200507F0000010000000000000000", "127.0.0.1:80", "inet laddr=127.0.0.1 lport=80"),
        (
            "0A0001BB00000000FE80000000000000000000000000000103000000",
            "[fe80::1%3]:443",
            "inet6 laddr=fe80::1%3 lport=443",
        ),
        ("0A0001BB0000000000000000000000000000000000000001", "[::1]:443", "inet6 laddr=::1 lport=443"),
        ("01002F72756E2F7800", "unix /run/x", "local path=/run/x"),
        ("01002F72756E2F78006A756E6B", "unix /run/x", "local path=/run/x"),
        ("0100006162", "unix @ab", "local path=@ab"),
        ("01000061006200000000", "unix @a\0b", "local path=@a\0b"),
        ("0100", "unix unnamed", "local path="),
        ("010000000000", "unix unnamed", "local path="),
        ("100000000000000000000000", "netlink port 0", "netlink nlnk-fam=16 nlnk-pid=0"),
        (
            "100000000902000001000000",
            "netlink port 521 groups 0x1",
            "netlink nlnk-fam=16 nlnk-pid=521 groups=0x1",
        ),
        (
            "001000000000020900000001",
            "netlink port 521 groups 0x1",
            "netlink nlnk-fam=16 nlnk-pid=521 groups=0x1",
        ),
        (
            "110008000200000001000006020000000001",
            "packet protocol 0x0800 interface 2 02:00:00:00:00:01",
            "packet protocol=0x0800 interface=2 hardware=02:00:00:00:00:01",
        ),
        ("28000000D2040000020000000000000000000000", "vsock 2:1234", "vsock cid=2 port=1234"),
        ("0000000000000000", "unspec", "unspec"),
        ("1F000102", "bluetooth 0102", "bluetooth data=0102"),
        ("0200", "inet", "inet data="),
        ("FF7F", "family 32767", "32767 data="),
    ];
    for (digits, expected, fields) in cases {
        let found = address::Address::from_digits(digits.as_bytes()).expect("an address");
        assert_eq!(found.to_string(), expected, "{digits}");
        assert_eq!(found.fields(), format!("{{ saddr_fam={fields} }}").as_bytes(), "{digits}");
    }
    for digits in ["", "0", "02", "zz00"] {
        assert_eq!(address::Address::from_digits(digits.as_bytes()), None, "{digits}");
    }
}

fn arguments_of(bodies: &[&str]) -> (Vec<String>, u64) {
    let found = arguments::of_records(bodies.iter().map(|body| body.as_bytes()));
    (found.list.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect(), found.missing())
}

#[test]
fn split_arguments_are_joined() {
    let cases: &[(&[&str], &[&str], u64)] = &[
        (&["argc=2 a0=\"ls\" a1=2D6C20"], &["ls", "-l "], 0),
        (
            &["argc=4 a0=\"many\" a1_len=12 a1[0]=\"split-\"", "a1[1]=\"value!\" a2=2222", "a3="],
            &["many", "split-value!", "\"\"", ""],
            0,
        ),
        (&["a1[1]=\"b\" a2=\"c\"", "argc=3 a0=\"x\" a1_len=2 a1[0]=\"a\""], &["x", "ab", "c"], 0),
        (&["argc=3 a0=\"x\""], &["x"], 2),
        (&["argc=2 a0=\"x\" a0=\"y\""], &["x", "y"], 0),
        (&["argc=1 a18446744073709551616=\"x\" a[0]=\"y\" a0[]=\"z\" ab=\"w\""], &[], 1),
        (&["argc=18446744073709551615"], &[], u64::MAX),
        (&[], &[], 0),
    ];
    for (bodies, expected, missing) in cases {
        let (list, lost) = arguments_of(bodies);
        assert_eq!((list.as_slice(), lost), (expected.map_owned().as_slice(), *missing), "{bodies:?}");
    }
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|one| (*one).to_owned()).collect()
    }
}

#[test]
fn three_hundred_arguments_over_many_records_keep_their_order() {
    let whole: Vec<String> = (0..300).map(|n| format!("argument-{n}")).collect();
    let mut bodies: Vec<String> = whole
        .chunks(70)
        .enumerate()
        .map(|(chunk, part)| {
            let words = part.iter().enumerate().map(|(n, word)| format!("a{}=\"{word}\"", chunk * 70 + n));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    bodies[0].insert_str(0, "argc=300 ");
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    assert_eq!(arguments_of(&bodies), (whole, 0));
}

#[test]
fn a_command_line_is_split_at_its_nul_bytes() {
    let cases: &[(&[u8], &[&str])] =
        &[(b"ls\0-l", &["ls", "-l"]), (b"ls\0\0x\0", &["ls", "", "x"]), (b"ls", &["ls"]), (b"", &[""])];
    for (title, expected) in cases {
        let found: Vec<_> = arguments::of_title(title).map(String::from_utf8_lossy).collect();
        assert_eq!(found, *expected);
    }
}

#[test]
fn the_context_comes_from_the_system_call() {
    let mut event = Event::new(EventId::default());
    event.push(RecordType::CONFIG_CHANGE, b"op=set syscall=9");
    assert_eq!(Context::of(&event), Context { record: RecordType(0), arch: None, syscall: None });
    event.push(RecordType::SYSCALL, b"arch=40000003 syscall=5 arch=c000003e");
    let context = Context::of(&event);
    assert_eq!((context.arch, context.syscall), (Some(Arch::I386), Some(5)));
    assert_eq!(context.within(RecordType::PATH).record, RecordType::PATH);
}

proptest! {
    #[test]
    fn any_value_of_any_field_is_told(
        record in any::<u16>(),
        place in 0..KINDS.len(),
        word in proptest::collection::vec(any::<u8>(), 0..60),
        digits in "[0-9A-Fa-fx-]{0,60}",
    ) {
        let name = KINDS[place].0.as_bytes();
        for word in [&word[..], digits.as_bytes()] {
            for written in [Value::Bare(word), Value::Quoted(word), Value::Message(word)] {
                value(&context(record), name, &written);
                arguments::of_records([word].into_iter());
                path::absolute(Some(word), word);
            }
        }
    }
}
