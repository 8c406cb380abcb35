//! The events that auditd's programs report on: of logs of auditd, or of ktrail's store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::sys::stat::{SFlag, fstat};

use super::ausearch::auditd;
use super::ausearch::logs;
use crate::cli::search;
use crate::client::Client;
use crate::config::{Config, Overrides};
use crate::entry::Resolve;
use crate::entry::decode::decode;
use crate::event::Event;
use crate::event::assembler::Incoming;
use crate::event::window::{TIMEOUT_S_DEFAULT, Window};
use crate::ingest::lines::Lines;
use crate::ingest::tails::TailNames;
use crate::protocol::search::SearchParameters;
use crate::query::run::{self, Query};
use crate::record::line;
use crate::record::stamp::EventId;

/// The environment variable that names the log directory.
const LOG_DIR_VARIABLE: &str = "KTRAIL_LOG_DIR";
/// The environment variable that names the daemon's socket.
const SOCKET_VARIABLE: &str = "KTRAIL_SOCKET";

/// Events whose names are kept after they were given out: records of one id may be two events.
const NAMES_MAX: usize = 4096;

/// Where events come from.
pub(super) enum Source {
    /// Text on standard input.
    Stdin,
    /// Logs of auditd, oldest first.
    Files(Vec<PathBuf>),
    /// A log directory of ktrail.
    Store(PathBuf),
    /// The daemon behind a socket.
    Daemon(PathBuf),
}

/// Takes an event, with the names that came with it.
pub(super) type Take<'a> = dyn FnMut(&Event, &mut dyn Resolve) -> ControlFlow<()> + 'a;

impl Source {
    /// What is named; otherwise standard input if it is a pipe, unless `logs` are asked for; otherwise ktrail's log, or
    /// auditd's where there is none.
    pub(super) fn choose(input: Option<&Path>, logs: bool) -> anyhow::Result<Source> {
        match input {
            Some(path) => Source::path(path),
            None if !logs && stdin_is_a_pipe() => Ok(Source::Stdin),
            None => Source::logs(),
        }
    }

    /// A log of auditd, or the logs of a directory.
    pub(super) fn path(path: &Path) -> anyhow::Result<Source> {
        logs::Source::path(path).map(Source::of)
    }

    /// ktrail's log, or auditd's where there is none.
    pub(super) fn logs() -> anyhow::Result<Source> {
        let path = |variable| std::env::var_os(variable).map(PathBuf::from);
        let (log_dir, socket) = (path(LOG_DIR_VARIABLE), path(SOCKET_VARIABLE));
        let named = log_dir.is_some();
        let config = Config::load(&Overrides { log_dir, socket, ..Overrides::default() })?;
        let dir = config.store.dir;
        if std::fs::read_dir(&dir).is_ok() {
            return Ok(Source::Store(dir));
        }
        if config.socket.exists() {
            return Ok(Source::Daemon(config.socket));
        }
        if named {
            return Ok(Source::Store(dir));
        }
        Ok(auditd::logs().map_or(Source::Store(dir), Source::of))
    }

    fn of(source: logs::Source) -> Source {
        match source {
            logs::Source::Stdin => Source::Stdin,
            logs::Source::Files(files) => Source::Files(files),
        }
    }

    /// Hands every event to `take`, until it breaks.
    pub(super) fn read(&self, how: &Reading<'_>, take: &mut Take<'_>) -> anyhow::Result<()> {
        match self {
            Source::Stdin => {
                let mut text = Text::new(how, take);
                if text.read(io::stdin().lock())?.is_continue() {
                    text.finish();
                }
                Ok(())
            }
            Source::Files(files) => {
                let mut text = Text::new(how, take);
                for path in files {
                    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
                    let read = text.read(file).with_context(|| format!("cannot read {}", path.display()))?;
                    if read.is_break() {
                        return Ok(());
                    }
                }
                text.finish();
                Ok(())
            }
            Source::Store(dir) => store(dir, how, take),
            Source::Daemon(socket) => daemon(socket, how, take),
        }
    }
}

/// How a log is read.
#[derive(Default)]
pub(super) struct Reading<'a> {
    /// Who reads, for messages.
    pub(super) program: &'a str,
    /// Seconds for which an event's records are waited for; `None` for what auditd.conf says.
    pub(super) timeout_s: Option<u64>,
    /// Whether lines that are no record are told of.
    pub(super) debug: bool,
    /// From when, of a store: its index knows the times.
    pub(super) since_ms: Option<u64>,
    /// Until when, likewise.
    pub(super) until_ms: Option<u64>,
}

fn stdin_is_a_pipe() -> bool {
    let kind = fstat(io::stdin().as_fd()).map(|stat| stat.st_mode & SFlag::S_IFMT.bits());
    kind.is_ok_and(|kind| kind == SFlag::S_IFIFO.bits())
}

/// Lines of text that become events.
struct Text<'a> {
    how: &'a Reading<'a>,
    window: Window,
    /// The names that the tails of open events' records hold.
    names: BTreeMap<EventId, TailNames>,
    take: &'a mut Take<'a>,
}

impl<'a> Text<'a> {
    fn new<'b: 'a>(how: &'a Reading<'_>, take: &'a mut Take<'b>) -> Text<'a> {
        let timeout_s = how.timeout_s.or_else(auditd::timeout_s).unwrap_or(TIMEOUT_S_DEFAULT);
        Text { how, window: Window::new(timeout_s), names: BTreeMap::new(), take }
    }

    fn read(&mut self, source: impl Read) -> io::Result<ControlFlow<()>> {
        let mut lines = Lines::new(source);
        while let Some(text) = lines.next_line()? {
            let record = match line::split(text) {
                Ok(line) => {
                    if !line.names.is_empty() {
                        self.names.entry(line.id).or_default().learn(&line);
                    }
                    let line::Line { node, kind, unnamed, id, body, .. } = line;
                    Incoming { node, kind, unnamed, id, body }
                }
                Err(error) => {
                    if self.how.debug && !text.is_empty() {
                        eprintln!("{}: {error}: {}", self.how.program, String::from_utf8_lossy(text));
                    }
                    continue;
                }
            };
            if self.window.push(&record) {
                while let Some(event) = self.window.ready() {
                    if self.give(event).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self) {
        while let Some(event) = self.window.take() {
            if self.give(event).is_break() {
                return;
            }
        }
    }

    fn give(&mut self, event: Event) -> ControlFlow<()> {
        let mut none = TailNames::default();
        let names = self.names.get_mut(&event.id).unwrap_or(&mut none);
        names.select(event.node.as_deref());
        let flow = (self.take)(&event, names);
        if self.names.len() > NAMES_MAX {
            self.names = self.names.split_off(&event.id);
        }
        self.window.recycle(event);
        flow
    }
}

fn store(dir: &Path, how: &Reading<'_>, take: &mut Take<'_>) -> anyhow::Result<()> {
    let reader = search::open_as(how.program, dir)?;
    let query = Query { since_ms: how.since_ms, until_ms: how.until_ms, ..Query::default() };
    let mut failed = None;
    let ran = run::run(&reader.snapshot(), &query, &mut |_, line| entry(line, take, &mut failed))?;
    search::told(how.program, ran);
    failed.map_or(Ok(()), Err)
}

fn daemon(socket: &Path, how: &Reading<'_>, take: &mut Take<'_>) -> anyhow::Result<()> {
    let mut failed = None;
    let parameters =
        SearchParameters { since_ms: how.since_ms, until_ms: how.until_ms, ..SearchParameters::default() };
    Client::new(socket)?.search(&parameters, &mut |line| entry(line, take, &mut failed))?;
    failed.map_or(Ok(()), Err)
}

fn entry(line: &[u8], take: &mut Take<'_>, failed: &mut Option<anyhow::Error>) -> ControlFlow<()> {
    match decode(line).context("an entry of the log cannot be read") {
        Ok(stored) => take(&stored.event, &mut &stored.names),
        Err(error) => {
            *failed = Some(error);
            ControlFlow::Break(())
        }
    }
}
