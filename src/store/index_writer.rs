//! Makes the bytes of an `.idx` file from an index in memory.

use std::collections::{HashMap, VecDeque};

use fst::MapBuilder;
use roaring::RoaringBitmap;

use super::index::{Field, Head};
use super::live::LiveIndex;
use super::pages::{self, Kind, PAYLOAD};
use super::posting::{self, Encoded, Growing};
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
            let number = postings.number(posting);
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

/// Length from which a list may be written as its difference to another.
const DIFFERENCE_FROM: usize = 1 << 10;
/// Lists that a later one may be a difference to, the latest of them.
const BASES_MAX: usize = 24;

/// The postings; equal lists are written once. Many terms occur together (user, group and session; a process and
/// what only it touched), so this saves more than a closer code would. Some nearly do (a user's real and effective id):
/// the later list is written as what differs.
#[derive(Default)]
struct Lists {
    bytes: Vec<u8>,
    seen: HashMap<Vec<u8>, u64, foldhash::fast::RandomState>,
    /// Long lists with their offsets.
    bases: VecDeque<(u64, RoaringBitmap)>,
}

impl Lists {
    /// Writes a term's ordinals; gives the dictionary's number for them.
    fn number(&mut self, posting: &Growing) -> u64 {
        let list = match posting.encode() {
            Encoded::Number(number) => return number,
            Encoded::List(list) => list,
        };
        if let Some(number) = self.seen.get(&list) {
            return *number;
        }
        if list.len() < DIFFERENCE_FROM {
            return self.place(list, None, 2);
        }
        let ordinals = posting.bitmap();
        if let Some(difference) = self.difference(&ordinals, list.len()) {
            return self.place(list, Some(difference), 3);
        }
        let number = self.place(list, None, 2);
        if self.bases.len() == BASES_MAX {
            self.bases.pop_front();
        }
        self.bases.push_back((number >> 2, ordinals));
        number
    }

    /// The shortest difference to another list that is less than half as long as the list itself.
    fn difference(&self, ordinals: &RoaringBitmap, length: usize) -> Option<Vec<u8>> {
        let count = u32::try_from(ordinals.len()).ok()?;
        let differences = self.bases.iter().filter_map(|(base, others)| {
            // Sets of very different sizes are not worth the work.
            let is_near = ordinals.len().abs_diff(others.len()) <= ordinals.len() / 4;
            let differs = is_near.then(|| ordinals ^ others)?;
            posting::difference(*base, &differs, count)
        });
        differences.min_by_key(Vec::len).filter(|difference| difference.len() < length / 2)
    }

    /// Writes a list, or what stands for it.
    fn place(&mut self, list: Vec<u8>, instead: Option<Vec<u8>>, kind: u64) -> u64 {
        let number = (self.bytes.len() as u64) << 2 | kind;
        self.bytes.extend_from_slice(instead.as_ref().unwrap_or(&list));
        self.seen.insert(list, number);
        number
    }
}
