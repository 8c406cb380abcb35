//! The index of the active segment as bytes, so that opening a store need not read the segment again from its beginning.
//!
//! A checkpoint is a help, never needed: one that is missing, damaged, old or of another segment is passed over, and the
//! lines tell all. What it covers, a file's last bytes before that place prove.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::disk::Disk;
use super::error::Error;
use super::live::LiveIndex;
use super::posting::Growing;
use super::stamps::{Stamps, take_u32, take_u64};
use super::{names, posting, varint};
use crate::sys::files;

const MAGIC: &[u8; 8] = b"ktrailCP";
const VERSION: u8 = 1;
/// Length of the head.
const HEAD_BYTES: usize = 64;
/// Bytes before the end of what is covered that have to be the same in the segment.
const PROOF_BYTES: u64 = 4096;

/// The checksum of the segment's last bytes before `covered`; `None` where the file has not so many.
fn proof(file: &File, covered: u64) -> Option<u32> {
    let length = covered.min(PROOF_BYTES);
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut bytes, covered - length).ok()?;
    Some(crc32fast::hash(&bytes))
}

/// The checkpoint of an index whose lines are all in `file`; `None` for one without entries.
pub(super) fn encode(index: &LiveIndex, segment: u64, file: &File) -> Option<Vec<u8>> {
    let covered = *index.ends.last()?;
    let mut out = Vec::with_capacity(HEAD_BYTES + index.memory_bytes());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&segment.to_le_bytes());
    out.extend_from_slice(&covered.to_le_bytes());
    out.extend_from_slice(&index.entries().to_le_bytes());
    out.extend_from_slice(&proof(file, covered)?.to_le_bytes());
    out.resize(HEAD_BYTES, 0);
    let mut last = 0;
    for &end in &index.ends {
        varint::put(&mut out, end - last);
        last = end;
    }
    index.stamps.put(&mut out);
    varint::put(&mut out, index.terms().len() as u64);
    for term in index.terms() {
        let value = index.value_of(term);
        out.push(term.field);
        varint::put(&mut out, value.len() as u64);
        out.extend_from_slice(value);
        term.posting.put(&mut out);
    }
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    Some(out)
}

/// Reads a checkpoint of the segment in `file`; `None` where it is not one.
pub(super) fn decode(bytes: &[u8], segment: u64, file: &File) -> Option<LiveIndex> {
    let (checked, stored) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(checked) != u32::from_le_bytes(*stored) {
        return None;
    }
    let (mut head, mut rest) = checked.split_at_checked(HEAD_BYTES)?;
    let kind = head.split_off(..16)?;
    if !kind.starts_with(MAGIC) || kind.get(8) != Some(&VERSION) || take_u64(&mut head)? != segment {
        return None;
    }
    let covered = take_u64(&mut head)?;
    let entries = take_u32(&mut head).filter(|&entries| entries < posting::ORDINALS_MAX)?;
    if proof(file, covered)? != take_u32(&mut head)? {
        return None;
    }
    let rest = &mut rest;
    let mut ends = Vec::with_capacity((entries as usize).min(rest.len()));
    let mut last = 0u64;
    for _ in 0..entries {
        last = last.checked_add(varint::take(rest)?).filter(|&end| end <= covered && end > last)?;
        ends.push(last);
    }
    if last != covered {
        return None;
    }
    let stamps = Stamps::take(rest, entries)?;
    let mut index = LiveIndex::restored(ends, stamps);
    for _ in 0..varint::take(rest)? {
        let field = *rest.split_off_first()?;
        let length = usize::try_from(varint::take(rest)?).ok()?;
        let value = rest.split_off(..length)?;
        index.restore(field, value, Growing::take(rest, entries)?)?;
    }
    rest.is_empty().then_some(index)
}

/// The index that the directory's checkpoint has of the segment in `file`; `None` where there is none to be used.
pub(super) fn load(dir: &Path, segment: u64, file: &File) -> Option<LiveIndex> {
    decode(&files::read(&dir.join(names::CHECKPOINT)).ok()?, segment, file)
}

/// Replaces the checkpoint. What a power loss leaves of it does not verify, so it need not wait for the disk.
pub(super) fn write(disk: &Disk, bytes: &[u8]) -> Result<(), Error> {
    let path = disk.path(names::CHECKPOINT_NEXT);
    let file = disk.create(names::CHECKPOINT_NEXT)?;
    disk.writer(&file).write_all(bytes).map_err(Error::io("write", &path))?;
    disk.rename(names::CHECKPOINT_NEXT, names::CHECKPOINT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Stamp;
    use crate::store::term::Terms;

    /// An index of entries, each with a line in the file.
    fn index_of(entries: &[(Stamp, Vec<(u8, u16)>)], file: &mut File) -> LiveIndex {
        let mut index = LiveIndex::default();
        let mut end = 0;
        for (number, (stamp, values)) in entries.iter().enumerate() {
            let mut terms = Terms::default();
            values.iter().for_each(|(field, value)| terms.add(*field, value.to_string().as_bytes()));
            let line = format!("{{{number}}}\n");
            file.write_all(line.as_bytes()).unwrap();
            end += line.len() as u64;
            index.add(*stamp, &terms, end).unwrap();
        }
        index
    }

    fn answers(index: &LiveIndex) -> Vec<(u8, Vec<u8>, Vec<u32>)> {
        let mut all = Vec::new();
        for (field, terms) in index.sorted() {
            for (value, posting) in terms {
                let mut ordinals = Vec::new();
                posting.runs(u32::MAX, &mut |first, last| ordinals.extend(first..=last));
                all.push((field, value.to_vec(), ordinals));
            }
        }
        all
    }

    fn entries() -> impl Strategy<Value = Vec<(Stamp, Vec<(u8, u16)>)>> {
        let stamp = (any::<u32>(), any::<u32>())
            .prop_map(|(time, serial)| Stamp { time_ms: u64::from(time), serial });
        proptest::collection::vec((stamp, proptest::collection::vec((0u8..4, 0u16..30), 0..8)), 1..600)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_index_comes_back_and_grows_on(first in entries(), more in entries()) {
            let mut file = tempfile::tempfile().unwrap();
            let mut whole = index_of(&first, &mut file);
            let bytes = encode(&whole, 7, &file).unwrap();
            let mut back = decode(&bytes, 7, &file).expect("what was encoded");
            prop_assert_eq!(answers(&back), answers(&whole));
            let mut end = *whole.ends.last().unwrap();
            for (stamp, values) in &more {
                let mut terms = Terms::default();
                values.iter().for_each(|(field, value)| terms.add(*field, value.to_string().as_bytes()));
                end += 5;
                prop_assert_eq!(back.add(*stamp, &terms, end), whole.add(*stamp, &terms, end));
            }
            prop_assert_eq!(answers(&back), answers(&whole));
            prop_assert_eq!(&back.ends, &whole.ends);
            prop_assert_eq!(back.stamps.bounds(), whole.stamps.bounds());
            for ordinal in 0..whole.entries() {
                prop_assert_eq!(back.stamps.get(ordinal), whole.stamps.get(ordinal));
            }
        }

        #[test]
        fn what_is_no_checkpoint_of_the_segment_is_passed_over(all in entries(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut file = tempfile::tempfile().unwrap();
            let index = index_of(&all, &mut file);
            let mut bytes = encode(&index, 7, &file).unwrap();
            prop_assert!(decode(&bytes, 8, &file).is_none());
            prop_assert!(decode(&bytes, 7, &tempfile::tempfile().unwrap()).is_none());
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(decode(&bytes, 7, &file).is_none());
            // Even with a good checksum, nonsense is an answer and no panic.
            let end = bytes.len() - 4;
            let checksum = crc32fast::hash(&bytes[..end]);
            bytes[end..].copy_from_slice(&checksum.to_le_bytes());
            if let Some(index) = decode(&bytes, 7, &file) {
                answers(&index);
            }
        }
    }
}
