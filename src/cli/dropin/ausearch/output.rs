//! The events that are wanted, on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use nix::unistd::{Gid, Group, Uid, User};

use super::options::{Format, Options};
use crate::enrich::Names;
use crate::event::Event;
use crate::render::peer::csv::Extra;
use crate::render::peer::{Lookup, Peer};
use crate::render::raw;
use crate::render::zone;

/// Bytes written at once.
const OUT_BYTES: usize = 256 << 10;

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

/// Events that are handed over together.
const BATCH_EVENTS: usize = 128;
/// Batches that wait to be written.
const BATCHES: usize = 8;

/// An event with the names that were stored with it.
type Told = (Event, Names);

/// Writes events in a format on a thread of its own, while the next are looked for.
pub(super) struct Output {
    batch: Vec<Told>,
    full: Option<Sender<Vec<Told>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// Whether every event is shown at once.
    at_once: bool,
    found: u64,
}

impl Output {
    pub(super) fn new(options: &Options) -> io::Result<Output> {
        let (full, to_write) = bounded(BATCHES);
        let (format, extra, escape, at_once) =
            (options.format, options.extra, options.escape, options.line_buffered);
        let writing = move || {
            let peer = Peer::new(escape, extra, zone::local(), Box::new(Host));
            Writer::new(format, extra, at_once, peer).run(&to_write)
        };
        let thread = thread::Builder::new().name("output".into()).spawn(writing)?;
        let batch = Vec::with_capacity(BATCH_EVENTS);
        Ok(Output { batch, full: Some(full), thread: Some(thread), at_once, found: 0 })
    }

    /// Writes an event. `names` are those that were stored with it.
    pub(super) fn event(&mut self, event: Event, names: Names) -> io::Result<()> {
        self.found += 1;
        self.batch.push((event, names));
        if self.at_once || self.batch.len() >= BATCH_EVENTS { self.hand_over() } else { Ok(()) }
    }

    /// Writes what is left and gives the number of events.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        if !self.batch.is_empty() {
            self.hand_over()?;
        }
        self.end().map(|()| self.found)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_EVENTS));
        match self.full.as_ref().map(|full| full.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended, and says why.
            _ => self.end(),
        }
    }

    /// Waits until the thread has written everything.
    fn end(&mut self) -> io::Result<()> {
        self.full = None;
        let ended = self.thread.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

/// Standard output for events of one format.
struct Writer {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    extra: Extra,
    at_once: bool,
    peer: Peer,
    text: Vec<u8>,
    begun: bool,
}

impl Writer {
    fn new(format: Format, extra: Extra, at_once: bool, peer: Peer) -> Writer {
        let out = BufWriter::with_capacity(OUT_BYTES, io::stdout().lock());
        Writer { out, format, extra, at_once, peer, text: Vec::new(), begun: false }
    }

    fn run(mut self, to_write: &Receiver<Vec<Told>>) -> io::Result<()> {
        for batch in to_write {
            for (event, names) in &batch {
                self.event(event, names)?;
            }
            if self.at_once {
                self.out.flush()?;
            }
        }
        self.out.flush()
    }

    fn event(&mut self, event: &Event, names: &Names) -> io::Result<()> {
        self.text.clear();
        match self.format {
            Format::Raw => raw::write(event, &mut self.text)?,
            Format::Plain => self.peer.plain(event, &mut self.text),
            Format::Interpreted => self.peer.interpreted(event, names, &mut self.text),
            Format::Csv => {
                if !self.begun {
                    self.text.extend_from_slice(self.extra.head().as_bytes());
                }
                self.peer.csv(event, names, &mut self.text);
            }
            Format::Text => self.peer.text(event, names, &mut self.text),
        }
        self.begun = true;
        self.out.write_all(&self.text)
    }
}
