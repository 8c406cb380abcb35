//! How the Elastic Common Schema sorts acts: `event.kind`, `event.category`, `event.type` and `event.action`.
//!
//! The values and which types go with which category are those of the schema's categorization fields. The actions are
//! those that auditbeat and audit-userspace have for the same events.

use crate::render::peer::kinds;
use crate::render::siem::Told;
use crate::render::view::Act;

/// `event.kind`.
pub(super) fn kind(act: Act) -> &'static str {
    match act {
        Act::Anomaly | Act::Crash => "alert",
        Act::Malformed => "pipeline_error",
        _ => "event",
    }
}

/// `event.category` and `event.type`.
pub(super) fn category(act: Act) -> (&'static [&'static str], &'static [&'static str]) {
    match act {
        Act::FileCreate | Act::Mount => (&["file"], &["creation"]),
        Act::FileRead | Act::FileOpen => (&["file"], &["access"]),
        Act::FileWrite | Act::FileRename | Act::FileAttributes | Act::FileSecurity => {
            (&["file"], &["change"])
        }
        Act::FileDelete | Act::Unmount => (&["file"], &["deletion"]),
        Act::FileExamine | Act::Integrity => (&["file"], &["info"]),
        Act::ProcessStart | Act::ServiceStart | Act::AuditStart => (&["process"], &["start"]),
        Act::ProcessEnd | Act::Crash | Act::ServiceStop | Act::AuditStop => (&["process"], &["end"]),
        Act::ProcessAccess => (&["process"], &["access"]),
        Act::ProcessSignal | Act::ProcessInject | Act::ProcessIdentity | Act::ProcessChange => {
            (&["process"], &["change"])
        }
        Act::NetworkConnect | Act::NetworkAccept => (&["network"], &["connection", "start"]),
        Act::NetworkBind | Act::NetworkListen => (&["network"], &["start"]),
        Act::NetworkTraffic => (&["network"], &["connection", "info"]),
        Act::Logon => (&["authentication"], &["start"]),
        Act::Logoff => (&["authentication"], &["end"]),
        Act::Authenticate => (&["authentication"], &["info"]),
        Act::SessionStart => (&["session"], &["start"]),
        Act::SessionEnd => (&["session"], &["end"]),
        Act::UserCreate => (&["iam"], &["user", "creation"]),
        Act::UserDelete => (&["iam"], &["user", "deletion"]),
        Act::UserChange | Act::UserLock | Act::UserUnlock | Act::UserPassword => {
            (&["iam"], &["user", "change"])
        }
        Act::GroupCreate => (&["iam"], &["group", "creation"]),
        Act::GroupDelete => (&["iam"], &["group", "deletion"]),
        Act::GroupChange => (&["iam"], &["group", "change"]),
        Act::Configure | Act::AuditChange => (&["configuration"], &["change"]),
        Act::Software | Act::SoftwareUpdate => (&["package"], &["change"]),
        Act::SoftwareInstall => (&["package"], &["installation"]),
        Act::SoftwareRemove => (&["package"], &["deletion"]),
        Act::ModuleLoad => (&["driver"], &["start"]),
        Act::ModuleUnload => (&["driver"], &["end"]),
        Act::HostStart => (&["host"], &["start"]),
        Act::HostStop => (&["host"], &["end"]),
        Act::HostChange => (&["host"], &["change"]),
        Act::Machine | Act::AuditError | Act::Unknown => (&["host"], &["info"]),
        Act::Denied => (&["intrusion_detection"], &["denied"]),
        Act::Decision | Act::Anomaly => (&["intrusion_detection"], &["info"]),
        Act::Invoke | Act::Crypto | Act::Typed | Act::Message => (&["process"], &["info"]),
        Act::Malformed => (&[], &[]),
    }
}

/// `event.action`.
pub(super) fn action(told: &Told<'_>) -> String {
    let view = &told.view;
    if told.is_malformed() {
        return "malformed-record".to_owned();
    }
    if let Some(call) = view.syscall.filter(|_| view.record.0 == 1300) {
        let known = call.name.and_then(kinds::action).map(|(action, _)| action);
        // A call without an action of its own is its own action: `ptrace`.
        return known.or(call.name).unwrap_or("system-call").to_owned();
    }
    match (view.record.0, kinds::kind(view.record.0)) {
        // Told by more than the type there, or misspelt.
        (1702, _) => "used-suspicious-link".to_owned(),
        (1111, _) => "changed-configuration".to_owned(),
        (1305, _) => "changed-audit-configuration".to_owned(),
        (1334, _) if view.act == Act::ModuleUnload => "unloaded-bpf-program".to_owned(),
        (1334, _) => "loaded-bpf-program".to_owned(),
        (1700, _) => "changed-promiscuous-mode-on-device".to_owned(),
        (2302, _) => "removed-user-role-from".to_owned(),
        (_, Some((_, _, action, ..))) if !matches!(*action, "" | "did-unknown" | "unknown") => {
            (*action).to_owned()
        }
        _ => {
            let kind = told.kind();
            let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            kind.trim_end_matches(']').chars().map(word).collect()
        }
    }
}
