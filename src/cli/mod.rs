//! `ktrail`: the command line for people and scripts.

mod arguments;
mod dropin;
mod import;
mod log;
mod migrate;
mod output;
mod owner;
mod renew;
mod report;
mod rules;
mod search;
mod status;
mod time;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use nix::sys::signal::Signal;

use arguments::{Command, Options};

/// Exit statuses, as grep has them.
mod exit {
    /// Something was found, or the command did what it is for.
    pub(super) const FOUND: u8 = 0;
    /// Nothing was found.
    pub(super) const NOTHING: u8 = 1;
    /// An error.
    pub(super) const ERROR: u8 = 2;
}

/// Runs `ktrail` and gives its exit status: 0 with matches or when done, 1 without matches, 2 on an error.
///
/// Under the name of one of auditd's programs it is that program.
pub fn main() -> ExitCode {
    if let Some((run, arguments)) = dropin::asked_for(std::env::args_os()) {
        return run(arguments);
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            let status = if error.use_stderr() { exit::ERROR } else { exit::FOUND };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let place = options.place;
    let done = match options.command {
        Command::Search(arguments) => search::search(&place, &arguments),
        Command::Tail(arguments) => search::tail(&place, &arguments),
        Command::Report(arguments) => report::report(&place, &arguments),
        Command::Status(arguments) => status::status(&place, &arguments),
        Command::Rules(arguments) => rules::rules(&place, &arguments),
        Command::Import(arguments) => import::import(&place, &arguments),
        Command::Migrate(arguments) => migrate::migrate(&place, &arguments),
        Command::Reload => renew::renew(&place, Signal::SIGHUP),
        Command::Upgrade => renew::renew(&place, Signal::SIGUSR2),
        Command::Log(arguments) => log::log(&place, &arguments),
        Command::Verify(arguments) => verify::verify(&place, &arguments),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(exit::FOUND),
        Err(error) => {
            eprintln!("ktrail: {error:#}");
            ExitCode::from(exit::ERROR)
        }
    }
}

/// The command line of `ktrail`, for manual pages and shell completions.
pub fn command() -> clap::Command {
    Options::command()
}

/// Whether the reader of our output has gone: `ktrail search | head` is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
