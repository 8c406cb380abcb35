//! Work shared out over threads: how many, and begun so that they run at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Scope, ScopedJoinHandle};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// Threads at most, the one that asks included: what one question may take from a machine that has other work.
pub(crate) const THREADS_MAX: usize = 4;

/// The processors that this process may run on.
fn allowed() -> Option<&'static CpuSet> {
    static ALLOWED: OnceLock<Option<CpuSet>> = OnceLock::new();
    ALLOWED.get_or_init(|| sched_getaffinity(Pid::from_raw(0)).ok()).as_ref()
}

/// How many threads may run at once in this process. What a control group allows it of their time takes longer to look up
/// than a short search takes.
pub(crate) fn processors() -> usize {
    let is_set = |cpu: &usize| allowed().is_some_and(|allowed| allowed.is_set(*cpu).unwrap_or(false));
    (0..CpuSet::count()).filter(is_set).count().max(1)
}

/// How many threads one question may use, the one that asks included: at most [`THREADS_MAX`].
pub(crate) fn threads_max() -> usize {
    processors().min(THREADS_MAX)
}

/// What becomes of each item, in their order, by so many threads, the one that asks included. Every thread takes the next
/// item until there is none. A panic in one is a panic here.
pub(crate) fn map<T: Sync, U: Send>(items: &[T], threads: usize, one: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let threads = threads.min(items.len());
    if threads < 2 {
        return items.iter().map(one).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::with_capacity(items.len() / threads + 1);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            done.push((number, one(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| start(scope, some)).collect();
        let mut done = some();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, became)| became).collect()
}

/// Starts a thread on another processor than this one's.
///
/// Left to itself the kernel may begin it on the same, also when another is idle, where it waits for the starter's slice to
/// end: longer than a short search takes.
pub(crate) fn start<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    run: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let starter = thread::current();
    let runs = Arc::new(AtomicBool::new(false));
    let begun = runs.clone();
    let processor = sched_getcpu();
    let handle = scope.spawn(move || {
        begun.store(true, Ordering::Release);
        starter.unpark();
        if let (Ok(processor), Some(allowed)) = (processor, allowed()) {
            leave(processor, allowed);
        }
        run()
    });
    // Asleep, so that the new thread has this processor until it leaves it.
    while !runs.load(Ordering::Acquire) {
        thread::park();
    }
    handle
}

/// Moves this thread to another processor, and lets the kernel move it from then on. Where that is not allowed it stays.
fn leave(processor: usize, allowed: &CpuSet) {
    let (this, mut others) = (Pid::from_raw(0), *allowed);
    if others.unset(processor).is_ok() && sched_setaffinity(this, &others).is_ok() {
        let _ = sched_setaffinity(this, allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn what_becomes_of_items_is_in_their_order() {
        for (items, threads) in [(0, 2), (1, 2), (2, 1), (3, 8), (1000, 2), (1000, 4)] {
            let items: Vec<usize> = (0..items).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(map(&items, threads, |item| item * 2), doubled, "{threads} threads");
        }
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_in_one_is_a_panic_here() {
        map(&[0, 1, 2, 3, 4, 5, 6, 7], 2, |item| assert!(*item != 7, "the seventh"));
    }
}
