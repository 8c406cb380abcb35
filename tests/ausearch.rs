//! `ktrail` run as `ausearch` and `ausyscall`, compared with Debian's own over the recorded logs.

mod support {
    #[allow(dead_code)]
    pub(crate) mod server;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::{env, fs};

use ktrail::store::{self, Store};
use support::server::serve_log;

/// Debian's program.
const PEER: &str = "/usr/sbin/ausearch";
/// The recorded logs.
const LOGS: [&str; 5] = ["host.raw.log", "guest.raw.log", "guest.enriched.log", "mixed.raw.log", "edges.log"];

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name)
}

/// `ktrail` under another name, in a directory of its own.
struct Named {
    dir: tempfile::TempDir,
}

impl Named {
    fn new() -> Named {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["ausearch", "ausyscall"] {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ktrail"), dir.path().join(name)).expect("a link");
        }
        Named { dir }
    }

    fn command(&self, name: &str) -> Command {
        quiet(Command::new(self.dir.path().join(name)))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command("ausearch").args(arguments).output().expect("it runs")
    }
}

/// In one time zone and locale, without anything on standard input.
fn quiet(mut command: Command) -> Command {
    command
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .env_remove("KTRAIL_LOG_DIR")
        .env_remove("KTRAIL_SOCKET")
        .stdin(Stdio::null());
    command
}

fn peer(arguments: &[&str]) -> Output {
    quiet(Command::new(PEER)).args(arguments).output().expect("ausearch runs")
}

fn peer_is_here() -> bool {
    if Path::new(PEER).exists() {
        return true;
    }
    let required = env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    assert!(!required, "KTRAIL_REQUIRE_KERNEL is 1, but ausearch is not installed (package auditd)");
    eprintln!("skipped: ausearch is not installed (package auditd)");
    false
}

/// The stamp of a line, `audit(…)`, with the node before it.
fn stamp(line: &str) -> Option<String> {
    let start = line.find("msg=audit(")?;
    let end = line[start..].find(')')?;
    let node = line.strip_prefix("node=").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    Some(format!("{node} {}", &line[start..start + end]))
}

/// Lines by event.
fn events(text: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        if let Some(id) = stamp(line) {
            // ausearch puts the separator of the ENRICHED format also after records that have none.
            found.entry(id).or_default().push(line.trim_end_matches('\u{1d}').to_owned());
        }
    }
    found
}

/// What Debian's ausearch cannot read.
struct Unread {
    /// Events that it leaves out as malformed, whatever is asked.
    events: BTreeSet<String>,
    /// Types whose fields it does not look at.
    types: BTreeSet<String>,
}

impl Unread {
    fn of(log: &str) -> Unread {
        let told = peer(&["-if", log, "--debug", "-r", "-k", "no such key"]);
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        let malformed = told.lines().filter(|line| line.contains("Malformed"));
        // The rest of the line is the record, with its node.
        let record = |line: &str| line.split_once(". ").and_then(|(_, record)| stamp(record));
        let types = told.split("Unparsed type:").skip(1);
        let types = types.filter_map(|rest| rest.lines().next()?.trim().parse::<i32>().ok());
        // A log names a type by its number when its writer did not know the name.
        let names =
            |number: u16| [ktrail::record::RecordType(number).to_string(), format!("UNKNOWN[{number}]")];
        let types = types.filter_map(|number| u16::try_from(number).ok()).flat_map(names);
        Unread {
            events: malformed.filter_map(record).collect(),
            types: types.chain(unknown_names(log)).collect(),
        }
    }

    fn has(&self, id: &str, lines: &[String]) -> bool {
        self.events.contains(id) || lines.iter().any(|line| self.types.contains(kind(line)))
    }
}

/// Names of types in a log that have no number.
fn unknown_names(log: &str) -> Vec<String> {
    let text = fs::read(log).expect("the corpus is there");
    let text = String::from_utf8_lossy(&text);
    let names = text.lines().filter(|line| line.starts_with("type=")).map(kind);
    let known = |name: &&str| ktrail::record::RecordType::from_text(name.as_bytes()).is_some();
    names.filter(|name| !known(name)).map(str::to_owned).collect()
}

fn kind(line: &str) -> &str {
    line.split("type=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default()
}

/// Options whose values are those that the logs hold: the option, and the fields to take values from. Of texts a part
/// is asked too, and each with `-w`.
const BY_FIELD: &[(&str, &[&str], bool)] = &[
    ("-ui", &["uid", "euid", "ouid", "id", "sauid"], false),
    ("-ue", &["euid", "uid"], false),
    ("-ul", &["auid", "old-auid"], false),
    ("-ua", &["uid", "auid"], false),
    ("-gi", &["gid", "id"], false),
    ("-ge", &["egid"], false),
    ("-ga", &["gid", "egid"], false),
    ("-p", &["pid", "opid"], false),
    ("-pp", &["ppid"], false),
    ("--session", &["ses", "old-ses"], false),
    ("-e", &["exit"], false),
    ("-sc", &["syscall"], false),
    ("-x", &["exe"], true),
    ("-c", &["comm"], true),
    ("-k", &["key"], true),
    ("-f", &["name", "cwd", "path", "new-disk"], true),
    ("-tm", &["tty", "terminal"], true),
    ("-hn", &["hostname", "addr", "laddr", "daddr"], true),
    ("-su", &["subj", "scontext"], true),
    ("-o", &["obj", "tcontext"], true),
    ("-se", &["subj", "obj"], true),
    ("-vm", &["vm"], true),
    ("-uu", &["uuid"], true),
];

/// Other command lines.
const CASES: &[&[&str]] = &[
    &[],
    &["-sv", "yes"],
    &["-sv", "no"],
    &["--arch", "b64"],
    &["--arch", "b32"],
    &["--arch", "x86_64"],
    &["--arch", "aarch64"],
    &["-sc", "openat"],
    &["-sc", "execve", "-x", "cat"],
    &["--arch", "i386", "-sc", "socketcall"],
    &["-e", "-EACCES"],
    &["-e", "ENOENT"],
    &["-m", "SYSCALL"],
    &["-m", "user,login"],
    &["-m", "ALL"],
    &["-m", "1305", "-m", "CRED_ACQ"],
    &["-m", "99999"],
    &["-n", "node-1.example"],
    &["-n", "nowhere", "-n", "host-b.example"],
    &["-ui", "root"],
    &["-gi", "root"],
    &["-ua", "root", "-k", "corpus"],
    &["-ui", "4294967295"],
    &["-ul", "-1"],
    &["--session", "-1"],
    &["-k", "null"],
    &["-k", "PASSWD"],
    &["-x", "rm"],
    &["-x", "rm", "-w"],
    &["-x", "/bin/grep"],
    &["-f", "root"],
    &["-hn", "127.0.0.1"],
    &["-hn", "10.77"],
    &["--just-one"],
    &["--just-one", "-m", "PATH"],
    &["-ts", "11/23/26", "10:19:03", "-te", "11/23/26", "10:19:04"],
    &["-ts", "11/14/23", "22:13:22"],
    &["-te", "11/14/23", "22:13:22"],
    &["--eoe-timeout", "1"],
    &["--eoe-timeout", "60"],
    &["-l", "-m", "USER"],
    &["-a", "266"],
    &["-a", "201", "-k", "interleaved"],
];

/// Command lines that the programs answer otherwise: the option, the beginning of its value, and the reason.
const KNOWN: &[(&str, &str, &str)] = &[
    ("-sc", "0", "ausearch takes events without a system call for those of the system call 0"),
    ("-f", "..", "ausearch takes a name that begins with .. for one below its own working directory"),
    ("-tm", "?", "ausearch does not see a terminal at a message's very end"),
    ("-ua", "0", "ausearch asks the uid of a crashed process for -ua, but not for -ui"),
    ("-ui", "root", "ausearch does not find some records by a name that it finds by the number"),
    ("-su", "unconfined", "ausearch takes what follows the label of a login for a part of it"),
    ("-se", "unconfined", "ausearch takes what follows the label of a login for a part of it"),
    ("-x", "usr/", "ausearch does not see an executable whose quotes never close"),
    ("-x", "/usr/sbin/x", "ausearch does not see an executable whose quotes never close"),
];

fn is_known(case: &[String]) -> Option<usize> {
    let [option, value, ..] = case else { return None };
    KNOWN.iter().position(|(known, begins, _)| {
        known == option && (value == begins || *begins == ".." && value.starts_with(".."))
    })
}

/// Values that are asked of one option and log at most.
const VALUES_MAX: usize = 12;

/// The command lines that a log's own values give.
fn cases(log: &str) -> BTreeSet<Vec<String>> {
    let text = fs::read(log).expect("the corpus is there");
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&text).lines() {
        for word in line.split([' ', '\'', '\u{1d}']) {
            if let Some((name, value)) = word.split_once('=') {
                values.entry(name.to_owned()).or_default().insert(decoded(value));
            }
        }
    }
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut cases: BTreeSet<Vec<String>> = CASES.iter().map(|case| owned(case)).collect();
    for (option, names, is_text) in BY_FIELD {
        let usable = |value: &&String| match value.as_str() {
            _ if *option == "-e" => value.parse::<i64>().is_ok(),
            _ if *is_text => {
                !value.is_empty() && !value.starts_with('-') && !value.contains(['\0', '\u{fffd}'])
            }
            // The two ids that ausearch takes for none have cases of their own.
            id => id.parse::<u32>().is_ok_and(|id| id < u32::MAX - 1),
        };
        let known: BTreeSet<&String> =
            names.iter().filter_map(|name| values.get(*name)).flatten().filter(usable).collect();
        let step = known.len().div_ceil(VALUES_MAX).max(1);
        for value in known.into_iter().step_by(step) {
            cases.insert(owned(&[option, value]));
            if *is_text {
                cases.insert(owned(&[option, value, "-w"]));
                let part: String = value.chars().skip(1).take(4).collect();
                if !part.is_empty() && !part.starts_with('-') {
                    cases.insert(owned(&[option, &part]));
                }
            }
        }
    }
    cases
}

/// The text that a field's value stands for.
fn decoded(value: &str) -> String {
    if let Some(inside) = value.strip_prefix('"') {
        return inside.trim_end_matches('"').to_owned();
    }
    let mut bytes = Vec::new();
    let digits = value.len() > 3 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let is_hex = digits && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    match is_hex && ktrail::record::fields::unhex(value.as_bytes(), &mut bytes) {
        true => String::from_utf8_lossy(&bytes).split('\u{1}').next().unwrap_or_default().to_owned(),
        false => value.to_owned(),
    }
}

/// What one command line finds in both programs, but for what Debian's cannot read.
struct Compared {
    /// In both, in number.
    ours: usize,
    theirs: usize,
    /// Events that only one has, or has otherwise.
    apart: Vec<String>,
    status: (Option<i32>, Option<i32>),
    /// Events of ours that ausearch cannot read.
    unread: Vec<String>,
}

fn compare(named: &Named, unread: &Unread, arguments: &[&str]) -> Compared {
    let (theirs, ours) = (peer(arguments), named.run(arguments));
    let (skipped, ours_read): (BTreeMap<_, _>, BTreeMap<_, _>) =
        events(&ours.stdout).into_iter().partition(|(id, lines)| unread.has(id, lines));
    let mut theirs_read = events(&theirs.stdout);
    theirs_read.retain(|id, lines| !unread.has(id, lines));
    let ids: BTreeSet<&String> = ours_read.keys().chain(theirs_read.keys()).collect();
    let apart = ids.into_iter().filter(|id| ours_read.get(*id) != theirs_read.get(*id)).cloned().collect();
    Compared {
        ours: ours_read.len(),
        theirs: theirs_read.len(),
        apart,
        status: (ours.status.code(), theirs.status.code()),
        unread: skipped.into_keys().collect(),
    }
}

impl Compared {
    fn is_same(&self) -> bool {
        self.apart.is_empty() && (self.status.0 == self.status.1 || !self.unread.is_empty())
    }
}

#[test]
fn every_option_finds_the_events_that_ausearch_finds() {
    if !peer_is_here() {
        return;
    }
    let named = Named::new();
    let mut wrong = Vec::new();
    let mut known = vec![0; KNOWN.len()];
    let (mut count, mut unread_events) = (0, BTreeSet::new());
    for name in LOGS {
        let path = corpus(name);
        let log = path.to_str().expect("a path of ours");
        let unread = Unread::of(log);
        for case in cases(log) {
            count += 1;
            let mut arguments = vec!["-if", log, "-r"];
            arguments.extend(case.iter().map(String::as_str));
            let found = compare(&named, &unread, &arguments);
            unread_events.extend(found.unread.iter().cloned());
            match is_known(&case).filter(|_| !found.is_same()) {
                Some(place) => known[place] += 1,
                None if found.is_same() => {}
                None => wrong.push(format!(
                    "{name} {case:?}: ktrail {} events, ausearch {}; statuses {:?}; apart {:?}",
                    found.ours, found.theirs, found.status, found.apart
                )),
            }
        }
    }
    println!("{count} command lines compared; {} events that ausearch cannot read", unread_events.len());
    for (count, (option, value, reason)) in known.iter().zip(KNOWN) {
        println!("{count} times {option} {value}: {reason}");
        assert!(*count > 0, "nothing differs so any more: {option} {value}: {reason}");
    }
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
}

/// Differences in the words of `-i`: a part of ausearch's line, what ktrail has there, and the reason. `*` is any text.
const WORDS: &[(&str, &str, &str)] = &[
    ("list=unknown-list(7)", "list=io_uring", "a list younger than this ausearch"),
    ("old-ses=4294967295", "old-ses=unset", "a session as any other"),
    ("oses=-1", "oses=unset", "a session as any other"),
    ("mode=0600 mq_flags", "mode=000,600 mq_flags", "a mode as any other"),
    ("code=kill", "code=kill-process", "there are two ways of being killed by a filter"),
    ("path=abstract name", "path=@abstract name", "an abstract name is no path"),
    ("nlnk-pid=0 }", "nlnk-pid=0 groups=0x1 }", "the groups tell what a netlink socket listens to"),
    ("ses=4294967295op=", "ses=unset op=", "the kernel puts no blank after ses= here"),
    ("ses=1op=", "ses=1 op=", "the kernel puts no blank after ses= here"),
    ("data=\"typed by hand\",<nl>", "data=typed by hand\\012", "what was typed is told byte for byte"),
    ("and an =", "and an = sign'", "text in which ausearch takes the last word for a field"),
    ("exe=", "exe=\"/usr/sbin/x", "quotes that never close"),
    ("key=", "key=\"edge-cu", "quotes that never close"),
];

/// The fields of a line: its words that have a name.
fn count_fields(line: &str) -> usize {
    line.split(' ').filter(|word| word.contains('=')).count()
}

#[test]
fn words_are_those_of_ausearch() {
    if !peer_is_here() {
        return;
    }
    let named = Named::new();
    let (mut fields, mut differing, mut wrong) = (0, 0, Vec::new());
    let mut known = vec![0; WORDS.len()];
    for name in LOGS {
        let path = corpus(name);
        let arguments = ["-if", path.to_str().expect("a path of ours"), "-i"];
        let unread = Unread::of(arguments[1]);
        let ours = events(&named.run(&arguments).stdout);
        for (id, theirs) in events(&peer(&arguments).stdout) {
            fields += theirs.iter().map(|line| count_fields(line)).sum::<usize>();
            let lines = ours.get(&id).cloned().unwrap_or_default();
            if lines == theirs || unread.has(&id, &theirs) {
                continue;
            }
            for (theirs, ours) in theirs.iter().zip(&lines).filter(|(theirs, ours)| theirs != ours) {
                let place = WORDS
                    .iter()
                    .position(|(is, becomes, _)| theirs.trim_end().replace(is, becomes) == ours.trim_end());
                match place {
                    Some(place) => {
                        known[place] += 1;
                        differing += 1;
                    }
                    None => wrong.push(format!("{name}\n  ausearch {theirs}\n  ktrail   {ours}")),
                }
            }
            if lines.len() != theirs.len() {
                wrong.push(format!("{name} {id}: {} records, ausearch {}", lines.len(), theirs.len()));
            }
        }
    }
    println!("{fields} fields compared, {differing} differ");
    for (count, (is, becomes, reason)) in known.iter().zip(WORDS) {
        println!("{count} times {is} is {becomes}: {reason}");
        assert!(*count > 0, "nothing differs so any more: {is}");
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(differing * 1000 <= fields, "{differing} of {fields} fields differ");
}

#[test]
fn events_come_in_ausearchs_order_and_form() {
    if !peer_is_here() {
        return;
    }
    let named = Named::new();
    for name in ["host.raw.log", "mixed.raw.log"] {
        let path = corpus(name);
        for format in ["default", "raw"] {
            let arguments = ["-if", path.to_str().expect("a path of ours"), "--format", format];
            let (theirs, ours) = (peer(&arguments), named.run(&arguments));
            assert!(theirs.stdout == ours.stdout, "{name} {format}");
        }
    }
}

/// Columns that ktrail fills otherwise: type, column, and the reason. `*` is any type.
const COLUMNS: &[(&str, &str, &str)] = &[
    (
        "CONFIG_CHANGE",
        "OBJ_PRIME",
        "ausearch knows only some settings, and not the key after a missing blank",
    ),
    ("CONFIG_CHANGE", "ACTION", "the kernel puts no blank before op= here"),
    ("CONFIG_CHANGE", "OBJ_KIND", "the kernel puts no blank before op= here"),
    ("SYSCALL", "OBJ_PRIME", "an abstract name is no path; a file that was asked for in vain is told"),
    ("SYSCALL", "OBJ2", "the new name of a renamed file, the target of a link"),
    ("SYSCALL", "OBJ_KIND", "the kind of the file that is the object, not that of its directory"),
    ("SYSCALL", "ACTION", "removing a module is not loading it"),
    ("SECCOMP", "OBJ_PRIME", "the record names the system call"),
    ("SECCOMP", "RESULT", "a system call that was only logged has not failed"),
    ("FEATURE_CHANGE", "ACTION", "the change, not the message that asked for it"),
    ("FEATURE_CHANGE", "OBJ_PRIME", "the change, not the message that asked for it"),
    ("FEATURE_CHANGE", "OBJ_KIND", "the change, not the message that asked for it"),
    ("ANOM_ABEND", "SUBJ_LABEL", "the record has the label"),
    ("MAC_MAP_ADD", "OBJ_PRIME", "a bracket that ausearch leaves open"),
    ("VIRT_CONTROL", "OBJ2", "a machine's name with a blank"),
];

/// Columns that hold commas in ausearch's lines, which has no quotes.
fn split_row(row: &str) -> Vec<String> {
    row.split(',').map(str::to_owned).collect()
}

/// The cells of a line of ktrail's, in which those with commas are in quotes.
fn quoted_row(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut inside = false;
    for character in row.chars() {
        match character {
            '"' => inside = !inside,
            ',' if !inside => cells.push(String::new()),
            character => cells.last_mut().expect("one at least").push(character),
        }
    }
    cells
}

#[test]
fn columns_are_those_of_ausearch() {
    if !peer_is_here() {
        return;
    }
    let named = Named::new();
    let mut known = vec![0; COLUMNS.len()];
    let (mut cells, mut wrong) = (0, Vec::new());
    for name in &LOGS[..4] {
        let path = corpus(name);
        let log = path.to_str().expect("a path of ours");
        let extra = ["--extra-keys", "--extra-labels", "--extra-obj2", "--extra-time"];
        let arguments = [&["-if", log, "--format", "csv"], &extra[..]].concat();
        let unread = Unread::of(log);
        let text = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
        let (theirs, ours) = (text(peer(&arguments)), text(named.run(&arguments)));
        let head = split_row(theirs.lines().next().expect("a head"));
        assert_eq!(ours.lines().next().map(split_row), Some(head.clone()), "{name}");
        let id = |row: &[String]| (row.get(3).cloned(), row.get(11).cloned(), row.get(1).cloned());
        let rows: BTreeMap<_, _> = ours.lines().skip(1).map(quoted_row).map(|row| (id(&row), row)).collect();
        for line in theirs.lines().skip(1) {
            let their = split_row(line);
            let kind = their.get(1).cloned().unwrap_or_default();
            // What has no name here or is not read by ausearch.
            if kind.is_empty() || unread.types.contains(&kind) {
                continue;
            }
            let Some(our) = rows.get(&id(&their)) else {
                wrong.push(format!("{name}: no row {line}"));
                continue;
            };
            cells += head.len();
            if our.join(",") == line || our.len() != their.len() && our.join(",").replace('"', "") == line {
                continue;
            }
            for ((column, their), our) in head.iter().zip(&their).zip(our).filter(|((_, a), b)| a != b) {
                match COLUMNS.iter().position(|(is, at, _)| *is == kind && at == column) {
                    Some(place) => known[place] += 1,
                    None => wrong.push(format!("{name} {kind} {column}: ausearch {their:?}, ktrail {our:?}")),
                }
            }
        }
    }
    let differing: usize = known.iter().sum();
    println!("{cells} cells compared, {differing} differ");
    for (count, (kind, column, reason)) in known.iter().zip(COLUMNS) {
        println!("{count} times {kind} {column}: {reason}");
        assert!(*count > 0, "nothing differs so any more: {kind} {column}");
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(differing * 100 <= cells, "{differing} of {cells} cells differ");
}

/// Sentences in which the object or what follows it differs for the reasons of [`COLUMNS`]: their share at most, in
/// percent.
const SENTENCES_PERCENT_MAX: usize = 8;

#[test]
fn sentences_are_those_of_ausearch() {
    if !peer_is_here() {
        return;
    }
    let named = Named::new();
    let (mut count, mut apart) = (0, 0);
    for name in ["host.raw.log", "guest.raw.log", "mixed.raw.log"] {
        let path = corpus(name);
        let arguments = ["-if", path.to_str().expect("a path of ours"), "--format", "text"];
        let lines = |output: Output| {
            let mut found: BTreeMap<String, usize> = BTreeMap::new();
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                *found.entry(line.to_owned()).or_default() += 1;
            }
            found
        };
        let (theirs, ours) = (lines(peer(&arguments)), lines(named.run(&arguments)));
        for (line, number) in theirs {
            count += number;
            let missing = number.saturating_sub(ours.get(&line).copied().unwrap_or_default());
            apart += missing;
            // Who, how it ended and what was done are the same in any case.
            let begin = |line: &str| line.split("ully ").next().unwrap_or(line).to_owned();
            let same_begin = ours.keys().any(|ours| begin(ours) == begin(&line));
            assert!(missing == 0 || same_begin || line.contains("did-unknown"), "{line}");
        }
    }
    println!("{count} sentences compared, {apart} differ");
    assert!(apart * 100 <= count * SENTENCES_PERCENT_MAX, "{apart} of {count} sentences differ");
}

/// Command lines with their exit statuses, which are those of ausearch, and what the message has to say.
const REFUSED: &[(&[&str], &str)] = &[
    (&["--foo"], "--foo"),
    (&["foo"], "foo"),
    (&["-k"], "-k"),
    (&["-k", "-i"], "-k"),
    (&["--key=foo"], "blank"),
    (&["--forma", "csv"], "--format"),
    (&["-a", "x"], "number"),
    (&["-p", ""], "number"),
    (&["-p", "-1"], "-p"),
    (&["-ui", "no-such-user"], "no-such-user"),
    (&["-ui", "-1"], "-ui"),
    (&["-gi", "no-such-group"], "no-such-group"),
    (&["-sv", "maybe"], "yes or no"),
    (&["-m", "FOO"], "SYSCALL"),
    (&["-m"], "-m"),
    (&["-e", "EFOO"], "EFOO"),
    (&["--arch", "foo"], "x86_64"),
    (&["-sc", "nosuch"], "nosuch"),
    (&["--format", "foo"], "interpret"),
    (&["--escape", "foo"], "shell_quote"),
    (&["--session", "x"], "number"),
    (&["--eoe-timeout", "0"], "above 0"),
    (&["-i", "--raw"], "two output formats"),
    (&["--format", "csv", "-i"], "two output formats"),
    (&["--extra-keys"], "csv"),
    (&["-ts", "foo"], "date"),
    (&["-ts", "today", "foo"], "time"),
    (&["-ts", "11/23/26", "25:00:00"], "time"),
    (&["-te", "checkpoint"], "date"),
    (&["-if", "/no/such/file"], "/no/such/file"),
];

#[test]
fn a_bad_command_line_is_refused_with_ausearchs_status_and_a_sentence() {
    let named = Named::new();
    for (arguments, says) in REFUSED {
        let ours = named.run(arguments);
        let told = String::from_utf8_lossy(&ours.stderr).into_owned();
        assert_eq!(ours.status.code(), Some(1), "{arguments:?}");
        assert!(told.starts_with("ausearch: ") && told.contains(says), "{arguments:?}: {told}");
        assert!(ours.stdout.is_empty(), "{arguments:?}");
        if Path::new(PEER).exists() {
            assert_eq!(peer(arguments).status.code(), Some(1), "{arguments:?}");
        }
    }
}

#[test]
fn help_version_and_no_match_have_ausearchs_statuses() {
    let named = Named::new();
    let log = corpus("host.raw.log");
    let log = log.to_str().expect("a path of ours");
    let cases: &[(&[&str], i32, &str)] = &[
        (&[], 1, ""),
        (&["-h"], 0, ""),
        (&["--help"], 0, ""),
        (&["-v"], 0, ""),
        (&["-if", log, "-k", "no such key"], 1, "<no matches>\n"),
        (&["-if", log, "-k", "no such key", "--format", "csv"], 1, "<no matches>\n"),
        (&["-if", log, "-k", "no such key", "-r"], 1, ""),
        (&["-if", log, "-k", "corpus", "--just-one", "-r"], 0, ""),
    ];
    for (arguments, status, told) in cases {
        let ours = named.run(arguments);
        assert_eq!(ours.status.code(), Some(*status), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ours.stderr), *told, "{arguments:?}");
    }
}

/// Seven events, by their serials: 10 reads /etc/passwd with cat as 1000, 11 is grep under another name, 12 is rm as 1000, 13 is a
/// message, 14 and 15 add and remove a rule, the latter without a blank before `op=`, 16 has a key and a program that hold
/// those of others.
fn seven() -> String {
    let call = |serial: u32, number: u32, ids: &str, comm: &str, exe: &str, key: &str| {
        format!(
            "type=SYSCALL msg=audit(1700000{serial:03}.100:{serial}): arch=c000003e syscall={number} success=yes exit=0 a0=0 a1=0 \
             a2=0 a3=0 items=0 ppid=1 pid=2 {ids} tty=pts0 ses=1 comm=\"{comm}\" exe=\"{exe}\" key={key}\n"
        )
    };
    let alice = "auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000";
    let root = "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0";
    [
        call(10, 257, alice, "cat", "/usr/bin/cat", "\"passwd-ra\""),
        "type=CWD msg=audit(1700000010.100:10): cwd=\"/root\"\n".to_owned(),
        "type=PATH msg=audit(1700000010.100:10): item=0 name=\"/etc/passwd\" inode=5 dev=fe:00 mode=0100644 nametype=NORMAL\n"
            .to_owned(),
        call(11, 59, root, "egrep", "/usr/bin/grep", "(null)"),
        call(12, 87, alice, "rm", "/usr/bin/rm", "\"delete\""),
        "type=USER msg=audit(1700000013.100:13): pid=1 uid=0 auid=1000 ses=1 msg='text=hello exe=\"/usr/sbin/auditctl\" \
         hostname=? addr=? terminal=pts/0 res=success'\n"
            .to_owned(),
        "type=CONFIG_CHANGE msg=audit(1700000014.100:14): auid=1000 ses=1 op=add_rule key=\"passwd-ra\" list=4 res=1\n"
            .to_owned(),
        "type=CONFIG_CHANGE msg=audit(1700000015.100:15): auid=1000 ses=1op=remove_rule key=\"passwd-ra\" list=4 res=1\n"
            .to_owned(),
        call(16, 59, alice, "rm", "/usr/bin/perl-rm-wrapper", "\"nopasswd-ra\""),
    ]
    .concat()
}

#[test]
fn well_known_command_lines_find_what_they_always_found() {
    let named = Named::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (log, store) = (dir.path().join("audit.log"), dir.path().join("store"));
    fs::write(&log, seven()).expect("a log");
    let mut import = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    import.arg("import").arg(&log).arg("--log-dir").arg(&store);
    assert!(import.output().expect("ktrail runs").status.success());
    let log = log.to_str().expect("UTF-8");
    let cases: &[(&[&str], &[u32])] = &[
        (&["-k", "passwd-ra"], &[10, 14, 15, 16]),
        (&["-k", "passwd-ra", "-w"], &[10, 14, 15]),
        (&["-k", "PASSWD-RA"], &[]),
        (&["-k", "null"], &[11]),
        (&["-x", "/bin/grep"], &[11]),
        (&["-x", "egrep"], &[]),
        (&["-x", "rm"], &[12, 16]),
        (&["-x", "rm", "-w"], &[]),
        (&["-x", "/usr/bin/rm", "-w"], &[12]),
        (&["-ui", "1000"], &[10, 12, 16]),
        (&["-ui", "0"], &[11, 13]),
        (&["-ul", "1000"], &[10, 11, 12, 13, 14, 15, 16]),
        (&["-k", "passwd-ra", "-x", "cat"], &[10]),
        (&["-m", "CONFIG_CHANGE,USER"], &[13, 14, 15]),
        (&["-f", "passwd"], &[10]),
        (&["-f", "root"], &[10]),
        (&["-sc", "openat"], &[10]),
        (&["-sc", "257"], &[10]),
    ];
    for (arguments, expected) in cases {
        let ids = |output: &Output| serials(output).into_iter().collect::<BTreeSet<_>>();
        let expected: BTreeSet<u32> = expected.iter().copied().collect();
        let with_log = [&["-if", log, "-r"], *arguments].concat();
        assert_eq!(ids(&named.run(&with_log)), expected, "{arguments:?}");
        let stored =
            named.command("ausearch").arg("-r").args(*arguments).env("KTRAIL_LOG_DIR", &store).output();
        assert_eq!(ids(&stored.expect("it runs")), expected, "{arguments:?} in the store");
        if Path::new(PEER).exists() {
            assert_eq!(ids(&peer(&with_log)), expected, "{arguments:?} of ausearch");
        }
    }
}

/// A line of a log at that second, with the second for its serial.
fn line(second: u32) -> String {
    format!(
        "type=SYSCALL msg=audit({second}.100:{second}): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 \
         ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm=\"x\" \
         exe=\"/x\" key=\"k\"\n"
    )
}

/// The serials of the records that were written.
fn serials(output: &Output) -> Vec<u32> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split(':').nth(1)?.split(')').next()?.parse().ok()).collect()
}

#[test]
fn a_checkpoint_gives_what_came_since_as_ausearch_does() {
    let named = Named::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    let (log, theirs, ours) = (path("audit.log"), path("theirs"), path("ours"));
    let write = |seconds: std::ops::Range<u32>| fs::write(&log, seconds.map(line).collect::<String>());
    let look = |checkpoint: &str| ["-r", "-if", &log, "--checkpoint", checkpoint].map(str::to_owned);
    let steps: [(std::ops::Range<u32>, &[u32], i32); 3] = [
        (1001..1006, &[1001, 1002, 1003], 0),
        (1001..1006, &[], 1),
        (1001..1010, &[1004, 1005, 1006, 1007], 0),
    ];
    for (seconds, expected, status) in steps {
        write(seconds).expect("a log");
        let found = named.run(&look(&ours).each_ref().map(String::as_str));
        assert_eq!((serials(&found).as_slice(), found.status.code()), (expected, Some(status)));
        if Path::new(PEER).exists() {
            let found = peer(&look(&theirs).each_ref().map(String::as_str));
            assert_eq!((serials(&found).as_slice(), found.status.code()), (expected, Some(status)));
            assert_eq!(fs::read_to_string(&ours).ok(), fs::read_to_string(&theirs).ok());
        }
    }
    // The event is gone, the file is gone, the checkpoint is none, its directory is not there.
    fs::write(&log, (2001..2006).map(line).collect::<String>()).expect("a log");
    fs::write(path("bad"), "junk\n").expect("a file");
    fs::write(path("empty"), "").expect("a file");
    let missing = path("missing/checkpoint");
    for (checkpoint, status) in [(&ours, 12), (&path("bad"), 10), (&path("empty"), 10), (&missing, 11)] {
        let found = named.run(&look(checkpoint).each_ref().map(String::as_str));
        assert_eq!(found.status.code(), Some(status), "{checkpoint}");
        assert!(!found.stderr.is_empty());
    }
    let start = ["-r", "-if", &log, "--checkpoint", &ours, "-ts", "checkpoint"];
    assert_eq!(serials(&named.run(&start)), [2001, 2002, 2003]);
}

/// Many more events than one renderer takes at once.
#[test]
fn all_events_come_in_their_order_in_each_format() {
    let named = Named::new();
    let log = tempfile::NamedTempFile::new().expect("a file");
    fs::write(log.path(), (1000..4000).map(line).collect::<String>()).expect("a log");
    let log = log.path().to_str().expect("UTF-8");
    let all: Vec<u32> = (1000..4000).collect();
    for format in [&["-r"][..], &[], &["-i"], &["-r", "-l"]] {
        let arguments = [&["-if", log], format].concat();
        let found = named.run(&arguments);
        let text = String::from_utf8(found.stdout).expect("UTF-8");
        // `(… .100:1000)` in every format.
        let serial = |line: &str| {
            line.split(".100:").nth(1).and_then(|rest| rest.split(')').next()?.parse::<u32>().ok())
        };
        assert!(text.lines().filter_map(serial).collect::<Vec<_>>() == all, "{format:?}");
    }
    for format in ["csv", "text"] {
        let found = named.run(&["-if", log, "--format", format]);
        let text = String::from_utf8(found.stdout).expect("UTF-8");
        // The head stands once.
        let (heads, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("NODE,"));
        assert_eq!((heads.len(), lines.len()), (usize::from(format == "csv"), all.len()), "{format}");
        let times: Vec<&str> = match format {
            "csv" => lines.iter().filter_map(|line| line.split(',').nth(3)).collect(),
            _ => lines.iter().filter_map(|line| line.split_whitespace().nth(1)).collect(),
        };
        assert!(times.len() == all.len() && times.is_sorted(), "{format}");
    }
}

#[test]
fn an_output_that_takes_no_more_ends_the_search() {
    let named = Named::new();
    let log = tempfile::NamedTempFile::new().expect("a file");
    fs::write(log.path(), (1000..9000).map(line).collect::<String>()).expect("a log");
    let mut command = named.command("ausearch");
    command.arg("-if").arg(log.path()).arg("-i");
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let ended = command.stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("No space left"), "{said}");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_directory_is_read_from_its_oldest_log_on_and_a_pipe_as_a_log() {
    let named = Named::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, second) in [("audit.log.2", 1001), ("audit.log.1", 2001), ("audit.log", 3001), ("other", 4001)]
    {
        fs::write(dir.path().join(name), line(second)).expect("a log");
    }
    let path = dir.path().to_str().expect("UTF-8");
    assert_eq!(serials(&named.run(&["-if", path, "-r"])), [1001, 2001, 3001]);
    let log = fs::read(corpus("host.raw.log")).expect("the corpus is there");
    let mut child = named
        .command("ausearch")
        .args(["-k", "corpus-files", "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &log));
    let piped = child.wait_with_output().expect("it ends");
    writer.join().expect("a thread").expect("all is written");
    let host = corpus("host.raw.log");
    let read = named.run(&["-if", host.to_str().expect("a path of ours"), "-k", "corpus-files", "-r"]);
    assert!(!read.stdout.is_empty() && piped.stdout == read.stdout);
}

#[test]
fn the_store_is_searched_as_the_log_it_was_made_of() {
    let named = Named::new();
    for name in &LOGS[..4] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = dir.path().join("log");
        let path = corpus(name);
        let imported = Command::new(env!("CARGO_BIN_EXE_ktrail"))
            .args(["import".as_ref(), path.as_os_str(), "--log-dir".as_ref(), store.as_os_str()])
            .output()
            .expect("ktrail runs");
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        let log = path.to_str().expect("a path of ours");
        let mut compared = 0;
        for case in cases(log).into_iter().step_by(3) {
            let arguments: Vec<&str> = case.iter().map(String::as_str).collect();
            // Which event is the first depends on the order of storing.
            if arguments.contains(&"--just-one") {
                continue;
            }
            compared += 1;
            let stored =
                named.command("ausearch").arg("-r").args(&arguments).env("KTRAIL_LOG_DIR", &store).output();
            let stored = stored.expect("it runs");
            let read = named.run(&[&["-if", log, "-r"], arguments.as_slice()].concat());
            // In the store a login and the system call around it are one event, and names that auditd added are beside it.
            let ids = |output: &Output| {
                let found = events(&output.stdout).into_iter();
                let parts = found.filter(|(_, lines)| !lines.iter().any(|line| kind(line) == "LOGIN"));
                parts.map(|(id, _)| id).filter(|id| !logins(log).contains(id)).collect::<BTreeSet<_>>()
            };
            assert_eq!(
                ids(&stored),
                ids(&read),
                "{name} {case:?}: {}",
                String::from_utf8_lossy(&stored.stderr)
            );
        }
        assert!(compared > 20, "{name}");
    }
}

#[test]
fn a_search_gives_the_same_columns_with_iso_dates() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let ktrail = |arguments: &[&str]| {
        let mut command = quiet(Command::new(env!("CARGO_BIN_EXE_ktrail")));
        command.args(arguments).arg("--log-dir").arg(dir.path().join("log")).output().expect("ktrail runs")
    };
    let path = corpus("mixed.raw.log");
    assert!(ktrail(&["import", path.to_str().expect("a path of ours")]).status.success());
    let found = ktrail(&["search", "-k", "delete", "--format", "csv"]).stdout;
    let found = String::from_utf8_lossy(&found).into_owned();
    let mut lines = found.lines().map(quoted_row);
    let head = lines.next().expect("a head");
    let column = |name: &str| head.iter().position(|column| column == name).expect("a column");
    let mut rows = 0;
    for row in lines {
        rows += 1;
        assert_eq!(row.len(), head.len());
        assert!(row[column("DATE")].starts_with("2026-11-"), "{row:?}");
        assert_eq!(row[column("KEY")], "delete");
        assert!(["deleted", "renamed"].contains(&row[column("ACTION")].as_str()), "{row:?}");
    }
    assert!(rows > 10, "a corpus");
    assert_eq!(ktrail(&["search", "-k", "no such key", "--format", "csv"]).stdout, b"");
}

#[test]
fn a_store_that_cannot_be_read_is_asked_through_the_socket() {
    let named = Named::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (log_dir, socket) = (dir.path().join("log"), dir.path().join("socket"));
    let path = corpus("host.raw.log");
    let mut import = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    import.arg("import").arg(&path).arg("--log-dir").arg(&log_dir);
    assert!(import.output().expect("ktrail runs").status.success());
    let config = store::Config { dir: log_dir, ..store::Config::default() };
    let (opened, _) = Store::open(config, Arc::new(ktrail::entry::decode::describe)).expect("a log");
    let serving = serve_log(&socket, opened.reader());
    let ask = |arguments: &[&str]| {
        let mut ausearch = named.command("ausearch");
        ausearch.env("KTRAIL_LOG_DIR", dir.path().join("none")).env("KTRAIL_SOCKET", &socket);
        ausearch.arg("-r").args(arguments).output().expect("it runs")
    };
    let log = path.to_str().expect("a path of ours");
    for arguments in [&["-k", "corpus-files"][..], &["-x", "/bin/"], &["-k", "no such key"], &["-sv", "no"]] {
        let (asked, read) = (ask(arguments), named.run(&[&["-if", log, "-r"], arguments].concat()));
        assert_eq!(events(&asked.stdout), events(&read.stdout), "{arguments:?}");
        assert_eq!(asked.status.code(), read.status.code(), "{arguments:?}");
    }
    let checkpoint = dir.path().join("checkpoint");
    let since = ["-k", "corpus-files", "--checkpoint", checkpoint.to_str().expect("UTF-8")];
    assert_eq!(ask(&since).status.code(), Some(0));
    assert_eq!(ask(&since).status.code(), Some(1));
    drop(serving);
    let alone = ask(&["-k", "corpus"]);
    assert_eq!(alone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("no daemon"));
}

#[test]
fn a_checkpoint_of_the_store_gives_what_came_since() {
    let named = Named::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (store, checkpoint) = (dir.path().join("store"), dir.path().join("checkpoint"));
    let import = |seconds: std::ops::Range<u32>| {
        let log = dir.path().join("audit.log");
        fs::write(&log, seconds.map(line).collect::<String>()).expect("a log");
        let mut ktrail = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        ktrail.arg("import").arg(&log).arg("--log-dir").arg(&store);
        assert!(ktrail.output().expect("ktrail runs").status.success());
    };
    let look = || {
        let mut ausearch = named.command("ausearch");
        ausearch.args(["-r", "-k", "k", "--checkpoint"]).arg(&checkpoint).env("KTRAIL_LOG_DIR", &store);
        let found = ausearch.output().expect("it runs");
        (serials(&found), found.status.code())
    };
    import(1001..1004);
    assert_eq!(look(), (vec![1001, 1002, 1003], Some(0)));
    assert_eq!(look(), (vec![], Some(1)));
    import(1004..1006);
    assert_eq!(look(), (vec![1004, 1005], Some(0)));
    // A checkpoint without a place in the store, as one through the socket has: the event itself is looked for.
    fs::write(&checkpoint, "dev=0x0\ninode=0\noutput=- 1002.100:1002 0x514\n").expect("a file");
    assert_eq!(look(), (vec![1003, 1004, 1005], Some(0)));
    fs::write(&checkpoint, "dev=0x0\ninode=0\noutput=- 1002.100:99 0x514\n").expect("a file");
    assert_eq!(look(), (vec![], Some(12)));
}

/// The events of a log that have a LOGIN record.
fn logins(log: &str) -> BTreeSet<String> {
    let text = fs::read(log).expect("the corpus is there");
    let text = String::from_utf8_lossy(&text);
    text.lines().filter(|line| kind(line) == "LOGIN").filter_map(stamp).collect()
}

#[test]
fn ausyscall_answers_as_debians_does() {
    const PEER: &str = "/usr/bin/ausyscall";
    let peer = [PEER, "/usr/sbin/ausyscall"].into_iter().find(|path| Path::new(path).exists());
    let named = Named::new();
    let cases: &[(&[&str], i32, Option<&str>)] = &[
        (&["59"], 0, Some("execve\n")),
        (&["x86_64", "open", "--exact"], 0, Some("2\n")),
        (&["i386", "open", "--exact"], 0, Some("5\n")),
        (&["i386", "socketc"], 0, Some("socketcall         102\n")),
        (&["x86_64", "RENAMEAT"], 0, Some("renameat           264\nrenameat2          316\n")),
        (&["nosuch"], 1, Some("")),
        (&["--exact", "nosuch"], 1, Some("")),
        (&["99999"], 1, Some("")),
        (&["open", "read"], 1, Some("")),
        (&[], 1, None),
    ];
    for (arguments, status, expected) in cases {
        let ours = named.command("ausyscall").args(*arguments).output().expect("it runs");
        assert_eq!(ours.status.code(), Some(*status), "{arguments:?}");
        if let Some(expected) = expected {
            assert_eq!(String::from_utf8_lossy(&ours.stdout), *expected, "{arguments:?}");
        }
        if let Some(peer) = peer {
            let theirs = quiet(Command::new(peer)).args(*arguments).output().expect("ausyscall runs");
            assert_eq!(theirs.status.code(), Some(*status), "{arguments:?}");
            assert!(expected.is_none() || theirs.stdout == ours.stdout, "{arguments:?}");
        }
    }
}
