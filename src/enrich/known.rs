//! One process as it is known, and how well.

use std::sync::Arc;

use super::context::{Ancestor, Bytes, Context, Process, Version};
use super::host::Found;
use super::rounds::Position;
use super::sighting::Sighting;

/// How far the start of a process as events tell it may lie from the true one, in hundredths of a second: both the
/// clock's steps and what an event may wait for its process to be looked at.
pub(super) const START_SLACK: u64 = 200;
/// Arguments that nobody knows.
pub(super) const NO_ARGUMENTS: [Bytes; 0] = [];

/// How well the process of an event is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acquaintance {
    /// It is.
    Known,
    /// By its parent's fork only.
    ByFork,
    /// Its pid may have been given to another since.
    Doubtful,
    /// It executes another program than is known.
    Changed,
    /// It is not.
    Stranger,
}

/// How its start is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// From the host.
    Exact,
    /// From the event of its parent's fork.
    Forked,
    /// It is not: it was there when this was taken for its start.
    Seen,
}

/// What of a process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The process and those it descends from.
    pub(super) lineage: bool,
    /// How many beyond the parent.
    pub(super) ancestors: usize,
    pub(super) container: bool,
    pub(super) unit: bool,
}

/// What the host says of a process and of those above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// The process; absent if it is gone.
    pub(super) found: Option<Found>,
    /// Its parent, the parent's parent, and so on.
    pub(super) up: Vec<Found>,
}

/// When and where something is taken in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    /// How far the giving of pids has come.
    pub(super) position: Position,
    /// When the host was booted, in milliseconds since 1970.
    pub(super) boot_ms: u64,
}

impl Moment {
    /// The time of an event as processes' starts are told.
    pub(super) fn started(&self, time_ms: u64) -> u64 {
        time_ms.saturating_sub(self.boot_ms) / 10
    }
}

/// A process that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) process: Arc<Process>,
    /// Its parent's pid, by the last word on it.
    pub(super) ppid: Option<u32>,
    pub(super) exe: Option<Bytes>,
    pub(super) argv: Arc<[Bytes]>,
    /// Whether exe and argv are those of an execve that was seen.
    pub(super) is_told: bool,
    /// Whether the process has been looked at, or has made an event at least.
    pub(super) is_met: bool,
    pub(super) start: Start,
    pub(super) position: Position,
    pub(super) first_ms: u64,
    pub(super) has_ended: bool,
    pub(super) context: Context,
    /// Of the context as it is.
    pub(super) version: Version,
    /// The question about its executable's hash whose answer is waited for.
    pub(super) hash_asked: u64,
    /// The same about itself.
    pub(super) asked: u64,
    pub(super) held: usize,
}

impl Known {
    /// A process of which no more is known.
    pub(super) fn new(process: Process, start: Start, position: Position) -> Known {
        Known {
            process: Arc::new(process),
            ppid: None,
            exe: None,
            argv: Arc::new(NO_ARGUMENTS),
            is_told: false,
            is_met: true,
            start,
            position,
            first_ms: 0,
            has_ended: false,
            context: Context::default(),
            version: Version::unique(),
            hash_asked: 0,
            asked: 0,
            held: 0,
        }
    }

    /// Bytes that are held for it, those it shares with others included.
    pub(super) fn weigh(&self) -> usize {
        let text = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len());
        let list = |list: &[Bytes]| list.iter().map(|bytes| bytes.len() + size_of::<Bytes>()).sum::<usize>();
        let parent = self.process.parent.as_ref().map_or(0, |parent| text(&parent.exe) + list(&parent.argv));
        let ancestors = self.process.ancestors.iter();
        let ancestors: usize = ancestors.map(|ancestor| text(&ancestor.exe) + size_of::<Ancestor>()).sum();
        let context = &self.context;
        let variables = context.environment.iter();
        let variables: usize = variables.map(|(name, value)| name.len() + value.len() + 32).sum();
        let container = context.container.as_ref().map_or(0, |container| container.id.len());
        let own = text(&self.exe) + list(&self.argv) + text(&context.script) + text(&context.unit);
        size_of::<Known>() + size_of::<Process>() + own + parent + ancestors + variables + container
    }

    /// Whether what the host found is this process.
    pub(super) fn is(&self, found: &Found) -> bool {
        let (known, found) = (self.process.id, found.id);
        known.pid == found.pid
            && match self.start {
                Start::Exact => known.started == found.started,
                Start::Forked => known.started.abs_diff(found.started) <= START_SLACK,
                Start::Seen => found.started <= known.started.saturating_add(START_SLACK),
            }
    }

    /// Whether an event tells the same of its process as is known of this one, where nobody can be asked any more. One that
    /// was not met is known as its parent's image, and may have executed another program.
    pub(super) fn agrees(&self, seen: &Sighting<'_>) -> bool {
        let parent = seen.ppid.is_none() || self.ppid.is_none() || seen.ppid == self.ppid;
        let (known, seen) = (self.exe.as_deref(), seen.exe.as_deref());
        parent && (!self.is_met || known.is_none() || seen.is_none() || known == seen)
    }

    pub(super) fn set_place(&mut self, found: &Found, told: Told) {
        self.context.container = found.place.container.clone().filter(|_| told.container);
        self.context.unit = found.place.unit.clone().filter(|_| told.unit);
    }

    pub(super) fn set_process(&mut self, process: Process, told: Told) {
        self.process = Arc::new(process);
        self.context.process = told.lineage.then(|| self.process.clone());
    }
}
