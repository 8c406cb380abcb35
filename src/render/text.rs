//! Several lines an event: a headline, then who, what, with what, where, on what.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escape::shown;
use super::line::sentence;
use super::view::{self, View, named};
use crate::entry::Stored;
use crate::event::Closed;
use crate::interpret;

/// Writes the event and an empty line after it.
pub fn write(stored: &Stored, terminal: bool, out: &mut dyn Write) -> io::Result<()> {
    let view = view::of(stored);
    let event = &stored.event;
    let time = local_time(event.id.time_ms, "%Y-%m-%d %H:%M:%S%.3f %:z");
    let node = event.node.as_ref().map_or(String::new(), |node| format!("  {}", shown(node, terminal)));
    writeln!(out, "{time}{node}  serial {}", event.id.serial)?;
    writeln!(out, "  {}", sentence(stored, &view, terminal))?;
    let mut row = |name: &str, value: String| match value.is_empty() {
        true => Ok(()),
        false => writeln!(out, "  {name:<8} {value}"),
    };
    row("who", who(&view, stored, terminal))?;
    row("what", what(&view, terminal))?;
    row("with", with(&view, terminal))?;
    row("where", view.cwd.as_ref().map_or(String::new(), |cwd| shown(cwd, terminal)))?;
    for path in &view.paths {
        let mut value = shown(&path.name, terminal);
        for (name, part) in [("inode ", path.inode), ("", path.role)] {
            value.push_str(&part.map_or(String::new(), |part| format!("  {name}{}", shown(part, terminal))));
        }
        value.push_str(
            &path.mode.and_then(interpret::mode).map_or(String::new(), |mode| format!("  mode {mode}")),
        );
        row("on", value)?;
    }
    for address in &view.addresses {
        row("address", shown(address.as_bytes(), terminal))?;
    }
    let keys: Vec<String> = view.keys.iter().map(|key| shown(key, terminal)).collect();
    row("key", keys.join(", "))?;
    let types: Vec<String> = event.records().map(|(kind, _)| kind.to_string()).collect();
    row("records", types.join(" "))?;
    let note = match event.closed {
        Closed::Complete | Closed::Timer => "",
        Closed::Late => "came after its event had been closed",
        Closed::Malformed => "could not be read and is kept as text",
    };
    row("note", note.to_owned())?;
    writeln!(out)
}

fn who(view: &View<'_>, stored: &Stored, terminal: bool) -> String {
    let mut parts = Vec::new();
    parts.extend(view.uid.map(|uid| format!("uid {}", named(uid, &stored.names))));
    parts.extend(view.auid.map(|auid| format!("auid {}", named(auid, &stored.names))));
    let session = view
        .session
        .map(|session| if session == u32::MAX { "unset".to_owned() } else { session.to_string() });
    parts.extend(session.map(|session| format!("session {session}")));
    parts.extend(view.terminal.map(|tty| format!("terminal {}", shown(tty, terminal))));
    parts.join("  ")
}

fn what(view: &View<'_>, terminal: bool) -> String {
    let mut text = shown(&view.action, terminal);
    if let Some(success) = view.success {
        text.push_str(if success { "  succeeded" } else { "  failed" });
    }
    if let Some(exit) = &view.exit {
        text.push_str(&format!("  exit {exit}"));
    }
    text
}

fn with(view: &View<'_>, terminal: bool) -> String {
    let mut parts = Vec::new();
    let named = |name: &str, value: &[u8]| format!("{name} {}", shown(value, terminal));
    parts.extend(view.comm.as_ref().map(|comm| named("comm", comm)));
    parts.extend(view.exe.as_ref().map(|exe| named("exe", exe)));
    parts.extend(view.pid.map(|pid| named("pid", pid)));
    parts.extend(view.ppid.map(|ppid| named("ppid", ppid)));
    if !view.arguments.is_empty() {
        let arguments: Vec<String> =
            view.arguments.iter().map(|argument| shown(argument, terminal)).collect();
        parts.push(format!("arguments {}", arguments.join(" ")));
    }
    parts.join("  ")
}

/// A time in the host's zone, or as a number where the calendar ends.
pub(super) fn local_time(time_ms: u64, format: &str) -> String {
    let timestamp = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    match timestamp {
        Some(timestamp) => timestamp.to_zoned(TimeZone::system()).strftime(format).to_string(),
        None => format!("{time_ms} ms"),
    }
}
