//! One record: a line of a log split and joined again, and a body encoded, decoded, shown and written as it was.
//!
//! The first two bytes are the record's type, the lowest first.
#![no_main]

use ktrail::enrich::Names;
use ktrail::entry::encode::Encoder;
use ktrail::event::Event;
use ktrail::record::line::{self, Line};
use ktrail::record::stamp::EventId;
use ktrail::record::{RecordType, fields};
use ktrail::store::term::Terms;
use ktrail_fuzz::{check_entry, check_raw, check_shown, log_end};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, text)) = input.split_first_chunk::<2>() else { return };
    if let Ok(found) = line::split(text) {
        join(&found, text);
        body(found.kind, found.body);
    }
    body(RecordType(u16::from_le_bytes(*kind)), text);
});

/// Checks that the parts of a line make the line.
fn join(found: &Line<'_>, text: &[u8]) {
    let mut joined = Vec::new();
    if let Some(node) = found.node {
        joined.extend_from_slice(&[b"node=", node, b" "].concat());
    }
    let name = match found.unnamed {
        true => format!("UNKNOWN[{}]", found.kind.0),
        false => found.kind.to_string(),
    };
    joined.extend_from_slice(format!("type={name} msg=audit({}):", found.id).as_bytes());
    let end = log_end(text);
    // A record without fields may end in `):`.
    if text[..end].len() > joined.len() {
        joined.push(b' ');
    }
    joined.extend_from_slice(found.body);
    assert_eq!(joined.escape_ascii().to_string(), text[..end].escape_ascii().to_string());
    assert_eq!(found.names, text.get(end + 1..).unwrap_or_default());
}

fn body(kind: RecordType, body: &[u8]) {
    let mut end = 0;
    for field in fields::fields(body) {
        assert!(
            field.start >= end && field.end >= field.start && field.end <= body.len(),
            "fields are in order"
        );
        assert!(body[field.start..].starts_with(field.name));
        end = field.end;
        fields::decode(&field.value);
    }
    let mut event = Event::new(EventId { time_ms: 1_700_000_004_100, serial: 14 });
    event.push(kind, body);
    let (mut line, mut terms) = (Vec::new(), Terms::default());
    let names = Names { users: vec![(0, "root".into())], groups: vec![(50, "staff".into())] };
    Encoder::default().encode(&event, &mut &names, &mut line, &mut terms);
    let stored = check_entry(&line, &terms);
    assert_eq!(stored.event, event, "a record comes back byte for byte");
    check_raw(&event);
    check_shown(&line, &stored);
}
