//! What one run changes in the kernel, remembered so that it can be put back.

use super::control::Control;
use super::error::Error;
use super::events::Events;
use super::status::{Status, StatusChange};

/// The changes of one run. They are put back by [`Session::put_back`], or else when the session is dropped.
pub struct Session {
    control: Control,
    before: Status,
    /// What this run has set, or has tried to.
    ours: StatusChange,
    rules: Vec<Vec<u8>>,
    registered: bool,
}

impl Session {
    /// Begins a session: nothing is changed yet.
    pub fn begin(mut control: Control) -> Result<Session, Error> {
        let before = control.status()?;
        Ok(Session { control, before, ours: StatusChange::default(), rules: Vec::new(), registered: false })
    }

    /// The control socket, for requests that change nothing.
    pub fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// The status found at the beginning.
    pub fn before(&self) -> &Status {
        &self.before
    }

    /// Makes this process the audit daemon, as [`Events::register`] says.
    pub fn register(&mut self, events: &mut Events) -> Result<Option<u32>, Error> {
        let replaced = events.register(&mut self.control)?;
        self.registered = true;
        Ok(replaced)
    }

    /// Changes the status, leaving out what already is as wanted.
    pub fn set(&mut self, wanted: &StatusChange) -> Result<(), Error> {
        let change = wanted.missing_in(&self.control.status()?);
        // Noted before it is tried: of a change that fails, the kernel may have taken a part.
        self.ours = change.or(&self.ours);
        self.control.set(&change)
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

    /// Removes the rules this run added and puts the status back. Goes on after an error and gives all of them.
    ///
    /// A setting that somebody has changed again since is theirs and stays.
    pub fn put_back(&mut self) -> Vec<Error> {
        let mut errors = Vec::new();
        for rule in std::mem::take(&mut self.rules).into_iter().rev() {
            match self.control.delete_rule(&rule) {
                // Somebody else removed it, or the kernel did with the directory it lay in.
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => errors.push(error),
            }
        }
        let ours = std::mem::take(&mut self.ours);
        if !ours.is_empty() {
            let restored =
                self.control.status().and_then(|now| self.control.set(&restoring(&ours, &now, &self.before)));
            errors.extend(restored.err());
        }
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

/// The change that puts back what is still as this run set it.
fn restoring(ours: &StatusChange, now: &Status, before: &Status) -> StatusChange {
    ours.pick(now, before, |ours, now, before| (ours == now && now != before).then_some(before))
}

impl Drop for Session {
    fn drop(&mut self) {
        // Reached only by a panic or an early error; there is nobody left to tell of a further one.
        let _ = self.put_back();
        let _ = self.unregister();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_still_ours_is_put_back() {
        let status = |enabled, backlog_limit| Status { enabled, backlog_limit, ..Status::default() };
        let change =
            |enabled, backlog_limit| StatusChange { enabled, backlog_limit, ..StatusChange::default() };
        let before = status(0, 64);
        for (ours, now, expected) in [
            (change(Some(1), Some(8192)), status(1, 8192), change(Some(0), Some(64))),
            (change(Some(1), None), status(1, 8192), change(Some(0), None)),
            // Somebody locked the configuration and chose another limit.
            (change(Some(1), Some(8192)), status(2, 1000), change(None, None)),
            // Set and set back.
            (change(Some(0), Some(8192)), status(0, 8192), change(None, Some(64))),
            (change(None, None), status(1, 1), change(None, None)),
        ] {
            assert_eq!(restoring(&ours, &now, &before), expected, "{ours:?}");
        }
    }
}
