//! Records as auditd's RAW format writes them, byte for byte.

use std::io::{self, Write};

use crate::event::{Closed, Event};
use crate::record::RecordType;

/// Writes a line for each record: `[node=HOST ]type=NAME msg=audit(SEC.MMM:SERIAL): BODY`.
pub fn write(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Vec::new();
    for (place, (kind, body)) in event.records().enumerate() {
        line.clear();
        record(event, place, kind, body, &mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// Adds one record of the event, given with its place, without a newline.
pub fn record(event: &Event, place: usize, kind: RecordType, body: &[u8], line: &mut Vec<u8>) {
    let (stamped, unnamed) = (event.closed != Closed::Malformed, event.is_unnamed(place));
    // A line of a log that was no record, or of a type that nobody knows, is given back as it was.
    if kind.0 != 0 || (stamped && !unnamed) {
        head(event, kind, unnamed, stamped, line);
    }
    // auditd writes one line a record whatever is in it.
    line.extend(body.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }));
}

/// Adds the record that the kernel ends an event of several records with. auditd hands it to its plugins and does not
/// write it to its log, and neither is it stored.
pub fn end(event: &Event, line: &mut Vec<u8>) {
    head(event, RecordType::EOE, false, true, line);
}

fn head(event: &Event, kind: RecordType, unnamed: bool, stamped: bool, line: &mut Vec<u8>) {
    if let Some(node) = &event.node {
        line.extend_from_slice(b"node=");
        line.extend_from_slice(node);
        line.push(b' ');
    }
    let written = match unnamed {
        true => write!(line, "type=UNKNOWN[{}] msg=", kind.0),
        false => write!(line, "type={kind} msg="),
    };
    let written = written.and_then(|()| if stamped { write!(line, "audit({}): ", event.id) } else { Ok(()) });
    written.expect("a vector takes all");
}
