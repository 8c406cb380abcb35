//! Sockets that this process did not open itself, and who is behind them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use netlink_sys::Socket;
use nix::libc;

/// Groups of one process at most (NGROUPS_MAX, linux/limits.h).
const GROUPS_MAX: usize = 65536;
/// Groups for which there is room at first: more than nearly every process has.
const GROUPS_FEW: usize = 64;

/// The netlink socket behind a descriptor.
pub fn adopt(descriptor: OwnedFd) -> Socket {
    // SAFETY: the descriptor is open and owned, and the socket owns it from here on.
    #[allow(unsafe_code)]
    unsafe {
        Socket::from_raw_fd(descriptor.into_raw_fd())
    }
}

/// The supplementary groups that the process at the other end of a unix socket had when it connected (SO_PEERGROUPS,
/// since Linux 4.13).
pub fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    match groups(socket, GROUPS_FEW) {
        Err(error) if error.raw_os_error() == Some(libc::ERANGE) => groups(socket, GROUPS_MAX),
        found => found,
    }
}

fn groups(socket: BorrowedFd<'_>, room: usize) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; room];
    let bytes = room * size_of::<libc::gid_t>();
    let mut length = libc::socklen_t::try_from(bytes).expect("no room for groups is as large");
    // SAFETY: the kernel writes at most `length` bytes to `groups`, which has as many, and the length it wrote to `length`.
    #[allow(unsafe_code)]
    let failed = unsafe {
        let (groups, length) = (groups.as_mut_ptr().cast(), &raw mut length);
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERGROUPS, groups, length)
    };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    groups.truncate(length as usize / size_of::<libc::gid_t>());
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use nix::unistd::getgroups;

    use super::*;

    #[test]
    fn the_groups_of_the_other_end_are_those_of_its_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let mut found = peer_groups(one.as_fd()).unwrap();
        let mut own: Vec<u32> = getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        found.sort_unstable();
        own.sort_unstable();
        assert_eq!(found, own);
    }

    #[test]
    fn what_has_no_groups_gives_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(peer_groups(file.as_fd()).is_err());
    }
}
