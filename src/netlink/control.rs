//! Control requests to the kernel's audit subsystem and their answers, one at a time, on a socket of their own.

use std::io;
use std::os::fd::AsFd;

use netlink_packet_audit::StatusMessage;
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::error::{Error, Request};
use super::message::{ADD_RULE, Control as Message, DELETE_RULE, LIST_RULES};

/// Seconds to wait for an answer. The kernel answers within the request itself; only a listing is made by a thread.
pub const ANSWER_SECONDS_MAX: i64 = 5;
/// Room for one answer in bytes. The longest is a rule with 64 fields and strings of PATH_MAX.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// `NETLINK_AUDIT` (linux/netlink.h).
pub(super) const PROTOCOL: isize = 9;

/// Bits of `audit_status.mask` (`AUDIT_STATUS_*`, linux/audit.h).
mod mask {
    pub(super) const ENABLED: u32 = 0x01;
    pub(super) const FAILURE: u32 = 0x02;
    pub(super) const PID: u32 = 0x04;
    pub(super) const RATE_LIMIT: u32 = 0x08;
    pub(super) const BACKLOG_LIMIT: u32 = 0x10;
    pub(super) const BACKLOG_WAIT_TIME: u32 = 0x20;
    pub(super) const LOST: u32 = 0x40;
}

/// The kernel's audit status (`struct audit_status`, linux/audit.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// 0 off, 1 on. (2 would lock the configuration until the next boot.)
    pub enabled: Option<u32>,
    /// What to do on loss: 0 nothing, 1 print.
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

    pub(super) fn message(&self) -> StatusMessage {
        let mut status = StatusMessage::new();
        let mut set = |bit, wanted: Option<u32>, field: &mut u32| {
            if let Some(value) = wanted {
                *field = value;
                status.mask |= bit;
            }
        };
        let mut to = StatusMessage::new();
        set(mask::ENABLED, self.enabled, &mut to.enabled);
        set(mask::FAILURE, self.failure, &mut to.failure);
        set(mask::RATE_LIMIT, self.rate_limit, &mut to.rate_limiting);
        set(mask::BACKLOG_LIMIT, self.backlog_limit, &mut to.backlog_limit);
        set(mask::BACKLOG_WAIT_TIME, self.backlog_wait_time, &mut to.backlog_wait_time);
        to.mask = status.mask;
        to
    }
}

/// A request with its header, ready to be sent.
pub(super) fn frame(sequence: u32, payload: Message) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(payload));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The message that makes `pid` the daemon, or nobody with 0.
pub(super) fn registration(pid: u32) -> Message {
    let mut status = StatusMessage::new();
    status.mask = mask::PID;
    status.pid = pid;
    Message::Status { status, wait_time_actual: None }
}

/// The socket for control requests.
pub struct Control {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Control {
    /// Opens the socket. Needs no right yet; requests need CAP_AUDIT_CONTROL.
    pub fn open() -> Result<Control, Error> {
        let open = |error: io::Error| Error::new(Request::Open, error);
        let mut socket = Socket::new(PROTOCOL).map_err(open)?;
        socket.bind_auto().map_err(open)?;
        let timeout = TimeVal::seconds(ANSWER_SECONDS_MAX);
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimeout, &timeout).map_err(|errno| open(errno.into()))?;
        Ok(Control { socket, sequence: 0, buffer: Vec::with_capacity(ANSWER_BYTES_MAX) })
    }

    /// The kernel's audit status.
    pub fn status(&mut self) -> Result<Status, Error> {
        let mut found = None;
        self.ask(Request::GetStatus, Message::GetStatus, |answer| {
            if let Message::Status { status, wait_time_actual } = answer {
                found = Some(Status {
                    enabled: status.enabled,
                    failure: status.failure,
                    pid: status.pid,
                    rate_limit: status.rate_limiting,
                    backlog_limit: status.backlog_limit,
                    lost: status.lost,
                    backlog: status.backlog,
                    features: status.feature_bitmap,
                    backlog_wait_time: status.backlog_wait_time,
                    backlog_wait_time_actual: wait_time_actual,
                });
            }
            found.is_some()
        })?;
        found.ok_or(Error::BadAnswer(Request::GetStatus, "no status in it"))
    }

    /// Changes the status.
    pub fn set(&mut self, change: &StatusChange) -> Result<(), Error> {
        if change.is_empty() {
            return Ok(());
        }
        self.command(
            Request::SetStatus,
            Message::Status { status: change.message(), wait_time_actual: None },
        )?;
        Ok(())
    }

    /// Sets the count of lost messages to 0 and gives the count it had.
    pub fn reset_lost(&mut self) -> Result<u32, Error> {
        // The bit must be the only one of the mask, and the old count comes back as a positive "error".
        let mut status = StatusMessage::new();
        status.mask = mask::LOST;
        self.command(Request::SetStatus, Message::Status { status, wait_time_actual: None })
    }

    /// The rules in the kernel, in its order, as `struct audit_rule_data`.
    pub fn list_rules(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        let mut rules = Vec::new();
        let request = Message::Other { kind: LIST_RULES, payload: Vec::new() };
        // The acknowledgement comes first, then a message for each rule, then DONE.
        self.ask(Request::ListRules, request, |answer| {
            if let Message::Other { kind: LIST_RULES, payload } = answer {
                rules.push(payload);
            }
            false
        })?;
        Ok(rules)
    }

    /// Adds a rule, given as `struct audit_rule_data`.
    pub fn add_rule(&mut self, rule: &[u8]) -> Result<(), Error> {
        self.command(Request::AddRule, Message::Other { kind: ADD_RULE, payload: rule.to_vec() })?;
        Ok(())
    }

    /// Deletes the rule that is equal to this one.
    pub fn delete_rule(&mut self, rule: &[u8]) -> Result<(), Error> {
        self.command(Request::DeleteRule, Message::Other { kind: DELETE_RULE, payload: rule.to_vec() })?;
        Ok(())
    }

    /// Sends a message of a user-space type to the log, e.g. 1005 (`AUDIT_USER`). Needs CAP_AUDIT_WRITE.
    pub fn send_user(&mut self, kind: u16, text: &[u8]) -> Result<(), Error> {
        let mut payload = text.to_vec();
        payload.push(0);
        self.command(Request::SetStatus, Message::Other { kind, payload })?;
        Ok(())
    }

    /// Ceases to be the audit daemon.
    pub fn unregister(&mut self) -> Result<(), Error> {
        self.command(Request::Unregister, registration(0))?;
        Ok(())
    }

    /// A request whose only answer is its acknowledgement. Gives the acknowledgement's number, which is 0 or an old value.
    fn command(&mut self, request: Request, message: Message) -> Result<u32, Error> {
        let answered = self.ask(request, message, |_| false);
        match answered {
            Err(Error::NotPermitted(_) | Error::Refused(_)) if self.is_locked() => {
                Err(Error::Immutable(request))
            }
            answered => answered,
        }
    }

    fn is_locked(&mut self) -> bool {
        self.status().is_ok_and(|status| status.enabled == 2)
    }

    /// Sends a request and hands each answer to `take` until that says it has enough and the acknowledgement is there,
    /// or a list is at its end.
    fn ask(
        &mut self,
        request: Request,
        message: Message,
        mut take: impl FnMut(Message) -> bool,
    ) -> Result<u32, Error> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let listing = request == Request::ListRules;
        let wants_answer = listing || request == Request::GetStatus;
        let bytes = frame(self.sequence, message);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|error| Error::new(request, error))?;
        let (mut acknowledged, mut answered) = (None, !wants_answer);
        loop {
            if let (Some(value), true) = (acknowledged, answered) {
                return Ok(value);
            }
            let Some(payload) = self.receive(request)? else { continue };
            match payload {
                NetlinkPayload::Error(error) => match error.code.map_or(0, i32::from) {
                    code @ 0.. => acknowledged = Some(code.unsigned_abs()),
                    code => return Err(Error::new(request, io::Error::from_raw_os_error(-code))),
                },
                NetlinkPayload::Done(_) => answered = true,
                NetlinkPayload::InnerMessage(message) => answered |= take(message),
                _ => {}
            }
        }
    }

    /// The payload of the next message that answers the current request; `None` for any other.
    fn receive(&mut self, request: Request) -> Result<Option<NetlinkPayload<Message>>, Error> {
        self.buffer.clear();
        let received = self.socket.recv_from(&mut self.buffer, 0);
        let (_, sender) = match received {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            received => received.map_err(|error| Error::new(request, error))?,
        };
        // Any process may send to this socket; only the kernel's port is 0.
        if sender.port_number() != 0 {
            return Ok(None);
        }
        let message = NetlinkMessage::<Message>::deserialize(&self.buffer)
            .map_err(|_| Error::BadAnswer(request, "its framing is broken"))?;
        let (header, payload) = message.into_parts();
        Ok((header.sequence_number == self.sequence).then_some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_to_change_is_in_the_mask() {
        let change = StatusChange { enabled: Some(1), backlog_limit: Some(8192), ..StatusChange::default() };
        let message = change.message();
        assert_eq!((message.mask, message.enabled, message.backlog_limit), (0x11, 1, 8192));
        assert!(StatusChange::default().is_empty());
    }

    #[test]
    fn a_request_is_framed_with_its_length_type_and_sequence() {
        let bytes = frame(7, Message::Other { kind: ADD_RULE, payload: b"rule".to_vec() });
        let expected: Vec<u8> = [
            20u32.to_ne_bytes().to_vec(),
            1011u16.to_ne_bytes().to_vec(),
            5u16.to_ne_bytes().to_vec(),
            7u32.to_ne_bytes().to_vec(),
            vec![0; 4],
            b"rule".to_vec(),
        ]
        .concat();
        assert_eq!(bytes, expected);
    }
}
