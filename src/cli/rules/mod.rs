//! `ktrail rules`.

mod change;
mod check;
mod hits;
mod list;
pub(super) mod report;
mod words;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::arguments::{Place, Rules, RulesCommand, RulesFiles};
use crate::config::{Config, Overrides};
use crate::ruleset::files::{self, Source};
use crate::ruleset::host::ThisHost;

pub(super) fn rules(place: &Place, arguments: &Rules) -> anyhow::Result<u8> {
    let config = arguments.config.as_ref();
    match &arguments.command {
        RulesCommand::List(wanted) => list::list(place, wanted),
        RulesCommand::Check(wanted) => check::check(place, sources(config, &wanted.files)?, wanted),
        RulesCommand::Diff(wanted) => change::diff(sources(config, &wanted.files)?, wanted.json),
        RulesCommand::Load(wanted) => {
            change::load(files::read_all_to_load(&paths(config, wanted)?, &ThisHost::default())?)
        }
        RulesCommand::Add(rule) => words::add(&rule.words),
        RulesCommand::Delete(rule) => words::delete(&rule.words),
        RulesCommand::Save(wanted) => list::save(wanted.file.as_deref()),
        RulesCommand::Explain(rule) => words::explain(&rule.words),
    }
}

/// The files named, or those of the configured directories.
fn paths(config: Option<&PathBuf>, wanted: &RulesFiles) -> anyhow::Result<Vec<PathBuf>> {
    Ok(match wanted.files.as_slice() {
        [] => {
            let overrides = Overrides { file: config.cloned(), ..Overrides::default() };
            files::in_dirs(&Config::load(&overrides)?.rules_dirs)?
        }
        named => named.to_vec(),
    })
}

/// The same, read.
fn sources(config: Option<&PathBuf>, wanted: &RulesFiles) -> anyhow::Result<Vec<Source>> {
    Ok(files::read_all(&paths(config, wanted)?, &ThisHost::default())?)
}

/// Puts a file of these bytes in place, all at once, readable by its owner and group.
pub(super) fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    // What a run that was broken off has left, or a link that somebody has put there: it is not written through.
    match fs::remove_file(&name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&name)?;
    new.write_all(text)?;
    new.sync_all()?;
    fs::rename(&name, path)
}
