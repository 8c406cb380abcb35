//! One run of the daemon, from the first check to the last word.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::capture::{Capture, HostNames, NoNames, wall_ms};
use super::counts::{self, Watch};
use super::diagnostics;
use super::drift::{Drift, Reports};
use super::rules::Rules;
use super::space::Space;
use crate::config::Config;
use crate::enrich::lookup::Host;
use crate::enrich::{self, Enricher};
use crate::entry::{self, Resolve};
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now};
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::netlink::events::Events;
use crate::netlink::session::Session;
use crate::netlink::status::StatusChange;
use crate::protocol;
use crate::record::RecordType;
use crate::rules::plan;
use crate::ruleset::load::installed;
use crate::serve::live::Live;
use crate::serve::{self, Server, Sources};
use crate::store::{Reader, Store};

/// How often the daemon looks whether its threads are alive.
const ALIVE_INTERVAL: Duration = Duration::from_millis(500);

/// How long nothing may come from the kernel for it to count as quiet.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that at the end: others' rules may never leave it quiet.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// Runs until a signal asks for the end or a thread fails.
pub(super) fn run(config: &Config, rules: &Rules) -> anyhow::Result<()> {
    let _diagnostics = diagnostics::begin(&config.diagnostics)?;
    for warning in &rules.warnings {
        tracing::warn!("{warning}");
    }
    // What may be missing is looked at first: nothing is made or changed by a daemon that cannot run.
    let mut session = Session::begin(Control::open()?)?;
    let started_ms = wall_ms();
    let counters = Arc::new(Counters::default());
    let (store, problems) = Store::open(config.store.clone(), Arc::new(entry::decode::describe))
        .with_context(|| format!("cannot open the log in {}", config.store.dir.display()))?;
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = runtime.enter();
    let reader = store.reader();
    let live = Live::default();
    let status = Status {
        config: config.clone(),
        reader: reader.clone(),
        live: live.clone(),
        counters: counters.clone(),
        started_ms,
    };
    let (source, watched) = status.source();
    let server_config = serve::Config { socket: config.socket.clone(), readers: config.readers };
    let server = Server::bind(server_config, Sources { reader, live: live.clone(), status: source })?;
    let mut events = Events::open(&config.events)?;
    events.notes.iter().for_each(|note| tracing::warn!("{note}"));
    if let Some(pid) = session.register(&mut events)? {
        tracing::warn!(
            "the audit daemon with pid {pid} had ended without a word to the kernel; this one takes its place"
        );
    }
    let mut ingest = ingest(config, &counters)?;
    let mut log = FirstWords(store, live.clone());
    ingest.own_event(
        RecordType::DAEMON_START,
        first_words(session.before().enabled).as_bytes(),
        now(),
        &mut log,
    );
    let space = Space::new(config.space.clone());
    let (reports, reported) = Reports::new();
    let capture = Capture::start(events, ingest, log.0, live, counters.clone(), space, reports)?;
    let watch = Watch::start(Control::open()?, *session.before(), counters.clone(), capture.work())?;
    watched.set(Box::new(watch.source())).ok().context("the status has one source")?;
    let loaded = load(&mut session, config, rules);
    let begun =
        loaded.and_then(|()| Drift::start(Control::open()?, config.on_drift, reported, capture.work()));
    let ended = match begun {
        Ok(drift) => {
            greet(config, rules);
            let ended = runtime.block_on(serve_until_signal(server, &capture));
            drift.stop();
            ended
        }
        Err(error) => Err(error),
    };
    drop(within);
    finish(session, watch, capture, &counters, ended.as_ref().map_or("failed", |()| "success"))?;
    ended
}

/// Changes the kernel's settings and adds the rules.
fn load(session: &mut Session, config: &Config, rules: &Rules) -> anyhow::Result<()> {
    let wanted = StatusChange {
        enabled: rules.settings.enabled.or(Some(session.before().enabled.max(1))),
        backlog_limit: rules.settings.backlog_limit.or(Some(config.kernel.backlog_limit)),
        backlog_wait_time: rules.settings.backlog_wait_time.or(config.kernel.backlog_wait_time),
        ..rules.settings
    };
    match session.set(&wanted) {
        // A locked configuration still has its rules, and their events are taken in.
        Err(error @ Error::Immutable(_)) => tracing::warn!("{error}; the kernel's settings stay as they are"),
        set => set?,
    }
    // A locked configuration takes no rule, not even one that it has.
    let locked = session.control().status()?.enabled == 2;
    let there = if locked { installed(session.control())? } else { Vec::new() };
    let mut missing = plan::missing(&there, &rules.rules).into_iter().peekable();
    for rule in &rules.rules {
        if missing.next_if(|missing| std::ptr::eq(*missing, rule)).is_none() {
            tracing::warn!("the rule is in the kernel already and will stay there: {rule}");
            continue;
        }
        match session.add_rule(&rule.to_kernel()) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the rule is in the kernel already and will stay there: {rule}"),
            Err(error) if rules.lenient => tracing::error!("{error}; the rule is left out: {rule}"),
            Err(error) => return Err(error).with_context(|| format!("the rule {rule}")),
        }
    }
    Ok(())
}

/// Says what is watched, where everything is, and how to stop.
fn greet(config: &Config, rules: &Rules) {
    for rule in &rules.rules {
        tracing::info!("rule     {rule}");
    }
    if rules.rules.is_empty() {
        tracing::info!("rule     none of this run; `ktrail rules list` shows those in the kernel");
    }
    tracing::info!("log      {}", config.store.dir.join("audit.jsonl").display());
    tracing::info!("socket   {}", config.socket.display());
    tracing::info!("ready    stop with Ctrl-C or SIGTERM; rules of this run are then removed");
}

async fn serve_until_signal(server: Server, capture: &Capture) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server.run(stopped));
    let mut alive = tokio::time::interval(ALIVE_INTERVAL);
    let ended = loop {
        tokio::select! {
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            _ = alive.tick() => {
                if !capture.is_running() {
                    break Err(anyhow::anyhow!("a thread of the daemon has ended early; its reason is above"));
                }
            }
        }
    };
    stop.send_replace(true);
    serving.await?;
    ended
}

/// Takes back what this run has changed, takes in what is still to come, and closes the log.
fn finish(
    mut session: Session,
    watch: Watch,
    capture: Capture,
    counters: &Counters,
    result: &str,
) -> anyhow::Result<()> {
    for error in session.put_back() {
        tracing::error!("not put back: {error}");
    }
    wait_until_quiet(&mut session, counters);
    if let Err(error) = session.unregister() {
        tracing::error!("{error}");
    }
    watch.stop();
    let store = capture.stop(format!("op=terminate {} res={result}", identity()));
    let store = store.context("the storing thread has failed")?;
    store.close().context("cannot close the log")?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the kernel has sent what it had queued: what it still holds when the daemon unregisters goes to its own
/// log and never to ours.
fn wait_until_quiet(session: &mut Session, counters: &Counters) {
    let begun = Instant::now();
    let mut quiet_since = begun;
    let mut received = Counters::read(&counters.messages);
    while begun.elapsed() < QUIET_MAX && quiet_since.elapsed() < QUIET {
        std::thread::sleep(QUIET / 10);
        let now = Counters::read(&counters.messages);
        let backlog = session.control().status().map_or(0, |status| status.backlog);
        if backlog > 0 || now != received {
            quiet_since = Instant::now();
        }
        received = now;
    }
}

fn ingest(config: &Config, counters: &Arc<Counters>) -> anyhow::Result<Ingest> {
    let names: Box<dyn Resolve + Send> = match config.names {
        true => Box::new(HostNames(Enricher::new(enrich::Config::default(), Box::new(Host))?)),
        false => Box::new(NoNames),
    };
    Ok(Ingest::live(config.assembler.clone(), config.node.clone(), names, counters.clone()))
}

fn now() -> Now {
    Now { mono_ms: 0, wall_ms: wall_ms() }
}

fn first_words(enabled: u32) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("op=start ver={version} format=json {} enabled={enabled} res=success", identity())
}

/// Who this daemon is, as an audit record says it.
fn identity() -> String {
    let number = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        text.trim().parse().unwrap_or(u32::MAX)
    };
    let (pid, uid) = (std::process::id(), nix::unistd::getuid());
    format!("auid={} pid={pid} uid={uid} ses={}", number("loginuid"), number("sessionid"))
}

/// The store before its thread has it.
struct FirstWords(Store, Live);

impl crate::ingest::Sink for FirstWords {
    fn entry(&mut self, id: crate::record::stamp::EventId, terms: &crate::store::term::Terms, line: &[u8]) {
        let stamp = crate::store::Stamp { time_ms: id.time_ms, serial: id.serial };
        if let Err(error) = self.0.append(stamp, terms, line) {
            tracing::error!("{error}");
        }
        self.1.publish(line, terms);
    }
}

/// What the status is made of.
struct Status {
    config: Config,
    reader: Reader,
    live: Live,
    counters: Arc<Counters>,
    started_ms: u64,
}

type Watched =
    Arc<std::sync::OnceLock<Box<dyn Fn() -> (Option<protocol::Kernel>, protocol::Rates) + Send + Sync>>>;

impl Status {
    /// The source of the answer, and where the watcher's part of it is put once it runs.
    fn source(self) -> (serve::StatusSource, Watched) {
        let watched = Watched::default();
        let of_kernel = watched.clone();
        let source = move || {
            let (kernel, rates) = of_kernel.get().map_or_else(Default::default, |watched| watched());
            let summary = self.reader.summary();
            protocol::Status {
                kernel,
                daemon: protocol::Daemon {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    pid: std::process::id(),
                    started_ms: self.started_ms,
                    log_dir: self.config.store.dir.display().to_string(),
                    followers: u64::try_from(self.live.followers()).unwrap_or(0),
                },
                counters: counts::counters(&self.counters),
                rates,
                store: protocol::Store {
                    segments: u64::try_from(summary.segments).unwrap_or(0),
                    entries: summary.entries,
                    bytes: summary.bytes,
                    oldest_ms: summary.oldest_ms,
                    newest_ms: summary.newest_ms,
                },
            }
        };
        (Arc::new(source), watched)
    }
}
