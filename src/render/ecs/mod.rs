//! Events in the Elastic Common Schema: one JSON object a line, fields of the schema nested as it names them, and under
//! `auditd` what auditbeat keeps there.
//!
//! `docs/formats-siem.md` has the table.

mod category;
mod parts;

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::Value;

use super::siem::tree::{Tree, distinct, text};
use super::siem::{Told, base_name, session, set, unplaced};
use super::view::Outcome;
use crate::entry::Stored;

/// The version of the schema.
pub const VERSION: &str = "8.17.0";

/// Writes events in the Elastic Common Schema.
#[derive(Clone, Debug)]
pub struct Ecs {
    host: Option<String>,
}

impl Ecs {
    /// `host` is the name of the host that events come from which name none.
    pub fn new(host: Option<String>) -> Ecs {
        Ecs { host }
    }

    /// Writes one event.
    pub fn write(&self, stored: &Stored, out: &mut dyn Write) -> io::Result<()> {
        let told = Told::new(stored, self.host.as_deref());
        serde_json::to_writer(&mut *out, &Value::from(event(&told)))?;
        out.write_all(b"\n")
    }
}

fn event(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    tree.put("@timestamp", Some(timestamp(told.stored.event.id.time_ms)));
    tree.tree("ecs", one("version", VERSION));
    tree.put("message", Some(told.sentence()));
    let keys = distinct(told.view.keys.iter().map(|key| text(key)));
    if let Some(key) = keys.first() {
        let mut rule = Tree::default();
        rule.put("name", Some(key.clone()));
        tree.tree("rule", rule);
    }
    tree.list("tags", keys);
    tree.tree("event", described(told));
    tree.tree("agent", {
        let mut agent = one("type", "ktrail");
        agent.put("version", Some(env!("CARGO_PKG_VERSION")));
        agent
    });
    tree.tree("host", parts::host(told));
    tree.tree("service", parts::service(told));
    tree.tree("container", parts::container(told));
    tree.tree("process", parts::process(told));
    tree.tree("user", parts::user(told));
    tree.tree("group", parts::group(told));
    tree.tree("file", parts::file(told));
    tree.tree("package", parts::package(told));
    parts::network(told, &mut tree);
    if let Some(failure) = told.view.syscall.and_then(|call| call.failure) {
        let mut error = one("code", failure.name);
        error.put("message", Some(failure.text).filter(|text| !text.is_empty()));
        tree.tree("error", error);
    }
    tree.tree("related", related(told));
    tree.tree("auditd", auditd(told));
    tree
}

/// An object of one member.
fn one(name: &str, value: &str) -> Tree {
    let mut tree = Tree::default();
    tree.put(name, Some(value));
    tree
}

/// `2023-11-14T22:13:24.100Z`; milliseconds since 1970 after the year 9999, which the schema's dates may be too.
fn timestamp(time_ms: u64) -> Value {
    let time = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    match time {
        Some(time) => Value::from(format!("{time:.3}")),
        None => Value::from(time_ms),
    }
}

fn described(told: &Told<'_>) -> Tree {
    let act = told.view.act;
    let words = |words: &[&str]| words.iter().map(|word| Value::from(*word)).collect();
    let (category, kinds) = category::category(act);
    let mut event = one("kind", category::kind(act));
    event.list("category", words(category));
    event.list("type", words(kinds));
    event.put("action", Some(category::action(told)));
    event.put("outcome", Some(outcome(told)));
    event.put("module", Some("auditd"));
    event.put("dataset", Some("auditd.event"));
    event.put("provider", Some("ktrail"));
    event.put("id", Some(told.id()));
    event.put("sequence", Some(told.stored.event.id.serial));
    event.put("code", Some(told.kind()));
    event.put("original", Some(told.raw()));
    event
}

fn outcome(told: &Told<'_>) -> &'static str {
    match told.view.outcome {
        Outcome::Ok => "success",
        Outcome::Failed => "failure",
        Outcome::Untold => "unknown",
    }
}

/// Everything that one may want to look for, whatever its place.
fn related(told: &Told<'_>) -> Tree {
    let subject = &told.view.subject;
    let ids = [subject.auid, subject.uid, subject.euid, subject.suid, subject.fsuid];
    let names = ids.into_iter().filter_map(|id| Some(set(id)?.name?.to_owned()));
    let account = (!parts::is_group(told)).then(|| told.account()).flatten().and_then(|account| account.name);
    let login = told.login().and_then(|login| login.user.as_deref()).map(text);
    let ends = told.endpoints();
    let addresses = [ends.source, ends.destination].into_iter().flatten().filter_map(|end| end.ip);
    let mut tree = Tree::default();
    tree.list("user", distinct(names.chain(account).chain(login)));
    tree.list("ip", distinct(addresses.chain(told.login_address()).map(|ip| ip.to_string())));
    tree.list("hosts", distinct(told.host.iter().cloned()));
    tree.list("hash", distinct(told.sha256().into_iter()));
    tree
}

/// What auditbeat's module keeps beside the schema, in its words.
fn auditd(told: &Told<'_>) -> Tree {
    let view = &told.view;
    let mut tree = Tree::default();
    tree.put("message_type", Some(told.kind().to_ascii_lowercase()));
    tree.put("sequence", Some(told.stored.event.id.serial));
    tree.put("session", session(view).map(|session| session.to_string()));
    tree.put(
        "result",
        Some(outcome(told)).filter(|result| *result != "unknown").map(|result| match result {
            "failure" => "fail",
            result => result,
        }),
    );
    tree.tree("summary", summary(told));
    let mut data = unplaced::data(told);
    data.text("script", told.context.script.as_deref());
    data.text("login_terminal", told.login().and_then(|login| login.terminal.as_deref()));
    let ancestors = told.context.process.iter().flat_map(|process| &process.ancestors);
    let executables = ancestors.filter_map(|ancestor| ancestor.exe.as_deref());
    data.list("ancestors", executables.map(|exe| Value::from(text(exe))).collect());
    tree.tree("data", data);
    tree.list("paths", unplaced::paths(told));
    tree
}

/// Who, to what, how.
fn summary(told: &Told<'_>) -> Tree {
    let view = &told.view;
    let id = |id: super::view::Id<'_>| id.name.map_or_else(|| id.number.to_string(), str::to_owned);
    let mut actor = Tree::default();
    actor.put(
        "primary",
        set(view.subject.auid).map(id).or_else(|| view.subject.auid.map(|_| "unset".to_owned())),
    );
    actor.put("secondary", set(view.subject.uid).map(id));
    let mut object = Tree::default();
    object.text("primary", view.sentence.object.as_deref());
    object.text("secondary", view.sentence.second.as_ref().map(|(_, second)| &**second));
    let mut summary = Tree::default();
    summary.tree("actor", actor);
    summary.tree("object", object);
    summary.text("how", view.process.exe.as_deref().or(view.process.comm.as_deref()));
    summary
}

/// The name of a program by the path of its file.
fn program(exe: &str) -> String {
    base_name(exe).to_owned()
}
