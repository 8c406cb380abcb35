//! `ktrail rules add`, `delete` and `explain`: rules given as auditctl takes them on its command line.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, bail};

use super::report;
use crate::cli::exit;
use crate::netlink::control::Control;
use crate::render::escape;
use crate::rules::display::Form;
use crate::rules::error::Warning;
use crate::rules::explain;
use crate::rules::parse::{self, Line};
use crate::rules::{Rule, text};
use crate::ruleset::files::Source;
use crate::ruleset::host::ThisHost;
use crate::ruleset::set::RuleSet;

pub(super) fn add(words: &[OsString]) -> anyhow::Result<u8> {
    let Some((line, warnings)) = read(words)? else { return Ok(exit::ERROR) };
    let Line::Add(rule) = line else { bail!("not a rule to add: begin it with -w, -a or -A") };
    for warning in warnings {
        eprintln!("ktrail: warning: {warning}");
    }
    Control::open()?.add_rule(&rule.to_kernel()).with_context(|| rule.to_string())?;
    Ok(exit::FOUND)
}

pub(super) fn delete(words: &[OsString]) -> anyhow::Result<u8> {
    let mut control = Control::open()?;
    let rules: Vec<Vec<u8>> = match words {
        [option, key] if option == "-k" => {
            let has_key = |bytes: &Vec<u8>| {
                Rule::from_kernel(bytes).is_ok_and(|rule| rule.keys().any(|known| known == key.as_bytes()))
            };
            control.list_rules()?.into_iter().filter(has_key).collect()
        }
        words => match read(words)? {
            Some((Line::Add(rule) | Line::Delete(rule), _)) => vec![rule.to_kernel()],
            Some(_) => bail!(NO_RULE),
            None => return Ok(exit::ERROR),
        },
    };
    if rules.is_empty() {
        bail!("no rule has this key");
    }
    for rule in &rules {
        let told = || Rule::from_kernel(rule).map_or_else(|error| error.to_string(), |rule| rule.to_string());
        control.delete_rule(rule).with_context(told)?;
    }
    Ok(exit::FOUND)
}

pub(super) fn explain(words: &[OsString]) -> anyhow::Result<u8> {
    // The whole rule may be one argument, as it is copied from a file.
    let split: Vec<OsString> = match words {
        [all] => text::words(all.as_bytes()).into_iter().map(|word| os(&word.text)).collect(),
        words => words.to_vec(),
    };
    let rule = match read(&split)? {
        Some((Line::Add(rule) | Line::Delete(rule), _)) => rule,
        Some(_) => bail!(NO_RULE),
        None => return Ok(exit::ERROR),
    };
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    let mut shown = Vec::new();
    escape::show(&rule.to_text(Form::Listed), terminal, &mut shown);
    shown.push(b'\n');
    for (about, words) in explain::explain(&rule) {
        write!(shown, "  {about:<8}  ")?;
        escape::show(words.as_bytes(), terminal, &mut shown);
        shown.push(b'\n');
    }
    out.write_all(&shown)?;
    Ok(exit::FOUND)
}

fn os(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

const NO_RULE: &str = "not a rule: begin it with -w or -a";

/// The line that the words make; `None`, after it is told, if it is wrong.
fn read(words: &[OsString]) -> anyhow::Result<Option<(Line, Vec<Warning>)>> {
    let mut line = Vec::new();
    for (number, word) in words.iter().enumerate() {
        line.extend_from_slice(if number > 0 { b" " } else { b"" });
        text::escape(word.as_bytes(), &mut line);
    }
    let mut sources = [Source::new("rule".into(), line, &ThisHost::default())];
    let read = sources.first().map(|source| parse::line(&source.text, &ThisHost::default()));
    let findings = RuleSet::of(&mut sources).findings;
    match read {
        Some(Ok(read)) => Ok(Some(read)),
        _ => {
            let terminal = io::stderr().is_terminal();
            report::write(&findings, &sources, terminal, &mut io::stderr().lock())?;
            Ok(None)
        }
    }
}
