//! How a process begins: with what an earlier one has left, or anew.

use std::os::fd::OwnedFd;

use anyhow::Context;

use super::capture::Source;
use super::manager;
use crate::config::Config;
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::netlink::events::Events;
use crate::netlink::session::Session;
use crate::sys::ring::Ring;
use crate::sys::{kept, process};

/// What an earlier process has left.
pub(super) struct Inheritance {
    pub(super) ring: Ring,
    /// The socket that it had registered.
    pub(super) socket: Option<OwnedFd>,
}

/// What was kept for this process, or an empty ring.
pub(super) fn inheritance() -> anyhow::Result<Inheritance> {
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
pub(super) fn session(memory: &[u8]) -> Result<Session, Error> {
    match Session::resume(Control::open()?, memory) {
        Some(session) => Ok(session),
        None => Session::begin(Control::open()?),
    }
}

/// Whence messages come that the kernel sends already, to this process or to one that has ended and left its socket.
pub(super) fn inherited(
    session: &mut Session,
    config: &Config,
    kept: Option<OwnedFd>,
) -> anyhow::Result<Option<Source>> {
    let Some(socket) = kept else { return Ok(None) };
    let registered = session.control().status()?.pid;
    if registered == std::process::id() {
        return Ok(Some(Source::Registered(Events::adopt(socket))));
    }
    if registered != 0 && process::command(registered).is_none() {
        tracing::info!("the process {registered} has ended; its socket was kept and is read on");
        return Ok(Some(Source::Kept { socket, config: config.events }));
    }
    manager::let_go(manager::EVENTS);
    Ok(None)
}

/// Becomes the audit daemon.
pub(super) fn register(session: &mut Session, config: &Config) -> anyhow::Result<Source> {
    let mut events = Events::open(&config.events)?;
    events.notes.iter().for_each(|note| tracing::warn!("{note}"));
    if let Some(pid) = session.register(&mut events)? {
        tracing::warn!(
            "the audit daemon with pid {pid} had ended without a word to the kernel; this one takes its place"
        );
    }
    Ok(Source::Registered(events))
}
