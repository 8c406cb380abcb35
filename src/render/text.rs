//! Several lines an event: what happened in a sentence; who, what, with what, where and on what; then its records.

use jiff::Timestamp;

use super::line::sentence;
use super::page::{Ink, Page};
use super::records;
use super::told;
use super::view::{self, Id, Outcome, Path, View};
use super::zone;
use crate::entry::Stored;
use crate::event::Closed;
use crate::interpret::{UNSET, codes};

/// Writes the event and an empty line after it.
pub(super) fn write(stored: &Stored, page: &mut Page) {
    let event = &stored.event;
    let view = view::view(event, &stored.names);
    page.inked(Ink::Faint, |page| {
        local_time(event.id.time_ms, "%Y-%m-%d %H:%M:%S%.3f %:z", page);
        page.named("serial", Some(event.id.serial));
        page.named_bytes("node", event.node.as_deref());
    });
    page.plain("\n  ");
    sentence(event, &view, page);
    page.plain("\n");
    row("who", page, |page| who(&view, page));
    row("what", page, |page| what(&view, page));
    row("with", page, |page| with(&view, page));
    row("args", page, |page| arguments(&view, page));
    row("where", page, |page| {
        if let Some(cwd) = &view.cwd {
            page.plain("  ");
            page.shown(cwd);
        }
    });
    for path in &view.paths {
        row("on", page, |page| on(path, page));
    }
    for target in &view.targets {
        row("process", page, |page| {
            page.named("pid", target.pid);
            page.named_bytes("comm", target.comm.as_deref());
            id("uid", target.uid, page);
        });
    }
    row("from", page, |page| {
        page.named_bytes("host", view.host.as_deref());
        page.named_bytes("address", view.remote.as_deref());
    });
    for (name, write) in told::ROWS {
        row(name, page, |page| write(&stored.context, page));
    }
    row("note", page, |page| match event.closed {
        Closed::Complete | Closed::Timer => {}
        Closed::Late => page.plain("  came after its event had been closed"),
        Closed::Malformed => page.plain("  could not be read and is kept as text"),
    });
    records::write(stored, page);
    page.plain("\n");
}

/// A row that begins with its name; none where nothing is written after the name.
fn row(name: &str, page: &mut Page, write: impl FnOnce(&mut Page)) {
    let before = page.len();
    page.inked(Ink::Faint, |page| page.put(format_args!("  {name:<7}")));
    let empty = page.len();
    write(page);
    match page.len() == empty {
        true => page.truncate(before),
        false => page.plain("\n"),
    }
}

fn who(view: &View<'_>, page: &mut Page) {
    let subject = &view.subject;
    id("uid", subject.uid, page);
    id("euid", subject.euid.filter(|id| subject.uid != Some(*id)), page);
    id("auid", subject.auid, page);
    match subject.session {
        Some(UNSET) => page.plain("  session unset"),
        session => page.named("session", session),
    }
    page.named_bytes("terminal", subject.terminal.as_deref());
    page.named_bytes("label", subject.label.as_deref());
    page.named_bytes("account", view.account.as_deref());
}

fn id(label: &str, id: Option<Id<'_>>, page: &mut Page) {
    let Some(id) = id else { return };
    match id.name {
        _ if !id.is_set() => page.put(format_args!("  {label} unset")),
        Some(name) => {
            page.put(format_args!("  {label} {} (", id.number));
            page.shown(name.as_bytes());
            page.plain(")");
        }
        None => page.put(format_args!("  {label} {}", id.number)),
    }
}

fn what(view: &View<'_>, page: &mut Page) {
    match view.syscall {
        Some(call) => {
            page.plain("  ");
            page.shown(call.name.map_or(call.number, str::as_bytes));
            if let Some(arch) = call.arch {
                page.put(format_args!(" ({})", arch.name()));
            }
        }
        None => page.put(format_args!("  {}", view.record)),
    }
    match view.outcome {
        Outcome::Ok => page.plain("  succeeded"),
        Outcome::Failed => page.plain("  failed"),
        Outcome::Untold => {}
    }
    match view.syscall.map(|call| (call.exit, call.failure)) {
        Some((_, Some(failure))) => page.named("with", Some(failure)),
        Some((exit, None)) => page.named("returned", exit),
        None => {}
    }
    if let Some(address) = &view.address {
        page.plain("  address ");
        page.shown(address.to_string().as_bytes());
    }
}

fn with(view: &View<'_>, page: &mut Page) {
    let process = &view.process;
    page.named_bytes("comm", process.comm.as_deref());
    page.named_bytes("exe", process.exe.as_deref());
    page.named("pid", process.pid);
    page.named("ppid", process.ppid);
}

fn arguments(view: &View<'_>, page: &mut Page) {
    let process = &view.process;
    if let Some(line) = view::phrase::command_line(&process.arguments) {
        page.plain("  ");
        page.shown(&line);
    }
    if process.arguments_missing > 0 {
        page.put(format_args!("  ({} missing)", process.arguments_missing));
    }
}

fn on(path: &Path<'_>, page: &mut Page) {
    page.plain("  ");
    page.shown(path.absolute.as_deref().or(path.name.as_deref()).unwrap_or(b"(no name)"));
    page.named("inode", path.inode);
    page.named_bytes("device", path.device);
    page.named("mode", path.mode.map(codes::mode));
    id("owner", path.owner, page);
    id("group", path.group, page);
    page.named_bytes("as", path.role);
}

/// Adds a time in the host's zone, or as a number where the calendar ends.
pub(super) fn local_time(time_ms: u64, format: &str, page: &mut Page) {
    let timestamp = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    match timestamp {
        Some(timestamp) => {
            page.put(format_args!("{}", timestamp.to_zoned(zone::local()).strftime(format)));
        }
        None => page.put(format_args!("{time_ms} ms")),
    }
}
