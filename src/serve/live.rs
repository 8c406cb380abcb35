//! New entries for those who follow: handed on without waiting for anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::broadcast;

use crate::protocol::limits::{LIVE_WAITING_BYTES_MAX, LIVE_WAITING_MAX};
use crate::store::term::Terms;

/// One new entry.
#[derive(Debug)]
pub struct LiveEntry {
    /// Its stored form; nothing of one for which there was no room.
    pub line: Option<Box<[u8]>>,
    /// Its terms, for filters.
    pub terms: Terms,
    /// Bytes of all entries that wait, to be given back.
    waiting_bytes: Arc<AtomicUsize>,
}

impl Drop for LiveEntry {
    fn drop(&mut self) {
        let bytes = self.line.as_ref().map_or(0, |line| line.len());
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The place where new entries are handed on.
#[derive(Clone, Debug)]
pub struct Live {
    sender: broadcast::Sender<Arc<LiveEntry>>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Default for Live {
    fn default() -> Live {
        Live { sender: broadcast::channel(LIVE_WAITING_MAX).0, waiting_bytes: Arc::default() }
    }
}

impl Live {
    /// Hands an entry on to all who follow; costs next to nothing when nobody does.
    pub fn publish(&self, line: &[u8], terms: &Terms) {
        if self.followers() == 0 {
            return;
        }
        let waiting_bytes = self.waiting_bytes.clone();
        let waiting = waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        let entry = match waiting.saturating_add(line.len()) <= LIVE_WAITING_BYTES_MAX {
            true => LiveEntry { line: Some(line.into()), terms: terms.clone(), waiting_bytes },
            false => {
                waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                LiveEntry { line: None, terms: Terms::default(), waiting_bytes }
            }
        };
        // An error means that the last follower left in this moment.
        let _ = self.sender.send(Arc::new(entry));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_followers_is_bounded_in_bytes() {
        const LINE_BYTES: usize = 1 << 20;
        let live = Live::default();
        let line = vec![b'x'; LINE_BYTES];
        live.publish(&line, &Terms::default());
        assert_eq!(live.waiting(), 0, "nobody follows");
        let mut entries = live.follow();
        let most = LIVE_WAITING_BYTES_MAX / LINE_BYTES;
        for _ in 0..=most {
            live.publish(&line, &Terms::default());
        }
        let mut take = || entries.try_recv().expect("an entry").line.is_some();
        assert!(take(), "the first has room");
        // Its room is given back.
        live.publish(&line, &Terms::default());
        let rest: Vec<bool> = (0..=most).map(|_| take()).collect();
        let without_room = rest.iter().filter(|has_line| !**has_line).count();
        assert_eq!((without_room, rest[most - 1], rest[most]), (1, false, true));
    }
}
