//! `ktrail rules diff` and `ktrail rules load`.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::bail;
use serde_json::json;

use super::report;
use crate::cli::exit;
use crate::netlink::control::Control;
use crate::netlink::error::{Error, Request};
use crate::netlink::status::{LOGIN_UID_IMMUTABLE, Status, StatusChange};
use crate::render::escape;
use crate::rules::Rule;
use crate::rules::display::Form;
use crate::rules::plan::{Plan, plan};
use crate::ruleset::error::{LoadError, Refusal};
use crate::ruleset::files::Source;
use crate::ruleset::load::{carry_out, installed};
use crate::ruleset::set::{RuleSet, Severity};
use crate::ruleset::settings::Settings;

/// What files want of the kernel.
struct Wanted {
    sources: Vec<Source>,
    set: RuleSet,
    settings: Settings,
}

impl Wanted {
    /// What the files say; `None`, after all errors are told, if a line is wrong.
    fn read(mut sources: Vec<Source>) -> anyhow::Result<Option<Wanted>> {
        let set = RuleSet::of(&mut sources);
        let (mut told, terminal) = (set.findings.clone(), io::stderr().is_terminal());
        told.retain(|finding| finding.severity != Severity::Warning);
        report::write(&told, &sources, terminal, &mut io::stderr().lock())?;
        let settings = Settings::of(&set.controls);
        let wanted = Wanted { sources, set, settings };
        if wanted.set.is_wrong() {
            eprintln!("ktrail: rules are wrong; nothing is changed");
            return Ok(None);
        }
        for (at, control) in &wanted.settings.others {
            let place = report::line(&wanted.sources, *at);
            eprintln!("ktrail: {place}: {} is no part of a set of rules and is left out", control.option());
        }
        Ok(Some(wanted))
    }

    /// Where the rule stands, and its text.
    fn place(&self, rule: &Rule) -> String {
        let known = self.set.rules.iter().position(|known| known.same_as(rule));
        let at = known.and_then(|known| self.set.places.get(known));
        at.map_or_else(|| rule.to_string(), |at| report::line(&self.sources, *at))
    }

    fn refusal(&self, refusal: &Refusal) -> String {
        format!("{}: {}", self.place(&refusal.rule), refusal)
    }
}

pub(super) fn diff(sources: Vec<Source>, as_json: bool) -> anyhow::Result<u8> {
    let Some(wanted) = Wanted::read(sources)? else { return Ok(exit::ERROR) };
    let mut control = Control::open()?;
    let plan = plan(&installed(&mut control)?, &wanted.set.rules);
    let settings = settings(&wanted.settings.status, &control.status()?);
    let out = io::stdout().lock();
    let terminal = out.is_terminal();
    let mut out = BufWriter::new(out);
    if as_json {
        let texts = |rules: &[Rule]| {
            let text = |rule: &Rule| String::from_utf8_lossy(&rule.to_text(Form::Listed)).into_owned();
            rules.iter().map(text).collect::<Vec<_>>()
        };
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, before, after)| json!({ "setting": name, "before": before, "after": after }))
            .collect();
        let told = json!({
            "add": texts(&plan.added),
            "delete": texts(&plan.deleted),
            "move": texts(&plan.moved),
            "settings": settings,
            "requests": plan.steps.len(),
        });
        writeln!(out, "{told}")?;
    } else {
        for (sign, rules) in [("-", &plan.deleted), ("+", &plan.added), ("~", &plan.moved)] {
            for rule in rules {
                let mut text = format!("{sign} ").into_bytes();
                escape::show(&rule.to_text(Form::Listed), terminal, &mut text);
                text.push(b'\n');
                out.write_all(&text)?;
            }
        }
        for (name, before, after) in &settings {
            writeln!(out, "* {name} {before} to {after}")?;
        }
    }
    out.flush()?;
    Ok(if plan.is_empty() && settings.is_empty() { exit::FOUND } else { exit::NOTHING })
}

/// Settings that would change: name, value now, value wanted.
fn settings(wanted: &StatusChange, now: &Status) -> Vec<(&'static str, u32, u32)> {
    let change = wanted.missing_in(now);
    let one = |name, now, wanted: Option<u32>| wanted.map(|wanted| (name, now, wanted));
    [
        one("enabled", now.enabled, change.enabled),
        one("failure", now.failure, change.failure),
        one("rate_limit", now.rate_limit, change.rate_limit),
        one("backlog_limit", now.backlog_limit, change.backlog_limit),
        one("backlog_wait_time", now.backlog_wait_time, change.backlog_wait_time),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn load(sources: Vec<Source>) -> anyhow::Result<u8> {
    let Some(wanted) = Wanted::read(sources)? else { return Ok(exit::ERROR) };
    let mut control = Control::open()?;
    let before = control.status()?;
    let rules = installed(&mut control)?;
    let plan = plan(&rules, &wanted.set.rules);
    if before.enabled == 2 && !(plan.is_empty() && settings(&wanted.settings.status, &before).is_empty()) {
        return Err(Error::Immutable(Request::AddRule).into());
    }
    // Locked last: after that nothing could be put back.
    let enabled = wanted.settings.status.enabled;
    let others = StatusChange { enabled: None, ..wanted.settings.status };
    control.set(&others.missing_in(&before))?;
    match carry_out(&mut control, &plan, &rules, wanted.set.lenient) {
        Ok(refusals) => {
            finish(&mut control, enabled, &wanted)?;
            Ok(tell(&wanted, &plan, &refusals))
        }
        Err(error) => {
            put_back(&mut control, &before, others);
            match &error {
                LoadError::Undone(refusal) | LoadError::Stuck { refusal, .. } => {
                    bail!("{}: {error}", wanted.place(&refusal.rule))
                }
                _ => Err(error.into()),
            }
        }
    }
}

/// Gives the settings back the values they had.
fn put_back(control: &mut Control, before: &Status, changed: StatusChange) {
    let restored = control.status().and_then(|now| {
        let change = changed.missing_in(before);
        let had = StatusChange::from(before).missing_in(&now);
        control.set(&StatusChange {
            enabled: None,
            failure: had.failure.filter(|_| change.failure.is_some()),
            rate_limit: had.rate_limit.filter(|_| change.rate_limit.is_some()),
            backlog_limit: had.backlog_limit.filter(|_| change.backlog_limit.is_some()),
            backlog_wait_time: had.backlog_wait_time.filter(|_| change.backlog_wait_time.is_some()),
        })
    });
    if let Err(error) = restored {
        eprintln!("ktrail: the settings could not be put back: {error}");
    }
}

/// What comes after the rules.
fn finish(control: &mut Control, enabled: Option<u32>, wanted: &Wanted) -> anyhow::Result<()> {
    if wanted.settings.login_uid_immutable && control.features()?.locked & LOGIN_UID_IMMUTABLE == 0 {
        control.make_login_uid_immutable()?;
    }
    let change = StatusChange { enabled, ..StatusChange::default() };
    let change = change.missing_in(&control.status()?);
    Ok(control.set(&change)?)
}

fn tell(wanted: &Wanted, plan: &Plan, refusals: &[Refusal]) -> u8 {
    for refusal in refusals {
        eprintln!("ktrail: {}; the rule is left out", wanted.refusal(refusal));
    }
    let (added, deleted, moved) =
        (plan.added.len().saturating_sub(refusals.len()), plan.deleted.len(), plan.moved.len());
    println!("{added} added, {deleted} deleted, {moved} moved; {} requests", plan.steps.len());
    exit::FOUND
}
