//! Which paths can be opened, by Landlock (landlock(7)). A kernel without it, or with less of it, limits what it can.
//!
//! What is granted hangs on a directory that is there now, whatever its name is later. Looking a path up is not limited:
//! rules on any path can be loaded. Nor is what is open already.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::Rights;
use crate::protocol::Enforced;

/// The newest version of Landlock of which all is used, and what a kernel is measured by.
const VERSION: ABI = ABI::V6;

/// Limits this thread, and what it starts, to the paths of these rights and their port. Signals reach nobody outside.
pub(super) fn limit(rights: &Rights) -> Result<Enforced, landlock::RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let special = AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeFifo
        | AccessFs::MakeSym
        | AccessFs::IoctlDev;
    let write = read | (AccessFs::from_write(VERSION) & !special);
    let bind = AccessNet::BindTcp.into();
    let network = if rights.network { bind } else { AccessNet::from_all(VERSION) };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(network)?
        .scope(Scope::Signal)?
        .create()?;
    for (paths, access) in
        [(&rights.read, read), (&rights.write, write), (&rights.execute, read | AccessFs::Execute)]
    {
        for path in paths {
            ruleset = allow(ruleset, path, access)?;
        }
    }
    if let Some(port) = rights.port {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::BindTcp))?;
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Enforced::All,
        RulesetStatus::PartiallyEnforced => Enforced::Some,
        RulesetStatus::NotEnforced => Enforced::None,
    })
}

/// Allows what is below a path; of a path that is not there, nothing.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(place) = PathFd::new(path) else { return Ok(ruleset) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(VERSION) };
    ruleset.add_rule(PathBeneath::new(place, access))
}
