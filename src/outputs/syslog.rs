//! Events as syslog messages of RFC 5424, by datagrams to a local socket, or by UDP or TCP on this machine.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use jiff::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::Error;
use super::form::{self, Form};
use super::state::State;
use super::worker::{ATTEMPT, Destination, Sent};
use crate::entry::Stored;

/// What a message calls the program that sends it (APP-NAME).
const APP_NAME: &str = "ktraild";
/// What it calls the kind of message (MSGID).
const MESSAGE_ID: &str = "audit";

/// The facility of messages (RFC 5424, table 1), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(pub u8);

/// The severity of messages (RFC 5424, table 2), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severity(pub u8);

/// The facilities' names, by number.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// The severities' names, by number.
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The way of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams to a socket of this path.
    Unix(PathBuf),
    /// Datagrams to an address of this machine.
    Udp(SocketAddr),
    /// A connection to an address of this machine; each message with its length before it (RFC 6587, 3.4.1).
    Tcp(SocketAddr),
}

/// A receiver of syslog messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The way.
    pub transport: Transport,
    /// The facility.
    pub facility: Facility,
    /// The severity.
    pub severity: Severity,
    /// The form of an event. Of the forms of records each record is a message.
    pub form: Form,
    /// Bytes of a message at most; what is longer is cut.
    pub max_bytes: usize,
    /// The host that messages name, where the event names none.
    pub host: String,
}

enum Connection {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// The receiver.
pub(super) struct Syslog {
    config: Config,
    connection: Option<Connection>,
    /// Bytes of the present message that have been sent over a stream.
    written: usize,
}

impl Syslog {
    pub(super) fn new(config: Config) -> Syslog {
        Syslog { config, connection: None, written: 0 }
    }

    fn connect(&self) -> io::Result<Connection> {
        match &self.config.transport {
            Transport::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(Connection::Unix(socket))
            }
            Transport::Udp(address) => {
                let any = if address.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                socket.set_nonblocking(true)?;
                Ok(Connection::Udp(socket))
            }
            Transport::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, ATTEMPT)?;
                stream.set_nonblocking(true)?;
                Ok(Connection::Tcp(stream))
            }
        }
    }

    fn failed(&self, source: io::Error, bytes: usize) -> Error {
        let too_long = source.raw_os_error() == Some(nix::libc::EMSGSIZE);
        match &self.config.transport {
            _ if too_long => Error::TooLong { bytes, way: "syslog".to_owned() },
            Transport::Unix(path) => Error::Path { action: "send to", path: path.clone(), source },
            Transport::Udp(address) | Transport::Tcp(address) => Error::Address { address: *address, source },
        }
    }
}

impl Destination for Syslog {
    fn messages(&mut self, line: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>) {
        let head = head(&self.config, stored);
        let room = self.config.max_bytes.saturating_sub(head.len());
        let texts = match self.config.form {
            Form::Json => [form::cut_json(line, room)].into(),
            form => form::lines(form, line, stored),
        };
        for text in texts {
            let message = [head.as_bytes(), &form::cut(text, room)].concat();
            messages.push_back(match self.config.transport {
                Transport::Tcp(_) => [format!("{} ", message.len()).as_bytes(), &message].concat(),
                _ => message,
            });
        }
    }

    fn send(&mut self, message: &[u8], _: &State) -> Result<Sent, Error> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().map_err(|error| self.failed(error, message.len()))?);
            self.written = 0;
        }
        let Some(connection) = &mut self.connection else { return Ok(Sent::Later) };
        let done = match connection {
            Connection::Unix(socket) => socket.send(message),
            Connection::Udp(socket) => socket.send(message),
            Connection::Tcp(stream) => stream.write(message.get(self.written..).unwrap_or_default()),
        };
        match done {
            Ok(length) => {
                self.written += length;
                if self.written < message.len() {
                    return Ok(Sent::Later);
                }
                self.written = 0;
                Ok(Sent::Done)
            }
            Err(error) if is_busy(&error) => {
                wait(connection);
                Ok(Sent::Later)
            }
            Err(error) => {
                let error = self.failed(error, message.len());
                self.connection = None;
                Err(error)
            }
        }
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA ` with the event's time.
fn head(config: &Config, stored: &Stored) -> String {
    let event = &stored.event;
    let priority = u32::from(config.facility.0) * 8 + u32::from(config.severity.0);
    let milliseconds = i64::try_from(event.id.time_ms).ok();
    let time = milliseconds.and_then(|time| Timestamp::from_millisecond(time).ok());
    let time = time.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
    let host = match event.node.as_deref().map(String::from_utf8_lossy) {
        Some(node) => printable(&node),
        None => printable(&config.host),
    };
    format!("<{priority}>1 {time} {host} {APP_NAME} {} {MESSAGE_ID} - ", std::process::id())
}

/// A name as a header may have it: 1 to 255 printable ASCII characters without blanks.
fn printable(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// Whether the receiver only needs time.
pub(super) fn is_busy(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        || error.raw_os_error() == Some(nix::libc::ENOBUFS)
}

fn wait(connection: &Connection) {
    let descriptor = match connection {
        Connection::Unix(socket) => socket.as_fd(),
        Connection::Udp(socket) => socket.as_fd(),
        Connection::Tcp(stream) => stream.as_fd(),
    };
    let mut wanted = [PollFd::new(descriptor, PollFlags::POLLOUT)];
    let _ = poll(&mut wanted, PollTimeout::try_from(ATTEMPT).unwrap_or(PollTimeout::ZERO));
}
