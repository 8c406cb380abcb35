//! What numbers mean: record types, system calls per architecture, errno, fields. Generated from kernel headers.

pub mod field;

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
    /// The architecture of an `AUDIT_ARCH_*` number, as `arch=` gives it in hexadecimal.
    pub fn from_token(_token: u32) -> Option<Arch> {
        None
    }
    /// The `AUDIT_ARCH_*` number.
    pub fn token(self) -> u32 {
        0
    }
    /// The name auditctl and ausearch use: `x86_64`, `i386`, `aarch64`, `arm`, `ppc64le`, `s390x`, `riscv64`.
    pub fn name(self) -> &'static str {
        ""
    }
    /// The architecture of that name.
    pub fn from_name(_name: &str) -> Option<Arch> {
        None
    }
    /// The architecture this program was built for, which is `b64` in a rule on a 64-bit host.
    pub fn native() -> Arch {
        Arch::X86_64
    }
    /// The 32-bit architecture the same kernel serves, which is `b32` in a rule; `None` where there is none.
    pub fn compat(self) -> Option<Arch> {
        None
    }
}

/// The name of a record type: `SYSCALL` for 1300. `None` for one that has no name (auditd writes `UNKNOWN[n]`).
pub fn record_type_name(_number: u16) -> Option<&'static str> {
    None
}

/// The number of a record type's name; names are upper case. Does not know the form `UNKNOWN[n]`.
pub fn record_type_number(_name: &str) -> Option<u16> {
    None
}

/// Every record type with its number, ascending by number.
pub fn record_types() -> &'static [(u16, &'static str)] {
    &[]
}

/// The name of system call `number` on `arch`.
pub fn syscall_name(_arch: Arch, _number: u32) -> Option<&'static str> {
    None
}

/// The number of the system call `name` on `arch`.
pub fn syscall_number(_arch: Arch, _name: &str) -> Option<u32> {
    None
}

/// The name of an errno, a positive number: `EACCES` for 13.
pub fn errno_name(_number: u32) -> Option<&'static str> {
    None
}

/// The number of an errno's name, for `EWOULDBLOCK` and its like that of the main name.
pub fn errno_number(_name: &str) -> Option<u32> {
    None
}
