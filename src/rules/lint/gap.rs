//! Rules for 64-bit programs that say nothing of 32-bit ones, which have numbers of their own for the same calls.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Finding, Lint};
use crate::rules::ranges::Ranges;
use crate::rules::scope::Scope;
use crate::rules::syscalls::Syscalls;
use crate::rules::{Value, field};
use crate::tables::{self, Arch};

/// Names that are told of at most; the rest is counted.
const NAMES_MAX: usize = 5;

/// The rules of the native architecture for which none of the 32-bit one stands.
pub(super) fn find(scopes: &[Scope<'_>]) -> Vec<Finding> {
    let native = Arch::native();
    let Some(compat) = native.compat() else { return Vec::new() };
    let for_arch = |scope: &Scope<'_>, arch: Arch| {
        let only = scope.range(field::ARCH).and_then(Ranges::only);
        scope.records_calls() && only == Some(arch.token())
    };
    let mut kinds: HashMap<Conditions<'_>, Vec<&Scope<'_>>, RandomState> = HashMap::default();
    let mut wide: Vec<&Scope<'_>> = Vec::new();
    for scope in scopes.iter().filter(|scope| for_arch(scope, compat)) {
        kinds.entry(conditions(scope)).or_default().push(scope);
        if !scope.is_narrow() {
            wide.push(scope);
        }
    }
    let mut findings = Vec::new();
    for (rule, scope) in scopes.iter().enumerate().filter(|(_, scope)| for_arch(scope, native)) {
        let kind = kinds.get(&conditions(scope)).map_or(&[][..], Vec::as_slice);
        let for_the_same = kind.iter().chain(&wide).copied();
        let missing = missing(scope, native, compat, for_the_same);
        if !missing.is_empty() {
            findings.push(Finding { rule, other: None, lint: Lint::Gap(missing) });
        }
    }
    findings
}

/// The conditions of a rule but for the architecture and the keys, in one order.
type Conditions<'a> = Vec<(u32, u32, &'a Value)>;

fn conditions<'a>(scope: &Scope<'a>) -> Conditions<'a> {
    let told = scope.rule.conditions.iter().filter(|one| !matches!(one.field, field::ARCH | field::KEY));
    let mut told: Conditions<'a> = told.map(|one| (one.field, one.operator.number(), &one.value)).collect();
    told.sort_by_key(|(id, operator, value)| match value {
        Value::Number(number) => (*id, *operator, *number, &[][..]),
        Value::Text(text) => (*id, *operator, 0, text.as_slice()),
    });
    told
}

/// The calls of the rule, by their names, that the 32-bit architecture has too and that none of `others` is for.
fn missing<'b>(
    scope: &Scope<'_>,
    native: Arch,
    compat: Arch,
    others: impl Iterator<Item = &'b Scope<'b>>,
) -> Vec<&'static str> {
    let mut covered = Syscalls::NONE;
    others.for_each(|other| covered.join(&other.rule.syscalls));
    if scope.rule.syscalls.is_all() {
        return if covered.is_all() { Vec::new() } else { vec!["all system calls"] };
    }
    let names = scope.rule.syscalls.numbers().filter_map(|number| tables::syscall_name(native, number));
    let absent =
        |name: &&'static str| tables::syscall_number(compat, name).is_some_and(|number| !covered.has(number));
    names.filter(absent).collect()
}

/// Names in words, not too many.
pub(super) fn names(names: &[&str]) -> String {
    match names.split_at_checked(NAMES_MAX) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}
