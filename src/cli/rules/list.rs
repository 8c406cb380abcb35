//! `ktrail rules list` and `ktrail rules save`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::hits::{Hits, Volume};
use super::write_whole;
use crate::cli::arguments::{Place, RulesList};
use crate::cli::exit;
use crate::netlink::control::Control;
use crate::render::escape;
use crate::rules::display::Form;
use crate::rules::{Rule, describe, lint};
use crate::ruleset::load::installed;

pub(super) fn list(place: &Place, wanted: &RulesList) -> anyhow::Result<u8> {
    let rules = Control::open()?.list_rules()?;
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    if rules.is_empty() && !wanted.json {
        writeln!(out, "No rules")?;
    }
    let mut status = exit::FOUND;
    let mut hits = wanted.hits.then(|| Hits::open(place, wanted.since.as_deref())).transpose()?;
    if let Some(hits) = hits.as_ref().filter(|_| !wanted.json) {
        writeln!(out, "# events of each rule's keys, and how many an hour, {}", hits.span_text())?;
    }
    let mut shown = Vec::new();
    for rule in &rules {
        let rule = match Rule::from_kernel(rule) {
            Ok(rule) => rule,
            Err(error) => {
                eprintln!("ktrail: a rule of the kernel cannot be shown: {error}");
                status = exit::ERROR;
                continue;
            }
        };
        let volume = hits.as_mut().map(|hits| hits.of(&rule)).transpose()?;
        let mut text = Vec::new();
        if wanted.json {
            let span = hits.as_ref().and_then(Hits::span);
            serde_json::to_writer(&mut text, &object(&rule, volume, span))?;
        } else {
            if let Some(volume) = volume {
                put_volume(volume, &mut text)?;
            }
            escape::show(&rule.to_text(Form::Listed), terminal, &mut text);
        }
        text.push(b'\n');
        out.write_all(&text)?;
        shown.push(rule);
    }
    out.flush()?;
    if let Some(hits) = &mut hits {
        warn_of_busy(&shown, hits)?;
    }
    Ok(status)
}

fn put_volume(volume: Option<Volume>, out: &mut Vec<u8>) -> io::Result<()> {
    let events = volume.map_or("-".to_owned(), |volume| volume.events.to_string());
    let per_hour = volume.and_then(|volume| volume.per_hour);
    write!(out, "{events:>10} {:>10}  ", per_hour.map_or("-".to_owned(), |rate| format!("{rate:.1}")))
}

/// Says of which rules the log fills.
fn warn_of_busy(rules: &[Rule], hits: &mut Hits) -> anyhow::Result<()> {
    let terminal = io::stderr().is_terminal();
    for finding in lint::busy(rules, hits.span(), &mut |key| hits.rate(key))? {
        let Some(rule) = rules.get(finding.rule) else { continue };
        let mut text = b"ktrail: warning: ".to_vec();
        escape::show(&rule.to_text(Form::Listed), terminal, &mut text);
        writeln!(text, ": {}", finding.lint)?;
        io::stderr().write_all(&text)?;
    }
    Ok(())
}

fn object(rule: &Rule, volume: Option<Option<Volume>>, span: Option<(u64, u64)>) -> Value {
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
    if let (Some(volume), Some(told)) = (volume, told.as_object_mut()) {
        told.insert("events".to_owned(), json!(volume.map(|volume| volume.events)));
        told.insert("events_per_hour".to_owned(), json!(volume.and_then(|volume| volume.per_hour)));
        told.insert("since_ms".to_owned(), json!(span.map(|span| span.0)));
        told.insert("until_ms".to_owned(), json!(span.map(|span| span.1)));
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
