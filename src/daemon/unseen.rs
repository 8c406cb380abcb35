//! Which processes the kernel's rules for system calls do not see, because they are older than auditing.
//!
//! The kernel gives a task its audit context when the task is made, if auditing was ever on since boot (`audit_alloc`,
//! kernel/auditsc.c), and never later: not at an exec, and not when auditing is switched on. A task without one makes no
//! event by a rule, whatever the rule. It does not matter whether the parent has a context. Nothing in `/proc` shows
//! whether a task has one: the loginuid and the session are kept without it as well, and the flag by which the kernel
//! knows it (`SYSCALL_WORK_SYSCALL_AUDIT`, once `TIF_SYSCALL_AUDIT`) is not shown. So it is told by time: a process that
//! started before auditing was first on is unseen. With `audit=1` on the kernel's command line auditing is on before there
//! is any process.
//!
//! When that was is noted in a file that is good for one boot, so that the next daemon of this boot knows it. Where
//! auditing was on already and there is no note, the number is the most that can be. So it is when another program has
//! switched auditing on and off again earlier in this boot, which leaves no trace. A process counts by its first thread.
//! Kernel threads make no system calls, and the daemon itself is never audited: both are left out.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::capture::wall_ms;
use crate::netlink::session::Session;
use crate::protocol;
use crate::sys::process::{self, Process};

/// How long an answer is good. Looking costs some microseconds for each process that is left.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// Processes that are named at most.
const NAMED_MAX: usize = 100;

/// Bytes of a note at most.
const NOTE_BYTES_MAX: u64 = 1024;

/// The count of unseen processes.
pub(super) struct Unseen {
    proc: PathBuf,
    /// Where it is noted since when auditing is on.
    note: PathBuf,
    since: OnceLock<Since>,
    known: Mutex<Option<Known>>,
}

/// Since when auditing is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Boot,
    Noted(Note),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// On the clock of processes' starts.
    ticks: u64,
    /// In milliseconds since 1970.
    wall_ms: u64,
    /// Whether it was on before.
    at_most: bool,
}

/// The note's file.
#[derive(Serialize, Deserialize)]
struct NoteFile {
    /// The kernel's name for this boot.
    boot_id: String,
    #[serde(flatten)]
    note: Note,
}

impl NoteFile {
    /// Reads a note. The directory may be one that others write to: what is not an ordinary file of this user is none.
    fn read(path: &Path) -> Option<NoteFile> {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
        let found = file.metadata().ok()?;
        (found.is_file() && found.uid() == geteuid().as_raw()).then_some(())?;
        let mut text = Vec::new();
        file.take(NOTE_BYTES_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Puts a new file in the place of what is there, and follows no link.
    fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_added_extension("new");
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(&new, path)
    }
}

/// What was seen last.
struct Known {
    at: Instant,
    /// Those that were there before auditing. None can be added, so only these have to be looked at again.
    processes: Vec<Process>,
    told: protocol::Unseen,
}

impl Unseen {
    /// For processes as `proc` shows them.
    pub(super) fn new(proc: &Path, note: PathBuf) -> Unseen {
        Unseen { proc: proc.to_owned(), note, since: OnceLock::new(), known: Mutex::default() }
    }

    /// Looks whether auditing is on. To be called as soon as this run's settings are in the kernel.
    pub(super) fn settings_are_made(&self, session: &mut Session) {
        let ticks = process::ticks_since_boot();
        let is_on = session.control().status().is_ok_and(|status| status.enabled != 0);
        if is_on {
            self.auditing_is_on(session.before().enabled != 0, ticks);
        }
    }

    /// Takes in that auditing is on, at `ticks` of the clock of processes' starts. `was_on`: it was so before this daemon.
    fn auditing_is_on(&self, was_on: bool, ticks: u64) {
        let since = match self.is_on_since_boot() {
            true => Since::Boot,
            false => Since::Noted(self.noted(Note { ticks, wall_ms: wall_ms(), at_most: was_on })),
        };
        let _ = self.since.set(since);
    }

    /// The note of an earlier daemon of this boot, or else the one that is given, which is then left for the next.
    fn noted(&self, new: Note) -> Note {
        let boot_id = fs::read_to_string(self.proc.join("sys/kernel/random/boot_id")).unwrap_or_default();
        let boot_id = boot_id.trim().to_owned();
        if let Some(found) = NoteFile::read(&self.note)
            && found.boot_id == boot_id
            && found.note.ticks <= new.ticks
        {
            return found.note;
        }
        if let Err(error) = (NoteFile { boot_id, note: new }).write(&self.note) {
            tracing::warn!(%error, path = %self.note.display(), "cannot note since when auditing is on");
        }
        new
    }

    /// Whether the kernel's command line says so. Of several `audit=` the last one holds, and any value but `0` and `off`
    /// means on (`audit_enable`, kernel/audit.c). What stands after `--` is not for the kernel.
    fn is_on_since_boot(&self) -> bool {
        let line = fs::read_to_string(self.proc.join("cmdline")).unwrap_or_default();
        let words = line.split_whitespace().take_while(|word| *word != "--");
        let last = words.filter_map(|word| word.strip_prefix("audit=")).last();
        last.is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("off"))
    }

    /// What is known now; `None` while auditing was never on.
    pub(super) fn now(&self, now: Instant) -> Option<protocol::Unseen> {
        let Since::Noted(note) = self.since.get()? else { return Some(protocol::Unseen::default()) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = match known.take() {
            Some(found) if now.duration_since(found.at) < GOOD_FOR => {
                return Some(known.insert(found).told.clone());
            }
            Some(found) => self.left(found.processes),
            None => self.older_than(note.ticks),
        };
        let told = self.tell(&processes, note);
        Some(known.insert(Known { at: now, processes, told }).told.clone())
    }

    fn tell(&self, processes: &[Process], note: &Note) -> protocol::Unseen {
        let named = processes.iter().filter_map(|found| {
            let command = process::command_in(&self.proc, found.pid)?;
            Some(protocol::Process { pid: found.pid, command })
        });
        protocol::Unseen {
            processes: u64::try_from(processes.len()).unwrap_or(u64::MAX),
            at_most: note.at_most,
            since_ms: Some(note.wall_ms),
            some: named.take(NAMED_MAX).collect(),
        }
    }

    /// Those that started before, the youngest first. The clock is coarse: one that started in the same hundredth of a
    /// second counts as well.
    fn older_than(&self, ticks: u64) -> Vec<Process> {
        let own = std::process::id();
        let mut found = process::running(&self.proc);
        found.retain(|found| found.started <= ticks && !found.is_kernel_thread && found.pid != own);
        found.sort_by_key(|found| std::cmp::Reverse((found.started, found.pid)));
        found
    }

    /// Those of them that still run. A process with the number of one that has ended started at another time.
    fn left(&self, mut processes: Vec<Process>) -> Vec<Process> {
        processes.retain(|before| process::find(&self.proc, before.pid).as_ref() == Some(before));
        processes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/proc` that was made: processes with their names, flags and starts.
    struct Made(tempfile::TempDir);

    const KERNEL_THREAD: u32 = 0x0020_8040;
    const ORDINARY: u32 = 0x0040_0100;
    /// Above any number of a real process, so that none is this one's.
    const FIRST: u32 = 5_000_000;

    impl Made {
        fn new(cmdline: &str, boot_id: &str) -> Made {
            let made = Made(tempfile::tempdir().expect("a temporary directory"));
            made.write("cmdline", cmdline);
            made.write("sys/kernel/random/boot_id", &format!("{boot_id}\n"));
            made
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }

        fn process(&self, pid: u32, name: &str, flags: u32, started: u64) {
            let stat =
                format!("{pid} ({name}) S 1 1 1 0 -1 {flags} 0 0 0 0 1 2 0 0 20 0 1 0 {started} 9 9\n");
            self.write(&format!("{pid}/stat"), &stat);
            self.write(&format!("{pid}/status"), "Name:\tx\nState:\tS (sleeping)\n");
            self.write(&format!("{pid}/cmdline"), &format!("/usr/bin/{name}\0--x\0"));
        }

        fn end(&self, pid: u32) {
            fs::remove_dir_all(self.0.path().join(pid.to_string())).expect("a process");
        }

        fn unseen(&self) -> Unseen {
            Unseen::new(self.0.path(), self.0.path().join("note"))
        }
    }

    fn pids(unseen: &Unseen, now: Instant) -> Vec<u32> {
        let unseen = unseen.now(now).expect("auditing is on");
        assert_eq!(usize::try_from(unseen.processes).ok(), Some(unseen.some.len()));
        unseen.some.iter().map(|process| process.pid).collect()
    }

    #[test]
    fn processes_older_than_auditing_are_counted_until_they_end() {
        let made = Made::new("ro quiet\n", "a");
        made.process(FIRST, "init", ORDINARY, 0);
        made.process(FIRST + 1, "kthreadd", KERNEL_THREAD, 0);
        made.process(FIRST + 2, "a) S (b", ORDINARY, 499);
        made.process(FIRST + 3, "at the same time", ORDINARY, 500);
        made.process(FIRST + 4, "younger", ORDINARY, 501);
        made.process(std::process::id(), "this one", ORDINARY, 3);
        made.write("self", "not a process");
        let (unseen, begun) = (made.unseen(), Instant::now());
        assert_eq!(unseen.now(begun), None);
        unseen.auditing_is_on(false, 500);
        assert_eq!(pids(&unseen, begun), [FIRST + 3, FIRST + 2, FIRST]);
        let told = unseen.now(begun).expect("auditing is on");
        assert_eq!(told.some[1].command, "/usr/bin/a) S (b --x");
        assert!(!told.at_most && told.since_ms.is_some());

        // It ends, and a new process gets its number.
        made.end(FIRST);
        made.process(FIRST + 2, "new", ORDINARY, 900);
        assert_eq!(unseen.now(begun + GOOD_FOR / 2).expect("auditing is on").processes, 3);
        assert_eq!(pids(&unseen, begun + GOOD_FOR), [FIRST + 3]);
    }

    #[test]
    fn a_hundred_are_named_and_all_are_counted() {
        let made = Made::new("", "a");
        (0..NAMED_MAX as u32 + 5).for_each(|number| made.process(FIRST + number, "old", ORDINARY, 1));
        let unseen = made.unseen();
        unseen.auditing_is_on(false, 500);
        let told = unseen.now(Instant::now()).expect("auditing is on");
        assert_eq!((told.processes, told.some.len()), (NAMED_MAX as u64 + 5, NAMED_MAX));
    }

    #[test]
    fn a_kernel_that_was_booted_with_audit_sees_all() {
        for (cmdline, all) in [
            ("audit=1", true),
            ("ro audit=1 quiet\n", true),
            ("audit=on", true),
            ("audit=yes", true),
            ("audit=0 audit=1", true),
            ("audit=1 audit=0", false),
            ("audit=Off", false),
            ("ro", false),
            ("", false),
            ("xaudit=1 audit_backlog_limit=8192", false),
            ("ro -- audit=1", false),
        ] {
            let made = Made::new(cmdline, "a");
            made.process(FIRST, "old", ORDINARY, 1);
            let unseen = made.unseen();
            unseen.auditing_is_on(true, 500);
            assert_eq!(unseen.now(Instant::now()).expect("it is on").processes == 0, all, "{cmdline}");
        }
    }

    #[test]
    fn the_next_daemon_of_this_boot_knows_since_when() {
        let made = Made::new("", "a");
        made.process(FIRST, "old", ORDINARY, 1);
        made.process(FIRST + 1, "between", ORDINARY, 600);
        made.unseen().auditing_is_on(false, 500);
        let count = |was_on: bool, ticks: u64| {
            let unseen = made.unseen();
            unseen.auditing_is_on(was_on, ticks);
            let told = unseen.now(Instant::now()).expect("auditing is on");
            (told.processes, told.at_most)
        };
        assert_eq!(count(true, 1000), (1, false), "the note holds");
        made.write("sys/kernel/random/boot_id", "b");
        assert_eq!(count(true, 1000), (2, true), "the note is of another boot");
        made.write("note", "torn {");
        assert_eq!(count(false, 700), (2, false));
        // A link is not followed: what it points to stays, and the note takes its place.
        let (note, target) = (made.0.path().join("note"), made.0.path().join("target"));
        fs::rename(&note, &target).expect("the note");
        std::os::unix::fs::symlink(&target, &note).expect("a link");
        made.write("target", &fs::read_to_string(&target).expect("text").replace("700", "1"));
        assert_eq!(count(false, 800), (2, false));
        assert!(fs::symlink_metadata(&note).expect("the note").is_file());
        assert!(fs::read_to_string(&target).expect("text").contains(":1,"));
        assert_eq!(count(false, 900), (2, false));
    }
}
