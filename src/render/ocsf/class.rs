//! The event classes of OCSF 1.5.0 that an audit trail has events of, and which act is which activity of which class.

use crate::render::siem::Told;
use crate::render::view::phrase::argument;
use crate::render::view::{Act, Outcome};

/// An event class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Base,
    File,
    KernelExtension,
    Kernel,
    Process,
    EventLog,
    Detection,
    Account,
    Authentication,
    Group,
    Network,
    Configuration,
    Application,
}

impl Class {
    /// `class_uid` and `class_name`.
    pub(super) fn id(self) -> (u32, &'static str) {
        match self {
            Class::Base => (0, "Base Event"),
            Class::File => (1001, "File System Activity"),
            Class::KernelExtension => (1002, "Kernel Extension Activity"),
            Class::Kernel => (1003, "Kernel Activity"),
            Class::Process => (1007, "Process Activity"),
            Class::EventLog => (1008, "Event Log Activity"),
            Class::Detection => (2004, "Detection Finding"),
            Class::Account => (3001, "Account Change"),
            Class::Authentication => (3002, "Authentication"),
            Class::Group => (3006, "Group Management"),
            Class::Network => (4001, "Network Activity"),
            Class::Configuration => (5019, "Device Config State Change"),
            Class::Application => (6002, "Application Lifecycle"),
        }
    }

    /// `category_uid` and `category_name`.
    pub(super) fn category(self) -> (u32, &'static str) {
        match self.id().0 / 1000 {
            0 => (0, "Uncategorized"),
            1 => (1, "System Activity"),
            2 => (2, "Findings"),
            3 => (3, "Identity & Access Management"),
            4 => (4, "Network Activity"),
            5 => (5, "Discovery"),
            _ => (6, "Application Activity"),
        }
    }
}

/// An activity of a class: `activity_id` and `activity_name`.
pub(super) type Activity = (u32, &'static str);

/// The activity that stands for all which the schema has none for.
pub(super) const OTHER: u32 = 99;

/// A system call that has no better class.
pub(super) const INVOKE: (Class, Activity) = (Class::Kernel, (4, "Invoke"));

/// What has no class.
pub(super) const BASE: (Class, Activity) = (Class::Base, (OTHER, "Other"));

/// The class and activity of an event. Its objects may turn out to be unknown: then it is of another class.
pub(super) fn of(told: &Told<'_>) -> (Class, Activity) {
    match told.view.act {
        Act::FileCreate => (Class::File, (1, "Create")),
        Act::FileRead => (Class::File, (2, "Read")),
        Act::FileWrite => (Class::File, (3, "Update")),
        Act::FileDelete => (Class::File, (4, "Delete")),
        Act::FileRename => (Class::File, (5, "Rename")),
        Act::FileAttributes => (Class::File, (6, "Set Attributes")),
        Act::FileSecurity => (Class::File, (7, "Set Security")),
        Act::FileExamine => (Class::File, (8, "Get Attributes")),
        Act::Mount => (Class::File, (12, "Mount")),
        Act::Unmount => (Class::File, (13, "Unmount")),
        Act::FileOpen => (Class::File, (14, "Open")),
        Act::ProcessStart => (Class::Process, (1, "Launch")),
        Act::ProcessEnd => (Class::Process, (2, "Terminate")),
        Act::ProcessSignal => (Class::Process, signal(told)),
        Act::ProcessAccess => (Class::Process, (3, "Open")),
        Act::ProcessInject => (Class::Process, (4, "Inject")),
        Act::ProcessIdentity => (Class::Process, identity(told)),
        Act::ModuleLoad => (Class::KernelExtension, (1, "Load")),
        Act::ModuleUnload => (Class::KernelExtension, (2, "Unload")),
        Act::AuditStart => (Class::EventLog, (6, "Start")),
        Act::AuditStop => (Class::EventLog, (7, "Stop")),
        Act::AuditChange if told.view.record.0 == 1205 => (Class::EventLog, (5, "Rotate")),
        Act::AuditChange => (Class::EventLog, (OTHER, "Change")),
        Act::AuditError => (Class::EventLog, (OTHER, "Error")),
        Act::Anomaly | Act::Crash | Act::Denied => (Class::Detection, (1, "Create")),
        Act::Integrity if told.view.outcome == Outcome::Failed => (Class::Detection, (1, "Create")),
        Act::UserCreate => (Class::Account, (1, "Create")),
        Act::UserPassword => (Class::Account, (3, "Password Change")),
        Act::UserDelete => (Class::Account, (6, "Delete")),
        Act::UserLock => (Class::Account, (9, "Lock")),
        Act::UserUnlock => (Class::Account, (12, "Unlock")),
        Act::UserChange => (Class::Account, (OTHER, "Change")),
        Act::Logon => (Class::Authentication, (1, "Logon")),
        Act::Logoff => (Class::Authentication, (2, "Logoff")),
        Act::Authenticate => (Class::Authentication, (OTHER, "Authenticate")),
        Act::SessionStart => (Class::Authentication, (OTHER, "Session Start")),
        Act::SessionEnd => (Class::Authentication, (OTHER, "Session End")),
        Act::GroupDelete => (Class::Group, (5, "Delete")),
        Act::GroupCreate => (Class::Group, (6, "Create")),
        Act::GroupChange => (Class::Group, (OTHER, "Change")),
        Act::NetworkConnect => (Class::Network, connection(told)),
        Act::NetworkAccept => (Class::Network, (1, "Open")),
        Act::NetworkBind => (Class::Network, (OTHER, "Bind")),
        Act::NetworkListen => (Class::Network, (7, "Listen")),
        Act::NetworkTraffic => (Class::Network, (6, "Traffic")),
        Act::Configure => (Class::Configuration, (1, "Log")),
        Act::HostChange if told.view.syscall.is_none() => (Class::Configuration, (1, "Log")),
        Act::ServiceStart => (Class::Application, (3, "Start")),
        Act::ServiceStop => (Class::Application, (4, "Stop")),
        Act::SoftwareInstall => (Class::Application, (1, "Install")),
        Act::SoftwareRemove => (Class::Application, (2, "Remove")),
        Act::SoftwareUpdate => (Class::Application, (8, "Update")),
        Act::Software => (Class::Application, (OTHER, "Change")),
        Act::Invoke | Act::ProcessChange | Act::HostChange | Act::HostStop => INVOKE,
        Act::HostStart | Act::Machine | Act::Typed | Act::Message | Act::Crypto => BASE,
        Act::Integrity | Act::Decision | Act::Malformed | Act::Unknown => BASE,
    }
}

/// Signals that end a process which does not handle them: SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGTERM.
fn signal(told: &Told<'_>) -> Activity {
    let name = told.view.syscall.and_then(|call| call.name);
    let place = if name == Some("tgkill") { 2 } else { 1 };
    match argument(&told.view, place) {
        Some(1 | 2 | 3 | 6 | 9 | 15) => (2, "Terminate"),
        _ => (OTHER, "Signal"),
    }
}

fn identity(told: &Told<'_>) -> Activity {
    match told.view.syscall.and_then(|call| call.name) {
        Some("setuid" | "setreuid" | "setresuid" | "setfsuid") => (5, "Set User ID"),
        _ => (OTHER, "Set Group ID"),
    }
}

/// A connection that was not awaited is being opened (EINPROGRESS).
fn connection(told: &Told<'_>) -> Activity {
    match told.view.syscall.and_then(|call| call.failure).map(|failure| failure.name) {
        Some("ECONNREFUSED") => (5, "Refuse"),
        None | Some("EINPROGRESS") => (1, "Open"),
        Some(_) => (4, "Fail"),
    }
}
