//! The ordinals that have a term: growing in memory, and as bytes on disk.

use roaring::RoaringBitmap;

use super::varint;

/// Ordinals are below this, so that sums of an ordinal and a small number stay in 32 bits, and so do offsets in the
/// stamps, of which one takes at most 25 bytes.
pub(super) const ORDINALS_MAX: u32 = 1 << 27;

/// The ordinals of one term in the order they come, which is ascending.
///
/// All runs but the last are kept in the form they have on disk, so adjacent entries of one term cost no memory.
#[derive(Clone, Debug)]
pub(super) struct Growing {
    /// The last run: `first <= last`.
    first: u32,
    last: u32,
    /// The lowest ordinal that the last run can have begun with.
    floor: u32,
    count: u32,
    closed: Vec<u8>,
}

impl Growing {
    pub(super) fn new(ordinal: u32) -> Self {
        Growing { first: ordinal, last: ordinal, floor: 0, count: 1, closed: Vec::new() }
    }

    /// Adds an ordinal not below the last; returns how many bytes that took.
    #[inline]
    pub(super) fn push(&mut self, ordinal: u32) -> usize {
        if ordinal == self.last + 1 {
            self.last = ordinal;
            self.count += 1;
            return 0;
        }
        if ordinal <= self.last {
            return 0;
        }
        let before = self.closed.len();
        put_run(&mut self.closed, self.first - self.floor, self.last - self.first);
        self.floor = self.last + 2;
        (self.first, self.last) = (ordinal, ordinal);
        self.count += 1;
        self.closed.len() - before
    }

    /// How many ordinals are below `limit`.
    pub(super) fn count_below(&self, limit: u32) -> u32 {
        if self.last < limit {
            return self.count;
        }
        let mut count = 0;
        self.runs(limit, &mut |first, last| count += last - first + 1);
        count
    }

    /// Calls `f` with the first and last ordinal of each run of those below `limit`.
    pub(super) fn runs(&self, limit: u32, f: &mut dyn FnMut(u32, u32)) {
        let mut clip = |first: u32, last: u32| {
            if first < limit {
                f(first, last.min(limit - 1));
            }
        };
        take_runs(&self.closed, &mut clip).expect("the closed runs are as put_run wrote them");
        clip(self.first, self.last);
    }

    /// The number that stands for these ordinals in a dictionary; a list is appended to `lists` by `place`, which gives
    /// its offset.
    pub(super) fn number(&self, place: &mut dyn FnMut(Vec<u8>) -> u64) -> u64 {
        if self.closed.is_empty() {
            let first = u64::from(self.first);
            return match self.last - self.first {
                0 => first << 2,
                more => (u64::from(more) << 32 | first) << 2 | 1,
            };
        }
        let mut body = self.closed.clone();
        put_run(&mut body, self.first - self.floor, self.last - self.first);
        let mut form = 0;
        // A bitmap takes a bit for each ordinal of the range; below that the runs are always shorter.
        if body.len() > self.last as usize / 8 {
            let mut bitmap = RoaringBitmap::new();
            self.runs(u32::MAX, &mut |first, last| {
                bitmap.insert_range(first..=last);
            });
            bitmap.optimize();
            if bitmap.serialized_size() < body.len() {
                body.clear();
                bitmap.serialize_into(&mut body).expect("writing to memory does not fail");
                form = 1;
            }
        }
        let mut list = Vec::with_capacity(body.len() + 10);
        varint::put(&mut list, (body.len() as u64) << 1 | form);
        varint::put(&mut list, u64::from(self.count));
        list.extend_from_slice(&body);
        place(list) << 2 | 2
    }
}

fn put_run(out: &mut Vec<u8>, gap: u32, more: u32) {
    varint::put(out, u64::from(gap) << 1 | u64::from(more > 0));
    if more > 0 {
        varint::put(out, u64::from(more - 1));
    }
}

/// Calls `f` for each run; `None` where the bytes are not runs of ordinals below the limit.
fn take_runs(mut bytes: &[u8], f: &mut dyn FnMut(u32, u32)) -> Option<()> {
    let mut floor = 0u64;
    while !bytes.is_empty() {
        let token = varint::take(&mut bytes)?;
        let first = floor.checked_add(token >> 1)?;
        let more = if token & 1 == 1 { varint::take(&mut bytes)?.checked_add(1)? } else { 0 };
        let last = first.checked_add(more)?;
        if last >= u64::from(ORDINALS_MAX) {
            return None;
        }
        f(u32::try_from(first).ok()?, u32::try_from(last).ok()?);
        floor = last + 2;
    }
    Some(())
}

/// What a dictionary's number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A run of ordinals, from first to last.
    Run(u32, u32),
    /// A list at this offset of the postings.
    List(u64),
}

impl Number {
    pub(super) fn parse(number: u64) -> Option<Number> {
        let rest = number >> 2;
        let (first, more) = match number & 3 {
            0 => (rest, 0),
            1 => (rest & 0xffff_ffff, rest >> 32),
            2 => return Some(Number::List(rest)),
            _ => return None,
        };
        let last = first + more;
        if last >= u64::from(ORDINALS_MAX) {
            return None;
        }
        Some(Number::Run(u32::try_from(first).ok()?, u32::try_from(last).ok()?))
    }
}

/// The longest head of a list.
pub(super) const LIST_HEAD_MAX: usize = 20;

/// The head of a list in the postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListHead {
    /// Length of the head itself.
    pub(super) head_bytes: usize,
    pub(super) body_bytes: usize,
    pub(super) count: u32,
    bitmap: bool,
}

impl ListHead {
    pub(super) fn parse(bytes: &[u8]) -> Option<ListHead> {
        let mut rest = bytes;
        let token = varint::take(&mut rest)?;
        let count = u32::try_from(varint::take(&mut rest)?).ok()?;
        let body_bytes = usize::try_from(token >> 1).ok()?;
        Some(ListHead { head_bytes: bytes.len() - rest.len(), body_bytes, count, bitmap: token & 1 == 1 })
    }

    /// Adds the list's ordinals to `union`.
    pub(super) fn add_to(&self, body: &[u8], union: &mut Union) -> Option<()> {
        if self.bitmap {
            let bitmap = RoaringBitmap::deserialize_from(body).ok()?;
            union.bitmap |= bitmap;
            return Some(());
        }
        take_runs(body, &mut |first, last| union.add(first, last))
    }
}

/// Ordinals collected from many terms.
#[derive(Debug, Default)]
pub(super) struct Union {
    bitmap: RoaringBitmap,
    /// Single ordinals in any order: far quicker to sort once than to insert one by one.
    single: Vec<u32>,
}

impl Union {
    pub(super) fn add(&mut self, first: u32, last: u32) {
        if first == last {
            self.single.push(first);
        } else {
            self.bitmap.insert_range(first..=last);
        }
    }

    pub(super) fn finish(mut self) -> RoaringBitmap {
        if !self.single.is_sorted() {
            self.single.sort_unstable();
        }
        self.single.dedup();
        let single =
            RoaringBitmap::from_sorted_iter(self.single).expect("the ordinals are sorted and distinct");
        if self.bitmap.is_empty() { single } else { self.bitmap | single }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ordinals: &[u32], limit: u32) {
        let mut growing = Growing::new(ordinals[0]);
        ordinals.iter().for_each(|&ordinal| {
            growing.push(ordinal);
        });
        let mut lists = Vec::new();
        let number = growing.number(&mut |list| {
            lists = list;
            0
        });
        let mut union = Union::default();
        match Number::parse(number).unwrap() {
            Number::Run(first, last) => union.add(first, last),
            Number::List(offset) => {
                assert_eq!(offset, 0);
                let head = ListHead::parse(&lists).unwrap();
                assert_eq!(head.count as usize, ordinals.len());
                assert_eq!(head.head_bytes + head.body_bytes, lists.len());
                head.add_to(&lists[head.head_bytes..], &mut union).unwrap();
            }
        }
        assert_eq!(union.finish(), RoaringBitmap::from_sorted_iter(ordinals.iter().copied()).unwrap());
        let below: Vec<u32> = ordinals.iter().copied().filter(|&ordinal| ordinal < limit).collect();
        let mut clipped = Union::default();
        growing.runs(limit, &mut |first, last| clipped.add(first, last));
        assert_eq!(clipped.finish().iter().collect::<Vec<_>>(), below);
        assert_eq!(growing.count_below(limit) as usize, below.len());
    }

    proptest! {
        #[test]
        fn ordinals_come_back_from_every_form(
            dense in proptest::collection::btree_set(0u32..300, 1..200),
            sparse in proptest::collection::btree_set(0u32..ORDINALS_MAX, 1..50),
            limit in 0u32..400,
        ) {
            check(&dense.into_iter().collect::<Vec<_>>(), limit);
            check(&sparse.into_iter().collect::<Vec<_>>(), limit * 300_000);
        }

        #[test]
        fn hostile_lists_and_numbers_are_refused_or_read(
            bytes in proptest::collection::vec(any::<u8>(), 0..64), number in any::<u64>(),
        ) {
            let _ = Number::parse(number);
            if let Some(head) = ListHead::parse(&bytes) {
                let _ = head.add_to(&bytes[head.head_bytes..], &mut Union::default());
            }
        }
    }

    #[test]
    fn half_of_all_ordinals_are_written_as_a_bitmap() {
        let ordinals: Vec<u32> = (0..200_000).filter(|n| (n * 7919) % 13 < 6).collect();
        check(&ordinals, 100_000);
        let mut growing = Growing::new(ordinals[0]);
        ordinals.iter().for_each(|&ordinal| {
            growing.push(ordinal);
        });
        let mut bytes = 0;
        growing.number(&mut |list| {
            bytes = list.len();
            0
        });
        assert!(bytes < 200_000 / 8 + 4096, "{bytes}");
    }
}
