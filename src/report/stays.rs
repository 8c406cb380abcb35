//! Who was logged in from when to when, and from when to when the host was up.

use crate::event::Event;
use crate::interpret::context::decimal;
use crate::interpret::{UNSET, inside, text};
use crate::record::RecordType;
use crate::record::fields::{Value, find};
use crate::record::stamp::EventId;

use super::particulars::Particulars;

/// Sessions that may be open at one time; the oldest is given up for a further one.
pub const OPEN_MAX: usize = 1 << 16;

const USER_END: RecordType = RecordType(1106);
const USER_LOGIN: RecordType = RecordType(1112);
const SYSTEM_BOOT: RecordType = RecordType(1127);
const SYSTEM_SHUTDOWN: RecordType = RecordType(1128);

/// A user's stay on the host, or the host's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Whose it is.
    pub who: Who,
    /// The terminal.
    pub terminal: Option<Vec<u8>>,
    /// The host that the login came from; of a boot the kernel's version.
    pub host: Option<Vec<u8>>,
    /// The session.
    pub session: Option<u32>,
    /// The event with which it began.
    pub begin: EventId,
    /// The event that told of the terminal.
    pub login: Option<EventId>,
    /// How it ended.
    pub end: End,
}

/// Whose a stay is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user's.
    User(u32),
    /// An account's that was tried in vain.
    Account(Vec<u8>),
    /// The host's.
    Host,
}

/// How a stay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By this event.
    At(EventId),
    /// By a boot that no end came before.
    Crash(EventId),
    /// Its session's number was used again, by this event.
    Gone(EventId),
    /// It lasts.
    Open,
}

/// Follows logins and boots.
#[derive(Clone, Debug, Default)]
pub struct Stays {
    boot: Option<Stay>,
    kernel: Option<Vec<u8>>,
    /// Open sessions in the order of their beginning, with the process that began each.
    open: Vec<(u32, Stay)>,
}

impl Stays {
    /// Takes an event; stays that end by it are handed to `ended`.
    pub fn take(&mut self, event: &Event, said: &Particulars<'_>, ended: &mut dyn FnMut(Stay)) {
        match said.kind() {
            RecordType::DAEMON_START => self.kernel = word(event, b"kernel"),
            RecordType::LOGIN if said.outcome != Some(false) => self.login(said, ended),
            USER_LOGIN if said.outcome == Some(true) => self.terminal(said),
            USER_END => self.logout(said, ended),
            SYSTEM_BOOT => self.boot(said.id, ended),
            SYSTEM_SHUTDOWN => {
                if let Some(boot) = self.boot.take() {
                    ended(Stay { end: End::At(said.id), ..boot });
                }
            }
            _ => {}
        }
    }

    /// Hands what lasts to `open`: nothing more will come.
    pub fn finish(self, open: &mut dyn FnMut(Stay)) {
        self.boot.into_iter().for_each(&mut *open);
        self.open.into_iter().map(|(_, stay)| stay).filter(is_told).for_each(open);
    }

    fn login(&mut self, said: &Particulars<'_>, ended: &mut dyn FnMut(Stay)) {
        let (Some(auid), Some(session), Some(pid)) = (said.auid, said.session, said.pid) else { return };
        let known = self.open.iter().position(|(_, stay)| stay.session == Some(session));
        let full = (self.open.len() >= OPEN_MAX).then_some(0);
        if let Some(place) = known.or(full) {
            let (_, stay) = self.open.remove(place);
            if is_told(&stay) {
                ended(Stay { end: End::Gone(said.id), ..stay });
            }
        }
        let stay = Stay {
            who: Who::User(auid),
            terminal: None,
            host: None,
            session: Some(session),
            begin: said.id,
            login: None,
            end: End::Open,
        };
        self.open.push((pid, stay));
    }

    fn terminal(&mut self, said: &Particulars<'_>) {
        let found =
            self.open.iter_mut().find(|(_, stay)| stay.session.is_some() && stay.session == said.session);
        let Some((_, stay)) = found else { return };
        stay.terminal = said.terminal.as_deref().map(<[u8]>::to_vec);
        stay.host = said.host.as_deref().map(<[u8]>::to_vec);
        stay.login = Some(said.id);
    }

    fn logout(&mut self, said: &Particulars<'_>, ended: &mut dyn FnMut(Stay)) {
        // A program within the session, as su, ends only its own.
        let is_it = |(pid, stay): &(u32, Stay)| Some(*pid) == said.pid && stay.session == said.session;
        if let Some(place) = self.open.iter().position(is_it) {
            let (_, stay) = self.open.remove(place);
            if is_told(&stay) {
                ended(Stay { end: End::At(said.id), ..stay });
            }
        }
    }

    fn boot(&mut self, id: EventId, ended: &mut dyn FnMut(Stay)) {
        let open = self.open.drain(..).map(|(_, stay)| stay).filter(is_told);
        for stay in self.boot.take().into_iter().chain(open) {
            ended(Stay { end: End::Crash(id), ..stay });
        }
        self.boot = Some(Stay {
            who: Who::Host,
            terminal: Some(b"system boot".to_vec()),
            host: self.kernel.clone(),
            session: None,
            begin: id,
            login: None,
            end: End::Open,
        });
    }
}

/// A failed login as a stay of no length; `None` for any other event.
pub fn failed(event: &Event, said: &Particulars<'_>) -> Option<Stay> {
    if said.kind() != USER_LOGIN || said.outcome != Some(false) {
        return None;
    }
    let account = said.account.as_deref().map(<[u8]>::to_vec);
    Some(Stay {
        who: Who::Account(account.or_else(|| word(event, b"id")).unwrap_or_else(|| b"?".to_vec())),
        terminal: said.terminal.as_deref().map(<[u8]>::to_vec),
        host: said.host.as_deref().map(<[u8]>::to_vec),
        session: said.session.filter(|session| *session != UNSET),
        begin: said.id,
        login: None,
        end: End::At(said.id),
    })
}

/// The user that a login was of, where the event tells it by number.
pub fn logged_in(event: &Event, said: &Particulars<'_>) -> Option<u32> {
    if said.kind() != USER_LOGIN || said.outcome != Some(true) {
        return None;
    }
    let id = word(event, b"id").and_then(|id| u32::try_from(decimal(&id)?).ok());
    id.or_else(|| said.auid.filter(|auid| *auid != UNSET))
}

/// A session is told of once a login has said where it is.
fn is_told(stay: &Stay) -> bool {
    stay.login.is_some()
}

/// The first field of that name in the first record, or in the message inside it.
fn word(event: &Event, name: &[u8]) -> Option<Vec<u8>> {
    let (_, body) = event.records().next()?;
    let inner = || match find(body, b"msg")? {
        Value::Message(message) => find(message, name),
        _ => None,
    };
    find(body, name).or_else(inner).map(|value| match value {
        Value::Quoted(_) => text(&value).into_owned(),
        value => inside(&value).to_vec(),
    })
}
