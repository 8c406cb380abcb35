//! The beginning of a run: what an earlier process has left, the log, the local API, the threads.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use crossbeam_channel::Receiver as Channel;

use super::calls::Calls;
use super::capture::{Capture, Receiving, Storing, Work, wall_ms};
use super::confine::Confinement;
use super::counts::Watch;
use super::drift::Reports;
use super::host::Host;
use super::inherit::{self, Beginning, Inheritance};
use super::manager;
use super::recover::Known;
use super::space::{self, Space};
use super::status::{Delivering, Status, Watched};
use super::unseen::Unseen;
use crate::config::Config;
use crate::enrich::counts::Counts;
use crate::entry;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now};
use crate::netlink::control::Control;
use crate::netlink::session::Session;
use crate::netlink::takeover::Successor;
use crate::outputs::Outputs;
use crate::outputs::tap::Tap;
use crate::record::RecordType;
use crate::redact::Redactor;
use crate::serve::limits::Limits;
use crate::serve::live::Live;
use crate::serve::metrics::Metrics;
use crate::serve::{self, Server, Sources};
use crate::store::{Store, Timings};
use crate::sys::ring::{Kept, Ring, Writer};
/// What has begun.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) capture: Capture,
    pub(super) outputs: Outputs,
    pub(super) watch: Watch,
    pub(super) server: Server,
    pub(super) calls: Calls,
    pub(super) unseen: Arc<Unseen>,
    /// Where the kernel's reports of changed rules come.
    pub(super) reported: Channel<Vec<u8>>,
    pub(super) counters: Arc<Counters>,
    /// The ring's memory.
    pub(super) kept: Kept,
}

/// Whether the receiver is at work before the log is open.
enum Receives {
    /// It is, for the kernel sends already.
    Already((Receiving, Channel<Work>)),
    /// It is not: this process is not registered yet.
    NotYet(Successor, Writer),
}

/// Begins: after it, events are received and stored. Rules are not loaded yet.
///
/// What may be missing is looked at first: nothing is made or changed by a daemon that cannot run.
pub(super) fn begin(
    config: &Config,
    opened: Option<Successor>,
    confinement: &Confinement,
) -> anyhow::Result<Begun> {
    let Inheritance { ring: Ring { writer, reader: ring, kept }, socket, opened: carried, listeners } =
        inherit::inheritance()?;
    let successor = opened.or(carried).map_or_else(|| Successor::open(&config.events), Ok)?;
    let mut session = inherit::session(ring.state())?;
    let (counters, lookups) = (Arc::new(Counters::default()), Counts::default());
    // What the kernel sends already is received from now on: it drops what it cannot send for more than half a second.
    let (op, receiving) = match inherit::beginning(&mut session, successor, socket)? {
        Beginning::Middle(source) => {
            let op = source.op();
            (op, Receives::Already(Receiving::start(source, &config.overload, writer, counters.clone())?))
        }
        Beginning::Anew(successor) => ("start", Receives::NotYet(successor, writer)),
    };
    let store = open_log(config)?;
    let reader = store.reader();
    let live = Live::default();
    let known = Known::of(&reader, ring.carried().chain(ring.left())).context("cannot read the log")?;
    space::check(&config.space);
    let space = Space::new(config.space.clone());
    let unseen = Arc::new(Unseen::new(Path::new("/proc"), config.socket.with_extension("boot")));
    let (delivering, calls) = (Delivering::default(), Calls::new());
    let status = Status {
        config: config.clone(),
        reader,
        live: live.clone(),
        counters: counters.clone(),
        lookups: lookups.clone(),
        space: space.shown().clone(),
        unseen: unseen.clone(),
        outputs: delivering.clone(),
        signed: store.signed(),
        started_ms: wall_ms(),
        refused: calls.refused.clone(),
        confined: confinement.confined().cloned(),
    };
    let (server, watched) = server(config, status, store.timings(), &calls, listeners)?;
    keep(&server, &kept);
    let receiving = match receiving {
        Receives::Already(receiving) => receiving,
        Receives::NotYet(successor, writer) => {
            let source = inherit::register(&mut session, successor)?;
            Receiving::start(source, &config.overload, writer, counters.clone())?
        }
    };
    let mut ingest = ingest(config, &counters, &lookups)?;
    let (outputs, tap) = start_outputs(config, &delivering)?;
    let mut log = FirstWords(store, live.clone(), tap, counters.clone());
    let words = first_words(session.before().enabled, op);
    ingest.own_event(RecordType::DAEMON_START, words.as_bytes(), now(), &mut log);
    let (reports, reported) = Reports::new();
    let storing = Storing { ingest, store: log.0, live, tap: log.2, space, known, reports };
    let capture = Capture::start(receiving, ring, storing, counters.clone())?;
    calls.begin(capture.work());
    manager::keep(manager::EVENTS, capture.registered()?);
    session.is_registered();
    let watch = Watch::start(Control::open()?, *session.before(), &kept, &counters, capture.work())?;
    watched.set(Box::new(watch.source())).ok().context("the status has one source")?;
    Ok(Begun { session, capture, outputs, watch, server, calls, unseen, reported, counters, kept })
}

/// The server of the local API, and where the watcher's part of its status is put once it runs.
fn server(
    config: &Config,
    status: Status,
    timings: Timings,
    calls: &Calls,
    listeners: serve::Kept,
) -> anyhow::Result<(Server, Watched)> {
    let (reader, live) = (status.reader.clone(), status.live.clone());
    let (status, watched) = status.source();
    let metrics = Arc::new(Metrics::new(status.clone(), timings));
    let (notes, administration) = (calls.notes(), calls.administration());
    let sources = Sources { reader, live, status, metrics, notes, administration };
    Ok((Server::bind(server_config(config), sources, listeners)?, watched))
}

/// Has the manager keep what the next process is to go on with.
fn keep(server: &Server, ring: &Kept) {
    manager::keep(manager::RING, ring);
    let (api, metrics) = server.listeners().descriptors();
    manager::keep_only(manager::API, Some(api));
    manager::keep_only(manager::METRICS, metrics);
}

/// Starts the outputs, and shows the status what becomes of them.
fn start_outputs(config: &Config, delivering: &Delivering) -> anyhow::Result<(Outputs, Tap)> {
    let (outputs, tap) = Outputs::start(config.outputs.clone()).context("cannot start the outputs")?;
    delivering.set(outputs.states()).ok().context("the outputs start once")?;
    Ok((outputs, tap))
}

fn open_log(config: &Config) -> anyhow::Result<Store> {
    let (store, problems) = Store::open(config.store.clone(), Arc::new(entry::decode::describe))
        .with_context(|| format!("cannot open the log in {}", config.store.dir.display()))?;
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    Ok(store)
}

fn server_config(config: &Config) -> serve::Config {
    serve::Config {
        socket: config.socket.clone(),
        groups: config.groups,
        metrics: config.metrics,
        limits: Limits::default(),
    }
}

fn ingest(config: &Config, counters: &Arc<Counters>, lookups: &Counts) -> anyhow::Result<Ingest> {
    let host = Box::new(Host::new(config, lookups)?);
    let mut ingest = Ingest::live(config.assembler.clone(), config.node.clone(), host, counters.clone());
    if let Some(redact) = &config.redact {
        ingest.redact(Redactor::new(redact)?);
    }
    Ok(ingest)
}

fn now() -> Now {
    Now { mono_ms: 0, wall_ms: wall_ms() }
}

fn first_words(enabled: u32, op: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("op={op} ver={version} format=json {} enabled={enabled} res=success", identity())
}

/// Who this daemon is, as an audit record says it.
pub(super) fn identity() -> String {
    let number = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        text.trim().parse().unwrap_or(u32::MAX)
    };
    let (pid, uid) = (std::process::id(), nix::unistd::getuid());
    format!("auid={} pid={pid} uid={uid} ses={}", number("loginuid"), number("sessionid"))
}

/// The store before its thread has it.
struct FirstWords(Store, Live, Tap, Arc<Counters>);

impl crate::ingest::Sink for FirstWords {
    fn entry(&mut self, id: crate::record::stamp::EventId, terms: &crate::store::term::Terms, line: &[u8]) {
        let stamp = crate::store::Stamp { time_ms: id.time_ms, serial: id.serial };
        match self.0.append(stamp, terms, line) {
            Ok(_) => Counters::add(&self.3.stored, 1),
            Err(error) => tracing::error!("{error}"),
        }
        self.1.publish(line, terms);
        self.2.offer(line, terms);
    }
}
