//! What is done when the log's file system runs out of space: a policy, and what has to be told of it.
//!
//! Decides and says; does nothing itself but start a command. Removing segments is the store's.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::capture::wall_ms;
use crate::config::{LowSpace, Space as Config};
use crate::protocol;
use crate::record::RecordType;
use crate::sys::files;

/// How often the file system is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// An event of the daemon's own that is to be written.
pub(super) type Note = (RecordType, String);

/// The state of the log's file system, as the policy sees it.
pub(super) struct Space {
    config: Config,
    /// When space ran low, in milliseconds of a clock that never goes back, until there is enough again.
    low_since_ms: Option<u64>,
    shown: Shown,
}

/// The state as it is shown to others.
#[derive(Clone)]
pub(super) struct Shown(Arc<Mutex<(protocol::Space, Option<String>)>>);

impl Shown {
    /// The space, and why writing fails if it does.
    pub(super) fn read(&self) -> (protocol::Space, Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says why writing fails now, or that it does not.
    pub(super) fn set_failing(&self, cause: Option<&str>) {
        self.change(|_, failing| *failing = cause.map(str::to_owned));
    }

    fn change(&self, change: impl FnOnce(&mut protocol::Space, &mut Option<String>)) {
        let (space, failing) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(space, failing);
    }
}

impl Space {
    pub(super) fn new(config: Config) -> Space {
        let policy = match config.policy {
            LowSpace::Rotate => protocol::LowSpace::Rotate,
            LowSpace::Hold => protocol::LowSpace::Hold,
            LowSpace::Run(_) => protocol::LowSpace::Run,
            LowSpace::Halt(_) => protocol::LowSpace::Halt,
        };
        let space = protocol::Space { least_bytes: config.min_free_bytes, policy, ..Default::default() };
        Space { config, low_since_ms: None, shown: Shown(Arc::new(Mutex::new((space, None)))) }
    }

    /// The state for others, which goes on changing with this one.
    pub(super) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Whether nothing is to be written now.
    pub(super) fn is_holding(&self) -> bool {
        self.low_since_ms.is_some() && self.config.policy == LowSpace::Hold
    }

    /// Takes in how much space there is. Gives what is to be told and what is to be run, each once for each time that
    /// space runs low.
    pub(super) fn look(&mut self, free_bytes: u64, now_ms: u64) -> Option<(Note, Option<&[String]>)> {
        let told = self.judge(free_bytes, now_ms);
        let (is_low, holding) = (self.low_since_ms.is_some(), self.is_holding());
        self.shown.change(|space, _| {
            space.free_bytes = Some(free_bytes);
            space.low_since_ms = is_low.then(|| space.low_since_ms.unwrap_or_else(wall_ms));
            space.holding = holding;
        });
        told.map(|(note, runs)| (note, runs.then(|| self.config.policy.command()).flatten()))
    }

    /// The note, and whether the policy's command is to be run.
    fn judge(&mut self, free_bytes: u64, now_ms: u64) -> Option<(Note, bool)> {
        let least = self.config.min_free_bytes;
        match self.low_since_ms {
            None if free_bytes < least => {
                self.low_since_ms = Some(now_ms);
                let action = self.shown.read().0.policy.name();
                let body = format!("op=low-space action={action} free={free_bytes} least={least} res=failed");
                tracing::error!(free_bytes, least, action, "space for the log is low");
                Some(((RecordType::DAEMON_ERR, body), true))
            }
            // An eighth more than the least, so that a segment's worth does not turn it back and forth.
            Some(since) if free_bytes >= least.saturating_add(least / 8) => {
                self.low_since_ms = None;
                let low_ms = now_ms.saturating_sub(since);
                let body =
                    format!("op=low-space free={free_bytes} least={least} low_ms={low_ms} res=success");
                tracing::info!(free_bytes, low_ms, "there is space for the log again");
                Some(((RecordType::DAEMON_RESUME, body), false))
            }
            _ => None,
        }
    }
}

/// Runs a command and tells in the daemon's own log how it ended. Does not wait for it.
pub(super) fn run(command: &[String]) {
    let Some((program, arguments)) = command.split_first() else { return };
    match start(program, arguments) {
        Ok(mut child) => {
            let program = program.clone();
            // Without the thread the command still runs; only its end is not told.
            let waiting = thread::Builder::new().name("command".into()).spawn(move || match child.wait() {
                Ok(status) if status.success() => tracing::info!("{program} has ended"),
                Ok(status) => tracing::error!("{program} has failed: {status}"),
                Err(error) => tracing::error!("{program}: {error}"),
            });
            drop(waiting);
        }
        Err(error) => tracing::error!("cannot run {program}: {error:#}"),
    }
}

/// Starts a program that nobody else could have put there: it has the daemon's rights.
fn start(program: &str, arguments: &[String]) -> anyhow::Result<Child> {
    files::check_program(Path::new(program))?;
    Ok(Command::new(program).args(arguments).spawn()?)
}

/// Tells at the start of a command that would not be run, while there is time to mend it.
pub(super) fn check(config: &Config) {
    let program = config.policy.command().and_then(<[String]>::first);
    if let Some(Err(untrusted)) = program.map(|program| files::check_program(Path::new(program))) {
        tracing::warn!("store.low_space_command: {untrusted}: when space is low it will not be run");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Free bytes at each second, and what is told then: nothing, or the event's beginning.
    fn check(policy: LowSpace, steps: &[(u64, Option<&str>)], command: Option<&str>) {
        let mut space = Space::new(Config { min_free_bytes: 800, policy });
        let mut ran = 0;
        for (second, (free, expected)) in (0..).zip(steps) {
            let told = space.look(*free, second * 1000);
            if let Some((_, Some(words))) = &told {
                assert_eq!(words.first().map(String::as_str), command);
                ran += 1;
            }
            let told = told.map(|((kind, body), _)| format!("{kind} {body}"));
            assert_eq!(told.as_deref(), *expected, "second {second}");
        }
        assert_eq!(ran > 0, command.is_some());
    }

    #[test]
    fn low_space_is_told_once_and_so_is_its_end() {
        let low =
            |action: &str| format!("DAEMON_ERR op=low-space action={action} free=799 least=800 res=failed");
        let back = "DAEMON_RESUME op=low-space free=900 least=800 low_ms=2000 res=success";
        let words = || vec!["/bin/true".to_owned()];
        for (policy, action, command) in [
            (LowSpace::Rotate, "rotate", None),
            (LowSpace::Hold, "hold", None),
            (LowSpace::Run(words()), "run", Some("/bin/true")),
            (LowSpace::Halt(words()), "halt", Some("/bin/true")),
        ] {
            let low = low(action);
            let steps = [(800, None), (799, Some(low.as_str())), (899, None), (900, Some(back)), (801, None)];
            check(policy, &steps, command);
        }
    }

    #[test]
    fn only_hold_holds() {
        for (policy, holds) in [(LowSpace::Rotate, false), (LowSpace::Hold, true)] {
            let mut space = Space::new(Config { min_free_bytes: 10, policy });
            let shown = space.shown().clone();
            assert!(!space.is_holding() && shown.read().0.free_bytes.is_none());
            space.look(0, 0);
            assert_eq!(space.is_holding(), holds);
            let low = shown.read().0;
            assert_eq!((low.holding, low.free_bytes, low.low_since_ms.is_some()), (holds, Some(0), true));
            space.look(9, 1);
            assert_eq!(shown.read().0, protocol::Space { free_bytes: Some(9), ..low }, "since the same time");
            space.look(100, 2);
            assert!(!space.is_holding() && !shown.read().0.holding);
            assert_eq!(shown.read().0.low_since_ms, None);
        }
    }

    #[test]
    fn a_command_that_others_could_change_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        fs::write(&script, "#!/bin/sh\nexit 7\n").unwrap();
        for (mode, expected) in [(0o755, Some(7)), (0o757, None)] {
            fs::set_permissions(&script, fs::Permissions::from_mode(mode)).unwrap();
            let ended = start(script.to_str().unwrap(), &[]).ok().map(|mut child| child.wait().unwrap());
            assert_eq!(ended.map(|status| status.code()), expected.map(Some), "{mode:o}");
        }
        assert!(start(dir.path().join("none").to_str().unwrap(), &[]).is_err());
    }
}
