//! The events that are wanted, on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};

use jiff::tz::TimeZone;
use nix::unistd::{Gid, Group, Uid, User};

use super::options::{Format, Options};
use crate::enrich::Names;
use crate::event::Event;
use crate::render::peer::csv::Extra;
use crate::render::peer::{Lookup, Peer};
use crate::render::raw;

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

/// Standard output for events of one format.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    extra: Extra,
    /// Whether every event is shown at once.
    at_once: bool,
    peer: Peer,
    text: Vec<u8>,
    found: u64,
}

impl Output {
    pub(super) fn new(options: &Options) -> Output {
        let out = BufWriter::with_capacity(OUT_BYTES, io::stdout().lock());
        let peer = Peer::new(options.escape, options.extra, TimeZone::system(), Box::new(Host));
        let extra = options.extra;
        let (format, at_once) = (options.format, options.line_buffered);
        Output { out, format, extra, at_once, peer, text: Vec::new(), found: 0 }
    }

    /// Writes an event. `names` are those that were stored with it.
    pub(super) fn event(&mut self, event: &Event, names: &Names) -> io::Result<()> {
        self.found += 1;
        self.text.clear();
        match self.format {
            Format::Raw => raw::write(event, &mut self.text)?,
            Format::Plain => self.peer.plain(event, &mut self.text),
            Format::Interpreted => self.peer.interpreted(event, names, &mut self.text),
            Format::Csv => {
                if self.found == 1 {
                    self.text.extend_from_slice(self.extra.head().as_bytes());
                }
                self.peer.csv(event, names, &mut self.text);
            }
            Format::Text => self.peer.text(event, names, &mut self.text),
        }
        self.out.write_all(&self.text)?;
        if self.at_once { self.out.flush() } else { Ok(()) }
    }

    /// Writes what is left and gives the number of events.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.found)
    }
}
