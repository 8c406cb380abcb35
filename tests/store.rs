//! The store from outside: what was appended is found and read, whatever happened to its files meanwhile.

mod support {
    #[allow(dead_code)]
    pub(crate) mod forged;
}

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ktrail::store::term::Terms;
use ktrail::store::{
    Config, Describe, Error, Flush, Notice, Position, Problem, Reader, SegmentView, Snapshot, Stamp, Store,
    ValueTest,
};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use support::forged::Index;
use tempfile::TempDir;

/// An entry as these tests make them; its line holds all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    stamp: Stamp,
    terms: Vec<(u8, String)>,
}

impl Entry {
    fn line(&self) -> Vec<u8> {
        let mut line = format!("{{{} {}", self.stamp.time_ms, self.stamp.serial);
        for (field, value) in &self.terms {
            line.push_str(&format!(" {field}={value}"));
        }
        line.push('}');
        line.into_bytes()
    }

    fn parse(line: &[u8]) -> Option<Entry> {
        let text = std::str::from_utf8(line).ok()?.strip_prefix('{')?.strip_suffix('}')?;
        let mut words = text.split(' ');
        let stamp = Stamp { time_ms: words.next()?.parse().ok()?, serial: words.next()?.parse().ok()? };
        let term = |word: &str| {
            let (field, value) = word.split_once('=')?;
            Some((field.parse().ok()?, value.to_owned()))
        };
        Some(Entry { stamp, terms: words.map(term).collect::<Option<_>>()? })
    }

    fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        self.terms.iter().for_each(|(field, value)| terms.add(*field, value.as_bytes()));
        terms
    }

    fn numbered(number: u32) -> Entry {
        let stamp = Stamp { time_ms: 1_700_000_000_000 + u64::from(number) * 3, serial: number };
        let terms = vec![
            (1, "watch".to_owned()),
            (2, format!("/usr/bin/tool{}", number % 7)),
            (4, format!("/tmp/file{number}")),
            (7, (number % 3 * 1000).to_string()),
        ];
        Entry { stamp, terms }
    }
}

fn describe() -> Describe {
    Arc::new(|line, terms| {
        let entry = Entry::parse(line)?;
        entry.terms.iter().for_each(|(field, value)| terms.add(*field, value.as_bytes()));
        Some(entry.stamp)
    })
}

/// A directory, its store, and what the store should hold.
struct Bench {
    _dir: TempDir,
    config: Config,
    store: Option<Store>,
    model: BTreeMap<Position, Entry>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            dir: dir.path().join("log"),
            flush: Flush::None,
            retain_bytes: None,
            rotate_age: None,
            ..Config::default()
        };
        let mut bench = Bench { _dir: dir, config, store: None, model: BTreeMap::new() };
        assert_eq!(bench.open(), []);
        bench
    }

    fn open(&mut self) -> Vec<Problem> {
        self.store = None;
        let (store, problems) = Store::open(self.config.clone(), describe()).unwrap();
        self.store = Some(store);
        problems
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn close(&mut self) {
        self.store.take().unwrap().close().unwrap();
    }

    fn append(&mut self, entry: Entry) -> Position {
        let position = self.store().append(entry.stamp, &entry.terms(), &entry.line()).unwrap();
        assert_eq!(self.model.insert(position, entry), None, "{position:?} is given twice");
        position
    }

    fn fill(&mut self, numbers: Range<u32>) {
        for number in numbers {
            self.append(Entry::numbered(number));
        }
        self.store().flush().unwrap();
    }

    /// Fills and seals `count` segments of 400 entries each.
    fn sealed(count: u32) -> Bench {
        let mut bench = Bench::new();
        for segment in 0..count {
            bench.fill(segment * 400..(segment + 1) * 400);
            bench.store().rotate().unwrap();
        }
        bench.store().seal_all().unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.config.dir.join(name)
    }

    fn names(&self) -> Vec<String> {
        let items = fs::read_dir(&self.config.dir).unwrap();
        let mut names: Vec<_> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn check(&mut self) {
        let snapshot = self.store().reader().snapshot();
        check(&snapshot, &self.model);
    }
}

/// Compares lines, stamps and index answers of a snapshot with a linear scan of the model.
fn check(snapshot: &Snapshot, model: &BTreeMap<Position, Entry>) {
    let entries: u64 = snapshot.segments().iter().map(|segment| u64::from(segment.len())).sum();
    assert_eq!(entries, model.len() as u64);
    let mut line = Vec::new();
    for (position, entry) in model {
        let stamp = snapshot.read(*position, &mut line).unwrap();
        assert_eq!((stamp, &line), (Some(entry.stamp), &entry.line()), "{position:?}");
    }
    for segment in snapshot.segments() {
        let in_it: Vec<(u32, &Entry)> = model
            .iter()
            .filter(|(position, _)| position.segment == segment.id())
            .map(|(position, entry)| (position.ordinal, entry))
            .collect();
        check_segment(segment, &in_it);
    }
}

fn scan(entries: &[(u32, &Entry)], keep: impl Fn(&Entry) -> bool) -> RoaringBitmap {
    entries.iter().filter(|(_, entry)| keep(entry)).map(|(ordinal, _)| *ordinal).collect()
}

fn check_segment(segment: &SegmentView, entries: &[(u32, &Entry)]) {
    let odd = |value: &[u8]| value.len() % 2 == 1;
    let tests = [
        ValueTest::Equals(b"watch"),
        ValueTest::Equals(b"a"),
        ValueTest::Equals(b"nowhere"),
        ValueTest::StartsWith(b"/usr/bin/tool3"),
        ValueTest::StartsWith(b"a"),
        ValueTest::StartsWith(b""),
        ValueTest::Contains(b"ool"),
        ValueTest::Contains(b"b"),
        ValueTest::Numeric(1, 1500),
        ValueTest::Numeric(-5, 0),
        ValueTest::Accepts(&odd),
        ValueTest::Any,
    ];
    for field in [1, 2, 4, 7, 200] {
        for (number, test) in tests.iter().enumerate() {
            let found = segment.postings(field, test).unwrap();
            let passes =
                |entry: &Entry| entry.terms.iter().any(|(f, v)| *f == field && test.accepts(v.as_bytes()));
            assert_eq!(found, scan(entries, passes), "field {field}, test {number}");
        }
        check_values(segment, entries, field);
    }
    let times: Vec<u64> = entries.iter().map(|(_, entry)| entry.stamp.time_ms).collect();
    let middle = times.get(times.len() / 2).copied().unwrap_or(7);
    let near = Some(middle.saturating_add(40));
    for (since, until) in [(None, None), (Some(middle), None), (None, Some(middle)), (Some(middle - 1), near)]
    {
        let mut found: RoaringBitmap = (0..segment.len() + 10).collect();
        segment.in_time(since, until, &mut found).unwrap();
        let keep = |entry: &Entry| {
            entry.stamp.time_ms >= since.unwrap_or(0) && entry.stamp.time_ms <= until.unwrap_or(u64::MAX)
        };
        assert_eq!(found, scan(entries, keep), "{since:?} {until:?}");
    }
    let mut found: RoaringBitmap = (0..segment.len()).collect();
    segment.in_serial(20, 50, &mut found).unwrap();
    assert_eq!(found, scan(entries, |entry| (20..=50).contains(&entry.stamp.serial)));
}

fn check_values(segment: &SegmentView, entries: &[(u32, &Entry)], field: u8) {
    let mut values = BTreeMap::new();
    let mut add = |value: &[u8], count| {
        let before = values.insert(String::from_utf8(value.to_vec()).unwrap(), count);
        assert_eq!(before, None, "a value comes twice");
    };
    segment.values(field, &mut add).unwrap();
    let mut expected = BTreeMap::new();
    for (_, entry) in entries {
        let mut own: Vec<_> = entry.terms.iter().filter(|(f, _)| *f == field).map(|(_, v)| v).collect();
        own.sort();
        own.dedup();
        own.into_iter().for_each(|value| *expected.entry(value.clone()).or_insert(0) += 1);
    }
    assert_eq!(values, expected, "field {field}");
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Entry>),
    Flush,
    Rotate,
    Seal,
    Reopen,
}

fn entry() -> impl Strategy<Value = Entry> {
    let value = prop_oneof![
        "[ab]{1,3}",
        "/usr/bin/tool[0-4]",
        (-3i32..2000).prop_map(|number| number.to_string()),
        Just("watch".to_owned()),
    ];
    let term = (prop_oneof![Just(1u8), Just(2), Just(4), Just(7)], value);
    let time = prop_oneof![1_700_000_000_000u64..1_700_000_000_200, 1u64..100, Just(u64::MAX - 1)];
    (time, 0u32..100, proptest::collection::vec(term, 0..8))
        .prop_map(|(time_ms, serial, terms)| Entry { stamp: Stamp { time_ms, serial }, terms })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(entry(), 1..60).prop_map(Step::Append),
        // Runs of the same entry, as bursts are.
        2 => (entry(), 2usize..600).prop_map(|(entry, count)| Step::Append(vec![entry; count])),
        1 => Just(Step::Flush),
        2 => Just(Step::Rotate),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_equals_a_linear_scan(steps in proptest::collection::vec(step(), 1..14)) {
        let mut bench = Bench::new();
        for step in steps {
            match step {
                Step::Append(entries) => entries.into_iter().for_each(|entry| {
                    bench.append(entry);
                }),
                Step::Flush => bench.store().flush().unwrap(),
                Step::Rotate => bench.store().rotate().unwrap(),
                Step::Seal => bench.store().seal_all().unwrap(),
                Step::Reopen => {
                    bench.close();
                    prop_assert_eq!(bench.open(), []);
                }
            }
        }
        bench.store().flush().unwrap();
        bench.check();
        bench.store().rotate().unwrap();
        bench.store().seal_all().unwrap();
        bench.check();
        let (reader, problems) = Reader::open(&bench.config.dir, describe()).unwrap();
        prop_assert_eq!(problems, []);
        check(&reader.snapshot(), &bench.model);
    }
}

fn plain(numbers: Range<u32>) -> Vec<u8> {
    numbers.flat_map(|number| [Entry::numbered(number).line(), b"\n".to_vec()].concat()).collect()
}

#[test]
fn a_store_has_the_files_and_modes_that_the_format_states() {
    let mut bench = Bench::sealed(1);
    bench.fill(400..410);
    let expected = ["audit-0000000001.idx", "audit-0000000001.seg", "audit.jsonl", "lock", "manifest"];
    assert_eq!(bench.names(), expected);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&bench.config.dir), 0o750);
    for name in expected {
        assert_eq!(mode(&bench.path(name)), 0o640, "{name}");
    }
    assert_eq!(fs::read(bench.path("audit.jsonl")).unwrap(), plain(400..410));
    // Any zstd decoder reads a sealed segment.
    let sealed = fs::read(bench.path("audit-0000000001.seg")).unwrap();
    assert_eq!(zstd::decode_all(sealed.as_slice()).unwrap(), plain(0..400));
}

#[test]
fn a_torn_last_line_is_put_aside_and_the_rest_stays() {
    let mut bench = Bench::sealed(1);
    bench.fill(400..450);
    bench.close();
    let path = bench.path("audit.jsonl");
    let whole = fs::read(&path).unwrap();
    let torn = [whole.as_slice(), b"{1700000000000 9 1=wa"].concat();
    fs::write(&path, torn).unwrap();

    let (reader, problems) = Reader::open(&bench.config.dir, describe()).unwrap();
    assert_eq!(problems, [Problem::TornLine { path: path.clone(), bytes: 21, quarantine: None }]);
    check(&reader.snapshot(), &bench.model);

    let name = format!("quarantine/audit-0000000002-at-{}.fragment", whole.len());
    let quarantine = Some(bench.path(&name));
    assert_eq!(bench.open(), [Problem::TornLine { path: path.clone(), bytes: 21, quarantine }]);
    assert_eq!(fs::read(bench.path(&name)).unwrap(), b"{1700000000000 9 1=wa");
    assert_eq!(fs::read(&path).unwrap(), whole);
    bench.check();
    bench.fill(450..460);
    bench.check();
}

#[test]
fn a_tail_that_power_loss_left_without_data_is_put_aside() {
    let mut bench = Bench::new();
    bench.fill(0..3);
    bench.close();
    let path = bench.path("audit.jsonl");
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0], length + 5000).unwrap();
    let problems = bench.open();
    assert!(matches!(problems.as_slice(), [Problem::TornLine { bytes: 5001, .. }]), "{problems:?}");
    bench.check();
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
}

#[test]
fn a_line_that_is_no_entry_stays_and_is_told() {
    let mut bench = Bench::new();
    bench.fill(0..10);
    bench.close();
    let path = bench.path("audit.jsonl");
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(b"{foreign}\n\n");
    fs::write(&path, &text).unwrap();
    assert_eq!(bench.open(), [Problem::RefusedLines { path: path.clone(), count: 2, first: 10 }]);
    bench.store().rotate().unwrap();
    bench.store().seal_all().unwrap();
    let snapshot = bench.store().reader().snapshot();
    let mut line = Vec::new();
    snapshot.read(Position { segment: 1, ordinal: 10 }, &mut line).unwrap();
    assert_eq!(line, b"{foreign}");
    snapshot.read(Position { segment: 1, ordinal: 11 }, &mut line).unwrap();
    assert_eq!(line, b"");
}

/// What a crash can leave of a segment that is rotated and sealed, step by step: names and bytes of the files.
fn crash_points(plain: &[u8], sealed: &[u8], index: &[u8]) -> Vec<Vec<(&'static str, Vec<u8>)>> {
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let active = ("audit.jsonl", plain.to_vec());
    let empty = ("audit.jsonl", Vec::new());
    let next = ("audit.jsonl.tmp", Vec::new());
    let numbered = ("audit-0000000001.jsonl", plain.to_vec());
    let seg = ("audit-0000000001.seg", sealed.to_vec());
    let idx = ("audit-0000000001.idx", index.to_vec());
    let seg_tmp = ("audit-0000000001.seg.tmp", sealed.to_vec());
    let seg_half = ("audit-0000000001.seg.tmp", half(sealed));
    let idx_half = ("audit-0000000001.idx.tmp", half(index));
    vec![
        vec![active.clone()],
        vec![active, next.clone()],
        vec![numbered.clone(), next],
        vec![numbered.clone(), empty.clone()],
        vec![numbered.clone(), seg_half, empty.clone()],
        vec![numbered.clone(), seg_tmp.clone(), idx_half],
        vec![numbered.clone(), seg_tmp, idx.clone(), empty.clone()],
        vec![numbered, seg.clone(), idx.clone()],
        vec![seg, idx, empty],
    ]
}

#[test]
fn a_crash_between_any_two_steps_of_sealing_leaves_one_whole_segment() {
    let mut bench = Bench::new();
    bench.fill(0..300);
    let lines = fs::read(bench.path("audit.jsonl")).unwrap();
    bench.store().rotate().unwrap();
    bench.store().seal_all().unwrap();
    bench.close();
    let sealed = fs::read(bench.path("audit-0000000001.seg")).unwrap();
    let index = fs::read(bench.path("audit-0000000001.idx")).unwrap();
    for (number, files) in crash_points(&lines, &sealed, &index).iter().enumerate() {
        bench.store = None;
        for name in bench.names() {
            fs::remove_file(bench.path(&name)).unwrap();
        }
        for (name, bytes) in files {
            fs::write(bench.path(name), bytes).unwrap();
        }
        let (reader, problems) = Reader::open(&bench.config.dir, describe()).unwrap();
        assert_eq!(problems, [], "case {number}, read only");
        check(&reader.snapshot(), &bench.model);
        assert_eq!(bench.open(), [], "case {number}");
        bench.check();
        bench.store().seal_all().unwrap();
        bench.check();
        let is_left = |name: &String| name.ends_with(".tmp") || name == "audit-0000000001.jsonl";
        assert!(!bench.names().iter().any(is_left), "case {number}: {:?}", bench.names());
        let next = bench.store().append(Stamp::default(), &Terms::default(), b"{}").unwrap();
        let expected = if files[0].0 == "audit.jsonl" { (1, 300) } else { (2, 0) };
        assert_eq!((next.segment, next.ordinal), expected, "case {number}");
    }
}

#[test]
fn a_missing_or_damaged_index_is_made_anew() {
    let mut bench = Bench::sealed(2);
    bench.close();
    let path = bench.path("audit-0000000001.idx");
    let whole = fs::read(&path).unwrap();
    let other = fs::read(bench.path("audit-0000000002.idx")).unwrap();
    let mut cases = vec![Vec::new(), vec![0; 4096], whole[..whole.len() - 4096].to_vec(), other];
    for page in 0..whole.len() / 4096 {
        let mut flipped = whole.clone();
        flipped[page * 4096 + 100] ^= 1;
        cases.push(flipped);
    }
    for (number, bytes) in cases.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let (reader, _) = Reader::open(&bench.config.dir, describe()).unwrap();
        check(&reader.snapshot(), &bench.model);
        let problems = bench.open();
        assert!(problems.iter().all(|problem| matches!(problem, Problem::Index { .. })), "{problems:?}");
        bench.check();
        // Where the damage was found only by asking, a tick makes the thread look.
        bench.store().tick(SystemTime::now()).unwrap();
        let mut notices = Vec::new();
        while !notices.contains(&Notice::IndexRebuilt { segment: 1 }) {
            notices.extend(bench.store().notices());
            std::thread::yield_now();
        }
        bench.check();
        bench.close();
        assert!(fs::read(&path).unwrap() == whole, "case {number}");
    }
    fs::remove_file(&path).unwrap();
    let reason = "it is missing".to_owned();
    assert_eq!(bench.open(), [Problem::Index { path, reason }]);
    bench.check();
}

#[test]
fn damage_in_a_segment_is_seen_and_the_rest_is_read() {
    let mut bench = Bench::sealed(3);
    bench.close();
    let path = bench.path("audit-0000000002.seg");
    let whole = fs::read(&path).unwrap();
    let end = whole.len();
    // Header, frame, frame table, footer.
    for (place, put_aside) in [(20, true), (200, false), (end - 3000, false), (end - 50, true)] {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let problems = bench.open();
        let aside = problems.iter().any(|problem| matches!(problem, Problem::Quarantined { .. }));
        assert_eq!(aside, put_aside, "byte {place}: {problems:?}");
        let snapshot = bench.store().reader().snapshot();
        assert_eq!(snapshot.segment(2).is_none(), put_aside, "byte {place}");
        let mut line = Vec::new();
        for (position, entry) in &bench.model {
            match snapshot.read(*position, &mut line) {
                Ok(None) => assert!(put_aside && position.segment == 2),
                Ok(Some(stamp)) => assert_eq!((stamp, &line), (entry.stamp, &entry.line())),
                Err(error) => {
                    assert!(matches!(error, Error::Damaged { .. }), "{error}");
                    assert_eq!(position.segment, 2, "byte {place}");
                }
            }
        }
        drop(snapshot);
        bench.close();
        if put_aside {
            let kept = bench.path("quarantine/audit-0000000002.seg");
            assert!(fs::read(&kept).unwrap() == flipped);
            fs::remove_file(kept).unwrap();
        }
    }
    fs::write(&path, &whole).unwrap();
    bench.open();
    bench.check();
}

/// A dictionary whose bytes make no sense though the checksums of its pages are right, as after a fault in memory, made the
/// thread that searched panic. Such an index is made anew like any other that is damaged.
#[test]
fn a_dictionary_that_makes_no_sense_stops_no_search() {
    const PAGE: usize = 4096;
    let mut bench = Bench::sealed(1);
    bench.close();
    let path = bench.path("audit-0000000001.idx");
    let whole = fs::read(&path).unwrap();
    for place in (PAGE..PAGE + 1200).step_by(23) {
        let mut bytes = whole.clone();
        bytes[place..place + 4].fill(0xff);
        let (payload, checksum) = bytes[PAGE..2 * PAGE].split_last_chunk_mut::<4>().unwrap();
        // Segment, page and kind stand before the payload.
        let head = [&1u64.to_le_bytes()[..], &1u32.to_le_bytes(), &1u32.to_le_bytes()].concat();
        *checksum = crc32fast::hash(&[&head, &*payload].concat()).to_le_bytes();
        fs::write(&path, &bytes).unwrap();
        let (reader, problems) = Reader::open(&bench.config.dir, describe()).unwrap();
        assert_eq!(problems, [], "it can be told only by reading the dictionary");
        let snapshot = reader.snapshot();
        let segment = &snapshot.segments()[0];
        for field in 0..9 {
            for test in
                [ValueTest::Equals(b"/usr/bin/tool3"), ValueTest::StartsWith(b"/"), ValueTest::Contains(b"1")]
            {
                let _ = segment.postings(field, &test);
            }
            let _ = segment.values(field, &mut |_, _| {});
        }
        let mut line = Vec::new();
        segment.read(segment.len() - 1, &mut line).expect("the lines are in order");
    }
}

/// A dictionary that was forged so that there are more ways through it than can ever be walked kept a search, and the thread
/// that ran it, for ever.
#[test]
fn a_dictionary_without_an_end_stops_no_search() {
    let mut bench = Bench::sealed(1);
    let test = ValueTest::Contains(b"3");
    let answers = |segment: &SegmentView| {
        let mut values = Vec::new();
        segment.values(4, &mut |value, count| values.push((value.to_vec(), count))).unwrap();
        (
            segment.postings(4, &test).unwrap(),
            segment.postings(4, &ValueTest::StartsWith(b"")).unwrap(),
            values,
        )
    };
    let before = answers(&bench.store().reader().snapshot().segments()[0]);
    bench.close();
    let path = bench.path("audit-0000000001.idx");
    for are_ends in [false, true] {
        let mut index = Index::read(&path);
        index.make_endless(4, are_ends);
        index.write(&path);
        let (reader, problems) = Reader::open(&bench.config.dir, describe()).unwrap();
        assert_eq!(problems, []);
        assert_eq!(answers(&reader.snapshot().segments()[0]), before);
    }
}

/// How long a walk may be was reckoned by the length of the dictionary. Numbered names that share their ends, each in one entry,
/// take next to no room in one: such an index passed for a forged one, also after it was made anew, and no search by a part of
/// a name was answered.
#[test]
fn many_numbered_names_are_no_forged_dictionary() {
    const NAMES: u32 = 100_000;
    let mut bench = Bench::new();
    for number in 0..NAMES {
        let name = format!("/tmp/{number:06}-of-the-very-many-reports.html");
        let entry = Entry { terms: vec![(4, name)], ..Entry::numbered(number) };
        bench.store().append(entry.stamp, &entry.terms(), &entry.line()).unwrap();
    }
    bench.store().rotate().unwrap();
    bench.store().seal_all().unwrap();
    let snapshot = bench.store().reader().snapshot();
    let segment = &snapshot.segments()[0];
    let found = |test: ValueTest| segment.postings(4, &test).unwrap().len();
    assert_eq!(found(ValueTest::Contains(b"reports")), u64::from(NAMES));
    assert_eq!(found(ValueTest::StartsWith(b"/tmp/0000")), 100);
    let mut values = 0;
    segment.values(4, &mut |_, _| values += 1).unwrap();
    assert_eq!(values, NAMES);
    let index = Index::read(&bench.path("audit-0000000001.idx"));
    // 3.1 million steps are taken through it.
    assert!(index.dictionary(4).len() < 700, "else this shows nothing");
}

#[test]
fn files_that_are_not_ours_are_told_and_left_alone() {
    let mut bench = Bench::sealed(1);
    bench.close();
    let names = ["audit-7.seg", "audit.log", "notes.txt"];
    names.iter().for_each(|name| fs::write(bench.path(name), "mine").unwrap());
    let expected: Vec<_> = names.iter().map(|name| Problem::ForeignFile { path: bench.path(name) }).collect();
    assert_eq!(bench.open(), expected);
    bench.check();
    names.iter().for_each(|name| assert_eq!(fs::read(bench.path(name)).unwrap(), b"mine"));
}

#[test]
fn what_cannot_be_a_log_directory_is_refused_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    let text = "type=SYSCALL msg=audit(1.000:1): x\n";
    fs::write(foreign.join("audit.jsonl"), text).unwrap();
    let cases = [
        (file.clone(), "file is not a directory"),
        (file.join("below"), "file/below"),
        (
            foreign.clone(),
            "foreign/audit.jsonl is not an active segment: it does not begin with a JSON object",
        ),
        (PathBuf::from("/proc/ktrail-log"), "cannot make /proc/ktrail-log"),
    ];
    for (path, expected) in cases {
        let config = Config { dir: path, ..Config::default() };
        let error = Store::open(config, describe()).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(fs::read_to_string(foreign.join("audit.jsonl")).unwrap(), text);
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let mut bench = Bench::new();
    let error = Store::open(bench.config.clone(), describe()).err().unwrap();
    let process = format!("is in use by process {}", std::process::id());
    assert!(error.to_string().ends_with(&process), "{error}");
    bench.close();
    assert_eq!(bench.open(), []);
}

#[test]
fn lines_that_cannot_be_entries_are_refused_and_take_no_place() {
    let mut bench = Bench::new();
    for line in [b"".as_slice(), b"{}\n", &vec![b'x'; (16 << 20) + 1]] {
        let error = bench.store().append(Stamp::default(), &Terms::default(), line).unwrap_err();
        assert!(error.refused(), "{error}");
    }
    assert_eq!(bench.append(Entry::numbered(0)).ordinal, 0);
}

#[test]
fn the_longest_line_comes_back_in_every_form() {
    let mut bench = Bench::new();
    let line = [&b"{"[..], &vec![b'x'; (16 << 20) - 2], b"}"].concat();
    let check = |bench: &mut Bench| {
        let snapshot = bench.store().reader().snapshot();
        for ordinal in 0..3 {
            let mut read = Vec::new();
            snapshot.segments()[0].read(ordinal, &mut read).unwrap();
            let expected = if ordinal == 1 { &line } else { &b"{}"[..] };
            assert!(read == expected, "{ordinal}");
        }
    };
    for line in [b"{}", &line[..], b"{}"] {
        bench.store().append(Stamp::default(), &Terms::default(), line).unwrap();
    }
    bench.store().flush().unwrap();
    check(&mut bench);
    bench.close();
    bench.open();
    check(&mut bench);
    bench.store().rotate().unwrap();
    bench.store().seal_all().unwrap();
    check(&mut bench);
}

#[test]
fn an_entry_is_seen_with_the_flush_and_no_sooner() {
    let mut bench = Bench::new();
    bench.append(Entry::numbered(0));
    assert_eq!(bench.store().reader().summary().entries, 0);
    bench.store().flush().unwrap();
    assert_eq!(bench.store().reader().summary().entries, 1);
    bench.append(Entry::numbered(1));
    bench.store().tick(SystemTime::now()).unwrap();
    assert_eq!(bench.store().reader().summary().entries, 2);
    bench.check();
}

#[test]
fn every_flush_setting_holds_what_was_acknowledged() {
    for flush in [Flush::None, Flush::Interval(Duration::from_millis(1)), Flush::EveryEvent] {
        let mut bench = Bench::new();
        bench.config.flush = flush;
        bench.config.rotate_bytes = 2000;
        bench.open();
        for number in 0..100 {
            bench.append(Entry::numbered(number));
            if flush == Flush::EveryEvent {
                let (reader, _) = Reader::open(&bench.config.dir, describe()).unwrap();
                assert_eq!(reader.summary().entries, u64::from(number) + 1);
            }
            bench.store().tick(SystemTime::now()).unwrap();
        }
        bench.check();
        bench.close();
        assert_eq!(bench.open(), []);
        bench.check();
    }
}

#[test]
fn what_is_left_is_there_for_the_next_and_signed_by_it() {
    for sign in [None, Some(Duration::from_secs(3600))] {
        let mut bench = Bench::new();
        bench.config.sign = sign;
        bench.open();
        for number in 0..900 {
            bench.append(Entry::numbered(number));
            if number == 400 {
                bench.store().rotate().unwrap();
            }
        }
        // Nothing was flushed: the last entries are in memory.
        bench.store.take().unwrap().leave().unwrap();
        assert_eq!(bench.open(), []);
        bench.check();
        let path = bench.path("manifest");
        let manifest = || fs::metadata(&path).unwrap().ino();
        let before = manifest();
        bench.store.take().unwrap().leave().unwrap();
        let (store, problems) = Store::open(bench.config.clone(), describe()).unwrap();
        assert_eq!(problems, []);
        assert_eq!(manifest(), before, "it says already what it has to");
        bench.store = Some(store);
        bench.check();
        bench.close();
        let (reader, _) = Reader::open(&bench.config.dir, describe()).unwrap();
        check(&reader.snapshot(), &bench.model);
    }
}

#[test]
fn a_segment_is_rotated_by_size_and_by_age_and_never_empty() {
    let mut bench = Bench::new();
    bench.config.rotate_bytes = 1000;
    bench.config.rotate_age = Some(Duration::from_secs(100));
    bench.open();
    let now = SystemTime::now();
    let later = now + Duration::from_secs(200);
    bench.store().tick(later).unwrap();
    assert_eq!(bench.append(Entry::numbered(0)).segment, 1);
    bench.store().tick(now).unwrap();
    assert_eq!(bench.append(Entry::numbered(1)).segment, 1);
    bench.store().tick(later).unwrap();
    assert_eq!(bench.append(Entry::numbered(2)).segment, 2);
    bench.fill(3..100);
    let last = bench.append(Entry::numbered(100)).segment;
    assert!(last > 4, "{last}");
    bench.store().seal_all().unwrap();
    bench.store().flush().unwrap();
    bench.check();
}

#[test]
fn numbers_are_not_used_again_when_no_segment_is_left() {
    let mut bench = Bench::sealed(3);
    bench.config.retain_segments = Some(0);
    bench.open();
    bench.store().tick(SystemTime::now()).unwrap();
    assert_eq!(bench.names(), ["audit.jsonl", "lock", "manifest"]);
    bench.model.clear();
    bench.open();
    assert_eq!(bench.append(Entry::numbered(0)).segment, 4);
    let manifest = bench.path("manifest");
    bench.close();
    fs::write(&manifest, "torn").unwrap();
    let problems = bench.open();
    assert!(matches!(problems.as_slice(), [Problem::Unreadable { path, .. }] if *path == manifest));
}

#[test]
fn retention_takes_whole_oldest_segments_and_a_held_snapshot_reads_on() {
    type Limit = fn(&mut Config, &[u64]);
    let begin = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
    let cases: [(Limit, u64); 3] = [
        (|config, _| config.retain_segments = Some(3), 3),
        (|config, bytes| config.retain_bytes = Some(bytes[3..].iter().sum::<u64>() + 10), 4),
        (|config, _| config.retain_age = Some(Duration::from_millis(2 * 1200)), 4),
    ];
    for (number, (limit, first)) in cases.into_iter().enumerate() {
        let mut bench = Bench::sealed(5);
        let snapshot = bench.store().reader().snapshot();
        let bytes: Vec<u64> = snapshot.segments().iter().map(SegmentView::bytes).collect();
        drop(snapshot);
        bench.close();
        limit(&mut bench.config, &bytes);
        bench.open();
        let held = bench.store().reader().snapshot();
        let now = begin + Duration::from_millis(5 * 1200);
        bench.store().tick(now).unwrap();
        let ids: Vec<u64> =
            bench.store().reader().snapshot().segments().iter().map(SegmentView::id).collect();
        assert_eq!(ids, (first..=6).collect::<Vec<_>>(), "case {number}");
        check(&held, &bench.model);
        assert!(bench.path("audit-0000000001.seg").exists());
        drop(held);
        bench.store().tick(now).unwrap();
        assert!(!bench.path("audit-0000000001.seg").exists());
        assert!(!bench.path("audit-0000000001.idx").exists());
        bench.model.retain(|position, _| position.segment >= first);
        bench.check();
        let removed = bench.store().notices();
        let removed = removed.iter().filter(|notice| matches!(notice, Notice::Removed { .. })).count();
        assert_eq!(removed as u64, first - 1);
    }
}

/// A search whose client takes its answer drop by drop kept all files it had begun with, and while it did so nothing was
/// removed where space was low.
#[test]
fn a_snapshot_keeps_no_files_for_ever() {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
    type Limit = fn(&mut Config);
    let cases: [(Limit, u64, u64); 2] = [
        // What is beyond the log's limits stays a while for who reads it, what takes space that is needed does not.
        (|config| config.retain_segments = Some(2), 3, 60),
        (|config| config.min_free_bytes = Some(u64::MAX), 5, 0),
    ];
    for (limit, removed, stays_s) in cases {
        let mut bench = Bench::sealed(5);
        bench.close();
        limit(&mut bench.config);
        bench.open();
        let held = bench.store().reader().snapshot();
        let mut line = Vec::new();
        held.segments()[0].read(0, &mut line).unwrap();
        let there = |bench: &Bench| {
            (1..=5).filter(|n| bench.path(&format!("audit-000000000{n}.seg")).exists()).count() as u64
        };
        if stays_s > 0 {
            bench.store().tick(begin).unwrap();
            bench.store().tick(begin + Duration::from_secs(stays_s - 1)).unwrap();
            assert_eq!(there(&bench), 5, "a search under way reads on");
        }
        bench.store().tick(begin + Duration::from_secs(stays_s)).unwrap();
        assert_eq!(there(&bench), 5 - removed);
        let error = held.segments()[1].read(0, &mut line).unwrap_err();
        assert!(matches!(error, Error::Removed { .. }), "{error}");
        let open = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        let deleted = open.filter(|path| {
            path.starts_with(&bench.config.dir) && path.to_string_lossy().ends_with(".seg (deleted)")
        });
        assert_eq!(deleted.count(), 0, "its space is given back");
    }
}

#[test]
fn a_reader_without_the_lock_sees_each_entry_once_while_the_writer_rotates_and_seals() {
    let mut bench = Bench::new();
    bench.config.rotate_bytes = 20_000;
    bench.open();
    let dir = bench.config.dir.clone();
    let done = AtomicBool::new(false);
    let look = || {
        let (mut line, mut seen) = (Vec::new(), 0);
        while !done.load(Ordering::Relaxed) {
            let (reader, problems) = Reader::open(&dir, describe()).unwrap();
            let torn = |problem: &Problem| matches!(problem, Problem::TornLine { quarantine: None, .. });
            assert!(problems.iter().all(torn), "{problems:?}");
            let snapshot = reader.snapshot();
            let mut number = 0;
            for segment in snapshot.segments() {
                for ordinal in 0..segment.len() {
                    match segment.read(ordinal, &mut line) {
                        Ok(_) => assert_eq!(line, Entry::numbered(number).line()),
                        Err(error) => panic!("{error}"),
                    }
                    number += 1;
                }
            }
            assert!(number >= seen, "an entry that was there is gone");
            seen = number;
        }
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(look);
        for number in 0..6_000 {
            bench.append(Entry::numbered(number));
            if number % 50 == 0 {
                bench.store().flush().unwrap();
            }
        }
        bench.store().seal_all().unwrap();
        done.store(true, Ordering::Relaxed);
        thread.join().unwrap();
    });
}

#[test]
fn a_snapshot_is_consistent_while_another_thread_writes_rotates_and_seals() {
    let mut bench = Bench::new();
    bench.config.rotate_bytes = 8000;
    bench.open();
    let reader = bench.store().reader();
    let done = AtomicBool::new(false);
    let look = || {
        let mut line = Vec::new();
        let mut seen = 0;
        while !done.load(Ordering::Relaxed) {
            let snapshot = reader.snapshot();
            let mut number = 0;
            for segment in snapshot.segments() {
                let found = segment.postings(1, &ValueTest::Equals(b"watch")).unwrap();
                assert_eq!(found.len(), u64::from(segment.len()));
                for ordinal in [0, segment.len() / 2, segment.len().saturating_sub(1)] {
                    if ordinal < segment.len() {
                        segment.read(ordinal, &mut line).unwrap();
                        assert_eq!(line, Entry::numbered(number + ordinal).line());
                    }
                }
                number += segment.len();
            }
            assert!(number >= seen, "an entry that was there is gone");
            seen = number;
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(look), scope.spawn(look)];
        for number in 0..10_000 {
            bench.append(Entry::numbered(number));
            if number % 50 == 0 {
                bench.store().flush().unwrap();
            }
        }
        bench.store().seal_all().unwrap();
        done.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    bench.store().flush().unwrap();
    bench.check();
}

/// Opens the store and gives how many lines had to be read for it.
fn lines_read(bench: &mut Bench) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let describe: Describe = {
        let (count, describe) = (count.clone(), describe());
        Arc::new(move |line, terms| {
            count.fetch_add(1, Ordering::Relaxed);
            describe(line, terms)
        })
    };
    let (store, problems) = Store::open(bench.config.clone(), describe).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    bench.store = Some(store);
    count.load(Ordering::Relaxed)
}

#[test]
fn an_open_reads_only_what_came_after_the_checkpoint() {
    let mut bench = Bench::new();
    bench.fill(0..30_000);
    bench.close();
    assert_eq!(lines_read(&mut bench), 0);
    bench.check();
    bench.fill(30_000..30_100);
    // Dropped, not closed: as after a crash, the checkpoint is the old one.
    bench.store = None;
    assert_eq!(lines_read(&mut bench), 100);
    bench.check();
    bench.fill(30_100..30_200);
    bench.check();
    bench.store = None;
    let whole = fs::read(bench.path("audit.checkpoint")).unwrap();
    for (place, damaged) in [(0, 1), (40, 1), (whole.len() / 2, 16), (whole.len() - 1, 128)] {
        let mut bytes = whole.clone();
        bytes[place] ^= damaged;
        fs::write(bench.path("audit.checkpoint"), bytes).unwrap();
        assert_eq!(lines_read(&mut bench), 30_200, "byte {place}");
        bench.check();
        bench.store = None;
    }
    // Of another segment, since this one is rotated: passed over.
    fs::write(bench.path("audit.checkpoint"), whole).unwrap();
    assert_eq!(lines_read(&mut bench), 200);
    bench.store().rotate().unwrap();
    bench.store().seal_all().unwrap();
    bench.fill(30_200..30_250);
    bench.store = None;
    assert_eq!(lines_read(&mut bench), 50);
    bench.check();
}

#[test]
fn nearly_equal_lists_come_back_and_take_little_space() {
    // Whether an entry has the first term, and whether it has the second: they differ in one of a thousand.
    let has = |number: u32| {
        let first = number.wrapping_mul(2_654_435_761) >> 30 == 0;
        (first, first ^ number.is_multiple_of(997))
    };
    let index_bytes = |both: bool| {
        let mut bench = Bench::new();
        for number in 0..40_000 {
            let mut terms = Terms::default();
            let (first, second) = has(number);
            for (field, is_there) in [(1, first), (2, second && both)] {
                if is_there {
                    terms.add(field, b"value");
                }
            }
            let entry = Entry::numbered(number);
            bench.store().append(entry.stamp, &terms, &entry.line()).unwrap();
        }
        bench.store().rotate().unwrap();
        bench.store().seal_all().unwrap();
        let snapshot = bench.store().reader().snapshot();
        let segment = &snapshot.segments()[0];
        for (field, which) in [(1, 0), (2, 1)].into_iter().take(1 + usize::from(both)) {
            let found = segment.postings(field, &ValueTest::Equals(b"value")).unwrap();
            let expected: Vec<u32> = (0..40_000).filter(|n| [has(*n).0, has(*n).1][which]).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
            segment.values(field, &mut |_, count| assert_eq!(count, expected.len() as u64)).unwrap();
        }
        fs::metadata(bench.path("audit-0000000001.idx")).unwrap().len()
    };
    let (one, both) = (index_bytes(false), index_bytes(true));
    assert!(both - one <= 4096, "{one} and {both} bytes");
}
