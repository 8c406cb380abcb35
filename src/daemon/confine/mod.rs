//! What the daemon gives up before it reads the first byte from outside: capabilities, new privileges, system calls, paths.
//!
//! All of it holds for a thread and for what it starts, so it is done while there is one thread. A program that is executed
//! in this one's place has the same rights and no way to more; it is told which they are and does not give them up again
//! (the kernel keeps at most 16 layers of Landlock). One that needs others says so and has to be started anew.

mod calls;
mod capabilities;
mod paths;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use caps::Capability;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl;
use nix::unistd::{Gid, Group, User, getegid, geteuid, getgroups, setgroups};
use serde::{Deserialize, Serialize};

use crate::config::{Config, ConfineMode};
use crate::outputs::Kind;
use crate::protocol::{Confined, Enforced};
use crate::store::Store;

/// The variable in which a program is told what the process that executes it, or its parent, has kept.
const KEPT: &str = "KTRAIL_CONFINED";

/// The capabilities that are always kept, as far as the process has them: to be the audit daemon and change rules, to
/// read along while the registration is changed, and to load a rule about a path in a directory that is closed to
/// others, which the kernel looks up with the rights of whoever loads the rule. What may be opened is limited all the
/// same: paths are.
const CAPABILITIES: [Capability; 3] =
    [Capability::CAP_AUDIT_CONTROL, Capability::CAP_AUDIT_READ, Capability::CAP_DAC_READ_SEARCH];

/// What is read besides the configuration, where it is there: users and groups and whatever answers for them, libraries,
/// time zones, processes.
const READ: [&str; 7] = ["/etc", "/usr", "/lib", "/lib64", "/proc", "/run", "/var/lib/sss"];
/// Devices that programs and libraries take for granted.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/zero"];
/// What the loader needs to execute any program.
const LIBRARIES: [&str; 4] = ["/usr/lib", "/lib", "/lib64", "/usr/lib64"];
/// What a configured command may execute.
const PROGRAMS: [&str; 4] = ["/usr", "/bin", "/sbin", "/opt"];

/// What the daemon needs with one configuration.
#[derive(Clone, Debug)]
pub struct Rights {
    mode: ConfineMode,
    limit_paths: bool,
    capabilities: BTreeSet<u8>,
    /// Groups that files and the socket are given to.
    groups: BTreeSet<u32>,
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
    execute: BTreeSet<PathBuf>,
    /// Where metrics are served.
    port: Option<u16>,
    /// Whether sockets of IP are used for more than that.
    network: bool,
    /// Whether system calls are limited: what the daemon starts has no more than it has itself.
    limit_calls: bool,
}

/// What a process has kept, for the one that comes after it or asks on its behalf.
#[derive(Serialize, Deserialize)]
struct Memory {
    pid: u32,
    confined: Confined,
    rights: BTreeSet<String>,
    /// What is still to be told.
    notes: Vec<String>,
}

/// What a process has kept.
#[derive(Debug)]
pub struct Confinement {
    confined: Option<Confined>,
    rights: BTreeSet<String>,
    notes: Vec<String>,
    takes_execution: bool,
}

impl Rights {
    /// What this configuration, read from `file`, asks for.
    pub fn of(config: &Config, file: &Path) -> Rights {
        let settings = &config.confine;
        let mut read: BTreeSet<PathBuf> = READ.iter().chain(&DEVICES).map(PathBuf::from).collect();
        read.extend(settings.read.iter().chain(&config.rules_dirs).cloned());
        read.extend(parent(file));
        let mut write: BTreeSet<PathBuf> = settings.write.iter().cloned().collect();
        write.extend([config.store.dir.clone(), PathBuf::from("/dev/null")]);
        write.extend(config.diagnostics.dir.clone());
        write.extend(parent(&config.socket));
        let mut execute: BTreeSet<PathBuf> = LIBRARIES.iter().map(PathBuf::from).collect();
        execute.extend(settings.execute.iter().cloned());
        // The directory and not the file: an upgrade puts another file there.
        execute.extend(env::current_exe().ok().as_deref().and_then(parent));
        if let Some(command) = config.space.policy.command() {
            execute.extend(PROGRAMS.iter().map(PathBuf::from));
            execute.extend(command.first().map(PathBuf::from));
        }
        let own = CAPABILITIES.iter().map(Capability::index);
        let mut rights = Rights {
            mode: settings.mode,
            limit_paths: settings.limit_paths,
            capabilities: own.chain(settings.capabilities.iter().copied()).collect(),
            groups: [config.groups.readers, config.store.group]
                .into_iter()
                .flatten()
                .map(Gid::as_raw)
                .collect(),
            read,
            write,
            execute,
            port: config.metrics.map(|address| address.port()),
            network: false,
            limit_calls: true,
        };
        rights.tell_of_processes(config);
        config.outputs.iter().for_each(|output| rights.output(&output.kind));
        rights
    }

    /// Adds what looking into processes needs: any executable may have to be hashed, and of other users' processes the
    /// environment is shown to those only who may trace them.
    fn tell_of_processes(&mut self, config: &Config) {
        let looks_inside = !config.enrich.environment.is_empty();
        self.limit_paths &= !looks_inside && config.enrich.hash_bytes_max.is_none();
        self.capabilities.extend(looks_inside.then(|| Capability::CAP_SYS_PTRACE.index()));
    }

    /// Adds what an output needs. A plugin may need anything.
    fn output(&mut self, kind: &Kind) {
        match kind {
            Kind::TextLog(log) => {
                self.write.extend(parent(&log.path));
                self.groups.extend(log.group.map(Gid::as_raw));
            }
            Kind::Socket(socket) => {
                self.write.extend(parent(&socket.path));
                self.groups.extend(socket.group.map(Gid::as_raw));
            }
            Kind::Plugin(_) | Kind::Plugins(_) => {
                self.limit_paths = false;
                self.limit_calls = false;
            }
            Kind::Syslog(_) => self.network = true,
            Kind::Journal(_) => {}
        }
    }

    /// One text for each right, for comparison.
    fn texts(&self) -> BTreeSet<String> {
        if self.mode == ConfineMode::Off {
            return BTreeSet::from(["everything".to_owned()]);
        }
        let calls = format!("system calls of list {}", calls::LIST);
        let mut texts =
            BTreeSet::from([if self.limit_calls { calls } else { "every system call".to_owned() }]);
        texts.extend(self.network.then(|| "sockets of IP".to_owned()));
        texts.extend(
            self.capabilities.iter().map(|index| format!("the capability {}", capabilities::name(*index))),
        );
        texts.extend(self.groups.iter().map(|group| format!("the group {group}")));
        texts.extend(self.port.map(|port| format!("port {port}")));
        if !self.limit_paths {
            texts.insert("every path".to_owned());
        }
        for (verb, paths) in [("read", &self.read), ("write", &self.write), ("execute", &self.execute)] {
            texts.extend(paths.iter().map(|path| format!("to {verb} {path:?}")));
        }
        texts
    }

    /// Gives up all else, in this thread and those it starts. To be called while there is no other.
    ///
    /// Must come after the sockets that need more: [`crate::netlink::takeover::Successor`].
    pub fn keep(&self, config: &Config) -> anyhow::Result<Confinement> {
        let rights = self.texts();
        if let Some(memory) = Memory::of(std::process::id()) {
            let Memory { confined, rights, notes, .. } = memory;
            let confined = Some(Confined { capabilities: capabilities::held()?, ..confined });
            return Ok(Confinement { confined, rights, notes, takes_execution: false });
        }
        if self.mode == ConfineMode::Off {
            return Ok(Confinement { confined: None, rights, notes: Vec::new(), takes_execution: false });
        }
        make_directories(config)?;
        let mut notes = Vec::new();
        notes.extend(self.join_groups().err().map(|error| format!("{error:#}")));
        let kept = capabilities::keep(&self.capabilities).context("cannot give up capabilities")?;
        notes.extend(kept.missing);
        prctl::set_no_new_privs().context("cannot give up new privileges")?;
        let paths = match self.limit_paths {
            true => paths::limit(self).context("cannot limit the paths")?,
            false => Enforced::None,
        };
        let calls = match self.limit_calls {
            true => {
                calls::filter(self.network || self.port.is_some()).context("cannot limit the system calls")?
            }
            false => Enforced::None,
        };
        let is_asked = [(calls, self.limit_calls, "system calls"), (paths, self.limit_paths, "paths")];
        for (enforced, _, what) in
            is_asked.into_iter().filter(|(enforced, asked, _)| *asked && *enforced != Enforced::All)
        {
            let how = if enforced == Enforced::Some { "only in part" } else { "not" };
            let note = format!("{what} are {how} limited: this kernel cannot");
            if self.mode == ConfineMode::Required {
                bail!("{note}, and confine.mode is \"required\"");
            }
            notes.push(note);
        }
        let confined = Confined {
            user: user(),
            capabilities: capabilities::held()?,
            no_new_privileges: prctl::get_no_new_privs().unwrap_or(false),
            calls,
            paths,
        };
        Ok(Confinement { confined: Some(confined), rights, notes, takes_execution: kept.takes_execution })
    }

    /// Whether this process can give files to the groups that the configuration names. The error says what is missing.
    pub(in crate::daemon) fn check_groups(&self) -> anyhow::Result<()> {
        for group in self.groups.iter().map(|group| Gid::from_raw(*group)).filter(|group| *group != getegid())
        {
            let file = memfd_create("group", MFdFlags::MFD_CLOEXEC)?;
            fchown(file, None, Some(group.as_raw())).with_context(|| {
                let name = Group::from_gid(group)
                    .ok()
                    .flatten()
                    .map_or_else(|| group.to_string(), |group| group.name);
                format!("cannot give files to the group {name}: see readers in ktrail.toml(5)")
            })?;
        }
        Ok(())
    }

    /// What this configuration needs and the process that has started this one has given up.
    pub(in crate::daemon) fn missing_in_parent(&self) -> Vec<String> {
        let parent = u32::try_from(nix::unistd::getppid().as_raw()).unwrap_or(0);
        let Some(memory) = Memory::of(parent) else { return Vec::new() };
        self.texts().difference(&memory.rights).cloned().collect()
    }

    /// A process may give files to its own groups only. Those who may, become members of what is needed.
    fn join_groups(&self) -> anyhow::Result<()> {
        let own = getgroups()?;
        let missing: Vec<Gid> = self
            .groups
            .iter()
            .map(|group| Gid::from_raw(*group))
            .filter(|group| !own.contains(group) && *group != getegid())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        setgroups(&[own, missing].concat()).context("cannot become a member of the groups of readers and log")
    }
}

impl Confinement {
    /// What is to be told.
    pub(in crate::daemon) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// For the status.
    pub fn confined(&self) -> Option<&Confined> {
        self.confined.as_ref()
    }

    /// Whether capabilities are given up only when this process executes a program.
    pub(in crate::daemon) fn takes_execution(&self) -> bool {
        self.takes_execution
    }

    /// Tells a program that this process executes, or one that it starts, what has been kept.
    pub(in crate::daemon) fn tell(&self) -> Option<(&'static str, OsString)> {
        self.message(Vec::new())
    }

    /// The same, with what is still to be told, and more of it.
    pub(in crate::daemon) fn tell_all(&self, more: &[impl ToString]) -> Option<(&'static str, OsString)> {
        self.message(self.notes.iter().cloned().chain(more.iter().map(ToString::to_string)).collect())
    }

    fn message(&self, notes: Vec<String>) -> Option<(&'static str, OsString)> {
        let confined = self.confined.clone()?;
        let memory = Memory { pid: std::process::id(), confined, rights: self.rights.clone(), notes };
        Some((KEPT, serde_json::to_string(&memory).ok()?.into()))
    }
}

/// Whether a program that was executed in this process's place has given up the rights already.
pub(in crate::daemon) fn is_done() -> bool {
    Memory::of(std::process::id()).is_some()
}

impl Memory {
    /// What the process `pid` has told.
    fn of(pid: u32) -> Option<Memory> {
        let memory: Memory = serde_json::from_str(&env::var(KEPT).ok()?).ok()?;
        (memory.pid == pid).then_some(memory)
    }
}

/// Makes what is to be written to: a path that is not there cannot be allowed.
fn make_directories(config: &Config) -> anyhow::Result<()> {
    Store::make_dir(&config.store).with_context(|| format!("cannot make {}", config.store.dir.display()))?;
    for dir in [parent(&config.socket), config.diagnostics.dir.clone()].into_iter().flatten() {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(&dir);
        made.with_context(|| format!("cannot make {}", dir.display()))?;
    }
    Ok(())
}

/// The directory of a file; of a name alone the current one.
fn parent(file: &Path) -> Option<PathBuf> {
    match file.parent()? {
        empty if empty.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => Some(parent.to_owned()),
    }
}

/// The user, by name where it has one.
fn user() -> String {
    let uid = geteuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
