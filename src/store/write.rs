//! The writer: appends, rotates, retains; sealing and waiting for the disk happen in the background.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::age::{elapsed, made};
use super::background::{Background, Sync};
use super::catalogue::{Catalogue, Segment, Shared};
use super::chain::{Signer, Signing};
use super::disk::Disk;
use super::error::{Error, Notice, Problem};
use super::live::{Live, LiveIndex};
use super::lock::WriteLock;
use super::open::Extent;
use super::retention::{Place, Retention};
use super::term::Terms;
use super::volume::{Mounted, Volume};
use super::{
    BUFFER_BYTES_MAX, Config, Describe, Flush, INDEX_BYTES_MAX, LINE_BYTES_MAX, Position,
    SEGMENT_ENTRIES_MAX, Stamp, UNSEALED_MAX, WRITE_BYTES, checkpoint, names, open,
};

/// How long to wait before work in the background that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// After a rotation failed it is tried again when the active segment has grown by this many bytes.
const ROTATE_AGAIN_BYTES: u64 = 1 << 20;

/// Growth of the active segment in bytes after which its index is written down when the store is closed.
const CHECKPOINT_BYTES_LAST: u64 = 1 << 20;

/// The one writer of a log directory.
pub struct Store {
    config: Config,
    pub(super) disk: Disk,
    pub(super) shared: Arc<Shared>,
    pub(super) background: Background,
    live: Arc<Live>,
    /// Lines that are not yet in the file; the first `written` bytes are.
    buffer: Vec<u8>,
    written: usize,
    /// Length of the active segment with what is buffered.
    length: u64,
    /// Whether the active segment has the name of a numbered one already: a rotation failed halfway, and so did going
    /// back. The next one goes on from there.
    is_numbered: bool,
    /// When the active segment's file was made.
    since: SystemTime,
    /// The length at which the active segment is rotated.
    rotate_at: u64,
    /// Length of the active segment at its last checkpoint.
    checkpoint: u64,
    /// Whether something was written since the last sync was asked for.
    unsynced: bool,
    /// What has to be durable, besides the active segment's file, before the next promise.
    owed: Vec<Sync>,
    last_sync: SystemTime,
    last_wake: SystemTime,
    last_sign: SystemTime,
    /// How far signing has come; `None` where nothing is signed.
    pub(super) signing: Option<Arc<Signing>>,
    /// An error that the next `flush` or `tick` tells.
    trouble: Option<Error>,
    retention: Retention,
    /// Held as long as the store is open.
    _lock: WriteLock,
}

impl Store {
    /// Opens a log directory for writing, makes it where it is missing, and mends what a crash has left. What was found
    /// and did not stop it is told. Segments that were not sealed yet are, in the background.
    pub fn open(config: Config, describe: Describe) -> Result<(Store, Vec<Problem>), Error> {
        Store::open_on(config, describe, Arc::new(Mounted))
    }

    /// Makes a log directory where it is missing, as [`Store::open`] does first.
    pub fn make_dir(config: &Config) -> Result<(), Error> {
        Disk::prepare(config, Arc::new(Mounted)).map(drop)
    }

    pub(super) fn open_on(
        config: Config,
        describe: Describe,
        volume: Arc<dyn Volume>,
    ) -> Result<(Store, Vec<Problem>), Error> {
        let disk = Disk::prepare(&config, volume)?;
        let lock = disk.lock()?;
        let loaded = open::for_writing(&disk, &describe, Extent::Needed)?;
        let live = loaded.active.ok_or(Error::Removed { path: disk.path(names::ACTIVE) })?;
        let catalogue = Catalogue { closed: loaded.closed, active: Some(live.clone()) };
        let shared = Arc::new(Shared::new(loaded.dir, describe, loaded.caches, catalogue));
        let signing = config.sign.map(|_| Arc::new(Signing::default()));
        let signer = signing.as_ref().map(|signing| Signer::new(&disk, &shared, signing));
        let background = Background::start(&shared, &disk, config.compression, signer)?;
        background.wake();
        background.sign();
        let length = live.bytes(live.visible());
        let since = made(&live.file, &live.path())?;
        let store = Store {
            rotate_at: config.rotate_bytes,
            config,
            disk,
            shared,
            background,
            live,
            buffer: Vec::with_capacity(WRITE_BYTES * 2),
            written: 0,
            length,
            is_numbered: false,
            since,
            checkpoint: loaded.covered,
            // What an earlier run wrote may not be on disk.
            unsynced: length > 0,
            owed: Vec::new(),
            last_sync: UNIX_EPOCH,
            last_wake: UNIX_EPOCH,
            last_sign: UNIX_EPOCH,
            signing,
            trouble: None,
            retention: Retention::default(),
            _lock: lock,
        };
        Ok((store, loaded.problems))
    }

    /// Appends an entry: `line` is one line without newline. Ordinarily it goes to a buffer; [`Flush::EveryEvent`] says
    /// otherwise. An error for which [`Error::refused`] is false means that the entry was taken all the same, and that
    /// writing it is tried again with the next flush.
    pub fn append(&mut self, stamp: Stamp, terms: &Terms, line: &[u8]) -> Result<Position, Error> {
        self.acceptable(line)?;
        if self.length >= self.rotate_at || self.index_is_full() {
            self.rotate_when_due();
        }
        let length = self.length + line.len() as u64 + 1;
        let Some(ordinal) = self.live.change(|index| index.add(stamp, terms, length)) else {
            let reason = "the active segment is full and could not be rotated";
            return Err(Error::LineRefused { bytes: line.len(), reason });
        };
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        self.length = length;
        if self.config.flush == Flush::EveryEvent {
            self.write_out()?;
            self.disk.sync(&self.live.file, &self.live.path())?;
            self.unsynced = false;
            self.pay()?;
        } else if self.buffer.len() - self.written >= WRITE_BYTES
            && let Err(error) = self.write_out()
        {
            self.trouble = Some(error);
        }
        Ok(Position { segment: self.live.id, ordinal })
    }

    fn acceptable(&mut self, line: &[u8]) -> Result<(), Error> {
        let refused = |reason| Err(Error::LineRefused { bytes: line.len(), reason });
        if line.is_empty() {
            return refused("it is empty");
        }
        if line.len() > LINE_BYTES_MAX {
            return refused("it is longer than 16 MiB");
        }
        if memchr::memchr(b'\n', line).is_some() {
            return refused("it has a newline");
        }
        if self.buffer.len() - self.written < BUFFER_BYTES_MAX {
            return Ok(());
        }
        match self.write_out() {
            Err(Error::Io { path, source, .. }) => {
                Err(Error::BufferFull { path, bytes: self.buffer.len() - self.written, source })
            }
            other => other,
        }
    }

    fn index_is_full(&self) -> bool {
        self.live
            .change(|index| index.entries() >= SEGMENT_ENTRIES_MAX || index.memory_bytes() >= INDEX_BYTES_MAX)
    }

    /// Rotates; where that fails the active segment grows on, and it is told later.
    fn rotate_when_due(&mut self) {
        if self.length < self.rotate_at && self.rotate_at > self.config.rotate_bytes {
            return;
        }
        if let Err(error) = self.rotate() {
            self.trouble = Some(error);
            self.rotate_at = self.length + ROTATE_AGAIN_BYTES;
        }
    }

    /// Writes what is buffered: from then on `tail -F` shows it and a search finds it. A part that was written stays
    /// written; the rest is kept for the next attempt.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.write_out()?;
        self.trouble.take().map_or(Ok(()), Err)
    }

    fn write_out(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        while let Some(rest) = self.buffer.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.disk.write(&self.live.file, rest) {
                Ok(0) => {
                    return Err(Error::io("write", &self.live.path())(io::ErrorKind::WriteZero.into()));
                }
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("write", &self.live.path())(error)),
            }
        }
        self.buffer.clear();
        self.written = 0;
        self.unsynced = true;
        self.live.publish();
        Ok(())
    }

    /// Does what time brings: writes what is buffered, rotates by age, asks for a sync, retains, tries again what
    /// failed. To be called about every second; it waits for no disk but to list and remove files. The first error is
    /// returned, and all is tried nevertheless.
    pub fn tick(&mut self, now: SystemTime) -> Result<(), Error> {
        let mut result = self.flush();
        if self.config.rotate_age.is_some_and(|age| elapsed(now, self.since) >= age) {
            result = result.and(self.rotate());
        }
        let (sync_error, failed) = self.background.take_unsynced();
        failed.into_iter().for_each(|sync| self.owe(sync));
        if let Flush::Interval(interval) = self.config.flush
            && (self.unsynced || !self.owed.is_empty())
            && elapsed(now, self.last_sync) >= interval
        {
            if std::mem::take(&mut self.unsynced) {
                self.owe(Sync::File(self.live.file.clone(), self.live.path()));
            }
            self.hand_over();
            self.last_sync = now;
        }
        if let Some(checkpoint) = self.checkpoint(self.config.checkpoint_bytes) {
            let _ = self.background.sync(checkpoint);
        }
        if elapsed(now, self.last_wake) >= RETRY {
            self.last_wake = now;
            self.background.wake();
        }
        if self.config.sign.is_some_and(|interval| elapsed(now, self.last_sign) >= interval) {
            self.last_sign = now;
            self.background.sign();
        }
        let place = Place {
            shared: &self.shared,
            disk: &self.disk,
            background: &self.background,
            signing: self.signing.as_deref(),
            active: (self.live.id, self.length),
        };
        let retained = self.retention.apply(&self.config, &place, now);
        result = result.and(retained);
        result.and(sync_error.map_or(Ok(()), Err))
    }

    /// A checkpoint of the active segment, if it has grown so much since the last.
    fn checkpoint(&mut self, grown: u64) -> Option<Sync> {
        // Only what is in the file may be in it.
        if !self.buffer.is_empty() || self.length < self.checkpoint + grown {
            return None;
        }
        self.checkpoint = self.length;
        let live = &self.live;
        let bytes = live.with(|index| checkpoint::encode(index, live.id, &live.file))?;
        Some(Sync::Checkpoint { bytes, file: live.file.clone(), path: live.path() })
    }

    fn owe(&mut self, sync: Sync) {
        // The next rotation writes a higher number, and until then the names tell it.
        if matches!(sync, Sync::Manifest(_)) || self.config.flush == Flush::None {
            return;
        }
        self.owed.retain(|other| !other.is_moot());
        if !self.owed.iter().any(|other| other.is_same(&sync)) {
            self.owed.push(sync);
        }
    }

    /// Gives the syncs that are owed to the thread in the background, as far as it takes them.
    fn hand_over(&mut self) {
        for sync in std::mem::take(&mut self.owed) {
            if let Err(sync) = self.background.sync(sync) {
                self.owed.push(sync);
            }
        }
    }

    /// Does what is owed and waits for it. What fails stays owed.
    fn pay(&mut self) -> Result<(), Error> {
        while let Some(sync) = self.owed.first() {
            sync.run(&self.disk)?;
            self.owed.remove(0);
        }
        Ok(())
    }

    /// Makes the active segment a numbered one and begins a new one; an empty one stays. Where too many wait to be
    /// sealed it waits for one.
    pub fn rotate(&mut self) -> Result<(), Error> {
        self.write_out()?;
        if self.length == 0 {
            return Ok(());
        }
        if self.shared.unsealed().1 >= UNSEALED_MAX {
            self.background.wait_unsealed(&self.shared, UNSEALED_MAX - 1)?;
        }
        let segment = self.live.id;
        let file = self.disk.create(names::ACTIVE_NEXT)?;
        let numbered = names::numbered(segment);
        if !self.is_numbered {
            self.disk.rename(names::ACTIVE, &numbered)?;
        }
        if let Err(error) = self.disk.rename(names::ACTIVE_NEXT, names::ACTIVE) {
            self.is_numbered = self.disk.rename(&numbered, names::ACTIVE).is_err();
            return Err(error);
        }
        self.is_numbered = false;
        let path = self.disk.path(names::ACTIVE);
        let since = made(&file, &path);
        let (dir, file) = (self.disk.dir.clone(), Arc::new(file));
        let live = Arc::new(Live::new(segment + 1, dir, file, LiveIndex::default()));
        let old = std::mem::replace(&mut self.live, live.clone());
        old.freeze();
        self.shared.with(|catalogue| {
            catalogue.closed.push(Segment::Live(old.clone()));
            catalogue.active = Some(live);
        });
        self.length = 0;
        self.checkpoint = 0;
        self.rotate_at = self.config.rotate_bytes;
        self.background.notice(Notice::Rotated { segment });
        self.background.wake();
        self.background.sign();
        self.after_rotation(&old)?;
        // Where the thread is busy the next one will do: the number is only a lower bound.
        let _ = self.background.sync(Sync::Manifest(segment + 1));
        self.since = since?;
        Ok(())
    }

    /// Makes durable what the flush setting promises.
    fn after_rotation(&mut self, old: &Live) -> Result<(), Error> {
        if self.config.flush == Flush::None {
            return Ok(());
        }
        if std::mem::take(&mut self.unsynced) {
            self.owe(Sync::File(old.file.clone(), old.path()));
        }
        self.owe(Sync::Directory);
        if self.config.flush != Flush::EveryEvent {
            self.hand_over();
        }
        // Where it was not taken, the disk is so far behind that waiting for it is all that keeps the promise.
        self.pay()
    }

    /// Waits until every numbered segment is sealed, as after an import. An error means that sealing failed; what is
    /// not sealed stays searchable and is tried again.
    pub fn seal_all(&mut self) -> Result<(), Error> {
        self.background.wait_unsealed(&self.shared, 0)
    }

    /// Has all signed that was written, whatever the interval, and waits for it. What fails is told as a notice.
    pub fn sign(&mut self) -> Result<(), Error> {
        self.write_out()?;
        self.background.sign_all();
        Ok(())
    }

    /// Writes what is buffered and makes all durable, whatever the flush setting.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.disk.sync(&self.live.file, &self.live.path())?;
        self.unsynced = false;
        self.pay()
    }

    /// Writes what is buffered and stops the threads, and no more, for a process that goes on at once: producers of events may
    /// be held back meanwhile, and a disk that is busy may take seconds for each of the things that [`Store::close`] waits
    /// for. What is not synced and signed yet the next process syncs and signs.
    pub fn leave(mut self) -> Result<(), Error> {
        let written = self.write_out();
        self.background.stop();
        written
    }

    /// Writes, syncs and signs what is buffered, whatever the flush setting, and stops the threads. Numbered segments that
    /// are not sealed yet stay so until the next open.
    pub fn close(mut self) -> Result<(), Error> {
        let flushed = self.flush();
        let synced = self.disk.sync(&self.live.file, &self.live.path());
        self.background.sign_all();
        self.background.stop();
        if let Some(checkpoint) = self.checkpoint(self.config.checkpoint_bytes.min(CHECKPOINT_BYTES_LAST)) {
            let _ = checkpoint.run(&self.disk);
        }
        flushed.and(synced)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever wants to know of an error calls `close`.
        let _ = self.write_out();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    /// A disk that fills up takes a part of what is written and then nothing. A pipe that nobody reads does the same.
    #[test]
    fn what_a_full_disk_did_not_take_is_written_later_and_nothing_is_torn_or_doubled() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { dir: dir.path().join("log"), ..Config::default() };
        let describe: Describe = Arc::new(|_, _| Some(Stamp::default()));
        let (mut store, problems) = Store::open(config, describe).unwrap();
        assert_eq!(problems, []);
        let (mut reader, writer) = io::pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let file = Arc::new(File::from(OwnedFd::from(writer)));
        store.live = Arc::new(Live::new(1, store.disk.dir.clone(), file, LiveIndex::default()));

        let mut expected = Vec::new();
        let mut refused = None;
        for number in 0.. {
            let line = format!("{{\"n\":{number},\"x\":\"{}\"}}", "x".repeat(9000));
            match store.append(Stamp::default(), &Terms::default(), line.as_bytes()) {
                Ok(position) => assert_eq!(position.ordinal, number),
                Err(error) => {
                    assert!(error.refused(), "{error}");
                    refused = Some(error);
                    break;
                }
            }
            expected.extend_from_slice(line.as_bytes());
            expected.push(b'\n');
        }
        assert!(matches!(refused, Some(Error::BufferFull { .. })));
        assert!(store.flush().is_err());

        let thread = std::thread::spawn(move || {
            let mut found = Vec::new();
            reader.read_to_end(&mut found).map(|_| found)
        });
        while store.flush().is_err() {
            std::thread::yield_now();
        }
        drop(store);
        assert!(thread.join().unwrap().unwrap() == expected);
    }
}
