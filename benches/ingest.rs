//! Figures of the way from text to indexed entry, on one thread: `cargo bench --bench ingest [-- LOG…]`.
//!
//! Without a log the recorded corpora of `tests/data/corpus` are used. What is read is repeated, with new times and
//! serials, to [`EVENTS`] events. Each stage is measured with all before it, in processor time: median of [`ROUNDS`]
//! rounds.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use ktrail::event::Event;
use ktrail::event::assembler::{Assembler, Config, Incoming};
use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::record::line;
use ktrail::record::stamp::EventId;
use ktrail::redact::{Config as Redaction, Redactor};
use ktrail::store::term::Terms;
use ktrail::store::{self, Flush, Stamp, Store};

const EVENTS: usize = 200_000;
const ROUNDS: usize = 5;

/// The records of a log, by event, ready to be written again under another id.
struct Corpus {
    /// `type=NAME msg=audit(` and what follows the id, for each record of each event.
    events: Vec<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl Corpus {
    fn read(paths: &[PathBuf]) -> Corpus {
        let mut events = Vec::new();
        for path in paths {
            let log = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut last = None;
            for text in log.split(|byte| *byte == b'\n') {
                let Ok(record) = line::split(text) else { continue };
                let head = memchr::memmem::find(text, b"audit(").expect("a record has a stamp") + 6;
                let id_end = memchr::memchr(b')', &text[head..]).expect("a stamp ends") + head;
                if last != Some(record.id) {
                    last = Some(record.id);
                    events.push(Vec::new());
                }
                let parts = (text[..head].to_vec(), text[id_end..].to_vec());
                events.last_mut().expect("one was pushed").push(parts);
                if events.len() > EVENTS {
                    break;
                }
            }
        }
        Corpus { events }
    }

    /// The log of `count` events, each half a millisecond after the one before.
    fn log(&self, count: usize) -> Vec<u8> {
        let mut log = Vec::new();
        for (number, event) in self.events.iter().cycle().take(count).enumerate() {
            let id = EventId { time_ms: 1_700_000_000_000 + number as u64 / 2, serial: number as u32 + 1 };
            for (head, tail) in event {
                log.extend_from_slice(head);
                log.extend_from_slice(id.to_string().as_bytes());
                log.extend_from_slice(tail);
                log.push(b'\n');
            }
        }
        log
    }
}

/// Adds up what it is given, so that nothing is done in vain.
#[derive(Default)]
struct Count {
    bytes: usize,
    terms: usize,
}

impl Sink for Count {
    fn entry(&mut self, _: EventId, terms: &Terms, line: &[u8]) {
        self.bytes += line.len();
        self.terms += terms.len();
    }
}

struct Log(Store);

impl Sink for Log {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        self.0.append(stamp, terms, line).expect("the bench's disk takes what it is given");
    }
}

fn lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', log).map(move |end| {
        let line = &log[start..end];
        start = end + 1;
        line
    })
}

fn split(log: &[u8]) {
    for text in lines(log) {
        black_box(line::split(text).is_ok());
    }
}

fn assemble(log: &[u8]) {
    let mut assembler = Assembler::new(Config::for_log());
    let mut done: Vec<Event> = Vec::new();
    for text in lines(log) {
        let Ok(record) = line::split(text) else { continue };
        let line::Line { node, kind, unnamed, id, body, .. } = record;
        let incoming = Incoming { node, kind, unnamed, id, body };
        assembler.push(incoming, record.id.time_ms, &mut done);
        for event in done.drain(..) {
            assembler.recycle(black_box(event));
        }
    }
}

fn ingest(log: &[u8], redactor: Option<Redactor>, sink: &mut dyn Sink) {
    let mut ingest = Ingest::import(Arc::new(Counters::default()));
    if let Some(redactor) = redactor {
        ingest.redact(redactor);
    }
    for (number, text) in (1..).zip(lines(log)) {
        ingest.log_line(text, number, sink);
    }
    ingest.finish(Now::default(), sink);
}

/// One segment without checkpoints: sealing is another thread's work and has a bench of its own.
fn open(dir: &Path) -> Store {
    let config = store::Config {
        dir: dir.to_path_buf(),
        flush: Flush::None,
        rotate_bytes: u64::MAX,
        checkpoint_bytes: u64::MAX / 2,
        ..store::Config::default()
    };
    Store::open(config, Arc::new(ktrail::entry::decode::describe)).expect("a folder of ours").0
}

fn index(log: &[u8], dir: &Path) {
    let mut log_sink = Log(open(dir));
    ingest(log, None, &mut log_sink);
    log_sink.0.leave().expect("there is space");
}

/// What this thread has computed so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has a clock").into()
}

fn measure(stage: &str, events: usize, log: &[u8], mut run: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = cpu_time();
            run();
            (cpu_time() - begun).as_secs_f64()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds[ROUNDS / 2];
    let events = events as f64;
    println!(
        "{stage:28} {:>9.0} events/s {:>7.0} ns/event {:>6.0} MB/s",
        events / median,
        median * 1e9 / events,
        log.len() as f64 / median / 1e6
    );
}

fn main() {
    let mut paths: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from).collect();
    if paths.is_empty() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
        paths = ["host.raw.log", "guest.raw.log"].map(|name| corpus.join(name)).to_vec();
    }
    let corpus = Corpus::read(&paths);
    let log = corpus.log(EVENTS);
    let records = lines(&log).count() as f64 / EVENTS as f64;
    println!("{EVENTS} events of {records:.1} records and {} bytes", log.len() / EVENTS);
    measure("split", EVENTS, &log, || split(&log));
    measure("+ assemble", EVENTS, &log, || assemble(&log));
    let encode = |redactor: Option<Redactor>| {
        let mut count = Count::default();
        ingest(&log, redactor, &mut count);
        black_box((count.bytes, count.terms));
    };
    measure("+ encode", EVENTS, &log, || encode(None));
    measure("+ redact and encode", EVENTS, &log, || {
        encode(Some(Redactor::new(&Redaction::default()).expect("good rules")));
    });
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let new = || tempfile::tempdir_in(&folder).expect("the temporary folder takes a new one");
    measure("+ index and write to memory", EVENTS, &log, || index(&log, new().path()));
    let left = new();
    index(&log, left.path());
    measure("open what a crash left", EVENTS, &log, || {
        open(left.path()).leave().expect("nothing was written")
    });
}
