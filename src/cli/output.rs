//! Entries written to standard output.

use std::env;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::Context;

use crate::entry::decode::decode;
use crate::protocol::Skipped;
use crate::render::{self, Style};

/// Standard output for entries of one format.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    style: Style,
    /// Whether every entry is shown at once.
    live: bool,
}

impl Output {
    pub(super) fn new(format: render::Format, live: bool) -> Output {
        let out = io::stdout();
        let terminal = out.is_terminal();
        // https://no-color.org: set and not empty.
        let colours = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let style = Style { format, terminal, colours };
        Output { out: BufWriter::with_capacity(64 << 10, out.lock()), style, live }
    }

    /// Writes one entry, or the word of the daemon that some were skipped.
    pub(super) fn entry(&mut self, line: &[u8]) -> anyhow::Result<()> {
        match decode(line) {
            Ok(stored) => render::write(self.style, line, &stored, &mut self.out)?,
            Err(error) => match serde_json::from_slice::<Skipped>(line) {
                Ok(Skipped { skipped }) => {
                    eprintln!("ktrail: too slow to follow: {skipped} events are not shown")
                }
                Err(_) => return Err(error).context("an entry of the log cannot be read"),
            },
        }
        if self.live {
            self.out.flush()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
