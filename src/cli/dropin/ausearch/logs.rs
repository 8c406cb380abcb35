//! Searches in logs of auditd.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::auditd;
use super::checkpoint::{self, Checkpoint, Place};
use super::options::Options;
use super::output::Output;
use crate::enrich::Names;
use crate::event::Event;
use crate::event::assembler::Incoming;
use crate::event::window::{TIMEOUT_S_DEFAULT, Window};
use crate::ingest::lines::Lines;
use crate::record::RecordType;
use crate::record::line::{self, ENRICHED_SEPARATOR, LineError};
use crate::record::stamp;

/// The name of auditd's log in a directory.
const LOG_NAME: &str = "audit.log";

/// What is read.
#[derive(Debug)]
pub(in crate::cli::dropin) enum Source {
    Stdin,
    /// Files, oldest first.
    Files(Vec<PathBuf>),
}

impl Source {
    /// A log, or the logs of a directory.
    pub(in crate::cli::dropin) fn path(path: &Path) -> anyhow::Result<Source> {
        let found = path.metadata().with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Source::Files(match found.is_dir() {
            true => chain(&path.join(LOG_NAME)),
            false => vec![path.to_owned()],
        }))
    }
}

/// A log and its rotated predecessors, oldest first: `audit.log.2`, `audit.log.1`, `audit.log`.
pub(super) fn chain(log: &Path) -> Vec<PathBuf> {
    let numbered = |number: u32| {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut files: Vec<_> = (1..).map(numbered).take_while(|path| path.exists()).collect();
    files.reverse();
    files.push(log.to_owned());
    files
}

/// Writes the events that are wanted. Gives the last one that was looked at, with its place.
pub(super) fn search(
    source: Source,
    options: &Options,
    after: Option<Checkpoint>,
    output: &mut Output,
) -> anyhow::Result<Option<Checkpoint>> {
    let timeout_s = options.timeout_s.or_else(auditd::timeout_s).unwrap_or(TIMEOUT_S_DEFAULT);
    let mut search = Search {
        options,
        window: Window::new(timeout_s),
        after: None,
        last: None,
        place: Place::default(),
        output,
    };
    match source {
        Source::Stdin => {
            search.after = after;
            if search.read(io::stdin().lock())?.is_break() {
                return Ok(search.last);
            }
        }
        Source::Files(mut files) => {
            if let Some(after) = after {
                from(&after, &mut files)?;
                search.after = Some(after);
            }
            for path in files {
                let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
                let found = file.metadata().with_context(|| format!("cannot open {}", path.display()))?;
                search.place = Place::File { device: found.dev(), inode: found.ino() };
                let read = search.read(file);
                if read.with_context(|| format!("cannot read {}", path.display()))?.is_break() {
                    return Ok(search.last);
                }
            }
        }
    }
    search.finish()
}

/// Leaves out the files before that which the checkpoint was made in.
fn from(after: &Checkpoint, files: &mut Vec<PathBuf>) -> Result<(), checkpoint::Error> {
    let Place::File { device, inode } = after.place else { return Err(checkpoint::Error::Lost) };
    let is_it =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.dev() == device && found.ino() == inode);
    let first = files.iter().position(is_it).ok_or(checkpoint::Error::Lost)?;
    files.drain(..first);
    Ok(())
}

struct Search<'a> {
    options: &'a Options,
    window: Window,
    /// The event after which output begins, until it has come.
    after: Option<Checkpoint>,
    last: Option<Checkpoint>,
    place: Place,
    output: &'a mut Output,
}

impl Search<'_> {
    fn read(&mut self, source: impl Read) -> anyhow::Result<ControlFlow<()>> {
        let mut lines = Lines::new(source);
        while let Some(text) = lines.next_line()? {
            if self.line(text)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn line(&mut self, text: &[u8]) -> anyhow::Result<ControlFlow<()>> {
        let Some(record) = record(text) else {
            if self.options.debug && !text.is_empty() {
                eprintln!("ausearch: no record: {}", String::from_utf8_lossy(text));
            }
            return Ok(ControlFlow::Continue(()));
        };
        if self.window.push(&record) {
            while let Some(event) = self.window.ready() {
                if self.event(event)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn event(&mut self, event: Event) -> anyhow::Result<ControlFlow<()>> {
        if let Some(after) = &self.after {
            if after.is(&event) {
                self.after = None;
            }
            self.window.recycle(event);
            return Ok(ControlFlow::Continue(()));
        }
        if self.options.checkpoint.is_some() {
            self.last = Some(Checkpoint::of(&event, self.place));
        }
        if !self.options.wanted.accepts(&event) {
            self.window.recycle(event);
            return Ok(ControlFlow::Continue(()));
        }
        self.output.event(event, Names::default())?;
        self.output.written().for_each(|event| self.window.recycle(event));
        Ok(if self.options.just_one { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Writes what is left; with a checkpoint that is left to the next time, since more records may come.
    fn finish(mut self) -> anyhow::Result<Option<Checkpoint>> {
        if self.options.checkpoint.is_none() {
            while let Some(event) = self.window.take() {
                if self.event(event)?.is_break() {
                    break;
                }
            }
        }
        match self.after {
            Some(_) => Err(checkpoint::Error::Lost.into()),
            None => Ok(self.last),
        }
    }
}

/// The record that a line holds, with what the ENRICHED format adds. One of a type that has no number is a line as a
/// whole, of type 0.
fn record(text: &[u8]) -> Option<Incoming<'_>> {
    match line::split(text) {
        Ok(split) => {
            let line::Line { node, kind, unnamed, id, body, names } = split;
            // The tail follows the body to the end of the line; it may be empty.
            let tail = if names.is_empty() {
                usize::from(text.ends_with(&[ENRICHED_SEPARATOR]))
            } else {
                names.len() + 1
            };
            let start = text.len().checked_sub(body.len() + tail)?;
            let body = text.get(start..)?;
            Some(Incoming { node, kind, unnamed, id, body })
        }
        Err(LineError::UnknownType) => {
            let at = memchr::memmem::find(text, b" msg=audit(")?;
            let (id, _) = stamp::split(text.get(at + 5..)?).ok()?;
            // The text is the whole line, which is what a record of type 0 that had no number stands for.
            Some(Incoming { node: None, kind: RecordType(0), unnamed: true, id, body: text })
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_stays_with_its_record() {
        let text = b"node=a type=SYSCALL msg=audit(1.000:2): uid=0\x1dUID=\"root\"";
        let found = record(text).expect("a record");
        assert_eq!((found.node, found.body), (Some(&b"a"[..]), &b"uid=0\x1dUID=\"root\""[..]));
        let unknown = record(b"type=NO_SUCH msg=audit(1.000:2): a=1").expect("a record");
        assert_eq!((unknown.kind, unknown.id.serial), (RecordType(0), 2));
        assert!(record(b"not a record").is_none());
    }
}
