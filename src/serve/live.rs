//! New entries for those who follow: handed on without waiting for anybody.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::protocol::LIVE_WAITING_MAX;
use crate::store::term::Terms;

/// One new entry.
#[derive(Debug)]
pub struct LiveEntry {
    /// Its stored form.
    pub line: Box<[u8]>,
    /// Its terms, for filters.
    pub terms: Terms,
}

/// The place where new entries are handed on.
#[derive(Clone, Debug)]
pub struct Live {
    sender: broadcast::Sender<Arc<LiveEntry>>,
}

impl Default for Live {
    fn default() -> Live {
        Live { sender: broadcast::channel(LIVE_WAITING_MAX).0 }
    }
}

impl Live {
    /// Hands an entry on to all who follow; costs next to nothing when nobody does.
    pub fn publish(&self, line: &[u8], terms: &Terms) {
        if self.followers() > 0 {
            // An error means that the last follower left in this moment.
            let _ = self.sender.send(Arc::new(LiveEntry { line: line.into(), terms: terms.clone() }));
        }
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.sender.receiver_count()
    }

    /// How many entries wait for the slowest of them.
    pub fn waiting(&self) -> usize {
        self.sender.len()
    }

    /// Begins to follow.
    pub(super) fn follow(&self) -> broadcast::Receiver<Arc<LiveEntry>> {
        self.sender.subscribe()
    }
}
