/*!
The facts about the host that cannot be had later, looked up while an event is taken: the names of its ids, and what is
known of its process.

Things are looked up on threads of their own, because a directory service or a file may take long or hang. An event waits
for an answer a bounded time; after that it goes without, and the answer serves the events that follow. While a thread
does not answer at all, no event waits. Which fields hold an id is `interpret`'s, and where names and contexts are kept is
`entry`'s.
*/

pub mod asked;
mod cache;
mod cgroup;
pub mod context;
pub mod counts;
mod hash;
pub mod host;
mod known;
pub mod limits;
pub mod lookup;
pub mod observe;
mod rounds;
mod script;
mod session;
mod sighting;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use asked::Asked;
use cache::{Cache, Found};
use counts::{Counts, Tally};
use lookup::{Answer, Lookup, Question, Space};

/// The id that stands for "not set", in users, groups and sessions alike (`AUDIT_UID_UNSET` of `linux/audit.h`).
pub const UNSET: u32 = u32::MAX;

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

/// Why nothing can be looked up.
#[derive(Debug, Error)]
pub enum EnrichError {
    /// The system gave no thread.
    #[error("the thread that looks up {name} could not be started")]
    Thread {
        /// What it looks up.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// Gives the names of ids, from a cache of bounded size.
pub struct Enricher {
    config: Config,
    users: Cache,
    groups: Cache,
    unset: Arc<str>,
    directory: Asked<Question, Answer>,
}

impl Enricher {
    /// Starts the thread that asks `lookup`. It ends when the enricher is dropped and its last look-up has returned.
    pub fn new(
        config: Config,
        lookup: Box<dyn Lookup + Send>,
        counts: &Counts,
    ) -> Result<Enricher, EnrichError> {
        let serve = move |asked: &_, answers: &_| lookup::serve(lookup, asked, answers);
        let directory = Asked::start("names", config.wait, counts.names.clone(), serve)?;
        Ok(Enricher {
            config,
            users: Cache::new(),
            groups: Cache::new(),
            unset: Arc::from("unset"),
            directory,
        })
    }

    /// The name of a user id; `unset` for [`UNSET`], `None` for an id without a name and for one whose name is not
    /// known in time.
    pub fn user(&mut self, id: u32, now: Instant) -> Option<Arc<str>> {
        if id == UNSET {
            return Some(Arc::clone(&self.unset));
        }
        match self.users.find(id, now) {
            Found::Answer(name) => {
                Tally::one(&self.directory.tally().known);
                name
            }
            _ => self.ask(Question { space: Space::User, id }, now),
        }
    }

    /// The name of a group id, as [`Enricher::user`].
    pub fn group(&mut self, id: u32, now: Instant) -> Option<Arc<str>> {
        if id == UNSET {
            return Some(Arc::clone(&self.unset));
        }
        match self.groups.find(id, now) {
            Found::Answer(name) => {
                Tally::one(&self.directory.tally().known);
                name
            }
            _ => self.ask(Question { space: Space::Group, id }, now),
        }
    }

    #[cold]
    fn ask(&mut self, question: Question, now: Instant) -> Option<Arc<str>> {
        while let Some(answer) = self.directory.answer() {
            self.keep(answer, now);
        }
        match self.cache(question.space).find(question.id, now) {
            Found::Answer(name) => return name,
            // Its first event has waited in vain; that is enough for one id.
            Found::Asked => {
                self.directory.went_without();
                return None;
            }
            Found::Nothing => {}
        }
        if !self.directory.ask(question) {
            return None;
        }
        let displaced = self.cache(question.space).expect_answer(question.id);
        self.forgot(displaced);
        let deadline = self.directory.deadline()?;
        while let Some(answer) = self.directory.answer_until(deadline) {
            let name = answer.name.clone();
            let mine = answer.question == question;
            self.keep(answer, now);
            if mine {
                return name;
            }
        }
        None
    }

    fn keep(&mut self, answer: Answer, now: Instant) {
        if answer.name.is_none() {
            Tally::one(&self.directory.tally().absent);
        }
        let until = now + self.config.lifetime;
        let displaced = self.cache(answer.question.space).keep(answer.question.id, answer.name, until, now);
        self.forgot(displaced);
    }

    fn forgot(&self, displaced: bool) {
        if displaced {
            Tally::one(&self.directory.tally().forgotten);
        }
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
