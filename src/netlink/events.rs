//! The socket on which the kernel sends audit messages to its daemon, read in batches.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::control::{self, Control};
use super::error::{Error, Request};
use super::exchange::{Answers, Exchange, KERNEL_PORT};
use super::intake::{Counts, Gate, Intake};
use super::status;
use crate::sys::process;
use crate::sys::ring::{ROOM_BYTES, Writer};
use crate::sys::socket::adopt;

/// Milliseconds after which a receive without a message returns, so that its thread can be told to stop.
const WAIT_MS: i64 = 100;
/// The largest receive buffer that can be asked for in bytes: the kernel keeps twice the number, in 32 bits.
const RECEIVE_BUFFER_BYTES_MAX: usize = (i32::MAX / 2) as usize;

/// How the event socket is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The socket's receive buffer in bytes. What the kernel has put there is safe from its backlog limit.
    pub receive_buffer_bytes: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { receive_buffer_bytes: 64 << 20 }
    }
}

/// What the system did not grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The receive buffer is smaller than asked for.
    #[error(
        "the receive buffer is {granted} bytes and not {asked}: without CAP_NET_ADMIN net.core.rmem_max limits it"
    )]
    ReceiveBuffer {
        /// What was asked for, in bytes.
        asked: usize,
        /// What it is, in bytes.
        granted: usize,
    },
}

/// The event socket.
pub struct Events {
    socket: Socket,
    sequence: u32,
    /// Messages that came before the registration was acknowledged, and what came with them.
    early: Vec<(u16, Vec<u8>)>,
    counts: Counts,
    /// What the system did not grant.
    pub notes: Vec<Note>,
}

impl Events {
    /// Opens the socket; nothing comes before [`Events::register`].
    pub fn open(config: &Config) -> Result<Events, Error> {
        let open = |error: io::Error| Error::new(Request::Open, error);
        let mut socket = Socket::new(control::PROTOCOL).map_err(open)?;
        socket.bind_auto().map_err(open)?;
        let notes = size_buffer(&socket, config.receive_buffer_bytes).map_err(open)?.into_iter().collect();
        socket.set_no_enobufs(true).map_err(open)?;
        let timeout = TimeVal::milliseconds(WAIT_MS);
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimeout, &timeout).map_err(|errno| open(errno.into()))?;
        Ok(Events { socket, sequence: 0, early: Vec::new(), counts: Counts::default(), notes })
    }

    /// Goes on with the socket that this process had opened, registered or not, before it executed another program.
    pub fn adopt(socket: OwnedFd) -> Events {
        Events {
            socket: adopt(socket),
            sequence: 0,
            early: Vec::new(),
            counts: Counts::default(),
            notes: Vec::new(),
        }
    }

    /// Makes this process the audit daemon and this socket the one that events go to. Gives the process id of a daemon
    /// that had ended and is replaced.
    ///
    /// A living daemon is named in the error and left alone.
    pub fn register(&mut self, control: &mut Control) -> Result<Option<u32>, Error> {
        let own = std::process::id();
        let registered = control.status()?.pid;
        if registered != 0 && registered != own && process::command(registered).is_some() {
            return Err(already(registered));
        }
        // The kernel sends to the port that this request comes from, so it goes through this socket.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut exchange = Exchange::new(Request::Register, self.sequence, Answers::Nothing);
        let request = exchange.frame(status::registration(own));
        let failed = |error| Error::new(Request::Register, error);
        self.socket.send_to(&request, &SocketAddr::new(KERNEL_PORT, 0), 0).map_err(failed)?;
        let begun = Instant::now();
        let mut datagram = Vec::with_capacity(ROOM_BYTES);
        while !exchange.is_over() {
            if begun.elapsed() >= control::ANSWER_MAX {
                return Err(Error::TimedOut(Request::Register));
            }
            datagram.clear();
            // With this flag the whole length is told, also of what was cut.
            match self.socket.recv_from(&mut datagram, MsgFlags::MSG_TRUNC.bits()) {
                Ok((length, sender)) => {
                    let port = sender.port_number();
                    if !exchange.take(port, &datagram)? {
                        self.keep(port, &datagram, length > datagram.len());
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        match exchange.finish() {
            Ok(_) => Ok((registered != 0 && registered != own).then_some(registered)),
            Err(Errno::EEXIST) => Err(already(control.status()?.pid)),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    fn keep(&mut self, port: u32, datagram: &[u8], cut: bool) {
        if let Some((kind, payload)) = self.counts.message(port, datagram) {
            self.early.push((kind, payload.to_vec()));
            self.counts.truncated += u64::from(cut);
        }
    }

    /// The messages that came before the registration was acknowledged; they are not given again.
    pub(super) fn take_early(&mut self) -> Vec<(u16, Vec<u8>)> {
        std::mem::take(&mut self.early)
    }

    /// Receives once without waiting; messages that are not `wanted` are left out.
    pub(super) fn drain_into(
        &self,
        intake: &mut Intake,
        wanted: &mut dyn FnMut(u16, &[u8]) -> bool,
    ) -> Result<Counts, Error> {
        intake.receive(&self.socket, MsgFlags::MSG_DONTWAIT, wanted)
    }

    /// Makes ready to receive into a ring, with or without a gate before it. What this needs cannot be handed from thread to thread.
    pub fn into_receiver(self, ring: Writer, gate: Option<Box<dyn Gate>>) -> Receiver {
        self.with_intake(Intake::new(ring, gate))
    }

    /// The same with an intake that has been at work.
    pub fn with_intake(self, intake: Intake) -> Receiver {
        Receiver { events: self, intake }
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Asks for a receive buffer of that size.
pub(super) fn size_buffer(socket: &Socket, asked: usize) -> io::Result<Option<Note>> {
    // More would reach the kernel as a negative number, which it takes for 0.
    let size = asked.min(RECEIVE_BUFFER_BYTES_MAX);
    if setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &size).is_err() {
        setsockopt(&socket.as_fd(), sockopt::RcvBuf, &size)?;
    }
    // The kernel counts its own overhead in and tells twice the number.
    let granted = getsockopt(&socket.as_fd(), sockopt::RcvBuf)? / 2;
    Ok((granted < asked).then_some(Note::ReceiveBuffer { asked, granted }))
}

/// Why the registered `pid` stays.
fn already(pid: u32) -> Error {
    if pid == std::process::id() {
        return Error::RegisteredAlready;
    }
    match process::command(pid) {
        Some(command) => Error::OtherDaemon { pid, command },
        None => Error::SocketHeld { pid },
    }
}

/// The event socket with the ring that its messages go to.
pub struct Receiver {
    events: Events,
    intake: Intake,
}

impl Receiver {
    /// Takes what is there, and waits at most 100 ms if nothing is.
    pub fn receive(&mut self) -> Result<Counts, Error> {
        self.receive_with(MsgFlags::MSG_WAITFORONE)
    }

    /// Takes what is there, without waiting.
    pub fn drain(&mut self) -> Result<Counts, Error> {
        self.receive_with(MsgFlags::MSG_DONTWAIT)
    }

    /// The socket's descriptor, for whoever is to keep it.
    pub fn descriptor(&self) -> Result<OwnedFd, Error> {
        self.events.as_fd().try_clone_to_owned().map_err(|error| Error::new(Request::Open, error))
    }

    /// The socket alone.
    pub fn into_events(self) -> Events {
        self.events
    }

    /// Puts what was kept out and is not accounted for yet into the ring, at the end; whether there was room for that.
    pub fn settle(&mut self) -> bool {
        self.intake.settle()
    }

    /// Whether the ring has room for a full call; while it has none, no more is received than keeps the kernel waiting.
    pub fn is_ready(&self) -> bool {
        self.intake.is_ready()
    }

    fn receive_with(&mut self, flags: MsgFlags) -> Result<Counts, Error> {
        let early = self.events.take_early();
        let mut counts = std::mem::take(&mut self.events.counts);
        for (kind, payload) in &early {
            // A few at most, and the first to come into an empty ring.
            counts.messages += u64::from(self.intake.push(*kind, payload));
        }
        // What is there is not held back for what may come.
        let flags = if early.is_empty() { flags } else { MsgFlags::MSG_DONTWAIT };
        counts += self.intake.receive(&self.events.socket, flags, &mut |_, _| true)?;
        Ok(counts)
    }
}
