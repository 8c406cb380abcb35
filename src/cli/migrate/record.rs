//! What a migration has made, so that it can be undone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// The record's name in the configuration's directory.
const NAME: &str = "migration.json";
/// The version of its form.
const VERSION: u32 = 1;

/// What was made, and what was there before.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    /// Where the configuration came from.
    pub(super) from: PathBuf,
    /// Files that were written.
    pub(super) files: Vec<Written>,
    /// Directories that were made, the outer ones first.
    pub(super) dirs: Vec<PathBuf>,
    /// Files of the log that the import has made.
    pub(super) imported: Vec<PathBuf>,
}

/// A file that was written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// Its text, to see whether it was changed since.
    pub(super) text: String,
    /// The text that was there before.
    pub(super) before: Option<String>,
}

impl Record {
    pub(super) fn new(from: &Path) -> Record {
        Record {
            version: VERSION,
            from: from.to_owned(),
            files: Vec::new(),
            dirs: Vec::new(),
            imported: Vec::new(),
        }
    }

    /// The record in the directory, if there is one.
    pub(super) fn read(to: &Path) -> anyhow::Result<Option<Record>> {
        let path = to.join(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let record: Record = serde_json::from_str(&text)
            .with_context(|| format!("{} is no record of a migration", path.display()))?;
        if record.version != VERSION {
            bail!("{} is of version {}; this program knows {VERSION}", path.display(), record.version);
        }
        Ok(Some(record))
    }

    /// Keeps the record: before anything it tells of is done, so that a migration that was cut off can be undone.
    pub(super) fn keep(&self, to: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        write(&to.join(NAME), &text)
    }

    /// Makes a directory and those above it.
    pub(super) fn make_dir(&mut self, dir: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
        for dir in missing.into_iter().rev() {
            fs::create_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            self.dirs.push(dir.to_owned());
        }
        Ok(())
    }

    /// Puts everything back; gives what could not be, because it was changed since.
    pub(super) fn undo(self, to: &Path) -> anyhow::Result<Vec<String>> {
        let mut kept = undo_import(&self.imported)?;
        for file in &self.files {
            let path = file.path.display();
            match fs::read_to_string(&file.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
                Ok(text) if text != file.text => {
                    kept.push(format!("{path} was changed since and stays"));
                    continue;
                }
                Ok(_) => {}
            }
            match &file.before {
                Some(before) => write(&file.path, before)?,
                None => remove(&file.path)?,
            }
        }
        remove(&to.join(NAME))?;
        for dir in self.dirs.iter().rev() {
            // One that is not empty has something of another's.
            let _ = fs::remove_dir(dir);
        }
        Ok(kept)
    }
}

/// Removes what the import has made, if nobody has written into that log since.
fn undo_import(imported: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let Some(dir) = imported.first().and_then(|path| path.parent()) else { return Ok(Vec::new()) };
    let now = log_files(dir)?;
    let others = now.iter().filter(|path| !imported.contains(path)).count();
    if others > 0 {
        return Ok(vec![format!(
            "the imported events stay: {others} files in {} are not of the import",
            dir.display()
        )]);
    }
    imported.iter().try_for_each(|path| remove(path))?;
    let _ = fs::remove_dir(dir.join("quarantine"));
    let _ = fs::remove_dir(dir);
    Ok(Vec::new())
}

/// The files in a log's directory; none where there is no such directory.
pub(super) fn log_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot read {}", dir.display()))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a file by way of another name: it is there whole or not at all. Readable for root only, as auditd's.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    let written = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&new);
    let written = written.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
