//! The local API: paths, parameters, answers, limits. Nothing of how either side works.
//!
//! HTTP/1.1 over a unix socket; answers are JSON, streams are one JSON object a line. `docs/api.md` is the reference.

pub mod limits;
pub mod search;

use serde::{Deserialize, Serialize};

/// The version of the API; the first part of every path.
pub const VERSION: u32 = 1;
/// What the daemon is and which version of the API it speaks.
pub const VERSION_PATH: &str = "/v1/version";
/// Kernel, daemon and store in numbers.
pub const STATUS_PATH: &str = "/v1/status";
/// Entries, one a line.
pub const SEARCH_PATH: &str = "/v1/search";
/// How many entries.
pub const COUNT_PATH: &str = "/v1/count";
/// New entries as they come, one a line.
pub const TAIL_PATH: &str = "/v1/tail";
/// Begins a new segment of the log. POST, for administrators.
pub const ROTATE_PATH: &str = "/v1/rotate";
/// Goes on with configuration and program as they are now. POST, for administrators.
pub const RELOAD_PATH: &str = "/v1/reload";
/// The status as OpenMetrics text.
pub const METRICS_PATH: &str = "/metrics";
/// The content type of that text.
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The answer to `/v1/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `ktrail`.
    pub name: String,
    /// The daemon's version.
    pub version: String,
    /// The version of the API.
    pub api: u32,
}

/// The answer to `/v1/count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Entries that match.
    pub count: u64,
}

/// The answer to an administrative call: what was asked for is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Always true.
    pub accepted: bool,
}

/// The body of every answer that is not 200 or 202.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, in words.
    pub error: String,
}

/// A line of `/v1/tail` in place of entries that a slow follower has missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many.
    pub skipped: u64,
}

/// The answer to `/v1/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The kernel's audit subsystem; nothing where it could not be asked.
    pub kernel: Option<Kernel>,
    /// The daemon.
    pub daemon: Daemon,
    /// What has passed through since the start.
    pub counters: Counters,
    /// The mean of the last 10 seconds.
    pub rates: Rates,
    /// What waits between the parts of the daemon.
    #[serde(default)]
    pub queues: Queues,
    /// What is done while more comes than can be stored, and what was left out.
    #[serde(default)]
    pub overload: Overload,
    /// The log.
    pub store: Store,
    /// Processes whose system calls the kernel does not audit; nothing while auditing was never on.
    #[serde(default)]
    pub unseen: Option<Unseen>,
    /// What gets events beside the log.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// What became of the look-ups of what events are stored with besides their records.
    #[serde(default)]
    pub lookups: Lookups,
}

/// Look-ups since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookups {
    /// Names of users and groups.
    pub names: Lookup,
    /// Processes and their login sessions.
    pub processes: Lookup,
    /// Hashes of executables.
    pub executables: Lookup,
}

/// Look-ups of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Answered by what was in memory.
    pub known: u64,
    /// Questions to the host.
    pub asked: u64,
    /// Answers that came.
    pub answered: u64,
    /// Answers that told nothing.
    pub absent: u64,
    /// Events that went without a fact because the answer was not there in time.
    pub late: u64,
    /// Events that went without a fact because too many questions were waiting.
    pub refused: u64,
    /// Facts that were forgotten to make room for others.
    pub forgotten: u64,
}

/// An output beside the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is, as `type` in the configuration.
    #[serde(rename = "type")]
    pub kind: String,
    /// Events delivered.
    pub delivered: u64,
    /// Events not delivered: its queue was full, or it could not take them. The log has them.
    pub dropped: u64,
    /// Events that wait.
    pub waiting: u64,
    /// Consumers that were let go because they were too slow.
    pub clients_dropped: u64,
    /// Why nothing is delivered at present.
    pub failing: Option<String>,
}

/// The kernel's audit status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// 0 off, 1 on, 2 locked until the next boot.
    pub enabled: u32,
    /// On loss: 0 nothing, 1 print, 2 panic.
    pub failure: u32,
    /// The registered daemon.
    pub pid: u32,
    /// Messages a second at most; 0 for no limit.
    pub rate_limit: u32,
    /// Messages queued at most.
    pub backlog_limit: u32,
    /// Messages lost since boot or since the count was reset.
    pub lost: u32,
    /// Messages queued now.
    pub backlog: u32,
    /// Longest time to hold a producer back, in clock ticks.
    pub backlog_wait_time: u32,
    /// Time producers have been held back in all, in clock ticks.
    pub backlog_wait_time_actual: Option<u32>,
}

/// The daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it last refused to go on with its program and configuration as they were then; nothing where it never has.
    #[serde(default)]
    pub refused_ms: Option<u64>,
    /// The log directory.
    pub log_dir: String,
    /// Clients that follow new entries.
    pub followers: u64,
    /// The loopback address and port at which the metrics are; nothing where none is configured.
    #[serde(default)]
    pub metrics: Option<String>,
    /// What the daemon is limited to; nothing where it is not by its own doing.
    #[serde(default)]
    pub confined: Option<Confined>,
}

/// The rights that the daemon has left itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    /// The user it runs as.
    pub user: String,
    /// Its capabilities, as `audit_control`.
    pub capabilities: Vec<String>,
    /// Whether no program that it executes can have more rights.
    pub no_new_privileges: bool,
    /// How far the system calls are limited to those of its list.
    pub calls: Enforced,
    /// How far the paths that can be opened are limited.
    pub paths: Enforced,
}

/// How far a limit holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforced {
    /// Wholly.
    All,
    /// As far as the kernel can.
    Some,
    /// It was not asked for, or the kernel cannot.
    #[default]
    None,
}

/// What has passed through the daemon since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Messages received from the kernel.
    pub messages: u64,
    /// Records among them.
    pub records: u64,
    /// Events made of these.
    pub events: u64,
    /// Events stored.
    pub stored: u64,
    /// Late parts of events.
    pub late: u64,
    /// Records that could not be read and are kept as text.
    pub malformed: u64,
    /// Messages the kernel has lost since the daemon started.
    pub lost: u64,
    /// Serial numbers that never came.
    pub gaps: u64,
    /// Events that were left out because more came than could be stored.
    #[serde(default)]
    pub shed: u64,
    /// For how long the kernel has held producers back, in its clock ticks.
    #[serde(default)]
    pub held_ticks: u64,
    /// Events that could not be stored.
    pub dropped: u64,
    /// Messages from other processes than the kernel, which were dropped.
    pub foreign: u64,
    /// Messages longer than any the kernel should send.
    pub truncated: u64,
}

/// Rates a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Messages received.
    pub messages: f64,
    /// Events stored.
    pub events: f64,
}

/// What waits between the parts of the daemon. What the kernel holds is in [`Kernel::backlog`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queues {
    /// Bytes of messages that were received and wait to be made into events.
    pub received_bytes: u64,
    /// Events that wait for their last record.
    pub open: u64,
    /// Bytes of messages whose events are made and not all written to the log's file.
    #[serde(default)]
    pub unwritten_bytes: u64,
    /// Entries that wait for the slowest follower.
    pub followers: u64,
}

/// What is done while more comes than can be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overload {
    /// What is done.
    pub policy: OverloadPolicy,
    /// What was left out since the daemon started.
    pub shed: Vec<Shed>,
}

/// What is done while more comes than can be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverloadPolicy {
    /// The kernel holds producers back.
    #[default]
    Hold,
    /// The least valuable events are left out.
    Shed,
}

impl OverloadPolicy {
    /// Its name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            OverloadPolicy::Hold => "hold",
            OverloadPolicy::Shed => "shed",
        }
    }
}

/// Events of one type and key that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shed {
    /// The type of their first record.
    #[serde(rename = "type")]
    pub kind: String,
    /// Their keys; empty where they have none.
    pub keys: Vec<String>,
    /// How many.
    pub events: u64,
    /// The time of the earliest in milliseconds since 1970.
    pub since_ms: u64,
    /// The time of the latest.
    pub until_ms: u64,
}

/// Processes that were there before auditing was first switched on: the kernel's rules for system calls do not see them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// How many there are now.
    pub processes: u64,
    /// Whether some of them may be seen all the same: auditing was on before anybody noted when.
    pub at_most: bool,
    /// Since when auditing is known to be on, in milliseconds since 1970; nothing when it is on since boot.
    pub since_ms: Option<u64>,
    /// Some of the processes, the youngest first.
    pub some: Vec<Process>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line, fit for a terminal and cut.
    pub command: String,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Segments, the active one counted.
    pub segments: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The earliest time of an entry in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// The latest.
    pub newest_ms: Option<u64>,
    /// The room for it.
    #[serde(default)]
    pub space: Space,
    /// Why writing fails at present: an error's name such as `ENOSPC`.
    #[serde(default)]
    pub failing: Option<String>,
    /// The last record of the chain of signatures, as `ktrail verify --checkpoint` takes it.
    #[serde(default)]
    pub checkpoint: Option<String>,
}

/// The space on the log's file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes that may still be written; nothing where it was not looked at yet or could not be.
    pub free_bytes: Option<u64>,
    /// Bytes that are to stay free; 0 for any.
    pub least_bytes: u64,
    /// What is done with less.
    pub policy: LowSpace,
    /// Since when there is less, in milliseconds since 1970; nothing while there is enough.
    pub low_since_ms: Option<u64>,
    /// Whether nothing is written for that reason.
    pub holding: bool,
}

/// What is done when space is low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LowSpace {
    /// The oldest segments are removed.
    #[default]
    Rotate,
    /// Nothing is written.
    Hold,
    /// A command is run.
    Run,
    /// A command that stops the system is run.
    Halt,
}

impl LowSpace {
    /// Its name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            LowSpace::Rotate => "rotate",
            LowSpace::Hold => "hold",
            LowSpace::Run => "run",
            LowSpace::Halt => "halt",
        }
    }
}
