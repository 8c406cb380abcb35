//! The thread of one output: makes messages of the entries in its queue and sends them one by one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::error::{Error, Then};
use super::state::{State, Stop};
use crate::entry::Stored;
use crate::entry::decode::decode;

/// How often an output that has nothing to do looks after itself.
const TICK: Duration = Duration::from_millis(50);
/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How long it may take until it is known when to end, once nobody offers any more: the log is closed meanwhile. It stays
/// unknown in a daemon that has failed.
const STOP_MAX: Duration = Duration::from_secs(30);
/// The longest an attempt to send may take: the thread has to see when it is to end.
pub(super) const ATTEMPT: Duration = Duration::from_millis(50);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It has been handed on in full.
    Done,
    /// It could not be handed on yet; nothing is wrong.
    Later,
}

/// Where an output's messages go.
pub(super) trait Destination: Send {
    /// Adds the messages that say an entry. No I/O.
    fn messages(&mut self, line: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>);

    /// Sends a message. Takes no longer than [`ATTEMPT`]; is given the same message again until it is done.
    fn send(&mut self, message: &[u8], state: &State) -> Result<Sent, Error>;

    /// Does what time brings.
    fn tick(&mut self, _state: &State) -> Result<(), Error> {
        Ok(())
    }

    /// Ends, at latest at that time.
    fn end(&mut self, _until: Instant, _state: &State) {}
}

/// One output's thread.
pub(super) struct Worker {
    destination: Box<dyn Destination>,
    state: Arc<State>,
    stop: Arc<Stop>,
    messages: VecDeque<Vec<u8>>,
    /// Nothing will be delivered any more.
    given_up: bool,
}

impl Worker {
    pub(super) fn new(destination: Box<dyn Destination>, state: Arc<State>, stop: Arc<Stop>) -> Worker {
        Worker { destination, state, stop, messages: VecDeque::new(), given_up: false }
    }

    /// Delivers until nobody offers any more and all is delivered, or the time is over.
    pub(super) fn run(mut self, queue: &Receiver<Arc<[u8]>>) {
        let mut ticked: Option<Instant> = None;
        loop {
            if ticked.is_none_or(|ticked| ticked.elapsed() >= TICK) {
                ticked = Some(Instant::now());
                let done = self.destination.tick(&self.state);
                self.judge(done);
            }
            match queue.recv_timeout(TICK) {
                Ok(line) => {
                    let delivered = self.deliver(&line);
                    self.state.done(u64::try_from(line.len()).unwrap_or(u64::MAX), delivered);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let until = self.stop.wait(STOP_MAX).unwrap_or_else(Instant::now);
        self.destination.end(until, &self.state);
    }

    /// Sends all messages of an entry; whether all were sent.
    fn deliver(&mut self, line: &[u8]) -> bool {
        if self.given_up || self.stop.is_over() {
            return false;
        }
        let stored = match decode(line) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!("output {}: {error}", self.state.name());
                return false;
            }
        };
        self.messages.clear();
        self.destination.messages(line, &stored, &mut self.messages);
        let mut complete = true;
        while let Some(message) = self.messages.front() {
            match self.destination.send(message, &self.state) {
                Ok(Sent::Done) => {
                    self.state.set_failing(None);
                    self.messages.pop_front();
                }
                Ok(Sent::Later) => {}
                Err(error) => {
                    let then = error.then();
                    self.judge(Err(error));
                    match then {
                        Then::Retry => self.pause(),
                        Then::Skip => {
                            complete = false;
                            self.messages.pop_front();
                        }
                        Then::End => return false,
                    }
                }
            }
            if !self.messages.is_empty() && self.stop.is_over() {
                return false;
            }
        }
        complete
    }

    fn judge(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.given_up |= error.then() == Then::End;
            self.state.set_failing(Some(error.to_string()));
        }
    }

    /// Waits before another attempt, not longer than there is time.
    fn pause(&self) {
        let left = self.stop.when().map(|when| when.saturating_duration_since(Instant::now()));
        std::thread::sleep(left.map_or(RETRY, |left| left.min(RETRY)));
    }
}
