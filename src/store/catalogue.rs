//! The list of a directory's segments, which one thread changes and many look at.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::Describe;
use super::cache::lock;
use super::live::Live;
use super::sealed::{Caches, Sealed};
use super::stamps::Bounds;

/// A segment in whichever state it is.
#[derive(Clone)]
pub(super) enum Segment {
    /// Active, or numbered and not yet sealed.
    Live(Arc<Live>),
    Sealed(Arc<Sealed>),
}

impl Segment {
    pub(super) fn id(&self) -> u64 {
        match self {
            Segment::Live(live) => live.id,
            Segment::Sealed(sealed) => sealed.id,
        }
    }

    /// Entries that readers may see.
    pub(super) fn entries(&self) -> u32 {
        match self {
            Segment::Live(live) => live.visible(),
            Segment::Sealed(sealed) => sealed.entries,
        }
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Segment::Live(live) => live.bytes(live.visible()),
            Segment::Sealed(sealed) => sealed.bytes,
        }
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        match self {
            Segment::Live(live) => live.bounds(),
            Segment::Sealed(sealed) => (sealed.entries > 0).then_some(sealed.bounds),
        }
    }
}

/// The segments in the order of their numbers, and the active one, whose number is higher.
pub(super) struct Catalogue {
    pub(super) closed: Vec<Segment>,
    pub(super) active: Option<Arc<Live>>,
}

/// What a directory's writer and readers share.
pub(super) struct Shared {
    pub(super) dir: Arc<Path>,
    pub(super) describe: Describe,
    pub(super) caches: Arc<Caches>,
    catalogue: Mutex<Catalogue>,
}

impl Shared {
    pub(super) fn new(dir: Arc<Path>, describe: Describe, caches: Arc<Caches>, catalogue: Catalogue) -> Self {
        Shared { dir, describe, caches, catalogue: Mutex::new(catalogue) }
    }

    /// Runs `f` on the list; it must not wait for anything but memory.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Catalogue) -> T) -> T {
        f(&mut lock(&self.catalogue))
    }

    /// All segments, oldest first, the active one last.
    pub(super) fn segments(&self) -> Vec<Segment> {
        self.with(|catalogue| {
            let active = catalogue.active.iter().map(|live| Segment::Live(live.clone()));
            catalogue.closed.iter().cloned().chain(active).collect()
        })
    }

    /// The oldest segment that waits to be sealed, and how many do.
    pub(super) fn unsealed(&self) -> (Option<Arc<Live>>, usize) {
        self.with(|catalogue| {
            let mut waiting = catalogue.closed.iter().filter_map(|segment| match segment {
                Segment::Live(live) => Some(live),
                Segment::Sealed(_) => None,
            });
            let oldest = waiting.next().cloned();
            let count = usize::from(oldest.is_some()) + waiting.count();
            (oldest, count)
        })
    }

    /// A segment whose index has to be written anew.
    pub(super) fn without_index(&self) -> Option<Arc<Sealed>> {
        self.with(|catalogue| {
            catalogue.closed.iter().find_map(|segment| match segment {
                Segment::Sealed(sealed) if sealed.wants_index() => Some(sealed.clone()),
                _ => None,
            })
        })
    }

    /// Puts a sealed segment in the place of the numbered one it was made from. Whoever looks at the list sees one or
    /// the other. False where retention has taken it out meanwhile.
    pub(super) fn sealed(&self, sealed: Sealed) -> bool {
        let sealed = Segment::Sealed(Arc::new(sealed));
        self.with(|catalogue| {
            let place = catalogue.closed.iter_mut().find(|segment| segment.id() == sealed.id());
            place.map(|place| *place = sealed).is_some()
        })
    }
}
