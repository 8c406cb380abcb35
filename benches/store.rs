//! Figures of the store: append, seal, sizes, look-up, open. `cargo bench --bench store [-- EVENTS]`.
//!
//! The events are made up: processes of some users that open files under three rules, two or three at a time, each with
//! its program's libraries, some files of its own and now and then a failure; a hundred have a key of their own.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ktrail::entry::field::Field;
use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::record::stamp::EventId;
use ktrail::store::chain::verify::{Known, Progress, verify};
use ktrail::store::term::Terms;
use ktrail::store::{Config, Describe, Flush, Notice, Reader, Stamp, Store, ValueTest};

/// Entries as they come to the store.
#[derive(Default)]
struct Entries {
    lines: Vec<u8>,
    all: Vec<(EventId, Terms, usize)>,
}

impl Sink for Entries {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.all.push((id, terms.clone(), self.lines.len()));
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Small numbers far more often than large ones.
    fn uneven(&mut self, limit: u64) -> u64 {
        let limit = self.below(limit) + 1;
        let limit = self.below(limit) + 1;
        self.below(limit)
    }
}

struct Process {
    pid: u64,
    ppid: u64,
    user: u64,
    program: u64,
    left: u64,
}

impl Process {
    fn new(random: &mut Random, pid: u64) -> Process {
        let (user, program) = (random.uneven(5), random.uneven(120));
        Process { pid, ppid: pid - 1 - random.uneven(30), user, program, left: 4 + random.uneven(60) }
    }
}

/// The RAW text of `events` events.
fn log(events: u64) -> String {
    let mut random = Random(7);
    let mut text = String::new();
    let mut pid = 2000;
    let mut running: Vec<Process> = Vec::new();
    let mut time = 1_700_000_000_000u64;
    for serial in 1..=events {
        while running.len() < 3 {
            pid += 1 + random.uneven(3);
            running.push(Process::new(&mut random, pid));
        }
        let place = random.uneven(3) as usize;
        event(&mut text, &mut random, &running[place], serial, time, events);
        running[place].left -= 1;
        if running[place].left == 0 {
            running.swap_remove(place);
        }
        time += if random.below(200) == 0 { random.below(3000) } else { random.uneven(4) };
    }
    text
}

fn event(text: &mut String, random: &mut Random, by: &Process, serial: u64, time: u64, events: u64) {
    let stamp = format!("audit({}.{:03}:{serial})", time / 1000, time % 1000);
    let (uid, program) = (if by.user == 0 { 0 } else { 999 + by.user }, by.program);
    let path = match random.below(10) {
        0..6 => format!("/usr/lib/x86_64-linux-gnu/lib{}.so.{}", random.uneven(400), program % 7),
        6..8 => format!("/etc/conf.d/{}.conf", random.uneven(200)),
        8 => format!("/proc/{}/stat", by.pid),
        _ => format!("/tmp/{:x}{:x}.o", by.pid, random.below(1 << 24)),
    };
    let key = if serial % (events / 100) == 7 {
        "rare"
    } else {
        ["files", "exec", "net"][random.uneven(3) as usize]
    };
    let outcome = if random.below(12) == 0 { "success=no exit=-2" } else { "success=yes exit=3" };
    let call = [257, 262, 59, 21, 87][random.uneven(5) as usize];
    let inode = 131_072 + random.uneven(90_000);
    writeln!(
        text,
        "type=SYSCALL msg={stamp}: arch=c000003e syscall={call} {outcome} a0=ffffff9c a1=7ffd{:08x} a2=80000 a3=0 items=1 ppid={} pid={} auid={uid} uid={uid} gid={uid} euid={uid} suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} tty=pts{} ses={} comm=\"prog{program}\" exe=\"/usr/bin/prog{program}\" subj=unconfined key=\"{key}\"",
        random.below(1 << 32), by.ppid, by.pid, by.user, by.user + 1,
    )
    .and_then(|()| writeln!(text, "type=CWD msg={stamp}: cwd=\"/home/user{}\"", by.user))
    .and_then(|()| writeln!(text, "type=PATH msg={stamp}: item=0 name=\"{path}\" inode={inode} dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0"))
    .and_then(|()| writeln!(text, "type=PROCTITLE msg={stamp}: proctitle=70726F67{program:04X}002D2D{:04X}", program * 31))
    .expect("writing to memory");
}

fn per_second(count: usize, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!("{:.0}/s, {:.2} µs each", count as f64 / seconds, seconds * 1e6 / count as f64)
}

fn main() {
    let events = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(300_000);
    let text = log(events);
    let mut entries = Entries::default();
    let mut ingest = Ingest::import(Arc::new(Counters::default()));
    let start = Instant::now();
    for (number, line) in (1..).zip(text.lines()) {
        ingest.log_line(line.as_bytes(), number, &mut entries);
    }
    ingest.finish(Now::default(), &mut entries);
    println!("parse, assemble, encode    {}", per_second(entries.all.len(), start.elapsed()));
    let terms: usize = entries.all.iter().map(|(_, terms, _)| terms.len()).sum();
    let count = entries.all.len();
    let (raw, json) = (text.len() / count, entries.lines.len() / count);
    println!("an event has               {raw} bytes RAW, {json} bytes JSON, {} terms", terms / count);

    let dir = tempfile::tempdir().expect("a directory");
    index_alone(&entries);
    fill(dir.path(), &entries, text.len());
    look(dir.path(), count);
    signed(&entries);
    many(&entries);
}

/// Appends entries whose lines are as short as can be: what is left is indexing.
fn index_alone(entries: &Entries) {
    let dir = tempfile::tempdir().expect("a directory");
    let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
    let config = Config { dir: dir.path().to_path_buf(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config, describe).expect("a store");
    let start = Instant::now();
    for (id, terms, _) in &entries.all {
        store.append(Stamp { time_ms: id.time_ms, serial: id.serial }, terms, b"{}").expect("append");
    }
    println!("append of {{}}               {}", per_second(entries.all.len(), start.elapsed()));
}

fn fill(dir: &Path, entries: &Entries, raw: usize) {
    let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
    let config = Config {
        dir: dir.to_path_buf(),
        flush: Flush::None,
        rotate_bytes: u64::MAX,
        compression: std::env::var("LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(3),
        ..Config::default()
    };
    let (mut store, _) = Store::open(config, describe).expect("a store");
    let mut from = 0;
    let (mut waited, start) = (Duration::ZERO, Instant::now());
    for (id, terms, end) in &entries.all {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        store.append(stamp, terms, &entries.lines[from..*end]).expect("append");
        from = *end;
    }
    let took = start.elapsed();
    println!("append, with write(2)      {}", per_second(entries.all.len(), took));
    store.rotate().expect("rotate");
    let sealing = Instant::now();
    store.seal_all().expect("seal");
    waited += sealing.elapsed();
    println!("sealing the last took      {waited:.2?}");
    let (mut plain, mut segment, mut index, mut segments) = (0, 0, 0, 0);
    for notice in store.notices() {
        if let Notice::Sealed { plain_bytes, segment_bytes, index_bytes, .. } = notice {
            (plain, segment, index) = (plain + plain_bytes, segment + segment_bytes, index + index_bytes);
            segments += 1;
        }
    }
    let (plain, segment, index, raw) = (plain as f64, segment as f64, index as f64, raw as f64);
    let entries = entries.all.len() as f64;
    println!(
        "segments                   {segments}, {:.1} MB of lines each",
        plain / 1e6 / f64::from(segments)
    );
    println!(
        "frames                     {:.1} bytes an event, JSON 1/{:.1}",
        segment / entries,
        plain / segment
    );
    println!(
        "index                      {:.1} bytes an event, {:.0} % of the segment",
        index / entries,
        index / segment * 100.0
    );
    println!("both                       1/{:.1} of RAW", raw / (segment + index));
    if let Some(kept) = std::env::var_os("KEEP_INDEX") {
        std::fs::copy(dir.join("audit-0000000001.idx"), kept).expect("a copy");
    }
    store.close().expect("close");
}

struct Quiet;

impl Progress for Quiet {
    fn total(&self, _: u64) {}
    fn read(&self, _: u64) {}
}

/// What signing costs, all at once and a statement at a time, and how fast a signed log is verified in each form.
fn signed(entries: &Entries) {
    let dir = tempfile::tempdir().expect("a directory");
    let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
    let config = Config {
        dir: dir.path().to_path_buf(),
        flush: Flush::None,
        rotate_bytes: u64::MAX,
        // No timer: only what is asked for is signed.
        sign: Some(Duration::MAX),
        ..Config::default()
    };
    let (mut store, _) = Store::open(config, describe.clone()).expect("a store");
    let mut from = 0;
    for (id, terms, end) in &entries.all {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        store.append(stamp, terms, &entries.lines[from..*end]).expect("append");
        from = *end;
    }
    // Waiting for the disk to take the lines is not what is measured.
    store.sync().expect("sync");
    let start = Instant::now();
    store.sign().expect("sign");
    let took = start.elapsed();
    let gigabytes = entries.lines.len() as f64 / 1e9;
    println!("sign all that is there     {}", per_second(entries.all.len(), took));
    println!("                           {:.2} GB/s of lines", gigabytes / took.as_secs_f64());
    const STATEMENTS: usize = 100;
    let start = Instant::now();
    for _ in 0..STATEMENTS {
        store.append(Stamp::default(), &Terms::default(), b"{}").expect("append");
        store.sign().expect("sign");
    }
    println!("a statement, synced        {}", per_second(STATEMENTS, start.elapsed()));
    let check = |form: &str| {
        let start = Instant::now();
        let verified = verify(dir.path(), &Known::default(), &describe, &Quiet).expect("verified");
        let took = start.elapsed();
        assert!(verified.is_some_and(|verified| verified.tampering.is_empty()));
        println!("verify, {form:<19}{:.2} GB/s of lines", gigabytes / took.as_secs_f64());
    };
    check("plain");
    store.rotate().expect("rotate");
    store.seal_all().expect("seal");
    store.close().expect("close");
    check("compressed");
}

fn look(dir: &Path, count: usize) {
    let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
    let mut best = [Duration::MAX; 4];
    let mut hits = [0; 4];
    for _ in 0..7 {
        let start = Instant::now();
        let (reader, _) = Reader::open(dir, describe.clone()).expect("a reader");
        let snapshot = reader.snapshot();
        let mut line = Vec::new();
        let mut found = [0; 4];
        for segment in snapshot.segments() {
            for ordinal in segment.postings(Field::Key.id(), &ValueTest::Equals(b"rare")).expect("postings") {
                segment.read(ordinal, &mut line).expect("a line");
                found[0] += 1;
            }
        }
        best[0] = best[0].min(start.elapsed());
        let start = Instant::now();
        for segment in snapshot.segments() {
            found[1] +=
                segment.postings(Field::Exe.id(), &ValueTest::Contains(b"prog11")).expect("postings").len();
        }
        best[1] = best[1].min(start.elapsed());
        let start = Instant::now();
        for segment in snapshot.segments() {
            found[2] +=
                segment.postings(Field::Path.id(), &ValueTest::Contains(b"77.conf")).expect("postings").len();
        }
        best[2] = best[2].min(start.elapsed());
        let start = Instant::now();
        for segment in snapshot.segments() {
            let mut all = segment.postings(Field::Key.id(), &ValueTest::Equals(b"files")).expect("postings");
            all &= segment.postings(Field::Uid.id(), &ValueTest::Equals(b"1000")).expect("postings");
            all &= segment.postings(Field::Result.id(), &ValueTest::Equals(b"fail")).expect("postings");
            let (from, to) = segment.time_range().unwrap_or_default();
            segment
                .in_time(Some(from + (to - from) / 3), Some(to - (to - from) / 3), &mut all)
                .expect("times");
            found[3] += all.len();
        }
        best[3] = best[3].min(start.elapsed());
        hits = found;
    }
    println!("of {count} events, best of 7:");
    println!("  open, key=rare, read     {:.2?} for {} hits", best[0], hits[0]);
    println!("  exe~prog11               {:.2?} for {} hits", best[1], hits[1]);
    println!("  path~77.conf             {:.2?} for {} hits", best[2], hits[2]);
    println!("  three terms and a time   {:.2?} for {} hits", best[3], hits[3]);
}

/// A store of a thousand small segments.
fn many(entries: &Entries) {
    let dir = tempfile::tempdir().expect("a directory");
    let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
    let config = Config { dir: dir.path().to_path_buf(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config.clone(), describe.clone()).expect("a store");
    let mut from = 0;
    for (number, (id, terms, end)) in entries.all.iter().enumerate().take(100_000) {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        store.append(stamp, terms, &entries.lines[from..*end]).expect("append");
        from = *end;
        if number % 100 == 99 {
            store.rotate().expect("rotate");
        }
    }
    store.seal_all().expect("seal");
    store.close().expect("close");
    let start = Instant::now();
    let (reader, _) = Reader::open(dir.path(), describe.clone()).expect("a reader");
    let took = start.elapsed();
    println!("open {} segments         {took:.2?}", reader.summary().segments);
    let start = Instant::now();
    let (store, _) = Store::open(config, describe).expect("a store");
    println!("  with a writer's care     {:.2?}", start.elapsed());
    drop(store);
}
