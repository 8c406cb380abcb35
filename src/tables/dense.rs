//! Tables that are filled at compile time and looked up by array index.

use super::Arch;
use super::syscalls;

/// Set in the number of every x32 system call on x86_64 (`__X32_SYSCALL_BIT` of `asm/unistd.h`).
const X32_BIT: u32 = 0x4000_0000;

/// The first number that only x32 has; those below it mean the same in both.
const X32_OWN_FIRST: u32 = 512;

/// The system calls of one architecture.
pub(super) struct Table {
    /// The name at each number, empty where there is none; on x86_64 with those of x32 at the end.
    pub(super) names: &'static [&'static str],
    /// The numbers of `names`, ascending by name, without those of x32.
    pub(super) by_name: &'static [u16],
    /// Numbers too large for `names`: the private calls of 32-bit ARM.
    pub(super) far: &'static [(u32, &'static str)],
    /// Names not in `by_name`, ascending: those of `far` and second names.
    pub(super) more: &'static [(&'static str, u32)],
}

impl Table {
    /// The table of `arch`.
    pub(super) fn of(arch: Arch) -> &'static Table {
        match arch {
            Arch::X86_64 => &syscalls::X86_64,
            Arch::I386 => &syscalls::I386,
            Arch::Aarch64 => &syscalls::AARCH64,
            Arch::Arm => &syscalls::ARM,
            Arch::Ppc64le => &syscalls::PPC64LE,
            Arch::S390x => &syscalls::S390X,
            Arch::Riscv64 => &syscalls::RISCV64,
        }
    }

    pub(super) fn name(&self, number: u32) -> Option<&'static str> {
        match at(self.names, number) {
            Some(name) => Some(name),
            None => self.far.iter().find(|(n, _)| *n == number).map(|(_, name)| *name),
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let found = self.by_name.binary_search_by_key(&name, |n| at(self.names, u32::from(*n)).unwrap_or(""));
        match found {
            Ok(place) => self.by_name.get(place).copied().map(u32::from),
            Err(_) => number_of(self.more, name),
        }
    }

    /// Every system call with its number, ascending by number, without those of x32.
    pub(super) fn iter(&'static self, arch: Arch) -> impl Iterator<Item = (u32, &'static str)> {
        let end = if arch == Arch::X86_64 { X32_OWN_FIRST } else { u32::MAX };
        let near = (0..end).zip(self.names).filter(|(_, name)| !name.is_empty());
        near.map(|(number, name)| (number, *name)).chain(self.far.iter().copied())
    }
}

/// The number without the mark of x32, which only x86_64 has.
pub(super) fn without_x32(arch: Arch, number: u32) -> u32 {
    if arch == Arch::X86_64 { number & !X32_BIT } else { number }
}

/// The name at `number` in a dense table.
pub(super) fn at(names: &'static [&'static str], number: u32) -> Option<&'static str> {
    names.get(usize::try_from(number).ok()?).copied().filter(|name| !name.is_empty())
}

/// The number of `name` in a list ascending by name.
pub(super) fn number_of(names: &[(&str, u32)], name: &str) -> Option<u32> {
    let place = names.binary_search_by_key(&name, |(n, _)| *n).ok()?;
    names.get(place).map(|(_, number)| *number)
}

/// An array with the words of each run at consecutive places from its first number on; `-` stands for no name.
///
/// For statics only: a run that does not fit `N` or that runs into the next fails the build.
pub(super) const fn dense<const N: usize>(runs: &[(usize, &'static str)]) -> [&'static str; N] {
    let mut out = [""; N];
    let mut run = 0;
    while run < runs.len() {
        let (mut number, mut rest) = runs[run];
        while !rest.is_empty() {
            let (word, tail) = first_word(rest);
            assert!(out[number].is_empty(), "two names for one number");
            if !matches!(word.as_bytes(), b"-") {
                out[number] = word;
            }
            number += 1;
            rest = tail;
        }
        run += 1;
    }
    out
}

/// The first of words parted by one space each, and the others.
pub(super) const fn first_word(words: &'static str) -> (&'static str, &'static str) {
    let bytes = words.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b' ' {
        end += 1;
    }
    let (word, rest) = words.split_at(end);
    if rest.is_empty() { (word, rest) } else { (word, rest.split_at(1).1) }
}
