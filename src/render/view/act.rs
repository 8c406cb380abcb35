//! What kind of act an event is: the word by which formats of others sort it.

use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::render::view::control::{self, Decision};
use crate::render::view::phrase::open_flags;
use crate::render::view::records;
use crate::render::view::said::Said;
use crate::render::view::syscalls::{self, On};
use crate::render::view::{Outcome, View};

/// A kind of act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A file, directory, link or node came to be.
    FileCreate,
    /// Opened for reading, listed, read as a link.
    FileRead,
    /// Opened for writing, truncated, enlarged.
    FileWrite,
    /// Opened in a way that no record tells.
    FileOpen,
    /// Deleted.
    FileDelete,
    /// Renamed.
    FileRename,
    /// Times or extended attributes set.
    FileAttributes,
    /// Mode, owner or label set.
    FileSecurity,
    /// Asked for its attributes, or whether it may be accessed.
    FileExamine,
    /// A file system was mounted.
    Mount,
    /// A file system was unmounted.
    Unmount,
    /// A process or program was started.
    ProcessStart,
    /// A process ended itself.
    ProcessEnd,
    /// A signal was sent.
    ProcessSignal,
    /// Another process was traced or its memory read.
    ProcessAccess,
    /// Another process's memory was written.
    ProcessInject,
    /// A process took on other ids.
    ProcessIdentity,
    /// A process changed what it is in another way.
    ProcessChange,
    /// A program crashed.
    Crash,
    /// A connection was opened.
    NetworkConnect,
    /// A connection was accepted.
    NetworkAccept,
    /// A socket got its address.
    NetworkBind,
    /// A socket was opened to connections.
    NetworkListen,
    /// Data was sent, received or seen.
    NetworkTraffic,
    /// A user logged in.
    Logon,
    /// A user logged out.
    Logoff,
    /// A step of proving who one is: authentication, admission, credentials.
    Authenticate,
    /// A session began.
    SessionStart,
    /// A session ended.
    SessionEnd,
    /// An account was made.
    UserCreate,
    /// An account was deleted.
    UserDelete,
    /// An account or its roles changed.
    UserChange,
    /// An account was locked.
    UserLock,
    /// An account was unlocked.
    UserUnlock,
    /// A password changed.
    UserPassword,
    /// A group was made.
    GroupCreate,
    /// A group was deleted.
    GroupDelete,
    /// A group changed.
    GroupChange,
    /// A setting, rule or policy changed.
    Configure,
    /// A service was started.
    ServiceStart,
    /// A service was stopped.
    ServiceStop,
    /// Software was installed, removed or updated in a way that the record does not tell.
    Software,
    /// Software was installed.
    SoftwareInstall,
    /// Software was removed.
    SoftwareRemove,
    /// Software was updated.
    SoftwareUpdate,
    /// Code was loaded into the kernel.
    ModuleLoad,
    /// Code was removed from the kernel.
    ModuleUnload,
    /// Another system call.
    Invoke,
    /// The system started.
    HostStart,
    /// The system stopped.
    HostStop,
    /// The system's clock, name or run level changed.
    HostChange,
    /// A security module denied something.
    Denied,
    /// A security module let something pass, or reported.
    Decision,
    /// A program or the kernel found something unusual.
    Anomaly,
    /// A check of integrity.
    Integrity,
    /// Cryptography.
    Crypto,
    /// A virtual machine.
    Machine,
    /// Keystrokes.
    Typed,
    /// A message of a program.
    Message,
    /// The audit trail began.
    AuditStart,
    /// The audit trail ended.
    AuditStop,
    /// The audit trail changed.
    AuditChange,
    /// The audit trail has a gap, or could not be written.
    AuditError,
    /// A record that could not be read.
    Malformed,
    /// A record type that nothing is known of.
    Unknown,
}

/// The kind of act that an event is; `view` has everything else but its sentence.
pub(super) fn of(event: &Event, view: &View<'_>) -> Act {
    if event.closed == Closed::Malformed {
        return Act::Malformed;
    }
    let body = event.record(view.record).unwrap_or_default();
    let said = Said { kind: view.record, body };
    match view.record {
        RecordType::SYSCALL => call(event, view),
        RecordType::URINGOP => Act::Invoke,
        kind => match records::find(kind.0) {
            Some((.., Act::Software)) => software(&said),
            Some((.., act)) => act,
            None => particular(&said, view),
        },
    }
}

/// The act of a record type for which `control` has the words.
fn particular(said: &Said<'_>, view: &View<'_>) -> Act {
    let is = |name: &[u8], word: &[u8]| said.get(name).is_some_and(|value| *value == *word);
    match said.kind.0 {
        1005 => Act::Message,
        1006 => Act::SessionStart,
        1107 | 1400 | 1500..=1507 if control::decision(said) == Some(Decision::Denied) => Act::Denied,
        1326 | 1423 if view.outcome == Outcome::Failed => Act::Denied,
        1107 | 1326 | 1400 | 1423 | 1500..=1507 => Act::Decision,
        1324 => Act::NetworkTraffic,
        1305 | 1325 | 1328 | 1404 | 1405 => Act::Configure,
        1334 if is(b"op", b"UNLOAD") => Act::ModuleUnload,
        1334 => Act::ModuleLoad,
        1335 => Act::AuditChange,
        1700 | 1702 | 1703 => Act::Anomaly,
        1701 => Act::Crash,
        2000 => Act::AuditStart,
        _ => Act::Unknown,
    }
}

/// `op=install`, `op=remove`, `op=update`, as dnf, rpm and apt say it.
fn software(said: &Said<'_>) -> Act {
    let operation = said.get(b"op").unwrap_or_default();
    match &*operation {
        b"install" | b"downgrade" => Act::SoftwareInstall,
        b"remove" | b"erase" => Act::SoftwareRemove,
        b"update" | b"upgrade" => Act::SoftwareUpdate,
        _ => Act::Software,
    }
}

fn call(event: &Event, view: &View<'_>) -> Act {
    let name = view.syscall.and_then(|call| call.name);
    match name.and_then(syscalls::verb) {
        Some((_, On::Open(_), _)) if view.path_of_role(b"CREATE").is_some() => Act::FileCreate,
        Some((_, On::Open(flags), act)) => {
            open_flags(event, view, flags).map_or(act, |flags| syscalls::opened(flags).1)
        }
        Some((.., act)) => act,
        None => Act::Invoke,
    }
}
