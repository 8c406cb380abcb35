//! The house rules that a machine can hold: which module may use which, and what must not be in the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules in their order, lowest first, each with what it may use of ours. `docs/architecture.md` says why.
const MAY_USE: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("tables", &[]),
    ("netlink", &["sys"]),
    ("record", &["tables"]),
    ("event", &["record"]),
    ("redact", &["record", "event"]),
    ("rules", &["tables"]),
    ("ruleset", &["sys", "netlink", "rules"]),
    ("interpret", &["tables", "record", "event"]),
    ("enrich", &["sys", "tables", "record", "event"]),
    ("store", &["sys"]),
    ("entry", &["tables", "record", "event", "interpret", "enrich", "store"]),
    ("ingest", &["record", "event", "redact", "enrich", "entry", "store", "tables"]),
    ("query", &["tables", "record", "entry", "store"]),
    ("protocol", &[]),
    ("serve", &["sys", "record", "store", "entry", "query", "protocol"]),
    ("client", &["protocol"]),
    ("render", &["tables", "record", "event", "interpret", "enrich", "entry"]),
    ("report", &["tables", "record", "event", "interpret"]),
    ("outputs", &["sys", "record", "event", "interpret", "store", "entry", "query", "render"]),
    (
        "config",
        &["sys", "netlink", "event", "redact", "enrich", "store", "ingest", "query", "serve", "outputs"],
    ),
    (
        "daemon",
        &[
            "sys", "tables", "netlink", "record", "event", "redact", "rules", "ruleset", "enrich", "store",
            "entry", "ingest", "query", "protocol", "serve", "outputs", "config",
        ],
    ),
    (
        "cli",
        &[
            "tables",
            "netlink",
            "record",
            "event",
            "rules",
            "ruleset",
            "interpret",
            "enrich",
            "store",
            "entry",
            "ingest",
            "query",
            "protocol",
            "client",
            "render",
            "report",
            "outputs",
            "config",
        ],
    ),
];

/// Lines of a function at most. What is longer now may not grow: name, file and length.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a file without its tests at most.
const FILE_LINES_MAX: usize = 420;
/// Files that are tables.
const TABLES: [&str; 6] = [
    "tables/syscalls.rs",
    "tables/types.rs",
    "tables/errno.rs",
    "tables/field.rs",
    "tables/constants.rs",
    "config/reference/table.rs",
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file with its path below src/.
fn sources() -> BTreeMap<String, String> {
    fn walk(dir: &Path, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).expect("a directory of ours") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src()).expect("below src").display().to_string();
                into.insert(name, fs::read_to_string(&path).expect("a source of ours"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&src(), &mut found);
    found
}

/// The top-level module of a path below src/.
fn module(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The lines before the tests, with their number.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.lines().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(usize::MAX);
    (1..).zip(text.lines()).take(end)
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let mut problems = Vec::new();
    for (index, (name, uses)) in MAY_USE.iter().enumerate() {
        for used in *uses {
            let place = MAY_USE.iter().position(|(other, _)| other == used);
            if place.is_none_or(|place| place >= index) {
                problems.push(format!("the table lets {name} use {used}, which does not stand below it"));
            }
        }
    }
    for (path, text) in sources() {
        let own = module(&path);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
            if own != "lib" && own != "bin" {
                problems.push(format!("{path}: the module {own} is not in the table"));
            }
            continue;
        };
        let tests = path.ends_with("tests.rs") || path.contains("/tests/");
        for (number, line) in code(&text).filter(|_| !tests) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if used != own && !allowed.contains(&used.as_str()) {
                    problems.push(format!("{path}:{number}: {own} may not use {used}"));
                }
            }
            let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
            if line.contains(&"super::".repeat(depth + 1)) {
                problems.push(format!("{path}:{number}: super:: leaves the module {own}"));
            }
        }
    }
    report(&problems);
}

#[test]
fn lib_names_the_modules_in_their_order_and_nothing_else() {
    let text = fs::read_to_string(src().join("lib.rs")).expect("lib.rs");
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(|name| name.trim_end_matches(';'))
        .collect();
    let table: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, table);
    assert!(!text.contains("pub use"), "one name and one path for a type");
}

#[test]
fn sources_hold_none_of_what_is_not_wanted() {
    let unwanted = ["TODO", "FIXME", "XXX", "dbg!(", "todo!(", "unimplemented!("];
    let vague = ["util", "utils", "common", "helpers", "misc"];
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let stem = path.rsplit('/').next().unwrap_or(&path).trim_end_matches(".rs");
        if vague.contains(&stem) || path.split('/').any(|part| vague.contains(&part)) {
            problems.push(format!("{path}: the name says nothing"));
        }
        for (number, line) in (1..).zip(text.lines()) {
            problems.extend(
                unwanted
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{path}:{number}: {word}")),
            );
            let is_unsafe = line.trim_start().starts_with("unsafe ") || line.contains(" unsafe {");
            if is_unsafe && module(&path) != "sys" {
                problems.push(format!("{path}:{number}: unsafe outside sys"));
            }
        }
    }
    report(&problems);
}

#[test]
fn functions_and_files_are_short() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        if TABLES.contains(&path.as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        let lines = code(&text).count();
        if lines > FILE_LINES_MAX {
            problems.push(format!("{path}: {lines} lines without tests"));
        }
        let mut begun: Option<(usize, usize)> = None;
        for (number, line) in code(&text) {
            let indent = line.len() - line.trim_start().len();
            let word = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
            let word =
                word.split_once(") ").filter(|_| word.starts_with("pub(")).map_or(word, |(_, rest)| rest);
            if word.starts_with("fn ") && !line.trim_end().ends_with(';') {
                begun = Some((number, indent));
            }
            if let Some((first, indent_of_fn)) = begun
                && indent == indent_of_fn
                && line.trim_start().starts_with('}')
            {
                let length = number - first + 1;
                if length > FUNCTION_LINES_MAX {
                    problems.push(format!("{path}:{first}: a function of {length} lines"));
                }
                begun = None;
            }
        }
    }
    report(&problems);
}
