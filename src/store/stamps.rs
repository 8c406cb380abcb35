//! The time and serial of every entry of a segment, about one byte each, in blocks that a time range can pass over.

use roaring::RoaringBitmap;

use super::{Stamp, varint};

/// Entries in a block.
pub(super) const BLOCK: u32 = 256;
/// Length of a block's item in the directory.
pub(super) const HEAD_BYTES: usize = 28;
/// A difference of times of this or more is written apart from the flag.
const FAR: u64 = 1 << 62;

/// Earliest, latest, lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) time_min: u64,
    pub(super) time_max: u64,
    pub(super) serial_min: u32,
    pub(super) serial_max: u32,
}

impl Bounds {
    pub(super) fn of(stamp: Stamp) -> Self {
        let Stamp { time_ms, serial } = stamp;
        Bounds { time_min: time_ms, time_max: time_ms, serial_min: serial, serial_max: serial }
    }

    pub(super) fn widen(&mut self, other: &Bounds) {
        self.time_min = self.time_min.min(other.time_min);
        self.time_max = self.time_max.max(other.time_max);
        self.serial_min = self.serial_min.min(other.serial_min);
        self.serial_max = self.serial_max.max(other.serial_max);
    }
}

/// A block's item in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) bounds: Bounds,
    /// Offset of the block in the stamps.
    pub(super) offset: u32,
}

impl Head {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bounds.time_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.time_max.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_max.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Head> {
        Some(Head {
            bounds: Bounds {
                time_min: take_u64(bytes)?,
                time_max: take_u64(bytes)?,
                serial_min: take_u32(bytes)?,
                serial_max: take_u32(bytes)?,
            },
            offset: take_u32(bytes)?,
        })
    }
}

/// Takes eight bytes from the front as a little-endian number.
pub(super) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (value, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*value))
}

/// Takes four bytes from the front as a little-endian number.
pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (value, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*value))
}

/// All stamps of a segment, growing.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamps {
    pub(super) heads: Vec<Head>,
    pub(super) data: Vec<u8>,
    entries: u32,
    previous: Stamp,
}

impl Stamps {
    pub(super) fn push(&mut self, stamp: Stamp) {
        if self.entries.is_multiple_of(BLOCK) {
            let offset = u32::try_from(self.data.len()).expect("2^27 entries of at most 25 bytes");
            self.heads.push(Head { bounds: Bounds::of(stamp), offset });
            self.previous = Stamp::default();
        } else if let Some(head) = self.heads.last_mut() {
            head.bounds.widen(&Bounds::of(stamp));
        }
        let away = varint::zigzag(stamp.time_ms.wrapping_sub(self.previous.time_ms).cast_signed());
        let step = stamp.serial.wrapping_sub(self.previous.serial).wrapping_sub(1).cast_signed();
        if away < FAR {
            varint::put(&mut self.data, away << 1 | u64::from(step != 0));
        } else {
            varint::put(&mut self.data, u64::MAX);
            varint::put(&mut self.data, away);
        }
        if step != 0 || away >= FAR {
            varint::put(&mut self.data, varint::zigzag(i64::from(step)));
        }
        self.previous = stamp;
        self.entries += 1;
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        let mut bounds = self.heads.first()?.bounds;
        self.heads.iter().for_each(|head| bounds.widen(&head.bounds));
        Some(bounds)
    }

    /// The bytes of block `number`.
    pub(super) fn block(&self, number: usize) -> Option<&[u8]> {
        let start = self.heads.get(number)?.offset as usize;
        match self.heads.get(number + 1) {
            Some(next) => self.data.get(start..next.offset as usize),
            None => self.data.get(start..),
        }
    }

    pub(super) fn get(&self, ordinal: u32) -> Option<Stamp> {
        nth(self.block((ordinal / BLOCK) as usize)?, ordinal % BLOCK)
    }
}

/// The stamps of a block, one after the other, until its bytes end.
pub(super) fn walk(mut bytes: &[u8]) -> impl Iterator<Item = Stamp> {
    let mut previous = Stamp::default();
    std::iter::from_fn(move || {
        let token = varint::take(&mut bytes)?;
        let (away, other) =
            if token == u64::MAX { (varint::take(&mut bytes)?, true) } else { (token >> 1, token & 1 == 1) };
        let step = if other { i32::try_from(varint::unzigzag(varint::take(&mut bytes)?)).ok()? } else { 0 };
        previous = Stamp {
            time_ms: previous.time_ms.wrapping_add(varint::unzigzag(away).cast_unsigned()),
            serial: previous.serial.wrapping_add(1).wrapping_add(step.cast_unsigned()),
        };
        Some(previous)
    })
}

/// The stamp at `place` of a block.
pub(super) fn nth(block: &[u8], place: u32) -> Option<Stamp> {
    walk(block).nth(place as usize)
}

/// What a filter keeps: stamps between the two, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) time: (u64, u64),
    pub(super) serial: (u32, u32),
}

impl Range {
    fn holds(&self, stamp: Stamp) -> bool {
        self.overlaps(&Bounds::of(stamp))
    }

    pub(super) fn overlaps(&self, bounds: &Bounds) -> bool {
        bounds.time_max >= self.time.0
            && bounds.time_min <= self.time.1
            && bounds.serial_max >= self.serial.0
            && bounds.serial_min <= self.serial.1
    }

    pub(super) fn contains(&self, bounds: &Bounds) -> bool {
        bounds.time_min >= self.time.0
            && bounds.time_max <= self.time.1
            && bounds.serial_min >= self.serial.0
            && bounds.serial_max <= self.serial.1
    }
}

/// Removes from `candidates` what is not in `range`. `heads` is the directory; `block` gives a block's bytes and is
/// asked only for blocks that have a candidate and lie in the range in part.
pub(super) fn filter<E>(
    heads: impl Iterator<Item = Head>,
    mut block: impl FnMut(usize) -> Result<Vec<u8>, E>,
    range: Range,
    candidates: &mut RoaringBitmap,
) -> Result<(), E> {
    for (number, head) in heads.enumerate() {
        let Some(first) = u32::try_from(number).ok().and_then(|number| number.checked_mul(BLOCK)) else {
            break;
        };
        if range.contains(&head.bounds) {
            continue;
        }
        let ordinals = first..first.saturating_add(BLOCK);
        if !range.overlaps(&head.bounds) {
            candidates.remove_range(ordinals);
            continue;
        }
        if candidates.range_cardinality(ordinals.clone()) == 0 {
            continue;
        }
        let bytes = block(number)?;
        let mut stamps = walk(&bytes);
        for ordinal in ordinals {
            if !stamps.next().is_some_and(|stamp| range.holds(stamp)) {
                candidates.remove(ordinal);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp() -> impl Strategy<Value = Stamp> {
        prop_oneof![
            (1_700_000_000_000u64..1_700_000_001_000, 0u32..3000),
            (any::<u64>(), any::<u32>()),
            Just((u64::MAX, u32::MAX)),
            Just((0, 0)),
        ]
        .prop_map(|(time_ms, serial)| Stamp { time_ms, serial })
    }

    proptest! {
        #[test]
        fn stamps_come_back_and_a_range_keeps_what_a_scan_keeps(
            all in proptest::collection::vec(stamp(), 1..900), from in stamp(), to in stamp(),
        ) {
            let mut stamps = Stamps::default();
            all.iter().for_each(|&stamp| stamps.push(stamp));
            for (ordinal, &stamp) in (0..).zip(&all) {
                prop_assert_eq!(stamps.get(ordinal), Some(stamp));
            }
            let range = Range { time: (from.time_ms, to.time_ms), serial: (from.serial, u32::MAX) };
            let mut found: RoaringBitmap = (0..u32::try_from(all.len()).unwrap()).collect();
            let block = |number| Ok::<_, ()>(stamps.block(number).unwrap().to_vec());
            filter(stamps.heads.iter().copied(), block, range, &mut found).unwrap();
            let scan: Vec<u32> = (0..).zip(&all).filter(|(_, stamp)| range.holds(**stamp)).map(|(n, _)| n).collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), scan);
        }

        #[test]
        fn hostile_blocks_end_early(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            assert!(walk(&bytes).count() <= bytes.len());
        }
    }
}
