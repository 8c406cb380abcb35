//! `ktrail rules check` as a program: what it says, how it ends, and that it needs no kernel.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn check(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    command.args(["rules", "check"]).args(arguments).current_dir(dir).output().expect("ktrail runs")
}

#[test]
fn every_error_of_every_file_is_told_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(
        dir.path().join("a.rules"),
        "-D\n-w etc/passwd -p r\n-a always,exit -F uid=nobody-of-this-name -S nosuch\n",
    )
    .expect("a file");
    fs::write(dir.path().join("b.rules"), "-w /etc/passwd -p wa -k x\n-b many\n").expect("a file");
    let output = check(&["a.rules", "b.rules"], dir.path());
    let expected = "\
a.rules:2:4: error: the path must start with /
    -w etc/passwd -p r
       ^~~~~~~~~~
a.rules:3:19: error: no user of this name on this host
    -a always,exit -F uid=nobody-of-this-name -S nosuch
                      ^~~~~~~~~~~~~~~~~~~~~~~
a.rules:3:46: error: x86_64 has no system call of this name
    -a always,exit -F uid=nobody-of-this-name -S nosuch
                                                 ^~~~~~
b.rules:2:4: error: not a number from 0 to 4294967295
    -b many
       ^~~~
1 rule in 2 files: 4 errors, 0 warnings
";
    if cfg!(target_arch = "x86_64") {
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    assert_eq!((output.status.code(), output.stderr.len()), (Some(2), 0));
}

#[test]
fn scripts_are_told_in_json() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.rules"), "-w /etc -p r\n-w /etc -p r\n-w /etc -p q\n").expect("a file");
    let output = check(&["--json", "a.rules"], dir.path());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = serde_json::json!({
        "files": 1, "rules": 2, "errors": 1, "warnings": 1,
        "findings": [
            {
                "file": "a.rules", "line": 2, "column": 1, "length": 0, "severity": "warning",
                "message": "the same rule stands before it; auditctl -R ends here, as the kernel refuses it",
                "text": "-w /etc -p r", "other": { "file": "a.rules", "line": 1 },
            },
            {
                "file": "a.rules", "line": 3, "column": 12, "length": 1, "severity": "error",
                "message": "permissions are one or more of r, w, x and a; 'q' is none of them",
                "text": "-w /etc -p q",
            },
        ],
    });
    assert_eq!((told, output.status.code()), (expected, Some(2)));
}

#[test]
fn rules_that_fill_the_log_are_told_by_its_events() {
    let dir = tempfile::tempdir().expect("a directory");
    // In the second half of twenty minutes are 9000 events of one key: 27,000 an hour, or 54,000 in that half alone.
    let event = |number: u64, ms: u64, key: &str| {
        format!(
            "type=USER msg=audit({}.{:03}:{number}): pid=1 key=\"{key}\"\n",
            1_700_000_000 + ms / 1000,
            ms % 1000
        )
    };
    let mut log = event(1, 0, "rare");
    (0..9000).for_each(|n| log += &event(n + 2, 600_000 + n * 66, "busy"));
    log += &event(9002, 1_200_000, "rare");
    fs::write(dir.path().join("audit.log"), log).expect("a file");
    fs::write(dir.path().join("a.rules"), "-w /etc -p wa -k rare\n-w /usr -p wa -k busy\n").expect("a file");
    let ktrail = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command
            .args(arguments)
            .args(["--log-dir", "log"])
            .current_dir(dir.path())
            .output()
            .expect("ktrail runs")
    };
    assert!(ktrail(&["import", "audit.log"]).status.success());
    let warning = "a.rules:2:1: warning: the key \"busy\" has 54000 events an hour";
    for (since, told) in [("2023-11-14T22:13:20Z", false), ("2023-11-14T22:23:20Z", true)] {
        let output = ktrail(&["rules", "check", "a.rules", "--hits", "--since", since]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.contains(warning), told, "{since}: {said}");
        assert_eq!(output.status.code(), Some(0));
    }
    assert!(
        !ktrail(&["rules", "check", "a.rules", "--since", "today"]).status.success(),
        "a time for no count"
    );
}

#[test]
fn without_names_the_configured_directories_are_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let rules = dir.path().join("rules.d");
    fs::create_dir(&rules).expect("a directory");
    fs::write(rules.join("20.rules"), "-w /etc -p w\n").expect("a file");
    fs::write(rules.join("10.rules"), "-w /etc -p wa\n").expect("a file");
    fs::write(rules.join("10.rules.old"), "nonsense\n").expect("a file");
    fs::write(dir.path().join("c.toml"), format!("rules_dirs = [{:?}]\n", rules.display().to_string()))
        .expect("a file");
    let output = check(&["--config", "c.toml"], dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("20.rules:1:1: warning: it never decides"), "{said}");
    assert!(said.ends_with("2 rules in 2 files: 0 errors, 1 warning\n"), "{said}");
    assert_eq!(output.status.code(), Some(0));
    for (arguments, told) in
        [(["--config", "none.toml"], "none.toml"), (["none.rules", "--json"], "cannot read none.rules")]
    {
        let output = check(&arguments, dir.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(told) && output.status.code() == Some(2), "{said}");
    }
}
