//! The field sets of the Elastic Common Schema, each from what an event tells.

use serde_json::Value;

use super::one;
use crate::enrich::context::Runtime;
use crate::interpret::codes;
use crate::render::siem::tree::{Tree, text};
use crate::render::siem::{Endpoint, Told, Way, base_name, full_name, parent, set};
use crate::render::view::phrase::{argument, command_line};
use crate::render::view::{Act, Id};

/// Whether the event is about a group.
pub(super) fn is_group(told: &Told<'_>) -> bool {
    matches!(told.view.act, Act::GroupCreate | Act::GroupDelete | Act::GroupChange)
}

/// `host`.
pub(super) fn host(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    tree.put("name", told.host.clone());
    tree.put("hostname", told.host.clone());
    tree.tree("os", one("type", "linux"));
    tree
}

/// `service`: the kind of source, and the unit that was started, stopped, or that the process belongs to.
pub(super) fn service(told: &Told<'_>) -> Tree {
    let started = matches!(told.view.act, Act::ServiceStart | Act::ServiceStop);
    let unit = started.then(|| told.field(&["unit"])).flatten().map(|unit| text(&unit));
    let mut tree = one("type", "auditd");
    tree.put("name", unit.or_else(|| told.context.unit.as_deref().map(text)));
    tree
}

/// `container`.
pub(super) fn container(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    if let Some(container) = &told.context.container {
        tree.text("id", Some(&container.id));
        tree.put("runtime", container.runtime.map(Runtime::name));
    }
    tree
}

/// `process`, with the one that started it and the login it belongs to.
pub(super) fn process(told: &Told<'_>) -> Tree {
    let (process, known) = (&told.view.process, told.context.process.as_ref());
    let mut tree = Tree::default();
    tree.put("pid", process.pid);
    tree.put("entity_id", known.map(|process| process.id.to_string()));
    tree.text("executable", process.exe.as_deref());
    let exe = process.exe.as_deref().map(text);
    tree.put("name", process.comm.as_deref().map(text).or_else(|| exe.as_deref().map(super::program)));
    let arguments: Vec<Value> =
        process.arguments.iter().map(|argument| Value::from(text(argument))).collect();
    let count = arguments.len() as u64 + process.arguments_missing;
    tree.put("args_count", (!arguments.is_empty()).then_some(count));
    tree.list("args", arguments);
    let line = command_line(&process.arguments);
    let whole = process.arguments_missing == 0;
    tree.text("command_line", line.as_deref().filter(|_| whole && process.executed));
    tree.text("title", line.as_deref().filter(|_| !process.executed));
    tree.text("working_directory", told.view.cwd.as_deref());
    if told.view.act == Act::ProcessEnd {
        tree.put("exit_code", argument(&told.view, 0).map(|code| code & 0xff));
    }
    tree.list("env_vars", told.environment().map(|(name, value)| format!("{name}={value}").into()).collect());
    tree.tree("hash", {
        let mut hash = Tree::default();
        hash.put("sha256", told.sha256());
        hash
    });
    let mut above = Tree::default();
    match known.and_then(|process| process.parent.as_ref()) {
        None => above.put("pid", process.ppid),
        Some(started) => {
            above.put("pid", Some(started.id.pid));
            above.put("entity_id", Some(started.id.to_string()));
            let exe = started.exe.as_deref().map(text);
            above.put("name", exe.as_deref().map(super::program));
            above.put("executable", exe);
            above.list("args", started.argv.iter().map(|argument| text(argument).into()).collect());
        }
    }
    tree.tree("parent", above);
    tree.tree("entry_leader", entry(told));
    tree
}

/// Where the login that a process belongs to came from.
fn entry(told: &Told<'_>) -> Tree {
    let mut source = Tree::default();
    source.put("ip", told.login_address().map(|ip| ip.to_string()));
    let mut meta = Tree::default();
    meta.tree("source", source);
    let mut leader = Tree::default();
    leader.tree("entry_meta", meta);
    leader
}

/// A user or group by number and name.
fn named(id: Option<Id<'_>>) -> Tree {
    let mut tree = Tree::default();
    if let Some(id) = set(id) {
        tree.put("id", Some(id.number.to_string()));
        tree.put("name", id.name);
    }
    tree
}

/// `user`: as whom the process acts, as whom it may act besides, who logged in, and the account it is about.
pub(super) fn user(told: &Told<'_>) -> Tree {
    let subject = &told.view.subject;
    let mut tree = named(subject.uid);
    tree.tree("group", named(subject.gid));
    // Ids that are those of the real user say nothing new.
    let more = [
        ("effective", subject.euid, subject.egid),
        ("saved", subject.suid, subject.sgid),
        ("filesystem", subject.fsuid, subject.fsgid),
    ];
    for (name, user, group) in more {
        let mut other = named(user.filter(|_| user != subject.uid));
        other.tree("group", named(group.filter(|_| group != subject.gid)));
        tree.tree(name, other);
    }
    tree.tree("audit", named(subject.auid));
    let account = if is_group(told) { None } else { told.account() };
    let Some(account) = account else { return tree };
    let mut about = Tree::default();
    about.put("name", account.name.clone());
    about.put("id", account.number.map(|number| number.to_string()));
    match told.is_login() {
        false => tree.tree("target", about),
        // Before there is a login the account is who acts; after one it is as whom.
        true => match set(subject.auid) {
            None => {
                let mut login = about;
                login.tree("audit", named(subject.auid));
                return login;
            }
            Some(login) if login.name != account.name.as_deref() && Some(login.number) != account.number => {
                let mut tree = named(subject.auid);
                tree.tree("effective", about);
                tree.tree("audit", named(subject.auid));
                return tree;
            }
            Some(_) => {
                let mut tree = named(subject.auid);
                tree.tree("audit", named(subject.auid));
                return tree;
            }
        },
    }
    tree
}

/// `group`: the group that an event is about.
pub(super) fn group(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    if let Some(group) = is_group(told).then(|| told.group()).flatten() {
        tree.put("name", group.name);
        tree.put("id", group.number.map(|number| number.to_string()));
    }
    tree
}

/// `package`.
pub(super) fn package(told: &Told<'_>) -> Tree {
    let acts = [Act::Software, Act::SoftwareInstall, Act::SoftwareRemove, Act::SoftwareUpdate];
    let software = acts.contains(&told.view.act).then(|| told.field(&["sw"])).flatten();
    let mut tree = Tree::default();
    tree.text("name", software.as_deref());
    tree
}

/// `file`: the path that something was done to.
pub(super) fn file(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    let Some(path) = told.path() else { return tree };
    let name = full_name(path).unwrap_or_default();
    tree.put("name", Some(base_name(&name).to_owned()));
    tree.put("directory", parent(&name).map(str::to_owned));
    tree.put("path", Some(name));
    let symlink =
        told.view.syscall.and_then(|call| call.name).is_some_and(|name| name.starts_with("symlink"));
    let target = told.view.sentence.second.as_ref().filter(|_| symlink);
    tree.text("target_path", target.map(|(_, target)| &**target));
    tree.put("inode", path.inode.map(|inode| inode.to_string()));
    tree.text("device", path.device);
    tree.put("mode", path.mode.map(|mode| format!("{:04o}", mode & 0o7777)));
    tree.put(
        "type",
        path.mode.and_then(codes::file_type).map(|kind| match kind {
            "link" => "symlink",
            kind => kind,
        }),
    );
    if let Some(owner) = set(path.owner) {
        tree.put("uid", Some(owner.number.to_string()));
        tree.put("owner", owner.name);
    }
    if let Some(group) = set(path.group) {
        tree.put("gid", Some(group.number.to_string()));
        tree.put("group", group.name);
    }
    tree
}

/// `source`, `destination` and `network`.
pub(super) fn network(told: &Told<'_>, tree: &mut Tree) {
    let ends = told.endpoints();
    let mut network = Tree::default();
    network.put(
        "direction",
        match ends.way {
            Way::In => Some("ingress"),
            Way::Out => Some("egress"),
            Way::Unknown => None,
        },
    );
    let known = ends.source.as_ref().or(ends.destination.as_ref());
    network.put("type", known.and_then(|end| end.ip).map(|ip| if ip.is_ipv4() { "ipv4" } else { "ipv6" }));
    for (name, end) in [("source", ends.source), ("destination", ends.destination)] {
        tree.tree(name, end.map(endpoint).unwrap_or_default());
    }
    tree.tree("network", network);
}

fn endpoint(end: Endpoint) -> Tree {
    let mut tree = Tree::default();
    tree.put(
        "domain",
        (end.ip.is_none() && end.port.is_none() && is_host(&end.name)).then(|| end.name.clone()),
    );
    tree.put("address", Some(end.name));
    tree.put("ip", end.ip.map(|ip| ip.to_string()));
    tree.put("port", end.port);
    tree
}

/// Whether the word is a host's name and not the path of a socket.
fn is_host(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}
