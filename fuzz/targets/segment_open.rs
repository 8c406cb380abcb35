//! A file of a log directory other than an index, known by how it begins: sealed segment, manifest, checkpoint, or
//! lines. The log is opened for reading, and for writing, when it is also mended.
#![no_main]

use std::sync::Arc;

use ktrail::entry::decode::describe;
use ktrail::store::{Config, Error, Flush, Reader, Store};
use ktrail_fuzz::log::{self, ACTIVE, ask, is_mended, mend, mend_segment};
use libfuzzer_sys::fuzz_target;

/// The first bytes of a sealed segment.
const SKIPPABLE: &[u8] = &0x184d_2a50_u32.to_le_bytes();

fuzz_target!(|input: &[u8]| {
    let dir = log::directory();
    let mut bytes = input.to_vec();
    let mends = is_mended(input);
    match input {
        _ if input.starts_with(SKIPPABLE) => {
            if mends {
                mend_segment(&mut bytes);
            }
            log::write(&dir, "audit-0000000001.seg", &bytes);
        }
        _ if input.starts_with(b"ktrailM") => {
            if mends {
                mend(&mut bytes);
            }
            log::write(&dir, "manifest", &bytes);
            log::write(&dir, "audit.jsonl", ACTIVE);
        }
        _ if input.starts_with(b"ktrailC") => {
            if mends {
                mend(&mut bytes);
            }
            log::write(&dir, "audit.checkpoint", &bytes);
            log::write(&dir, "audit.jsonl", ACTIVE);
        }
        [first, ..] if first % 2 == 0 => log::write(&dir, "audit-0000000001.jsonl", input),
        _ => log::write(&dir, "audit.jsonl", input),
    }
    let reader = match Reader::open(dir.path(), Arc::new(describe)) {
        Ok((reader, _)) => reader,
        // What is no log is left alone, wherever it came from.
        Err(Error::Foreign { .. }) if !input.starts_with(b"{") => return,
        Err(error) => panic!("a damaged file stops no reader: {error}"),
    };
    let proven = !input.starts_with(b"ktrailC");
    ask(&reader.snapshot(), proven);
    drop(reader);

    let config = Config { dir: dir.path().to_owned(), flush: Flush::None, ..Config::default() };
    let opened = Store::open(config.clone(), Arc::new(describe));
    let (mut store, _) = opened.expect("a damaged file stops no writer");
    ask(&store.reader().snapshot(), proven);
    store.rotate().expect("there is room");
    store.close().expect("there is room");
    let (_, problems) = Store::open(config, Arc::new(describe)).expect("what was mended opens");
    let left: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(left.len() <= 1, "{left:?}");
});
