//! The names of ids that an ENRICHED log of auditd's holds in the tails of its records.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::Resolve;
use crate::record::fields::{Value, decode, fields, find};
use crate::record::line::Line;
use crate::tables::field::{IdKind, id_kind};

/// Names that are held for one node and kind of id; with more, all are forgotten and learnt anew.
const NAMES_MAX: usize = 65_536;
/// Nodes whose names are held.
const NODES_MAX: usize = 1024;

/// The names of one node.
#[derive(Debug, Default)]
struct Known {
    users: HashMap<u32, Arc<str>>,
    groups: HashMap<u32, Arc<str>>,
}

/// Names as the log's last tails gave them.
#[derive(Debug, Default)]
pub struct TailNames {
    nodes: HashMap<Option<Box<[u8]>>, Known>,
    selected: Option<Box<[u8]>>,
}

impl TailNames {
    /// Takes in a line's tail: `UID="root"` names the id that the record's field `uid` holds.
    pub fn learn(&mut self, line: &Line<'_>) {
        if line.names.is_empty() {
            return;
        }
        if self.nodes.len() >= NODES_MAX {
            self.nodes.clear();
        }
        let known = self.nodes.entry(line.node.map(Box::from)).or_default();
        for tail in fields(line.names) {
            let field = tail.name.to_ascii_lowercase();
            let Some(kind) = id_kind(&field) else { continue };
            let names = match kind {
                IdKind::User => &mut known.users,
                IdKind::Group => &mut known.groups,
            };
            let Some(id) = id(line.body, &field) else { continue };
            let Some(name) = decode(&tail.value) else { continue };
            let Ok(name) = std::str::from_utf8(&name) else { continue };
            if matches!(name, "unset" | "unknown") || names.get(&id).is_some_and(|known| &**known == name) {
                continue;
            }
            if names.len() >= NAMES_MAX {
                names.clear();
            }
            names.insert(id, name.into());
        }
    }

    /// Says from which node the next ids are.
    pub fn select(&mut self, node: Option<&[u8]>) {
        if self.selected.as_deref() != node {
            self.selected = node.map(Box::from);
        }
    }
}

impl Resolve for TailNames {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.nodes.get(&self.selected)?.users.get(&id).cloned()
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.nodes.get(&self.selected)?.groups.get(&id).cloned()
    }
}

/// The id that a field of the record, or of its nested message, holds.
fn id(body: &[u8], name: &[u8]) -> Option<u32> {
    let value = find(body, name).or_else(|| match find(body, b"msg")? {
        Value::Message(inside) => find(inside, name),
        _ => None,
    })?;
    let Value::Bare(digits) = value else { return None };
    std::str::from_utf8(digits).ok()?.parse().ok()
}
