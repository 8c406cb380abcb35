//! What is likely not meant in a set of rules.

use proptest::prelude::*;

use super::{TestHost, generated, read};
use crate::rules::Rule;
use crate::rules::lint::{BUSY_PER_HOUR, BUSY_SPAN_MS_MIN, Finding, busy, lint};
use crate::rules::parse::{Line, file};

fn rules(text: &str) -> Vec<Rule> {
    let file = file(text.as_bytes(), &TestHost);
    assert!(file.errors.is_empty(), "{text}: {:?}", file.errors);
    let rule = |(_, line)| match line {
        Line::Add(rule) => rule,
        other => panic!("{text}: {other:?}"),
    };
    file.lines.into_iter().map(rule).collect()
}

/// Findings as `rule`, `rule<other` with numbers from 1, and a part of the words.
fn check(cases: &[(&str, &[(&str, &str)])]) {
    for (text, expected) in cases {
        let found = lint(&rules(text));
        let place = |finding: &Finding| match finding.other {
            Some(other) => format!("{}<{}", finding.rule + 1, other + 1),
            None => (finding.rule + 1).to_string(),
        };
        let told: Vec<_> = found.iter().map(|finding| (place(finding), finding.lint.to_string())).collect();
        assert_eq!(told.len(), expected.len(), "{text}: {told:#?}");
        for ((place, words), (expected_place, part)) in told.iter().zip(*expected) {
            assert!(place == expected_place && words.contains(part), "{text}: {told:#?}, not {part}");
        }
    }
}

#[test]
fn a_rule_that_stands_there_twice_is_told() {
    check(&[
        ("-w /a -p r\n-w /a -p r", &[("2<1", "the same rule")]),
        ("-w /a -p r\n-a always,exit -F path=/a -F perm=r", &[("2<1", "the same rule")]),
        ("-w /a -p r\n-w /b -p r\n-w /a -p r", &[("3<1", "the same rule")]),
        ("-a always,exit -F uid=1 -S 1\n-A always,exit -F uid=1 -S 1", &[("2<1", "the same rule")]),
        ("-a always,user -F uid=1\n-a always,task -F uid=1", &[]),
        ("-w /a -p r -k x\n-a always,exit -F perm=r -F path=/a -k x", &[("2<1", "another order")]),
        (
            "-a never,exit -F uid=1 -F gid=2 -S 1\n-a never,exit -F gid=2 -F uid=1 -S 1",
            &[("2<1", "another order")],
        ),
        ("-a never,exit -F uid=1 -F gid=2\n-a always,exit -F gid=2 -F uid=1", &[("2<1", "out of the log")]),
    ]);
}

#[test]
fn a_rule_that_never_decides_is_told() {
    let shadowed = |text, place| check(&[(text, &[(place, "it never decides")])]);
    for (text, place) in [
        ("-a never,exit -F uid=5\n-a always,exit -F arch=b32 -S open -F uid=5", "2<1"),
        ("-a always,exit -F auid>=1000 -S open\n-a always,exit -F auid>=2000 -S open", "2<1"),
        ("-a always,exit -F auid>=1000 -S open\n-a always,exit -F auid=1000 -S open", "2<1"),
        ("-a always,exit -F auid!=unset -S open\n-a always,exit -F auid<1000 -S open", "2<1"),
        ("-a always,exit -F auid>=5 -F auid<=7 -S 1\n-a always,exit -F auid=6 -S 1", "2<1"),
        ("-w /etc/dir -p wa\n-w /etc/dir/passwd -p w", "2<1"),
        ("-w /etc/dir -p wa\n-w /etc/dir/sub/dir -p wa -k x", "2<1"),
        ("-w /dir -p rwxa\n-a always,exit -F path=/dir/x -F perm=r -F uid=1", "2<1"),
        ("-w / -p r\n-w /x -p r", "2<1"),
        ("-a always,exit -S open,close -F exe=/x\n-a always,exit -S open -F exe=/x -F pid=1", "2<1"),
        ("-a always,exit -S open -F exe=/x -F pid=1\n-A always,exit -S open,close -F exe=/x", "1<2"),
        ("-a always,exit -C uid!=euid -S 1,2\n-a always,exit -C uid!=euid -S 2 -F euid=0", "2<1"),
        ("-a never,exclude -F msgtype>=1100\n-a never,exclude -F msgtype=CWD", "2<1"),
        ("-a never,filesystem -F fstype=tracefs\n-a never,filesystem -F fstype=tracefs -k k", "2<1"),
        ("-a always,exit -F success=0 -S 1\n-a always,exit -F success=0 -F exit=-EPERM -S 1", "2<1"),
    ] {
        shadowed(text, place);
    }
    check(&[
        // The narrower rule comes first.
        ("-a always,exit -F auid>=2000 -S open\n-a always,exit -F auid>=1000 -S open", &[]),
        // Neither has all of the other's.
        ("-a always,exit -S open,close -F uid=1\n-a always,exit -S open,read -F uid=1", &[]),
        ("-a always,exit -F arch=b64 -S open -F uid=1\n-a always,exit -S open -F uid=1", &[("1", "32-bit")]),
        ("-w /etc/dir -p w\n-w /etc/dir/passwd -p wa", &[]),
        ("-w /etc/dir -p wa\n-w /etc/directory -p wa", &[]),
        ("-w /etc/passwd -p wa\n-w /etc/passwd/dir -p wa", &[]),
        // A process has several groups.
        ("-a always,exit -F gid!=5 -S 1\n-a always,exit -F gid=6 -S 1", &[]),
        ("-a always,exit -F a0&1 -S 1\n-a always,exit -F a0=1 -S 1", &[]),
        ("-a always,user -F uid=1\n-a always,exit -F uid=1 -S 1", &[]),
    ]);
}

#[test]
fn a_rule_that_never_matches_is_told() {
    let no = "it never matches";
    check(&[
        ("-a always,exit -F uid=1 -F uid=2 -S 1", &[("1", no)]),
        ("-a always,exit -F auid>=1000 -F auid<1000 -S 1", &[("1", "conditions on auid")]),
        ("-a always,exit -F arch=b64 -F arch=b32 -S 1", &[("1", "conditions on arch")]),
        ("-a always,exit -F exit<0 -S 1", &[("1", "without sign")]),
        ("-a always,exit -F success=1 -F exit=-EPERM -S 1", &[("1", "conditions on exit")]),
        ("-a always,exit -F success=0 -F exit=5 -S 1", &[("1", "conditions on exit")]),
        ("-a always,exit -F success=0 -F success=1 -S 1", &[("1", "conditions on success")]),
        ("-a never,exclude -F msgtype=CWD -F msgtype=PATH", &[("1", "conditions on msgtype")]),
        ("-a always,exit -F gid=1 -F gid=2 -S 1", &[]),
        ("-a always,exit -F devmajor=1 -F devmajor=2 -S 1", &[]),
        ("-a always,exit -F success=0 -F exit=-EPERM -S 1", &[]),
        ("-a always,exit -F success!=0 -F exit>=0 -F exit<5 -S 1", &[]),
        ("-a always,exit -F uid>=1 -F uid<=1 -F uid!=2 -S 1", &[]),
    ]);
}

#[test]
fn a_rule_for_everything_or_against_it_is_told() {
    check(&[
        ("-a never,task", &[("1", "no process that starts")]),
        ("-a task,never", &[("1", "no process that starts")]),
        ("-a never,task -F uid=5", &[("1", "the processes it matches")]),
        ("-a always,task", &[]),
        ("-a always,exit -S all", &[("1", "every system call of every process")]),
        ("-a always,exit", &[("1", "every system call of every process")]),
        ("-a always,exit -F uid>=0", &[("1", "every system call of every process")]),
        (
            "-a always,exit -F arch=b64 -S all -F key=x\n-a always,exit -F arch=b32 -S all -F key=x",
            &[("1", "every system call"), ("2", "every system call")],
        ),
        ("-a never,exit -S all", &[]),
        ("-a always,exit -S all -F uid=0", &[]),
    ]);
}

#[test]
fn a_rule_that_32_bit_programs_get_round_is_told() {
    let b64 = "-a always,exit -F arch=b64 -S openat,unlinkat,rename -F auid>=1000 -k x";
    let with = |more: &str| format!("{b64}\n{more}");
    check(&[
        (b64, &[("1", "rename, openat, unlinkat")]),
        (
            &with("-a always,exit -F arch=b32 -S openat,rename -F auid>=1000 -k y"),
            &[("1", "stands for unlinkat")],
        ),
        (&with("-a always,exit -F arch=b32 -S openat,rename,unlinkat -F auid>=1000 -k x"), &[]),
        (
            &with(
                "-a always,exit -F arch=b32 -S openat -F auid>=1000\n-a always,exit -F auid>=1000 -F arch=b32 -S rename,unlinkat",
            ),
            &[],
        ),
        (&with("-a always,exit -F arch=b32 -S openat,rename,unlinkat -F auid>=500 -k x"), &[("1", "rename")]),
        (&with("-a never,exit -F arch=b32 -S openat,rename,unlinkat -F auid>=1000"), &[("1", "rename")]),
        (&with("-a always,exit -F arch=b32 -S all -k 32bit"), &[("2", "every system call")]),
        ("-a always,exit -F arch=b64 -F path=/x -F perm=wa", &[("1", "all system calls")]),
        (
            "-a always,exit -F arch=b64 -F path=/x -F perm=wa\n-a always,exit -F arch=b32 -F path=/x -F perm=wa",
            &[],
        ),
        ("-a never,exit -F arch=b64 -S open", &[]),
        ("-w /x -p wa", &[]),
        (
            "-a always,exit -F arch=b64 -S open,close,read,write,stat,fstat,lstat -F uid=1",
            &[("1", "read, write, open, close, stat and 2 more")],
        ),
    ]);
}

#[test]
fn a_key_for_two_purposes_is_told() {
    check(&[
        (
            "-w /x -p wa -k k\n-a always,exit -S execve -F uid=1 -k k",
            &[("2<1", "\"k\" is for running programs here and for access to files before")],
        ),
        ("-a always,user -F uid=1 -k k\n-w /x -p wa -k j -k k", &[("2<1", "messages of programs")]),
        ("-a always,exit -S connect -F uid=1 -k k\n-a never,exit -F uid=2 -k k", &[("2<1", "kept out")]),
        ("-w /x -p wa -k k\n-a always,exit -F perm=x -F uid=1 -k k", &[("2<1", "running programs here")]),
        // The time is set by calls and by a file.
        ("-a always,exit -S settimeofday -F uid=1 -k time\n-w /etc/localtime -p wa -k time", &[]),
        ("-w /x -p wa -k k\n-w /y -p r -k k\n-w /z -p x -k k", &[]),
        ("-w /x -p wa -k k\n-w /y -p x -k j", &[]),
    ]);
}

#[test]
fn a_rule_that_fills_the_log_is_told_by_what_the_log_has() {
    let rules = rules(
        "-w /x -p wa -k quiet\n-w /y -p wa -k busy -k quiet\n-w /z -p wa -k busy\n-w /v -p r\n-w /u -p r -k none",
    );
    let mut asked = Vec::new();
    let mut rate = |key: &[u8]| {
        asked.push(String::from_utf8_lossy(key).into_owned());
        match key {
            b"quiet" => Ok(Some(f64::from(BUSY_PER_HOUR))),
            b"busy" => Ok(Some(54_000.25)),
            _ => Ok::<_, ()>(None),
        }
    };
    let long = Some((1000, 1000 + BUSY_SPAN_MS_MIN));
    let found = busy(&rules, long, &mut rate).expect("no error");
    let told: Vec<_> = found.iter().map(|finding| (finding.rule, finding.lint.to_string())).collect();
    let expected = "the key \"busy\" has 54000 events an hour in the log, more than 36000: it fills the log; narrow the rule or leave it out";
    assert_eq!(told, [(1, expected.to_owned())]);
    for short in [None, Some((1000, 999 + BUSY_SPAN_MS_MIN))] {
        assert_eq!(busy(&rules, short, &mut rate), Ok(Vec::new()), "too short to be judged");
    }
    assert_eq!(asked, ["quiet", "busy", "none"]);
    assert_eq!(busy(&rules, long, &mut |_| Err("unreadable")), Err("unreadable"));
}

proptest! {
    #[test]
    fn no_set_of_rules_makes_lint_panic_and_an_equal_rule_is_always_found(
        texts in prop::collection::vec(generated::texts(), 1..20), which in any::<prop::sample::Index>(),
    ) {
        let mut rules: Vec<Rule> = texts.iter().map(|text| read(text).0).collect();
        let again = rules[which.index(rules.len())].clone();
        rules.push(again);
        let last = rules.len() - 1;
        prop_assert!(lint(&rules).iter().any(|finding| finding.rule == last && finding.other.is_some()));
    }
}
