//! A hash table of names that is filled at compile time.

/// Steps from a name's first place to where it stands at most; the build fails when more are needed.
const STEPS_MAX: usize = 8;

/// Numbers by name. `PLACES` is a power of two, best about four times the number of names.
pub(super) struct Hashed<const PLACES: usize> {
    entries: &'static [(u16, &'static str)],
    /// At each place the index of an entry and one, or 0.
    places: [u16; PLACES],
}

impl<const PLACES: usize> Hashed<PLACES> {
    /// For statics only: names that stand too close fail the build.
    pub(super) const fn new(entries: &'static [(u16, &'static str)]) -> Self {
        assert!(PLACES.is_power_of_two() && entries.len() < 1 << 16);
        let mut places = [0; PLACES];
        let mut index = 0;
        while index < entries.len() {
            let mut at = Self::place(entries[index].1.as_bytes());
            let mut steps = 0;
            while places[at] != 0 {
                steps += 1;
                assert!(steps < STEPS_MAX, "too many names near one place");
                at = (at + 1) % PLACES;
            }
            index += 1;
            places[at] = index as u16;
        }
        Hashed { entries, places }
    }

    /// The number of a name.
    pub(super) fn find(&self, name: &str) -> Option<u16> {
        let first = Self::place(name.as_bytes());
        for step in 0..STEPS_MAX {
            let index = self.places.get((first + step) % PLACES)?.checked_sub(1)?;
            let (number, known) = self.entries.get(usize::from(index))?;
            if *known == name {
                return Some(*number);
            }
        }
        None
    }

    /// Where the search for a name begins: by its length and its first and last four bytes, mixed by 2^64 divided by the
    /// golden ratio (Knuth).
    const fn place(name: &[u8]) -> usize {
        let mixed = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32
            }
            _ => match name {
                [first, .., last] => *first as u64 | (*last as u64) << 8,
                _ => 0,
            },
        };
        let hash = (mixed ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (64 - PLACES.ilog2())) as usize
    }
}
