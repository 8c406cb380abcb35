//! What an event is about: its paths, its targets, and the record that says best what happened.

use crate::enrich::Names;
use crate::event::Event;
use crate::interpret::context::decimal;
use crate::interpret::inside;
use crate::record::RecordType;
use crate::record::fields::{fields, find};
use crate::render::view::collect::{id, mode, small};
use crate::render::view::phrase;
use crate::render::view::said::told;
use crate::render::view::{Id, Path, Target, Text};

/// Reads a PATH record.
pub(super) fn path<'a>(body: &'a [u8], names: &'a Names) -> Path<'a> {
    let mut path = Path {
        item: None,
        name: None,
        absolute: None,
        inode: None,
        device: None,
        mode: None,
        owner: None,
        group: None,
        role: None,
    };
    for field in fields(body) {
        let word = inside(&field.value);
        match field.name {
            b"item" => path.item = small(word),
            b"name" => path.name = told(RecordType::PATH, b"name", &field.value),
            b"inode" => path.inode = decimal(word),
            b"dev" => path.device = Some(word),
            b"mode" => path.mode = mode(word),
            b"ouid" => path.owner = small(word).map(|number| user(number, names)),
            b"ogid" => path.group = small(word).map(|number| group(number, names)),
            b"nametype" => path.role = Some(word),
            _ => {}
        }
    }
    path
}

/// Reads an OBJ_PID record.
pub(super) fn target<'a>(body: &'a [u8], names: &'a Names) -> Target<'a> {
    let mut target = Target { pid: None, comm: None, uid: None };
    for field in fields(body) {
        match field.name {
            b"opid" => target.pid = small(inside(&field.value)),
            b"ouid" => target.uid = small(inside(&field.value)).map(|number| user(number, names)),
            b"ocomm" => target.comm = told(RecordType::OBJ_PID, b"ocomm", &field.value),
            _ => {}
        }
    }
    target
}

/// A user with its name.
pub(super) fn user(number: u32, names: &Names) -> Id<'_> {
    id(number, names.user(number))
}

/// A group with its name.
pub(super) fn group(number: u32, names: &Names) -> Id<'_> {
    id(number, names.group(number))
}

/// A string field of a record.
pub(super) fn string<'a>(kind: RecordType, body: &'a [u8], name: &[u8]) -> Option<Text<'a>> {
    told(kind, name, &find(body, name)?)
}

/// The type of the record that says best what happened: one that there is a phrase for, as CONFIG_CHANGE, else the
/// system call, else the first that is more than a part of another. 0 for an event without records.
pub(super) fn telling(event: &Event) -> RecordType {
    let kinds = || event.records().map(|(kind, _)| kind);
    let is_call = |kind: &RecordType| matches!(*kind, RecordType::SYSCALL | RecordType::URINGOP);
    kinds()
        .find(|kind| phrase::is_known(*kind) && !is_call(kind) && !is_part(*kind))
        .or_else(|| kinds().find(is_call))
        .or_else(|| kinds().find(|kind| !is_part(*kind)))
        .or_else(|| kinds().next())
        .unwrap_or(RecordType(0))
}

/// Whether records of this type say something only beside others.
pub(super) fn is_part(kind: RecordType) -> bool {
    matches!(
        kind.0,
        1302..=1304 | 1306..=1315 | 1317 | 1318 | 1320..=1323 | 1327 | 1330..=1333 | 1337 | 1402 | 1425 | 1426
    )
}
