//! Sets of 32-bit numbers as ranges: what a rule's conditions leave of a field's values.

use super::Operator;

/// A set of numbers: ranges, both ends included, ascending and apart from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Every number.
    pub(super) fn all() -> Ranges {
        Ranges(vec![(0, u32::MAX)])
    }

    /// The numbers from `first` to `last`, both included; none if `last` is below `first`.
    pub(super) fn between(first: u32, last: u32) -> Ranges {
        Ranges(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// The numbers that compare so with `number`, without sign as the kernel compares (`audit_comparator`,
    /// kernel/auditfilter.c); `None` for an operator on bits.
    pub(super) fn of(operator: Operator, number: u32) -> Option<Ranges> {
        let below = |end: u32| end.checked_sub(1).map_or(Ranges(Vec::new()), |last| Ranges::between(0, last));
        let above = |end: u32| {
            end.checked_add(1).map_or(Ranges(Vec::new()), |first| Ranges::between(first, u32::MAX))
        };
        Some(match operator {
            Operator::Equal => Ranges::between(number, number),
            Operator::NotEqual => Ranges([below(number).0, above(number).0].concat()),
            Operator::Less => below(number),
            Operator::LessOrEqual => Ranges::between(0, number),
            Operator::Greater => above(number),
            Operator::GreaterOrEqual => Ranges::between(number, u32::MAX),
            Operator::Mask | Operator::Test => return None,
        })
    }

    /// Whether there is no number.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number, if there is only one.
    pub(super) fn only(&self) -> Option<u32> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }

    /// The numbers that are in both.
    pub(super) fn and(&self, other: &Ranges) -> Ranges {
        let both = |one: &(u32, u32), two: &(u32, u32)| (one.0.max(two.0), one.1.min(two.1));
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |two| both(one, two)));
        Ranges(pairs.filter(|(first, last)| first <= last).collect())
    }

    /// Whether all of these are in `other`.
    pub(super) fn are_in(&self, other: &Ranges) -> bool {
        self.and(other) == *self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn operators_leave_the_numbers_they_hold_for() {
        use Operator as O;
        const MAX: u32 = u32::MAX;
        type Left = &'static [(u32, u32)];
        let cases: &[(Operator, u32, Left)] = &[
            (O::Equal, 5, &[(5, 5)]),
            (O::NotEqual, 5, &[(0, 4), (6, MAX)]),
            (O::NotEqual, 0, &[(1, MAX)]),
            (O::NotEqual, MAX, &[(0, MAX - 1)]),
            (O::Less, 0, &[]),
            (O::Less, 5, &[(0, 4)]),
            (O::LessOrEqual, 5, &[(0, 5)]),
            (O::Greater, MAX, &[]),
            (O::Greater, 5, &[(6, MAX)]),
            (O::GreaterOrEqual, 0, &[(0, MAX)]),
        ];
        for (operator, number, expected) in cases {
            assert_eq!(
                Ranges::of(*operator, *number),
                Some(Ranges(expected.to_vec())),
                "{operator:?} {number}"
            );
        }
        assert_eq!(Ranges::of(O::Mask, 1), None);
    }

    proptest! {
        #[test]
        fn a_number_is_in_both_if_it_is_in_each(
            conditions in prop::collection::vec((0_usize..6, 0_u32..12), 0..5), number in 0_u32..13,
        ) {
            let operators: Vec<Operator> = Operator::ALL.iter().map(|entry| entry.0)
                .filter(|operator| !matches!(operator, Operator::Mask | Operator::Test)).collect();
            let holds = |operator: Operator, with: u32| match operator {
                Operator::Equal => number == with,
                Operator::NotEqual => number != with,
                Operator::Less => number < with,
                Operator::LessOrEqual => number <= with,
                Operator::Greater => number > with,
                _ => number >= with,
            };
            let sets = conditions.iter().map(|(which, with)| Ranges::of(operators[*which], *with).expect("a set"));
            let left = sets.fold(Ranges::all(), |left, set| left.and(&set));
            let expected = conditions.iter().all(|(which, with)| holds(operators[*which], *with));
            prop_assert_eq!(Ranges::between(number, number).are_in(&left), expected);
        }
    }
}
