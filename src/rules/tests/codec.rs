//! The kernel's form: its bytes, its limits, and what netlink-packet-audit makes of it.

use netlink_packet_audit::rules as peer;
use netlink_packet_core::{Emitable, Parseable};
use proptest::prelude::*;

use super::{generated, read, rule};
use crate::rules::kernel::{CodecError, HEAD_BYTES, RuleBuffer};
use crate::rules::{Condition, List, Operator, Rule, Value, field};

#[test]
fn a_watch_has_the_kernels_bytes() {
    let bytes = rule("-w /etc/passwd -p ra -k passwd-ra").to_kernel();
    let word =
        |index: usize| u32::from_ne_bytes(bytes[index * 4..index * 4 + 4].try_into().expect("four bytes"));
    assert_eq!((word(0), word(1), word(2), word(3), word(66)), (4, 2, 3, u32::MAX, u32::MAX));
    assert_eq!([word(67), word(68), word(69), word(70)], [105, 106, 210, 0]);
    assert_eq!([word(131), word(132), word(133), word(134)], [11, 12, 9, 0]);
    assert_eq!([word(195), word(197), word(198)], [0x4000_0000, 0x4000_0000, 0]);
    assert_eq!(word(259), 20);
    assert_eq!(&bytes[1040..], b"/etc/passwdpasswd-ra");
}

/// A rule of the exit list with one condition, whose words can then be changed.
fn words(text: &str) -> (Vec<u32>, Vec<u8>) {
    let bytes = rule(text).to_kernel();
    let (head, strings) = bytes.split_at(HEAD_BYTES);
    (head.as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word)).collect(), strings.to_vec())
}

fn joined(words: &[u32], strings: &[u8]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).chain(strings.iter().copied()).collect()
}

/// Where the parts of the head begin, in words.
const FIELDS: usize = 67;
const VALUES: usize = 131;
const OPERATORS: usize = 195;
const STRINGS: usize = 259;

#[test]
fn bytes_that_are_no_rule_are_refused_with_the_cause() {
    use CodecError as E;
    let text = "-w /x -p r -k k";
    let with = |changes: &[(usize, u32)]| {
        let (mut words, strings) = words(text);
        changes.iter().for_each(|(index, value)| words[*index] = *value);
        Rule::from_kernel(&joined(&words, &strings))
    };
    assert_eq!(with(&[]), Ok(rule(text)));
    let cases: &[(&[(usize, u32)], CodecError)] = &[
        (&[(0, 2)], E::List(2)),
        (&[(0, 8)], E::List(8)),
        (&[(0, 0x24)], E::List(0x24)),
        (&[(1, 1)], E::Action(1)),
        (&[(1, u32::MAX)], E::Action(u32::MAX)),
        (&[(2, 65)], E::FieldCount(65)),
        (&[(2, u32::MAX)], E::FieldCount(u32::MAX)),
        (&[(2, 2)], E::LeftOver(1)),
        (&[(2, 4), (OPERATORS + 3, 1)], E::Operator { field: 0, operator: 1 }),
        (&[(OPERATORS, 0)], E::Operator { field: field::PATH, operator: 0 }),
        (&[(VALUES, 4)], E::String(field::PATH)),
        (&[(VALUES, 4097)], E::LongString { field: field::PATH, bytes: 4097, max: 4096 }),
        (&[(VALUES, u32::MAX)], E::LongString { field: field::PATH, bytes: u32::MAX, max: 4096 }),
        (&[(VALUES + 2, 257)], E::LongString { field: field::KEY, bytes: 257, max: 256 }),
        (&[(VALUES + 1, 16)], E::Permissions(16)),
        (&[(VALUES + 1, 0x8000_0004)], E::Permissions(0x8000_0004)),
        (&[(FIELDS, 9999)], E::LeftOver(2)),
        (&[(STRINGS, 4)], E::StringBytes { said: 4, has: 3 }),
        (&[(STRINGS, u32::MAX)], E::StringBytes { said: u32::MAX, has: 3 }),
    ];
    for (changes, expected) in cases {
        assert_eq!(with(changes), Err(*expected), "{changes:?}");
        assert!(!expected.to_string().is_empty());
    }
    assert_eq!(Rule::from_kernel(&[]), Err(E::Short(0)));
    assert_eq!(Rule::from_kernel(&[0; HEAD_BYTES - 1]), Err(E::Short(HEAD_BYTES - 1)));
}

#[test]
fn the_longest_rule_goes_both_ways() {
    let path = format!("/{}", "a/".repeat(2047));
    let text = format!("-a always,exit -F dir={path} {}-k {}", "-F pid!=1 ".repeat(62), "k".repeat(256));
    let read = rule(&text);
    assert_eq!(read.conditions().len(), 64);
    assert_eq!(Rule::from_kernel(&read.to_kernel()), Ok(read));
}

#[test]
fn a_field_of_a_newer_kernel_is_kept_and_shown() {
    let (mut words, strings) = words("-a always,exit -F pid=7");
    words[FIELDS] = 150;
    let bytes = joined(&words, &strings);
    let read = Rule::from_kernel(&bytes).expect("a rule");
    assert_eq!(
        read.conditions(),
        [Condition { field: 150, operator: Operator::Equal, value: Value::Number(7) }]
    );
    assert_eq!((read.to_string(), read.to_kernel()), ("-a always,exit -S all -F f150=7".to_owned(), bytes));
}

#[test]
fn what_netlink_adds_is_passed_over() {
    let read = rule("-w /x -p r -k key");
    let mut bytes = read.to_kernel();
    bytes.extend_from_slice(&[0; 3]);
    assert_eq!(Rule::from_kernel(&bytes), Ok(read));
}

/// The rule as netlink-packet-audit has it. `None` for what it cannot express:
///
/// * `exe`, which it takes for a number: it writes no string, and reads the strings after it from the wrong place;
/// * `saddr_fam`, which it does not know, and drops the rule;
/// * strings that are not UTF-8, which it replaces.
///
/// Its other defects are not met here: it panics on more than 64 fields, which no [`Rule`] has, and on system calls
/// from 2048 on, which [`Syscalls::add`](crate::rules::syscalls::Syscalls::add) refuses; that its `is_all` knows no
/// rule that a kernel has listed does not matter, as the masks are compared.
fn as_peer(rule: &Rule) -> Option<peer::RuleMessage> {
    let prepend = if rule.prepends() { 0x10 } else { 0 };
    let mut message = peer::RuleMessage::new();
    message.flags = peer::RuleFlags::from(rule.list().number() | prepend);
    message.action = peer::RuleAction::from(rule.action().number());
    message.syscalls = peer::RuleSyscalls::new_zeroed();
    rule.syscalls().numbers().for_each(|number| {
        message.syscalls.set(number);
    });
    for condition in rule.conditions() {
        let field = peer_field(condition)?;
        message.fields.push((field, peer::RuleFieldFlags::from(condition.operator.number())));
    }
    Some(message)
}

fn peer_field(condition: &Condition) -> Option<peer::RuleField> {
    use peer::RuleField as F;
    let number = match &condition.value {
        Value::Number(number) => *number,
        Value::Text(text) => return peer_text(condition.field, String::from_utf8(text.clone()).ok()?),
    };
    Some(match condition.field {
        0 => F::Pid(number),
        1 => F::Uid(number),
        2 => F::Euid(number),
        3 => F::Suid(number),
        4 => F::Fsuid(number),
        5 => F::Gid(number),
        6 => F::Egid(number),
        7 => F::Sgid(number),
        8 => F::Fsgid(number),
        9 => F::Loginuid(number),
        10 => F::Pers(number),
        11 => F::Arch(number),
        12 => F::Msgtype(number),
        18 => F::Ppid(number),
        24 => F::LoginuidSet(number),
        25 => F::Sessionid(number),
        26 => F::Fstype(number),
        100 => F::Devmajor(number),
        101 => F::Devminor(number),
        102 => F::Inode(number),
        103 => F::Exit(number),
        104 => F::Success(number),
        106 => F::Perm(number),
        108 => F::Filetype(number),
        109 => F::ObjUid(number),
        110 => F::ObjGid(number),
        111 => F::FieldCompare(number),
        200 => F::Arg0(number),
        201 => F::Arg1(number),
        202 => F::Arg2(number),
        203 => F::Arg3(number),
        _ => return None,
    })
}

fn peer_text(field: u32, text: String) -> Option<peer::RuleField> {
    use peer::RuleField as F;
    Some(match field {
        13 => F::SubjUser(text),
        14 => F::SubjRole(text),
        15 => F::SubjType(text),
        16 => F::SubjSen(text),
        17 => F::SubjClr(text),
        19 => F::ObjUser(text),
        20 => F::ObjRole(text),
        21 => F::ObjType(text),
        22 => F::ObjLevLow(text),
        23 => F::ObjLevHigh(text),
        105 => F::Watch(text),
        107 => F::Dir(text),
        210 => F::Filterkey(text),
        _ => return None,
    })
}

/// Whether the peer could be asked.
fn agrees_with_peer(rule: &Rule) -> bool {
    let Some(message) = as_peer(rule) else { return false };
    let ours = rule.to_kernel();
    let mut theirs = vec![0; message.buffer_len()];
    message.emit(&mut theirs);
    assert_eq!(ours, theirs, "{rule}");
    let parsed = peer::RuleMessage::parse(&peer::RuleBuffer::new(&ours[..])).expect("the peer reads it");
    assert_eq!(parsed, message, "{rule}");
    true
}

#[test]
fn netlink_packet_audit_agrees_on_every_field_it_knows() {
    let mut agreed = Vec::new();
    for field in &field::ALL {
        for (list, _, name) in List::ALL.iter().filter(|entry| field.fits(entry.0)) {
            let value = match field.kind {
                field::Kind::Arch => "b32",
                field::Kind::Path | field::Kind::Directory => "/some/path",
                field::Kind::Permissions => "wa",
                field::Kind::FileType => "fifo",
                _ => "1",
            };
            let before = if *list == List::Filesystem { "-F fstype=1" } else { "-F uid=5" };
            let text = format!("-A always,{name} {before} -F {}={value}", field.name);
            if agrees_with_peer(&rule(&text)) {
                agreed.push(field.name);
            }
        }
    }
    agreed.dedup();
    let unknown: Vec<_> =
        field::ALL.iter().map(|field| field.name).filter(|name| !agreed.contains(name)).collect();
    assert_eq!(unknown, ["exe", "saddr_fam"]);
}

proptest! {
    #[test]
    fn netlink_packet_audit_agrees_on_what_it_can_express(text in generated::texts()) {
        agrees_with_peer(&read(&text).0);
    }

    #[test]
    fn the_traits_do_as_the_methods(text in generated::texts()) {
        let rule = read(&text).0;
        let mut bytes = vec![0xff; rule.buffer_len()];
        rule.emit(&mut bytes);
        prop_assert_eq!(&bytes, &rule.to_kernel());
        prop_assert_eq!(Rule::parse(&RuleBuffer(&bytes)).expect("what is written is read"), rule);
    }

    #[test]
    fn hostile_bytes_are_refused_or_read_whole(
        text in generated::texts(),
        changes in prop::collection::vec((0_usize..270, prop_oneof![0_u32..300, any::<u32>()]), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..40),
        cut in prop_oneof![9 => Just(usize::MAX), 1 => 0_usize..1200],
    ) {
        let mut bytes = read(&text).0.to_kernel();
        for (index, word) in changes {
            if let Some(place) = bytes.get_mut(index * 4..index * 4 + 4) {
                place.copy_from_slice(&word.to_ne_bytes());
            }
        }
        bytes.extend_from_slice(&tail);
        bytes.truncate(cut);
        if let Ok(rule) = Rule::from_kernel(&bytes) {
            let _ = rule.to_string();
            prop_assert_eq!(Rule::from_kernel(&rule.to_kernel()), Ok(rule));
        }
    }

    #[test]
    fn random_bytes_never_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
        if let Ok(rule) = Rule::from_kernel(&bytes) {
            let _ = rule.to_string();
        }
    }
}
