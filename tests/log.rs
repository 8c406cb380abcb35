//! `ktrail log`: what it shows of a log directory, what it finds wrong, and what it mends.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use ktrail::entry::decode::describe;
use ktrail::store::term::Terms;
use ktrail::store::{Config, Flush, Store};
use serde_json::Value;
use tempfile::TempDir;

const CORPORA: [&str; 3] = ["host.raw.log", "mixed.raw.log", "guest.enriched.log"];
const PAGE: usize = 4096;
const FOOTER: usize = 128;

/// A log directory with a sealed segment for each corpus and an active one.
struct Log {
    _dir: TempDir,
    dir: PathBuf,
}

impl Log {
    fn new() -> Log {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let log = Log { dir: temporary.path().join("log"), _dir: temporary };
        for name in CORPORA {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name);
            let imported = log.run(&["import", path.to_str().expect("a path of ours")]);
            assert!(imported.status.success(), "{}", errors(&imported));
        }
        log
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command.args(arguments).arg("--log-dir").arg(&self.dir).output().expect("ktrail runs")
    }

    /// Exit status and lines of JSON.
    fn json(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        (output.status.code(), lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect())
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.dir.join(name);
        let mut bytes = fs::read(&path).expect("a file of the log");
        change(&mut bytes);
        fs::write(&path, bytes).expect("written");
    }

    fn append_to_active(&self, bytes: &[u8]) {
        let path = self.dir.join("audit.jsonl");
        OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 0x10;
}

/// Makes an index say another time of its last entry, with right checksums.
fn lie(bytes: &mut [u8], segment: u64) {
    let number = bytes.len() / PAGE - 1;
    let page = &mut bytes[number * PAGE..];
    let last = page[..PAGE - 4].iter().rposition(|byte| *byte != 0).expect("stamps");
    page[last] ^= 2;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&u32::try_from(number).unwrap().to_le_bytes());
    hasher.update(&1u32.to_le_bytes());
    hasher.update(&page[..PAGE - 4]);
    page[PAGE - 4..].copy_from_slice(&hasher.finalize().to_le_bytes());
}

#[test]
fn list_and_info_tell_what_is_on_disk() {
    let log = Log::new();
    let (status, rows) = log.json(&["log", "list"]);
    assert_eq!((status, rows.len()), (Some(0), CORPORA.len() + 1));
    let all = log.run(&["search", "--count"]).stdout;
    let counted: u64 = rows.iter().map(|row| row["entries"].as_u64().unwrap()).sum();
    assert_eq!(String::from_utf8_lossy(&all).trim(), counted.to_string());
    for (row, number) in rows.iter().zip(1u64..) {
        assert_eq!(row["segment"], number);
        if number == rows.len() as u64 {
            assert_eq!((&row["state"], &row["entries"]), (&"active".into(), &0.into()));
            continue;
        }
        assert_eq!(row["state"], "sealed");
        let length = |name: &str| fs::metadata(log.dir.join(name)).unwrap().len();
        let (segment, index) =
            (length(&format!("audit-{number:010}.seg")), length(&format!("audit-{number:010}.idx")));
        assert_eq!((&row["bytes"], &row["index_bytes"]), (&(segment + index).into(), &index.into()));
        assert!(row["plain_bytes"].as_u64() > row["bytes"].as_u64());
        assert!(row["first_ms"].as_u64() <= row["last_ms"].as_u64());
        let (status, info) = log.json(&["log", "info", &number.to_string()]);
        assert_eq!((status, &info[0]["plain_bytes"]), (Some(0), &row["plain_bytes"]));
        let types = log.run(&["log", "info", &number.to_string()]);
        assert!(String::from_utf8_lossy(&types.stdout).contains("  type        "), "terms of each field");
        assert!(info[0]["frames"].as_u64() >= Some(1));
    }
    let none = log.run(&["log", "info", "9"]);
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(errors(&none), "ktrail: there is no segment 9 among those from 1 to 4\n");
}

#[test]
fn what_import_wrote_is_sound() {
    let log = Log::new();
    let output = log.run(&["log", "check"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", errors(&output));
    assert!(text.starts_with("4 segments with "), "{text}");
    let repaired = log.run(&["log", "repair"]);
    assert_eq!(String::from_utf8_lossy(&repaired.stdout), "there was nothing to repair\n");
}

/// A way to damage a log, what `check` finds, and what `repair` does.
struct Case {
    name: &'static str,
    damage: fn(&Log),
    /// File and a part of the cause.
    found: (&'static str, &'static str),
    /// What `repair` did of it, and its exit status, which is also that of the next `check`.
    done: (&'static str, i32),
}

const CASES: [Case; 9] = [
    Case {
        name: "an index is gone",
        damage: |log| fs::remove_file(log.dir.join("audit-0000000002.idx")).unwrap(),
        found: ("audit-0000000002.idx", "it is missing"),
        done: ("rebuilt", 0),
    },
    Case {
        name: "a bit of an index is flipped",
        damage: |log| log.change("audit-0000000002.idx", |bytes| flip(bytes, 2 * PAGE + 100)),
        found: ("audit-0000000002.idx", "page 2 of the index does not match its checksum"),
        done: ("rebuilt", 0),
    },
    Case {
        name: "an index belongs to another segment",
        damage: |log| {
            fs::copy(log.dir.join("audit-0000000001.idx"), log.dir.join("audit-0000000002.idx")).unwrap();
        },
        found: ("audit-0000000002.idx", "page 0 of the index does not match its checksum"),
        done: ("rebuilt", 0),
    },
    Case {
        name: "an index says something else than the entries",
        damage: |log| log.change("audit-0000000003.idx", |bytes| lie(bytes, 3)),
        found: ("audit-0000000003.idx", "has another time or serial"),
        done: ("rebuilt", 0),
    },
    Case {
        name: "a bit of a frame is flipped",
        damage: |log| log.change("audit-0000000002.seg", |bytes| flip(bytes, 200)),
        found: ("audit-0000000002.seg", "cannot be read: frame 0 does not match its checksum"),
        done: ("left", 1),
    },
    Case {
        name: "a bit of the frame table is flipped",
        damage: |log| {
            log.change("audit-0000000002.seg", |bytes| {
                let table = bytes.len() - FOOTER - PAGE;
                flip(bytes, table + 50);
            });
        },
        found: ("audit-0000000002.seg", "page 0 of the frame table does not match its checksum"),
        done: ("quarantined", 0),
    },
    Case {
        name: "a bit of the footer is flipped",
        damage: |log| {
            log.change("audit-0000000002.seg", |bytes| {
                let footer = bytes.len() - FOOTER;
                flip(bytes, footer + 20);
            });
        },
        found: ("audit-0000000002.seg", "its header or footer does not match its checksum"),
        done: ("quarantined", 0),
    },
    Case {
        name: "the active segment ends within a line",
        damage: |log| log.append_to_active(b"{\"v\":1,\"ti"),
        found: ("audit.jsonl", "ended within an entry"),
        done: ("cut", 0),
    },
    Case {
        name: "a line is no entry",
        damage: |log| log.append_to_active(b"{\"v\":1}\n"),
        found: ("audit.jsonl", "1 lines that are not entries"),
        done: ("left", 1),
    },
];

#[test]
fn damage_is_found_with_its_file_and_cause_and_mended_where_that_can_be() {
    let sound = Log::new();
    for Case { name, damage, found, done } in CASES {
        let temporary = tempfile::tempdir().unwrap();
        let log = Log { dir: temporary.path().to_owned(), _dir: temporary };
        for item in fs::read_dir(&sound.dir).unwrap() {
            let path = item.unwrap().path();
            fs::copy(&path, log.dir.join(path.file_name().unwrap())).unwrap();
        }
        damage(&log);
        let is = |told: &Value, what: &str| {
            told["what"] == what
                && told["file"].as_str().unwrap().ends_with(found.0)
                && (what == "rebuilt" || told["cause"].as_str().unwrap().contains(found.1))
        };
        let (status, findings) = log.json(&["log", "check"]);
        assert_eq!(status, Some(1), "{name}");
        assert!(findings.iter().any(|finding| is(finding, "found")), "{name}: {findings:?}");
        let (status, acts) = log.json(&["log", "repair"]);
        assert_eq!(status, Some(done.1), "{name}: {acts:?}");
        assert!(acts.iter().any(|act| is(act, done.0)), "{name}: {acts:?}");
        let (status, left) = log.json(&["log", "check"]);
        assert_eq!(status, Some(done.1), "{name}: {left:?}");
    }
}

#[test]
fn while_a_daemon_writes_check_reads_and_repair_is_refused() {
    let log = Log::new();
    let config = Config { dir: log.dir.clone(), ..Config::default() };
    let (_writer, _) = Store::open(config, Arc::new(describe)).unwrap();
    // A daemon is just writing a line.
    log.append_to_active(b"{\"v\":1,\"ti");
    assert_eq!(log.run(&["log", "check"]).status.code(), Some(0));
    let refused = log.run(&["log", "repair"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(errors(&refused).contains("is in use by process "), "{}", errors(&refused));
    assert!(fs::read(log.dir.join("audit.jsonl")).unwrap().ends_with(b"ti"), "nothing was changed");
}

/// A daemon that is a user of its own could not write to a log into which root had imported: the files were root's.
#[test]
fn what_root_does_to_a_log_of_another_user_is_that_users() {
    const OWNER: u32 = 65534;
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: this needs root");
        return;
    }
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let log = Log { dir: temporary.path().join("log"), _dir: temporary };
    fs::set_permissions(log._dir.path(), Permissions::from_mode(0o755)).expect("its mode");
    fs::create_dir(&log.dir).expect("a directory");
    chown(&log.dir, Some(OWNER), Some(OWNER)).expect("its owner");
    // What only root may read is imported all the same.
    let source = log._dir.path().join("audit.log");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(CORPORA[0]), &source)
        .expect("a log");
    fs::set_permissions(&source, Permissions::from_mode(0o600)).expect("its mode");
    let imported = log.run(&["import", source.to_str().expect("a path of ours")]);
    assert!(imported.status.success(), "{}", errors(&imported));
    let owners = |log: &Log| {
        let files = fs::read_dir(&log.dir).expect("a directory").map(|entry| entry.expect("an entry"));
        files.map(|file| (file.file_name(), file.metadata().expect("its owner").uid())).collect::<Vec<_>>()
    };
    let made = owners(&log);
    assert!(made.len() >= 3 && made.iter().all(|(_, owner)| *owner == OWNER), "{made:?}");
    let (name, _) = made.iter().find(|(name, _)| name.to_string_lossy().ends_with(".idx")).expect("an index");
    fs::write(log.dir.join(name), "no index").expect("written");
    let repaired = log.run(&["log", "repair"]);
    assert_ne!(fs::read(log.dir.join(name)).expect("an index"), b"no index", "{}", errors(&repaired));
    let left = owners(&log);
    assert!(left.iter().all(|(_, owner)| *owner == OWNER), "{left:?}");
}

#[test]
fn export_gives_what_a_search_gives() {
    let log = Log::new();
    for format in ["raw", "json"] {
        let exported = log.run(&["log", "export", "--format", format]);
        assert_eq!(exported.status.code(), Some(0), "{}", errors(&exported));
        assert!(exported.stdout == log.run(&["search", "--format", format]).stdout, "{format}");
    }
    let (_, rows) = log.json(&["log", "list"]);
    let lines = |arguments: &[&str]| log.run(&[&["log", "export"], arguments].concat());
    let count = |output: &Output| output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64;
    let entries = |from: usize, to: usize| -> u64 {
        rows[from - 1..to].iter().map(|row| row["entries"].as_u64().unwrap()).sum()
    };
    for (range, from, to) in [("1..2", 1, 2), ("3..", 3, 4), ("..2", 1, 2), ("2", 2, 2)] {
        assert_eq!(count(&lines(&["--segments", range])), entries(from, to), "{range}");
    }
    assert_eq!(lines(&["--segments", "8"]).status.code(), Some(1), "nothing");
    assert_eq!(lines(&["--segments", "x"]).status.code(), Some(2), "an error");
    let range = ["--since", "2000-01-01", "--until", "2026-11-23T09:00:00Z"];
    let searched = log.run(&[&["search", "--format", "json"], &range[..]].concat());
    assert!(lines(&range).stdout == searched.stdout);
}

#[test]
fn export_goes_on_after_what_cannot_be_read_and_says_so() {
    let log = Log::new();
    let whole = log.run(&["log", "export"]).stdout;
    let (_, rows) = log.json(&["log", "info", "2"]);
    log.change("audit-0000000002.seg", |bytes| flip(bytes, 200));
    let output = log.run(&["log", "export"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains(" entries of segment 2 are left out, the first is 0: "));
    let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let least = count(&whole) - rows[0]["entries"].as_u64().unwrap();
    assert!((least..count(&whole)).contains(&count(&output.stdout)));
}

#[test]
fn check_reads_what_a_checkpoint_covers() {
    let log = Log::new();
    let lines = log.run(&["search", "--format", "json"]).stdout;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = Log { dir: dir.path().join("log"), _dir: dir };
    let config = Config { dir: log.dir.clone(), flush: Flush::None, ..Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("a new log");
    for line in lines.repeat(3).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut terms = Terms::default();
        let stamp = describe(line, &mut terms).expect("an entry");
        store.append(stamp, &terms, line).expect("appended");
    }
    store.close().expect("closed");
    assert!(log.dir.join("audit.checkpoint").exists());
    assert_eq!(log.run(&["log", "check"]).status.code(), Some(0));
    log.change("audit.jsonl", |bytes| {
        let middle = bytes.len() / 2;
        let line = bytes[middle..].iter().position(|byte| *byte == b'\n').expect("a line") + middle + 1;
        bytes[line] = b'x';
    });
    let (status, found) = log.json(&["log", "check"]);
    assert_eq!((status, found.len()), (Some(1), 1), "{found:?}");
    assert!(found[0]["file"].as_str().is_some_and(|file| file.ends_with("audit.jsonl")), "{found:?}");
}

#[test]
fn verify_says_by_exit_status_text_and_json_whether_a_log_is_what_was_signed() {
    let log = Log::new();
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let key = text(&log.run(&["verify", "--print-public-key"]));
    let checkpoint = text(&log.run(&["verify", "--print-checkpoint"]));
    let kept = log.dir.with_file_name("kept");
    fs::write(&kept, &key).unwrap();
    let kept = kept.to_str().unwrap();
    let brought = ["verify", "--public-key", kept, "--checkpoint", checkpoint.trim()];
    let good = log.run(&brought);
    assert_eq!(good.status.code(), Some(0), "{}{}", text(&good), errors(&good));
    assert!(text(&good).starts_with("4 segments with "), "{}", text(&good));
    assert!(!text(&good).contains("note:"), "all of it is signed and expected: {}", text(&good));
    let (status, told) = log.json(&brought);
    assert_eq!((status, &told[0]["verdict"], told.len()), (Some(0), &"good".into(), 1));
    assert_eq!(told[0]["public_key"], key.trim());
    assert_eq!(told[0]["checkpoint"], checkpoint.trim());

    log.change("audit-0000000002.seg", |bytes| flip(bytes, 200));
    let (status, told) = log.json(&["verify"]);
    assert_eq!((status, &told[0]["verdict"]), (Some(1), &"tampered".into()));
    let found = &told[0]["tampering"][0];
    assert_eq!((&found["what"], &found["segment"]), (&"changed".into(), &2.into()), "{found}");
    assert!(
        found["first"]["ordinal"].is_u64() && found["since_ms"].as_u64() > Some(1_700_000_000_000),
        "{found}"
    );
    let told = log.run(&["verify"]);
    assert!(text(&told).starts_with("changed: "), "{}", text(&told));
    assert!(text(&told).contains("TAMPERED: 1 findings in 4 segments"), "{}", text(&told));

    let wrong = [
        (["--public-key", "12"], "neither a public key of 64 hexadecimal digits nor a file"),
        (["--checkpoint", "ktrail1:1"], "it is not of the form"),
        (
            ["--checkpoint", &checkpoint.trim().replace(":1:", ":2:").replace(":4:", ":5:")],
            "a digit is wrong",
        ),
    ];
    for (arguments, expected) in wrong {
        let refused = log.run(&[&["verify"][..], &arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(errors(&refused).contains(expected), "{}", errors(&refused));
    }
    let empty = tempfile::tempdir().unwrap();
    let none = log.run(&["verify", empty.path().to_str().unwrap()]);
    assert_eq!(none.status.code(), Some(2));
    assert!(errors(&none).contains("has no chain of signatures"), "{}", errors(&none));
}
