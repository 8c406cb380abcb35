//! What an intruder can do to a log, and what `verify` then says; and that it says nothing where there was none.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use tempfile::TempDir;

use super::checkpoint::Checkpoint;
use super::key::Keys;
use super::record::{self, NONE, Opening, Statement};
use super::verify::{Known, Progress, Verified, What, ends, verify};
use crate::store::term::Terms;
use crate::store::{Config, Describe, Flush, Notice, Reader, Stamp, Store};

/// Entries of a segment in these tests: two whole pieces and a rest.
const ENTRIES: u32 = 400;

fn line(number: u32) -> Vec<u8> {
    format!("{{\"number\":{number:08},\"text\":\"{}\"}}", "x".repeat(380)).into_bytes()
}

fn describe() -> Describe {
    Arc::new(|line, _| {
        let number = std::str::from_utf8(line).ok()?.strip_prefix("{\"number\":")?.get(..8)?.parse().ok()?;
        Some(Stamp { time_ms: 1_700_000_000_000 + u64::from(number), serial: number })
    })
}

struct Quiet;

impl Progress for Quiet {
    fn total(&self, _: u64) {}
    fn read(&self, _: u64) {}
}

fn config(dir: &Path, sign: bool) -> Config {
    Config {
        dir: dir.to_owned(),
        flush: Flush::None,
        rotate_age: None,
        retain_bytes: None,
        sign: sign.then_some(Duration::from_secs(1)),
        ..Config::default()
    }
}

fn open(dir: &Path) -> Store {
    Store::open(config(dir, true), describe()).unwrap().0
}

fn append(store: &mut Store, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let stamp = Stamp { time_ms: 1_700_000_000_000 + u64::from(number), serial: number };
        store.append(stamp, &Terms::default(), &line(number)).unwrap();
    }
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for item in fs::read_dir(from).unwrap().map(|item| item.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&item, to.path().join(item.file_name().unwrap())).unwrap();
    }
    to
}

fn say(dir: &Path, known: &Known) -> Option<Verified> {
    verify(dir, known, &describe(), &Quiet).unwrap()
}

/// Segments 1 (removed by retention) to 4, the active segment 5 with two statements, the same directory as it was
/// while segment 4 was the active one, and the log of another host.
struct Original {
    now: TempDir,
    earlier: TempDir,
    other: TempDir,
}

impl Original {
    fn make() -> Original {
        let now = tempfile::tempdir().unwrap();
        let half = |store: &mut Store, number: u32| {
            append(store, number * ENTRIES / 2..(number + 1) * ENTRIES / 2);
            store.sign().unwrap();
        };
        let close_segment = |store: &mut Store| {
            store.rotate().unwrap();
            store.seal_all().unwrap();
            store.sign().unwrap();
        };
        let keeping_two = Config { retain_segments: Some(2), ..config(now.path(), true) };
        let mut store = Store::open(keeping_two, describe()).unwrap().0;
        for segment in 0..3 {
            half(&mut store, 2 * segment);
            half(&mut store, 2 * segment + 1);
            close_segment(&mut store);
        }
        for _ in 0..3 {
            store.tick(SystemTime::now()).unwrap();
            store.sign().unwrap();
        }
        store.close().unwrap();
        let mut store = open(now.path());
        half(&mut store, 6);
        let earlier = copy(now.path());
        half(&mut store, 7);
        close_segment(&mut store);
        append(&mut store, 4 * ENTRIES..4 * ENTRIES + 100);
        store.sign().unwrap();
        append(&mut store, 4 * ENTRIES + 100..4 * ENTRIES + 200);
        store.close().unwrap();
        assert!(!now.path().join("audit-0000000001.seg").exists(), "retention is part of it");
        assert!(!now.path().join("audit-0000000001.sig").exists());
        let other = tempfile::tempdir().unwrap();
        let mut store = open(other.path());
        append(&mut store, 0..ENTRIES);
        store.close().unwrap();
        Original { now, earlier, other }
    }

    fn get() -> &'static Original {
        static ORIGINAL: OnceLock<Original> = OnceLock::new();
        ORIGINAL.get_or_init(Original::make)
    }

    fn ends(&self) -> ([u8; 32], Checkpoint) {
        ends(self.now.path()).unwrap().unwrap()
    }
}

/// A copy for an intruder, who is root.
struct Scene(TempDir);

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        change(&mut bytes);
        fs::write(self.path(name), bytes).unwrap();
    }

    fn flip(&self, name: &str, at: usize) {
        self.change(name, |bytes| bytes[at] ^= 1);
    }

    fn lines(&self, segment: u64) -> Vec<u8> {
        let snapshot = Reader::open(self.0.path(), describe()).unwrap().0.snapshot();
        let segment = snapshot.segment(segment).unwrap();
        let (mut all, mut line) = (Vec::new(), Vec::new());
        for ordinal in 0..segment.len() {
            segment.read(ordinal, &mut line).unwrap();
            all.extend_from_slice(&line);
            all.push(b'\n');
        }
        all
    }

    /// Puts other lines in the place of a sealed segment, with all its checksums right.
    fn reseal(&self, segment: u64, lines: &[u8]) {
        let forge = tempfile::tempdir().unwrap();
        let plain = format!("audit-{segment:010}.jsonl");
        fs::write(forge.path().join(plain), lines).unwrap();
        let mut store = Store::open(config(forge.path(), false), describe()).unwrap().0;
        store.seal_all().unwrap();
        store.close().unwrap();
        for suffix in ["seg", "idx"] {
            let name = format!("audit-{segment:010}.{suffix}");
            fs::copy(forge.path().join(&name), self.path(&name)).unwrap();
        }
    }

    fn restore(&self, from: &Path) {
        for item in fs::read_dir(self.0.path()).unwrap() {
            fs::remove_file(item.unwrap().path()).unwrap();
        }
        for item in fs::read_dir(from).unwrap().map(|item| item.unwrap().path()) {
            fs::copy(&item, self.path(item.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }

    /// The daemon begins and ends once more.
    fn run(&self) {
        let mut store = open(self.0.path());
        append(&mut store, 9000..9010);
        store.close().unwrap();
    }

    /// The keys that sign next.
    fn keys(&self) -> Keys {
        let file = fs::File::open(self.path("seal.key")).unwrap();
        let slots = super::key::slots(&file, &self.path("seal.key")).unwrap();
        slots.into_iter().flatten().next().unwrap()
    }

    fn cut_chain(&self) {
        // What is about segment 5: its opening and all that follows.
        self.change("seals", |bytes| bytes.truncate(bytes.len() - 256));
        self.remove("audit-0000000005.sig");
        self.change("audit.jsonl", |bytes| bytes.clear());
    }
}

/// The place of the entry with this ordinal in lines of these tests.
fn place(ordinal: usize) -> usize {
    ordinal * (line(0).len() + 1)
}

/// What is known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Brought {
    Nothing,
    Key,
    Checkpoint,
}
use Brought::{Checkpoint as Cp, Key, Nothing};

/// Kind, segment, and a part of the reason.
type Finding = (What, Option<u64>, &'static str);

struct Attack {
    name: &'static str,
    act: fn(&Scene),
    /// What is said with what is known; all findings, in their order.
    said: &'static [(Brought, &'static [Finding])],
}

const DELETED: &str = "gone, and not by retention";
const SIGNED: &str = "not those that were signed";
const KEYS: &str = "its keys are not those that the chain's last record names";

const ATTACKS: &[Attack] = &[
    Attack { name: "none", act: |_| {}, said: &[(Nothing, &[]), (Key, &[]), (Cp, &[])] },
    Attack {
        name: "a byte of a compressed segment is flipped",
        act: |scene| scene.flip("audit-0000000003.seg", 200),
        said: &[(Nothing, &[(What::Changed, Some(3), SIGNED)])],
    },
    Attack {
        name: "an index is flipped, which is derived and made anew",
        act: |scene| scene.flip("audit-0000000003.idx", 4100),
        said: &[(Cp, &[])],
    },
    Attack {
        name: "the manifest is flipped, which is a lower bound only",
        act: |scene| scene.flip("manifest", 17),
        said: &[(Cp, &[])],
    },
    Attack {
        name: "a byte of the active segment is flipped",
        act: |scene| scene.flip("audit.jsonl", place(150) + 11),
        said: &[(Nothing, &[(What::Changed, Some(5), SIGNED)])],
    },
    Attack {
        name: "an opening is flipped",
        act: |scene| scene.flip("seals", 256 + 40),
        said: &[(
            Nothing,
            &[(What::Chain, None, "record 2 does not match its checksum"), (What::Chain, None, KEYS)],
        )],
    },
    Attack {
        name: "a statement about a complete segment is flipped",
        act: |scene| scene.flip("audit-0000000003.sig", 60),
        said: &[(Nothing, &[(What::Chain, Some(3), "statement 1 does not match its checksum")])],
    },
    Attack {
        name: "the keys are flipped",
        act: |scene| {
            scene.flip("seal.key", 20);
            scene.flip("seal.key", 4096 + 20);
        },
        said: &[(Nothing, &[(What::Chain, None, KEYS)])],
    },
    Attack {
        name: "an entry of a complete segment is another, and all checksums are right",
        act: |scene| {
            let mut lines = scene.lines(3);
            lines[place(250) + 30] = b'y';
            scene.reseal(3, &lines);
        },
        said: &[(Nothing, &[(What::Changed, Some(3), SIGNED)])],
    },
    Attack {
        name: "two entries change places",
        act: |scene| {
            let mut lines = scene.lines(3);
            let (first, second) = lines[place(10)..place(12)].split_at_mut(place(1));
            first.swap_with_slice(second);
            scene.reseal(3, &lines);
        },
        said: &[(Nothing, &[(What::Changed, Some(3), SIGNED)])],
    },
    Attack {
        name: "an entry is cut out of a complete segment",
        act: |scene| {
            let mut lines = scene.lines(3);
            lines.drain(place(300)..place(301));
            scene.reseal(3, &lines);
        },
        said: &[(
            Nothing,
            &[
                (What::Changed, Some(3), SIGNED),
                (What::Truncated, Some(3), "it ends after 399 entries; the 1 entries"),
            ],
        )],
    },
    Attack {
        name: "the active segment loses its last entries",
        act: |scene| scene.change("audit.jsonl", |bytes| bytes.truncate(place(120))),
        said: &[(Nothing, &[(What::Truncated, Some(5), "it ends after 120 entries; the 80 entries")])],
    },
    Attack {
        name: "the active segment is emptied",
        act: |scene| scene.change("audit.jsonl", Vec::clear),
        said: &[(Nothing, &[(What::Truncated, Some(5), "it ends after 0 entries; the 200 entries")])],
    },
    Attack {
        name: "the active segment is removed",
        act: |scene| scene.remove("audit.jsonl"),
        said: &[(Nothing, &[(What::Deleted, Some(5), DELETED)])],
    },
    Attack {
        name: "the oldest segment is removed",
        act: |scene| scene.remove("audit-0000000002.seg"),
        said: &[(Nothing, &[(What::Deleted, Some(2), DELETED)])],
    },
    Attack {
        name: "a segment in the middle is removed with its statements",
        act: |scene| {
            ["seg", "idx", "sig"]
                .iter()
                .for_each(|suffix| scene.remove(&format!("audit-0000000003.{suffix}")))
        },
        said: &[(Nothing, &[(What::Chain, Some(3), "its end is cut off"), (What::Deleted, Some(3), "gone")])],
    },
    Attack {
        name: "the newest complete segment is removed",
        act: |scene| scene.remove("audit-0000000004.seg"),
        said: &[(Nothing, &[(What::Deleted, Some(4), DELETED)])],
    },
    Attack {
        name: "two segments change names",
        act: |scene| {
            let [one, two, between] =
                ["audit-0000000002.seg", "audit-0000000003.seg", "x"].map(|name| scene.path(name));
            for (from, to) in [(&one, &between), (&two, &one), (&between, &two)] {
                fs::rename(from, to).unwrap();
            }
        },
        said: &[(
            Nothing,
            &[(What::Changed, Some(2), "makes no sense"), (What::Changed, Some(3), "makes no sense")],
        )],
    },
    Attack {
        name: "two segments change places, and all checksums are right",
        act: |scene| {
            let (two, three) = (scene.lines(2), scene.lines(3));
            scene.reseal(2, &three);
            scene.reseal(3, &two);
        },
        said: &[(
            Nothing,
            &[
                (What::Swapped, Some(2), "the lines of segment 3"),
                (What::Swapped, Some(3), "the lines of segment 2"),
            ],
        )],
    },
    Attack {
        name: "entries are added to a complete segment",
        act: |scene| {
            let lines = [scene.lines(3), line(7777), b"\n".to_vec()].concat();
            scene.reseal(3, &lines);
        },
        said: &[(Nothing, &[(What::Added, Some(3), "came after the segment was complete")])],
    },
    Attack {
        name: "a segment is replaced and stated anew with the present keys",
        act: |scene| {
            let mut lines = scene.lines(3);
            lines[place(250) + 30] = b'y';
            scene.reseal(3, &lines);
            let keys = scene.keys();
            scene.change("audit-0000000003.sig", |bytes| {
                let (found, _) = record::parse::<Statement>(bytes);
                let mut forged = found.into_iter().map(|found| found.record);
                let statement = forged.next().unwrap();
                *bytes = record::sign(&statement, &NONE, &keys.statement).0;
            });
        },
        said: &[(Nothing, &[(What::Chain, Some(3), "statement 1 is not signed by the key")])],
    },
    Attack {
        name: "the last statement is cut off",
        act: |scene| {
            scene.change("audit-0000000005.sig", |bytes| {
                let (found, _) = record::parse::<Statement>(bytes);
                let last = 188 + 32 * found.last().unwrap().record.pieces.len();
                bytes.truncate(bytes.len() - last);
            });
            scene.change("audit.jsonl", |bytes| bytes.truncate(place(100)));
        },
        said: &[
            (Nothing, &[(What::Chain, None, KEYS)]),
            (Cp, &[(What::Chain, None, KEYS), (What::RolledBack, Some(5), "is cut off")]),
        ],
    },
    Attack {
        name: "the chain's end is cut off with what it tells of",
        act: Scene::cut_chain,
        said: &[
            (Nothing, &[(What::Chain, None, KEYS)]),
            (Cp, &[(What::Chain, None, KEYS), (What::RolledBack, Some(5), "it was set back")]),
        ],
    },
    Attack {
        name: "the same, and the keys are removed: only a checkpoint shows it while no writer runs",
        act: |scene| {
            scene.cut_chain();
            scene.remove("seal.key");
        },
        said: &[(Nothing, &[]), (Key, &[]), (Cp, &[(What::RolledBack, Some(5), "it was set back")])],
    },
    Attack {
        name: "the same, and the daemon begins once more",
        act: |scene| {
            scene.cut_chain();
            scene.remove("seal.key");
            scene.run();
        },
        said: &[(Key, &[(What::Restarted, Some(5), "the chain begins anew")])],
    },
    Attack {
        name: "older keys come back from a backup",
        act: |scene| {
            fs::copy(Original::get().earlier.path().join("seal.key"), scene.path("seal.key")).unwrap();
        },
        said: &[(Nothing, &[(What::Chain, None, KEYS)])],
    },
    Attack {
        name: "the whole directory with its keys is set back: only a checkpoint shows it",
        act: |scene| scene.restore(Original::get().earlier.path()),
        said: &[(Nothing, &[]), (Key, &[]), (Cp, &[(What::RolledBack, Some(5), "it was set back")])],
    },
    Attack {
        name: "the same, and the daemon begins once more",
        act: |scene| {
            scene.restore(Original::get().earlier.path());
            scene.run();
            let mut store = open(scene.0.path());
            store.rotate().unwrap();
            append(&mut store, 9100..9300);
            store.close().unwrap();
        },
        said: &[(Key, &[]), (Cp, &[(What::RolledBack, Some(5), "the chain was rewritten")])],
    },
    Attack {
        name: "the log of another host is put here",
        act: |scene| scene.restore(Original::get().other.path()),
        said: &[
            (Nothing, &[]),
            (Key, &[(What::RolledBack, None, "the chain begins with the key")]),
            (Cp, &[(What::RolledBack, Some(5), "it was set back")]),
        ],
    },
    Attack {
        name: "all that is signed is removed: only who knows that there was a chain sees it",
        act: |scene| {
            for name in ["seals", "seal.key"]
                .map(str::to_owned)
                .into_iter()
                .chain((2..6).map(|n| format!("audit-{n:010}.sig")))
            {
                scene.remove(&name);
            }
        },
        said: &[(Key, &[(What::Chain, None, "is gone")]), (Cp, &[(What::Chain, None, "is gone")])],
    },
    Attack {
        name: "the chain is removed, the statements are not",
        act: |scene| scene.remove("seals"),
        said: &[(Nothing, &[(What::Chain, None, "is gone")])],
    },
    Attack {
        name: "the chain is removed and the daemon begins once more",
        act: |scene| {
            scene.remove("seals");
            scene.run();
        },
        said: &[
            (Nothing, &[(What::Restarted, Some(5), "begins anew")]),
            (Key, &[(What::RolledBack, None, "the chain begins with the key")]),
        ],
    },
    Attack {
        name: "the present keys sign that retention has removed segments: that cannot be told from retention",
        act: |scene| {
            let mut store =
                Store::open(Config { retain_segments: Some(1), ..config(scene.0.path(), true) }, describe())
                    .unwrap()
                    .0;
            for _ in 0..3 {
                store.tick(SystemTime::now()).unwrap();
                store.sign().unwrap();
            }
            store.close().unwrap();
            assert!(!scene.path("audit-0000000003.seg").exists());
        },
        said: &[(Key, &[]), (Cp, &[])],
    },
];

#[test]
fn each_attack_is_told_as_what_it_is() {
    let original = Original::get();
    let (public_key, checkpoint) = original.ends();
    for Attack { name, act, said } in ATTACKS {
        let scene = Scene(copy(original.now.path()));
        act(&scene);
        for (brought, expected) in *said {
            let known = Known {
                public_key: (*brought == Key).then_some(public_key),
                checkpoint: (*brought == Cp).then_some(checkpoint),
            };
            let verified = say(scene.0.path(), &known).unwrap_or_else(|| panic!("{name}: no chain"));
            let found = &verified.tampering;
            let is_all = found.len() == expected.len()
                && found.iter().zip(*expected).all(|(found, (what, segment, reason))| {
                    found.what == *what && found.segment == *segment && found.reason.contains(reason)
                });
            assert!(is_all, "{name}, {brought:?}: {found:#?}\n{:?}", verified.notes);
        }
    }
}

#[test]
fn a_change_is_told_with_its_entries_and_since_when() {
    let original = Original::get();
    let scene = Scene(copy(original.now.path()));
    let mut lines = scene.lines(3);
    lines[place(250) + 30] = b'y';
    scene.reseal(3, &lines);
    scene.flip("audit.jsonl", place(150) + 11);
    let verified = say(scene.0.path(), &Known::default()).unwrap();
    let statements = |segment: u64| {
        let bytes = fs::read(scene.path(&format!("audit-{segment:010}.sig"))).unwrap();
        record::parse::<Statement>(&bytes).0.into_iter().map(|found| found.record).collect::<Vec<_>>()
    };
    // Segment 3: entry 250 is in the second piece, of which the first statement covers the entries before the 200th.
    let [in_3, in_5] = &verified.tampering[..] else { panic!("{:?}", verified.tampering) };
    let (first, last) = in_3.entries.unwrap();
    assert_eq!(first.ordinal, 200);
    assert_eq!(u64::from(last.ordinal), 2 * 65536 / place(1) as u64);
    assert_eq!(first.stamp.unwrap().serial, 2 * ENTRIES + 200);
    assert_eq!(in_3.since_ms, Some(statements(3)[1].time_ms));
    assert_eq!(statements(3)[0].entries, 200);
    // Segment 5: the first statement covers 100 entries, the second the next.
    let (first, last) = in_5.entries.unwrap();
    assert_eq!((first.ordinal, last.ordinal), (100, 65536 / u32::try_from(place(1)).unwrap()));
    assert_eq!(in_5.since_ms, Some(statements(5)[1].time_ms));
}

#[test]
fn no_key_that_has_signed_is_left_in_the_directory() {
    let original = Original::get();
    let keys = Scene(copy(original.now.path())).keys().public();
    let bytes = fs::read(original.now.path().join("seal.key")).unwrap();
    let full: Vec<_> = bytes.chunks(4096).filter(|slot| slot.iter().any(|byte| *byte != 0)).collect();
    assert_eq!(full.len(), 1, "one slot has keys, the other is zero");
    let secret = |at: usize| SigningKey::from_bytes(full[0][at..at + 32].try_into().unwrap());
    assert_eq!([16, 48].map(|at| secret(at).verifying_key().to_bytes()), [keys.statement, keys.opening]);
    let openings = record::parse::<Opening>(&fs::read(original.now.path().join("seals")).unwrap()).0;
    assert_eq!(openings.last().unwrap().record.opening_key, keys.opening, "and they have signed nothing yet");
}

#[test]
fn keys_are_the_owners_alone_and_stay_so() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene(copy(Original::get().now.path()));
    let mode = || fs::metadata(scene.path("seal.key")).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(scene.path("seal.key"), fs::Permissions::from_mode(0o644)).unwrap();
    scene.run();
    assert_eq!(mode(), 0o600);
    let link = tempfile::tempdir().unwrap();
    fs::rename(scene.path("seal.key"), link.path().join("key")).unwrap();
    std::os::unix::fs::symlink(link.path().join("key"), scene.path("seal.key")).unwrap();
    let mut store = open(scene.0.path());
    append(&mut store, 0..1);
    store.sign().unwrap();
    let told = store.notices();
    assert!(
        told.iter().any(|notice| matches!(notice, Notice::Failed { error } if error.contains("seal.key"))),
        "{told:?}"
    );
}

#[test]
fn a_restart_rehashes_no_more_than_what_came_since_the_last_whole_piece() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    append(&mut store, 0..ENTRIES);
    store.close().unwrap();
    // What is before the last whole piece is not looked at: it may even be gone.
    let path = dir.path().join("audit.jsonl");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"z", place(3) as u64 + 30).unwrap();
    let mut store = open(dir.path());
    append(&mut store, ENTRIES..ENTRIES + 1);
    store.close().unwrap();
    let verified = say(dir.path(), &Known::default()).unwrap();
    assert_eq!(verified.tampering.len(), 1, "{:?}", verified.tampering);
    let (first, last) = verified.tampering[0].entries.unwrap();
    assert!((first.ordinal..=last.ordinal).contains(&3) && last.ordinal < 170);
}

/// A thing that happens to a log.
#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Flush,
    Sign,
    Rotate,
    Seal,
    Tick,
    Close,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..200).prop_map(Step::Append),
        2 => Just(Step::Flush),
        2 => Just(Step::Sign),
        2 => Just(Step::Rotate),
        1 => Just(Step::Seal),
        2 => Just(Step::Tick),
        1 => Just(Step::Close),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_log_that_nobody_touched_is_as_it_was_signed(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { retain_segments: Some(2), ..config(dir.path(), true) };
        let open = || Store::open(config.clone(), describe()).unwrap().0;
        let mut store = open();
        store.sign().unwrap();
        let (public_key, _) = ends(dir.path()).unwrap().unwrap();
        let (mut next, mut now, mut checkpoint) = (0u32, SystemTime::now(), None);
        for step in &steps {
            match step {
                Step::Append(count) => {
                    append(&mut store, next..next + u32::from(*count));
                    next += u32::from(*count);
                }
                Step::Flush => store.flush().unwrap(),
                Step::Sign => store.sign().unwrap(),
                Step::Rotate => store.rotate().unwrap(),
                Step::Seal => store.seal_all().unwrap(),
                Step::Tick => {
                    now += Duration::from_secs(2);
                    store.tick(now).unwrap();
                }
                Step::Close => {
                    store.close().unwrap();
                    store = open();
                }
                Step::Crash => {
                    drop(store);
                    store = open();
                }
            }
            // A writer is at work: what it does meanwhile is no tampering.
            let known = Known { public_key: Some(public_key), checkpoint };
            let verified = say(dir.path(), &known).unwrap();
            prop_assert_eq!(&verified.tampering, &[], "{:?}", step);
            checkpoint = verified.checkpoint;
        }
        store.close().unwrap();
        let verified = say(dir.path(), &Known { public_key: Some(public_key), checkpoint }).unwrap();
        prop_assert_eq!(&verified.tampering, &[]);
        let held = Reader::open(dir.path(), describe()).unwrap().0.summary().entries;
        prop_assert!(verified.entries >= held, "all is signed: {} of {held}", verified.entries);
        prop_assert!(!verified.notes.iter().any(|note| note.contains("not signed")), "{:?}", verified.notes);
    }
}

/// A writer that does as much as it can each time the one who verifies comes to a certain place.
struct Meanwhile {
    store: Mutex<(Store, u32)>,
    dir: PathBuf,
    /// Only when it has listed the files, or only with the first lines of each attempt.
    when_listed: bool,
    seals: bool,
}

impl Meanwhile {
    fn act(&self) {
        let (store, next) = &mut *self.store.lock().unwrap();
        for _ in 0..3 {
            append(store, *next..*next + ENTRIES);
            *next += ENTRIES;
            store.rotate().unwrap();
            if self.seals {
                store.seal_all().unwrap();
            }
            store.sign().unwrap();
        }
        for _ in 0..3 {
            store.tick(SystemTime::now()).unwrap();
            store.sign().unwrap();
        }
    }
}

impl Progress for Meanwhile {
    fn total(&self, _: u64) {
        if self.when_listed {
            self.act();
        }
    }

    fn read(&self, _: u64) {
        if !self.when_listed {
            self.act();
        }
    }
}

/// A log that was verified beside its writer was told to be damaged: the active segment was another one when it was come to,
/// and the oldest ones had been removed by retention.
#[test]
fn what_a_writer_does_meanwhile_is_no_tampering() {
    for (when_listed, seals, retain) in [
        (true, true, Some(2)),
        (true, true, None),
        (true, false, None),
        (false, true, Some(2)),
        (false, true, None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { retain_segments: retain, ..config(dir.path(), true) };
        let mut store = Store::open(config, describe()).unwrap().0;
        append(&mut store, 0..ENTRIES);
        store.rotate().unwrap();
        store.seal_all().unwrap();
        append(&mut store, ENTRIES..2 * ENTRIES);
        store.sign().unwrap();
        let store = Mutex::new((store, 2 * ENTRIES));
        let meanwhile = Meanwhile { store, dir: dir.path().to_owned(), when_listed, seals };
        let (public_key, checkpoint) = ends(dir.path()).unwrap().unwrap();
        let known = Known { public_key: Some(public_key), checkpoint: Some(checkpoint) };
        let verified = verify(dir.path(), &known, &describe(), &meanwhile).unwrap().unwrap();
        assert_eq!(verified.tampering, [], "{when_listed} {seals} {retain:?}: {:?}", verified.notes);
        let is_removed = !meanwhile.dir.join("audit-0000000001.seg").exists();
        assert_eq!(is_removed, retain.is_some(), "retention is part of it");
    }
}

/// Nor is it wherever the two meet.
#[test]
fn a_log_is_verified_again_and_again_beside_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { retain_segments: Some(2), ..config(dir.path(), true) };
    let mut store = Store::open(config, describe()).unwrap().0;
    store.sign().unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..100 {
                append(&mut store, number * 20..(number + 1) * 20);
                store.rotate().unwrap();
                store.tick(SystemTime::now()).unwrap();
            }
            store.seal_all().unwrap();
            for _ in 0..3 {
                store.tick(SystemTime::now()).unwrap();
                store.sign().unwrap();
            }
            is_done.store(true, Ordering::Relaxed);
        });
        let mut is_last = false;
        while !is_last {
            is_last = is_done.load(Ordering::Relaxed);
            assert_eq!(say(dir.path(), &Known::default()).unwrap().tampering, []);
        }
    });
    assert!(!dir.path().join("audit-0000000001.seg").exists(), "retention is part of it");
}
