use super::*;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn names_and_numbers_agree_both_ways() {
    for arch in Arch::ALL {
        let mut last = None;
        for (number, name) in syscalls(arch) {
            assert!(last < Some(number), "{arch:?} {number}");
            last = Some(number);
            assert_eq!(syscall_name(arch, number), Some(name), "{arch:?}");
            assert_eq!(syscall_number(arch, name), Some(number), "{arch:?} {name}");
        }
        assert_eq!(Arch::from_token(arch.token()), Some(arch));
        assert_eq!(Arch::from_name(arch.name()), Some(arch));
    }
    for (number, name) in record_types() {
        assert_eq!(record_type_name(*number), Some(*name));
        assert_eq!(record_type_number(name), Some(*number));
    }
    assert!(record_types().windows(2).all(|pair| pair[0].0 < pair[1].0));
    for number in (0..200).filter(|number| errno_name(*number).is_some()) {
        assert_eq!(errno_number(errno_name(number).unwrap()), Some(number));
    }
}

/// Every name is found, also those that stand for another's number, and every number leads somewhere.
#[test]
fn lists_that_are_searched_are_sorted() {
    for arch in Arch::ALL {
        let table = Table::of(arch);
        let names: Vec<_> = table.by_name.iter().map(|n| table.names[usize::from(*n)]).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{arch:?}");
        assert!(table.more.windows(2).all(|pair| pair[0].0 < pair[1].0), "{arch:?}");
        assert!(table.more.iter().all(|(_, number)| syscall_name(arch, *number).is_some()), "{arch:?}");
    }
    assert!(errno::BY_NAME.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(errno::BY_NAME.iter().all(|(_, number)| errno_name(*number).is_some()));
}

#[test]
fn system_calls_have_the_numbers_of_their_architecture() {
    let cases: &[(Arch, u32, &str)] = &[
        (Arch::X86_64, 257, "openat"),
        (Arch::X86_64, 59, "execve"),
        (Arch::X86_64, 0, "read"),
        (Arch::X86_64, 469, "file_setattr"),
        (Arch::X86_64, 335, "uretprobe"),
        (Arch::S390x, 447, "memfd_secret"),
        (Arch::Arm, 22, "umount"),
        (Arch::I386, 5, "open"),
        (Arch::I386, 452, "fchmodat2"),
        (Arch::Aarch64, 56, "openat"),
        (Arch::Aarch64, 79, "newfstatat"),
        (Arch::Arm, 322, "openat"),
        (Arch::Arm, 983_042, "cacheflush"),
        (Arch::Ppc64le, 286, "openat"),
        (Arch::S390x, 288, "openat"),
        (Arch::Riscv64, 221, "execve"),
        (Arch::Riscv64, 258, "riscv_hwprobe"),
    ];
    for (arch, number, name) in cases {
        assert_eq!(syscall_name(*arch, *number), Some(*name), "{arch:?} {number}");
        assert_eq!(syscall_number(*arch, name), Some(*number), "{arch:?} {name}");
    }
    assert_eq!(syscall_number(Arch::Arm, "sync_file_range2"), Some(341));
    assert_eq!(syscall_number(Arch::Aarch64, "open"), None);
    assert_eq!(syscall_number(Arch::X86_64, ""), None);
}

#[test]
fn x32_calls_have_the_names_of_x86_64() {
    let cases: &[(u32, Option<&str>)] = &[
        (0x4000_0000, Some("read")),
        (0x4000_0000 | 257, Some("openat")),
        (0x4000_0000 | 520, Some("execve")),
        (547, Some("pwritev2")),
        (548, None),
        (400, None),
        (u32::MAX, None),
    ];
    for (number, name) in cases {
        assert_eq!(syscall_name(Arch::X86_64, *number), *name, "{number:#x}");
    }
    assert_eq!(syscall_number(Arch::X86_64, "readv"), Some(19));
    assert_eq!(syscall_name(Arch::Aarch64, 0x4000_0000 | 56), None);
}

#[test]
fn record_types_have_the_names_auditd_writes() {
    let cases: &[(u16, Option<&str>)] = &[
        (0, None),
        (999, None),
        (1000, None),
        (1005, Some("USER")),
        (1006, Some("LOGIN")),
        (1138, Some("SOFTWARE_UPDATE")),
        (1204, None),
        (1300, Some("SYSCALL")),
        (1301, None),
        (1327, Some("PROCTITLE")),
        (1329, None),
        (1339, Some("DM_EVENT")),
        (1423, Some("LANDLOCK_ACCESS")),
        (1426, Some("MAC_OBJ_CONTEXTS")),
        (1500, Some("APPARMOR")),
        (1808, Some("INTEGRITY_USERSPACE")),
        (2000, Some("KERNEL")),
        (2507, Some("VIRT_MIGRATE_OUT")),
        (2508, None),
        (u16::MAX, None),
    ];
    for (number, name) in cases {
        assert_eq!(record_type_name(*number), *name, "{number}");
    }
    for name in ["", "syscall", "SYSCALLS", "UNKNOWN[1423]", "AA", "GET"] {
        assert_eq!(record_type_number(name), None, "{name}");
    }
}

#[test]
fn second_names_of_an_errno_have_its_number() {
    let cases = [("EACCES", 13, "EACCES"), ("EWOULDBLOCK", 11, "EAGAIN"), ("EDEADLOCK", 35, "EDEADLK")];
    for (name, number, main) in cases.into_iter().chain([("ENOTSUP", 95, "EOPNOTSUPP")]) {
        assert_eq!(errno_number(name), Some(number));
        assert_eq!(errno_name(number), Some(main));
    }
    assert_eq!([0, 41, 134, u32::MAX].map(errno_name), [None; 4]);
    assert_eq!(errno_number(""), None);
}

#[test]
fn a_32_bit_architecture_belongs_to_its_64_bit_one() {
    assert_eq!(Arch::X86_64.compat(), Some(Arch::I386));
    assert_eq!(Arch::I386.compat(), None);
    assert!(Arch::native().name().starts_with(std::env::consts::ARCH) || cfg!(not(target_arch = "x86_64")));
}

/// What a program of the Debian package auditd prints for `input`; `None`, with the reason printed, without it.
fn peer(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let path = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(|dir| format!("{dir}/{program}"));
    let Some(path) = path.into_iter().find(|path| std::path::Path::new(path).exists()) else {
        println!("skipped: {program} is not installed");
        return None;
    };
    let mut child = Command::new(path)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The peer's table of `arch`; `None` where it is not installed or knows no such architecture, when it gives the host's.
fn peer_syscalls(arch: Arch) -> Option<Vec<(u32, String)>> {
    let dump = peer("ausyscall", &[arch.name(), "--dump"], "")?;
    let (title, rows) = dump.split_once('\n').unwrap();
    // Both byte orders of ARM have one table.
    let name = if arch == Arch::Arm { "armeb" } else { arch.name() };
    if title != format!("Using {name} syscall table:") {
        println!("skipped: ausyscall has no table for {}", arch.name());
        return None;
    }
    let rows = rows.lines().filter_map(|row| row.split_once('\t'));
    Some(rows.map(|(number, name)| (number.parse().unwrap(), name.to_owned())).collect())
}

/// The peer has one table for 32-bit and 64-bit powerpc; these are calls of the 32-bit one alone.
fn is_of_32_bit_powerpc(number: u32) -> bool {
    matches!(number, 192..=197 | 204 | 226 | 254 | 403..=423)
}

/// Calls of kernels before 6.2 that audit 3.0.9 lacks.
const ONLY_OURS: &[(Arch, &str)] = &[
    (Arch::Arm, "pselect6 ppoll epoll_pwait breakpoint cacheflush usr26 usr32 set_tls get_tls"),
    (Arch::Ppc64le, "restart_syscall sys_debug_setcontext migrate_pages mbind get_mempolicy set_mempolicy"),
    (
        Arch::S390x,
        "restart_syscall lookup_dcookie getdents64 mbind get_mempolicy set_mempolicy migrate_pages move_pages \
         s390_guarded_storage semtimedop semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl",
    ),
];

/// The last number that audit 3.0.9 knows, `set_mempolicy_home_node`.
const PEER_LAST: u32 = 450;

#[test]
fn every_system_call_that_auditctl_takes_has_its_number() {
    for arch in Arch::ALL {
        let Some(table) = peer_syscalls(arch) else { continue };
        for (number, name) in &table {
            let ours = syscall_number(arch, name);
            if arch == Arch::Ppc64le && is_of_32_bit_powerpc(*number) {
                assert_eq!((ours, syscall_name(arch, *number)), (None, None), "{name}");
            } else {
                assert_eq!(ours, Some(*number), "{arch:?} {name}");
            }
        }
    }
}

#[test]
fn system_calls_that_ausyscall_lacks_are_later_or_listed() {
    for arch in Arch::ALL {
        let Some(table) = peer_syscalls(arch) else { continue };
        let listed = ONLY_OURS.iter().find(|(a, _)| *a == arch).map_or("", |(_, names)| *names);
        for (number, name) in syscalls(arch) {
            let known = table.iter().any(|(n, _)| *n == number);
            let later = (PEER_LAST + 1..1000).contains(&number)
                || ["uretprobe", "uprobe", "memfd_secret"].contains(&name);
            assert!(known || later || listed.split(' ').any(|n| n == name), "{arch:?} {number} {name}");
        }
    }
}

/// Types that audit 3.0.9 has no name for.
const LATER_TYPES: &[u16] = &[1338, 1339, 1420, 1421, 1422, 1423, 1424, 1425, 1426, 1808];

/// Types of which ausearch -i shows no record without the fields it looks for.
const HIDDEN_TYPES: &[u16] = &[1300, 1320, 1400];

#[test]
fn record_types_are_those_of_ausearch() {
    let line = |n| format!("type=UNKNOWN[{n}] msg=audit({}.000:{n}): pid=1 uid=0 res=1\n", 1_700_000_000 + n);
    let input: String = (1000..3000).map(line).collect();
    let Some(output) = peer("ausearch", &["-i"], &input) else { return };
    let mut seen = 0;
    for row in output.lines().filter_map(|row| row.strip_prefix("type=")) {
        let (name, rest) = row.split_once(' ').unwrap();
        let number: u16 = rest.split_once(')').unwrap().0.rsplit_once(':').unwrap().1.parse().unwrap();
        let ours = record_type_name(number).filter(|_| !LATER_TYPES.contains(&number));
        assert_eq!(ours.map_or(format!("UNKNOWN[{number}]"), str::to_owned), name);
        assert!(!HIDDEN_TYPES.contains(&number));
        seen += 1;
    }
    assert_eq!(seen, 2000 - HIDDEN_TYPES.len());
}

#[test]
fn errnos_are_those_of_ausearch() {
    let line = |n| {
        format!(
            "type=SYSCALL msg=audit({}.000:{n}): arch=c000003e syscall=2 success=no exit=-{n} a0=0 a1=0 a2=0 a3=0 \
             items=0 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 \
             comm=\"a\" exe=\"/a\" key=(null)\n",
            1_700_000_000 + n
        )
    };
    let input: String = (1..=133).map(line).collect();
    let Some(output) = peer("ausearch", &["-i"], &input) else { return };
    let values = output.lines().filter_map(|row| row.split_once(" exit=")?.1.split_once('('));
    // A number without a name is shown with an empty one: `exit=(Unknown error 41)`.
    let theirs: Vec<_> = values.map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
    let ours: Vec<_> = (1..=133).filter_map(errno_name).collect();
    assert_eq!(ours, theirs);
}
