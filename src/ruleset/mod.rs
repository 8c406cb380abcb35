//! The rules of this host: files read, joined into one set, compared with the kernel's and loaded.
//!
//! What a rule means is left to `rules`, the socket to `netlink`.

pub mod error;
pub mod files;
pub mod host;
pub mod load;
pub mod set;
pub mod settings;
