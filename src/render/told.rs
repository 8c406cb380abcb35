//! The rows of the text format that tell what was known of an event's process besides its records.

use std::borrow::Cow;

use super::page::Page;
use super::text::local_time;
use super::view::phrase::command_line;
use crate::enrich::context::{Context, Sha256};

/// A row's name and how it is written.
type Row = (&'static str, fn(&Context, &mut Page));

/// The rows in their order. One that writes nothing is left out.
pub(super) const ROWS: [Row; 7] = [
    ("script", script),
    ("parent", parent),
    ("above", ancestors),
    ("login", login),
    ("in", place),
    ("env", environment),
    ("sha256", hash),
];

fn script(context: &Context, page: &mut Page) {
    if let Some(script) = &context.script {
        page.plain("  ");
        page.shown(script);
    }
}

fn parent(context: &Context, page: &mut Page) {
    let Some(parent) = context.process.as_ref().and_then(|process| process.parent.as_ref()) else { return };
    page.named_bytes("exe", parent.exe.as_deref());
    page.named("pid", Some(parent.id.pid));
    let arguments: Vec<Cow<'_, [u8]>> =
        parent.argv.iter().map(|argument| Cow::Borrowed(&**argument)).collect();
    page.named_bytes("args", command_line(&arguments).as_deref());
}

/// From the grandparent upward.
fn ancestors(context: &Context, page: &mut Page) {
    for ancestor in context.process.iter().flat_map(|process| &process.ancestors) {
        page.plain("  ");
        page.shown(ancestor.exe.as_deref().unwrap_or(b"?"));
        page.put(format_args!(" ({})", ancestor.id.pid));
    }
}

fn login(context: &Context, page: &mut Page) {
    let Some(login) = &context.login else { return };
    page.named("session", Some(login.session));
    page.named_bytes("user", login.user.as_deref());
    page.named_bytes("from", login.address.as_deref());
    page.named_bytes("terminal", login.terminal.as_deref());
    if let Some(time_ms) = login.time_ms {
        page.plain("  since ");
        local_time(time_ms, "%Y-%m-%d %H:%M:%S", page);
    }
}

fn place(context: &Context, page: &mut Page) {
    page.named_bytes("unit", context.unit.as_deref());
    if let Some(container) = &context.container {
        page.named_bytes("container", Some(&container.id));
        page.named("of", container.runtime.map(|runtime| runtime.name()));
    }
}

fn environment(context: &Context, page: &mut Page) {
    for (name, value) in &context.environment {
        page.plain("  ");
        page.shown(name);
        page.plain("=");
        page.shown(value);
    }
}

fn hash(context: &Context, page: &mut Page) {
    if let Some(Sha256(hash)) = &context.hash {
        page.plain("  ");
        hash.iter().for_each(|byte| page.put(format_args!("{byte:02x}")));
    }
}
