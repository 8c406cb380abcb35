//! Every operation on the disk fails once, with an error and with a power loss, and the store keeps what it promised.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use tempfile::TempDir;

use super::chain::verify::{self, Known, Progress, Verified};
use super::term::Terms;
use super::volume::simulated::{Fault, Simulated, Unsynced};
use super::{
    Config, Describe, Error, Flush, Notice, Position, Problem, Snapshot, Stamp, Store, ValueTest, names,
};

const FLUSHES: [Flush; 3] = [Flush::None, Flush::Interval(Duration::from_secs(1)), Flush::EveryEvent];
/// Attempts at one step. One error costs one or two.
const ATTEMPTS_MAX: u32 = 8;

/// Entry `number`: its line holds all there is to it, and no number is in two of them.
fn line(number: u32) -> Vec<u8> {
    format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(number as usize % 7 * 10)).into_bytes()
}

fn number(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    let found = text.strip_prefix("{\"number\":")?.split(',').next()?.parse().ok()?;
    (line == self::line(found)).then_some(found)
}

fn describe() -> Describe {
    Arc::new(|line, terms| {
        let number = number(line)?;
        terms.add(1, number.to_string().as_bytes());
        Some(Stamp { time_ms: u64::from(number), serial: number })
    })
}

fn config(dir: &Path, flush: Flush) -> Config {
    Config {
        dir: dir.to_owned(),
        flush,
        retain_segments: Some(2),
        retain_bytes: None,
        rotate_age: None,
        // A checkpoint with nearly every tick.
        checkpoint_bytes: 64,
        // A statement with every tick.
        sign: Some(Duration::from_secs(1)),
        ..Config::default()
    }
}

struct Quiet;

impl Progress for Quiet {
    fn total(&self, _: u64) {}
    fn read(&self, _: u64) {}
}

/// What the chain of signatures says of a directory; the key has to be its root.
fn verified(dir: &Path, public_key: Option<[u8; 32]>) -> Option<Verified> {
    let known = Known { public_key, checkpoint: None };
    verify::verify(dir, &known, &describe(), &Quiet).unwrap()
}

/// What was done and what was promised.
struct Run {
    store: Option<Store>,
    disk: Arc<Simulated>,
    config: Config,
    now: SystemTime,
    next: u32,
    /// The root of the chain of signatures, if there was one at the beginning.
    root: Option<[u8; 32]>,
    /// Where `append` said that an entry is.
    places: BTreeMap<u32, Position>,
    /// Entries that were written, and before which all promised to survive a crash of the process.
    written: u32,
    /// Entries before this one are promised to survive a power loss.
    durable: u32,
    /// Entries that retention may have taken are before this one.
    removable: u32,
    errors: Vec<String>,
    /// Whether what was promised after an error has been looked at.
    was_checked: bool,
}

/// Steps that were in the middle of something when the power went.
struct Dead;

impl Run {
    fn new(dir: &Path, flush: Flush, fault: Option<(u64, Fault)>) -> Run {
        let disk = Arc::new(Simulated::new(dir, fault));
        Run {
            root: verified(dir, None).map(|verified| verified.public_key),
            store: None,
            disk,
            config: config(dir, flush),
            now: UNIX_EPOCH + Duration::from_secs(1_000_000),
            next: BEFORE,
            places: BTreeMap::new(),
            written: BEFORE,
            durable: BEFORE,
            removable: 0,
            errors: Vec::new(),
            was_checked: false,
        }
    }

    /// Tries until it works.
    fn step<T>(&mut self, mut f: impl FnMut(&mut Run) -> Result<T, Error>) -> Result<T, Dead> {
        for _ in 0..ATTEMPTS_MAX {
            match f(self) {
                Ok(value) => return Ok(value),
                Err(_) if self.disk.is_dead() => return Err(Dead),
                Err(error) => self.errors.push(error.to_string()),
            }
        }
        panic!("it does not go on: {:?}\n  {}", self.errors, self.disk.done());
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn open(&mut self) -> Result<(), Dead> {
        self.store = None;
        let (store, _) = self.step(|run| Store::open_on(run.config.clone(), describe(), run.disk.clone()))?;
        self.store = Some(store);
        Ok(())
    }

    fn append(&mut self) -> Result<(), Dead> {
        let number = self.next;
        let (line, stamp) = (line(number), Stamp { time_ms: u64::from(number), serial: number });
        let mut terms = Terms::default();
        terms.add(1, number.to_string().as_bytes());
        let every_event = self.config.flush == Flush::EveryEvent;
        for _ in 0..ATTEMPTS_MAX {
            match self.store().append(stamp, &terms, &line) {
                Ok(position) => {
                    self.places.insert(number, position);
                    self.next += 1;
                    if every_event {
                        (self.written, self.durable) = (self.next, self.next);
                        self.check_after_error();
                    }
                    return Ok(());
                }
                Err(_) if self.disk.is_dead() => {
                    // It may or may not have its place.
                    self.next += 1;
                    return Err(Dead);
                }
                Err(error) => {
                    self.errors.push(error.to_string());
                    if !error.refused() {
                        self.next += 1;
                        return Ok(());
                    }
                }
            }
        }
        panic!("it does not go on: {:?}", self.errors);
    }

    /// What was promised after an error is as good as what was promised before.
    fn check_after_error(&mut self) {
        if self.disk.has_failed() && !self.disk.is_dead() && !std::mem::replace(&mut self.was_checked, true) {
            self.check_power_loss(0, Unsynced::Lost);
        }
    }

    /// Waits for what is done in the background.
    fn settle(&mut self) {
        self.store().background.settle();
        self.store().background.sign_all();
    }

    /// Time passes, and what is done in the background is done.
    fn tick(&mut self) -> Result<(), Dead> {
        let (flush, next) = (self.config.flush, self.next);
        self.removable = self.removable.max(self.first_kept());
        self.step(|run| {
            run.now += Duration::from_secs(20);
            let now = run.now;
            run.store().tick(now)?;
            run.written = next;
            // A second that passes tells what the first one's work in the background came to.
            run.settle();
            run.now += Duration::from_millis(10);
            let now = run.now;
            run.store().tick(now)
        })?;
        self.settle();
        if self.disk.is_dead() {
            return Err(Dead);
        }
        if matches!(flush, Flush::Interval(_)) {
            self.durable = next;
            self.check_after_error();
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), Dead> {
        self.step(|run| run.store().rotate())?;
        self.settle();
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Dead> {
        let next = self.next;
        self.step(|run| run.store().seal_all())?;
        for notice in self.store().notices() {
            if let Notice::Failed { error } = notice {
                self.errors.push(error);
            }
        }
        // What is sealed is synced, whatever the setting.
        if !self.disk.is_dead() {
            (self.written, self.durable) = (next, next);
        }
        Ok(())
    }

    fn work(&mut self) -> Result<(), Dead> {
        self.open()?;
        for _ in 0..2 {
            for _ in 0..2 {
                self.append()?;
            }
            self.tick()?;
            self.append()?;
            self.rotate()?;
            self.append()?;
            self.tick()?;
            self.append()?;
            self.rotate()?;
            self.seal()?;
        }
        self.tick()?;
        self.append()?;
        self.tick()
    }

    /// The first entry that is left when all but so many segments are removed as retention keeps.
    fn first_kept(&mut self) -> u32 {
        let snapshot = self.store().reader().snapshot();
        let closed = snapshot.segments().len() - 1;
        let surplus = closed.saturating_sub(self.config.retain_segments.unwrap() as usize);
        let first = snapshot.segments().iter().skip(surplus).find(|segment| !segment.is_empty());
        let mut line = Vec::new();
        first.and_then(|segment| segment.read(0, &mut line).ok()).and_then(|()| number(&line)).unwrap_or(0)
    }

    fn check_power_loss(&self, names: usize, unsynced: Unsynced) {
        let image = scratch();
        self.disk.after_power_loss(names, unsynced, image.path());
        let has_all = unsynced == Unsynced::Kept && names == self.disk.pending();
        let promised = if has_all { self.written } else { self.durable };
        let story = format!("{names} changes of names, {unsynced:?}");
        self.check_image(image.path(), promised, &story);
    }

    /// Opens what a crash left, compares it with what was promised, and goes on writing.
    fn check_image(&self, dir: &Path, promised: u32, story: &str) {
        let fail = |what: String| -> ! {
            panic!("{:?}, {story}: {what}\n  {}", self.config.flush, self.disk.done());
        };
        let config = config(dir, self.config.flush);
        let is_as_signed = |when: &str| {
            let verified = verified(dir, self.root);
            let tampering = verified.map(|verified| verified.tampering).unwrap_or_default();
            if !tampering.is_empty() {
                fail(format!("{when} it is told: {tampering:?}"));
            }
        };
        is_as_signed("as it was left");
        let open = || {
            let disk = Arc::new(Simulated::new(dir, None));
            Store::open_on(config.clone(), describe(), disk).unwrap_or_else(|error| fail(error.to_string()))
        };
        let (mut store, problems) = open();
        for problem in problems {
            if !matches!(problem, Problem::TornLine { .. } | Problem::Index { .. }) {
                fail(problem.to_string());
            }
        }
        let found = entries(&store.reader().snapshot()).unwrap_or_else(|what| fail(what));
        if let Some(missing) = (self.removable..promised).find(|number| !found.contains_key(number)) {
            fail(format!("entry {missing} of {promised} is lost, there are {:?}", found.keys()));
        }
        let unknown = found.keys().find(|number| **number >= self.next);
        if unknown.is_some() {
            fail(format!("entry {unknown:?} was never given"));
        }
        for (number, position) in found.range(..promised) {
            if self.places.get(number).is_some_and(|told| told != position) {
                fail(format!("entry {number} was at {:?}, is at {position:?}", self.places.get(number)));
            }
        }
        let mut expected = found;
        for number in self.next..self.next + 2 {
            let mut terms = Terms::default();
            terms.add(1, number.to_string().as_bytes());
            let stamp = Stamp { time_ms: u64::from(number), serial: number };
            let position = store.append(stamp, &terms, &line(number));
            expected.insert(number, position.unwrap_or_else(|error| fail(error.to_string())));
        }
        let done = store.rotate().and_then(|()| store.seal_all()).and_then(|()| store.close());
        done.unwrap_or_else(|error| fail(error.to_string()));
        is_as_signed("after more was written");
        let (store, _) = open();
        let found = entries(&store.reader().snapshot()).unwrap_or_else(|what| fail(what));
        if found != expected {
            fail(format!("after more was written there are {found:?}, not {expected:?}"));
        }
    }
}

/// All entries and where they are; an error where one is torn, doubled, out of order or not found by the index.
fn entries(snapshot: &Snapshot) -> Result<BTreeMap<u32, Position>, String> {
    let mut found = BTreeMap::new();
    let mut bytes = Vec::new();
    for segment in snapshot.segments() {
        for ordinal in 0..segment.len() {
            let position = Position { segment: segment.id(), ordinal };
            segment.read(ordinal, &mut bytes).map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&bytes);
            let number = number(&bytes).ok_or_else(|| format!("{position:?} is torn: {text}"))?;
            if found.last_key_value().is_some_and(|(last, _)| *last >= number) {
                return Err(format!("entry {number} comes after {:?}", found.last_key_value()));
            }
            let value = number.to_string();
            let by_index = segment.postings(1, &ValueTest::Equals(value.as_bytes()));
            let by_index = by_index.map_err(|error| error.to_string())?;
            if by_index.iter().collect::<Vec<_>>() != [ordinal] {
                return Err(format!("the index has entry {number} at {by_index:?}, not at {position:?}"));
            }
            found.insert(number, position);
        }
    }
    Ok(found)
}

/// Entries in the directory that each run begins with.
const BEFORE: u32 = 5;

/// A directory as an earlier run left it: a sealed segment without its index, and a last line that is torn.
fn before(sign: Option<Duration>) -> TempDir {
    let dir = scratch();
    let disk = Arc::new(Simulated::new(dir.path(), None));
    let config = Config { sign, ..config(dir.path(), Flush::None) };
    let (mut store, _) = Store::open_on(config, describe(), disk).unwrap();
    for number in 0..BEFORE {
        let mut terms = Terms::default();
        terms.add(1, number.to_string().as_bytes());
        let stamp = Stamp { time_ms: u64::from(number), serial: number };
        store.append(stamp, &terms, &line(number)).unwrap();
        if number == 2 {
            store.rotate().unwrap();
        }
    }
    store.seal_all().unwrap();
    store.close().unwrap();
    std::fs::remove_file(dir.path().join(names::index(1))).unwrap();
    let active = dir.path().join(names::ACTIVE);
    let torn = [std::fs::read(&active).unwrap(), b"{\"number\":9".to_vec()].concat();
    std::fs::write(active, torn).unwrap();
    dir
}

fn copy(from: &Path) -> TempDir {
    let to = scratch();
    for item in std::fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        std::fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// What a run with that setting begins with: the first one has nothing signed yet.
fn before_with(flush: Flush) -> TempDir {
    before((flush != Flush::None).then_some(Duration::from_secs(1)))
}

/// A directory in memory where there is such a place: thousands of small files are made.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// How many operations a run without a fault has.
fn operations(before: &Path, flush: Flush) -> u64 {
    let dir = copy(before);
    let mut run = Run::new(dir.path(), flush, None);
    assert!(run.work().is_ok() && run.errors.is_empty(), "{:?}", run.errors);
    let found = entries(&run.store().reader().snapshot()).unwrap();
    let numbers: BTreeSet<u32> = found.into_keys().collect();
    assert_eq!(numbers, (run.removable..run.next).collect::<BTreeSet<_>>(), "retention is part of it");
    assert!(run.removable > 0, "retention is part of it");
    run.disk.operations()
}

#[test]
fn a_power_loss_at_any_operation_leaves_a_store_that_opens_and_holds_what_was_promised() {
    for flush in FLUSHES {
        let before = before_with(flush);
        for at in 0..operations(before.path(), flush) {
            let dir = copy(before.path());
            let mut run = Run::new(dir.path(), flush, Some((at, Fault::PowerLoss)));
            let _ = run.work();
            run.store = None;
            let pending = run.disk.pending();
            for names in BTreeSet::from([0, pending.saturating_sub(1), pending]) {
                // Neighbouring operations see the others.
                run.check_power_loss(names, Unsynced::ALL[(at as usize + names) % Unsynced::ALL.len()]);
            }
        }
    }
}

#[test]
fn an_error_at_any_operation_is_told_and_nothing_is_lost() {
    for flush in FLUSHES {
        let before = before_with(flush);
        for at in 0..operations(before.path(), flush) {
            // One that lasts, as on a full disk, meets what is done about the first.
            for (errno, times) in [(Errno::EIO, 1), (Errno::ENOSPC, 3)] {
                let dir = copy(before.path());
                let mut run = Run::new(dir.path(), flush, Some((at, Fault::Error(errno, times))));
                assert!(run.work().is_ok());
                run.check_power_loss(0, Unsynced::Lost);
                let story = format!("{errno} at {at}: {:?}\n  {}", run.errors, run.disk.done());
                let found = entries(&run.store().reader().snapshot()).unwrap_or_else(|what| {
                    panic!("{what}, {flush:?}, {story}");
                });
                let missing = (run.removable..run.next).find(|number| !found.contains_key(number));
                assert_eq!(missing, None, "{flush:?}, {story}");
                run.settle();
                let verified = verified(dir.path(), run.root).expect("a chain");
                assert_eq!(verified.tampering, [], "{flush:?}, {story}");
                let is_all = run.root.is_none() || verified.entries >= found.len() as u64;
                assert!(is_all, "{flush:?}, {verified:?}, {story}");
            }
        }
    }
}
