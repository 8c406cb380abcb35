//! One line an event.

use super::page::{Ink, Page};
use super::text::local_time;
use super::view::{self, Id, Outcome, View};
use crate::entry::Stored;
use crate::event::{Closed, Event};

/// Writes `09:26:40.123 root read /etc/passwd with tail (pid 521) · ok · passwd-ra`, with the day before the time where the
/// style asks for it.
pub(super) fn write(stored: &Stored, page: &mut Page) {
    let view = view::view(&stored.event, &stored.names);
    let form = if page.has_dates() { "%Y-%m-%d %H:%M:%S%.3f" } else { "%H:%M:%S%.3f" };
    page.inked(Ink::Faint, |page| local_time(stored.event.id.time_ms, form, page));
    page.plain(" ");
    sentence(&stored.event, &view, page);
    page.plain("\n");
}

/// Who did what on what with what, how it ended, and which rules wanted it recorded.
pub(super) fn sentence(event: &Event, view: &View<'_>, page: &mut Page) {
    let told = &view.sentence;
    page.inked(Ink::Actor, |page| actor(event, view, page));
    page.plain(" ");
    page.shown(told.verb.as_bytes());
    if let Some(object) = &told.object {
        page.plain(" ");
        page.inked(Ink::Object, |page| page.shown(object));
    }
    if let Some((word, second)) = &told.second {
        page.put(format_args!(" {word} "));
        page.inked(Ink::Object, |page| page.shown(second));
    }
    let process = &view.process;
    // A program that is what the sentence is about has been named.
    let named = told.actor.is_some() && told.actor == process.comm
        || told.object.is_some() && told.object == process.exe;
    if let Some(program) = process.comm.as_ref().or(process.exe.as_ref()).filter(|_| !named) {
        page.plain(" with ");
        page.shown(program);
    }
    if let Some(pid) = process.pid {
        page.put(format_args!(" (pid {pid})"));
    }
    outcome(view, page);
    for key in &view.keys {
        page.plain(" · ");
        page.inked(Ink::Key, |page| page.shown(key));
    }
}

fn actor(event: &Event, view: &View<'_>, page: &mut Page) {
    if let Some(actor) = &view.sentence.actor {
        return page.shown(actor);
    }
    match view.actors() {
        (Some(login), Some(user)) => {
            name(login, page);
            page.plain(" as ");
            name(user, page);
        }
        (Some(user), None) | (None, Some(user)) => name(user, page),
        // What no process did, as in the records that the kernel writes of itself.
        (None, None) if matches!(view.record.0, 1300..=2099) && event.closed != Closed::Malformed => {
            page.plain("kernel");
        }
        (None, None) => page.plain("-"),
    }
}

/// The id by its name, else by its number.
fn name(id: Id<'_>, page: &mut Page) {
    match id.name {
        Some(name) => page.shown(name.as_bytes()),
        None => page.put(format_args!("uid {}", id.number)),
    }
}

fn outcome(view: &View<'_>, page: &mut Page) {
    match view.outcome {
        Outcome::Untold => {}
        Outcome::Ok => {
            page.plain(" · ");
            page.inked(Ink::Good, |page| page.plain("ok"));
        }
        Outcome::Failed => {
            page.plain(" · ");
            let failure = view.syscall.and_then(|call| call.failure);
            page.inked(Ink::Bad, |page| match failure {
                Some(failure) => page.put(format_args!("failed: {}", failure.name)),
                None => page.plain("failed"),
            });
        }
    }
}
