//! Login sessions: who began each, from where and when, as the records of the login tell it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use foldhash::fast::RandomState;
use lru::LruCache;

use super::UNSET;
use super::context::{Bytes, Login};
use super::limits::{LOGIN_BYTES_MAX, SESSIONS_MAX};
use super::sighting::number;
use crate::event::Event;
use crate::record::RecordType;
use crate::record::fields::{Value, decode, fields};

/// A session as far as it is known.
struct Session {
    login: Arc<Login>,
    /// The process that began it, if that was seen. What others say of the session is of a su or a sudo in it.
    began_by: Option<u32>,
    /// Whether the host was asked, or need not be.
    is_asked: bool,
}

/// The sessions that are known.
pub(super) struct Sessions {
    known: LruCache<u32, Session, RandomState>,
}

impl Sessions {
    pub(super) fn new() -> Sessions {
        let most = NonZeroUsize::new(SESSIONS_MAX).expect("the limit is above 0");
        Sessions { known: LruCache::with_hasher(most, RandomState::default()) }
    }

    /// Takes in what an event says of a login, if it is of one.
    pub(super) fn learn(&mut self, event: &Event) {
        for (kind, body) in event.records() {
            match kind {
                RecordType::LOGIN => self.begin(body, event.id.time_ms),
                RecordType::USER_LOGIN | RecordType::USER_START => self.tell(kind, body),
                _ => {}
            }
        }
    }

    /// Whether this is the first question about a session, whose login uid is `auid`.
    #[inline]
    pub(super) fn is_new(&mut self, session: u32, auid: u32) -> bool {
        let known = self.of(session);
        if known.login.uid.is_none() && auid != UNSET {
            Arc::make_mut(&mut known.login).uid = Some(auid);
        }
        !std::mem::replace(&mut known.is_asked, true)
    }

    /// What is known of a session that was asked about.
    #[inline]
    pub(super) fn get(&self, session: u32) -> Option<&Arc<Login>> {
        self.known.peek(&session).map(|known| &known.login)
    }

    /// Adds what the host knows of a session; what was told by records stays.
    pub(super) fn add(&mut self, found: Login) {
        let known = Arc::make_mut(&mut self.of(found.session).login);
        known.user = known.user.take().or(found.user);
        known.uid = known.uid.or(found.uid);
        known.address = known.address.take().or(found.address);
        known.terminal = known.terminal.take().or(found.terminal);
        known.time_ms = known.time_ms.or(found.time_ms);
    }

    fn of(&mut self, session: u32) -> &mut Session {
        self.known.get_or_insert_mut(session, || Session {
            login: Arc::new(Login { session, ..Login::default() }),
            began_by: None,
            is_asked: false,
        })
    }

    /// LOGIN: the kernel gives a process a login uid and a session of its own.
    fn begin(&mut self, body: &[u8], time_ms: u64) {
        let (mut pid, mut uid, mut session, mut done) = (None, None, None, true);
        for field in fields(body) {
            match field.name {
                b"pid" => pid = number(&field.value),
                b"auid" => uid = number(&field.value),
                b"ses" => session = number(&field.value),
                b"res" => done = matches!(field.value, Value::Bare(b"1")),
                _ => {}
            }
        }
        let Some(session) = session.filter(|session| *session != UNSET && done) else { return };
        let uid = uid.filter(|uid| *uid != UNSET);
        let login = Login { session, uid, time_ms: Some(time_ms), ..Login::default() };
        // A number is given once in a boot: what is known under it is of this login, or of nothing.
        self.known.push(session, Session { login: Arc::new(login), began_by: pid, is_asked: false });
    }

    /// USER_LOGIN and USER_START: the program that lets the user in says from where.
    fn tell(&mut self, kind: RecordType, body: &[u8]) {
        let (mut pid, mut session, mut said) = (None, None, None);
        for field in fields(body) {
            match field.name {
                b"pid" => pid = number(&field.value),
                b"ses" => session = number(&field.value),
                b"msg" => said = Some(field.value),
                _ => {}
            }
        }
        let (Some(session), Some(Value::Message(said))) = (session.filter(|session| *session != UNSET), said)
        else {
            return;
        };
        let mut told = Login::default();
        let (mut host, mut done) = (None, false);
        for field in fields(said) {
            match field.name {
                b"acct" => told.user = decode(&field.value).as_deref().and_then(part),
                b"addr" => told.address = part(word(&field.value)),
                b"hostname" => host = part(word(&field.value)),
                b"terminal" => told.terminal = terminal(word(&field.value)),
                b"res" => done = matches!(field.value, Value::Bare(b"success" | b"1")),
                _ => {}
            }
        }
        let known = self.of(session);
        let by_beginner = known.began_by.is_some() && known.began_by == pid;
        if !done || kind == RecordType::USER_START && !by_beginner {
            return;
        }
        let login = Arc::make_mut(&mut known.login);
        login.user = login.user.take().or(told.user);
        login.address = login.address.take().or(told.address).or(host);
        // `ssh` and its like are services, not terminals; the terminal comes with USER_LOGIN.
        login.terminal = told.terminal.or(login.terminal.take());
    }
}

/// The text of a value that is written as it is.
fn word<'a>(value: &Value<'a>) -> &'a [u8] {
    let (Value::Bare(text) | Value::Quoted(text) | Value::Message(text)) = *value;
    text
}

fn part(text: &[u8]) -> Option<Bytes> {
    let is_told = !matches!(text, b"" | b"?" | b"(none)" | b"(unknown)" | b"UNKNOWN");
    (is_told && text.len() <= LOGIN_BYTES_MAX).then(|| text.into())
}

/// A terminal's name; the word that a daemon gives in place of one (`ssh`, `cron`) has no number.
fn terminal(text: &[u8]) -> Option<Bytes> {
    let name = text.strip_prefix(b"/dev/").unwrap_or(text);
    name.iter().any(u8::is_ascii_digit).then(|| part(name))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::stamp::EventId;

    fn learn(sessions: &mut Sessions, kind: u16, body: &str) {
        let mut event = Event::new(EventId { time_ms: 1_700_000_000_123, serial: 1 });
        event.push(RecordType(kind), body.as_bytes());
        sessions.learn(&event);
    }

    /// `user uid address terminal` of a session.
    fn shown(sessions: &mut Sessions, session: u32) -> String {
        sessions.is_new(session, UNSET);
        let login = sessions.get(session).expect("it was asked about");
        let text = |part: &Option<Bytes>| match part {
            Some(part) => String::from_utf8_lossy(part).into_owned(),
            None => "-".to_owned(),
        };
        let uid = login.uid.map_or("-".to_owned(), |uid| uid.to_string());
        format!("{} {uid} {} {}", text(&login.user), text(&login.address), text(&login.terminal))
    }

    const BEGUN: &str = "pid=8 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=3 res=1";

    #[test]
    fn a_session_is_known_by_the_records_of_its_login() {
        let start = |pid: u32, acct: &str, terminal: &str, res: &str| {
            format!(
                "pid={pid} uid=0 auid=1000 ses=3 msg='op=PAM:session_open grantors=x acct=\"{acct}\" exe=\"/x\" \
                 hostname=host.example addr=192.0.2.7 terminal={terminal} res={res}'"
            )
        };
        let login = "pid=8 uid=0 auid=1000 ses=3 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" hostname=? \
            addr=2001:db8::1 terminal=/dev/pts/1 res=success'";
        let cases: &[(&[(u16, String)], &str)] = &[
            (&[(1006, BEGUN.into())], "- 1000 - -"),
            (&[(1006, BEGUN.replace("res=1", "res=0"))], "- - - -"),
            (&[(1006, BEGUN.into()), (1105, start(8, "alice", "ssh", "success"))], "alice 1000 192.0.2.7 -"),
            (
                &[
                    (1006, BEGUN.into()),
                    (1105, start(8, "alice", "ssh", "success")),
                    (1112, login.replace("2001:db8::1", "192.0.2.7")),
                    // A sudo within.
                    (1105, start(99, "root", "/dev/pts/7", "success")),
                ],
                "alice 1000 192.0.2.7 pts/1",
            ),
            (&[(1006, BEGUN.into()), (1105, start(8, "alice", "ssh", "failed"))], "- 1000 - -"),
            // The daemon was started after the login began.
            (&[(1112, login.into())], "- - 2001:db8::1 pts/1"),
            (&[(1105, start(99, "root", "/dev/pts/7", "success"))], "- - - -"),
            // Not a session at all.
            (&[(1112, login.replace("ses=3", "ses=4294967295"))], "- - - -"),
            (
                &[(1112, "pid=8 ses=3 msg='op=login addr=? hostname=a.example res=success'".into())],
                "- - a.example -",
            ),
            (&[(1112, format!("pid=8 ses=3 msg='addr={} res=success'", "9".repeat(300)))], "- - - -"),
        ];
        for (records, expected) in cases {
            let mut sessions = Sessions::new();
            records.iter().for_each(|(kind, body)| learn(&mut sessions, *kind, body));
            assert_eq!(shown(&mut sessions, 3), *expected, "{records:?}");
        }
    }

    #[test]
    fn the_host_is_asked_once_and_does_not_overrule_records() {
        let mut sessions = Sessions::new();
        learn(&mut sessions, 1006, BEGUN);
        assert!(sessions.is_new(3, 1000));
        assert!(!sessions.is_new(3, 1000));
        let found = Login {
            session: 3,
            uid: Some(7),
            user: Some((*b"bob").into()),
            time_ms: Some(1),
            ..Login::default()
        };
        sessions.add(found);
        assert_eq!(shown(&mut sessions, 3), "bob 1000 - -");
        assert_eq!(sessions.get(3).expect("it is known").time_ms, Some(1_700_000_000_123));
    }

    #[test]
    fn a_million_sessions_need_no_more_room() {
        let mut sessions = Sessions::new();
        for session in 0..1_000_000 {
            sessions.is_new(session, session);
        }
        assert_eq!(sessions.known.len(), SESSIONS_MAX);
    }
}
