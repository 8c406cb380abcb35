//! What has to be done to make the kernel's rules the wanted ones.

use super::Rule;

/// The difference between two sets of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Wanted and not there, in the order wanted.
    pub add: Vec<&'a Rule>,
    /// There and not wanted, in the order listed.
    pub delete: Vec<&'a Rule>,
}

/// The difference between the rules `installed` and those `wanted`. A rule that is in both is left alone; the order of
/// rules is not looked at.
pub fn diff<'a>(installed: &'a [Rule], wanted: &'a [Rule]) -> Changes<'a> {
    let within = |rule: &Rule, rules: &[Rule]| rules.iter().any(|other| other.same_as(rule));
    let mut changes = Changes::default();
    for (index, rule) in wanted.iter().enumerate() {
        let earlier = wanted.get(..index).unwrap_or_default();
        if !within(rule, installed) && !within(rule, earlier) {
            changes.add.push(rule);
        }
    }
    changes.delete.extend(installed.iter().filter(|rule| !within(rule, wanted)));
    changes
}
