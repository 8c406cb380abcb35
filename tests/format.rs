//! Files of every released format are read as long as this program exists.
//!
//! `tests/data/format/v1` was written once and is not written again: whoever changes the format adds a directory. It holds
//! a sealed segment with its index, a numbered one, the active one and the manifest. `v1-dictionary` has a sealed segment
//! with a dictionary: the same entries [`PASSES`] times. `v1-signed` has a log with its chain of signatures, and what of it
//! was kept elsewhere, in `kept`: the key that the chain begins with and its last checkpoint.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ktrail::entry::decode::describe;
use ktrail::store::chain::checkpoint::unhex;
use ktrail::store::chain::verify::{Known, Progress, Verified, verify};
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

/// How often the entries are in the segments of the signed sample: the first is removed by retention, the second is longer
/// than a piece, the active one has been signed twice.
const SIGNED_PASSES: [usize; 4] = [1, 3, 2, 1];

struct Quiet;

impl Progress for Quiet {
    fn total(&self, _: u64) {}
    fn read(&self, _: u64) {}
}

/// A copy of the signed sample for an intruder, who is root.
struct Signed(tempfile::TempDir);

impl Signed {
    fn copy() -> Signed {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for item in fs::read_dir(samples().with_file_name("v1-signed")).expect("the sample") {
            let path = item.expect("a file").path();
            if path.is_file() {
                fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("copied");
            }
        }
        Signed(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::remove_file(self.path(name)).expect("removed"));
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).expect("a file");
        change(&mut bytes);
        fs::write(self.path(name), bytes).expect("written");
    }

    fn flip(&self, name: &str, at: usize) {
        self.change(name, |bytes| *bytes.get_mut(at).expect("a byte") ^= 1);
    }

    /// Puts lines in the place of a sealed segment, as they are before it is sealed.
    fn replace(&self, segment: usize, lines: &[u8]) {
        self.remove(&[&format!("audit-{segment:010}.seg"), &format!("audit-{segment:010}.idx")]);
        fs::write(self.path(&format!("audit-{segment:010}.jsonl")), lines).expect("written");
    }

    fn verify(&self) -> Verified {
        let kept = |name: &str| {
            let text = fs::read_to_string(samples().with_file_name("v1-signed").join("kept").join(name));
            text.expect("it was kept").trim().to_owned()
        };
        let known = Known {
            public_key: Some(unhex(&kept("public-key")).expect("a key")),
            checkpoint: Some(kept("checkpoint").parse().expect("a checkpoint")),
        };
        let verified = verify(self.0.path(), &known, &(Arc::new(describe) as _), &Quiet);
        verified.expect("it can be read").expect("it has a chain")
    }
}

/// The entries of one pass of a segment of the signed sample: each segment begins with another one.
fn signed_entries(segment: usize) -> Vec<Vec<u8>> {
    let mut entries = lines();
    entries.rotate_left(7 * segment);
    entries
}

/// The lines of a segment of the signed sample.
fn signed_lines(segment: usize) -> Vec<u8> {
    let pass: Vec<u8> =
        signed_entries(segment).into_iter().flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
    pass.repeat(*SIGNED_PASSES.get(segment - 1).expect("a segment"))
}

/// What is done to a log, and what is then said of it: kind, segment, and a part of the reason of each finding.
type Attack = (&'static str, fn(&Signed), &'static [(&'static str, Option<u64>, &'static str)]);

const ATTACKS: &[Attack] = &[
    ("nothing", |_| {}, &[]),
    (
        "a byte of a sealed segment is flipped",
        |log| log.flip("audit-0000000002.seg", 300),
        &[("changed", Some(2), "not those that were signed")],
    ),
    (
        "a byte of the active segment is flipped",
        |log| log.flip("audit.jsonl", 1000),
        &[("changed", Some(4), "not those that were signed")],
    ),
    (
        "a byte of a statement is flipped",
        |log| log.flip("audit-0000000002.sig", 60),
        &[("chain", Some(2), "statement 1 does not match its checksum")],
    ),
    (
        "a byte of an opening is flipped",
        |log| log.flip("seals", 3 * 256 + 40),
        // Nothing vouches any more for what retention removed after it.
        &[
            ("chain", None, "record 4 does not match its checksum"),
            ("chain", Some(1), "its end is cut off"),
            ("deleted", Some(1), "gone, and not by retention"),
            ("chain", None, "its keys are not those"),
            ("rolled-back", Some(4), "it was set back"),
        ],
    ),
    (
        "a segment is removed",
        |log| log.remove(&["audit-0000000002.seg"]),
        &[("deleted", Some(2), "gone, and not by retention")],
    ),
    (
        "a segment is removed with what is stated about it",
        |log| log.remove(&["audit-0000000003.seg", "audit-0000000003.sig"]),
        &[("chain", Some(3), "its end is cut off"), ("deleted", Some(3), "gone, and not by retention")],
    ),
    (
        "the active segment loses its last entry",
        |log| log.change("audit.jsonl", |bytes| bytes.truncate(bytes.len() - 10)),
        &[("truncated", Some(4), "it ends after 54 entries; the 1 entries that followed")],
    ),
    (
        "a sealed segment loses its last entries",
        |log| {
            let lines = signed_lines(3);
            log.replace(3, lines.get(..lines.len() / 2).expect("one of two passes"));
        },
        &[("truncated", Some(3), "it ends after 55 entries; the 55 entries that followed")],
    ),
    (
        "the last statement is cut off",
        |log| log.change("audit-0000000004.sig", |bytes| bytes.truncate(188)),
        // It was the one that told of what retention had removed.
        &[
            ("chain", Some(1), "its end is cut off"),
            ("deleted", Some(1), "gone, and not by retention"),
            ("chain", None, "its keys are not those"),
            ("rolled-back", Some(4), "is cut off"),
        ],
    ),
    (
        "two segments change places",
        |log| {
            log.replace(2, &signed_lines(3));
            log.replace(3, &signed_lines(2));
        },
        &[
            ("swapped", Some(2), "the lines of segment 3"),
            ("truncated", Some(2), "it ends after 110 entries; the 55 entries that followed"),
            ("swapped", Some(3), "the lines of segment 2"),
            ("added", Some(3), "came after the segment was complete"),
        ],
    ),
    (
        "a segment is replaced by one that differs in a byte",
        |log| {
            let mut lines = signed_lines(2);
            *lines.get_mut(100_000).expect("a byte") ^= 1;
            log.replace(2, &lines);
        },
        &[("changed", Some(2), "not those that were signed")],
    ),
    (
        "the chain is removed",
        |log| log.remove(&["seals"]),
        &[("chain", None, "the chain of signatures is gone")],
    ),
];

#[test]
fn a_signed_log_is_verified_and_each_change_to_it_is_told() {
    let mut wrong = Vec::new();
    for (name, act, expected) in ATTACKS {
        let log = Signed::copy();
        act(&log);
        let verified = log.verify();
        let found: Vec<_> = verified
            .tampering
            .iter()
            .map(|found| (found.what.name(), found.segment, found.reason.as_str()))
            .collect();
        let is_all = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| {
                (found.0, found.1) == (expected.0, expected.1) && found.2.contains(expected.2)
            });
        if !is_all {
            wrong.push(format!("{name}: {found:?}\n{:?}", verified.notes));
        }
        if expected.is_empty() {
            let entries: usize = SIGNED_PASSES.iter().skip(1).sum::<usize>() * lines().len();
            assert_eq!((verified.segments, verified.entries), (3, entries as u64));
            assert!(verified.notes.iter().any(|note| note.contains("retention has removed")), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_writer_goes_on_with_a_chain_of_version_1() {
    let log = Signed::copy();
    let (mut store, problems) =
        Store::open(signed_config(log.0.path()), Arc::new(describe)).expect("it opens");
    assert_eq!(problems, []);
    append(&mut store, &lines());
    store.rotate().expect("rotated");
    store.close().expect("closed");
    let verified = log.verify();
    assert_eq!(verified.tampering, []);
    assert_eq!(verified.checkpoint.expect("a whole chain").segment, 5);
}

fn signed_config(dir: &Path) -> Config {
    let sign = Some(Duration::from_secs(1));
    let (flush, retain_segments) = (Flush::None, Some(2));
    Config { dir: dir.to_owned(), flush, retain_segments, rotate_age: None, sign, ..Config::default() }
}

fn append(store: &mut Store, lines: &[Vec<u8>]) {
    for line in lines {
        let mut terms = Default::default();
        let stamp = describe(line, &mut terms).expect("an entry of ours");
        store.append(stamp, &terms, line).expect("appended");
    }
}

/// Writes the signed sample into the directory named by `KTRAIL_SAMPLES`, but for `kept`, which is what
/// `ktrail verify --print-public-key` and `--print-checkpoint` then say.
#[test]
#[ignore = "writes a sample of the present format"]
fn write_signed_sample() {
    let dir = PathBuf::from(std::env::var_os("KTRAIL_SAMPLES").expect("KTRAIL_SAMPLES names a directory"));
    let (mut store, _) = Store::open(signed_config(&dir), Arc::new(describe)).expect("it opens");
    for (segment, passes) in (1..).zip(SIGNED_PASSES) {
        if segment > 1 {
            store.rotate().expect("rotated");
            store.seal_all().expect("sealed");
            store.sign().expect("signed");
        }
        for _ in 0..passes {
            let entries = signed_entries(segment);
            let (first, second) = entries.split_at(entries.len() / 2);
            append(&mut store, first);
            store.sign().expect("signed");
            append(&mut store, second);
        }
    }
    for _ in 0..3 {
        store.tick(SystemTime::now()).expect("what is one too many is removed");
        store.sign().expect("signed");
    }
    store.close().expect("closed");
    fs::remove_file(dir.join("lock")).expect("removed");
}

/// Writes the sample with a dictionary into the directory named by `KTRAIL_SAMPLES`.
#[test]
#[ignore = "writes a sample of the present format"]
fn write_sample_with_a_dictionary() {
    let dir = PathBuf::from(std::env::var_os("KTRAIL_SAMPLES").expect("KTRAIL_SAMPLES names a directory"));
    let config = Config { dir: dir.clone(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("it opens");
    for _ in 0..PASSES {
        append(&mut store, &lines());
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
