//! The signals that the daemon acts on.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// End: SIGINT, SIGTERM.
    Stop,
    /// Begin a new segment of the log: SIGUSR1.
    Rotate,
    /// Go on with the configuration (SIGHUP) or the program (SIGUSR2) as they are now.
    Renew,
    /// The same, in a new process that the service manager starts. No signal asks for it.
    Restart,
}

const ALL: [Signal; 5] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// Holds the signals back while this process executes another program, which takes them up in [`Signals::catch`].
pub(super) fn hold() -> nix::Result<()> {
    ALL.into_iter().collect::<SigSet>().thread_block()
}

/// The signals as they come.
pub(super) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
    rotate: Stream,
    upgrade: Stream,
}

impl Signals {
    /// Catches them from now on, and those that were held back. Must be called within a tokio runtime.
    pub(super) fn catch() -> io::Result<Signals> {
        let signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            rotate: signal(SignalKind::user_defined1())?,
            upgrade: signal(SignalKind::user_defined2())?,
        };
        ALL.into_iter().collect::<SigSet>().thread_unblock()?;
        Ok(signals)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::Renew,
            _ = self.rotate.recv() => Wish::Rotate,
            _ = self.upgrade.recv() => Wish::Renew,
        }
    }
}
