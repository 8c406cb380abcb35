//! What files of rules say beside rules: settings of the audit subsystem, of which the last of a sort counts, and
//! what is no part of a set of rules.

use super::set::At;
use crate::netlink::status::StatusChange;
use crate::rules::control::Control;

/// The settings of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `-e`, `-f`, `-r`, `-b` and `--backlog_wait_time`.
    pub status: StatusChange,
    /// `--loginuid-immutable`.
    pub login_uid_immutable: bool,
    /// What is no setting, but something to do once.
    pub others: Vec<(At, Control)>,
}

impl Settings {
    /// Sorts the lines of a set.
    pub fn of(controls: &[(At, Control)]) -> Settings {
        let mut settings = Settings::default();
        for (at, control) in controls {
            let status = &mut settings.status;
            match control {
                Control::Enabled(enabled) => status.enabled = Some(*enabled),
                Control::Failure(failure) => status.failure = Some(*failure),
                Control::RateLimit(limit) => status.rate_limit = Some(*limit),
                Control::BacklogLimit(limit) => status.backlog_limit = Some(*limit),
                Control::BacklogWaitTime(ticks) => status.backlog_wait_time = Some(*ticks),
                Control::LoginUidImmutable => settings.login_uid_immutable = true,
                Control::Continue | Control::IgnoreErrors | Control::DeleteAll { key: None } => {}
                _ => settings.others.push((*at, control.clone())),
            }
        }
        settings
    }
}
