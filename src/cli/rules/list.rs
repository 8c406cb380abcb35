//! `ktrail rules list` and `ktrail rules save`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::write_whole;
use crate::cli::arguments::{Place, RulesList};
use crate::cli::{exit, search};
use crate::netlink::control::Control;
use crate::render::escape;
use crate::rules::display::Form;
use crate::rules::{Rule, describe};
use crate::ruleset::load::installed;

pub(super) fn list(place: &Place, wanted: &RulesList) -> anyhow::Result<u8> {
    let rules = Control::open()?.list_rules()?;
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    if rules.is_empty() && !wanted.json {
        writeln!(out, "No rules")?;
    }
    let mut status = exit::FOUND;
    let mut hits = Hits { place, counted: BTreeMap::new() };
    for rule in &rules {
        let rule = match Rule::from_kernel(rule) {
            Ok(rule) => rule,
            Err(error) => {
                eprintln!("ktrail: a rule of the kernel cannot be shown: {error}");
                status = exit::ERROR;
                continue;
            }
        };
        let events = wanted.hits.then(|| hits.of(&rule)).transpose()?;
        let mut text = Vec::new();
        if wanted.json {
            serde_json::to_writer(&mut text, &object(&rule, events))?;
        } else {
            if let Some(events) = events {
                write!(text, "{:>10}  ", events.map_or("-".to_owned(), |events| events.to_string()))?;
            }
            escape::show(&rule.to_text(Form::Listed), terminal, &mut text);
        }
        text.push(b'\n');
        out.write_all(&text)?;
    }
    Ok(status)
}

/// How many events have a key.
struct Hits<'a> {
    place: &'a Place,
    counted: BTreeMap<Vec<u8>, u64>,
}

impl Hits<'_> {
    /// Events with one of the rule's keys; `None` if it has none. An event with two of them counts twice.
    fn of(&mut self, rule: &Rule) -> anyhow::Result<Option<u64>> {
        let mut events = None;
        for key in rule.keys() {
            let count = match self.counted.get(key) {
                Some(count) => *count,
                None => {
                    let count =
                        search::count_key(self.place, key).context("cannot count the events of a key")?;
                    *self.counted.entry(key.to_vec()).or_insert(count)
                }
            };
            events = Some(events.unwrap_or(0) + count);
        }
        Ok(events)
    }
}

fn object(rule: &Rule, events: Option<Option<u64>>) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut told = json!({
        "rule": text(&rule.to_text(Form::Listed)),
        "list": rule.list().name(),
        "action": rule.action().name(),
        "syscalls": describe::syscalls(rule),
        "conditions": describe::conditions(rule)
            .map(|(field, operator, value)| json!({ "field": field, "operator": operator, "value": value }))
            .collect::<Vec<_>>(),
        "keys": rule.keys().map(text).collect::<Vec<_>>(),
    });
    if let (Some(events), Some(told)) = (events, told.as_object_mut()) {
        told.insert("events".to_owned(), json!(events));
    }
    told
}

/// Writes the kernel's rules as a file that loads the same ones.
pub(super) fn save(file: Option<&Path>) -> anyhow::Result<u8> {
    let rules = installed(&mut Control::open()?)?;
    let mut text = Vec::new();
    for rule in &rules {
        text.extend_from_slice(&rule.to_text(Form::Exact));
        text.push(b'\n');
    }
    let Some(path) = file else {
        io::stdout().lock().write_all(&text)?;
        return Ok(exit::FOUND);
    };
    write_whole(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(exit::FOUND)
}
