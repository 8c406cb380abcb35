//! What one run changes in the kernel, remembered so that it can be put back.

use super::control::{Control, Status, StatusChange};
use super::error::Error;

/// The changes of one run. They are put back by [`Session::put_back`], or else when the session is dropped.
pub struct Session {
    control: Control,
    before: Status,
    changed: StatusChange,
    rules: Vec<Vec<u8>>,
    registered: bool,
}

impl Session {
    /// Begins a session: nothing is changed yet.
    pub fn begin(mut control: Control) -> Result<Session, Error> {
        let before = control.status()?;
        Ok(Session {
            control,
            before,
            changed: StatusChange::default(),
            rules: Vec::new(),
            registered: false,
        })
    }

    /// The control socket, for requests that change nothing.
    pub fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// The status found at the beginning.
    pub fn before(&self) -> &Status {
        &self.before
    }

    /// Changes the status, leaving out what already is as wanted.
    pub fn set(&mut self, wanted: &StatusChange) -> Result<(), Error> {
        let before = &self.before;
        let differs = |wanted: Option<u32>, was: u32| wanted.filter(|value| *value != was);
        let change = StatusChange {
            enabled: differs(wanted.enabled, before.enabled),
            failure: differs(wanted.failure, before.failure),
            rate_limit: differs(wanted.rate_limit, before.rate_limit),
            backlog_limit: differs(wanted.backlog_limit, before.backlog_limit),
            backlog_wait_time: differs(wanted.backlog_wait_time, before.backlog_wait_time),
        };
        self.control.set(&change)?;
        let was = |new: Option<u32>, old: Option<u32>, was: u32| new.map(|_| was).or(old);
        self.changed = StatusChange {
            enabled: was(change.enabled, self.changed.enabled, before.enabled),
            failure: was(change.failure, self.changed.failure, before.failure),
            rate_limit: was(change.rate_limit, self.changed.rate_limit, before.rate_limit),
            backlog_limit: was(change.backlog_limit, self.changed.backlog_limit, before.backlog_limit),
            backlog_wait_time: was(
                change.backlog_wait_time,
                self.changed.backlog_wait_time,
                before.backlog_wait_time,
            ),
        };
        Ok(())
    }

    /// Adds a rule. One that was there already is left alone, now and at the end; gives whether it was added.
    pub fn add_rule(&mut self, rule: &[u8]) -> Result<bool, Error> {
        match self.control.add_rule(rule) {
            Ok(()) => {
                self.rules.push(rule.to_vec());
                Ok(true)
            }
            Err(Error::RuleExists) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that this process has become the audit daemon.
    pub fn registered(&mut self) {
        self.registered = true;
    }

    /// Removes the rules this run added and puts the status back. Goes on after an error and gives all of them.
    pub fn put_back(&mut self) -> Vec<Error> {
        let mut errors = Vec::new();
        for rule in std::mem::take(&mut self.rules).into_iter().rev() {
            match self.control.delete_rule(&rule) {
                // Somebody else removed it, or the kernel did with the directory it lay in.
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => errors.push(error),
            }
        }
        let change = std::mem::take(&mut self.changed);
        errors.extend(self.control.set(&change).err());
        errors
    }

    /// Ceases to be the audit daemon.
    pub fn unregister(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.registered) {
            self.control.unregister()?;
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Reached only by a panic or an early error; there is nobody left to tell of a further one.
        let _ = self.put_back();
        let _ = self.unregister();
    }
}
