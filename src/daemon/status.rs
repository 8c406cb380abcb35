//! The answer to the question for the status.

use std::sync::Arc;
use std::time::Instant;

use super::calls::Refused;
use super::counts;
use super::space::Shown;
use super::unseen::Unseen;
use crate::config::Config;
use crate::enrich::counts::Counts;
use crate::ingest::counters::Counters;
use crate::outputs::state::State;
use crate::protocol;
use crate::serve::StatusSource;
use crate::serve::live::Live;
use crate::store::Reader;
use crate::store::chain::Signed;

/// What the status is made of.
pub(super) struct Status {
    pub(super) config: Config,
    pub(super) reader: Reader,
    pub(super) live: Live,
    pub(super) counters: Arc<Counters>,
    pub(super) lookups: Counts,
    pub(super) space: Shown,
    pub(super) unseen: Arc<Unseen>,
    pub(super) outputs: Delivering,
    pub(super) signed: Signed,
    pub(super) started_ms: u64,
    pub(super) refused: Refused,
    pub(super) confined: Option<protocol::Confined>,
}

pub(super) type Watched =
    Arc<std::sync::OnceLock<Box<dyn Fn() -> (Option<protocol::Kernel>, protocol::Rates) + Send + Sync>>>;

/// What becomes of the outputs, once they have begun.
pub(super) type Delivering = Arc<std::sync::OnceLock<Vec<Arc<State>>>>;

impl Status {
    /// The source of the answer, and where the watcher's part of it is put once it runs.
    pub(super) fn source(self) -> (StatusSource, Watched) {
        let watched = Watched::default();
        let of_kernel = watched.clone();
        let source = move || {
            let (kernel, rates) = of_kernel.get().map_or_else(Default::default, |watched| watched());
            let summary = self.reader.summary();
            let (space, failing) = self.space.read();
            protocol::Status {
                kernel,
                daemon: protocol::Daemon {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    pid: std::process::id(),
                    started_ms: self.started_ms,
                    refused_ms: self.refused.last_ms(),
                    log_dir: self.config.store.dir.display().to_string(),
                    followers: u64::try_from(self.live.followers()).unwrap_or(0),
                    metrics: None,
                    confined: self.confined.clone(),
                },
                counters: counts::counters(&self.counters),
                rates,
                queues: counts::queues(&self.counters, self.live.waiting()),
                overload: counts::overload(&self.config.overload, &self.counters),
                unseen: self.unseen.now(Instant::now()),
                store: protocol::Store {
                    segments: u64::try_from(summary.segments).unwrap_or(0),
                    entries: summary.entries,
                    bytes: summary.bytes,
                    oldest_ms: summary.oldest_ms,
                    newest_ms: summary.newest_ms,
                    space,
                    failing,
                    checkpoint: self.signed.checkpoint().map(|checkpoint| checkpoint.to_string()),
                },
                outputs: self.outputs.get().into_iter().flatten().map(|state| output(state)).collect(),
                lookups: counts::lookups(&self.lookups),
            }
        };
        (Arc::new(source), watched)
    }
}

fn output(state: &State) -> protocol::Output {
    let counts = state.counts();
    protocol::Output {
        name: state.name().to_owned(),
        kind: state.kind().to_owned(),
        delivered: counts.delivered,
        dropped: counts.dropped,
        waiting: counts.waiting,
        clients_dropped: counts.clients_dropped,
        failing: state.failing(),
    }
}
