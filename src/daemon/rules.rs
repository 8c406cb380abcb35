//! The rules of a run: from the command line and from the rules directories, all checked before the kernel is touched.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::unistd::{Group, User};

use super::arguments::Arguments;
use crate::config::Config;
use crate::rules::Rule;
use crate::rules::host::Host;
use crate::rules::parse::{self, Control, Line};

/// Bytes of a rules file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What the run asks of the kernel.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) controls: Vec<Control>,
    /// What is allowed but likely not meant, with its place.
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
}

/// Reads all rules. Every error of every file is told at once.
pub(super) fn load(arguments: &Arguments, config: &Config) -> anyhow::Result<Rules> {
    let mut rules = Rules::default();
    let mut errors = String::new();
    for path in files(&config.rules_dirs)? {
        let file = read(&path)?;
        let place = |place: parse::Place| format!("{}:{}:{}", path.display(), place.line, place.column);
        for (at, error) in &file.errors {
            let _ = write!(errors, "\n  {}: {error}", place(*at));
        }
        for (at, warning) in &file.warnings {
            rules.warnings.push(format!("{}: {warning}", place(*at)));
        }
        for (number, line) in file.lines {
            match line {
                Line::Add(rule) => rules.rules.push(rule),
                Line::Control(control) => rules.controls.push(control),
                // Begins with no rules of ours anyway: what others have put there stays.
                Line::DeleteAll { .. } | Line::Blank => {}
                Line::Delete(_) => {
                    let _ = write!(
                        errors,
                        "\n  {}:{number}: -d and -W have no rule to delete here",
                        path.display()
                    );
                }
            }
        }
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
