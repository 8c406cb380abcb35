//! Failed logins by the address they came from.

use hashbrown::HashMap;

use super::particulars::Particulars;
use super::tally::Tally;

/// Addresses that are told apart; a flood from more of them is counted under none.
pub const ADDRESSES_MAX: usize = 1 << 16;
/// Accounts that are kept for each address.
const ACCOUNTS_MAX: usize = 64;

/// The failed attempts of all addresses.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    all: HashMap<Vec<u8>, Attempts, foldhash::fast::RandomState>,
    others: u64,
}

/// The failed attempts from one address.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// When the first was, in milliseconds since 1970.
    pub first_ms: u64,
    /// When the last was.
    pub last_ms: u64,
    /// The accounts that were tried.
    pub accounts: Tally,
}

impl Addresses {
    /// Takes an event; only a login or an authentication that failed counts.
    pub fn take(&mut self, event: &Particulars<'_>) {
        let attempt = event.kinds.iter().any(|kind| matches!(kind.0, 1100 | 1112));
        if !attempt || event.outcome != Some(false) {
            return;
        }
        let address = event.host.as_deref().unwrap_or(b"?");
        if !self.all.contains_key(address) && self.all.len() >= ADDRESSES_MAX {
            self.others += 1;
            return;
        }
        let time_ms = event.id.time_ms;
        let attempts = self.all.entry_ref(address).or_insert_with(|| Attempts {
            count: 0,
            first_ms: time_ms,
            last_ms: time_ms,
            accounts: Tally::default(),
        });
        attempts.count += 1;
        attempts.first_ms = attempts.first_ms.min(time_ms);
        attempts.last_ms = attempts.last_ms.max(time_ms);
        if let Some(account) = &event.account
            && attempts.accounts.len() < ACCOUNTS_MAX
        {
            attempts.accounts.add(account);
        }
    }

    /// The addresses, those with most attempts first.
    pub fn rows(&self) -> Vec<(&[u8], &Attempts)> {
        let mut rows: Vec<_> =
            self.all.iter().map(|(address, attempts)| (address.as_slice(), attempts)).collect();
        rows.sort_unstable_by(|(a, one), (b, other)| other.count.cmp(&one.count).then(a.cmp(b)));
        rows
    }

    /// Attempts from addresses for which there was no room.
    pub fn others(&self) -> u64 {
        self.others
    }
}
