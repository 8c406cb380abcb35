//! `ausyscall`: numbers and names of system calls.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::tables::{self, Arch};

/// Exit statuses, as ausyscall has them.
const FOUND: u8 = 0;
const FAILED: u8 = 1;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Asked {
    arch: Option<Arch>,
    what: Option<String>,
    dump: bool,
    exact: bool,
}

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    let asked = match parse(&arguments) {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("ausyscall: {text}");
            eprintln!("usage: ausyscall [MACHINE] NAME|NUMBER [--exact], or [MACHINE] --dump");
            return ExitCode::from(FAILED);
        }
    };
    match answer(&asked) {
        Ok(text) => {
            print!("{text}");
            ExitCode::from(FOUND)
        }
        Err(text) => {
            eprintln!("ausyscall: {text}");
            ExitCode::from(FAILED)
        }
    }
}

fn parse(arguments: &[OsString]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    for argument in arguments {
        let text = argument.to_string_lossy();
        match &*text {
            "--dump" => asked.dump = true,
            "--exact" => asked.exact = true,
            option if option.starts_with("--") => return Err(format!("{option} is not an option")),
            name if asked.arch.is_none() && arch(name).is_some() => asked.arch = arch(name),
            name if asked.what.is_none() => asked.what = Some(name.to_owned()),
            name => return Err(format!("{name:?} is one name too many")),
        }
    }
    match asked.what.is_none() && !asked.dump {
        true => Err("which system call?".to_owned()),
        false => Ok(asked),
    }
}

fn arch(name: &str) -> Option<Arch> {
    match name {
        "b64" => Some(Arch::native()),
        "b32" => Arch::native().compat(),
        "i486" | "i586" | "i686" => Some(Arch::I386),
        _ => Arch::from_name(name),
    }
}

fn answer(asked: &Asked) -> Result<String, String> {
    let arch = asked.arch.unwrap_or(Arch::native());
    if asked.dump {
        let list = tables::syscalls(arch).map(|(number, name)| format!("{number}\t{name}\n"));
        return Ok(format!("Using {} syscall table:\n", arch.name()) + &list.collect::<String>());
    }
    let what = asked.what.as_deref().unwrap_or_default();
    if what.bytes().all(|byte| byte.is_ascii_digit()) && !what.is_empty() {
        let name = what.parse().ok().and_then(|number| tables::syscall_name(arch, number));
        let unknown = || format!("{} has no system call with the number {what}", arch.name());
        return name.map(|name| format!("{name}\n")).ok_or_else(unknown);
    }
    let unknown = || format!("{} has no system call {what:?}", arch.name());
    if asked.exact {
        return tables::syscall_number(arch, what).map(|number| format!("{number}\n")).ok_or_else(unknown);
    }
    let found: String = tables::syscalls(arch)
        .filter(|(_, name)| name.contains(&what.to_ascii_lowercase()))
        .map(|(number, name)| format!("{name:<18} {number}\n"))
        .collect();
    if found.is_empty() { Err(unknown()) } else { Ok(found) }
}
