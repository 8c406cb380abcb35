//! A filter over the index of one segment: each test becomes the set of entries that pass it, and sets are combined.

use roaring::RoaringBitmap;

use super::filter::{Filter, Leaf, Node, Op};
use crate::store::{Error, SegmentView, ValueTest};

impl Filter {
    /// The ordinals of a segment's entries that are wanted.
    pub(super) fn ordinals(&self, segment: &SegmentView) -> Result<RoaringBitmap, Error> {
        node(&self.node, segment)
    }
}

fn node(filter: &Node, segment: &SegmentView) -> Result<RoaringBitmap, Error> {
    match filter {
        Node::Leaf(test) => leaf(test, segment),
        Node::Not(part) => Ok(complement(node(part, segment)?, segment)),
        Node::Any(parts) => {
            let mut union = RoaringBitmap::new();
            for part in parts {
                union |= node(part, segment)?;
            }
            Ok(union)
        }
        Node::All(parts) => {
            // What costs one look-up goes first: when nothing passes it, no dictionary needs to be walked.
            let mut order: Vec<&Node> = parts.iter().collect();
            order.sort_by_key(|part| cost(part));
            let mut rest = order.into_iter();
            let Some(first) = rest.next() else { return Ok(everything(segment)) };
            let mut common = node(first, segment)?;
            for part in rest {
                if common.is_empty() {
                    break;
                }
                common &= node(part, segment)?;
            }
            Ok(common)
        }
    }
}

fn cost(filter: &Node) -> u8 {
    match filter {
        Node::Leaf(test) => match test.op {
            Op::Equals => 0,
            Op::NotEquals | Op::StartsWith => 1,
            _ => 3,
        },
        Node::All(parts) => parts.iter().map(cost).min().unwrap_or(0),
        Node::Any(_) | Node::Not(_) => 2,
    }
}

fn leaf(test: &Leaf, segment: &SegmentView) -> Result<RoaringBitmap, Error> {
    let accepts = |value: &[u8]| test.accepts(value);
    let value_test = match test.op {
        Op::Equals | Op::NotEquals => ValueTest::Equals(&test.value),
        Op::StartsWith => ValueTest::StartsWith(&test.value),
        Op::Contains => ValueTest::Contains(&test.value),
        Op::Less | Op::AtMost | Op::Greater | Op::AtLeast => ValueTest::Accepts(&accepts),
    };
    let found = segment.postings(test.field_id(), &value_test)?;
    Ok(if test.is_negated() { complement(found, segment) } else { found })
}

pub(super) fn everything(segment: &SegmentView) -> RoaringBitmap {
    let mut all = RoaringBitmap::new();
    all.insert_range(0..segment.len());
    all
}

fn complement(found: RoaringBitmap, segment: &SegmentView) -> RoaringBitmap {
    everything(segment) - found
}
