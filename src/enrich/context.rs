//! What is told of an event's process besides its records.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes as the host gave them, which need not be UTF-8.
pub type Bytes = Arc<[u8]>;

/// What was known of the process that an event is of, when the event was stored. Each part is absent where it was not
/// known or not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The process and those it descends from.
    pub process: Option<Arc<Process>>,
    /// The path of the script that the executable interprets.
    pub script: Option<Bytes>,
    /// What the executable's file held.
    pub hash: Option<Sha256>,
    /// Environment variables that the program began with, those of them that were asked for.
    pub environment: Vec<(Bytes, Bytes)>,
    /// The container it is in.
    pub container: Option<Container>,
    /// The systemd unit it belongs to, such as `sshd.service`.
    pub unit: Option<Bytes>,
    /// The login session it belongs to.
    pub login: Option<Arc<Login>>,
}

impl Context {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Context::default()
    }
}

/// A number that one state of one context has, and nothing else in this program: what is made of the context can be kept
/// under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(u64);

impl Version {
    /// That of a context which is not written a second time: it is not worth keeping.
    pub const ONCE: Version = Version(u64::MAX);

    /// One that was not given before.
    pub fn unique() -> Version {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Version(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// It as a number: these are given in ascending order.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// What tells a process from all others of one boot: a pid alone is given again after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// When it was started, in hundredths of a second since boot: the 22nd field of `/proc/PID/stat`.
    pub started: u64,
    /// Its pid, in the first pid namespace.
    pub pid: u32,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.started, self.pid)
    }
}

/// A text is not `STARTED-PID`, two decimal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a process id is the time of its start in hundredths of a second since boot, a hyphen and the pid")]
pub struct NotAProcessId;

impl FromStr for ProcessId {
    type Err = NotAProcessId;

    fn from_str(text: &str) -> Result<ProcessId, NotAProcessId> {
        let (started, pid) = text.split_once('-').ok_or(NotAProcessId)?;
        let id = ProcessId {
            started: started.parse().map_err(|_| NotAProcessId)?,
            pid: pid.parse().map_err(|_| NotAProcessId)?,
        };
        // One process has one text: neither a sign nor zeros in front.
        (id.to_string() == text).then_some(id).ok_or(NotAProcessId)
    }
}

/// A process and those it descends from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The process.
    pub id: ProcessId,
    /// The process that started it.
    pub parent: Option<Parent>,
    /// The grandparent, its parent, and so on.
    pub ancestors: Vec<Ancestor>,
}

/// The process that started another, as it was when the other was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The process.
    pub id: ProcessId,
    /// Its executable's path.
    pub exe: Option<Bytes>,
    /// The arguments it was executed with; empty where they are not known.
    pub argv: Arc<[Bytes]>,
}

/// A process further up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// The process.
    pub id: ProcessId,
    /// Its executable's path.
    pub exe: Option<Bytes>,
}

/// The SHA-256 of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// What its runtime calls it: mostly 64 hexadecimal digits, for LXC and nspawn its name.
    pub id: Bytes,
    /// What runs it, where the control group tells.
    pub runtime: Option<Runtime>,
}

/// What runs a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// Podman, or another user of its library.
    Podman,
    /// containerd, mostly for Kubernetes.
    Containerd,
    /// CRI-O.
    Crio,
    /// LXC.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// Each with its name.
    pub const ALL: [(Runtime, &'static str); 6] = [
        (Runtime::Docker, "docker"),
        (Runtime::Podman, "podman"),
        (Runtime::Containerd, "containerd"),
        (Runtime::Crio, "crio"),
        (Runtime::Lxc, "lxc"),
        (Runtime::Nspawn, "nspawn"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Runtime::ALL.iter().find(|(runtime, _)| *runtime == self).map_or("", |(_, name)| name)
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Runtime> {
        Runtime::ALL.iter().find(|(_, known)| *known == name).map(|(runtime, _)| *runtime)
    }
}

/// Where a process belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The container, by the deepest control group that names one.
    pub container: Option<Container>,
    /// The unit of the system's service manager.
    pub unit: Option<Bytes>,
}

/// A login session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Its number, the kernel's `ses`.
    pub session: u32,
    /// The account's name.
    pub user: Option<Bytes>,
    /// The login uid.
    pub uid: Option<u32>,
    /// The address, or the name, of the host that the user came from.
    pub address: Option<Bytes>,
    /// The terminal, without `/dev/`.
    pub terminal: Option<Bytes>,
    /// When it began, in milliseconds since 1970.
    pub time_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_has_one_text() {
        let id = ProcessId { started: 123_456, pid: 78 };
        assert_eq!(id.to_string(), "123456-78");
        assert_eq!("123456-78".parse(), Ok(id));
        for wrong in ["", "-", "1", "1-", "-1", "1-2-3", "+1-2", "01-2", "1-02", "1- 2", "1-4294967296"] {
            assert_eq!(wrong.parse::<ProcessId>(), Err(NotAProcessId), "{wrong}");
        }
    }
}
