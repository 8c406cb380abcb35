//! Puts an event in words. Every type of record gets some; what records of one type alone have is `control`'s.

use std::borrow::Cow;

use crate::event::{Closed, Event};
use crate::interpret::context::{Context, hexadecimal, octal};
use crate::interpret::{codes, path};
use crate::record::RecordType;
use crate::render::view::control;
use crate::render::view::records::{self, Rest};
use crate::render::view::said::Said;
use crate::render::view::syscalls::{self, Flags, On, Verb};
use crate::render::view::{Outcome, Sentence, Text, View};

/// Whether there are words for records of this type.
pub(super) fn is_known(kind: RecordType) -> bool {
    control::is_known(kind) || records::find(kind.0).is_some()
}

/// The verb, turned into an attempt when it failed.
pub(super) fn tense(verb: Verb, outcome: Outcome) -> Cow<'static, str> {
    match outcome {
        Outcome::Failed => Cow::Owned(format!("tried to {}", verb.1)),
        Outcome::Ok | Outcome::Untold => Cow::Borrowed(verb.0),
    }
}

/// The event in words.
pub(super) fn sentence<'a>(event: &'a Event, view: &View<'a>) -> Sentence<'a> {
    let body = event.record(view.record).unwrap_or_default();
    let said = Said { kind: view.record, body };
    if event.closed == Closed::Malformed {
        let verb = Cow::Borrowed("left a record that cannot be read:");
        return Sentence { verb, object: Some(Cow::Borrowed(body)), ..Sentence::default() };
    }
    match view.record {
        RecordType::SYSCALL => call(event, view),
        RecordType::URINGOP => {
            let operation = said.get(b"uring_op").unwrap_or_default();
            let verb = format!("had io_uring do operation {}", String::from_utf8_lossy(&operation));
            let second = view.object().and_then(shown).map(|path| ("on", path));
            Sentence { verb: Cow::Owned(verb), second, ..Sentence::default() }
        }
        kind => control::sentence(&said, event, view)
            .or_else(|| control::own(&said))
            .or_else(|| records::find(kind.0).map(|(verb, rest, _)| record(&said, view, verb, rest)))
            .unwrap_or_else(|| other(&said)),
    }
}

fn record<'a>(said: &Said<'a>, view: &View<'a>, verb: Verb, rest: Rest) -> Sentence<'a> {
    let mut sentence = Sentence { verb: tense(verb, view.outcome), ..Sentence::default() };
    match rest {
        Rest::Nothing => {}
        Rest::Message => sentence.object = control::text(said),
        Rest::Address => {
            let address = view.address.as_ref();
            sentence.object = address.map(|address| Cow::Owned(address.to_string().into_bytes()));
        }
        Rest::Arguments => sentence.object = command_line(&view.process.arguments),
        Rest::Field(names) => {
            sentence.object = said.first_of(names);
            // What is done with a virtual machine or a key is told by its operation alone.
            if let (Some(operation), 2404 | 2500..=2507) = (said.get(b"op"), said.kind.0) {
                sentence.second = Some(("by", operation));
            }
        }
        Rest::Account => {
            let account = view.account.clone().or_else(|| said.get(b"id"));
            let login = view.subject.auid.filter(|id| id.is_set());
            let same = login.is_some_and(|id| {
                account.as_ref().is_some_and(|account| {
                    id.name.is_some_and(|name| **account == *name.as_bytes())
                        || **account == *id.number.to_string().as_bytes()
                })
            });
            match account {
                Some(account) if login.is_none() => sentence.actor = Some(account),
                Some(account) if !same => sentence.second = Some(("for", account)),
                _ => {}
            }
            if sentence.second.is_none() {
                let from = view.remote.clone().or_else(|| view.host.clone());
                sentence.second = from.map(|from| ("from", from));
            }
        }
    }
    sentence
}

/// The words for a record that nothing is known of but its type's name or number.
fn other<'a>(said: &Said<'a>) -> Sentence<'a> {
    let object = said.first_of(&["op", "operation", "info"]).or_else(|| {
        let message = said.message().trim_ascii();
        (!message.is_empty()).then_some(Cow::Borrowed(message))
    });
    Sentence { verb: Cow::Owned(format!("recorded {}", said.kind)), object, ..Sentence::default() }
}

/// A path as it is named in a sentence: absolute where possible.
pub(super) fn shown<'a>(path: &crate::render::view::Path<'a>) -> Option<Text<'a>> {
    path.absolute.clone().or_else(|| path.name.clone())
}

/// The words for a system call.
fn call<'a>(event: &'a Event, view: &View<'a>) -> Sentence<'a> {
    let name = view.syscall.and_then(|call| call.name);
    let path = || view.object().and_then(shown);
    let Some((verb, on, _)) = name.and_then(syscalls::verb) else {
        let number = view.syscall.map_or(&b""[..], |call| call.number);
        let called =
            name.map_or_else(|| format!("system call {}", String::from_utf8_lossy(number)), str::to_owned);
        let verb = match view.outcome {
            Outcome::Failed => format!("tried to call {called}"),
            Outcome::Ok | Outcome::Untold => format!("called {called}"),
        };
        let second = path().map(|path| ("on", path)).or_else(|| address(view, "with"));
        return Sentence { verb: Cow::Owned(verb), second, ..Sentence::default() };
    };
    let mut sentence = Sentence { verb: tense(verb, view.outcome), ..Sentence::default() };
    match on {
        On::Nothing => {}
        On::Path => sentence.object = path().or_else(|| unnamed(view)),
        On::Open(flags) => {
            sentence.object = path();
            let verb = open_flags(event, view, flags).map_or(verb, |flags| syscalls::opened(flags).0);
            sentence.verb = match view.path_of_role(b"CREATE") {
                Some(_) => tense(("created", "create"), view.outcome),
                None => tense(verb, view.outcome),
            };
        }
        On::Rename => {
            sentence.object = view.path_of_role(b"DELETE").and_then(shown).or_else(path);
            sentence.second = view.path_of_role(b"CREATE").and_then(shown).map(|path| ("to", path));
        }
        On::Link => {
            let made = view.path_of_role(b"CREATE").and_then(shown);
            sentence.second = path().filter(|path| Some(path) != made.as_ref()).map(|path| ("to", path));
            sentence.object = made;
        }
        On::Program => {
            let called = command_line(&view.process.arguments);
            sentence.object = match view.outcome {
                Outcome::Failed => path(),
                Outcome::Ok | Outcome::Untold => view.process.exe.clone().or_else(path),
            };
            sentence.second = called.filter(|_| view.process.executed).map(|called| ("as", called));
        }
        On::Address(word) => sentence.second = address(view, word),
        On::Signal(place) => {
            let signal = argument(view, place).and_then(|number| codes::signal(u32::try_from(number).ok()?));
            sentence.object = signal.map(|name| Cow::Borrowed(name.as_bytes()));
            sentence.second = target(view).map(|target| ("to", target));
        }
        On::Process => sentence.object = target(view),
        On::Module => {
            let named = event.record(RecordType::KERN_MODULE);
            let said = named.map(|body| Said { kind: RecordType::KERN_MODULE, body });
            sentence.object = said.and_then(|said| said.get(b"name")).or_else(path);
        }
    }
    sentence
}

/// The flags of an open, where the records tell them.
pub(super) fn open_flags(event: &Event, view: &View<'_>, flags: Flags) -> Option<u64> {
    match flags {
        Flags::Argument(place) => argument(view, place),
        Flags::Record => event.record(RecordType::OPENAT2).and_then(|body| {
            let oflag = Said { kind: RecordType::OPENAT2, body }.get(b"oflag")?;
            // Linux 5.16 and later write it in octal.
            octal(&oflag).or_else(|| hexadecimal(&oflag))
        }),
        Flags::Creat => Some(1),
    }
}

/// What a call was done to of which no path is recorded.
fn unnamed<'a>(view: &View<'a>) -> Option<Text<'a>> {
    // fchmod and its kin are given the file by its descriptor, unlike fchmodat.
    let relative = |name| !path::begins_at_cwd(name, &[None; 4]);
    let by_descriptor = view.syscall?.name.is_some_and(|name| name.starts_with('f') && !relative(name));
    match argument(view, 0).filter(|_| by_descriptor) {
        Some(descriptor) => Some(Cow::Owned(format!("descriptor {descriptor}").into_bytes())),
        None => Some(Cow::Borrowed(b"a path not recorded")),
    }
}

pub(in crate::render) fn argument(view: &View<'_>, place: usize) -> Option<u64> {
    view.syscall.and_then(|call| call.arguments.get(place).copied().flatten())
}

/// The socket address after a word. Without one, the path: a bind to a new unix socket has the address last.
fn address<'a>(view: &View<'a>, word: &'static str) -> Option<(&'static str, Text<'a>)> {
    view.address.as_ref().map(|address| (word, Cow::Owned(address.to_string().into_bytes())))
}

/// The first process that something was done to: `521 (cat)`.
fn target<'a>(view: &View<'a>) -> Option<Text<'a>> {
    let target = view.targets.first()?;
    let mut text = target.pid.map_or_else(|| "a process".to_owned(), |pid| pid.to_string()).into_bytes();
    if let Some(comm) = &target.comm {
        text.extend_from_slice(b" (");
        text.extend_from_slice(comm);
        text.push(b')');
    }
    Some(Cow::Owned(text))
}

/// Arguments joined by blanks. One that is empty or holds blanks is put in quotes.
pub(in crate::render) fn command_line<'a>(arguments: &[Text<'a>]) -> Option<Text<'a>> {
    let mut line = Vec::new();
    for argument in arguments {
        if !line.is_empty() {
            line.push(b' ');
        }
        let quoted = argument.is_empty() || argument.iter().any(u8::is_ascii_whitespace);
        line.extend(quoted.then_some(b'\''));
        line.extend_from_slice(argument);
        line.extend(quoted.then_some(b'\''));
    }
    (!arguments.is_empty()).then_some(Cow::Owned(line))
}

/// The context of a record of the event.
pub(super) fn context(event: &Event, kind: RecordType) -> Context {
    Context::of(event).within(kind)
}
