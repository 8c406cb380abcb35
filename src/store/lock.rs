//! The right to write a log directory, which one process has at a time.
//!
//! It is a lock of the open file (`F_OFD_SETLK`, fcntl(2)): the kernel takes it back when its process ends in any way,
//! and whether somebody has it can be seen without taking it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

use super::error::Error;
use super::names;
use crate::sys::files::{self, Untrusted};

/// Longest text looked at in the lock file: a process id and a newline.
const TEXT_BYTES_MAX: u64 = 32;

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct WriteLock(pub(super) File);

impl WriteLock {
    pub(super) fn take(dir: &Path, file_mode: u32) -> Result<Self, Error> {
        let path = dir.join(names::LOCK);
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NONBLOCK;
        let mut file = files::open(&path, flags, file_mode).map_err(Untrusted::opened(&path))?;
        files::check_own(&file, &path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => {
                return Err(Error::Locked { path: dir.to_path_buf(), holder: holder(&file) });
            }
            Err(errno) => return Err(Error::io("lock", &path)(errno.into())),
        }
        let text = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(Error::io("write", &path))?;
        Ok(Self(file))
    }
}

impl Drop for WriteLock {
    /// Gives the right back at once: a child that is being started has the open file too until it executes its program.
    fn drop(&mut self) {
        // Closing the file gives it back all the same, later.
        let _ = fcntl(&self.0, FcntlArg::F_OFD_SETLK(&whole(libc::F_UNLCK)));
    }
}

/// Whether a writer has the directory now.
pub(super) fn has_writer(dir: &Path) -> Result<bool, Error> {
    let path = dir.join(names::LOCK);
    // Who asks may have named the directory by a link.
    let opened = dir.canonicalize().and_then(|dir| files::open_regular(&dir.join(names::LOCK)));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("open", &path)(error)),
    };
    let mut found = whole(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))
        .map_err(|errno| Error::io("lock", &path)(errno.into()))?;
    Ok(found.l_type != libc::F_UNLCK as libc::c_short)
}

/// A lock of the whole file, of one of the kinds of fcntl(2).
fn whole(kind: libc::c_int) -> libc::flock {
    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
}

/// Who has the right, as the lock file says.
fn holder(file: &File) -> String {
    let mut text = String::new();
    match file.take(TEXT_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_right_and_others_see_it_without_taking_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_writer(dir.path()).unwrap());
        let lock = WriteLock::take(dir.path(), 0o640).unwrap();
        assert!(has_writer(dir.path()).unwrap());
        let refused = WriteLock::take(dir.path(), 0o640).unwrap_err();
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
        drop(lock);
        assert!(!has_writer(dir.path()).unwrap());
    }

    #[test]
    fn a_copy_of_the_open_file_does_not_keep_the_right() {
        let dir = tempfile::tempdir().unwrap();
        let lock = WriteLock::take(dir.path(), 0o640).unwrap();
        // What a child has between fork and exec.
        let _copy = lock.0.try_clone().unwrap();
        drop(lock);
        WriteLock::take(dir.path(), 0o640).unwrap();
    }
}
