//! Tests that touch the kernel's audit subsystem, of which a machine has one: they take turns, and leave it as it was.
//!
//! A test program that needs it has `mod support { pub(crate) mod kernel; }`, and each test begins with
//! `let Some(_kernel) = KernelGuard::take() else { return };`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use std::{env, process, thread};

use ktrail::netlink::control::Control;
use ktrail::netlink::error::Error;
use ktrail::netlink::status::{Status, StatusChange};
use ktrail::sys::process::{CAP_AUDIT_CONTROL, command, has_capability};
use nix::fcntl::{Flock, FlockArg};

/// Where the lock is, unless `KTRAIL_AUDIT_LOCK` names another file.
const LOCK: &str = "/run/lock/ktrail-audit-test.lock";
/// With `1` in this variable a test that would be skipped fails.
const REQUIRE: &str = "KTRAIL_REQUIRE_KERNEL";
/// Longest time for one test. A registered process that has stopped reading holds the whole machine back.
const TEST_MAX: Duration = Duration::from_secs(120);

/// Why a test of the kernel cannot run here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SkipReason {
    /// An ordinary user, or root without the right.
    #[error("this needs the capability CAP_AUDIT_CONTROL (run as root)")]
    NoRight,
    /// The lock cannot be had.
    #[error("the lock {} cannot be taken: {source}", path.display())]
    NoLock {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel does not answer, or has no audit.
    #[error("{0}")]
    NoAudit(#[from] Error),
    /// Somebody else's daemon is at work.
    #[error("an audit daemon is registered: pid {pid} ({command})")]
    Daemon {
        /// Its process id.
        pid: u32,
        /// Its command line.
        command: String,
    },
    /// Nothing can be changed any more.
    #[error("the audit configuration is locked until the next boot (enabled 2)")]
    Locked,
}

/// The kernel's audit subsystem, for one test alone. When it is dropped, rules and status are as they were before.
pub(crate) struct KernelGuard {
    control: Control,
    before: Before,
    /// Ends the watchdog when it is dropped.
    _watchdog: Sender<()>,
    /// Dropped last, after everything has been put back.
    _lock: Flock<File>,
}

impl KernelGuard {
    /// Waits for its turn. `None` where the kernel cannot be had, and why is said on standard error; with
    /// `KTRAIL_REQUIRE_KERNEL=1` that is a failure.
    pub(crate) fn take() -> Option<KernelGuard> {
        let required = env::var_os(REQUIRE).is_some_and(|value| value == "1");
        match KernelGuard::try_take() {
            Ok(guard) => Some(guard),
            Err(reason) if required => panic!("{REQUIRE} is 1, but {reason}"),
            Err(reason) => {
                say_skipped(&reason);
                None
            }
        }
    }

    /// Waits for its turn, or says why it will not come.
    fn try_take() -> Result<KernelGuard, SkipReason> {
        if !nix::unistd::geteuid().is_root() || !has_capability(CAP_AUDIT_CONTROL) {
            return Err(SkipReason::NoRight);
        }
        let path = env::var_os("KTRAIL_AUDIT_LOCK").map_or_else(|| PathBuf::from(LOCK), PathBuf::from);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = file.and_then(|file| {
            Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))
        });
        let lock = lock.map_err(|source| SkipReason::NoLock { path, source })?;
        let mut control = Control::open()?;
        let before = Before { status: control.status()?, rules: control.list_rules()? };
        if let Some(command) = command(before.status.pid).filter(|_| before.status.pid != 0) {
            return Err(SkipReason::Daemon { pid: before.status.pid, command });
        }
        if before.status.enabled == 2 {
            return Err(SkipReason::Locked);
        }
        Ok(KernelGuard { control, _watchdog: watch(before.clone()), before, _lock: lock })
    }

    /// The control socket.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// The status when the test began.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) fn status_before(&self) -> &Status {
        &self.before.status
    }
}

impl Drop for KernelGuard {
    fn drop(&mut self) {
        let problems = self.before.put_back();
        // A second panic would end the program without the words of the first.
        assert!(thread::panicking() || problems.is_empty(), "not put back: {problems:?}");
    }
}

/// Says on standard error, past the test harness's capture, that the running test is skipped.
pub(crate) fn say_skipped(reason: &dyn std::fmt::Display) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let mut stderr = io::stderr();
    let _ = writeln!(stderr, "skipped: {reason} ({test})");
}

/// What there was before a test.
#[derive(Clone)]
struct Before {
    status: Status,
    rules: Vec<Vec<u8>>,
}

impl Before {
    /// Makes rules and status what they were, and gives what could not be done.
    fn put_back(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        let mut control = match Control::open() {
            Ok(control) => control,
            Err(error) => return vec![error],
        };
        match control.list_rules() {
            Ok(now) => {
                let added = now.iter().filter(|rule| !self.rules.contains(rule));
                problems.extend(added.filter_map(|rule| control.delete_rule(rule).err()));
                let missing = self.rules.iter().filter(|rule| !now.contains(rule));
                problems.extend(missing.filter_map(|rule| control.add_rule(rule).err()));
            }
            Err(error) => problems.push(error),
        }
        match control.status() {
            Ok(now) => {
                let change = StatusChange::from(&self.status).missing_in(&now);
                problems.extend(control.set(&change).err());
                if now.pid == process::id() {
                    problems.extend(control.unregister().err());
                }
            }
            Err(error) => problems.push(error),
        }
        problems
    }
}

/// Ends this process, with everything put back, unless what this gives is dropped in time.
fn watch(before: Before) -> Sender<()> {
    let (alive, ended) = channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(TEST_MAX) == Err(RecvTimeoutError::Timeout) {
            let problems = before.put_back();
            let mut stderr = io::stderr();
            let _ = writeln!(stderr, "a test ran for {TEST_MAX:?}; not put back: {problems:?}");
            process::abort();
        }
    });
    alive
}
