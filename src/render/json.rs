//! The stored form, as it is.

use std::io::{self, Write};

/// Writes the line.
pub fn write(line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}
