//! `ktrail` under the name `auditctl`, and Debian's auditctl: both are given the same arguments, and what they print,
//! how they end and what the kernel then has is compared.
//!
//! What they say on standard error is compared by whether they say something. Where the two differ on purpose,
//! docs/auditd-differences.md says so, and the tests at the end hold it.

mod support {
    pub(crate) mod kernel;
}

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::kernel::{KernelGuard, say_skipped};

const AUDITCTL: &str = "/usr/sbin/auditctl";

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    status: Option<i32>,
    out: String,
    complained: bool,
    rules: Vec<Vec<u8>>,
}

struct Bench {
    kernel: KernelGuard,
    dir: tempfile::TempDir,
    before: Vec<Vec<u8>>,
}

impl Bench {
    /// `None`, after saying why, where there is no kernel or no auditctl to compare with.
    fn new() -> Option<Bench> {
        if !Path::new(AUDITCTL).exists() || !cfg!(target_arch = "x86_64") {
            let why_not = "there is no /usr/sbin/auditctl for x86_64 (Debian's package auditd has it)";
            assert!(std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_none_or(|value| value != "1"), "{why_not}");
            say_skipped(&why_not);
            return None;
        }
        let mut kernel = KernelGuard::take()?;
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("dir")).expect("a directory");
        fs::write(dir.path().join("file"), "").expect("a file");
        symlink(env!("CARGO_BIN_EXE_ktrail"), dir.path().join("auditctl")).expect("a link");
        let before = kernel.control().list_rules().expect("rules");
        Some(Bench { kernel, dir, before })
    }

    fn ours(&self) -> PathBuf {
        self.dir.path().join("auditctl")
    }

    /// Writes a rules file; `D` is the directory.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text.replace("D/", &format!("{}/", self.dir.path().display()))).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
        path.display().to_string()
    }

    /// Runs a program with the words of a line; `D` is the directory, `_` stands for a blank within a word.
    fn run(&mut self, program: &Path, line: &str) -> Done {
        let dir = format!("{}/", self.dir.path().display());
        let words = line.split_whitespace().map(|word| word.replace("D/", &dir).replace('_', " "));
        let output = Command::new(program).args(words).stdin(Stdio::null()).output().expect("it runs");
        // Counts that others may move.
        let counts = ["lost ", "backlog ", "backlog_wait_time_actual "];
        let steady = |line: &&str| !counts.iter().any(|count| line.starts_with(count));
        let out = String::from_utf8_lossy(&output.stdout);
        let out = out.lines().filter(steady).fold(String::new(), |text, line| text + line + "\n");
        let rules = self.kernel.control().list_rules().expect("rules");
        // Of some failures auditctl says nothing; ktrail has to.
        let silent = program == Path::new(AUDITCTL) && !output.status.success();
        Done { status: output.status.code(), out, complained: silent || !output.stderr.is_empty(), rules }
    }

    /// Makes the rules what they were at the beginning.
    fn clear(&mut self) {
        let control = self.kernel.control();
        for rule in control.list_rules().expect("rules") {
            control.delete_rule(&rule).expect("what is listed is deleted");
        }
        self.before.iter().for_each(|rule| control.add_rule(rule).expect("what was there is added"));
    }

    /// Runs each line with both, beginning from the same rules.
    fn compare(&mut self, lines: &[&str]) {
        let ours = self.ours();
        self.clear();
        let theirs: Vec<Done> = lines.iter().map(|line| self.run(Path::new(AUDITCTL), line)).collect();
        self.clear();
        let mut problems = Vec::new();
        for (line, theirs) in lines.iter().zip(theirs) {
            let done = self.run(&ours, line);
            if done != theirs {
                let rules = if done.rules == theirs.rules { "the same rules" } else { "other rules" };
                let show = |done: &Done| format!("{:?} {} {:?}", done.status, done.complained, done.out);
                problems.push(format!(
                    "auditctl {line}\n  auditctl {}\n  ktrail   {}\n  {rules}",
                    show(&theirs),
                    show(&done)
                ));
            }
        }
        self.clear();
        assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), lines.len(), problems.join("\n"));
    }
}

#[test]
fn rules_are_added_listed_and_deleted_as_auditctl_does() {
    let Some(mut bench) = Bench::new() else { return };
    bench.compare(&[
        "-w D/file -k passwd-ra -p ra",
        "-w D/file -k passwd-ra -p ra",
        "-l",
        "-l -k passwd",
        "-l -k none",
        "-l -i",
        "-W D/file -p ra",
        "-W D/file -p ra -k passwd-ra",
        "-W D/file -p ra -k passwd-ra",
        "-w D/dir -p wa",
        "-w D/dir/ -p wa -k a -k b",
        "-w D/none -p x",
        "-w D/none/below -p r",
        "-w D/../x -p r",
        "-w D/f* -p r",
        "-a always,exit -F arch=b64 -S unlinkat,unlink,rename -F auid>=1000 -F auid!=unset -F exe=D/none -k delete",
        // Of a rule without arch auditctl names the calls by the rule it has listed before.
        "-a always,exit -S open -F exe=D/none",
        "-a exit,always -F arch=b32 -S open -S openat,creat -F path=D/file -k x -k y",
        "-A always,exit -F arch=b64 -S execve -F exe=D/none -C uid!=euid",
        "-a always,exit -F arch=b64 -S connect -F saddr_fam=2 -F exe=D/none",
        "-a always,exit -F arch=b64 -S all -F exe=D/none -F success=0 -F exit=-EACCES -F a0=5 -F a1&=0x10",
        "-a never,exclude -F msgtype=CWD -F exe=D/none",
        "-a never,user -F uid=65432 -F msgtype=USER_LOGIN",
        "-a never,task -F uid=65432",
        "-a never,filesystem -F fstype=tracefs -F key=a",
        "-l",
        "-l -i",
        "-l -k y",
        "-d always,exit -S open -F exe=D/none -F pid=1",
        "-d always,exit -S open -F exe=D/none",
        "-d never,task -F uid=65432",
        "-D -k y",
        "-D -k none",
        "-l",
        "-e 0 -w D/file -p r",
        "-l",
        "-D",
        "-l",
        "-l -k x",
        "-D",
        "-D -k x",
    ]);
}

/// Arguments of system calls, once listed with `-l -i` by their numbers alone.
#[test]
fn arguments_are_interpreted_as_auditctl_does() {
    let Some(mut bench) = Bench::new() else { return };
    let conditions = [
        "-F arch=b64 -S openat -F a2&0100",
        "-F arch=b64 -S openat -F a2=0101 -F a3=0644",
        "-F arch=b64 -S open -F a1=0102 -F a2=0755",
        "-F arch=b64 -S open,openat -F a1=0xAB",
        "-F arch=b64 -S mmap -F a2=7 -F a3=0x22",
        "-F arch=b64 -S clone -F a0=0x7C020000",
        "-F arch=b64 -S socket -F a0=2 -F a1=1 -F a2=6",
        "-F arch=b32 -S socketcall -F a0=3",
        "-F arch=b64 -S kill -F a1=9",
        "-F arch=b64 -S ptrace -F a0=0x10 -F a1=77",
        "-F arch=b64 -S fcntl -F a0=1 -F a1=2 -F a2=1",
        "-F arch=b64 -S access -F a1=4",
        "-F arch=b64 -S chmod -F a1=04755",
        "-F arch=b64 -S setuid -F a0=0",
        "-F arch=b64 -S setresuid -F a0=0 -F a1=-1 -F a2=54321",
        "-F arch=b64 -S setgid -F a0=0",
        "-F arch=b64 -S all -F a0=0xAB",
        "-S openat -F a2=0101",
        "-F arch=b64 -S prctl -F a0=22 -F a1=2",
        "-F arch=b64 -S personality -F a0=8",
        "-F arch=b64 -S unshare -F a0=0x10000000",
        "-F arch=b64 -S mount -F a3=0x1000",
    ];
    let mut lines: Vec<String> = conditions
        .iter()
        .map(|conditions| format!("-a always,exit {conditions} -F exe=D/none -F uid=54321"))
        .collect();
    lines.push("-l -i".to_owned());
    bench.compare(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_ends_with_the_status_of_auditctl() {
    let Some(mut bench) = Bench::new() else { return };
    bench.compare(&[
        "-w relative -p r",
        "-w D/file -p z",
        "-w D/file -k",
        "-w D/file -w D/dir",
        "-k x",
        "-S open",
        "-p r",
        "-F uid=0",
        "-a bogus",
        "-a always,entry -S open",
        "-a always,exit -F arch=b64 -S nosuch",
        "-a always,exit -F arch=b64 -S open,nosuch",
        "-a always,exit -S open -F arch=b64",
        "-a always,exit -F arch=vax",
        "-a always,exit -F uid=no-such-user",
        "-a always,exit -F gid=no-such-group",
        "-a always,exit -F colour=1",
        "-a always,exit -F auid",
        "-a always,exit -F perm=zz",
        "-a always,exit -F path=relative",
        "-a always,exit -F exit=-ENOSUCH",
        "-a always,exit -F msgtype=CWD",
        "-a always,exit -F filetype=x",
        "-a always,exit -F inode=abc",
        "-a always,exit -F pid&5",
        "-a always,exit -C uid=gid",
        "-a always,exit -C uid",
        "-a always,exit -p r -F path=D/file",
        "-a always,exit -w D/file",
        "-a never,exclude -S open",
        "-a always,exit -F exe=D/none -S open stray",
        "-d always,exit -F exe=D/none -S open",
        "stray",
        "-Z",
        "--nonsense",
        "-l stray",
        "-l -x",
        "-l -k",
        "-l -k a b",
        "-s stray",
        "-s -i -x",
        "-D stray",
        "-D -x y",
        "-e 3",
        "-e",
        "-e x",
        "-f 5",
        "-f x",
        "-b many",
        "-b -1",
        "-r x",
        "--backlog_wait_time x",
        "--backlog_wait_time 999999999",
        "-q D/dir",
        "-q /no-such-directory,/nor-this",
        "-m",
        "-m two words",
        "--signal",
        "--signal nonsense",
        "-R",
        "-R /no-such-file",
        "-R D/dir",
        "-c",
        "-i",
        "-l",
    ]);
}

#[test]
fn settings_and_status_are_shown_as_auditctl_shows_them() {
    let Some(mut bench) = Bench::new() else { return };
    let status = *bench.kernel.status_before();
    let same = |option: &str, value: u32| format!("{option} {value}");
    let lines = [
        same("-e", status.enabled),
        same("-f", status.failure.min(1)),
        same("-b", status.backlog_limit),
        same("-r", status.rate_limit),
        same("--backlog_wait_time", status.backlog_wait_time),
        format!("-b 777 -r {} -f 1", status.rate_limit),
        format!("-b{}", status.backlog_limit),
        format!("-e {} -w D/file -p r -k x", status.enabled),
    ];
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.extend(["-s", "-s -i", "-t", "-q D/dir,D/dir", "-m hello", "-m hello_there", "-D"]);
    bench.compare(&lines);
}

#[test]
fn a_good_file_is_done_as_auditctl_does_it() {
    let Some(mut bench) = Bench::new() else { return };
    let backlog = bench.kernel.status_before().backlog_limit;
    bench.file(
        "good",
        &format!(
            "# comment\n\n-D\n-b {backlog}\n  -w D/file -p r -k one\n-a always,exit -F arch=b64 -S open -F exe=D/none -k two\n\
             -w D/sp\\ ace -p w -k three\n-W D/file -p r -k one\n-A always,exit -F path=D/file -F perm=r -k four\n-s\n"
        ),
    );
    bench.file("again", "-w D/file -p r\n-w D/file -p r\n-w D/dir -p r\n");
    bench.file("continued", "-c\n-w D/file -p r\n-w D/file -p r\n-w D/dir -p r\n");
    bench.file("ignored", "-i\n-w D/file -p r\n-w D/file -p r\n-w relative -p r\n-w D/dir -p r\n");
    bench.file("left-out", "-w D/file -p r\n-c\n-w relative -p r\n-w D/dir -p r\n");
    bench.file("open", "-w D/file -p r\n");
    fs::set_permissions(bench.dir.path().join("open"), fs::Permissions::from_mode(0o666)).expect("its mode");
    symlink("good", bench.dir.path().join("link")).expect("a link");
    bench.compare(&[
        "-R D/good",
        "-R D/link",
        "-D",
        "-R D/again",
        "-D",
        "-R D/continued",
        "-D",
        "-R D/ignored",
        "-D",
        "-R D/left-out",
        "-D",
        "-R D/open",
        "-R D/good stray",
    ]);
}

/// The difference that was asked for: auditctl loads what stands before the first wrong line, and stops there.
#[test]
fn of_a_file_with_wrong_lines_all_are_told_and_nothing_is_done() {
    let Some(mut bench) = Bench::new() else { return };
    let file = bench.file("bad", "-w D/file -p r\n-w relative -p r\n-b many\n-w D/dir -p r -S open\n");
    let run = |bench: &Bench, arguments: &[&str]| {
        Command::new(bench.ours()).args(arguments).output().expect("it runs")
    };
    bench.clear();
    let output = run(&bench, &["-R", &file]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for place in ["bad:2:4: error: ", "bad:3:4: error: ", "bad:4:"] {
        assert!(said.contains(place), "{said}");
    }
    assert!(said.contains("nothing of it is done"), "{said}");
    assert_eq!(
        (output.status.code(), bench.kernel.control().list_rules().expect("rules")),
        (Some(1), bench.before.clone())
    );
    // Both options are auditctl's own, which takes them within the file only.
    for (option, status) in [("-c", 1), ("-i", 0)] {
        let output = run(&bench, &[option, "-R", &file]);
        assert_eq!(output.status.code(), Some(status), "{option}");
        let rules = bench.kernel.control().list_rules().expect("rules");
        assert_eq!(rules.len(), bench.before.len() + 1, "{option}");
        bench.clear();
    }
}

#[test]
fn without_a_daemon_no_signal_can_be_sent() {
    let Some(bench) = Bench::new() else { return };
    for signal in ["stop", "TERM", "reload", "HUP", "rotate", "USR1", "resume", "USR2", "state", "CONT"] {
        let output = Command::new(bench.ours()).args(["--signal", signal]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{signal}");
    }
}

#[test]
fn help_and_version_need_no_kernel_and_end_as_auditctls_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let ours = dir.path().join("auditctl");
    symlink(env!("CARGO_BIN_EXE_ktrail"), &ours).expect("a link");
    for (arguments, status, begin) in [
        (&[][..], 1, "usage: auditctl"),
        (&["-h"], 255, "usage: auditctl"),
        (&["-v"], 0, "auditctl version "),
    ] {
        let output = Command::new(&ours).args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with(begin) && output.stderr.is_empty(), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
}

/// Where Debian's package auditd has its examples.
const EXAMPLES: &str = "/usr/share/doc/auditd/examples/rules";

/// The examples' rules, without what is for a machine of one's own: settings, and every system call of everybody.
fn example_rules() -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(EXAMPLES) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "rules"));
    paths.sort();
    let rules = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        let harmless = |line: &&str| {
            (line.starts_with("-a") || line.starts_with("-w"))
                && !(line.contains("-S all") && !line.contains("path=") && !line.contains("dir="))
                && !line.contains("task")
        };
        let text = text.lines().filter(harmless).fold(String::new(), |text, line| text + line + "\n");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), text)
    };
    paths.into_iter().map(rules).collect()
}

#[test]
fn debians_example_rules_are_loaded_and_listed_the_same() {
    let Some(mut bench) = Bench::new() else { return };
    let examples = example_rules();
    let all = examples.iter().map(|(_, text)| text.lines().count()).sum::<usize>();
    assert!(examples.len() > 30 && all > 200, "{} files, {all} rules", examples.len());
    let mut loaded = 0;
    for (name, text) in examples.iter().filter(|(_, text)| !text.is_empty()) {
        // Some are for files and users that not every machine has.
        bench.file(name, &format!("-i\n{text}"));
        let ours = bench.ours();
        let line = format!("-R D/{name}");
        bench.clear();
        let theirs = [bench.run(Path::new(AUDITCTL), &line), bench.run(Path::new(AUDITCTL), "-l")];
        bench.clear();
        let ours = [bench.run(&ours, &line), bench.run(&ours, "-l")];
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!((ours.status, &ours.rules), (theirs.status, &theirs.rules), "{name}");
            assert_eq!(ours.out.lines().count(), theirs.out.lines().count(), "{name}");
            for (ours, theirs) in ours.out.lines().zip(theirs.out.lines()) {
                // A directory with a slash at its end is a rule that -w does not make.
                let slash = theirs.starts_with("-w ") && theirs.contains("/ -p ");
                // Of perm before path 3.0.9 makes " -p x-w /path".
                let turned = theirs.starts_with(" -p ") && ours.contains(" -F perm=");
                let as_told = slash && ours.contains(" -F dir=") || turned;
                assert!(ours == theirs || as_told, "{name}: {ours}, not {theirs}");
            }
        }
        loaded += ours[1].rules.len() - bench.before.len();
    }
    bench.clear();
    assert!(loaded > 150, "{loaded}");
}
