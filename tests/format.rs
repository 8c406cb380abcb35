//! Files of every released format are read as long as this program exists.
//!
//! `tests/data/format/v1` was written once and is not written again: whoever changes the format adds a directory. It holds
//! a sealed segment with its index, a numbered one, the active one and the manifest. `v1-dictionary` has a sealed segment
//! with a dictionary: the same entries [`PASSES`] times.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ktrail::entry::decode::describe;
use ktrail::store::{Config, Flush, Reader, State, Store, ValueTest};

/// How often the entries are in the segment with a dictionary, which has to be long to get one.
const PASSES: usize = 170;

/// Where the samples of format version 1 are.
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format/v1")
}

/// The lines of the samples, as they were given to the store.
fn lines() -> Vec<Vec<u8>> {
    let text = fs::read(samples().join("entries.jsonl")).expect("the entries");
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// A copy without the list of the entries, which is no part of a log.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for item in fs::read_dir(samples()).expect("the samples") {
        let path = item.expect("a file").path();
        let name = path.file_name().expect("a name");
        if name != "entries.jsonl" {
            fs::copy(&path, dir.path().join(name)).expect("copied");
        }
    }
    dir
}

fn check(reader: &Reader, states: &[State]) {
    let snapshot = reader.snapshot();
    let found: Vec<State> =
        snapshot.segments().iter().map(|segment| segment.facts().expect("a segment").state).collect();
    assert_eq!(found, states);
    let mut expected = lines().into_iter();
    let mut line = Vec::new();
    for segment in snapshot.segments() {
        for ordinal in 0..segment.len() {
            segment.read(ordinal, &mut line).expect("an entry");
            assert_eq!(Some(&line), expected.next().as_ref());
            let mut terms = Default::default();
            let stamp = describe(&line, &mut terms).expect("an entry of ours");
            assert_eq!(segment.stamp(ordinal).expect("a stamp"), stamp);
            for (field, value) in terms.iter() {
                let ordinals = segment.postings(field, &ValueTest::Equals(value)).expect("an index");
                assert!(ordinals.contains(ordinal), "field {field}: {:?}", String::from_utf8_lossy(value));
            }
        }
        assert_eq!(segment.check(&mut |_| {}).expect("it can be read"), []);
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn a_reader_finds_every_entry_of_version_1() {
    let dir = copy();
    let (reader, problems) = Reader::open(dir.path(), Arc::new(describe)).expect("it opens");
    assert_eq!(problems, []);
    check(&reader, &[State::Sealed, State::Unsealed, State::Active]);
}

#[test]
fn a_writer_goes_on_with_version_1() {
    let dir = copy();
    let config = Config { dir: dir.path().to_owned(), flush: Flush::None, ..Config::default() };
    let (mut store, problems) = Store::open(config, Arc::new(describe)).expect("it opens");
    assert_eq!(problems, []);
    store.seal_all().expect("sealed");
    check(&store.reader(), &[State::Sealed, State::Sealed, State::Active]);
    assert_eq!(store.reader().snapshot().segments().iter().map(|segment| segment.id()).max(), Some(3));
}

#[test]
fn a_segment_with_a_dictionary_is_read() {
    let dir = samples().with_file_name("v1-dictionary");
    let (reader, problems) = Reader::open(&dir, Arc::new(describe)).expect("it opens");
    assert_eq!(problems, []);
    let snapshot = reader.snapshot();
    let segment = snapshot.segments().first().expect("a segment");
    let (entries, mut line) = (lines(), Vec::new());
    assert_eq!(segment.len() as usize, PASSES * entries.len());
    for (ordinal, expected) in (0..segment.len()).zip(entries.iter().cycle()) {
        segment.read(ordinal, &mut line).expect("an entry");
        assert_eq!(&line, expected);
    }
}

/// Writes the sample with a dictionary into the directory named by `KTRAIL_SAMPLES`.
#[test]
#[ignore = "writes a sample of the present format"]
fn write_sample_with_a_dictionary() {
    let dir = PathBuf::from(std::env::var_os("KTRAIL_SAMPLES").expect("KTRAIL_SAMPLES names a directory"));
    let config = Config { dir: dir.clone(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("it opens");
    for line in lines().iter().cycle().take(PASSES * lines().len()) {
        let mut terms = Default::default();
        let stamp = describe(line, &mut terms).expect("an entry of ours");
        store.append(stamp, &terms, line).expect("appended");
    }
    store.rotate().expect("rotated");
    store.seal_all().expect("sealed");
    store.close().expect("closed");
    fs::remove_file(dir.join("lock")).expect("removed");
}

/// Writes the samples into the directory named by `KTRAIL_SAMPLES`; they are added to the sources by hand.
#[test]
#[ignore = "writes samples of the present format"]
fn write_samples() {
    let dir = PathBuf::from(std::env::var_os("KTRAIL_SAMPLES").expect("KTRAIL_SAMPLES names a directory"));
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/host.raw.log");
    let imported = tempfile::tempdir().expect("a temporary directory");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ktrail"));
    let status = command.arg("import").arg(log).arg("--log-dir").arg(imported.path()).status();
    assert!(status.expect("ktrail runs").success());
    let (reader, _) = Reader::open(imported.path(), Arc::new(describe)).expect("it opens");
    let snapshot = reader.snapshot();
    let segment = snapshot.segments().first().expect("a segment");

    let config = Config { dir: dir.clone(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("it opens");
    let (mut line, mut all) = (Vec::new(), Vec::new());
    // One sealed segment, one numbered, and some entries in the active one.
    let (sealed, numbered, active) = (40, 50, 55);
    assert!(segment.len() >= active);
    for ordinal in 0..active {
        segment.read(ordinal, &mut line).expect("an entry");
        let mut terms = Default::default();
        let stamp = describe(&line, &mut terms).expect("an entry of ours");
        store.append(stamp, &terms, &line).expect("appended");
        all.extend_from_slice(&line);
        all.push(b'\n');
        if ordinal + 1 == sealed || ordinal + 1 == numbered {
            store.rotate().expect("rotated");
            store.seal_all().expect("sealed");
        }
    }
    store.close().expect("closed");
    // As a crash before sealing would have left it.
    let plain: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
    let plain = plain.get(sealed as usize..numbered as usize).expect("lines").concat();
    fs::write(dir.join("audit-0000000002.jsonl"), plain).expect("written");
    for name in ["audit-0000000002.seg", "audit-0000000002.idx", "lock"] {
        fs::remove_file(dir.join(name)).expect("removed");
    }
    fs::write(dir.join("entries.jsonl"), all).expect("written");
}
