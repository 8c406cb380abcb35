//! A sealed segment: its files are opened and read only when asked for, and only the parts asked for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use roaring::RoaringBitmap;

use super::cache::{Cache, lock};
use super::error::Error;
use super::frames::{Footer, Frame, Frames};
use super::index::{self, Head, Index, IndexCaches, generation};
use super::index_writer::{self, Binding};
use super::pages::{Kind, PAGE, PageCache, Pages, Source};
use super::read::ValueTest;
use super::stamps::{Bounds, Range};
use super::term::FieldId;
use super::{Describe, Stamp, names, replay};

/// Bytes of pages kept: a few for each of some hundred segments.
const PAGES_BYTES_MAX: usize = 4 << 20;
/// Bytes of dictionaries kept; they are what a substring search walks through.
const DICTIONARIES_BYTES_MAX: usize = 8 << 20;
/// Bytes of frames kept: what neighbours of a hit are in.
const FRAMES_BYTES_MAX: usize = 4 << 20;
/// Files kept open: far below the usual limit of 1024, since a store may have more segments than that.
const FILES_MAX: usize = 128;

/// What all segments of a directory share.
#[derive(Debug)]
pub(super) struct Caches {
    index: IndexCaches,
    frames: Cache<(u64, u32), Arc<Frame>>,
    /// The frame that was read last, whatever its weight: a scan asks for its next line.
    latest: Mutex<Option<(u64, Arc<Frame>)>>,
    files: Cache<(u64, bool), OpenFile>,
}

#[derive(Clone, Debug)]
enum OpenFile {
    Segment(Arc<(File, Footer)>),
    Index(Arc<File>),
}

impl Caches {
    pub(super) fn new() -> Self {
        let pages = PageCache::new(PAGES_BYTES_MAX);
        Caches {
            index: IndexCaches { pages, dictionaries: Cache::new(DICTIONARIES_BYTES_MAX) },
            frames: Cache::new(FRAMES_BYTES_MAX),
            latest: Mutex::new(None),
            files: Cache::new(FILES_MAX),
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
    binding: Binding,
    generation: u64,
    dir: Arc<Path>,
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
        dir: &Arc<Path>,
        caches: &Arc<Caches>,
        describe: &Describe,
        thorough: bool,
    ) -> Result<(Sealed, IndexProblem), Error> {
        let path = dir.join(names::sealed(id));
        let mut sealed = Sealed {
            id,
            entries: 0,
            bounds: Bounds::of(Stamp::default()),
            bytes: std::fs::metadata(&path).map_err(Error::open(&path))?.len(),
            binding: Binding { bytes: 0, footer_crc: 0 },
            generation: generation(),
            dir: dir.clone(),
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
        let file = File::open(path).map_err(Error::open(path))?;
        Footer::read(&file, self.id, path)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(names::sealed(self.id))
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.dir.join(names::index(self.id))
    }

    /// Opens the index file and reads its head.
    fn open_index(&self) -> Result<(OpenIndex, u64), Error> {
        let path = self.index_path();
        let file = File::open(&path).map_err(Error::open(&path))?;
        let length = file.metadata().map_err(Error::io("look at", &path))?.len();
        let generation = generation();
        let pages = self.index_pages(generation, Source::File(&file), &path);
        let head = index::read_head(&pages)?;
        if head.pages().is_none_or(|count| count * PAGE as u64 != length) {
            return Err(Error::damaged(&path, "it has not the length that its head says"));
        }
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
        let file = Arc::new(File::open(&path).map_err(Error::open(&path))?);
        self.caches.files.insert(key, OpenFile::Index(file.clone()), 1);
        Ok(file)
    }

    fn segment_file(&self, path: &Path) -> Result<Arc<(File, Footer)>, Error> {
        let key = (self.id, false);
        if let Some(OpenFile::Segment(open)) = self.caches.files.get(&key) {
            return Ok(open);
        }
        let file = File::open(path).map_err(Error::open(path))?;
        let footer = Footer::read(&file, self.id, path)?;
        if footer.crc != self.binding.footer_crc || footer.entries != self.entries {
            return Err(Error::damaged(path, "it is not the segment that was opened"));
        }
        let open = Arc::new((file, footer));
        self.caches.files.insert(key, OpenFile::Segment(open.clone()), 1);
        Ok(open)
    }

    /// Runs `f` on the segment's frames.
    fn with_frames<T>(&self, f: impl FnOnce(&Frames<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.path();
        let open = self.segment_file(&path)?;
        let (file, footer) = &*open;
        let pages = Pages {
            kind: Kind::Frames,
            segment: self.id,
            base: footer.table_at(),
            generation: self.generation,
            source: Source::File(file),
            cache: &self.caches.index.pages,
            path: &path,
        };
        f(&Frames { file, footer, pages })
    }

    /// Runs `f` on the index; where the index turns out to be damaged, once more on one made anew.
    fn with_index<T>(&self, mut f: impl FnMut(&Index<'_>) -> Result<T, Error>) -> Result<T, Error> {
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

    fn ask<T>(
        &self,
        open: &OpenIndex,
        f: &mut impl FnMut(&Index<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
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
        f(&Index { head: &open.head, pages, dictionaries: &self.caches.index.dictionaries })
    }

    /// Makes the index anew in memory, unless another thread just has.
    fn rebuild(&self) -> Result<OpenIndex, Error> {
        let _one = lock(&self.rebuilding);
        if let Some(open) = lock(&self.index).clone().filter(|open| open.memory.is_some()) {
            return Ok(open);
        }
        let live = self.with_frames(|frames| replay::sealed(frames, &self.describe))?;
        let wrong = || Error::damaged(&self.path(), "no index can be made from it");
        let bytes = index_writer::encode(&live, self.id, self.binding).ok_or_else(wrong)?;
        let (bytes, generation, path) = (Arc::new(bytes), generation(), self.index_path());
        let head = index::read_head(&self.index_pages(generation, Source::Memory(&bytes), &path))?;
        let open = OpenIndex { head: Arc::new(head), generation, memory: Some(bytes) };
        *lock(&self.index) = Some(open.clone());
        self.wants_index.store(true, Ordering::Relaxed);
        Ok(open)
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

    /// Puts the line of `ordinal` into `out` in place of what was there.
    pub(super) fn read(&self, ordinal: u32, out: &mut Vec<u8>) -> Result<Stamp, Error> {
        let none = || Error::NoSuchEntry { segment: self.id, entries: self.entries, ordinal };
        if ordinal >= self.entries {
            return Err(none());
        }
        let stamp = self.with_index(|index| index.stamp(ordinal))?;
        let frame = self.frame(ordinal)?;
        let line = frame.line(ordinal).ok_or_else(none)?;
        out.clear();
        out.extend_from_slice(line);
        Ok(stamp)
    }

    fn frame(&self, ordinal: u32) -> Result<Arc<Frame>, Error> {
        if let Some((generation, frame)) = &*lock(&self.caches.latest)
            && *generation == self.generation
            && frame.line(ordinal).is_some()
        {
            return Ok(frame.clone());
        }
        let frame = self.with_frames(|frames| {
            let number = frames.find(ordinal)?;
            let key = (self.generation, number);
            if let Some(frame) = self.caches.frames.get(&key) {
                return Ok(frame);
            }
            let frame = Arc::new(frames.load(number)?);
            self.caches.frames.insert(key, frame.clone(), frame.weight());
            Ok(frame)
        })?;
        *lock(&self.caches.latest) = Some((self.generation, frame.clone()));
        Ok(frame)
    }
}
