//! The store's threads: one seals segments and writes indexes, one waits for the disk, one signs.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::cache::lock;
use super::catalogue::Shared;
use super::chain::Signer;
use super::disk::Disk;
use super::error::{Error, Notice};
use super::{checkpoint, manifest, seal};

/// Notices kept until they are asked for; the oldest are dropped beyond, since the files themselves tell the same.
const NOTICES_MAX: usize = 256;

/// Syncs that may wait. More than a rotated file and the active one never do unless the disk has stopped.
const SYNCS_MAX: usize = 4;

/// How often a waiting thread looks whether the other one is still alive.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a thread in the background has to tell.
#[derive(Default)]
struct Told {
    notices: VecDeque<Notice>,
    /// How often sealing has succeeded or failed.
    turns: u64,
    error: Option<Error>,
    /// The last error of a sync, and all syncs that have failed.
    sync_error: Option<Error>,
    unsynced: Vec<Sync>,
}

#[derive(Default)]
struct Board {
    told: Mutex<Told>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Board {
    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut lock(&self.told));
        self.changed.notify_all();
    }
}

impl Told {
    fn notice(&mut self, notice: Notice) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}

/// What is to be made durable.
pub(super) enum Sync {
    File(Arc<File>, PathBuf),
    Directory,
    /// The manifest with this number of the active segment; it is written first.
    Manifest(u64),
    /// The checkpoint of the active segment, once what it covers is durable. One that fails is a help that is missing, no
    /// more.
    Checkpoint {
        bytes: Vec<u8>,
        file: Arc<File>,
        path: PathBuf,
    },
    /// Nothing: an answer, when all that was handed over before is done.
    #[cfg(test)]
    Nothing(Sender<()>),
}

impl Sync {
    /// Does it, and waits for the disk.
    pub(super) fn run(&self, disk: &Disk) -> Result<(), Error> {
        match self {
            Sync::File(file, path) => disk.sync(file, path),
            Sync::Directory => disk.sync_dir(),
            Sync::Manifest(active) => manifest::write(disk, *active),
            Sync::Checkpoint { bytes, file, path } => {
                if let Err(error) = disk.sync(file, path).and_then(|()| checkpoint::write(disk, bytes)) {
                    tracing::debug!(%error, "no checkpoint of the active segment");
                }
                Ok(())
            }
            #[cfg(test)]
            Sync::Nothing(done) => {
                let _ = done.send(());
                Ok(())
            }
        }
    }

    /// Whether to do one of them is enough.
    pub(super) fn is_same(&self, other: &Sync) -> bool {
        match (self, other) {
            (Sync::File(file, _), Sync::File(other, _)) => Arc::ptr_eq(file, other),
            (Sync::Directory, Sync::Directory) => true,
            (Sync::Manifest(_), Sync::Manifest(_)) => true,
            _ => false,
        }
    }

    /// Whether nothing is left to be made durable: the file has been removed, since its segment is sealed.
    pub(super) fn is_moot(&self) -> bool {
        match self {
            Sync::File(file, _) => file.metadata().is_ok_and(|found| found.nlink() == 0),
            _ => false,
        }
    }
}

/// What is asked of the thread that signs.
enum Ask {
    /// There may be something to sign.
    Sign,
    /// The same, and an answer when it is done.
    Answer(Sender<()>),
}

/// The threads and what they tell.
pub(super) struct Background {
    board: Arc<Board>,
    wake: Option<Sender<()>>,
    syncs: Option<Sender<Sync>>,
    sign: Option<Sender<Ask>>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    pub(super) fn start(
        shared: &Arc<Shared>,
        disk: &Disk,
        level: i32,
        signer: Option<Signer>,
    ) -> Result<Background, Error> {
        let board = Arc::new(Board::default());
        let (wake, woken) = bounded(1);
        let (syncs, to_sync) = bounded(SYNCS_MAX);
        let mut background = Background {
            board: board.clone(),
            wake: Some(wake),
            syncs: Some(syncs),
            sign: None,
            threads: Vec::new(),
        };
        let sealer = {
            let (board, shared, disk) = (board.clone(), shared.clone(), disk.clone());
            move || seal_loop(&woken, &board, &shared, &disk, level)
        };
        let syncer = {
            let (board, disk) = (board.clone(), disk.clone());
            move || sync_loop(&to_sync, &board, &disk)
        };
        background.spawn("seal", disk, sealer)?;
        background.spawn("sync", disk, syncer)?;
        if let Some(signer) = signer {
            // One that waits sees all there is.
            let (sign, asked) = bounded(1);
            background.sign = Some(sign);
            background.spawn("sign", disk, move || sign_loop(&asked, &board, signer))?;
        }
        Ok(background)
    }

    fn spawn(&mut self, name: &str, disk: &Disk, f: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = thread::Builder::new().name(format!("store-{name}")).spawn(f);
        self.threads.push(thread.map_err(Error::io("start a thread for", &disk.dir))?);
        Ok(())
    }

    /// There may be something to seal.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // Full: it is about to look anyway.
            let _ = wake.try_send(());
        }
    }

    /// Hands over a sync without waiting; gives it back where too many wait already.
    pub(super) fn sync(&self, sync: Sync) -> Result<(), Sync> {
        match &self.syncs {
            Some(syncs) => syncs.try_send(sync).map_err(TrySendError::into_inner),
            None => Err(sync),
        }
    }

    /// There may be something to sign.
    pub(super) fn sign(&self) {
        if let Some(sign) = &self.sign {
            // Full: it is about to look anyway.
            let _ = sign.try_send(Ask::Sign);
        }
    }

    /// Has all signed that is in files, and waits for it.
    pub(super) fn sign_all(&self) {
        let (done, is_done) = bounded(1);
        if let Some(sign) = &self.sign {
            // Neither fails but after the thread has: then nothing is signed any more.
            let _ = sign.send(Ask::Answer(done));
            let _ = is_done.recv();
        }
    }

    pub(super) fn notice(&self, notice: Notice) {
        self.board.tell(|told| told.notice(notice));
    }

    pub(super) fn take_notices(&self) -> Vec<Notice> {
        lock(&self.board.told).notices.drain(..).collect()
    }

    /// The last error of a sync since this was last asked, and all syncs that have failed.
    pub(super) fn take_unsynced(&self) -> (Option<Error>, Vec<Sync>) {
        let mut told = lock(&self.board.told);
        (told.sync_error.take(), std::mem::take(&mut told.unsynced))
    }

    /// Waits until at most `left` segments are unsealed, or sealing fails.
    pub(super) fn wait_unsealed(&self, shared: &Shared, left: usize) -> Result<(), Error> {
        let mut told = lock(&self.board.told);
        told.error = None;
        let mut turns = told.turns;
        self.wake();
        loop {
            if let Some(error) = told.error.take() {
                return Err(error);
            }
            if shared.unsealed().1 <= left {
                return Ok(());
            }
            while told.turns == turns {
                if self.threads.iter().any(JoinHandle::is_finished) {
                    let ended = std::io::Error::other("the thread has ended");
                    return Err(Error::io("seal segments of", &shared.dir)(ended));
                }
                let waited = self.board.changed.wait_timeout(told, LOOK_AGAIN);
                told = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            turns = told.turns;
        }
    }

    /// Waits until all syncs that were handed over are done.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        let (done, is_done) = bounded(1);
        if let Some(syncs) = &self.syncs {
            let _ = syncs.send(Sync::Nothing(done));
            let _ = is_done.recv();
        }
    }

    /// Stops both threads; what is being sealed is given up and begun anew with the next open.
    pub(super) fn stop(&mut self) {
        self.board.stop.store(true, Ordering::Relaxed);
        self.wake = None;
        self.syncs = None;
        self.sign = None;
        for thread in self.threads.drain(..) {
            // A panic there has been reported by the panic hook; there is nothing to undo.
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

fn seal_loop(woken: &Receiver<()>, board: &Board, shared: &Shared, disk: &Disk, level: i32) {
    while woken.recv().is_ok() {
        // After a failure it waits to be woken again: the cause is seldom gone at once.
        while !board.stop.load(Ordering::Relaxed) {
            match seal_one(board, shared, disk, level) {
                Ok(Some(notice)) => board.tell(|told| {
                    told.turns += 1;
                    notice.into_iter().for_each(|notice| told.notice(notice));
                }),
                Ok(None) => break,
                Err(error) => {
                    board.tell(|told| {
                        told.turns += 1;
                        told.notice(Notice::Failed { error: with_causes(&error) });
                        told.error = Some(error);
                    });
                    break;
                }
            }
        }
    }
}

/// Does one piece of work; `None` where there is none.
fn seal_one(
    board: &Board,
    shared: &Shared,
    disk: &Disk,
    level: i32,
) -> Result<Option<Option<Notice>>, Error> {
    if let (Some(live), _) = shared.unsealed() {
        return seal::seal(&live, shared, disk, level, &board.stop).map(Some);
    }
    match shared.without_index() {
        Some(sealed) => seal::renew_index(&sealed, disk).map(|notice| Some(Some(notice))),
        None => Ok(None),
    }
}

fn sync_loop(to_sync: &Receiver<Sync>, board: &Board, disk: &Disk) {
    while let Ok(sync) = to_sync.recv() {
        if let Err(error) = sync.run(disk) {
            board.tell(|told| {
                told.sync_error = Some(error);
                if !told.unsynced.iter().any(|other| other.is_same(&sync)) {
                    told.unsynced.push(sync);
                }
            });
        }
    }
}

fn sign_loop(asked: &Receiver<Ask>, board: &Board, mut signer: Signer) {
    while let Ok(ask) = asked.recv() {
        match signer.sign() {
            Ok(notices) if notices.is_empty() => {}
            Ok(notices) => board.tell(|told| notices.into_iter().for_each(|notice| told.notice(notice))),
            Err(error) => {
                let error = format!("what was written is not signed: {}", with_causes(&error));
                board.tell(|told| told.notice(Notice::Failed { error }));
            }
        }
        if let Ask::Answer(done) = ask {
            let _ = done.send(());
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
