//! `ktrail log export`.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use roaring::RoaringBitmap;

use super::{open_and_tell, progress};
use crate::cli::arguments::log::{Export, LogExport};
use crate::cli::{exit, output, time};
use crate::entry::Stored;
use crate::entry::decode::decode;
use crate::render;
use crate::render::zone;
use crate::store::{self, Error};

/// Bytes written at once.
const OUT_BYTES: usize = 256 << 10;

/// Writes events in the order in which they were stored. What cannot be read is told and left out, and the exit status
/// says so.
pub(super) fn export(config: &store::Config, arguments: &LogExport) -> anyhow::Result<u8> {
    let at = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, zone::now)).transpose();
    let (since, until) = (at(&arguments.since)?, at(&arguments.until)?);
    let snapshot = open_and_tell(config)?.snapshot();
    let wanted = |id: u64| arguments.segments.as_ref().is_none_or(|range| range.contains(&id));
    let segments: Vec<_> = snapshot.segments().iter().filter(|segment| wanted(segment.id())).collect();
    let entries = segments.iter().map(|segment| u64::from(segment.len())).sum();
    let bar = progress(entries, "{bar:40} {human_pos}/{human_len} events {eta}")?;
    let mut out = BufWriter::with_capacity(OUT_BYTES, io::stdout().lock());
    let render = renderer(arguments);
    let (mut written, mut lost) = (0u64, 0u64);
    let mut line = Vec::new();
    for segment in segments {
        let mut ordinals = RoaringBitmap::new();
        ordinals.insert_range(0..segment.len());
        segment.in_time(since, until, &mut ordinals)?;
        let mut unread = None;
        for ordinal in &ordinals {
            match segment.read(ordinal, &mut line).map_err(anyhow::Error::new) {
                Ok(()) => match write(render.as_ref(), &line, &mut out)? {
                    Ok(()) => written += 1,
                    Err(error) => count(&mut unread, ordinal, error),
                },
                Err(error) if is_gone(&error) => break,
                Err(error) => count(&mut unread, ordinal, error),
            }
        }
        if let Some((count, first, error)) = unread {
            let id = segment.id();
            bar.suspend(|| {
                eprintln!(
                    "ktrail: {count} entries of segment {id} are left out, the first is {first}: {error:#}"
                );
            });
            lost += count;
        }
        bar.inc(u64::from(segment.len()));
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok(match (lost, written) {
        (0, 0) => exit::NOTHING,
        (0, _) => exit::FOUND,
        _ => exit::ERROR,
    })
}

/// How many entries of a segment could not be read, the first of them, and why.
type Unread = Option<(u64, u32, anyhow::Error)>;

fn count(unread: &mut Unread, ordinal: u32, error: anyhow::Error) {
    unread.get_or_insert((0, ordinal, error)).0 += 1;
}

/// Whether a writer's retention has just removed the segment.
fn is_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Removed { .. }))
}

/// Writes one event.
type Render = Box<dyn Fn(&Stored, &mut dyn Write) -> io::Result<()>>;

/// How events are written; `None` for the stored form itself, which need not be read.
fn renderer(arguments: &LogExport) -> Option<Render> {
    match arguments.format {
        Export::Json => None,
        Export::Raw => Some(Box::new(|stored, out| render::raw::write(&stored.event, out))),
        Export::Ecs => {
            let ecs = output::ecs(arguments.host.as_deref());
            Some(Box::new(move |stored, out| ecs.write(stored, out)))
        }
        Export::Ocsf => {
            let ocsf = output::ocsf(arguments.host.as_deref());
            Some(Box::new(move |stored, out| ocsf.write(stored, out)))
        }
    }
}

/// Writes one event; the inner error is that of the entry, the outer that of the output.
fn write(render: Option<&Render>, line: &[u8], out: &mut impl Write) -> io::Result<anyhow::Result<()>> {
    let Some(render) = render else { return render::json::write(line, out).map(Ok) };
    match decode(line).context("an entry cannot be read") {
        Ok(stored) => render(&stored, out).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}
