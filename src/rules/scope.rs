//! What a rule matches, as far as its text tells: whether anything, whether all that another does, whether its
//! place before or behind another makes a difference.
//!
//! Where that cannot be known the answer is the careful one: a rule covers another only if it must.

use super::field::{self, FieldId};
use super::ranges::Ranges;
use super::{Action, Condition, List, Operator, Rule, Value};

/// The fields that have one value in an event, which every comparison with them is about. (Not the group ids when they
/// are compared for equality, which the kernel also does with the other groups of the process; not what belongs to
/// files, of which an event may have several.)
const SINGLE: [FieldId; 22] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    field::AUID,
    10,
    field::ARCH,
    field::MSGTYPE,
    18,
    24,
    25,
    field::FSTYPE,
    EXIT,
    SUCCESS,
    field::SADDR_FAM,
    200,
    201,
    202,
    203,
];
/// `AUDIT_EXIT`.
const EXIT: FieldId = 103;
/// `AUDIT_SUCCESS`.
const SUCCESS: FieldId = 104;
/// The values a system call gives back when it fails: an errno below 0 (`MAX_ERRNO`, linux/err.h).
const FAILED_FIRST: u32 = u32::MAX - 4094;

/// The condition that ties a rule to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tie<'a> {
    /// One file.
    Path(&'a [u8]),
    /// A directory and all below it, without a slash at its end.
    Directory(&'a [u8]),
}

/// What one rule matches.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub(super) rule: &'a Rule,
    pub(super) tie: Option<Tie<'a>>,
    /// What the conditions leave of each field of [`SINGLE`] that they are about.
    pub(super) ranges: Vec<(FieldId, Ranges)>,
    /// The bits of `perm`.
    pub(super) permissions: Option<u32>,
    /// The other conditions, without keys.
    pub(super) others: Vec<&'a Condition>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(rule: &'a Rule) -> Scope<'a> {
        let mut scope = Scope { rule, tie: None, ranges: Vec::new(), permissions: None, others: Vec::new() };
        for condition in &rule.conditions {
            scope.take(condition);
        }
        scope.join_success_and_exit();
        scope
    }

    fn take(&mut self, condition: &'a Condition) {
        match (condition.field, &condition.value) {
            (field::KEY, _) => {}
            (field::PATH, Value::Text(path)) => self.tie = Some(Tie::Path(path)),
            (field::DIR, Value::Text(path)) => {
                self.tie = Some(Tie::Directory(path.strip_suffix(b"/").unwrap_or(path)));
            }
            (field::PERM, Value::Number(bits)) if self.permissions.is_none() => {
                self.permissions = Some(*bits)
            }
            (id, Value::Number(number)) if SINGLE.contains(&id) => {
                match ranges(id, condition.operator, *number) {
                    Some(ranges) => self.narrow(id, &ranges),
                    None => self.others.push(condition),
                }
            }
            _ => self.others.push(condition),
        }
    }

    fn narrow(&mut self, id: FieldId, to: &Ranges) {
        match self.ranges.iter_mut().find(|(known, _)| *known == id) {
            Some((_, left)) => *left = left.and(to),
            None => self.ranges.push((id, to.clone())),
        }
    }

    /// A call that succeeds gives no errno back, one that fails does.
    fn join_success_and_exit(&mut self) {
        let exits = match self.range(SUCCESS).and_then(Ranges::only) {
            Some(1) => Ranges::between(0, FAILED_FIRST - 1),
            Some(0) => Ranges::between(FAILED_FIRST, u32::MAX),
            _ => return,
        };
        if self.range(EXIT).is_some() {
            self.narrow(EXIT, &exits);
        }
    }

    pub(super) fn range(&self, id: FieldId) -> Option<&Ranges> {
        self.ranges.iter().find(|(known, _)| *known == id).map(|(_, ranges)| ranges)
    }

    /// The field whose conditions no event fulfils together.
    pub(super) fn contradicts_itself(&self) -> Option<FieldId> {
        self.ranges.iter().find(|(_, ranges)| ranges.is_empty()).map(|(id, _)| *id)
    }

    /// Whether this matches every event that `other` does.
    pub(super) fn covers(&self, other: &Scope<'_>) -> bool {
        self.rule.list == other.rule.list
            && (!self.rule.list.has_syscalls() || other.rule.syscalls.are_in(&self.rule.syscalls))
            && self.covers_conditions(other, None)
    }

    /// The same of the conditions alone, without those on the field `but`.
    pub(super) fn covers_conditions(&self, other: &Scope<'_>, but: Option<FieldId>) -> bool {
        let in_range = |(id, ranges): &(FieldId, Ranges)| {
            Some(*id) == but || other.range(*id).is_some_and(|narrower| narrower.are_in(ranges))
        };
        self.ranges.iter().all(in_range)
            && self.tie.is_none_or(|tie| other.tie.is_some_and(|narrower| tie.covers(narrower)))
            && self.permissions.is_none_or(|bits| other.permissions.is_some_and(|fewer| fewer & !bits == 0))
            && self.others.iter().all(|condition| other.others.contains(condition))
    }

    /// Whether no event is matched by both.
    pub(super) fn is_apart_from(&self, other: &Scope<'_>) -> bool {
        let ranges_apart =
            |(id, ranges): &(FieldId, Ranges)| other.range(*id).is_some_and(|two| ranges.and(two).is_empty());
        self.rule.list != other.rule.list
            || self.rule.list.has_syscalls() && !self.rule.syscalls.meet(&other.rule.syscalls)
            || self.ranges.iter().any(ranges_apart)
    }

    /// Whether it makes no difference which of the two comes first in their list.
    ///
    /// It makes none if no event is matched by both, or if both do the same with it. Nor does it with two rules that
    /// record what is done to different files, or by different programs: what concerns both at once, such as the
    /// renaming of one file to the other, is recorded either way, with the key of the first.
    pub(super) fn may_swap_with(&self, other: &Scope<'_>) -> bool {
        let records = |scope: &Scope<'_>| scope.rule.action == Action::Always;
        let same = self.rule.action == other.rule.action
            && (!records(self) || self.rule.keys().eq(other.rule.keys()));
        same || self.is_apart_from(other)
            || records(self) && records(other) && (self.ties_apart(other) || self.programs_apart(other))
    }

    fn ties_apart(&self, other: &Scope<'_>) -> bool {
        match (self.tie, other.tie) {
            (Some(one), Some(two)) => !one.covers(two) && !two.covers(one),
            _ => false,
        }
    }

    fn programs_apart(&self, other: &Scope<'_>) -> bool {
        self.program().zip(other.program()).is_some_and(|(one, two)| one != two)
    }

    /// The program that alone is meant.
    pub(super) fn program(&self) -> Option<&'a [u8]> {
        self.others.iter().find_map(|condition| match &condition.value {
            Value::Text(path) if condition.field == field::EXE && condition.operator == Operator::Equal => {
                Some(path.as_slice())
            }
            _ => None,
        })
    }

    /// Whether something else than the architecture and the system calls narrows it.
    pub(super) fn is_narrow(&self) -> bool {
        let narrows = |(id, ranges): &(FieldId, Ranges)| *id != field::ARCH && *ranges != Ranges::all();
        self.tie.is_some()
            || self.permissions.is_some()
            || !self.others.is_empty()
            || self.ranges.iter().any(narrows)
    }

    /// Whether its list's rules are about system calls.
    pub(super) fn records_calls(&self) -> bool {
        self.rule.list == List::Exit && self.rule.action == Action::Always
    }
}

impl Tie<'_> {
    /// Whether what is tied to `other` is tied to this.
    fn covers(self, other: Tie<'_>) -> bool {
        match (self, other) {
            (Tie::Path(one), Tie::Path(two)) => one == two,
            (Tie::Path(_), Tie::Directory(_)) => false,
            (Tie::Directory(dir), Tie::Path(path) | Tie::Directory(path)) => {
                path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
            }
        }
    }
}

/// The values that a condition leaves, if that can be said.
fn ranges(id: FieldId, operator: Operator, number: u32) -> Option<Ranges> {
    let ranges = Ranges::of(operator, number)?;
    match operator {
        // The kernel takes any number but 0 for success, and knows no order of these two.
        _ if id == SUCCESS && !matches!(operator, Operator::Equal | Operator::NotEqual) => None,
        _ if id == SUCCESS => Some(ranges.and(&Ranges::between(0, 1))),
        _ => Some(ranges),
    }
}
