//! Writes manual pages and shell completions, from the same definitions as the programs' own help and the configuration's
//! reference, below a directory: `man/man1`, `man/man5`, `man/man8`, `bash`, `zsh` and `fish`.
//! `cargo run --example generate -- DIR`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;

/// Section of the manual for programs, and for those of the administrator.
const PROGRAMS: &str = "man/man1";
/// Section of the manual for files.
const FILES: &str = "man/man5";
/// Section of the manual for daemons.
const DAEMONS: &str = "man/man8";
/// The page of the configuration, without the settings, and where they are to stand.
const CONFIGURATION: (&str, &str) = (
    include_str!("man/ktrail.toml.5"),
    ".\\\" Here packaging/generate.rs puts the settings, from docs/configuration.md.\n",
);
/// A cell with nothing in it, as roff has it.
const NONE: &str = "\\[en]";
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
    for part in [PROGRAMS, FILES, DAEMONS].into_iter().chain(SHELLS.map(|(_, part)| part)) {
        fs::create_dir_all(dir.join(part))?;
    }
    // One page for the program, and one for each of its commands.
    clap_mangen::generate_to(ktrail::cli::command(), dir.join(PROGRAMS))?;
    let mut page = Vec::new();
    clap_mangen::Man::new(ktrail::daemon::command()).section("8").render(&mut page)?;
    fs::write(dir.join(DAEMONS).join("ktraild.8"), page)?;
    let settings = settings(include_str!("../docs/configuration.md"));
    fs::write(dir.join(FILES).join("ktrail.toml.5"), CONFIGURATION.0.replace(CONFIGURATION.1, &settings))?;
    for (shell, part) in SHELLS {
        for mut command in [ktrail::cli::command(), ktrail::daemon::command()] {
            let name = command.get_name().to_owned();
            clap_complete::generate_to(shell, &mut command, name, dir.join(part))?;
        }
    }
    Ok(())
}

/// The settings as roff: each table of the reference a section, each of its rows a paragraph.
fn settings(reference: &str) -> String {
    let mut page = String::new();
    for line in reference.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let _ = writeln!(page, ".SH {}", roff(title));
            continue;
        }
        // In the order of the reference's columns; those of its heads do not begin with a name.
        let Some(row) = line.strip_prefix("| `").and_then(|row| row.strip_suffix(" |")) else { continue };
        let cells: Vec<String> = row.split(" | ").map(roff).collect();
        let [name, default, unit, values, meaning, auditd] = &*cells else { continue };
        let default = if default == NONE { "\\fI(not set)\\fP" } else { default };
        let _ = writeln!(page, ".TP\n.BR {name} \" = {default}\"\n\\&{meaning}.\n.br\nValues: {values}.");
        for (what, cell) in [("Unit", unit), ("Of auditd.conf", auditd)] {
            if cell != NONE {
                let _ = writeln!(page, "{what}: {cell}.");
            }
        }
    }
    page
}

/// A cell of a table as roff has it, without the signs for code.
fn roff(cell: &str) -> String {
    let text = cell.replace('`', "").replace('\\', "\\e").replace('"', "\\(dq").replace('-', "\\-");
    text.replace('\'', "\\(cq").replace('–', NONE).replace('…', "...")
}
