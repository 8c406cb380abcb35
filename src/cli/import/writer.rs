//! Entries → store, on a thread of its own: one processor reads and encodes, another indexes, writes and seals.

use std::io;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::ingest::Sink;
use crate::record::stamp::EventId;
use crate::store::term::Terms;
use crate::store::{Error, Stamp, Store};

/// Entries that are handed over together.
const BATCH_ENTRIES: usize = 256;
/// Bytes of lines with which a batch is handed over.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that go round.
const BATCHES: usize = 4;

/// Entries on their way, in memory that goes round.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    /// Stamp and terms of each entry, and where its line ends.
    entries: Vec<(Stamp, usize, Terms)>,
    /// How many of `entries` are in use; the others keep their memory.
    used: usize,
}

/// Writes entries.
pub(super) struct Writer {
    batch: Batch,
    full: Sender<Batch>,
    spare: Receiver<Batch>,
    thread: JoinHandle<Result<Store, Error>>,
}

impl Writer {
    pub(super) fn start(store: Store) -> io::Result<Writer> {
        let (full, to_do) = bounded(BATCHES);
        let (give_back, spare) = bounded(BATCHES);
        for _ in 1..BATCHES {
            // There is room for all of them.
            let _ = give_back.try_send(Batch::default());
        }
        let writing = move || write(store, &to_do, &give_back);
        let thread = thread::Builder::new().name("store".into()).spawn(writing)?;
        Ok(Writer { batch: Batch::default(), full, spare, thread })
    }

    /// Whether the store could not be written; [`Writer::finish`] tells why.
    pub(super) fn has_failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> Result<Store, Error> {
        self.hand_over();
        drop(self.full);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn hand_over(&mut self) {
        // Neither fails but after the thread has: then nothing is written any more.
        let next = self.spare.recv().unwrap_or_default();
        let _ = self.full.send(std::mem::replace(&mut self.batch, next));
    }
}

impl Sink for Writer {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        let batch = &mut self.batch;
        batch.lines.extend_from_slice(line);
        let (stamp, end) = (Stamp { time_ms: id.time_ms, serial: id.serial }, batch.lines.len());
        match batch.entries.get_mut(batch.used) {
            Some(entry) => {
                (entry.0, entry.1) = (stamp, end);
                entry.2.clone_from(terms);
            }
            None => batch.entries.push((stamp, end, terms.clone())),
        }
        batch.used += 1;
        if batch.used >= BATCH_ENTRIES || end >= BATCH_BYTES {
            self.hand_over();
        }
    }
}

fn write(mut store: Store, to_do: &Receiver<Batch>, give_back: &Sender<Batch>) -> Result<Store, Error> {
    for mut batch in to_do {
        let mut start = 0;
        for (stamp, end, terms) in batch.entries.iter().take(batch.used) {
            store.append(*stamp, terms, batch.lines.get(start..*end).unwrap_or_default())?;
            start = *end;
        }
        batch.lines.clear();
        batch.used = 0;
        // Nobody waits for it at the end.
        let _ = give_back.try_send(batch);
    }
    Ok(store)
}
