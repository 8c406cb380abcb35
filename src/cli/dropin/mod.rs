//! The names under which `ktrail` behaves as a program of audit-userspace.

mod auditctl;
mod augenrules;
mod aulast;
mod aulastlog;
mod aureport;
mod ausearch;
mod ausyscall;
mod events;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Runs a program with its arguments, its own name not among them.
pub(super) type Run = fn(Vec<OsString>) -> ExitCode;

/// The programs by their names.
const PROGRAMS: &[(&str, Run)] = &[
    ("auditctl", auditctl::run),
    ("augenrules", augenrules::run),
    ("aulast", aulast::main),
    ("aulastlog", aulastlog::main),
    ("aureport", aureport::main),
    ("ausearch", ausearch::main),
    ("ausyscall", ausyscall::main),
];

/// The program whose name the first argument ends with, and the other arguments.
pub(super) fn asked_for(mut arguments: impl Iterator<Item = OsString>) -> Option<(Run, Vec<OsString>)> {
    let first = arguments.next()?;
    let name = Path::new(&first).file_name()?.to_str()?;
    let (_, run) = PROGRAMS.iter().find(|(known, _)| *known == name)?;
    Some((*run, arguments.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_the_end_of_its_path() {
        let known = |name: &str| {
            let found = asked_for([name, "-k", "x"].into_iter().map(OsString::from));
            found.map(|(_, arguments)| arguments.len())
        };
        assert_eq!(known("ausearch"), Some(2));
        assert_eq!(known("/usr/sbin/ausearch"), Some(2));
        assert_eq!(known("./ausyscall"), Some(2));
        assert_eq!(known("ktrail"), None);
        assert_eq!(known("/ausearch/ktrail"), None);
        assert_eq!(known(""), None);
    }
}
