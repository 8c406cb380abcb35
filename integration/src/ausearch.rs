//! What Debian's `ausearch -i` says of a raw export, compared with ktrail's JSON of the same event, field by field.

use std::collections::HashMap;
use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ktrail::interpret;
use ktrail::tables;
use serde_json::{Map, Value};

use crate::programs;

/// ausearch's lines for one event; its order of records is the reverse of the log's.
pub type Lines = Vec<String>;

/// Interprets a raw log with ausearch: the lines of each event by its serial.
pub fn interpreted(raw: &[u8]) -> Result<HashMap<u64, Lines>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(raw)?;
    let ausearch = programs::installed("ausearch").context("ausearch is not installed (Debian: auditd)")?;
    let output = Command::new(ausearch).args(["-i", "-if"]).arg(file.path()).env("LC_ALL", "C").output()?;
    if !output.status.success() {
        bail!("ausearch: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut events: HashMap<u64, Lines> = HashMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("type=")) {
        let serial = line.split_once(") :").and_then(|(head, _)| head.rsplit(':').next()?.parse().ok());
        events
            .entry(serial.with_context(|| format!("ausearch's line has no serial: {line}"))?)
            .or_default()
            .push(line.to_owned());
    }
    for lines in events.values_mut() {
        lines.reverse();
    }
    Ok(events)
}

/// Compares one event; gives how many fields were compared and each difference in words.
pub fn compare(event: &Value, theirs: &Lines) -> (usize, Vec<String>) {
    let none = Vec::new();
    let records = event["records"].as_array().unwrap_or(&none);
    let mut differences = Vec::new();
    let mut compared = 0;
    if records.len() != theirs.len() {
        differences.push(format!("{} records, ausearch has {}", records.len(), theirs.len()));
    }
    for (record, line) in records.iter().filter_map(Value::as_object).zip(theirs) {
        for (name, ours, theirs) in pairs(event, record, line) {
            compared += 1;
            if ours != theirs {
                let kind = &record["type"];
                differences.push(format!("{kind} {name}: ktrail {ours:?}, ausearch {theirs:?}"));
            }
        }
    }
    (compared, differences)
}

/// The fields of one record that both interpret: name, ktrail's text, ausearch's text.
fn pairs(event: &Value, record: &Map<String, Value>, line: &str) -> Vec<(String, String, String)> {
    let mut fields: Vec<(String, Option<String>)> = Vec::new();
    for (name, value) in record {
        match (name.as_str(), value) {
            ("type" | "raw" | "first", _) => {}
            ("argv", Value::Array(arguments)) => {
                let first = record.get("first").and_then(Value::as_u64).unwrap_or(0);
                fields.extend(
                    (first..).zip(arguments).map(|(i, argument)| (format!("a{i}"), Some(text(argument)))),
                );
            }
            ("key", Value::Array(keys)) => {
                fields.extend(keys.iter().map(|key| (name.clone(), Some(text(key)))))
            }
            _ => fields.push((name.clone(), ours(event, record, name, value))),
        }
    }
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let theirs = split(line, &names);
    let both = fields.iter().zip(theirs);
    both.filter_map(|((name, ours), theirs)| Some((name.clone(), ours.clone()?, theirs))).collect()
}

/// Cuts ausearch's line at the names, which stand in the order of the record: it writes values with blanks unquoted.
fn split(line: &str, names: &[&str]) -> Vec<String> {
    let mut rest = line.split_once(") :").map_or("", |(_, rest)| rest);
    let mut values = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some((_, after)) = rest.split_once(&format!(" {name}=")) else {
            values.push("no such field".to_owned());
            continue;
        };
        let end =
            names.get(index + 1).and_then(|next| after.find(&format!(" {next}="))).unwrap_or(after.len());
        let (value, behind) = after.split_at(end);
        values.push(value.trim_end_matches(' ').to_owned());
        rest = behind;
    }
    values
}

/// ktrail's value in ausearch's words; `None` for what only ausearch puts in words (system call arguments).
fn ours(event: &Value, record: &Map<String, Value>, name: &str, value: &Value) -> Option<String> {
    let plain = text(value);
    Some(match name {
        "a0" | "a1" | "a2" | "a3" if record["type"] == "SYSCALL" => return None,
        "arch" | "syscall" => text(&event["names"][name]),
        "exit" => with_error(&plain),
        "mode" => interpret::mode(plain.as_bytes())?,
        "saddr" => socket(&interpret::address(plain.as_bytes())?),
        "proctitle" => value.as_array()?.iter().map(text).collect::<Vec<_>>().join(" "),
        "list" if plain == "4" => "exit".to_owned(),
        "res" => if plain == "1" { "yes" } else { "no" }.to_owned(),
        // ausearch names no capability for an empty set.
        "cap_fp" | "cap_fi" | "cap_fe" | "cap_fver" if plain == "0" => {
            if name == "cap_fp" || name == "cap_fi" { "none" } else { "0" }.to_owned()
        }
        "ses" => {
            if plain == "4294967295" {
                "unset".to_owned()
            } else {
                plain
            }
        }
        "cap_frootid" => named(event, "users", &plain),
        _ if name.ends_with("uid") => named(event, "users", &plain),
        _ if name.ends_with("gid") => named(event, "groups", &plain),
        _ => plain,
    })
}

/// An id by the name that ktrail stored with the event.
fn named(event: &Value, kind: &str, id: &str) -> String {
    match (id, &event["names"][kind][id]) {
        ("4294967295", _) => "unset".to_owned(),
        (_, Value::String(name)) => name.clone(),
        (id, _) => format!("unknown({id})"),
    }
}

/// `-2` as `ENOENT(No such file or directory)`.
fn with_error(exit: &str) -> String {
    let errno = exit.strip_prefix('-').and_then(|number| number.parse::<i32>().ok());
    let name = errno.and_then(|errno| tables::errno_name(errno.cast_unsigned()));
    match (errno, name) {
        (Some(errno), Some(name)) => format!("{name}({})", nix::errno::Errno::from_raw(errno).desc()),
        _ => exit.to_owned(),
    }
}

/// `127.0.0.1:80` as `{ saddr_fam=inet laddr=127.0.0.1 lport=80 }`.
fn socket(address: &str) -> String {
    if let Some(path) = address.strip_prefix("unix ") {
        return format!("{{ saddr_fam=local path={path} }}");
    }
    match address.rsplit_once(':') {
        Some((host, port)) => {
            let family = if host.starts_with('[') { "inet6" } else { "inet" };
            format!("{{ saddr_fam={family} laddr={} lport={port} }}", host.trim_matches(['[', ']']))
        }
        None => address.to_owned(),
    }
}

/// A member as text, with control characters as ausearch writes them: by three octal digits.
fn text(value: &Value) -> String {
    let plain = match value {
        Value::String(text) => text.clone(),
        Value::Null => "(null)".to_owned(),
        Value::Object(object) => {
            return object.get("hex").map_or_else(|| value.to_string(), |hex| bytes_of(&text(hex)));
        }
        other => other.to_string(),
    };
    let shown = plain
        .chars()
        .map(|c| if c.is_ascii_control() { format!("\\{:03o}", c as u32) } else { c.to_string() });
    shown.collect()
}

/// Bytes that are no UTF-8, as they look in ausearch's output read as text.
fn bytes_of(hex: &str) -> String {
    let digits = hex
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8_lossy(&digits.collect::<Vec<_>>()).into_owned()
}
