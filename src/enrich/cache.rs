//! Answers by id in a table of fixed size, so that a host with a million users needs no more memory than one with ten.

use std::sync::Arc;
use std::time::Instant;

/// Ids that share a place in the table before one displaces another.
const WAYS: usize = 4;

/// Places of the table. With [`WAYS`] this is room for 1024 ids, far more than a host has active at one time, in 40 KiB.
const SETS: usize = 256;

/// What the table knows about an id.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A name, or that there is none.
    Answer(Option<Arc<str>>),
    /// It has been asked for.
    Asked,
    /// Nothing, or nothing that is still believed.
    Nothing,
}

#[derive(Clone, Debug)]
enum Slot {
    Empty,
    Asked { id: u32 },
    Known { id: u32, until: Instant, name: Option<Arc<str>> },
}

/// Answers by id.
pub(super) struct Cache {
    sets: Box<[[Slot; WAYS]]>,
}

impl Cache {
    pub(super) fn new() -> Cache {
        Cache { sets: vec![const { [const { Slot::Empty }; WAYS] }; SETS].into_boxed_slice() }
    }

    /// What is known about `id`.
    #[inline]
    pub(super) fn find(&self, id: u32, now: Instant) -> Found {
        for slot in self.sets.get(place(id)).into_iter().flatten() {
            match slot {
                Slot::Known { id: known, until, name } if *known == id && now < *until => {
                    return Found::Answer(name.clone());
                }
                Slot::Asked { id: known } if *known == id => return Found::Asked,
                _ => {}
            }
        }
        Found::Nothing
    }

    /// Notes that `id` has been asked for. Says whether another id was forgotten for it.
    pub(super) fn expect_answer(&mut self, id: u32) -> bool {
        self.put(id, None, Slot::Asked { id })
    }

    /// Keeps an answer until the given time. Says whether another id was forgotten for it.
    pub(super) fn keep(&mut self, id: u32, name: Option<Arc<str>>, until: Instant, now: Instant) -> bool {
        self.put(id, Some(now), Slot::Known { id, until, name })
    }

    fn put(&mut self, id: u32, now: Option<Instant>, new: Slot) -> bool {
        let Some(slot) = self.slot_for(id, now) else { return false };
        match std::mem::replace(slot, new) {
            Slot::Empty => false,
            Slot::Asked { id: known } | Slot::Known { id: known, .. } => known != id,
        }
    }

    /// The slot of `id`, else a free one, else that of the oldest answer; a slot that waits for an answer goes last.
    fn slot_for(&mut self, id: u32, now: Option<Instant>) -> Option<&mut Slot> {
        self.sets.get_mut(place(id))?.iter_mut().min_by_key(|slot| match slot {
            Slot::Known { id: known, .. } | Slot::Asked { id: known } if *known == id => (0, None),
            Slot::Empty => (1, None),
            Slot::Known { until, .. } if now.is_some_and(|now| *until <= now) => (1, None),
            Slot::Known { until, .. } => (2, Some(*until)),
            Slot::Asked { .. } => (3, None),
        })
    }
}

/// The place of an id: ids given one after another lie apart (Fibonacci hashing).
#[inline]
fn place(id: u32) -> usize {
    let [highest, ..] = id.wrapping_mul(0x9e37_79b1).to_be_bytes();
    usize::from(highest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_ids_never_need_more_room() {
        let mut cache = Cache::new();
        let now = Instant::now();
        for id in 0..100_000 {
            cache.expect_answer(id);
            cache.keep(id, Some(Arc::from("x")), now + Duration::from_secs(60), now);
            assert_eq!(cache.find(id, now), Found::Answer(Some(Arc::from("x"))));
        }
        let kept = (0..100_000).filter(|&id| cache.find(id, now) != Found::Nothing).count();
        assert_eq!(kept, SETS * WAYS);
    }

    #[test]
    fn a_thousand_neighbouring_ids_are_nearly_all_kept() {
        let mut cache = Cache::new();
        let now = Instant::now();
        for id in 1000..1800 {
            cache.keep(id, None, now + Duration::from_secs(60), now);
        }
        let kept = (1000..1800).filter(|&id| cache.find(id, now) == Found::Answer(None)).count();
        assert!(kept >= 780, "{kept}");
    }
}
