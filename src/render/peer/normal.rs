//! An event as who did what to what with what, in the words of audit-userspace's columns and sentences.

use std::borrow::Cow;

use super::kinds::{self, Target};
use super::paths::paths;
use super::words::{Record, Text};
use super::{Peer, parts};
use crate::enrich::Names;
use crate::event::Event;
use crate::interpret::context::{Context, decimal};
use crate::interpret::{self, UNSET, inside};
use crate::record::RecordType;
use crate::record::fields::{Value, fields};
use crate::tables;

/// What an event tells; empty where it tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Normal<'a> {
    pub(super) kind: &'static str,
    pub(super) session: Text<'a>,
    /// Who logged in.
    pub(super) login: Text<'a>,
    /// As whom the process acts.
    pub(super) user: Text<'a>,
    pub(super) user_kind: &'static str,
    pub(super) user_label: Text<'a>,
    pub(super) action: Text<'a>,
    pub(super) result: &'static str,
    pub(super) object: Text<'a>,
    /// The object's inode.
    pub(super) inode: Text<'a>,
    pub(super) second: Text<'a>,
    pub(super) object_label: Text<'a>,
    pub(super) object_kind: &'static str,
    pub(super) how: Text<'a>,
    pub(super) key: Text<'a>,
    /// Whether the login acts as the user.
    pub(super) acts: bool,
    /// Whether the object is a socket's address.
    pub(super) is_address: bool,
}

/// A record with what its words depend on.
struct Said<'a> {
    record: Record<'a>,
    body: &'a [u8],
}

impl<'a> Said<'a> {
    fn new(context: &Context, kind: RecordType, body: &'a [u8], names: &'a Names) -> Said<'a> {
        let (body, tail) = parts(body);
        Said { record: Record::new(context.within(kind), body, tail, names), body }
    }

    /// A field's value: the record's own, else that of the message inside it.
    fn find(&self, name: &[u8]) -> Option<Value<'a>> {
        let mut inner = None;
        for field in fields(self.body) {
            match field.value {
                Value::Message(message) if inner.is_none() => {
                    inner = fields(message).find(|field| field.name == name).map(|field| field.value);
                }
                value if field.name == name => return Some(value),
                _ => {}
            }
        }
        inner
    }

    /// The same, what the message says first.
    fn find_inner(&self, name: &[u8]) -> Option<Value<'a>> {
        let message = fields(self.body).find_map(|field| match field.value {
            Value::Message(message) => Some(message),
            _ => None,
        });
        let found = message.and_then(|message| fields(message).find(|field| field.name == name));
        found.map(|field| field.value).or_else(|| self.find(name))
    }
}

impl Peer {
    /// Reads an event.
    pub(super) fn normal<'a>(&mut self, event: &'a Event, names: &'a Names) -> Normal<'a> {
        let context = Context::of(event);
        let Some((first, body)) = event.records().find(|(kind, _)| *kind != RecordType::EOE) else {
            return Normal::default();
        };
        let head = Said::new(&context, first, body, names);
        let call = event.record(RecordType::SYSCALL);
        let call = call.map(|body| Said::new(&context, RecordType::SYSCALL, body, names));
        let mut normal =
            Normal { object_kind: "unknown", action: text("did-unknown"), acts: true, ..Normal::default() };
        let kind = kinds::kind(first.0);
        normal.kind = match kind {
            Some((_, kind, ..)) => kind,
            None if first == RecordType::SYSCALL => "audit-rule",
            None => "unknown",
        };
        self.subject(&mut normal, call.as_ref().unwrap_or(&head), first);
        match &call {
            Some(call) if kind.is_none() || follows_call(first) => {
                self.call(&mut normal, event, call, &context);
            }
            _ => {
                if let Some(kind) = kind {
                    self.simple(&mut normal, kind, &head, event);
                }
            }
        }
        normal
    }

    fn words<'a>(&mut self, said: &Said<'a>, name: &[u8]) -> Text<'a> {
        let Some(value) = said.find(name) else { return text("") };
        self.word(&said.record, name, &value).unwrap_or_else(|| Cow::Borrowed(inside(&value)))
    }

    fn subject<'a>(&mut self, normal: &mut Normal<'a>, said: &Said<'a>, first: RecordType) {
        normal.session = self.words(said, b"ses");
        normal.login = self.words(said, b"auid");
        if *normal.login == *b"unset" {
            normal.login = text("system");
        }
        normal.user = self.words(said, b"uid");
        normal.user_label = self.words(said, b"subj");
        let id = said.find(b"uid").or_else(|| said.find(b"auid")).and_then(|id| decimal(inside(&id)));
        normal.user_kind = match id {
            _ if matches!(first.0, 1200..=1209) => "auditd",
            None if matches!(first.0, 1325 | 1334) => "system",
            None => "",
            Some(0) => "privileged-acct",
            Some(1..=999) => "service-acct",
            Some(1000..=60000) => "user-acct",
            Some(id) if id == u64::from(UNSET) => "unset-acct",
            Some(_) => "unknown-acct",
        };
        normal.result = result(said);
        normal.key = match said.find(b"key") {
            Some(Value::Bare(b"(null)")) | None => text(""),
            Some(key) => first_key(interpret::text(&key)),
        };
        normal.how = self.program(said);
    }

    /// What it was done with: the executable, or the script of one that runs scripts.
    fn program<'a>(&mut self, said: &Said<'a>) -> Text<'a> {
        let exe = self.words(said, b"exe");
        let scripts: [&[u8]; 4] = [b"/usr/bin/bash", b"/usr/bin/sh", b"/usr/bin/python", b"/usr/bin/perl"];
        let is_script = scripts.iter().take(2).any(|known| *exe == **known)
            || scripts.iter().skip(2).any(|known| exe.starts_with(known));
        if is_script && said.find(b"comm").is_some() { self.words(said, b"comm") } else { exe }
    }

    /// What a system call did.
    fn call<'a>(&mut self, normal: &mut Normal<'a>, event: &'a Event, call: &Said<'a>, context: &Context) {
        let number = context.arch.zip(context.syscall);
        let name = number.and_then(|(arch, number)| tables::syscall_name(arch, number)).unwrap_or_default();
        let Some((action, target)) = kinds::action(name) else {
            normal.action = text(if normal.key.is_empty() {
                "triggered-unknown-audit-rule"
            } else {
                "triggered-audit-rule"
            });
            normal.object = normal.key.clone();
            normal.object_kind = "admin-defined-rule";
            return;
        };
        normal.action = text(action);
        let mut paths = paths(event).into_iter();
        let mut take = |normal: &mut Normal<'a>, otherwise: &'static str| match paths.next() {
            Some(path) => {
                normal.object = path.name;
                normal.inode = Cow::Borrowed(path.inode);
                normal.object_kind = path.kind;
                normal.object_label = Cow::Borrowed(path.label);
            }
            None => normal.object_kind = otherwise,
        };
        match target {
            Target::File | Target::Program => take(normal, "file"),
            Target::Device => take(normal, "unknown"),
            Target::FileSystem => take(normal, "file-system"),
            Target::Changed(place) => {
                take(normal, "file");
                normal.second = self.words(call, format!("a{place}").as_bytes());
            }
            Target::Pair => {
                take(normal, "file");
                normal.second = paths.next().map_or(text(""), |path| path.name);
            }
            Target::Second => {
                let first = paths.next();
                match paths.next() {
                    Some(path) => {
                        normal.object = path.name;
                        normal.inode = Cow::Borrowed(path.inode);
                        normal.object_kind = path.kind;
                    }
                    None => normal.object_kind = if action == "mounted" { "file-system" } else { "file" },
                }
                normal.second = first.map_or(text(""), |path| path.name);
            }
            Target::Identity | Target::Schedule => self.process(normal, call, name, target),
            Target::Memory => {
                normal.object = self.words(call, b"comm");
                normal.object_kind = "memory";
            }
            Target::System => normal.object_kind = "system",
            Target::Signal => {
                normal.object_kind = "process";
                let many = event.record(RecordType::OBJ_PID).is_some();
                normal.action = text(if many { "killed-list-of-pids" } else { "killed-pid" });
            }
            Target::Socket | Target::Module => self.beside(normal, event, call, target),
        }
    }

    /// The process itself, and as whom it acts from now on.
    fn process<'a>(&mut self, normal: &mut Normal<'a>, call: &Said<'a>, name: &'static str, target: Target) {
        normal.object = self.words(call, b"exe");
        normal.object_kind = "process";
        normal.how = text(name);
        if target == Target::Identity && !name.starts_with("setfs") {
            // -1 leaves an id as it is.
            let places: [&[u8]; 3] = [b"a0", b"a1", b"a2"];
            let ids = places.map(|place| self.words(call, place));
            normal.second = ids.into_iter().find(|id| **id != *b"unset").unwrap_or(text("unset"));
        }
    }

    /// An object that has a record of its own.
    fn beside<'a>(&mut self, normal: &mut Normal<'a>, event: &'a Event, call: &Said<'a>, target: Target) {
        let (kind, name): (_, &[u8]) = match target {
            Target::Socket => (RecordType::SOCKADDR, b"saddr"),
            _ => (RecordType::KERN_MODULE, b"name"),
        };
        normal.object_kind = if target == Target::Socket { "socket" } else { "file" };
        normal.is_address = target == Target::Socket;
        if let Some(body) = event.record(kind) {
            let said = Said::new(&call.record.context, kind, body, call.record.names);
            normal.object = self.words(&said, name);
        }
    }

    /// What a record tells that stands for itself.
    fn simple<'a>(
        &mut self,
        normal: &mut Normal<'a>,
        kind: &'static kinds::Kind,
        head: &Said<'a>,
        event: &'a Event,
    ) {
        let (number, _, action, object, object_kind) = *kind;
        normal.action = match action {
            "" => self.action(number, head),
            action => text(action),
        };
        normal.object_kind = object_kind;
        if let Some(value) = head.find_inner(object.as_bytes()).filter(|_| !object.is_empty()) {
            let word = self.word(&id_context(number, head), object.as_bytes(), &value);
            normal.object = match object {
                "key" => first_key(interpret::text(&value)),
                _ => word.unwrap_or_else(|| Cow::Borrowed(inside(&value))),
            };
        }
        let own = result(head);
        if !own.is_empty() {
            normal.result = own;
        }
        self.particular(normal, number, head, event);
    }

    /// What only records of that type tell, or tell elsewhere.
    fn particular<'a>(&mut self, normal: &mut Normal<'a>, number: u16, head: &Said<'a>, event: &'a Event) {
        match number {
            1112 => self.login(normal, head),
            1006 => {
                normal.login = self.words(head, b"old-auid");
                if *normal.login == *b"unset" {
                    normal.login = text("system");
                }
            }
            1107 => {
                normal.result = "";
                normal.acts = false;
                if let Some(context) = head.find_inner(b"scontext") {
                    normal.login = Cow::Borrowed(inside(&context));
                }
            }
            1326 => {
                let code = self.words(head, b"code");
                normal.result = if matches!(&*code, b"log" | b"allow") { "" } else { "failed" };
            }
            1200 => normal.how = text("init"),
            1201 | 1203 | 1205 | 1206 => normal.how = text("signal"),
            1305 if normal.object.is_empty() => normal.object = setting(head.body),
            1319 | 1325 if event.record(RecordType::SYSCALL).is_none() => {
                normal.how = self.words(head, b"comm")
            }
            1331 => {
                if let Some(path) = paths(event).into_iter().next() {
                    normal.object = path.name;
                    normal.inode = Cow::Borrowed(path.inode);
                    normal.object_kind = path.kind;
                }
            }
            1701 => {
                normal.object = self.words(head, b"exe");
                normal.object_kind = "process";
                normal.how = self.words(head, b"sig");
            }
            2500 | 2501 => normal.second = self.words(head, b"vm"),
            _ => {}
        }
    }

    /// An action that the record names.
    fn action<'a>(&mut self, number: u16, head: &Said<'a>) -> Text<'a> {
        let op = head.find_inner(b"op").map(|value| interpret::text(&value));
        let is = |word: &[u8]| op.as_deref() == Some(word);
        let field = |name: &[u8]| head.find(name).map(|value| inside(&value));
        match number {
            1334 if is(b"LOAD") => text("loaded-bpf-program"),
            1334 => text("unloaded-bpf-program"),
            1335 if is(b"connect") => text("connected-to"),
            1335 => text("disconnected-from"),
            1700 if field(b"prom") == Some(b"0") => text("left-promiscuous-mode-on-device"),
            1700 => text("entered-promiscuous-mode-on-device"),
            1305 => op.unwrap_or(text("changed-audit-configuration")),
            1111 => op.unwrap_or(text("changed-configuration")),
            1406 if field(b"unlbl_accept") == Some(b"0") => text("is-disallowing-unlabeled-network-traffic"),
            1406 => text("is-allowing-unlabeled-network-traffic"),
            _ => op.unwrap_or(text("did-unknown")),
        }
    }

    /// Whom a login is for: the account by its id, or by its name when it has none.
    fn login<'a>(&mut self, normal: &mut Normal<'a>, head: &Said<'a>) {
        let named = [&b"id"[..], b"acct"].into_iter().find_map(|name| Some((name, head.find_inner(name)?)));
        if let Some((name, value)) = named {
            let word = self.word(&head.record, name, &value);
            normal.login = word.unwrap_or_else(|| Cow::Borrowed(inside(&value)));
            let id = decimal(inside(&value)).filter(|_| name == b"id");
            normal.user_kind = match id {
                Some(0) => "privileged-acct",
                Some(1..=999) => "service-acct",
                Some(1000..=60000) => "user-acct",
                _ => "unknown-acct",
            };
        }
        normal.user = text("");
    }
}

fn text(words: &'static str) -> Text<'static> {
    Cow::Borrowed(words.as_bytes())
}

/// Records that say something beside a system call, which is what the event is about.
fn follows_call(first: RecordType) -> bool {
    matches!(
        first.0,
        1300 | 1302..=1304 | 1306..=1323 | 1326 | 1327 | 1332 | 1333 | 1336..=1400 | 1420..=1499 | 1703
    )
}

/// How it ended, by the record.
fn result(said: &Said<'_>) -> &'static str {
    let told = [&b"success"[..], b"res", b"result"].into_iter().find_map(|name| said.find(name));
    match told.map(|value| inside(&value)) {
        Some(b"yes" | b"success" | b"1") => "success",
        Some(b"no" | b"failed" | b"fail" | b"0") => "failed",
        _ => "",
    }
}

fn first_key(keys: Text<'_>) -> Text<'_> {
    match memchr::memchr(1, &keys) {
        Some(end) => Cow::Owned(keys.get(..end).unwrap_or_default().to_vec()),
        None => keys,
    }
}

/// The name of the setting that a CONFIG_CHANGE record changes: the field after `op=`.
fn setting(body: &[u8]) -> Text<'_> {
    let mut after = fields(body).skip_while(|field| field.name != b"op").skip(1);
    match after.next() {
        Some(field) if body.starts_with(b"op=") => Cow::Borrowed(field.name),
        _ => text(""),
    }
}

/// The context in which a type's `id` is a user's or a group's.
fn id_context<'a>(number: u16, head: &Said<'a>) -> Record<'a> {
    let number = match number {
        1132 => 1116,
        1102 | 1135 | 1136 | 2301 | 2302 => 1114,
        number => number,
    };
    head.record.within(RecordType(number))
}
