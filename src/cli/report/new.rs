//! Values of a field that were never seen before a time.

use anyhow::bail;
use hashbrown::HashMap;

use super::table::Value;
use super::{Asked, top};
use crate::cli::search::{client, open, parameters, told};
use crate::entry::decode::describe;
use crate::query::filter::{Filter, Op};
use crate::query::run::{self, Query};
use crate::report::tally::VALUES_MAX;
use crate::store::Snapshot;
use crate::store::term::Terms;

/// What there was of a value since then.
struct Seen {
    first_ms: u64,
    count: u64,
}

pub(super) fn report(asked: &Asked<'_>) -> anyhow::Result<bool> {
    let field = top::field(asked, "new")?;
    let Some(since_ms) = asked.query.since_ms else {
        bail!("report new compares what came since a time with what was before: name it with --since");
    };
    let mut seen: HashMap<Vec<u8>, Seen, foldhash::fast::RandomState> = HashMap::default();
    let mut terms = Terms::default();
    asked.each(&mut |line, stored| {
        terms.clear();
        describe(line, &mut terms);
        for (_, value) in terms.iter().filter(|(of, _)| *of == field.id()) {
            if seen.len() >= VALUES_MAX && !seen.contains_key(value) {
                bail!("more than {VALUES_MAX} values came since then; take a later --since");
            }
            let time_ms = stored.event.id.time_ms;
            let seen = seen.entry_ref(value).or_insert_with(|| Seen { first_ms: time_ms, count: 0 });
            seen.count += 1;
            seen.first_ms = seen.first_ms.min(time_ms);
        }
        Ok(())
    })?;
    let before = Before::new(asked, since_ms)?;
    let mut rows: Vec<(Vec<u8>, Seen)> = seen.into_iter().collect();
    rows.sort_by(|(a, one), (b, other)| one.first_ms.cmp(&other.first_ms).then(a.cmp(b)));
    let mut table = asked.table(&["first", "count", field.name()]);
    for (value, seen) in rows {
        let test = Filter::test(field, Op::Equals, &value)?;
        if !before.has(test)? {
            table.row(vec![Value::Time(seen.first_ms), Value::Number(seen.count), Value::Text(value)])?;
        }
    }
    table.finish()
}

/// What was before a time: asked of the index, value by value.
struct Before<'a> {
    asked: &'a Asked<'a>,
    until_ms: u64,
    snapshot: Option<Snapshot>,
}

impl<'a> Before<'a> {
    fn new(asked: &'a Asked<'a>, since_ms: u64) -> anyhow::Result<Before<'a>> {
        let dir = asked.place.log_dir.as_deref();
        let snapshot = dir.map(|dir| open(dir).map(|reader| reader.snapshot())).transpose()?;
        Ok(Before { asked, until_ms: since_ms.saturating_sub(1), snapshot })
    }

    fn has(&self, test: Filter) -> anyhow::Result<bool> {
        let filter = Filter::all(self.asked.query.filter.iter().cloned().chain([test]).collect());
        let query = Query { filter, until_ms: Some(self.until_ms), limit: Some(1), ..Query::default() };
        let count = match &self.snapshot {
            Some(snapshot) => told("ktrail", run::count(snapshot, &query)?).matched,
            None => client(self.asked.place)?.count(&parameters(&query))?,
        };
        Ok(count > 0)
    }
}
