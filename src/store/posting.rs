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

    /// Appends all that [`Growing::take`] needs.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        for number in [self.first, self.last, self.floor, self.count] {
            varint::put(out, u64::from(number));
        }
        varint::put(out, self.closed.len() as u64);
        out.extend_from_slice(&self.closed);
    }

    /// Reads what [`Growing::put`] wrote; `None` where these are not ordinals below `entries`.
    pub(super) fn take(bytes: &mut &[u8], entries: u32) -> Option<Growing> {
        let mut number = || u32::try_from(varint::take(bytes)?).ok();
        let (first, last, floor, count) = (number()?, number()?, number()?, number()?);
        let length = usize::try_from(varint::take(bytes)?).ok()?;
        let closed = bytes.split_off(..length)?.to_vec();
        let (mut end, mut counted) = (0, last.checked_sub(first)?.checked_add(1)?);
        take_runs(&closed, |first, last| {
            end = last.saturating_add(2);
            counted = counted.saturating_add(last - first + 1);
        })?;
        let sane = last < entries && first >= floor && floor == end && count == counted;
        sane.then_some(Growing { first, last, floor, count, closed })
    }

    /// Length of the runs in the form they have on disk.
    pub(super) fn closed_bytes(&self) -> usize {
        self.closed.len()
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

    /// How these ordinals are written.
    pub(super) fn encode(&self) -> Encoded {
        if self.closed.is_empty() {
            let first = u64::from(self.first);
            return Encoded::Number(match self.last - self.first {
                0 => first << 2,
                more => (u64::from(more) << 32 | first) << 2 | 1,
            });
        }
        Encoded::List(self.list(None, self.count))
    }

    /// A list of these ordinals; of a difference with the offset of the list that it is a difference to. `count` is the
    /// number of ordinals that the list stands for.
    fn list(&self, base: Option<u64>, count: u32) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(base) = base {
            varint::put(&mut body, base);
        }
        let start = body.len();
        body.extend_from_slice(&self.closed);
        put_run(&mut body, self.first - self.floor, self.last - self.first);
        let mut form = 0;
        // A bitmap takes a bit for each ordinal of the range; below that the runs are always shorter.
        if body.len() - start > self.last as usize / 8 {
            let mut bitmap = self.bitmap();
            bitmap.optimize();
            if bitmap.serialized_size() < body.len() - start {
                body.truncate(start);
                bitmap.serialize_into(&mut body).expect("writing to memory does not fail");
                form = 1;
            }
        }
        let mut list = Vec::with_capacity(body.len() + 10);
        varint::put(&mut list, (body.len() as u64) << 1 | form);
        varint::put(&mut list, u64::from(count));
        list.extend_from_slice(&body);
        list
    }

    /// The same as a bitmap.
    pub(super) fn bitmap(&self) -> RoaringBitmap {
        let mut union = Union::default();
        self.runs(u32::MAX, &mut |first, last| union.add(first, last));
        union.finish()
    }
}

/// How the ordinals of a term are written in an index.
pub(super) enum Encoded {
    /// All in the dictionary's number.
    Number(u64),
    /// As a list.
    List(Vec<u8>),
}

/// The list of ordinals that differ from those of the list at `base`, which is the number of a dictionary for one such.
/// `None` where there is no difference, which has no list.
pub(super) fn difference(base: u64, difference: &RoaringBitmap, count: u32) -> Option<Vec<u8>> {
    let mut ordinals = difference.iter();
    let mut growing = Growing::new(ordinals.next()?);
    for ordinal in ordinals {
        growing.push(ordinal);
    }
    Some(growing.list(Some(base), count))
}

fn put_run(out: &mut Vec<u8>, gap: u32, more: u32) {
    varint::put(out, u64::from(gap) << 1 | u64::from(more > 0));
    if more > 0 {
        varint::put(out, u64::from(more - 1));
    }
}

/// Calls `f` for each run; `None` where the bytes are not runs of ordinals below the limit.
#[inline]
fn take_runs(mut bytes: &[u8], mut f: impl FnMut(u32, u32)) -> Option<()> {
    let mut floor = 0u32;
    while !bytes.is_empty() {
        let token = varint::take(&mut bytes)?;
        // A token has 63 bits after its first: the sum with two numbers of 32 bits fits.
        let more = if token & 1 == 1 { small(varint::take(&mut bytes)?)? + 1 } else { 0 };
        let first = u64::from(floor) + (token >> 1);
        let last = first + more;
        if last >= u64::from(ORDINALS_MAX) {
            return None;
        }
        f(first as u32, last as u32);
        floor = last as u32 + 2;
    }
    Some(())
}

fn small(number: u64) -> Option<u64> {
    (number < u64::from(ORDINALS_MAX)).then_some(number)
}

/// What a dictionary's number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A run of ordinals, from first to last.
    Run(u32, u32),
    /// A list at this offset of the postings.
    List(u64),
    /// A list at this offset of what differs from another list.
    Difference(u64),
}

impl Number {
    pub(super) fn parse(number: u64) -> Option<Number> {
        let rest = number >> 2;
        let (first, more) = match number & 3 {
            0 => (rest, 0),
            1 => (rest & 0xffff_ffff, rest >> 32),
            2 => return Some(Number::List(rest)),
            _ => return Some(Number::Difference(rest)),
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
        // A term is there for its entries: there is none without.
        let count = u32::try_from(varint::take(&mut rest)?).ok().filter(|count| *count > 0)?;
        let body_bytes = usize::try_from(token >> 1).ok()?;
        Some(ListHead { head_bytes: bytes.len() - rest.len(), body_bytes, count, bitmap: token & 1 == 1 })
    }

    /// Takes the offset of the list that this one is a difference to from the front of its body.
    pub(super) fn base(body: &mut &[u8]) -> Option<u64> {
        varint::take(body)
    }

    /// Adds the list's ordinals to `union`.
    pub(super) fn add_to(&self, body: &[u8], union: &mut Union) -> Option<()> {
        if self.bitmap {
            let bitmap = RoaringBitmap::deserialize_from(body).ok()?;
            // A forged one of a few bytes can have every number there is.
            bitmap.max().is_none_or(|max| max < ORDINALS_MAX).then_some(())?;
            union.bitmap |= bitmap;
            return Some(());
        }
        if self.count as usize > LIST_MAX {
            union.spread();
        }
        match union.bits.is_empty() {
            true => take_runs(body, |first, last| union.add(first, last)),
            false => take_runs(body, |first, last| union.set(first, last)),
        }
    }
}

/// Ordinals up to which a union is a list; with more it is one bit for each ordinal.
const LIST_MAX: usize = 4096;

/// Ordinals collected from many terms, in any order.
#[derive(Debug, Default)]
pub(super) struct Union {
    bitmap: RoaringBitmap,
    /// Few ordinals: far quicker to sort once than to insert one by one. Empty when there are `bits`.
    list: Vec<u32>,
    /// One bit for each ordinal, lowest first: a run is a store or two, where a bitmap would have to move what it has.
    bits: Vec<u64>,
}

impl Union {
    /// Adds all from `first` to `last`, which is below [`ORDINALS_MAX`].
    #[inline]
    pub(super) fn add(&mut self, first: u32, last: u32) {
        if self.bits.is_empty() {
            let count = (last - first) as usize + 1;
            if self.list.len() + count <= LIST_MAX {
                self.list.extend(first..=last);
                return;
            }
            self.spread();
        }
        self.set(first, last);
    }

    #[inline]
    fn set(&mut self, first: u32, last: u32) {
        let (from, to) = (first as usize / 64, last as usize / 64);
        if self.bits.len() <= to {
            self.bits.resize((to + 1).next_multiple_of(1024), 0);
        }
        let (head, tail) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
        if from == to {
            if let Some(word) = self.bits.get_mut(from) {
                *word |= head & tail;
            }
        } else if let Some([begin, between @ .., end]) = self.bits.get_mut(from..=to) {
            *begin |= head;
            between.fill(u64::MAX);
            *end |= tail;
        }
    }

    /// Makes bits of the list.
    #[cold]
    fn spread(&mut self) {
        self.bits.resize(self.bits.len().max(1024), 0);
        for ordinal in std::mem::take(&mut self.list) {
            self.set(ordinal, ordinal);
        }
    }

    /// Adds all that is in exactly one of two sets.
    pub(super) fn add_difference(&mut self, base: Union, difference: Union) {
        self.bitmap |= base.finish() ^ difference.finish();
    }

    pub(super) fn finish(mut self) -> RoaringBitmap {
        let all = if self.bits.is_empty() {
            if !self.list.is_sorted() {
                self.list.sort_unstable();
            }
            self.list.dedup();
            RoaringBitmap::from_sorted_iter(self.list).expect("the ordinals are sorted and distinct")
        } else {
            let bytes: Vec<u8> = self.bits.iter().flat_map(|word| word.to_le_bytes()).collect();
            RoaringBitmap::from_lsb0_bytes(0, &bytes)
        };
        if self.bitmap.is_empty() { all } else { self.bitmap | all }
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
        let (number, lists) = match growing.encode() {
            Encoded::Number(number) => (number, Vec::new()),
            Encoded::List(list) => (2, list),
        };
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
            Number::Difference(_) => unreachable!("nothing to differ from"),
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
            assert!(ListHead::parse(&[2, 0, 0]).is_none(), "a term that no entry has");
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
        let Encoded::List(list) = growing.encode() else { panic!("many runs are a list") };
        assert!(list.len() < 200_000 / 8 + 4096, "{}", list.len());
    }
}
