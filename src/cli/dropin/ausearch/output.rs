//! The events that are wanted, on standard output.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use nix::unistd::{Gid, Group, Uid, User};

use super::options::{Format, Options};
use crate::enrich::Names;
use crate::event::Event;
use crate::render::peer::csv::Extra;
use crate::render::peer::{Escape, Lookup, Peer};
use crate::render::raw;
use crate::render::zone;
use crate::store::threads::threads_max;

/// The host's users and groups.
struct Host;

impl Lookup for Host {
    fn user(&self, id: u32) -> Option<String> {
        Some(User::from_uid(Uid::from_raw(id)).ok()??.name)
    }

    fn group(&self, id: u32) -> Option<String> {
        Some(Group::from_gid(Gid::from_raw(id)).ok()??.name)
    }
}

/// Events that are handed over together, at most.
const BATCH_EVENTS: usize = 128;
/// Bytes of their records, after which they are handed over though they are fewer.
const BATCH_BYTES: usize = 256 << 10;
/// Batches that wait for each renderer.
const BATCHES: usize = 4;

/// An event with the names that were stored with it.
type Told = (Event, Names);

/// Puts events in words and writes them, on threads of its own, while the next are looked for.
///
/// The renderers take the batches in turn, and write in turn: each waits for the one before to have written, and then tells
/// the one after.
pub(super) struct Output {
    batch: Vec<Told>,
    bytes: usize,
    /// Batches handed over.
    batches: usize,
    full: Vec<Sender<Vec<Told>>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// Those that are not started yet, the last first.
    waiting: Vec<Renderer>,
    written: Receiver<Vec<Told>>,
    /// Whether every event is shown at once.
    at_once: bool,
    found: u64,
}

impl Output {
    pub(super) fn new(options: &Options) -> Output {
        let count = threads_max();
        let turns: Vec<_> = (0..count).map(|_| bounded(1)).collect();
        let (spent, written) = bounded(count * BATCHES);
        let mut waiting = Vec::with_capacity(count);
        let mut full = Vec::with_capacity(count);
        for ((_, turn), (next, _)) in turns.iter().zip(turns.iter().cycle().skip(1)) {
            let (to_render, rendered) = bounded(BATCHES);
            full.push(to_render);
            waiting.push(Renderer {
                batches: rendered,
                turn: turn.clone(),
                next: next.clone(),
                spent: spent.clone(),
                format: options.format,
                extra: options.extra,
                escape: options.escape,
            });
        }
        if let Some((first, _)) = turns.first() {
            // It has room for one.
            let _ = first.try_send(());
        }
        waiting.reverse();
        let batch = Vec::with_capacity(BATCH_EVENTS);
        let at_once = options.line_buffered;
        Output {
            batch,
            bytes: 0,
            batches: 0,
            full,
            threads: Vec::with_capacity(count),
            waiting,
            written,
            at_once,
            found: 0,
        }
    }

    /// Writes an event. `names` are those that were stored with it.
    pub(super) fn event(&mut self, event: Event, names: Names) -> io::Result<()> {
        self.found += 1;
        self.bytes += event.bytes();
        self.batch.push((event, names));
        match self.at_once || self.batch.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    /// Events that have been written, for their memory.
    pub(super) fn written(&self) -> impl Iterator<Item = Event> {
        self.written.try_iter().flatten().map(|(event, _)| event)
    }

    /// Writes what is left and gives the number of events.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        if !self.batch.is_empty() {
            self.hand_over()?;
        }
        self.end().map(|()| self.found)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_EVENTS));
        self.bytes = 0;
        // A few events need one thread only.
        if let Some(renderer) = self.waiting.pop() {
            let (format, extra) = (renderer.format, renderer.extra);
            let head = (self.batches == 0 && format == Format::Csv).then(|| extra.head());
            let start = thread::Builder::new().name("output".into());
            self.threads.push(start.spawn(move || renderer.run(head))?);
        }
        let turn = self.batches % self.full.len();
        self.batches += 1;
        match self.full.get(turn).map(|full| full.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended, and one of them says why.
            _ => self.end(),
        }
    }

    /// Waits until the threads have written everything.
    fn end(&mut self) -> io::Result<()> {
        self.full.clear();
        self.waiting.clear();
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let ended = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        result
    }
}

/// Puts every so manieth batch in words.
struct Renderer {
    batches: Receiver<Vec<Told>>,
    /// Tells that the batch before has been written.
    turn: Receiver<()>,
    next: Sender<()>,
    spent: Sender<Vec<Told>>,
    format: Format,
    extra: Extra,
    escape: Escape,
}

impl Renderer {
    fn run(self, head: Option<String>) -> io::Result<()> {
        let mut peer = Peer::new(self.escape, self.extra, zone::local(), Box::new(Host));
        let mut text = head.unwrap_or_default().into_bytes();
        for batch in &self.batches {
            for (event, names) in &batch {
                self.event(&mut peer, event, names, &mut text)?;
            }
            if self.turn.recv().is_err() {
                // The renderer before this one has failed, and says why.
                return Ok(());
            }
            let mut out = io::stdout().lock();
            out.write_all(&text)?;
            out.flush()?;
            // At the end nobody takes them.
            let _ = self.next.send(());
            let _ = self.spent.try_send(batch);
            text.clear();
        }
        Ok(())
    }

    fn event(&self, peer: &mut Peer, event: &Event, names: &Names, text: &mut Vec<u8>) -> io::Result<()> {
        match self.format {
            Format::Raw => raw::write(event, text)?,
            Format::Plain => peer.plain(event, text),
            Format::Interpreted => peer.interpreted(event, names, text),
            Format::Csv => peer.csv(event, names, text),
            Format::Text => peer.text(event, names, text),
        }
        Ok(())
    }
}
