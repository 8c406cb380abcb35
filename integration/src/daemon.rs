//! A daemon that is running, and is ended with the value that stands for it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{programs, wait};

/// A process that is ended when this value is dropped.
pub struct Process(pub Child);

impl Process {
    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }

    /// Sends a signal and waits for the end; the exit code, or `None` when a signal ended it.
    pub fn end(&mut self, signal: Signal) -> Result<Option<i32>> {
        kill(self.pid(), signal).context("the process has ended already")?;
        match wait::until(|| self.0.try_wait().ok().flatten()) {
            Some(status) => Ok(status.code()),
            None => bail!("pid {} does not end after {signal}", self.pid()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A daemon that is killed leaves its rules; the guard of the kernel takes those away.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running ktraild with a folder of its own for its log, its socket and its configuration.
pub struct Ktraild {
    /// The process.
    pub process: Process,
    dir: PathBuf,
}

impl Ktraild {
    /// Starts ktraild with `arguments` in `dir` and waits until it is ready; an error holds what it said instead.
    pub fn start<S: AsRef<OsStr>>(dir: &Path, arguments: &[S]) -> Result<Ktraild> {
        let config = dir.join("ktrail.toml");
        fs::write(&config, "rules_dirs = []\n")?;
        let said = dir.join("said");
        let child = Command::new(programs::bin_dir()?.join("ktraild"))
            .args(arguments)
            .arg("--config")
            .arg(&config)
            .arg("--log-dir")
            .arg(dir.join("log"))
            .arg("--socket")
            .arg(dir.join("socket"))
            .stdin(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()
            .context("ktraild cannot be started")?;
        let mut process = Process(child);
        let ready = wait::until(|| {
            let ready = fs::read_to_string(&said).unwrap_or_default().contains("ready");
            let ended = process.0.try_wait().ok().flatten().is_some();
            (ready || ended).then_some(ready)
        });
        if ready != Some(true) {
            bail!("ktraild is not ready: {}", fs::read_to_string(&said)?);
        }
        Ok(Ktraild { process, dir: dir.to_path_buf() })
    }

    /// Runs `ktrail` against the daemon's socket.
    pub fn ktrail<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Output> {
        let mut command = Command::new(programs::bin_dir()?.join("ktrail"));
        Ok(command.args(arguments).arg("--socket").arg(self.dir.join("socket")).output()?)
    }

    /// Ends the daemon as Ctrl-C does; its exit code and its log directory.
    pub fn stop(mut self) -> Result<(Option<i32>, PathBuf)> {
        Ok((self.process.end(Signal::SIGINT)?, self.dir.join("log")))
    }
}

/// Runs `ktrail search` over a log directory.
pub fn search(log: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(programs::bin_dir()?.join("ktrail"));
    Ok(command.arg("search").args(arguments).arg("--log-dir").arg(log).output()?)
}

/// The events of `--format json`.
pub fn events(output: &[u8]) -> Result<Vec<Value>> {
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).context("a line of ktrail's output is no JSON")).collect()
}
