//! The index of a sealed segment that is in order. Unless its checksums are mended, what it answers is what a scan says:
//! it is whole, or it is not believed and made anew.
#![no_main]

use std::panic;
use std::sync::Arc;

use ktrail::entry::decode::describe;
use ktrail::store::Reader;
use ktrail_fuzz::log::{self, SEGMENT, ask, check_against_scan, is_mended, mend_index};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: pass_over_fst(), |input: &[u8]| {
    let dir = log::directory();
    log::write(&dir, "audit-0000000001.seg", SEGMENT);
    let mends = is_mended(input);
    let mut bytes = input.to_vec();
    if mends {
        mend_index(&mut bytes, 1);
    }
    log::write(&dir, "audit-0000000001.idx", &bytes);
    let (reader, _) = Reader::open(dir.path(), Arc::new(describe)).expect("a damaged index stops no reader");
    let snapshot = reader.snapshot();
    if !mends {
        check_against_scan(&snapshot.segments()[0]);
    }
    ask(&snapshot, true);
});

/// Does not take a panic in the crate `fst` for a finding: the store catches it and makes the index anew.
fn pass_over_fst() {
    let finding = panic::take_hook();
    panic::set_hook(Box::new(move |told| {
        if !told.location().is_some_and(|place| place.file().contains("/fst-")) {
            finding(told);
        }
    }));
}
