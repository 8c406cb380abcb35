//! Programs of auditd that `ktrail` stands in for when it is run under their name, as by a symbolic link.
//!
//! Each takes the arguments of the program it is named after, writes the same to standard output and ends with the same
//! status; `docs/auditd-differences.md` lists where it does not.

mod auditctl;
mod augenrules;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Runs a program, given the arguments after its name.
type Run = fn(Vec<OsString>) -> ExitCode;

/// Each program with what runs it.
const PROGRAMS: &[(&str, Run)] = &[("auditctl", auditctl::run), ("augenrules", augenrules::run)];

/// Runs the program under whose name this one was started; `None` if that is none of them.
pub(super) fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    let name = Path::new(&name).file_name()?;
    let (_, run) = PROGRAMS.iter().find(|(known, _)| name == *known)?;
    Some(run(arguments.collect()))
}
