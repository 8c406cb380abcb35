//! The fields of an event that other schemas have no place for, as strings.

use super::Told;
use super::tree::{Tree, text};
use crate::interpret::context::Context;
use crate::interpret::{self, Kind};
use crate::record::RecordType;
use crate::record::fields::{Field, Value, fields};

/// Fields that the summary of an event holds, ascending.
const PLACED: &[&str] = &[
    "auid",
    "comm",
    "cwd",
    "egid",
    "euid",
    "exe",
    "fsgid",
    "fsuid",
    "gid",
    "key",
    "pid",
    "ppid",
    "proctitle",
    "res",
    "result",
    "saddr",
    "ses",
    "sgid",
    "success",
    "suid",
    "uid",
];

/// All other fields by their names. A field that comes several times is an array.
pub(in crate::render) fn data(told: &Told<'_>) -> Tree {
    let event = &told.stored.event;
    let mut tree = Tree::default();
    if told.is_malformed() {
        return tree;
    }
    let context = Context::of(event);
    for (kind, body) in event.records() {
        // Paths and arguments have places, and continuations of arguments have names like those of system calls.
        if matches!(kind, RecordType::PATH | RecordType::EXECVE | RecordType::CWD | RecordType::PROCTITLE) {
            continue;
        }
        let context = context.within(kind);
        for field in fields(body) {
            match field.value {
                Value::Message(inside) => fields(inside).for_each(|field| add(&context, &field, &mut tree)),
                _ => add(&context, &field, &mut tree),
            }
        }
    }
    tree
}

fn add(context: &Context, field: &Field<'_>, tree: &mut Tree) {
    let Ok(name) = std::str::from_utf8(field.name) else { return };
    let is_placed = PLACED.binary_search(&name).is_ok() && !(name == "saddr" && context.record.0 == 1324);
    if is_placed || matches!(field.value, Value::Bare(b"?" | b"(null)" | b"(none)" | b"")) {
        return;
    }
    tree.add(name, word(context, field));
}

/// All PATH records, each with all its fields.
pub(in crate::render) fn paths(told: &Told<'_>) -> Vec<serde_json::Value> {
    let event = &told.stored.event;
    let context = Context::of(event).within(RecordType::PATH);
    let bodies = event.records().filter(|(kind, _)| *kind == RecordType::PATH).map(|(_, body)| body);
    let path = |body| {
        let mut tree = Tree::default();
        for field in fields(body) {
            if let Ok(name) = std::str::from_utf8(field.name) {
                tree.add(name, word(&context, &field));
            }
        }
        tree.into()
    };
    bodies.map(path).collect()
}

/// A value as it stands, but strings decoded, and system calls and architectures by name.
fn word(context: &Context, field: &Field<'_>) -> String {
    let kind = interpret::kind(context.record, field.name);
    match kind {
        Kind::Text | Kind::Keys | Kind::Arguments | Kind::Arch | Kind::Syscall => {
            text(&interpret::words(context, kind, &field.value))
        }
        _ => text(interpret::inside(&field.value)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_ascending() {
        assert!(super::PLACED.is_sorted());
    }
}
