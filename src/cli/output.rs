//! Entries written to standard output.

use std::env;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::Context;

use super::arguments::{Colour, Format, Written};
use crate::entry::Stored;
use crate::entry::decode::decode;
use crate::protocol::Skipped;
use crate::render::ecs::Ecs;
use crate::render::ocsf::Ocsf;
use crate::render::peer::csv::Extra;
use crate::render::peer::{Escape, Lookup, Peer};
use crate::render::zone;
use crate::render::{self, Style};

/// The columns of `--format csv`.
const COLUMNS: Extra = Extra { time: false, labels: true, object: true, keys: true };

/// Ids that no name was stored for stay numbers: names of today may be another's.
struct Numbers;

impl Lookup for Numbers {
    fn user(&self, id: u32) -> Option<String> {
        Some(id.to_string())
    }

    fn group(&self, id: u32) -> Option<String> {
        Some(id.to_string())
    }
}

/// How entries are written.
enum Form {
    Style(Style),
    /// Columns; their names come before the first line.
    Columns {
        peer: Box<Peer>,
        begun: bool,
    },
    Ecs(Ecs),
    Ocsf(Ocsf),
}

/// The Elastic Common Schema, with the name of that host, or else of this one, for events that name none.
pub(super) fn ecs(host: Option<&str>) -> Ecs {
    Ecs::new(host_or_this(host))
}

/// The Open Cybersecurity Schema Framework, likewise.
pub(super) fn ocsf(host: Option<&str>) -> Ocsf {
    Ocsf::new(host_or_this(host))
}

fn host_or_this(host: Option<&str>) -> Option<String> {
    let this = || nix::unistd::gethostname().ok()?.into_string().ok();
    host.map(str::to_owned).or_else(this).filter(|host| !host.is_empty())
}

/// Standard output for entries of one format.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    form: Form,
    text: Vec<u8>,
    /// Whether every entry is shown at once.
    live: bool,
}

impl Output {
    /// For entries that are written so. `live` ones are shown as they come, and a line tells no day of them.
    pub(super) fn new(written: &Written, live: bool) -> Output {
        let (out, host) = (io::stdout(), written.host.as_deref());
        // Who asks for colours in any case has a terminal behind the pipe, as `less -R` does.
        let terminal = out.is_terminal() || written.color == Colour::Always;
        let colours = match written.color {
            // https://no-color.org: set and not empty.
            Colour::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            Colour::Always => true,
            Colour::Never => false,
        };
        let style = |format| Form::Style(Style { format, terminal, colours, date: !live });
        let form = match written.format {
            Format::Text => style(render::Format::Text),
            Format::Line => style(render::Format::Line),
            Format::Json => style(render::Format::Json),
            Format::Raw => style(render::Format::Raw),
            Format::Ecs => Form::Ecs(ecs(host)),
            Format::Ocsf => Form::Ocsf(ocsf(host)),
            Format::Csv => {
                let escape = if terminal { Escape::Tty } else { Escape::Raw };
                let peer = Peer::new(escape, COLUMNS, zone::local(), Box::new(Numbers));
                Form::Columns { peer: Box::new(peer.with_iso_dates()), begun: false }
            }
        };
        Output { out: BufWriter::with_capacity(64 << 10, out.lock()), form, text: Vec::new(), live }
    }

    /// Writes one entry, or the word of the daemon that some were skipped.
    pub(super) fn entry(&mut self, line: &[u8]) -> anyhow::Result<()> {
        match decode(line) {
            Ok(stored) => self.write(line, &stored)?,
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

    fn write(&mut self, line: &[u8], stored: &Stored) -> io::Result<()> {
        match &mut self.form {
            Form::Style(style) => render::write(*style, line, stored, &mut self.out),
            Form::Ecs(ecs) => ecs.write(stored, &mut self.out),
            Form::Ocsf(ocsf) => ocsf.write(stored, &mut self.out),
            Form::Columns { peer, begun } => {
                self.text.clear();
                if !std::mem::replace(begun, true) {
                    self.text.extend_from_slice(COLUMNS.head().as_bytes());
                }
                peer.csv(&stored.event, &stored.names, &mut self.text);
                self.out.write_all(&self.text)
            }
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
