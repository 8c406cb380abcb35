//! What the host tells of processes and login sessions, read from `/proc` and `/run`. May block.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::cgroup;
use super::context::{Bytes, Login, Place, ProcessId};
use super::limits::{ARGUMENTS_MAX, ARGV_BYTES_MAX, LOGIN_BYTES_MAX, PATH_BYTES_MAX, VARIABLE_BYTES_MAX};
use crate::sys::process::{self, Stat};

/// Bytes of `/proc/PID/cgroup` that are read: one line for each of a dozen hierarchies.
const CGROUP_BYTES_MAX: usize = 16 << 10;
/// Bytes of a process's environment that are read: far more than most have, and its owner may make it 2 MiB long.
const ENVIRONMENT_BYTES_MAX: usize = 128 << 10;
/// Bytes of `/proc/PID/stat`: 50 numbers and a name of at most 64 bytes.
const STAT_BYTES_MAX: usize = 2 << 10;
/// Bytes of what systemd-logind notes of a session.
const SESSION_BYTES_MAX: u64 = 8 << 10;

/// A process as the host shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The process.
    pub id: ProcessId,
    /// Its parent's pid, 0 without one.
    pub parent: u32,
    /// Its executable's path; absent for the kernel's own threads, and where this process may not see it.
    pub exe: Option<Bytes>,
    /// Its arguments; empty when it has ended.
    pub argv: Arc<[Bytes]>,
    /// Container and unit.
    pub place: Place,
    /// The variables that are wanted and that it began with.
    pub environment: Vec<(Bytes, Bytes)>,
}

/// Knows processes and sessions. May block.
pub trait Processes {
    /// The process with that pid, if there is one.
    fn process(&mut self, pid: u32) -> Option<Found>;
    /// What is known of a login session.
    fn session(&mut self, session: u32) -> Option<Login>;
    /// The pid that was given last. The kernel gives them in ascending order, and begins anew at the end.
    fn last_pid(&mut self) -> Option<u32>;
    /// When the host was booted, in milliseconds since 1970.
    fn boot_ms(&self) -> u64;
}

/// This host.
#[derive(Debug)]
pub struct Proc {
    proc: PathBuf,
    /// Where systemd-logind keeps a file for each session.
    sessions: PathBuf,
    load: Option<File>,
    variables: Vec<Bytes>,
    /// Room for the longest of the files.
    room: Box<[u8]>,
}

impl Proc {
    /// The host's processes, with these variables of each one's environment.
    ///
    /// Reading the environment of processes of other users needs `CAP_SYS_PTRACE`; so does reading the path of their
    /// executable.
    pub fn new(variables: Vec<Bytes>) -> Proc {
        Proc::within("/proc".into(), "/run/systemd/sessions".into(), variables)
    }

    fn within(proc: PathBuf, sessions: PathBuf, variables: Vec<Bytes>) -> Proc {
        let load = File::open(proc.join("loadavg")).ok();
        Proc { proc, sessions, load, variables, room: vec![0; ENVIRONMENT_BYTES_MAX].into() }
    }

    /// Reads a file of a process, as much as there is room for. The kernel gives each of those that are read here in one
    /// piece (`seq_read_iter`, `proc_pid_cmdline_read`, `environ_read`), so that no second read is needed to find its end.
    fn read(&mut self, dir: &File, name: &str, bytes_max: usize) -> Option<&[u8]> {
        let file = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        let len = File::from(file).read(self.room.get_mut(..bytes_max)?).ok()?;
        self.room.get(..len)
    }

    fn environment(&mut self, dir: &File) -> Vec<(Bytes, Bytes)> {
        if self.variables.is_empty() {
            return Vec::new();
        }
        let variables = std::mem::take(&mut self.variables);
        let text = self.read(dir, "environ", ENVIRONMENT_BYTES_MAX).unwrap_or_default();
        let found = environment(text, &variables);
        self.variables = variables;
        found
    }
}

impl Processes for Proc {
    fn process(&mut self, pid: u32) -> Option<Found> {
        // Through one directory all is told of one process, whoever gets the pid when that ends.
        let flags = (OFlag::O_PATH | OFlag::O_DIRECTORY).bits();
        let dir =
            OpenOptions::new().read(true).custom_flags(flags).open(self.proc.join(pid.to_string())).ok()?;
        let stat = Stat::parse(self.read(&dir, "stat", STAT_BYTES_MAX)?)?;
        let exe = readlinkat(&dir, "exe").ok().map(|path| path.into_vec());
        // One byte more, by which a cut one is known.
        let argv = arguments(self.read(&dir, "cmdline", ARGV_BYTES_MAX + 1).unwrap_or_default());
        let place = cgroup::place(self.read(&dir, "cgroup", CGROUP_BYTES_MAX).unwrap_or_default());
        Some(Found {
            id: ProcessId { started: stat.started, pid },
            parent: stat.parent,
            exe: exe.filter(|path| path.len() <= PATH_BYTES_MAX).map(Bytes::from),
            argv,
            place,
            environment: self.environment(&dir),
        })
    }

    fn session(&mut self, session: u32) -> Option<Login> {
        let text = read(&self.sessions.join(session.to_string()), SESSION_BYTES_MAX)?;
        login(&text, session)
    }

    fn last_pid(&mut self) -> Option<u32> {
        let mut text = [0; 128];
        let len = self.load.as_ref()?.read_at(&mut text, 0).ok()?;
        let last = text.get(..len)?.trim_ascii_end().rsplit(|&byte| byte == b' ').next()?;
        std::str::from_utf8(last).ok()?.parse().ok()
    }

    fn boot_ms(&self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
        now.saturating_sub(process::ticks_since_boot() * 10)
    }
}

/// The beginning of a file.
fn read(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut text).ok()?;
    Some(text)
}

/// The arguments in the text of `/proc/PID/cmdline`, where each ends with a NUL.
fn arguments(text: &[u8]) -> Arc<[Bytes]> {
    let whole = text.strip_suffix(b"\0").unwrap_or(text);
    let text = whole.get(..ARGV_BYTES_MAX).unwrap_or(whole);
    if text.is_empty() {
        return Arc::new([]);
    }
    text.split(|&byte| byte == 0).take(ARGUMENTS_MAX).map(Bytes::from).collect()
}

/// The wanted variables in the text of `/proc/PID/environ`, in the order they are wanted.
fn environment(text: &[u8], wanted: &[Bytes]) -> Vec<(Bytes, Bytes)> {
    let find = |name: &Bytes| {
        let mut variables = text.split(|&byte| byte == 0);
        let value = variables.find_map(|variable| variable.strip_prefix(&**name)?.strip_prefix(b"="))?;
        (value.len() <= VARIABLE_BYTES_MAX).then(|| (name.clone(), Bytes::from(value)))
    };
    wanted.iter().filter_map(find).collect()
}

/// Reads what systemd-logind has noted of a session: lines of `NAME=VALUE`.
fn login(text: &[u8], session: u32) -> Option<Login> {
    let value = |name: &str| {
        let mut lines = text.split(|&byte| byte == b'\n');
        let value = lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        (!value.is_empty() && value.len() <= LOGIN_BYTES_MAX).then_some(value)
    };
    let number = |name: &str| -> Option<u64> { std::str::from_utf8(value(name)?).ok()?.parse().ok() };
    // A session that the kernel does not number has a name of its own, and this file is of another one.
    (number("AUDIT") == Some(u64::from(session))).then_some(())?;
    Some(Login {
        session,
        user: value("USER").map(Bytes::from),
        uid: number("UID").and_then(|uid| u32::try_from(uid).ok()),
        address: value("REMOTE_HOST").map(Bytes::from),
        terminal: value("TTY").map(Bytes::from),
        time_ms: number("REALTIME").map(|microseconds| microseconds / 1000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[Bytes]) -> Vec<&[u8]> {
        words.iter().map(|word| &**word).collect()
    }

    #[test]
    fn hostile_command_lines_are_cut_and_kept_as_bytes() {
        let long = vec![b'x'; 3 * ARGV_BYTES_MAX];
        let many = b"a\0".repeat(500);
        let cases: &[(&[u8], Vec<&[u8]>)] = &[
            (b"", vec![]),
            (b"\0", vec![]),
            (b"ls\0-l\0", vec![b"ls", b"-l"]),
            (b"ls\0\0x\0", vec![b"ls", b"", b"x"]),
            (b"a\nb\0\xff\xfe\0\x1b[2J", vec![b"a\nb", b"\xff\xfe", b"\x1b[2J"]),
            (&long, vec![&long[..ARGV_BYTES_MAX]]),
            (&many, vec![&b"a"[..]; ARGUMENTS_MAX]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(&arguments(text)), *expected);
        }
    }

    #[test]
    fn only_wanted_variables_are_kept() {
        let wanted = [Bytes::from(*b"LANG"), Bytes::from(*b"LA"), Bytes::from(*b"BIG"), Bytes::from(*b"NO")];
        let big = vec![b'x'; VARIABLE_BYTES_MAX + 1];
        let text = [b"PATH=/bin\0LANG=\xffC=1\0LANG=two\0LA=\0BIG=", &*big, b"\0torn"].concat();
        let found = environment(&text, &wanted);
        let expected =
            vec![(wanted[0].clone(), Bytes::from(*b"\xffC=1")), (wanted[1].clone(), Bytes::from(*b""))];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_session_is_read_from_what_logind_notes() {
        let text = b"# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nREMOTE=1\n\
            TTY=pts/0\nREMOTE_HOST=192.0.2.7\nAUDIT=3\nREALTIME=1700000000123456\n";
        let expected = Login {
            session: 3,
            user: Some((*b"alice").into()),
            uid: Some(1000),
            address: Some((*b"192.0.2.7").into()),
            terminal: Some((*b"pts/0").into()),
            time_ms: Some(1_700_000_000_123),
        };
        assert_eq!(login(text, 3), Some(expected));
        assert_eq!(login(text, 4), None);
        assert_eq!(
            login(b"\xff\0=\nAUDIT=3\nUID=x\nUSER=", 3),
            Some(Login { session: 3, ..Login::default() })
        );
    }

    #[test]
    fn this_process_is_found_as_it_is() {
        let mut host = Proc::new(vec![(*b"PATH").into()]);
        let pid = std::process::id();
        let found = host.process(pid).expect("this process");
        assert_eq!(found.id.pid, pid);
        assert_eq!(found.parent, std::os::unix::process::parent_id());
        let exe = std::env::current_exe().expect("its executable");
        assert_eq!(found.exe.as_deref(), Some(exe.as_os_str().as_encoded_bytes()));
        let first = std::env::args_os().next().expect("its name");
        assert_eq!(found.argv.first().map(|name| &**name), Some(first.as_encoded_bytes()));
        let path = std::env::var_os("PATH").filter(|path| path.len() <= VARIABLE_BYTES_MAX);
        assert_eq!(
            found.environment.first().map(|(_, value)| &**value),
            path.as_ref().map(|p| p.as_encoded_bytes())
        );
        assert!(host.last_pid().is_some_and(|last| last > 0));
        assert_eq!(host.process(u32::MAX), None);
        let started = host.boot_ms() + found.id.started * 10;
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
        assert!(u128::from(started) <= now + 1000, "{started} {now}");
    }
}
