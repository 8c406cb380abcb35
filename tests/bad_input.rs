//! Input that no kernel writes is kept, marked, and shown in every form.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Longer than any line that is taken as one record.
const LONG: usize = 1 << 20;

/// A log, and what becomes of it.
struct Case {
    what: &'static str,
    log: Vec<u8>,
    /// How many events it is.
    events: usize,
    /// What the stored form says of it: a part of its text.
    mark: &'static str,
    /// What every form shows; the columns of CSV have no place for it unless the same is in the other field.
    shown: &'static str,
    in_columns: &'static str,
    /// What `ausearch -i` shows; nothing where it is no record to it.
    interpreted: Option<&'static str>,
}

fn call(serial: u32, more: &str) -> String {
    format!(
        "type=SYSCALL msg=audit(1700000000.00{serial}:{serial}): arch=c000003e syscall=2 success=yes exit=3 a0=0 a1=0 a2=0 a3=0 \
         items=1 ppid=9 pid=8 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"cat\" \
         exe=\"/usr/bin/cat\" key=\"k\"{more}\n"
    )
}

fn directory(serial: u32, path: &str) -> String {
    format!("type=CWD msg=audit(1700000000.00{serial}:{serial}): cwd={path}\n")
}

/// Records that came as no kernel sends them.
fn orders() -> Vec<Case> {
    let case = |what, log: String, events, interpreted| Case {
        what,
        log: log.into_bytes(),
        events,
        mark: "\"closed\":\"timer\"",
        shown: "/usr/bin/cat",
        in_columns: "/usr/bin/cat",
        interpreted: Some(interpreted),
    };
    let (one, two) = (directory(1, "\"/one\""), directory(2, "\"/two\""));
    vec![
        case("interleaved", [&call(1, ""), &call(2, ""), &*two, &*one].concat(), 2, "cwd=/two"),
        case("reordered", [&*one, &call(1, "")].concat(), 1, "cwd=/one"),
        case("duplicated", [&call(1, ""), &call(1, ""), &*one, &*one].concat(), 1, "cwd=/one"),
        Case {
            mark: "\"raw\":\"arch=",
            ..case("a field that comes twice", call(1, " uid=5 comm=\"dog\""), 1, "comm=dog")
        },
        Case {
            mark: "\"raw\":\"arch=",
            ..case("unknown fields", call(1, " never-heard=7 weird[2]=\"x\" =lone"), 1, "never-heard=7")
        },
    ]
}

/// Records that are cut or of no known kind.
fn parts() -> Vec<Case> {
    let whole = call(1, "");
    let (cut, _) = whole.split_at(whole.find(" suid").expect("it is there"));
    let unreadable = |what, log: &[u8], shown| Case {
        what,
        log: log.to_vec(),
        events: 1,
        mark: "\"closed\":\"malformed\"",
        shown,
        in_columns: "UNKNOWN[0]",
        interpreted: None,
    };
    vec![
        Case {
            what: "truncated",
            log: cut.as_bytes().to_vec(),
            events: 1,
            mark: "\"closed\":\"timer\"",
            shown: "euid=0",
            in_columns: "opened-file",
            interpreted: Some("euid=root"),
        },
        unreadable("truncated in its stamp", b"type=SYSCALL msg=audit(17000", "audit(17000"),
        Case {
            what: "an unknown type by its number",
            log: b"type=UNKNOWN[1999] msg=audit(1700000000.001:1): strange=here\n".to_vec(),
            events: 1,
            mark: "\"strange\":\"here\"",
            shown: "strange=here",
            in_columns: "UNKNOWN[1999]",
            interpreted: Some("strange=here"),
        },
        Case {
            interpreted: Some("odd=here"),
            ..unreadable(
                "an unknown type by its name",
                b"type=NEVER_HEARD msg=audit(1700000000.002:2): odd=here\n",
                "odd=here",
            )
        },
    ]
}

/// Bytes that are no text, and far too many.
fn bytes() -> Vec<Case> {
    let long = "y".repeat(LONG);
    let binary: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').collect();
    vec![
        Case {
            what: "control characters and NUL",
            log: b"type=CWD msg=audit(1700000000.001:1): cwd=\"/b\0\x01\x1b[31m\xff/end\"\n".to_vec(),
            events: 1,
            mark: "\"hex\":\"2F6200011B5B33316DFF2F656E64\"",
            shown: "/end",
            in_columns: "CWD",
            interpreted: Some("/end"),
        },
        Case {
            what: "not UTF-8",
            log: b"type=USER msg=audit(1700000000.001:1): pid=1 uid=0 auid=0 ses=1 msg='caf\xe9 exe=\"/bin/x\"'\n".to_vec(),
            events: 1,
            mark: "\"raw\":{\"hex\":\"",
            shown: "/bin/x",
            in_columns: "/bin/x",
            interpreted: Some("exe=/bin/x"),
        },
        Case {
            what: "no text at all",
            log: binary,
            events: 1,
            mark: "\"closed\":\"malformed\"",
            shown: "ABCDEFG",
            in_columns: "UNKNOWN[0]",
            interpreted: None,
        },
        Case {
            what: "longer than a line may be, in pieces",
            log: format!("type=USER msg=audit(1700000000.001:1): pid=1 uid=0 auid=0 ses=1 msg='{long}'\n").into(),
            events: 2,
            mark: "\"closed\":\"malformed\"",
            shown: "yyyy",
            in_columns: "UNKNOWN[0]",
            interpreted: Some("yyyy"),
        },
    ]
}

/// Numbers and times that cannot be.
fn numbers() -> Vec<Case> {
    let kept = |what, log: &str| Case {
        what,
        log: log.as_bytes().to_vec(),
        events: 1,
        mark: "\"closed\":\"malformed\"",
        shown: "/far",
        in_columns: "UNKNOWN[0]",
        interpreted: None,
    };
    vec![
        Case {
            what: "numbers beyond any type",
            log: b"type=SYSCALL msg=audit(1700000000.001:1): arch=ffffffffffff syscall=99999999999 success=maybe \
                exit=-99999999999999999999 a0=zz items=-1 ppid=-5 pid=4294967296 auid=18446744073709551616 uid=1e9 gid=0x10 \
                ses=999999999999 comm=\"n\" exe=\"/n/exe\"\n\
                type=PATH msg=audit(1700000000.001:1): item=99 name=\"/p\" inode=-1 dev=zz:yy mode=0999999 ouid=-1 ogid=x nametype=\n\
                type=SOCKADDR msg=audit(1700000000.001:1): saddr=02\n"
                .to_vec(),
            events: 1,
            mark: "\"pid\":4294967296,\"auid\":\"18446744073709551616\",\"uid\":\"1e9\",\"gid\":\"0x10\"",
            shown: "99999999999",
            in_columns: "/n/exe",
            interpreted: Some("unknown-syscall(99999999999)"),
        },
        kept("a time beyond 64 bits", "type=CWD msg=audit(99999999999999999999.999:1): cwd=\"/far\"\n"),
        kept("ten thousandths of a second", "type=CWD msg=audit(1700000000.9999:1): cwd=\"/far\"\n"),
        kept("a time before 1970", "type=CWD msg=audit(-5.000:1): cwd=\"/far\"\n"),
        kept("a serial beyond 32 bits", "type=CWD msg=audit(1700000000.001:4294967296): cwd=\"/far\"\n"),
        Case {
            mark: "\"time_ms\":\"253402300800000\"",
            in_columns: "253402300800",
            interpreted: Some("cwd=/far"),
            ..kept("a time after the year 9999", "type=CWD msg=audit(253402300800.000:1): cwd=\"/far\"\n")
        },
        Case {
            mark: "\"time\":\"1970-01-01T00:00:00.000Z\"",
            in_columns: "1970-01-01",
            interpreted: Some("cwd=/far"),
            ..kept("the time 0", "type=CWD msg=audit(0.000:1): cwd=\"/far\"\n")
        },
    ]
}

/// Ran to its end: with one of these statuses, and nothing that speaks of a panic.
fn ran(output: Output, statuses: &[i32], what: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| statuses.contains(&code)), "{what}: {said}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines of a log in a fixed order.
fn sorted(log: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

fn check(case: &Case, dir: &Path) {
    let what = case.what;
    let (log, store) = (dir.join("audit.log"), dir.join("store"));
    std::fs::write(&log, &case.log).expect("a file");
    let ktrail = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command.args(arguments).arg("--log-dir").arg(&store).output().expect("ktrail runs")
    };
    let search = |format| ran(ktrail(&["search", "--format", format]), &[0], &format!("{what}, {format}"));
    ran(ktrail(&["import", log.to_str().expect("a path of ours")]), &[0], what);

    let json = search("json");
    assert_eq!(json.lines().count(), case.events, "{what}");
    assert!(json.contains(case.mark), "{what}: {json}");
    let raw = ktrail(&["search", "--format", "raw"]).stdout;
    match case.log.len() > LONG {
        // Pieces come as lines of their own.
        true => assert_eq!(sorted(&raw).concat().len(), sorted(&case.log).concat().len(), "{what}"),
        false => assert_eq!(sorted(&raw), sorted(&case.log), "{what}"),
    }
    for format in ["text", "ecs", "ocsf"] {
        let text = search(format);
        assert!(text.contains(case.shown), "{what}, {format}: {text}");
        if format != "text" {
            let events: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(events.len(), case.events, "{what}, {format}");
        }
    }
    let columns = search("csv");
    assert!(columns.contains(case.in_columns), "{what}: {columns}");
    assert_eq!(columns.lines().count(), case.events + 1, "{what}: {columns}");

    let report = ran(ktrail(&["report", "--format", "json"]), &[0], what);
    let rows = report.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let total = rows.filter(|row: &Value| row["of"] == "events").map(|row| row["total"].as_u64());
    assert_eq!(total.collect::<Vec<_>>(), [u64::try_from(case.events).ok()], "{what}: {report}");
    for (name, options) in [("ausearch", &["-i"][..]), ("aureport", &["--summary"]), ("aureport", &["-f"])] {
        let program = dir.join(name);
        if !program.exists() {
            symlink(env!("CARGO_BIN_EXE_ktrail"), &program).expect("a link");
        }
        let mut command = Command::new(&program);
        let text = ran(command.args(options).arg("-if").arg(&log).output().expect("it runs"), &[0, 1], what);
        if let (Some(interpreted), "ausearch") = (case.interpreted, name) {
            assert!(text.contains(interpreted), "{what}: {text}");
        }
    }
}

#[test]
fn bad_input_is_kept_marked_and_shown_in_every_form() {
    for case in [orders(), parts(), bytes(), numbers()].into_iter().flatten() {
        let dir = tempfile::tempdir().expect("a directory");
        check(&case, dir.path());
    }
}
