//! Sockets that this process did not open itself.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use netlink_sys::Socket;

/// The netlink socket behind a descriptor.
pub fn adopt(descriptor: OwnedFd) -> Socket {
    // SAFETY: the descriptor is open and owned, and the socket owns it from here on.
    #[allow(unsafe_code)]
    unsafe {
        Socket::from_raw_fd(descriptor.into_raw_fd())
    }
}
