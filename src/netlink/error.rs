//! What can go wrong between this program and the kernel's audit subsystem.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use thiserror::Error;

use crate::sys::process::{self, Namespace};

/// A request to the kernel, for error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Open the socket.
    Open,
    /// Read the status.
    GetStatus,
    /// Change the status.
    SetStatus,
    /// Read the features.
    GetFeatures,
    /// Switch a feature on.
    SetFeature,
    /// Let go of what is no longer mounted.
    Trim,
    /// Take a subtree for part of a watched directory.
    MakeEquivalent,
    /// Ask who sent the last signal.
    SignalInfo,
    /// Become the audit daemon.
    Register,
    /// Cease to be the audit daemon.
    Unregister,
    /// List the rules.
    ListRules,
    /// Add a rule.
    AddRule,
    /// Delete a rule.
    DeleteRule,
    /// Write a message to the log.
    SendUser,
    /// Receive events.
    Receive,
}

impl Request {
    /// The capability it needs, by number and name.
    fn capability(self) -> (u32, &'static str) {
        match self {
            Request::SendUser => (process::CAP_AUDIT_WRITE, "CAP_AUDIT_WRITE"),
            _ => (process::CAP_AUDIT_CONTROL, "CAP_AUDIT_CONTROL"),
        }
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Request::Open => "open the audit socket",
            Request::GetStatus => "read the audit status",
            Request::SetStatus => "change the audit status",
            Request::GetFeatures => "read the audit features",
            Request::SetFeature => "switch an audit feature on",
            Request::Trim => "trim the watched directories",
            Request::MakeEquivalent => "take a subtree for part of a watched directory",
            Request::SignalInfo => "ask who sent the last signal",
            Request::Register => "register as the audit daemon",
            Request::Unregister => "unregister as the audit daemon",
            Request::ListRules => "list the audit rules",
            Request::AddRule => "add an audit rule",
            Request::DeleteRule => "delete an audit rule",
            Request::SendUser => "write a message to the audit log",
            Request::Receive => "receive audit events",
        })
    }
}

/// Why a request failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The thread that registers has ended.
    #[error("the thread that receives events has ended before it had begun")]
    Ended,
    /// EPERM without the capability.
    #[error("cannot {0}: this needs the capability {capability} (run as root)", capability = .0.capability().1)]
    NotPermitted(Request),
    /// EPERM in a pid namespace of one's own, as in a container.
    #[error(
        "cannot {0}: this process is in a container (a pid namespace of its own), and the kernel takes audit requests only from outside of any"
    )]
    PidNamespace(Request),
    /// ECONNREFUSED in a user namespace of one's own.
    #[error(
        "cannot {0}: this process is in a container (a user namespace of its own), and the kernel takes audit requests only from outside of any"
    )]
    UserNamespace(Request),
    /// EPERM though the capability is there and no namespace is in the way: a security module's word.
    #[error(
        "cannot {0}: the kernel refuses it though the capability is there (a security module may forbid it)"
    )]
    Refused(Request),
    /// EINVAL when opening the socket, which the kernel itself never answers: a filter of system calls does.
    #[error("cannot {0}: a filter of system calls forbids it (as containers have them)")]
    Filtered(Request),
    /// EPROTONOSUPPORT from a kernel that has the audit subsystem.
    #[error(
        "cannot {0}: auditing was switched off for good when this kernel was booted (with audit=0); boot it without that"
    )]
    Disabled(Request),
    /// EPROTONOSUPPORT: the kernel has no audit subsystem.
    #[error("cannot {0}: this kernel was built without audit")]
    NoAudit(Request),
    /// EPERM with `enabled 2`.
    #[error("cannot {0}: the audit configuration is locked until the next boot (enabled 2)")]
    Immutable(Request),
    /// A living daemon is registered.
    #[error("another audit daemon is registered: pid {pid} ({command}); stop it first")]
    OtherDaemon {
        /// Its process id.
        pid: u32,
        /// Its command line.
        command: String,
    },
    /// A daemon is registered that has ended, but its socket lives on.
    #[error(
        "the audit daemon with pid {pid} has ended, but another process still holds its socket open; end that process or go on with that socket"
    )]
    SocketHeld {
        /// The process id it had.
        pid: u32,
    },
    /// This process is registered with another socket.
    #[error("this process is registered as the audit daemon already, with another socket")]
    RegisteredAlready,
    /// EACCES when unregistering.
    #[error("cannot unregister as the audit daemon: this process is not the registered one")]
    NotRegistered,
    /// EEXIST for a rule.
    #[error("the rule is there already")]
    RuleExists,
    /// ENOENT for a rule to delete, or for the directory of a path to watch.
    #[error("cannot {0}: {what}", what = if matches!(.0, Request::DeleteRule) { "there is no such rule" } else { "the directory of its path does not exist" })]
    NotFound(Request),
    /// EINVAL.
    #[error("cannot {0}: the kernel finds it invalid")]
    Invalid(Request),
    /// A message that the kernel would cut.
    #[error("cannot write a message to the audit log: it is {bytes} bytes long, and the kernel takes {max} at most", max = super::control::USER_TEXT_BYTES_MAX)]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// No answer in time.
    #[error("cannot {0}: no answer from the kernel within {seconds} s", seconds = super::control::ANSWER_SECONDS_MAX)]
    TimedOut(Request),
    /// An answer that cannot be read.
    #[error("cannot {0}: the kernel's answer cannot be read ({1})")]
    BadAnswer(Request, &'static str),
    /// Any other error of the system.
    #[error("cannot {0}: {1}")]
    System(Request, #[source] io::Error),
}

/// What an errno's meaning depends on.
#[derive(Clone, Copy, Debug)]
struct Surroundings {
    capable: bool,
    first_pid_namespace: bool,
    first_user_namespace: bool,
    built_in: bool,
}

impl Surroundings {
    fn of(request: Request) -> Surroundings {
        Surroundings {
            capable: process::has_capability(request.capability().0),
            first_pid_namespace: Namespace::Pid.is_first(),
            first_user_namespace: Namespace::User.is_first(),
            // The file is there with CONFIG_AUDIT, whatever the kernel was booted with (fs/proc/base.c).
            built_in: Path::new("/proc/self/loginuid").exists(),
        }
    }
}

impl Error {
    /// The error for what a system call or the kernel's answer says about `request`.
    pub(super) fn new(request: Request, error: io::Error) -> Error {
        Error::classify(request, error, || Surroundings::of(request))
    }

    fn classify(request: Request, error: io::Error, look: impl FnOnce() -> Surroundings) -> Error {
        let Some(errno) = error.raw_os_error() else { return Error::System(request, error) };
        match (Errno::from_raw(errno), request) {
            (Errno::EACCES, Request::Unregister) => Error::NotRegistered,
            // The path of a rule is looked up with the rights of who adds it.
            (Errno::EACCES, Request::AddRule) => Error::System(request, error),
            (Errno::EPERM | Errno::EACCES, _) => {
                let found = look();
                // Messages for the log are taken from any pid namespace.
                match found.first_pid_namespace || request == Request::SendUser {
                    false => Error::PidNamespace(request),
                    true if found.capable => Error::Refused(request),
                    true => Error::NotPermitted(request),
                }
            }
            (Errno::ECONNREFUSED, _) => match look().first_user_namespace {
                false => Error::UserNamespace(request),
                true => Error::Disabled(request),
            },
            (Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT, _) => match look().built_in {
                true => Error::Disabled(request),
                false => Error::NoAudit(request),
            },
            (Errno::EEXIST, Request::AddRule) => Error::RuleExists,
            (Errno::ENOENT, Request::AddRule | Request::DeleteRule) => Error::NotFound(request),
            (Errno::EINVAL, Request::Open) => Error::Filtered(request),
            (Errno::EINVAL, _) => Error::Invalid(request),
            (Errno::EAGAIN, _) => Error::TimedOut(request),
            _ => Error::System(request, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Surroundings =
        Surroundings { capable: true, first_pid_namespace: true, first_user_namespace: true, built_in: true };

    fn check(request: Request, errno: Errno, found: Surroundings, expected: &str) {
        let error = Error::classify(request, errno.into(), || found).to_string();
        assert!(error.contains(expected), "{request:?} {errno}: {error}");
    }

    #[test]
    fn the_error_names_the_cause() {
        let user = Surroundings { capable: false, ..HOST };
        let container = Surroundings { first_pid_namespace: false, ..HOST };
        let rootless = Surroundings { first_user_namespace: false, ..container };
        let without = Surroundings { built_in: false, ..HOST };
        for (request, errno, found, expected) in [
            (Request::GetStatus, Errno::EPERM, user, "needs the capability CAP_AUDIT_CONTROL"),
            (Request::SendUser, Errno::EPERM, user, "needs the capability CAP_AUDIT_WRITE"),
            (Request::GetStatus, Errno::EPERM, container, "a pid namespace of its own"),
            (Request::SendUser, Errno::EPERM, container, "a security module"),
            (Request::Register, Errno::EPERM, HOST, "a security module"),
            (Request::GetStatus, Errno::ECONNREFUSED, rootless, "a user namespace of its own"),
            (Request::Open, Errno::EPROTONOSUPPORT, HOST, "audit=0"),
            (Request::Open, Errno::EPROTONOSUPPORT, without, "built without audit"),
            (Request::Open, Errno::EINVAL, HOST, "a filter of system calls"),
            (Request::Unregister, Errno::EACCES, HOST, "is not the registered one"),
            (Request::AddRule, Errno::EEXIST, HOST, "the rule is there already"),
            (Request::AddRule, Errno::ENOENT, HOST, "the directory of its path does not exist"),
            (Request::AddRule, Errno::EACCES, HOST, "Permission denied"),
            (Request::AddRule, Errno::ENAMETOOLONG, HOST, "File name too long"),
            (Request::AddRule, Errno::EINVAL, HOST, "finds it invalid"),
            (Request::DeleteRule, Errno::ENOENT, HOST, "there is no such rule"),
            (Request::ListRules, Errno::EAGAIN, HOST, "no answer from the kernel within 5 s"),
        ] {
            check(request, errno, found, expected);
        }
    }
}
