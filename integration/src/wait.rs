//! Waiting for what another process does: by asking again until a deadline, never for a fixed time.

use std::time::{Duration, Instant};

/// How long anything here may take. Reached only by a failure, so it is generous.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long to leave the processor to others between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer; `None` when there is none within [`PATIENCE`].
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if begun.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}
