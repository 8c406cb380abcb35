//! The rules of a run: from the command line and from the rules directories, all checked before the kernel is touched.
//!
//! Of what a rules file may hold beside rules, `-b`, `-r`, `--backlog_wait_time`, `-e 0`, `-e 1`, `-f 0` and `-f 1` are
//! done for the time of the run; the last of a sort wins. After `-c` or `-i` a rule that is wrong, or that the kernel
//! refuses, is told and left out, and without them no rule is loaded. `-D` has nothing to delete: a run begins without
//! rules of its own, and leaves those of others alone. `-d` and `-W` take back a rule that stood before them. All else
//! is told and not done: what outlives the run or cannot be undone (`-e 2`, `-f 2`, `--loginuid-immutable`), what would
//! hide a loss (`--reset-lost`), and what is no setting (`-l`, `-s`, `-m`, `-t`, `-q`).

use std::fmt::Write as _;

use anyhow::{Context, bail};

use super::arguments::Arguments;
use crate::config::Config;
use crate::netlink::status::StatusChange;
use crate::rules::control::Control;
use crate::rules::{Rule, parse};
use crate::ruleset::files::{self, Source};
use crate::ruleset::host::ThisHost;
use crate::ruleset::set::{At, RuleSet, Severity};

/// What the run asks of the kernel.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    /// The settings of the rules files.
    pub(super) settings: StatusChange,
    /// Whether a rule that the kernel refuses is left out (`-c` or `-i`), and the others are loaded.
    pub(super) lenient: bool,
    /// What is allowed but likely not meant, and what is not done, with its place.
    pub(super) warnings: Vec<String>,
}

/// Reads all rules. Every error of every file is told at once.
pub(super) fn load(arguments: &Arguments, config: &Config) -> anyhow::Result<Rules> {
    let host = ThisHost::default();
    let mut sources = files::read_all_to_load(&files::in_dirs(&config.rules_dirs)?, &host)?;
    let (mut rules, errors) = Rules::of(&mut sources);
    if !errors.is_empty() {
        bail!("rules are wrong, and none has been loaded:{errors}");
    }
    let (more, warnings) =
        parse::command_line(&arguments.rules, &host).context("a rule of the command line is wrong")?;
    rules.rules.extend(more);
    rules.warnings.extend(warnings.iter().map(ToString::to_string));
    Ok(rules)
}

impl Rules {
    /// What files say, and what is wrong with them, one line each.
    fn of(sources: &mut [Source]) -> (Rules, String) {
        let set = RuleSet::of(sources);
        let mut rules = Rules { rules: set.rules, lenient: set.lenient, ..Rules::default() };
        let mut errors = String::new();
        let place = |at: At| {
            let path = sources.get(at.source).map(|source| source.path.display().to_string());
            format!("{}:{}", path.unwrap_or_default(), at.line)
        };
        for finding in &set.findings {
            let told = format!("{}:{}: {}", place(finding.at), finding.column, finding.message);
            match finding.severity {
                Severity::Error => {
                    let _ = write!(errors, "\n  {told}");
                }
                Severity::LeftOut => rules.warnings.push(format!("{told}; the line is left out")),
                Severity::Warning => rules.warnings.push(told),
            }
        }
        for (at, control) in set.controls {
            rules.control(control, &place(at));
        }
        (rules, errors)
    }

    fn control(&mut self, control: Control, place: &str) {
        let settings = &mut self.settings;
        let why_not = match control {
            Control::Enabled(enabled @ 0..=1) => return settings.enabled = Some(enabled),
            Control::Failure(failure @ 0..=1) => return settings.failure = Some(failure),
            Control::RateLimit(limit) => return settings.rate_limit = Some(limit),
            Control::BacklogLimit(limit) => return settings.backlog_limit = Some(limit),
            Control::BacklogWaitTime(ticks) => return settings.backlog_wait_time = Some(ticks),
            Control::Continue | Control::IgnoreErrors | Control::DeleteAll { key: None } => return,
            Control::DeleteAll { key: Some(_) } => "rules that others have loaded are left alone",
            Control::Enabled(_) => "the rules of this run could not be removed at its end",
            Control::Failure(_) => "a loss would stop the whole machine",
            Control::LoginUidImmutable => "it could not be undone at the end of the run",
            Control::ResetLost | Control::ResetWaitTime => "what was lost would be hidden",
            Control::Trim | Control::Equivalent { .. } => "mounts are left to whoever makes them",
            Control::Message(_) | Control::List | Control::Status => "it is no setting",
        };
        self.warnings.push(format!("{place}: {} is not done by ktraild: {why_not}", control_text(&control)));
    }
}

fn control_text(control: &Control) -> String {
    match control {
        Control::Enabled(number) | Control::Failure(number) => format!("{} {number}", control.option()),
        Control::DeleteAll { key: Some(_) } => format!("{} -k", control.option()),
        _ => control.option().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::host::NoHost;

    fn taken(text: &str) -> (Rules, String) {
        Rules::of(&mut [Source::new("a.rules".into(), text.as_bytes().to_vec(), &NoHost)])
    }

    #[test]
    fn what_can_be_put_back_is_set_and_the_rest_is_told() {
        let (rules, errors) = taken(
            "-D\n-b 8192\n-b 4096\n-r 5\n-f 1\n-e 1\n--backlog_wait_time 60\n-w /a\n-f 2\n-e 2\n-D -k x\n\
             --loginuid-immutable\n--reset-lost\n--reset_backlog_wait_time_actual\n-t\n-q /a,/b\n-m hi\n-l\n-s\n",
        );
        assert_eq!(errors, "");
        let expected = StatusChange {
            enabled: Some(1),
            failure: Some(1),
            rate_limit: Some(5),
            backlog_limit: Some(4096),
            backlog_wait_time: Some(60),
        };
        assert_eq!((rules.settings, rules.rules.len(), rules.lenient), (expected, 1, false));
        let told: Vec<_> =
            rules.warnings.iter().map(|told| told.split(" is not done").next().unwrap()).collect();
        let options = [
            "-f 2",
            "-e 2",
            "-D -k",
            "--loginuid-immutable",
            "--reset-lost",
            "--reset_backlog_wait_time_actual",
            "-t",
            "-q",
            "-m",
            "-l",
            "-s",
        ];
        let expected: Vec<_> =
            (9..).zip(options).map(|(line, option)| format!("a.rules:{line}: {option}")).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_wrong_line_is_an_error_before_c_or_i_and_a_warning_after() {
        for option in ["-c", "-i"] {
            let (rules, errors) =
                taken(&format!("-w bad\n-w /a\n{option}\n-w bad\n-w /b\n-d always,exit -S 1\n"));
            assert_eq!(errors.matches("a.rules:").count(), 1, "{errors}");
            assert!(errors.contains("a.rules:1:4: "), "{errors}");
            assert!(rules.lenient && rules.rules.len() == 2);
            let left_out: Vec<_> = rules.warnings.iter().filter(|told| told.contains("left out")).collect();
            assert_eq!(left_out.len(), 2, "{left_out:?}");
        }
    }

    #[test]
    fn a_deleting_line_takes_back_the_rule_before_it() {
        let (rules, errors) = taken("-w /a -p r -k x\n-w /b\n-W /a -p r -k x\n");
        assert_eq!((errors.as_str(), rules.rules.len()), ("", 1));
        assert!(taken("-W /a\n-w /a\n").1.contains("a.rules:1:1: "));
    }
}
