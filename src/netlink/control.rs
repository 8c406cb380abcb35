//! Control requests to the kernel's audit subsystem and their answers, one at a time, on a socket of their own.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::error::{Error, Request};
use super::exchange::{Answers, Exchange, KERNEL_PORT};
use super::message::{self, ADD_RULE, Control as Message, DELETE_RULE, LIST_RULES};
use super::status::{self, Features, SignalSender, Status, StatusChange, mask};

/// Seconds to wait for an answer. The kernel answers within the request itself; only a listing is made by a thread.
pub const ANSWER_SECONDS_MAX: i64 = 5;
/// The same as a duration.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(ANSWER_SECONDS_MAX.unsigned_abs());
/// Bytes of a message of [`Control::send_user`] at most: what is longer the kernel cuts without a word
/// (`AUDIT_MESSAGE_TEXT_MAX`, linux/audit.h, less the NUL).
pub const USER_TEXT_BYTES_MAX: usize = 8559;

/// The flag of a rule that puts it in front of its list (`AUDIT_FILTER_PREPEND`, linux/audit.h).
const FILTER_PREPEND: u32 = 0x10;
/// Room for one answer in bytes. The longest is a rule with 64 fields and strings of PATH_MAX.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// `NETLINK_AUDIT` (linux/netlink.h).
pub(super) const PROTOCOL: isize = 9;

/// The socket for control requests.
///
/// A request may take as long as the kernel's `backlog_wait_time`, which is a minute by default: when the kernel's queue
/// is full it holds back whoever sends one, the daemon too (`audit_receive`, kernel/audit.c). So none is made on
/// the thread that receives events.
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
        let (_, answers) = self.ask(Request::GetStatus, Message::GetStatus, Answers::One(message::GET))?;
        match answers.into_iter().next() {
            Some(Message::Status { status, wait_time_actual }) => Ok(Status {
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
            }),
            _ => Err(Error::BadAnswer(Request::GetStatus, "no status in it")),
        }
    }

    /// Changes the status. The kernel takes the fields one after the other: after an error some may have been changed.
    pub fn set(&mut self, change: &StatusChange) -> Result<(), Error> {
        if change.is_empty() {
            return Ok(());
        }
        self.command(Request::SetStatus, change.message()).map(drop)
    }

    /// Sets the count of lost messages to 0 and gives the count it had.
    pub fn reset_lost(&mut self) -> Result<u32, Error> {
        self.command(Request::SetStatus, status::reset(mask::LOST))
    }

    /// Sets the time for which producers were held back to 0 and gives what it was, in clock ticks.
    ///
    /// Kernels before 5.9 find it invalid or do nothing.
    pub fn reset_wait_time_actual(&mut self) -> Result<u32, Error> {
        self.command(Request::SetStatus, status::reset(mask::BACKLOG_WAIT_TIME_ACTUAL))
    }

    /// The rules in the kernel, in its order, as `struct audit_rule_data`.
    pub fn list_rules(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        let request = Message::Other { kind: LIST_RULES, payload: Vec::new() };
        let (_, answers) = self.ask(Request::ListRules, request, Answers::List(LIST_RULES))?;
        Ok(answers.into_iter().filter_map(Message::into_payload).collect())
    }

    /// Adds a rule, given as `struct audit_rule_data`.
    pub fn add_rule(&mut self, rule: &[u8]) -> Result<(), Error> {
        let message = Message::Other { kind: ADD_RULE, payload: rule.to_vec() };
        self.command(Request::AddRule, message).map(drop)
    }

    /// Deletes the rule that is equal to this one. The bytes that have put a rule in front of its list delete it too.
    pub fn delete_rule(&mut self, rule: &[u8]) -> Result<(), Error> {
        let mut payload = rule.to_vec();
        // The kernel forgets the flag when it adds a rule, but compares it when it looks for one to delete
        // (`audit_add_rule` and `audit_compare_rule`, kernel/auditfilter.c): with the flag it would find none.
        if let Some(flags) = payload.first_chunk_mut::<4>() {
            *flags = (u32::from_ne_bytes(*flags) & !FILTER_PREPEND).to_ne_bytes();
        }
        let message = Message::Other { kind: DELETE_RULE, payload };
        self.command(Request::DeleteRule, message).map(drop)
    }

    /// Writes a message of a user-space type to the log, e.g. 1005 (`AUDIT_USER`): 1 to 8559 bytes. Needs CAP_AUDIT_WRITE.
    pub fn send_user(&mut self, kind: u16, text: &[u8]) -> Result<(), Error> {
        if text.len() > USER_TEXT_BYTES_MAX {
            return Err(Error::TextTooLong { bytes: text.len() });
        }
        // The kernel puts a NUL in the place of the last byte.
        let payload = [text, b"\0"].concat();
        self.command(Request::SendUser, Message::Other { kind, payload }).map(drop)
    }

    /// Which optional features of auditing are on or locked.
    pub fn features(&mut self) -> Result<Features, Error> {
        let payload = self.bytes(Request::GetFeatures, message::GET_FEATURE)?;
        let ([_version, known, enabled, locked], _) =
            message::numbers(&payload).ok_or(Error::BadAnswer(Request::GetFeatures, "it is too short"))?;
        Ok(Features { known, enabled, locked })
    }

    /// Switches on that a login uid once set cannot be changed, and locks that until the next boot.
    pub fn make_login_uid_immutable(&mut self) -> Result<(), Error> {
        let payload = status::feature(status::LOGIN_UID_IMMUTABLE);
        self.command(Request::SetFeature, Message::Other { kind: message::SET_FEATURE, payload }).map(drop)
    }

    /// Lets go of parts of watched directories that are no longer mounted.
    pub fn trim(&mut self) -> Result<(), Error> {
        self.command(Request::Trim, Message::Other { kind: message::TRIM, payload: Vec::new() }).map(drop)
    }

    /// Takes what is mounted as `subtree` for part of what is watched at `mount_point`.
    pub fn make_equivalent(&mut self, mount_point: &[u8], subtree: &[u8]) -> Result<(), Error> {
        let length = |path: &[u8]| u32::try_from(path.len()).unwrap_or(u32::MAX).to_ne_bytes();
        let payload = [&length(mount_point)[..], &length(subtree), mount_point, subtree].concat();
        self.command(Request::MakeEquivalent, Message::Other { kind: message::MAKE_EQUIVALENT, payload })
            .map(drop)
    }

    /// Who sent the registered daemon its last signal.
    pub fn signal_sender(&mut self) -> Result<SignalSender, Error> {
        let payload = self.bytes(Request::SignalInfo, message::SIGNAL_INFO)?;
        let ([auid, pid], context) =
            message::numbers(&payload).ok_or(Error::BadAnswer(Request::SignalInfo, "it is too short"))?;
        Ok(SignalSender { auid, pid, context: context.to_vec() })
    }

    /// Ceases to be the audit daemon. Only the registered process may.
    pub fn unregister(&mut self) -> Result<(), Error> {
        self.command(Request::Unregister, status::registration(0)).map(drop)
    }

    /// The payload of the one answer to a request without a payload, which is of the request's type.
    fn bytes(&mut self, request: Request, kind: u16) -> Result<Vec<u8>, Error> {
        let message = Message::Other { kind, payload: Vec::new() };
        let (_, answers) = self.ask(request, message, Answers::One(kind))?;
        let payload = answers.into_iter().find_map(Message::into_payload);
        payload.ok_or(Error::BadAnswer(request, "nothing in it"))
    }

    /// A request whose only answer is its acknowledgement. Gives the acknowledgement's number, which is 0 or an old value.
    fn command(&mut self, request: Request, message: Message) -> Result<u32, Error> {
        match self.ask(request, message, Answers::Nothing) {
            Err(Error::NotPermitted(_) | Error::Refused(_))
                if request != Request::SendUser && self.is_locked() =>
            {
                Err(Error::Immutable(request))
            }
            answered => answered.map(|(number, _)| number),
        }
    }

    fn is_locked(&mut self) -> bool {
        self.status().is_ok_and(|status| status.enabled == 2)
    }

    /// Sends a request and waits until all its answers are there.
    fn ask(
        &mut self,
        request: Request,
        message: Message,
        answers: Answers,
    ) -> Result<(u32, Vec<Message>), Error> {
        // 0 is what the kernel's own messages have.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut exchange = Exchange::new(request, self.sequence, answers);
        let failed = |error| Error::new(request, error);
        self.socket.send_to(&exchange.frame(message), &SocketAddr::new(KERNEL_PORT, 0), 0).map_err(failed)?;
        // Measured from the last answer, so that a long list has its time and a stream of foreign messages has not.
        let mut heard = Instant::now();
        while !exchange.is_over() {
            if heard.elapsed() >= ANSWER_MAX {
                return Err(Error::TimedOut(request));
            }
            self.buffer.clear();
            match self.socket.recv_from(&mut self.buffer, 0) {
                Ok((_, sender)) if exchange.take(sender.port_number(), &self.buffer)? => {
                    heard = Instant::now();
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        exchange.finish().map_err(|errno| failed(errno.into()))
    }
}
