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
