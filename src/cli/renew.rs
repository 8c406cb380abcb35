//! `ktrail reload` and `ktrail upgrade`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::arguments::Place;
use super::exit;
use super::search::client;
use crate::protocol::Daemon;

/// How long the daemon may take. It checks its configuration first, and then closes and opens its log.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// Asks the daemon to go on with its program and configuration as they are now, and waits until it does.
pub(super) fn renew(place: &Place, signal: Signal) -> anyhow::Result<u8> {
    if place.log_dir.is_some() {
        bail!("a daemon is found by its socket: name that with --socket");
    }
    let before = daemon(place)?;
    let pid = i32::try_from(before.pid).context("the daemon told an impossible process id")?;
    kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot signal the daemon, pid {pid}"))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        thread::sleep(INTERVAL);
        // While it changes over, nobody answers.
        let Ok(now) = daemon(place) else { continue };
        if now.started_ms != before.started_ms {
            println!("ktraild {} in place of {}, pid {}", now.version, before.version, now.pid);
            return Ok(exit::FOUND);
        }
        if now.refused_ms != before.refused_ms {
            break;
        }
    }
    bail!(
        "the daemon goes on as it was; its own log says why (journalctl -u ktraild, or its standard error)"
    );
}

fn daemon(place: &Place) -> anyhow::Result<Daemon> {
    Ok(client(place)?.status()?.daemon)
}
