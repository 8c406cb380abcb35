//! The objects of the Open Cybersecurity Schema Framework that many classes have.

use std::borrow::Cow;

use serde_json::Value;

use crate::enrich::context::{ProcessId, Runtime};
use crate::interpret::codes;
use crate::render::siem::tree::{Tree, text};
use crate::render::siem::{Account, Endpoint, Told, base_name, full_name, parent, session, set};
use crate::render::view::phrase::command_line;
use crate::render::view::{Id, Path, Text};

/// The schema's integers have 32 bits with a sign.
fn integer(number: u32) -> Option<i32> {
    i32::try_from(number).ok()
}

/// Who did it: the process, the user who logged in or else that of the process, and the session. The kernel where no
/// process is told.
pub(super) fn actor(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    tree.tree("process", process(told));
    acting(told, tree)
}

/// As [`actor`], the process given: of a program's start it is the one that started it.
pub(super) fn acting(told: &Told<'_>, mut tree: Tree) -> Tree {
    let subject = &told.view.subject;
    tree.tree("user", set(subject.auid).or(set(subject.uid)).map(user).unwrap_or_default());
    tree.tree("session", login_session(told));
    if tree.is_empty() {
        tree.put("app_name", Some("kernel"));
    }
    tree
}

/// The session; nothing where there is none.
pub(super) fn login_session(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    let login = told.login();
    let terminal = login.and_then(|login| login.terminal.as_deref());
    let terminal = terminal.or(told.view.subject.terminal.as_deref());
    if let Some(session) = session(&told.view) {
        tree.put("uid", Some(session.to_string()));
        tree.text("terminal", terminal);
        tree.put("is_remote", login.and_then(|login| login.address.as_ref()).map(|_| true));
        let time_ms = login.and_then(|login| login.time_ms);
        tree.put("created_time", time_ms.and_then(|time_ms| i64::try_from(time_ms).ok()));
    }
    tree
}

/// The host.
pub(super) fn device(told: &Told<'_>) -> Tree {
    let mut os = Tree::default();
    os.put("name", Some("Linux"));
    os.put("type_id", Some(200));
    os.put("type", Some("Linux"));
    let mut tree = Tree::default();
    match &told.host {
        Some(host) => tree.put("hostname", Some(host.clone())),
        None => tree.put("name", Some("unknown")),
    }
    tree.put("type_id", Some(0));
    tree.put("type", Some("Unknown"));
    tree.tree("os", os);
    tree
}

/// A user by number and name.
pub(super) fn user(id: Id<'_>) -> Tree {
    account(&Account { number: Some(id.number), name: id.name.map(str::to_owned) })
}

/// The same. Numbers up to 999 are those of the system's own accounts (`login.defs`).
pub(super) fn account(account: &Account) -> Tree {
    let mut tree = Tree::default();
    tree.put("name", account.name.clone());
    tree.put("uid", account.number.map(|number| number.to_string()));
    let (type_id, kind) = match account.number {
        Some(0) => (2, "Admin"),
        Some(1..=999) => (3, "System"),
        Some(_) => (1, "User"),
        None => (0, "Unknown"),
    };
    tree.put("type_id", Some(type_id));
    tree.put("type", Some(kind));
    tree
}

/// A group by number and name.
pub(super) fn group(number: Option<u32>, name: Option<String>) -> Tree {
    let mut tree = Tree::default();
    tree.put("name", name);
    tree.put("uid", number.map(|number| number.to_string()));
    tree
}

/// The process of the event; nothing where its number is not told.
pub(super) fn process(told: &Told<'_>) -> Tree {
    let (view, known) = (&told.view, told.context.process.as_ref());
    let mut tree = Tree::default();
    let Some(pid) = view.process.pid.and_then(integer) else { return tree };
    tree.put("pid", Some(pid));
    tree.put("uid", known.map(|process| process.id.to_string()));
    tree.text("name", view.process.comm.as_deref());
    tree.text("cmd_line", command_line(&view.process.arguments).as_deref());
    if let Some(exe) = view.process.exe.as_deref().map(text) {
        let mut file = named_file(&exe);
        file.list("hashes", hashes(told));
        tree.tree("file", file);
    }
    tree.text("working_directory", view.cwd.as_deref());
    let subject = &view.subject;
    tree.tree("user", set(subject.euid).or(set(subject.uid)).map(user).unwrap_or_default());
    let numbers = [("auid", subject.auid), ("euid", subject.euid), ("egid", subject.egid)];
    for (name, id) in numbers {
        tree.put(name, set(id).and_then(|id| integer(id.number)));
    }
    let id = set(subject.gid);
    tree.tree("group", id.map(|id| group(Some(id.number), id.name.map(str::to_owned))).unwrap_or_default());
    tree.tree("parent_process", parent_process(told));
    let above = known.iter().flat_map(|process| &process.ancestors);
    tree.list("ancestry", above.map(|above| entity(above.id, above.exe.as_deref()).into()).collect());
    let variable = |(name, value): (String, String)| {
        let mut variable = Tree::default();
        variable.put("name", Some(name));
        variable.put("value", Some(value));
        variable.into()
    };
    tree.list("environment_variables", told.environment().map(variable).collect());
    tree.tree("container", container(told));
    tree
}

/// The process that started the event's; nothing where its number is not known.
pub(super) fn parent_process(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    let known = told.context.process.as_ref().and_then(|process| process.parent.as_ref());
    let Some(started) = known else {
        tree.put("pid", told.view.process.ppid.and_then(integer));
        return tree;
    };
    tree.put("pid", integer(started.id.pid));
    tree.put("uid", Some(started.id.to_string()));
    if let Some(exe) = started.exe.as_deref().map(text) {
        tree.put("name", Some(base_name(&exe).to_owned()));
        tree.tree("file", named_file(&exe));
    }
    let arguments: Vec<Text<'_>> = started.argv.iter().map(|argument| Cow::Borrowed(&**argument)).collect();
    tree.text("cmd_line", command_line(&arguments).as_deref());
    tree
}

/// A process further up.
fn entity(id: ProcessId, exe: Option<&[u8]>) -> Tree {
    let mut tree = Tree::default();
    tree.put("pid", integer(id.pid));
    tree.put("uid", Some(id.to_string()));
    let exe = exe.map(text);
    tree.put("name", exe.as_deref().map(|exe| base_name(exe).to_owned()));
    tree.put("path", exe);
    tree
}

fn container(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    if let Some(container) = &told.context.container {
        tree.text("uid", Some(&container.id));
        tree.put("runtime", container.runtime.map(Runtime::name));
    }
    tree
}

fn hashes(told: &Told<'_>) -> Vec<Value> {
    let Some(hash) = told.sha256() else { return Vec::new() };
    let mut tree = Tree::default();
    tree.put("algorithm_id", Some(3));
    tree.put("algorithm", Some("SHA-256"));
    tree.put("value", Some(hash));
    vec![tree.into()]
}

/// A file of which only the path is known.
pub(super) fn named_file(path: &str) -> Tree {
    let mut tree = Tree::default();
    tree.put("name", Some(base_name(path).to_owned()));
    tree.put("path", Some(path));
    tree.put("parent_folder", parent(path).map(str::to_owned));
    tree.put("type_id", Some(0));
    tree.put("type", Some("Unknown"));
    tree
}

/// A file as a PATH record tells it.
pub(super) fn file(path: &Path<'_>) -> Option<Tree> {
    let name = full_name(path).filter(|name| !name.is_empty())?;
    let mut tree = named_file(&name);
    let (type_id, kind) = match path.mode.and_then(codes::file_type) {
        Some("file") => (1, "Regular File"),
        Some("dir") => (2, "Folder"),
        Some("character") => (3, "Character Device"),
        Some("block") => (4, "Block Device"),
        Some("socket") => (5, "Local Socket"),
        Some("fifo") => (6, "Named Pipe"),
        Some("link") => (7, "Symbolic Link"),
        _ => (0, "Unknown"),
    };
    tree.put("type_id", Some(type_id));
    tree.put("type", Some(kind));
    tree.put("uid", path.inode.map(|inode| inode.to_string()));
    tree.text("volume", path.device);
    tree.tree("owner", set(path.owner).map(user).unwrap_or_default());
    Some(tree)
}

/// One end of a connection.
pub(super) fn endpoint(end: Endpoint) -> Tree {
    let mut tree = Tree::default();
    match end.ip {
        Some(ip) => tree.put("ip", Some(ip.to_string())),
        None => tree.put("name", Some(end.name)),
    }
    tree.put("port", end.port);
    tree
}

/// The host itself as one end of a connection.
pub(super) fn here(told: &Told<'_>) -> Tree {
    let mut tree = Tree::default();
    match &told.host {
        Some(host) => tree.put("hostname", Some(host.clone())),
        None => tree.put("name", Some("unknown")),
    }
    tree
}
