//! What is told of the process of each event: the table of processes, asked and fed.
//!
//! An event whose process is known costs a look-up in the table. One whose process is not waits a bounded time for the
//! thread that looks at `/proc`, and for the one that reads executables.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::asked::Asked;
use super::context::{Bytes, Context, Login, Version};
use super::counts::{Counts, Tally};
use super::hash::{Files, Hashed, Wanted};
use super::host::{Found, Processes};
use super::known::{Acquaintance, Looked, Moment, Told};
use super::rounds::{LOOK_INTERVAL, Position, Rounds};
use super::script::script;
use super::session::Sessions;
use super::sighting::{self, Act, Sighting};
use super::table::Table;
use super::{EnrichError, UNSET};
use crate::event::Event;

/// What is told of an event's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Longest time that one look-up may hold an event back.
    pub wait: Duration,
    /// The process and its parent.
    pub process: bool,
    /// How many ancestors beyond the parent; at most [`super::limits::ANCESTORS_MAX`].
    pub ancestors: usize,
    /// The script behind an interpreter.
    pub script: bool,
    /// The container.
    pub container: bool,
    /// The systemd unit.
    pub unit: bool,
    /// The login session.
    pub login: bool,
    /// The hash of executables of at most so many bytes; `None` for none.
    pub hash_bytes_max: Option<u64>,
    /// These variables of the environment; at most [`super::limits::VARIABLES_MAX`].
    pub environment: Vec<Bytes>,
}

impl Default for Config {
    /// What needs no right beyond those of the audit daemon.
    fn default() -> Config {
        Config {
            wait: Duration::from_millis(20),
            process: true,
            ancestors: 4,
            script: true,
            container: true,
            unit: true,
            login: true,
            hash_bytes_max: None,
            environment: Vec::new(),
        }
    }
}

impl Config {
    /// Whether nothing is told.
    pub fn is_off(&self) -> bool {
        let Config { process, script, container, unit, login, .. } = *self;
        !(process || script || container || unit || login)
            && self.hash_bytes_max.is_none()
            && self.environment.is_empty()
    }
}

/// What the thread that looks at the host is asked.
enum Question {
    Process {
        number: u64,
        pid: u32,
        /// The parent, where the process itself may be gone.
        ppid: Option<u32>,
        /// How many above the process.
        levels: usize,
    },
    Session(u32),
}

/// What it answers.
enum Answer {
    Process { number: u64, pid: u32, looked: Looked, boot_ms: u64 },
    Session { session: u32, login: Option<Login> },
}

/// Tells of the process of each event.
pub struct Observer {
    config: Config,
    table: Table,
    sessions: Sessions,
    host: Asked<Question, Answer>,
    files: Option<Asked<Wanted, Hashed>>,
    position: Arc<AtomicU64>,
    boot_ms: u64,
    /// The number of the last question.
    number: u64,
}

impl Observer {
    /// Starts the threads that look things up.
    pub fn new(
        config: Config,
        processes: Box<dyn Processes + Send>,
        counts: &Counts,
    ) -> Result<Observer, EnrichError> {
        let position = Arc::new(AtomicU64::new(0));
        let boot_ms = processes.boot_ms();
        let shared = position.clone();
        let host =
            Asked::start("processes", config.wait, counts.processes.clone(), move |asked, answers| {
                serve(processes, &shared, asked, answers);
            })?;
        let files = match config.hash_bytes_max {
            Some(bytes_max) => {
                let tally = counts.executables.clone();
                let files = Files::new(PathBuf::from("/proc"), bytes_max, tally.clone());
                let serve = |asked: &_, answers: &_| files.serve(asked, answers);
                Some(Asked::start("hashes", config.wait, tally, serve)?)
            }
            None => None,
        };
        let told = Told {
            lineage: config.process,
            ancestors: config.ancestors,
            container: config.container,
            unit: config.unit,
        };
        let (table, sessions) = (Table::new(told, counts.processes.clone()), Sessions::new());
        Ok(Observer { config, table, sessions, host, files, position, boot_ms, number: 0 })
    }

    /// What is known of the process that the event is of, and its version.
    pub fn context(&mut self, event: &Event) -> Option<(&Context, Version)> {
        while let Some(answer) = self.host.answer() {
            self.keep(answer);
        }
        while let Some(hashed) = self.files.as_mut().and_then(Asked::answer) {
            self.table.set_hash(hashed.pid, hashed.number, hashed.hash);
        }
        if self.config.login {
            self.sessions.learn(event);
        }
        let seen = Sighting::read(event)?;
        match self.table.meet(&seen, self.now().position) {
            // The environment begins anew with each program, and no record tells it.
            Acquaintance::Known if seen.act == Act::Execute && !self.config.environment.is_empty() => {
                self.look(&seen, Acquaintance::Changed);
            }
            Acquaintance::Known => Tally::one(&self.host.tally().known),
            how => self.look(&seen, how),
        }
        match seen.act {
            Act::Execute => self.execute(event, &seen),
            Act::Fork(child) => self.table.fork(&seen, child, self.now()),
            Act::Exit => self.table.end(seen.pid),
            Act::Other => {}
        }
        if !self.config.login || seen.session == UNSET {
            return self.table.context(seen.pid, None);
        }
        if self.sessions.is_new(seen.session, seen.auid) {
            self.look_for_session(seen.session);
        }
        self.table.context(seen.pid, self.sessions.get(seen.session))
    }

    fn now(&self) -> Moment {
        Moment { position: Position(self.position.load(Ordering::Relaxed)), boot_ms: self.boot_ms }
    }

    /// Looks at a process that is not known, or not well enough.
    #[cold]
    fn look(&mut self, seen: &Sighting<'_>, how: Acquaintance) {
        self.number += 1;
        let number = self.number;
        let levels = match seen.ppid {
            _ if !self.config.process || how == Acquaintance::Changed => 0,
            Some(ppid) if self.table.is_sure(ppid, self.now().position) => 0,
            Some(ppid) if self.table.program(ppid).is_some() => 1,
            _ => 1 + self.config.ancestors,
        };
        let question = Question::Process { number, pid: seen.pid, ppid: seen.ppid, levels };
        let is_asked = self.host.ask(question);
        let looked = if is_asked { self.wait_for(number) } else { None };
        let to_come = if is_asked && looked.is_none() { number } else { 0 };
        let looked = looked.unwrap_or_default();
        self.table.settle(seen, (how, looked), to_come, self.now());
        if seen.act != Act::Execute {
            self.tell_script(seen.pid, None);
            if self.table.lacks_hash(seen.pid)
                && let Some(exe) = &seen.exe
            {
                self.ask_hash(seen.pid, exe, Vec::new());
            }
        }
    }

    /// Waits for what was found of a process, and keeps all that comes before it.
    fn wait_for(&mut self, number: u64) -> Option<Looked> {
        let deadline = self.host.deadline()?;
        while let Some(answer) = self.host.answer_until(deadline) {
            match answer {
                Answer::Process { number: of, looked, boot_ms, .. } if of == number => {
                    self.count(looked.found.is_some());
                    self.boot_ms = boot_ms;
                    return Some(looked);
                }
                answer => self.keep(answer),
            }
        }
        None
    }

    fn keep(&mut self, answer: Answer) {
        match answer {
            Answer::Process { number, pid, looked, boot_ms } => {
                self.count(looked.found.is_some());
                self.boot_ms = boot_ms;
                self.table.settle_late(pid, number, looked, self.now());
                self.tell_script(pid, None);
            }
            Answer::Session { login, .. } => {
                self.count(login.is_some());
                login.into_iter().for_each(|login| self.sessions.add(login));
            }
        }
    }

    /// Counts whether the host had an answer.
    fn count(&self, found: bool) {
        if !found {
            Tally::one(&self.host.tally().absent);
        }
    }

    /// Takes in that a process has executed a program.
    fn execute(&mut self, event: &Event, seen: &Sighting<'_>) {
        let argv = sighting::arguments(event);
        let exe = seen.exe.as_deref().map(Bytes::from);
        self.table.execute(seen.pid, exe, argv.into());
        self.tell_script(seen.pid, Some(event));
        if let Some(exe) = &seen.exe {
            self.ask_hash(seen.pid, exe, sighting::inodes(event));
        }
    }

    /// Says which script the process interprets, by the event of its execution if there is one.
    fn tell_script(&mut self, pid: u32, event: Option<&Event>) {
        if !self.config.script {
            return;
        }
        let Some((Some(exe), argv)) = self.table.program(pid) else { return };
        let (executed, directory) = (event.and_then(sighting::executed), event.and_then(sighting::directory));
        let found = script(exe, argv, executed.as_deref(), directory.as_deref());
        if event.is_some() || found.is_some() {
            self.table.set_script(pid, found);
        }
    }

    fn ask_hash(&mut self, pid: u32, exe: &[u8], inodes: Vec<u64>) {
        let Some(files) = &mut self.files else { return };
        self.number += 1;
        let number = self.number;
        if !files.ask(Wanted { number, pid, exe: exe.into(), inodes }) {
            return;
        }
        self.table.expect_hash(pid, number);
        let Some(deadline) = files.deadline() else { return };
        while let Some(hashed) = files.answer_until(deadline) {
            self.table.set_hash(hashed.pid, hashed.number, hashed.hash);
            if hashed.number == number {
                return;
            }
        }
    }

    /// Asks the host about a session.
    #[cold]
    fn look_for_session(&mut self, number: u32) {
        if !self.host.ask(Question::Session(number)) {
            return;
        }
        let Some(deadline) = self.host.deadline() else { return };
        while let Some(answer) = self.host.answer_until(deadline) {
            let is_it = matches!(answer, Answer::Session { session, .. } if session == number);
            self.keep(answer);
            if is_it {
                return;
            }
        }
    }
}

/// Looks at the host until nobody asks any more.
fn serve(
    mut host: Box<dyn Processes + Send>,
    position: &AtomicU64,
    asked: &Receiver<Question>,
    answers: &Sender<Answer>,
) {
    let mut rounds = Rounds::default();
    loop {
        let question = asked.recv_timeout(LOOK_INTERVAL);
        let answer = match question {
            Ok(Question::Process { number, pid, ppid, levels }) => {
                let looked = look(&mut *host, pid, ppid, levels);
                Some(Answer::Process { number, pid, looked, boot_ms: host.boot_ms() })
            }
            Ok(Question::Session(session)) => Some(Answer::Session { session, login: host.session(session) }),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // After the look: the pids that were seen had been given by then.
        if let Some(last_pid) = host.last_pid() {
            position.store(rounds.saw(last_pid, Instant::now()).0, Ordering::Relaxed);
        }
        if answer.is_some_and(|answer| answers.send(answer).is_err()) {
            return;
        }
    }
}

/// A process and so many above it.
fn look(host: &mut dyn Processes, pid: u32, ppid: Option<u32>, levels: usize) -> Looked {
    let found = host.process(pid);
    let mut up: Vec<Found> = Vec::new();
    let mut next = ppid.or(found.as_ref().map(|found| found.parent));
    for _ in 0..levels {
        let Some(parent) = next.filter(|pid| *pid != 0).and_then(|pid| host.process(pid)) else { break };
        next = Some(parent.parent);
        up.push(parent);
    }
    Looked { found, up }
}

#[cfg(test)]
mod tests;
