//! A bounded cache: what was not used while half of its budget was filled anew is dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock whatever happened to an earlier holder: what our locks guard is whole between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Map<K, V> = HashMap<K, (V, usize), foldhash::fast::RandomState>;

/// Values by key, together at most as heavy as its limit.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    generations: Mutex<Generations<K, V>>,
    /// The weight of either generation is at most this.
    half: usize,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: Map<K, V>,
    old: Map<K, V>,
    young_weight: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(super) fn new(weight_max: usize) -> Self {
        let generations = Generations { young: Map::default(), old: Map::default(), young_weight: 0 };
        Cache { generations: Mutex::new(generations), half: weight_max / 2 }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut generations = lock(&self.generations);
        if let Some((value, _)) = generations.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = generations.old.remove(key)?;
        self.put(&mut generations, key.clone(), value.clone(), weight);
        Some(value)
    }

    /// Keeps `value`; one that is heavier than half of the limit is not kept.
    pub(super) fn insert(&self, key: K, value: V, weight: usize) {
        self.put(&mut lock(&self.generations), key, value, weight);
    }

    fn put(&self, generations: &mut Generations<K, V>, key: K, value: V, weight: usize) {
        if weight > self.half {
            return;
        }
        if generations.young_weight + weight > self.half {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_weight = 0;
        }
        if generations.young.insert(key, (value, weight)).is_none() {
            generations.young_weight += weight;
        }
    }

    pub(super) fn remove(&self, key: &K) {
        let mut generations = lock(&self.generations);
        generations.old.remove(key);
        if let Some((_, weight)) = generations.young.remove(key) {
            generations.young_weight -= weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_weight_is_bounded() {
        let cache = Cache::new(10);
        for key in 0..100 {
            cache.insert(key, key, 1);
            assert_eq!(cache.get(&0), Some(0), "at {key}");
        }
        assert!((0..100).filter(|key| cache.get(key).is_some()).count() <= 10);
        cache.insert(7, 7, 6);
        assert_eq!(cache.get(&7), None);
        cache.insert(8, 8, 1);
        cache.remove(&8);
        assert_eq!(cache.get(&8), None);
    }
}
