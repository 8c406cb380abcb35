//! A program that gets records on its standard input, as the plugins of auditd's dispatcher do.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::Error;
use super::form;
use super::state::State;
use super::worker::{ATTEMPT, Destination, Sent};
use crate::entry::Stored;
use crate::record::RecordType;
use crate::render::raw;
use crate::sys::files;

/// How long a program is given to end by itself once there is nothing more to read, before SIGTERM.
const END_OF_INPUT: Duration = Duration::from_millis(500);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);
/// Pause before the first new start; it doubles with each.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The version of the binary header that says that the data is a formatted line (`AUDISP_PROTOCOL_VER2`).
const HEADER_VERSION: u32 = 1;
/// Bytes of that header: version, its length, the record's type and the data's length, each of 4 in the machine's order.
pub const HEADER_BYTES: usize = 16;

/// How records come to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line each: `type=… msg=audit(…): …`.
    Text,
    /// A header each, then the same text without a newline.
    Binary,
}

/// A program that gets records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How records come to it.
    pub framing: Framing,
    /// Whether records have the names of ENRICHED.
    pub enriched: bool,
    /// How often it is started again after it has ended at most.
    pub restarts_max: u32,
}

/// The program, running or to be started.
pub(super) struct Plugin {
    config: Config,
    running: Option<Running>,
    restarts: u32,
    /// Not to be started before this.
    not_before: Option<Instant>,
    /// Bytes of the present message that the program has.
    written: usize,
}

struct Running {
    child: Child,
    input: ChildStdin,
}

impl Plugin {
    pub(super) fn new(config: Config) -> Plugin {
        Plugin { config, running: None, restarts: 0, not_before: None, written: 0 }
    }

    fn start(&self) -> Result<Running, Error> {
        let path = &self.config.path;
        files::check_program(path)?;
        self.spawn().map_err(|source| Error::Path { action: "start", path: path.clone(), source })
    }

    fn spawn(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.config.path);
        command.args(&self.config.arguments).stdin(Stdio::piped()).stdout(Stdio::null());
        // Ctrl-C at a terminal is for the daemon, which ends its plugins once they have everything.
        command.process_group(0);
        let mut child = command.spawn()?;
        let input = child.stdin.take().expect("a pipe was asked for");
        fcntl(&input, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Running { child, input })
    }

    /// Makes sure that it runs; `Later` while that has to wait.
    fn run(&mut self) -> Result<Sent, Error> {
        if let Some(running) = &mut self.running {
            match running.child.try_wait() {
                Ok(None) => return Ok(Sent::Done),
                Ok(Some(status)) => return Err(self.has_ended(ended(status))),
                Err(error) => return Err(self.has_ended(error.to_string())),
            }
        }
        if self.restarts > self.config.restarts_max {
            return Err(Error::GivenUp { path: self.config.path.clone(), restarts: self.restarts });
        }
        if let Some(wait) = self.not_before.map(|when| when.saturating_duration_since(Instant::now()))
            && !wait.is_zero()
        {
            std::thread::sleep(wait.min(ATTEMPT));
            return Ok(Sent::Later);
        }
        match self.start() {
            Ok(running) => {
                self.running = Some(running);
                self.written = 0;
                Ok(Sent::Done)
            }
            Err(error) => {
                self.count();
                Err(error)
            }
        }
    }

    fn has_ended(&mut self, how: String) -> Error {
        self.running = None;
        self.written = 0;
        self.count();
        let path = self.config.path.clone();
        match self.restarts > self.config.restarts_max {
            true => Error::GivenUp { path, restarts: self.restarts },
            false => Error::Ended { path, how },
        }
    }

    /// Counts an end, and puts the next start off.
    fn count(&mut self) {
        let pause = RESTART_PAUSE.saturating_mul(1 << self.restarts.min(16)).min(RESTART_PAUSE_MAX);
        self.restarts = self.restarts.saturating_add(1);
        self.not_before = Some(Instant::now() + pause);
    }
}

impl Destination for Plugin {
    fn messages(&mut self, _: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>) {
        let framing = self.config.framing;
        messages.extend(
            form::records(stored, self.config.enriched).map(|(kind, text)| framed(framing, kind, text)),
        );
        if form::was_ended(&stored.event) {
            let mut text = Vec::new();
            raw::end(&stored.event, &mut text);
            messages.push_back(framed(framing, RecordType::EOE, text));
        }
    }

    fn send(&mut self, message: &[u8], _: &State) -> Result<Sent, Error> {
        if self.running.is_none() && self.run()? == Sent::Later {
            return Ok(Sent::Later);
        }
        let Some(running) = &mut self.running else { return Ok(Sent::Later) };
        let rest = message.get(self.written..).unwrap_or_default();
        match running.input.write(rest) {
            Ok(length) => {
                self.written += length;
                if self.written < message.len() {
                    return Ok(Sent::Later);
                }
                self.written = 0;
                Ok(Sent::Done)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut wanted = [PollFd::new(running.input.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut wanted, PollTimeout::try_from(ATTEMPT).unwrap_or(PollTimeout::ZERO));
                Ok(Sent::Later)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Sent::Later),
            // It has closed its input, so that it is no use any more.
            Err(error) => {
                let _ = running.child.kill();
                let how = running.child.wait().map_or_else(|_| error.to_string(), ended);
                Err(self.has_ended(how))
            }
        }
    }

    fn tick(&mut self, state: &State) -> Result<(), Error> {
        let not_due = self.not_before.is_some_and(|when| Instant::now() < when);
        if self.restarts > self.config.restarts_max || self.running.is_none() && not_due {
            return Ok(());
        }
        self.run()?;
        state.set_failing(None);
        Ok(())
    }

    fn end(&mut self, until: Instant, state: &State) {
        let Some(Running { mut child, input }) = self.running.take() else { return };
        drop(input);
        let soon = until.min(Instant::now() + END_OF_INPUT);
        if has_ended_by(&mut child, soon) {
            return;
        }
        if let Ok(pid) = i32::try_from(child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        // A moment at least, also when what waited has taken all the time.
        if !has_ended_by(&mut child, until.max(Instant::now() + END_OF_INPUT)) {
            tracing::warn!(
                "output {}: {} does not end and is killed",
                state.name(),
                self.config.path.display()
            );
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn has_ended_by(child: &mut Child, until: Instant) -> bool {
    loop {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}

fn ended(status: ExitStatus) -> String {
    status.to_string()
}

/// A record as a plugin gets it.
fn framed(framing: Framing, kind: RecordType, mut text: Vec<u8>) -> Vec<u8> {
    match framing {
        Framing::Text => {
            text.push(b'\n');
            text
        }
        Framing::Binary => {
            let length =
                u32::try_from(text.len()).expect("a record is bounded far below 4 GiB by who fills it");
            let header_bytes = u32::try_from(HEADER_BYTES).expect("16");
            let header = [HEADER_VERSION, header_bytes, u32::from(kind.0), length];
            let mut message: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
            message.append(&mut text);
            message
        }
    }
}
