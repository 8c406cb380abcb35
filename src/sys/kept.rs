//! Descriptors that outlive a process: kept by the service manager, or carried through the execution of a new program.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The variable in which a program that executes another tells it what it carries: `PID NAME=DESCRIPTOR …`.
const CARRIED: &str = "KTRAIL_CARRIED";

/// The variables in which the service manager tells what it gives (sd_listen_fds(3)). They are of the process, which a program
/// that it executes still is: to that program the numbers would be those of other descriptors, unless it is the first to look.
pub const LISTEN: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// What this process has been given, by name. Empty from the second call on: each descriptor has one owner.
///
/// From the service manager by sd_listen_fds(3), and from the program that this process executed before, which has the
/// same process id.
pub fn given() -> Vec<(String, OwnedFd)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let carried =
        std::env::var(CARRIED).ok().and_then(|text| parse(&text, std::process::id())).unwrap_or_default();
    let kept: Vec<_> = sd_notify::listen_fds_with_names()
        .map(|named| named.map(|(descriptor, name)| (name, descriptor)).collect())
        .unwrap_or_default();
    let mut seen = Vec::new();
    carried
        .into_iter()
        .chain(kept)
        .filter_map(|(name, descriptor)| {
            let new = !seen.contains(&descriptor);
            seen.push(descriptor);
            Some((name, own(descriptor).filter(|_| new)?))
        })
        .collect()
}

/// What a text of [`CARRIED`] says to the process `pid`.
fn parse(text: &str, pid: u32) -> Option<Vec<(String, RawFd)>> {
    let mut words = text.split(' ');
    if words.next()?.parse() != Ok(pid) {
        return None;
    }
    words
        .map(|word| {
            let (name, descriptor) = word.split_once('=')?;
            Some((name.to_owned(), descriptor.parse().ok().filter(|number| *number > 2)?))
        })
        .collect()
}

/// Takes a descriptor by its number, if it is open, and keeps it from programs that this one executes.
fn own(descriptor: RawFd) -> Option<OwnedFd> {
    // SAFETY: only looked at before it is known to be open. Whoever named it has given it to this process, and nothing
    // else here knows its number: `given` hands each out once.
    #[allow(unsafe_code)]
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: as above; it is open.
    #[allow(unsafe_code)]
    Some(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Lets descriptors through to the program that this process executes next, and gives the variable that tells it of them.
pub fn carry(descriptors: &[(&str, BorrowedFd<'_>)]) -> io::Result<(&'static str, OsString)> {
    let mut text = std::process::id().to_string();
    for (name, descriptor) in descriptors {
        fcntl(descriptor.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))?;
        text.push_str(&format!(" {name}={}", descriptor.as_raw_fd()));
    }
    Ok((CARRIED, text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_is_for_this_process_only() {
        for (text, expected) in [
            ("7 events=5 ring=9", Some(vec![("events".to_owned(), 5), ("ring".to_owned(), 9)])),
            ("7", Some(vec![])),
            ("8 events=5", None),
            ("7 events=1", None),
            ("7 events", None),
            ("", None),
        ] {
            assert_eq!(parse(text, 7), expected, "{text}");
        }
    }
}
