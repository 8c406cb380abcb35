//! Rules in words, and in parts.

use super::rule;
use crate::rules::{access, describe, explain::explain, field};
use crate::tables::{self, Arch};

#[test]
fn a_rule_is_told_in_words() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "-w /etc/passwd -p xa -k passwd",
            &[
                ("does", "records system calls"),
                ("calls", "those of the accesses below, by all programs"),
                ("access", "running (x): execve, execveat"),
                ("access", "changing attributes (a): chmod, "),
                ("only if", "it concerns the file /etc/passwd"),
                ("key", "passwd"),
                ("costs", "little: it is tested only where a system call touches this file"),
            ],
        ),
        (
            "-w /etc/dir -p w",
            &[("access", "writing (w): open, openat, openat2, "), ("only if", "anything below it")],
        ),
        (
            "-a always,exit -F arch=b32 -S open,unlink -F auid>=1000 -F auid!=unset -F success=0 -C uid!=euid",
            &[
                ("calls", "open, unlink, by programs of i386"),
                ("only if", "the id of the user who logged in is at least 1000"),
                ("only if", "somebody has logged in"),
                ("only if", "it failed"),
                ("only if", "the user id differs from the effective user id"),
                ("key", "none"),
                ("costs", "at the end of these calls only"),
            ],
        ),
        ("-a always,exit -S open", &[("calls", "by 32-bit programs those of the same numbers")]),
        (
            "-a always,exit -F arch!=b64 -S all -F uid=0",
            &[("calls", "programs of other architectures"), ("costs", "much: ")],
        ),
        ("-a always,exit -S all", &[("calls", "every one, by all programs"), ("costs", "very much")]),
        (
            "-A never,exit -F exe=/usr/bin/backup",
            &[("does", "goes before the other rules"), ("only if", "the program is /usr/bin/backup")],
        ),
        ("-a never,task", &[("does", "takes processes out of auditing")]),
        (
            "-a never,exclude -F msgtype=CWD",
            &[("does", "keeps records out"), ("only if", "the record's type is CWD")],
        ),
        ("-a never,user -F uid=0", &[("does", "keeps messages of programs out")]),
        ("-a never,filesystem -F fstype=tracefs", &[("does", "leaves the names"), ("only if", "is tracefs")]),
        ("-a always,io_uring -S openat -F uid=1 -k a -k b", &[("calls", "openat"), ("key", "a, b")]),
        (
            "-a always,exit -F arch=b64 -S clone -F a0&0x10000000 -F exit!=-EPERM",
            &[("only if", "the first argument has any of the bits 0x10000000"), ("only if", "is not -EPERM")],
        ),
    ];
    for (text, expected) in cases {
        let told = explain(&rule(text));
        let mut rest = told.iter();
        for (about, words) in *expected {
            let found = rest.any(|(known, told)| known == about && told.contains(words));
            assert!(found, "{text}: {about}: {words}: {told:#?}");
        }
    }
}

#[test]
fn a_rule_has_parts() {
    let read =
        rule("-a always,exit -F arch=b32 -S open,9 -F auid>=1000 -C uid!=euid -F path=/x -F perm=wa -k k");
    let conditions: Vec<String> =
        describe::conditions(&read).map(|(field, operator, value)| field + operator + &value).collect();
    assert_eq!(conditions, ["arch=b32", "auid>=1000", "uid!=euid", "path=/x", "perm=wa"]);
    assert_eq!(describe::syscalls(&read), Some(vec!["open".to_owned(), "link".to_owned()]));
    assert_eq!(describe::syscalls(&rule("-w /x")), None);
    assert_eq!(describe::syscalls(&rule("-a never,task")), None);
}

#[test]
fn each_sort_of_access_has_the_letter_and_bit_of_the_grammar_and_known_calls() {
    for access in access::ALL {
        assert!(field::PERMISSIONS.contains(&(access.letter, access.bit)), "{access:?}");
        assert!(!access.calls(Arch::Aarch64).is_empty());
        for name in access.calls(Arch::X86_64) {
            assert!(tables::syscall_number(Arch::X86_64, name).is_some(), "{name}");
        }
    }
}
