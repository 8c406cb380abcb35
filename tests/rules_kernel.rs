//! Rules in the running kernel: what it lists is the same, byte for byte, whether ktrail or Debian's auditctl has
//! loaded them.
//!
//! Each rule is loaded alone, for a moment, and matches nothing of the machine's: it is for a path below a directory of
//! the test's own, for a program that does not exist, or for a user who does not.

mod support {
    pub(crate) mod kernel;
}

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use ktrail::netlink::control::Control;
use ktrail::netlink::error::Error;
use ktrail::rules::display::Form;
use ktrail::rules::field::{self, Field, Kind};
use ktrail::rules::host::Host;
use ktrail::rules::parse::{Line, line};
use ktrail::rules::text::words;
use ktrail::rules::{List, Operator, Rule};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::kernel::{KernelGuard, say_skipped};

const AUDITCTL: &str = "/usr/sbin/auditctl";

/// This machine, with the users that every one has.
struct ThisHost;

impl Host for ThisHost {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        Path::new(OsStr::from_bytes(path)).is_dir()
    }

    fn exists(&self, path: &[u8]) -> bool {
        Path::new(OsStr::from_bytes(path)).exists()
    }
}

/// Whether Debian's auditctl is there; says so if not.
fn has_auditctl() -> bool {
    let why_not = match Path::new(AUDITCTL).exists() && cfg!(target_arch = "x86_64") {
        true => return true,
        false => "there is no /usr/sbin/auditctl for x86_64 (Debian's package auditd has it)",
    };
    assert!(env::var_os("KTRAIL_REQUIRE_KERNEL").is_none_or(|value| value != "1"), "{why_not}");
    say_skipped(&why_not);
    false
}

/// Conditions for system calls of a program that does not exist.
const CONDITIONS: [&str; 84] = [
    "-F pid=1",
    "-F pid!=1",
    "-F pid>1",
    "-F pid>=1",
    "-F pid<1",
    "-F pid<=1",
    "-F ppid=5",
    "-F ppid!=5",
    "-F uid=root",
    "-F uid!=0",
    "-F uid>1000",
    "-F uid=-2",
    "-F euid=0",
    "-F suid<=5",
    "-F fsuid>=5",
    "-F gid=root",
    "-F gid!=5",
    "-F egid=5",
    "-F sgid<5",
    "-F fsgid=5",
    "-F auid=1000",
    "-F auid>=1000",
    "-F auid=unset",
    "-F auid!=unset",
    "-F auid!=-1",
    "-F auid=4294967295",
    "-F pers=0",
    "-F pers&=8",
    "-F sessionid=5",
    "-F sessionid!=unset",
    "-F sessionid>5",
    "-F devmajor=8",
    "-F devmajor>8",
    "-F devminor=0x10",
    "-F devminor&1",
    "-F inode=5",
    "-F inode!=5",
    "-F exit=0",
    "-F exit=-EACCES",
    "-F exit!=-13",
    "-F exit=EACCES",
    "-F exit>=0",
    "-F exit=-4095",
    "-F success=1",
    "-F success=0",
    "-F success!=1",
    "-F filetype=file",
    "-F filetype=dir",
    "-F filetype!=socket",
    "-F filetype=link",
    "-F filetype=character",
    "-F filetype=block",
    "-F filetype=fifo",
    "-F obj_uid=0",
    "-F obj_uid!=5",
    "-F obj_gid=5",
    "-F saddr_fam=2",
    "-F saddr_fam!=10",
    "-F a0=0",
    "-F a0=-1",
    "-F a1=0x7C020000",
    "-F a1&0100",
    "-F a2&=0x10",
    "-F a2!=5",
    "-F a3>5",
    "-F a3<=077",
    "-F subj_user=user_u",
    "-F subj_role!=role_r",
    "-F subj_type=type_t",
    "-F subj_sen>=s0",
    "-F subj_clr<s1",
    "-F obj_user=user_u",
    "-F obj_role=role_r",
    "-F obj_type!=type_t",
    "-F obj_lev_low=s0",
    "-F obj_lev_high<=s1",
    "-F auid>=1000 -F auid!=unset",
    "-F uid=1 -F gid=2 -F pid=3 -F ppid=4 -F a0=5",
    "-C uid!=euid",
    "-C obj_uid=auid",
    "-F euid=0 -C uid!=euid",
    "-C gid=egid -C suid!=fsuid",
    "-F field_compare=3",
    "-F subj_type=a -F obj_type=b -F pid=1",
];

/// The text of every rule; `D` stands for the test's directory.
const RULES: [&str; 57] = [
    "-w D/file",
    "-w D/file -p r",
    "-w D/file -p wa -k one",
    "-w D/file -p axwr -k one -k two",
    "-w D/file -k one -p x",
    "-w D/dir",
    "-w D/dir/",
    "-w D/dir/ -p wa -k tree",
    "-w D/none -p r",
    "-w D/none/ -p r",
    "-w D/sp\\ ace -p r",
    "-w D/file -p WA",
    "-w D/ümlaut -p r -k schlüssel",
    "-a always,exit -F path=D/file",
    "-a exit,always -F path=D/file -F perm=wa",
    "-a never,exit -F path=D/file -k no",
    "-a always,exit -F path=D/none -F perm=r -F key=a -F key=b",
    "-a always,exit -F dir=D/dir -F perm=wa",
    "-a always,exit -F dir=D/dir/ -F perm=r -k slash",
    "-a always,exit -F perm=r -F path=D/file",
    "-A always,exit -F path=D/file -F perm=x",
    "-a always,exit -F arch=b64 -F path=D/file -F perm=wa",
    "-a always,exit -F arch=b32 -F dir=D/dir -F auid>=1000 -F auid!=unset -k x",
    "-a always,exit -F arch=b64 -S unlinkat,unlink,rename -F dir=D/dir -F auid>=1000 -F auid!=unset -k delete",
    "-a always,exit -F arch=b32 -S open -S openat,creat -F path=D/file",
    "-a always,exit -S all -F path=D/file",
    "-a always,exit -S 2,3,77 -F path=D/file",
    "-a always,exit -S 0x10,010 -F path=D/file",
    "-a always,exit -S open,all -F path=D/file",
    "-a always,exit -S 2015 -F path=D/file",
    "-a always,exit -S 2031 -F path=D/file",
    "-a always,exit -F path=D/file -F exe=D/none -k both",
    "-a always,exit -F exe=D/none",
    "-a always,exit -F exe=D/none -F path=D/file -F uid=5 -k three",
    "-a always,exit -F exe=D/file -S execve",
    "-A always,exit -F arch=b64 -S all -F exe=D/none -k x",
    "-a always,exit -F arch=x86_64 -S open -F exe=D/none",
    "-a always,exit -F arch=i386 -S open -F exe=D/none",
    "-a always,exit -F arch!=b64 -S openat -F exe=D/none",
    "-a always,exit -F exe=D/none -F arch=b64 -S open",
    "-a always,exit -F arch=aarch64 -S openat -F exe=D/none",
    "-a always,exit -F arch=c000003e -S 1 -F exe=D/none",
    "-a never,exclude -F msgtype=CWD -F exe=D/none",
    "-a never,exclude -F msgtype>=1300 -F exe=D/none",
    "-a always,exclude -F msgtype=99999",
    "-a never,exclude -F uid=65432",
    "-a never,exclude -F auid=65432 -F pid=1",
    "-a never,exclude -F gid=65432 -F subj_type=type_t",
    "-a never,user -F uid=65432",
    "-a always,user -F pid=4194304 -F msgtype=USER_LOGIN",
    "-a never,task -F uid=65432",
    "-a always,task -F euid=65432 -F auid!=unset",
    "-a never,filesystem -F fstype=9999",
    "-a never,filesystem -F fstype=0x1234 -k fs",
    "-a never,filesystem -F fstype!=9999 -F fstype=9998",
    "-a always,exit -F arch=b64 -S connect -F saddr_fam=2 -F exe=D/none -k net",
    "-a always,exit -F path=D/file -k KEY",
];

fn texts(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().expect("a path that is text");
    let for_nobody =
        |conditions: &&str| format!("-a always,exit -F arch=b64 -S openat -F exe=D/none {conditions} -k c");
    let rules = RULES.iter().map(|text| (*text).to_owned()).chain(CONDITIONS.iter().map(for_nobody));
    rules.map(|text| text.replace("D/", &format!("{dir}/")).replace("KEY", &"k".repeat(255))).collect()
}

/// What the kernel lists beside `before`.
fn listed(control: &mut Control, before: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let rules = control.list_rules().expect("the kernel lists its rules");
    rules.into_iter().filter(|rule| !before.contains(rule)).collect()
}

/// Loads a rule with Debian's auditctl; what it says if it does not.
fn load_with_auditctl(text: &str) -> Result<(), String> {
    let words = words(text.as_bytes());
    let arguments = words.iter().map(|word| OsStr::from_bytes(&word.text));
    let output = Command::new(AUDITCTL).args(arguments).stdin(Stdio::null()).output().expect("auditctl runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn show(rules: &[Vec<u8>]) -> Vec<String> {
    rules
        .iter()
        .map(|rule| Rule::from_kernel(rule).map_or_else(|e| e.to_string(), |rule| rule.to_string()))
        .collect()
}

#[test]
fn the_kernel_lists_the_same_whoever_has_loaded_a_rule() {
    if !has_auditctl() {
        return;
    }
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let control = kernel.control();
    let before = control.list_rules().unwrap();
    let mut problems = Vec::new();
    let texts = texts(dir.path());
    for text in &texts {
        let Ok((Line::Add(rule), _)) = line(text.as_bytes(), &ThisHost) else {
            problems.push(format!("{text}: ktrail does not take it"));
            continue;
        };
        let bytes = rule.to_kernel();
        if let Err(error) = control.add_rule(&bytes) {
            problems.push(format!("{text}: {error}"));
            continue;
        }
        let ours = listed(control, &before);
        control.delete_rule(&bytes).unwrap_or_else(|error| panic!("{text}: added, but {error}"));
        if let Err(error) = load_with_auditctl(text) {
            problems.push(format!("{text}: ktrail takes it, auditctl says {error}"));
        }
        let theirs = listed(control, &before);
        theirs.iter().for_each(|rule| control.delete_rule(rule).expect("what is listed is deleted"));
        if ours != theirs || ours.len() != 1 {
            problems.push(format!("{text}: listed as {:?} and {:?}", show(&ours), show(&theirs)));
            continue;
        }
        let read = Rule::from_kernel(&ours[0]).expect("what the kernel lists is read");
        let (again, _) = line(&read.to_text(Form::Exact), &ThisHost).expect("what is shown is read");
        if !read.same_as(&rule) || again != Line::Add(rule_as_loaded(&read)) {
            problems.push(format!("{text}: shown as {read}"));
        }
    }
    assert!(problems.is_empty(), "{} of {} rules:\n{}", problems.len(), texts.len(), problems.join("\n"));
    assert!(texts.len() >= 140, "{}", texts.len());
}

/// A listed rule as text gives it: the bits of the classes, which the kernel does not list, are there again.
fn rule_as_loaded(listed: &Rule) -> Rule {
    let mut bytes = listed.to_kernel();
    if listed.syscalls().is_all() {
        bytes[12 + 63 * 4..12 + 64 * 4].fill(0xff);
    }
    Rule::from_kernel(&bytes).expect("a rule")
}

/// A run that had loaded a rule with -A once left it in the kernel at its end: the kernel compares the flag that puts a
/// rule in front with that of the rule it has, which it has cleared.
#[test]
fn a_prepended_rule_is_added_beside_its_equal_and_deleted_with_its_own_bytes() {
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().unwrap();
    let bytes = |option: &str| {
        let text = format!("{option} always,exit -F path={}/x -F perm=r", dir.path().display());
        match line(text.as_bytes(), &ThisHost) {
            Ok((Line::Add(rule), _)) => rule.to_kernel(),
            other => panic!("{text}: {other:?}"),
        }
    };
    let control = kernel.control();
    let before = control.list_rules().unwrap();
    control.add_rule(&bytes("-a")).unwrap();
    assert!(matches!(control.add_rule(&bytes("-a")), Err(Error::RuleExists)));
    control.add_rule(&bytes("-A")).unwrap();
    assert_eq!(listed(control, &before).len(), 2);
    control.delete_rule(&bytes("-A")).unwrap();
    control.delete_rule(&bytes("-A")).unwrap();
    assert!(matches!(control.delete_rule(&bytes("-A")), Err(Error::NotFound(_))));
    assert_eq!(control.list_rules().unwrap(), before);
}

/// Names of system calls that every table for b64 has, and for b32.
const CALLS: [&str; 24] = [
    "open",
    "close",
    "read",
    "write",
    "openat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "chmod",
    "fchmod",
    "fchmodat",
    "execve",
    "ptrace",
    "mount",
    "init_module",
    "settimeofday",
    "mkdir",
    "mkdirat",
    "symlink",
    "link",
    "truncate",
    "kill",
    "sethostname",
];

/// The text of a random valid rule that matches nothing of the machine's; `number` makes it unlike all others.
fn random_rule(number: usize) -> impl Strategy<Value = String> {
    let condition = (any::<usize>(), any::<usize>(), prop_oneof![0_u32..60, Just(u32::MAX), any::<u32>()]);
    let calls = vec(0..CALLS.len(), 0..4);
    (0_usize..8, any::<bool>(), 0_usize..3, calls, vec(condition, 0..5), 0_usize..16).prop_map(
        move |(list, never, arch, calls, conditions, files)| {
            // Most rules are of the list exit.
            let (list, _, name) = *List::ALL.get(list).unwrap_or(&List::ALL[2]);
            let (list, name) = if list == List::IoUring { (List::Exit, "exit") } else { (list, name) };
            let mut text = format!("-a {},{name}", if never { "never" } else { "always" });
            if list == List::Exit {
                text += ["", " -F arch=b64", " -F arch=b32"][arch];
                let names: Vec<&str> = calls.iter().map(|call| CALLS[*call]).collect();
                text +=
                    &if names.is_empty() { " -S all".to_owned() } else { format!(" -S {}", names.join(",")) };
                // Few, as the kernel takes its time to forget them.
                text += match files {
                    0 => " -F path=D/file -F perm=wa",
                    1 => " -F dir=D/dir -F perm=r",
                    2 => " -F exe=D/none",
                    _ => "",
                };
            }
            match list {
                List::Filesystem => text += &format!(" -F fstype={}", 100_000 + number),
                _ => text += &format!(" -F uid=65432 -F pid={}", 5_000_000 + number),
            }
            conditions.iter().for_each(|seed| put_condition(list, *seed, &mut text));
            // auditctl takes a key only after a system call, a program, files or a file system.
            if matches!(list, List::Exit | List::Filesystem) {
                text += &format!(" -k n{number}");
            }
            text
        },
    )
}

/// Adds a condition that the list takes.
fn put_condition(list: List, (which, how, number): (usize, usize, u32), text: &mut String) {
    let fits = |field: &&Field| {
        let tied =
            field.ties_to_file() || matches!(field.id, field::EXE | field::ARCH | field::KEY | field::PERM);
        // Debian's auditctl has no name for the one, takes the next with -C only, and the last two not in this list.
        let unknown = matches!(field.name, "loginuid_set" | "field_compare")
            || list == List::Task && matches!(field.name, "sessionid" | "ppid");
        field.fits(list) && !tied && !unknown
    };
    let fields: Vec<&Field> = field::ALL.iter().filter(fits).collect();
    let Some(field) = fields.get(which % fields.len().max(1)) else { return };
    let operators: Vec<_> = Operator::ALL.iter().filter(|entry| field.knows(entry.0)).collect();
    // Unset has no order, and no other number that matters is below.
    let sign =
        if field.kind == Kind::LoginUser { ["=", "!="][how % 2] } else { operators[how % operators.len()].2 };
    let pick = |names: &[&str]| names[number as usize % names.len()].to_owned();
    let value = match field.kind {
        Kind::Label => pick(&["user_u", "role_r", "type_t", "s0", "s0:c1"]),
        Kind::Exit => pick(&["0", "-EACCES", "-EPERM", "EPERM", "-13", "5", "-ENOENT"]),
        Kind::Success => (number % 2).to_string(),
        Kind::FileType => pick(&["file", "dir", "socket", "link", "character", "block", "fifo"]),
        Kind::Family => (number % 46).to_string(),
        Kind::RecordType => pick(&["CWD", "PATH", "SYSCALL", "1300", "99999"]),
        Kind::FileSystem => pick(&["tracefs", "debugfs", "9999", "0x1234"]),
        Kind::LoginUser | Kind::Session => pick(&["unset", "1000", "0", "4294967295"]),
        Kind::User | Kind::Group => pick(&["root", "0", "1000", "65534"]),
        Kind::Argument => format!("0x{number:x}"),
        _ => (number % 100_000).to_string(),
    };
    *text += &format!(" -F {}{sign}{value}", field.name);
}

/// Rules of one batch: each that is loaded makes every system call of the machine a little slower.
const BATCH: usize = 250;
/// How many batches there are. The kernel takes some ten milliseconds to delete a rule.
const BATCHES: usize = 8;

/// The rule's bytes as the kernel lists them: the bits of the classes, the upper half of the mask's last word, are
/// gone.
fn as_listed(rule: &Rule) -> Vec<u8> {
    let mut bytes = rule.to_kernel();
    let last = 12 + 63 * 4;
    let word = u32::from_ne_bytes(bytes[last..last + 4].try_into().expect("four bytes")) & 0xffff;
    bytes[last..last + 4].copy_from_slice(&word.to_ne_bytes());
    bytes
}

#[test]
fn thousands_of_random_rules_have_the_bytes_that_auditctl_gives_them() {
    if !has_auditctl() {
        return;
    }
    let Some(mut kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let place = format!("{}/", dir.path().display());
    let control = kernel.control();
    let before = control.list_rules().unwrap();
    let mut runner = TestRunner::deterministic();
    for batch in 0..BATCHES {
        let random =
            |number| random_rule(number).new_tree(&mut runner).unwrap().current().replace("D/", &place);
        let texts: Vec<String> = (batch * BATCH..(batch + 1) * BATCH).map(random).collect();
        let file = dir.path().join("batch.rules");
        fs::write(&file, format!("-i\n{}\n", texts.join("\n"))).unwrap();
        let output = Command::new(AUDITCTL).arg("-R").arg(&file).stdin(Stdio::null()).output().unwrap();
        let theirs = listed(control, &before);
        theirs.iter().for_each(|rule| control.delete_rule(rule).unwrap());
        let read = |text: &String| match line(text.as_bytes(), &ThisHost) {
            Ok((Line::Add(rule), _)) => rule,
            other => panic!("{text}: {other:?}"),
        };
        let mut rules: Vec<Rule> = texts.iter().map(read).collect();
        for rule in &rules {
            let (again, _) = line(&rule.to_text(Form::Exact), &ThisHost).unwrap();
            assert_eq!(again, Line::Add(rule.clone()));
        }
        // The kernel lists one list after the other.
        rules.sort_by_key(|rule| rule.list().number());
        let ours: Vec<Vec<u8>> = rules.iter().map(as_listed).collect();
        let (ours_shown, theirs_shown) = (show(&ours), show(&theirs));
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|rule| !those.contains(rule)).cloned().collect::<Vec<_>>()
        };
        assert!(
            ours == theirs,
            "only ktrail: {:#?}\nonly auditctl: {:#?}\n{}",
            only(&ours_shown, &theirs_shown),
            only(&theirs_shown, &ours_shown),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
