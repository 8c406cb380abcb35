//! The service manager: what it is told, and what it keeps for the next process (sd_notify(3)). Without one, nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sd_notify::NotifyState;

/// The name under which the kernel's socket is kept.
pub(super) const EVENTS: &str = "events";
/// The name under which the ring's memory is kept.
pub(super) const RING: &str = "ring";

/// The names under which the local API's socket and the port for metrics are kept.
pub(super) const API: &str = "api";
pub(super) const METRICS: &str = "metrics";

/// The names of the sockets that were opened while there was a right to make them large, and not used yet.
pub(super) const OPENED_EVENTS: &str = "opened-events";
pub(super) const OPENED_LISTENER: &str = "opened-listener";

/// Longest wait for the manager to have done what it was told.
const BARRIER_MAX: Duration = Duration::from_secs(5);

fn told(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

/// Has the manager keep a descriptor until this service is stopped.
pub(super) fn keep(name: &str, descriptor: impl AsFd) {
    let state = [NotifyState::FdStore, NotifyState::FdName(name)];
    told(sd_notify::notify_with_fds(&state, &[descriptor.as_fd()]));
}

/// The same for what may differ from what is kept under the name so far, which is closed.
pub(super) fn keep_only(name: &str, descriptor: Option<impl AsFd>) {
    told(sd_notify::notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]));
    if let Some(descriptor) = descriptor {
        keep(name, descriptor);
    }
}

/// Has the manager close what it keeps under a name, and waits until it has.
pub(super) fn let_go(name: &str) {
    keep_only(name, None::<OwnedFd>);
    told(barrier());
}

/// Waits until the manager has dealt with all it was told: it closes the pipe it is sent (sd_notify_barrier(3)).
fn barrier() -> io::Result<()> {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return Ok(());
    }
    let (ours, theirs): (OwnedFd, OwnedFd) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])?;
    drop(theirs);
    let mut wanted = [PollFd::new(ours.as_fd(), PollFlags::POLLHUP)];
    let timeout = PollTimeout::try_from(BARRIER_MAX).unwrap_or(PollTimeout::MAX);
    poll(&mut wanted, timeout)?;
    Ok(())
}

/// Says that the daemon receives, stores and answers.
pub(super) fn ready(status: &str) {
    told(sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]));
}

/// Whether the manager starts the daemon again, with what it keeps, when that ends with [`super::exit::RESTART`]. A unit
/// that does so says it in this variable.
pub(super) fn restarts() -> bool {
    std::env::var_os("KTRAIL_RESTARTS").is_some()
}

/// Signs of life for a manager that wants them: while the receiver goes round.
pub(super) struct Watchdog {
    /// How often they are given; nothing where they are not wanted.
    every: Option<Duration>,
    given: Instant,
    rounds: u64,
}

impl Default for Watchdog {
    fn default() -> Watchdog {
        let every = sd_notify::watchdog_enabled().map(|longest| longest / 4);
        Watchdog { every, given: Instant::now(), rounds: 0 }
    }
}

impl Watchdog {
    /// Gives one if it is time and the receiver has made a round since the last one.
    pub(super) fn look(&mut self, rounds: u64) {
        if self.every.is_some_and(|every| self.given.elapsed() >= every) && rounds != self.rounds {
            told(sd_notify::notify(&[NotifyState::Watchdog]));
            (self.given, self.rounds) = (Instant::now(), rounds);
        }
    }
}

/// Says that the daemon ends.
pub(super) fn stopping() {
    told(sd_notify::notify(&[NotifyState::Stopping]));
}

/// Says that the configuration is being read again; [`ready`] ends it.
pub(super) fn reloading() {
    let state = NotifyState::monotonic_usec_now();
    told(state.and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now])));
}
