//! `ktrail log`: the segments of a log directory.

mod check;
mod export;
mod list;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::Place;
use super::arguments::log::{self, LogCommand};
use crate::config::{Config, Overrides};
use crate::entry::decode;
use crate::store::{self, Describe, Problem, Reader};

pub(super) fn log(place: &Place, arguments: &log::Log) -> anyhow::Result<u8> {
    let overrides = Overrides { log_dir: place.log_dir.clone(), ..Overrides::default() };
    let config = Config::load(&overrides)?.store;
    match &arguments.command {
        LogCommand::List(arguments) => list::list(&config, arguments),
        LogCommand::Info(arguments) => list::info(&config, arguments),
        LogCommand::Check(arguments) => check::check(&config, arguments),
        LogCommand::Repair(arguments) => check::repair(&config, arguments),
        LogCommand::Export(arguments) => export::export(&config, arguments),
    }
}

/// Opens the directory for reading, for which every line is read that is not sealed.
fn open_wholly(config: &store::Config, describe: Describe) -> anyhow::Result<(Reader, Vec<Problem>)> {
    let opened = Reader::open_wholly(&config.dir, describe);
    opened.with_context(|| format!("cannot open the log in {}", config.dir.display()))
}

/// Opens the directory for reading and tells what was found.
fn open_and_tell(config: &store::Config) -> anyhow::Result<Reader> {
    let opened = Reader::open(&config.dir, Arc::new(decode::describe));
    let (reader, problems) =
        opened.with_context(|| format!("cannot open the log in {}", config.dir.display()))?;
    for problem in problems {
        eprintln!("ktrail: {problem}");
    }
    Ok(reader)
}

/// Takes a line for an entry only if all of it can be read.
fn describe_wholly() -> Describe {
    Arc::new(|line, terms| {
        let stamp = decode::describe(line, terms)?;
        decode::decode(line).is_ok().then_some(stamp)
    })
}

/// A bar over `total`, on a terminal only.
pub(super) fn progress(total: u64, template: &str) -> anyhow::Result<ProgressBar> {
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    Ok(bar.with_style(ProgressStyle::with_template(template)?))
}

/// A path as JSON has it: what is not UTF-8 in it is replaced.
fn text(path: &Path) -> String {
    path.display().to_string()
}
