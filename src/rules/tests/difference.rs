//! What is changed to get from one set of rules to another.

use super::rule;
use crate::rules::Rule;
use crate::rules::diff::diff;

/// Rules of one list by letter; a capital one is prepended.
fn rules(letters: &str) -> Vec<Rule> {
    let text = |letter: char| {
        let option = if letter.is_uppercase() { "-A" } else { "-a" };
        format!("{option} always,exit -F path=/{} -F perm=r", letter.to_ascii_lowercase())
    };
    letters.chars().map(|letter| rule(&text(letter))).collect()
}

fn letters(rules: &[&Rule]) -> String {
    let letter = |rule: &Rule| rule.to_string().split('/').nth(1).and_then(|rest| rest.chars().next());
    rules.iter().filter_map(|rule| letter(rule)).collect()
}

#[test]
fn only_what_differs_is_changed_and_a_changed_order_is_told() {
    // Installed, wanted, added, deleted, whether the order differs from that of wanted loaded alone.
    let cases = [
        ("", "", "", "", false),
        ("ab", "cbc", "c", "a", true),
        ("ab", "ab", "", "", false),
        ("ab", "ba", "", "", true),
        ("", "aba", "ab", "", false),
        ("abc", "", "", "abc", false),
        ("a", "ab", "b", "", false),
        ("b", "ab", "a", "", true),
        ("b", "Ab", "a", "", false),
        ("b", "bA", "a", "", false),
        ("ab", "bA", "", "", false),
        ("xab", "abc", "c", "x", false),
    ];
    for (installed, wanted, added, deleted, reordered) in cases {
        let (installed_rules, wanted_rules) = (rules(installed), rules(wanted));
        let changes = diff(&installed_rules, &wanted_rules);
        let found = (letters(&changes.add), letters(&changes.delete), changes.reordered);
        assert_eq!(found, (added.to_owned(), deleted.to_owned(), reordered), "{installed} to {wanted}");
    }
}

#[test]
fn rules_of_other_lists_have_an_order_of_their_own() {
    let (a, b) = (rule("-a never,user -F uid=1"), rule("-a always,exit -F uid=1"));
    assert!(!diff(&[b.clone(), a.clone()], &[a, b]).reordered);
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
}
