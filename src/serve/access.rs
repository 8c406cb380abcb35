//! Who may read: root, the daemon's own user, and members of the configured group, by the kernel's word on the peer.

use std::fs;

use nix::unistd::{Gid, geteuid};
use tokio::net::UnixStream;

/// Whether a peer may read the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted,
    /// It may read metrics and nothing else.
    Metrics,
    /// It may not.
    Refused,
}

/// Decides by the peer's credentials, as they were when it connected (SO_PEERCRED).
pub fn may_read(stream: &UnixStream, readers: Option<Gid>) -> Access {
    let Ok(peer) = stream.peer_cred() else { return Access::Refused };
    let trusted = peer.uid() == 0 || peer.uid() == geteuid().as_raw();
    let in_group = readers.is_some_and(|group| {
        peer.gid() == group.as_raw()
            || peer.pid().is_some_and(|pid| has_supplementary_group(pid, group.as_raw()))
    });
    if trusted || in_group { Access::Granted } else { Access::Refused }
}

/// Whether the peer's process has the group among its supplementary ones. The kernel gives only the first group with
/// the connection. A process that ends can at worst lose the right this way, since its number is looked up while the
/// connection is new.
fn has_supplementary_group(pid: i32, group: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().any(|found| found.parse() == Ok(group))
}
