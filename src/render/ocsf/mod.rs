//! Events in the Open Cybersecurity Schema Framework: one JSON object a line.
//!
//! `docs/formats-siem.md` has the table of classes and attributes. What has no attribute is under `unmapped`.

mod class;
mod objects;
mod particular;

use std::io::{self, Write};

use serde_json::Value;

use super::siem::tree::{Tree, text};
use super::siem::{Told, unplaced};
use super::view::{Act, Outcome};
use crate::entry::Stored;
use class::{Activity, BASE, Class, INVOKE, OTHER};

/// The version of the schema.
pub const VERSION: &str = "1.5.0";

/// Writes events in the Open Cybersecurity Schema Framework.
#[derive(Clone, Debug)]
pub struct Ocsf {
    host: Option<String>,
}

impl Ocsf {
    /// `host` is the name of the host that events come from which name none.
    pub fn new(host: Option<String>) -> Ocsf {
        Ocsf { host }
    }

    /// Writes one event.
    pub fn write(&self, stored: &Stored, out: &mut dyn Write) -> io::Result<()> {
        let told = Told::new(stored, self.host.as_deref());
        serde_json::to_writer(&mut *out, &Value::from(event(&told)))?;
        out.write_all(b"\n")
    }
}

fn event(told: &Told<'_>) -> Tree {
    let (class, activity, particular) = chosen(told);
    let mut tree = Tree::default();
    classify(told, class, activity, &mut tree);
    tree.put("time", Some(i64::try_from(told.stored.event.id.time_ms).unwrap_or(i64::MAX)));
    tree.put("message", Some(told.sentence()));
    tree.tree("metadata", metadata(told, class));
    let mut unmapped = Tree::default();
    match class {
        // Their schemas have no place for who did it and where.
        Class::Base => {
            unmapped.tree("actor", objects::actor(told));
            unmapped.tree("device", objects::device(told));
        }
        Class::Detection => tree.tree("device", objects::device(told)),
        _ => {
            tree.tree("actor", particular::actor(told, class));
            tree.tree("device", objects::device(told));
        }
    }
    for (name, value) in particular {
        tree.put(name, Some(value));
    }
    tree.put("raw_data", Some(told.raw()));
    rest(told, &mut unmapped);
    tree.tree("unmapped", unmapped);
    tree
}

/// The class, its activity and the attributes that are its own; another class where those that it requires are unknown.
fn chosen(told: &Told<'_>) -> (Class, Activity, particular::Attributes) {
    let first = class::of(told);
    for (class, activity) in [first, INVOKE] {
        if let Some(attributes) = particular::attributes(told, class, activity) {
            return (class, activity, attributes);
        }
    }
    let (class, activity) = BASE;
    (class, activity, particular::Attributes::new())
}

/// The numbers by which events are sorted, and their names.
fn classify(told: &Told<'_>, class: Class, activity: Activity, tree: &mut Tree) {
    let ((class_uid, class_name), (category_uid, category_name)) = (class.id(), class.category());
    let (activity_id, activity_name) = activity;
    tree.put("category_uid", Some(category_uid));
    tree.put("category_name", Some(category_name));
    tree.put("class_uid", Some(class_uid));
    tree.put("class_name", Some(class_name));
    tree.put("activity_id", Some(activity_id));
    tree.put("activity_name", Some(activity_name));
    tree.put("type_uid", Some(class_uid * 100 + activity_id));
    // What the schema has no activity for has no type of its own either.
    let type_name = if activity_id == OTHER { "Other" } else { activity_name };
    tree.put("type_name", Some(format!("{class_name}: {type_name}")));
    let (severity_id, severity) = severity(told);
    tree.put("severity_id", Some(severity_id));
    tree.put("severity", Some(severity));
    let (status_id, status) = match told.view.outcome {
        // The status of a finding is how far its handling is.
        _ if class == Class::Detection => (1, "New"),
        Outcome::Ok => (1, "Success"),
        Outcome::Failed => (2, "Failure"),
        Outcome::Untold => (0, "Unknown"),
    };
    tree.put("status_id", Some(status_id));
    tree.put("status", Some(status));
    if let Some(failure) = told.view.syscall.and_then(|call| call.failure) {
        tree.put("status_code", Some(failure.name));
        tree.put("status_detail", Some(failure.text).filter(|text| !text.is_empty()));
    }
}

fn severity(told: &Told<'_>) -> (u32, &'static str) {
    match told.view.act {
        Act::AuditError if told.view.outcome == Outcome::Failed => (4, "High"),
        Act::Anomaly | Act::Crash => (3, "Medium"),
        Act::Integrity if told.view.outcome == Outcome::Failed => (3, "Medium"),
        Act::Denied | Act::Malformed => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn metadata(told: &Told<'_>, class: Class) -> Tree {
    let event = &told.stored.event;
    let mut product = Tree::default();
    product.put("name", Some("ktrail"));
    product.put("vendor_name", Some("ktrail"));
    product.put("version", Some(env!("CARGO_PKG_VERSION")));
    let mut tree = Tree::default();
    tree.put("version", Some(VERSION));
    tree.tree("product", product);
    tree.put("uid", Some(told.id()));
    tree.put("log_name", Some("audit"));
    tree.put("log_provider", Some("Linux audit"));
    tree.put("event_code", Some(told.kind()));
    tree.put("original_time", Some(event.id.to_string().split(':').next().unwrap_or_default()));
    // The schema's integers have 32 bits with a sign.
    tree.put("sequence", i32::try_from(event.id.serial).ok());
    tree.list("labels", told.view.keys.iter().map(|key| text(key).into()).collect());
    let container = told.context.container.is_some() && class != Class::Base;
    let profiles = [
        ("host", class != Class::Base),
        ("linux/linux_users", class != Class::Base),
        ("container", container),
    ];
    let applied = profiles.into_iter().filter(|(_, applies)| *applies);
    tree.list("profiles", applied.map(|(name, _)| name.into()).collect());
    tree
}

/// What no attribute is for.
fn rest(told: &Told<'_>, unmapped: &mut Tree) {
    let context = told.context;
    unmapped.text("script", context.script.as_deref());
    unmapped.text("unit", context.unit.as_deref());
    unmapped.text("login_user", told.login().and_then(|login| login.user.as_deref()));
    unmapped.text("login_address", told.login().and_then(|login| login.address.as_deref()));
    if !told.is_malformed() && told.view.cwd.is_some() && told.view.process.pid.is_none() {
        unmapped.text("cwd", told.view.cwd.as_deref());
    }
    let types = told.stored.event.records().map(|(kind, _)| kind).filter(|kind| kind.0 != 0);
    unmapped.list("types", types.map(|kind| kind.to_string().into()).collect());
    unmapped.tree("data", unplaced::data(told));
    unmapped.list("paths", unplaced::paths(told));
}
