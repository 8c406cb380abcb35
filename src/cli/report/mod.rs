//! `ktrail report`: what many events say together.

mod new;
mod table;
mod top;

use std::ops::ControlFlow;

use anyhow::{Context, bail};
use jiff::SpanRelativeTo;

use super::arguments::{Place, Reporting};
use super::search::{client, filter, open, parameters, told};
use super::{exit, time};
use crate::entry::Stored;
use crate::entry::decode::decode;
use crate::interpret::keystrokes;
use crate::query::run::{self, Query};
use crate::render::zone;
use crate::report::addresses::Addresses;
use crate::report::cell::Cell;
use crate::report::column::Column;
use crate::report::listing::{LISTINGS, Listing};
use crate::report::particulars::Particulars;
use crate::report::session::Session;
use crate::report::summary::Summary;
use crate::report::tally::Tally;
use crate::report::timeline::{STRETCHES_MAX, Timeline};
use table::{Table, Value};

/// The reports that are no lists, with what they are.
const OTHERS: &[(&str, &str)] = &[
    ("summary", "How much of everything there was"),
    ("timeline", "How many events there were in each stretch of time; --interval says how long one is"),
    ("top", "The most frequent values of a --field"),
    ("new", "Values of a --field that were never seen before --since"),
    ("failed-logins", "Failed logins by the address they came from"),
    ("session", "The processes of one --session, as a tree"),
];

/// Stretches of a timeline when no length is asked for.
const STRETCHES: usize = 48;
/// Places of the longest bar of a chart.
const BAR: u64 = 40;

/// The names of all reports.
pub(super) fn names() -> Vec<&'static str> {
    OTHERS.iter().map(|(name, _)| *name).chain(LISTINGS.iter().map(|listing| listing.name)).collect()
}

/// What every report is about, for the help.
pub(super) fn help() -> String {
    let lists = LISTINGS.iter().map(|listing| (listing.name, listing.about));
    let lines = OTHERS.iter().copied().chain(lists).map(|(name, about)| format!("  {name:<16} {about}\n"));
    format!(
        "Reports:\n{}\nA list is counted by what it is about with --summary. Exit status: 0, 1 with nothing to report, 2 on an error.",
        lines.collect::<String>()
    )
}

pub(super) fn report(place: &Place, arguments: &Reporting) -> anyhow::Result<u8> {
    let at = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, zone::now)).transpose();
    let query = Query {
        filter: filter(&arguments.wanted)?,
        since_ms: at(&arguments.since)?,
        until_ms: at(&arguments.until)?,
        ..Query::default()
    };
    let asked = Asked { place, arguments, query };
    let found = match arguments.report.as_str() {
        "summary" => summary(&asked)?,
        "timeline" => timeline(&asked)?,
        "top" => top::report(&asked)?,
        "new" => new::report(&asked)?,
        "failed-logins" => failed_logins(&asked)?,
        "session" => session(&asked)?,
        name => match Listing::named(name) {
            Some(listing) if arguments.summary => counts(&asked, listing)?,
            Some(listing) => list(&asked, listing)?,
            None => bail!("there is no report {name:?}"),
        },
    };
    Ok(if found { exit::FOUND } else { exit::NOTHING })
}

/// What is asked for.
struct Asked<'a> {
    place: &'a Place,
    arguments: &'a Reporting,
    query: Query,
}

impl Asked<'_> {
    /// Hands every event that is wanted to `take`, with its stored form, until `take` fails.
    fn each(&self, take: &mut dyn FnMut(&[u8], &Stored) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut failed = None;
        let mut entry = |line: &[u8]| {
            let taken = decode(line)
                .context("an entry of the log cannot be read")
                .and_then(|stored| take(line, &stored));
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        match &self.place.log_dir {
            Some(dir) => {
                told("ktrail", run::run(&open(dir)?.snapshot(), &self.query, &mut |_, line| entry(line))?);
            }
            None => {
                client(self.place)?.search(&parameters(&self.query), &mut entry)?;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn table(&self, columns: &[&'static str]) -> Table {
        Table::new(self.arguments.format, columns, self.arguments.limit)
    }

    /// The most frequent values first, with a chart where people read it.
    fn counted(&self, name: &'static str, counts: &[(&[u8], u64)], others: u64) -> anyhow::Result<bool> {
        let mut table = self.table(&["count", name, "chart"]);
        let most = counts.first().map_or(1, |(_, count)| *count);
        for (value, count) in counts {
            table.row(vec![Value::Number(*count), Value::Text(value.to_vec()), bar(*count, most)])?;
        }
        if others > 0 {
            eprintln!("ktrail: {others} more are of values for which there was no room");
        }
        table.finish()
    }
}

fn bar(count: u64, most: u64) -> Value {
    let length = (count.saturating_mul(BAR)).div_ceil(most.max(1));
    Value::Chart(usize::try_from(length).unwrap_or(0))
}

fn summary(asked: &Asked<'_>) -> anyhow::Result<bool> {
    let mut summary = Summary::default();
    asked.each(&mut |_, stored| {
        summary.take(&Particulars::of(&stored.event));
        Ok(())
    })?;
    let mut table = asked.table(&["of", "total"]);
    for total in summary.totals() {
        table.row(vec![Value::Text(total.name.as_bytes().to_vec()), Value::Number(total.count)])?;
    }
    if let Some((first, last)) = summary.range() {
        table.row(vec![Value::Text(b"from".to_vec()), Value::Time(first.time_ms)])?;
        table.row(vec![Value::Text(b"to".to_vec()), Value::Time(last.time_ms)])?;
    }
    table.finish()?;
    Ok(summary.range().is_some())
}

fn list(asked: &Asked<'_>, listing: &'static Listing) -> anyhow::Result<bool> {
    let columns: Vec<_> = listing.columns.iter().map(|column| column.name()).collect();
    let mut table = asked.table(&columns);
    asked.each(&mut |_, stored| {
        let mut rows = Vec::new();
        listing.rows(&Particulars::of(&stored.event), &mut |row| rows.push(row));
        rows.into_iter().try_for_each(|row| {
            let cells = listing.columns.iter().zip(&row.cells);
            table.row(cells.map(|(column, cell)| value(*column, cell, stored)).collect())
        })
    })?;
    table.finish()
}

fn value(column: Column, cell: &Cell, stored: &Stored) -> Value {
    match cell {
        Cell::Text(data) if column == Column::Keystrokes => Value::Text(keystrokes::words(data)),
        cell => Value::of(cell, &stored.names),
    }
}

fn counts(asked: &Asked<'_>, listing: &'static Listing) -> anyhow::Result<bool> {
    let mut tally = Tally::default();
    asked.each(&mut |_, stored| {
        listing.objects(&Particulars::of(&stored.event), &mut |cell| {
            if cell != Cell::Missing {
                tally.add(&Value::of(&cell, &stored.names).text());
            }
        });
        Ok(())
    })?;
    asked.counted(listing.object.name(), &tally.most_frequent(), tally.others())
}

fn timeline(asked: &Asked<'_>) -> anyhow::Result<bool> {
    let length = asked.arguments.interval.as_deref().map(length).transpose()?;
    let mut timeline = Timeline::new(length.unwrap_or(1000));
    asked.each(&mut |_, stored| {
        let said = Particulars::of(&stored.event);
        timeline.take(said.id.time_ms, said.outcome == Some(false));
        Ok(())
    })?;
    match length {
        None => timeline.fit(STRETCHES),
        Some(length) if length < timeline.length_ms() => {
            eprintln!("ktrail: the stretches are longer than asked for: there would be too many");
        }
        Some(_) => {}
    }
    let stretches = timeline.stretches(STRETCHES_MAX);
    let most = stretches.iter().map(|(_, count)| count.events).max().unwrap_or(1);
    let mut table = asked.table(&["time", "events", "failed", "chart"]);
    for (begin_ms, count) in stretches {
        let numbers = [Value::Number(count.events), Value::Number(count.failed)];
        table.row(
            [Value::Time(begin_ms)].into_iter().chain(numbers).chain([bar(count.events, most)]).collect(),
        )?;
    }
    table.finish()
}

/// A length of time in milliseconds: `15m`, `1h`, `1 day`.
fn length(text: &str) -> anyhow::Result<u64> {
    let span: jiff::Span =
        text.parse().with_context(|| format!("{text:?} is no length of time; write 15m or 1h"))?;
    let milliseconds = span.total((jiff::Unit::Millisecond, SpanRelativeTo::days_are_24_hours()))?;
    match milliseconds >= 1.0 {
        // A length beyond any log is as good as the longest number.
        true => Ok(milliseconds.min(1e15) as u64),
        false => bail!("{text:?} is less than a millisecond"),
    }
}

fn failed_logins(asked: &Asked<'_>) -> anyhow::Result<bool> {
    let mut addresses = Addresses::default();
    asked.each(&mut |_, stored| {
        addresses.take(&Particulars::of(&stored.event));
        Ok(())
    })?;
    let mut table = asked.table(&["host", "failed", "first", "last", "accounts"]);
    for (address, attempts) in addresses.rows() {
        let accounts: Vec<&[u8]> =
            attempts.accounts.most_frequent().into_iter().map(|(name, _)| name).collect();
        table.row(vec![
            Value::Text(address.to_vec()),
            Value::Number(attempts.count),
            Value::Time(attempts.first_ms),
            Value::Time(attempts.last_ms),
            Value::Text(accounts.join(&b' ')),
        ])?;
    }
    if addresses.others() > 0 {
        eprintln!("ktrail: {} more are from addresses for which there was no room", addresses.others());
    }
    table.finish()
}

fn session(asked: &Asked<'_>) -> anyhow::Result<bool> {
    if asked.arguments.wanted.session.is_none() {
        bail!("report session is about one session: name it with --session");
    }
    let mut session = Session::default();
    asked.each(&mut |_, stored| {
        session.take(&stored.event, &Particulars::of(&stored.event));
        Ok(())
    })?;
    let mut table = asked.table(&["first", "last", "pid", "parent", "depth", "events", "failed", "program"]);
    for (depth, pid, process) in session.tree() {
        let number = |number: u32| Value::Number(number.into());
        table.row(vec![
            Value::Time(process.time_ms.0),
            Value::Time(process.time_ms.1),
            number(pid),
            process.parent.map_or(Value::Nothing, number),
            Value::Number(depth as u64),
            Value::Number(process.events),
            Value::Number(process.failed),
            Value::Branch(depth, process.programs.join(&b" ; "[..])),
        ])?;
    }
    if session.others() > 0 {
        eprintln!("ktrail: {} events are of no process that is shown", session.others());
    }
    table.finish()
}
