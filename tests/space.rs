//! A log on a small file system that runs full, on the real kernel: each policy is followed, nothing is torn, and when there
//! is space again all goes on.

mod support {
    pub(crate) mod daemon;
    pub(crate) mod kernel;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use support::daemon::{Daemon, PATIENCE, directory};
use support::kernel::KernelGuard;

/// A file system in memory at `log` in a directory. Unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(dir: &Path, megabytes: u32) -> Small {
        let log = dir.join("log");
        fs::create_dir(&log).expect("a directory");
        let size = format!("size={megabytes}m,mode=0750");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "ktrail-test"]).arg(&log));
        Small(log)
    }

    /// A file that takes space: so much, or all there is.
    fn ballast(&self, megabytes: Option<usize>) {
        let chunk = vec![0; 4096];
        let chunks = megabytes.map_or(usize::MAX, |megabytes| megabytes * 256);
        let mut file = fs::File::create(self.0.join("ballast")).expect("a file");
        (0..chunks).take_while(|_| std::io::Write::write_all(&mut file, &chunk).is_ok()).for_each(drop);
    }

    fn relieve(&self) {
        fs::remove_file(self.0.join("ballast")).expect("the ballast");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().expect("the command").success(), "{command:?}");
}

/// Opens a watched file so many times.
fn open(daemon: &Daemon, times: u32) {
    let script = format!("i=0; while [ $i -lt {times} ]; do : < file; i=$((i+1)); done");
    run(Command::new("sh").arg("-c").arg(script).current_dir(daemon.watched()));
}

fn count(daemon: &Daemon, filter: &str) -> u64 {
    let said = daemon.ktrail(&["search", "--count", filter]).stdout;
    String::from_utf8_lossy(&said).trim().parse().expect("a number")
}

/// Waits until a search finds at least so many.
fn wait(daemon: &Daemon, filter: &str, least: u64) {
    let begun = Instant::now();
    while count(daemon, filter) < least {
        assert!(begun.elapsed() < PATIENCE, "{filter}: {} of {least}", count(daemon, filter));
        std::thread::yield_now();
    }
}

/// The texts of the events of a type.
fn told(daemon: &Daemon, kind: &str) -> String {
    String::from_utf8_lossy(&daemon.ktrail(&["search", "--type", kind, "--format", "raw"]).stdout)
        .into_owned()
}

/// Ends the daemon; its log has nothing wrong with it and so many of the opens.
fn check_log(daemon: Daemon, opens: Option<u32>) {
    let (status, dir) = daemon.stop();
    assert_eq!(status, Some(0));
    let ktrail = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command.args(arguments).arg("--log-dir").arg(dir.path().join("log")).output().expect("ktrail runs")
    };
    let checked = ktrail(&["log", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    if let Some(opens) = opens {
        let found = ktrail(&["search", "--count", "key=space and syscall=openat"]).stdout;
        assert_eq!(String::from_utf8_lossy(&found).trim(), opens.to_string());
    }
}

fn start(dir: tempfile::TempDir, store: &str) -> Daemon {
    let rules = |watched: &Path| {
        fs::write(watched.join("file"), "x").expect("a file");
        ["-w", &watched.join("file").display().to_string(), "-p", "r", "-k", "space"]
            .map(str::to_owned)
            .to_vec()
    };
    Daemon::start_in(dir, &format!("[store]\n{store}"), rules)
}

#[test]
fn a_full_disk_is_waited_out() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let small = Small::mount(dir.path(), 8);
    let daemon = start(dir, "min_free_bytes = 0\n");
    open(&daemon, 500);
    wait(&daemon, "key=space and syscall=openat", 500);
    small.ballast(None);
    open(&daemon, 3000);
    assert!(count(&daemon, "key=space and syscall=openat") < 3500);
    assert_eq!(daemon.status()["store"]["failing"], "ENOSPC");
    small.relieve();
    wait(&daemon, "key=space and syscall=openat", 3500);
    wait(&daemon, "type=DAEMON_RESUME", 1);
    assert!(daemon.status()["store"]["failing"].is_null());
    assert!(told(&daemon, "DAEMON_RESUME").contains("op=write error=ENOSPC failed_ms="));
    check_log(daemon, Some(3500));
}

#[test]
fn hold_writes_nothing_until_there_is_space() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let small = Small::mount(dir.path(), 16);
    let daemon = start(dir, "min_free_bytes = 4194304\non_low_space = \"hold\"\n");
    small.ballast(Some(13));
    wait(&daemon, "type=DAEMON_ERR", 1);
    assert!(told(&daemon, "DAEMON_ERR").contains("op=low-space action=hold free="));
    let space = |daemon: &Daemon| daemon.status()["store"]["space"].take();
    let low = space(&daemon);
    assert_eq!((&low["policy"], &low["holding"]), (&"hold".into(), &true.into()), "{low:#}");
    assert!(low["free_bytes"].as_u64() < low["least_bytes"].as_u64(), "{low:#}");
    let text = String::from_utf8_lossy(&daemon.ktrail(&["status"]).stdout).into_owned();
    assert!(text.contains("then hold); LOW since ") && text.contains(": nothing is written"), "{text}");
    open(&daemon, 1000);
    assert_eq!(count(&daemon, "key=space and syscall=openat"), 0);
    small.relieve();
    wait(&daemon, "key=space and syscall=openat", 1000);
    wait(&daemon, "type=DAEMON_RESUME", 1);
    let enough = space(&daemon);
    assert_eq!((&enough["holding"], enough["low_since_ms"].is_null()), (&false.into(), true), "{enough:#}");
    assert!(told(&daemon, "DAEMON_RESUME").contains("op=low-space free="));
    check_log(daemon, Some(1000));
}

#[test]
fn rotate_removes_the_oldest_segments() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let small = Small::mount(dir.path(), 16);
    let daemon = start(dir, "rotate_bytes = 1048576\nmin_free_bytes = 4194304\n");
    open(&daemon, 3000);
    wait(&daemon, "key=space and syscall=openat", 3000);
    small.ballast(Some(12));
    let begun = Instant::now();
    let wanted = ["op=low-space action=rotate free=", "op=low-space action=remove segment=1 entries="];
    loop {
        let said = told(&daemon, "DAEMON_ERR");
        if wanted.iter().all(|wanted| said.contains(wanted)) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{said}");
        std::thread::yield_now();
    }
    small.relieve();
    wait(&daemon, "type=DAEMON_RESUME", 1);
    check_log(daemon, None);
}

#[test]
fn halt_runs_its_command_once_all_is_written() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let small = Small::mount(dir.path(), 16);
    let copy = dir.path().join("copy");
    // In place of what would stop the system: what is in the log at that moment.
    let command =
        format!("[\"/bin/cp\", \"{}\", \"{}\"]", small.0.join("audit.jsonl").display(), copy.display());
    let store = format!(
        "min_free_bytes = 4194304\nflush = \"none\"\non_low_space = \"halt\"\nlow_space_command = {command}\n"
    );
    let daemon = start(dir, &store);
    open(&daemon, 100);
    wait(&daemon, "key=space and syscall=openat", 100);
    small.ballast(Some(13));
    let begun = Instant::now();
    while !fs::read_to_string(&copy).is_ok_and(|text| text.contains("\"action\":\"halt\"")) {
        assert!(begun.elapsed() < PATIENCE, "{}", told(&daemon, "DAEMON_ERR"));
        std::thread::yield_now();
    }
    check_log(daemon, Some(100));
}

#[test]
fn a_command_may_make_room() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let small = Small::mount(dir.path(), 16);
    let ballast = small.0.join("ballast");
    let store = format!(
        "min_free_bytes = 4194304\non_low_space = \"run\"\nlow_space_command = [\"/bin/rm\", \"-f\", \"{}\"]\n",
        ballast.display()
    );
    let daemon = start(dir, &store);
    small.ballast(Some(13));
    wait(&daemon, "type=DAEMON_RESUME", 1);
    assert!(told(&daemon, "DAEMON_ERR").contains("op=low-space action=run free="));
    assert!(!ballast.exists());
    check_log(daemon, None);
}
