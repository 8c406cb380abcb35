//! `-R`: the lines of a file, done one after the other.

use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use super::arguments::Said;
use super::request::{Failure, Kernel};
use super::{failed, status};
use crate::cli::rules::report;
use crate::rules::control::Control;
use crate::rules::parse::Line;
use crate::ruleset::files::Source;
use crate::ruleset::host::ThisHost;
use crate::ruleset::set::{RuleSet, Severity};

/// The bit of a mode that lets everybody write (`S_IWOTH`, linux/stat.h).
const ALL_MAY_WRITE: u32 = 0o002;

/// What is done when a line fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The lines after it are not done.
    Stop,
    /// They are, and the status at the end says that one has failed (`-c`).
    Continue,
    /// They are, as if it had not failed (`-i`).
    Ignore,
}

/// Does what the lines of the file say. All wrong lines are told first; with one, nothing is done unless `mode` says
/// so or the file has `-c` or `-i` before it.
pub(super) fn load(kernel: &mut Kernel, path: &Path, mut mode: Mode) -> ExitCode {
    if let Err(error) = is_trusted(path) {
        return failed(format_args!("{}: {error}", path.display()), status::FILE);
    }
    let source = match Source::read(path, &ThisHost::default()) {
        Ok(source) => source,
        Err(error) => return failed(error, status::FILE),
    };
    let lines = source.parsed.lines.clone();
    let wrong = tell_wrong_lines(&mut [source]);
    if wrong.is_some_and(|left_out| !left_out) && mode == Mode::Stop {
        return failed(format_args!("{}: nothing of it is done", path.display()), status::FILE);
    }
    let mut failures = wrong.is_some();
    for (number, line) in lines {
        match line {
            Line::Control(Control::Continue) => mode = Mode::Continue,
            Line::Control(Control::IgnoreErrors) => mode = Mode::Ignore,
            line => {
                if let Err(error) = take(kernel, line) {
                    eprintln!("auditctl: {}:{number}: {error}", path.display());
                    failures = true;
                    if mode == Mode::Stop {
                        eprintln!("auditctl: {}: the lines after {number} are not done", path.display());
                        return ExitCode::from(status::FILE);
                    }
                }
            }
        }
    }
    if failures && mode != Mode::Ignore { ExitCode::from(status::FILE) } else { ExitCode::SUCCESS }
}

/// Does one line; a setting is followed by what it has become.
fn take(kernel: &mut Kernel, line: Line) -> Result<(), Failure> {
    let said = Said { line, warnings: Vec::new() };
    kernel.line(&said)?;
    if said.is_setting() { kernel.short_status() } else { Ok(()) }
}

/// Tells every wrong line. Gives, if there is one, whether all of them are to be left out.
fn tell_wrong_lines(sources: &mut [Source]) -> Option<bool> {
    let set = RuleSet::of(sources);
    let mut wrong = set.findings;
    // What a line deletes may be in the kernel.
    wrong.retain(|finding| finding.severity != Severity::Warning && finding.bytes > 0);
    let terminal = io::stderr().is_terminal();
    // If nobody reads it there is nobody to tell.
    let _ = report::write(&wrong, sources, terminal, &mut io::stderr().lock());
    (!wrong.is_empty()).then(|| wrong.iter().all(|finding| finding.severity == Severity::LeftOut))
}

/// Whether the file is one that only root can have written.
fn is_trusted(path: &Path) -> Result<(), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("not a regular file".to_owned());
    }
    if found.uid() != 0 {
        return Err("not owned by root".to_owned());
    }
    if found.mode() & ALL_MAY_WRITE != 0 {
        return Err("everybody may write to it".to_owned());
    }
    Ok(())
}
