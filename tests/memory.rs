//! Memory stays bounded whatever comes in: keys, paths, programs, processes and users that are all different, in events
//! that never end; and whatever somebody has made of the log's files.
//!
//! `KTRAIL_MEMORY_EVENTS=10000000 cargo test --test memory -- --nocapture` is the long form. What is asserted is the peak of
//! the whole process: one test runs at a time.

mod support {
    #[allow(dead_code)]
    pub(crate) mod forged;
}

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ktrail::enrich::counts::Counts;
use ktrail::enrich::lookup::Lookup;
use ktrail::enrich::{self, Enricher};
use ktrail::entry::{self, Resolve};
use ktrail::event::assembler;
use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::record::stamp::EventId;
use ktrail::redact::{Config as Redaction, Redactor};
use ktrail::serve::live::Live;
use ktrail::store::term::Terms;
use ktrail::store::{self, Describe, Reader, Stamp, Store, ValueTest};
use support::forged::{Index, widen_first_frame};

/// Events of the short form: enough that every cache is full and the index has been full twice.
const EVENTS_SHORT: u32 = 300_000;
/// Bytes that the process may have at its peak: three indexes of 24 MiB, as much again while one of them is made into a
/// file and compressed, 32 MiB of open events, and the buffers.
const PEAK_BYTES_MAX: u64 = 256 << 20;
/// Bytes that it may have more at the peak of what it does with a forged index of a small segment: the longest part of one
/// twice, as pages and without their checksums.
const FORGED_PEAK_BYTES_MAX: u64 = 220 << 20;
/// How often time passes.
const TICK_EVENTS: u32 = 1000;

/// Names of all users there may be.
struct Everybody;

impl Lookup for Everybody {
    fn user(&mut self, id: u32) -> Option<String> {
        Some(format!("user-{id}"))
    }

    fn group(&mut self, id: u32) -> Option<String> {
        Some(format!("group-{id}"))
    }
}

struct Names(Enricher);

impl Resolve for Names {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.0.user(id, Instant::now())
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.0.group(id, Instant::now())
    }
}

/// The store, and those who follow.
struct Log {
    store: Store,
    live: Live,
    stored: u64,
}

impl Sink for Log {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        self.store.append(Stamp { time_ms: id.time_ms, serial: id.serial }, terms, line).expect("room");
        self.live.publish(line, terms);
        self.stored += 1;
    }
}

static ONE: Mutex<()> = Mutex::new(());

/// Bytes of memory that this process has (`VmRSS:`), or the most that it has had (`VmHWM:`).
fn memory_bytes(which: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix(which)).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

/// The most it has had is what it has now.
fn forget_the_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("a process may do this to itself");
}

#[test]
fn memory_is_bounded_whatever_comes_in() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    forget_the_peak();
    let events =
        std::env::var("KTRAIL_MEMORY_EVENTS").map_or(EVENTS_SHORT, |text| text.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = store::Config {
        dir: dir.path().join("log"),
        // The log's own size is bounded too.
        rotate_bytes: 64 << 20,
        retain_bytes: Some(256 << 20),
        ..store::Config::default()
    };
    let (store, _) = Store::open(config, Arc::new(entry::decode::describe)).expect("an empty log");
    let enricher =
        Enricher::new(enrich::Config::default(), Box::new(Everybody), &Counts::default()).expect("a thread");
    let counters = Arc::new(Counters::default());
    let mut ingest =
        Ingest::live(assembler::Config::default(), None, Box::new(Names(enricher)), counters.clone());
    ingest.redact(Redactor::new(&Redaction::default()).expect("good rules"));
    let mut log = Log { store, live: Live::default(), stored: 0 };
    let mut message = String::new();
    let begun = Instant::now();
    for number in 0..events {
        let time = format!("{}.{:03}", 1_700_000_000 + number / 100_000, number / 100 % 1000);
        let now = Now { mono_ms: u64::from(number / 100), wall_ms: 0 };
        // Gaps that are never filled: every second serial is missing.
        let serial = number.wrapping_mul(2);
        let uid = if number % 16 == 0 { number } else { 0 };
        message.clear();
        message.push_str(&format!(
            "audit({time}:{serial}): arch=c000003e syscall=257 success=no exit=-13 a0=1 items=1 ppid={number} pid={} \
             auid={uid} uid={uid} gid=0 tty=pts{number} ses={number} comm=\"c{number}\" exe=\"/usr/bin/{number}\" key=\"k{number}\"",
            number ^ 1,
        ));
        ingest.message(1300, message.as_bytes(), now, &mut log);
        message.clear();
        message.push_str(&format!(
            "audit({time}:{serial}): item=0 name=\"/home/{number}/{}\" inode=1",
            number ^ 7
        ));
        ingest.message(1302, message.as_bytes(), now, &mut log);
        if number % 4096 == 0 {
            // One that is long, and one with many fields of names that no other has.
            message.clear();
            message.push_str(&format!("audit({time}:{serial}): argc=1 a0={}", "41".repeat(200_000)));
            ingest.message(1309, message.as_bytes(), now, &mut log);
            message.clear();
            message.push_str(&format!("audit({time}:{serial}):"));
            (0..2000).for_each(|field| message.push_str(&format!(" f{number}x{field}=1")));
            ingest.message(1100 + (number / 4096 % 800) as u16, message.as_bytes(), now, &mut log);
        }
        if number % TICK_EVENTS == 0 {
            ingest.tick(now, &mut log);
            log.store.tick(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(number))).expect("a disk");
        }
    }
    ingest.finish(Now::default(), &mut log);
    let took = begun.elapsed();
    let peak = memory_bytes("VmHWM:");
    println!(
        "{events} events, {} stored, in {:.1} s; peak memory {} MiB of at most {} MiB",
        log.stored,
        took.as_secs_f64(),
        peak >> 20,
        PEAK_BYTES_MAX >> 20
    );
    assert!(log.stored >= u64::from(events), "every event is stored, those that never ended too");
    assert!(peak <= PEAK_BYTES_MAX, "{} MiB", peak >> 20);
    log.store.close().expect("a disk");
}

/// An index of a small segment, with which root could fill the memory of the daemon and of who searches: some hundred bytes of
/// dictionary have more terms than there is memory, and a file with holes has postings of any length.
#[test]
fn a_forged_index_fills_no_memory() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let describe: Describe = Arc::new(|line, terms| {
        let number: u32 =
            std::str::from_utf8(line).ok()?.strip_prefix('{')?.strip_suffix('}')?.parse().ok()?;
        terms.add(1, format!("{}", number.wrapping_mul(2_654_435_761)).as_bytes());
        terms.add(2, if number.is_multiple_of(3) { b"third" } else { b"other" });
        Some(Stamp { time_ms: 0, serial: number })
    });
    let config = store::Config { dir: dir.path().join("log"), ..store::Config::default() };
    let path = config.dir.join("audit-0000000001.idx");
    let (mut store, _) = Store::open(config.clone(), describe.clone()).expect("an empty log");
    let mut terms = Terms::default();
    for number in 0..3000 {
        let line = format!("{{{number}}}");
        terms.clear();
        let stamp = describe(line.as_bytes(), &mut terms).expect("an entry");
        store.append(stamp, &terms, line.as_bytes()).expect("room");
    }
    store.rotate().expect("a disk");
    store.seal_all().expect("a disk");
    store.close().expect("a disk");
    let endless = || {
        let mut index = Index::read(&path);
        index.make_endless(1, true);
        index.write(&path);
    };
    let with_hole = || {
        let mut index = Index::read(&path);
        let list = index.postings();
        // The first list has a body of 60 GiB: its length and form as a varint, and one ordinal.
        let head = [0x80, 0x80, 0x80, 0x80, 0xe0, 0x03, 1];
        index.stream[list..list + head.len()].copy_from_slice(&head);
        index.write_with_hole(&path, 64 << 30);
    };
    let whole = fs::read(&path).expect("an index");
    for (what, forge) in [("endless", &endless as &dyn Fn()), ("with a hole", &with_hole)] {
        fs::write(&path, &whole).expect("a disk");
        forge();
        forget_the_peak();
        let before = memory_bytes("VmRSS:");
        let (reader, problems) = Reader::open(&config.dir, describe.clone()).expect("a log");
        assert_eq!(problems, [], "{what}: only who asks can see it");
        let snapshot = reader.snapshot();
        let segment = &snapshot.segments()[0];
        let mut values = 0;
        segment.values(1, &mut |_, _| values += 1).expect("the lines are in order");
        assert_eq!(values, 3000, "{what}");
        for (field, value, count) in [(1, &b"7"[..], None), (2, b"ir", Some(1000)), (2, b"th", Some(3000))] {
            let found = segment.postings(field, &ValueTest::Contains(value)).expect("the same").len();
            assert!(found > 0 && count.is_none_or(|count| count == found), "{what}: {found}");
        }
        let peak = memory_bytes("VmHWM:") - before;
        println!("{what}: peak {} MiB more", peak >> 20);
        assert!(peak <= FORGED_PEAK_BYTES_MAX, "{what}: {} MiB", peak >> 20);
    }
    // A segment whose frame is said to have 3 GiB: it cannot be read, which costs nothing.
    widen_first_frame(&config.dir.join("audit-0000000001.seg"), 3 << 30);
    forget_the_peak();
    let before = memory_bytes("VmRSS:");
    let (reader, _) = Reader::open(&config.dir, describe).expect("a log");
    let snapshot = reader.snapshot();
    let error = snapshot.segments()[0].read(0, &mut Vec::new()).expect_err("there is nothing to read");
    assert!(error.to_string().contains("impossible length"), "{error}");
    let peak = memory_bytes("VmHWM:") - before;
    assert!(peak <= FORGED_PEAK_BYTES_MAX, "{} MiB", peak >> 20);
}
