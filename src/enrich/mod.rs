/*!
The facts about the host that cannot be had later, looked up while an event is taken: the names of its ids.

A name is looked up on a thread of its own, because a directory service may take long or hang. An event waits for a
name at most [`Config::wait`]; after that it goes without one, and the answer serves the events that follow. While the
directory does not answer at all, no event waits. Which fields hold an id is `interpret`'s, and where the names are
kept is `entry`'s.
*/

mod cache;
pub mod context;
pub mod lookup;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use thiserror::Error;

use cache::{Cache, Found};
use lookup::{Answer, Lookup, Question, Space};

/// The id that stands for "not set", in users, groups and sessions alike (`AUDIT_UID_UNSET` of `linux/audit.h`).
pub const UNSET: u32 = u32::MAX;

/// Most questions that wait for the thread that looks names up. One id asks once, so that this many unknown ids have to
/// come within one slow answer before an event goes without a name for this limit's sake.
pub const QUESTIONS_MAX: usize = 256;

/// Names of the ids an event holds. Reused from event to event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// User ids and their names, each id once, in the order they were added.
    pub users: Vec<(u32, Arc<str>)>,
    /// Group ids and their names, each id once, in the order they were added.
    pub groups: Vec<(u32, Arc<str>)>,
}

impl Names {
    /// Forgets all names and keeps the memory.
    pub fn clear(&mut self) {
        self.users.clear();
        self.groups.clear();
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// The name of a user id.
    pub fn user(&self, id: u32) -> Option<&str> {
        find(&self.users, id)
    }

    /// The name of a group id.
    pub fn group(&self, id: u32) -> Option<&str> {
        find(&self.groups, id)
    }

    /// Adds a user's name; an id that has one keeps it.
    pub fn add_user(&mut self, id: u32, name: Arc<str>) {
        add(&mut self.users, id, name);
    }

    /// Adds a group's name; an id that has one keeps it.
    pub fn add_group(&mut self, id: u32, name: Arc<str>) {
        add(&mut self.groups, id, name);
    }
}

fn find(names: &[(u32, Arc<str>)], id: u32) -> Option<&str> {
    names.iter().find(|(known, _)| *known == id).map(|(_, name)| &**name)
}

fn add(names: &mut Vec<(u32, Arc<str>)>, id: u32, name: Arc<str>) {
    if !names.iter().any(|(known, _)| *known == id) {
        names.push((id, name));
    }
}

/// How long names are waited for and believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Longest time that one look-up may hold an event back. Zero: an event never waits, and the first one with an id
    /// goes without its name.
    pub wait: Duration,
    /// How long an answer is believed, "there is none" included.
    pub lifetime: Duration,
}

impl Default for Config {
    /// 20 ms, which a local file or a living directory keeps; 60 s, after which a renamed user is seen by the new name.
    fn default() -> Config {
        Config { wait: Duration::from_millis(20), lifetime: Duration::from_secs(60) }
    }
}

/// Why names cannot be looked up.
#[derive(Debug, Error)]
pub enum EnrichError {
    /// The system gave no thread.
    #[error("the thread that looks up the names of ids could not be started")]
    Thread(#[source] std::io::Error),
}

/// What became of the look-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answers that came, "there is none" included.
    pub answered: u64,
    /// Times that an id went without its name because the answer was not there in time.
    pub late: u64,
    /// Times that an id went without its name because [`QUESTIONS_MAX`] questions were waiting.
    pub refused: u64,
}

/// Gives the names of ids, from a cache of bounded size.
pub struct Enricher {
    config: Config,
    users: Cache,
    groups: Cache,
    unset: Arc<str>,
    questions: Sender<Question>,
    answers: Receiver<Answer>,
    /// The last wait was in vain and no answer has come since: the directory hangs, and waiting again for every id
    /// would throttle the daemon to 1 / [`Config::wait`] events a second.
    stalled: bool,
    counters: Counters,
}

impl Enricher {
    /// Starts the thread that asks `lookup`. It ends when the enricher is dropped and its last look-up has returned.
    pub fn new(config: Config, lookup: Box<dyn Lookup + Send>) -> Result<Enricher, EnrichError> {
        let (questions, asked) = bounded(QUESTIONS_MAX);
        let (answering, answers) = bounded(QUESTIONS_MAX);
        std::thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || lookup::serve(lookup, &asked, &answering))
            .map_err(EnrichError::Thread)?;
        Ok(Enricher {
            config,
            users: Cache::new(),
            groups: Cache::new(),
            unset: Arc::from("unset"),
            questions,
            answers,
            stalled: false,
            counters: Counters::default(),
        })
    }

    /// The name of a user id; `unset` for [`UNSET`], `None` for an id without a name and for one whose name is not
    /// known in time.
    pub fn user(&mut self, id: u32, now: Instant) -> Option<Arc<str>> {
        if id == UNSET {
            return Some(Arc::clone(&self.unset));
        }
        match self.users.find(id, now) {
            Found::Answer(name) => name,
            _ => self.ask(Question { space: Space::User, id }, now),
        }
    }

    /// The name of a group id, as [`Enricher::user`].
    pub fn group(&mut self, id: u32, now: Instant) -> Option<Arc<str>> {
        if id == UNSET {
            return Some(Arc::clone(&self.unset));
        }
        match self.groups.find(id, now) {
            Found::Answer(name) => name,
            _ => self.ask(Question { space: Space::Group, id }, now),
        }
    }

    /// What became of the look-ups since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    #[cold]
    fn ask(&mut self, question: Question, now: Instant) -> Option<Arc<str>> {
        while let Ok(answer) = self.answers.try_recv() {
            self.keep(answer, now);
        }
        match self.cache(question.space).find(question.id, now) {
            Found::Answer(name) => return name,
            // Its first event has waited in vain; that is enough for one id.
            Found::Asked => {
                self.counters.late += 1;
                return None;
            }
            Found::Nothing => {}
        }
        match self.questions.try_send(question) {
            Ok(()) => self.cache(question.space).expect_answer(question.id),
            Err(TrySendError::Full(_)) => {
                self.counters.refused += 1;
                return None;
            }
            Err(TrySendError::Disconnected(_)) => return None,
        }
        self.wait_for(question, now)
    }

    /// Waits for the answer to `question` and keeps all that come before it.
    fn wait_for(&mut self, question: Question, now: Instant) -> Option<Arc<str>> {
        if self.stalled {
            self.counters.late += 1;
            return None;
        }
        let deadline = Instant::now() + self.config.wait;
        loop {
            match self.answers.recv_deadline(deadline) {
                Ok(answer) => {
                    let name = answer.name.clone();
                    let mine = answer.question == question;
                    self.keep(answer, now);
                    if mine {
                        return name;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.stalled = true;
                    self.counters.late += 1;
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn keep(&mut self, answer: Answer, now: Instant) {
        self.stalled = false;
        self.counters.answered += 1;
        let until = now + self.config.lifetime;
        self.cache(answer.question.space).keep(answer.question.id, answer.name, until, now);
    }

    fn cache(&mut self, space: Space) -> &mut Cache {
        match space {
            Space::User => &mut self.users,
            Space::Group => &mut self.groups,
        }
    }
}

#[cfg(test)]
mod tests;
