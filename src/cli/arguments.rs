//! The command line of `ktrail`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::render;

const AFTER_HELP: &str = "Exit status: 0 with matches or when done, 1 without matches, 2 on an error.";

/// Search, follow and manage the kernel's audit trail.
#[derive(Debug, Parser)]
#[command(name = "ktrail", version, after_help = AFTER_HELP)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) place: Place,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where the log is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Read this log directory; no daemon is needed
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) log_dir: Option<PathBuf>,
    /// Ask the daemon behind this socket
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find events
    Search(Search),
    /// Follow new events
    Tail(Tail),
    /// Show what kernel, daemon and log are doing
    Status(Status),
    /// Show the rules in the kernel
    Rules(Rules),
    /// Read auditd logs into a log directory
    Import(Import),
}

/// Which events.
#[derive(Debug, Default, Args)]
pub(super) struct Wanted {
    /// A filter, e.g. 'key=passwd-ra and (exe~grep or uid=1000)'
    #[arg(value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// A rule's key, exactly
    #[arg(short, long)]
    pub(super) key: Option<String>,
    /// Part of the executable's path; all of it with a leading =
    #[arg(short = 'x', long)]
    pub(super) exe: Option<String>,
    /// Part of the command's name; all of it with a leading =
    #[arg(short, long)]
    pub(super) comm: Option<String>,
    /// Part of a path; all of it with a leading =
    #[arg(short = 'f', long)]
    pub(super) path: Option<String>,
    /// A system call by name
    #[arg(long)]
    pub(super) syscall: Option<String>,
    /// A record type, e.g. USER_LOGIN
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// User id or name of the process
    #[arg(long)]
    pub(super) uid: Option<String>,
    /// User id or name of the login
    #[arg(long)]
    pub(super) auid: Option<String>,
    /// Process id
    #[arg(long)]
    pub(super) pid: Option<String>,
    /// Parent process id
    #[arg(long)]
    pub(super) ppid: Option<String>,
    /// Session id
    #[arg(long)]
    pub(super) session: Option<String>,
    /// How it ended
    #[arg(long, value_name = "ok|fail")]
    pub(super) result: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// From this time on: 2026-11-23T09:00, 09:00, today, yesterday, '10 minutes ago'
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,
    /// Newest first
    #[arg(short, long)]
    pub(super) reverse: bool,
    /// Only how many there are
    #[arg(long)]
    pub(super) count: bool,
    /// How events are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// End after so many
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,
    /// How events are written
    #[arg(long, value_enum, default_value_t = Format::Line)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List the rules in the kernel, as auditctl does
    List,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Logs of auditd, RAW or ENRICHED; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

/// An output format's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Several lines an event
    Text,
    /// One line an event
    Line,
    /// One JSON object an event
    Json,
    /// Records as auditd's RAW format has them
    Raw,
}

impl From<Format> for render::Format {
    fn from(format: Format) -> render::Format {
        match format {
            Format::Text => render::Format::Text,
            Format::Line => render::Format::Line,
            Format::Json => render::Format::Json,
            Format::Raw => render::Format::Raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        super::Options::command().debug_assert();
    }
}
