//! Where the last search ended: a file that says up to which event everything has been told.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use super::exit;
use crate::event::Event;
use crate::query::run::Cursor;
use crate::record::stamp::{self, EventId};

/// Why a checkpoint is of no use.
#[derive(Debug, ThisError)]
pub(super) enum Error {
    #[error("{} holds no checkpoint: {line:?} is none of dev=, inode=, place= and output=", path.display())]
    Bad { path: PathBuf, line: String },
    #[error("cannot use the checkpoint's file {}", path.display())]
    System {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the checkpoint's event is not in the log any more; --start checkpoint goes on from its time")]
    Lost,
}

impl Error {
    /// The exit status that says so.
    pub(super) fn status(&self) -> u8 {
        match self {
            Error::Bad { .. } => exit::CHECKPOINT_BAD,
            Error::System { .. } => exit::CHECKPOINT_FAILED,
            Error::Lost => exit::CHECKPOINT_LOST,
        }
    }
}

/// Where an event was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// In what has no name, as standard input.
    #[default]
    None,
    /// In a file.
    File { device: u64, inode: u64 },
    /// In the store.
    Store(Cursor),
}

/// The last event that has been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) place: Place,
    pub(super) node: Option<Box<[u8]>>,
    pub(super) id: EventId,
    /// The type of its first record.
    pub(super) kind: u16,
}

impl Checkpoint {
    /// The checkpoint after an event.
    pub(super) fn of(event: &Event, place: Place) -> Checkpoint {
        let kind = event.records().next().map_or(0, |(kind, _)| kind.0);
        Checkpoint { place, node: event.node.clone(), id: event.id, kind }
    }

    /// Whether this is the event.
    pub(super) fn is(&self, event: &Event) -> bool {
        self.id == event.id && self.node == event.node
    }

    /// Reads a checkpoint; `None` when none has been made yet.
    pub(super) fn load(path: &Path) -> Result<Option<Checkpoint>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::System { path: path.to_owned(), source }),
        };
        let bad = |line: &str| Error::Bad { path: path.to_owned(), line: line.to_owned() };
        let (mut device, mut inode, mut store, mut output) = (None, None, None, None);
        for line in text.lines() {
            let (name, value) = line.split_once('=').ok_or_else(|| bad(line))?;
            match name {
                "dev" => device = u64::from_str_radix(value.trim_start_matches("0x"), 16).ok(),
                "inode" => inode = value.parse().ok(),
                "place" => store = value.parse().ok(),
                "output" => output = event(value),
                _ => return Err(bad(line)),
            }
        }
        let (node, id, kind) = output.ok_or_else(|| bad(text.lines().last().unwrap_or_default()))?;
        let place = match (device, inode, store) {
            (_, _, Some(cursor)) => Place::Store(cursor),
            (Some(device), Some(inode), None) => Place::File { device, inode },
            _ => return Err(bad(text.lines().next().unwrap_or_default())),
        };
        Ok(Some(Checkpoint { place, node, id, kind }))
    }

    /// Writes the checkpoint: whole or not at all.
    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let place = match self.place {
            Place::None => "dev=0x0\ninode=0\n".to_owned(),
            Place::File { device, inode } => format!("dev={device:#X}\ninode={inode}\n").replace("0X", "0x"),
            Place::Store(cursor) => format!("place={cursor}\n"),
        };
        let node = self.node.as_deref().map_or("-".into(), String::from_utf8_lossy);
        let text = format!("{place}output={node} {} {:#X}\n", self.id, self.kind).replace(" 0X", " 0x");
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, path))
            .map_err(|source| Error::System { path: path.to_owned(), source })
    }
}

/// Node, id, and type of the first record.
type Output = (Option<Box<[u8]>>, EventId, u16);

/// `NODE SECONDS.MILLISECONDS:SERIAL 0xTYPE`, with `-` for no node.
fn event(text: &str) -> Option<Output> {
    let mut words = text.split(' ');
    let (node, id, kind) = (words.next()?, words.next()?, words.next()?);
    let (id, _) = stamp::split(format!("audit({id}):").as_bytes()).ok().map(|(id, rest)| (id, rest.len()))?;
    let kind = u16::from_str_radix(kind.strip_prefix("0x")?, 16).ok()?;
    let node = (node != "-").then(|| Box::from(node.as_bytes()));
    Some((node, id, kind))
}
