//! The example rules that Debian ships with auditd are understood, each line of them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use ktrail::rules::Rule;
use ktrail::rules::control::Control;
use ktrail::rules::display::Form;
use ktrail::rules::host::Host;
use ktrail::rules::parse::{Line, file, line};

/// Where Debian's package auditd has them.
const EXAMPLES: &str = "/usr/share/doc/auditd/examples/rules";
/// With `1` in this variable a test that would be skipped fails.
const REQUIRE: &str = "KTRAIL_REQUIRE_KERNEL";

/// A host that has the one user whom the examples name, and nothing else.
struct ExampleHost;

impl Host for ExampleHost {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "chrony").then_some(105)
    }

    fn group(&self, _: &str) -> Option<u32> {
        None
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        path.ends_with(b".d")
    }

    fn exists(&self, _: &[u8]) -> bool {
        true
    }
}

/// The examples with their names; `None`, after saying why, where there are none.
fn examples() -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let why_not = if !cfg!(target_arch = "x86_64") {
        "the examples have names of system calls of x86_64 and i386 only".to_owned()
    } else if !Path::new(EXAMPLES).is_dir() {
        format!("{EXAMPLES} is missing: Debian's package auditd has it")
    } else {
        let entries = fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "rules")).collect();
        paths.sort();
        return Some(paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect());
    };
    assert!(env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{REQUIRE} is 1, but {why_not}");
    eprintln!("skipped: {why_not}");
    None
}

#[test]
fn every_line_of_the_examples_is_a_rule_or_a_known_command() {
    let Some(examples) = examples() else { return };
    let (mut rules, mut controls) = (Vec::new(), Vec::new());
    for (path, text) in &examples {
        let read = file(text, &ExampleHost);
        assert!(read.errors.is_empty(), "{}: {:#?}", path.display(), read.errors);
        for (_, line) in read.lines {
            match line {
                Line::Add(rule) => rules.push(rule),
                Line::Control(control) => controls.push(control),
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }
    assert!(examples.len() > 30 && rules.len() > 200, "{} files, {} rules", examples.len(), rules.len());
    for expected in [
        Control::DeleteAll { key: None },
        Control::BacklogLimit(8192),
        Control::BacklogWaitTime(60000),
        Control::Failure(1),
        Control::LoginUidImmutable,
        Control::Continue,
        Control::IgnoreErrors,
    ] {
        assert!(controls.contains(&expected), "{expected:?} is in none of the examples: {controls:?}");
    }
}

#[test]
fn the_examples_rules_go_through_text_and_the_kernels_form_unchanged() {
    let Some(examples) = examples() else { return };
    for (path, text) in &examples {
        for (number, read) in file(text, &ExampleHost).lines {
            let Line::Add(rule) = read else { continue };
            let place = format!("{}:{number}", path.display());
            assert_eq!(Rule::from_kernel(&rule.to_kernel()).as_ref(), Ok(&rule), "{place}");
            let (again, _) = line(&rule.to_text(Form::Exact), &ExampleHost).expect(&place);
            assert_eq!(again, Line::Add(rule), "{place}");
        }
    }
}
