//! Makes the bytes of an `.idx` file from an index in memory.

use std::collections::HashMap;

use fst::MapBuilder;

use super::index::{Field, Head};
use super::live::LiveIndex;
use super::pages::{self, Kind, PAYLOAD};
use super::stamps::Bounds;

/// The segment file an index belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// Length of the file.
    pub(super) bytes: u64,
    /// The checksum at the end of its footer.
    pub(super) footer_crc: u32,
}

/// The `.idx` file of `segment`; `None` for an index without entries or one that the format cannot hold.
pub(super) fn encode(live: &LiveIndex, segment: u64, binding: Binding) -> Option<Vec<u8>> {
    let bounds: Bounds = live.stamps.bounds()?;
    let mut postings = Lists::default();
    let mut stream = Vec::new();
    let mut fields = Vec::new();
    for (field, terms) in live.sorted() {
        let mut builder = MapBuilder::memory();
        for (value, posting) in &terms {
            let number = posting.number(&mut |list| postings.place(list));
            builder.insert(value, number).ok()?;
        }
        let dictionary = builder.into_inner().ok()?;
        let terms = u32::try_from(terms.len()).ok()?;
        fields.push(Field { field, terms, bytes: u32::try_from(dictionary.len()).ok()? });
        stream.extend_from_slice(&dictionary);
    }
    let mut directory = Vec::new();
    live.stamps.heads.iter().for_each(|head| head.put(&mut directory));
    let head = Head {
        entries: live.entries(),
        bounds,
        binding,
        postings_bytes: postings.bytes.len() as u64,
        directory_bytes: directory.len() as u64,
        stamps_bytes: live.stamps.data.len() as u64,
        fields,
    };
    stream.extend_from_slice(&postings.bytes);
    stream.extend_from_slice(&directory);
    stream.extend_from_slice(&live.stamps.data);
    let mut out = Vec::with_capacity(stream.len() + stream.len() / 512 + 3 * pages::PAGE);
    let first = head.encode(segment);
    debug_assert!(first.len() <= PAYLOAD, "255 fields fit one page");
    pages::put(Kind::Index, segment, 0, &first, &mut out);
    pages::put(Kind::Index, segment, 1, &stream, &mut out);
    Some(out)
}

/// The postings; equal lists are written once. Many terms occur together (user, group and session; a process and
/// what only it touched), so this saves more than a closer code would.
#[derive(Default)]
struct Lists {
    bytes: Vec<u8>,
    seen: HashMap<Vec<u8>, u64, foldhash::fast::RandomState>,
}

impl Lists {
    fn place(&mut self, list: Vec<u8>) -> u64 {
        if let Some(&offset) = self.seen.get(&list) {
            return offset;
        }
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&list);
        self.seen.insert(list, offset);
        offset
    }
}
