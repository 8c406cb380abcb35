//! Processes as `/proc` shows them.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The number of the capability to write records to the audit log (`linux/capability.h`).
pub const CAP_AUDIT_WRITE: u32 = 29;
/// The number of the capability to change audit rules and register as the audit daemon (`linux/capability.h`).
pub const CAP_AUDIT_CONTROL: u32 = 30;

/// Bytes of a command line that are shown at most: enough to know the program by, and its owner can make it 2 MB long.
const COMMAND_BYTES_MAX: u64 = 256;

/// A kind of namespace that a container may have of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Process ids.
    Pid,
    /// User ids and capabilities.
    User,
}

impl Namespace {
    /// Whether this process is in the namespace the machine was booted with. True also where `/proc` does not tell.
    pub fn is_first(self) -> bool {
        // The kernel has fixed inode numbers for the first ones: PID_NS_INIT_INO and USER_NS_INIT_INO (linux/nsfs.h).
        let (path, first) = match self {
            Namespace::Pid => ("/proc/self/ns/pid", 0xEFFF_FFFC),
            Namespace::User => ("/proc/self/ns/user", 0xEFFF_FFFD),
        };
        fs::metadata(path).map_or(true, |found| found.ino() == first)
    }
}

/// Whether this process holds the capability `number` in its effective set.
///
/// False also where `/proc` cannot be read.
pub fn has_capability(number: u32) -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    set.checked_shr(number).is_some_and(|set| set & 1 == 1)
}

/// A process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, on the clock of [`ticks_since_boot`].
    pub started: u64,
    /// Whether it is a thread of the kernel's own.
    pub is_kernel_thread: bool,
}

/// The flag of the kernel's own threads (`PF_KTHREAD`, linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// The clock on which `/proc` tells when processes started: hundredths of a second since boot, time asleep counted.
pub fn ticks_since_boot() -> u64 {
    // USER_HZ is 100 wherever Linux runs; the kernel turns its boot clock into it (proc_pid_stat, fs/proc/array.c).
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME);
    now.map_or(0, |now| {
        let hundredths = now.tv_sec().saturating_mul(100).saturating_add(now.tv_nsec() / 10_000_000);
        u64::try_from(hundredths).unwrap_or(0)
    })
}

/// All processes in a folder like `/proc`, without those that have ended and wait for their parent.
pub fn running(proc: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| find(proc, pid)).collect()
}

/// One of them.
pub fn find(proc: &Path, pid: u32) -> Option<Process> {
    let found = stat(proc, pid)?;
    let is_kernel_thread = found.flags & KERNEL_THREAD != 0;
    (!found.has_ended).then_some(Process { pid, started: found.started, is_kernel_thread })
}

/// What `/proc/PID/stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Whether it has ended and waits for its parent.
    pub has_ended: bool,
    /// The pid of its parent, 0 without one.
    pub parent: u32,
    /// When it started, on the clock of [`ticks_since_boot`].
    pub started: u64,
    flags: u32,
}

impl Stat {
    /// Reads the text of `/proc/PID/stat`.
    pub fn parse(text: &[u8]) -> Option<Stat> {
        // The name of a process may hold any byte, parentheses too: what follows begins after the last one.
        let rest = text.get(memchr::memrchr(b')', text)? + 1..)?;
        let fields: Vec<&str> = std::str::from_utf8(rest).ok()?.split_ascii_whitespace().collect();
        // Counted from the state, which is the third of all in proc_pid_stat(5): the parent is the 4th, flags are the 9th,
        // the start is the 22nd.
        Some(Stat {
            has_ended: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
            flags: fields.get(6)?.parse().ok()?,
        })
    }
}

/// The state of a process, also of one that has ended, in a folder like `/proc`.
pub fn stat(proc: &Path, pid: u32) -> Option<Stat> {
    Stat::parse(&fs::read(proc.join(pid.to_string()).join("stat")).ok()?)
}

/// The command of process `pid`: its arguments joined by spaces, or its short name in brackets when it has none.
///
/// Fit for a terminal: what is not printable is escaped, and the text is cut after 256 bytes. `None` when there is no
/// such process, or when it has ended and only its parent has not asked for its exit status yet.
pub fn command(pid: u32) -> Option<String> {
    command_in(Path::new("/proc"), pid)
}

/// The same with a folder like `/proc`.
pub fn command_in(proc: &Path, pid: u32) -> Option<String> {
    let dir = proc.join(pid.to_string());
    if has_ended(&dir)? {
        return None;
    }
    let mut arguments = Vec::new();
    File::open(dir.join("cmdline")).ok()?.take(COMMAND_BYTES_MAX).read_to_end(&mut arguments).ok()?;
    let arguments: Vec<_> = arguments.split(|&byte| byte == 0).filter(|part| !part.is_empty()).collect();
    match arguments.is_empty() {
        false => Some(printable(&arguments.join(&b' '))),
        true => Some(format!("[{}]", printable(fs::read(dir.join("comm")).ok()?.trim_ascii_end()))),
    }
}

/// Whether the process of this `/proc` folder is a zombie; `None` when the folder is not there.
fn has_ended(dir: &Path) -> Option<bool> {
    // The name of a process may hold any byte, so the text need not be UTF-8; a line break in it is written `\n`.
    let status = fs::read(dir.join("status")).ok()?;
    let state = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"State:"))?;
    Some(matches!(state.trim_ascii_start().first(), Some(b'Z' | b'X')))
}

/// The text with control characters and what is not UTF-8 escaped.
fn printable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char.is_control() {
                true => shown.extend(char.escape_default()),
                false => shown.push(char),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn this_process_has_a_command_and_no_process_has_none() {
        assert!(command(std::process::id()).is_some_and(|command| !command.is_empty()));
        assert_eq!(command(u32::MAX), None);
    }

    #[test]
    fn this_process_runs_and_started_before_now() {
        let pid = std::process::id();
        let own = find(Path::new("/proc"), pid).unwrap();
        assert!(!own.is_kernel_thread && own.started > 0 && own.started <= ticks_since_boot());
        assert!(running(Path::new("/proc")).contains(&own));
        assert_eq!(find(Path::new("/proc"), u32::MAX), None);
        let parent = stat(Path::new("/proc"), pid).unwrap().parent;
        assert_eq!(parent, std::os::unix::process::parent_id());
    }

    #[test]
    fn a_process_that_has_ended_has_no_command_before_it_is_waited_for() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(command(child.id()).is_some());
        drop(child.stdin.take());
        // Waits for the end and leaves the zombie.
        let ended = nix::sys::wait::Id::Pid(nix::unistd::Pid::from_raw(child.id().cast_signed()));
        let flags = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(ended, flags).unwrap();
        assert_eq!(command(child.id()), None);
        child.wait().unwrap();
        assert_eq!(command(child.id()), None);
    }

    #[test]
    fn a_command_cannot_write_to_the_terminal() {
        for (text, shown) in [
            (&b"auditd -f"[..], "auditd -f"),
            (b"\x1b]0;x\x07", "\\u{1b}]0;x\\u{7}"),
            (b"a\nb\xffc", "a\\nb\\xffc"),
            ("ä".as_bytes(), "ä"),
            (b"", ""),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn no_process_has_a_capability_that_does_not_exist() {
        assert!(!has_capability(63));
        assert!(!has_capability(u32::MAX));
    }
}
