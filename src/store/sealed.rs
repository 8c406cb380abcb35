//! A sealed segment: its files are opened and read only when asked for, and only the parts asked for.

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use roaring::RoaringBitmap;

use super::cache::{Cache, lock};
use super::dictionary::{Decoder, DictionaryId};
use super::error::Error;
use super::footer::Footer;
use super::frames::{Frame, Frames, RecentFrames};
use super::index::{self, Head, Index, IndexCaches, generation};
use super::index_writer::{self, Binding};
use super::pages::{Kind, PAGE, PageCache, Pages, Source};
use super::read::ValueTest;
use super::replay::{Step, Walked};
use super::stamps::{Bounds, Range};
use super::term::FieldId;
use super::{Describe, Stamp, names, replay};
use crate::sys::files::Dir;

/// Bytes of pages kept: a few for each of some hundred segments.
const PAGES_BYTES_MAX: usize = 4 << 20;
/// The same for who asks once: those of a few segments. Memory that is touched for the first time costs more than reading
/// a page again.
const PAGES_BYTES_ONCE: usize = 128 << 10;
/// Bytes of dictionaries kept; they are what a substring search walks through.
const DICTIONARIES_BYTES_MAX: usize = 8 << 20;
/// Files kept open: far below the usual limit of 1024, since a store may have more segments than that.
const FILES_MAX: usize = 128;

/// Dictionaries kept ready, of about 100 KB each.
const DECODERS_MAX: usize = 16;

/// What all segments of a directory share.
#[derive(Debug)]
pub(super) struct Caches {
    dir: Dir,
    index: IndexCaches,
    frames: RecentFrames,
    files: Cache<(u64, bool), OpenFile>,
    /// One serves many segments.
    decoders: Cache<DictionaryId, Arc<Decoder>>,
}

#[derive(Clone, Debug)]
enum OpenFile {
    Segment(Arc<OpenSegment>),
    Index(Arc<File>),
}

#[derive(Debug)]
struct OpenSegment {
    file: File,
    footer: Footer,
    decoder: Option<Arc<Decoder>>,
}

impl Caches {
    /// For the segments of a directory. `once`: of a process that is to answer one question.
    pub(super) fn new(dir: Dir, once: bool) -> Self {
        let pages = PageCache::new(if once { PAGES_BYTES_ONCE } else { PAGES_BYTES_MAX });
        Caches {
            dir,
            index: IndexCaches { pages, dictionaries: Cache::new(DICTIONARIES_BYTES_MAX) },
            frames: RecentFrames::default(),
            files: Cache::new(FILES_MAX),
            decoders: Cache::new(DECODERS_MAX),
        }
    }
}

/// An index that may be asked: a file, or bytes made anew because the file was missing or damaged.
#[derive(Clone, Debug)]
struct OpenIndex {
    head: Arc<Head>,
    generation: u64,
    memory: Option<Arc<Vec<u8>>>,
}

/// A sealed segment.
pub(super) struct Sealed {
    pub(super) id: u64,
    pub(super) entries: u32,
    pub(super) bounds: Bounds,
    /// Length of the `.seg` file and, where it was there, of the `.idx` file.
    pub(super) bytes: u64,
    pub(super) binding: Binding,
    generation: u64,
    caches: Arc<Caches>,
    describe: Describe,
    index: Mutex<Option<OpenIndex>>,
    /// Held while an index is made anew, so that only one thread does it.
    rebuilding: Mutex<()>,
    wants_index: AtomicBool,
}

/// What was found about an index when its segment was opened.
pub(super) type IndexProblem = Option<(PathBuf, String)>;

impl Sealed {
    /// Looks at a sealed segment. `thorough`: also at the segment's own header and footer, not at its index alone.
    pub(super) fn open(
        id: u64,
        caches: &Arc<Caches>,
        describe: &Describe,
        thorough: bool,
    ) -> Result<(Sealed, IndexProblem), Error> {
        let (name, dir) = (names::sealed(id), &caches.dir);
        let path = dir.path().join(&name);
        let mut sealed = Sealed {
            id,
            entries: 0,
            bounds: Bounds::of(Stamp::default()),
            bytes: dir.length(&name).map_err(Error::open(&path))?,
            binding: Binding { bytes: 0, footer_crc: 0 },
            generation: generation(),
            caches: caches.clone(),
            describe: describe.clone(),
            index: Mutex::new(None),
            rebuilding: Mutex::new(()),
            wants_index: AtomicBool::new(false),
        };
        let index = sealed.open_index();
        let mut problem = None;
        match index {
            Ok((open, length)) if open.head.binding.bytes == sealed.bytes => {
                (sealed.entries, sealed.bounds) = (open.head.entries, open.head.bounds);
                sealed.binding = open.head.binding;
                sealed.index = Mutex::new(Some(open));
                if thorough && sealed.read_footer(&path)?.crc != sealed.binding.footer_crc {
                    problem = Some("it belongs to another segment".to_owned());
                } else {
                    sealed.bytes += length;
                }
            }
            Ok(_) => problem = Some("it belongs to another segment".to_owned()),
            Err(Error::Removed { .. }) => problem = Some("it is missing".to_owned()),
            Err(error) => problem = Some(error.to_string()),
        }
        let Some(reason) = problem else { return Ok((sealed, None)) };
        let footer = sealed.read_footer(&path)?;
        (sealed.entries, sealed.bounds) = (footer.entries, footer.bounds);
        sealed.binding = Binding { bytes: footer.file_bytes, footer_crc: footer.crc };
        sealed.index = Mutex::new(None);
        sealed.wants_index.store(true, Ordering::Relaxed);
        let index_path = sealed.index_path();
        Ok((sealed, Some((index_path, reason))))
    }

    fn read_footer(&self, path: &Path) -> Result<Footer, Error> {
        let (file, bytes) = self.open_file(&names::sealed(self.id), path)?;
        Footer::read(&file, bytes, self.id, path)
    }

    fn open_file(&self, name: &str, path: &Path) -> Result<(File, u64), Error> {
        self.caches.dir.open_regular(name).map_err(Error::open(path))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.caches.dir.path().join(names::sealed(self.id))
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.caches.dir.path().join(names::index(self.id))
    }

    /// Opens the index file and reads its head.
    fn open_index(&self) -> Result<(OpenIndex, u64), Error> {
        let path = self.index_path();
        let (file, length) = self.open_file(&names::index(self.id), &path)?;
        let generation = generation();
        let pages = self.index_pages(generation, Source::File(&file), &path);
        let head = index::read_head(&pages)?;
        if head.pages().and_then(|count| count.checked_mul(PAGE as u64)) != Some(length) {
            return Err(Error::damaged(&path, "it has not the length that its head says"));
        }
        // It will be asked next.
        self.caches.files.insert((self.id, true), OpenFile::Index(Arc::new(file)), 1);
        Ok((OpenIndex { head: Arc::new(head), generation, memory: None }, length))
    }

    fn index_pages<'a>(&'a self, generation: u64, source: Source<'a>, path: &'a Path) -> Pages<'a> {
        let (segment, cache) = (self.id, &self.caches.index.pages);
        Pages { kind: Kind::Index, segment, base: 0, generation, source, cache, path }
    }

    fn index_file(&self) -> Result<Arc<File>, Error> {
        let key = (self.id, true);
        if let Some(OpenFile::Index(file)) = self.caches.files.get(&key) {
            return Ok(file);
        }
        let path = self.index_path();
        let file = Arc::new(self.open_file(&names::index(self.id), &path)?.0);
        self.caches.files.insert(key, OpenFile::Index(file.clone()), 1);
        Ok(file)
    }

    fn segment_file(&self, path: &Path) -> Result<Arc<OpenSegment>, Error> {
        let key = (self.id, false);
        if let Some(OpenFile::Segment(open)) = self.caches.files.get(&key) {
            return Ok(open);
        }
        let (file, bytes) = self.open_file(&names::sealed(self.id), path)?;
        let footer = Footer::read(&file, bytes, self.id, path)?;
        if footer.crc != self.binding.footer_crc || footer.entries != self.entries {
            return Err(Error::damaged(path, "it is not the segment that was opened"));
        }
        let decoder = self.decoder(&file, &footer, path)?;
        let open = Arc::new(OpenSegment { file, footer, decoder });
        self.caches.files.insert(key, OpenFile::Segment(open.clone()), 1);
        Ok(open)
    }

    fn decoder(&self, file: &File, footer: &Footer, path: &Path) -> Result<Option<Arc<Decoder>>, Error> {
        if let Some(decoder) = self.caches.decoders.get(&footer.dictionary) {
            return Ok(Some(decoder));
        }
        let decoder = footer.decoder(file, path)?.map(Arc::new);
        if let Some(decoder) = &decoder {
            self.caches.decoders.insert(footer.dictionary, decoder.clone(), 1);
        }
        Ok(decoder)
    }

    /// Runs `f` on the segment's frames.
    pub(super) fn with_frames<T>(&self, f: impl FnOnce(&Frames<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.path();
        let open = self.segment_file(&path)?;
        let OpenSegment { file, footer, decoder } = &*open;
        let pages = Pages {
            kind: Kind::Frames,
            segment: self.id,
            base: footer.table_at,
            generation: self.generation,
            source: Source::File(file),
            cache: &self.caches.index.pages,
            path: &path,
        };
        f(&Frames { file, footer, decoder: decoder.as_deref(), pages })
    }

    /// Runs `f` on the index; where the index turns out to be damaged, once more on one made anew.
    pub(super) fn with_index<T>(
        &self,
        mut f: impl FnMut(&Index<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let open = lock(&self.index).clone();
        if let Some(open) = open {
            match self.ask(&open, &mut f) {
                Err(Error::Damaged { .. } | Error::Removed { .. }) if open.memory.is_none() => {}
                answer => return answer,
            }
        }
        let open = self.rebuild()?;
        self.ask(&open, &mut f)
    }

    fn ask<T>(&self, open: &OpenIndex, f: impl FnOnce(&Index<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.index_path();
        let file;
        let source = match &open.memory {
            Some(bytes) => Source::Memory(bytes),
            None => {
                file = self.index_file()?;
                Source::File(&file)
            }
        };
        let pages = self.index_pages(open.generation, source, &path);
        let index = Index { head: &open.head, pages, dictionaries: &self.caches.index.dictionaries };
        if open.memory.is_some() {
            return f(&index);
        }
        // The crate `fst` believes a dictionary's bytes and panics where they make no sense. A panic of our own comes
        // again with the index that is made anew, and is not caught there.
        let asked = panic::catch_unwind(AssertUnwindSafe(|| f(&index)));
        asked.unwrap_or_else(|_| Err(Error::damaged(&path, "a dictionary makes no sense")))
    }

    /// Makes the index anew in memory, unless another thread just has.
    fn rebuild(&self) -> Result<OpenIndex, Error> {
        let _one = lock(&self.rebuilding);
        if let Some(open) = lock(&self.index).clone().filter(|open| open.memory.is_some()) {
            return Ok(open);
        }
        // A frame that is damaged costs its own lines only; one that cannot be read now may be read later.
        let walked = self.walk(&mut |step| match step {
            Step::Read(_) | Step::Lost { error: Error::Damaged { .. }, .. } => Ok(()),
            Step::Lost { error, .. } => Err(error),
        })?;
        let wrong = || Error::damaged(&self.path(), "no index can be made from it");
        let bytes = index_writer::encode(&walked.index, self.id, self.binding).ok_or_else(wrong)?;
        let (bytes, generation, path) = (Arc::new(bytes), generation(), self.index_path());
        let head = index::read_head(&self.index_pages(generation, Source::Memory(&bytes), &path))?;
        let open = OpenIndex { head: Arc::new(head), generation, memory: Some(bytes) };
        *lock(&self.index) = Some(open.clone());
        self.wants_index.store(true, Ordering::Relaxed);
        Ok(open)
    }

    /// Reads all lines and makes an index of them.
    pub(super) fn walk(&self, tell: &mut dyn FnMut(Step) -> Result<(), Error>) -> Result<Walked, Error> {
        self.with_frames(|frames| replay::sealed(frames, &self.describe, tell))
    }

    /// Runs `f` on the index as it is in its file; `None` where that is known to be missing or damaged.
    pub(super) fn with_index_file<T>(
        &self,
        f: impl FnOnce(&Index<'_>) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let open = lock(&self.index).clone().filter(|open| open.memory.is_none())?;
        Some(self.ask(&open, f))
    }

    /// Whether the index has to be written anew.
    pub(super) fn wants_index(&self) -> bool {
        self.wants_index.load(Ordering::Relaxed)
    }

    /// The bytes of an index made anew.
    pub(super) fn new_index(&self) -> Result<Arc<Vec<u8>>, Error> {
        let open = self.rebuild()?;
        open.memory.ok_or_else(|| Error::damaged(&self.index_path(), "it was to be made anew"))
    }

    /// A new index has been written: it is read from its file from now on.
    pub(super) fn index_written(&self) -> Result<(), Error> {
        self.caches.files.remove(&(self.id, true));
        let (open, _) = self.open_index()?;
        *lock(&self.index) = Some(open);
        self.wants_index.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Its files are removed: none is to be kept open, or the space would stay taken.
    pub(super) fn close_files(&self) {
        self.caches.files.remove(&(self.id, true));
        self.caches.files.remove(&(self.id, false));
    }

    /// Length of the lines in it.
    pub(super) fn plain_bytes(&self) -> Result<u64, Error> {
        self.with_frames(|frames| Ok(frames.footer.plain_bytes))
    }

    pub(super) fn postings(&self, field: FieldId, test: &ValueTest<'_>) -> Result<RoaringBitmap, Error> {
        let mut found = self.with_index(|index| index.postings(field, test))?;
        found.remove_range(self.entries..);
        Ok(found)
    }

    pub(super) fn values(&self, field: FieldId, f: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        // Collected first: an index that turns out to be damaged halfway must not have told a part.
        let values = self.with_index(|index| {
            let mut values = Vec::new();
            index.values(field, &mut |value, count| values.push((value.to_vec(), count)))?;
            Ok(values)
        })?;
        values.iter().for_each(|(value, count)| f(value, *count));
        Ok(())
    }

    pub(super) fn filter(&self, range: Range, candidates: &mut RoaringBitmap) -> Result<(), Error> {
        let asked = candidates.clone();
        *candidates = self.with_index(|index| {
            let mut kept = asked.clone();
            index.filter(range, &mut kept)?;
            Ok(kept)
        })?;
        Ok(())
    }

    pub(super) fn stamp(&self, ordinal: u32) -> Result<Stamp, Error> {
        self.with_index(|index| index.stamp(ordinal))
    }

    /// Puts the line of `ordinal`, which is below the number of entries, into `out` in place of what was there.
    pub(super) fn read(&self, ordinal: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        let frame = self.frame(ordinal)?;
        let none = || Error::NoSuchEntry { segment: self.id, entries: self.entries, ordinal };
        out.clear();
        out.extend_from_slice(frame.line(ordinal).ok_or_else(none)?);
        Ok(())
    }

    fn frame(&self, ordinal: u32) -> Result<Arc<Frame>, Error> {
        if let Some(frame) = self.caches.frames.get(self.generation, ordinal) {
            return Ok(frame);
        }
        let room = self.caches.frames.room();
        let frame = Arc::new(self.with_frames(|frames| frames.load(frames.find(ordinal)?, room))?);
        self.caches.frames.keep(self.generation, frame.clone());
        Ok(frame)
    }
}
