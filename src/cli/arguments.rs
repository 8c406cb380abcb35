//! The command line of `ktrail`.

pub(super) mod log;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::report;

const AFTER_HELP: &str = "Exit status: 0 with matches or when done, 1 without matches, 2 on an error.";

const MIGRATE_HELP: &str = "\
For each setting of auditd.conf, each plugin and each file of rules a line says
what became of it: written (to ktrail.toml), not needed, differs, NOT OFFERED.
auditd's files are only read. A file in --to that no migration has written is
never overwritten; what is written is recorded in migration.json there, for
--undo. The log of a running daemon cannot be imported into: import first.

Exit status: 0 done, 1 undone but for what was changed since, 2 on an error.";
const VERIFY_HELP: &str =
    "Exit status: 0 when all is as it was signed, 1 when it was tampered with, 2 on an error.";

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
    /// Count, list and chart events
    #[command(after_help = report::help())]
    Report(Reporting),
    /// Show what kernel, daemon and log are doing
    Status(Status),
    /// Show, check and load audit rules
    Rules(Rules),
    /// Read auditd logs into a log directory
    Import(Import),
    /// Take over auditd's configuration, rules, plugins and logs
    #[command(after_help = MIGRATE_HELP)]
    Migrate(Migrate),
    /// Show, check, repair and export the segments of a log directory
    Log(log::Log),
    /// Prove that a log is what was signed, or say where and since when it is not
    #[command(after_help = VERIFY_HELP)]
    Verify(Verify),
    /// Have the daemon go on with its configuration and rules as they are now
    Reload,
    /// Have the daemon go on with its program, configuration and rules as they are now
    Upgrade,
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

/// How events are written.
#[derive(Debug, Args)]
pub(super) struct Written {
    /// How events are written
    #[arg(long, value_enum, default_value_t = Format::Line)]
    pub(super) format: Format,
    /// Whether line and text have colours
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
    /// In ecs and ocsf, the host of events that name none; without it this one
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,
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
    #[command(flatten)]
    pub(super) written: Written,
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// End after so many
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,
    #[command(flatten)]
    pub(super) written: Written,
}

#[derive(Debug, Args)]
pub(super) struct Reporting {
    /// Which report
    #[arg(value_name = "REPORT", default_value = "summary", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(report::names()))]
    pub(super) report: String,
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// From this time on: 2026-11-23T09:00, 09:00, today, yesterday, '10 minutes ago'
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// A list: count by what it is about
    #[arg(long)]
    pub(super) summary: bool,
    /// top and new: by this field, e.g. exe
    #[arg(long)]
    pub(super) field: Option<String>,
    /// timeline: how long a stretch of time is, e.g. 15m
    #[arg(long, value_name = "LENGTH")]
    pub(super) interval: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// top: read every event though the index would do
    #[arg(long, hide = true)]
    pub(super) scan: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub(super) format: TableFormat,
}

/// How a report's rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    /// For people
    Text,
    /// One JSON object a row
    Json,
    /// Comma-separated values, the columns' names first
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rules {
    /// Read this configuration file in place of /etc/ktrail/ktrail.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List the rules in the kernel, as auditctl does
    List(RulesList),
    /// Say all that is wrong or odd in files of rules; the kernel is not asked
    Check(RulesCheck),
    /// Show what a load would change; exit status 1 when something
    Diff(RulesDiff),
    /// Make the kernel's rules those of the files: adds what is new, then deletes what is gone
    Load(RulesFiles),
    /// Add a rule, given as auditctl takes it
    Add(RuleWords),
    /// Delete a rule, given as auditctl takes it, or all rules of a key with -k
    Delete(RuleWords),
    /// Write the kernel's rules as a rules file
    Save(RulesSave),
    /// Say in words what a rule does and what it costs
    Explain(RuleWords),
}

#[derive(Debug, Args)]
pub(super) struct RulesList {
    /// As JSON, one object a rule
    #[arg(long)]
    pub(super) json: bool,
    /// With how many events of the log have the rule's keys, and how many an hour that is
    #[arg(long)]
    pub(super) hits: bool,
    /// Count the events from this time on: 2026-11-23T09:00, today, '1 week ago'
    #[arg(long, value_name = "TIME", requires = "hits")]
    pub(super) since: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RulesDiff {
    #[command(flatten)]
    pub(super) files: RulesFiles,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RulesSave {
    /// The file; without one, standard output
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// A rule in auditctl's words.
#[derive(Debug, Args)]
pub(super) struct RuleWords {
    /// For instance -w /etc/passwd -p wa -k passwd
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "RULE")]
    pub(super) words: Vec<OsString>,
}

/// Files of rules.
#[derive(Debug, Args)]
pub(super) struct RulesFiles {
    /// Files of rules, in this order; without any, those of the configured directories
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RulesCheck {
    #[command(flatten)]
    pub(super) files: RulesFiles,
    /// Also say which rules fill the log, by the events it has of their keys
    #[arg(long)]
    pub(super) hits: bool,
    /// Count the events from this time on: 2026-11-23T09:00, today, '1 week ago'
    #[arg(long, value_name = "TIME", requires = "hits")]
    pub(super) since: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Logs of auditd, RAW or ENRICHED; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// auditd's configuration: auditd.conf, rules.d or audit.rules, plugins.d
    #[arg(long, value_name = "DIR", default_value = "/etc/audit")]
    pub(super) from: PathBuf,
    /// Where ktrail's configuration is written: ktrail.toml, rules.d, plugins.d
    #[arg(long, value_name = "DIR", default_value = "/etc/ktrail")]
    pub(super) to: PathBuf,
    /// Import auditd's logs too, the oldest first
    #[arg(long)]
    pub(super) import: bool,
    /// Say what would be done and write nothing
    #[arg(long, conflicts_with_all = ["import", "undo"])]
    pub(super) dry_run: bool,
    /// Put everything back as it was before the migration
    #[arg(long, conflicts_with = "import")]
    pub(super) undo: bool,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The log directory, or a copy of one; no daemon is needed
    #[arg(value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// The public key that the chain has to begin with: 64 hexadecimal digits, or a file that has them
    #[arg(long, value_name = "KEY|FILE")]
    pub(super) public_key: Option<String>,
    /// A checkpoint that was kept elsewhere and has to be in the chain: its text, or a file that has it
    #[arg(long, value_name = "TEXT|FILE")]
    pub(super) checkpoint: Option<String>,
    /// Only print the last checkpoint, to be kept elsewhere
    #[arg(long)]
    pub(super) print_checkpoint: bool,
    /// Only print the public key, to be kept elsewhere
    #[arg(long)]
    pub(super) print_public_key: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub(super) format: Report,
}

/// How a report about the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Report {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// When the formats for people have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always, with what could steer a terminal escaped
    Always,
    /// Never
    Never,
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
    /// One line of columns an event, with a line of their names before the first
    Csv,
    /// The Elastic Common Schema, one JSON object an event
    Ecs,
    /// The Open Cybersecurity Schema Framework, one JSON object an event
    Ocsf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn ranges_of_segments_include_both_ends() {
        let cases = [
            ("3..7", Ok(3..=7)),
            ("3..", Ok(3..=u64::MAX)),
            ("..7", Ok(1..=7)),
            ("3", Ok(3..=3)),
            ("..", Ok(1..=u64::MAX)),
            ("", Err("write 3..7, 3.., ..7 or 3".to_owned())),
            ("a..7", Err("\"a\" is not a segment's number".to_owned())),
            ("3...7", Err("\".7\" is not a segment's number".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(super::log::segments(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        super::Options::command().debug_assert();
    }
}
