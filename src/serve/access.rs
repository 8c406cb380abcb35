//! Who calls and what it may do: root and the daemon's own user everything, members of the configured groups what their
//! group is for, by the kernel's word on the peer.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Gid, geteuid};
use tokio::net::UnixStream;

use crate::sys::socket::peer_groups;

/// Bytes of a program's path that are told of a caller: PATH_MAX.
const EXE_BYTES_MAX: usize = 4096;

/// The groups whose members have rights, beside root and the daemon's own user who have all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// They may read the log, without what is sensitive.
    pub readers: Option<Gid>,
    /// They may read the log and all that is in it.
    pub sensitive_readers: Option<Gid>,
    /// They may have the daemon rotate its log and reload.
    pub administrators: Option<Gid>,
}

impl Groups {
    /// Each group that is set.
    pub(super) fn set(&self) -> impl Iterator<Item = Gid> {
        [self.readers, self.sensitive_readers, self.administrators].into_iter().flatten()
    }
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Read status, metrics and the log, without what is sensitive.
    pub read: bool,
    /// Read what was typed at terminals, and programs' environments.
    pub sensitive: bool,
    /// Rotate and reload.
    pub administer: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Rights = Rights { read: true, sensitive: true, administer: true };
}

/// In whose places a caller is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Trusted,
    Member,
    Stranger,
}

/// A caller, as it was when it connected.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
    /// Its process id; 0 where it is in another namespace of processes.
    pub pid: i32,
    /// What it may do.
    pub rights: Rights,
    /// Whether it is root or the daemon's own user.
    pub trusted: bool,
    /// Its process itself, whose number may belong to another one by now.
    pub(super) process: Option<Arc<OwnedFd>>,
}

impl Peer {
    /// A caller of whom only this is known.
    pub fn known(uid: u32, rights: Rights) -> Peer {
        Peer { uid, rights, ..Peer::default() }
    }

    /// The caller behind a connection. All of it is the kernel's word of the moment when it connected (SO_PEERCRED,
    /// SO_PEERGROUPS): what the process has become since, or whom it has given the connection to, changes nothing.
    /// Who cannot be asked for is a stranger.
    pub fn of(stream: &UnixStream, groups: &Groups) -> Peer {
        let Ok(found) = stream.peer_cred() else {
            return Peer { uid: u32::MAX, gid: u32::MAX, ..Peer::default() };
        };
        let trusted = found.uid() == 0 || found.uid() == geteuid().as_raw();
        let process = getsockopt(stream, sockopt::PeerPidfd).ok().map(Arc::new);
        let mut peer = Peer {
            uid: found.uid(),
            gid: found.gid(),
            pid: found.pid().unwrap_or(0),
            rights: Rights::ALL,
            trusted,
            process,
        };
        if !trusted {
            let others = peer_groups(stream.as_fd()).unwrap_or_default();
            peer.rights = rights(groups, |group| peer.gid == group || others.contains(&group));
        }
        peer
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.trusted, self.rights == Rights::default()) {
            (true, _) => Standing::Trusted,
            (false, false) => Standing::Member,
            (false, true) => Standing::Stranger,
        }
    }

    /// Command name and executable, as `/proc` tells them now; nothing of a process that is gone.
    pub(super) fn program(&self) -> (Vec<u8>, Vec<u8>) {
        let comm = fs::read(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        let exe = fs::read_link(format!("/proc/{}/exe", self.pid)).unwrap_or_default();
        let mut exe = exe.into_os_string().into_encoded_bytes();
        exe.truncate(EXE_BYTES_MAX);
        match self.is_gone() {
            true => (Vec::new(), Vec::new()),
            false => (comm.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(comm), exe),
        }
    }

    /// Whether the process has ended: what `/proc` tells under its number is then of another one. Kernels before 6.5
    /// cannot be asked.
    fn is_gone(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let mut asked = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
    }
}

/// What the groups give to a member of those that `is_in` says.
fn rights(groups: &Groups, is_in: impl Fn(u32) -> bool) -> Rights {
    let member = |group: Option<Gid>| group.is_some_and(|group| is_in(group.as_raw()));
    let sensitive = member(groups.sensitive_readers);
    Rights { read: sensitive || member(groups.readers), sensitive, administer: member(groups.administrators) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_gives_what_it_is_for_and_no_more() {
        let groups = Groups {
            readers: Some(Gid::from_raw(1)),
            sensitive_readers: Some(Gid::from_raw(2)),
            administrators: Some(Gid::from_raw(3)),
        };
        let none = Groups::default();
        for (groups, of, expected) in [
            (&groups, &[][..], (false, false, false)),
            (&groups, &[0], (false, false, false)),
            (&groups, &[1], (true, false, false)),
            (&groups, &[2], (true, true, false)),
            (&groups, &[3], (false, false, true)),
            (&groups, &[1, 3], (true, false, true)),
            (&groups, &[9, 3, 2, 1], (true, true, true)),
            (&none, &[0, 1, 2, 3, u32::MAX], (false, false, false)),
        ] {
            let found = rights(groups, |group| of.contains(&group));
            assert_eq!((found.read, found.sensitive, found.administer), expected, "{of:?}");
        }
    }
}
