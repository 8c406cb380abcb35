//! Where a recorded path lies.

use std::borrow::Cow;

/// `AT_FDCWD` of `linux/fcntl.h` as the low half of an argument: the working directory in place of a descriptor.
const AT_FDCWD: u32 = -100i32 as u32;

/// The system calls that take a path relative to a descriptor, with the places of these descriptors among their
/// arguments.
const RELATIVE: &[(&str, &[usize])] = &[
    ("execveat", &[0]),
    ("faccessat", &[0]),
    ("faccessat2", &[0]),
    ("fanotify_mark", &[3]),
    ("fchmodat", &[0]),
    ("fchmodat2", &[0]),
    ("fchownat", &[0]),
    ("file_getattr", &[0]),
    ("file_setattr", &[0]),
    ("fstatat64", &[0]),
    ("futimesat", &[0]),
    ("getxattrat", &[0]),
    ("linkat", &[0, 2]),
    ("listxattrat", &[0]),
    ("mkdirat", &[0]),
    ("mknodat", &[0]),
    ("mount_setattr", &[0]),
    ("move_mount", &[0, 2]),
    ("name_to_handle_at", &[0]),
    ("newfstatat", &[0]),
    ("open_tree", &[0]),
    ("openat", &[0]),
    ("openat2", &[0]),
    ("readlinkat", &[0]),
    ("removexattrat", &[0]),
    ("renameat", &[0, 2]),
    ("renameat2", &[0, 2]),
    ("setxattrat", &[0]),
    ("statx", &[0]),
    ("symlinkat", &[1]),
    ("unlinkat", &[0]),
    ("utimensat", &[0]),
    ("utimensat_time64", &[0]),
];

/// Whether relative paths of a system call with these arguments (`a0` to `a3`) begin at the working directory. They do
/// not when the call names a directory by a descriptor, and no record tells which directory that is.
pub fn begins_at_cwd(syscall: &str, arguments: &[Option<u64>; 4]) -> bool {
    // The names of message queues are those of a file system of their own.
    if matches!(syscall, "mq_open" | "mq_unlink") {
        return false;
    }
    let found = RELATIVE.binary_search_by(|(known, _)| known.cmp(&syscall));
    let Some((_, places)) = found.ok().and_then(|at| RELATIVE.get(at)) else { return true };
    places.iter().all(|place| {
        let argument = arguments.get(*place).copied().flatten();
        // A 32-bit value, of which a 64-bit kernel records the sign-extended or the plain word.
        argument.is_some_and(|argument| argument & 0xffff_ffff == u64::from(AT_FDCWD))
    })
}

/// The absolute form of a recorded path; `None` for a relative one without a working directory to begin at.
///
/// `.` and `..` stay as they are: what they lead to depends on symbolic links, which no record tells.
pub fn absolute<'a>(cwd: Option<&[u8]>, name: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if name.starts_with(b"/") {
        return Some(Cow::Borrowed(name));
    }
    let cwd = cwd.filter(|cwd| cwd.starts_with(b"/"))?;
    if name.is_empty() {
        return None;
    }
    let slash: &[u8] = if cwd.ends_with(b"/") { b"" } else { b"/" };
    Some(Cow::Owned([cwd, slash, name].concat()))
}

/// Appends `path`, taken from the directory `from`, with `.` and `..` resolved by their letters alone. Where a part is a
/// symbolic link, the path may lead elsewhere.
pub fn resolve(from: &[u8], path: &[u8], out: &mut Vec<u8>) {
    for part in from.split(|&byte| byte == b'/').chain(path.split(|&byte| byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => out.truncate(memchr::memrchr(b'/', out).unwrap_or(0)),
            part => {
                out.push(b'/');
                out.extend_from_slice(part);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ascending() {
        assert!(RELATIVE.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn a_relative_path_is_made_absolute_only_where_its_beginning_is_known() {
        let cwd = Some(0xffff_ff9c);
        let wide = Some(0xffff_ffff_ffff_ff9c);
        let fd = Some(5);
        let cases: &[(&str, [Option<u64>; 4], bool)] = &[
            ("open", [fd, None, None, None], true),
            ("openat", [cwd, fd, None, None], true),
            ("openat", [wide, fd, None, None], true),
            ("openat", [fd, fd, None, None], false),
            ("openat", [None; 4], false),
            ("renameat2", [cwd, fd, cwd, fd], true),
            ("renameat2", [cwd, fd, fd, fd], false),
            ("symlinkat", [fd, cwd, fd, None], true),
            ("mq_open", [fd, fd, None, None], false),
        ];
        for (syscall, arguments, expected) in cases {
            assert_eq!(begins_at_cwd(syscall, arguments), *expected, "{syscall} {arguments:x?}");
        }
        let cases: &[(Option<&str>, &str, Option<&str>)] = &[
            (Some("/root"), "/etc/passwd", Some("/etc/passwd")),
            (None, "/etc/passwd", Some("/etc/passwd")),
            (Some("/root"), "../etc/passwd", Some("/root/../etc/passwd")),
            (Some("/"), "etc", Some("/etc")),
            (Some("(unreachable)/x"), "etc", None),
            (Some("/root"), "", None),
            (None, "etc", None),
        ];
        for (cwd, name, expected) in cases {
            let found = absolute(cwd.map(str::as_bytes), name.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{cwd:?} {name}");
        }
    }
}
