//! The socket file: made, replaced when stale, owned and moded, taken over from an earlier process, removed.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{self, UnixStream};
use std::path::Path;

use nix::unistd::Gid;
use tokio::net::UnixListener;

use super::Config;
use super::access::Groups;
use super::error::Error;
use crate::sys::files;

/// Bytes of a path in a socket's address, without the final NUL (`sun_path`, linux/un.h).
const PATH_BYTES_MAX: usize = 107;

/// Makes the socket with mode 0600 where no group has rights, 0660 where one has, and 0666 where several have: the mode of
/// a file knows one group. Who may do what is decided for each call in any case.
pub(super) fn bind(config: &Config) -> Result<UnixListener, Error> {
    let path = config.socket.as_path();
    let failed = |action| move |source| Error::System { action, path: path.to_owned(), source };
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(Error::TooLong(path.to_owned()));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(parent)
            .map_err(failed("make the directory of"))?;
    }
    // Whoever could write there could put a socket of his own in place of this one.
    files::check_parents(path)?;
    clear(path)?;
    let listener = UnixListener::bind(path).map_err(failed("listen on"))?;
    give(config)?;
    Ok(listener)
}

/// The socket of an earlier process, if it is the one that is wanted and its file is still there: who has connected
/// meanwhile waits in it.
pub(super) fn adopt(kept: OwnedFd, config: &Config) -> Result<Option<UnixListener>, Error> {
    let path = config.socket.as_path();
    let failed = |action| move |source| Error::System { action, path: path.to_owned(), source };
    let listener = net::UnixListener::from(kept);
    let is_wanted = listener.local_addr().is_ok_and(|address| address.as_pathname() == Some(path));
    let is_there = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if !is_wanted || !is_there {
        return Ok(None);
    }
    files::check_parents(path)?;
    give(config)?;
    listener.set_nonblocking(true).map_err(failed("listen on"))?;
    UnixListener::from_std(listener).map(Some).map_err(failed("listen on"))
}

/// Sets the file's group and mode.
fn give(config: &Config) -> Result<(), Error> {
    let path = config.socket.as_path();
    let failed = |action| move |source| Error::System { action, path: path.to_owned(), source };
    let (group, mode) = owner(&config.groups);
    let group = group.map(|group| group.as_raw());
    // Where it is that group's already, no right to change it is needed.
    if group.is_some() && group != fs::metadata(path).ok().map(|found| found.gid()) {
        std::os::unix::fs::chown(path, None, group).map_err(failed("set the group of"))?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set the mode of"))
}

/// Group and mode of the socket file.
fn owner(groups: &Groups) -> (Option<Gid>, u32) {
    let mut set = groups.set();
    match set.next() {
        None => (None, 0o600),
        Some(group) if set.all(|other| other == group) => (Some(group), 0o660),
        Some(_) => (None, 0o666),
    }
}

/// Removes a socket that nobody listens on.
fn clear(path: &Path) -> Result<(), Error> {
    let failed = |action| move |source| Error::System { action, path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at")(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(Error::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(Error::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("remove the stale"))
        }
        Err(error) => Err(failed("try")(error)),
    }
}

/// Removes the socket at the end; one that is gone already is no matter.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove the socket");
    }
}
