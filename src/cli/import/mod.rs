//! `ktrail import`: auditd logs into a log directory, by the way every event goes.

mod writer;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use writer::Writer;

use super::arguments::{Import, Place};
use super::exit;
use super::owner::AsOwner;
use crate::config::{Config, Overrides};
use crate::entry::decode::describe;
use crate::ingest::counters::Counters;
use crate::ingest::lines::Lines;
use crate::ingest::{Ingest, Now};
use crate::store::Store;

pub(super) fn import(place: &Place, arguments: &Import) -> anyhow::Result<u8> {
    let overrides = Overrides { log_dir: place.log_dir.clone(), ..Overrides::default() };
    let config = Config::load(&overrides)?;
    let bar = progress(&arguments.files)?;
    let sources = open(&arguments.files)?;
    let _owner = AsOwner::of(&config.store.dir, config.store.group)?;
    let opened = Store::open(config.store.clone(), Arc::new(describe));
    let (store, problems) =
        opened.with_context(|| format!("cannot open the log in {}", config.store.dir.display()))?;
    for problem in problems {
        eprintln!("ktrail: {problem}");
    }
    let counters = Arc::new(Counters::default());
    let mut ingest = Ingest::import(counters.clone());
    let mut log = Writer::start(store)?;
    let mut number = 0;
    for (path, source) in arguments.files.iter().zip(sources) {
        let read = match source {
            None => take(bar.wrap_read(io::stdin().lock()), &mut number, &mut ingest, &mut log),
            Some(file) => take(bar.wrap_read(file), &mut number, &mut ingest, &mut log),
        };
        read.with_context(|| format!("cannot read {}", path.display()))?;
    }
    ingest.finish(Now::default(), &mut log);
    let mut store = log.finish().context("cannot write the log")?;
    store.rotate()?;
    store.seal_all()?;
    store.close()?;
    bar.finish_and_clear();
    let read = Counters::read;
    println!(
        "{} events of {} records imported into {}",
        read(&counters.events),
        read(&counters.records),
        config.store.dir.display()
    );
    if read(&counters.malformed) > 0 {
        println!(
            "{} lines are no records and are kept as text: --type 'UNKNOWN[0]'",
            read(&counters.malformed)
        );
    }
    Ok(exit::FOUND)
}

/// Opens the files, of which `-` is standard input.
fn open(paths: &[PathBuf]) -> anyhow::Result<Vec<Option<File>>> {
    let open = |path: &PathBuf| match path.as_os_str() == "-" {
        true => Ok(None),
        false => File::open(path).map(Some).with_context(|| format!("cannot open {}", path.display())),
    };
    paths.iter().map(open).collect()
}

/// Hands each line to ingest, until the log cannot be written.
fn take(source: impl Read, number: &mut u64, ingest: &mut Ingest, log: &mut Writer) -> io::Result<()> {
    let mut lines = Lines::new(source);
    while let Some(line) = lines.next_line()? {
        *number += 1;
        ingest.log_line(line, *number, log);
        if log.has_failed() {
            break;
        }
    }
    Ok(())
}

/// A bar over all bytes, on a terminal only; of standard input the size is not known.
fn progress(files: &[impl AsRef<Path>]) -> anyhow::Result<ProgressBar> {
    let mut total = Some(0);
    for path in files.iter().map(AsRef::as_ref) {
        if path.as_os_str() == "-" {
            total = None;
            continue;
        }
        let found = path.metadata().with_context(|| format!("cannot open {}", path.display()))?;
        if found.is_dir() {
            bail!("{} is a directory; name its files, oldest first", path.display());
        }
        total = total.map(|total| total + found.len());
    }
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(total, target);
    if total.is_some() {
        bar.set_style(ProgressStyle::with_template("{bar:40} {binary_bytes}/{binary_total_bytes} {eta}")?);
    }
    Ok(bar)
}
