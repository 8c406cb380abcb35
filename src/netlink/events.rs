//! The socket on which the kernel sends audit messages to its daemon, read in batches.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, recvmmsg, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::control::{self, Control};
use super::error::{Error, Request};
use super::message;
use crate::sys::process;

/// Datagrams taken from the kernel in one system call.
const DATAGRAMS_MAX: usize = 64;
/// Room for one datagram in bytes. The kernel's own limit is 8970 (`MAX_AUDIT_MESSAGE_LENGTH`) and the header.
const DATAGRAM_BYTES_MAX: usize = 16 << 10;
/// Milliseconds after which a receive without a message returns, so that its thread can be told to stop.
const WAIT_MS: i64 = 100;
/// Attempts to read the acknowledgement of the registration among events.
const REGISTER_READS_MAX: usize = 100_000;

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

/// Messages received together, one after the other in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Type and end of each message in `bytes`, ascending.
    ends: Vec<(u16, u32)>,
    /// Messages that did not come from the kernel and were dropped.
    pub foreign: u64,
    /// Messages that were longer than the room for one; they are kept as far as they go.
    pub truncated: u64,
}

impl Batch {
    /// Forgets all messages and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.foreign = 0;
        self.truncated = 0;
    }

    /// Adds a message.
    pub fn push(&mut self, kind: u16, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        let end =
            u32::try_from(self.bytes.len()).expect("a batch is bounded far below 4 GiB by who fills it");
        self.ends.push((kind, end));
    }

    /// Type and payload of each message.
    pub fn messages(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(kind, end)| {
            let end = end as usize;
            let payload = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (kind, payload)
        })
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// The event socket.
pub struct Events {
    socket: Socket,
    /// Messages that came before the registration was acknowledged.
    early: VecDeque<(u16, Vec<u8>)>,
    /// What the system did not grant, in words.
    pub notes: Vec<String>,
}

impl Events {
    /// Opens the socket; nothing comes before [`Events::register`].
    pub fn open(config: &Config) -> Result<Events, Error> {
        let open = |error: io::Error| Error::new(Request::Open, error);
        let mut socket = Socket::new(control::PROTOCOL).map_err(open)?;
        socket.bind_auto().map_err(open)?;
        let mut notes = Vec::new();
        if setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &config.receive_buffer_bytes).is_err() {
            socket
                .set_rx_buf_sz(i32::try_from(config.receive_buffer_bytes).unwrap_or(i32::MAX))
                .map_err(open)?;
            notes.push(format!(
                "the receive buffer may be smaller than {} bytes: without CAP_NET_ADMIN net.core.rmem_max limits it",
                config.receive_buffer_bytes
            ));
        }
        socket.set_no_enobufs(true).map_err(open)?;
        let timeout = TimeVal::milliseconds(WAIT_MS);
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimeout, &timeout).map_err(|errno| open(errno.into()))?;
        Ok(Events { socket, early: VecDeque::new(), notes })
    }

    /// Makes this process the audit daemon and this socket the one that events go to.
    ///
    /// A living daemon is named in the error and left alone; a dead one is replaced by the kernel.
    pub fn register(&mut self, control: &mut Control) -> Result<(), Error> {
        let own = std::process::id();
        let registered = control.status()?.pid;
        if registered != 0
            && registered != own
            && let Some(command) = process::command(registered)
        {
            return Err(Error::OtherDaemon { pid: registered, command });
        }
        let request = Request::Register;
        let bytes = control::frame(1, control::registration(own));
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|error| Error::new(request, error))?;
        for _ in 0..REGISTER_READS_MAX {
            let mut buffer = Vec::with_capacity(DATAGRAM_BYTES_MAX);
            let (_, sender) =
                self.socket.recv_from(&mut buffer, 0).map_err(|error| Error::new(request, error))?;
            if sender.port_number() != 0 {
                continue;
            }
            match acknowledgement(&buffer) {
                Some(0) => return Ok(()),
                Some(code) if code == -(Errno::EEXIST as i32) => {
                    let pid = control.status()?.pid;
                    let command = process::command(pid).unwrap_or_else(|| "no longer there".to_owned());
                    return Err(Error::OtherDaemon { pid, command });
                }
                Some(code) => return Err(Error::new(request, io::Error::from_raw_os_error(-code))),
                None => {
                    let early = message::split(&buffer).map(|(kind, payload)| (kind, payload.to_vec()));
                    self.early.extend(early);
                }
            }
        }
        Err(Error::TimedOut(request))
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

/// The event socket with room for a batch of messages.
pub struct Receiver {
    socket: Socket,
    early: VecDeque<(u16, Vec<u8>)>,
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
        while let Some((kind, payload)) = self.early.pop_front() {
            batch.push(kind, &payload);
        }
        let mut lengths = [(0usize, false, false); DATAGRAMS_MAX];
        let mut received = 0;
        {
            let mut rooms = self.room.chunks_exact_mut(DATAGRAM_BYTES_MAX);
            let mut slices: [[IoSliceMut<'_>; 1]; DATAGRAMS_MAX] =
                std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
            let fd = self.socket.as_raw_fd();
            match recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None) {
                Ok(results) => {
                    for (result, length) in results.zip(lengths.iter_mut()) {
                        let kernel = result.address.is_none_or(|address| address.pid() == 0);
                        *length = (result.bytes, kernel, result.flags.contains(MsgFlags::MSG_TRUNC));
                        received += 1;
                    }
                }
                // ENOBUFS is the kernel's word that it had to queue elsewhere; nothing is lost by it.
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => {}
                Err(errno) => return Err(Error::new(Request::Receive, errno.into())),
            }
        }
        let rooms = self.room.chunks_exact(DATAGRAM_BYTES_MAX);
        for ((length, from_kernel, truncated), room) in lengths.iter().take(received).zip(rooms) {
            if !from_kernel {
                batch.foreign += 1;
                continue;
            }
            batch.truncated += u64::from(*truncated);
            if let Some((kind, payload)) = room.get(..*length).and_then(message::split) {
                batch.push(kind, payload);
            }
        }
        Ok(batch.len() - before)
    }
}

/// The number in an acknowledgement; `None` if the datagram is something else.
fn acknowledgement(datagram: &[u8]) -> Option<i32> {
    const NLMSG_ERROR: u16 = 2;
    if message::split(datagram)?.0 != NLMSG_ERROR {
        return None;
    }
    let message = NetlinkMessage::<message::Control>::deserialize(datagram).ok()?;
    match message.payload {
        NetlinkPayload::Error(error) => Some(error.code.map_or(0, i32::from)),
        _ => None,
    }
}
