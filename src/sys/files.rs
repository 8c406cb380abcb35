//! Files that are opened without being led elsewhere, and what has to be true of those that nobody else may write.
//!
//! What a file is is looked at on the opened descriptor, never by its name before: between a look at a name and its use
//! it may be given to another file.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use caps::CapSet;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::geteuid;
use thiserror::Error;

/// Permission to write for others than owner and group.
const WORLD_WRITABLE: u32 = 0o002;
/// Permission to write for others than the owner.
const OTHERS_WRITABLE: u32 = 0o022;
/// In such a directory names are removed and changed by the owners of their files only.
const STICKY: u32 = 0o1000;

/// A file or directory that somebody else could have made or changed.
#[derive(Debug, Error)]
#[error("{} is not to be trusted: {reason}", path.display())]
pub struct Untrusted {
    /// Which.
    pub path: PathBuf,
    /// What shows it.
    pub reason: Reason,
}

/// What shows that a file is not to be trusted.
#[derive(Debug)]
pub enum Reason {
    /// It is a symbolic link.
    Symlink,
    /// It is of another kind than it has to be.
    NotA(&'static str),
    /// It has further names.
    HardLinks(u64),
    /// It belongs to somebody else.
    Owner {
        /// To whom.
        uid: u32,
        /// To whom it may belong.
        wanted: u32,
    },
    /// Others may write it; its permission bits.
    Writable(u32),
    /// It cannot be looked at.
    System(io::Error),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Symlink => write!(f, "it is a symbolic link"),
            Reason::NotA(kind) => write!(f, "it is not a {kind}"),
            Reason::HardLinks(count) => write!(f, "it has {count} names (hard links)"),
            Reason::Owner { uid, wanted } if *wanted == 0 => {
                write!(f, "it belongs to user {uid}, not to root")
            }
            Reason::Owner { uid, wanted } => {
                write!(f, "it belongs to user {uid}, not to user {wanted} or root")
            }
            Reason::Writable(mode) => write!(f, "others may write it, its mode is {mode:04o}"),
            Reason::System(error) => error.fmt(f),
        }
    }
}

impl Untrusted {
    /// For `map_err` on [`open`].
    pub fn opened(path: &Path) -> impl FnOnce(io::Error) -> Untrusted {
        move |error| match error.raw_os_error() {
            Some(libc::ELOOP) => Untrusted::new(path, Reason::Symlink),
            _ => Untrusted::new(path, Reason::System(error)),
        }
    }

    fn new(path: &Path, reason: Reason) -> Untrusted {
        Untrusted { path: path.to_owned(), reason }
    }

    fn system(path: &Path) -> impl FnOnce(io::Error) -> Untrusted {
        move |error| Untrusted::new(path, Reason::System(error))
    }
}

/// A directory that is held open, so that its path is not walked again for each of its files.
#[derive(Debug)]
pub struct Dir {
    path: Arc<Path>,
    descriptor: OwnedFd,
}

impl Dir {
    /// Opens a directory, which must not be a symbolic link (ELOOP or ENOTDIR).
    pub fn open(path: Arc<Path>) -> io::Result<Dir> {
        let descriptor = openat(AT_FDCWD, &*path, OFlag::O_PATH | OFlag::O_DIRECTORY | STAY, Mode::empty())?;
        Ok(Dir { path, descriptor })
    }

    /// The path by which it was opened.
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Opens one of its files for reading, as [`open_regular`] does, and gives its length too.
    pub fn open_regular(&self, name: &str) -> io::Result<(File, u64)> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | STAY;
        regular(beneath(self.descriptor.as_fd(), Path::new(name), flags, Mode::empty()).map(File::from))
    }

    /// The length of one of its files in bytes.
    pub fn length(&self, name: &str) -> io::Result<u64> {
        let found = fstatat(&self.descriptor, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(u64::try_from(found.st_size).unwrap_or(0))
    }
}

/// Opens a file of a directory. Neither the directory's own name nor the file's may be a symbolic link (ELOOP), and a
/// fifo or a device is not waited for. `flags` are those of open(2), `mode` that of a file it makes.
pub fn open(path: &Path, flags: OFlag, mode: u32) -> io::Result<File> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let dir = openat(AT_FDCWD, dir, OFlag::O_PATH | OFlag::O_DIRECTORY | STAY, Mode::empty())?;
    let mode = match flags.contains(OFlag::O_CREAT) {
        true => Mode::from_bits_truncate(mode),
        false => Mode::empty(),
    };
    Ok(File::from(beneath(dir.as_fd(), Path::new(name), flags | STAY, mode)?))
}

/// Opens a file for reading, as [`open`] does; it has to be a regular one.
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular(open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, 0)).map(|(file, _)| file)
}

/// A file that was opened, if it is a regular one, and its length.
fn regular(opened: Result<File, impl Into<io::Error>>) -> io::Result<(File, u64)> {
    let file = opened.map_err(|error| {
        let error = error.into();
        match error.raw_os_error() {
            Some(libc::ELOOP) => io::Error::new(io::ErrorKind::InvalidInput, Reason::Symlink.to_string()),
            _ => error,
        }
    })?;
    let found = file.metadata()?;
    match found.is_file() {
        true => Ok((file, found.len())),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// Reads a regular file, as [`open_regular`] opens it.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Flags of every file that is opened here.
const STAY: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC);

/// Opens a name below a directory and nowhere else.
fn beneath(dir: BorrowedFd<'_>, name: &Path, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    /// Kernels before 5.6 and some sandboxes do not have openat2.
    static IS_MISSING: AtomicBool = AtomicBool::new(false);
    if !IS_MISSING.load(Ordering::Relaxed) {
        let resolve = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        match openat2(dir, name, OpenHow::new().flags(flags).mode(mode).resolve(resolve)) {
            Err(Errno::ENOSYS | Errno::EPERM) => IS_MISSING.store(true, Ordering::Relaxed),
            opened => return opened,
        }
    }
    // A file's name has no slash, so that only it can be a link.
    openat(dir, name, flags, mode)
}

/// Whether a file is a regular one and this user's.
pub fn check_owner(file: &File, path: &Path) -> Result<Metadata, Untrusted> {
    let found = file.metadata().map_err(Untrusted::system(path))?;
    if !found.is_file() {
        return Err(Untrusted::new(path, Reason::NotA("regular file")));
    }
    owned(&found, path, false).map(|()| found)
}

/// Whether a file may be written to as one of our own: the same, and with one name.
pub fn check_own(file: &File, path: &Path) -> Result<(), Untrusted> {
    match check_owner(file, path)?.nlink() {
        0 | 1 => Ok(()),
        count => Err(Untrusted::new(path, Reason::HardLinks(count))),
    }
}

/// Opens a directory that is this user's: it is no symbolic link and belongs to no other, and so do those it is in. Where
/// everybody may write to one of these, it has to be sticky.
pub fn own_dir(path: &Path) -> Result<File, Untrusted> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY).open(path);
    let dir = opened.map_err(|error| {
        let reason = match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => Reason::Symlink,
            Ok(found) if !found.is_dir() => Reason::NotA("directory"),
            _ => Reason::System(error),
        };
        Untrusted::new(path, reason)
    })?;
    owned(&dir.metadata().map_err(Untrusted::system(path))?, path, false)?;
    check_parents(path)?;
    Ok(dir)
}

/// Whether nobody else can put another file or directory in this one's place: the directories it is in belong to this
/// user or to root, and everybody may write only to sticky ones.
pub fn check_parents(path: &Path) -> Result<(), Untrusted> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    let parent = parent.canonicalize().map_err(Untrusted::system(parent))?;
    for dir in parent.ancestors() {
        let found = fs::symlink_metadata(dir).map_err(Untrusted::system(dir))?;
        owned(&found, dir, true)?;
        if found.mode() & WORLD_WRITABLE != 0 && found.mode() & STICKY == 0 {
            return Err(Untrusted::new(dir, Reason::Writable(found.mode() & 0o7777)));
        }
    }
    Ok(())
}

/// Reads a file that says what is to be done, at most `bytes_max` and one more. For a process with rights of its own, it has to
/// be such that nobody else could write it: regular, this user's or root's, writable by its owner only, in directories of
/// which the same is true.
pub fn read_settings(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Untrusted> {
    let failed = Untrusted::system;
    // A symbolic link may lead there: who may make one in a trusted directory may as well write the file.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(failed(path))?;
    let found = file.metadata().map_err(failed(path))?;
    if is_privileged() && found.is_file() {
        owned(&found, path, true)?;
        if found.mode() & OTHERS_WRITABLE != 0 {
            return Err(Untrusted::new(path, Reason::Writable(found.mode() & 0o7777)));
        }
        check_parents(path)?;
        check_parents(&path.canonicalize().map_err(failed(path))?)?;
    }
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

/// Whether this process may do what its user may not: it is root's, or has capabilities, as under its unit.
fn is_privileged() -> bool {
    geteuid().is_root() || caps::read(None, CapSet::Permitted).is_ok_and(|permitted| !permitted.is_empty())
}

/// Whether a program, or what a link to it leads to, may be run: a regular file of this user's or root's that only its owner
/// may write, in directories as [`check_parents`] wants them.
pub fn check_program(path: &Path) -> Result<(), Untrusted> {
    check_parents(path)?;
    let program = path.canonicalize().map_err(Untrusted::system(path))?;
    let found = fs::symlink_metadata(&program).map_err(Untrusted::system(path))?;
    if !found.is_file() {
        return Err(Untrusted::new(path, Reason::NotA("regular file")));
    }
    owned(&found, path, true)?;
    if found.mode() & OTHERS_WRITABLE != 0 {
        return Err(Untrusted::new(path, Reason::Writable(found.mode() & 0o7777)));
    }
    check_parents(&program)
}

/// Whether this user, or root where that will do, owns what was found.
fn owned(found: &Metadata, path: &Path, or_root: bool) -> Result<(), Untrusted> {
    let (uid, wanted) = (found.uid(), geteuid().as_raw());
    if uid == wanted || or_root && uid == 0 {
        return Ok(());
    }
    Err(Untrusted::new(path, Reason::Owner { uid, wanted }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn told(result: Result<impl Sized, Untrusted>) -> String {
        result.map_or_else(|error| error.reason.to_string(), |_| String::new())
    }

    #[test]
    fn a_link_is_not_followed_and_a_fifo_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "x").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(dir.path(), at("dir")).unwrap();
        symlink("/proc/self/fd/0", at("magic")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRUSR).unwrap();
        assert!(open_regular(&at("file")).is_ok());
        for name in ["link", "dir/file", "magic", "fifo", "none", "dir", ".."] {
            assert!(open_regular(&at(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_directory_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("open/log")).unwrap();
        fs::create_dir_all(at("sticky/log")).unwrap();
        chmod(&at("open"), 0o777);
        chmod(&at("sticky"), 0o1777);
        symlink(at("sticky/log"), at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        let mut cases = vec![
            ("sticky/log", ""),
            ("open/log", "others may write it, its mode is 0777"),
            ("link", "it is a symbolic link"),
            ("file", "it is not a directory"),
            ("none", "No such file or directory (os error 2)"),
        ];
        if geteuid().is_root() {
            fs::create_dir_all(at("theirs/log")).unwrap();
            chown(at("theirs"), Some(7), None).unwrap();
            cases.push(("theirs", "it belongs to user 7, not to root"));
            cases.push(("theirs/log", "it belongs to user 7, not to root"));
        }
        for (name, expected) in cases {
            assert_eq!(told(own_dir(&at(name))), expected, "{name}");
        }
    }

    #[test]
    fn settings_that_others_could_write_are_refused() {
        if !geteuid().is_root() {
            eprintln!("skipped: others are not asked about what they may read; this needs root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        for (name, mode, owner, expected) in [
            ("good", 0o644, 0, ""),
            ("private", 0o600, 0, ""),
            ("group", 0o664, 0, "others may write it, its mode is 0664"),
            ("world", 0o646, 0, "others may write it, its mode is 0646"),
            ("theirs", 0o600, 7, "it belongs to user 7, not to root"),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, "x").unwrap();
            chmod(&path, mode);
            chown(&path, Some(owner), None).unwrap();
            assert_eq!(told(read_settings(&path, 100)), expected, "{name}");
            let link = dir.path().join(format!("{name}.link"));
            symlink(&path, &link).unwrap();
            assert_eq!(told(read_settings(&link, 100)), expected, "a link to {name}");
        }
    }

    #[test]
    fn a_program_that_others_could_write_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("open")).unwrap();
        for name in ["good", "world", "group", "open/good"] {
            fs::write(at(name), "").unwrap();
            chmod(&at(name), 0o755);
        }
        chmod(&at("open"), 0o777);
        chmod(&at("world"), 0o757);
        chmod(&at("group"), 0o775);
        symlink(at("good"), at("link")).unwrap();
        symlink(at("open/good"), at("led")).unwrap();
        let mut cases = vec![
            ("good", ""),
            ("link", ""),
            ("world", "others may write it, its mode is 0757"),
            ("group", "others may write it, its mode is 0775"),
            ("open/good", "others may write it, its mode is 0777"),
            ("led", "others may write it, its mode is 0777"),
            ("open", "it is not a regular file"),
            ("none", "No such file or directory (os error 2)"),
        ];
        if geteuid().is_root() {
            fs::write(at("theirs"), "").unwrap();
            chmod(&at("theirs"), 0o755);
            chown(at("theirs"), Some(7), None).unwrap();
            cases.push(("theirs", "it belongs to user 7, not to root"));
        }
        for (name, expected) in cases {
            assert_eq!(told(check_program(&at(name))), expected, "{name}");
        }
    }

    #[test]
    fn a_file_with_two_names_is_not_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "").unwrap();
        assert_eq!(told(check_own(&File::open(&one).unwrap(), &one)), "");
        fs::hard_link(&one, &two).unwrap();
        assert_eq!(told(check_own(&File::open(&one).unwrap(), &one)), "it has 2 names (hard links)");
    }
}
