//! `aureport`: reports on ktrail's log, or on logs of auditd.

mod options;
mod output;
mod ranges;
mod words;

use std::ffi::OsString;
use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::process::ExitCode;

use super::events::{Reading, Source};
use crate::entry::Resolve;
use crate::render::zone;
use crate::report::cell::Cell;
use crate::report::column::Column;
use crate::report::listing::{Each, Listing};
use crate::report::particulars::Particulars;
use crate::report::summary::Summary;
use crate::report::tally::Tally;
use options::{Asked, Options, Report};
use output::Output;

/// Exit statuses, as aureport has them.
mod exit {
    /// There was something to report.
    pub(super) const FOUND: u8 = 0;
    /// There was nothing, or an error.
    pub(super) const NOTHING: u8 = 1;
}

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    let options = match options::parse(arguments, &zone::now()) {
        Ok(Asked::Help) => {
            print!("{}", options::help());
            return ExitCode::from(exit::FOUND);
        }
        Ok(Asked::Version) => {
            println!("aureport version 3.0.9 (ktrail {})", env!("CARGO_PKG_VERSION"));
            return ExitCode::from(exit::FOUND);
        }
        Ok(Asked::Report(options)) => options,
        Err(error) => {
            eprintln!("aureport: {error}");
            return ExitCode::from(exit::NOTHING);
        }
    };
    match report(&options) {
        Ok(found) => ExitCode::from(if found { exit::FOUND } else { exit::NOTHING }),
        Err(error) if crate::cli::is_broken_pipe(&error) => ExitCode::from(exit::FOUND),
        Err(error) => {
            eprintln!("aureport: {error:#}");
            ExitCode::from(exit::NOTHING)
        }
    }
}

/// Writes the report; says whether there was something to report.
fn report(options: &Options) -> anyhow::Result<bool> {
    let source = Source::choose(options.input.as_deref(), options.input_logs)?;
    let out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let mut output = Output::new(out, options.interpret, options.escape);
    let found = match options.report {
        Report::Summary => totals(&source, options, &mut output)?,
        Report::Ranges if options.summary => anyhow::bail!("the time ranges have no summary"),
        Report::Ranges => {
            output.title(options.wanted_prefix(false), "Log Time Range Report", 21)?;
            ranges::write(&source, options, &mut output)?;
            true
        }
        Report::Listing(words) if options.summary => match &words.summary {
            Some(counted) => {
                output.counted_head(options.wanted_prefix(true), counted)?;
                let listing = named(words);
                let tally = tally(&source, options, listing, &mut output)?;
                output.counts(listing, &tally)?;
                true
            }
            None => anyhow::bail!("{} has no summary", words.title),
        },
        Report::Listing(words) => {
            output.head(words)?;
            list(&source, options, named(words), &mut output)?
        }
    };
    output.finish()?;
    Ok(found)
}

fn named(words: &words::Words) -> &'static Listing {
    Listing::named(words.listing).expect("aureport's table names lists that there are")
}

/// Hands every event that the options ask for to `take`.
fn each(
    source: &Source,
    options: &Options,
    output: &mut Output,
    take: &mut dyn FnMut(&Particulars<'_>, &mut dyn Resolve, &mut Output) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut failed = None;
    source.read(&options.reading(), &mut |event, names| {
        let said = Particulars::of(event);
        if options.wants(event, &said)
            && let Err(error) = take(&said, names, output)
        {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn list(
    source: &Source,
    options: &Options,
    listing: &'static Listing,
    output: &mut Output,
) -> anyhow::Result<bool> {
    let mut number = 0u64;
    each(source, options, output, &mut |said, names, output| {
        // A user is listed where an event tells of a process, and counted in any.
        if listing.object == Column::Auid && said.uid.is_none() {
            return Ok(());
        }
        let mut result = Ok(());
        let mut first = true;
        listing.rows(said, &mut |row| {
            // Of several files or keys aureport tells one.
            let told = listing.each == Each::Decision || std::mem::take(&mut first);
            if told && result.is_ok() {
                number += 1;
                result = output.row(number, listing, &row, names);
            }
        });
        result
    })?;
    if number == 0 {
        output.nothing()?;
    }
    Ok(number > 0)
}

fn tally(
    source: &Source,
    options: &Options,
    listing: &'static Listing,
    output: &mut Output,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    each(source, options, output, &mut |said, names, output| {
        listing.objects(said, &mut |cell| {
            if cell != Cell::Missing {
                tally.add(&output.counted(listing, &cell, names));
            }
        });
        Ok(())
    })?;
    Ok(tally)
}

fn totals(source: &Source, options: &Options, output: &mut Output) -> anyhow::Result<bool> {
    let mut summary = Summary::default();
    let mut range: Option<(u64, u64)> = None;
    source.read(&Reading { since_ms: None, ..options.reading() }, &mut |event, _| {
        let time_ms = event.id.time_ms;
        if options.until_ms.is_none_or(|until_ms| time_ms <= until_ms) {
            let (first, last) = range.unwrap_or((time_ms, time_ms));
            range = Some((first.min(time_ms), last.max(time_ms)));
        }
        let said = Particulars::of(event);
        if options.wants(event, &said) {
            summary.take(&said);
        }
        ControlFlow::Continue(())
    })?;
    output.title(options.wanted_prefix(true), "Summary Report", 22)?;
    output.totals(range.unwrap_or_default(), (options.since_ms, options.until_ms), &summary)?;
    Ok(true)
}
