//! The conditions that events have to meet, all of them.

use super::items::{Items, Text, parts};
use crate::event::Event;
use crate::record::RecordType;
use crate::record::fields::{Value, fields};

/// A user or group, by number and by the name it was asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: u32,
    pub(super) name: Option<String>,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) since_s: Option<u64>,
    pub(super) until_s: Option<u64>,
    pub(super) serial: Option<u64>,
    /// Record types of which one has to be there.
    pub(super) types: Option<Vec<RecordType>>,
    /// Whether any record type will do, whatever `types` says.
    pub(super) types_any: bool,
    /// Nodes of which one has to be the event's.
    pub(super) nodes: Vec<Vec<u8>>,
    pub(super) arch: Option<u32>,
    pub(super) syscall: Option<u64>,
    pub(super) exit: Option<i64>,
    pub(super) success: Option<bool>,
    pub(super) pid: Option<u64>,
    pub(super) ppid: Option<u64>,
    pub(super) session: Option<u32>,
    pub(super) uid: Option<Identity>,
    pub(super) euid: Option<Identity>,
    pub(super) auid: Option<Identity>,
    /// Any of the three.
    pub(super) uid_any: Option<Identity>,
    pub(super) gid: Option<Identity>,
    pub(super) egid: Option<Identity>,
    /// Either of the two.
    pub(super) gid_any: Option<Identity>,
    pub(super) comm: Option<Vec<u8>>,
    pub(super) exe: Option<Vec<u8>>,
    pub(super) file: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
    pub(super) terminal: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) uuid: Option<Vec<u8>>,
    pub(super) machine: Option<Vec<u8>>,
    pub(super) subject: Option<Vec<u8>>,
    pub(super) object: Option<Vec<u8>>,
    /// Of subject or object.
    pub(super) context: Option<Vec<u8>>,
    /// Whether texts have to match as a whole.
    pub(super) whole_words: bool,
}

impl Wanted {
    /// Whether an event meets all conditions.
    pub(super) fn accepts(&self, event: &Event) -> bool {
        let seconds = event.id.time_ms / 1000;
        self.since_s.is_none_or(|since| seconds >= since)
            && self.until_s.is_none_or(|until| seconds <= until)
            && self.serial.is_none_or(|serial| u64::from(event.id.serial) == serial)
            && self.accepts_node(event.node.as_deref())
            && self.accepts_types(event)
            && (!self.asks_for_items() || self.accepts_items(event, &Items::of(event)))
    }

    fn accepts_node(&self, node: Option<&[u8]>) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|wanted| Some(wanted.as_slice()) == node)
    }

    fn accepts_types(&self, event: &Event) -> bool {
        let Some(types) = &self.types else { return true };
        self.types_any || event.records().any(|(kind, _)| types.contains(&kind))
    }

    /// Whether anything is asked that only the records' fields tell.
    fn asks_for_items(&self) -> bool {
        let nothing = Wanted {
            since_s: self.since_s,
            until_s: self.until_s,
            serial: self.serial,
            types: self.types.clone(),
            types_any: self.types_any,
            nodes: self.nodes.clone(),
            whole_words: self.whole_words,
            ..Wanted::default()
        };
        *self != nothing
    }

    fn accepts_items(&self, event: &Event, items: &Items<'_>) -> bool {
        self.accepts_call(items) && self.accepts_ids(event, items) && self.accepts_texts(items)
    }

    fn accepts_call(&self, items: &Items<'_>) -> bool {
        is(&self.arch.map(u64::from), &items.arch)
            && is(&self.syscall, &items.syscall)
            && is(&self.exit, &items.exit)
            && is(&self.success, &items.success)
            && is(&self.pid, &items.pid)
            && is(&self.ppid, &items.ppid)
            && is(&self.session, &items.session)
    }

    fn accepts_ids(&self, event: &Event, items: &Items<'_>) -> bool {
        let one = |wanted: &Option<Identity>, found: &[(&str, Option<u32>)]| {
            wanted.as_ref().is_none_or(|wanted| found.iter().any(|(name, id)| wanted.is(event, name, *id)))
        };
        // Which `ausearch` takes for no condition.
        let any = |wanted: &Option<Identity>| wanted.as_ref().is_some_and(|wanted| wanted.id == u32::MAX);
        let (uid, euid, auid) = (("UID", items.uid), ("EUID", items.euid), ("AUID", items.auid));
        let (gid, egid) = (("GID", items.gid), ("EGID", items.egid));
        (any(&self.uid) || one(&self.uid, &[uid]))
            && (any(&self.euid) || one(&self.euid, &[euid]))
            && one(&self.auid, &[auid])
            && (any(&self.uid_any) || one(&self.uid_any, &[uid, euid, auid]))
            && (any(&self.gid) || one(&self.gid, &[gid]))
            && (any(&self.egid) || one(&self.egid, &[egid]))
            && (any(&self.gid_any) || one(&self.gid_any, &[gid, egid]))
    }

    fn accepts_texts(&self, items: &Items<'_>) -> bool {
        let one = |wanted: &Option<Vec<u8>>, found: &Option<Text<'_>>| {
            wanted.as_ref().is_none_or(|wanted| found.as_ref().is_some_and(|text| self.same(wanted, text)))
        };
        let any = |wanted: &Option<Vec<u8>>, found: &[Text<'_>]| {
            wanted.as_ref().is_none_or(|wanted| found.iter().any(|text| self.same(wanted, text)))
        };
        one(&self.comm, &items.comm)
            && one(&self.exe, &items.exe)
            && one(&self.host, &items.host)
            && one(&self.terminal, &items.terminal)
            && one(&self.uuid, &items.uuid)
            && one(&self.machine, &items.machine)
            && any(&self.key, &items.keys)
            && any(&self.subject, &items.subjects)
            && any(&self.object, &items.objects)
            && (any(&self.context, &items.subjects) || any(&self.context, &items.objects))
            && (any(&self.file, &items.files) || one(&self.file, &items.cwd))
    }

    /// Whether a text is, or holds, the wanted one.
    fn same(&self, wanted: &[u8], text: &[u8]) -> bool {
        match self.whole_words {
            true => text == wanted,
            false => memchr::memmem::find(text, wanted).is_some(),
        }
    }
}

impl Identity {
    /// Whether an event's id is this one, by its number or by the name that the log gives it.
    fn is(&self, event: &Event, field: &str, id: Option<u32>) -> bool {
        if id == Some(self.id) {
            return true;
        }
        let Some(name) = self.name.as_deref().filter(|_| id.is_some()) else { return false };
        event.records().any(|(_, body)| {
            let mut names = fields(parts(body).1);
            names.any(|known| known.name == field.as_bytes() && known.value == Value::Quoted(name.as_bytes()))
        })
    }
}

fn is<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
    wanted.is_none() || wanted == found
}
