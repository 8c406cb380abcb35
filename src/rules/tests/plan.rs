//! How one set of rules is made another, tried on a kernel of rules in memory.

use std::slice::from_ref;

use proptest::prelude::*;

use super::{generated, read, rule};
use crate::rules::plan::{Plan, Step, missing, plan};
use crate::rules::{Action, Rule};

/// One list of a kernel.
#[derive(Clone, Debug, Default)]
struct Kernel(Vec<Rule>);

impl Kernel {
    fn load(wanted: &[Rule]) -> Kernel {
        let mut kernel = Kernel::default();
        for rule in wanted {
            if rule.prepends() || !kernel.has(rule) {
                kernel.take(&Step::Add(rule.clone()));
            }
        }
        kernel
    }

    fn has(&self, rule: &Rule) -> bool {
        self.0.iter().any(|known| known.same_as(rule))
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Add(rule) | Step::Again(rule) if rule.prepends() => self.0.insert(0, rule.clone()),
            Step::Add(rule) | Step::Again(rule) => {
                assert!(!self.has(rule), "the kernel has it already: {rule}");
                self.0.push(rule.clone());
            }
            Step::Delete(rule) => {
                let first = self.0.iter().position(|known| known.same_as(rule));
                self.0.remove(first.expect("what is deleted is there"));
            }
        }
    }
}

/// Rules by letter and range: `a3-5` records the users 3 to 5 with the key a, `!3-5` keeps them out of the log; with
/// `^` in front it is prepended.
fn rules(text: &str) -> Vec<Rule> {
    let one = |word: &str| {
        let (option, word) = word.strip_prefix('^').map_or(("-a", word), |word| ("-A", word));
        let (letter, range) = word.split_at(1);
        let (first, last) = range.split_once('-').expect("a range");
        let bounds = format!("-F uid>={first} -F uid<={last}");
        rule(&match letter {
            "!" => format!("{option} never,exit -S all {bounds}"),
            key => format!("{option} always,exit -S all {bounds} -k {key}"),
        })
    };
    text.split_whitespace().map(one).collect()
}

fn show(rules: &[Rule]) -> String {
    let one = |rule: &Rule| {
        let text = rule.to_string();
        let bound = |sign: &str| {
            let rest = text.split(&format!("uid{sign}=")).nth(1).expect("a bound");
            rest.split(' ').next().expect("a number").to_owned()
        };
        let key = rule.keys().next().map_or("!".to_owned(), |key| String::from_utf8_lossy(key).into_owned());
        let stand_in = if text.contains("pid>=0") { "~" } else { "" };
        format!("{stand_in}{key}{}-{}", bound(">"), bound("<"))
    };
    rules.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What the rules do with what user `uid` does: the key it is recorded with.
fn decide(rules: &[Rule], uid: u32) -> Option<String> {
    let bound = |rule: &Rule, sign: &str| -> u32 {
        let text = rule.to_string();
        let rest =
            text.split(&format!(" uid{sign}=")).nth(1).or_else(|| text.split(&format!("uid{sign}=")).nth(1));
        rest.and_then(|rest| rest.split(' ').next()).and_then(|number| number.parse().ok()).expect("a bound")
    };
    let matching = rules.iter().find(|rule| (bound(rule, ">")..=bound(rule, "<")).contains(&uid))?;
    let key = || matching.keys().next().map(|key| String::from_utf8_lossy(key).into_owned());
    if matching.action() == Action::Never { None } else { key() }
}

/// Users enough for all ranges that the tests have.
const USERS: std::ops::Range<u32> = 0..10;

/// Runs the plan; every moment is looked at.
fn check(installed: &[Rule], wanted: &[Rule]) -> Plan {
    let mut kernel = Kernel(installed.to_vec());
    let target = Kernel::load(wanted);
    let plan = plan(installed, wanted);
    let told = || format!("{} to {}: {:#?}", show(installed), show(wanted), plan.steps);
    let before: Vec<_> = USERS.map(|uid| decide(installed, uid)).collect();
    let after: Vec<_> = USERS.map(|uid| decide(&target.0, uid)).collect();
    for step in &plan.steps {
        kernel.take(step);
        for ((uid, before), after) in USERS.zip(&before).zip(&after) {
            let now = decide(&kernel.0, uid);
            // Of several new rules in front the later are there a moment before the first, but only if they record.
            assert!(now == *before || now == *after || now.is_some(), "user {uid} gets {now:?}: {}", told());
        }
        for both in installed.iter().filter(|rule| target.has(rule)) {
            let there = kernel.0.iter().any(|rule| {
                rule.same_as(both) || show(from_ref(rule)).trim_start_matches('~') == show(from_ref(both))
            });
            assert!(there, "{both} is absent: {}", told());
        }
    }
    for (uid, after) in USERS.zip(&after) {
        assert_eq!(decide(&kernel.0, uid), *after, "user {uid}: {}", told());
    }
    assert!(
        kernel.0.iter().all(|rule| target.has(rule)) && target.0.iter().all(|rule| kernel.has(rule)),
        "{}: {}",
        show(&kernel.0),
        told()
    );
    plan
}

#[test]
fn a_plan_does_the_least() {
    // Installed, wanted, what is added, deleted and moved, and the number of requests.
    let cases = [
        ("", "", "", "", "", 0),
        ("a1-1 b2-2", "a1-1 b2-2", "", "", "", 0),
        ("", "a1-1 b2-2 a1-1", "a1-1 b2-2", "", "", 2),
        ("a1-1 b2-2", "", "", "a1-1 b2-2", "", 2),
        ("a1-1 b2-2", "a1-1 c3-3", "c3-3", "b2-2", "", 2),
        // Apart from each other: their order makes no difference.
        ("a1-1 b2-2", "b2-2 a1-1", "", "", "", 0),
        ("a1-1 b2-2", "c3-3 b2-2 a1-1", "c3-3", "", "", 1),
        ("a1-1 b2-2 c3-3", "a1-1 x4-5 c3-3", "x4-5", "b2-2", "", 2),
        // Both do the same.
        ("a1-5 a3-7", "a3-7 a1-5", "", "", "", 0),
        ("!1-5 !3-7", "!3-7 !1-5", "", "", "", 0),
        // A new rule that has to come first goes to the front.
        ("a1-5", "!3-3 a1-5", "!3-3", "", "", 1),
        ("a1-5 b2-7", "c1-9 a1-5 b2-7", "c1-9", "", "", 1),
        ("a1-5", "b1-2 !3-3 a1-5", "b1-2 !3-3", "", "", 2),
        // In front of the one and behind the other.
        ("a1-5 b2-7", "a1-5 !3-9 b2-7", "!3-9", "", "b2-7", 5),
        ("a1-5 b8-9 b2-7", "a1-5 !3-9 b8-9 b2-7", "!3-9", "", "b8-9 b2-7", 9),
        // Order that matters has changed.
        ("a1-5 b2-7", "b2-7 a1-5", "", "", "a1-5", 4),
        ("a1-5 !2-7 c3-9", "!2-7 c3-9 a1-5", "", "", "a1-5", 4),
        ("a1-5 c3-9 !2-7", "!2-7 a1-5 c3-9", "", "", "!2-7", 4),
        ("a1-5 b8-9 !2-7", "!2-7 x1-9 a1-5 b8-9", "x1-9", "", "!2-7", 5),
        // In front one that keeps out of the log would be there before the one that records.
        ("a1-5 b8-9 !2-7", "b2-3 !2-7 x1-9 a1-5 b8-9", "b2-3 x1-9", "", "!2-7 a1-5 b8-9", 16),
        // Put in front.
        ("a1-5", "a1-5 ^b2-7", "b2-7", "", "", 1),
        ("a1-5", "^b2-7 a1-5 ^c3-3", "c3-3 b2-7", "", "", 2),
        ("b2-7 a1-5", "a1-5 ^b2-7", "", "", "", 0),
        ("a1-5 b2-7", "a1-5 b2-7 ^b2-7", "", "", "a1-5", 4),
        // There twice, as when it was prepended again: the first decides, and would be deleted first.
        ("a1-5 b2-7 a1-5", "b2-7 a1-5", "", "", "a1-5", 5),
        ("a1-5 b2-7 a1-5", "b2-7", "", "a1-5", "", 2),
        ("c7-8 !6-8 b0-0 c7-8", "!6-8 ^c7-8 b0-0", "", "", "", 0),
        ("a1-5 a1-5", "", "", "a1-5", "", 2),
        ("a1-5 a1-5", "a1-5", "", "", "", 0),
    ];
    for (installed, wanted, added, deleted, moved, requests) in cases {
        let plan = check(&rules(installed), &rules(wanted));
        let told = (show(&plan.added), show(&plan.deleted), show(&plan.moved), plan.steps.len());
        let expected = (added.to_owned(), deleted.to_owned(), moved.to_owned(), requests);
        assert_eq!(told, expected, "{installed} to {wanted}");
    }
}

#[test]
fn a_load_that_changes_one_rule_of_a_thousand_sends_no_more_than_it_must() {
    let watch = |number: usize| rule(&format!("-w /etc/file{number} -p wa -k key{number}"));
    let installed: Vec<Rule> = (0..1000).map(watch).collect();
    let mut one_more = installed.clone();
    one_more.insert(400, watch(5000));
    let mut one_less = installed.clone();
    one_less.remove(400);
    let mut other = installed.clone();
    other[400] = rule("-w /etc/file400 -p rwa -k key400");
    let mut first = installed.clone();
    first.insert(0, rule("-a never,exit -F exe=/usr/bin/backup"));
    for (wanted, requests) in [(one_more, 1), (one_less, 1), (other, 2), (first, 1), (installed.clone(), 0)] {
        assert_eq!(plan(&installed, &wanted).steps.len(), requests);
    }
}

#[test]
fn rules_of_other_lists_have_an_order_of_their_own() {
    let (a, b) = (rule("-a never,user -F uid=1"), rule("-a always,exit -F uid=1"));
    assert!(plan(&[b.clone(), a.clone()], &[a, b]).is_empty());
}

/// Whether two rules may change places.
#[test]
fn the_order_of_rules_matters_where_both_may_match_and_do_not_do_the_same() {
    let cases = [
        ("-w /a -p r -k a", "-w /b -p r -k b", false),
        ("-w /a -p r -k a", "-w /a -p rw -k b", true),
        ("-w /dir -p r -k a", "-w /dir/x -p r -k b", true),
        ("-w /dir -p r -k a", "-w /directory -p r -k b", false),
        ("-w /a -p r -k a", "-a never,exit -F path=/b -F perm=r", true),
        ("-w /a -p r -k a", "-a never,exit -F exe=/b", true),
        ("-a always,exit -S 1 -F exe=/a -k a", "-a always,exit -S 1 -F exe=/b -k b", false),
        ("-a always,exit -S 1 -F exe=/a -k a", "-a never,exit -S 1 -F exe=/b", true),
        ("-a always,exit -S 1 -F exe!=/a -k a", "-a always,exit -S 1 -F exe=/b -k b", true),
        ("-a always,exit -S 1 -k a", "-a always,exit -S 2 -k b", false),
        ("-a always,exit -S 1,2 -k a", "-a always,exit -S 2 -k b", true),
        ("-a always,exit -F arch=b64 -S 2 -k a", "-a always,exit -F arch=b32 -S 2 -k b", false),
        ("-a always,exit -F arch=b64 -S 2 -k a", "-a always,exit -S 2 -F uid=1 -k b", true),
        ("-a always,exit -F auid>=1000 -S 2 -k a", "-a never,exit -S 2 -F auid<1000", false),
        ("-a always,exit -F success=0 -S 2 -k a", "-a never,exit -S 2 -F success=1", false),
        ("-a always,exit -F gid=5 -S 2 -k a", "-a never,exit -S 2 -F gid=6", true),
        ("-a always,exit -S 1,2 -k a", "-a always,exit -S 2,3 -k a", false),
        ("-a never,exclude -F msgtype=CWD", "-a never,exclude -F msgtype>=1", false),
    ];
    for (one, two, matters) in cases {
        let (one, two) = (rule(one), rule(two));
        for (one, two) in [(&one, &two), (&two, &one)] {
            let turned = plan(&[one.clone(), two.clone()], &[two.clone(), one.clone()]);
            assert_eq!(!turned.is_empty(), matters, "{one} and {two}");
        }
    }
}

#[test]
fn a_rule_that_the_kernel_lists_is_the_one_that_was_loaded() {
    let all = rule("-A always,exit -S all -F uid=1");
    let mut bytes = all.to_kernel();
    bytes[0] = 4;
    // The kernel does not list the bits of the classes, the upper half of the last word, nor prepending.
    bytes[12 + 63 * 4..12 + 64 * 4].copy_from_slice(&0xffff_u32.to_ne_bytes());
    let listed = Rule::from_kernel(&bytes).expect("a rule");
    assert!(listed != all && listed.same_as(&all) && listed.syscalls().is_all());
    assert_eq!(listed.to_string(), "-a always,exit -S all -F uid=1");
    assert!(plan(from_ref(&listed), from_ref(&all)).is_empty());
    assert!(missing(&[listed], &[all]).is_empty());
}

#[test]
fn what_is_missing_comes_in_its_order_and_once() {
    let missing_of = |there: &str, wanted: &str| {
        let (there, wanted) = (rules(there), rules(wanted));
        show(&missing(&there, &wanted).into_iter().cloned().collect::<Vec<_>>())
    };
    assert_eq!(missing_of("b2-7", "a1-5 b2-7 c3-3 a1-5"), "a1-5 c3-3");
    assert_eq!(missing_of("", ""), "");
}

/// Rules of all lists: a stand-in is one that the kernel takes for another, and valid in its list.
#[test]
fn any_rule_can_be_moved() {
    let keyed = "-k a";
    let full = "-F auid!=1 ".repeat(62);
    let same = "-F auid!=1 ".repeat(64);
    let both = [
        (format!("-a always,exit -S all -F uid>=1 {keyed}"), "-a never,exit -F uid>=2".to_owned()),
        (format!("-a always,io_uring -S openat -F uid>=1 {keyed}"), "-a never,io_uring -S openat".to_owned()),
        (format!("-a always,user -F uid>=1 {keyed}"), "-a never,user -F uid>=2".to_owned()),
        ("-a always,task -F uid>=1".to_owned(), "-a never,task -F uid>=2".to_owned()),
        ("-a always,filesystem -F fstype!=5".to_owned(), "-a never,filesystem -F fstype!=6".to_owned()),
        (format!("-a always,exit -S 1 -F uid!=2 {full}{keyed}"), "-a never,exit -S 1".to_owned()),
        (format!("-a always,exit -S 1 {same}"), "-a never,exit -S 1".to_owned()),
        ("-a always,exit -S 1 -F pid>=0".to_owned(), "-a never,exit -S 1".to_owned()),
    ];
    for (one, two) in both {
        let (one, two) = (rule(&one), rule(&two));
        let turned = plan(&[one.clone(), two.clone()], &[two.clone(), one.clone()]);
        assert_eq!((turned.steps.len(), turned.moved.len()), (4, 1), "{one}");
        let mut kernel = Kernel(vec![one.clone(), two.clone()]);
        for step in &turned.steps {
            kernel.take(step);
            let Step::Again(stand_in) = step else { continue };
            let written = stand_in.to_string();
            assert!(read(written.as_bytes()).0.same_as(stand_in), "{written}");
        }
        assert_eq!(
            kernel.0.iter().map(Rule::to_string).collect::<Vec<_>>(),
            [two.to_string(), one.to_string()]
        );
    }
}

/// A rule of [`rules`], in text.
fn words() -> impl Strategy<Value = String> {
    let range =
        (0_u32..8, 0_u32..4, prop_oneof![2 => "[abc]", 1 => Just("!".to_owned())], prop::bool::weighted(0.1));
    range.prop_map(|(first, more, letter, front)| {
        format!("{}{letter}{first}-{}", if front { "^" } else { "" }, first + more)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn at_every_moment_each_event_is_decided_as_before_or_as_wanted(
        installed in prop::collection::vec(words(), 0..8),
        kept in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        new in prop::collection::vec((any::<prop::sample::Index>(), words()), 0..5),
    ) {
        let installed = Kernel::load(&rules(&installed.join(" "))).0;
        let mut wanted: Vec<Rule> = Vec::new();
        if !installed.is_empty() {
            wanted.extend(kept.iter().map(|index| installed[index.index(installed.len())].clone()));
        }
        for (index, word) in new {
            wanted.insert(index.index(wanted.len() + 1), rules(&word).remove(0));
        }
        let listed = |rule: &Rule| rule.to_string().replacen("-A", "-a", 1);
        let installed: Vec<Rule> = installed.iter().map(|installed| rule(&listed(installed))).collect();
        check(&installed, &wanted);
    }
}

proptest! {
    #[test]
    fn any_rules_become_any_others(
        installed in prop::collection::vec(generated::texts(), 0..12),
        wanted in prop::collection::vec(generated::texts(), 0..12),
        both in prop::collection::vec(generated::texts(), 0..6),
    ) {
        let read = |texts: &[Vec<u8>]| texts.iter().map(|text| read(text).0).collect::<Vec<_>>();
        let installed = Kernel::load(&read(&[installed, both.clone()].concat())).0;
        let wanted = read(&[both.into_iter().rev().collect(), wanted].concat());
        let mut kernel = Kernel(installed.clone());
        plan(&installed, &wanted).steps.iter().for_each(|step| kernel.take(step));
        prop_assert!(plan(&kernel.0, &wanted).is_empty());
        prop_assert!(kernel.0.iter().all(|rule| wanted.iter().any(|other| other.same_as(rule))));
        prop_assert!(missing(&kernel.0, &wanted).is_empty());
    }
}
