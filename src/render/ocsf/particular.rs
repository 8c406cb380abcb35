//! The attributes that one class has for its own.

use serde_json::Value;

use super::class::{Activity, Class};
use super::objects;
use crate::render::siem::tree::{Tree, text};
use crate::render::siem::{Account, Told, Way, base_name, set};
use crate::render::view::phrase::argument;
use crate::render::view::{Act, Outcome};

/// Attributes by name.
pub(super) type Attributes = Vec<(&'static str, Value)>;

/// The attributes of an event of that class; `None` where one that the class requires is unknown.
pub(super) fn attributes(told: &Told<'_>, class: Class, activity: Activity) -> Option<Attributes> {
    match class {
        Class::Base | Class::Configuration => Some(Attributes::new()),
        Class::File => {
            let file = objects::file(told.path()?)?;
            let renamed = told.view.act == Act::FileRename && told.view.outcome == Outcome::Ok;
            let before = told.view.path_of_role(b"DELETE").filter(|_| renamed).and_then(objects::file);
            Some(match before {
                Some(before) => vec![("file", before.into()), ("file_result", file.into())],
                None => vec![("file", file.into())],
            })
        }
        Class::KernelExtension => extension(told),
        Class::Kernel => kernel(told),
        Class::Process => process(told, activity),
        Class::EventLog => Some(vec![("log_name", "audit".into()), ("log_provider", "Auditd".into())]),
        Class::Detection => Some(detection(told)),
        Class::Account => Some(vec![("user", objects::account(&told.account()?).into())]),
        Class::Authentication => authentication(told),
        Class::Group => {
            let group = told.group()?;
            Some(vec![("group", objects::group(group.number, group.name).into())])
        }
        Class::Network => Some(network(told)),
        Class::Application => {
            let name = told.field(&["unit", "sw"])?;
            let mut app = Tree::default();
            app.text("name", Some(&name));
            Some(vec![("app", app.into())])
        }
    }
}

/// Who did it. A program that started is the process of its event, and who started it is its parent.
pub(super) fn actor(told: &Told<'_>, class: Class) -> Tree {
    let is_exec = told.view.syscall.and_then(|call| call.name).is_some_and(|name| name.starts_with("execve"));
    let parent = objects::parent_process(told);
    if class == Class::Process && is_exec && told.view.outcome != Outcome::Failed && !parent.is_empty() {
        let mut tree = Tree::default();
        tree.tree("process", parent);
        return objects::acting(told, tree);
    }
    objects::actor(told)
}

fn extension(told: &Told<'_>) -> Option<Attributes> {
    let module = told.view.sentence.object.as_deref().map(text)?;
    let name = if told.view.record.0 == 1334 { format!("bpf program {module}") } else { module };
    let file = told.path().and_then(objects::file).unwrap_or_else(|| {
        let mut file = Tree::default();
        file.put("name", Some(base_name(&name).to_owned()));
        file.put("type_id", Some(0));
        file.put("type", Some("Unknown"));
        file
    });
    let mut driver = Tree::default();
    driver.tree("file", file);
    Some(vec![("driver", driver.into())])
}

fn kernel(told: &Told<'_>) -> Option<Attributes> {
    let uring =
        || told.field(&["uring_op"]).map(|operation| format!("io_uring operation {}", text(&operation)));
    let call = told.view.syscall.map(|call| call.name.map_or_else(|| text(call.number), str::to_owned));
    let name = call.or_else(uring).filter(|name| !name.is_empty())?;
    let mut kernel = Tree::default();
    kernel.put("name", Some(name.clone()));
    kernel.put("type_id", Some(2));
    kernel.put("type", Some("System Call"));
    kernel.put("system_call", Some(name));
    Some(vec![("kernel", kernel.into())])
}

fn process(told: &Told<'_>, activity: Activity) -> Option<Attributes> {
    let view = &told.view;
    let name = view.syscall.and_then(|call| call.name).unwrap_or_default();
    let other = matches!(view.act, Act::ProcessSignal | Act::ProcessAccess | Act::ProcessInject);
    let process = match view.act {
        _ if other => target(told)?,
        // What the call of the parent returned is the number of the child.
        Act::ProcessStart if matches!(name, "clone" | "clone3" | "fork" | "vfork") => {
            let mut child = Tree::default();
            let pid = view.syscall.and_then(|call| call.exit).and_then(|exit| i32::try_from(exit).ok());
            child.put("pid", Some(pid.filter(|pid| *pid > 0)?));
            child.tree("parent_process", objects::process(told));
            child
        }
        Act::ProcessStart => {
            let mut started = objects::process(told);
            started.text("cmd_line", told.field(&["cmd"]).filter(|_| view.syscall.is_none()).as_deref());
            let path = view.path_of_role(b"NORMAL").filter(|_| view.outcome == Outcome::Failed);
            started.tree("file", path.and_then(objects::file).unwrap_or_default());
            started
        }
        _ => objects::process(told),
    };
    if process.is_empty() {
        return None;
    }
    let mut all = vec![("process", process.into())];
    if activity.0 == 2 && view.act == Act::ProcessEnd {
        all.extend(argument(view, 0).map(|code| ("exit_code", (code & 0xff).into())));
    }
    Some(all)
}

/// The process that something was done to: of OBJ_PID, else the first argument.
fn target(told: &Told<'_>) -> Option<Tree> {
    let mut tree = Tree::default();
    if let Some(target) = told.view.targets.first() {
        tree.put("pid", Some(target.pid.and_then(|pid| i32::try_from(pid).ok())?));
        tree.text("name", target.comm.as_deref());
        tree.tree("user", set(target.uid).map(objects::user).unwrap_or_default());
        return Some(tree);
    }
    let name = told.view.syscall.and_then(|call| call.name)?;
    let place = if name == "ptrace" { 1 } else { 0 };
    let pid = argument(&told.view, place).filter(|_| name != "pidfd_send_signal")?;
    tree.put("pid", Some(i32::try_from(pid).ok().filter(|pid| *pid > 0)?));
    Some(tree)
}

fn detection(told: &Told<'_>) -> Attributes {
    let mut info = Tree::default();
    info.put("uid", Some(told.id()));
    info.put("title", Some(told.sentence()));
    info.list("types", vec![told.kind().into()]);
    info.list("data_sources", vec!["Linux audit".into()]);
    let mut evidence = Tree::default();
    evidence.tree("actor", objects::actor(told));
    evidence.tree("file", told.path().and_then(objects::file).unwrap_or_default());
    vec![
        ("finding_info", info.into()),
        ("is_alert", true.into()),
        ("evidences", Value::Array(vec![evidence.into()])),
    ]
}

fn authentication(told: &Told<'_>) -> Option<Attributes> {
    let subject = &told.view.subject;
    let own = || {
        let id = set(subject.auid).or(set(subject.uid))?;
        Some(Account { number: Some(id.number), name: id.name.map(str::to_owned) })
    };
    let account = told.account().or_else(own)?;
    let mut all = vec![("user", objects::account(&account).into())];
    let process = &told.view.process;
    if let Some(program) = process.exe.as_deref().or(process.comm.as_deref()).map(text) {
        let mut service = Tree::default();
        service.put("name", Some(base_name(&program).to_owned()));
        all.push(("service", service.into()));
    }
    all.push(("dst_endpoint", objects::here(told).into()));
    let remote = told.endpoints().source;
    if matches!(told.view.act, Act::Logon | Act::Logoff | Act::SessionStart | Act::SessionEnd) {
        all.push(("is_remote", remote.as_ref().is_some_and(|end| end.ip.is_some()).into()));
    }
    all.extend(remote.map(|end| ("src_endpoint", objects::endpoint(end).into())));
    let session = objects::login_session(told);
    if !session.is_empty() {
        all.push(("session", session.into()));
    }
    Some(all)
}

fn network(told: &Told<'_>) -> Attributes {
    let ends = told.endpoints();
    let known = ends.source.as_ref().or(ends.destination.as_ref());
    let ip = known.and_then(|end| end.ip);
    let local = known.is_some_and(|end| end.ip.is_none_or(|ip| ip.is_loopback()));
    let (direction_id, direction) = match ends.way {
        Way::In => (1, "Inbound"),
        Way::Out => (2, "Outbound"),
        Way::Unknown => (0, "Unknown"),
    };
    let mut info = Tree::default();
    info.put("direction_id", Some(direction_id));
    info.put("direction", Some(direction));
    info.put("protocol_ver_id", ip.map(|ip| if ip.is_ipv4() { 4 } else { 6 }));
    info.put("boundary_id", local.then_some(1));
    info.put("boundary", local.then_some("Localhost"));
    let end = |end: Option<_>| end.map_or_else(|| objects::here(told), objects::endpoint);
    vec![
        ("src_endpoint", end(ends.source).into()),
        ("dst_endpoint", end(ends.destination).into()),
        ("connection_info", info.into()),
    ]
}
