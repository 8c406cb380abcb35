//! What has to be done to make the kernel's rules the wanted ones.

use std::collections::{HashMap, VecDeque};

use super::{List, Rule};

/// The difference between two sets of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Wanted and not there, each once, in the order wanted.
    pub add: Vec<&'a Rule>,
    /// There and not wanted, in the order listed.
    pub delete: Vec<&'a Rule>,
    /// Whether the kernel, after these changes, would have a list in another order than if all wanted rules had been
    /// loaded into an empty one. The first rule of a list that matches decides, so that a `never` may then come after
    /// the `always` it was to precede, or an event carry another key.
    ///
    /// The kernel only appends and prepends: getting the order right means deleting rules that are in both sets and
    /// adding them again, which leaves a moment without them. That choice is the caller's.
    pub reordered: bool,
}

/// The difference between the rules `installed`, in the kernel's order, and those `wanted`, in the order of loading. The
/// least that makes the sets equal: a rule that is in both is left alone. What `-A` says of a rule's place counts for
/// the order, not for whether two rules are the same. Takes time linear in the number of rules.
pub fn diff<'a>(installed: &'a [Rule], wanted: &'a [Rule]) -> Changes<'a> {
    let mut changes = Changes::default();
    let mut numbers = HashMap::with_capacity(wanted.len());
    let mut after = Order::default();
    let mut ideal = Order::default();
    for (number, rule) in wanted.iter().enumerate() {
        numbers.entry(rule.identity()).or_insert(number);
    }
    let mut kept = vec![false; wanted.len()];
    for rule in installed {
        match numbers.get(&rule.identity()) {
            Some(number) => {
                after.append(rule.list, *number);
                if let Some(kept) = kept.get_mut(*number) {
                    *kept = true;
                }
            }
            None => changes.delete.push(rule),
        }
    }
    for ((number, rule), kept) in wanted.iter().enumerate().zip(kept) {
        let first = numbers.get(&rule.identity()) == Some(&number);
        if first {
            ideal.add(rule, number);
        }
        if first && !kept {
            after.add(rule, number);
            changes.add.push(rule);
        }
    }
    changes.reordered = after.lists != ideal.lists;
    changes
}

/// The order of each list, its rules as their place in what is wanted.
#[derive(Default)]
struct Order {
    lists: HashMap<List, VecDeque<usize>>,
}

impl Order {
    fn append(&mut self, list: List, number: usize) {
        self.lists.entry(list).or_default().push_back(number);
    }

    fn add(&mut self, rule: &Rule, number: usize) {
        let list = self.lists.entry(rule.list).or_default();
        if rule.prepend { list.push_front(number) } else { list.push_back(number) }
    }
}
