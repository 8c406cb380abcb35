//! Writing to a log of the daemon's own user: what root makes there has to be that user's.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use nix::unistd::{Gid, Uid, getegid, geteuid, getgroups, setegid, seteuid, setgroups};

/// While it is there, root acts as the owner of a directory. Holds for every thread.
pub(super) struct AsOwner {
    /// The group and the further groups of before, if there is a change.
    before: Option<(Gid, Vec<Gid>)>,
}

impl AsOwner {
    /// Changes nothing for who is not root, for root's own directory, and where there is none yet. `group` is the one
    /// that files there are to have: an owner who is not its member could not give it to them.
    pub(super) fn of(dir: &Path, group: Option<Gid>) -> anyhow::Result<AsOwner> {
        let found = match fs::metadata(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AsOwner { before: None }),
            found => found.with_context(|| format!("cannot look at {}", dir.display()))?,
        };
        if !geteuid().is_root() || found.uid() == 0 {
            return Ok(AsOwner { before: None });
        }
        let cannot = || format!("cannot act as the owner of {}", dir.display());
        let owner = AsOwner { before: Some((getegid(), getgroups().with_context(cannot)?)) };
        setgroups(group.as_slice())
            .and_then(|()| setegid(Gid::from_raw(found.gid())))
            .and_then(|()| seteuid(Uid::from_raw(found.uid())))
            .with_context(cannot)?;
        Ok(owner)
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        if let Some((group, groups)) = &self.before {
            // The real user is root all the while, who may do so.
            let _ = seteuid(Uid::from_raw(0));
            let _ = setegid(*group);
            let _ = setgroups(groups);
        }
    }
}
