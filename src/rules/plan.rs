//! How to get from the rules that the kernel has to those that are wanted: what to add and to delete, and in what
//! order.
//!
//! The first rule of a list that matches decides, and the kernel only puts rules at the ends of a list. A plan keeps to
//! this: whenever it is stopped, each event is decided either as by the rules before or as by those wanted, and a rule
//! that is in both sets is there, itself or as a stand-in that matches the same. (When several rules go to the front,
//! what one of them matches may for a moment be recorded by another of them. Nothing is missed.)
//!
//! So new rules go to the end first, where they decide only what no rule did before, and then those no longer wanted
//! are deleted from the back. A rule that has to come before one that is there goes to the front if it can. Otherwise
//! the one that is there moves behind it. A rule moves by way of a stand-in, as the kernel takes no rule twice. Rules
//! whose order makes no difference are not moved.

use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::fast::RandomState;

use super::field;
use super::scope::Scope;
use super::{Action, Condition, FIELDS_MAX, Identity, List, Operator, Rule, Value};

/// One request to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Add the rule, which is new, or a stand-in for it, where its `prepends` says.
    Add(Rule),
    /// Add the rule, which has been there, or a stand-in for it, where its `prepends` says.
    Again(Rule),
    /// Delete the first rule that is the same.
    Delete(Rule),
}

/// How to change the kernel's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Wanted and not there, each once, in the order in which they will stand.
    pub added: Vec<Rule>,
    /// There and not wanted, each once, in the order listed.
    pub deleted: Vec<Rule>,
    /// There and wanted, but moved before or behind others.
    pub moved: Vec<Rule>,
    /// The requests, in their order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// The plan that makes of the rules `installed`, in the kernel's order, those `wanted`, in the order of loading.
///
/// Of a rule that is there several times, as when it was put in front again, the first decides; if it stays, the others
/// do too, as the kernel would delete the first.
pub fn plan(installed: &[Rule], wanted: &[Rule]) -> Plan {
    let mut plan = Plan::default();
    for (list, _, _) in List::ALL {
        let (there, copies) = each_once(installed.iter().filter(|rule| rule.list == list));
        let target = target(wanted.iter().filter(|rule| rule.list == list));
        if there != target {
            Change::new(&there, copies, &target).write(&mut plan);
        }
    }
    plan
}

/// Those of the rules `wanted` that are not among those `installed`, each once, in the order of loading.
pub fn missing<'a>(installed: &[Rule], wanted: &'a [Rule]) -> Vec<&'a Rule> {
    let mut known: HashSet<Identity<'_>, RandomState> = installed.iter().map(Rule::identity).collect();
    wanted.iter().filter(|rule| known.insert(rule.identity())).collect()
}

/// Each rule where it is there first, and how many times it is there.
fn each_once<'a>(rules: impl Iterator<Item = &'a Rule>) -> (Vec<&'a Rule>, Vec<usize>) {
    let mut known: HashMap<Identity<'_>, usize, RandomState> = HashMap::default();
    let (mut there, mut copies): (Vec<&Rule>, Vec<usize>) = (Vec::new(), Vec::new());
    for rule in rules {
        let place = *known.entry(rule.identity()).or_insert(there.len());
        match copies.get_mut(place) {
            Some(copies) => *copies += 1,
            None => {
                there.push(rule);
                copies.push(1);
            }
        }
    }
    (there, copies)
}

/// The rules of one list in the order in which the kernel would ask them if they were loaded into an empty one.
fn target<'a>(wanted: impl Iterator<Item = &'a Rule>) -> Vec<&'a Rule> {
    let mut order: VecDeque<&Rule> = VecDeque::new();
    let mut known: HashSet<Identity<'_>, RandomState> = HashSet::default();
    for rule in wanted {
        match (known.insert(rule.identity()), rule.prepend) {
            (true, false) => order.push_back(rule),
            // The kernel takes a rule a second time in front, and there it decides.
            (false, true) => {
                order.retain(|other| !other.same_as(rule));
                order.push_front(rule);
            }
            (true, true) => order.push_front(rule),
            (false, false) => {}
        }
    }
    order.into()
}

/// What becomes of a rule that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is there and stays.
    Stays,
    /// It is new, and goes to the front.
    Front,
    /// It is new, and goes to the end.
    End,
    /// It is there, and moves to the front.
    MovesFront,
    /// It is there, and moves to the end.
    Moves,
}

/// The change of one list. What is wanted is known by its place in the order wanted.
struct Change<'a> {
    there: &'a [&'a Rule],
    target: &'a [&'a Rule],
    scopes: Vec<Scope<'a>>,
    /// How many times each rule is there.
    copies: Vec<usize>,
    /// For each rule there its place in the order wanted.
    places: Vec<Option<usize>>,
    fates: Vec<Fate>,
}

impl<'a> Change<'a> {
    fn new(there: &'a [&'a Rule], copies: Vec<usize>, target: &'a [&'a Rule]) -> Change<'a> {
        let numbers: HashMap<Identity<'_>, usize, RandomState> =
            target.iter().enumerate().map(|(place, rule)| (rule.identity(), place)).collect();
        let places: Vec<Option<usize>> =
            there.iter().map(|rule| numbers.get(&rule.identity()).copied()).collect();
        let scopes = target.iter().map(|rule| Scope::of(rule)).collect();
        let mut change =
            Change { there, target, scopes, copies, places, fates: vec![Fate::End; target.len()] };
        let known: Vec<usize> = change.places.iter().flatten().copied().collect();
        known.iter().for_each(|place| change.set(*place, Fate::Moves));
        change.keep_in_order();
        change.settle();
        change
    }

    fn fate(&self, place: usize) -> Fate {
        self.fates.get(place).copied().unwrap_or(Fate::End)
    }

    fn set(&mut self, place: usize, fate: Fate) {
        if let Some(known) = self.fates.get_mut(place) {
            *known = fate;
        }
    }

    /// The places of one of these fates, in the order wanted.
    fn with(&self, fates: [Fate; 2]) -> Vec<usize> {
        (0..self.target.len()).filter(|place| fates.contains(&self.fate(*place))).collect()
    }

    fn may_swap(&self, one: usize, two: usize) -> bool {
        self.scopes.get(one).zip(self.scopes.get(two)).is_none_or(|(one, two)| one.may_swap_with(two))
    }

    /// Lets stay as many as can of the rules that are there: the most that are in the order wanted, and of the others
    /// those whose order makes no difference.
    fn keep_in_order(&mut self) {
        let there: Vec<usize> = self.places.iter().flatten().copied().collect();
        let ordered = longest_ascending(&there);
        ordered.iter().for_each(|place| self.set(*place, Fate::Stays));
        for (at, place) in there.iter().enumerate() {
            if self.fate(*place) == Fate::Stays {
                continue;
            }
            let before = there.get(..at).unwrap_or_default().iter().filter(|other| *other > place);
            let after = there.get(at + 1..).unwrap_or_default().iter().filter(|other| *other < place);
            let mut turned = before.chain(after).filter(|other| self.fate(**other) == Fate::Stays);
            if turned.all(|other| self.may_swap(*place, *other)) {
                self.set(*place, Fate::Stays);
            }
        }
    }

    /// Goes through the rules in the order wanted and says where each goes.
    fn settle(&mut self) {
        let mut stay = self.with([Fate::Stays; 2]);
        let (mut front, mut end): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for place in 0..self.target.len() {
            match self.fate(place) {
                Fate::Stays if end.iter().all(|other| self.may_swap(*other, place)) => {}
                // Something comes to the end that has to come before it.
                Fate::Stays => {
                    self.set(place, Fate::Moves);
                    stay.retain(|other| *other != place);
                    end.push(place);
                }
                fate => {
                    let next = stay.partition_point(|other| *other < place);
                    let (before, after) = stay.split_at(next);
                    let at_end = after.iter().all(|other| self.may_swap(place, *other));
                    let in_front = || {
                        before.iter().chain(&end).all(|other| self.may_swap(place, *other))
                            && front.iter().all(|other| self.may_stand_alone_before(place, *other))
                    };
                    if !at_end && in_front() {
                        let moves = fate == Fate::Moves;
                        self.set(place, if moves { Fate::MovesFront } else { Fate::Front });
                        front.push(place);
                    } else {
                        end.push(place);
                    }
                }
            }
        }
    }

    /// Whether the new rule may be in front for a moment before the one that is to come before it: not if it would keep
    /// out of the log what that one records.
    fn may_stand_alone_before(&self, place: usize, first: usize) -> bool {
        let action = |place: usize| self.target.get(place).map(|rule| rule.action);
        let hides = action(place) == Some(Action::Never) && action(first) == Some(Action::Always);
        !hides || self.may_swap(place, first)
    }

    fn write(&self, plan: &mut Plan) {
        let (front, end) = (self.with([Fate::Front, Fate::MovesFront]), self.with([Fate::End, Fate::Moves]));
        // Up to the last that moves to the front, and from the first that moves to the end on, the order there is made
        // anew once the old places of those that move are free.
        let moves = |place: &usize| matches!(self.fate(*place), Fate::Moves | Fate::MovesFront);
        let (first, front) = front.split_at(front.iter().rposition(moves).map_or(0, |last| last + 1));
        let (end, last) = end.split_at(end.iter().position(moves).unwrap_or(end.len()));
        let (first_ins, last_ins) = (self.stand_ins(first), self.stand_ins(last));
        let gone = |((rule, place), copies): ((&&Rule, &Option<usize>), &usize)| {
            let stays = place.is_some_and(|place| self.fate(place) == Fate::Stays);
            std::iter::repeat_n((**rule).clone(), if stays { 0 } else { *copies })
        };
        let gone: Vec<Rule> = self.there.iter().zip(&self.places).zip(&self.copies).flat_map(gone).collect();

        plan.added.extend(self.rules(&self.with([Fate::Front, Fate::End])));
        plan.moved.extend(self.rules(&self.with([Fate::MovesFront, Fate::Moves])));
        let deleted = self.there.iter().zip(&self.places).filter(|(_, place)| place.is_none());
        plan.deleted.extend(deleted.map(|(rule, _)| (**rule).clone()));

        let add = |(place, rule): (&usize, Rule)| {
            let rule = Rule { prepend: matches!(self.fate(*place), Fate::Front | Fate::MovesFront), ..rule };
            if moves(place) { Step::Again(rule) } else { Step::Add(rule) }
        };
        let steps = |places: &[usize], rules: &[Rule]| {
            places.iter().zip(rules.iter().cloned()).map(add).collect::<Vec<Step>>()
        };
        let steps_themselves = |places: &[usize]| steps(places, &self.rules(places));
        plan.steps.extend(steps_themselves(front).into_iter().rev());
        plan.steps.extend(steps(first, &first_ins).into_iter().rev());
        plan.steps.extend(steps_themselves(end));
        plan.steps.extend(steps(last, &last_ins));
        plan.steps.extend(gone.into_iter().rev().map(Step::Delete));
        plan.steps.extend(steps_themselves(first).into_iter().rev());
        plan.steps.extend(steps_themselves(last));
        plan.steps.extend(first_ins.into_iter().chain(last_ins).rev().map(Step::Delete));
    }

    /// The rules wanted at these places.
    fn rules(&self, places: &[usize]) -> Vec<Rule> {
        let rules = places.iter().filter_map(|place| self.target.get(*place));
        rules.map(|rule| (**rule).clone()).collect()
    }

    /// A stand-in for each of the rules, unlike every rule that is there or wanted.
    fn stand_ins(&self, places: &[usize]) -> Vec<Rule> {
        if places.is_empty() {
            return Vec::new();
        }
        let known = self.there.iter().chain(self.target).map(|rule| rule.identity());
        let known: HashSet<Identity<'_>, RandomState> = known.collect();
        let stand_in = |rule: &Rule| {
            let mut other = stand_in(rule);
            // Each round makes it one condition longer, or gives up where none is left to differ by.
            while known.contains(&other.identity()) && other.conditions.len() < FIELDS_MAX {
                other = stand_in_longer(&other);
            }
            other
        };
        self.rules(places).iter().map(stand_in).collect()
    }
}

/// A rule that matches the same and that the kernel takes for another.
fn stand_in(rule: &Rule) -> Rule {
    if rule.conditions.len() < FIELDS_MAX {
        return stand_in_longer(rule);
    }
    let mut other = rule.clone();
    let first = other.conditions.first().cloned();
    let differing = other.conditions.iter().position(|condition| Some(condition) != first.as_ref());
    match differing {
        Some(place) => other.conditions.swap(0, place),
        // The same condition over and over: one less is the same.
        None => drop(other.conditions.pop()),
    }
    other
}

/// The rule with one condition more, which always holds.
fn stand_in_longer(rule: &Rule) -> Rule {
    let mut other = rule.clone();
    let always = match rule.list {
        // Here the file system is all that can be asked for.
        List::Filesystem => {
            let known = rule.conditions.iter().find(|condition| condition.field == field::FSTYPE);
            known.cloned().unwrap_or(Condition {
                field: field::FSTYPE,
                operator: Operator::NotEqual,
                value: Value::Number(u32::MAX),
            })
        }
        _ => Condition { field: field::PID, operator: Operator::GreaterOrEqual, value: Value::Number(0) },
    };
    let keys = other.conditions.iter().position(|condition| condition.field == field::KEY);
    other.conditions.insert(keys.unwrap_or(other.conditions.len()), always);
    other
}

/// The longest row of numbers, in their order, that ascends.
fn longest_ascending(numbers: &[usize]) -> Vec<usize> {
    // For each length the place of the lowest number that a row of this length can end with.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    let number = |place: usize| numbers.get(place).copied().unwrap_or(usize::MAX);
    for (place, this) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| number(*end) < *this);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(place) = next {
        row.push(number(place));
        next = before.get(place).copied().flatten();
    }
    row.reverse();
    row
}
