//! `ktrail report`; and `ktrail` under the names aureport, aulast and aulastlog, compared with Debian's programs of these
//! names.

mod support {
    #[allow(dead_code)]
    pub(crate) mod server;
}

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use ktrail::entry::decode::describe;
use ktrail::record::line;
use ktrail::store::Reader;
use support::server::serve_log;

const AUREPORT: &str = "/usr/sbin/aureport";
const AULAST: &str = "/usr/bin/aulast";
const AULASTLOG: &str = "/usr/bin/aulastlog";

/// Every report of aureport's that lists or counts events.
const REPORTS: &[&[&str]] = &[
    &[],
    &["-a"],
    &["-au"],
    &["-c"],
    &["--comm"],
    &["-cr"],
    &["-e"],
    &["-f"],
    &["-h"],
    &["--integrity"],
    &["-k"],
    &["-l"],
    &["-m"],
    &["-ma"],
    &["-n"],
    &["-p"],
    &["-r"],
    &["-s"],
    &["-t"],
    &["-tm"],
    &["--tty"],
    &["-u"],
    &["--virt"],
    &["-x"],
];

/// What is asked of each report.
const FORMS: &[&[&str]] = &[
    &[],
    &["-i"],
    &["--summary"],
    &["--summary", "-i"],
    &["--failed"],
    &["--success"],
    &["--failed", "--summary"],
    &["--success", "--summary", "-i"],
];

/// A log, and the events of it that aureport tells otherwise; docs/auditd-differences.md says of each kind why.
struct Log {
    path: &'static str,
    otherwise: &'static [(u32, Why)],
    /// Whether the first record is the earliest.
    ordered: bool,
}

/// Why an event is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// aureport cannot read AppArmor's records and leaves their events out.
    AppArmor,
    /// The last field of a program's message has no blank behind it: left out of the reports that need that field.
    Unclosed,
    /// The number of the type is shown in place of `(null)`.
    UnknownType,
    /// `read` is the system call 0, which aureport takes for none.
    Read,
    /// The abstract name of a socket begins with @, so that it is not taken for a path.
    Abstract,
    /// The pid is the process's own and not the number after `ppid=`.
    Pid,
    /// Listed by -ma, and counted by --summary too.
    Counted,
    /// The user who changed a feature is counted.
    User,
    /// Serial numbers may be 0.
    SerialZero,
    /// What was cut off is shown as far as it goes.
    Cut,
}

const LOGS: &[Log] = &[
    Log {
        path: "report/kinds.log",
        otherwise: &[
            (140, Why::User),
            (156, Why::Unclosed),
            (160, Why::Counted),
            (162, Why::Unclosed),
            (167, Why::Pid),
            (179, Why::Read),
        ],
        ordered: true,
    },
    Log { path: "report/keys.log", otherwise: &[], ordered: true },
    Log { path: "corpus/mixed.raw.log", otherwise: &[], ordered: true },
    Log {
        path: "corpus/host.raw.log",
        otherwise: &[
            (368, Why::Abstract),
            (369, Why::Abstract),
            (439, Why::UnknownType),
            (460, Why::Unclosed),
            (467, Why::Unclosed),
            (470, Why::UnknownType),
            (477, Why::Read),
            (491, Why::UnknownType),
        ],
        ordered: false,
    },
    Log {
        path: "corpus/guest.raw.log",
        otherwise: &[
            (4, Why::AppArmor),
            (5, Why::AppArmor),
            (65, Why::Abstract),
            (66, Why::Abstract),
            (154, Why::Unclosed),
            (161, Why::Unclosed),
            (164, Why::UnknownType),
            (171, Why::Read),
            (193, Why::AppArmor),
            (194, Why::AppArmor),
            (195, Why::AppArmor),
        ],
        ordered: false,
    },
    Log {
        path: "corpus/guest.enriched.log",
        otherwise: &[
            (4, Why::AppArmor),
            (5, Why::AppArmor),
            (61, Why::AppArmor),
            (62, Why::AppArmor),
            (63, Why::AppArmor),
        ],
        ordered: false,
    },
    Log {
        path: "corpus/edges.log",
        otherwise: &[
            (0, Why::SerialZero),
            (400, Why::UnknownType),
            (401, Why::UnknownType),
            (402, Why::UnknownType),
            (500, Why::Cut),
            (600, Why::Cut),
        ],
        ordered: false,
    },
];

/// A directory in which ktrail has the names of the programs it stands in for.
struct Programs {
    dir: tempfile::TempDir,
}

impl Programs {
    fn new() -> Programs {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["aureport", "aulast", "aulastlog"] {
            symlink(env!("CARGO_BIN_EXE_ktrail"), dir.path().join(name)).expect("a link");
        }
        Programs { dir }
    }

    fn ours(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).expect("a file of ours");
        path
    }
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// Runs a program with standard input from a file, or none.
fn run(program: &Path, arguments: &[&str], input: Option<&Path>) -> Output {
    let input = input.map_or_else(Stdio::null, |path| fs::File::open(path).expect("a file of ours").into());
    let mut command = Command::new(program);
    command.args(arguments).env("TZ", "UTC").env("LC_ALL", "C").env_remove("KTRAIL_LOG_DIR").stdin(input);
    command.output().expect("the program runs")
}

/// Exit status and output, as lines.
fn told(output: &Output) -> (Option<i32>, Vec<String>) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text.lines().map(str::to_owned).collect())
}

/// Whether a peer is there. Where the tests have to compare, its absence is an error.
fn is_there(program: &str) -> bool {
    let there = Path::new(program).exists();
    let required = std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    assert!(
        there || !required,
        "KTRAIL_REQUIRE_KERNEL is 1, but {program} is not installed (package auditd)"
    );
    if !there {
        eprintln!("skipped: {program} is not installed (package auditd)");
    }
    there
}

/// The lines of a log whose serial is one that is wanted. Lines that are no record are of none.
fn lines(log: &[u8], wanted: impl Fn(u32) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for text in log.split_inclusive(|byte| *byte == b'\n') {
        let serial = memchr::memmem::find(text, b"msg=audit(").and_then(|at| {
            let stamp = &text[at..];
            let begin = stamp.iter().position(|byte| *byte == b':')? + 1;
            let end = stamp.iter().position(|byte| *byte == b')')?;
            std::str::from_utf8(stamp.get(begin..end)?).ok()?.parse().ok()
        });
        if serial.is_some_and(&wanted) {
            out.extend_from_slice(text);
        }
    }
    out
}

/// Times that an unordered log has otherwise.
fn without_range(lines: &mut Vec<String>, log: &str) {
    lines.retain(|line| {
        let range = ["Range of time in logs: ", "Selected time for report: "]
            .iter()
            .any(|head| line.starts_with(head));
        !range && !line.starts_with(log)
    });
}

#[test]
fn every_figure_is_that_of_aureport() {
    if !is_there(AUREPORT) {
        return;
    }
    let programs = Programs::new();
    let (mut compared, mut lines_compared) = (0, 0);
    for log in LOGS {
        let otherwise: Vec<u32> = log.otherwise.iter().map(|(serial, _)| *serial).collect();
        let text = fs::read(data(log.path)).expect("the log is there");
        let path = programs.file("a.log", &lines(&text, |serial| !otherwise.contains(&serial)));
        let path = path.to_str().expect("a path of ours");
        for (report, form) in REPORTS.iter().flat_map(|report| FORMS.iter().map(move |form| (report, form))) {
            let arguments = [report, form, &["-if", path][..]].concat();
            let [mut theirs, mut ours] = [Path::new(AUREPORT), &programs.ours("aureport")]
                .map(|program| told(&run(program, &arguments, None)));
            if !log.ordered {
                without_range(&mut theirs.1, path);
                without_range(&mut ours.1, path);
            }
            // Reports without a summary are refused, after the title or before it.
            if form.contains(&"--summary") && matches!(report, ["-t"] | ["--tty"]) {
                assert_eq!((theirs.0, ours.0), (Some(1), Some(1)), "{} {arguments:?}", log.path);
                continue;
            }
            assert_eq!(ours, theirs, "{} {arguments:?}", log.path);
            compared += 1;
            lines_compared += theirs.1.len();
        }
    }
    println!("{compared} reports equal, {lines_compared} lines");
}

#[test]
fn what_aureport_tells_otherwise_is_known_event_by_event() {
    if !is_there(AUREPORT) {
        return;
    }
    let programs = Programs::new();
    let mut counts: BTreeMap<Why, usize> = BTreeMap::new();
    for log in LOGS {
        let text = fs::read(data(log.path)).expect("the log is there");
        for (serial, why) in log.otherwise {
            *counts.entry(*why).or_default() += 1;
            let path = programs.file("one.log", &lines(&text, |other| other == *serial));
            let path = path.to_str().expect("a path of ours");
            let differs = REPORTS
                .iter()
                .flat_map(|report| [(report, &[][..]), (report, &["--summary"][..])])
                .any(|(report, form)| {
                    let arguments = [report, form, &["-if", path]].concat();
                    let outputs = [Path::new(AUREPORT), &programs.ours("aureport")];
                    let [theirs, ours] = outputs.map(|program| told(&run(program, &arguments, None)));
                    theirs.1 != ours.1
                });
            assert!(differs, "{}: {serial} is in the table, but is told alike ({why:?})", log.path);
        }
    }
    println!("{counts:?}");
}

#[test]
fn options_select_as_those_of_aureport() {
    if !is_there(AUREPORT) {
        return;
    }
    let programs = Programs::new();
    let otherwise: Vec<u32> = LOGS[0].otherwise.iter().map(|(serial, _)| *serial).collect();
    let text = fs::read(data(LOGS[0].path)).expect("the log is there");
    let kinds = programs.file("kinds.log", &lines(&text, |serial| !otherwise.contains(&serial)));
    let kinds = kinds.to_str().expect("a path of ours");
    let edges = data("corpus/edges.log");
    let edges = edges.to_str().expect("a path of ours");
    let cases: &[&[&str]] = &[
        &["-ts", "11/05/25", "-l", "-if", kinds],
        &["--start", "11/05/25", "00:38:00", "--end", "11/05/25", "01:00:00", "--event", "-if", kinds],
        &["-ts", "11/05/25", "00:38:00", "-te", "11/05/25", "01:00:00", "-if", kinds],
        &["-te", "11/05/25", "00:00:51", "-if", kinds],
        &["-ts", "11/05/26", "-k", "-if", kinds],
        &["-ts", "11/05/26", "-k", "--summary", "-if", kinds],
        &["--node", "nowhere", "-e", "-if", kinds],
        &["--node", "other", "-e", "-if", edges],
        &["--failed", "--success", "-e", "-if", kinds],
        &["-f", "--escape", "raw", "-if", kinds],
        &["-e", "-nc", "-if", kinds],
        &["--no-config", "--config", "--interpret", "-if", kinds],
        &["-e", "--input", "/dev/null"],
        &["--input", "/dev/null"],
        &["-t", "--input", "/dev/null"],
        &["-x", "--summary", "--input", "/dev/null"],
        &["--eoe-timeout", "5", "-p", "-if", kinds],
    ];
    for arguments in cases {
        let [theirs, ours] = [Path::new(AUREPORT), &programs.ours("aureport")]
            .map(|program| told(&run(program, arguments, None)));
        assert_eq!(ours, theirs, "{arguments:?}");
    }
    let refused: &[&[&str]] = &[
        &["--bogus"],
        &["extra", "-if", kinds],
        &["-e", "-f", "-if", kinds],
        &["-if"],
        &["-ts"],
        &["-ts", "soon", "-if", kinds],
        &["--node", "-if", kinds],
        &["--escape", "loud", "-if", kinds],
        &["--eoe-timeout", "x", "-if", kinds],
        &["-if", "/no/such/file"],
        &["--tty", "--summary", "-if", kinds],
    ];
    for arguments in refused {
        let status = |program: &Path| run(program, arguments, None).status.code();
        assert_eq!(status(&programs.ours("aureport")), status(Path::new(AUREPORT)), "{arguments:?}");
        let output = run(&programs.ours("aureport"), arguments, None);
        assert!(output.stderr.starts_with(b"aureport: "), "{arguments:?} is refused in words");
    }
}

#[test]
fn reports_of_the_store_are_those_of_the_text() {
    let programs = Programs::new();
    // A LOGIN and the SYSCALL of its event are one event in the store and two to auditd's tools.
    let text = fs::read(data("report/kinds.log")).expect("the log is there");
    let kinds = programs.file("kinds.log", &lines(&text, |serial| serial != 110));
    let kinds = kinds.to_str().expect("a path of ours");
    let store = programs.dir.path().join("store");
    let mut import = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    assert!(
        import
            .args(["import", kinds, "--log-dir"])
            .arg(&store)
            .output()
            .expect("ktrail runs")
            .status
            .success()
    );
    let sorted = |output: Output| {
        let (status, mut lines) = told(&output);
        // Rows are numbered in the order in which they come.
        for line in &mut lines {
            if let Some((number, rest)) = line.split_once(". ")
                && number.bytes().all(|byte| byte.is_ascii_digit())
            {
                *line = rest.to_owned();
            }
        }
        lines.sort();
        (status, lines)
    };
    for report in REPORTS.iter().filter(|report| **report != ["-t"]) {
        for form in [&[][..], &["-i"], &["--failed"]] {
            let arguments = [report, form].concat();
            let mut command = Command::new(programs.ours("aureport"));
            let stored =
                command.args(&arguments).arg("--input-logs").env("TZ", "UTC").env("KTRAIL_LOG_DIR", &store);
            let stored = sorted(stored.output().expect("it runs"));
            let text =
                sorted(run(&programs.ours("aureport"), &[&arguments[..], &["-if", kinds]].concat(), None));
            assert_eq!(stored, text, "{arguments:?}");
        }
    }
}

/// What happens, a letter each: see [`log_of`].
const STAYS: &[(&str, &str)] = &[
    ("a login and its end", "LTE"),
    ("no login is told of", "LSE"),
    ("a logout alone ends nothing", "LTO"),
    ("a session that nobody opened", "STE"),
    ("a program within the session ends", "LTseE"),
    ("the host goes down while somebody is there", "DBLTX"),
    ("down, and up again", "BLTXBLT"),
    ("a crash", "DBLTB"),
    ("the daemon starts before the boot is told", "DB"),
    ("the daemon starts after it", "BD"),
    ("the daemon starts again", "BDZDX"),
    ("the session's number is used again", "LTLT"),
    ("a failed login", "LFTE"),
    ("a login from an address alone", "LAE"),
    ("a login of days", "LT+E"),
    ("long names", "LNE"),
];

/// A log in which every hundred seconds something happens.
fn log_of(letters: &str) -> Vec<u8> {
    let (mut seconds, mut serial, mut text) = (1_762_300_000_u64, 0_u32, String::new());
    let user = |kind: &str, pid: u32, result: &str, what: &str| {
        let exe = "exe=\"/usr/sbin/sshd\"";
        (
            kind.to_owned(),
            format!("pid={pid} uid=0 auid=1000 ses=1 msg='op=login id=1000 {exe} {what} res={result}'"),
        )
    };
    let here = "hostname=h1 addr=? terminal=/dev/pts/0";
    for letter in letters.chars() {
        seconds += 100;
        let (kind, body) = match letter {
            '+' => {
                seconds += 86_400 * 3 + 3600;
                continue;
            }
            'L' => (
                "LOGIN".to_owned(),
                "pid=9 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=1 res=1".to_owned(),
            ),
            'T' => user("USER_LOGIN", 9, "success", here),
            'F' => user("USER_LOGIN", 9, "failed", here),
            'A' => user("USER_LOGIN", 9, "success", "hostname=? addr=10.1.1.1 terminal=ssh"),
            'N' => user("USER_LOGIN", 9, "success", "hostname=a.long.name.example.org addr=? terminal=/dev/a-long-terminal/7"),
            'S' => user("USER_START", 9, "success", here),
            's' => user("USER_START", 77, "success", here),
            'e' => user("USER_END", 77, "success", here),
            'E' => user("USER_END", 9, "success", here),
            'O' => user("USER_LOGOUT", 9, "success", here),
            'B' | 'X' => {
                let kind = if letter == 'B' { "SYSTEM_BOOT" } else { "SYSTEM_SHUTDOWN" };
                let exe = "comm=\"x\" exe=\"/usr/x\" hostname=? addr=? terminal=? res=success";
                (kind.to_owned(), format!("pid=1 uid=0 auid=4294967295 ses=4294967295 msg=' {exe}'"))
            }
            'D' => (
                "DAEMON_START".to_owned(),
                "op=start ver=3 format=raw kernel=6.1.0 auid=4294967295 pid=4 uid=0 ses=4294967295 res=success"
                    .to_owned(),
            ),
            'Z' => (
                "DAEMON_END".to_owned(),
                "op=terminate auid=4294967295 uid=0 ses=4294967295 pid=1 res=success".to_owned(),
            ),
            _ => panic!("no such letter: {letter}"),
        };
        serial += 1;
        text.push_str(&format!("type={kind} msg=audit({seconds}.000:{serial}): {body}\n"));
    }
    text.into_bytes()
}

#[test]
fn stays_are_those_of_aulast() {
    if !is_there(AULAST) {
        return;
    }
    let programs = Programs::new();
    let check = |name: &str, log: &Path| {
        let log = log.to_str().expect("a path of ours");
        for arguments in [
            &["-f", log][..],
            &["--bad", "-f", log],
            &["--proof", "-f", log],
            &["--user", "root", "-f", log],
            &["--tty", "1", "-f", log],
        ] {
            let lines = |program: &Path| {
                let (status, mut lines) = told(&run(program, arguments, None));
                // What lasts, lasts until now, which is not the same for both.
                lines.retain(|line| !line.trim_start().starts_with("ausearch --start"));
                (status, lines)
            };
            assert_eq!(lines(&programs.ours("aulast")), lines(Path::new(AULAST)), "{name} {arguments:?}");
        }
    };
    for (name, letters) in STAYS {
        check(name, &programs.file("stay.log", &log_of(letters)));
    }
    check("kinds", &data("report/kinds.log"));
    let status = |program: &Path, arguments: &[&str]| run(program, arguments, None).status.code();
    for arguments in [&["-h"][..], &["-f", "/no/such/file"], &["who"]] {
        assert_eq!(
            status(&programs.ours("aulast"), arguments),
            status(Path::new(AULAST), arguments),
            "{arguments:?}"
        );
    }
}

#[test]
fn aulast_extracts_the_records_of_what_it_tells() {
    let programs = Programs::new();
    let log = programs.file("stay.log", &log_of("DBLTSE"));
    let mut command = Command::new(programs.ours("aulast"));
    let output = command.args(["--extract", "-f"]).arg(&log).current_dir(programs.dir.path()).output();
    assert!(output.expect("it runs").status.success());
    let extracted = fs::read(programs.dir.path().join("aulast.log")).expect("it was written");
    let kinds: Vec<String> = extracted
        .split(|byte| *byte == b'\n')
        .filter(|text| !text.is_empty())
        .map(|text| line::split(text).expect("a record").kind.to_string())
        .collect();
    assert_eq!(kinds, ["LOGIN", "USER_LOGIN", "USER_END", "SYSTEM_BOOT"]);
}

#[test]
fn last_logins_are_those_of_aulastlog() {
    if !is_there(AULASTLOG) {
        return;
    }
    let programs = Programs::new();
    let mut logs: Vec<PathBuf> = STAYS
        .iter()
        // aulastlog does not show an address in the place of a name.
        .filter(|(_, letters)| !letters.contains('A'))
        .enumerate()
        .map(|(place, (_, letters))| programs.file(&format!("{place}.log"), &log_of(letters)))
        .collect();
    logs.push(data("report/kinds.log"));
    for log in &logs {
        for arguments in
            [&["--stdin"][..], &["--stdin", "-u", "root"], &["--stdin", "--user", "nobody at all"]]
        {
            let [theirs, ours] = [Path::new(AULASTLOG), &programs.ours("aulastlog")]
                .map(|program| told(&run(program, arguments, Some(log))));
            assert_eq!(ours.0, theirs.0, "{arguments:?}");
            if theirs.0 == Some(0) {
                assert_eq!(ours.1, theirs.1, "{arguments:?}");
            }
        }
    }
}

/// A log directory with two recordings, and `ktrail` over it.
struct Store {
    dir: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let store = Store { dir: tempfile::tempdir().expect("a temporary directory") };
        let logs = [data("report/kinds.log"), data("corpus/mixed.raw.log")];
        let logs = logs.each_ref().map(|path| path.to_str().expect("a path of ours"));
        assert_eq!(store.ktrail(&["import", logs[0], logs[1]]).0, Some(0));
        store
    }

    fn ktrail(&self, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command.args(arguments).arg("--log-dir").arg(self.dir.path().join("log")).env("TZ", "UTC");
        told(&command.output().expect("ktrail runs"))
    }

    /// The rows of a report, as JSON.
    fn report(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let (status, lines) = self.ktrail(&[&["report"], arguments, &["--format", "json"]].concat());
        assert!(status == Some(u8::from(lines.is_empty()).into()), "{arguments:?}: {status:?}");
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn top_by_the_index_is_that_by_a_scan() {
    /// What imported logs do not tell.
    const NOT_HERE: [&str; 9] =
        ["node", "process", "parent", "ancestor", "script", "hash", "container", "unit", "origin"];
    let store = Store::new();
    for (_, name) in ktrail::entry::field::Field::ALL {
        let by_index = store.report(&["top", "--field", name]);
        assert_eq!(by_index, store.report(&["top", "--field", name, "--scan"]), "{name}");
        assert_eq!(by_index.is_empty(), NOT_HERE.contains(&name), "{name} is a test of something");
        let limited = store.report(&["top", "--field", name, "--limit", "2"]);
        assert_eq!(limited[..], by_index[..by_index.len().min(2)], "{name}");
    }
}

#[test]
fn what_is_new_was_in_no_earlier_event() {
    let store = Store::new();
    let since = "2025-11-05T00:30:00Z";
    for field in ["exe", "comm", "path", "key", "uid", "type"] {
        let values = |arguments: &[&str]| -> std::collections::BTreeSet<String> {
            let rows = store.report(&[arguments, &["--field", field]].concat());
            rows.iter().map(|row| row[field].to_string()).collect()
        };
        let before = values(&["top", "--until", "2025-11-05T00:29:59.999Z"]);
        let expected: std::collections::BTreeSet<_> =
            values(&["top", "--since", since]).difference(&before).cloned().collect();
        assert_eq!(values(&["new", "--since", since]), expected, "{field}");
        assert!(!expected.is_empty() && !before.is_empty(), "{field} is a test of something");
    }
    assert_eq!(store.ktrail(&["report", "new", "--field", "exe"]).0, Some(2), "without a time");
}

#[test]
fn every_report_is_written_in_every_form() {
    let store = Store::new();
    let (_, help) = store.ktrail(&["report", "--help"]);
    for listing in &ktrail::report::listing::LISTINGS {
        assert!(
            help.iter().any(|line| line.trim_start().starts_with(listing.name)),
            "{} in the help",
            listing.name
        );
        let rows = store.report(&[listing.name]);
        let columns: Vec<_> = listing.columns.iter().map(|column| column.name()).collect();
        for row in &rows {
            assert!(columns.iter().all(|column| row.get(column).is_some()), "{}: {row}", listing.name);
        }
        let (_, csv) = store.ktrail(&["report", listing.name, "--format", "csv"]);
        assert_eq!(csv.first().map(String::as_str), Some(columns.join(",").as_str()), "{}", listing.name);
        assert_eq!(csv.len(), rows.len() + 1, "{}", listing.name);
        let (_, text) = store.ktrail(&["report", listing.name]);
        assert_eq!(text.len(), rows.len() + 1, "{}", listing.name);
        let counted: u64 =
            store.report(&[listing.name, "--summary"]).iter().filter_map(|row| row["count"].as_u64()).sum();
        assert!(counted > 0 && counted <= rows.len() as u64, "{}: {counted}", listing.name);
    }
}

#[test]
fn what_people_ask_for_is_answered() {
    let store = Store::new();
    let failed = store.report(&["failed-logins", "--until", "2026-01-01"]);
    let told: Vec<_> = failed.iter().map(|row| (row["host"].as_str(), row["failed"].as_u64())).collect();
    assert_eq!(told, [(Some("203.0.113.9"), Some(3)), (Some("bad.example"), Some(2))]);

    let timeline = store.report(&["timeline", "--interval", "1h", "--until", "2026-01-01"]);
    let sums = ["events", "failed"]
        .map(|column| timeline.iter().filter_map(|row| row[column].as_u64()).sum::<u64>());
    let total = |arguments: &[&str]| {
        store.ktrail(&[&["search", "--count", "--until", "2026-01-01"], arguments].concat()).1
    };
    assert_eq!(total(&[]), [sums[0].to_string()]);
    assert_eq!(timeline[0]["time"], "2025-11-04T23:00:00.000Z");

    let session = store.report(&["session", "--session", "1", "--until", "2026-01-01"]);
    let row = session.iter().find(|row| row["pid"] == 1500).expect("auditctl's process");
    assert_eq!(
        (&row["parent"], &row["depth"], &row["program"]),
        (&1400.into(), &1.into(), &"auditctl".into())
    );
    assert_eq!(store.ktrail(&["report", "session"]).0, Some(2), "of which session?");

    let summary = store.report(&["summary", "key=delete"]);
    let events = summary.iter().find(|row| row["of"] == "events").expect("a total");
    assert_eq!(store.ktrail(&["search", "--count", "-k", "delete"]).1, [events["total"].to_string()]);
}

#[test]
fn a_report_through_the_socket_is_that_of_the_directory() {
    let store = Store::new();
    let (reader, _) =
        Reader::open(&store.dir.path().join("log"), Arc::new(describe)).expect("the log is there");
    let socket = store.dir.path().join("socket");
    let serving = serve_log(&socket, reader);
    let cases: &[&[&str]] = &[
        &["summary"],
        &["events", "--since", "2025-11-05T00:30:00Z", "--until", "2026-01-01"],
        &["files", "key=delete"],
        &["top", "--field", "exe"],
        &["new", "--field", "exe", "--since", "2025-11-05T00:30:00Z"],
        &["session", "--session", "1"],
        &["timeline", "--interval", "1d"],
    ];
    for arguments in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command.arg("report").args(*arguments).arg("--socket").arg(&socket).env("TZ", "UTC");
        let through = told(&command.output().expect("ktrail runs"));
        assert_eq!(through, store.ktrail(&[&["report"], *arguments].concat()), "{arguments:?}");
    }
    // auditd's programs ask the daemon where the directory cannot be read.
    let programs = Programs::new();
    let dropin = |variables: &[(&str, &Path)]| {
        let mut command = Command::new(programs.ours("aureport"));
        command.args(["-x", "--summary", "--input-logs"]).envs(variables.iter().copied()).env("TZ", "UTC");
        told(&command.output().expect("it runs"))
    };
    let (log, nowhere) = (store.dir.path().join("log"), store.dir.path().join("nowhere"));
    let of_directory = dropin(&[("KTRAIL_LOG_DIR", &log)]);
    assert!(of_directory.0 == Some(0) && of_directory.1.len() > 10, "{of_directory:?}");
    assert_eq!(dropin(&[("KTRAIL_LOG_DIR", &nowhere), ("KTRAIL_SOCKET", &socket)]), of_directory);
    drop(serving);
}
