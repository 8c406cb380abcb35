//! Memory stays bounded whatever comes in: keys, paths, programs, processes and users that are all different, in events
//! that never end.
//!
//! `KTRAIL_MEMORY_EVENTS=10000000 cargo test --test memory -- --nocapture` is the long form. The test is alone in its
//! program: what it asserts is the peak of the whole process.

use std::fs;
use std::sync::Arc;
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
use ktrail::store::{self, Stamp, Store};

/// Events of the short form: enough that every cache is full and the index has been full twice.
const EVENTS_SHORT: u32 = 300_000;
/// Bytes that the process may have at its peak: three indexes of 24 MiB, as much again while one of them is made into a
/// file and compressed, 32 MiB of open events, and the buffers.
const PEAK_BYTES_MAX: u64 = 256 << 20;
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

/// The most memory this process has had, in bytes.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

#[test]
fn memory_is_bounded_whatever_comes_in() {
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
    let peak = peak_bytes();
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
