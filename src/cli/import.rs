//! `ktrail import`: auditd logs into a log directory, by the way every event goes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::{Import, Place};
use super::exit;
use crate::config::{Config, Overrides};
use crate::entry::decode::describe;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, LINE_BYTES_MAX, Sink};
use crate::record::stamp::EventId;
use crate::store::term::Terms;
use crate::store::{Stamp, Store};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

pub(super) fn import(place: &Place, arguments: &Import) -> anyhow::Result<u8> {
    let overrides = Overrides { log_dir: place.log_dir.clone(), ..Overrides::default() };
    let config = Config::load(&overrides)?;
    let opened = Store::open(config.store.clone(), Arc::new(describe));
    let (store, problems) =
        opened.with_context(|| format!("cannot open the log in {}", config.store.dir.display()))?;
    for problem in problems {
        eprintln!("ktrail: {problem}");
    }
    let counters = Arc::new(Counters::default());
    let mut ingest = Ingest::import(counters.clone());
    let mut log = Log { store, failed: None };
    let bar = progress(&arguments.files)?;
    let mut number = 0;
    for path in &arguments.files {
        let read = match path.as_os_str() == "-" {
            true => lines(bar.wrap_read(io::stdin().lock()), &mut number, &mut ingest, &mut log),
            false => {
                let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
                lines(bar.wrap_read(file), &mut number, &mut ingest, &mut log)
            }
        };
        read.with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(error) = log.failed.take() {
            return Err(error).context("cannot write the log");
        }
    }
    ingest.finish(&mut log);
    if let Some(error) = log.failed.take() {
        return Err(error).context("cannot write the log");
    }
    log.store.rotate()?;
    log.store.seal_all()?;
    log.store.close()?;
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

/// Hands each line to ingest. A line without end is taken in pieces, so that memory is bounded.
fn lines(source: impl Read, number: &mut u64, ingest: &mut Ingest, log: &mut Log) -> io::Result<()> {
    let mut source = BufReader::with_capacity(READ_BYTES, source);
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    loop {
        line.clear();
        if source.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        *number += 1;
        ingest.log_line(line.strip_suffix(b"\n").unwrap_or(&line), *number, log);
        if log.failed.is_some() {
            return Ok(());
        }
    }
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

struct Log {
    store: Store,
    failed: Option<anyhow::Error>,
}

impl Sink for Log {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        if self.failed.is_none()
            && let Err(error) = self.store.append(stamp, terms, line)
        {
            self.failed = Some(error.into());
        }
    }
}
