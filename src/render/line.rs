//! One line an event.

use std::io::{self, Write};

use super::escape::shown;
use super::view::{self, View, actor};
use crate::entry::Stored;

/// Writes `09:26:40.123 root openat /etc/passwd with /usr/bin/tail (pid 521) · ok · passwd-ra`.
pub fn write(stored: &Stored, terminal: bool, out: &mut dyn Write) -> io::Result<()> {
    let view = view::of(stored);
    let mut line = super::text::local_time(stored.event.id.time_ms, "%H:%M:%S%.3f");
    line.push(' ');
    line.push_str(&sentence(stored, &view, terminal));
    for key in &view.keys {
        line.push_str(" · ");
        line.push_str(&shown(key, terminal));
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Who did what on what with what, and how it ended.
pub(super) fn sentence(stored: &Stored, view: &View<'_>, terminal: bool) -> String {
    let mut text = actor(view, &stored.names);
    let mut word = |before: &str, word: &[u8]| {
        text.push_str(before);
        text.push_str(&shown(word, terminal));
    };
    match (view.action.is_empty(), view.kind) {
        (false, _) => word(" ", &view.action),
        (true, Some(kind)) => word(" ", kind.to_string().as_bytes()),
        (true, None) => {}
    }
    for path in view.objects() {
        word(" ", &path.name);
    }
    for address in &view.addresses {
        word(" ", address.as_bytes());
    }
    if let Some(account) = &view.account {
        word(" for ", account);
    }
    if let Some(program) = view.exe.as_ref().or(view.comm.as_ref()) {
        word(" with ", program);
    }
    if let Some(pid) = view.pid {
        word(" (pid ", pid);
        text.push(')');
    }
    match (view.success, &view.exit) {
        (Some(true), _) => text.push_str(" · ok"),
        (Some(false), Some(exit)) => text.push_str(&format!(" · failed: {exit}")),
        (Some(false), None) => text.push_str(" · failed"),
        (None, _) => {}
    }
    text
}
