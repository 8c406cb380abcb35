//! How old something is, by a clock that may be set back.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::Error;

/// How long `before` is before `now`; nothing where the clock was set back.
pub(super) fn elapsed(now: SystemTime, before: SystemTime) -> Duration {
    now.duration_since(before).unwrap_or_default()
}

/// When a file was made; where the file system does not know, when it was last written.
pub(super) fn made(file: &File, path: &Path) -> Result<SystemTime, Error> {
    let found = file.metadata().map_err(Error::io("look at", path))?;
    found.created().or_else(|_| found.modified()).map_err(Error::io("look at", path))
}
