//! `ktrail rules diff`, `load`, `add`, `delete`, `save` and `list` on the running kernel.
//!
//! Rules are for files below a directory of the test's own and for users who do not exist. The kernel's rules from
//! before are in every file that is loaded, so that they stay.

mod support {
    pub(crate) mod daemon;
    pub(crate) mod kernel;
}

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ktrail::rules::Rule;
use ktrail::rules::display::Form;
use serde_json::Value;
use support::daemon::Daemon;
use support::kernel::KernelGuard;

fn ktrail(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ktrail")).arg("rules").args(arguments).output().expect("ktrail runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The kernel's rules as they are listed.
fn listed(kernel: &mut KernelGuard) -> Vec<String> {
    let rules = kernel.control().list_rules().expect("rules");
    rules.iter().map(|bytes| Rule::from_kernel(bytes).expect("a rule").to_string()).collect()
}

/// A file of the rules from before the test and these.
fn file(dir: &Path, name: &str, before: &[Vec<u8>], rules: &[String]) -> String {
    let mut text: Vec<u8> = Vec::new();
    for rule in before {
        text.extend(Rule::from_kernel(rule).expect("a rule").to_text(Form::Exact));
        text.push(b'\n');
    }
    text.extend(rules.join("\n").into_bytes());
    text.push(b'\n');
    let path = dir.join(name);
    fs::write(&path, text).expect("a file");
    path.to_str().expect("text").to_owned()
}

/// Runs, and gives what it says.
fn done(arguments: &[&str], status: i32) -> String {
    let output = ktrail(arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_load_changes_what_differs_and_nothing_else() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let before = kernel.control().list_rules().expect("rules");
    let watch = |name: &str| format!("-w {}/{name} -p wa -k load-{name}", dir.path().display());
    let quiet = "-a never,exit -F arch=b64 -S openat -F uid=65432".to_owned();
    let one = file(dir.path(), "one.rules", &before, &[watch("a"), watch("b"), watch("c"), quiet.clone()]);
    let two = file(dir.path(), "two.rules", &before, &[quiet.clone(), watch("a"), watch("c"), watch("d")]);

    assert_eq!(done(&["load", &one], 0), "4 added, 0 deleted, 0 moved; 4 requests\n");
    assert_eq!(done(&["load", &one], 0), "0 added, 0 deleted, 0 moved; 0 requests\n");
    assert_eq!(done(&["diff", &one], 0), "");
    // The rule that keeps out of the log has to come before those it might match with.
    let expected = format!("- {}\n+ {}\n~ {quiet}\n", watch("b"), watch("d"));
    assert_eq!(done(&["diff", &two], 1), expected);
    let told: Value = serde_json::from_str(&done(&["diff", "--json", &two], 1)).expect("JSON");
    assert_eq!((&told["add"][0], &told["delete"][0]), (&Value::from(watch("d")), &Value::from(watch("b"))));
    done(&["load", &two], 0);
    let expected: Vec<String> = [quiet, watch("a"), watch("c"), watch("d")].into();
    assert_eq!(listed(&mut kernel)[before.len()..], expected);

    // What is saved loads the same.
    let saved = dir.path().join("saved.rules");
    let saved = saved.to_str().expect("text");
    done(&["save", saved], 0);
    assert_eq!(fs::read_to_string(saved).expect("a file"), done(&["save"], 0));
    assert_eq!(done(&["diff", saved], 0), "");
    let listed_json = done(&["list", "--json"], 0);
    let last: Value = serde_json::from_str(listed_json.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["keys"][0], &last["list"]), (&Value::from("load-d"), &Value::from("exit")));

    let none = file(dir.path(), "none.rules", &before, &[]);
    done(&["load", &none], 0);
    assert_eq!(kernel.control().list_rules().expect("rules"), before);
}

#[test]
fn a_bad_line_or_a_refusal_changes_nothing() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let before = kernel.control().list_rules().expect("rules");
    let status = kernel.control().status().expect("a status");
    let watch = |name: &str| format!("-w {}/{name} -p wa -k load", dir.path().display());
    let mut rules: Vec<String> = (0..10_000).map(|number| watch(&number.to_string())).collect();
    rules[7_000] = "-w relative -p r".to_owned();
    let bad = file(dir.path(), "bad.rules", &[], &rules);
    let said = done(&["load", &bad], 2);
    assert!(said.contains("bad.rules:7001:4: error: the path must start with /"), "{said}");
    assert_eq!(kernel.control().list_rules().expect("rules"), before);

    let kept = file(dir.path(), "kept.rules", &before, &[watch("kept"), watch("gone")]);
    done(&["load", &kept], 0);
    let loaded = kernel.control().list_rules().expect("rules");
    let new = ["-b 1234".to_owned(), watch("kept"), watch("new"), watch("missing/parent"), watch("more")];
    let refused = file(dir.path(), "refused.rules", &before, &new);
    let said = done(&["load", &refused], 2);
    let line = before.len() + 4;
    for part in [
        format!("refused.rules:{line}: "),
        "the directory of its path does not exist".to_owned(),
        "missing/parent".to_owned(),
        "the kernel's rules are as they were".to_owned(),
    ] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    assert_eq!(kernel.control().list_rules().expect("rules"), loaded);
    assert_eq!(kernel.control().status().expect("a status").backlog_limit, status.backlog_limit);

    // With -c the others are loaded.
    let lenient = file(dir.path(), "lenient.rules", &before, &[&["-c".to_owned()], &new[1..]].concat());
    let said = done(&["load", &lenient], 0);
    assert!(said.contains("missing/parent") && said.contains("the rule is left out"), "{said}");
    assert_eq!(listed(&mut kernel)[before.len()..], [watch("kept"), watch("new"), watch("more")]);
}

#[test]
fn one_rule_is_added_and_deleted_with_the_words_of_auditctl() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let before = kernel.control().list_rules().expect("rules");
    let path = dir.path().join("x").display().to_string();
    let rule = ["-w", &path, "-k", "one-k", "-p", "ra"];
    let with = |command: &'static str| [&[command], &rule[..]].concat();
    done(&with("add"), 0);
    assert_eq!(listed(&mut kernel).last(), Some(&format!("-w {path} -p ra -k one-k")));
    assert!(done(&with("add"), 2).contains("the rule is there already"));
    done(&with("delete"), 0);
    assert!(done(&with("delete"), 2).contains("there is no such rule"));
    done(&with("add"), 0);
    done(&["add", "-a", "always,exit", "-F", "arch=b64", "-S", "open", "-F", "uid=65432", "-k", "one-k"], 0);
    done(&["delete", "-k", "one-k"], 0);
    assert!(done(&["delete", "-k", "one-k"], 2).contains("no rule has this key"));
    assert!(done(&["add", "-w", "x"], 2).contains("rule:1:4: error: the path must start with /"));
    assert_eq!(kernel.control().list_rules().expect("rules"), before);
}

/// A shell of its own that makes one file after the other in `dir` until `go` is gone; gives how many.
const MAKE_FILES: &str =
    "number=0; while [ -e go ]; do touch kept/$number; number=$((number + 1)); done; echo $number";
/// Loads that are done meanwhile. The kernel takes some ten milliseconds to delete a rule.
const LOADS: usize = 12;

#[test]
fn a_load_under_constant_activity_misses_no_event_of_an_unchanged_rule() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let before = kernel.control().list_rules().expect("rules");
    let daemon = Daemon::start(|_| Vec::new());
    let dir = daemon.watched();
    fs::create_dir(dir.join("kept")).expect("a directory");
    fs::write(dir.join("go"), "").expect("a file");
    let kept = format!("-a always,exit -F dir={}/kept -F perm=w -k load-kept", dir.display());
    let quiet = "-a never,exit -F uid=65432".to_owned();
    let place = dir.display().to_string();
    let others = |letter: char| {
        let watch = |number: i32| format!("-w {place}/none-{letter}{number} -p wa -k load-other");
        (0..10).map(watch).collect::<Vec<_>>()
    };
    // The one rule changes its place with one that keeps out of the log, and the others change.
    let sets = [
        [vec![kept.clone(), quiet.clone()], others('a')].concat(),
        [vec![quiet, kept], others('b')].concat(),
    ];
    let files: Vec<String> =
        (0..2).map(|number| file(&dir, &format!("{number}.rules"), &before, &sets[number])).collect();
    done(&["load", &files[0]], 0);
    let shell = Command::new("sh").args(["-c", MAKE_FILES]).current_dir(&dir).stdout(Stdio::piped()).spawn();
    let shell = shell.expect("a shell");
    let mut moved = 0;
    for load in 1..=LOADS {
        let told = done(&["load", &files[load % 2]], 0);
        moved += usize::from(!told.contains(" 0 moved"));
    }
    fs::remove_file(dir.join("go")).expect("a file");
    let made = shell.wait_with_output().expect("it ends").stdout;
    let made: usize = text(&made).trim().parse().expect("a number");
    assert!(moved == LOADS && made > 100, "{moved} loads moved a rule; {made} files were made");
    let mut missing: Vec<bool> = vec![true; made];
    for event in daemon.search(&["-k", "load-kept"], made) {
        for record in event["records"].as_array().expect("records") {
            let name = record["name"].as_str().and_then(|name| name.strip_prefix("kept/"));
            if let Some(number) = name.and_then(|name| name.parse::<usize>().ok()) {
                missing[number] = false;
            }
        }
    }
    let missing: Vec<usize> = (0..made).filter(|number| missing[*number]).collect();
    assert!(missing.is_empty(), "{} of {made} files have no event: {missing:?}", missing.len());
    assert_eq!(kernel.control().status().expect("a status").lost, kernel.status_before().lost);
    let counted = daemon.ktrail(&["rules", "list", "--hits", "--json"]).stdout;
    let rules = counted.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events = rules.filter_map(|line| {
        let rule: Value = serde_json::from_slice(line).expect("JSON");
        let span =
            [&rule["since_ms"], &rule["until_ms"]].map(|time| time.as_u64().expect("a log with events"));
        let hours = (span[1] - span[0]) as f64 / 3_600_000.0;
        let (events, per_hour) = (rule["events"].as_u64(), rule["events_per_hour"].as_f64());
        assert!(
            per_hour.zip(events).is_none_or(|(rate, events)| (rate * hours - events as f64).abs() < 0.01)
        );
        if rule["keys"][0] == "load-kept" { events.filter(|_| per_hour.is_some()) } else { None }
    });
    let events: Vec<u64> = events.collect();
    assert!(events.len() == 1 && usize::try_from(events[0]).is_ok_and(|events| events >= made), "{events:?}");
    println!("{made} files made during {LOADS} loads, each with its event");
    drop(daemon.stop());
}
