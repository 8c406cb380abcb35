//! Valid rules without end, as text.

use proptest::collection::vec;
use proptest::prelude::*;

use super::read;
use crate::rules::display::Form;
use crate::rules::field::{self, Field, Kind};
use crate::rules::{Action, KEY_BYTES_MAX, List, Operator, Rule, text};
use crate::tables::Arch;

/// What a rule's condition is made of: which field and operator, a number, and bytes.
type Seed = (usize, usize, u32, Vec<u8>);

/// A valid rule's text.
pub(super) fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => with_fields(), 1 => watches()]
}

/// Bytes of a key, a label or a part of a path.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(b'a'..=b'z', 1..8),
        vec((2_u8..=255).prop_filter("parts a path", |byte| *byte != b'/'), 1..8),
    ]
}

/// Small numbers, and any.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![
        0_u32..60,
        Just(u32::MAX),
        any::<i16>().prop_map(|small| i32::from(small).cast_unsigned()),
        any::<u32>()
    ]
}

fn watches() -> impl Strategy<Value = Vec<u8>> {
    let parts = vec(bytes(), 1..4);
    (parts, any::<bool>(), "[rwxa]{0,5}", vec(bytes(), 0..3)).prop_map(
        |(parts, is_dir, permissions, keys)| {
            let mut out = b"-w ".to_vec();
            text::escape(&path(&parts.join(&b"/"[..]), is_dir), &mut out);
            if !permissions.is_empty() {
                out.extend_from_slice(format!(" -p {permissions}").as_bytes());
            }
            put_keys(&keys, &mut out);
            out
        },
    )
}

fn with_fields() -> impl Strategy<Value = Vec<u8>> {
    let seeds = vec((any::<usize>(), any::<usize>(), numbers(), bytes()), 0..6);
    let full = vec((any::<usize>(), any::<usize>(), numbers(), bytes()), 55..63);
    let seeds = prop_oneof![20 => seeds, 1 => full];
    let syscalls = vec(prop_oneof![4 => 0_u32..470, 1 => 0_u32..2032], 0..5);
    let arch = prop::option::of(0..Arch::ALL.len());
    (0..List::ALL.len(), any::<bool>(), any::<bool>(), arch, syscalls, seeds, vec(bytes(), 0..3)).prop_map(
        |(list, never, prepend, arch, syscalls, seeds, keys)| {
            let (list, _, name) = List::ALL[list];
            let action = if never { Action::Never } else { Action::Always };
            let option = if prepend { "-A" } else { "-a" };
            let mut out = format!("{option} {},{name}", action.name()).into_bytes();
            let mut used = Vec::new();
            if let Some(arch) = arch.filter(|_| list.has_syscalls()) {
                out.extend_from_slice(format!(" -F arch={}", Arch::ALL[arch].name()).as_bytes());
            }
            if !syscalls.is_empty() && list.has_syscalls() {
                let numbers: Vec<String> = syscalls.iter().map(u32::to_string).collect();
                out.extend_from_slice(format!(" -S {}", numbers.join(",")).as_bytes());
            }
            seeds.iter().for_each(|seed| put_field(list, seed, &mut used, &mut out));
            if list != List::Exclude && !used.is_empty() {
                put_keys(&keys, &mut out);
            }
            out
        },
    )
}

fn put_keys(keys: &[Vec<u8>], out: &mut Vec<u8>) {
    let mut room = KEY_BYTES_MAX;
    for key in keys {
        room = room.checked_sub(key.len() + 1).expect("keys are short");
        out.extend_from_slice(b" -k ");
        text::escape(key, out);
    }
}

fn put_field(list: List, seed: &Seed, used: &mut Vec<&'static Field>, out: &mut Vec<u8>) {
    let (which, how, number, bytes) = seed;
    let fitting = |field: &&'static Field| {
        let known =
            |other: &&'static Field| other.id == field.id || other.ties_to_file() && field.ties_to_file();
        let once = field.ties_to_file() || field.id == field::EXE;
        let taken = once && used.iter().any(known);
        field.fits(list) && !taken && !matches!(field.id, field::ARCH | field::KEY)
    };
    let fields: Vec<&'static Field> = field::ALL.iter().filter(fitting).collect();
    let field = fields[which % fields.len()];
    let operators: Vec<_> = Operator::ALL.iter().filter(|entry| field.knows(entry.0)).collect();
    let (_, _, sign) = operators[how % operators.len()];
    out.extend_from_slice(format!(" -F {}{sign}", field.name).as_bytes());
    text::escape(&value(field.kind, *number, bytes), out);
    used.push(field);
}

fn value(kind: Kind, number: u32, bytes: &[u8]) -> Vec<u8> {
    let letters = ["r", "w", "x", "a", "rw", "wa", "rwxa"];
    let types = ["file", "dir", "socket", "link", "character", "block", "fifo"];
    let pick = |from: &[&str]| from[number as usize % from.len()].to_owned();
    match kind {
        Kind::Path => return path(bytes, false),
        Kind::Directory => return path(bytes, true),
        // An = at its beginning would belong to the operator before it.
        Kind::Label => return [b"l", bytes].concat(),
        Kind::Exit => number.cast_signed().to_string(),
        Kind::Success => (number % 2).to_string(),
        // Unset has no order.
        Kind::LoginUser => (number % u32::MAX).to_string(),
        Kind::Permissions => pick(&letters),
        Kind::FileType => pick(&types),
        Kind::Family => (number % 46).to_string(),
        Kind::Compare => (number % field::COMPARISON_MAX + 1).to_string(),
        _ => number.to_string(),
    }
    .into_bytes()
}

/// A path that is a directory on the tests' host, or none.
fn path(bytes: &[u8], is_dir: bool) -> Vec<u8> {
    let mut path = b"/p".to_vec();
    path.extend_from_slice(bytes);
    path.extend_from_slice(if is_dir { b"/dir" } else { b"/file" });
    path
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(text in texts()) {
        let rule = read(&text).0;
        for form in [Form::Listed, Form::Exact] {
            let written = rule.to_text(form);
            prop_assert_eq!(&read(&written).0, &rule, "{}", written.escape_ascii());
            prop_assert_eq!(read(&written).0.to_text(form), written);
        }
        prop_assert_eq!(Rule::from_kernel(&rule.to_kernel()), Ok(rule));
    }
}
