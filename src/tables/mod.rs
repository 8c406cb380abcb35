//! What numbers mean: record types, system calls per architecture, errno, fields.
//!
//! The lists are written by `generate.py` from kernel headers. Looking a number up is an array access; looking a name
//! up is a binary search.

pub mod constants;
mod dense;
mod errno;
pub mod field;
mod hashed;
mod syscalls;
mod types;

use dense::Table;

/// The record types by name: one is looked up for every line that is imported.
static RECORD_TYPES: hashed::Hashed<1024> = hashed::Hashed::new(types::BY_NUMBER);

/// A CPU architecture as the `arch=` field names it (`AUDIT_ARCH_*` of `linux/audit.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// x86_64, also x32: 0xc000003e.
    X86_64,
    /// i386: 0x40000003.
    I386,
    /// aarch64: 0xc00000b7.
    Aarch64,
    /// 32-bit ARM EABI: 0x40000028.
    Arm,
    /// ppc64le: 0xc0000015.
    Ppc64le,
    /// s390x: 0x80000016.
    S390x,
    /// riscv64: 0xc00000f3.
    Riscv64,
}

impl Arch {
    /// Every architecture that ktrail has tables for.
    pub const ALL: [Arch; 7] =
        [Arch::X86_64, Arch::I386, Arch::Aarch64, Arch::Arm, Arch::Ppc64le, Arch::S390x, Arch::Riscv64];

    /// The architecture of an `AUDIT_ARCH_*` number, as `arch=` gives it in hexadecimal.
    pub fn from_token(token: u32) -> Option<Arch> {
        Arch::ALL.into_iter().find(|arch| arch.token() == token)
    }

    /// The `AUDIT_ARCH_*` number: the machine number of `linux/elf-em.h`, 0x80000000 for 64 bits, 0x40000000 for
    /// little-endian.
    pub fn token(self) -> u32 {
        match self {
            Arch::X86_64 => 0xc000_003e,
            Arch::I386 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::Arm => 0x4000_0028,
            Arch::Ppc64le => 0xc000_0015,
            Arch::S390x => 0x8000_0016,
            Arch::Riscv64 => 0xc000_00f3,
        }
    }

    /// The name auditctl and ausearch use: `x86_64`, `i386`, `aarch64`, `arm`, `ppc64le`, `s390x`, `riscv64`.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::I386 => "i386",
            Arch::Aarch64 => "aarch64",
            Arch::Arm => "arm",
            Arch::Ppc64le => "ppc64le",
            Arch::S390x => "s390x",
            Arch::Riscv64 => "riscv64",
        }
    }

    /// The architecture of that name.
    pub fn from_name(name: &str) -> Option<Arch> {
        Arch::ALL.into_iter().find(|arch| arch.name() == name)
    }

    /// The architecture this program was built for, which is `b64` in a rule on a 64-bit host.
    pub fn native() -> Arch {
        NATIVE
    }

    /// The 32-bit architecture the same kernel serves, which is `b32` in a rule; `None` where there is none, or none
    /// that ktrail has a table for (s390 beside s390x).
    pub fn compat(self) -> Option<Arch> {
        match self {
            Arch::X86_64 => Some(Arch::I386),
            Arch::Aarch64 => Some(Arch::Arm),
            Arch::I386 | Arch::Arm | Arch::Ppc64le | Arch::S390x | Arch::Riscv64 => None,
        }
    }
}

#[cfg(target_arch = "x86_64")]
const NATIVE: Arch = Arch::X86_64;
#[cfg(target_arch = "x86")]
const NATIVE: Arch = Arch::I386;
#[cfg(target_arch = "aarch64")]
const NATIVE: Arch = Arch::Aarch64;
#[cfg(all(target_arch = "arm", target_endian = "little"))]
const NATIVE: Arch = Arch::Arm;
#[cfg(all(target_arch = "powerpc64", target_endian = "little"))]
const NATIVE: Arch = Arch::Ppc64le;
#[cfg(target_arch = "s390x")]
const NATIVE: Arch = Arch::S390x;
#[cfg(target_arch = "riscv64")]
const NATIVE: Arch = Arch::Riscv64;

/// The number of the first place in [`TYPE_PLACES`].
const TYPE_FIRST: u16 = types::BY_NUMBER[0].0;

/// How many numbers lie between the first and the last record type, both counted.
const TYPE_SPAN: usize = (types::BY_NUMBER[types::BY_NUMBER.len() - 1].0 - TYPE_FIRST) as usize + 1;

/// For each number from `TYPE_FIRST` on, one more than the place of its type in `types::BY_NUMBER`; 0 where there is none.
static TYPE_PLACES: [u8; TYPE_SPAN] = type_places();

const fn type_places() -> [u8; TYPE_SPAN] {
    assert!(types::BY_NUMBER.len() < 256, "a place plus one fits a byte");
    let mut places = [0; TYPE_SPAN];
    let mut place = 0;
    while place < types::BY_NUMBER.len() {
        places[(types::BY_NUMBER[place].0 - TYPE_FIRST) as usize] = place as u8 + 1;
        place += 1;
    }
    places
}

/// The name of a record type: `SYSCALL` for 1300. `None` for one that has no name (auditd writes `UNKNOWN[n]`).
///
/// Requests and replies (1000 to 1019 but for USER and LOGIN, DAEMON_RECONFIG, REPLACE) are no records and have none.
pub fn record_type_name(number: u16) -> Option<&'static str> {
    let place = TYPE_PLACES.get(usize::from(number.checked_sub(TYPE_FIRST)?))?;
    types::BY_NUMBER.get(usize::from(place.checked_sub(1)?)).map(|(_, name)| *name)
}

/// The number of a record type's name; names are upper case. Does not know the form `UNKNOWN[n]`.
pub fn record_type_number(name: &str) -> Option<u16> {
    RECORD_TYPES.find(name)
}

/// Every record type with its number, ascending by number.
pub fn record_types() -> &'static [(u16, &'static str)] {
    types::BY_NUMBER
}

/// The name of system call `number` on `arch`.
///
/// On x86_64 the x32 mark (0x40000000) is disregarded, and 512 to 547 are the calls that x32 has under numbers of its
/// own, so `readv` is both 19 and 515.
pub fn syscall_name(arch: Arch, number: u32) -> Option<&'static str> {
    Table::of(arch).name(dense::without_x32(arch, number))
}

/// The number of the system call `name` on `arch`; on x86_64 never that of x32.
pub fn syscall_number(arch: Arch, name: &str) -> Option<u32> {
    Table::of(arch).number(name)
}

/// Every system call of `arch` with its number, ascending by number; on x86_64 without those of x32.
pub fn syscalls(arch: Arch) -> impl Iterator<Item = (u32, &'static str)> {
    Table::of(arch).iter(arch)
}

/// The name of an errno, a positive number: `EACCES` for 13.
///
/// All seven architectures number them alike, but that powerpc has an `EDEADLOCK` of its own, 58, which no system call
/// returns.
pub fn errno_name(number: u32) -> Option<&'static str> {
    dense::at(errno::BY_NUMBER, number)
}

/// The number of an errno's name, for `EWOULDBLOCK` and its like that of the main name.
pub fn errno_number(name: &str) -> Option<u32> {
    dense::number_of(errno::BY_NAME, name)
}

#[cfg(test)]
mod tests;
