//! A log of auditd: every line comes back as it was, but for the names that the ENRICHED format adds and for EOE.
//!
//! The first byte is how much the file gives at once.
#![no_main]

use std::io::{self, Read};
use std::sync::Arc;

use ktrail::ingest::counters::Counters;
use ktrail::ingest::lines::Lines;
use ktrail::ingest::{Ingest, Now};
use ktrail::record::RecordType;
use ktrail::record::line;
use ktrail_fuzz::{Collected, log_end};
use libfuzzer_sys::fuzz_target;

/// A file that gives a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(out.len());
        let (now, later) = self.0.split_at(count);
        out[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&at_once, log)) = input.split_first() else { return };
    let counters = Arc::new(Counters::default());
    let (mut ingest, mut found) = (Ingest::import(counters.clone()), Collected::default());
    let mut lines = Lines::new(Slow(log, usize::from(at_once) * 16 + 1));
    let mut number = 0;
    while let Some(line) = lines.next_line().expect("memory can be read") {
        number += 1;
        ingest.log_line(line, number, &mut found);
    }
    ingest.finish(Now::default(), &mut found);
    let mut expected: Vec<Vec<u8>> =
        log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(expected).collect();
    expected.sort();
    assert_eq!(found.raw_lines(), expected, "every line comes back");
    assert_eq!(Counters::read(&counters.events), found.entries.len() as u64);
});

/// The line as it is to come back; `None` for EOE, which auditd does not write.
fn expected(text: &[u8]) -> Option<Vec<u8>> {
    let mut kept = text.to_vec();
    if let Ok(record) = line::split(text) {
        if record.kind == RecordType::EOE {
            return None;
        }
        kept.truncate(log_end(text));
        // A record without fields may end in `):`.
        if record.body.is_empty() && kept.ends_with(b":") {
            kept.push(b' ');
        }
    }
    kept.push(b'\n');
    Some(kept)
}
