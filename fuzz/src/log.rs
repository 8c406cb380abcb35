//! Log directories made of an input, the checksums of their files mended so that what stands behind them is reached, and
//! what must hold of a log whatever its files hold.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use ktrail::entry::decode::describe;
use ktrail::store::term::Terms;
use ktrail::store::{Reader, SegmentView, Snapshot, Stamp, ValueTest};
use tempfile::TempDir;

/// A sealed segment of the released format, and its index.
pub const SEGMENT: &[u8] = include_bytes!("../../tests/data/format/v1/audit-0000000001.seg");
/// The segment's index.
pub const INDEX: &[u8] = include_bytes!("../../tests/data/format/v1/audit-0000000001.idx");
/// An active segment of the same log.
pub const ACTIVE: &[u8] = include_bytes!("../../tests/data/format/v1/audit.jsonl");

/// Entries of one segment that are looked at one by one: a footer may promise millions.
const ENTRIES_READ: u32 = 200;
/// Fields that are asked for; there are fewer.
const FIELDS: u8 = 24;
const HEADER_BYTES: usize = 64;
const FOOTER_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;
const ITEM_BYTES: usize = 24;

/// A directory in memory where there is one: it is written for every input.
pub fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a temporary directory")
}

/// Writes a file of a log directory.
pub fn write(dir: &TempDir, name: &str, bytes: &[u8]) {
    fs::write(dir.path().join(name), bytes).expect("there is room");
}

/// A log that is in order, of three segments: sealed, numbered and active.
pub static SAMPLE: LazyLock<(TempDir, Reader)> = LazyLock::new(|| {
    let dir = directory();
    write(&dir, "audit-0000000001.seg", SEGMENT);
    write(&dir, "audit-0000000001.idx", INDEX);
    write(
        &dir,
        "audit-0000000002.jsonl",
        include_bytes!("../../tests/data/format/v1/audit-0000000002.jsonl"),
    );
    write(&dir, "audit.jsonl", ACTIVE);
    let (reader, problems) = Reader::open(dir.path(), Arc::new(describe)).expect("the sample opens");
    assert!(problems.is_empty(), "{problems:?}");
    (dir, reader)
});

/// Whether to mend an input's checksums: a mutation in two.
pub fn is_mended(input: &[u8]) -> bool {
    crc32fast::hash(input) & 1 == 1
}

/// Gives header, frames, frame table and footer of a sealed segment the checksums they should have, as far as there are
/// these parts.
pub fn mend_segment(bytes: &mut [u8]) {
    let Some(foot_at) = bytes.len().checked_sub(FOOTER_BYTES).filter(|at| *at >= HEADER_BYTES) else {
        return;
    };
    mend(&mut bytes[..HEADER_BYTES]);
    let number = |at: usize, bytes: &[u8]| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let table_at = usize::try_from(number(foot_at + 64, bytes)).unwrap_or(usize::MAX).min(foot_at);
    let segment = number(foot_at + 16, bytes);
    let (frames, rest) = bytes.split_at_mut(table_at);
    let (table, foot) = rest.split_at_mut(foot_at - table_at);
    for (page, bytes) in table.chunks_exact_mut(PAGE_BYTES).enumerate() {
        for item in bytes[..PAGE_BYTES - 4].chunks_exact_mut(ITEM_BYTES) {
            let start = usize::try_from(number(0, item)).unwrap_or(usize::MAX);
            let length = u32::from_le_bytes(item[8..12].try_into().expect("4 bytes")) as usize;
            let frame = start.checked_add(length).and_then(|end| frames.get(start..end)).unwrap_or_default();
            if !frame.is_empty() {
                item[20..].copy_from_slice(&crc32fast::hash(frame).to_le_bytes());
            }
        }
        mend_page(bytes, segment, page, 2);
    }
    mend(foot);
}

/// Gives the pages of an index the checksums they should have.
pub fn mend_index(bytes: &mut [u8], segment: u64) {
    for (page, bytes) in bytes.chunks_exact_mut(PAGE_BYTES).enumerate() {
        mend_page(bytes, segment, page, 1);
    }
}

/// Puts the checksum of all before into the last four bytes.
pub fn mend(bytes: &mut [u8]) {
    if let Some((content, place)) = bytes.split_last_chunk_mut::<4>() {
        *place = crc32fast::hash(content).to_le_bytes();
    }
}

fn mend_page(page: &mut [u8], segment: u64, number: usize, kind: u32) {
    let (payload, place) = page.split_last_chunk_mut::<4>().expect("a page");
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&(number as u32).to_le_bytes());
    hasher.update(&kind.to_le_bytes());
    hasher.update(payload);
    *place = hasher.finalize().to_le_bytes();
}

/// Asks everything of every segment. What it answers must make sense in itself. `proven`: where lines end is known from
/// the lines themselves and not from a checkpoint that only its checksum vouches for.
pub fn ask(snapshot: &Snapshot, proven: bool) {
    let mut line = Vec::new();
    for segment in snapshot.segments() {
        for ordinal in (0..segment.len()).take(ENTRIES_READ as usize) {
            let _ = segment.stamp(ordinal);
            if segment.read(ordinal, &mut line).is_ok() {
                assert!(!proven || !line.contains(&b'\n'), "an entry is one line");
            }
        }
        assert!(segment.read(segment.len(), &mut line).is_err(), "there is no such entry");
        for field in 0..FIELDS {
            let mut values: Vec<Vec<u8>> = Vec::new();
            let _ = segment.values(field, &mut |value, count| {
                assert!(count > 0, "a value that no entry has");
                if values.len() < 8 {
                    values.push(value.to_vec());
                }
            });
            let any = segment.postings(field, &ValueTest::Any);
            for value in &values {
                if let (Ok(found), Ok(any)) = (segment.postings(field, &ValueTest::Equals(value)), &any) {
                    assert!(found.is_subset(any), "who has a value has the field");
                }
            }
            let _ = segment.postings(field, &ValueTest::StartsWith(b"/usr"));
            let _ = segment.postings(field, &ValueTest::Numeric(0, 1000));
            let _ = segment.postings(field, &ValueTest::Contains(b"a"));
        }
        in_time(segment);
        let _ = segment.check(&mut |_| {});
        let _ = segment.facts();
    }
}

fn in_time(segment: &SegmentView) {
    let Some((earliest, latest)) = segment.time_range() else { return };
    let middle = earliest.midpoint(latest);
    for (since, until) in [(None, Some(middle)), (Some(middle), None), (Some(earliest), Some(latest))] {
        let mut candidates = roaring::RoaringBitmap::from_iter(0..segment.len().min(ENTRIES_READ));
        let all = candidates.clone();
        if segment.in_time(since, until, &mut candidates).is_ok() {
            assert!(candidates.is_subset(&all), "a time takes away and adds nothing");
        }
    }
}

/// Checks that what the index of a segment says is what its lines say.
pub fn check_against_scan(segment: &SegmentView) {
    let mut line = Vec::new();
    let mut held: Vec<(Terms, Stamp)> = Vec::new();
    for ordinal in 0..segment.len() {
        segment.read(ordinal, &mut line).expect("a line of the sample");
        let mut terms = Terms::default();
        let stamp = describe(&line, &mut terms).expect("an entry of the sample");
        assert_eq!(segment.stamp(ordinal).expect("its stamp"), stamp);
        held.push((terms, stamp));
    }
    for (terms, _) in &held {
        for (field, value) in terms.iter() {
            let found = segment.postings(field, &ValueTest::Equals(value)).expect("its postings");
            let scanned =
                (0u32..).zip(&held).filter(|(_, (terms, _))| terms.iter().any(|term| term == (field, value)));
            assert!(found.into_iter().eq(scanned.map(|(ordinal, _)| ordinal)), "field {field}");
        }
    }
}
