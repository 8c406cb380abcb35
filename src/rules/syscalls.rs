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

    /// The numbers, ascending; those from [`NUMBERS_END`] stand for classes.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let bits = |(word, index): (u32, u32)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * 32 + bit)
        };
        self.0.into_iter().zip(0..).flat_map(bits)
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
