//! What comes of calls to the local API: events that tell of them, and the wishes of administrators.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use tokio::sync::mpsc;

use super::capture::{Work, wall_ms};
use super::signals::Wish;
use crate::record::RecordType;
use crate::serve::calls::{Kind, Notes};
use crate::serve::{Administration, Operation};

/// Wishes that may wait: more than one of each kind asks for nothing more.
const WISHES_MAX: usize = 4;

/// The ends of the server's calls that the daemon has.
pub(super) struct Calls {
    /// Where events are taken; the storing thread ends when nobody has this any more.
    work: Arc<Mutex<Option<Sender<Work>>>>,
    wish: mpsc::Sender<Wish>,
    /// What administrators want.
    pub(super) wishes: mpsc::Receiver<Wish>,
    pub(super) refused: Refused,
}

/// When the last wish to go on with another program or configuration was refused, in milliseconds since 1970; 0: none was.
#[derive(Clone, Default)]
pub(super) struct Refused(Arc<AtomicU64>);

impl Refused {
    pub(super) fn note(&self) {
        self.0.store(wall_ms(), Ordering::Relaxed);
    }

    pub(super) fn last_ms(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }
}

impl Calls {
    pub(super) fn new() -> Calls {
        let (wish, wishes) = mpsc::channel(WISHES_MAX);
        Calls { work: Arc::default(), wish, wishes, refused: Refused::default() }
    }

    /// Where the server tells of calls. Before the storing thread begins nothing is taken.
    pub(super) fn notes(&self) -> Notes {
        let work = self.work.clone();
        Arc::new(move |note| {
            let kind = match note.kind {
                Kind::Refused => RecordType::DAEMON_ERR,
                Kind::Rotated => RecordType::DAEMON_ROTATE,
                Kind::Reloaded => RecordType::DAEMON_CONFIG,
            };
            // A full queue is no reason to wait: what cannot be told now is told later, or not done.
            let work = work.lock().unwrap_or_else(PoisonError::into_inner);
            let sent = work.as_ref().map(|work| work.try_send(Work::Own { kind, body: note.body }));
            sent.is_some_and(|sent| sent.is_ok())
        })
    }

    /// Where the server brings the wishes of administrators.
    pub(super) fn administration(&self) -> Administration {
        let wish = self.wish.clone();
        Arc::new(move |operation| {
            let wanted = match operation {
                Operation::Rotate => Wish::Rotate,
                Operation::Reload => Wish::Renew,
            };
            wish.try_send(wanted).is_ok()
        })
    }

    /// Says where events of the daemon's own are taken from now on.
    pub(super) fn begin(&self, work: Sender<Work>) {
        self.set(Some(work));
    }

    fn set(&self, work: Option<Sender<Work>>) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
    }
}

impl Drop for Calls {
    /// The server's connections may be there a little longer; what they tell is not taken any more.
    fn drop(&mut self) {
        self.set(None);
    }
}
