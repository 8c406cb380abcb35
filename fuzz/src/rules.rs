//! A host for rules, and what must hold of every rule.

use ktrail::rules::display::Form;
use ktrail::rules::host::Host;
use ktrail::rules::parse::{Line, line};
use ktrail::rules::plan::{Plan, Step, plan};
use ktrail::rules::{Rule, Value, explain, field};

/// A host with one user and one group, whose directories are the root and what is named `dir`.
pub struct FuzzHost;

impl Host for FuzzHost {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "alice").then_some(1000)
    }
    fn group(&self, name: &str) -> Option<u32> {
        (name == "staff").then_some(50)
    }
    fn is_directory(&self, path: &[u8]) -> bool {
        path == b"/" || path.ends_with(b"/dir")
    }
    fn exists(&self, path: &[u8]) -> bool {
        !path.starts_with(b"/none")
    }
}

/// Checks what must hold of a rule that a text has made.
pub fn check_parsed(rule: &Rule) {
    let mut forms = vec![Form::Exact];
    if !is_other_sort_of_file(rule) {
        forms.push(Form::Listed);
    }
    for form in forms {
        let text = rule.to_text(form);
        match line(&text, &FuzzHost) {
            Ok((Line::Add(again), _)) => {
                assert_eq!(&again, rule, "{form:?}: {}", text.escape_ascii());
                assert_eq!(again.to_text(form).escape_ascii().to_string(), text.escape_ascii().to_string());
            }
            other => panic!("{form:?}: {}: {other:?}", text.escape_ascii()),
        }
    }
    check_any(rule);
}

/// Checks what must hold of a rule wherever it comes from.
pub fn check_any(rule: &Rule) {
    assert_eq!(Rule::from_kernel(&rule.to_kernel()).as_ref(), Ok(rule), "{rule}");
    rule.interpreted(&|_, _, _| None);
    explain::explain(rule);
}

/// Whether -w would make another rule of the path on this host: `path=` of a directory, or `dir=` of none.
fn is_other_sort_of_file(rule: &Rule) -> bool {
    rule.conditions().iter().any(|condition| match &condition.value {
        Value::Text(path) if condition.field == field::PATH => FuzzHost.is_directory(path),
        Value::Text(path) if condition.field == field::DIR => !FuzzHost.is_directory(path),
        _ => false,
    })
}

/// Checks that the plan from some rules to others can be carried out, and leads there.
pub fn check_plan(installed: &[Rule], wanted: &[Rule]) {
    let before = loaded(installed);
    let Plan { steps, added, deleted, .. } = plan(&before, wanted);
    let mut kernel = before.clone();
    for step in &steps {
        take(&mut kernel, step);
    }
    for rule in loaded(wanted) {
        assert!(has(&kernel, &rule), "{rule} is wanted and not there");
    }
    for rule in &kernel {
        assert!(has(wanted, rule), "{rule} is there and not wanted");
    }
    assert!(added.iter().all(|rule| !has(&before, rule)) && deleted.iter().all(|rule| !has(wanted, rule)));
    assert!(plan(&kernel, wanted).is_empty(), "one load is enough");
}

fn has(rules: &[Rule], rule: &Rule) -> bool {
    rules.iter().any(|known| known.same_as(rule))
}

/// What the kernel has after rules were loaded: it takes none twice but in front.
fn loaded(rules: &[Rule]) -> Vec<Rule> {
    let mut kernel = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.prepends()) {
        if !has(&kernel, rule) {
            take(&mut kernel, &Step::Add(rule.clone()));
        }
    }
    kernel
}

fn take(kernel: &mut Vec<Rule>, step: &Step) {
    match step {
        Step::Add(rule) | Step::Again(rule) if rule.prepends() => kernel.insert(0, rule.clone()),
        Step::Add(rule) | Step::Again(rule) => {
            assert!(!has(kernel, rule), "the kernel refuses {rule}, which it has");
            kernel.push(rule.clone());
        }
        Step::Delete(rule) => {
            let first = kernel.iter().position(|known| known.same_as(rule));
            kernel.remove(first.unwrap_or_else(|| panic!("{rule} is deleted and not there")));
        }
    }
}
