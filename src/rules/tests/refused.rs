//! What is refused, where in the line and why.

use super::TestHost;
use crate::rules::error::{Cause, Warning};
use crate::rules::parse::{command_line, file, line};
use crate::rules::text::arguments;

/// A line, the byte at which the refused word begins, and whether the cause is the right one.
type Case<'a> = (&'a str, usize, fn(&Cause) -> bool);

fn check(cases: &[Case<'_>]) {
    for (text, at, expected) in cases {
        let error = line(text.as_bytes(), &TestHost).expect_err(text);
        assert!(expected(&error.cause), "{text}: {error:?}");
        assert_eq!(error.at, *at, "{text}: {error}");
        let reason = error.cause.to_string();
        assert!(reason.len() > 8 && !reason.ends_with('.'), "{text}: {reason}");
    }
}

use Cause as C;

#[test]
fn a_bad_option_is_refused_with_its_column_and_cause() {
    check(&[
        ("-x", 0, |c| *c == C::UnknownOption),
        ("nonsense", 0, |c| *c == C::UnknownOption),
        ("-w /x stray /y", 6, |c| *c == C::UnknownOption),
        ("--nonsense=1", 0, |c| *c == C::UnknownOption),
        ("-w", 0, |c| *c == C::NoValue),
        ("-a", 0, |c| *c == C::NoValue),
        ("-W", 0, |c| *c == C::NoValue),
        ("-w /x -p", 6, |c| *c == C::NoValue),
        ("-w /x -k", 6, |c| *c == C::NoValue),
        ("-k x -w /x", 0, |c| *c == C::NoRule),
        ("-S open", 0, |c| *c == C::NoRule),
        ("-F uid=1", 0, |c| *c == C::NoRule),
        ("-w /a -w /b", 0, |c| *c == C::TwoRules),
        ("-a always,exit -S 1 -d always,exit -S 1", 0, |c| *c == C::TwoRules),
        ("-w /x -S open", 6, |c| *c == C::NotInWatch),
        ("-W /x -F uid=1", 6, |c| *c == C::NotInWatch),
        ("-w /x -C uid=euid", 6, |c| *c == C::NotInWatch),
        ("-a always,exit -p r", 15, |c| *c == C::PermissionsNeedWatch),
        ("-A always,exit -p r", 15, |c| *c == C::PermissionsNeedWatch),
        ("-d always,exit -p r", 15, |c| *c == C::PermissionsNeedWatch),
        ("-R other", 0, |c| *c == C::NotInFile),
        ("-v", 0, |c| *c == C::NotInFile),
        ("--signal stop", 0, |c| *c == C::NotInFile),
        ("-e 3", 3, |c| matches!(c, C::NotANumber { .. })),
        ("-f -1", 3, |c| matches!(c, C::NotANumber { .. })),
        ("-b +5", 3, |c| matches!(c, C::NotANumber { .. })),
        ("-b 4294967296", 3, |c| matches!(c, C::NotANumber { .. })),
        ("-r 1x", 3, |c| matches!(c, C::NotANumber { .. })),
        ("-rx", 2, |c| matches!(c, C::NotANumber { .. })),
        ("-b ''", 3, |c| matches!(c, C::NotANumber { .. })),
        ("--backlog_wait_time=600001", 20, |c| matches!(c, C::NotANumber { .. })),
        ("-b", 0, |c| *c == C::NoValue),
        ("-b 1 -e 1", 5, |c| *c == C::AfterCommand),
        ("-D -w /x", 3, |c| *c == C::AfterCommand),
        ("-D -k x y", 8, |c| *c == C::AfterCommand),
        ("--reset-lost=1", 13, |c| *c == C::AfterCommand),
        ("-q /mnt", 3, |c| *c == C::TwoPaths),
        ("-q /mnt,sub", 3, |c| *c == C::TwoPaths),
    ]);
}

#[test]
fn a_bad_list_action_or_syscall_is_refused_with_its_column_and_cause() {
    check(&[
        ("-a always", 3, |c| *c == C::ListAndAction),
        ("-a always,exit,x", 3, |c| *c == C::UnknownListOrAction),
        ("-a always,entry -S open", 3, |c| *c == C::UnknownListOrAction),
        ("-a always,watch", 3, |c| *c == C::UnknownListOrAction),
        ("-a possible,exit -S open", 3, |c| *c == C::UnknownListOrAction),
        ("-a exit,exit", 3, |c| *c == C::UnknownListOrAction),
        ("-a Always,exit", 3, |c| *c == C::UnknownListOrAction),
        ("-d always,", 3, |c| *c == C::UnknownListOrAction),
        ("-a always,exit -S nosuchcall", 18, |c| *c == C::UnknownSyscall { arch: "x86_64" }),
        ("-a always,exit -F arch=b32 -S open,nosuch", 35, |c| *c == C::UnknownSyscall { arch: "i386" }),
        ("-a always,exit -S open,", 23, |c| matches!(c, C::UnknownSyscall { .. })),
        ("-a always,exit -S -1", 18, |c| matches!(c, C::UnknownSyscall { .. })),
        ("-a always,io_uring -S execve", 22, |c| *c == C::UnknownSyscall { arch: "io_uring" }),
        ("-a always,exit -S 2032", 18, |c| *c == C::SyscallNumber),
        ("-a always,exit -S 4294967295", 18, |c| *c == C::SyscallNumber),
        ("-a always,exit -S all,5000", 22, |c| *c == C::SyscallNumber),
        ("-a always,exit -S open -F arch=b64", 26, |c| *c == C::ArchAfterSyscall),
        ("-a always,exit -F arch=vax", 18, |c| *c == C::UnknownArch),
        ("-a always,exit -F arch=0x1234", 18, |c| *c == C::UnknownArch),
        ("-a always,exit -F arch>b64", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,task -S open", 18, |c| *c == C::NoSyscalls("task")),
        ("-a always,user -S open", 18, |c| *c == C::NoSyscalls("user")),
        ("-a never,exclude -S open", 20, |c| *c == C::NoSyscalls("exclude")),
        ("-a never,filesystem -S all", 23, |c| *c == C::NoSyscalls("filesystem")),
    ]);
}

#[test]
fn a_bad_condition_is_refused_with_its_column_and_cause() {
    check(&[
        ("-a always,exit -F colour=red", 18, |c| *c == C::UnknownField),
        ("-a always,exit -F =red", 18, |c| *c == C::UnknownField),
        ("-a always,exit -F uid", 18, |c| *c == C::NoOperator),
        ("-a always,exit -F uid!1", 18, |c| *c == C::NoOperator),
        ("-a always,exit -F uid=bob", 18, |c| *c == C::UnknownName("user")),
        ("-a always,exit -F uid=", 18, |c| *c == C::UnknownName("user")),
        ("-a always,exit -F auid=4294967296", 18, |c| *c == C::UnknownName("user")),
        ("-a always,exit -F gid=alice", 18, |c| *c == C::UnknownName("group")),
        ("-a always,exit -F auid>unset", 18, |c| *c == C::UnsetHasNoOrder),
        ("-a never,task -F auid<=-1", 17, |c| *c == C::UnsetHasNoOrder),
        ("-a always,exit -F loginuid_set=2", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F path>/x", 18, |c| matches!(c, C::BadOperator { field: "path", operator: ">" })),
        ("-a always,exit -F path!=/x", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F dir!=/x", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F inode<5", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F perm!=r", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F exe>=/x", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F uid&5", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -S 1 -F key!=x", 23, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F success=maybe", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F success=2", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=-1", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=0x", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=09", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=1x", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F pid=4294967296", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F exit=-ENOSUCH", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F a0=0x100000000", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F filetype=tree", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F filetype=7", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F saddr_fam=46", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F saddr_fam=nonet", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F subj_type=", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F field_compare=26", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F field_compare=0", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a never,filesystem -F fstype=ext4", 23, |c| matches!(c, C::BadValue { .. })),
        ("-a never,exclude -F msgtype=NOSUCH", 20, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F path=x", 18, |c| *c == C::RelativePath),
        ("-a always,exit -F exe=", 18, |c| *c == C::RelativePath),
        ("-a always,exit -F perm=rz", 18, |c| *c == C::Permission('z')),
        ("-a always,exit -F perm=", 18, |c| *c == C::NoPermission),
        ("-a always,exit -F path=/a -F path=/b", 29, |c| *c == C::Twice("path")),
        ("-a always,exit -F exe=/a -F exe=/b", 28, |c| *c == C::Twice("exe")),
        ("-a always,exit -F inode=1 -F inode=2", 29, |c| *c == C::Twice("inode")),
        ("-a always,exit -F path=/a -F uid=1 -F dir=/b", 38, |c| *c == C::TwoFiles("dir")),
        ("-a always,exit -F dir=/a -F inode=2", 28, |c| *c == C::TwoFiles("inode")),
        ("-a always,exit -C uid=gid", 18, |c| *c == C::Incomparable),
        ("-a always,exit -C uid=uid", 18, |c| *c == C::Incomparable),
        ("-a always,exit -C pid=ppid", 18, |c| *c == C::Incomparable),
        ("-a always,exit -C uid=", 18, |c| *c == C::Incomparable),
        ("-a always,exit -C uid", 18, |c| *c == C::NoOperator),
        ("-a always,exit -C uid<euid", 18, |c| matches!(c, C::BadOperator { field: "-C", operator: "<" })),
        ("-a always,task -C uid=euid", 18, |c| matches!(c, C::WrongList { field: "-C", list: "task" })),
    ]);
    let many = format!("-a always,exit {}", "-F pid!=1 ".repeat(65));
    check(&[(&many, 658, |c| *c == C::TooManyFields)]);
    let full = format!("-a always,exit {}-k x", "-F pid!=1 ".repeat(64));
    check(&[(&full, 658, |c| *c == C::TooManyFields)]);
}

/// A line with two wrong fields once told only the first, and the second after that was mended.
#[test]
fn every_error_of_a_line_is_told() {
    let cases: &[(&str, &[usize])] = &[
        ("-a always,exit -F uid=bob -S nosuch,open,neither -F colour=red -k x", &[18, 29, 52]),
        ("-a always,exit -F uid=bob -k x", &[18]),
        ("-a always,exit -F pid=x -F pid=y", &[18, 27]),
        ("-a always,exit -F arch=vax -S nosuch -F uid=bob", &[18]),
        ("-w /x -S open -p z -k", &[6, 17, 19]),
        ("-w x -p z", &[3]),
        ("-a always,exit -F uid=bob -a always,exit -F gid=bob", &[18, 44]),
    ];
    for (text, expected) in cases {
        let errors = file(text.as_bytes(), &TestHost).errors;
        let columns: Vec<usize> = errors.iter().map(|(place, _)| place.column - 1).collect();
        assert_eq!(columns, *expected, "{text}: {errors:#?}");
    }
}

#[test]
fn a_bad_path_or_key_is_refused_with_its_column_and_cause() {
    let name = "n".repeat(256);
    let path = "/n".repeat(2048);
    let key = "k".repeat(257);
    let keys = format!("-w /x -k {} -k {}", "a".repeat(200), "b".repeat(56));
    check(&[
        ("-w etc/passwd", 3, |c| *c == C::RelativePath),
        ("-w ./x", 3, |c| *c == C::RelativePath),
        (&format!("-w /{name}"), 3, |c| *c == C::LongName),
        (&format!("-w {path}"), 3, |c| *c == C::LongPath),
        (&format!("-a always,exit -F dir=/x/{name}/y"), 18, |c| *c == C::LongName),
        (&format!("-a always,exit -F exe={path}"), 18, |c| *c == C::LongPath),
        (&format!("-a always,exit -F subj_type={path}"), 18, |c| matches!(c, C::BadValue { .. })),
        ("-w /a\0b", 3, |c| *c == C::Nul),
        ("-a always,exit -F subj_user=a\0b", 18, |c| *c == C::Nul),
        ("-w /x -p rq", 9, |c| *c == C::Permission('q')),
        ("-w /x -prq", 8, |c| *c == C::Permission('q')),
        ("-w /x -p ra,", 9, |c| *c == C::Permission(',')),
        (&format!("-w /x -k {key}"), 9, |c| *c == C::LongKey(257)),
        (&keys, 213, |c| *c == C::LongKey(257)),
        ("-w /x -k a\0", 9, |c| *c == C::KeyByte),
        ("-w /x -k a\u{1}b", 9, |c| *c == C::KeyByte),
        ("-a always,exit -S 1 -F key=", 23, |c| *c == C::EmptyKey),
        ("-a always,exit -k x", 18, |c| *c == C::LoneKey),
        ("-a always,exit -k x -S open", 18, |c| *c == C::LoneKey),
        ("-a always,exit -F key=x -S open", 18, |c| *c == C::LoneKey),
        ("-a never,exclude -F msgtype=CWD -k x", 35, |c| matches!(c, C::WrongList { field: "key", .. })),
    ]);
    let edge = format!("-w /{} -k {}", "n".repeat(255), "k".repeat(256));
    assert!(line(edge.as_bytes(), &TestHost).is_ok());
    let empty = command_line(&arguments(["-w", "/x", "-p", ""].map(str::as_bytes)), &TestHost);
    assert_eq!(empty.expect_err("no letter").cause, C::NoPermission);
}

#[test]
fn a_field_of_another_list_is_refused() {
    let of_files = [
        "path=/x",
        "dir=/x",
        "inode=1",
        "devmajor=1",
        "devminor=1",
        "exit=1",
        "success=1",
        "filetype=dir",
        "perm=r",
        "obj_user=u",
        "obj_role=r",
        "obj_type=t",
        "obj_lev_low=l",
        "obj_lev_high=h",
    ];
    let not_in_exclude =
        ["euid=1", "egid=1", "ppid=1", "sessionid=1", "a0=1", "arch=b64", "pers=1", "saddr_fam=2"];
    let cases = of_files.map(|field| ("user", field)).into_iter();
    let cases = cases.chain(of_files.map(|field| ("task", field)));
    let cases = cases.chain(of_files.map(|field| ("exclude", field)));
    let cases = cases.chain(of_files.map(|field| ("filesystem", field)));
    let cases = cases.chain(not_in_exclude.map(|field| ("exclude", field)));
    let others = [
        ("exit", "msgtype=CWD"),
        ("task", "msgtype=CWD"),
        ("filesystem", "msgtype=CWD"),
        ("io_uring", "msgtype=CWD"),
        ("exit", "fstype=tracefs"),
        ("user", "fstype=tracefs"),
        ("exclude", "fstype=tracefs"),
        ("filesystem", "uid=1"),
        ("filesystem", "exe=/x"),
        ("filesystem", "auid=1"),
        ("filesystem", "pid=1"),
        ("io_uring", "perm=r"),
        ("exclude", "key=x"),
        ("user", "ppid=1"),
    ];
    for (list, field) in cases.chain(others) {
        let text = format!("-a always,{list} -F {field}");
        let error = line(text.as_bytes(), &TestHost).expect_err(&text);
        assert!(matches!(error.cause, C::WrongList { list: told, .. } if told == list), "{text}: {error}");
        assert_eq!(error.at, text.len() - field.len(), "{text}");
    }
}

#[test]
fn what_is_likely_not_meant_is_told() {
    let cases: &[(&str, &[Warning])] = &[
        ("-w /x", &[]),
        ("-w /none", &[Warning::Missing]),
        ("-w /none/x", &[Warning::NoParent]),
        ("-w /none/x -p r -k deep", &[Warning::NoParent]),
        ("-a always,exit -F path=/none", &[Warning::NothingThere("path")]),
        ("-a always,exit -F exe=/none", &[Warning::NothingThere("exe")]),
        ("-a always,exit -F exe=/none/x", &[Warning::NoParent]),
        ("-a always,exit -F dir=/x", &[Warning::NoDirectory]),
        ("-a always,exit -F dir=/x/dir", &[]),
        ("-a always,exit -F dir=/", &[]),
        ("-w /x/../y", &[Warning::DotDot]),
        ("-w /x/*.log", &[Warning::Wildcard]),
        ("-a always,exit -F path=/x?", &[Warning::Wildcard]),
        ("-a always,exit -F path=/none/x", &[Warning::NoParent]),
        ("-a always,exit -S open", &[Warning::SyscallsWithoutArch]),
        ("-a always,exit -S all", &[]),
        ("-a always,exit -F arch=b64 -S open", &[]),
        ("-a always,io_uring -S openat", &[]),
        ("-a never,task -F arch=b64", &[Warning::NeverMatches { field: "arch", list: "task" }]),
        ("-a always,user -F a0=1", &[Warning::NeverMatches { field: "a0", list: "user" }]),
    ];
    for (text, expected) in cases {
        let (_, warnings) = line(text.as_bytes(), &TestHost).expect(text);
        assert_eq!(warnings, *expected, "{text}");
    }
}

#[test]
fn a_command_line_of_a_run_has_no_rule_to_delete() {
    let words = arguments(["-w", "/a", "-W", "/b"].map(str::as_bytes));
    let error = command_line(&words, &TestHost).expect_err("-W");
    assert_eq!((error.cause, error.at), (C::UnknownOption, 6));
}
