//! What was done in one session, as a tree of its processes.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::interpret::arguments;
use crate::interpret::context::decimal;
use crate::interpret::inside;
use crate::record::RecordType;
use crate::record::fields::find;

use super::particulars::Particulars;

/// Processes of one session that are kept; what others did is counted with none.
pub const PROCESSES_MAX: usize = 1 << 16;
/// Programs that one process runs one after the other and that are kept.
const PROGRAMS_MAX: usize = 64;

/// A session's processes.
#[derive(Clone, Debug, Default)]
pub struct Session {
    processes: BTreeMap<u32, Process>,
    others: u64,
}

/// One process: what the events of one pid say. A pid that is used again within the session is the same process here.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// The parent's pid, where an event tells it.
    pub parent: Option<u32>,
    /// The programs it ran, in their order: the command line, or the command's name.
    pub programs: Vec<Vec<u8>>,
    /// Its events.
    pub events: u64,
    /// Those that failed.
    pub failed: u64,
    /// The first and the last, in milliseconds since 1970.
    pub time_ms: (u64, u64),
}

impl Session {
    /// Takes an event of the session.
    pub fn take(&mut self, event: &Event, said: &Particulars<'_>) {
        let Some(pid) = said.pid else {
            self.others += 1;
            return;
        };
        if !self.processes.contains_key(&pid) && self.processes.len() >= PROCESSES_MAX {
            self.others += 1;
            return;
        }
        let time_ms = event.id.time_ms;
        let new = || Process { time_ms: (time_ms, time_ms), ..Process::default() };
        let process = self.processes.entry(pid).or_insert_with(new);
        process.events += 1;
        process.failed += u64::from(said.outcome == Some(false));
        process.time_ms = (process.time_ms.0.min(time_ms), process.time_ms.1.max(time_ms));
        process.parent = process.parent.or_else(|| parent(event));
        let program = match command_line(event) {
            Some(line) if said.outcome != Some(false) => Some(line),
            _ if process.programs.is_empty() => {
                said.comm.as_deref().or(said.exe.as_deref()).map(<[u8]>::to_vec)
            }
            _ => None,
        };
        if let Some(program) = program
            && process.programs.len() < PROGRAMS_MAX
        {
            process.programs.push(program);
        }
    }

    /// Every process with its depth in the tree, parents before their children. A process whose parent is not of the
    /// session is at depth 0.
    pub fn tree(&self) -> Vec<(usize, u32, &Process)> {
        let mut children: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        for (pid, process) in &self.processes {
            let parent = process.parent.filter(|parent| parent != pid && self.processes.contains_key(parent));
            children.entry(parent).or_default().push(*pid);
        }
        for list in children.values_mut() {
            list.sort_by_key(|pid| self.processes.get(pid).map(|process| (process.time_ms.0, *pid)));
        }
        let mut tree = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<(usize, u32)> = Vec::new();
        // Pids that are each other's parents, by reuse, hang on nothing: they follow as roots of their own.
        for root in children.get(&None).into_iter().flatten().chain(self.processes.keys()) {
            open.push((0, *root));
            while let Some((depth, pid)) = open.pop() {
                let Some(process) = self.processes.get(&pid).filter(|_| seen.insert(pid)) else { continue };
                tree.push((depth, pid, process));
                let below = children.get(&Some(pid)).into_iter().flatten().rev();
                open.extend(below.map(|child| (depth + 1, *child)));
            }
        }
        tree
    }

    /// Events without a process, and those of processes for which there was no room.
    pub fn others(&self) -> u64 {
        self.others
    }
}

fn parent(event: &Event) -> Option<u32> {
    event.records().find_map(|(_, body)| {
        let value = find(body, b"ppid")?;
        u32::try_from(decimal(inside(&value))?).ok()
    })
}

/// The arguments of an execve, parted by blanks.
fn command_line(event: &Event) -> Option<Vec<u8>> {
    let bodies = event.records().filter(|(kind, _)| *kind == RecordType::EXECVE).map(|(_, body)| body);
    let arguments = arguments::of_records(bodies);
    (!arguments.list.is_empty()).then(|| arguments.list.join(&b' '))
}
