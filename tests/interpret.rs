//! Values in words, compared with those of Debian's `ausearch -i` for every record of the recorded logs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use ktrail::event::Event;
use ktrail::interpret::context::Context;
use ktrail::interpret::{self, Kind};
use ktrail::record::RecordType;
use ktrail::record::fields::{Value, fields};
use ktrail::record::line;
use ktrail::record::stamp::EventId;
use nix::unistd::{Gid, Group, Uid, User};

const AUSEARCH: &str = "/usr/sbin/ausearch";

/// Values that ktrail words otherwise than ausearch.
const DIFFERENCES: &[Difference] = &[
    // The type 1305 on the list that ausearch 3.0.9 has no name for.
    difference(1305, "list", "io_uring", "unknown-list(7)", "a list younger than this ausearch"),
    difference(1305, "ses", "unset", "4294967295op=remove_rule", "the kernel puts no blank after ses= here"),
    difference(1305, "op", "remove_rule", NONE, "the kernel puts no blank before op= here"),
    difference(1006, "old-ses", "unset", "4294967295", "a session as any other"),
    difference(1318, "oses", "unset", "-1", "a session as any other"),
    difference(1312, "mode", "000,600", "0600", "a mode as any other"),
    difference(1424, "mode", "enforcing", "000,000", "a word, not a file's mode"),
    difference(1326, "code", "kill-process", "kill", "there are two ways of being killed by a filter"),
    difference(1326, "sig", "0", "SIG0", "no signal has the number 0"),
    difference(
        1306,
        "saddr",
        "{ saddr_fam=local path=@* }",
        "{ saddr_fam=local path=* }",
        "an abstract name is no path",
    ),
    difference(1306, "saddr", "* groups=* }", "* }", "the groups tell what a netlink socket listens to"),
    difference(1300, "syscall", "socketcall", "socketcall(*)", "arguments of system calls are not worded"),
    difference(1319, "data", "*", "*", "what was typed is told byte for byte, not key by key"),
];

/// What [`cut`] gives for a field that it does not find.
const NONE: &str = "(no such field)";

/// One known difference, with `*` for any text, and why it is right.
struct Difference {
    record: u16,
    name: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
}

const fn difference(
    record: u16,
    name: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Difference {
    Difference { record, name, ours, theirs, reason }
}

impl Difference {
    fn is(&self, record: RecordType, name: &str, ours: &str, theirs: &str) -> bool {
        self.record == record.0
            && self.name == name
            && matches_pattern(self.ours, ours)
            && matches_pattern(self.theirs, theirs)
    }
}

/// Whether the text is the pattern with something in place of each `*`.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            (0..=text.len()).filter_map(|at| text.get(at..)).any(|text| matches_pattern(rest, text))
        }),
    }
}

/// A field of a record: its name, what it means, and its value in ktrail's words.
struct Told {
    name: String,
    kind: Kind,
    words: String,
}

/// One record of the log, with its type as the log's writer named it.
struct Record {
    kind: RecordType,
    name: String,
    fields: Vec<Told>,
}

/// Milliseconds within the second and serial: what ausearch's interpreted lines keep of the event's id as it was.
type Id = (u64, u32);

/// The log's events as ktrail reads them, in the order of the file.
fn ours(log: &[u8]) -> BTreeMap<Id, Vec<Record>> {
    let lines: Vec<_> = log.split(|byte| *byte == b'\n').filter_map(|text| line::split(text).ok()).collect();
    let mut events: HashMap<EventId, Event> = HashMap::new();
    for line in &lines {
        events.entry(line.id).or_insert_with(|| Event::new(line.id)).push(line.kind, line.body);
    }
    let mut found: BTreeMap<Id, Vec<Record>> = BTreeMap::new();
    for line in &lines {
        let context = Context::of(&events[&line.id]).within(line.kind);
        let mut told = Vec::new();
        tell(line.body, &context, &mut told);
        let id = (line.id.time_ms % 1000, line.id.serial);
        let name = match line.unnamed {
            true => format!("UNKNOWN[{}]", line.kind.0),
            false => line.kind.to_string(),
        };
        found.entry(id).or_default().push(Record { kind: line.kind, name, fields: told });
    }
    found
}

/// Adds the fields of a record and of the message inside it.
fn tell(body: &[u8], context: &Context, told: &mut Vec<Told>) {
    for field in fields(body) {
        if let Value::Message(inside) = field.value {
            // For its place alone: the field before it ends there.
            told.push(Told { name: "msg".to_owned(), kind: Kind::Word, words: String::new() });
            tell(inside, context, told);
            continue;
        }
        let kind = interpret::kind(context.record, field.name);
        let words = interpret::words(context, kind, &field.value);
        let name = String::from_utf8_lossy(field.name).into_owned();
        told.push(Told { name, kind, words: shown(&words) });
    }
}

/// The words as ausearch shows them, which writes control characters by three octal digits, also into a file.
fn shown(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let escaped = text.chars().map(|character| match character.is_ascii_control() {
        true => format!("\\{:03o}", u32::from(character)),
        false => character.to_string(),
    });
    escaped.collect::<String>().trim_end().to_owned()
}

/// ausearch's lines by event and type.
type Lines = HashMap<(Id, String), Vec<String>>;

/// What ausearch says of a log; it writes the records of an event last to first.
fn theirs(log: &Path) -> Lines {
    let output = Command::new(AUSEARCH)
        .args(["-i", "-if"])
        .arg(log)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .output()
        .expect("ausearch runs");
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("type=")) {
        let parts = line.strip_prefix("type=").and_then(|rest| rest.split_once(" msg=audit("));
        let (kind, rest) = parts.expect("a type and a stamp");
        let (stamp, body) = rest.split_once(") :").expect("the stamp ends");
        let (time, serial) = stamp.rsplit_once(':').expect("a serial");
        let (_, ms) = time.rsplit_once('.').expect("milliseconds");
        let id = (ms.parse().expect("a number"), serial.parse().expect("a number"));
        found.entry((id, kind.to_owned())).or_default().push(body.to_owned());
    }
    found.values_mut().for_each(|lines| lines.reverse());
    found
}

/// Cuts a line of ausearch's at the names of the record's fields; `None` where one is not found.
fn cut<'a>(line: &'a str, fields: &[Told]) -> Vec<Option<&'a str>> {
    let after = |text: &'a str, name: &str| {
        let found = [" ", "'", ","].iter().filter_map(|before| text.find(&format!("{before}{name}=")));
        found.min().map(|at| (at, at + name.len() + 2))
    };
    let mut rest = line;
    let mut values = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let Some((_, start)) = after(rest, &field.name) else {
            values.push(None);
            continue;
        };
        rest = &rest[start..];
        let following = fields[place + 1..].iter().find_map(|next| after(rest, &next.name));
        let value = following.map_or(rest, |(end, _)| &rest[..end]);
        let value = value.trim_end();
        values.push(Some(value.strip_suffix('\'').filter(|_| following.is_none()).unwrap_or(value)));
    }
    values
}

/// The id in the words of a program that looks it up on this host, as ausearch does.
fn looked_up(kind: Kind, words: &str) -> String {
    let name = |id: u32| match kind {
        Kind::User => Some(User::from_uid(Uid::from_raw(id)).ok().flatten()?.name),
        Kind::Group => Some(Group::from_gid(Gid::from_raw(id)).ok().flatten()?.name),
        _ => None,
    };
    match (kind, words.parse()) {
        (Kind::User | Kind::Group, Ok(id)) => name(id).unwrap_or_else(|| format!("unknown({id})")),
        _ => words.to_owned(),
    }
}

/// What a comparison found.
#[derive(Default)]
struct Found {
    records: usize,
    /// Records of events that ausearch cannot read.
    left_out: usize,
    compared: usize,
    /// Places in the table of differences.
    known: Vec<usize>,
    /// Fields that only ausearch words.
    plain: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

fn compare(record: &Record, line: &str, found: &mut Found) {
    found.records += 1;
    for (field, theirs) in record.fields.iter().zip(cut(line, &record.fields)) {
        let ours = looked_up(field.kind, &field.words);
        let theirs = theirs.unwrap_or(NONE);
        if field.kind == Kind::Word {
            continue;
        }
        if ours == theirs {
            found.compared += 1;
        } else if let Some(place) =
            DIFFERENCES.iter().position(|known| known.is(record.kind, &field.name, &field.words, theirs))
        {
            found.compared += 1;
            found.known.push(place);
        } else if field.kind == Kind::Plain {
            *found.plain.entry(format!("{} {} {ours} {theirs}", record.kind, field.name)).or_default() += 1;
        } else {
            found.compared += 1;
            found.wrong.push(format!("{} {}: ktrail {ours:?}, ausearch {theirs:?}", record.kind, field.name));
        }
    }
}

fn has(theirs: &Lines, id: Id, record: &Record) -> bool {
    theirs.contains_key(&(id, record.name.clone()))
}

/// Compares one log, and gives the places of the differences that it has.
fn check(name: &str) -> Vec<usize> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data/corpus", name].iter().collect();
    let theirs = theirs(&path);
    let mut found = Found::default();
    for (id, records) in ours(&fs::read(&path).expect("the corpus is there")) {
        // Debian's ausearch cannot read AppArmor's AVC records, and leaves the whole event out, with --raw too.
        let apparmor = |record: &Record| record.fields.iter().any(|field| field.name == "apparmor");
        if records.iter().any(apparmor) && !records.iter().any(|record| has(&theirs, id, record)) {
            found.left_out += records.len();
            continue;
        }
        let mut places: HashMap<String, usize> = HashMap::new();
        for record in &records {
            let place = places.entry(record.name.clone()).or_default();
            let line = theirs.get(&(id, record.name.clone())).and_then(|lines| lines.get(*place));
            *place += 1;
            match line {
                Some(line) => compare(record, line, &mut found),
                None => found.wrong.push(format!("{} of {id:?}: ausearch has no such record", record.name)),
            }
        }
    }
    let plain: usize = found.plain.values().sum();
    println!(
        "{name}: {} records and {} that ausearch leaves out, {} fields compared, {} known differences; {plain} fields that only ausearch words: {:#?}",
        found.records,
        found.left_out,
        found.compared,
        found.known.len(),
        found.plain
    );
    found.wrong.sort();
    assert!(found.wrong.is_empty(), "{name}: {} differences\n{}", found.wrong.len(), found.wrong.join("\n"));
    found.known
}

#[test]
fn values_are_worded_as_ausearch_words_them() {
    if !Path::new(AUSEARCH).exists() {
        let required = env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1");
        assert!(!required, "KTRAIL_REQUIRE_KERNEL is 1, but ausearch is not installed (package auditd)");
        eprintln!("skipped: ausearch is not installed (package auditd)");
        return;
    }
    let logs = ["host.raw.log", "guest.raw.log", "mixed.raw.log"];
    let known: Vec<usize> = logs.into_iter().flat_map(check).collect();
    for (place, Difference { record, name, reason, .. }) in DIFFERENCES.iter().enumerate() {
        let count = known.iter().filter(|known| **known == place).count();
        println!("{count} times {} {name}: {reason}", RecordType(*record));
        assert!(count > 0, "nothing differs so any more: {} {name}: {reason}", RecordType(*record));
    }
}
