//! Refused and administrative calls, told as events: one by one while they are few, and counted by user when they are many.
//!
//! However many come, what is told of refusals is bounded: in each stretch of [`REFUSALS_SECONDS`] at most
//! [`REFUSALS_TOLD_MAX`] of them, and at its end a count for each of [`REFUSALS_UIDS_MAX`] users and one for all others.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::access::Peer;
use crate::protocol::limits::{
    ADMINISTRATION_MAX, REFUSALS_SECONDS, REFUSALS_TOLD_MAX, REFUSALS_TOLD_PER_UID_MAX, REFUSALS_UIDS_MAX,
};
use crate::record::fields::encode;

/// What a caller wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// To connect.
    Connect,
    /// To read version, status or metrics.
    Status,
    /// To read the log.
    Search,
    /// To count what is in the log.
    Count,
    /// To follow the log.
    Tail,
    /// A new segment of the log.
    Rotate,
    /// The configuration and the program as they are now.
    Reload,
    /// What is no call.
    Unknown,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Call::Connect => "connect",
            Call::Status => "status",
            Call::Search => "search",
            Call::Count => "count",
            Call::Tail => "tail",
            Call::Rotate => "rotate",
            Call::Reload => "reload",
            Call::Unknown => "unknown",
        }
    }
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller has not the right.
    Right,
    /// As many connections as there may be.
    Connections,
    /// As many searches as there may be.
    Searches,
    /// As many streams as there may be.
    Streams,
    /// As many administrative calls as there may be.
    Administration,
    /// A head, a path or a body that is too long.
    Size,
    /// A head that did not come in time, or an answer that was not taken in time.
    Time,
}

impl Refusal {
    fn name(self) -> &'static str {
        match self {
            Refusal::Right => "right",
            Refusal::Connections => "connections",
            Refusal::Searches => "searches",
            Refusal::Streams => "streams",
            Refusal::Administration => "administration",
            Refusal::Size => "size",
            Refusal::Time => "time",
        }
    }
}

/// What a note is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Calls that were refused.
    Refused,
    /// A rotation that was asked for.
    Rotated,
    /// A reload that was asked for.
    Reloaded,
}

/// An event of the daemon's own, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is of.
    pub kind: Kind,
    /// The fields of its record.
    pub body: String,
}

/// Takes a note; false where there is no room for it now.
pub type Notes = Arc<dyn Fn(Note) -> bool + Send + Sync>;

/// Tells of calls.
#[derive(Clone)]
pub(super) struct Calls {
    notes: Notes,
    counted: Arc<Mutex<Counted>>,
}

/// What came in the present stretch of time, and what is still to be told of the one before.
#[derive(Default)]
struct Counted {
    since: Option<Instant>,
    told: usize,
    told_by_uid: HashMap<u32, usize>,
    untold: HashMap<u32, u64>,
    untold_others: u64,
    administration: usize,
    waiting: Vec<Note>,
}

impl Calls {
    pub(super) fn new(notes: Notes) -> Calls {
        Calls { notes, counted: Arc::default() }
    }

    /// Tells of a refused call, or counts it.
    pub(super) fn refused(&self, peer: &Peer, call: Call, refusal: Refusal, now: Instant) {
        let mut counted = self.counted();
        self.turn(&mut counted, now);
        // The map has at most as many users as refusals are told.
        let told_of_uid = counted.told_by_uid.get(&peer.uid).copied().unwrap_or(0);
        if counted.told >= REFUSALS_TOLD_MAX || told_of_uid >= REFUSALS_TOLD_PER_UID_MAX {
            counted.count(peer.uid);
            return;
        }
        let body =
            format!("op=refuse call={} cause={} {} res=failed", call.name(), refusal.name(), identity(peer));
        if !(self.notes)(Note { kind: Kind::Refused, body }) {
            counted.count(peer.uid);
            return;
        }
        counted.told += 1;
        counted.told_by_uid.insert(peer.uid, told_of_uid + 1);
        let (call, cause) = (call.name(), refusal.name());
        tracing::warn!(uid = peer.uid, pid = peer.pid, call, cause, "a call is refused");
    }

    /// Tells of an administrative call before it is done. What cannot be told is not to be done.
    pub(super) fn administrative(&self, peer: &Peer, call: Call, now: Instant) -> Result<(), Refusal> {
        let mut counted = self.counted();
        self.turn(&mut counted, now);
        let kind = if call == Call::Rotate { Kind::Rotated } else { Kind::Reloaded };
        let body = format!("op={} {} res=success", call.name(), identity(peer));
        if counted.administration >= ADMINISTRATION_MAX || !(self.notes)(Note { kind, body }) {
            return Err(Refusal::Administration);
        }
        counted.administration += 1;
        Ok(())
    }

    /// Does what time brings: tells what was counted.
    pub(super) fn tick(&self, now: Instant) {
        let mut counted = self.counted();
        self.turn(&mut counted, now);
        while let Some(note) = counted.waiting.last().cloned() {
            if !(self.notes)(note) {
                break;
            }
            counted.waiting.pop();
        }
    }

    /// Tells what was counted and is not told yet: nothing more comes.
    pub(super) fn finish(&self) {
        self.counted().sum_up();
        self.tick(Instant::now());
    }

    /// Begins a new stretch of time where the last one is over.
    fn turn(&self, counted: &mut Counted, now: Instant) {
        let since = *counted.since.get_or_insert(now);
        if now.duration_since(since) < Duration::from_secs(REFUSALS_SECONDS) {
            return;
        }
        // What could not even be told in a whole stretch is counted on: sums are told once there is room.
        if counted.waiting.is_empty() {
            counted.sum_up();
        }
        counted.since = Some(now);
        counted.told = 0;
        counted.told_by_uid.clear();
        counted.administration = 0;
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn count(&mut self, uid: u32) {
        let has_room = self.untold.len() < REFUSALS_UIDS_MAX || self.untold.contains_key(&uid);
        let count = if has_room { self.untold.entry(uid).or_default() } else { &mut self.untold_others };
        *count += 1;
    }

    /// Turns what was counted into notes.
    fn sum_up(&mut self) {
        let mut add = |uid: &str, count: u64| {
            tracing::warn!(uid, count, "further calls were refused");
            let body = format!("op=refuse-more count={count} uid={uid} res=failed");
            self.waiting.push(Note { kind: Kind::Refused, body });
        };
        for (uid, count) in self.untold.drain() {
            add(&uid.to_string(), count);
        }
        if self.untold_others > 0 {
            add("?", self.untold_others);
        }
        self.untold_others = 0;
    }
}

/// Who calls, as fields of a record.
fn identity(peer: &Peer) -> String {
    let (comm, exe) = peer.program();
    let mut text = format!("uid={} gid={} pid={}", peer.uid, peer.gid, peer.pid);
    for (name, value) in [("comm", comm), ("exe", exe)] {
        let _ = write!(text, " {name}={}", untrusted(&value));
    }
    text
}

/// A value that a user could choose, so that it cannot pass for another field; `?` for none.
fn untrusted(value: &[u8]) -> String {
    let mut text = Vec::new();
    match value {
        b"" => text.push(b'?'),
        value => encode(value, &mut text),
    }
    String::from_utf8(text).expect("quoted or hexadecimal, it is ASCII")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Collects what is told; takes nothing while it is closed.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

    impl Told {
        fn calls(&self) -> Calls {
            let told = self.clone();
            Calls::new(Arc::new(move |note| {
                let open = !told.1.load(Ordering::Relaxed);
                if open {
                    told.0.lock().unwrap().push(note.body);
                }
                open
            }))
        }

        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    fn peer(uid: u32) -> Peer {
        Peer { uid, gid: 5, pid: -1, ..Peer::default() }
    }

    const STRETCH: Duration = Duration::from_secs(REFUSALS_SECONDS);

    #[test]
    fn a_refusal_tells_who_what_and_why() {
        let told = Told::default();
        told.calls().refused(&peer(7), Call::Rotate, Refusal::Right, Instant::now());
        let expected = "op=refuse call=rotate cause=right uid=7 gid=5 pid=-1 comm=? exe=? res=failed";
        assert_eq!(told.take(), [expected]);
    }

    #[test]
    fn a_flood_is_told_in_bounded_words_and_fully_counted() {
        let (told, now) = (Told::default(), Instant::now());
        let calls = told.calls();
        let (uids, each) = (1000, 50);
        for uid in 0..uids {
            for _ in 0..each {
                calls.refused(&peer(uid), Call::Connect, Refusal::Connections, now);
            }
        }
        let single = told.take().len();
        assert_eq!(single, REFUSALS_TOLD_MAX);
        calls.tick(now + STRETCH);
        let sums = told.take();
        assert_eq!(sums.len(), REFUSALS_UIDS_MAX + 1);
        let counts = sums.iter().map(|body| {
            let count = body.split("count=").nth(1).unwrap().split(' ').next().unwrap();
            count.parse::<usize>().unwrap()
        });
        assert_eq!(counts.sum::<usize>() + single, uids as usize * each);
        calls.refused(&peer(7), Call::Connect, Refusal::Connections, now + STRETCH);
        assert_eq!(told.take().len(), 1, "a new stretch begins anew");
    }

    #[test]
    fn one_user_does_not_take_the_words_for_another() {
        let (told, now) = (Told::default(), Instant::now());
        let calls = told.calls();
        for _ in 0..1000 {
            calls.refused(&peer(7), Call::Connect, Refusal::Connections, now);
        }
        assert_eq!(told.take().len(), REFUSALS_TOLD_PER_UID_MAX);
        calls.refused(&peer(8), Call::Search, Refusal::Right, now);
        assert_eq!(told.take().len(), 1);
        calls.finish();
        assert_eq!(told.take(), ["op=refuse-more count=996 uid=7 res=failed"]);
    }

    #[test]
    fn what_cannot_be_told_now_is_told_later_and_administers_nothing() {
        let (told, now) = (Told::default(), Instant::now());
        let calls = told.calls();
        told.1.store(true, Ordering::Relaxed);
        calls.refused(&peer(7), Call::Search, Refusal::Right, now);
        assert_eq!(calls.administrative(&peer(0), Call::Reload, now), Err(Refusal::Administration));
        calls.tick(now + STRETCH);
        calls.tick(now + 2 * STRETCH);
        told.1.store(false, Ordering::Relaxed);
        calls.tick(now + 2 * STRETCH);
        assert_eq!(told.take(), ["op=refuse-more count=1 uid=7 res=failed"]);
        for _ in 0..ADMINISTRATION_MAX {
            assert_eq!(calls.administrative(&peer(0), Call::Rotate, now + 2 * STRETCH), Ok(()));
        }
        let more = calls.administrative(&peer(0), Call::Rotate, now + 2 * STRETCH);
        assert_eq!(more, Err(Refusal::Administration));
        assert_eq!(calls.administrative(&peer(0), Call::Rotate, now + 3 * STRETCH), Ok(()));
    }

    #[test]
    fn what_a_user_chose_cannot_pass_for_another_field() {
        for (value, expected) in [
            (&b"sh"[..], "\"sh\""),
            (b"a b", "612062"),
            (b"x\" uid=0", "7822207569643D30"),
            (b"\xff\n", "FF0A"),
            (b"", "?"),
        ] {
            assert_eq!(untrusted(value), expected, "{value:?}");
        }
    }
}
