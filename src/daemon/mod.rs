//! `ktraild`: start, threads, signals, shutdown.
//!
//! Three threads carry the data: one receives from the kernel and does nothing else, one makes entries and stores them,
//! one watches the kernel's own counts. The local API runs on a small runtime beside them.

mod arguments;
mod begin;
mod calls;
mod capture;
pub mod confine;
mod counts;
mod diagnostics;
mod drift;
mod host;
mod inherit;
mod log;
mod manager;
mod receive;
mod recover;
mod rules;
mod run;
mod shed;
mod signals;
mod space;
mod status;
mod storer;
mod successor;
mod unseen;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Error;

use confine::Rights;
use signals::Wish;

use crate::config::{self, Config};
use crate::netlink;

/// Exit statuses of `ktraild`.
mod exit {
    /// The command line, the configuration or a rule is wrong.
    pub(super) const USAGE: u8 = 2;
    /// The daemon could not begin or had to stop.
    pub(super) const FAILED: u8 = 1;
    /// A right is missing.
    pub(super) const NOT_PERMITTED: u8 = 4;
    /// All is left to a new process, which has to be started; of a check: rights are needed that its parent has given up.
    pub(super) const RESTART: u8 = 75;
}

/// Runs `ktraild` and gives its exit status: 0 after an orderly end, 1 when it could not begin or had to stop, 2 when the
/// command line, the configuration or a rule is wrong, 4 when a right is missing, 75 when a service manager is to start it
/// again.
pub fn main() -> ExitCode {
    let arguments = match arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, and are not errors.
            let status = if error.use_stderr() { exit::USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let config = match Config::load(&arguments.overrides) {
        Ok(config) => config,
        Err(error) => return failed(&error.into(), exit::USAGE),
    };
    let rules = match rules::load(&arguments, &config) {
        Ok(rules) => rules,
        Err(error) => return failed(&error, exit::USAGE),
    };
    let file = arguments.overrides.file.as_deref().unwrap_or(Path::new(config::FILE_DEFAULT));
    let rights = Rights::of(&config, file);
    if let Err(error) = rights.check_groups() {
        return failed(&error, exit::USAGE);
    }
    if arguments.check_config {
        let missing = rights.missing_in_parent();
        if !missing.is_empty() {
            eprintln!("ktraild: a restart is needed, for rights that were given up: {}", missing.join(", "));
            return ExitCode::from(exit::RESTART);
        }
        rules.warnings.iter().for_each(|warning| eprintln!("ktraild: {warning}"));
        println!("the configuration is good; {} rules", rules.rules.len());
        return ExitCode::SUCCESS;
    }
    match run::run(&config, &rules, &rights) {
        Ok(Wish::Restart) => ExitCode::from(exit::RESTART),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let status = match error.downcast_ref() {
                Some(netlink::error::Error::NotPermitted(_)) => exit::NOT_PERMITTED,
                _ => exit::FAILED,
            };
            failed(&error, status)
        }
    }
}

/// The command line of `ktraild`, for manual pages and shell completions; rules are in its words at the end.
pub fn command() -> clap::Command {
    arguments::command()
}

fn failed(error: &Error, status: u8) -> ExitCode {
    eprintln!("ktraild: {error:#}");
    if status == exit::NOT_PERMITTED {
        eprintln!("Without it, `ktrail import` and `ktrail search --log-dir DIR` work on logs you may read.");
    }
    ExitCode::from(status)
}
