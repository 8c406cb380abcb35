//! Makes a long auditd RAW log of a short one: repeats its events with new times and serials, marks some with a rare key.
//!
//! `rustc -O --edition 2024 -o spread spread.rs`, then `spread --help`. The corpus is held in memory, the output is
//! streamed; the order of lines, also where events interleave, is the corpus's.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

const HELP: &str = "\
spread [OPTIONS] CORPUS > LOG

  --records N      only the corpus's events of so many records (default: all)
  --events N       events in all (default: those of the corpus)
  --rate R         events a second of the log's time (default 100)
  --within S       in place of --rate: all events within S seconds, a burst
  --start MS       time of the first event, ms since 1970 (default 1700000000000)
  --serial N       serial of the first event (default 1); after 4294967295 comes 0
  --mark M         events that get the rare key, evenly spread (default 0)
  --key KEY        the rare key (default needle)

Repeats the events of CORPUS (RAW form). Standard error gets one line: events, records, bytes, first and last time, marks.
Only events with a SYSCALL record that has a key field can be marked: of these the next one after each even distance.";

/// Bytes handed to one write: large against the cost of a call, small enough to stay in the processor's cache.
const OUT_BYTES: usize = 256 << 10;

/// Why it ended.
enum Failure {
    Usage(String),
    Read { path: String, source: io::Error },
    Empty { path: String },
    NoSuch { path: String, records: u64 },
    TooLong { path: String },
    Write(io::Error),
    Marks { made: u64, asked: u64 },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) => write!(f, "{what}; see --help"),
            Failure::Read { path, source } => write!(f, "cannot read {path}: {source}"),
            Failure::Empty { path } => write!(f, "no line of {path} has an event id"),
            Failure::NoSuch { path, records } => write!(f, "no event of {path} has {records} records"),
            Failure::TooLong { path } => write!(f, "{path} has 4 GiB or more"),
            Failure::Write(source) => write!(f, "cannot write: {source}"),
            Failure::Marks { made, asked } => write!(f, "only {made} of {asked} events could be marked"),
        }
    }
}

/// What the command line asks for.
struct Options {
    corpus: String,
    records: Option<u64>,
    events: Option<u64>,
    /// Log time between two events, in nanoseconds; `None` while `within_s` decides.
    gap_ns: u64,
    within_s: Option<u64>,
    start_ms: u64,
    serial: u32,
    marks: u64,
    key: String,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, Failure> {
        let mut options = Options {
            corpus: String::new(),
            records: None,
            events: None,
            gap_ns: 10_000_000,
            within_s: None,
            start_ms: 1_700_000_000_000,
            serial: 1,
            marks: 0,
            key: "needle".to_owned(),
        };
        while let Some(argument) = arguments.next() {
            if argument == "--help" {
                return Ok(None);
            }
            if !argument.starts_with("--") {
                options.corpus = argument;
                continue;
            }
            let value =
                arguments.next().ok_or_else(|| Failure::Usage(format!("{argument} needs a value")))?;
            let number = || {
                value.parse::<u64>().map_err(|_| Failure::Usage(format!("{argument}: no number: {value}")))
            };
            match argument.as_str() {
                "--records" => options.records = Some(number()?),
                "--events" => options.events = Some(number()?),
                "--rate" => options.gap_ns = 1_000_000_000 / number()?.max(1),
                "--within" => options.within_s = Some(number()?),
                "--start" => options.start_ms = number()?,
                "--serial" => {
                    options.serial = u32::try_from(number()?)
                        .map_err(|_| Failure::Usage("--serial: above 4294967295".to_owned()))?;
                }
                "--mark" => options.marks = number()?,
                "--key" => options.key.clone_from(&value),
                _ => return Err(Failure::Usage(format!("no option {argument}"))),
            }
        }
        if options.corpus.is_empty() {
            return Err(Failure::Usage("no corpus named".to_owned()));
        }
        Ok(Some(options))
    }
}

/// A line of the corpus: where its parts are in the text, and which event it is of.
struct Line {
    /// Of the line's first byte.
    start: u32,
    /// After `audit(`.
    stamp: u32,
    /// At `)` after the id.
    rest: u32,
    /// Where ` key=` begins in a SYSCALL record; elsewhere `end`.
    key: u32,
    /// After the newline.
    end: u32,
    /// Ordinal of its event, by first appearance.
    event: u32,
}

struct Corpus {
    text: Vec<u8>,
    lines: Vec<Line>,
    events: u32,
}

impl Corpus {
    fn read(path: &str) -> Result<Corpus, Failure> {
        let mut text = Vec::new();
        let failed = |source| Failure::Read { path: path.to_owned(), source };
        File::open(path).and_then(|mut file| file.read_to_end(&mut text)).map_err(failed)?;
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        if u32::try_from(text.len()).is_err() {
            return Err(Failure::TooLong { path: path.to_owned() });
        }
        let (lines, events) = lines(&text);
        if lines.is_empty() {
            return Err(Failure::Empty { path: path.to_owned() });
        }
        Ok(Corpus { text, lines, events })
    }

    /// Leaves only the events of so many records.
    fn only(&mut self, records: u64) {
        let mut counts = vec![0u64; self.events as usize];
        for line in &self.lines {
            counts[line.event as usize] += 1;
        }
        let mut ordinals = vec![None; counts.len()];
        self.events = 0;
        for (ordinal, _) in ordinals.iter_mut().zip(counts).filter(|(_, count)| *count == records) {
            *ordinal = Some(self.events);
            self.events += 1;
        }
        self.lines.retain_mut(|line| match ordinals[line.event as usize] {
            Some(ordinal) => {
                line.event = ordinal;
                true
            }
            None => false,
        });
    }

    fn part(&self, from: u32, to: u32) -> &[u8] {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }
}

/// The lines that have an event id, and the number of events.
fn lines(text: &[u8]) -> (Vec<Line>, u32) {
    let mut found = Vec::new();
    let mut ordinals: HashMap<&[u8], u32> = HashMap::new();
    let mut offset = 0u32;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let start = offset;
        // The whole text is shorter than 4 GiB.
        offset += line.len() as u32;
        let Some(open) = find(line, b"msg=audit(") else { continue };
        let stamp = open + b"msg=audit(".len();
        let after = line.get(stamp..).unwrap_or_default();
        let Some(close) = after.iter().position(|byte| *byte == b')') else { continue };
        let next = ordinals.len() as u32;
        let event = *ordinals.entry(after.get(..close).unwrap_or_default()).or_insert(next);
        let at = |place: usize| start + place as u32;
        let syscall = find(line.get(..open).unwrap_or_default(), b"type=SYSCALL ").is_some();
        let key = match syscall.then(|| line.windows(5).rposition(|window| window == b" key=")).flatten() {
            Some(place) => at(place),
            None => offset,
        };
        found.push(Line { start, stamp: at(stamp), rest: at(stamp + close), key, end: offset, event });
    }
    (found, ordinals.len() as u32)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// What was written.
#[derive(Default)]
struct Written {
    records: u64,
    bytes: u64,
    marks: u64,
}

fn spread(corpus: &Corpus, options: &Options, events: u64, out: &mut impl Write) -> Result<Written, Failure> {
    let gap_ns = gap_ns(options, events);
    let mut written = Written::default();
    let mut buffer = Vec::with_capacity(OUT_BYTES + (64 << 10));
    let mut stamp = Vec::with_capacity(32);
    let mut stamped = None;
    let mut next_mark = mark_from(options.marks, events, 0);
    let mut first = 0u64;
    while first < events {
        for line in &corpus.lines {
            let event = first + u64::from(line.event);
            if event >= events {
                continue;
            }
            if stamped != Some(event) {
                put_stamp(&mut stamp, options, gap_ns, event);
                stamped = Some(event);
            }
            buffer.extend_from_slice(corpus.part(line.start, line.stamp));
            buffer.extend_from_slice(&stamp);
            if line.key != line.end && event >= next_mark {
                buffer.extend_from_slice(corpus.part(line.rest, line.key));
                buffer.extend_from_slice(b" key=\"");
                buffer.extend_from_slice(options.key.as_bytes());
                buffer.extend_from_slice(b"\"\n");
                written.marks += 1;
                next_mark = mark_from(options.marks, events, written.marks);
            } else {
                buffer.extend_from_slice(corpus.part(line.rest, line.end));
            }
            written.records += 1;
            if buffer.len() >= OUT_BYTES {
                written.bytes += flush(&mut buffer, out)?;
            }
        }
        first += u64::from(corpus.events);
    }
    written.bytes += flush(&mut buffer, out)?;
    if written.marks < options.marks {
        return Err(Failure::Marks { made: written.marks, asked: options.marks });
    }
    Ok(written)
}

/// The event from which on mark number `mark` may stand; after the last one none.
fn mark_from(marks: u64, events: u64, mark: u64) -> u64 {
    if mark >= marks {
        return u64::MAX;
    }
    u64::try_from(u128::from(mark) * u128::from(events) / u128::from(marks)).unwrap_or(u64::MAX)
}

fn flush(buffer: &mut Vec<u8>, out: &mut impl Write) -> Result<u64, Failure> {
    out.write_all(buffer).map_err(Failure::Write)?;
    let length = buffer.len() as u64;
    buffer.clear();
    Ok(length)
}

fn gap_ns(options: &Options, events: u64) -> u64 {
    options.within_s.map_or(options.gap_ns, |seconds| seconds.saturating_mul(1_000_000_000) / events.max(1))
}

fn time_ms(options: &Options, gap_ns: u64, event: u64) -> u64 {
    let passed = u128::from(event) * u128::from(gap_ns) / 1_000_000;
    options.start_ms.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
}

/// `SECONDS.MILLISECONDS:SERIAL`.
fn put_stamp(stamp: &mut Vec<u8>, options: &Options, gap_ns: u64, event: u64) {
    let time = time_ms(options, gap_ns, event);
    // The serial wraps as the kernel's does.
    let serial = options.serial.wrapping_add(event as u32);
    stamp.clear();
    put_number(stamp, time / 1000, 1);
    stamp.push(b'.');
    put_number(stamp, time % 1000, 3);
    stamp.push(b':');
    put_number(stamp, u64::from(serial), 1);
}

/// Decimal digits, at least `least` of them.
fn put_number(out: &mut Vec<u8>, mut number: u64, least: usize) {
    let from = out.len();
    while number > 0 || out.len() < from + least {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    if let Some(digits) = out.get_mut(from..) {
        digits.reverse();
    }
}

fn run() -> Result<(), Failure> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{HELP}");
        return Ok(());
    };
    let mut corpus = Corpus::read(&options.corpus)?;
    if let Some(records) = options.records {
        corpus.only(records);
        if corpus.events == 0 {
            return Err(Failure::NoSuch { path: options.corpus, records });
        }
    }
    let events = options.events.unwrap_or(u64::from(corpus.events));
    let mut out = io::stdout().lock();
    let written = spread(&corpus, &options, events, &mut out)?;
    out.flush().map_err(Failure::Write)?;
    let gap_ns = gap_ns(&options, events);
    eprintln!(
        "events={events} records={} bytes={} first_ms={} last_ms={} marks={}",
        written.records,
        written.bytes,
        options.start_ms,
        time_ms(&options, gap_ns, events.saturating_sub(1)),
        written.marks
    );
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("spread: {failure}");
            ExitCode::from(2)
        }
    }
}
