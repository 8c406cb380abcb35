//! How a process begins: with what an earlier one has left, or anew.

use std::os::fd::OwnedFd;

use anyhow::Context;

use super::capture::Source;
use super::manager;
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::netlink::events::Events;
use crate::netlink::session::Session;
use crate::netlink::takeover::Successor;
use crate::serve;
use crate::sys::ring::Ring;
use crate::sys::{kept, process};

/// What an earlier process has left.
pub(super) struct Inheritance {
    pub(super) ring: Ring,
    /// The socket that it had registered.
    pub(super) socket: Option<OwnedFd>,
    /// Sockets that this process had opened before it executed this program.
    pub(super) opened: Option<Successor>,
    /// What it listened on.
    pub(super) listeners: serve::Kept,
}

/// What was kept for this process, or an empty ring.
pub(super) fn inheritance() -> anyhow::Result<Inheritance> {
    let (mut ring, mut socket, mut opened) = (None, None, [None, None]);
    let mut listeners = serve::Kept::default();
    for (name, descriptor) in kept::given() {
        match name.as_str() {
            manager::RING => match Ring::attach(descriptor) {
                Ok(found) => ring = Some(found),
                Err(error) => {
                    tracing::warn!("what the last process had received and not stored is lost: {error}");
                }
            },
            manager::EVENTS => socket = Some(descriptor),
            manager::API => listeners.local = Some(descriptor),
            manager::METRICS => listeners.metrics = Some(descriptor),
            manager::OPENED_EVENTS => opened[0] = Some(descriptor),
            manager::OPENED_LISTENER => opened[1] = Some(descriptor),
            _ => tracing::warn!("a descriptor of the unknown name {name} was given and is closed"),
        }
    }
    let ring = ring.map_or_else(Ring::create, Ok).context("cannot make the ring of messages")?;
    let opened = match opened {
        [Some(events), Some(listener)] => Some(Successor::opened(events, listener)),
        _ => None,
    };
    Ok(Inheritance { ring, socket, opened, listeners })
}

/// The session of this run, or the one an earlier process has left in the middle.
pub(super) fn session(memory: &[u8]) -> Result<Session, Error> {
    match Session::resume(Control::open()?, memory) {
        Some(session) => Ok(session),
        None => Session::begin(Control::open()?),
    }
}

/// A way to begin: with what is sent already, or anew with these sockets.
pub(super) enum Beginning {
    /// The kernel sends already, to this process or to one that has ended and left its socket.
    Middle(Source),
    /// It does not.
    Anew(Successor),
}

/// Whence messages come.
pub(super) fn beginning(
    session: &mut Session,
    successor: Successor,
    kept: Option<OwnedFd>,
) -> anyhow::Result<Beginning> {
    let Some(socket) = kept else { return Ok(Beginning::Anew(successor)) };
    let registered = session.control().status()?.pid;
    if registered == std::process::id() {
        return Ok(Beginning::Middle(Source::Registered(Events::adopt(socket))));
    }
    if registered != 0 && process::command(registered).is_none() {
        tracing::info!("the process {registered} has ended; its socket was kept and is read on");
        return Ok(Beginning::Middle(Source::Kept { socket, successor: Box::new(successor) }));
    }
    manager::let_go(manager::EVENTS);
    Ok(Beginning::Anew(successor))
}

/// Becomes the audit daemon.
pub(super) fn register(session: &mut Session, successor: Successor) -> anyhow::Result<Source> {
    let mut events = successor.events;
    events.notes.iter().for_each(|note| tracing::warn!("{note}"));
    if let Some(pid) = session.register(&mut events)? {
        tracing::warn!(
            "the audit daemon with pid {pid} had ended without a word to the kernel; this one takes its place"
        );
    }
    Ok(Source::Registered(events))
}
