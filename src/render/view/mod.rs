/*!
What an event says to a person: who did what, with what, where, on what, and how it ended.

The view borrows from the event and holds plain values, so that each format words them in its own way. It is made from
any event: what a record does not tell is `None`, and a record that nothing is known of still gets a sentence.
*/

mod act;
mod collect;
mod control;
mod object;
pub(super) mod phrase;
mod records;
pub(super) mod said;
mod syscalls;

use std::borrow::Cow;

use crate::enrich::Names;
use crate::event::{Closed, Event};
use crate::interpret::UNSET;
use crate::interpret::address::Address;
use crate::interpret::codes::Failure;
use crate::record::RecordType;
use crate::tables::Arch;

pub use act::Act;

/// A string from the log: any bytes.
pub type Text<'a> = Cow<'a, [u8]>;

/// A user or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a> {
    /// Its number; [`UNSET`] when there is none.
    pub number: u32,
    /// Its name, if it was known when the event was stored.
    pub name: Option<&'a str>,
}

impl Id<'_> {
    /// Whether the id stands for a user or group.
    pub fn is_set(&self) -> bool {
        self.number != UNSET
    }
}

/// Who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Who logged in.
    pub auid: Option<Id<'a>>,
    /// Real user.
    pub uid: Option<Id<'a>>,
    /// Effective user.
    pub euid: Option<Id<'a>>,
    /// Saved user.
    pub suid: Option<Id<'a>>,
    /// User for access to files.
    pub fsuid: Option<Id<'a>>,
    /// Real group.
    pub gid: Option<Id<'a>>,
    /// Effective group.
    pub egid: Option<Id<'a>>,
    /// Saved group.
    pub sgid: Option<Id<'a>>,
    /// Group for access to files.
    pub fsgid: Option<Id<'a>>,
    /// The login session; [`UNSET`] outside of any.
    pub session: Option<u32>,
    /// The terminal.
    pub terminal: Option<Text<'a>>,
    /// The label that a security module gave the process (`subj=`).
    pub label: Option<Text<'a>>,
}

/// With what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process<'a> {
    /// Process id.
    pub pid: Option<u32>,
    /// The parent's process id.
    pub ppid: Option<u32>,
    /// The command name, which a process can choose for itself; at most 15 bytes from the kernel.
    pub comm: Option<Text<'a>>,
    /// The executable.
    pub exe: Option<Text<'a>>,
    /// The arguments: of EXECVE, else the command line, of which the kernel records at most 128 bytes.
    pub arguments: Vec<Text<'a>>,
    /// Whether the arguments are those of EXECVE.
    pub executed: bool,
    /// How many arguments of EXECVE no record told.
    pub arguments_missing: u64,
}

/// The system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syscall<'a> {
    /// The architecture, if it is known.
    pub arch: Option<Arch>,
    /// The number, as recorded.
    pub number: &'a [u8],
    /// The name, if architecture and number have one.
    pub name: Option<&'static str>,
    /// What it returned; `None` when it never did.
    pub exit: Option<i64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// `a0` to `a3`.
    pub arguments: [Option<u64>; 4],
}

/// One path of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// Its number within the event.
    pub item: Option<u32>,
    /// The name as recorded.
    pub name: Option<Text<'a>>,
    /// The absolute name, where the records tell where a relative one begins.
    pub absolute: Option<Text<'a>>,
    /// Inode number.
    pub inode: Option<u64>,
    /// The device it lies on, as recorded: `fe:00`, hexadecimal major and minor number.
    pub device: Option<&'a [u8]>,
    /// Type and permissions.
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Option<Id<'a>>,
    /// Group.
    pub group: Option<Id<'a>>,
    /// What it is to the system call: `NORMAL`, `PARENT`, `CREATE`, `DELETE`, `UNKNOWN`.
    pub role: Option<&'a [u8]>,
}

/// A process that something was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Process id.
    pub pid: Option<u32>,
    /// The command name.
    pub comm: Option<Text<'a>>,
    /// Its user.
    pub uid: Option<Id<'a>>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Ok,
    /// It failed or was denied.
    Failed,
    /// No record tells.
    #[default]
    Untold,
}

/// What happened, in words: `root` `read` `/etc/passwd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// Who did it, when it is not the process's user: the account that logged in.
    pub actor: Option<Text<'a>>,
    /// What was done, after the actor: `read`, and `tried to read` when it failed.
    pub verb: Cow<'static, str>,
    /// To what.
    pub object: Option<Text<'a>>,
    /// The second object with the word before it: `to` the new name, `from` an address.
    pub second: Option<(&'static str, Text<'a>)>,
}

/// The summary of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// The type of the record that says best what happened.
    pub record: RecordType,
    /// What kind of act it is.
    pub act: Act,
    /// Who.
    pub subject: Subject<'a>,
    /// With what.
    pub process: Process<'a>,
    /// The system call.
    pub syscall: Option<Syscall<'a>>,
    /// How it ended.
    pub outcome: Outcome,
    /// The working directory.
    pub cwd: Option<Text<'a>>,
    /// The paths in the order of their records.
    pub paths: Vec<Path<'a>>,
    /// The socket address.
    pub address: Option<Address>,
    /// The account that a user-space program acted on.
    pub account: Option<Text<'a>>,
    /// The remote host by name, as a user-space program tells it.
    pub host: Option<Text<'a>>,
    /// The remote host by address, as a user-space program tells it.
    pub remote: Option<Text<'a>>,
    /// The processes that something was done to.
    pub targets: Vec<Target<'a>>,
    /// The keys of the rules that matched, or of the rule that changed.
    pub keys: Vec<Text<'a>>,
    /// All of it in words.
    pub sentence: Sentence<'a>,
}

/// Makes the summary.
pub fn view<'a>(event: &'a Event, names: &'a Names) -> View<'a> {
    let mut view = collect::collect(event, names);
    if view.outcome == Outcome::Untold
        && event.closed != Closed::Malformed
        && let Some(body) = event.record(view.record)
    {
        view.outcome = control::outcome(&said::Said { kind: view.record, body });
    }
    view.act = act::of(event, &view);
    view.sentence = phrase::sentence(event, &view);
    view
}

impl<'a> View<'a> {
    /// The path that the event is about, rather than the directory it lies in.
    pub fn object(&self) -> Option<&Path<'a>> {
        let named = || self.paths.iter().filter(|path| path.name.is_some());
        let chosen = named().find(|path| path.role != Some(b"PARENT"));
        chosen.or_else(|| named().next_back())
    }

    /// The first path of that role (`CREATE`, `DELETE`).
    pub fn path_of_role(&self, role: &[u8]) -> Option<&Path<'a>> {
        self.paths.iter().find(|path| path.role == Some(role) && path.name.is_some())
    }

    /// The login user and, where it is another, the user as whom it was done: `alice`, `root`.
    ///
    /// Without a login the user alone.
    pub fn actors(&self) -> (Option<Id<'a>>, Option<Id<'a>>) {
        let subject = &self.subject;
        let login = subject.auid.filter(Id::is_set);
        let user = subject.uid.filter(Id::is_set);
        let effective = subject.euid.filter(Id::is_set).or(user);
        match login.or(user) {
            Some(first) => (Some(first), effective.filter(|id| id.number != first.number)),
            None => (effective, None),
        }
    }
}
