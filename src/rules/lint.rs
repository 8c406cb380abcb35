//! Rules that are allowed but likely not meant, seen in a whole set of them: what one rule's own text tells is a
//! [`Warning`](super::error::Warning) of the parser.

mod gap;

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use thiserror::Error;

use super::field::{self, Field, FieldId};
use super::scope::{Scope, Tie};
use super::{Action, Condition, List, Rule, Value};
use crate::tables::{self, Arch};

/// What is likely not meant.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Lint {
    /// The same rule again.
    #[error("the same rule stands before it; auditctl -R ends here, as the kernel refuses it")]
    Duplicate,
    /// The same rule again, with its conditions in another order.
    #[error(
        "the rule before it has the same conditions in another order; the kernel keeps both, and this one never decides"
    )]
    Reordered,
    /// An earlier rule matches all that this one does.
    #[error("it never decides: the rule that the kernel asks before it matches all that this one does{}", if *.0 { ", and keeps it out of the log" } else { "" })]
    Shadowed(bool),
    /// No event has what the conditions ask for.
    #[error("it never matches: its conditions on {0} contradict each other{hint}", hint = contradiction_hint(.0))]
    Contradiction(&'static str),
    /// `never,task` for everybody.
    #[error("no process that starts from now on is audited at all, whatever the other rules say")]
    NeverTask,
    /// `never,task` for some.
    #[error("the processes it matches when they start are not audited at all, nor is what they do later")]
    NeverTaskSome,
    /// Every system call of everybody.
    #[error(
        "it records every system call of every process: the log fills and the machine slows down; give -S or -F"
    )]
    Unfiltered,
    /// A rule for 64-bit programs that 32-bit ones get round.
    #[error("32-bit programs can do the same unseen: no rule with arch=b32 stands for {}", gap::names(.0))]
    Gap(Vec<&'static str>),
    /// One key for two purposes.
    #[error("the key \"{}\" is for {here} here and for {there} before: a search for it finds both", key.escape_ascii())]
    KeyTwice {
        /// The key.
        key: Vec<u8>,
        /// What it is for here.
        here: &'static str,
        /// What it is for before.
        there: &'static str,
    },
    /// A key with very many events, as the log has them.
    #[error(
        "the key \"{}\" has {per_hour:.0} events an hour in the log, more than {BUSY_PER_HOUR}: it fills the log; narrow the rule or leave it out",
        key.escape_ascii()
    )]
    Busy {
        /// The key.
        key: Vec<u8>,
        /// Its events an hour, as the mean of the time that the log covers.
        per_hour: f64,
    },
}

/// Events of one key in an hour above which a rule is said to fill the log: ten a second, nearly a million a day. At about
/// 800 bytes an event that is 700 MB a day before they are compressed.
pub const BUSY_PER_HOUR: u32 = 36_000;
/// Milliseconds that a log has to cover for its rates to be judged: a program that starts makes many events at once.
pub const BUSY_SPAN_MS_MIN: u64 = 600_000;

/// Something that is likely not meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule, by its place in the set.
    pub rule: usize,
    /// The other rule it has to do with.
    pub other: Option<usize>,
    /// What.
    pub lint: Lint,
}

/// Looks through rules, given in the order of loading. Findings come in that order too.
pub fn lint(rules: &[Rule]) -> Vec<Finding> {
    let scopes: Vec<Scope<'_>> = rules.iter().map(Scope::of).collect();
    let mut findings = Vec::new();
    for (rule, scope) in scopes.iter().enumerate() {
        findings.extend(alone(scope).map(|lint| Finding { rule, other: None, lint }));
    }
    findings.extend(repeated(rules, &scopes));
    findings.extend(gap::find(&scopes));
    findings.extend(keys(&scopes));
    findings.sort_by_key(|finding| finding.rule);
    findings
}

/// Gives the events an hour that a log has of a key; `None` where that cannot be known.
pub type Rates<'a, E> = dyn FnMut(&[u8]) -> Result<Option<f64>, E> + 'a;

/// The rules whose keys have more than [`BUSY_PER_HOUR`] events an hour, each key at its first rule. `span` is the time that
/// the log covers, in milliseconds since 1970: of less than [`BUSY_SPAN_MS_MIN`] nothing is said. An error of
/// `per_hour` is given on.
pub fn busy<E>(
    rules: &[Rule],
    span: Option<(u64, u64)>,
    per_hour: &mut Rates<'_, E>,
) -> Result<Vec<Finding>, E> {
    let mut findings = Vec::new();
    if span.is_none_or(|(first, last)| last.saturating_sub(first) < BUSY_SPAN_MS_MIN) {
        return Ok(findings);
    }
    let mut known: HashSet<&[u8], RandomState> = HashSet::default();
    for (rule, keys) in rules.iter().map(Rule::keys).enumerate() {
        for key in keys {
            if !known.insert(key) {
                continue;
            }
            if let Some(per_hour) = per_hour(key)?.filter(|rate| *rate > f64::from(BUSY_PER_HOUR)) {
                findings.push(Finding {
                    rule,
                    other: None,
                    lint: Lint::Busy { key: key.to_vec(), per_hour },
                });
            }
        }
    }
    Ok(findings)
}

/// What is wrong with a rule whatever the others say.
fn alone(scope: &Scope<'_>) -> Option<Lint> {
    let rule = scope.rule;
    if let Some(field) = scope.contradicts_itself() {
        return Some(Lint::Contradiction(Field::from_id(field).map_or("one field", |field| field.name)));
    }
    match (rule.list, rule.action) {
        (List::Task, Action::Never) if scope.is_narrow() => Some(Lint::NeverTaskSome),
        (List::Task, Action::Never) => Some(Lint::NeverTask),
        (List::Exit, Action::Always) if rule.syscalls.is_all() && !scope.is_narrow() => {
            Some(Lint::Unfiltered)
        }
        _ => None,
    }
}

fn contradiction_hint(field: &str) -> &'static str {
    match field {
        "exit" => " (the kernel compares without sign: -1 is above every number from 0 on)",
        _ => "",
    }
}

/// The places of rules in the order in which the kernel asks them: those put in front last come first.
fn order(rules: &[Rule]) -> Vec<usize> {
    let (front, back): (Vec<usize>, Vec<usize>) =
        (0..rules.len()).partition(|place| rules.get(*place).is_some_and(Rule::prepends));
    front.into_iter().rev().chain(back).collect()
}

/// Rules that others before them make useless.
fn repeated(rules: &[Rule], scopes: &[Scope<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut same = HashMap::with_capacity_and_hasher(rules.len(), RandomState::default());
    let mut earlier: HashMap<Anchor<'_>, Vec<usize>, RandomState> = HashMap::default();
    for place in order(rules) {
        let (Some(rule), Some(scope)) = (rules.get(place), scopes.get(place)) else { continue };
        if let Some(first) = same.insert(rule.identity(), place) {
            // Of two equal rules the later one of the file is the one too many.
            let (first, second) = (first.min(place), first.max(place));
            findings.push(Finding { rule: second, other: Some(first), lint: Lint::Duplicate });
            continue;
        }
        let before = anchors_of_covering(scope).filter_map(|anchor| earlier.get(&anchor)).flatten();
        let covering =
            before.copied().filter(|other| scopes.get(*other).is_some_and(|other| other.covers(scope))).min();
        if let (Some(other), None) = (covering, scope.contradicts_itself()) {
            let first = rules.get(other);
            let lint = match first {
                Some(first) if first.says_the_same_as(rule) => Lint::Reordered,
                first => Lint::Shadowed(
                    rule.action == Action::Always && first.is_some_and(|first| first.action == Action::Never),
                ),
            };
            findings.push(Finding { rule: place, other: Some(other), lint });
        }
        if scope.contradicts_itself().is_none() {
            earlier.entry(anchor(scope)).or_default().push(place);
        }
    }
    findings
}

impl Rule {
    /// Whether the rules have the same conditions, in whatever order.
    fn says_the_same_as(&self, other: &Rule) -> bool {
        let all_in = |one: &Rule, two: &Rule| {
            one.conditions.iter().all(|condition| two.conditions.contains(condition))
        };
        self.action == other.action
            && self.syscalls.without_classes() == other.syscalls.without_classes()
            && self.conditions.len() == other.conditions.len()
            && all_in(self, other)
            && all_in(other, self)
    }
}

/// Something that a rule has and that every rule it covers must have too: a rule need only be compared with those that
/// share one. The first that a rule has is its own.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Anchor<'a> {
    Tie(List, Tie<'a>),
    Other(List, &'a Condition),
    Number(List, FieldId, u32),
    Nothing(List),
}

/// The one that fewest rules share, by its sort.
fn anchor<'a>(scope: &Scope<'a>) -> Anchor<'a> {
    let list = scope.rule.list;
    let other = |text: bool| {
        let mut others =
            scope.others.iter().filter(|condition| matches!(condition.value, Value::Text(_)) == text);
        others.next().map(|condition| Anchor::Other(list, condition))
    };
    let tie = scope.tie.map(|tie| Anchor::Tie(list, tie)).or_else(|| other(true));
    let number =
        || numbers(scope, false).next().or_else(|| other(false)).or_else(|| numbers(scope, true).next());
    tie.or_else(number).unwrap_or(Anchor::Nothing(list))
}

/// The fields that are to have one certain number: the architecture, or the others.
fn numbers<'a>(scope: &Scope<'_>, arch: bool) -> impl Iterator<Item = Anchor<'a>> {
    let list = scope.rule.list;
    let fields = scope.ranges.iter().filter(move |(id, _)| (*id == field::ARCH) == arch);
    fields.filter_map(move |(id, ranges)| ranges.only().map(|only| Anchor::Number(list, *id, only)))
}

/// The anchors that a rule which covers this one can have.
fn anchors_of_covering<'a, 's>(scope: &'s Scope<'a>) -> impl Iterator<Item = Anchor<'a>> + use<'a, 's> {
    let list = scope.rule.list;
    let path = match scope.tie {
        Some(Tie::Path(path) | Tie::Directory(path)) => Some(path),
        None => None,
    };
    let parents = path.into_iter().flat_map(|path| {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        ends.chain([path.len()]).filter_map(|end| path.get(..end))
    });
    let own = scope.tie.filter(|tie| matches!(tie, Tie::Path(_)));
    let ties = parents.map(Tie::Directory).chain(own).map(move |tie| Anchor::Tie(list, tie));
    let others = scope.others.iter().copied().map(move |condition| Anchor::Other(list, condition));
    let numbers = numbers(scope, false).chain(numbers(scope, true));
    ties.chain(others).chain(numbers).chain([Anchor::Nothing(list)])
}

/// Keys that stand for two purposes.
fn keys(scopes: &[Scope<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: HashMap<&[u8], (usize, &'static str)> = HashMap::new();
    for (rule, scope) in scopes.iter().enumerate() {
        let Some(here) = purpose(scope) else { continue };
        for key in scope.rule.keys() {
            let (other, there) = *first.entry(key).or_insert((rule, here));
            if there != here {
                let lint = Lint::KeyTwice { key: key.to_vec(), here, there };
                findings.push(Finding { rule, other: Some(other), lint });
            }
        }
    }
    findings
}

/// Calls by which programs are run.
const RUNNING: [&str; 2] = ["execve", "execveat"];
/// Calls by which connections are made and taken.
const CONNECTING: [&str; 7] = ["socket", "connect", "bind", "listen", "accept", "accept4", "socketcall"];
/// `AUDIT_PERM_EXEC`.
const EXECUTE: u32 = 1;

/// What a rule's key is for, where that is plain: `None` for what fits beside any other.
fn purpose(scope: &Scope<'_>) -> Option<&'static str> {
    match scope.rule.list {
        List::User => return Some("messages of programs"),
        List::Task => return Some("the start of processes"),
        List::Filesystem => return Some("a file system"),
        List::Exclude => return None,
        List::Exit | List::IoUring => {}
    }
    if scope.rule.action == Action::Never {
        return Some("what is kept out of the log");
    }
    let arch = scope.range(field::ARCH).and_then(super::ranges::Ranges::only).and_then(Arch::from_token);
    let arch = arch.unwrap_or(Arch::native());
    let only = |names: &[&str]| {
        let named = |number| tables::syscall_name(arch, number).is_some_and(|name| names.contains(&name));
        !scope.rule.syscalls.is_empty() && scope.rule.syscalls.numbers().take(names.len() + 1).all(named)
    };
    match scope.permissions {
        // To run a certain program may be one of the ways to what other rules watch.
        Some(EXECUTE) if scope.tie.is_some() => None,
        Some(EXECUTE) => Some("running programs"),
        Some(_) if scope.tie.is_some() => Some("access to files"),
        _ if scope.rule.list == List::IoUring => None,
        _ if only(&RUNNING) => Some("running programs"),
        _ if only(&CONNECTING) => Some("the network"),
        _ => None,
    }
}
