//! `auditctl`: rules and settings of the kernel's audit subsystem, given as arguments or as lines of a file.

mod arguments;
mod file;
mod request;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use arguments::Wish;
use request::Kernel;

/// Exit statuses of auditctl.
mod status {
    /// The arguments or a rule are wrong, or the kernel refuses.
    pub(super) const FAILED: u8 = 255;
    /// A rules file has failed, or the configuration is locked.
    pub(super) const FILE: u8 = 1;
    /// There is no audit daemon to send a signal to.
    pub(super) const NO_DAEMON: u8 = 2;
    /// Not root.
    pub(super) const NOT_PERMITTED: u8 = 4;
}

/// What -v prints.
const VERSION: &str = concat!("auditctl version ", env!("CARGO_PKG_VERSION"), " (ktrail)\n");
/// Bytes of an argument at most. The longest that means something is a path with its field's name.
const ARGUMENT_BYTES_MAX: usize = 8 << 10;

pub(super) fn run(arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
    match words.as_slice() {
        [] => return say(arguments::USAGE, status::FILE),
        [b"-h", ..] => return say(arguments::USAGE, status::FAILED),
        [b"-v"] => return say(VERSION, 0),
        _ => {}
    }
    let wishes = match arguments::read(&words) {
        Ok(wishes) => wishes,
        Err(error) => return failed(error, status::FAILED),
    };
    if !nix::unistd::geteuid().is_root() {
        return failed("this needs root", status::NOT_PERMITTED);
    }
    match Kernel::open() {
        Ok(mut kernel) => carry_out(&mut kernel, &wishes),
        Err(ended) => ended,
    }
}

/// Loads a rules file, as with -R.
pub(super) fn load_file(path: &Path) -> ExitCode {
    match Kernel::open() {
        Ok(mut kernel) => file::load(&mut kernel, path, file::Mode::Stop),
        Err(ended) => ended,
    }
}

fn carry_out(kernel: &mut Kernel, wishes: &[Wish]) -> ExitCode {
    let mut changed = false;
    for wish in wishes {
        let done = match wish {
            Wish::File { path, mode } => return file::load(kernel, path, *mode),
            Wish::Signal(signal) => return kernel.signal(*signal),
            Wish::List { key, interpret } => kernel.list(key.as_deref(), *interpret),
            Wish::Status { interpret } => kernel.status(*interpret),
            Wish::Line(line) => {
                changed |= line.is_setting();
                kernel.line(line)
            }
        };
        if let Err(error) = done {
            return failed(&error, error.status());
        }
    }
    // Settings are followed by what they have become, a rule is not.
    let rule = wishes.iter().any(|wish| matches!(wish, Wish::Line(line) if !line.is_setting()));
    match changed && !rule {
        true => {
            kernel.short_status().map_or_else(|error| failed(&error, error.status()), |()| ExitCode::SUCCESS)
        }
        false => ExitCode::SUCCESS,
    }
}

/// Prints a text that needs no kernel.
fn say(text: &str, status: u8) -> ExitCode {
    // If nobody reads it there is nobody to tell.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::from(status)
}

fn failed(error: impl Display, status: u8) -> ExitCode {
    eprintln!("auditctl: {error}");
    ExitCode::from(status)
}
