//! Records as auditd's RAW format writes them, byte for byte.

use std::io::{self, Write};

use crate::event::{Closed, Event};

/// Writes a line for each record: `[node=HOST ]type=NAME msg=audit(SEC.MMM:SERIAL): BODY`.
pub fn write(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Vec::new();
    for (place, (kind, body)) in event.records().enumerate() {
        line.clear();
        // A line of a log that was no record is given back as it was.
        if kind.0 != 0 || event.closed != Closed::Malformed {
            if let Some(node) = &event.node {
                line.extend_from_slice(b"node=");
                line.extend_from_slice(node);
                line.push(b' ');
            }
            match event.is_unnamed(place) {
                true => write!(line, "type=UNKNOWN[{}] msg=", kind.0)?,
                false => write!(line, "type={kind} msg=")?,
            }
            if event.closed != Closed::Malformed {
                write!(line, "audit({}): ", event.id)?;
            }
        }
        // auditd writes one line a record whatever is in it.
        line.extend(body.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }));
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}
