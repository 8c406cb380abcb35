//! How long writing and syncing take, counted in constant memory.

use std::time::Instant;

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the histograms in seconds: from a write that the page cache takes at once to a disk that crawls.
const BOUNDS_S: [f64; 19] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Histograms of times in seconds; clones count together.
#[derive(Clone, Debug)]
pub struct Timings {
    /// Writing entries to the active segment's file, once for each system call.
    pub write: Histogram,
    /// Making a file's content durable, wherever that is done.
    pub sync: Histogram,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings { write: Timings::histogram(), sync: Timings::histogram() }
    }
}

impl Timings {
    /// An empty histogram of times.
    pub fn histogram() -> Histogram {
        Histogram::new(BOUNDS_S)
    }

    /// Runs `f` and counts how long it took.
    pub fn measure<T>(histogram: &Histogram, f: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = f();
        histogram.observe(begun.elapsed().as_secs_f64());
        done
    }
}
