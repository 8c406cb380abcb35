//! The overload policy `shed` as the gate of the ring.

use std::sync::Arc;

use crate::config::Overload;
use crate::ingest::counters::Counters;
use crate::ingest::shed::account::ACCOUNT;
use crate::ingest::shed::{self, Shedder};
use crate::netlink::intake::Gate;
use crate::sys::ring::NOTE_BYTES_MAX;

const _: () = assert!(
    shed::NOTE_BYTES_MAX <= NOTE_BYTES_MAX,
    "the ring has room for what the next process has to know"
);

/// The gate that the policy asks for.
pub(super) fn gate(policy: &Overload, counters: &Arc<Counters>) -> Option<Box<dyn Gate>> {
    match policy {
        Overload::Hold => None,
        Overload::Shed(config) => Some(Box::new(Shedding(Shedder::new(config.clone(), counters.clone())))),
    }
}

struct Shedding(Shedder);

impl Gate for Shedding {
    fn lets_in(&mut self, fill: f64, kind: u16, payload: &[u8]) -> bool {
        self.0.keeps(fill, kind, payload)
    }

    fn account(&mut self, fill: f64) -> Option<(u16, Vec<u8>)> {
        self.0.account(fill).map(|account| (ACCOUNT, account))
    }

    fn accounted(&mut self) {
        self.0.accounted();
    }

    fn note(&self, out: &mut Vec<u8>) {
        self.0.note(out);
    }

    fn resume(&mut self, note: &[u8]) {
        self.0.resume(note);
    }
}
