//! What the daemon says of itself: to stderr, and to a rolling file if there is to be one. Never the audit log.

use anyhow::Context;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Diagnostics;

/// Begins. The guard writes what is left when it is dropped.
///
/// The rolling file's writer drops lines rather than wait for a disk: nothing that must be kept goes this way.
pub(super) fn begin(config: &Diagnostics) -> anyhow::Result<Option<WorkerGuard>> {
    let filter: Targets = config
        .level
        .parse()
        .ok()
        .with_context(|| format!("diagnostics.level: {:?} is not a level", config.level))?;
    // The journal and a terminal give the time themselves or have no use for it twice.
    let stderr = layer().without_time().with_target(false).with_ansi(false).with_writer(std::io::stderr);
    let Some(dir) = &config.dir else {
        tracing_subscriber::registry().with(filter).with(stderr).init();
        return Ok(None);
    };
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("ktraild")
        .filename_suffix("log")
        .max_log_files(config.files)
        .build(dir)
        .with_context(|| format!("diagnostics.dir: cannot write in {}", dir.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let file = layer().with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(stderr).with(file).init();
    Ok(Some(guard))
}
