//! The execution of another program, or of a newer build of this one, in this process's place.
//!
//! The process id stays, and with it the registration as the audit daemon; the kernel's socket and the ring of messages
//! are carried through, so nothing is missed and nothing comes twice.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::{exit, manager, signals};
use crate::netlink::events::Events;
use crate::netlink::takeover::Successor;
use crate::serve::Listeners;
use crate::sys::kept;
use crate::sys::ring::Kept;

/// What the kernel adds to the name of a program whose file was replaced.
const DELETED: &str = " (deleted)";

/// The program that this process was started from, or what is in its place now.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("cannot tell the program's own path")?;
    Ok(match path.to_str().and_then(|text| text.strip_suffix(DELETED)) {
        Some(text) if !path.exists() => PathBuf::from(text),
        _ => path,
    })
}

/// A variable that tells the program what this process has given up.
type Told = (&'static str, OsString);

/// How the program and its configuration can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// In this process's place.
    Here,
    /// In a new process only: they need rights that this one has given up.
    Anew,
}

/// Whether the program and its configuration are fit to go on: an error says what is wrong with them.
pub(super) fn check(told: Option<Told>) -> anyhow::Result<Fit> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1)).arg("--check-config").stdin(Stdio::null());
    command.envs(told);
    let output = command.output().with_context(|| format!("cannot execute {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(Fit::Here),
        Some(code) if code == i32::from(exit::RESTART) && manager::restarts() => {
            tracing::warn!("{}", said.trim());
            Ok(Fit::Anew)
        }
        _ => bail!("{}", said.trim()),
    }
}

/// Executes the program with what it goes on with. Comes back with an error only.
pub(super) fn renew(
    events: &Events,
    ring: &Kept,
    listeners: &Listeners,
    told: Option<Told>,
) -> anyhow::Error {
    let (api, metrics) = listeners.descriptors();
    let mut carried =
        vec![(manager::EVENTS, events.as_fd()), (manager::RING, ring.as_fd()), (manager::API, api)];
    carried.extend(metrics.map(|metrics| (manager::METRICS, metrics)));
    // What the manager has given was taken by this program.
    execute(&carried, told, &kept::LISTEN)
}

/// Executes the program, before it has done anything, with the sockets that it has opened. Comes back with an error only.
pub(super) fn begin_again(opened: &Successor, told: Option<Told>) -> anyhow::Error {
    let [events, listener] = opened.descriptors();
    execute(&[(manager::OPENED_EVENTS, events), (manager::OPENED_LISTENER, listener)], told, &[])
}

/// `past`: variables that the program is not to have.
fn execute(descriptors: &[(&str, BorrowedFd<'_>)], told: Option<Told>, past: &[&str]) -> anyhow::Error {
    let begun = kept::carry(descriptors).map_err(anyhow::Error::from).and_then(|(variable, text)| {
        let mut command = Command::new(program()?);
        command.args(std::env::args_os().skip(1)).env(variable, text).envs(told);
        past.iter().for_each(|variable| _ = command.env_remove(variable));
        signals::hold()?;
        Ok(anyhow::Error::from(command.exec()))
    });
    begun.unwrap_or_else(|error| error).context("cannot execute the program in this one's place")
}
