//! The built daemon, running, for tests that have the kernel.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A directory for a daemon.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("ktrail-kernel-").tempdir().expect("a temporary directory")
}

/// How long to wait for anything. Reached only by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon with its directory. Killed when dropped, so that it cannot hold the machine back.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    dir: tempfile::TempDir,
    /// What it has said on standard error until it was ready.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) said: Vec<String>,
}

impl Daemon {
    /// Starts a daemon in a directory of its own, with a directory `watched` in it.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) fn start(rules: impl Fn(&Path) -> Vec<String>) -> Daemon {
        Daemon::start_in(directory(), "", rules)
    }

    /// The same in a directory that was made ready, with a `[store]` section of its configuration.
    pub(crate) fn start_in(
        dir: tempfile::TempDir,
        store: &str,
        rules: impl Fn(&Path) -> Vec<String>,
    ) -> Daemon {
        let watched = dir.path().join("watched");
        fs::create_dir(&watched).expect("a directory");
        let config = dir.path().join("ktrail.toml");
        fs::write(&config, format!("rules_dirs = []\n{store}")).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_ktraild"))
            .args(rules(&watched))
            .arg("--config")
            .arg(&config)
            .arg("--log-dir")
            .arg(dir.path().join("log"))
            .arg("--socket")
            .arg(dir.path().join("socket"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("ktraild starts");
        let mut said = Vec::new();
        let lines = BufReader::new(child.stderr.take().expect("its stderr")).lines();
        for line in lines.map_while(Result::ok) {
            let ready = line.contains("ready");
            said.push(line);
            if ready {
                break;
            }
        }
        Daemon { child, dir, said }
    }

    pub(crate) fn watched(&self) -> PathBuf {
        self.dir.path().join("watched")
    }

    pub(crate) fn ktrail(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
        command
            .args(arguments)
            .arg("--socket")
            .arg(self.dir.path().join("socket"))
            .output()
            .expect("ktrail runs")
    }

    /// Searches until there are at least `least` events.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) fn search(&self, arguments: &[&str], least: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found = self.ktrail(&[&["search", "--format", "json"], arguments].concat());
            let lines = found.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let events: Vec<Value> = lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
            if events.len() >= least {
                return events;
            }
            assert!(begun.elapsed() < PATIENCE, "{arguments:?}: {} of {least}: {events:#?}", events.len());
            std::thread::yield_now();
        }
    }

    /// What `ktrail status --json` says.
    #[allow(dead_code, reason = "each test program uses what it needs")]
    pub(crate) fn status(&self) -> Value {
        let said = self.ktrail(&["status", "--json"]);
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// Ends the daemon as Ctrl-C does and gives its exit status.
    pub(crate) fn stop(mut self) -> (Option<i32>, tempfile::TempDir) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, Signal::SIGINT).expect("the daemon lives");
        let status = self.child.wait().expect("it ends");
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a temporary directory"));
        (status.code(), dir)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
