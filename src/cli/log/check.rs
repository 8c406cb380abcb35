//! `ktrail log check` and `ktrail log repair`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;

use super::{describe_wholly, open_wholly, progress, text};
use crate::cli::arguments::Report;
use crate::cli::arguments::log::LogCheck;
use crate::cli::exit;
use crate::cli::owner::AsOwner;
use crate::entry::decode::describe;
use crate::store::{self, Cause, Error, Finding, Notice, Problem, Snapshot};

const TEMPLATE: &str = "{bar:40} {binary_bytes}/{binary_total_bytes} {eta}";

/// One thing that was found or done, in JSON.
#[derive(Serialize)]
struct Told {
    file: String,
    /// `found`, `left`, `quarantined`, `rebuilt` or `cut`.
    what: &'static str,
    cause: String,
}

/// Tells of one thing at a time, in the wanted form.
struct Teller {
    format: Report,
}

impl Teller {
    fn tell(&self, path: &Path, what: &'static str, cause: String) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Report::Text if cause.contains(&text(path)) => writeln!(out, "{cause}")?,
            Report::Text => writeln!(out, "{}: {cause}", path.display())?,
            Report::Json => {
                serde_json::to_writer(&mut out, &Told { file: text(path), what, cause })?;
                writeln!(out)?;
            }
        }
        Ok(())
    }

    /// Tells in text only what in JSON shows in that there is nothing.
    fn conclude(&self, words: &str) -> io::Result<()> {
        match self.format {
            Report::Text => writeln!(io::stdout().lock(), "{words}"),
            Report::Json => Ok(()),
        }
    }
}

/// Bytes of lines in sealed segments, which are what is read.
fn bytes_to_read(snapshot: &Snapshot) -> u64 {
    let sealed = snapshot.segments().iter().filter(|segment| segment.is_sealed());
    sealed.filter_map(|segment| segment.facts().ok()).map(|facts| facts.plain_bytes).sum()
}

/// Reads every byte. The directory is not changed, and a daemon may write it meanwhile.
pub(super) fn check(config: &store::Config, arguments: &LogCheck) -> anyhow::Result<u8> {
    let (reader, problems) = open_wholly(config, describe_wholly())?;
    let teller = Teller { format: arguments.format };
    let mut findings = 0u64;
    for problem in problems {
        if is_finding(&problem, &config.dir)? {
            findings += 1;
            let cause = match &problem {
                // Nothing is mended here.
                Problem::Index { reason, .. } => Cause::Index { reason: reason.clone() }.to_string(),
                _ => problem.to_string(),
            };
            teller.tell(problem.path(), "found", cause)?;
        } else {
            eprintln!("ktrail: {problem}");
        }
    }
    let snapshot = reader.snapshot();
    let bar = progress(bytes_to_read(&snapshot), TEMPLATE)?;
    let mut entries = 0;
    for segment in snapshot.segments() {
        entries += u64::from(segment.len());
        for Finding { path, cause } in segment.check(&mut |bytes| bar.inc(bytes))? {
            findings += 1;
            bar.suspend(|| teller.tell(&path, "found", cause.to_string()))?;
        }
    }
    bar.finish_and_clear();
    match findings {
        0 => {
            let segments = snapshot.segments().len();
            teller.conclude(&format!("{segments} segments with {entries} entries are sound"))?;
            Ok(exit::FOUND)
        }
        _ => Ok(exit::NOTHING),
    }
}

/// What says that something was damaged. A file of somebody else is none of ours, and a line that a daemon is writing
/// right now is not torn.
fn is_finding(problem: &Problem, dir: &Path) -> Result<bool, Error> {
    match problem {
        Problem::ForeignFile { .. } => Ok(false),
        Problem::TornLine { .. } => Ok(!store::has_writer(dir)?),
        _ => Ok(true),
    }
}

/// Mends what can be mended.
pub(super) fn repair(config: &store::Config, arguments: &LogCheck) -> anyhow::Result<u8> {
    let total = {
        let (reader, problems) = open_wholly(config, Arc::new(describe))?;
        let snapshot = reader.snapshot();
        // Opening for writing would make a log of any directory.
        let is_ours = |problem: &Problem| !matches!(problem, Problem::ForeignFile { .. });
        if snapshot.segments().is_empty() && !problems.iter().any(is_ours) {
            bail!("{} holds no log", config.dir.display());
        }
        bytes_to_read(&snapshot)
    };
    let bar = progress(total, TEMPLATE)?;
    let _owner = AsOwner::of(&config.dir, config.group)?;
    let repaired = store::repair(config, &describe_wholly(), &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let repaired = repaired.with_context(|| format!("cannot repair {}", config.dir.display()))?;
    let teller = Teller { format: arguments.format };
    let mut did = repaired.written.len() + repaired.left.len();
    for problem in &repaired.problems {
        let what = match problem {
            Problem::TornLine { .. } => "cut",
            Problem::Quarantined { .. } => "quarantined",
            Problem::RefusedLines { .. } | Problem::Unreadable { .. } => "left",
            // Told when it has been written.
            Problem::Index { .. } => "found",
            Problem::ForeignFile { .. } => {
                eprintln!("ktrail: {problem}");
                continue;
            }
        };
        did += 1;
        teller.tell(problem.path(), what, problem.to_string())?;
    }
    for Finding { path, cause } in &repaired.mended {
        teller.tell(path, "found", cause.to_string())?;
    }
    for notice in &repaired.written {
        if let Notice::IndexRebuilt { segment } = notice {
            let path = config.dir.join(format!("audit-{segment:010}.idx"));
            teller.tell(&path, "rebuilt", "made anew from its segment".to_owned())?;
        }
    }
    for Finding { path, cause } in &repaired.left {
        teller.tell(path, "left", format!("left as it is: {cause}"))?;
    }
    if did == 0 {
        teller.conclude("there was nothing to repair")?;
    }
    let is_left = !repaired.left.is_empty()
        || repaired
            .problems
            .iter()
            .any(|problem| matches!(problem, Problem::RefusedLines { .. } | Problem::Unreadable { .. }));
    Ok(if is_left { exit::NOTHING } else { exit::FOUND })
}
