//! The socket on which the kernel sends audit messages to its daemon, read in batches.

use std::io::{self, ErrorKind, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Instant;

use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, getsockopt, recvmmsg, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::batch::Batch;
use super::control::{self, Control};
use super::error::{Error, Request};
use super::exchange::{Answers, Exchange, KERNEL_PORT};
use super::status;
use crate::sys::process;

/// Datagrams taken from the kernel in one system call.
const DATAGRAMS_MAX: usize = 64;
/// Room for one datagram in bytes.
///
/// The kernel has no limit of its own for a record. The longest known has two paths of 4095 bytes in hexadecimal
/// (AppArmor's `name=` and `target=`) and some hundred bytes besides: 17 KiB. The 64 more make the number of cache lines
/// odd: at a power of two, the beginnings of all rooms would share a few sets of the processor's cache.
const DATAGRAM_BYTES_MAX: usize = (20 << 10) + 64;
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
        Config { receive_buffer_bytes: 16 << 20 }
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
    /// Messages that came before the registration was acknowledged.
    early: Batch,
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
        Ok(Events { socket, sequence: 0, early: Batch::default(), notes })
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
        let mut datagram = Vec::with_capacity(DATAGRAM_BYTES_MAX);
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
                        self.early.take(port, &datagram, length > datagram.len());
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

    /// Makes ready to receive. What this needs cannot be handed from thread to thread.
    pub fn into_receiver(self) -> Receiver {
        Receiver {
            socket: self.socket,
            early: self.early,
            room: vec![0; DATAGRAMS_MAX * DATAGRAM_BYTES_MAX],
            headers: MultiHeaders::preallocate(DATAGRAMS_MAX, None),
        }
    }
}

/// Asks for a receive buffer of that size.
fn size_buffer(socket: &Socket, asked: usize) -> io::Result<Option<Note>> {
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

/// The event socket with room for a batch of messages.
pub struct Receiver {
    socket: Socket,
    /// Messages that came before the registration was acknowledged.
    early: Batch,
    room: Vec<u8>,
    headers: MultiHeaders<NetlinkAddr>,
}

impl Receiver {
    /// Appends what is there to the batch, and waits at most 100 ms if nothing is. Gives the number of messages.
    pub fn receive(&mut self, batch: &mut Batch) -> Result<usize, Error> {
        self.receive_with(batch, MsgFlags::MSG_WAITFORONE)
    }

    /// Appends what is there to the batch, without waiting.
    pub fn drain(&mut self, batch: &mut Batch) -> Result<usize, Error> {
        self.receive_with(batch, MsgFlags::MSG_DONTWAIT)
    }

    fn receive_with(&mut self, batch: &mut Batch, flags: MsgFlags) -> Result<usize, Error> {
        let before = batch.len();
        batch.append(&std::mem::take(&mut self.early));
        // What is there is not held back for what may come.
        let flags = if batch.is_empty() { flags } else { MsgFlags::MSG_DONTWAIT };
        let mut received = [(0, 0, false); DATAGRAMS_MAX];
        let count = self.fill(&mut received, flags)?;
        let rooms = self.room.chunks_exact(DATAGRAM_BYTES_MAX);
        for (&(port, length, truncated), room) in received.iter().take(count).zip(rooms) {
            batch.take(port, room.get(..length).unwrap_or(room), truncated);
        }
        Ok(batch.len() - before)
    }

    /// Receives into the rooms. Gives how many have something, and of each the sender's port, the length, and whether it
    /// was cut.
    fn fill(
        &mut self,
        received: &mut [(u32, usize, bool); DATAGRAMS_MAX],
        flags: MsgFlags,
    ) -> Result<usize, Error> {
        let mut rooms = self.room.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [[IoSliceMut<'_>; 1]; DATAGRAMS_MAX] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        match recvmmsg(self.socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(results) => {
                let mut count = 0;
                for (result, received) in results.zip(received.iter_mut()) {
                    let port = result.address.map_or(KERNEL_PORT, |address| address.pid());
                    *received = (port, result.bytes, result.flags.contains(MsgFlags::MSG_TRUNC));
                    count += 1;
                }
                Ok(count)
            }
            // ENOBUFS is the kernel's word that it had to queue elsewhere; nothing is lost by it.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => Ok(0),
            Err(errno) => Err(Error::new(Request::Receive, errno.into())),
        }
    }
}
