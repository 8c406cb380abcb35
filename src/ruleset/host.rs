//! This host, for the text of rules.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use foldhash::fast::RandomState;
use nix::unistd::{Group, User};

use crate::rules::host::Host;

/// This host as it is when it is first asked: a name or path is looked up once, however many rules have it.
#[derive(Debug, Default)]
pub struct ThisHost {
    users: RefCell<HashMap<String, Option<u32>>>,
    groups: RefCell<HashMap<String, Option<u32>>>,
    /// Whether a path is a directory; `None` where there is nothing.
    paths: RefCell<HashMap<Vec<u8>, Option<bool>, RandomState>>,
}

impl ThisHost {
    fn path(&self, path: &[u8]) -> Option<bool> {
        let mut known = self.paths.borrow_mut();
        if let Some(found) = known.get(path) {
            return *found;
        }
        let found = Path::new(OsStr::from_bytes(path)).metadata().ok().map(|found| found.is_dir());
        known.insert(path.to_vec(), found);
        found
    }
}

fn once(
    known: &RefCell<HashMap<String, Option<u32>>>,
    name: &str,
    find: impl FnOnce() -> Option<u32>,
) -> Option<u32> {
    let mut known = known.borrow_mut();
    match known.get(name) {
        Some(id) => *id,
        None => *known.entry(name.to_owned()).or_insert_with(find),
    }
}

impl Host for ThisHost {
    fn user(&self, name: &str) -> Option<u32> {
        once(&self.users, name, || User::from_name(name).ok().flatten().map(|user| user.uid.as_raw()))
    }

    fn group(&self, name: &str) -> Option<u32> {
        once(&self.groups, name, || Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw()))
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        self.path(path) == Some(true)
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.path(path).is_some()
    }
}
