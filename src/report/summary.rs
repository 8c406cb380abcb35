//! How much of everything there was.

use super::kinds::{
    is_account_change, is_anomaly, is_config_change, is_crypto, is_decision, is_integrity, is_mac,
    is_response, is_virtual,
};
use super::particulars::Particulars;
use super::tally::Tally;
use crate::record::RecordType;
use crate::record::stamp::EventId;

/// The totals of all events taken.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    first: Option<EventId>,
    last: Option<EventId>,
    totals: Totals,
    users: Tally,
    terminals: Tally,
    hosts: Tally,
    executables: Tally,
    commands: Tally,
    files: Tally,
    keys: Tally,
    processes: Tally,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    config: u64,
    accounts: u64,
    logins: u64,
    failed_logins: u64,
    authentications: u64,
    failed_authentications: u64,
    decisions: u64,
    mac: u64,
    failed_syscalls: u64,
    anomalies: u64,
    responses: u64,
    crypto: u64,
    integrity: u64,
    virtual_machines: u64,
    events: u64,
}

/// A line of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Its name in JSON and CSV.
    pub name: &'static str,
    /// The same in words.
    pub words: &'static str,
    /// How many.
    pub count: u64,
}

impl Summary {
    /// Counts an event.
    pub fn take(&mut self, event: &Particulars<'_>) {
        self.first = Some(self.first.map_or(event.id, |first| first.min(event.id)));
        self.last = Some(self.last.map_or(event.id, |last| last.max(event.id)));
        let has = |is: fn(RecordType) -> bool| u64::from(event.kinds.iter().any(|kind| is(*kind)));
        let failed = u64::from(event.outcome == Some(false));
        let totals = &mut self.totals;
        totals.events += 1;
        totals.config += has(is_config_change);
        totals.accounts += has(is_account_change);
        let login = has(|kind| kind.0 == 1112);
        totals.logins += login * (1 - failed);
        totals.failed_logins += login * failed;
        let authentication = has(|kind| kind.0 == 1100);
        totals.authentications += authentication * (1 - failed);
        totals.failed_authentications += authentication * failed;
        totals.decisions += has(is_decision);
        totals.mac += has(is_mac);
        totals.failed_syscalls += u64::from(event.call.is_some()) * failed;
        totals.anomalies += has(is_anomaly);
        totals.responses += has(is_response);
        totals.crypto += has(is_crypto);
        totals.integrity += has(is_integrity);
        totals.virtual_machines += has(is_virtual);
        self.values(event);
    }

    fn values(&mut self, event: &Particulars<'_>) {
        if let Some(auid) = event.auid {
            self.users.add(&auid.to_le_bytes());
        }
        if let Some(pid) = event.pid {
            self.processes.add(&pid.to_le_bytes());
        }
        let texts = [
            (&mut self.terminals, &event.terminal),
            (&mut self.hosts, &event.host),
            (&mut self.executables, &event.exe),
            (&mut self.commands, &event.comm),
        ];
        for (tally, text) in texts {
            if let Some(text) = text {
                tally.add(text);
            }
        }
        event.files.iter().for_each(|file| self.files.add(file));
        event.keys.iter().for_each(|key| self.keys.add(key));
    }

    /// The earliest and the latest event.
    pub fn range(&self) -> Option<(EventId, EventId)> {
        self.first.zip(self.last)
    }

    /// All totals, in the order in which they are told.
    pub fn totals(&self) -> [Total; 23] {
        let total = |name, words, count| Total { name, words, count };
        let different = |name, words, tally: &Tally| total(name, words, tally.len() as u64);
        let totals = &self.totals;
        [
            total("config", "changes in configuration", totals.config),
            total("accounts", "changes to accounts, groups, or roles", totals.accounts),
            total("logins", "logins", totals.logins),
            total("failed_logins", "failed logins", totals.failed_logins),
            total("authentications", "authentications", totals.authentications),
            total("failed_authentications", "failed authentications", totals.failed_authentications),
            different("users", "users", &self.users),
            different("terminals", "terminals", &self.terminals),
            different("hosts", "host names", &self.hosts),
            different("executables", "executables", &self.executables),
            different("commands", "commands", &self.commands),
            different("files", "files", &self.files),
            total("access", "AVC's", totals.decisions),
            total("mac", "MAC events", totals.mac),
            total("failed_syscalls", "failed syscalls", totals.failed_syscalls),
            total("anomalies", "anomaly events", totals.anomalies),
            total("responses", "responses to anomaly events", totals.responses),
            total("crypto", "crypto events", totals.crypto),
            total("integrity", "integrity events", totals.integrity),
            total("virtual", "virt events", totals.virtual_machines),
            different("keys", "keys", &self.keys),
            different("processes", "process IDs", &self.processes),
            total("events", "events", totals.events),
        ]
    }
}
