//! A file of rules: each rule is written and read again, given to the kernel's form and back, explained, compared with
//! the others, and the set is loaded over another.
#![no_main]

use ktrail::rules::Rule;
use ktrail::rules::lint::lint;
use ktrail::rules::parse::{Line, file, line};
use ktrail_fuzz::rules::{FuzzHost, check_parsed, check_plan};
use libfuzzer_sys::fuzz_target;

/// Rules between which a plan is made at most: what takes time is known, and is no finding.
const PLANNED_MAX: usize = 24;

fuzz_target!(|input: &[u8]| {
    let read = file(input, &FuzzHost);
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    for (place, _) in &read.errors {
        let text = lines[place.line - 1];
        assert!(place.column >= 1 && place.column <= text.len() + 1, "the place is in the line");
        assert!(line(text, &FuzzHost).is_err(), "what a file refuses is refused alone");
    }
    let mut rules: Vec<Rule> = Vec::new();
    for (number, read) in &read.lines {
        assert_eq!(line(lines[number - 1], &FuzzHost).map(|(line, _)| line).as_ref(), Ok(read));
        match read {
            Line::Add(rule) | Line::Delete(rule) => rules.push(rule.clone()),
            Line::Control(_) | Line::Blank => {}
        }
    }
    rules.iter().for_each(check_parsed);
    for finding in lint(&rules) {
        assert!(finding.rule < rules.len() && finding.other.is_none_or(|other| other < rules.len()));
        let _ = finding.lint.to_string();
    }
    rules.truncate(PLANNED_MAX);
    let (first, second) = rules.split_at(rules.len() / 2);
    check_plan(first, &rules);
    check_plan(&rules, second);
    check_plan(first, second);
});
