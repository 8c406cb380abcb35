//! From when to when each log is.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;

use super::options::Options;
use super::output::Output;
use crate::cli::dropin::events::Source;
use crate::entry::decode::describe;
use crate::store::Reader;

pub(super) fn write(source: &Source, options: &Options, output: &mut Output) -> anyhow::Result<()> {
    match source {
        Source::Files(files) => {
            for file in files {
                let range = range(&Source::Files(vec![file.clone()]), options)?;
                output.range(&file.display().to_string(), range)?;
            }
        }
        Source::Store(dir) => {
            let opened = Reader::open(dir, Arc::new(describe));
            let (reader, _) = opened.with_context(|| format!("cannot open the log in {}", dir.display()))?;
            for segment in reader.snapshot().segments() {
                let name = format!("{} segment {}", dir.display(), segment.id());
                output.range(&name, segment.time_range())?;
            }
        }
        Source::Stdin => output.range("stdin", range(source, options)?)?,
        Source::Daemon(socket) => output.range(&socket.display().to_string(), range(source, options)?)?,
    }
    Ok(())
}

/// The earliest and the latest time of an event.
fn range(source: &Source, options: &Options) -> anyhow::Result<Option<(u64, u64)>> {
    let mut range: Option<(u64, u64)> = None;
    source.read(&options.reading(), &mut |event, _| {
        let time_ms = event.id.time_ms;
        let (first, last) = range.unwrap_or((time_ms, time_ms));
        range = Some((first.min(time_ms), last.max(time_ms)));
        ControlFlow::Continue(())
    })?;
    Ok(range)
}
