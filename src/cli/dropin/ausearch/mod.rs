//! `ausearch`: finds events in ktrail's store, or in logs of auditd.

pub(super) mod auditd;
mod checkpoint;
mod help;
mod items;
pub(super) mod logs;
mod names;
mod options;
mod output;
mod stored;
mod wanted;
pub(super) mod when;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::process::ExitCode;

use nix::sys::stat::{SFlag, fstat};

use checkpoint::Checkpoint;
use logs::Source;
use options::{Asked, Options};
use output::Output;

use crate::render::zone;

/// Exit statuses, as ausearch has them.
mod exit {
    /// Something was found.
    pub(super) const FOUND: u8 = 0;
    /// Nothing was found, or an error.
    pub(super) const NOTHING: u8 = 1;
    /// The checkpoint's file holds something else.
    pub(super) const CHECKPOINT_BAD: u8 = 10;
    /// The checkpoint's file cannot be read or written.
    pub(super) const CHECKPOINT_FAILED: u8 = 11;
    /// The checkpoint's event is not in the log.
    pub(super) const CHECKPOINT_LOST: u8 = 12;
}

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    if arguments.is_empty() {
        print!("{}", help::text());
        return ExitCode::from(exit::NOTHING);
    }
    let options = match options::parse(arguments, &zone::now()) {
        Ok(Asked::Help) => {
            print!("{}", help::text());
            return ExitCode::from(exit::FOUND);
        }
        Ok(Asked::Version) => {
            println!("ausearch version 3.0.9 (ktrail {})", env!("CARGO_PKG_VERSION"));
            return ExitCode::from(exit::FOUND);
        }
        Ok(Asked::Search(options)) => options,
        Err(error) => {
            eprintln!("ausearch: {error}");
            return ExitCode::from(exit::NOTHING);
        }
    };
    match search(*options) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            if super::super::is_broken_pipe(&error) {
                return ExitCode::from(exit::FOUND);
            }
            eprintln!("ausearch: {error:#}");
            ExitCode::from(error.downcast_ref().map_or(exit::NOTHING, checkpoint::Error::status))
        }
    }
}

fn search(mut options: Options) -> anyhow::Result<u8> {
    let checkpoint = options.checkpoint.as_deref().map(Checkpoint::load).transpose()?.flatten();
    let mut after = checkpoint;
    if options.start_at_checkpoint {
        // The time alone, whatever has become of the event.
        options.wanted.since_s = after.take().map(|checkpoint| checkpoint.id.time_ms / 1000);
    }
    let mut output = Output::new(&options);
    let searched = match source(&options)? {
        Some(source) => logs::search(source, &options, after, &mut output),
        None => stored::search(&options, after, &mut output),
    };
    // What was found before an error is written.
    let found = output.finish()?;
    let last = searched?;
    if let (Some(path), Some(last)) = (&options.checkpoint, last) {
        last.save(path)?;
    }
    if found == 0 && options.format != options::Format::Raw {
        eprintln!("<no matches>");
    }
    Ok(if found > 0 { exit::FOUND } else { exit::NOTHING })
}

/// Where auditd's text is read from; `None` for the store.
fn source(options: &Options) -> anyhow::Result<Option<Source>> {
    if let Some(path) = &options.input {
        return Source::path(path).map(Some);
    }
    if options.input_logs {
        return Ok(auditd::logs());
    }
    let stdin = io::stdin();
    let is_pipe =
        fstat(stdin.as_fd()).is_ok_and(|stat| stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFIFO.bits());
    Ok((is_pipe && !stdin.is_terminal()).then_some(Source::Stdin))
}
