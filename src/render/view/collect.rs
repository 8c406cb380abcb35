//! Gathers the facts of an event from its records.

use std::borrow::Cow;

use crate::enrich::Names;
use crate::event::{Closed, Event};
use crate::interpret::address::Address;
use crate::interpret::codes::Failure;
use crate::interpret::context::{Context, decimal, hexadecimal, octal, signed};
use crate::interpret::{self, arguments, inside, path};
use crate::record::RecordType;
use crate::record::fields::{Field, Value, fields};
use crate::render::view::object;
use crate::render::view::said::told;
use crate::render::view::{Act, Id, Outcome, Process, Sentence, Subject, Syscall, Text, View};
use crate::tables;

/// Whose word it is, lowest first: a program's, within a message; a record's; that of the SYSCALL record, which the
/// kernel fills in from the process itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    #[default]
    Nobody,
    Program,
    Record,
    Syscall,
}

/// The best word on one fact so far.
#[derive(Debug)]
struct Fact<T> {
    rank: Rank,
    value: Option<T>,
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Fact { rank: Rank::Nobody, value: None }
    }
}

impl<T> Fact<T> {
    /// Takes a better word; among those of a program the last, which the audit library adds after the program's text.
    fn offer(&mut self, rank: Rank, value: Option<T>) {
        if value.is_some() && (rank > self.rank || rank == Rank::Program && self.rank == rank) {
            *self = Fact { rank, value };
        }
    }
}

/// What any record may tell of the process, its user and the outcome.
#[derive(Debug, Default)]
struct Facts<'a> {
    auid: Fact<u32>,
    uid: Fact<u32>,
    euid: Fact<u32>,
    suid: Fact<u32>,
    fsuid: Fact<u32>,
    gid: Fact<u32>,
    egid: Fact<u32>,
    sgid: Fact<u32>,
    fsgid: Fact<u32>,
    session: Fact<u32>,
    pid: Fact<u32>,
    ppid: Fact<u32>,
    terminal: Fact<Text<'a>>,
    label: Fact<Text<'a>>,
    comm: Fact<Text<'a>>,
    exe: Fact<Text<'a>>,
    cwd: Fact<Text<'a>>,
    account: Fact<Text<'a>>,
    host: Fact<Text<'a>>,
    remote: Fact<Text<'a>>,
    succeeded: Fact<bool>,
}

impl<'a> Facts<'a> {
    /// Notes one field of a record of that type.
    fn note(&mut self, kind: RecordType, rank: Rank, field: &Field<'a>) {
        let text = || told(kind, field.name, &field.value);
        let number = || small(inside(&field.value));
        match field.name {
            b"auid" => self.auid.offer(rank, number()),
            b"uid" => self.uid.offer(rank, number()),
            b"euid" => self.euid.offer(rank, number()),
            b"suid" => self.suid.offer(rank, number()),
            b"fsuid" => self.fsuid.offer(rank, number()),
            b"gid" => self.gid.offer(rank, number()),
            b"egid" => self.egid.offer(rank, number()),
            b"sgid" => self.sgid.offer(rank, number()),
            b"fsgid" => self.fsgid.offer(rank, number()),
            b"ses" => self.session.offer(rank, number()),
            b"pid" => self.pid.offer(rank, number()),
            b"ppid" => self.ppid.offer(rank, number()),
            b"tty" | b"terminal" => self.terminal.offer(rank, text()),
            b"subj" => self.label.offer(rank, text()),
            b"comm" => self.comm.offer(rank, text()),
            b"exe" => self.exe.offer(rank, text()),
            b"cwd" => self.cwd.offer(rank, text()),
            b"acct" => self.account.offer(rank, text()),
            b"hostname" => self.host.offer(rank, text()),
            b"addr" => self.remote.offer(rank, text()),
            b"success" | b"res" | b"result" => self.succeeded.offer(rank, answer(inside(&field.value))),
            _ => {}
        }
    }
}

/// Whether a word of `success=` or `res=` means that it succeeded.
fn answer(word: &[u8]) -> Option<bool> {
    match word {
        b"yes" | b"success" | b"1" => Some(true),
        b"no" | b"failed" | b"failure" | b"fail" | b"0" => Some(false),
        _ => None,
    }
}

/// The view without its sentence.
pub(super) fn collect<'a>(event: &'a Event, names: &'a Names) -> View<'a> {
    let context = Context::of(event);
    let mut facts = Facts::default();
    let mut view = empty(event);
    let mut title = None;
    for (kind, body) in event.records() {
        match kind {
            RecordType::PATH => view.paths.push(object::path(body, names)),
            RecordType::OBJ_PID => view.targets.push(object::target(body, names)),
            RecordType::SOCKADDR => {
                let digits = bare(body, b"saddr");
                view.address = view.address.or_else(|| digits.and_then(Address::from_digits));
            }
            RecordType::PROCTITLE => title = title.or_else(|| object::string(kind, body, b"proctitle")),
            RecordType::EXECVE => {}
            RecordType::SYSCALL | RecordType::URINGOP => {
                if kind == RecordType::SYSCALL && view.syscall.is_none() {
                    view.syscall = Some(syscall(body, &context));
                }
                record(&mut facts, &mut view.keys, kind, Rank::Syscall, body);
            }
            kind => record(&mut facts, &mut view.keys, kind, Rank::Record, body),
        }
    }
    let (arguments, missing, executed) = told_arguments(event, title);
    fill(&mut view, facts, event.closed == Closed::Malformed, names);
    view.process = Process { arguments, executed, arguments_missing: missing, ..view.process };
    let at_cwd = view
        .syscall
        .is_none_or(|call| call.name.is_none_or(|name| path::begins_at_cwd(name, &call.arguments)));
    for path in &mut view.paths {
        path.absolute = path.name.as_ref().and_then(|name| {
            let cwd = view.cwd.as_deref().filter(|_| at_cwd);
            path::absolute(cwd, name).map(|absolute| Cow::Owned(absolute.into_owned()))
        });
    }
    view
}

/// The arguments of EXECVE, else those of the command line; how many are missing; whether it was EXECVE.
fn told_arguments<'a>(event: &'a Event, title: Option<Text<'a>>) -> (Vec<Text<'a>>, u64, bool) {
    let bodies = event.records().filter(|(kind, _)| *kind == RecordType::EXECVE).map(|(_, body)| body);
    let told = arguments::of_records(bodies);
    if told.count.is_some() || !told.list.is_empty() {
        let missing = told.missing();
        return (told.list, missing, true);
    }
    // The kernel writes `"(null)"` for a process without a command line.
    let list = match title {
        None => Vec::new(),
        Some(title) if *title == *b"(null)" => Vec::new(),
        Some(Cow::Borrowed(title)) => arguments::of_title(title).map(Cow::Borrowed).collect(),
        Some(Cow::Owned(title)) => {
            arguments::of_title(&title).map(|argument| Cow::Owned(argument.to_vec())).collect()
        }
    };
    (list, 0, false)
}

/// Notes all fields of a record, and the keys it holds.
fn record<'a>(facts: &mut Facts<'a>, keys: &mut Vec<Text<'a>>, kind: RecordType, rank: Rank, body: &'a [u8]) {
    for field in fields(body) {
        match field.value {
            Value::Message(inside) => {
                fields(inside).for_each(|field| facts.note(kind, Rank::Program, &field));
            }
            value if field.name == b"key" => add_keys(keys, told(kind, b"key", &value)),
            _ => facts.note(kind, rank, &field),
        }
    }
}

/// Adds the keys of one field, which 0x01 parts.
fn add_keys<'a>(keys: &mut Vec<Text<'a>>, field: Option<Text<'a>>) {
    let mut add = |key: Text<'a>| {
        if !key.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    };
    match field {
        None => {}
        Some(Cow::Borrowed(key)) => add(Cow::Borrowed(key)),
        Some(Cow::Owned(joined)) => {
            joined.split(|byte| *byte == 1).for_each(|key| add(Cow::Owned(key.to_vec())))
        }
    }
}

fn syscall<'a>(body: &'a [u8], context: &Context) -> Syscall<'a> {
    let mut call = Syscall { arch: context.arch, ..Syscall::default() };
    for field in fields(body) {
        let word = inside(&field.value);
        let place = match field.name {
            b"syscall" => {
                call.number = word;
                continue;
            }
            b"exit" => {
                call.exit = signed(word);
                continue;
            }
            b"a0" => call.arguments.get_mut(0),
            b"a1" => call.arguments.get_mut(1),
            b"a2" => call.arguments.get_mut(2),
            b"a3" => call.arguments.get_mut(3),
            _ => None,
        };
        if let Some(place) = place {
            *place = hexadecimal(word);
        }
    }
    let number = small(call.number);
    call.name = call.arch.zip(number).and_then(|(arch, number)| tables::syscall_name(arch, number));
    call.failure = call.exit.and_then(Failure::of_exit);
    call
}

fn empty(event: &Event) -> View<'_> {
    View {
        record: object::telling(event),
        act: Act::Unknown,
        subject: Subject::default(),
        process: Process::default(),
        syscall: None,
        outcome: Outcome::Untold,
        cwd: None,
        paths: Vec::new(),
        address: None,
        account: None,
        host: None,
        remote: None,
        targets: Vec::new(),
        keys: Vec::new(),
        sentence: Sentence::default(),
    }
}

fn fill<'a>(view: &mut View<'a>, facts: Facts<'a>, malformed: bool, names: &'a Names) {
    let user = |fact: Fact<u32>| fact.value.map(|number| object::user(number, names));
    let group = |fact: Fact<u32>| fact.value.map(|number| object::group(number, names));
    view.subject = Subject {
        auid: user(facts.auid),
        uid: user(facts.uid),
        euid: user(facts.euid),
        suid: user(facts.suid),
        fsuid: user(facts.fsuid),
        gid: group(facts.gid),
        egid: group(facts.egid),
        sgid: group(facts.sgid),
        fsgid: group(facts.fsgid),
        session: facts.session.value,
        terminal: facts.terminal.value,
        label: facts.label.value,
    };
    view.process.pid = facts.pid.value;
    view.process.ppid = facts.ppid.value;
    view.process.comm = facts.comm.value;
    view.process.exe = facts.exe.value;
    view.cwd = facts.cwd.value;
    view.account = facts.account.value;
    view.host = facts.host.value;
    view.remote = facts.remote.value;
    view.outcome = match facts.succeeded.value {
        _ if malformed => Outcome::Untold,
        Some(true) => Outcome::Ok,
        Some(false) => Outcome::Failed,
        None => Outcome::Untold,
    };
}

/// The word of a bare field.
pub(super) fn bare<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    crate::record::fields::find(body, name).map(|value| interpret::inside(&value))
}

/// A number of 32 bits, -1 for the unset one as OBJ_PID writes it.
pub(super) fn small(word: &[u8]) -> Option<u32> {
    if word == b"-1" {
        return Some(interpret::UNSET);
    }
    decimal(word).and_then(|number| u32::try_from(number).ok())
}

/// A file's mode.
pub(super) fn mode(word: &[u8]) -> Option<u32> {
    octal(word).and_then(|mode| u32::try_from(mode).ok())
}

/// An id from its number.
pub(super) fn id<'a>(number: u32, name: Option<&'a str>) -> Id<'a> {
    Id { number, name: name.filter(|_| number != interpret::UNSET) }
}
