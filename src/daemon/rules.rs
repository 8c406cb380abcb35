//! The rules of a run: from the command line and from the rules directories, all checked before the kernel is touched.
//!
//! Of what a rules file may hold beside rules, `-b`, `-r`, `--backlog_wait_time`, `-e 0`, `-e 1`, `-f 0` and `-f 1` are
//! done for the time of the run; the last of a sort wins. After `-c` or `-i` a rule that is wrong, or that the kernel
//! refuses, is told and left out, and without them no rule is loaded. `-D` has nothing to delete: a run begins without
//! rules of its own, and leaves those of others alone. `-d` and `-W` take back a rule that stood before them. All else
//! is told and not done: what outlives the run or cannot be undone (`-e 2`, `-f 2`, `--loginuid-immutable`), what would
//! hide a loss (`--reset-lost`), and what is no setting (`-l`, `-s`, `-m`, `-t`, `-q`).

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::unistd::{Group, User};

use super::arguments::Arguments;
use crate::config::Config;
use crate::netlink::status::StatusChange;
use crate::rules::Rule;
use crate::rules::control::Control;
use crate::rules::host::Host;
use crate::rules::parse::{self, Line, Place};

/// Bytes of a rules file.
const FILE_BYTES_MAX: u64 = 16 << 20;

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

/// This host.
pub(super) struct ThisHost;

impl Host for ThisHost {
    fn user(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        Path::new(std::ffi::OsStr::from_bytes(path)).is_dir()
    }

    fn exists(&self, path: &[u8]) -> bool {
        Path::new(std::ffi::OsStr::from_bytes(path)).exists()
    }
}

/// Reads all rules. Every error of every file is told at once.
pub(super) fn load(arguments: &Arguments, config: &Config) -> anyhow::Result<Rules> {
    let mut rules = Rules::default();
    let mut errors = String::new();
    for path in files(&config.rules_dirs)? {
        rules.take(&path, read(&path)?, &mut errors);
    }
    if !errors.is_empty() {
        bail!("rules are wrong, and none has been loaded:{errors}");
    }
    let (more, warnings) =
        parse::command_line(&arguments.rules, &ThisHost).context("a rule of the command line is wrong")?;
    rules.rules.extend(more);
    rules.warnings.extend(warnings.iter().map(ToString::to_string));
    Ok(rules)
}

impl Rules {
    /// Takes in what a file says. What is wrong is put into `errors`, one line each.
    fn take(&mut self, path: &Path, file: parse::File, errors: &mut String) {
        let at = |place: Place| format!("{}:{}:{}", path.display(), place.line, place.column);
        for (place, warning) in &file.warnings {
            self.warnings.push(format!("{}: {warning}", at(*place)));
        }
        let mut wrong = file.errors.iter().peekable();
        for (number, line) in file.lines {
            while let Some((place, error)) = wrong.next_if(|(place, _)| place.line < number) {
                self.refuse(format!("{}: {error}", at(*place)), errors);
            }
            let place = format!("{}:{number}", path.display());
            match line {
                Line::Add(rule) => self.rules.push(rule),
                Line::Delete(rule) => match self.rules.iter().rposition(|known| known.same_as(&rule)) {
                    Some(index) => drop(self.rules.remove(index)),
                    None => self.refuse(format!("{place}: no line before this adds the rule {rule}"), errors),
                },
                Line::Control(control) => self.control(control, &place),
                Line::Blank => {}
            }
        }
        for (place, error) in wrong {
            self.refuse(format!("{}: {error}", at(*place)), errors);
        }
    }

    fn refuse(&mut self, what: String, errors: &mut String) {
        if self.lenient {
            self.warnings.push(format!("{what}; the line is left out"));
        } else {
            let _ = write!(errors, "\n  {what}");
        }
    }

    fn control(&mut self, control: Control, place: &str) {
        let settings = &mut self.settings;
        let why_not = match control {
            Control::Enabled(enabled @ 0..=1) => return settings.enabled = Some(enabled),
            Control::Failure(failure @ 0..=1) => return settings.failure = Some(failure),
            Control::RateLimit(limit) => return settings.rate_limit = Some(limit),
            Control::BacklogLimit(limit) => return settings.backlog_limit = Some(limit),
            Control::BacklogWaitTime(ticks) => return settings.backlog_wait_time = Some(ticks),
            Control::Continue | Control::IgnoreErrors => return self.lenient = true,
            Control::DeleteAll { key: None } => return,
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

fn read(path: &Path) -> anyhow::Result<parse::File> {
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > FILE_BYTES_MAX {
        bail!("{} has {size} bytes; a rules file may have {FILE_BYTES_MAX}", path.display());
    }
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(parse::file(&text, &ThisHost))
}

/// The `*.rules` files of the directories, each directory in the order of names. A directory that is missing has none.
fn files(dirs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for dir in dirs {
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.with_context(|| format!("cannot read {}", dir.display()))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", dir.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "rules") {
                found.push(path);
            }
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoHost;

    impl Host for NoHost {
        fn user(&self, _: &str) -> Option<u32> {
            None
        }
        fn group(&self, _: &str) -> Option<u32> {
            None
        }
        fn is_directory(&self, _: &[u8]) -> bool {
            false
        }
        fn exists(&self, _: &[u8]) -> bool {
            true
        }
    }

    fn taken(text: &str) -> (Rules, String) {
        let (mut rules, mut errors) = (Rules::default(), String::new());
        rules.take(Path::new("a.rules"), parse::file(text.as_bytes(), &NoHost), &mut errors);
        (rules, errors)
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
        assert!(taken("-W /a\n-w /a\n").1.contains("a.rules:1: "));
    }
}
