//! Questions to a thread that may take long to answer.
//!
//! Whoever asks waits at most a set time. While the thread does not answer at all, nobody waits: otherwise each question
//! would throttle the daemon to one event in that time. An answer that comes too late serves what comes after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::EnrichError;
use super::counts::Tally;

/// Most questions that wait for a thread. What is asked for is asked once, so that this many unknown things have to come
/// within one slow answer before something goes without its facts for this limit's sake.
pub const QUESTIONS_MAX: usize = 256;

/// A thread that answers questions.
pub(super) struct Asked<Q, A> {
    questions: Sender<Q>,
    answers: Receiver<A>,
    wait: Duration,
    /// The last wait was in vain and no answer has come since.
    stalled: bool,
    tally: Arc<Tally>,
}

impl<Q: Send + 'static, A: Send + 'static> Asked<Q, A> {
    /// Starts the thread. It ends when this is dropped and its last answer has been made.
    pub(super) fn start(
        name: &'static str,
        wait: Duration,
        tally: Arc<Tally>,
        serve: impl FnOnce(&Receiver<Q>, &Sender<A>) + Send + 'static,
    ) -> Result<Asked<Q, A>, EnrichError> {
        let (questions, asked) = bounded(QUESTIONS_MAX);
        let (answering, answers) = bounded(QUESTIONS_MAX);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(&asked, &answering))
            .map_err(|source| EnrichError::Thread { name, source })?;
        Ok(Asked { questions, answers, wait, stalled: false, tally })
    }

    /// Asks, and says whether there will be an answer.
    pub(super) fn ask(&mut self, question: Q) -> bool {
        match self.questions.try_send(question) {
            Ok(()) => {
                Tally::one(&self.tally.asked);
                true
            }
            Err(TrySendError::Full(_)) => {
                Tally::one(&self.tally.refused);
                false
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// An answer that has come.
    #[inline]
    pub(super) fn answer(&mut self) -> Option<A> {
        // Most often there is none, which is seen at less cost so.
        if self.answers.is_empty() {
            return None;
        }
        let answer = self.answers.try_recv().ok()?;
        self.came();
        Some(answer)
    }

    /// Until when to wait for an answer to what is asked now; `None` while no answers come.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        if self.stalled {
            Tally::one(&self.tally.late);
            return None;
        }
        Some(Instant::now() + self.wait)
    }

    /// The next answer, if it comes in time.
    pub(super) fn answer_until(&mut self, deadline: Instant) -> Option<A> {
        match self.answers.recv_deadline(deadline) {
            Ok(answer) => {
                self.came();
                Some(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stalled = true;
                Tally::one(&self.tally.late);
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Says that something went without its facts because these had been waited for in vain before.
    pub(super) fn went_without(&mut self) {
        Tally::one(&self.tally.late);
    }

    /// Where its look-ups are counted.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether no answers come.
    #[cfg(test)]
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    fn came(&mut self) {
        self.stalled = false;
        Tally::one(&self.tally.answered);
    }
}
