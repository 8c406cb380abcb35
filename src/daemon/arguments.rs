//! The command line of `ktraild`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use crate::config::Overrides;
use crate::rules::parse::RULE_OPTIONS;
use crate::rules::text::{self, Word};

const AFTER_HELP: &str = "\
Rules, as auditctl takes them; each is removed again at the end:
  -w PATH [-p rwxa] [-k KEY]       watch a file or a directory
  -a LIST,ACTION [-S CALL]... [-F FIELD]... [-C FIELDS]... [-k KEY]
                                   a rule for system calls

Example: ktraild -w /etc/passwd -p ra -k passwd-ra

Exit status: 0 after an orderly end, 1 it could not begin or had to stop,
2 wrong command line, configuration or rule, 4 a right is missing,
75 the service manager is to start it again, with rights it had given up.";

/// The kernel's audit trail, kept, indexed and served.
#[derive(Debug, Parser)]
#[command(name = "ktraild", version, override_usage = "ktraild [OPTIONS] [RULES]", after_help = AFTER_HELP)]
struct Options {
    /// Read this configuration file in place of /etc/ktrail/ktrail.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the log in this directory
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Serve the local API on this socket
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Check the configuration and the rules, and do nothing else
    #[arg(long)]
    check_config: bool,
}

/// The options, without those of rules.
pub(super) fn command() -> clap::Command {
    Options::command()
}

/// What the command line says.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) overrides: Overrides,
    pub(super) check_config: bool,
    /// The words of the rules, in their order.
    pub(super) rules: Vec<Word>,
}

/// Parts the words of rules, which are in auditctl's syntax, from the other options.
pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut rule_words = Vec::new();
    let mut others = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        if RULE_OPTIONS.iter().any(|option| argument == *option) {
            rule_words.push(argument);
            rule_words.extend(rest.next());
        } else {
            others.push(argument);
        }
    }
    let options = Options::try_parse_from(others)?;
    let overrides = Overrides { file: options.config, log_dir: options.log_dir, socket: options.socket };
    let rules = text::arguments(rule_words.iter().map(|word| word.as_bytes()));
    Ok(Arguments { overrides, check_config: options.check_config, rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_options_may_be_mixed() {
        let words = ["ktraild", "-w", "/x", "--log-dir", "/l", "-k", "--socket", "--check-config"];
        let arguments = read(words.map(OsString::from)).expect("a good command line");
        let rules: Vec<_> = arguments.rules.iter().map(|word| word.text.as_slice()).collect();
        assert_eq!(rules, [&b"-w"[..], b"/x", b"-k", b"--socket"]);
        assert_eq!(arguments.overrides.log_dir, Some("/l".into()));
        assert!(arguments.check_config && arguments.overrides.socket.is_none());
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(read(["ktraild", "--nonsense"].map(OsString::from)).is_err());
        assert!(read(["ktraild", "stray"].map(OsString::from)).is_err());
    }
}
