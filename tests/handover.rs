//! A daemon that is killed, renewed or reloaded under load, with a service manager that keeps its descriptors: every event
//! of the load is in the log once, and no client is turned away.

mod support {
    pub(crate) mod kernel;
    pub(crate) mod manager;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, io, thread};

use ktrail::client::{Client, Error};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::kernel::KernelGuard;
use support::manager::Manager;

/// Says to a child of this program that it is the load.
const LOAD: &str = "KTRAIL_TEST_LOAD";
/// How often the daemon is killed or renewed in one test; by default as often as fits a test that runs every time.
const TIMES: &str = "KTRAIL_TEST_HANDOVERS";
/// Set, the load makes no pause: for a quiet machine and a release build.
const FULL: &str = "KTRAIL_TEST_FULL_LOAD";
/// Opens between two signs of life of the load.
const STEP: u32 = 100;
/// Pause of the load after a step, so that it is some 25,000 opens a second. Without a pause a machine that is busy with
/// other work besides leaves the kernel's socket unread for longer than the kernel keeps trying, which is 0.6 s.
const PAUSE: Duration = Duration::from_millis(3);
/// Steps of the load for each hand-over, at least.
const STEPS: u32 = 60;

/// What one test has: a manager, a daemon, a load.
struct Scene {
    dir: tempfile::TempDir,
    manager: Manager,
    daemon: Child,
    kernel: KernelGuard,
}

impl Scene {
    fn begin() -> Option<Scene> {
        let kernel = KernelGuard::take()?;
        let dir = tempfile::Builder::new().prefix("ktrail-handover-").tempdir().unwrap();
        fs::create_dir(dir.path().join("watched")).unwrap();
        fs::write(dir.path().join("watched/file"), "text").unwrap();
        let rules = dir.path().join("rules.d");
        fs::create_dir(&rules).unwrap();
        let watch = format!("-w {} -p r -k handover\n", dir.path().join("watched").display());
        fs::write(rules.join("load.rules"), watch).unwrap();
        // Nobody is held back for long, whatever happens.
        let config = format!(
            "rules_dirs = [{rules:?}]\nmetrics_listen = \"127.0.0.1:0\"\n[kernel]\nbacklog_limit = 8192\nbacklog_wait_time = 500\n"
        );
        fs::write(dir.path().join("ktrail.toml"), config).unwrap();
        let manager = Manager::new(dir.path());
        let daemon = manager.start(&program(dir.path()), &arguments(dir.path()));
        manager.wait_until_ready();
        Some(Scene { dir, manager, daemon, kernel })
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.daemon.id().try_into().unwrap()), signal).unwrap();
    }

    fn kill_and_start(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
        self.daemon = self.manager.start(&program(self.dir.path()), &arguments(self.dir.path()));
        self.manager.wait_until_ready();
    }

    fn load(&self, steps: u32) -> Load {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["a_part_for_other_tests", "--exact", "--nocapture", "--test-threads=1"])
            .env(LOAD, self.dir.path().join("watched/file"))
            .env(TIMES, steps.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = child.stdout.take().unwrap();
        Load { child, says, steps, done: 0 }
    }

    fn caller(&self) -> Caller {
        Caller::begin(self.dir.path().join("socket"))
    }

    fn ktrail(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new(env!("CARGO_BIN_EXE_ktrail"))
            .args(arguments)
            .arg("--log-dir")
            .arg(self.dir.path().join("log"))
            .output()
            .unwrap();
        // 1: nothing was found.
        assert!(output.status.code() < Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Stops the daemon and compares the log with what the load did.
    fn check(mut self, opens: u32) {
        self.signal(Signal::SIGTERM);
        assert!(self.daemon.wait().unwrap().success());
        let file = self.dir.path().join("watched/file");
        let found =
            self.ktrail(&["search", "-k", "handover", "-f", file.to_str().unwrap(), "--format", "raw"]);
        let found = String::from_utf8(found).unwrap();
        let mut events: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in found.lines() {
            let id = line.split_once("msg=audit(").and_then(|(_, rest)| rest.split_once(')')).expect(line).0;
            events.entry(id).or_default().push(line.split_once(' ').expect(line).0);
        }
        let whole = ["type=SYSCALL", "type=CWD", "type=PATH", "type=PROCTITLE"];
        let all = String::from_utf8(self.ktrail(&["search", "--format", "raw"])).unwrap();
        for (id, records) in &events {
            assert_eq!(records, &whole, "{id}; {}", missing(&events, &all));
        }
        assert_eq!(
            events.len(),
            opens as usize,
            "events in the log, and opens of the load; {}",
            missing(&events, &all)
        );
        let own = String::from_utf8(self.ktrail(&["search", "--type", "DAEMON_ERR", "--format", "raw"]))
            .unwrap_or_default();
        assert!(!own.contains("op=gap") && !own.contains("op=lost"), "{own}");
    }
}

/// Serials between those of the load's events that are not in the log at all, and the records of those that are not the
/// load's.
fn missing(events: &BTreeMap<&str, Vec<&str>>, all: &str) -> String {
    let serial = |id: &str| -> u64 { id.split_once(':').unwrap().1.parse().unwrap() };
    let ours: BTreeSet<u64> = events.keys().map(|id| serial(id)).collect();
    let mut others: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for line in all.lines().filter(|line| !line.starts_with("type=DAEMON")) {
        let id = line.split_once("msg=audit(").and_then(|(_, rest)| rest.split_once(')')).expect(line).0;
        if !ours.contains(&serial(id)) {
            others.entry(serial(id)).or_default().push(line);
        }
    }
    let (Some(first), Some(last)) = (ours.first(), ours.last()) else { return String::new() };
    let never: Vec<u64> =
        (*first..*last).filter(|serial| !ours.contains(serial) && !others.contains_key(serial)).collect();
    let others: Vec<_> = others.range(*first..*last).collect();
    format!("never seen: {never:?}; others: {others:#?}")
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A daemon that does not read holds the machine back.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A program that opens a file again and again.
struct Load {
    child: Child,
    says: ChildStdout,
    steps: u32,
    done: u32,
}

impl Load {
    /// Waits until it has done so many steps more; whether it goes on.
    fn wait(&mut self, steps: u32) -> bool {
        let mut signs = vec![0; steps as usize];
        while !signs.is_empty() {
            let count = self.says.read(&mut signs).unwrap();
            if count == 0 {
                return false;
            }
            // The test harness says something too.
            let taken = signs.iter().take(count).filter(|sign| **sign == b'\x07').count();
            self.done += taken as u32;
            signs.truncate(signs.len() - taken);
        }
        self.done < self.steps
    }

    /// Waits for its end and gives how often it has opened the file.
    fn end(mut self) -> u32 {
        while self.wait(self.steps) {}
        assert!(self.child.wait().unwrap().success());
        assert_eq!(self.done, self.steps);
        self.steps * STEP
    }
}

/// A client that asks for the version over and over.
struct Caller {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<(u32, Vec<Error>)>,
}

impl Caller {
    fn begin(socket: PathBuf) -> Caller {
        let enough = Arc::new(AtomicBool::new(false));
        let ended = enough.clone();
        let thread = thread::spawn(move || {
            let client = Client::new(&socket).unwrap();
            let (mut answers, mut refused) = (0, Vec::new());
            while !ended.load(Ordering::Relaxed) {
                match client.version() {
                    Ok(_) => answers += 1,
                    // The process that had taken the request has ended.
                    Err(Error::CutOff(_)) => {}
                    Err(error) => refused.push(error),
                }
            }
            (answers, refused)
        });
        Caller { enough, thread }
    }

    /// Ends it: it was answered, and never turned away.
    fn end(self) {
        self.enough.store(true, Ordering::Relaxed);
        let (answers, refused) = self.thread.join().unwrap();
        assert!(answers > 0 && refused.is_empty(), "{answers} answers; {refused:?}");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_part_for_other_tests() {
    let Some(file) = env::var_os(LOAD) else { return };
    let steps: u32 = env::var(TIMES).unwrap().parse().unwrap();
    let mut stdout = io::stdout();
    for _ in 0..steps {
        for _ in 0..STEP {
            File::open(&file).unwrap();
        }
        stdout.write_all(b"\x07").unwrap();
        stdout.flush().unwrap();
        if env::var_os(FULL).is_none() {
            thread::sleep(PAUSE);
        }
    }
}

/// A copy of the daemon's program, which can be replaced.
fn program(dir: &Path) -> PathBuf {
    let path = dir.join("ktraild");
    if !path.exists() {
        fs::copy(env!("CARGO_BIN_EXE_ktraild"), &path).unwrap();
    }
    path
}

fn arguments(dir: &Path) -> Vec<String> {
    let path = |name: &str| dir.join(name).display().to_string();
    let words = ["--config", &path("ktrail.toml"), "--log-dir", &path("log"), "--socket", &path("socket")];
    words.map(str::to_owned).to_vec()
}

fn times() -> u32 {
    env::var(TIMES).ok().and_then(|times| times.parse().ok()).unwrap_or(6)
}

/// A number below `limit` that nobody can foresee.
fn any(limit: u32) -> u32 {
    (RandomState::new().hash_one(limit) % u64::from(limit)) as u32
}

#[test]
fn a_daemon_that_is_killed_under_load_has_a_successor_that_misses_nothing() {
    let Some(mut scene) = Scene::begin() else { return };
    assert_eq!(scene.manager.names(), ["api", "events", "metrics", "ring"]);
    let caller = scene.caller();
    let mut load = scene.load(times() * STEPS);
    for _ in 0..times() {
        load.wait(any(STEPS));
        scene.kill_and_start();
    }
    let opens = load.end();
    caller.end();
    scene.check(opens);
}

#[test]
fn a_daemon_that_is_renewed_under_load_misses_nothing() {
    let Some(scene) = Scene::begin() else { return };
    let caller = scene.caller();
    let mut load = scene.load(times() * STEPS);
    for number in 0..times() {
        load.wait(any(STEPS));
        if number % 2 == 0 {
            // A new build in the old one's place.
            let path = scene.dir.path().join("ktraild");
            fs::copy(&path, scene.dir.path().join("new")).unwrap();
            fs::rename(scene.dir.path().join("new"), path).unwrap();
        }
        scene.signal(if number % 2 == 0 { Signal::SIGUSR2 } else { Signal::SIGHUP });
        scene.manager.wait_until_ready();
    }
    let opens = load.end();
    caller.end();
    scene.check(opens);
}

/// What the manager gave to the process is of the program that took it: to one that is executed later the same numbers are of
/// other descriptors, which it would close.
#[test]
fn a_daemon_that_was_killed_is_renewed() {
    let Some(mut scene) = Scene::begin() else { return };
    let mut load = scene.load(times() * STEPS);
    load.wait(any(STEPS));
    scene.kill_and_start();
    for signal in [Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGHUP] {
        load.wait(any(STEPS));
        scene.signal(signal);
        scene.manager.wait_until_ready();
        let environment = fs::read(format!("/proc/{}/environ", scene.daemon.id())).unwrap();
        let names = environment.split(|byte| *byte == 0).filter(|name| name.starts_with(b"LISTEN_"));
        assert_eq!(names.map(String::from_utf8_lossy).collect::<Vec<_>>(), [""; 0]);
    }
    let opens = load.end();
    scene.check(opens);
}

#[test]
fn a_reload_follows_the_rules_and_a_bad_one_changes_nothing() {
    let Some(mut scene) = Scene::begin() else { return };
    let dir = scene.dir.path().to_owned();
    let file = dir.join("rules.d/load.rules");
    let watch = |key: &str| format!("-w {} -p r -k {key}\n", dir.join("watched").display());
    let keys = |scene: &mut Scene| -> Vec<String> {
        let rules = scene.kernel.control().list_rules().unwrap();
        let text = |rule: &Vec<u8>| String::from_utf8_lossy(rule).into_owned();
        let known = ["handover", "other-key"];
        let ours = rules.iter().map(text).filter(|rule| rule.contains(dir.to_str().unwrap()));
        ours.map(|rule| known.iter().filter(|key| rule.ends_with(**key)).copied().collect()).collect()
    };
    let reload = |wanted: bool| {
        let output = Command::new(env!("CARGO_BIN_EXE_ktrail"))
            .arg("reload")
            .arg("--socket")
            .arg(dir.join("socket"))
            .output()
            .unwrap();
        assert_eq!(output.status.success(), wanted, "{}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(&file, watch("other-key") + "-w relative\n").unwrap();
    scene.signal(Signal::SIGHUP);
    scene.manager.wait_until_ready();
    assert_eq!(keys(&mut scene), ["handover"], "refused");
    fs::write(&file, watch("handover") + &watch("other-key")).unwrap();
    reload(true);
    assert_eq!(keys(&mut scene), ["handover", "other-key"]);
    fs::write(&file, watch("other-key")).unwrap();
    reload(true);
    assert_eq!(keys(&mut scene), ["other-key"]);
    scene.check(0);
}
