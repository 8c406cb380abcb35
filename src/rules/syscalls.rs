//! The set of system calls that a rule is for.

use std::fmt;

/// Words of 32 bits in the mask of system calls (`AUDIT_BITMASK_SIZE`, linux/audit.h).
pub const MASK_WORDS: usize = 64;

/// One more than the highest system call that the mask has a bit for: the 16 bits above it stand for classes.
pub const NUMBERS_END: u32 = 2032;

/// The bits of the mask's last word that stand for classes of system calls (`AUDIT_SYSCALL_CLASSES`, linux/audit.h): the
/// kernel puts the class's calls in their place, and does not list them.
const CLASS_BITS: u32 = 0xffff_0000;

/// The system calls a rule is for, one bit for each number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syscalls(pub(super) [u32; MASK_WORDS]);

impl Syscalls {
    /// No system call.
    pub const NONE: Syscalls = Syscalls([0; MASK_WORDS]);
    /// Every system call.
    pub const ALL: Syscalls = Syscalls([u32::MAX; MASK_WORDS]);

    /// Whether it is every system call, as far as the kernel keeps it.
    pub fn is_all(&self) -> bool {
        self.without_classes() == Syscalls::ALL.without_classes()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Syscalls::NONE
    }

    /// Adds a number; false if it is not below [`NUMBERS_END`].
    pub fn add(&mut self, number: u32) -> bool {
        let word = usize::try_from(number / 32).ok().and_then(|index| self.0.get_mut(index));
        match word {
            Some(word) if number < NUMBERS_END => {
                *word |= 1 << (number % 32);
                true
            }
            _ => false,
        }
    }

    /// Adds all of `other`.
    pub fn join(&mut self, other: &Syscalls) {
        self.0.iter_mut().zip(other.0).for_each(|(these, those)| *these |= those);
    }

    /// Whether the number is there.
    pub fn has(&self, number: u32) -> bool {
        let word = usize::try_from(number / 32).ok().and_then(|index| self.0.get(index));
        word.is_some_and(|word| word >> (number % 32) & 1 == 1)
    }

    /// The numbers, ascending; those from [`NUMBERS_END`] stand for classes.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let bits = |(mut word, index): (u32, u32)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(index * 32 + bit)
            })
        };
        self.0.into_iter().zip(0..).filter(|(word, _)| *word != 0).flat_map(bits)
    }

    /// Whether all of these are in `other`, as far as the kernel keeps them.
    pub fn are_in(&self, other: &Syscalls) -> bool {
        self.kept().zip(other.kept()).all(|(these, those)| these & !those == 0)
    }

    /// Whether any of these is in `other`, as far as the kernel keeps them.
    pub fn meet(&self, other: &Syscalls) -> bool {
        self.kept().zip(other.kept()).any(|(these, those)| these & those != 0)
    }

    /// The words of the mask as the kernel lists them.
    fn kept(&self) -> impl Iterator<Item = u32> {
        let last = self.0.len() - 1;
        self.0
            .iter()
            .enumerate()
            .map(move |(index, word)| if index == last { word & !CLASS_BITS } else { *word })
    }

    /// The mask as the kernel lists it.
    pub(super) fn without_classes(&self) -> Syscalls {
        let mut kept = *self;
        if let Some(last) = kept.0.last_mut() {
            *last &= !CLASS_BITS;
        }
        kept
    }
}

impl fmt::Debug for Syscalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() { f.write_str("all") } else { f.debug_set().entries(self.numbers()).finish() }
    }
}
