//! How many events were left out, by record type and key, and which serial numbers they had.

use std::borrow::Cow;
use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::record::RecordType;
use crate::record::fields::{self, Value};
use crate::record::stamp::EventId;

/// The type number of an account among the messages on their way to the storing thread. It is netlink's `NLMSG_NOOP`, which is
/// never a message of the log.
pub const ACCOUNT: u16 = 1;
/// A key's text where there is none, as the kernel writes it.
pub const NO_KEY: &[u8] = b"(null)";
/// What separates the keys of a rule that has several (`AUDIT_KEY_SEPARATOR`, linux/audit.h).
const KEY_SEPARATOR: u8 = 1;
/// Pairs of type and key that are told apart; the events of further ones are counted under [`OTHER_KEYS`]. Keys come from
/// rules, so that many are a mistake.
const PAIRS_MAX: usize = 1024;
/// The key's text for what is beyond that.
pub const OTHER_KEYS: &[u8] = b"(others)";

/// Events of one type and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// How many.
    pub events: u64,
    /// The time of the earliest in milliseconds since 1970.
    pub since_ms: u64,
    /// The time of the latest.
    pub until_ms: u64,
}

/// The type of an event's first record, and its key as that record has it: in quotes, in hexadecimal, or [`NO_KEY`].
pub type Pair = (RecordType, Box<[u8]>);

/// The keys joined with separators that the kernel has written so; `None` where there is none.
pub(super) fn joined(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let quoted = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    fields::decode(&quoted.map_or(Value::Bare(text), Value::Quoted))
}

/// The keys of such a text.
pub(super) fn split(joined: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    joined.split(|byte| *byte == KEY_SEPARATOR)
}

/// The keys of a [`Pair`], as text for people.
pub fn keys(pair: &Pair) -> Vec<String> {
    let joined = joined(&pair.1).unwrap_or_default();
    let keys = split(&joined).filter(|key| !key.is_empty());
    keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}

/// Events that were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    by: BTreeMap<Pair, Shed>,
    serials: RoaringBitmap,
}

impl Account {
    /// Adds an event.
    pub(super) fn add(&mut self, kind: RecordType, key: &[u8], id: EventId) {
        self.put((kind, key.into()), Shed { events: 1, since_ms: id.time_ms, until_ms: id.time_ms });
        self.serials.insert(id.serial);
    }

    /// Adds what another account has.
    pub fn merge(&mut self, other: &Account) {
        for (pair, shed) in &other.by {
            self.put(pair.clone(), *shed);
        }
        self.serials |= &other.serials;
    }

    fn put(&mut self, pair: Pair, shed: Shed) {
        let pair = match self.by.len() < PAIRS_MAX || self.by.contains_key(&pair) {
            true => pair,
            false => (pair.0, OTHER_KEYS.into()),
        };
        let all = self.by.entry(pair).or_insert(Shed { events: 0, ..shed });
        all.events += shed.events;
        all.since_ms = all.since_ms.min(shed.since_ms);
        all.until_ms = all.until_ms.max(shed.until_ms);
    }

    /// What was left out, by type and key.
    pub fn by(&self) -> impl Iterator<Item = (&Pair, &Shed)> {
        self.by.iter()
    }

    /// How many events.
    pub fn events(&self) -> u64 {
        self.by.values().map(|shed| shed.events).sum()
    }

    /// Their serial numbers, ascending.
    pub fn serials(&self) -> impl Iterator<Item = u32> {
        self.serials.iter()
    }

    /// Forgets the serial numbers, once they need not be looked for.
    pub fn forget_serials(&mut self) {
        self.serials.clear();
    }

    /// The bytes of a message that [`Account::decode`] reads: for each pair the type (2 bytes), the length of the key (4), the
    /// key, events, since and until (8 each); before them their number (4), after them the serial numbers in roaring's
    /// portable format. Numbers are little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        let mut out = length(self.by.len()).to_vec();
        for ((kind, key), shed) in &self.by {
            out.extend_from_slice(&kind.0.to_le_bytes());
            out.extend_from_slice(&length(key.len()));
            out.extend_from_slice(key);
            for number in [shed.events, shed.since_ms, shed.until_ms] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        let mut serials = self.serials.clone();
        serials.optimize();
        serials.serialize_into(&mut out).expect("memory takes what is written to it");
        out
    }

    /// Reads what [`Account::encode`] has written; `None` where it is nothing of the kind.
    pub fn decode(bytes: &[u8]) -> Option<Account> {
        let mut account = Account::default();
        let (pairs, mut rest) = bytes.split_first_chunk()?;
        for _ in 0..u32::from_le_bytes(*pairs) {
            let (kind, after) = rest.split_first_chunk()?;
            let (length, after) = after.split_first_chunk()?;
            let (key, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            let (events, after) = after.split_first_chunk()?;
            let (since_ms, after) = after.split_first_chunk()?;
            let (until_ms, after) = after.split_first_chunk()?;
            let [events, since_ms, until_ms] =
                [events, since_ms, until_ms].map(|bytes| u64::from_le_bytes(*bytes));
            account.put(
                (RecordType(u16::from_le_bytes(*kind)), key.into()),
                Shed { events, since_ms, until_ms },
            );
            rest = after;
        }
        account.serials = RoaringBitmap::deserialize_from(rest).ok()?;
        Some(account)
    }
}
