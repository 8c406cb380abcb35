//! The most frequent values of a field.

use std::cell::RefCell;

use anyhow::{Context, bail};

use super::Asked;
use crate::cli::search::open;
use crate::entry::decode::describe;
use crate::query::field;
use crate::report::tally::Tally;
use crate::store::term::{FieldId, Terms};
use crate::store::{Snapshot, ValueTest};

pub(super) fn report(asked: &Asked<'_>) -> anyhow::Result<bool> {
    let field = field(asked, "top")?;
    let query = &asked.query;
    let everything = query.filter.is_none() && query.since_ms.is_none() && query.until_ms.is_none();
    let tally = match &asked.place.log_dir {
        Some(dir) if everything && !asked.arguments.scan => of_index(&open(dir)?.snapshot(), field.id())?,
        _ => of_events(asked, field.id())?,
    };
    let mut counts = tally.most_frequent();
    // The index has the values in another order than the events.
    counts.sort_by(|(a, one), (b, other)| other.cmp(one).then(a.cmp(b)));
    asked.counted(field.name(), &counts, tally.others())
}

/// The field that is asked for.
pub(super) fn field(asked: &Asked<'_>, report: &str) -> anyhow::Result<crate::entry::field::Field> {
    let Some(name) = asked.arguments.field.as_deref() else {
        bail!("report {report} is by one field: name it with --field, as in --field exe");
    };
    field::from_name(name).with_context(|| match field::nearest(name) {
        Some(near) => format!("there is no field {name:?}; did you mean {near}?"),
        None => format!("there is no field {name:?}"),
    })
}

/// Counts by the index alone: no event is read.
fn of_index(snapshot: &Snapshot, field: FieldId) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for segment in snapshot.segments() {
        let values: RefCell<Vec<Vec<u8>>> = RefCell::default();
        let note = |value: &[u8]| {
            values.borrow_mut().push(value.to_vec());
            false
        };
        segment.postings(field, &ValueTest::Accepts(&note))?;
        for value in values.into_inner() {
            tally.add_count(&value, segment.postings(field, &ValueTest::Equals(&value))?.len());
        }
    }
    Ok(tally)
}

/// Counts event by event.
fn of_events(asked: &Asked<'_>, field: FieldId) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut terms = Terms::default();
    asked.each(&mut |line, _| {
        terms.clear();
        describe(line, &mut terms);
        terms.iter().filter(|(of, _)| *of == field).for_each(|(_, value)| tally.add(value));
        Ok(())
    })?;
    Ok(tally)
}
