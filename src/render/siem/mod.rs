//! What the formats for other programs' schemas share: an event with its summary and context, made ready once, and the
//! fields that these schemas have no place for.

pub(super) mod tree;
pub(super) mod unplaced;

use std::net::IpAddr;
use std::str::FromStr;

use crate::enrich::context::{Context, Login};
use crate::entry::Stored;
use crate::event::Closed;
use crate::interpret::UNSET;
use crate::interpret::address::Address;
use crate::interpret::path::resolve;
use crate::render::page::Page;
use crate::render::view::said::Said;
use crate::render::view::{self, Act, Id, Path, Text, View};
use crate::render::{Format, Style, line, raw};

use tree::text;

/// An event that is ready to be written.
pub(super) struct Told<'a> {
    pub(super) stored: &'a Stored,
    pub(super) view: View<'a>,
    pub(super) context: &'a Context,
    /// The host that the event comes from.
    pub(super) host: Option<String>,
}

impl<'a> Told<'a> {
    /// Reads an event; `host` is the name of the host whose events name none.
    pub(super) fn new(stored: &'a Stored, host: Option<&str>) -> Told<'a> {
        let node = stored.event.node.as_deref().map(text);
        Told {
            stored,
            view: view::view(&stored.event, &stored.names),
            context: &stored.context,
            host: node.or_else(|| host.map(str::to_owned)),
        }
    }

    /// The event's id: `1700000004.100:14`, after `HOST/` where the event names its host.
    pub(super) fn id(&self) -> String {
        let event = &self.stored.event;
        match &event.node {
            Some(node) => format!("{}/{}", text(node), event.id),
            None => event.id.to_string(),
        }
    }

    /// The login that the process belongs to.
    pub(super) fn login(&self) -> Option<&'a Login> {
        self.context.login.as_deref()
    }

    /// The SHA-256 of the executable, in hexadecimal.
    pub(super) fn sha256(&self) -> Option<String> {
        self.context.hash.map(|hash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The environment's variables, by name and value.
    pub(super) fn environment(&self) -> impl Iterator<Item = (String, String)> {
        self.context.environment.iter().map(|(name, value)| (text(name), text(value)))
    }

    /// The address that the login came from, if it is one of a host.
    pub(super) fn login_address(&self) -> Option<IpAddr> {
        ip(self.login()?.address.as_deref()?)
    }

    /// The sentence.
    pub(super) fn sentence(&self) -> String {
        let mut page =
            Page::new(Style { format: Format::Line, terminal: false, colours: false, date: false });
        line::sentence(&self.stored.event, &self.view, &mut page);
        text(page.bytes())
    }

    /// The records as auditd's RAW format has them, without the last line's end.
    pub(super) fn raw(&self) -> String {
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let _ = raw::write(&self.stored.event, &mut out);
        text(out.strip_suffix(b"\n").unwrap_or(&out))
    }

    /// A field of the record that says best what happened.
    pub(super) fn field(&self, names: &[&str]) -> Option<Text<'a>> {
        let kind = self.view.record;
        Said { kind, body: self.stored.event.record(kind)? }.first_of(names)
    }

    /// Whether the record could be read.
    pub(super) fn is_malformed(&self) -> bool {
        self.stored.event.closed == Closed::Malformed
    }

    /// The name of the type of the record that says best what happened: `SYSCALL`; `NONE` for a line that was no record.
    pub(super) fn kind(&self) -> String {
        match self.view.record.0 {
            0 => "NONE".to_owned(),
            _ => self.view.record.to_string(),
        }
    }

    /// The path that something was done to: the new one where there is one, the deleted one where it is gone.
    pub(super) fn path(&self) -> Option<&Path<'a>> {
        let view = &self.view;
        let of_role = |role: &[u8]| view.path_of_role(role);
        match view.act {
            Act::FileCreate | Act::FileRename => of_role(b"CREATE").or_else(|| view.object()),
            Act::FileDelete => of_role(b"DELETE").or_else(|| view.object()),
            _ => view.object(),
        }
    }

    /// The account that the event is about, by name or number: `acct=` or `id=`.
    pub(super) fn account(&self) -> Option<Account> {
        let id = || self.field(&["id"]).and_then(|id| std::str::from_utf8(&id).ok()?.parse().ok());
        let names = &self.stored.names;
        match &self.view.account {
            Some(name) if !name.is_empty() && **name != *b"?" => {
                let name = text(name);
                let number =
                    names.users.iter().find(|(_, known)| **known == *name).map(|(number, _)| *number);
                Some(Account { number: number.or_else(id), name: Some(name) })
            }
            _ => id().map(|number: u32| Account {
                number: Some(number),
                name: names.user(number).map(str::to_owned),
            }),
        }
    }

    /// The group that the event is about, by name or number.
    pub(super) fn group(&self) -> Option<Account> {
        let name = self.field(&["grp"]).map(|name| text(&name));
        let number = self.field(&["id"]).and_then(|id| std::str::from_utf8(&id).ok()?.parse().ok());
        let name = name.or_else(|| self.view.account.as_deref().filter(|_| number.is_none()).map(text));
        let name = name.or_else(|| self.stored.names.group(number?).map(str::to_owned));
        (name.is_some() || number.is_some()).then_some(Account { name, number })
    }

    /// The address that a system call or a packet came from or went to.
    pub(super) fn endpoints(&self) -> Endpoints {
        if self.view.record.0 == 1324 {
            let end = |address: &str, port: &str| {
                let ip = self.field(&[address]).as_deref().and_then(ip);
                let port = self.field(&[port]).and_then(|port| std::str::from_utf8(&port).ok()?.parse().ok());
                ip.map(|ip| Endpoint { ip: Some(ip), port, name: ip.to_string() })
            };
            return Endpoints {
                source: end("saddr", "sport"),
                destination: end("daddr", "dport"),
                way: Way::Unknown,
            };
        }
        let end = self.view.address.as_ref().and_then(endpoint);
        let call = self.view.syscall.and_then(|call| call.name).unwrap_or_default();
        match self.view.act {
            Act::NetworkAccept => Endpoints { source: end, destination: None, way: Way::In },
            Act::NetworkTraffic if call.starts_with("recv") => {
                Endpoints { source: end, destination: None, way: Way::In }
            }
            Act::NetworkBind | Act::NetworkListen => {
                Endpoints { source: None, destination: end, way: Way::In }
            }
            Act::NetworkConnect | Act::NetworkTraffic => {
                Endpoints { source: None, destination: end, way: Way::Out }
            }
            _ if self.is_login() => {
                let end = self.remote();
                let way = if end.is_some() { Way::In } else { Way::Unknown };
                Endpoints { source: end, destination: None, way }
            }
            _ => Endpoints { source: None, destination: end, way: Way::Unknown },
        }
    }

    /// Whether the event is a step of a login, of which programs tell where it comes from.
    pub(super) fn is_login(&self) -> bool {
        matches!(
            self.view.act,
            Act::Logon | Act::Logoff | Act::Authenticate | Act::SessionStart | Act::SessionEnd | Act::Anomaly
        )
    }

    /// The host that a user came from, as a program tells it.
    fn remote(&self) -> Option<Endpoint> {
        let view = &self.view;
        let told = view
            .remote
            .as_ref()
            .or(view.host.as_ref())
            .filter(|told| !told.is_empty() && ***told != *b"?")?;
        Some(Endpoint { ip: ip(told), port: None, name: text(told) })
    }
}

/// A user or group that an event is about.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) number: Option<u32>,
    pub(super) name: Option<String>,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
    /// The address as it is written: of a host, or the path of a unix socket.
    pub(super) name: String,
}

/// Which way data goes, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
    Unknown,
}

/// Both ends of a connection.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) source: Option<Endpoint>,
    pub(super) destination: Option<Endpoint>,
    pub(super) way: Way,
}

fn endpoint(address: &Address) -> Option<Endpoint> {
    Some(match address {
        Address::Inet { address, port } => {
            Endpoint { ip: Some((*address).into()), port: Some(*port), name: address.to_string() }
        }
        Address::Inet6 { address, port, .. } => {
            Endpoint { ip: Some((*address).into()), port: Some(*port), name: address.to_string() }
        }
        Address::Unix(path) if path.is_empty() => return None,
        Address::Unix(path) => Endpoint { ip: None, port: None, name: text(path) },
        Address::Abstract(name) => Endpoint { ip: None, port: None, name: format!("@{}", text(name)) },
        Address::Unspecified => return None,
        other => Endpoint { ip: None, port: None, name: other.to_string() },
    })
}

fn ip(word: &[u8]) -> Option<IpAddr> {
    IpAddr::from_str(std::str::from_utf8(word).ok()?).ok()
}

/// A path as other schemas have it: absolute where that is known, with `.` and `..` resolved by their letters.
pub(super) fn full_name(path: &Path<'_>) -> Option<String> {
    let Some(absolute) = &path.absolute else { return path.name.as_deref().map(text) };
    let mut resolved = Vec::new();
    resolve(b"", absolute, &mut resolved);
    Some(text(&resolved))
}

/// The id, if it stands for a user or group.
pub(super) fn set(id: Option<Id<'_>>) -> Option<Id<'_>> {
    id.filter(Id::is_set)
}

/// The session, if there is one.
pub(super) fn session(view: &View<'_>) -> Option<u32> {
    view.subject.session.filter(|session| *session != UNSET)
}

/// The last part of a path; of one that has none, all of it.
pub(super) fn base_name(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit('/').next() {
        Some(name) if !name.is_empty() => name,
        _ => path,
    }
}

/// What stands before the last part of an absolute path.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => Some("/"),
        Some((parent, _)) => Some(parent),
        None => None,
    }
}
