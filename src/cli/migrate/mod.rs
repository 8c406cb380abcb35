//! `ktrail migrate`: from auditd's configuration to ktrail's, with a word on every setting, and back.

mod auditd_conf;
mod draft;
mod plan;
mod record;
mod settings;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::arguments::{Import, Migrate, Place};
use super::{exit, import};
use crate::config::{Config, Overrides};
use plan::Plan;
use record::{Record, Written};

/// The configuration that the packages install.
const PACKAGED: &str = include_str!("../../../packaging/ktrail.toml");
/// What the packages' unit lacks for files of auditd's.
const UNIT_LINES: &str = "/usr/share/doc/ktrail/examples/auditd-files.conf";

pub(super) fn migrate(place: &Place, arguments: &Migrate) -> anyhow::Result<u8> {
    if arguments.undo {
        return undo(&arguments.to);
    }
    let plan = Plan::of(&arguments.from, &arguments.to)?;
    let overrides = Overrides { log_dir: place.log_dir.clone(), ..Overrides::default() };
    let config = Config::parse(plan.config(), &plan.config_path(), &overrides)
        .context("the configuration that was made is not one of ktrail's")?;
    print!("{plan}");
    if arguments.dry_run {
        println!("\n{}:\n\n{}", plan.config_path().display(), plan.config());
        println!("Nothing was written.");
        return Ok(exit::FOUND);
    }
    let mut record = write(&plan, &arguments.from, &arguments.to)?;
    if arguments.import {
        import_logs(&plan, &config.store.dir, &mut record, &arguments.to)?;
    }
    println!("\nWritten to {}; `ktrail migrate --undo` puts all back.", arguments.to.display());
    println!("Next: ktraild --check-config, then stop auditd and start ktraild.");
    if config.store.group.is_some() || !config.outputs.is_empty() {
        println!(
            "The packages' unit runs the daemon as a user of its own. For auditd's group, log and plugins it needs the \
             lines of {UNIT_LINES}, by `systemctl edit ktraild`."
        );
    }
    Ok(exit::FOUND)
}

/// Writes the files of a plan, and first what undoes them. Refuses, before anything is written, when one of the files is
/// another's.
fn write(plan: &Plan, from: &Path, to: &Path) -> anyhow::Result<Record> {
    let earlier = Record::read(to)?;
    let mut record = Record::new(from);
    if let Some(earlier) = &earlier {
        record.dirs.clone_from(&earlier.dirs);
        record.imported.clone_from(&earlier.imported);
    }
    for (path, text) in &plan.files {
        let ours = earlier.iter().flat_map(|record| &record.files).find(|file| file.path == *path);
        let there = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            there => Some(there.with_context(|| format!("cannot read {}", path.display()))?),
        };
        let before = match (there, ours) {
            (None, ours) => ours.and_then(|ours| ours.before.clone()),
            (Some(there), Some(ours)) if there == ours.text => ours.before.clone(),
            (Some(there), None) if path == &plan.config_path() && is_nobodys(&there) => Some(there),
            (Some(_), _) => bail!(
                "{} is there, and was not written by a migration or was changed since; move it away first. Nothing was \
                 written",
                path.display()
            ),
        };
        record.files.push(Written { path: path.clone(), text: text.clone(), before });
    }
    // What an earlier migration has written and this one does not is still to be undone.
    let gone = earlier.into_iter().flat_map(|record| record.files);
    record.files.extend(gone.filter(|file| plan.files.iter().all(|(path, _)| *path != file.path)));
    record.make_dir(to)?;
    for dir in plan.files.iter().filter_map(|(path, _)| path.parent()) {
        record.make_dir(dir)?;
    }
    record.keep(to)?;
    plan.files.iter().try_for_each(|(path, text)| record::write(path, text))?;
    Ok(record)
}

/// Whether a configuration has no setting, only comments, or those that the packages install.
fn is_nobodys(text: &str) -> bool {
    let table = |text: &str| text.parse::<toml::Table>();
    table(text).is_ok_and(|there| there.is_empty() || table(PACKAGED).is_ok_and(|packaged| there == packaged))
}

/// Imports auditd's logs, the oldest first.
fn import_logs(plan: &Plan, log_dir: &Path, record: &mut Record, to: &Path) -> anyhow::Result<()> {
    if plan.logs.is_empty() {
        println!("\nThere is no log of auditd's to import.");
        return Ok(());
    }
    if !record.imported.is_empty() {
        println!("\nThe logs have been imported before; they are not imported again.");
        return Ok(());
    }
    let before = record::log_files(log_dir)?;
    println!();
    import::import(
        &Place { log_dir: Some(log_dir.to_owned()), socket: None },
        &Import { files: plan.logs.clone() },
    )?;
    let made = record::log_files(log_dir)?;
    // Only a log that was not there before can be taken away again.
    if before.is_empty() {
        record.imported = made;
    } else {
        println!(
            "There was a log in {} before: an undo leaves the imported events in it.",
            log_dir.display()
        );
    }
    record.keep(to)
}

fn undo(to: &Path) -> anyhow::Result<u8> {
    let Some(record) = Record::read(to)? else {
        bail!("there is no record of a migration in {}", to.display());
    };
    let from = record.from.clone();
    let kept = record.undo(to)?;
    kept.iter().for_each(|kept| println!("{kept}"));
    println!("The migration from {} is undone.", from.display());
    Ok(if kept.is_empty() { exit::FOUND } else { exit::NOTHING })
}

/// auditd's log and those that were rotated, the oldest first.
fn logs(log_file: &Path) -> Vec<PathBuf> {
    let numbered = |number: u32| {
        let mut name = log_file.to_owned().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut found: Vec<PathBuf> = (1..).map(numbered).take_while(|path| path.exists()).collect();
    found.reverse();
    found.extend(log_file.exists().then(|| log_file.to_owned()));
    found
}
