//! Text → rule → kernel's form → rule → text.

use super::error::Cause;
use super::host::Host;
use super::parse::{Line, command_line, file, line};
use super::text::arguments;
use super::{Rule, diff::diff};

struct TestHost;

impl Host for TestHost {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "alice").then_some(1000)
    }
    fn group(&self, name: &str) -> Option<u32> {
        (name == "staff").then_some(50)
    }
    fn is_directory(&self, path: &[u8]) -> bool {
        path.ends_with(b"/dir")
    }
}

fn rule(text: &str) -> Rule {
    match line(text.as_bytes(), &TestHost) {
        Ok((Line::Add(rule) | Line::Delete(rule), _)) => rule,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_watch_has_the_kernels_bytes() {
    let bytes = rule("-w /etc/passwd -p ra -k passwd-ra").to_kernel();
    let word =
        |index: usize| u32::from_ne_bytes(bytes[index * 4..index * 4 + 4].try_into().expect("four bytes"));
    assert_eq!((word(0), word(1), word(2), word(3), word(66)), (4, 2, 3, u32::MAX, u32::MAX));
    assert_eq!([word(67), word(68), word(69), word(70)], [105, 106, 210, 0]);
    assert_eq!([word(131), word(132), word(133), word(134)], [11, 12, 9, 0]);
    assert_eq!([word(195), word(197), word(198)], [0x4000_0000, 0x4000_0000, 0]);
    assert_eq!(word(259), 20);
    assert_eq!(&bytes[1040..], b"/etc/passwdpasswd-ra");
}

#[test]
fn rules_are_listed_as_auditctl_lists_them() {
    let cases = [
        ("-w /etc/passwd -k passwd-ra -p ra", "-w /etc/passwd -p ra -k passwd-ra"),
        ("-w /some/dir/", "-w /some/dir -p rwxa"),
        ("-a exit,always -F path=/x -F perm=wa -F key=k", "-w /x -p wa -k k"),
        (
            "-a always,exit -F arch=b64 -S unlinkat,unlink,rename -F auid>=1000 -F auid!=unset -k delete",
            "-a always,exit -F arch=b64 -S rename,unlink,unlinkat -F auid>=1000 -F auid!=-1 -F key=delete",
        ),
        (
            "-a always,exit -S 59 -F exit=-EACCES -F a0&=0x10",
            "-a always,exit -S execve -F exit=-EACCES -F a0&=0x10",
        ),
        ("-a never,exclude -F msgtype=CWD", "-a never,exclude -F msgtype=CWD"),
        ("-a never,task", "-a never,task"),
        (
            "-a always,exit -F exe=/usr/bin/id -k a -k b",
            "-a always,exit -S all -F exe=/usr/bin/id -F key=a -F key=b",
        ),
        (
            "-A always,exit -S all -C auid!=obj_uid -F success=1",
            "-A always,exit -S all -C auid!=obj_uid -F success=1",
        ),
        (
            "-a always,exit -F uid=alice -F gid=staff -F filetype=dir",
            "-a always,exit -S all -F uid=1000 -F gid=50 -F filetype=dir",
        ),
        ("-a never,filesystem -F fstype=tracefs", "-a never,filesystem -F fstype=tracefs"),
        (
            "-a always,exit -F saddr_fam=inet -F sessionid=unset",
            "-a always,exit -S all -F saddr_fam=2 -F sessionid=-1",
        ),
        ("-w /a\\ b -p w", "-w /a\\ b -p w"),
    ];
    for (text, expected) in cases {
        let parsed = rule(text);
        assert_eq!(parsed.to_string(), expected, "{text}");
        let back = Rule::from_kernel(&parsed.to_kernel()).expect("what is written is read");
        assert_eq!(back, parsed, "{text}");
        if !expected.contains("dir") {
            assert!(rule(expected).same_as(&parsed), "{expected}");
        }
    }
}

#[test]
fn a_bad_rule_is_refused_with_its_word_and_cause() {
    use Cause as C;
    let long_key = format!("-w /x -k {}", "k".repeat(257));
    let many = format!("-a always,exit {}", "-F pid!=1 ".repeat(65));
    type Case<'a> = (&'a str, usize, fn(&Cause) -> bool);
    let cases: &[Case<'_>] = &[
        ("-w etc/passwd", 3, |c| *c == C::RelativePath),
        ("-w /x -p rq", 9, |c| *c == C::Permission('q')),
        ("-w /x -p", 6, |c| *c == C::NoValue),
        (&long_key, 9, |c| *c == C::LongKey(257)),
        ("-k x -w /x", 0, |c| *c == C::NoRule),
        ("-w /x -S open", 6, |c| *c == C::NotInWatch),
        ("-a always,exit -p r", 15, |c| *c == C::PermissionsNeedWatch),
        ("-a always,exit -k x", 18, |c| *c == C::LoneKey),
        ("-a always", 3, |c| *c == C::ListAndAction),
        ("-a always,entry -S open", 3, |c| *c == C::UnknownListOrAction),
        ("-a always,exit -S nosuchcall", 18, |c| matches!(c, C::UnknownSyscall { .. })),
        ("-a always,exit -S 5000", 18, |c| *c == C::SyscallNumber),
        ("-a always,exit -S open -F arch=b64", 26, |c| *c == C::ArchAfterSyscall),
        ("-a always,exit -F arch=vax", 18, |c| *c == C::UnknownArch),
        ("-a always,exit -F colour=red", 18, |c| *c == C::UnknownField),
        ("-a always,exit -F uid", 18, |c| *c == C::NoOperator),
        ("-a always,exit -F uid=bob", 18, |c| *c == C::UnknownName("user")),
        ("-a always,exit -F path>/x", 18, |c| matches!(c, C::BadOperator { .. })),
        ("-a always,exit -F success=maybe", 18, |c| matches!(c, C::BadValue { .. })),
        ("-a always,exit -F msgtype=CWD", 18, |c| matches!(c, C::WrongList { .. })),
        ("-a always,exclude -F path=/x", 21, |c| matches!(c, C::WrongList { .. })),
        ("-a always,exit -C uid=gid", 18, |c| *c == C::Incomparable),
        ("-a always,exit -F path=/a -F path=/b", 29, |c| *c == C::Twice("path")),
        ("-a always,task -S open", 18, |c| *c == C::NoSyscalls("task")),
        (&many, 658, |c| *c == C::TooManyFields),
        ("-w /a -w /b", 0, |c| *c == C::TwoRules),
        ("-x", 0, |c| *c == C::UnknownOption),
        ("-R other", 0, |c| *c == C::NotInFile),
        ("-e 3", 3, |c| matches!(c, C::NotANumber { .. })),
    ];
    for (text, at, expected) in cases {
        let error = line(text.as_bytes(), &TestHost).expect_err(text);
        assert!(expected(&error.cause), "{text}: {error:?}");
        assert_eq!(error.at, *at, "{text}: {error}");
    }
}

#[test]
fn a_file_is_read_to_its_end_whatever_is_wrong_with_a_line() {
    let text = b"# a comment\n-D\n\n-b 8192\n-w relative\n  -w /ok -p r\n-a nonsense\n";
    let read = file(text, &TestHost);
    let lines: Vec<usize> = read.lines.iter().map(|(number, _)| *number).collect();
    let errors: Vec<_> = read.errors.iter().map(|(place, _)| (place.line, place.column)).collect();
    assert_eq!((lines, errors), (vec![2, 4, 6], vec![(5, 4), (7, 4)]));
}

#[test]
fn a_command_line_may_hold_several_rules() {
    let words =
        arguments(["-w", "/a", "-k", "x", "-a", "always,exit", "-S", "execve", "-k", "y"].map(str::as_bytes));
    let (rules, _) = command_line(&words, &TestHost).expect("two rules");
    let shown: Vec<String> = rules.iter().map(Rule::to_string).collect();
    assert_eq!(shown, ["-w /a -p rwxa -k x", "-a always,exit -S execve -F key=y"]);
}

#[test]
fn only_what_differs_is_changed() {
    let (a, b, c) = (rule("-w /a -p r"), rule("-w /b -p r"), rule("-w /c -p r"));
    let installed = [a.clone(), b.clone()];
    let wanted = [c.clone(), b.clone(), c.clone()];
    let changes = diff(&installed, &wanted);
    assert_eq!((changes.add, changes.delete), (vec![&c], vec![&a]));
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_bytes_can_make_the_reader_panic(
        text in "(-[wapkSFC] |[a-z/,=!&<>0-9 ]{0,8}|always,exit ){0,8}",
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..1200),
    ) {
        let _ = line(text.as_bytes(), &TestHost);
        let _ = line(&bytes, &TestHost);
        let _ = Rule::from_kernel(&bytes);
    }
}
