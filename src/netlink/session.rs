//! What one run changes in the kernel, remembered so that it can be put back.

use serde::{Deserialize, Serialize};

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
    /// Rules that the process before this one has added and this one has not.
    inherited: Vec<Vec<u8>>,
    registered: bool,
}

/// What a session has to put back, for a process that goes on with it.
#[derive(Serialize, Deserialize)]
struct Memory {
    before: Status,
    ours: StatusChange,
    /// In hexadecimal.
    rules: Vec<String>,
}

impl Session {
    /// Begins a session: nothing is changed yet.
    pub fn begin(mut control: Control) -> Result<Session, Error> {
        let before = control.status()?;
        Ok(Session {
            control,
            before,
            ours: StatusChange::default(),
            rules: Vec::new(),
            inherited: Vec::new(),
            registered: false,
        })
    }

    /// Goes on with the session of an earlier process, as [`Session::memory`] has told it; `None` where that makes no sense.
    pub fn resume(control: Control, memory: &[u8]) -> Option<Session> {
        let Memory { before, ours, rules } = serde_json::from_slice(memory).ok()?;
        let inherited = rules.iter().map(|rule| unhex(rule)).collect::<Option<_>>()?;
        Some(Session { control, before, ours, rules: Vec::new(), inherited, registered: false })
    }

    /// What a process that takes the place of this one has to know to put back what this run has changed.
    pub fn memory(&self) -> Vec<u8> {
        let rules = self.rules.iter().chain(&self.inherited).map(|rule| hex(rule)).collect();
        let memory = Memory { before: self.before, ours: self.ours, rules };
        serde_json::to_vec(&memory).expect("numbers and texts have a form in JSON")
    }

    /// Leaves everything in the kernel as it is: another process goes on with it.
    pub fn leave(mut self) {
        self.ours = StatusChange::default();
        self.rules.clear();
        self.inherited.clear();
        self.registered = false;
    }

    /// Notes that this process is registered by other means than [`Session::register`].
    pub fn is_registered(&mut self) {
        self.registered = true;
    }

    /// Whether the process before this one has added a rule, and this one has not yet.
    pub fn is_inherited(&self, rule: &[u8]) -> bool {
        self.inherited.iter().any(|inherited| inherited == rule)
    }

    /// Whether the process before this one has added rules, and this one not all of them yet.
    pub fn inherits(&self) -> bool {
        !self.inherited.is_empty()
    }

    /// Notes that a rule is no longer there; gives whether the process before this one had added it.
    pub fn disinherit(&mut self, rule: &[u8]) -> bool {
        let before = self.inherited.len();
        self.inherited.retain(|inherited| inherited != rule);
        self.inherited.len() < before
    }

    /// Removes the rules that the process before this one has added and this one has not.
    pub fn remove_inherited(&mut self) -> Vec<Error> {
        let inherited = std::mem::take(&mut self.inherited);
        self.remove(inherited)
    }

    fn remove(&mut self, rules: Vec<Vec<u8>>) -> Vec<Error> {
        let mut errors = Vec::new();
        for rule in rules.into_iter().rev() {
            match self.control.delete_rule(&rule) {
                // Somebody else removed it, or the kernel did with the directory it lay in.
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => errors.push(error),
            }
        }
        errors
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

    /// Adds a rule. One that was there already is left alone, now and at the end; gives whether it is this run's, or of the
    /// process before it.
    pub fn add_rule(&mut self, rule: &[u8]) -> Result<bool, Error> {
        if let Some(place) = self.inherited.iter().position(|inherited| inherited == rule) {
            self.rules.push(self.inherited.remove(place));
            return Ok(true);
        }
        match self.control.add_rule(rule) {
            Ok(()) => {
                self.rules.push(rule.to_vec());
                Ok(true)
            }
            Err(Error::RuleExists) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the rules this run added. Goes on after an error and gives all of them.
    pub fn remove_rules(&mut self) -> Vec<Error> {
        let mut errors = self.remove_inherited();
        let rules = std::mem::take(&mut self.rules);
        errors.extend(self.remove(rules));
        errors
    }

    /// Removes the rules this run added and puts the status back. Goes on after an error and gives all of them.
    ///
    /// A setting that somebody has changed again since is theirs and stays.
    pub fn put_back(&mut self) -> Vec<Error> {
        let mut errors = self.remove_rules();
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
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
