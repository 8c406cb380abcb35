//! The processes that are known: learned from events, and from what the host says where these do not tell.
//!
//! Does no I/O. A process is known by its pid for as long as that cannot have been given to another.

use std::num::NonZeroUsize;
use std::sync::Arc;

use foldhash::fast::RandomState;
use lru::LruCache;

use super::context::{Ancestor, Bytes, Context, Login, Parent, Process, ProcessId, Sha256, Version};
use super::counts::Tally;
use super::host::Found;
use super::known::{Acquaintance, Known, Looked, Moment, NO_ARGUMENTS, START_SLACK, Start, Told};
use super::limits::{HELD_BYTES_MAX, PROCESSES_MAX};
use super::rounds::Position;
use super::sighting::{Act, Sighting};

/// The table.
pub(super) struct Table {
    known: LruCache<u32, Known, RandomState>,
    held: usize,
    told: Told,
    /// Where is counted what was forgotten.
    tally: Arc<Tally>,
}

impl Table {
    pub(super) fn new(told: Told, tally: Arc<Tally>) -> Table {
        let most = NonZeroUsize::new(PROCESSES_MAX).expect("the limit is above 0");
        Table { known: LruCache::with_hasher(most, RandomState::default()), held: 0, told, tally }
    }

    /// How well the process of an event is known.
    #[inline]
    pub(super) fn meet(&mut self, seen: &Sighting<'_>, now: Position) -> Acquaintance {
        let Some(known) = self.known.get_mut(&seen.pid) else { return Acquaintance::Stranger };
        if known.position.may_be_given_again(seen.pid, now) {
            return if known.has_ended { Acquaintance::Stranger } else { Acquaintance::Doubtful };
        }
        if !known.is_met {
            return Acquaintance::ByFork;
        }
        match (&known.exe, &seen.exe) {
            // What it executes is told by the event of the execution.
            _ if seen.act == Act::Execute => Acquaintance::Known,
            (Some(known), Some(seen)) if **known != **seen => Acquaintance::Changed,
            _ => Acquaintance::Known,
        }
    }

    /// Whether a process is known well enough to be a parent without being looked at: its pid is its own, and its program
    /// is that of an execve that was seen.
    pub(super) fn is_sure(&self, pid: u32, now: Position) -> bool {
        self.known
            .peek(&pid)
            .is_some_and(|known| known.is_told && !known.position.may_be_given_again(pid, now))
    }

    /// Takes in an event's process with what the host says of it; `asked` is the number of the question, if its answer is
    /// still to come.
    pub(super) fn settle(
        &mut self,
        seen: &Sighting<'_>,
        (how, looked): (Acquaintance, Looked),
        asked: u64,
        now: Moment,
    ) {
        let is_known = match (how, self.known.peek(&seen.pid), &looked.found) {
            (Acquaintance::Stranger, ..) | (_, None, _) => false,
            (Acquaintance::Known | Acquaintance::Changed, Some(_), _) => true,
            (Acquaintance::ByFork | Acquaintance::Doubtful, Some(known), Some(found)) => known.is(found),
            (Acquaintance::ByFork | Acquaintance::Doubtful, Some(known), None) => known.agrees(seen),
        };
        if !is_known {
            self.forget(seen.pid);
            self.add(seen, &looked, now);
        }
        let exe = seen.exe.as_deref();
        self.change(seen.pid, |known, _| {
            known.asked = asked;
            known.is_met = true;
            known.position = now.position;
            known.ppid = seen.ppid.or(known.ppid);
            if how == Acquaintance::Changed || exe.is_some() && known.exe.as_deref() != exe {
                known.exe = exe.map(Bytes::from);
                known.argv = Arc::new(NO_ARGUMENTS);
                known.is_told = false;
                known.context.script = None;
                known.context.hash = None;
                known.context.environment = Vec::new();
            }
        });
        if let Some(found) = looked.found {
            self.confirm(&found);
        }
    }

    /// Takes in an answer that came late.
    pub(super) fn settle_late(&mut self, pid: u32, asked: u64, looked: Looked, now: Moment) {
        let Some(known) = self.known.peek(&pid).filter(|known| known.asked == asked) else { return };
        if looked.found.as_ref().is_some_and(|found| !known.is(found)) {
            return;
        }
        let (id, ppid) = (known.process.id, known.ppid.or(looked.found.as_ref().map(|found| found.parent)));
        if known.process.parent.is_none()
            && let Some(ppid) = ppid
        {
            self.learn_up(&looked.up, now);
            let (parent, ancestors) = self.lineage(ppid, id.started, now.position);
            self.change(pid, |known, told| known.set_process(Process { id, parent, ancestors }, told));
        }
        if let Some(found) = looked.found {
            self.confirm(&found);
        }
    }

    /// A process that was not known, below its parent.
    fn add(&mut self, seen: &Sighting<'_>, looked: &Looked, now: Moment) {
        let found = looked.found.as_ref();
        let estimate = now.started(seen.time_ms);
        let found = found.filter(|found| found.id.started <= estimate.saturating_add(START_SLACK));
        let id = found.map_or(ProcessId { started: estimate, pid: seen.pid }, |found| found.id);
        // The event is the older word: a process gets another parent when its own ends.
        let ppid = seen.ppid.or(found.map(|found| found.parent));
        self.learn_up(&looked.up, now);
        let (parent, ancestors) = match ppid.filter(|ppid| *ppid != 0) {
            Some(ppid) => self.lineage(ppid, id.started, now.position),
            None => (None, Vec::new()),
        };
        // A control group is inherited.
        let inherited = parent.as_ref().and_then(|parent| self.known.peek(&parent.id.pid));
        let mut context = Context::default();
        if let Some(known) = inherited.filter(|_| found.is_none()) {
            context.container.clone_from(&known.context.container);
            context.unit.clone_from(&known.context.unit);
        }
        let start = if found.is_some() { Start::Exact } else { Start::Seen };
        self.insert(Known {
            ppid,
            exe: seen.exe.as_deref().map(Bytes::from),
            first_ms: seen.time_ms,
            context,
            ..Known::new(Process { id, parent, ancestors }, start, now.position)
        });
    }

    /// Takes in those above a process, so that each is known with its own.
    fn learn_up(&mut self, up: &[Found], now: Moment) {
        for found in up.iter().rev() {
            let same = self.known.peek(&found.id.pid).is_some_and(|known| known.is(found));
            if !same {
                self.forget(found.id.pid);
                let (parent, ancestors) = self.lineage(found.parent, found.id.started, now.position);
                let process = Process { id: found.id, parent, ancestors };
                self.insert(Known {
                    ppid: Some(found.parent),
                    first_ms: now.boot_ms.saturating_add(found.id.started.saturating_mul(10)),
                    ..Known::new(process, Start::Exact, now.position)
                });
            }
            // It may have executed another program without an event.
            self.change(found.id.pid, |known, _| {
                known.position = now.position;
                if !known.is_told && found.exe.is_some() && found.exe != known.exe {
                    known.exe.clone_from(&found.exe);
                    known.argv = found.argv.clone();
                    known.context.script = None;
                    known.context.hash = None;
                }
            });
            self.confirm(found);
        }
    }

    /// Parent and ancestors of a process that `ppid` has started, as far as they are known.
    fn lineage(&self, ppid: u32, started: u64, now: Position) -> (Option<Parent>, Vec<Ancestor>) {
        let Some(known) = self.known.peek(&ppid) else { return (None, Vec::new()) };
        let process = &known.process;
        // Nobody is older than the parent: that is one who got the pid later.
        let is_younger = process.id.started > started.saturating_add(START_SLACK);
        if is_younger || known.position.may_be_given_again(ppid, now) {
            return (None, Vec::new());
        }
        let parent = Parent { id: process.id, exe: known.exe.clone(), argv: known.argv.clone() };
        let grandparent =
            process.parent.iter().map(|parent| Ancestor { id: parent.id, exe: parent.exe.clone() });
        let ancestors = grandparent.chain(process.ancestors.iter().cloned());
        (Some(parent), ancestors.take(self.told.ancestors).collect())
    }

    /// Takes over what the host says of a process that is known.
    fn confirm(&mut self, found: &Found) {
        self.change(found.id.pid, |known, told| {
            if !known.is(found) {
                return;
            }
            if known.process.id != found.id {
                let process = Process { id: found.id, ..(*known.process).clone() };
                known.set_process(process, told);
            }
            known.start = Start::Exact;
            known.set_place(found, told);
            // Where it has executed another program since the event, this tells nothing of the one of the event.
            let is_same = found.exe.is_none() || known.exe.is_none() || found.exe == known.exe;
            if is_same && !known.is_told {
                known.exe = known.exe.take().or_else(|| found.exe.clone());
                known.argv = found.argv.clone();
            }
            if is_same {
                known.context.environment.clone_from(&found.environment);
            }
        });
    }

    /// A process has made another one.
    pub(super) fn fork(&mut self, seen: &Sighting<'_>, child: u32, now: Moment) {
        // In a pid namespace of its own the call gives another number, which here is that of a process long known.
        let is_other = self.known.peek(&child).is_some_and(|known| {
            !known.position.may_be_given_again(child, now.position) || known.first_ms >= seen.time_ms
        });
        let Some(parent) = self.known.peek(&seen.pid).filter(|_| !is_other && child != seen.pid) else {
            return;
        };
        let (exe, argv, is_told) = (parent.exe.clone(), parent.argv.clone(), parent.is_told);
        let id = ProcessId { started: now.started(seen.time_ms), pid: child };
        let context = Context { login: None, ..parent.context.clone() };
        let (parent, ancestors) = self.lineage(seen.pid, id.started, now.position);
        self.forget(child);
        self.insert(Known {
            ppid: Some(seen.pid),
            exe,
            argv,
            is_told,
            is_met: false,
            first_ms: seen.time_ms,
            context,
            ..Known::new(Process { id, parent, ancestors }, Start::Forked, now.position.with_new(child))
        });
    }

    /// A process has executed a program, and an event says which.
    pub(super) fn execute(&mut self, pid: u32, exe: Option<Bytes>, argv: Arc<[Bytes]>) {
        self.change(pid, |known, _| {
            (known.exe, known.argv, known.is_told) = (exe, argv, true);
            known.context.script = None;
            known.context.hash = None;
        });
    }

    /// A process has ended.
    pub(super) fn end(&mut self, pid: u32) {
        if let Some(known) = self.known.peek_mut(&pid) {
            known.has_ended = true;
        }
    }

    pub(super) fn set_script(&mut self, pid: u32, script: Option<Bytes>) {
        self.change(pid, |known, _| known.context.script = script);
    }

    pub(super) fn expect_hash(&mut self, pid: u32, number: u64) {
        self.change(pid, |known, _| known.hash_asked = number);
    }

    /// Keeps an executable's hash, unless another program has been executed since it was asked for.
    pub(super) fn set_hash(&mut self, pid: u32, number: u64, hash: Option<Sha256>) {
        self.change(pid, |known, _| {
            if known.hash_asked == number {
                known.context.hash = hash;
            }
        });
    }

    /// What is told of a process, with its login session.
    #[inline]
    pub(super) fn context(&mut self, pid: u32, login: Option<&Arc<Login>>) -> Option<(&Context, Version)> {
        let known = self.known.peek_mut(&pid)?;
        let same = match (&known.context.login, login) {
            (Some(known), Some(login)) => Arc::ptr_eq(known, login),
            (None, None) => true,
            _ => false,
        };
        if !same {
            known.context.login = login.cloned();
            known.version = Version::unique();
        }
        Some((&known.context, known.version))
    }

    /// Whether the hash of a process's executable is not known.
    pub(super) fn lacks_hash(&self, pid: u32) -> bool {
        self.known.peek(&pid).is_some_and(|known| known.context.hash.is_none())
    }

    /// Executable and arguments of a process.
    pub(super) fn program(&self, pid: u32) -> Option<(Option<&Bytes>, &Arc<[Bytes]>)> {
        self.known.peek(&pid).map(|known| (known.exe.as_ref(), &known.argv))
    }

    fn change(&mut self, pid: u32, change: impl FnOnce(&mut Known, Told)) {
        let Some(known) = self.known.peek_mut(&pid) else { return };
        change(known, self.told);
        known.version = Version::unique();
        self.held -= known.held;
        known.held = known.weigh();
        self.held += known.held;
        self.make_room();
    }

    fn insert(&mut self, mut known: Known) {
        let (pid, process) = (known.process.id.pid, known.process.clone());
        known.context.process = self.told.lineage.then_some(process);
        known.held = known.weigh();
        self.held += known.held;
        if let Some((other, displaced)) = self.known.push(pid, known) {
            self.held -= displaced.held;
            if other != pid {
                Tally::one(&self.tally.forgotten);
            }
        }
        self.make_room();
    }

    fn forget(&mut self, pid: u32) {
        if let Some(known) = self.known.pop(&pid) {
            self.held -= known.held;
        }
    }

    fn make_room(&mut self) {
        // The one that was taken in last stays in any case.
        while self.held > HELD_BYTES_MAX && self.known.len() > 1 {
            if let Some((_, known)) = self.known.pop_lru() {
                self.held -= known.held;
                Tally::one(&self.tally.forgotten);
            }
        }
    }
}

#[cfg(test)]
mod tests;
