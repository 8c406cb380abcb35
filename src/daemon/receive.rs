//! The thread that receives from the kernel and does nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::capture::{BATCH_MESSAGES, Source, Work};
use super::manager;
use crate::ingest::counters::Counters;
use crate::netlink::error::Error;
use crate::netlink::events::Receiver;
use crate::netlink::intake::{Counts, Gate, Intake};
use crate::netlink::takeover::{self, Kept};
use crate::sys::ring::Writer;

/// Messages that come in one go when the kernel is busy.
const BUSY_MESSAGES: u64 = 32;
/// How long the receiver of a busy kernel lets messages gather. Waking up for each few of them would cost more processor
/// time than all else; the socket's buffer has room for a hundred times as many as come meanwhile.
const GATHER: Duration = Duration::from_micros(500);
/// The part of the ring that is taken in a quiet moment at most, and how long one is waited for.
const QUIET_FILL: f64 = 0.25;
const QUIET_MAX: Duration = Duration::from_secs(10);
/// Pause of the receiver while the ring is full.
const FULL: Duration = Duration::from_millis(1);
/// How long the receiver tries at the end to put into the ring what was left out before. The storing thread is at work and
/// makes room.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// What tells the two threads how far things are.
#[derive(Default)]
pub(super) struct Ends {
    /// Somebody takes out of the ring what is put there.
    pub(super) storing: AtomicBool,
    /// Nothing new comes: what is there is taken in, then it is over.
    pub(super) stop: AtomicBool,
    /// The storing thread ends at once; what is in the ring, and events that are not complete, are the next process's.
    pub(super) hand_on: AtomicBool,
    /// The receiver ends at once; what the kernel has sent is the next process's.
    pub(super) leave: AtomicBool,
}

/// Makes ready to receive, in another process's place where need be.
pub(super) fn begin(
    source: Source,
    writer: Writer,
    gate: Option<Box<dyn Gate>>,
    ends: &Ends,
    counters: &Counters,
) -> Result<Receiver, Error> {
    match source {
        Source::Registered(events) => Ok(events.into_receiver(writer, gate)),
        Source::Kept { socket, successor } => {
            let mut intake = Intake::new(writer, gate);
            let kept = takeover::Kept::new(socket);
            read_on(&kept, &mut intake, ends, counters)?;
            let taken = kept.take_over(*successor, &mut intake, || manager::let_go(manager::EVENTS))?;
            count(counters, taken.counts);
            taken.events.notes.iter().for_each(|note| tracing::warn!("{note}"));
            Ok(taken.events.with_intake(intake))
        }
    }
}

/// Reads a kept socket until there is a quiet moment to take its place in: what is left from before has been stored.
fn read_on(kept: &Kept, intake: &mut Intake, ends: &Ends, counters: &Counters) -> Result<(), Error> {
    let mut stored_since = None;
    loop {
        let counts = kept.read(intake)?;
        count(counters, counts);
        if ends.storing.load(Ordering::Acquire) {
            let since = *stored_since.get_or_insert_with(Instant::now);
            if intake.fill() < QUIET_FILL || since.elapsed() >= QUIET_MAX {
                return Ok(());
            }
        }
        if counts.datagrams() == 0 {
            thread::sleep(FULL);
        }
    }
}

fn count(counters: &Counters, counts: Counts) {
    Counters::add(&counters.messages, counts.messages);
    Counters::add(&counters.foreign, counts.foreign);
    Counters::add(&counters.truncated, counts.truncated);
    Counters::add(&counters.malformed, counts.malformed);
}

pub(super) fn receive(
    receiver: &mut Receiver,
    ends: &Ends,
    rounds: &AtomicU64,
    work: &Sender<Work>,
    bell: &AtomicBool,
    counters: &Counters,
) {
    let mut busy = false;
    loop {
        rounds.fetch_add(1, Ordering::Relaxed);
        if ends.leave.load(Ordering::Acquire) {
            return;
        }
        let stopping = ends.stop.load(Ordering::Acquire);
        let full = !receiver.is_ready();
        if full {
            thread::sleep(FULL);
        } else if busy && !stopping {
            thread::sleep(GATHER);
        }
        let received = match stopping || full {
            true => receiver.drain(),
            false => gather(receiver),
        };
        let counts = match received {
            Ok(counts) => counts,
            Err(error) => {
                tracing::error!(%error, "receiving has ended");
                return;
            }
        };
        count(counters, counts);
        if stopping && !full && counts.datagrams() == 0 {
            return;
        }
        busy = (BUSY_MESSAGES..BATCH_MESSAGES).contains(&counts.messages);
        if counts.messages > 0 && !bell.swap(true, Ordering::AcqRel) && work.send(Work::Messages).is_err() {
            return;
        }
    }
}

/// Puts what was left out and is not accounted for yet into the ring: nothing more is received.
pub(super) fn settle(receiver: &mut Receiver, ends: &Ends) {
    let begun = Instant::now();
    while !receiver.settle() {
        // Nobody makes room any more where the storing thread has handed on.
        if ends.leave.load(Ordering::Acquire) || begun.elapsed() >= SETTLE_MAX {
            tracing::error!("the account of the last events that were left out has no room");
            return;
        }
        thread::sleep(FULL);
    }
}

/// Waits for messages and takes all that are there, up to a full batch.
fn gather(receiver: &mut Receiver) -> Result<Counts, Error> {
    let mut total = receiver.receive()?;
    let mut last = total;
    while last.messages > 0 && total.messages < BATCH_MESSAGES && receiver.is_ready() {
        last = receiver.drain()?;
        total += last;
    }
    Ok(total)
}
