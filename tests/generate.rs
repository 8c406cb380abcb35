//! Manual pages and shell completions are made for every command there is.

#[path = "../packaging/generate.rs"]
mod generate;

use std::fs;
use std::path::Path;
use std::process::Command;

/// Names of the pages: the program and its commands, joined by `-`.
fn pages(command: &clap::Command, before: &str, into: &mut Vec<String>) {
    let name = if before.is_empty() {
        command.get_name().to_owned()
    } else {
        format!("{before}-{}", command.get_name())
    };
    for inner in command.get_subcommands() {
        pages(inner, &name, into);
    }
    into.push(name);
}

#[test]
fn every_command_has_a_page_and_is_completed() {
    let dir = tempfile::tempdir().expect("a directory");
    generate::write(dir.path()).expect("it is written");
    let read = |path: &str| {
        fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let mut names = Vec::new();
    pages(&ktrail::cli::command(), "", &mut names);
    assert!(names.len() > 15, "{names:?}");
    let (bash, zsh, fish) = (read("bash/ktrail.bash"), read("zsh/_ktrail"), read("fish/ktrail.fish"));
    for name in &names {
        let page = read(&format!("man/man1/{name}.1"));
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{name}");
        let last = name.rsplit('-').next().unwrap_or(name);
        assert!([&bash, &zsh, &fish].iter().all(|text| text.contains(last)), "{name}");
    }
    assert!(read("man/man8/ktraild.8").contains("check\\-config"));
    for path in ["bash/ktraild.bash", "zsh/_ktraild", "fish/ktraild.fish"] {
        assert!(read(path).contains("check-config"), "{path}");
    }
    if Path::new("/bin/bash").exists() {
        let script = dir.path().join("bash/ktrail.bash");
        let status = Command::new("/bin/bash").arg("-n").arg(script).status().expect("bash runs");
        assert!(status.success(), "bash reads it");
    }
}

#[test]
fn the_page_of_the_configuration_has_every_setting_with_its_default() {
    let dir = tempfile::tempdir().expect("a directory");
    generate::write(dir.path()).expect("it is written");
    let page = fs::read_to_string(dir.path().join("man/man5/ktrail.toml.5")).expect("it is there");
    let settings: Vec<&str> = include_str!("../docs/configuration.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .collect();
    assert!(settings.len() > 80, "{settings:?}");
    let shown: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".BR ")?.split_once(" \" = ").map(|(name, _)| name))
        .collect();
    assert_eq!(shown, settings);
    assert!(page.contains(".BR rotate_bytes \" = 268435456 (256 MiB)\"\n"), "{page}");
    assert!(page.contains(".SH UNDER SYSTEMD\n") && !page.contains("generate.rs"), "{page}");
}
