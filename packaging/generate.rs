//! Writes manual pages and shell completions, from the same definitions as the programs' own help, below a directory:
//! `man/man1`, `man/man8`, `bash`, `zsh` and `fish`. `cargo run --example generate -- DIR`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;

/// Section of the manual for programs, and for those of the administrator.
const PROGRAMS: &str = "man/man1";
/// Section of the manual for daemons.
const DAEMONS: &str = "man/man8";
/// Where each shell's completions go.
const SHELLS: [(Shell, &str); 3] = [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")];

#[allow(dead_code, reason = "the tests have this file as a module")]
fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: generate DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes everything below the directory.
pub(crate) fn write(dir: &Path) -> io::Result<()> {
    for part in [PROGRAMS, DAEMONS].into_iter().chain(SHELLS.map(|(_, part)| part)) {
        fs::create_dir_all(dir.join(part))?;
    }
    // One page for the program, and one for each of its commands.
    clap_mangen::generate_to(ktrail::cli::command(), dir.join(PROGRAMS))?;
    let mut page = Vec::new();
    clap_mangen::Man::new(ktrail::daemon::command()).section("8").render(&mut page)?;
    fs::write(dir.join(DAEMONS).join("ktraild.8"), page)?;
    for (shell, part) in SHELLS {
        for mut command in [ktrail::cli::command(), ktrail::daemon::command()] {
            let name = command.get_name().to_owned();
            clap_complete::generate_to(shell, &mut command, name, dir.join(part))?;
        }
    }
    Ok(())
}
