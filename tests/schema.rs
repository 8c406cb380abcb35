//! The stored event is what its documents say, and so is what is made of it for other schemas.
//!
//! `docs/schema/event.schema.json` and the tables of `docs/schema.md` are made of `docs/schema/fields.tsv` and the classes of
//! `src/tables/field.rs`. With `KTRAIL_WRITE_DOCS` set, the test that compares them writes them instead, and so does the
//! one that compares the samples of the other schemas.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use ktrail::tables::field::{Class, IdKind, all, class};
use serde_json::{Value, json};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A field with what is written of it.
struct Field {
    name: String,
    value: String,
    meaning: String,
}

/// The fields that are documented, ascending.
fn fields() -> Vec<Field> {
    let text = read("docs/schema/fields.tsv");
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, value, meaning] = columns[..] else { panic!("not three columns: {line:?}") };
        Field { name: name.to_owned(), value: value.to_owned(), meaning: meaning.to_owned() }
    };
    text.lines().skip(1).map(row).collect()
}

fn described(reference: &str, description: &str) -> Value {
    json!({ "description": description, "$ref": format!("#/$defs/{reference}") })
}

/// The definition by which a field's member is described.
fn form(name: &str) -> &'static str {
    match (name, class(name.as_bytes())) {
        ("key" | "proctitle", _) => "list",
        ("msg", _) => "message",
        (_, Class::Decimal) => "number",
        (_, Class::Encoded) => "string",
        (_, Class::Bare) => "word",
    }
}

/// The members of a record or message by the names of its fields.
fn members(within_message: bool) -> Value {
    let mut members = serde_json::Map::new();
    for field in fields() {
        let form = if within_message && field.name == "msg" { "word" } else { form(&field.name) };
        let description = format!("{} ({}).", field.meaning, field.value);
        members.insert(field.name, described(form, &description));
    }
    members.into()
}

/// The parts that other parts refer to.
fn definitions() -> Value {
    let mut record = members(false);
    record["type"] = json!({
        "description": "The record type's name, UNKNOWN[number] without one.",
        "type": "string", "pattern": "^([A-Z][A-Z0-9_]*|UNKNOWN\\[[0-9]{1,5}\\])$", "maxLength": 32,
    });
    record["raw"] = described(
        "text",
        "The record's whole text, where the other members do not give it back byte for byte.",
    );
    record["argv"] = json!({
        "description": "The arguments of EXECVE.", "type": "array",
        "items": { "anyOf": [{ "$ref": "#/$defs/text" }, { "type": "null" }] },
    });
    record["first"] = json!({
        "description": "In a continuation of EXECVE the number of its first argument.",
        "type": "integer", "minimum": 1, "maximum": 4294967295u32,
    });
    record["absolute"] = described(
        "text",
        "In a PATH record with a relative name: the same from the root, with . and .. resolved by their letters. No part of the record's text; absent where the records do not tell what the name is relative to.",
    );
    let process = |more: Value| {
        let mut members = json!({
            "id": { "description": "Start time in hundredths of a second since boot, a hyphen and the process id: no other process has it.", "type": "string", "pattern": "^[0-9]+-[0-9]+$" },
            "pid": { "description": "Process id.", "type": "integer", "minimum": 0, "maximum": 4294967295u32 },
            "exe": described("text", "Executable."),
        });
        for (name, member) in more.as_object().expect("an object") {
            members[name] = member.clone();
        }
        json!({ "type": "object", "additionalProperties": false, "properties": members })
    };
    json!({
        "hex": {
            "description": "Bytes that are not UTF-8, two upper-case hexadecimal digits each.",
            "type": "object", "required": ["hex"], "additionalProperties": false,
            "properties": { "hex": { "type": "string", "pattern": "^([0-9A-F]{2})*$" } },
        },
        "text": { "description": "A string of any bytes.", "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/hex" }] },
        "word": { "description": "A word as it was written.", "$ref": "#/$defs/text" },
        "number": {
            "description": "A whole number of at most 15 digits; a word where it was written in another way.",
            "anyOf": [
                { "type": "integer", "minimum": -999_999_999_999_999i64, "maximum": 999_999_999_999_999i64 },
                { "$ref": "#/$defs/text" },
            ],
        },
        "string": {
            "description": "A string that its writer did not trust, decoded; null for (null).",
            "anyOf": [{ "$ref": "#/$defs/text" }, { "type": "null" }],
        },
        "list": {
            "description": "Strings, decoded; null for (null).",
            "anyOf": [
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
                { "type": "null" },
            ],
        },
        "message": {
            "description": "The fields within msg='…', or the word where it is none.",
            "anyOf": [{ "$ref": "#/$defs/hex" }, { "$ref": "#/$defs/fields" }, { "type": "string" }],
        },
        "fields": {
            "description": "The fields of a user-space program's message. Those that are not listed are words.",
            "type": "object",
            "properties": members(true),
            "propertyNames": { "$ref": "#/$defs/name", "not": { "enum": ["type", "raw", "hex", "argv", "first", "absolute"] } },
            "additionalProperties": { "$ref": "#/$defs/word" },
        },
        "name": { "description": "A field's name. None has a capital letter, so that no two differ in case only.", "pattern": "^[a-z0-9_\\[\\]-]+$" },
        "record": {
            "description": "A record: its type, then a member for each field of its text, in their order. Fields that are not listed are words.",
            "type": "object", "required": ["type"],
            "properties": record,
            "propertyNames": { "$ref": "#/$defs/name" },
            "additionalProperties": { "$ref": "#/$defs/word" },
        },
        "names": {
            "description": "Names, as known when the event was stored.",
            "type": "object", "minProperties": 1, "additionalProperties": false,
            "properties": {
                "arch": { "description": "The architecture of `arch`.", "enum": ["x86_64", "i386", "aarch64", "arm", "ppc64le", "s390x", "riscv64"] },
                "syscall": { "description": "The system call of `syscall`.", "type": "string", "pattern": "^[a-z0-9_]+$" },
                "users": { "description": "User ids and their names.", "$ref": "#/$defs/ids" },
                "groups": { "description": "Group ids and their names.", "$ref": "#/$defs/ids" },
            },
        },
        "ids": {
            "type": "object", "minProperties": 1, "maxProperties": 64,
            "propertyNames": { "pattern": "^(0|[1-9][0-9]{0,9})$" },
            "additionalProperties": { "type": "string" },
        },
        "process": process(json!({
            "parent": { "description": "The process that started it.", "$ref": "#/$defs/parent" },
            "ancestors": { "description": "From the grandparent upward.", "type": "array", "items": { "$ref": "#/$defs/ancestor" } },
        })),
        "parent": process(json!({ "argv": { "description": "Arguments.", "type": "array", "items": { "$ref": "#/$defs/text" } } })),
        "ancestor": process(json!({})),
        "context": context(),
    })
}

fn context() -> Value {
    let login = json!({
        "session": { "description": "Session id.", "type": "integer", "minimum": 0, "maximum": 4294967294u32 },
        "user": described("text", "The user's name."),
        "uid": { "description": "User id.", "type": "integer", "minimum": 0, "maximum": 4294967295u32 },
        "address": described("text", "The address that the user came from."),
        "terminal": described("text", "The terminal."),
        "time": { "description": "When the session began, UTC.", "type": "string" },
    });
    json!({
        "description": "What was found out about the process while the event was taken. Each member is absent when it is unknown or switched off.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "process": { "description": "The process and those that started it.", "$ref": "#/$defs/process" },
            "script": described("text", "The script that an interpreter ran."),
            "hash": {
                "description": "The hash of the executable's file, hexadecimal.",
                "type": "object", "minProperties": 1, "additionalProperties": false,
                "properties": { "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" } },
            },
            "environment": { "description": "Environment variables that the configuration names.", "type": "object", "additionalProperties": { "$ref": "#/$defs/text" } },
            "container": {
                "description": "The container.", "type": "object", "additionalProperties": false,
                "properties": { "id": described("text", "Its id."), "runtime": { "description": "What runs it.", "enum": ["docker", "podman", "containerd", "crio", "lxc", "nspawn"] } },
            },
            "unit": described("text", "The systemd unit."),
            "login": { "description": "The login that the process belongs to.", "type": "object", "additionalProperties": false, "properties": login },
        },
    })
}

/// The schema of a stored event.
fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ktrail:event:1",
        "title": "A stored event of ktrail, version 1",
        "description": "One audit event: a line of audit.jsonl. Made by tests/schema.rs; docs/schema.md explains it.",
        "type": "object",
        "required": ["v", "serial", "records"],
        "oneOf": [{ "required": ["time"] }, { "required": ["time_ms"] }],
        "additionalProperties": false,
        "properties": {
            "v": { "description": "Version of this form.", "const": 1 },
            "time": { "description": "When the event was: UTC, milliseconds.", "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$" },
            "time_ms": { "description": "In place of `time` after the year 9999: milliseconds since 1970.", "type": "string", "pattern": "^[0-9]{15,20}$" },
            "serial": { "description": "The kernel's serial number of the event; it begins anew with every boot.", "type": "integer", "minimum": 0, "maximum": 4294967295u32 },
            "node": described("text", "The host, if the log names it."),
            "closed": { "description": "Absent when the event's last record came.", "enum": ["timer", "late", "malformed"] },
            "records": { "description": "The records in the order they came.", "type": "array", "items": { "$ref": "#/$defs/record" } },
            "names": { "$ref": "#/$defs/names" },
            "context": { "$ref": "#/$defs/context" },
        },
        "$defs": definitions(),
    })
}

/// What a field's member is, in words.
fn kind(name: &str) -> String {
    match (form(name), ktrail::tables::field::id_kind(name.as_bytes())) {
        ("number", Some(IdKind::User)) => "number, a user id".to_owned(),
        ("number", Some(IdKind::Group)) => "number, a group id".to_owned(),
        ("list", _) => "array of strings, or null".to_owned(),
        ("string", _) => "string, or null".to_owned(),
        ("word", _) => "string".to_owned(),
        ("message", _) => "object".to_owned(),
        (form, _) => form.to_owned(),
    }
}

/// The table of `docs/schema.md`.
fn table() -> String {
    let mut text = String::from("| member | JSON | value | meaning |\n| --- | --- | --- | --- |\n");
    for field in fields() {
        text +=
            &format!("| `{}` | {} | {} | {} |\n", field.name, kind(&field.name), field.value, field.meaning);
    }
    text
}

const BEGIN: &str = "<!-- made by tests/schema.rs from schema/fields.tsv -->\n";

/// Compares a file with what it has to be, or writes it.
fn compare(path: &str, expected: &str) {
    if std::env::var_os("KTRAIL_WRITE_DOCS").is_some() {
        fs::write(file(path), expected).expect("it can be written");
    }
    assert!(
        read(path) == expected,
        "{path} is not what it has to be: run this test with KTRAIL_WRITE_DOCS=1 and look"
    );
}

#[test]
fn the_schema_and_its_table_are_made_of_the_field_tables() {
    let fields = fields();
    assert!(fields.is_sorted_by(|a, b| a.name < b.name), "ascending, each name once");
    for (name, ..) in all() {
        // A name with a dot cannot be read as a field.
        assert!(
            name.contains('.') || fields.iter().any(|field| field.name == name),
            "{name} is not in fields.tsv"
        );
    }
    let mut lower = BTreeMap::new();
    for field in &fields {
        assert!(!field.meaning.is_empty() && !field.value.is_empty(), "{}", field.name);
        assert_eq!(lower.insert(field.name.to_lowercase(), ()), None, "{} differs in case only", field.name);
    }
    let schema = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    compare("docs/schema/event.schema.json", &schema);
    let text = read("docs/schema.md");
    let (head, _) = text.split_once(BEGIN).expect("the place of the table");
    compare("docs/schema.md", &format!("{head}{BEGIN}{}", table()));
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("the schema itself: {error}"))
}

fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Logs whose events are all stored and written in each form.
const LOGS: [&str; 9] = [
    "corpus/edges.log",
    "corpus/guest.enriched.log",
    "corpus/guest.raw.log",
    "corpus/host.raw.log",
    "corpus/mixed.raw.log",
    "report/keys.log",
    "report/kinds.log",
    "siem/daemon.log",
    "siem/events.log",
];

/// The events of a log in a form, one JSON object each.
fn exported(log: &str, format: &str) -> Vec<Value> {
    let dir = tempfile::tempdir().expect("a directory");
    let ktrail = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        let output = command.args(arguments).arg("--log-dir").arg(dir.path()).output().expect("ktrail runs");
        assert!(output.status.success(), "{log}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let path = file("tests/data").join(log);
    ktrail(&["import", path.to_str().expect("a path of ours")]);
    let text = ktrail(&["search", "--format", format]);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a JSON object a line")).collect()
}

/// Whether two members of any object differ in case only.
fn case_only(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => {
            let mut seen = BTreeMap::new();
            let twice = members.keys().find(|name| seen.insert(name.to_lowercase(), ()).is_some()).cloned();
            twice.or_else(|| members.values().find_map(case_only))
        }
        Value::Array(items) => items.iter().find_map(case_only),
        _ => None,
    }
}

#[test]
fn every_stored_event_is_as_the_schema_says() {
    let validator = validator(&schema());
    for log in LOGS {
        let events = exported(log, "json");
        assert!(events.len() >= 10, "{log}");
        for event in events {
            assert_eq!(problems(&validator, &event), [""; 0], "{log}: {event}");
            assert_eq!(case_only(&event), None, "{log}: {event}");
        }
    }
    for line in read("tests/data/format/v1/entries.jsonl").lines() {
        let event: Value = serde_json::from_str(line).expect("an entry");
        assert_eq!(problems(&validator, &event), [""; 0], "{event}");
    }
}

#[test]
fn what_is_no_stored_event_is_refused() {
    let validator = validator(&schema());
    let event = |records: Value| json!({ "v": 1, "time": "2023-11-14T22:13:24.100Z", "serial": 1, "records": records });
    assert_eq!(problems(&validator, &event(json!([{ "type": "SYSCALL", "pid": 1 }]))), [""; 0]);
    let context = json!({
        "process": { "id": "5-7", "parent": { "id": "4-6", "pid": 6, "exe": "/bin/sh", "argv": ["sh"] }, "ancestors": [{ "pid": 1 }] },
        "script": { "hex": "FF" }, "hash": { "sha256": "0".repeat(64) }, "environment": { "LANG": "C" },
        "container": { "id": "c", "runtime": "podman" }, "unit": "sshd.service",
        "login": { "session": 3, "user": "alice", "uid": 1000, "address": "192.0.2.7", "terminal": "pts/0", "time": "2023-11-14T22:00:00.000Z" },
    });
    let mut with_context = event(json!([]));
    with_context["context"] = context;
    assert_eq!(problems(&validator, &with_context), [""; 0]);
    let cases = [
        json!({}),
        json!({ "v": 2, "time": "2023-11-14T22:13:24.100Z", "serial": 1, "records": [] }),
        json!({ "v": 1, "serial": 1, "records": [] }),
        event(json!([{}])),
        event(json!([{ "type": "syscall" }])),
        event(json!([{ "type": "SYSCALL", "pid": 1.5 }])),
        event(json!([{ "type": "SYSCALL", "pid": 1_000_000_000_000_000i64 }])),
        event(json!([{ "type": "SYSCALL", "Pid": 1 }])),
        event(json!([{ "type": "SYSCALL", "comm": 1 }])),
        event(json!([{ "type": "SYSCALL", "success": null }])),
        event(json!([{ "type": "SYSCALL", "key": "one" }])),
        event(json!([{ "type": "EXECVE", "argv": "ls" }])),
        event(json!([{ "type": "CWD", "cwd": { "hex": "f" } }])),
        event(json!([{ "type": "USER", "msg": { "raw": "x" } }])),
        event(json!([{ "type": "USER", "unlisted": 5 }])),
        event(json!([{ "type": "USER", "msg": { "unlisted": 5 } }])),
    ];
    for case in cases {
        assert!(!validator.is_valid(&case), "{case}");
    }
}

/// The schema of another form, as far as ktrail writes it.
fn foreign(format: &str) -> Validator {
    let schema: Value =
        serde_json::from_str(&read(&format!("tests/data/siem/{format}.schema.json"))).expect("JSON");
    validator(&schema)
}

#[test]
fn every_stored_event_is_valid_in_the_elastic_common_schema() {
    let validator = foreign("ecs");
    for log in LOGS {
        for event in exported(log, "ecs") {
            assert_eq!(problems(&validator, &event), [""; 0], "{log}: {event}");
        }
    }
}

#[test]
fn every_stored_event_is_valid_in_the_open_cybersecurity_schema() {
    let validator = foreign("ocsf");
    let types = read("tests/data/siem/ocsf.types.tsv");
    let types: BTreeMap<&str, &str> = types.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut classes = BTreeMap::new();
    for log in LOGS {
        for event in exported(log, "ocsf") {
            assert_eq!(problems(&validator, &event), [""; 0], "{log}: {event}");
            let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("{name}: {event}"));
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{event}");
            assert_eq!(number("category_uid"), number("class_uid") / 1000, "{event}");
            let name = types.get(number("type_uid").to_string().as_str());
            assert_eq!(event["type_name"].as_str(), name.copied(), "{event}");
            let class = event["class_name"].as_str().expect("a name");
            let activity = event["activity_name"].as_str().expect("a name");
            assert!(
                name.is_some_and(
                    |name| number("activity_id") == 99 || *name == format!("{class}: {activity}")
                )
            );
            *classes.entry(number("class_uid")).or_insert(0) += 1;
        }
    }
    let expected = [0, 1001, 1002, 1003, 1007, 1008, 2004, 3001, 3002, 3006, 4001, 5019, 6002];
    assert_eq!(classes.into_keys().collect::<Vec<_>>(), expected, "every class has events in the corpora");
}

#[test]
fn the_host_of_an_event_is_its_node_or_else_the_named_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("audit.log");
    let line = "type=CWD msg=audit(1700000000.100:1): cwd=\"/\"";
    std::fs::write(&log, format!("{line}\nnode=named.example {line}\n")).expect("a file");
    let store = dir.path().join("store");
    let ktrail = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        let output = command.args(arguments).arg("--log-dir").arg(&store).output().expect("ktrail runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
    };
    ktrail(&["import", log.to_str().expect("a path of ours")]);
    for (format, place) in [("ecs", "/host/name"), ("ocsf", "/unmapped/device/hostname")] {
        for command in [&["search"][..], &["log", "export"]] {
            let events = ktrail(&[command, &["--host", "copied.example", "--format", format]].concat());
            let hosts: Vec<_> = events.iter().filter_map(|event| event.pointer(place)?.as_str()).collect();
            assert_eq!(hosts, ["copied.example", "named.example"], "{command:?} {format}");
        }
    }
}

/// The events of `siem/events.log`, one of each class, in a form; what differs from host to host and from version to
/// version is made the same.
fn samples(format: &str) -> String {
    let mut text = String::new();
    for mut event in exported("siem/events.log", format) {
        for path in ["/agent/version", "/metadata/product/version"] {
            if let Some(version) = event.pointer_mut(path) {
                *version = "0.0.0".into();
            }
        }
        text += &serde_json::to_string_pretty(&event).expect("JSON");
        text.push('\n');
    }
    text
}

#[test]
fn samples_of_each_class_are_as_they_were() {
    for format in ["ecs", "ocsf"] {
        compare(&format!("tests/data/siem/events.{format}.json"), &samples(format));
    }
}

#[test]
fn an_unknown_format_is_refused_with_those_that_there_are() {
    for command in [&["search"][..], &["tail"], &["log", "export"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ktrail")).args(command).args(["--format", "cef"]).output();
        let output = output.expect("ktrail runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains("'cef'") && said.contains("ecs") && said.contains("ocsf"), "{said}");
    }
}
