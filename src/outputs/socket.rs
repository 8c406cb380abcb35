//! A unix stream socket: whoever connects gets every event from then on, as lines.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Gid;

use super::error::Error;
use super::form::{self, Form};
use super::state::State;
use super::worker::{Destination, Sent};
use crate::entry::Stored;
use crate::sys::files;

/// Bytes that wait for a client, beside those in the socket's own buffer, before it counts as too slow: some thousand
/// events.
pub const CLIENT_BYTES_MAX: usize = 4 << 20;
/// Between two lines of the diagnostics that tell of refused clients, at least.
const TELL_REFUSED_EVERY: Duration = Duration::from_secs(10);
/// What is seen of a client that has gone.
const GONE: PollFlags = PollFlags::POLLHUP.union(PollFlags::POLLERR);
/// Pause between attempts to write what still waits at the end.
const LOOK: Duration = Duration::from_millis(5);

/// A socket for consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its path.
    pub path: PathBuf,
    /// Its mode: who may write to it may connect.
    pub mode: u32,
    /// Its group.
    pub group: Option<Gid>,
    /// Clients at a time.
    pub clients_max: usize,
    /// The form of an event.
    pub form: Form,
}

/// The socket and its clients.
pub(super) struct Socket {
    config: Config,
    listener: Option<UnixListener>,
    clients: Vec<Client>,
    /// Clients that were refused since that was last told, and when it was.
    refused: u64,
    told: Option<Instant>,
}

struct Client {
    stream: UnixStream,
    waiting: VecDeque<u8>,
}

impl Socket {
    pub(super) fn new(config: Config) -> Socket {
        Socket { config, listener: None, clients: Vec::new(), refused: 0, told: None }
    }

    /// Makes the socket under another name and gives it its own once mode and group are set: nobody gets in between.
    fn bind(&self) -> Result<UnixListener, Error> {
        let path = &self.config.path;
        let failed = |action| move |source| Error::Path { action, path: path.clone(), source };
        if let Some(dir) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(dir)
                .map_err(failed("make the directory of"))?;
        }
        files::check_parents(path)?;
        if is_taken(path) {
            return Err(Error::Taken(path.clone()));
        }
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove what is left of")(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&new).map_err(failed("listen on"))?;
        std::os::unix::fs::chown(&new, None, self.config.group.map(Gid::as_raw))
            .map_err(failed("set the group of"))?;
        fs::set_permissions(&new, Permissions::from_mode(self.config.mode))
            .map_err(failed("set the mode of"))?;
        fs::rename(&new, path).map_err(failed("make"))?;
        listener.set_nonblocking(true).map_err(failed("listen on"))?;
        Ok(listener)
    }

    /// Lets in who waits at the door.
    fn accept(&mut self, state: &State) -> Result<(), Error> {
        if self.listener.is_none() {
            self.listener = Some(self.bind()?);
        }
        let Some(listener) = &self.listener else { return Ok(()) };
        while let Ok((stream, _)) = listener.accept() {
            if self.clients.len() >= self.config.clients_max {
                self.refused += 1;
            } else if stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client { stream, waiting: VecDeque::new() });
            }
        }
        self.tell_refused(state);
        Ok(())
    }

    /// Says how many clients were refused: not once for each, which whoever may connect could make many.
    fn tell_refused(&mut self, state: &State) {
        if self.refused > 0 && self.told.is_none_or(|told| told.elapsed() >= TELL_REFUSED_EVERY) {
            let count = std::mem::take(&mut self.refused);
            tracing::warn!(count, "output {}: too many clients: some are refused", state.name());
            self.told = Some(Instant::now());
        }
    }

    /// Writes what waits; lets go who has gone.
    fn write(&mut self) {
        self.clients.retain_mut(|client| client.write().is_ok());
    }
}

impl Client {
    /// Writes what can be written without waiting; an error when it has gone.
    fn write(&mut self) -> io::Result<()> {
        // One that has only ended its own side still reads.
        let mut seen = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        poll(&mut seen, PollTimeout::ZERO)?;
        let gone = seen.iter().filter_map(PollFd::revents).any(|seen| seen.intersects(GONE));
        if gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        while !self.waiting.is_empty() {
            match self.stream.write(self.waiting.as_slices().0) {
                Ok(length) => drop(self.waiting.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether something lives at the path, or something that is no socket.
fn is_taken(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(_) => false,
        Ok(found) => !found.file_type().is_socket() || UnixStream::connect(path).is_ok(),
    }
}

impl Destination for Socket {
    fn messages(&mut self, line: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>) {
        let mut text = Vec::new();
        for part in form::lines(self.config.form, line, stored) {
            text.extend_from_slice(&part);
            text.push(b'\n');
        }
        messages.push_back(text);
    }

    fn send(&mut self, message: &[u8], state: &State) -> Result<Sent, Error> {
        self.accept(state)?;
        for client in &mut self.clients {
            client.waiting.extend(message);
        }
        self.write();
        let before = self.clients.len();
        self.clients.retain(|client| client.waiting.len() <= CLIENT_BYTES_MAX);
        for _ in self.clients.len()..before {
            tracing::warn!("output {}: a client was too slow and is let go", state.name());
            state.client_dropped();
        }
        Ok(Sent::Done)
    }

    fn tick(&mut self, state: &State) -> Result<(), Error> {
        self.accept(state)?;
        state.set_failing(None);
        self.write();
        Ok(())
    }

    fn end(&mut self, until: Instant, _: &State) {
        self.write();
        while self.clients.iter().any(|client| !client.waiting.is_empty()) && Instant::now() < until {
            std::thread::sleep(LOOK);
            self.write();
        }
        if self.listener.take().is_some() {
            let _ = fs::remove_file(&self.config.path);
        }
    }
}
