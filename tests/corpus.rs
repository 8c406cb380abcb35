//! Recorded logs go in by `ktrail import` and come out as they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name)
}

fn ktrail(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    command.args(arguments).arg("--log-dir").arg(dir).output().expect("ktrail runs")
}

/// Lines by event and in their order within it: events may come out in another order than their records came in.
fn by_event(text: &[u8]) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let begin = memchr::memmem::find(line, b"msg=audit(").unwrap_or(0);
        let end = line[begin..].iter().position(|byte| *byte == b')').map_or(line.len(), |end| begin + end);
        // The node is a part of an event's identity.
        let node = line
            .strip_prefix(b"node=")
            .map_or(&b""[..], |rest| rest.split(|byte| *byte == b' ').next().unwrap_or(rest));
        let key = if begin == 0 { line.to_vec() } else { [node, &line[begin..end]].concat() };
        events.entry(key).or_default().push(line.to_vec());
    }
    events
}

/// What auditd's ENRICHED format adds is not part of the RAW one.
fn without_tails(text: &[u8]) -> Vec<u8> {
    let lines =
        text.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == 0x1d).next().unwrap_or(line));
    lines.collect::<Vec<_>>().join(&b'\n')
}

fn check(name: &str) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("log");
    let path = corpus(name);
    let imported = ktrail(&["import", path.to_str().expect("a path of ours")], &log);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let raw = ktrail(&["search", "--format", "raw"], &log);
    assert_eq!(raw.status.code(), Some(0), "{}", String::from_utf8_lossy(&raw.stderr));
    let expected = by_event(&without_tails(&fs::read(&path).expect("the corpus is there")));
    let found = by_event(&raw.stdout);
    for (event, lines) in &expected {
        let shown = |lines: Option<&Vec<Vec<u8>>>| {
            lines.map(|lines| {
                lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>()
            })
        };
        assert_eq!(shown(found.get(event)), shown(Some(lines)), "{name}");
    }
    assert_eq!(found.len(), expected.len(), "{name}");
}

#[test]
fn raw_records_come_back_byte_for_byte() {
    check("host.raw.log");
    check("guest.raw.log");
    check("mixed.raw.log");
}

#[test]
fn enriched_records_come_back_as_raw_ones() {
    check("guest.enriched.log");
}

#[test]
fn a_search_finds_by_index_what_a_scan_finds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("log");
    ktrail(&["import", corpus("host.raw.log").to_str().expect("a path of ours")], &log);
    let all = ktrail(&["search", "--format", "json"], &log).stdout;
    let entries: Vec<serde_json::Value> = all
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    assert!(entries.len() > 50, "a corpus");
    let has = |entry: &serde_json::Value, test: &dyn Fn(&serde_json::Value) -> bool| {
        entry["records"].as_array().expect("records").iter().any(test)
    };
    type Test<'a> = &'a dyn Fn(&serde_json::Value) -> bool;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let cases: &[(&[&str], Test<'_>)] = &[
        (&["--type", "EXECVE"], &|record| record["type"] == "EXECVE"),
        (&["--uid", "0"], &|record| record["uid"] == 0 || record["msg"]["uid"] == 0),
        (&["-x", "bin/"], &|record| {
            text(&record["exe"]).contains("bin/") || text(&record["msg"]["exe"]).contains("bin/")
        }),
        (&["--syscall", "execve"], &|record| record["syscall"] == 59),
    ];
    for (arguments, test) in cases {
        let expected = entries.iter().filter(|entry| has(entry, test)).count();
        let counted = ktrail(&[&["search", "--count"], *arguments].concat(), &log).stdout;
        let counted: usize = String::from_utf8_lossy(&counted).trim().parse().expect("a number");
        assert_eq!(counted, expected, "{arguments:?}");
        assert!(expected > 0, "{arguments:?} is a test of something");
    }
}

#[test]
fn exit_statuses_are_those_of_grep() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("log");
    let code = |arguments: &[&str]| ktrail(arguments, &log).status.code();
    assert_eq!(code(&["search"]), Some(2), "no log");
    ktrail(&["import", corpus("host.raw.log").to_str().expect("a path of ours")], &log);
    assert_eq!(code(&["search", "--limit", "1"]), Some(0));
    assert_eq!(code(&["search", "-k", "no such key"]), Some(1));
    assert_eq!(code(&["search", "nonsense"]), Some(2));
    assert_eq!(code(&["search", "--since", "soon"]), Some(2));
    assert_eq!(code(&["import", "/no/such/file"]), Some(2));
}
