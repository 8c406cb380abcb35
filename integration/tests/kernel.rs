//! What programs do, seen by the kernel, found by ktrail, and told in the same words by Debian's ausearch.

#[path = "../../tests/support/kernel.rs"]
mod kernel;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kernel::KernelGuard;
use ktrail_integration::daemon::{Ktraild, events, search};
use ktrail_integration::{ausearch, programs, wait};
use serde_json::Value;

/// One thing to do: a shell script, run in a watched folder that holds `plain`, `script` and `sh`, a shell whose path no other
/// process has. `$PORT` is a listening port. `syscalls` are expected among the events, `ok` or `fail` each.
struct Case {
    name: &'static str,
    script: &'static str,
    syscalls: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case { name: "open", script: "cat plain", syscalls: &[("openat", "yes")] },
    Case { name: "open-missing", script: "! cat plain missing 2>/dev/null", syscalls: &[("openat", "yes")] },
    Case { name: "write", script: "echo more >> plain", syscalls: &[("openat", "yes")] },
    Case { name: "rename", script: "mv plain 'new name'", syscalls: &[("renameat2|rename|renameat", "yes")] },
    Case { name: "unlink", script: "rm plain", syscalls: &[("unlinkat|unlink", "yes")] },
    Case { name: "chmod", script: "chmod 4711 plain", syscalls: &[("fchmodat|chmod|fchmodat2", "yes")] },
    Case {
        name: "chown",
        script: "chown daemon:daemon plain; cat plain",
        syscalls: &[("fchownat|chown", "yes")],
    },
    Case {
        name: "denied",
        script: "chmod 600 plain; ! setpriv --reuid=1 --regid=1 --clear-groups cat plain 2>/dev/null",
        syscalls: &[("openat", "no")],
    },
    Case { name: "login", script: "echo 1 > /proc/self/loginuid; cat plain", syscalls: &[("openat", "yes")] },
    Case {
        name: "odd-names",
        script: "touch 'two words' 'quo\"te' 'line\nbreak' 'umläut' $'by\\xffte' '(null)' 'a=b'",
        syscalls: &[("openat", "yes")],
    },
    Case {
        name: "exec-300",
        script: "./script 'two words' '' $'line\\nbreak' $(seq -f argument-%g 300)",
        syscalls: &[("execve", "yes")],
    },
    Case {
        name: "exec-long",
        script: "./script $(head -c 20000 /dev/zero | tr '\\0' x)",
        syscalls: &[("execve", "yes")],
    },
    Case {
        name: "connect",
        script: "./sh -c 'exec 3<>/dev/tcp/127.0.0.1/'$PORT",
        syscalls: &[("connect", "yes")],
    },
    Case {
        name: "refused",
        script: "! ./sh -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>/dev/null",
        syscalls: &[("connect", "no")],
    },
];

/// Fills the folder that a case is run in.
fn furnish(watched: &Path) {
    fs::create_dir(watched).expect("a directory");
    fs::write(watched.join("plain"), "text\n").expect("a file");
    fs::write(watched.join("script"), "#!/bin/sh\nexit 0\n").expect("a file");
    fs::copy("/bin/bash", watched.join("sh")).expect("a copy of bash");
    for (name, mode) in [("", 0o755), ("plain", 0o644), ("script", 0o755), ("sh", 0o755)] {
        fs::set_permissions(watched.join(name), fs::Permissions::from_mode(mode)).expect("its mode");
    }
}

fn has(found: &[Value], name: &str, success: &str) -> bool {
    found.iter().any(|event| {
        let syscall = event["names"]["syscall"].as_str().unwrap_or_default();
        let records = event["records"].as_array().expect("records");
        name.split('|').any(|name| name == syscall)
            && records.iter().any(|record| record["success"] == success)
    })
}

/// Runs one case and compares all its events; gives how many fields were compared.
fn check(case: &Case, port: u16) -> usize {
    let dir = tempfile::Builder::new().prefix("ktrail-it-").tempdir().expect("a temporary directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let watched = dir.path().join("watched");
    furnish(&watched);
    let path = watched.to_str().expect("text");
    let (key, exe) = (format!("ktrail-it-{}", case.name), format!("exe={path}/sh"));
    let rules = [
        "-w",
        path,
        "-p",
        "rwxa",
        "-k",
        &key,
        "-a",
        "always,exit",
        "-F",
        "arch=b64",
        "-S",
        "connect",
        "-F",
        &exe,
        "-k",
        &key,
    ];
    let daemon = Ktraild::start(dir.path(), &rules).expect("ktraild starts");
    let script = format!("export PORT={port}; {}", case.script);
    let status = Command::new("bash").args(["-c", &script]).current_dir(&watched).status().expect("bash");
    assert!(status.success(), "{}", case.name);

    let expected = |found: &[Value]| case.syscalls.iter().all(|(name, success)| has(found, name, success));
    let found = wait::until(|| {
        let output = daemon.ktrail(&["search", "-k", &key, "--format", "json"]).expect("ktrail runs");
        let found = events(&output.stdout).expect("JSON");
        expected(&found).then_some(())
    });
    assert!(found.is_some(), "{}: {:?} not found", case.name, case.syscalls);
    let (code, log) = daemon.stop().expect("ktraild ends");
    assert_eq!(code, Some(0), "{}", case.name);

    let ours =
        events(&search(&log, &["-k", &key, "--format", "json"]).expect("ktrail runs").stdout).expect("JSON");
    let raw = search(&log, &["-k", &key, "--format", "raw"]).expect("ktrail runs").stdout;
    let theirs = ausearch::interpreted(&raw).expect("ausearch reads the export");
    assert_eq!(
        ours.len(),
        theirs.len(),
        "{}: events in the export and in ausearch's reading of it",
        case.name
    );
    assert!(
        config_changes(&ours, "add_rule") == 2 && config_changes(&ours, "remove_rule") == 2,
        "{}: {ours:#?}",
        case.name
    );
    let mut compared = 0;
    for event in &ours {
        let serial = event["serial"].as_u64().expect("a serial");
        let lines = theirs.get(&serial).unwrap_or_else(|| panic!("{}: ausearch lacks {serial}", case.name));
        let (fields, differences) = ausearch::compare(event, lines);
        assert!(differences.is_empty(), "{} {serial}: {differences:#?}\n{lines:#?}", case.name);
        compared += fields;
    }
    compared
}

fn config_changes(found: &[Value], op: &str) -> usize {
    let records = found.iter().filter_map(|event| event["records"].as_array()).flatten();
    records.filter(|record| record["type"] == "CONFIG_CHANGE" && record["op"] == op).count()
}

#[test]
fn every_field_of_every_event_reads_as_ausearch_reads_it() {
    let Some(mut guard) = KernelGuard::take() else { return };
    if programs::installed("ausearch").is_none() {
        assert!(std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_none(), "ausearch is required (Debian: auditd)");
        eprintln!("skipped: this needs Debian's ausearch (package auditd)");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    for case in CASES {
        println!("{:14} {} fields agree", case.name, check(case, port));
        assert_eq!(guard.control().status().expect("a status").pid, 0, "{}: it has unregistered", case.name);
    }
}
