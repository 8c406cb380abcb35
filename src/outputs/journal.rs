//! Events as entries of systemd's journal, in its native protocol: a datagram of fields
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>).

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::Error;
use super::form::{self, Form};
use super::state::State;
use super::syslog::{Facility, Severity, is_busy};
use super::worker::{ATTEMPT, Destination, Sent};
use crate::entry::Stored;

/// The journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its socket.
    pub path: PathBuf,
    /// The facility (`SYSLOG_FACILITY=`).
    pub facility: Facility,
    /// The severity (`PRIORITY=`).
    pub severity: Severity,
    /// The form of an event in `MESSAGE=`.
    pub form: Form,
    /// Bytes of `MESSAGE=` at most; what is longer is cut.
    pub max_bytes: usize,
}

pub(super) struct Journal {
    config: Config,
    socket: Option<UnixDatagram>,
}

impl Journal {
    pub(super) fn new(config: Config) -> Journal {
        Journal { config, socket: None }
    }

    fn connect(&self) -> std::io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.config.path)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

impl Destination for Journal {
    fn messages(&mut self, line: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>) {
        let config = &self.config;
        let texts = match config.form {
            Form::Json => [form::cut_json(line, config.max_bytes)].into(),
            form => form::lines(form, line, stored),
        };
        let id = stored.event.id.to_string();
        let kind = stored.event.records().next().map(|(kind, _)| kind.to_string()).unwrap_or_default();
        for text in texts {
            let mut datagram = Vec::new();
            for (name, value) in [
                ("PRIORITY", config.severity.0.to_string().as_bytes()),
                ("SYSLOG_FACILITY", config.facility.0.to_string().as_bytes()),
                ("SYSLOG_IDENTIFIER", b"ktraild"),
                ("AUDIT_EVENT", id.as_bytes()),
                ("AUDIT_TYPE_NAME", kind.as_bytes()),
                ("MESSAGE", &form::cut(text, config.max_bytes)),
            ] {
                field(name, value, &mut datagram);
            }
            messages.push_back(datagram);
        }
    }

    fn send(&mut self, message: &[u8], _: &State) -> Result<Sent, Error> {
        let path = self.config.path.clone();
        let failed = |source: std::io::Error| match source.raw_os_error() {
            Some(nix::libc::EMSGSIZE) => {
                Error::TooLong { bytes: message.len(), way: "the journal".to_owned() }
            }
            _ => Error::Path { action: "send to", path, source },
        };
        let socket = match &self.socket {
            Some(socket) => socket,
            None => match self.connect() {
                Ok(socket) => self.socket.insert(socket),
                Err(error) => return Err(failed(error)),
            },
        };
        match socket.send(message) {
            Ok(_) => Ok(Sent::Done),
            Err(error) if is_busy(&error) => {
                let mut wanted = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut wanted, PollTimeout::try_from(ATTEMPT).unwrap_or(PollTimeout::ZERO));
                Ok(Sent::Later)
            }
            Err(error) => {
                self.socket = None;
                Err(failed(error))
            }
        }
    }
}

/// Adds a field: `NAME=value` and a newline; with its length where the value has newlines.
fn field(name: &str, value: &[u8], datagram: &mut Vec<u8>) {
    datagram.extend_from_slice(name.as_bytes());
    if memchr::memchr(b'\n', value).is_none() {
        datagram.push(b'=');
    } else {
        datagram.push(b'\n');
        datagram.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
    }
    datagram.extend_from_slice(value);
    datagram.push(b'\n');
}
