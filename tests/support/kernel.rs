//! The kernel's audit subsystem for a test: one at a time on a machine, and put back as it was found.

use std::fs::{File, OpenOptions};

use ktrail::netlink::control::{Control, Status, StatusChange};
use ktrail::sys::process::{CAP_AUDIT_CONTROL, has_capability};
use nix::fcntl::{Flock, FlockArg};

/// The lock of all that touches audit on this machine.
const LOCK: &str = "/run/lock/ktrail-audit-test.lock";

/// The right to use the kernel's audit subsystem until it is dropped.
pub(crate) struct KernelGuard {
    control: Control,
    status: Status,
    rules: Vec<Vec<u8>>,
    _lock: Flock<File>,
}

impl KernelGuard {
    /// Waits for the lock. `None`, with the reason on stderr, where the kernel cannot be used; with
    /// KTRAIL_REQUIRE_KERNEL=1 that is a failure.
    pub(crate) fn take() -> Option<KernelGuard> {
        match KernelGuard::try_take() {
            Ok(guard) => Some(guard),
            Err(reason) if std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1") => {
                panic!("the kernel is required, but {reason}")
            }
            Err(reason) => {
                eprintln!("skipped: {reason}");
                None
            }
        }
    }

    fn try_take() -> Result<KernelGuard, String> {
        if !has_capability(CAP_AUDIT_CONTROL) {
            return Err("this needs the capability CAP_AUDIT_CONTROL (run as root)".to_owned());
        }
        let path = std::env::var_os("KTRAIL_AUDIT_LOCK").unwrap_or_else(|| LOCK.into());
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| format!("the lock {} cannot be opened: {error}", path.display()))?;
        let lock =
            Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| format!("the lock: {errno}"))?;
        let mut control = Control::open().map_err(|error| error.to_string())?;
        let status = control.status().map_err(|error| error.to_string())?;
        if status.pid != 0 {
            return Err(format!("an audit daemon is registered: pid {}", status.pid));
        }
        if status.enabled == 2 {
            return Err("the audit configuration is locked until the next boot".to_owned());
        }
        let rules = control.list_rules().map_err(|error| error.to_string())?;
        Ok(KernelGuard { control, status, rules, _lock: lock })
    }

    /// The control socket.
    pub(crate) fn control(&mut self) -> &mut Control {
        &mut self.control
    }
}

impl Drop for KernelGuard {
    fn drop(&mut self) {
        let before = &self.status;
        let change = StatusChange {
            enabled: Some(before.enabled),
            failure: Some(before.failure),
            rate_limit: Some(before.rate_limit),
            backlog_limit: Some(before.backlog_limit),
            backlog_wait_time: Some(before.backlog_wait_time),
        };
        let now = self.control.list_rules().unwrap_or_default();
        for rule in now.iter().filter(|rule| !self.rules.contains(rule)) {
            let _ = self.control.delete_rule(rule);
        }
        for rule in self.rules.iter().filter(|rule| !now.contains(rule)) {
            let _ = self.control.add_rule(rule);
        }
        let _ = self.control.set(&change);
    }
}
