//! One run of the daemon, from the first check to the last word.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Interval;

use super::begin::{self, Begun, identity};
use super::calls::Calls;
use super::capture::{Capture, Work};
use super::confine::{self, Confinement, Rights};
use super::counts::Watch;
use super::drift::Drift;
use super::manager::Watchdog;
use super::rules::Rules;
use super::signals::{Signals, Wish};
use super::successor::{self, Fit};
use super::unseen::Unseen;
use super::{diagnostics, manager};
use crate::config::Config;
use crate::ingest::counters::Counters;
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::netlink::session::Session;
use crate::netlink::status::StatusChange;
use crate::netlink::takeover::Successor;
use crate::outputs::Outputs;
use crate::rules::plan;
use crate::ruleset::load::installed;
use crate::serve::{Listeners, Server};
use crate::sys::ring::Kept;

/// How often the daemon looks whether its threads are alive.
const ALIVE_INTERVAL: Duration = Duration::from_millis(500);

/// How long nothing may come from the kernel for it to count as quiet.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that at the end: others' rules may never leave it quiet.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// How long to wait at the end for the kernel's queue to have been empty once: less than a service manager waits.
const EMPTY_MAX: Duration = Duration::from_secs(60);
/// How long outputs may take at the end to deliver what waits for them.
const OUTPUTS_END_MAX: Duration = Duration::from_secs(10);
/// The same before the program is executed anew: meanwhile what the kernel sends waits in the socket's buffer.
const OUTPUTS_RENEW_MAX: Duration = Duration::from_secs(2);

/// Runs until a signal asks for the end or a thread fails.
pub(super) fn run(config: &Config, rules: &Rules, rights: &Rights) -> anyhow::Result<Wish> {
    let (opened, confinement) = give_up(config, rights)?;
    let diagnostics = diagnostics::begin(&config.diagnostics)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = runtime.enter();
    let signals = Signals::catch()?;
    for warning in confinement.notes().iter().chain(&rules.warnings) {
        tracing::warn!("{warning}");
    }
    let Begun { mut session, capture, outputs, watch, server, calls, unseen, reported, counters, kept } =
        begin::begin(config, opened, &confinement)?;
    let loaded = load(&mut session, config, rules, &unseen);
    let _ = capture.work().send(Work::State(session.memory()));
    let begun =
        loaded.and_then(|()| Drift::start(Control::open()?, config.on_drift, reported, capture.work()));
    let ended = match begun {
        Ok(drift) => {
            greet(config, rules, server.metrics_address());
            manager::ready("capturing");
            let ended = runtime.block_on(serve_until_signal(server, signals, calls, &capture, &confinement));
            drift.stop();
            ended
        }
        Err(error) => {
            drop(calls);
            Err(error)
        }
    };
    drop(within);
    if let Ok((wish, Some(listeners))) = ended {
        watch.stop();
        drop(diagnostics);
        return renew(wish, Left { session, capture, outputs, listeners }, &kept, &confinement);
    }
    manager::stopping();
    let result = ended.as_ref().map_or("failed", |_| "success");
    finish(session, watch, capture, &counters, result)?;
    outputs.end(OUTPUTS_END_MAX);
    tracing::info!("stopped");
    ended.map(|(wish, _)| wish)
}

/// Opens the sockets that need a right for their large buffers, and gives that up with all else that is not needed. To be
/// called while there is one thread.
fn give_up(config: &Config, rights: &Rights) -> anyhow::Result<(Option<Successor>, Confinement)> {
    // Who cannot be the audit daemon is told before anything is made.
    Control::open()?.status()?;
    let opened = (!confine::is_done()).then(|| Successor::open(&config.events)).transpose()?;
    let confinement = rights.keep(config)?;
    match opened {
        Some(opened) if confinement.takes_execution() => {
            Err(successor::begin_again(&opened, confinement.tell_all(&opened.events.notes)))
        }
        opened => Ok((opened, confinement)),
    }
}

/// What is left to what comes next.
struct Left {
    session: Session,
    capture: Capture,
    outputs: Outputs,
    listeners: Listeners,
}

/// Leaves all as it is to what comes next: the program that is executed in this one's place, or a process that the service
/// manager starts.
fn renew(wish: Wish, left: Left, ring: &Kept, confinement: &Confinement) -> anyhow::Result<Wish> {
    let (store, receiving) = left.capture.leave().context("a thread has failed")?;
    store.leave().context("cannot close the log")?;
    left.outputs.end(OUTPUTS_RENEW_MAX);
    let events = receiving.leave().context("a thread has failed")?;
    let session = left.session;
    session.leave();
    match wish {
        Wish::Renew => Err(successor::renew(&events, ring, &left.listeners, confinement.tell())),
        _ => Ok(wish),
    }
}

/// Changes the kernel's settings and adds the rules.
fn load(session: &mut Session, config: &Config, rules: &Rules, unseen: &Unseen) -> anyhow::Result<()> {
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
    unseen.settings_are_made(session);
    // A locked configuration takes no rule, not even one that it has. And what the process before this one has added, somebody
    // may have removed since.
    let is_listed = session.control().status()?.enabled == 2 || session.inherits();
    let there = if is_listed { installed(session.control())? } else { Vec::new() };
    let mut missing = plan::missing(&there, &rules.rules).into_iter().peekable();
    for rule in &rules.rules {
        let is_missing = missing.next_if(|missing| std::ptr::eq(*missing, rule)).is_some();
        if !is_missing && !session.is_inherited(&rule.to_kernel()) {
            tracing::warn!("the rule is in the kernel already and will stay there: {rule}");
            continue;
        }
        // The kernel removes a rule with the directory it is about: that must not end a daemon that ran with it.
        let is_gone = is_missing && session.disinherit(&rule.to_kernel());
        match session.add_rule(&rule.to_kernel()) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the rule is in the kernel already and will stay there: {rule}"),
            Err(error) if rules.lenient || is_gone => {
                tracing::error!("{error}; the rule is left out: {rule}")
            }
            Err(error) => return Err(error).with_context(|| format!("the rule {rule}")),
        }
    }
    for error in session.remove_inherited() {
        tracing::error!("{error}; a rule of the last configuration stays in the kernel");
    }
    Ok(())
}

/// Says what is watched, where everything is, and how to stop.
fn greet(config: &Config, rules: &Rules, metrics: Option<SocketAddr>) {
    for rule in &rules.rules {
        tracing::info!("rule     {rule}");
    }
    if rules.rules.is_empty() {
        tracing::info!("rule     none of this run; `ktrail rules list` shows those in the kernel");
    }
    tracing::info!("log      {}", config.store.dir.join("audit.jsonl").display());
    tracing::info!("socket   {}", config.socket.display());
    if let Some(address) = metrics {
        tracing::info!("metrics  http://{address}/metrics");
    }
    tracing::info!("ready    stop with Ctrl-C or SIGTERM; rules of this run are then removed");
}

/// What is wished at the end, and the listening sockets where something goes on with them.
async fn serve_until_signal(
    server: Server,
    mut signals: Signals,
    mut calls: Calls,
    capture: &Capture,
    confinement: &Confinement,
) -> anyhow::Result<(Wish, Option<Listeners>)> {
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server.run(stopped));
    let mut alive = tokio::time::interval(ALIVE_INTERVAL);
    let mut watchdog = Watchdog::default();
    let ended = loop {
        let wish = async {
            tokio::select! {
                wish = signals.next() => wish,
                Some(wish) = calls.wishes.recv() => wish,
            }
        };
        tokio::select! {
            wish = wish => {
                if wish == Wish::Rotate {
                    let _ = capture.work().send(Work::Rotate);
                    continue;
                }
                if wish == Wish::Renew {
                    manager::reloading();
                    let told = confinement.tell();
                    let check = tokio::task::spawn_blocking(|| successor::check(told));
                    match with_signs_of_life(check, &mut alive, || watchdog.look(capture.rounds())).await? {
                        Ok(Fit::Here) => {}
                        Ok(Fit::Anew) => break Ok(Wish::Restart),
                        Err(error) => {
                            tracing::error!("{error:#}; all goes on as it was");
                            calls.refused.note();
                            manager::ready("capturing; the last reload was refused");
                            continue;
                        }
                    }
                }
                break Ok(wish);
            }
            _ = alive.tick() => {
                if !capture.is_running() {
                    break Err(anyhow::anyhow!("a thread of the daemon has ended early; its reason is above"));
                }
                watchdog.look(capture.rounds());
            }
        }
    };
    stop.send_replace(true);
    let listeners = serving.await?;
    match ended {
        Ok(wish @ (Wish::Renew | Wish::Restart)) => Ok((wish, Some(listeners))),
        ended => {
            listeners.remove();
            ended.map(|wish| (wish, None))
        }
    }
}

/// Waits for a check, which on a busy machine may take longer than the service manager waits for a sign of life.
async fn with_signs_of_life<T>(
    mut check: JoinHandle<T>,
    alive: &mut Interval,
    mut give: impl FnMut(),
) -> Result<T, JoinError> {
    loop {
        tokio::select! {
            checked = &mut check => break checked,
            _ = alive.tick() => give(),
        }
    }
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
    // Nothing is left to be put back. The service manager may give the ring to the next process all the same.
    let _ = capture.work().send(Work::State(Vec::new()));
    let store = capture.stop(format!("op=terminate {} res={result}", identity()));
    let store = store.context("the storing thread has failed")?;
    store.close().context("cannot close the log")
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
