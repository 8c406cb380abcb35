//! What can go wrong between this program and the kernel's audit subsystem.

use std::io;

use thiserror::Error;

use crate::sys::process;

/// A request to the kernel, for error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Open the socket.
    Open,
    /// Read the status.
    GetStatus,
    /// Change the status.
    SetStatus,
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
    /// Receive events.
    Receive,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Request::Open => "open the audit socket",
            Request::GetStatus => "read the audit status",
            Request::SetStatus => "change the audit status",
            Request::Register => "register as the audit daemon",
            Request::Unregister => "unregister as the audit daemon",
            Request::ListRules => "list the audit rules",
            Request::AddRule => "add an audit rule",
            Request::DeleteRule => "delete an audit rule",
            Request::Receive => "receive audit events",
        })
    }
}

/// Why a request failed.
#[derive(Debug, Error)]
pub enum Error {
    /// EPERM without the capability.
    #[error("cannot {0}: this needs the capability CAP_AUDIT_CONTROL (run as root)")]
    NotPermitted(Request),
    /// EPERM though the capability is there: outside the initial process id name space, or a security module's word.
    #[error("cannot {0}: the kernel refuses it (in a container, or by a security module)")]
    Refused(Request),
    /// ECONNREFUSED: the kernel was booted with `audit=0`, or this is not the initial user name space.
    #[error(
        "cannot {0}: auditing is switched off in this kernel (booted with audit=0), or this is not the host's user namespace"
    )]
    Disabled(Request),
    /// EPROTONOSUPPORT: the kernel has no audit subsystem.
    #[error("cannot {0}: this kernel was built without audit")]
    NoAudit(Request),
    /// EPERM with `enabled 2`.
    #[error("cannot {0}: the audit configuration is locked until the next boot (enabled 2)")]
    Immutable(Request),
    /// EEXIST at registration.
    #[error("another audit daemon is registered: pid {pid} ({command}); stop it first")]
    OtherDaemon {
        /// Its process id.
        pid: u32,
        /// Its command line.
        command: String,
    },
    /// EEXIST for a rule.
    #[error("the rule is there already")]
    RuleExists,
    /// ENOENT for a rule to delete, or for the directory of a path to watch.
    #[error("cannot {0}: {what}", what = if matches!(.0, Request::DeleteRule) { "there is no such rule" } else { "the directory of its path does not exist" })]
    NotFound(Request),
    /// EINVAL.
    #[error("cannot {0}: the kernel finds it invalid")]
    Invalid(Request),
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

impl Error {
    /// The error for what a system call or the kernel's answer says about `request`.
    pub(super) fn new(request: Request, error: io::Error) -> Error {
        use nix::errno::Errno;
        let Some(errno) = error.raw_os_error() else { return Error::System(request, error) };
        match Errno::from_raw(errno) {
            Errno::EPERM | Errno::EACCES if process::has_capability(process::CAP_AUDIT_CONTROL) => {
                Error::Refused(request)
            }
            Errno::EPERM | Errno::EACCES => Error::NotPermitted(request),
            Errno::ECONNREFUSED => Error::Disabled(request),
            Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT => Error::NoAudit(request),
            Errno::EEXIST if matches!(request, Request::AddRule) => Error::RuleExists,
            Errno::ENOENT if matches!(request, Request::AddRule | Request::DeleteRule) => {
                Error::NotFound(request)
            }
            Errno::EINVAL => Error::Invalid(request),
            Errno::EAGAIN => Error::TimedOut(request),
            _ => Error::System(request, error),
        }
    }
}
