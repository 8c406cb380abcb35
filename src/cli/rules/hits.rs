//! How many events of the log have the keys of rules, and how many an hour that is.

use std::collections::BTreeMap;

use anyhow::Context;

use crate::cli::arguments::Place;
use crate::cli::{search, status, time};
use crate::client::Client;
use crate::entry::field::Field;
use crate::query::filter::{Filter, Op};
use crate::query::run::{self, Query};
use crate::render::zone;
use crate::rules::Rule;
use crate::store::Reader;

/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// The log that is asked.
enum Log {
    Directory(Reader),
    Daemon(Client),
}

/// Counts of a part of the log; each key is counted once.
pub(super) struct Hits {
    log: Log,
    /// From the first event that counts to the last of the log, in milliseconds since 1970; `None` without any.
    span: Option<(u64, u64)>,
    counted: BTreeMap<Vec<u8>, u64>,
}

/// What the log has of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volume {
    /// Events with one of its keys; one with two of them counts twice.
    pub(super) events: u64,
    /// Their mean number in an hour of the span; `None` where the span has no length.
    pub(super) per_hour: Option<f64>,
}

impl Hits {
    /// Of the whole log, or from the time `since` on.
    pub(super) fn open(place: &Place, since: Option<&str>) -> anyhow::Result<Hits> {
        let (log, oldest_ms, newest_ms) = match &place.log_dir {
            Some(dir) => {
                let reader = search::open(dir)?;
                let summary = reader.summary();
                (Log::Directory(reader), summary.oldest_ms, summary.newest_ms)
            }
            None => {
                let client = search::client(place)?;
                let store = client.status().context("cannot count the events of rules")?.store;
                (Log::Daemon(client), store.oldest_ms, store.newest_ms)
            }
        };
        let since_ms = since.map(|text| time::parse(text, zone::now)).transpose()?.unwrap_or(0);
        let span = oldest_ms.zip(newest_ms).map(|(oldest, newest)| (oldest.max(since_ms), newest));
        let span = span.filter(|(first, last)| first <= last);
        Ok(Hits { log, span, counted: BTreeMap::new() })
    }

    /// The span in milliseconds since 1970.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        self.span
    }

    /// The span in words.
    pub(super) fn span_text(&self) -> String {
        self.span.map_or_else(
            || "there is no event".to_owned(),
            |(first, last)| format!("from {} to {}", status::time(first), status::time(last)),
        )
    }

    /// What the log has of a rule; `None` for one without a key.
    pub(super) fn of(&mut self, rule: &Rule) -> anyhow::Result<Option<Volume>> {
        let mut events = None;
        for key in rule.keys() {
            events = Some(events.unwrap_or(0) + self.events(key)?);
        }
        Ok(events.map(|events| Volume { events, per_hour: self.per_hour(events) }))
    }

    /// The mean number of a key's events in an hour.
    pub(super) fn rate(&mut self, key: &[u8]) -> anyhow::Result<Option<f64>> {
        let events = self.events(key)?;
        Ok(self.per_hour(events))
    }

    fn per_hour(&self, events: u64) -> Option<f64> {
        let (first, last) = self.span.filter(|(first, last)| first < last)?;
        Some(events as f64 * HOUR_MS / (last - first) as f64)
    }

    fn events(&mut self, key: &[u8]) -> anyhow::Result<u64> {
        if let Some(events) = self.counted.get(key) {
            return Ok(*events);
        }
        let Some((since, until)) = self.span else { return Ok(0) };
        let filter = Some(Filter::test(Field::Key, Op::Equals, key)?);
        let query = Query { filter, since_ms: Some(since), until_ms: Some(until), ..Query::default() };
        let counted = match &self.log {
            Log::Directory(reader) => search::told("ktrail", run::count(&reader.snapshot(), &query)?).matched,
            Log::Daemon(client) => client.count(&search::parameters(&query))?,
        };
        self.counted.insert(key.to_vec(), counted);
        Ok(counted)
    }
}
