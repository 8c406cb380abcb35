//! `ktrail` under the name `augenrules`, and Debian's augenrules, each with the same directory of rules in the place of
//! /etc/audit, seen by it alone.

mod support {
    pub(crate) mod kernel;
}

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use support::kernel::{KernelGuard, say_skipped};

const AUGENRULES: &str = "/usr/sbin/augenrules";

/// A directory as /etc/audit is.
fn etc(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    fs::create_dir(dir.path().join("rules.d")).expect("a directory");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

/// Runs the program with `etc` in the place of /etc/audit, in a mount namespace of its own: exit status, what it prints
/// without its name, and the file it makes.
fn run(program: &Path, etc: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let script =
        format!("mount --bind {} /etc/audit && exec {} {arguments}", etc.display(), program.display());
    let mut command = Command::new("unshare");
    let output =
        command.args(["-m", "sh", "-c", &script]).stdin(Stdio::null()).output().expect("unshare runs");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let without_name = out.lines().map(|line| {
        let line = line.strip_prefix(&format!("{}: ", program.display())).unwrap_or(line);
        line.strip_prefix("augenrules: ")
            .unwrap_or(line)
            .replace(&program.display().to_string(), "augenrules")
    });
    let out = without_name.fold(String::new(), |text, line| text + &line + "\n");
    let made = fs::read_to_string(etc.join("audit.rules")).unwrap_or_default();
    (output.status.code(), out, made)
}

fn can_compare() -> bool {
    let why_not = match (
        Path::new(AUGENRULES).exists() && Path::new("/etc/audit").is_dir(),
        nix::unistd::geteuid().is_root(),
    ) {
        (true, true) => return true,
        (false, _) => "there is no /usr/sbin/augenrules (Debian's package auditd has it)",
        (_, false) => "this needs root, for a mount namespace",
    };
    assert!(std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_none_or(|value| value != "1"), "{why_not}");
    say_skipped(&why_not);
    false
}

#[test]
fn files_are_joined_as_augenrules_does() {
    if !can_compare() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let ours = dir.path().join("augenrules");
    symlink(env!("CARGO_BIN_EXE_ktrail"), &ours).expect("a link");
    let files = [
        ("rules.d/10-base.rules", "## comment\n-D\n-b 8192\n-f 1\n\n-w /etc/passwd -p wa\n"),
        ("rules.d/9-early.rules", "-w /etc/shadow -p wa\n-e 1\n"),
        ("rules.d/99-last.rules", "-e 2\n-D -k gone\n-b 64\n"),
        ("rules.d/100-more.rules", "-w /etc/group -p wa -k x\n"),
        ("rules.d/a2.rules", "-w /a2\n"),
        ("rules.d/a10.rules", "-w /a10\n"),
        ("rules.d/a-b.rules", "-w /a-b\n"),
        ("rules.d/ab.rules", "-w /ab\n"),
        ("rules.d/B.rules", "-w /B\n"),
        ("rules.d/010.rules", "-w /010\n"),
        ("rules.d/10~.rules", "-w /10~\n"),
        ("rules.d/not.rules.old", "-w /etc/gshadow\n"),
    ];
    for (files, arguments) in [
        (&files[..], ["--check", "", "--check", "", "--nonsense"]),
        (&files[..1], ["", "", "--check", "--check --load --nonsense", ""]),
        (&[], ["--check", "", "", "-h", ""]),
    ] {
        let (one, two) = (etc(files), etc(files));
        for arguments in arguments {
            let theirs = run(Path::new(AUGENRULES), one.path(), arguments);
            assert_eq!(run(&ours, two.path(), arguments), theirs, "{arguments}");
        }
    }
    let (one, two) = (etc(&[]), etc(&[]));
    for etc in [&one, &two] {
        fs::remove_dir(etc.path().join("rules.d")).expect("a directory");
    }
    assert_eq!(run(&ours, two.path(), ""), run(Path::new(AUGENRULES), one.path(), ""));
}

#[test]
fn what_is_joined_is_loaded() {
    if !can_compare() {
        return;
    }
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let ours = dir.path().join("augenrules");
    symlink(env!("CARGO_BIN_EXE_ktrail"), &ours).expect("a link");
    let rules = format!("-D\n-w {}/x -p wa -k augen\n", dir.path().display());
    let etc = etc(&[("rules.d/10.rules", &rules)]);
    let mut listed = Vec::new();
    for program in [Path::new(AUGENRULES), &ours] {
        let (status, out, _) = run(program, etc.path(), "--load");
        assert_eq!(status, Some(0), "{out}");
        listed.push(kernel.control().list_rules().expect("rules"));
    }
    assert!(listed[0].len() == 1 && listed[0] == listed[1]);
    fs::write(etc.path().join("rules.d/20.rules"), "-w relative\n").expect("a file");
    let (status, _, _) = run(&ours, etc.path(), "--load");
    assert_eq!((status, kernel.control().list_rules().expect("rules")), (Some(1), listed[0].clone()));
}
