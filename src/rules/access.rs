//! The system calls that the letters of `perm` and `-p` stand for: the kernel's classes
//! (include/asm-generic/audit_read.h and the three beside it), and the calls that open files, which count by how they
//! open them.

use crate::tables::{self, Arch};

/// One sort of access.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Its letter.
    pub letter: char,
    /// Its bit in `perm` (`AUDIT_PERM_*`, linux/audit.h).
    pub bit: u32,
    /// What it is.
    pub name: &'static str,
    /// Whether the calls of `OPENING` count when they open a file for it.
    pub opening: bool,
    /// The calls that count whatever their arguments.
    names: &'static [&'static str],
}

/// Calls that open a file, for reading or writing by their arguments.
const OPENING: [&str; 3] = ["open", "openat", "openat2"];

/// Every sort of access.
pub const ALL: [Access; 4] = [
    Access {
        letter: 'r',
        bit: 4,
        name: "reading",
        opening: true,
        names: &[
            "readlink",
            "quotactl",
            "listxattr",
            "llistxattr",
            "flistxattr",
            "getxattr",
            "lgetxattr",
            "fgetxattr",
            "readlinkat",
        ],
    },
    Access {
        letter: 'w',
        bit: 2,
        name: "writing",
        opening: true,
        names: &[
            "rename",
            "mkdir",
            "rmdir",
            "creat",
            "link",
            "unlink",
            "symlink",
            "mknod",
            "mkdirat",
            "mknodat",
            "unlinkat",
            "renameat",
            "linkat",
            "symlinkat",
            "renameat2",
            "acct",
            "swapon",
            "quotactl",
            "truncate",
            "truncate64",
            "ftruncate",
            "ftruncate64",
            "bind",
            "fallocate",
        ],
    },
    Access { letter: 'x', bit: 1, name: "running", opening: false, names: &["execve", "execveat"] },
    Access {
        letter: 'a',
        bit: 8,
        name: "changing attributes",
        opening: false,
        names: &[
            "chmod",
            "fchmod",
            "chown",
            "lchown",
            "fchown",
            "setxattr",
            "lsetxattr",
            "fsetxattr",
            "removexattr",
            "lremovexattr",
            "fremovexattr",
            "fchownat",
            "fchmodat",
            "chown32",
            "lchown32",
            "fchown32",
            "link",
            "linkat",
        ],
    },
];

impl Access {
    /// The calls that count on this architecture; those that open files come first.
    pub fn calls(&self, arch: Arch) -> Vec<&'static str> {
        let opening = OPENING.iter().filter(|_| self.opening);
        let all = opening.chain(self.names);
        all.filter(|name| tables::syscall_number(arch, name).is_some()).copied().collect()
    }
}
