//! Drives the built programs against real kernels and beside Debian's auditd.
//!
//! Knows ktrail by its command line and its output. Of the library it takes the kernel's control socket, to put things
//! back, and the tables of `interpret`, which are compared with what ausearch prints.

pub mod ausearch;
pub mod daemon;
pub mod programs;
pub mod wait;
