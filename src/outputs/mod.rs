//! Outputs beside the log: a text log as auditd's, plugins of auditd's dispatcher, syslog, the journal, a socket.
//!
//! The storing thread offers each entry to the [`Tap`], which never waits: every output has a queue with a limit and a
//! thread of its own. What finds its queue full is not delivered, is counted, and told as an event. What is in a queue
//! when the process ends without order is not delivered either: the log has it.

pub mod error;
pub mod form;
pub mod journal;
pub mod plugin;
pub mod plugin_file;
pub mod socket;
pub mod state;
pub mod syslog;
pub mod tap;
pub mod text_log;
mod worker;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::query::filter::Filter;

use state::{State, Stop};
use tap::Tap;
use worker::{Destination, Worker};

/// How long an output may take to end when its time is over: a plugin gets SIGTERM, and a moment for it.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// One output.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, unique.
    pub name: String,
    /// Which events it gets; all of them without one.
    pub filter: Option<Filter>,
    /// Events that wait for it at most.
    pub queue_events: usize,
    /// What it is.
    pub kind: Kind,
}

/// What an output is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text log as auditd writes it.
    TextLog(text_log::Config),
    /// A program that reads records on its standard input.
    Plugin(plugin::Config),
    /// The plugins that the files of a directory name.
    Plugins(Plugins),
    /// A receiver of syslog messages.
    Syslog(syslog::Config),
    /// systemd's journal.
    Journal(journal::Config),
    /// A unix socket to which consumers connect.
    Socket(socket::Config),
}

/// A directory of files that each name a plugin, as auditd's `plugins.d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugins {
    /// The directory.
    pub dir: PathBuf,
    /// Whether records have the names of ENRICHED.
    pub enriched: bool,
    /// How often one of them is started anew at most.
    pub restarts_max: u32,
}

impl Kind {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::TextLog(_) => "log",
            Kind::Plugin(_) => "plugin",
            Kind::Plugins(_) => "plugins",
            Kind::Syslog(_) => "syslog",
            Kind::Journal(_) => "journal",
            Kind::Socket(_) => "socket",
        }
    }

    fn destination(self) -> Option<Box<dyn Destination>> {
        Some(match self {
            Kind::TextLog(config) => Box::new(text_log::TextLog::new(config)),
            Kind::Plugin(config) => Box::new(plugin::Plugin::new(config)),
            Kind::Plugins(_) => return None,
            Kind::Syslog(config) => Box::new(syslog::Syslog::new(config)),
            Kind::Journal(config) => Box::new(journal::Journal::new(config)),
            Kind::Socket(config) => Box::new(socket::Socket::new(config)),
        })
    }
}

/// The outputs at work.
pub struct Outputs {
    stop: Arc<Stop>,
    states: Vec<Arc<State>>,
    threads: Vec<JoinHandle<()>>,
}

impl Outputs {
    /// Starts the outputs, each on a thread of its own. What cannot be reached yet is tried again and again; an error is
    /// only a thread that the system does not give.
    pub fn start(configs: Vec<Config>) -> std::io::Result<(Outputs, Tap)> {
        let mut outputs = Outputs { stop: Arc::default(), states: Vec::new(), threads: Vec::new() };
        let mut tap = Tap::default();
        for config in configs.into_iter().flat_map(expand) {
            let state = Arc::new(State::new(config.name, config.kind.name()));
            outputs.states.push(state.clone());
            let (sender, queue) = bounded(config.queue_events);
            tap.add(sender, config.filter, state.clone());
            let Some(destination) = config.kind.destination() else { continue };
            let worker = Worker::new(destination, state.clone(), outputs.stop.clone());
            let name = format!("out-{}", state.name());
            outputs.threads.push(std::thread::Builder::new().name(name).spawn(move || worker.run(&queue))?);
        }
        Ok((outputs, tap))
    }

    /// What becomes of each.
    pub fn states(&self) -> Vec<Arc<State>> {
        self.states.clone()
    }

    /// Delivers what waits, for so long at most, and ends all outputs. To be called when the [`Tap`] is gone. A thread that
    /// does not end, because a file system hangs for instance, is left behind.
    pub fn end(self, within: Duration) {
        let until = Instant::now() + within;
        self.stop.at(until);
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() >= until + GRACE {
                return tracing::error!("an output does not end, and is left behind");
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// An output for each plugin of a directory.
fn expand(config: Config) -> Vec<Config> {
    let Kind::Plugins(plugins) = &config.kind else { return vec![config] };
    let mut found = Vec::new();
    let (files, problems) = plugin_file::read_dir(&plugins.dir);
    problems.iter().for_each(|problem| tracing::error!("output {}: {problem}", config.name));
    for (name, file) in files.into_iter().filter(|(_, file)| file.active) {
        if file.is_builtin() {
            tracing::error!(
                "output {}: {name}: a plugin built into auditd; an output of type socket or syslog does the same",
                config.name
            );
            continue;
        }
        let kind = Kind::Plugin(plugin::Config {
            path: file.path,
            arguments: file.arguments,
            framing: file.framing,
            enriched: plugins.enriched,
            restarts_max: plugins.restarts_max,
        });
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .collect();
        found.push(Config { name: format!("{}.{name}", config.name), kind, ..config.clone() });
    }
    if found.is_empty() {
        tracing::warn!("output {}: no active plugin in {}", config.name, plugins.dir.display());
    }
    found
}
