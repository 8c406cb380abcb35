//! A filter: written, it reads back the same; over the index it finds what a scan of all entries finds.
#![no_main]

use std::ops::ControlFlow;

use ktrail::entry::decode::describe;
use ktrail::query::filter::{FILTER_BYTES_MAX, Filter};
use ktrail::query::run::{Cursor, Order, Query, count, run};
use ktrail::store::Position;
use ktrail::store::term::Terms;
use ktrail_fuzz::log::SAMPLE;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.at <= text.len(), "{error}");
            return;
        }
    };
    let written = filter.to_string();
    // Each byte of a value may be written as four.
    if written.len() <= FILTER_BYTES_MAX {
        assert_eq!(Filter::parse(&written).as_ref(), Ok(&filter), "{written}");
    }
    let snapshot = SAMPLE.1.snapshot();
    let found = |query: &Query| {
        let mut positions = Vec::new();
        run(&snapshot, query, &mut |position, line| {
            positions.push((position, line.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("the sample can be read");
        positions
    };
    let scanned: Vec<(Position, Vec<u8>)> = found(&Query::default())
        .into_iter()
        .filter(|(_, line)| {
            let mut terms = Terms::default();
            describe(line, &mut terms).expect("an entry");
            filter.matches(&terms)
        })
        .collect();
    let mut query = Query { filter: Some(filter), ..Query::default() };
    assert!(found(&query) == scanned, "the index finds what a scan does: {written}");
    assert_eq!(count(&snapshot, &query).expect("the sample can be read").matched, scanned.len() as u64);
    query.order = Order::Newest;
    assert!(found(&query).into_iter().rev().eq(scanned), "the other way round as well: {written}");
});
