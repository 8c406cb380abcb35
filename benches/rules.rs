//! Figures of rules: checking a file of 10,000, planning and loading 1,000. `cargo bench --bench rules`.
//!
//! As root, where no audit daemon is registered, rules that match nothing are loaded into the kernel by `ktrail` and by
//! auditctl in turn, and what was there before is put back.

#[path = "../tests/support/kernel.rs"]
mod kernel;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use ktrail::rules::plan::plan;
use ktrail::ruleset::files::Source;
use ktrail::ruleset::host::ThisHost;
use ktrail::ruleset::set::RuleSet;

/// Times each figure is taken; the best is given.
const TIMES: usize = 15;

fn best(mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    (0..TIMES).map(time).min().unwrap_or_default()
}

/// Watches, system calls of both architectures, conditions of all sorts: five lines a round.
fn mixed(rounds: usize) -> String {
    let mut text = String::new();
    for n in 0..rounds {
        let (user, key) = (1000 + n, n % 70);
        let _ = write!(
            text,
            "-w /etc/file{n} -p wa -k key{key}\n\
             -a always,exit -F arch=b64 -S openat,unlinkat,rename -F auid>={user} -F auid!=unset -F exe=/usr/bin/x{n} -k acc{key}\n\
             -a always,exit -F arch=b32 -S openat,unlinkat,rename -F auid>={user} -F auid!=unset -F exe=/usr/bin/x{n} -k acc{key}\n\
             -a never,exit -F uid={n} -F a0&=0x10 -F success=1\n\
             -a always,exit -F dir=/usr/dir{n} -F perm=x -F auid=root -C uid!=euid -k run{n}\n"
        );
    }
    text
}

/// Rules for processes that do not exist.
fn quiet(call: &str) -> String {
    (0..1000).fold("-D\n".to_owned(), |mut text, n| {
        let _ = writeln!(
            text,
            "-a always,exit -F arch=b64 -S openat,{call} -F uid=65432 -F pid={} -k n{n}",
            5_000_000 + n
        );
        text
    })
}

fn set(text: &str) -> RuleSet {
    let source = Source::new("bench.rules".into(), text.as_bytes().to_vec(), &ThisHost::default());
    RuleSet::of(&mut [source])
}

fn main() {
    let text = mixed(2000);
    let check = best(|| {
        let mut set = set(&text);
        set.lint();
        assert_eq!(set.rules.len(), 10_000);
    });
    println!("check of 10,000 rules          {:8.1} ms", check.as_secs_f64() * 1e3);
    let (one, two) = (set(&quiet("unlink")).rules, set(&quiet("rename")).rules);
    let mut reversed = one.clone();
    reversed.reverse();
    for (name, wanted) in [("all changed", &two), ("in reverse order", &reversed), ("unchanged", &one)] {
        let mut requests = 0;
        let time = best(|| requests = plan(&one, wanted).steps.len());
        println!("plan of 1,000 rules, {name:17}{:5.1} ms, {requests} requests", time.as_secs_f64() * 1e3);
    }
    load();
}

/// Loads into the kernel.
fn load() {
    let Some(_kernel) = kernel::KernelGuard::take() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let (one, two) = (file("one.rules", &quiet("unlink")), file("two.rules", &quiet("rename")));
    let ktrail = env::current_exe().expect("this program").ancestors().nth(2).map(|dir| dir.join("ktrail"));
    let ktrail = ktrail.filter(|path| path.exists()).unwrap_or_else(|| env!("CARGO_BIN_EXE_ktrail").into());
    let run = |what: &str, program: &Path, arguments: &[&str], file: &Path| {
        let begun = Instant::now();
        let mut command = Command::new(program);
        let status = command.args(arguments).arg(file).stdout(Stdio::null()).stdin(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{}", program.display());
        println!("{what:40}{:8.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    };
    let auditctl = Path::new("/usr/sbin/auditctl");
    run("ktrail rules load, 1,000 new", &ktrail, &["rules", "load"], &one);
    run("ktrail rules load, 1,000 changed", &ktrail, &["rules", "load"], &two);
    run("ktrail rules load, none changed", &ktrail, &["rules", "load"], &two);
    if auditctl.exists() {
        run("auditctl -R, 1,000 changed", auditctl, &["-R"], &one);
        run("auditctl -R, none changed", auditctl, &["-R"], &one);
    }
}
