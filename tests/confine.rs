//! What the daemon cannot do any more once it has given up its rights, tried in a process of its own; and what it still can.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, io};

use ktrail::config::{Config, Overrides};
use ktrail::daemon::confine::Rights;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{User, geteuid};

/// Says to this program, run as a child, in which directory to try; a leading `-` says to give up nothing before.
const TRY: &str = "KTRAIL_TEST_CONFINE";
/// What a refusal looks like: by a filter of calls, by a family that there is not, by capabilities, by paths, by
/// paths for a link.
const REFUSALS: [Errno; 5] = [Errno::ENOSYS, Errno::EAFNOSUPPORT, Errno::EPERM, Errno::EACCES, Errno::EXDEV];

/// Makes a system call that changes nothing of use to others. The arguments are numbers and texts that live long enough.
fn call(number: libc::c_long, arguments: [usize; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: pointers among the arguments are null, invalid on purpose (the kernel says EFAULT), or to strings of the
    // caller's.
    #[allow(unsafe_code)]
    let result = unsafe { libc::syscall(number, a, b, c, d) };
    Errno::result(result).map(drop).map_err(Into::into)
}

fn text(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn socket(family: i32, protocol: i32) -> io::Result<()> {
    call(
        libc::SYS_socket,
        [family as usize, (libc::SOCK_DGRAM | libc::SOCK_CLOEXEC) as usize, protocol as usize, 0],
    )
}

fn executes(program: &Path) -> io::Result<()> {
    let mut command = Command::new(program);
    command.arg("--list").env_remove(TRY).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop)
}

type Attempt = (&'static str, fn(&Path) -> io::Result<()>);

/// What must be refused.
const REFUSED: &[Attempt] = &[
    ("ptrace", |_| call(libc::SYS_ptrace, [libc::PTRACE_PEEKUSER as usize, 0, 0, 0])),
    ("read another's memory", |_| {
        call(libc::SYS_process_vm_readv, [std::os::unix::process::parent_id() as usize, 0, 0, 0])
    }),
    ("mount", |_| {
        let (none, place, kind) = (text("none"), text("/nonexistent"), text("tmpfs"));
        call(libc::SYS_mount, [none.as_ptr() as usize, place.as_ptr() as usize, kind.as_ptr() as usize, 0])
    }),
    ("unmount", |_| call(libc::SYS_umount2, [text("/nonexistent").as_ptr() as usize, 0, 0, 0])),
    ("chroot", |_| call(libc::SYS_chroot, [text("/").as_ptr() as usize, 0, 0, 0])),
    ("a namespace", |_| call(libc::SYS_unshare, [libc::CLONE_NEWUTS as usize, 0, 0, 0])),
    ("join a namespace", |_| call(libc::SYS_setns, [usize::MAX, 0, 0, 0])),
    ("become another user", |_| call(libc::SYS_setuid, [geteuid().as_raw() as usize, 0, 0, 0])),
    ("become member of groups", |_| call(libc::SYS_setgroups, [usize::MAX, 0, 0, 0])),
    ("capabilities", |_| call(libc::SYS_capset, [0, 0, 0, 0])),
    ("a kernel module", |_| call(libc::SYS_init_module, [0, 0, 0, 0])),
    ("another kernel", |_| call(libc::SYS_kexec_load, [0, 0, 0, usize::MAX])),
    ("bpf", |_| call(libc::SYS_bpf, [usize::MAX, 0, 0, 0])),
    ("measure the kernel", |_| call(libc::SYS_perf_event_open, [0, 0, usize::MAX, usize::MAX])),
    ("a file by its handle", |_| call(libc::SYS_open_by_handle_at, [usize::MAX, 0, 0, 0])),
    ("io_uring", |_| call(libc::SYS_io_uring_setup, [0, 0, 0, 0])),
    ("keys", |_| call(libc::SYS_keyctl, [usize::MAX, 0, 0, 0])),
    ("the clock", |_| call(libc::SYS_clock_settime, [usize::MAX, 0, 0, 0])),
    ("the host's name", |_| call(libc::SYS_sethostname, [usize::MAX, usize::MAX, 0, 0])),
    ("swap", |_| call(libc::SYS_swapoff, [text("/nonexistent").as_ptr() as usize, 0, 0, 0])),
    ("restart the machine", |_| call(libc::SYS_reboot, [0, 0, 0, 0])),
    ("a device", |dir| {
        let path = text(dir.join("log/device").to_str().unwrap());
        let made = call(libc::SYS_mknod, [path.as_ptr() as usize, libc::S_IFCHR as usize | 0o600, 0x103, 0]);
        let _ = fs::remove_file(dir.join("log/device"));
        made
    }),
    ("a socket of IP", |_| socket(libc::AF_INET, 0)),
    ("a socket of IPv6", |_| socket(libc::AF_INET6, 0)),
    ("a socket of packets", |_| socket(libc::AF_PACKET, 0)),
    ("netlink that is not audit's", |_| socket(libc::AF_NETLINK, libc::NETLINK_ROUTE)),
];

/// What must be refused where the kernel can limit paths.
const REFUSED_PATHS: &[Attempt] = &[
    ("write /etc/shadow", |_| OpenOptions::new().append(true).open("/etc/shadow").map(drop)),
    ("read outside", |dir| File::open(dir.join("outside/secret")).map(drop)),
    ("write outside", |dir| OpenOptions::new().append(true).open(dir.join("outside/secret")).map(drop)),
    ("make a file outside", |dir| File::create(dir.join("outside/new")).map(drop)),
    ("make a directory outside", |dir| fs::create_dir(dir.join("outside/dir"))),
    ("remove outside", |dir| fs::remove_file(dir.join("outside/old"))),
    ("rename to outside", |dir| {
        fs::write(dir.join("log/move"), "")?;
        fs::rename(dir.join("log/move"), dir.join("outside/moved"))
    }),
    ("a link to outside", |dir| {
        let _ = fs::remove_file(dir.join("log/link"));
        fs::hard_link(dir.join("outside/secret"), dir.join("log/link"))
    }),
    ("write the configuration", |dir| {
        OpenOptions::new().append(true).open(dir.join("etc/ktrail.toml")).map(drop)
    }),
    ("execute a shell", |_| executes(Path::new("/bin/sh"))),
    ("execute what is in the log", |dir| {
        fs::copy(env::current_exe()?, dir.join("log/program"))?;
        executes(&dir.join("log/program"))
    }),
];

/// What must still be possible.
const POSSIBLE: &[Attempt] = &[
    ("read the configuration", |dir| fs::read(dir.join("etc/ktrail.toml")).map(drop)),
    ("make, rename and remove in the log", |dir| {
        fs::write(dir.join("log/a"), "text")?;
        fs::rename(dir.join("log/a"), dir.join("log/b"))?;
        fs::create_dir(dir.join("log/quarantine"))?;
        fs::rename(dir.join("log/b"), dir.join("log/quarantine/b"))?;
        File::options().write(true).open(dir.join("log/quarantine/b"))?.set_len(1)?;
        fs::remove_dir_all(dir.join("log/quarantine"))
    }),
    ("a socket beside the other", |dir| {
        UnixListener::bind(dir.join("run/socket"))?;
        fs::remove_file(dir.join("run/socket"))
    }),
    ("the socket of audit", |_| {
        // Where there is no audit at all, that is what is told.
        socket(libc::AF_NETLINK, 9).or_else(|error| match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT) => Ok(()),
            _ => Err(error),
        })
    }),
    ("a name", |_| {
        User::from_uid(0.into()).map(|user| assert_eq!(user.unwrap().name, "root")).map_err(Into::into)
    }),
    ("a process in /proc", |_| {
        fs::read(format!("/proc/{}/status", std::os::unix::process::parent_id())).map(drop)
    }),
    ("a thread", |_| {
        std::thread::Builder::new().spawn(|| ())?.join().map_err(|_| io::Error::other("it failed"))
    }),
    ("execute this program", |_| executes(&env::current_exe()?)),
];

/// The part of a child: tries, and tells one line for each attempt.
#[test]
fn a_part_for_other_tests() {
    let Ok(dir) = env::var(TRY) else { return };
    let (is_confined, dir) = dir.strip_prefix('-').map_or((true, &*dir), |dir| (false, dir));
    let dir = Path::new(dir);
    if is_confined {
        let file = dir.join("etc/ktrail.toml");
        let overrides = Overrides {
            log_dir: Some(dir.join("log")),
            socket: Some(dir.join("run/ktrail.sock")),
            ..Overrides::default()
        };
        let config = Config::parse("rules_dirs = []\n", &file, &overrides).unwrap();
        let kept = Rights::of(&config, &file).keep(&config).unwrap();
        let confined = kept.confined().unwrap();
        println!("\n= {}", serde_json::to_string(confined).unwrap());
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        status.lines().filter(|line| line.starts_with("Cap")).for_each(|line| println!("= {line}"));
        let seen = Command::new(env::current_exe().unwrap())
            .args(["--exact", "says_its_capabilities", "--nocapture"])
            .output();
        let seen = String::from_utf8(seen.unwrap().stdout).unwrap();
        seen.lines().filter(|line| line.starts_with("Cap")).for_each(|line| println!("= executed {line}"));
    }
    for (name, attempt) in [REFUSED, REFUSED_PATHS, POSSIBLE].concat() {
        let errno = attempt(dir).err().map_or(0, |error| error.raw_os_error().unwrap_or(-1));
        println!("\n@ {errno} {name}");
    }
}

/// The part of a program that is executed by a confined one.
#[test]
fn says_its_capabilities() {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    println!();
    status.lines().filter(|line| line.starts_with("Cap")).for_each(|line| println!("{line}"));
}

/// Errno of each attempt, and the other lines, of a child.
fn tried(is_confined: bool) -> (BTreeMap<String, Errno>, Vec<String>) {
    let dir = tempfile::Builder::new().prefix("ktrail-confine-").tempdir().unwrap();
    for part in ["log", "run", "etc", "outside"] {
        fs::create_dir(dir.path().join(part)).unwrap();
    }
    for file in ["etc/ktrail.toml", "outside/secret", "outside/old"] {
        fs::write(dir.path().join(file), "").unwrap();
    }
    let mark = if is_confined { "" } else { "-" };
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_part_for_other_tests", "--nocapture", "--test-threads=1"])
        .env(TRY, format!("{mark}{}", dir.path().display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let attempts = said.lines().filter_map(|line| line.strip_prefix("@ ")).map(|line| {
        let (errno, name) = line.split_once(' ').unwrap();
        (name.to_owned(), Errno::from_raw(errno.parse().unwrap()))
    });
    (attempts.collect(), said.lines().filter_map(|line| line.strip_prefix("= ").map(str::to_owned)).collect())
}

#[test]
fn what_is_given_up_is_refused_and_the_rest_goes_on() {
    let (free, _) = tried(false);
    let (confined, told) = tried(true);
    let report: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(report["no_new_privileges"], true, "{report}");
    assert_eq!(report["calls"], "all", "{report}");
    let paths = report["paths"] != "none";
    if !paths {
        println!("skipped: paths; this kernel has no Landlock");
    }
    let mut held_back = 0;
    for (name, _) in [REFUSED, if paths { REFUSED_PATHS } else { &[] }].concat() {
        let errno = confined[name];
        assert!(REFUSALS.contains(&errno), "{name}: {errno}");
        // What is refused in any case proves nothing.
        held_back += usize::from(!REFUSALS.contains(&free[name]));
    }
    let all = REFUSED.len() + if paths { REFUSED_PATHS.len() } else { 0 };
    println!("{held_back} of {all} attempts are possible without");
    assert!(!geteuid().is_root() || held_back >= all - 4, "{free:?}");
    for (name, _) in POSSIBLE {
        assert_eq!(confined[*name], Errno::from_raw(0), "{name}");
    }
    capabilities(&told, &report);
}

/// In each set of the thread, and in those of a program that it executes, there are the same, and no others.
fn capabilities(told: &[String], report: &serde_json::Value) {
    let number = |name: &str| {
        let line = told.iter().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    // By their numbers in linux/capability.h.
    let known = [("dac_read_search", 2), ("audit_control", 30), ("audit_read", 37)];
    let names = report["capabilities"].as_array().unwrap();
    let expected = names.iter().map(|name| 1u64 << known.iter().find(|(known, _)| name == known).unwrap().1);
    let expected = expected.fold(0, |all, one| all | one);
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"];
    for set in sets {
        assert_eq!(number(set), expected, "{set}");
        assert_eq!(number(&format!("executed {set}")), expected, "executed {set}");
    }
    if geteuid().is_root() {
        assert_eq!(number("CapBnd:"), expected);
    }
}
