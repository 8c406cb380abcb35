//! Which capabilities are kept, in all five sets of a thread (capabilities(7)).

use std::collections::BTreeSet;

use anyhow::ensure;
use caps::{CapSet, Capability, CapsHashSet};

/// The name of a capability by its number, as the configuration has it: `audit_control`.
pub(super) fn name(index: u8) -> String {
    let known = caps::all().into_iter().find(|capability| capability.index() == index);
    known.map_or_else(|| index.to_string(), text)
}

fn text(capability: Capability) -> String {
    capability.to_string().trim_start_matches("CAP_").to_ascii_lowercase()
}

/// What has become of them.
pub(super) struct Kept {
    /// What is wanted and not to be had, in words.
    pub(super) missing: Option<String>,
    /// Whether the others are given up only when a program is executed.
    pub(super) takes_execution: bool,
}

/// Gives up all but these, of which it keeps those that it has.
///
/// They are made ambient, so that a program that is executed in this one's place has them whatever the user. Whoever may
/// not empty the bounding set has no need to: without new privileges nothing in it can be had. Where a filter of the
/// service manager's does not let capset(2) through, the ambient set alone decides what an executed program has.
pub(super) fn keep(wanted: &BTreeSet<u8>) -> anyhow::Result<Kept> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let is_wanted = |capability: &Capability| wanted.contains(&capability.index());
    let kept: CapsHashSet = permitted.iter().copied().filter(is_wanted).collect();
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.into_iter().filter(|one| !kept.contains(one)) {
            caps::drop(None, CapSet::Bounding, capability)?;
        }
    }
    let ambient = caps::read(None, CapSet::Ambient)?;
    for capability in ambient.difference(&kept) {
        caps::drop(None, CapSet::Ambient, *capability)?;
    }
    let takes_execution = caps::set(None, CapSet::Inheritable, &kept).is_err();
    if takes_execution {
        // Anything else than started with the ambient set would have the old rights again.
        ensure!(kept.is_subset(&ambient), "capset is refused, and they are not ambient");
    } else {
        caps::set(None, CapSet::Effective, &kept)?;
        caps::set(None, CapSet::Permitted, &kept)?;
        for capability in &kept {
            caps::raise(None, CapSet::Ambient, *capability)?;
        }
    }
    let missing: Vec<String> = wanted
        .iter()
        .filter(|index| !kept.iter().any(|one| one.index() == **index))
        .map(|index| name(*index))
        .collect();
    // Who has none at all cannot run the daemon anyway, and is told so.
    let missing = (!missing.is_empty() && !permitted.is_empty())
        .then(|| format!("not to be had: the capability {}", missing.join(", ")));
    Ok(Kept { missing, takes_execution })
}

/// The names of those that can be used, in their order.
pub(super) fn held() -> anyhow::Result<Vec<String>> {
    let mut held: Vec<Capability> = caps::read(None, CapSet::Permitted)?.into_iter().collect();
    held.sort_by_key(Capability::index);
    Ok(held.into_iter().map(text).collect())
}
