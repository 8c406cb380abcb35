//! What an event says to a person: who did what, with what, where, on what.

use std::borrow::Cow;

use crate::enrich::Names;
use crate::entry::Stored;
use crate::event::Event;
use crate::interpret;
use crate::record::RecordType;
use crate::record::fields::{Value, decode, fields, find};
use crate::tables::{self, Arch};

/// The number that means "not set".
const UNSET: u32 = u32::MAX;

/// A path that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path<'a> {
    /// The name as recorded.
    pub name: Cow<'a, [u8]>,
    /// Its inode.
    pub inode: Option<&'a [u8]>,
    /// Its type and permissions, in octal as recorded.
    pub mode: Option<&'a [u8]>,
    /// What the path is to the system call: NORMAL, PARENT, CREATE, DELETE.
    pub role: Option<&'a [u8]>,
}

/// The summary of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View<'a> {
    /// The user id that acted.
    pub uid: Option<u32>,
    /// The user id of the login.
    pub auid: Option<u32>,
    /// The session.
    pub session: Option<u32>,
    /// The terminal.
    pub terminal: Option<&'a [u8]>,
    /// The system call's name or number, or the operation a program names.
    pub action: Cow<'a, [u8]>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// The result of the system call: a number, or an error's name.
    pub exit: Option<String>,
    /// The command's name.
    pub comm: Option<Cow<'a, [u8]>>,
    /// The executable.
    pub exe: Option<Cow<'a, [u8]>>,
    /// The process.
    pub pid: Option<&'a [u8]>,
    /// Its parent.
    pub ppid: Option<&'a [u8]>,
    /// The arguments of the process, or of the program it executed.
    pub arguments: Vec<Vec<u8>>,
    /// The working directory.
    pub cwd: Option<Cow<'a, [u8]>>,
    /// The paths.
    pub paths: Vec<Path<'a>>,
    /// Socket addresses.
    pub addresses: Vec<String>,
    /// The account a program acted on.
    pub account: Option<Cow<'a, [u8]>>,
    /// The keys of the rules that matched.
    pub keys: Vec<Vec<u8>>,
    /// The type of the first record.
    pub kind: Option<RecordType>,
}

/// Makes the summary.
pub fn view(event: &Event) -> View<'_> {
    let mut view = View::default();
    for (kind, body) in event.records() {
        view.kind.get_or_insert(kind);
        match kind {
            RecordType::SYSCALL => view.syscall(body),
            RecordType::CWD => view.cwd = text(body, b"cwd"),
            RecordType::PATH => view.paths.push(path(body)),
            RecordType::EXECVE => arguments(body, &mut view.arguments),
            RecordType::SOCKADDR => {
                view.addresses.extend(bare(body, b"saddr").and_then(interpret::address));
            }
            _ => {}
        }
        if !matches!(kind, RecordType::PATH | RecordType::EXECVE | RecordType::SOCKADDR) {
            view.common(body);
        }
    }
    if view.arguments.is_empty()
        && let Some(title) = event.record(RecordType::PROCTITLE).and_then(|body| text(body, b"proctitle"))
    {
        view.arguments.extend(title.split(|byte| *byte == 0).map(<[u8]>::to_vec));
    }
    view
}

impl<'a> View<'a> {
    fn syscall(&mut self, body: &'a [u8]) {
        let token = bare(body, b"arch")
            .and_then(|token| u32::from_str_radix(std::str::from_utf8(token).ok()?, 16).ok());
        let arch = token.and_then(Arch::from_token);
        if let Some(number) = bare(body, b"syscall") {
            let name =
                number_of(number).zip(arch).and_then(|(number, arch)| tables::syscall_name(arch, number));
            self.action = name.map_or(Cow::Borrowed(number), |name| Cow::Borrowed(name.as_bytes()));
        }
        self.exit = bare(body, b"exit").map(interpret::exit);
    }

    /// Fields that mean the same in every record, and those of a nested message.
    fn common(&mut self, body: &'a [u8]) {
        for field in fields(body) {
            if let Value::Message(inside) = field.value {
                self.common(inside);
                continue;
            }
            let word = match field.value {
                Value::Bare(word) | Value::Quoted(word) | Value::Message(word) => word,
            };
            let known = !matches!(word, b"?" | b"(null)" | b"");
            match field.name {
                b"uid" => self.uid = self.uid.or(number_of(word)),
                b"auid" => self.auid = self.auid.or(number_of(word)),
                b"ses" => self.session = self.session.or(number_of(word)),
                b"pid" => self.pid = self.pid.or(Some(word)),
                b"ppid" => self.ppid = self.ppid.or(Some(word)),
                b"tty" | b"terminal" if known && word != b"(none)" => {
                    self.terminal = self.terminal.or(Some(word))
                }
                b"comm" if known && self.comm.is_none() => self.comm = decode(&field.value),
                b"exe" if known && self.exe.is_none() => self.exe = decode(&field.value),
                b"acct" if known && self.account.is_none() => self.account = decode(&field.value),
                b"op" if self.action.is_empty() => self.action = Cow::Borrowed(word),
                b"success" | b"res" | b"result" if self.success.is_none() => {
                    self.success = match word {
                        b"yes" | b"success" | b"1" => Some(true),
                        b"no" | b"failed" | b"0" => Some(false),
                        _ => None,
                    };
                }
                b"key" => {
                    let keys = decode(&field.value).unwrap_or_default();
                    let keys = keys.split(|byte| *byte == 1).filter(|key| !key.is_empty());
                    self.keys.extend(keys.map(<[u8]>::to_vec));
                }
                _ => {}
            }
        }
    }

    /// The paths that the event is about, without the directories they lie in unless there is nothing else.
    pub fn objects(&self) -> impl Iterator<Item = &Path<'a>> {
        let only_parents = self.paths.iter().all(|path| path.role == Some(b"PARENT"));
        self.paths.iter().filter(move |path| only_parents || path.role != Some(b"PARENT"))
    }
}

/// `root`, or `alice as root` when the login was another's; the number where there is no name.
pub fn actor(view: &View<'_>, names: &Names) -> String {
    let name = |id: u32| names.user(id).map_or_else(|| id.to_string(), str::to_owned);
    match (view.auid.filter(|auid| *auid != UNSET), view.uid) {
        (Some(auid), Some(uid)) if auid != uid => format!("{} as {}", name(auid), name(uid)),
        (Some(id), _) | (None, Some(id)) => name(id),
        (None, None) => "-".to_owned(),
    }
}

/// The id with its name.
pub fn named(id: u32, names: &Names) -> String {
    match names.user(id) {
        _ if id == UNSET => "unset".to_owned(),
        Some(name) => format!("{id} ({name})"),
        None => id.to_string(),
    }
}

/// The event's summary.
pub fn of(stored: &Stored) -> View<'_> {
    view(&stored.event)
}

fn number_of(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn bare<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match find(body, name)? {
        Value::Bare(word) => Some(word),
        _ => None,
    }
}

fn text<'a>(body: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    fields(body).find(|field| field.name == name).and_then(|field| decode(&field.value))
}

fn path(body: &[u8]) -> Path<'_> {
    let name = text(body, b"name").unwrap_or(Cow::Borrowed(b"(null)"));
    Path { name, inode: bare(body, b"inode"), mode: bare(body, b"mode"), role: bare(body, b"nametype") }
}

/// Arguments of one EXECVE record. An argument that is split (`a1[0]=… a1[1]=…`) is joined again.
fn arguments(body: &[u8], into: &mut Vec<Vec<u8>>) {
    for field in fields(body) {
        let Some(number) = field.name.strip_prefix(b"a") else { continue };
        let (number, part) = match memchr::memchr(b'[', number).and_then(|at| number.split_at_checked(at)) {
            Some((number, _)) => (number, true),
            None => (number, false),
        };
        if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let value = decode(&field.value).unwrap_or(Cow::Borrowed(b"(null)")).into_owned();
        match into.last_mut() {
            Some(last) if part && !field.name.ends_with(b"[0]") => last.extend_from_slice(&value),
            _ => into.push(value),
        }
    }
}
