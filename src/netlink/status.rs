//! The kernel's audit status and features, and what is to be changed in the status.

use netlink_packet_audit::StatusMessage;
use serde::{Deserialize, Serialize};

use super::message::Control as Message;

/// Bits of `audit_status.mask` (`AUDIT_STATUS_*`, linux/audit.h).
pub(super) mod mask {
    pub(in crate::netlink) const ENABLED: u32 = 0x01;
    pub(in crate::netlink) const FAILURE: u32 = 0x02;
    pub(in crate::netlink) const PID: u32 = 0x04;
    pub(in crate::netlink) const RATE_LIMIT: u32 = 0x08;
    pub(in crate::netlink) const BACKLOG_LIMIT: u32 = 0x10;
    pub(in crate::netlink) const BACKLOG_WAIT_TIME: u32 = 0x20;
    pub(in crate::netlink) const LOST: u32 = 0x40;
    pub(in crate::netlink) const BACKLOG_WAIT_TIME_ACTUAL: u32 = 0x80;
}

/// The kernel's audit status (`struct audit_status`, linux/audit.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// 0 off, 1 on, 2 on and locked until the next boot.
    pub enabled: u32,
    /// What the kernel does when it must lose an event: 0 nothing, 1 print to its log, 2 panic.
    pub failure: u32,
    /// The registered daemon's process id; 0 for none.
    pub pid: u32,
    /// Messages a second at most; 0 for no limit.
    pub rate_limit: u32,
    /// Messages the kernel queues at most before it holds producers back.
    pub backlog_limit: u32,
    /// Messages the kernel has lost since boot or since the count was reset.
    pub lost: u32,
    /// Messages in the kernel's queue.
    pub backlog: u32,
    /// Capabilities of the kernel (`AUDIT_FEATURE_BITMAP_*`).
    pub features: u32,
    /// How long a producer is held back at most when the queue is full, in the kernel's clock ticks.
    pub backlog_wait_time: u32,
    /// How long producers have been held back in all, in clock ticks; `None` from a kernel before 5.9.
    pub backlog_wait_time_actual: Option<u32>,
}

/// What is to be changed in the status; `None` leaves as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// 0 off, 1 on, 2 on and locked until the next boot.
    pub enabled: Option<u32>,
    /// What to do on loss: 0 nothing, 1 print, 2 panic.
    pub failure: Option<u32>,
    /// Messages a second at most.
    pub rate_limit: Option<u32>,
    /// Messages queued at most.
    pub backlog_limit: Option<u32>,
    /// Longest time to hold a producer back, in clock ticks.
    pub backlog_wait_time: Option<u32>,
}

impl StatusChange {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        *self == StatusChange::default()
    }

    /// Field by field what `pick` makes of the wanted value and those of the two statuses.
    pub(super) fn pick(&self, one: &Status, two: &Status, pick: fn(u32, u32, u32) -> Option<u32>) -> Self {
        let field = |wanted: Option<u32>, one, two| wanted.and_then(|wanted| pick(wanted, one, two));
        StatusChange {
            enabled: field(self.enabled, one.enabled, two.enabled),
            failure: field(self.failure, one.failure, two.failure),
            rate_limit: field(self.rate_limit, one.rate_limit, two.rate_limit),
            backlog_limit: field(self.backlog_limit, one.backlog_limit, two.backlog_limit),
            backlog_wait_time: field(self.backlog_wait_time, one.backlog_wait_time, two.backlog_wait_time),
        }
    }

    /// What of this is not so already.
    pub fn missing_in(&self, now: &Status) -> StatusChange {
        self.pick(now, now, |wanted, now, _| (wanted != now).then_some(wanted))
    }

    /// This, and where it says nothing what `other` says.
    pub(super) fn or(&self, other: &StatusChange) -> StatusChange {
        StatusChange {
            enabled: self.enabled.or(other.enabled),
            failure: self.failure.or(other.failure),
            rate_limit: self.rate_limit.or(other.rate_limit),
            backlog_limit: self.backlog_limit.or(other.backlog_limit),
            backlog_wait_time: self.backlog_wait_time.or(other.backlog_wait_time),
        }
    }

    /// The message that asks for the change.
    pub(super) fn message(&self) -> Message {
        let mut status = StatusMessage::new();
        let mut mask = 0;
        let mut value = |bit, wanted: Option<u32>| {
            mask |= wanted.map_or(0, |_| bit);
            wanted.unwrap_or(0)
        };
        status.enabled = value(mask::ENABLED, self.enabled);
        status.failure = value(mask::FAILURE, self.failure);
        status.rate_limiting = value(mask::RATE_LIMIT, self.rate_limit);
        status.backlog_limit = value(mask::BACKLOG_LIMIT, self.backlog_limit);
        status.backlog_wait_time = value(mask::BACKLOG_WAIT_TIME, self.backlog_wait_time);
        status.mask = mask;
        Message::Status { status, wait_time_actual: None }
    }
}

impl From<&Status> for StatusChange {
    /// The change that makes everything as it was in this status.
    fn from(status: &Status) -> StatusChange {
        StatusChange {
            enabled: Some(status.enabled),
            failure: Some(status.failure),
            rate_limit: Some(status.rate_limit),
            backlog_limit: Some(status.backlog_limit),
            backlog_wait_time: Some(status.backlog_wait_time),
        }
    }
}

/// The kernel's audit features (`struct audit_features`, linux/audit.h), a bit each: 0 `only_unset_loginuid`,
/// 1 `loginuid_immutable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Which this kernel knows.
    pub known: u32,
    /// Which are on.
    pub enabled: u32,
    /// Which cannot be changed until the next boot.
    pub locked: u32,
}

/// The feature that a login uid once set cannot be changed (`AUDIT_FEATURE_LOGINUID_IMMUTABLE`, linux/audit.h).
pub const LOGIN_UID_IMMUTABLE: u32 = 1 << 1;

/// The payload that switches features on and locks them (`struct audit_features`, linux/audit.h): version, which, on,
/// locked.
pub(super) fn feature(bits: u32) -> Vec<u8> {
    [1, bits, bits, bits].into_iter().flat_map(u32::to_ne_bytes).collect()
}

/// Who sent the audit daemon its last signal of TERM, HUP, USR1, USR2 (`struct audit_sig_info`, linux/audit.h).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSender {
    /// The sender's login uid; 4294967295 if unset or no signal came.
    pub auid: u32,
    /// The sender's process id; 0 if no signal came.
    pub pid: u32,
    /// The sender's security context as the security module writes it, often empty.
    pub context: Vec<u8>,
}

/// The message that makes `pid` the daemon, or nobody with 0.
pub(super) fn registration(pid: u32) -> Message {
    let mut status = StatusMessage::new();
    status.mask = mask::PID;
    status.pid = pid;
    Message::Status { status, wait_time_actual: None }
}

/// The message that sets a count to 0. The kernel wants its bit to be the only one of the mask.
pub(super) fn reset(bit: u32) -> Message {
    let mut status = StatusMessage::new();
    status.mask = bit;
    Message::Status { status, wait_time_actual: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_to_change_is_in_the_mask() {
        for (change, mask) in [
            (StatusChange { enabled: Some(1), backlog_limit: Some(8192), ..StatusChange::default() }, 0x11),
            (StatusChange { failure: Some(0), ..StatusChange::default() }, 0x02),
            (
                StatusChange { rate_limit: Some(1), backlog_wait_time: Some(2), ..StatusChange::default() },
                0x28,
            ),
        ] {
            let Message::Status { status: message, .. } = change.message() else { panic!("a status") };
            assert_eq!(message.mask, mask);
            assert_eq!(message.enabled, change.enabled.unwrap_or(0));
            assert_eq!(message.backlog_limit, change.backlog_limit.unwrap_or(0));
            assert_eq!(message.backlog_wait_time, change.backlog_wait_time.unwrap_or(0));
        }
        assert!(StatusChange::default().is_empty());
    }

    #[test]
    fn what_is_so_already_is_not_missing() {
        let now = Status { enabled: 1, backlog_limit: 64, ..Status::default() };
        let wanted = StatusChange { enabled: Some(1), backlog_limit: Some(8192), ..StatusChange::default() };
        let missing = StatusChange { backlog_limit: Some(8192), ..StatusChange::default() };
        assert_eq!(wanted.missing_in(&now), missing);
        assert!(StatusChange::from(&now).missing_in(&now).is_empty());
    }
}
