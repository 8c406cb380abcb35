//! `docs/configuration.md`, made of the table and the types, and the tests that neither drifts from the other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Range, SETTINGS, Setting};
use crate::config::file::File;
use crate::config::{Config, Overrides, output};

/// Set, the document is written anew: `KTRAIL_WRITE_DOCS=1 cargo test --lib config::reference`.
const WRITE: &str = "KTRAIL_WRITE_DOCS";

const HEAD: &str = "\
# Configuration reference

`/etc/ktrail/ktrail.toml`, or the file named by `--config`, in TOML. Every setting may be left out; an unknown one is refused.
`ktraild --check-config` checks the file. A change takes effect with `ktrail reload`.

Made from `src/config/` by `KTRAIL_WRITE_DOCS=1 cargo test --lib config::reference`; a test fails when it is not as the program is.
The last column names the setting of auditd.conf to which a setting answers.
";

/// The tables of the file, each with what it is for.
const TABLES: &[(&str, &str)] = &[
    ("", "Before the first table"),
    ("rules", "`[rules]`"),
    ("kernel", "`[kernel]`: what is asked of the kernel while the daemon runs"),
    ("events", "`[events]`"),
    ("store", "`[store]`: the log"),
    ("output[log]", "`[output.NAME]` with `type = \"log\"`: a text log as auditd's"),
    ("output[plugin]", "`[output.NAME]` with `type = \"plugin\"`: a plugin of auditd's dispatcher"),
    ("output[plugins]", "`[output.NAME]` with `type = \"plugins\"`: all plugins of a directory"),
    ("output[syslog]", "`[output.NAME]` with `type = \"syslog\"`: RFC 5424"),
    ("output[journal]", "`[output.NAME]` with `type = \"journal\"`: systemd's journal"),
    ("output[socket]", "`[output.NAME]` with `type = \"socket\"`: a unix socket for consumers"),
    ("enrich", "`[enrich]`: what is told of an event's process besides its records"),
    ("seal", "`[seal]`: signatures over the log, docs/tamper-evidence.md"),
    ("overload", "`[overload]`: what happens when more comes than can be stored"),
    ("confine", "`[confine]`: what the daemon gives up when it starts"),
    ("redact", "`[redact]`: secrets in command lines"),
    ("diagnostics", "`[diagnostics]`: what the daemon tells of itself"),
];

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md")
}

/// The file with every setting at its default, and an output of each type as `output[TYPE]`.
fn defaults() -> Value {
    let mut file = serde_json::to_value(File::default()).expect("the file's types are plain");
    for output in output::defaults() {
        let mut value = serde_json::to_value(&output).expect("the file's types are plain");
        value.as_object_mut().map(|members| members.remove("type"));
        file[format!("output[{}]", output::type_name(&output))] = value;
    }
    file
}

/// Every setting that the types have, by name.
fn leaves(value: &Value, before: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
                leaves(member, &name, into);
            }
        }
        _ => drop(into.insert(before.to_owned())),
    }
}

fn default_of(name: &str) -> Value {
    defaults().pointer(&format!("/{}", name.replace('.', "/"))).cloned().unwrap_or(Value::Null)
}

fn table(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(table, _)| table)
}

/// A number of bytes with a power of two, if it is one.
fn told(value: &Value, unit: &str) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Number(number) if unit == "bytes" => {
            let bytes = number.as_u64().unwrap_or(0);
            let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
            let found = units.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
            found.map_or_else(
                || bytes.to_string(),
                |(shift, unit)| format!("{bytes} ({} {unit})", bytes >> shift),
            )
        }
        other => format!("`{other}`"),
    }
}

fn range(setting: &Setting) -> String {
    match &setting.range {
        Range::Number(least, u64::MAX) => {
            format!("{} or more", told(&Value::from(*least), setting.unit).replace('`', ""))
        }
        Range::Number(least, most) => format!("{least} to {most}"),
        Range::Answer => "`true`, `false`".to_owned(),
        Range::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Range::Other(words) => (*words).to_owned(),
    }
}

fn document() -> String {
    let mut text = String::from(HEAD);
    for (name, title) in TABLES {
        let _ = write!(
            text,
            "\n## {title}\n\n| setting | default | unit | values | meaning | auditd.conf |\n| --- | --- | --- | --- | --- | --- |\n"
        );
        for setting in SETTINGS.iter().filter(|setting| table(setting.name) == *name) {
            let short = setting.name.rsplit('.').next().unwrap_or(setting.name);
            let default = told(&default_of(setting.name), setting.unit);
            let or = |text: &'static str| if text.is_empty() { "–" } else { text };
            let _ = writeln!(
                text,
                "| `{short}` | {default} | {} | {} | {} | {} |",
                or(setting.unit),
                range(setting),
                setting.meaning,
                or(setting.auditd)
            );
        }
    }
    text
}

#[test]
fn every_setting_has_one_row_and_every_row_a_setting() {
    let mut typed = BTreeSet::new();
    leaves(&defaults(), "", &mut typed);
    let rows: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    let listed: BTreeSet<String> = rows.iter().map(|name| (*name).to_owned()).collect();
    let forgotten: Vec<_> = typed.difference(&listed).collect();
    assert!(forgotten.is_empty(), "without a row in src/config/reference/table.rs: {forgotten:?}");
    let gone: Vec<_> = listed.difference(&typed).collect();
    assert!(gone.is_empty(), "rows without a setting in src/config/file.rs: {gone:?}");
    assert_eq!(rows.len(), listed.len(), "a row stands there twice");
    for name in rows {
        let known = TABLES.iter().any(|(known, _)| *known == table(name));
        assert!(known, "{name}: its table has no title in src/config/reference/document.rs");
    }
}

#[test]
fn the_document_is_as_the_program_is() {
    let text = document();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path(), &text).expect("the document is ours");
    }
    let there = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(
        there == text,
        "docs/configuration.md is not of now: {WRITE}=1 cargo test --lib config::reference"
    );
}

/// A file with this one setting, and what is made of it.
fn with(setting: &Setting, value: &str) -> Result<Config, String> {
    let (table, name) = setting.name.rsplit_once('.').unwrap_or(("", setting.name));
    let head = match table.strip_prefix("output[").and_then(|table| table.strip_suffix(']')) {
        _ if table.is_empty() => String::new(),
        Some("plugin") if name != "path" => "[output.x]\ntype = \"plugin\"\npath = \"/x\"\n".to_owned(),
        Some(kind) => format!("[output.x]\ntype = \"{kind}\"\n"),
        None => format!("[{table}]\n"),
    };
    let text = format!("{head}{name} = {value}\n");
    Config::parse(&text, Path::new("x"), &Overrides::default()).map_err(|error| error.to_string())
}

#[test]
fn what_is_outside_of_a_range_is_refused_and_what_is_inside_taken() {
    for setting in SETTINGS {
        let taken = |value: &str| {
            let parsed = with(setting, value);
            // What another setting has to go with is none of the range's.
            let with_another =
                ["the policy is not shed", "has no command to run", "udp and tcp need an address"];
            let other =
                parsed.as_ref().is_err_and(|error| with_another.iter().any(|cause| error.contains(cause)));
            assert!(parsed.is_ok() || other, "{} = {value}: {:?}", setting.name, parsed.err());
        };
        let refused =
            |value: &str| assert!(with(setting, value).is_err(), "{} = {value} was taken", setting.name);
        match &setting.range {
            Range::Number(least, most) => {
                taken(&least.to_string());
                taken(&most.to_string());
                refused(&(i128::from(*least) - 1).to_string());
                refused(&(u128::from(*most) + 1).to_string());
                refused("\"1\"");
            }
            Range::Answer => {
                ["true", "false"].iter().for_each(|value| taken(value));
                ["\"true\"", "1"].iter().for_each(|value| refused(value));
            }
            Range::Choice(words) => {
                words.iter().for_each(|word| taken(&format!("\"{word}\"")));
                ["\"nonsense\"", "\"\"", "1"].iter().for_each(|value| refused(value));
            }
            Range::Other(_) => ["1", "true", "1.5"].iter().for_each(|value| refused(value)),
        }
    }
}
