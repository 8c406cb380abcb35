//! Text → rule → kernel's form → rule → text.

mod codec;
mod explain;
mod generated;
mod grammar;
mod lint;
mod plan;
mod refused;

use super::Rule;
use super::control::Control;
use super::error::Warning;
use super::host::Host;
use super::parse::{Line, command_line, file, line};
use super::text::arguments;

/// A host with one user and one group, whose directories are named `dir`, and where nothing below `/none` exists.
struct TestHost;

impl Host for TestHost {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "alice").then_some(1000)
    }
    fn group(&self, name: &str) -> Option<u32> {
        (name == "staff").then_some(50)
    }
    fn is_directory(&self, path: &[u8]) -> bool {
        path == b"/" || path.ends_with(b"/dir")
    }
    fn exists(&self, path: &[u8]) -> bool {
        !path.starts_with(b"/none")
    }
}

fn read(text: &[u8]) -> (Rule, Vec<Warning>) {
    match line(text, &TestHost) {
        Ok((Line::Add(rule) | Line::Delete(rule), warnings)) => (rule, warnings),
        other => panic!("{}: {other:?}", text.escape_ascii()),
    }
}

fn rule(text: &str) -> Rule {
    read(text.as_bytes()).0
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
fn lines_that_are_no_rules_say_what_they_ask_for() {
    use Control as C;
    let cases = [
        ("-D", C::DeleteAll { key: None }),
        ("-D -k x", C::DeleteAll { key: Some(b"x".to_vec()) }),
        ("-e 2", C::Enabled(2)),
        ("-f 0", C::Failure(0)),
        ("-b 8192", C::BacklogLimit(8192)),
        ("-b8192", C::BacklogLimit(8192)),
        ("-r 4294967295", C::RateLimit(u32::MAX)),
        ("--backlog_wait_time 60000", C::BacklogWaitTime(60000)),
        ("--backlog_wait_time=0", C::BacklogWaitTime(0)),
        ("--loginuid-immutable", C::LoginUidImmutable),
        ("--reset-lost", C::ResetLost),
        ("--reset_backlog_wait_time_actual", C::ResetWaitTime),
        ("-t", C::Trim),
        ("-q /mnt,/sub", C::Equivalent { mount_point: b"/mnt".to_vec(), subtree: b"/sub".to_vec() }),
        ("-m hello\\ there", C::Message(b"hello there".to_vec())),
        ("-l", C::List),
        ("-s", C::Status),
        ("  -c  ", C::Continue),
        ("-i", C::IgnoreErrors),
    ];
    for (text, expected) in cases {
        assert!(text.trim().starts_with(expected.option()), "{text}");
        assert_eq!(line(text.as_bytes(), &TestHost), Ok((Line::Control(expected), Vec::new())), "{text}");
    }
    for text in ["", "   ", "# -D", "\t# x"] {
        assert_eq!(line(text.as_bytes(), &TestHost), Ok((Line::Blank, Vec::new())), "{text}");
    }
}

#[test]
fn deleting_options_delete_and_the_others_add() {
    for (text, deletes) in
        [("-W /x", true), ("-d always,exit -S 1", true), ("-w /x", false), ("-A always,exit", false)]
    {
        let (read, _) = line(text.as_bytes(), &TestHost).expect(text);
        assert_eq!(matches!(read, Line::Delete(_)), deletes, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_can_make_the_reader_panic(
        text in "(-[wapkSFC] |[a-z/,=!&<>0-9 ]{0,8}|always,exit |-[a-zA-Z-]{1,3}){0,8}",
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let _ = line(text.as_bytes(), &TestHost);
        let _ = line(&bytes, &TestHost);
        let _ = file(&bytes, &TestHost);
    }
}
