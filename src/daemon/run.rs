//! One run of the daemon, from the first check to the last word.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;

use super::capture::{Capture, HostNames, NoNames, Source, Storing, Work, wall_ms};
use super::counts::{self, Watch};
use super::recover::Known;
use super::rules::Rules;
use super::signals::{Signals, Wish};
use super::space::Space;
use super::{diagnostics, manager, successor};
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
use crate::serve::live::Live;
use crate::serve::{self, Server, Sources};
use crate::store::{Reader, Store};
use crate::sys::ring::Ring;
use crate::sys::{kept, process};

/// How often the daemon looks whether its threads are alive.
const ALIVE_INTERVAL: Duration = Duration::from_millis(500);

/// How long nothing may come from the kernel for it to count as quiet.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that at the end: others' rules may never leave it quiet.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// How long to wait at the end for the kernel's queue to have been empty once: less than a service manager waits.
const EMPTY_MAX: Duration = Duration::from_secs(60);

/// What an earlier process has left.
struct Inheritance {
    ring: Ring,
    /// The socket that it had registered.
    socket: Option<OwnedFd>,
}

/// Runs until a signal asks for the end or a thread fails.
pub(super) fn run(config: &Config, rules: &Rules) -> anyhow::Result<()> {
    let diagnostics = diagnostics::begin(&config.diagnostics)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = runtime.enter();
    let signals = Signals::catch()?;
    for warning in &rules.warnings {
        tracing::warn!("{warning}");
    }
    // What may be missing is looked at first: nothing is made or changed by a daemon that cannot run.
    let Inheritance { ring: Ring { writer, reader: ring, kept }, socket } = inheritance()?;
    let mut session = session(ring.state())?;
    let started_ms = wall_ms();
    let counters = Arc::new(Counters::default());
    let (store, problems) = Store::open(config.store.clone(), Arc::new(entry::decode::describe))
        .with_context(|| format!("cannot open the log in {}", config.store.dir.display()))?;
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    let reader = store.reader();
    let live = Live::default();
    let known = Known::of(&reader, ring.carried().chain(ring.left())).context("cannot read the log")?;
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
    manager::keep(manager::RING, &kept);
    let source = register(&mut session, config, socket)?;
    let mut ingest = ingest(config, &counters)?;
    let mut log = FirstWords(store, live.clone());
    let words = first_words(session.before().enabled, &source);
    ingest.own_event(RecordType::DAEMON_START, words.as_bytes(), now(), &mut log);
    let space = Space::new(config.space.clone());
    let storing = Storing { ingest, store: log.0, live, space, known };
    let capture = Capture::start(source, (writer, ring), storing, counters.clone())?;
    let registered = capture.registered()?;
    session.is_registered();
    manager::keep(manager::EVENTS, &registered);
    drop(registered);
    let watch = Watch::start(Control::open()?, *session.before(), counters.clone(), capture.work())?;
    watched.set(Box::new(watch.source())).ok().context("the status has one source")?;
    let loaded = load(&mut session, config, rules);
    let _ = capture.work().send(Work::State(session.memory()));
    let ended = match loaded {
        Ok(()) => {
            greet(config, rules);
            manager::ready("capturing");
            runtime.block_on(serve_until_signal(server, signals, &capture))
        }
        Err(error) => Err(error),
    };
    drop(within);
    if matches!(ended, Ok(Wish::Renew)) {
        watch.stop();
        let (store, events) = capture.leave().context("a thread has failed")?;
        store.close().context("cannot close the log")?;
        session.leave();
        drop(diagnostics);
        return Err(successor::execute(&events, &kept));
    }
    manager::stopping();
    let result = ended.as_ref().map_or("failed", |_| "success");
    finish(session, watch, capture, &counters, result)?;
    ended.map(drop)
}

/// What was kept for this process, or an empty ring.
fn inheritance() -> anyhow::Result<Inheritance> {
    let (mut ring, mut socket) = (None, None);
    for (name, descriptor) in kept::given() {
        match name.as_str() {
            manager::RING => match Ring::attach(descriptor) {
                Ok(found) => ring = Some(found),
                Err(error) => {
                    tracing::warn!("what the last process had received and not stored is lost: {error}");
                }
            },
            manager::EVENTS => socket = Some(descriptor),
            _ => tracing::warn!("a descriptor of the unknown name {name} was given and is closed"),
        }
    }
    let ring = ring.map_or_else(Ring::create, Ok).context("cannot make the ring of messages")?;
    Ok(Inheritance { ring, socket })
}

/// The session of this run, or the one an earlier process has left in the middle.
fn session(memory: &[u8]) -> Result<Session, Error> {
    match Session::resume(Control::open()?, memory) {
        Some(session) => Ok(session),
        None => Session::begin(Control::open()?),
    }
}

/// Becomes the audit daemon, unless that takes the place of a process that has ended and left its socket.
fn register(session: &mut Session, config: &Config, kept: Option<OwnedFd>) -> anyhow::Result<Source> {
    if let Some(socket) = kept {
        let registered = session.control().status()?.pid;
        if registered == std::process::id() {
            return Ok(Source::Registered(Events::adopt(socket)));
        }
        if registered != 0 && process::command(registered).is_none() {
            tracing::info!("the process {registered} has ended; its socket was kept and is read on");
            return Ok(Source::Kept { socket, config: config.events });
        }
        manager::let_go(manager::EVENTS);
    }
    let mut events = Events::open(&config.events)?;
    events.notes.iter().for_each(|note| tracing::warn!("{note}"));
    if let Some(pid) = session.register(&mut events)? {
        tracing::warn!(
            "the audit daemon with pid {pid} had ended without a word to the kernel; this one takes its place"
        );
    }
    Ok(Source::Registered(events))
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
    for rule in &rules.rules {
        match session.add_rule(&rule.to_kernel()) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the rule is in the kernel already and will stay there: {rule}"),
            Err(error) if rules.lenient => tracing::error!("{error}; the rule is left out: {rule}"),
            Err(error) => return Err(error).with_context(|| format!("the rule {rule}")),
        }
    }
    for error in session.remove_inherited() {
        tracing::error!("{error}; a rule of the last configuration stays in the kernel");
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

async fn serve_until_signal(server: Server, mut signals: Signals, capture: &Capture) -> anyhow::Result<Wish> {
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server.run(stopped));
    let mut alive = tokio::time::interval(ALIVE_INTERVAL);
    let ended = loop {
        tokio::select! {
            wish = signals.next() => {
                if wish == Wish::Renew {
                    manager::reloading();
                    if let Err(error) = tokio::task::spawn_blocking(successor::check).await? {
                        tracing::error!("{error:#}; all goes on as it was");
                        manager::ready("capturing; the last reload was refused");
                        continue;
                    }
                }
                break Ok(wish);
            }
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
    let told = |errors: Vec<Error>| errors.iter().for_each(|error| tracing::error!("not put back: {error}"));
    told(session.remove_rules());
    // A lower backlog limit would have the kernel drop what it has queued beyond that (`kauditd_retry_skb`).
    wait_until_quiet(&mut session, counters);
    told(session.put_back());
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
    let mut was_empty = false;
    while quiet_since.elapsed() < QUIET && begun.elapsed() < if was_empty { QUIET_MAX } else { EMPTY_MAX } {
        std::thread::sleep(QUIET / 10);
        let now = Counters::read(&counters.messages);
        let backlog = session.control().status().map_or(0, |status| status.backlog);
        was_empty |= backlog == 0;
        // What waits in the ring keeps the kernel waiting, and what it has tried in vain to send it counts nowhere.
        if backlog > 0 || now != received || Counters::read(&counters.waiting) > 0 {
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

fn first_words(enabled: u32, source: &Source) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let op = match source {
        Source::Kept { .. } => "take-over",
        Source::Registered(events) if events.is_adopted() => "reload",
        Source::Registered(_) => "start",
    };
    format!("op={op} ver={version} format=json {} enabled={enabled} res=success", identity())
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
