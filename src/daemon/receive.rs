//! The thread that receives from the kernel and does nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::capture::{BATCH_MESSAGES, Source, Work};
use super::manager;
use crate::ingest::counters::Counters;
use crate::netlink::error::Error;
use crate::netlink::events::Receiver;
use crate::netlink::intake::{Counts, Intake};
use crate::netlink::takeover;
use crate::sys::ring::Writer;

/// Messages that come in one go when the kernel is busy.
const BUSY_MESSAGES: u64 = 32;
/// How long the receiver of a busy kernel lets messages gather. Waking up for each few of them would cost more processor
/// time than all else; the socket's buffer has room for a hundred times as many as come meanwhile.
const GATHER: Duration = Duration::from_micros(500);
/// Pause of the receiver while the ring is full.
const FULL: Duration = Duration::from_millis(1);

/// What tells the receiver to end.
pub(super) struct Ends<'a> {
    pub(super) stop: &'a AtomicBool,
    pub(super) leave: &'a AtomicBool,
}

/// Makes ready to receive, in another process's place where need be.
pub(super) fn begin(source: Source, writer: Writer, counters: &Counters) -> Result<Receiver, Error> {
    match source {
        Source::Registered(events) => Ok(events.into_receiver(writer)),
        Source::Kept { socket, successor } => {
            let mut intake = Intake::new(writer);
            let taken =
                takeover::take_over(socket, *successor, &mut intake, || manager::let_go(manager::EVENTS))?;
            count(counters, taken.counts);
            taken.events.notes.iter().for_each(|note| tracing::warn!("{note}"));
            Ok(taken.events.with_intake(intake))
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
    ends: &Ends<'_>,
    rounds: &AtomicU64,
    work: &Sender<Work>,
    bell: &AtomicBool,
    counters: &Counters,
) {
    let mut busy = false;
    loop {
        rounds.fetch_add(1, Ordering::Relaxed);
        let stopping = ends.stop.load(Ordering::Acquire);
        if stopping && ends.leave.load(Ordering::Acquire) {
            return;
        }
        if !receiver.is_ready() {
            thread::sleep(FULL);
            continue;
        }
        if busy && !stopping {
            thread::sleep(GATHER);
        }
        let received = match stopping {
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
        if stopping && counts.datagrams() == 0 {
            return;
        }
        busy = (BUSY_MESSAGES..BATCH_MESSAGES).contains(&counts.messages);
        if counts.messages > 0 && !bell.swap(true, Ordering::AcqRel) && work.send(Work::Messages).is_err() {
            return;
        }
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
