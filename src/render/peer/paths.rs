//! The paths of an event's PATH records, from the working directory on.

use std::borrow::Cow;

use super::parts;
use super::words::Text;
use crate::event::Event;
use crate::interpret::{self, codes, inside};
use crate::record::RecordType;
use crate::record::fields::find;

/// The path of a PATH record.
pub(super) struct Path<'a> {
    pub(super) name: Text<'a>,
    pub(super) inode: &'a [u8],
    pub(super) kind: &'static str,
    pub(super) label: &'a [u8],
}

/// The paths of an event but those of parents, unless there is no other. `..` is resolved by its letters.
pub(super) fn paths(event: &Event) -> Vec<Path<'_>> {
    let cwd = event.record(RecordType::CWD).map(|body| parts(body).0);
    let cwd = cwd.and_then(|body| find(body, b"cwd")).map(|cwd| interpret::text(&cwd));
    let records = event.records().filter(|(kind, _)| *kind == RecordType::PATH);
    let mut found: Vec<(bool, Path<'_>)> = records
        .map(|(_, body)| {
            let body = parts(body).0;
            let word = |name: &[u8]| find(body, name);
            let name = word(b"name").map_or(Cow::Borrowed(&b""[..]), |name| interpret::text(&name));
            let mode = word(b"mode").and_then(|mode| interpret::context::octal(inside(&mode)));
            let kind = mode.and_then(|mode| codes::file_type(u32::try_from(mode).ok()?));
            let is_parent = word(b"nametype").is_some_and(|kind| inside(&kind) == b"PARENT");
            let path = Path {
                name: absolute(cwd.as_deref(), name),
                inode: word(b"inode").map_or(&[][..], |inode| inside(&inode)),
                kind: match kind {
                    Some("dir") => "directory",
                    Some("character") => "character-device",
                    Some("block") => "block-device",
                    Some("link") => "symlink",
                    Some(kind) => kind,
                    None => "file",
                },
                label: word(b"obj").map_or(&[][..], |label| inside(&label)),
            };
            (is_parent, path)
        })
        .collect();
    if found.iter().any(|(is_parent, _)| !is_parent) {
        found.retain(|(is_parent, _)| !is_parent);
    }
    found.into_iter().map(|(_, path)| path).collect()
}

/// A path from its working directory on.
fn absolute<'a>(cwd: Option<&[u8]>, name: Text<'a>) -> Text<'a> {
    let Some(cwd) = cwd.filter(|_| !name.starts_with(b"/") && !name.is_empty()) else { return name };
    let mut path: Vec<&[u8]> = cwd.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    Cow::Owned([&b"/"[..], &path.join(&b'/')].concat())
}
