//! Threads for a short piece of work: how many, and begun so that they run at once.

use std::sync::atomic::{AtomicBool, Ordering};
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

/// How many threads one question may use, the one that asks included: as many as this process may run at once, at most
/// [`THREADS_MAX`]. What a control group allows it of their time takes longer to look up than a short search takes.
pub(crate) fn threads_max() -> usize {
    let is_set = |cpu: &usize| allowed().is_some_and(|allowed| allowed.is_set(*cpu).unwrap_or(false));
    (0..CpuSet::count()).filter(is_set).take(THREADS_MAX).count().max(1)
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
