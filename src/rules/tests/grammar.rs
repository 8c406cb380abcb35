//! Every piece of the grammar, and how it is listed.

use super::{TestHost, rule};
use crate::rules::display::Form;
use crate::rules::field::{self, Field, Kind};
use crate::rules::parse::line;
use crate::rules::{Action, Condition, List, Operator, Value};

/// Text and listing; the same text where the second is empty.
fn check(cases: &[(&str, &str)]) {
    for (text, listing) in cases {
        let listing = if listing.is_empty() { text } else { listing };
        let read = rule(text);
        assert_eq!(read.to_string(), *listing, "{text}");
        for form in [Form::Listed, Form::Exact] {
            let again = super::read(&read.to_text(form)).0;
            assert_eq!(again, read, "{text} as {form:?}");
        }
    }
}

#[test]
fn rules_are_listed_as_auditctl_lists_them() {
    check(&[
        ("-w /etc/passwd -k passwd-ra -p ra", "-w /etc/passwd -p ra -k passwd-ra"),
        ("-w /some/dir/", "-w /some/dir -p rwxa"),
        ("-w /", "-w / -p rwxa"),
        ("-w /x -p awxr -k a -k b", "-w /x -p rwxa -k a -k b"),
        ("-w /x -p WA", "-w /x -p wa"),
        ("-w /x -p r -p w", "-w /x -p w"),
        ("-w/x -pr -kk", "-w /x -p r -k k"),
        ("-W /x -p r", "-w /x -p r"),
        ("-w /a\\ b\\\\ -p w", ""),
        ("-a exit,always -F path=/x -F perm=wa -F key=k", "-w /x -p wa -k k"),
        ("-a always,exit -F dir=/x/dir -F perm=r", "-w /x/dir -p r"),
        ("-a always,exit -F dir=/x/dir/ -F perm=r", "-a always,exit -S all -F dir=/x/dir/ -F perm=r"),
        ("-a always,exit -F path=/x/", "-a always,exit -S all -F path=/x"),
        ("-a always,exit -F perm=r -F path=/x", "-a always,exit -S all -F perm=r -F path=/x"),
        ("-A always,exit -F path=/x -F perm=r", "-A always,exit -S all -F path=/x -F perm=r"),
        ("-a never,exit -F path=/x -F perm=r", "-a never,exit -S all -F path=/x -F perm=r"),
        (
            "-a always,exit -F arch=b64 -S unlinkat,unlink,rename -F auid>=1000 -F auid!=unset -k delete",
            "-a always,exit -F arch=b64 -S rename,unlink,unlinkat -F auid>=1000 -F auid!=-1 -F key=delete",
        ),
        ("-a always,exit -F path=/x -k a -k b", "-a always,exit -S all -F path=/x -F key=a -F key=b"),
        ("-a always,exit -F path=/x -k a\\ b,c", "-a always,exit -S all -F path=/x -F key=a\\ b,c"),
        ("-aalways,exit -Sopen -Fuid=0", "-a always,exit -S open -F uid=0"),
    ]);
}

#[test]
fn lists_and_actions_are_known_in_both_orders() {
    for (list, _, name) in List::ALL {
        for (action, _, act) in Action::ALL {
            let field = if list == List::Filesystem { "fstype=tracefs" } else { "uid=1" };
            let syscalls = if list.has_syscalls() { " -S all" } else { "" };
            let listing = format!("-a {act},{name}{syscalls} -F {field}");
            let read = rule(&format!("-a {name},{act} -F {field}"));
            assert_eq!((read.list(), read.action(), read.prepends()), (list, action, false));
            assert_eq!(read.syscalls().is_empty(), list == List::Task, "{listing}");
            check(&[(&listing, ""), (&listing.replacen("-a", "-A", 1), "")]);
        }
    }
    check(&[("-a task,never", "-a never,task")]);
}

#[test]
fn system_calls_are_known_by_name_number_and_all() {
    check(&[
        ("-a always,exit -S 59", "-a always,exit -S execve"),
        ("-a always,exit -S 0x3b,1", "-a always,exit -S write,execve"),
        ("-a always,exit -S 010", "-a always,exit -S lseek"),
        ("-a always,exit -S OPEN -S close", "-a always,exit -S open,close"),
        ("-a always,exit -S 2031", ""),
        ("-a always,exit -S open -S all", "-a always,exit -S all"),
        ("-a always,exit -S all,open", "-a always,exit -S all"),
        ("-a always,exit", "-a always,exit -S all"),
        ("-a always,exit -F arch=b32 -S open,socketcall", ""),
        ("-a always,exit -F arch=i386 -S open", "-a always,exit -F arch=b32 -S open"),
        ("-a always,exit -F arch=x86_64 -S open", "-a always,exit -F arch=b64 -S open"),
        ("-a always,exit -F arch=c000003e -S open", "-a always,exit -F arch=b64 -S open"),
        ("-a always,exit -F arch=0x40000003 -S open", "-a always,exit -F arch=b32 -S open"),
        ("-a always,exit -F arch!=b64 -S 2", "-a always,exit -F arch!=b64 -S open"),
        ("-a always,exit -F uid=1 -F arch=b32 -S open -F gid=1", ""),
        ("-a always,exit -F arch=b64 -F arch=b32 -S open", ""),
        ("-a always,exit -F arch=aarch64 -S openat", ""),
        ("-a always,exit -F arch=arm -S open", ""),
        ("-a always,exit -F arch=ppc64le -S open", ""),
        ("-a always,exit -F arch=s390x -S open", ""),
        ("-a always,exit -F arch=riscv64 -S openat", ""),
        ("-a always,io_uring -S openat,18,62 -F uid=1", "-a always,io_uring -S openat,pipe -F uid=1"),
        ("-a always,io_uring -S 100", ""),
    ]);
}

#[test]
fn values_are_known_in_every_spelling() {
    check(&[
        ("-a always,exit -F uid=alice -F gid=staff", "-a always,exit -S all -F uid=1000 -F gid=50"),
        ("-a always,exit -F loginuid=unset", "-a always,exit -S all -F auid=-1"),
        ("-a always,exit -F auid!=4294967295", "-a always,exit -S all -F auid!=-1"),
        ("-a always,exit -F uid=-2 -F gid=010", "-a always,exit -S all -F uid=-2 -F gid=8"),
        ("-a always,exit -F sessionid=unset", "-a always,exit -S all -F sessionid=-1"),
        ("-a always,exit -F exit=-EACCES", "-a always,exit -S all -F exit=-EACCES"),
        ("-a always,exit -F exit=-13", "-a always,exit -S all -F exit=-EACCES"),
        ("-a always,exit -F exit=EACCES", "-a always,exit -S all -F exit=13"),
        ("-a always,exit -F exit!=-4095", "-a always,exit -S all -F exit!=-4095"),
        ("-a always,exit -F exit=0x10", "-a always,exit -S all -F exit=16"),
        ("-a always,exit -F a0&=0x10 -F a1=-1", "-a always,exit -S all -F a0&=0x10 -F a1=0xFFFFFFFF"),
        ("-a always,exit -F a2=077 -F a3&255", "-a always,exit -S all -F a2=0x3F -F a3&0xFF"),
        ("-a always,exit -F filetype=dir", "-a always,exit -S all -F filetype=dir"),
        ("-a always,exit -F filetype=32768", "-a always,exit -S all -F filetype=file"),
        ("-a always,exit -F filetype!=socket", "-a always,exit -S all -F filetype!=socket"),
        ("-a always,exit -F filetype=link", "-a always,exit -S all -F filetype=link"),
        ("-a always,exit -F filetype=character", "-a always,exit -S all -F filetype=character"),
        ("-a always,exit -F filetype=block", "-a always,exit -S all -F filetype=block"),
        ("-a always,exit -F filetype=fifo", "-a always,exit -S all -F filetype=fifo"),
        ("-a always,exit -F saddr_fam=inet", "-a always,exit -S all -F saddr_fam=2"),
        ("-a always,exit -F success!=1", "-a always,exit -S all -F success!=1"),
        ("-a always,exit -F PERM=a -F Path=/x", "-a always,exit -S all -F perm=a -F path=/x"),
        ("-a always,exit -F subj_type=foo_t", "-a always,exit -S all -F subj_type=foo_t"),
        ("-a always,exit -F obj_lev_low>=s0:c1", "-a always,exit -S all -F obj_lev_low>=s0:c1"),
        ("-a always,exit -F loginuid_set=1", "-a always,exit -S all -F loginuid_set=1"),
        ("-a never,exclude -F msgtype=CWD", ""),
        (
            "-a never,exclude -F msgtype>=1100 -F msgtype<=USER_LOGIN",
            "-a never,exclude -F msgtype>=USER_AUTH -F msgtype<=USER_LOGIN",
        ),
        ("-a never,exclude -F msgtype=99999", ""),
        ("-a never,filesystem -F fstype=tracefs", ""),
        ("-a never,filesystem -F fstype=0x64626720 -k k", "-a never,filesystem -F fstype=debugfs -F key=k"),
        ("-a never,filesystem -F fstype!=cgroup", ""),
        ("-a never,filesystem -F fstype=cgroup2", ""),
        ("-a never,filesystem -F fstype=9999", ""),
        ("-a always,exit -F field_compare=3", "-a always,exit -S all -C euid=obj_uid"),
        ("-a always,exit -C obj_uid!=auid", "-a always,exit -S all -C auid!=obj_uid"),
    ]);
}

/// A value of each sort.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Arch => "b64",
        Kind::Path | Kind::Directory => "/x",
        Kind::Permissions => "r",
        Kind::FileType => "file",
        _ => "1",
    }
}

#[test]
fn each_field_takes_its_operators_in_its_lists_and_no_others() {
    let mut accepted = 0;
    for field in &field::ALL {
        for (list, _, list_name) in List::ALL {
            for (operator, _, sign) in Operator::ALL {
                let before = if field.id == field::KEY && list.has_syscalls() { "-S 1" } else { "" };
                let before =
                    if field.id == field::KEY && list == List::Filesystem { "-F fstype=1" } else { before };
                let before = if field.id == field::KEY && before.is_empty() { "-F pid=1" } else { before };
                let text =
                    format!("-a always,{list_name} {before} -F {}{sign}{}", field.name, sample(field.kind));
                let good = field.fits(list) && field.knows(operator);
                let read = line(text.as_bytes(), &TestHost);
                assert_eq!(read.is_ok(), good, "{text}: {read:?}");
                if good {
                    accepted += 1;
                    let read = rule(&text);
                    let last = read.conditions().last().expect("a condition");
                    assert_eq!((last.field, last.operator), (field.id, operator), "{text}");
                    check(&[(&text, &read.to_string())]);
                }
            }
        }
    }
    assert!(accepted > 400, "{accepted}");
}

#[test]
fn each_pair_of_fields_is_compared_in_both_orders() {
    for number in 1..=field::COMPARISON_MAX {
        let (left, right) = field::compared(number).expect("each number has a pair");
        for (operator, sign) in [(Operator::Equal, "="), (Operator::NotEqual, "!=")] {
            let expected = Condition { field: field::FIELD_COMPARE, operator, value: Value::Number(number) };
            let texts = [format!("{left}{sign}{right}"), format!("{right}{sign}{left}")];
            for text in texts {
                let read = rule(&format!("-a always,exit -C {text}"));
                assert_eq!(read.conditions(), std::slice::from_ref(&expected), "{text}");
            }
            check(&[(&format!("-a always,exit -S all -C {left}{sign}{right}"), "")]);
        }
    }
    assert_eq!((field::compared(0), field::compared(26)), (None, None));
}

#[test]
fn fields_are_named_and_numbered_once() {
    for (index, field) in field::ALL.iter().enumerate() {
        let same = |other: &&Field| other.name == field.name || other.id == field.id;
        assert_eq!(field::ALL.iter().filter(same).count(), 1, "{}", field.name);
        assert!(index == 0 || field::ALL[index - 1].id < field.id, "{} is not in order", field.name);
    }
}

#[test]
fn rules_are_interpreted_as_auditctl_does() {
    let words = |call: &str, place: usize, arguments: &[u64; 4]| {
        let [a0, a1, a2, a3] = arguments;
        (place > 0).then(|| format!("{call}{place}[{a0},{a1},{a2},{a3}]"))
    };
    for (text, expected) in [
        ("-w /x -p r", "-w /x -p r"),
        (
            "-a always,exit -F arch=b64 -S open -F auid!=unset",
            "-a always,exit -F arch=x86_64 -S open -F auid!=unset",
        ),
        (
            "-a always,exit -F arch=b32 -F sessionid=-1",
            "-a always,exit -F arch=i386 -S all -F sessionid=unset",
        ),
        ("-a always,exit -S all -F uid=-1 -F exit=-EPERM", "-a always,exit -S all -F uid=-1 -F exit=-EPERM"),
        (
            "-a always,exit -F arch=b64 -S fcntl -F a0=0xAB -F a1=2 -F a2&1",
            "-a always,exit -F arch=x86_64 -S fcntl -F a0=0xab -F a1=fcntl1[171,2,0,0] -F a2&fcntl2[171,2,1,0]",
        ),
        // Which call it is cannot be known.
        ("-a always,exit -S fcntl -F a1=0xAB", "-a always,exit -S fcntl -F a1=0xab"),
        (
            "-a always,exit -F arch=b64 -S open,fcntl -F a1=10",
            "-a always,exit -F arch=x86_64 -S open,fcntl -F a1=0xA",
        ),
        ("-a always,exit -F arch=b64 -S all -F a1=10", "-a always,exit -F arch=x86_64 -S all -F a1=0xA"),
    ] {
        let shown = rule(text).interpreted(&words);
        assert_eq!(String::from_utf8_lossy(&shown), expected);
    }
}
