#!/usr/bin/env python3
"""Writes syscalls.rs, types.rs and errno.rs beside this script from C headers.

    generate.py --fetch DIR     download the header packages of PACKAGES and unpack them into DIR (Debian 12, no root)
    generate.py DIR             write the three files from the headers in DIR
    generate.py --check DIR     write nothing; exit 1 if a file is not what DIR gives

Needs cpp and rustfmt. The headers are those of Linux 6.1; what later kernels added stands in LATER_SYSCALLS and
LATER_TYPES below, up to Linux 6.18. Every number here is part of the kernel's stable interface and never changes, so
the same lists come out of every 6.1 package.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

HERE = pathlib.Path(__file__).resolve().parent

PACKAGES = ["linux-libc-dev", "libaudit-dev"] + [
    f"linux-libc-dev-{arch}-cross" for arch in ("arm64", "armhf", "ppc64el", "s390x", "riscv64")
]

X86 = "usr/include/x86_64-linux-gnu"
# Rust name: include directory below DIR, header, macros of the C compiler that the header asks for.
ARCHES = {
    "X86_64": (X86, "asm/unistd_64.h", []),
    "I386": (X86, "asm/unistd_32.h", []),
    "AARCH64": ("usr/aarch64-linux-gnu/include", "asm/unistd.h", ["__aarch64__", "__LP64__"]),
    "ARM": ("usr/arm-linux-gnueabihf/include", "asm/unistd.h", ["__arm__", "__ARM_EABI__"]),
    "PPC64LE": ("usr/powerpc64le-linux-gnu/include", "asm/unistd.h", ["__powerpc64__"]),
    "S390X": ("usr/s390x-linux-gnu/include", "asm/unistd.h", ["__s390x__"]),
    "RISCV64": ("usr/riscv64-linux-gnu/include", "asm/unistd.h", ["__riscv", "__LP64__"]),
}
# The x32 ABI has numbers of its own from here on; below it shares those of x86_64.
X32_FIRST = 512
X32_BIT = 0x40000000

# Added from Linux 6.2 on; since 5.1 a new system call has one number on all architectures.
LATER_SYSCALLS = {
    "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
    "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460,
    "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464, "listxattrat": 465,
    "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469,
}  # fmt: skip
# Added later with a number of one architecture's own.
LATER_OWN = {
    "X86_64": {"uretprobe": 335, "uprobe": 336},
    "S390X": {"memfd_secret": 447},
    "RISCV64": {"riscv_hwprobe": 258},
}
# The header has two names for one number; this one is not that of the kernel's own table.
SECOND_NAMES = {"sync_file_range2"}
# Names that auditctl takes in rules beside the kernel's.
AUDITCTL_NAMES = {"pread": "pread64", "pwrite": "pwrite64"}
AUDITCTL_OWN = {
    "I386": {"sys_kexec_load": "kexec_load", "sched_rr_get_interval64": "sched_rr_get_interval_time64"},
    "AARCH64": {"getdents": "getdents64", "newfstat": "fstat"},
    "ARM": {
        "llseek": "_llseek", "newselect": "_newselect", "sysctl": "_sysctl", "fadvise64_64": "arm_fadvise64_64",
        "sync_file_range": "arm_sync_file_range", "sched_rr_get_interval64": "sched_rr_get_interval_time64",
    },
    "PPC64LE": {
        "fstatat64": "newfstatat", "timerfd": "timerfd_create", "perf_counter_open": "perf_event_open",
    },
}  # fmt: skip
# Added to the numbers of ARM's old ABI; the kernel's audit records have them without it.
OABI_BASE = 0x900000
# Not system calls.
NOT_CALLS = {"arch_specific_syscall", "syscalls", "SYSCALL_BASE", "OABI_SYSCALL_BASE", "SYSCALL_MASK"}

LATER_TYPES = {
    "OPENAT2": 1337, "DM_CTRL": 1338, "DM_EVENT": 1339, "IPE_ACCESS": 1420, "IPE_CONFIG_CHANGE": 1421,
    "IPE_POLICY_LOAD": 1422, "LANDLOCK_ACCESS": 1423, "LANDLOCK_DOMAIN": 1424, "MAC_TASK_CONTEXTS": 1425,
    "MAC_OBJ_CONTEXTS": 1426, "INTEGRITY_USERSPACE": 1808,
}  # fmt: skip
# Requests and replies rather than records, which auditd has no name for and never writes.
NOT_RECORDS = {"DAEMON_RECONFIG", "REPLACE"}
FIRST_RECORD = 1100
RECORDS_BEFORE = {"USER", "LOGIN"}
LAST_RECORD = 2999
RENAMED = {"AA": "APPARMOR"}

# glibc's name for EOPNOTSUPP, which programs and rules use and the kernel's header does not have.
ERRNO_ALIASES = {"ENOTSUP": "EOPNOTSUPP"}


def cpp(text, include, macros, *options):
    command = ["cpp", "-P", "-nostdinc", "-undef", "-D__SIZEOF_POINTER__=8", f"-I{include}", *options]
    command += [f"-D{macro}" for macro in macros] + ["-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def numbers(include, header, macros, pattern):
    """Name (the pattern's group) to number of every macro of `header` that matches and is a number."""
    head = f"#include <{header}>\n"
    defined = re.findall(rf"^#define ({pattern}) \S", cpp(head, include, macros, "-dM"), re.M)
    probe = head + "".join(f'@{group}@ {macro}\n' for macro, group in defined)
    found = {}
    for name, value in re.findall(r"^@ ?(\w+) ?@ (.*)$", cpp(probe, include, macros), re.M):
        if re.fullmatch(r"[0-9xa-fA-F+() ]+", value):
            found[name] = eval(value, {"__builtins__": {}})
    return found


def syscalls(root, arch):
    directory, header, macros = ARCHES[arch]
    include = root / directory
    found = numbers(include, header, macros, r"__(?:NR|ARM_NR)_(\w+)")
    for name in NOT_CALLS | {"BASE"}:
        found.pop(name, None)
    for name, number in {**LATER_SYSCALLS, **LATER_OWN.get(arch, {})}.items():
        if found.setdefault(name, number) != number:
            sys.exit(f"{arch}: {name} is {found[name]} in the header and {number} here")
    if arch == "X86_64":
        x32 = numbers(include, "asm/unistd_x32.h", [f"__X32_SYSCALL_BIT={X32_BIT}"], r"__NR_(\w+)")
        x32 = {name: number & ~X32_BIT for name, number in x32.items()}
    else:
        x32 = {}
    if arch == "ARM":
        oabi = numbers(include, "asm/unistd-oabi.h", [f"__NR_SYSCALL_BASE={OABI_BASE}"], r"__NR_(\w+)")
        taken = set(found.values())
        found.update({name: n - OABI_BASE for name, n in oabi.items() if n - OABI_BASE not in taken})
    for name, meant in {**AUDITCTL_NAMES, **AUDITCTL_OWN.get(arch, {})}.items():
        found.setdefault(name, found[meant])
    second = {*AUDITCTL_NAMES, *AUDITCTL_OWN.get(arch, {}), *SECOND_NAMES}
    by_number, aliases = {}, {}
    for name, number in sorted(found.items(), key=lambda pair: (pair[0] in second, pair)):
        if number in by_number:
            aliases[name] = number
        else:
            by_number[number] = name
    x32_own = {number: name for name, number in x32.items() if number >= X32_FIRST}
    return by_number, aliases, x32_own


def runs(by_number, gap_max=3):
    """[(first number, names)], where a gap of up to gap_max numbers within a run is the name `-`."""
    out = []
    for number in sorted(by_number):
        if out and number - (out[-1][0] + len(out[-1][1])) <= gap_max:
            out[-1][1].extend(["-"] * (number - out[-1][0] - len(out[-1][1])))
            out[-1][1].append(by_number[number])
        else:
            out.append((number, [by_number[number]]))
    return out


def dense(by_number):
    """The Rust expression for an array with each name at its number; names as words, many to a line."""
    blocks = []
    for first, names in runs(by_number):
        lines = textwrap.wrap(" ".join(names), 95, break_long_words=False, break_on_hyphens=False)
        blocks.append(f'({first}, "' + " \\\n".join(lines) + '")')
    return f"&dense::<{max(by_number) + 1}>(&[{', '.join(blocks)}])"


def pairs(by_number):
    return ", ".join(f'({number}, "{name}")' for number, name in sorted(by_number.items()))


HEADER = "//! {}\n//!\n//! Written by `generate.py` from {}\n//! completed up to Linux 6.18; do not edit.\n\n"


def syscalls_rs(root):
    out = HEADER.format(
        "System calls of each architecture.",
        "the `asm/unistd.h` of Linux 6.1,",
    )
    out += "use super::dense::{Table, dense};\n"
    for arch in ARCHES:
        by_number, aliases, x32 = syscalls(root, arch)
        low = {number: name for number, name in by_number.items() if number < 1024}
        high = {number: name for number, name in by_number.items() if number >= 1024}
        order = sorted(low, key=low.get)
        low.update(x32)
        high_names = sorted((name, number) for number, name in high.items())
        aliases = sorted([*aliases.items(), *high_names])
        out += f"\npub(super) static {arch}: Table = Table {{ names: {dense(low)}, "
        out += f"by_name: &[{', '.join(map(str, order))}], far: &[{pairs(high)}], "
        out += "more: &[{}] }};\n".format(", ".join(f'("{name}", {number})' for name, number in aliases))
    return out


def types_rs(root):
    found = {}
    for header in ("linux/audit.h", "libaudit.h"):
        text = (root / "usr/include" / header).read_text()
        for name, number in re.findall(r"^#define\s+AUDIT_([A-Z0-9_]+)\s+(\d{4})\b", text, re.M):
            found.setdefault(name, int(number))
    for name, number in LATER_TYPES.items():
        if found.setdefault(name, number) != number:
            sys.exit(f"type {name} is {found[name]} in the header and {number} here")
    kept = {}
    for name, number in found.items():
        limit = re.search(r"(^|_)(FIRST|LAST)_", name) or name in NOT_RECORDS
        if limit or not (name in RECORDS_BEFORE or FIRST_RECORD <= number <= LAST_RECORD):
            continue
        if kept.setdefault(number, RENAMED.get(name, name)) != RENAMED.get(name, name):
            sys.exit(f"record type {number} is {kept[number]} and {name}")
    out = HEADER.format(
        "Record types.",
        "`linux/audit.h` of Linux 6.1 and `libaudit.h` of audit 3.0.9,",
    )
    out += "/// Ascending by number.\n"
    out += f"pub(super) static BY_NUMBER: &[(u16, &str)] = &[{pairs(kept)}];\n"
    return out


def errno_rs(root):
    text = "".join((root / f"usr/include/asm-generic/{h}").read_text() for h in ("errno-base.h", "errno.h"))
    defined = dict(re.findall(r"^#define\s+(E[A-Z0-9]+)\s+(\w+)", text, re.M))
    main = {int(value): name for name, value in defined.items() if value.isdigit()}
    number_of = {name: number for number, name in main.items()}
    aliases = {name: value for name, value in defined.items() if not value.isdigit()} | ERRNO_ALIASES
    number_of.update({name: number_of[value] for name, value in aliases.items()})
    out = HEADER.format("Error numbers.", "the `asm-generic/errno.h` of Linux 6.1,")
    out += "use super::dense::dense;\n\n"
    out += "/// The name of each number from 0 on, empty for one without a name.\n"
    out += f"pub(super) static BY_NUMBER: &[&str] = {dense(main)};\n\n"
    out += "/// Ascending by name, with those names that stand for another's number.\n"
    by_name = ", ".join(f'("{name}", {number})' for name, number in sorted(number_of.items()))
    out += f"pub(super) static BY_NAME: &[(&str, u32)] = &[{by_name}];\n"
    return out


def formatted(text):
    command = ["rustfmt", "--edition", "2024", "--emit", "stdout", "--config-path", str(HERE.parents[1])]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def fetch(root):
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        for package in PACKAGES:
            subprocess.run(["apt-get", "download", package], cwd=work, check=True)
        for deb in pathlib.Path(work).glob("*.deb"):
            subprocess.run(["dpkg", "-x", deb, root], check=True)


def main(arguments):
    options = [a for a in arguments if a.startswith("--")]
    rest = [a for a in arguments if not a.startswith("--")]
    if len(rest) != 1 or not set(options) <= {"--fetch", "--check"}:
        sys.exit(__doc__)
    root = pathlib.Path(rest[0])
    if "--fetch" in options:
        return fetch(root)
    differing = []
    for name, text in (("syscalls.rs", syscalls_rs), ("types.rs", types_rs), ("errno.rs", errno_rs)):
        path, new = HERE / name, formatted(text(root))
        if "--check" not in options:
            path.write_text(new)
        elif not path.exists() or path.read_text() != new:
            differing.append(name)
    if differing:
        sys.exit(f"not what the headers give: {', '.join(differing)}")


if __name__ == "__main__":
    main(sys.argv[1:])
