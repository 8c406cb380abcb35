//! A log as auditd writes it: its text, its rotation, its modes.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Gid;

use super::error::Error;
use super::form::{self, Form};
use super::state::State;
use super::worker::{Destination, Sent};
use crate::entry::Stored;
use crate::sys::files;

/// Rotated files that are counted at most where none is removed.
const KEPT_MAX: u32 = 100_000;

/// What is done with a file that has its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMax {
    /// It becomes `.1`, that `.2` and so on, and the last one is removed (`ROTATE`).
    Rotate,
    /// The same, and none is removed (`KEEP_LOGS`).
    Keep,
    /// It grows on (`IGNORE`).
    Ignore,
}

/// A text log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// `Raw` or `Enriched`.
    pub form: Form,
    /// The size at which something is done.
    pub max_bytes: u64,
    /// What is done.
    pub on_max: OnMax,
    /// Files at most, the one that is written counted; with fewer than 2 none is rotated.
    pub files: u32,
    /// Whose members may read the files, which are then of mode 0640 and 0440 in place of 0600 and 0400.
    pub group: Option<Gid>,
}

/// The file, open or to be opened.
pub(super) struct TextLog {
    config: Config,
    open: Option<(File, u64)>,
}

impl TextLog {
    pub(super) fn new(config: Config) -> TextLog {
        TextLog { config, open: None }
    }

    fn mode(&self, for_group: u32, without: u32) -> u32 {
        if self.config.group.is_some() { for_group } else { without }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = self.config.path.clone();
        move |source| Error::Path { action, path, source }
    }

    /// The file to be written, with its length.
    fn file(&mut self) -> Result<&mut (File, u64), Error> {
        if self.open.is_none() {
            self.open = Some(self.begin()?);
        }
        Ok(self.open.as_mut().expect("it was opened"))
    }

    fn begin(&self) -> Result<(File, u64), Error> {
        let path = &self.config.path;
        if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
            let mode = self.mode(0o750, 0o700);
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(dir)
                .map_err(self.failed("make the directory of"))?;
            std::os::unix::fs::chown(dir, None, self.config.group.map(Gid::as_raw))
                .map_err(self.failed("set the group of the directory of"))?;
        }
        files::check_parents(path)?;
        let mode = self.mode(0o640, 0o600);
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(mode)
            // A pipe that nobody reads must not hold this up, nor a link lead elsewhere.
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(self.failed("open"))?;
        let found = file.metadata().map_err(self.failed("look at"))?;
        if !found.is_file() {
            return Err(Error::NotAFile(path.clone()));
        }
        files::check_own(&file, path)?;
        std::os::unix::fs::fchown(&file, None, self.config.group.map(Gid::as_raw))
            .map_err(self.failed("set the group of"))?;
        file.set_permissions(Permissions::from_mode(mode)).map_err(self.failed("set the mode of"))?;
        self.remove_excess();
        Ok((file, found.len()))
    }

    /// The name of a rotated file; 0 is the one that is written.
    fn numbered(&self, number: u32) -> PathBuf {
        match number {
            0 => self.config.path.clone(),
            number => {
                let mut name = self.config.path.clone().into_os_string();
                name.push(format!(".{number}"));
                name.into()
            }
        }
    }

    /// Removes files with numbers beyond the last, which an earlier configuration has left.
    fn remove_excess(&self) {
        if self.config.on_max != OnMax::Rotate || self.config.files < 2 {
            return;
        }
        for number in self.config.files..KEPT_MAX {
            if fs::remove_file(self.numbered(number)).is_err() {
                return;
            }
        }
    }

    fn rotate(&mut self) -> Result<(), Error> {
        let last = match self.config.on_max {
            OnMax::Ignore => return Ok(()),
            OnMax::Rotate if self.config.files < 2 => return Ok(()),
            OnMax::Rotate => self.config.files - 1,
            OnMax::Keep => {
                let free = (1..KEPT_MAX).find(|number| !self.numbered(*number).exists());
                free.unwrap_or(KEPT_MAX)
            }
        };
        let Some((file, _)) = self.open.take() else { return Ok(()) };
        let mode = self.mode(0o440, 0o400);
        file.set_permissions(Permissions::from_mode(mode)).map_err(self.failed("set the mode of"))?;
        for number in (1..=last).rev() {
            move_file(&self.numbered(number - 1), &self.numbered(number)).map_err(self.failed("rotate"))?;
        }
        Ok(())
    }
}

/// Renames a file if it is there.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Destination for TextLog {
    fn messages(&mut self, line: &[u8], stored: &Stored, messages: &mut VecDeque<Vec<u8>>) {
        let mut text = Vec::new();
        for record in form::lines(self.config.form, line, stored) {
            text.extend_from_slice(&record);
            text.push(b'\n');
        }
        messages.push_back(text);
    }

    fn send(&mut self, message: &[u8], _: &State) -> Result<Sent, Error> {
        let failed = self.failed("write");
        let max_bytes = self.config.max_bytes;
        let (file, length) = self.file()?;
        if let Err(error) = file.write_all(message) {
            // Not half an event: a full disk may have taken a part.
            let _ = file.set_len(*length);
            return Err(failed(error));
        }
        *length += u64::try_from(message.len()).unwrap_or(0);
        // The message is written: what is wrong with the rotation is told with the next one.
        if *length >= max_bytes
            && let Err(error) = self.rotate()
        {
            tracing::error!("{error}");
        }
        Ok(Sent::Done)
    }
}
