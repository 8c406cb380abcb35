//! What an event says of the process it is of.

use std::borrow::Cow;

use memchr::memchr_iter;

use super::UNSET;
use super::context::Bytes;
use super::limits::{ARGUMENTS_MAX, ARGV_BYTES_MAX};
use crate::event::Event;
use crate::record::RecordType;
use crate::record::fields::{Value, decode, fields};
use crate::tables::{Arch, syscall_name};

/// The flag with which clone makes a thread (`CLONE_THREAD`, linux/sched.h).
const CLONE_THREAD: u64 = 0x0001_0000;

/// A process as an event shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting<'a> {
    pub(super) time_ms: u64,
    pub(super) pid: u32,
    pub(super) ppid: Option<u32>,
    /// The login uid and the session, [`UNSET`] without.
    pub(super) auid: u32,
    pub(super) session: u32,
    pub(super) exe: Option<Cow<'a, [u8]>>,
    pub(super) act: Act,
}

/// What a process did that changes what processes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It executed a program.
    Execute,
    /// It made a process with this pid, as its own pid namespace numbers it; or a thread, where clone3 does not tell.
    Fork(u32),
    /// It ended.
    Exit,
    /// Anything else.
    Other,
}

impl<'a> Sighting<'a> {
    /// Reads the process of an event; `None` for an event of the audit daemon's own, and where no process is told.
    pub(super) fn read(event: &'a Event) -> Option<Sighting<'a>> {
        let (kind, body) = match event.record(RecordType::SYSCALL) {
            Some(body) => (RecordType::SYSCALL, body),
            None => event.records().next()?,
        };
        if (1200..1300).contains(&kind.0) {
            return None;
        }
        let mut seen = Sighting {
            time_ms: event.id.time_ms,
            pid: 0,
            ppid: None,
            auid: UNSET,
            session: UNSET,
            exe: None,
            act: Act::Other,
        };
        let mut call = Call::default();
        // Words will do, at a fraction of what fields cost: the kernel writes a value that others choose as hexadecimal
        // digits where it has a blank.
        let mut start = 0;
        for end in memchr_iter(b' ', body).chain([body.len()]) {
            let rest = body.get(start..).unwrap_or_default();
            let word = rest.get(..end - start).unwrap_or_default();
            start = end + 1;
            match word {
                [b'p', b'i', b'd', b'=', value @ ..] => seen.pid = decimal(value)?,
                [b'p', b'p', b'i', b'd', b'=', value @ ..] => seen.ppid = decimal(value),
                [b'a', b'u', b'i', b'd', b'=', value @ ..] => seen.auid = decimal(value).unwrap_or(UNSET),
                [b's', b'e', b's', b'=', value @ ..] => seen.session = decimal(value).unwrap_or(UNSET),
                // The last that matters in a record of the kernel's.
                [b'e', b'x', b'e', b'=', ..] => {
                    seen.exe = fields(rest).next().and_then(|field| decode(&field.value));
                    break;
                }
                // What follows is a program's word.
                [b'm', b's', b'g', b'=', ..] => break,
                [b'a', b'r', b'c', b'h', b'=', value @ ..] => call.arch = hexadecimal(value),
                [b's', b'y', b's', b'c', b'a', b'l', b'l', b'=', value @ ..] => call.number = decimal(value),
                b"success=yes" => call.succeeded = true,
                [b'e', b'x', b'i', b't', b'=', value @ ..] => call.exit = decimal(value),
                [b'a', b'0', b'=', value @ ..] => call.flags = value,
                _ => {}
            }
        }
        seen.act = call.act();
        (seen.pid != 0).then_some(seen)
    }
}

#[derive(Default)]
struct Call<'a> {
    arch: Option<u64>,
    number: Option<u32>,
    succeeded: bool,
    exit: Option<u32>,
    /// The flags of a clone, as digits.
    flags: &'a [u8],
}

impl Call<'_> {
    fn act(&self) -> Act {
        let arch = self.arch.and_then(|token| u32::try_from(token).ok()).and_then(Arch::from_token);
        let (Some(arch), Some(number)) = (arch, self.number) else { return Act::Other };
        match (syscall_name(arch, number), self.exit) {
            (Some("execve" | "execveat"), _) if self.succeeded => Act::Execute,
            (Some("clone"), _) if hexadecimal(self.flags).is_some_and(|flags| flags & CLONE_THREAD != 0) => {
                Act::Other
            }
            (Some("fork" | "vfork" | "clone" | "clone3"), Some(child)) if self.succeeded && child != 0 => {
                Act::Fork(child)
            }
            // It does not come back, so that it neither succeeds nor fails.
            (Some("exit_group"), _) => Act::Exit,
            _ => Act::Other,
        }
    }
}

/// A decimal number.
pub(super) fn number(value: &Value<'_>) -> Option<u32> {
    let Value::Bare(digits) = value else { return None };
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The decimal number that is a word's value; in `ses=1op=remove_rule` another field follows it without a blank.
fn decimal(value: &[u8]) -> Option<u32> {
    let (mut number, mut rest) = (0_u32, value);
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
        rest = more;
    }
    (rest.len() < value.len() && (rest.is_empty() || rest.contains(&b'='))).then_some(number)
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let digit = |value: u64, digit: &u8| Some(value << 4 | u64::from(char::from(*digit).to_digit(16)?));
    if digits.is_empty() || digits.len() > 16 { None } else { digits.iter().try_fold(0, digit) }
}

/// The arguments of an execve, up to [`ARGUMENTS_MAX`] and [`ARGV_BYTES_MAX`].
pub(super) fn arguments(event: &Event) -> Vec<Bytes> {
    let mut arguments = Vec::new();
    let mut room = ARGV_BYTES_MAX;
    let bodies = event.records().filter(|(kind, _)| *kind == RecordType::EXECVE);
    for field in bodies.flat_map(|(_, body)| fields(body)) {
        // A long argument comes in pieces, `a1[0]`, of which the first has to do.
        let digits = field.name.strip_prefix(b"a").map(|name| name.strip_suffix(b"[0]").unwrap_or(name));
        let place = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        let Some(place) = place else { continue };
        if arguments.len() != place || place >= ARGUMENTS_MAX || room == 0 {
            break;
        }
        let argument = decode(&field.value).unwrap_or_default();
        let argument = argument.get(..room).unwrap_or(&argument);
        room -= argument.len();
        arguments.push(Bytes::from(argument));
    }
    arguments
}

/// The path that was given to execve: the name of the first of the event's PATH records.
pub(super) fn executed(event: &Event) -> Option<Cow<'_, [u8]>> {
    let body = event.record(RecordType::PATH)?;
    let mut item = None;
    for field in fields(body) {
        match field.name {
            b"item" => item = number(&field.value),
            b"name" if item == Some(0) => return decode(&field.value),
            _ => {}
        }
    }
    None
}

/// The inodes of the files that an event names.
pub(super) fn inodes(event: &Event) -> Vec<u64> {
    let bodies = event.records().filter(|(kind, _)| *kind == RecordType::PATH);
    let inode =
        bodies.filter_map(|(_, body)| match fields(body).find(|field| field.name == b"inode")?.value {
            Value::Bare(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
            _ => None,
        });
    inode.collect()
}

/// The working directory that an event tells.
pub(super) fn directory(event: &Event) -> Option<Cow<'_, [u8]>> {
    decode(&fields(event.record(RecordType::CWD)?).find(|field| field.name == b"cwd")?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::stamp::EventId;

    fn event(records: &[(u16, &[u8])]) -> Event {
        let mut event = Event::new(EventId { time_ms: 5000, serial: 1 });
        records.iter().for_each(|(kind, body)| event.push(RecordType(*kind), body));
        event
    }

    #[test]
    fn what_a_process_did_is_told_by_its_call() {
        for (call, act) in [
            ("arch=c000003e syscall=59 success=yes exit=0", Act::Execute),
            ("arch=c000003e syscall=59 success=no exit=-2", Act::Other),
            ("arch=40000003 syscall=11 success=yes exit=0", Act::Execute),
            ("arch=c00000b7 syscall=221 success=yes exit=0", Act::Execute),
            ("arch=c000003e syscall=322 success=yes exit=0", Act::Execute),
            ("arch=c000003e syscall=57 success=yes exit=77", Act::Fork(77)),
            ("arch=c000003e syscall=58 success=yes exit=77", Act::Fork(77)),
            ("arch=c000003e syscall=435 success=yes exit=77 a0=7ffe", Act::Fork(77)),
            ("arch=c000003e syscall=56 success=yes exit=77 a0=1200011", Act::Fork(77)),
            // A thread of the same process.
            ("arch=c000003e syscall=56 success=yes exit=77 a0=3d0f00", Act::Other),
            // In the child.
            ("arch=c000003e syscall=57 success=yes exit=0", Act::Other),
            ("arch=c000003e syscall=57 success=no exit=-11", Act::Other),
            ("arch=c000003e syscall=231 a0=0", Act::Exit),
            ("arch=c000003e syscall=60 a0=0", Act::Other),
            ("arch=ffffffffff syscall=59 success=yes", Act::Other),
            ("arch=c000003e syscall=99999999999 success=yes", Act::Other),
        ] {
            let body = format!("{call} ppid=6 pid=7 auid=1000 ses=3 exe=\"/bin/x\"");
            let event = event(&[(1300, body.as_bytes())]);
            let seen = Sighting::read(&event).expect("a process");
            assert_eq!((seen.act, seen.pid, seen.ppid), (act, 7, Some(6)), "{call}");
            assert_eq!((seen.auid, seen.session, seen.exe.as_deref()), (1000, 3, Some(&b"/bin/x"[..])));
        }
    }

    #[test]
    fn an_event_without_a_process_has_none() {
        let cases: [&[(u16, &[u8])]; 6] = [
            &[],
            &[(1305, b"op=add_rule res=1")],
            &[(1200, b"op=start pid=7 res=success")],
            &[(1300, b"arch=c000003e pid=x")],
            &[(1300, b"arch=c000003e pid=0")],
            &[(1300, b"")],
        ];
        for records in cases {
            assert_eq!(Sighting::read(&event(records)), None, "{records:?}");
        }
        // Another field begins at the end of a number (kernel/audit_watch.c).
        let removal = event(&[(1305, b"auid=1 ses=2op=remove_rule pid=7 exe=2F746D702F6120")]);
        let seen = Sighting::read(&removal).expect("a process");
        assert_eq!(
            (seen.pid, seen.auid, seen.session, seen.exe.as_deref()),
            (7, 1, 2, Some(&b"/tmp/a "[..]))
        );
        let of_user = event(&[(1112, b"pid=8 uid=0 auid=1 ses=2 msg='op=login pid=9 exe=\"/x\"'")]);
        let seen = Sighting::read(&of_user).expect("a process");
        assert_eq!((seen.pid, seen.auid, seen.session, seen.exe), (8, 1, 2, None));
    }

    #[test]
    fn arguments_are_cut_at_their_limits() {
        let check = |records: &[&[u8]], expected: &[&[u8]]| {
            let records: Vec<(u16, &[u8])> = records.iter().map(|body| (1309, *body)).collect();
            let found = arguments(&event(&records));
            assert_eq!(found.iter().map(|argument| &**argument).collect::<Vec<_>>(), expected);
        };
        check(&[b"argc=3 a0=\"sh\" a1=2D6320FF a2=(null)"], &[b"sh", b"-c \xff", b""]);
        check(&[b"argc=3 a0=\"a\" a1_len=9 a1[0]=\"bc\" a1[1]=\"de\" a2=\"f\""], &[b"a", b"bc", b"f"]);
        check(&[b"argc=2 a0=\"a\"", b" a1=\"b\""], &[b"a", b"b"]);
        check(&[b"argc=2 a1=\"b\""], &[]);
        let long = vec![b'x'; 2 * ARGV_BYTES_MAX];
        let body = [b"argc=2 a0=\"", &*long, b"\" a1=\"y\""].concat();
        check(&[&body], &[&long[..ARGV_BYTES_MAX]]);
        let many: String = (0..2000).map(|place| format!(" a{place}=\"x\"")).collect();
        assert_eq!(arguments(&event(&[(1309, many.as_bytes())])).len(), ARGUMENTS_MAX);
    }
}
