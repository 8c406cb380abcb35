//! What others do to the kernel's rules while the daemon runs is told in the log, and undone if that is configured.

mod support {
    pub(crate) mod daemon;
    pub(crate) mod kernel;
}

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use ktrail::rules::Rule;
use serde_json::Value;
use support::daemon::{Daemon, PATIENCE, directory};
use support::kernel::KernelGuard;

fn watch(watched: &Path) -> Vec<String> {
    ["-w", watched.to_str().expect("text"), "-p", "wa", "-k", "kept"].map(str::to_owned).to_vec()
}

/// Changes rules as somebody would beside the daemon.
fn ktrail(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_ktrail"))
        .arg("rules")
        .args(arguments)
        .output()
        .expect("ktrail runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is told of changes: what was done, the rule, and whether it was put back.
fn told(daemon: &Daemon, least: usize) -> Vec<(String, String, String, Value)> {
    // What is told of signatures is of this type too.
    let events = daemon.search(&["--type", "DAEMON_CONFIG"], least + 1);
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let one = |event: &Value| {
        let record = event["records"][0].clone();
        let told = || {
            let [change, rule, repair] = ["change", "rule", "repair"].map(|name| text(&record, name));
            (change, rule, repair, record["auid"].clone())
        };
        match text(&record, "op").as_str() {
            "seal-begin" => None,
            op => {
                assert_eq!(op, "rules-drift", "{event}");
                Some(told())
            }
        }
    };
    events.iter().filter_map(one).collect()
}

fn listed(kernel: &mut KernelGuard) -> Vec<String> {
    let rules = kernel.control().list_rules().expect("rules");
    rules.iter().map(|bytes| Rule::from_kernel(bytes).expect("a rule").to_string()).collect()
}

#[test]
fn what_others_do_to_the_rules_is_told_once_with_who_did_it() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let before = listed(&mut kernel);
    let daemon = Daemon::start(watch);
    let rule = format!("-w {} -p wa -k kept", daemon.watched().display());
    let auid: u64 =
        fs::read_to_string("/proc/self/loginuid").expect("a number").trim().parse().expect("a number");
    ktrail(&["delete", "-k", "kept"]);
    let removed = ("removed".to_owned(), rule.clone(), "off".to_owned(), Value::from(auid));
    assert_eq!(told(&daemon, 1), std::slice::from_ref(&removed));
    ktrail(&[
        "add",
        "-a",
        "always,exit",
        "-F",
        "arch=b64",
        "-S",
        "open",
        "-F",
        "uid=65432",
        "-k",
        "two words",
    ]);
    let text = "-a always,exit -F arch=b64 -S open -F uid=65432 -F key=two\\ words".to_owned();
    let added = ("added".to_owned(), text.clone(), "off".to_owned(), Value::from(auid));
    assert_eq!(told(&daemon, 2), [removed, added]);
    assert_eq!(listed(&mut kernel), [before, vec![text]].concat(), "nothing is put back");
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn the_rules_are_made_again_what_they_were_if_that_is_configured() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let before = listed(&mut kernel);
    let daemon = Daemon::start_in(directory(), "[rules]\non_drift = \"repair\"\n", watch);
    let rule = format!("-w {} -p wa -k kept", daemon.watched().display());
    let with_ours = listed(&mut kernel);
    assert_eq!(with_ours, [before.clone(), vec![rule.clone()]].concat());
    ktrail(&["add", "-A", "never,exit", "-F", "uid=65432"]);
    ktrail(&["delete", "-k", "kept"]);
    let begun = Instant::now();
    while listed(&mut kernel) != with_ours {
        assert!(begun.elapsed() < PATIENCE, "{:?}", listed(&mut kernel));
        std::thread::yield_now();
    }
    let told = told(&daemon, 2);
    for (change, rule) in [("removed", rule.as_str()), ("added", "-a never,exit -S all -F uid=65432")] {
        let found = told.iter().any(|told| told.0 == change && told.1 == rule && told.2 == "done");
        assert!(found, "{change} {rule}: {told:?}");
    }
    // What the daemon itself takes away at its end is no change by others.
    let (code, dir) = daemon.stop();
    assert_eq!((code, listed(&mut kernel)), (Some(0), before));
    let count = Command::new(env!("CARGO_BIN_EXE_ktrail"))
        .args(["search", "--type", "DAEMON_CONFIG", "--count", "--log-dir"])
        .arg(dir.path().join("log"))
        .output()
        .expect("ktrail runs");
    // One is of the beginning of the signatures.
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), (told.len() + 1).to_string());
}
