//! Where the storing thread offers entries to the outputs. Never waits.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::state::State;
use crate::query::filter::Filter;
use crate::record::RecordType;
use crate::store::term::Terms;

/// Bytes of entries that wait for one output at most: its queue is counted in events, of which the longest has 16 MiB.
pub const QUEUE_BYTES_MAX: u64 = 64 << 20;

/// Milliseconds between two events that tell of the same output at least, so that telling does not add to the load.
const TELL_MS: u64 = 10_000;

/// The ways to all outputs.
#[derive(Default)]
pub struct Tap {
    ways: Vec<Way>,
}

/// The way to one output.
struct Way {
    queue: Sender<Arc<[u8]>>,
    filter: Option<Filter>,
    state: Arc<State>,
    told: Told,
}

/// What the log has been told of an output.
#[derive(Default)]
struct Told {
    at_ms: Option<u64>,
    dropped: u64,
    clients_dropped: u64,
    failing: Option<String>,
}

impl Tap {
    pub(super) fn add(&mut self, queue: Sender<Arc<[u8]>>, filter: Option<Filter>, state: Arc<State>) {
        self.ways.push(Way { queue, filter, state, told: Told::default() });
    }

    /// Offers an entry to every output that wants it.
    pub fn offer(&self, line: &[u8], terms: &Terms) {
        let mut shared: Option<Arc<[u8]>> = None;
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        for way in &self.ways {
            if way.filter.as_ref().is_some_and(|filter| !filter.matches(terms)) {
                continue;
            }
            let waiting = way.state.counts().waiting_bytes;
            if way.queue.is_full() || waiting.saturating_add(bytes) > QUEUE_BYTES_MAX {
                way.state.dropped();
                continue;
            }
            let entry = shared.get_or_insert_with(|| line.into());
            // First the count, so that it is never below zero.
            way.state.queued(bytes);
            if way.queue.try_send(entry.clone()).is_err() {
                way.state.done(bytes, false);
            }
        }
    }

    /// What the log is to be told: type and text of events of the daemon's own. `now_ms` is of a clock that never goes
    /// back.
    pub fn notes(&mut self, now_ms: u64) -> Vec<(RecordType, String)> {
        self.ways.iter_mut().flat_map(|way| way.told.notes(&way.state, now_ms)).collect()
    }
}

impl Told {
    fn notes(&mut self, state: &State, now_ms: u64) -> Vec<(RecordType, String)> {
        let mut notes = Vec::new();
        if self.at_ms.is_some_and(|at| now_ms < at.saturating_add(TELL_MS)) {
            return notes;
        }
        let (counts, failing, name) = (state.counts(), state.failing(), state.name());
        let mut tell = |kind, text: String| notes.push((kind, format!("op=output output={name} {text}")));
        let dropped = counts.dropped.saturating_sub(self.dropped);
        if dropped > 0 {
            let total = counts.dropped;
            tracing::error!(
                "output {name}: {dropped} events were not delivered, {total} in all; the log has them"
            );
            tell(RecordType::DAEMON_ERR, format!("dropped={dropped} total={total} res=failed"));
        }
        let clients = counts.clients_dropped.saturating_sub(self.clients_dropped);
        if clients > 0 {
            tell(RecordType::DAEMON_ERR, format!("slow-clients={clients} res=failed"));
        }
        match (&self.failing, &failing) {
            (before, Some(cause)) if before.as_ref() != Some(cause) => {
                tell(RecordType::DAEMON_ERR, format!("error={} res=failed", hexadecimal(cause)));
            }
            (Some(_), None) => tell(RecordType::DAEMON_RESUME, "res=success".to_owned()),
            _ => {}
        }
        if !notes.is_empty() {
            let (dropped, clients_dropped) = (counts.dropped, counts.clients_dropped);
            *self = Told { at_ms: Some(now_ms), dropped, clients_dropped, failing };
        }
        notes
    }
}

/// Text with blanks, as records hold it.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}
