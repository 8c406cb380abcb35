//! Indexes as somebody could forge them who may write the log's files: all checksums are right.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

const PAGE: usize = 4096;
const PAYLOAD: usize = PAGE - 4;
/// Where the head has the length of the postings, and the fields.
const POSTINGS_AT: usize = 64;
const FIELDS_AT: usize = 128;

/// An index without its checksums: `docs/format.md`.
pub(crate) struct Index {
    pub(crate) head: Vec<u8>,
    /// Dictionaries, postings and stamps.
    pub(crate) stream: Vec<u8>,
}

impl Index {
    pub(crate) fn read(path: &Path) -> Index {
        let bytes = fs::read(path).unwrap();
        let mut payloads = bytes.chunks_exact(PAGE).map(|page| &page[..PAYLOAD]);
        Index { head: payloads.next().unwrap().to_vec(), stream: payloads.flatten().copied().collect() }
    }

    /// Writes it as the index of segment 1.
    pub(crate) fn write(&self, path: &Path) {
        let payloads = [&self.head[..]].into_iter().chain(self.stream.chunks(PAYLOAD));
        let mut bytes = Vec::new();
        for (number, payload) in (0u32..).zip(payloads) {
            let start = bytes.len();
            bytes.extend_from_slice(payload);
            bytes.resize(start + PAYLOAD, 0);
            // Segment, page and kind stand before the payload.
            let before = [&1u64.to_le_bytes()[..], &number.to_le_bytes(), &1u32.to_le_bytes()].concat();
            let checksum = crc32fast::hash(&[&before, &bytes[start..]].concat());
            bytes.extend_from_slice(&checksum.to_le_bytes());
        }
        fs::write(path, bytes).unwrap();
    }

    /// Where the dictionary of a field is in the stream.
    pub(crate) fn dictionary(&self, field: u8) -> Range<usize> {
        let mut start = 0;
        for item in self.head[FIELDS_AT..].chunks_exact(12) {
            let length = u32::from_le_bytes(item[8..].try_into().unwrap()) as usize;
            if item[0] == field {
                return start..start + length;
            }
            start += length;
        }
        panic!("the index has no field {field}");
    }

    /// Puts a dictionary that leads nowhere in place of a field's.
    pub(crate) fn make_endless(&mut self, field: u8, are_ends: bool) {
        let place = self.dictionary(field);
        let dictionary = endless_dictionary(place.len(), are_ends);
        self.stream[place].copy_from_slice(&dictionary);
    }

    /// Where the postings begin in the stream.
    pub(crate) fn postings(&self) -> usize {
        let items = self.head[FIELDS_AT..].chunks_exact(12);
        items.map(|item| u32::from_le_bytes(item[8..].try_into().unwrap()) as usize).sum()
    }

    /// Has the head say that there are so many bytes more of postings. The file gets a hole for them when it was written.
    pub(crate) fn write_with_hole(&mut self, path: &Path, bytes: u64) {
        let number = &mut self.head[POSTINGS_AT..POSTINGS_AT + 8];
        let length = u64::from_le_bytes(number.try_into().unwrap()) + bytes;
        number.copy_from_slice(&length.to_le_bytes());
        let others = [72, 80].map(|at| u64::from_le_bytes(self.head[at..at + 8].try_into().unwrap()));
        self.write(path);
        let stream = self.postings() as u64 + length + others.iter().sum::<u64>();
        let pages = 1 + stream.div_ceil(PAYLOAD as u64);
        File::options().write(true).open(path).unwrap().set_len(pages * PAGE as u64).unwrap();
    }
}

/// Has the sealed segment 1 say that its first frame is longer, by a hole before the frame table.
pub(crate) fn widen_first_frame(path: &Path, by: u32) {
    let mut bytes = fs::read(path).unwrap();
    let foot_at = bytes.len() - 128;
    let table_at = u64::from_le_bytes(bytes[foot_at + 64..foot_at + 72].try_into().unwrap());
    let (frames, rest) = bytes.split_at_mut(table_at as usize);
    let (page, _) = rest.split_at_mut(PAGE);
    page[8..12].copy_from_slice(&by.to_le_bytes());
    let before = [&1u64.to_le_bytes()[..], &0u32.to_le_bytes(), &2u32.to_le_bytes()].concat();
    let checksum = crc32fast::hash(&[&before, &page[..PAYLOAD]].concat());
    page[PAYLOAD..].copy_from_slice(&checksum.to_le_bytes());
    let footer = rest.len() - 128;
    rest[footer + 64..footer + 72].copy_from_slice(&(table_at + u64::from(by)).to_le_bytes());
    let checksum = crc32fast::hash(&rest[footer..footer + 124]);
    rest[footer + 124..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, frames).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(rest, table_at + u64::from(by)).unwrap();
}

/// A dictionary of the crate `fst`, with so many bytes, in which each of many nodes leads to the next by two ways. `are_ends`:
/// each is the end of a term besides; otherwise none is, the last one neither.
fn endless_dictionary(bytes: usize, are_ends: bool) -> Vec<u8> {
    // Way back to each next node twice, the letters of the ways, how long ways are, how many there are.
    let node = [1, 1, b'b', b'a', 0x10, if are_ends { 0x42 } else { 2 }];
    const LAST: [u8; 3] = [0x10, 0, 0];
    const NODES: usize = 60;
    let version_and_type = [3u64.to_le_bytes(), 0u64.to_le_bytes()].concat();
    let root = (bytes - 21) as u64;
    let end = [&60u64.to_le_bytes()[..], &root.to_le_bytes(), &[0; 4]].concat();
    let nodes = [&LAST[..], &node.repeat(NODES)].concat();
    let unused = vec![0; bytes - version_and_type.len() - nodes.len() - end.len()];
    [version_and_type, unused, nodes, end].concat()
}
