//! The execution of another program, or of a newer build of this one, in this process's place.
//!
//! The process id stays, and with it the registration as the audit daemon; the kernel's socket and the ring of messages
//! are carried through, so nothing is missed and nothing comes twice.

use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::{manager, signals};
use crate::netlink::events::Events;
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

/// Whether the program and its configuration are fit to go on: an error says what is wrong with them.
pub(super) fn check() -> anyhow::Result<()> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1)).arg("--check-config").stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot execute {}", program.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Executes the program with what it goes on with. Comes back with an error only.
pub(super) fn execute(events: &Events, ring: &Kept) -> anyhow::Error {
    let carried = kept::carry(&[(manager::EVENTS, events.as_fd()), (manager::RING, ring.as_fd())]);
    let begun = carried.map_err(anyhow::Error::from).and_then(|(variable, text)| {
        let mut command = Command::new(program()?);
        command.args(std::env::args_os().skip(1)).env(variable, text);
        signals::hold()?;
        Ok(anyhow::Error::from(command.exec()))
    });
    begun.unwrap_or_else(|error| error).context("cannot execute the program in this one's place")
}
