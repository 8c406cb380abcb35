//! The reports that list events, each a line of a table: which events, which columns, and by what they are counted.

use super::cell::{Cell, Row};
use super::column::Column;
use super::kinds::{
    is_account_change, is_anomaly, is_config_change, is_crypto, is_integrity, is_mac, is_response, is_virtual,
};
use super::particulars::{Decision, Particulars};
use crate::record::RecordType;

/// Of what an event gives a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Of itself.
    Event,
    /// Of each file.
    File,
    /// Of each key.
    Key,
    /// Of each access control decision.
    Decision,
}

/// A list of events.
pub struct Listing {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it lists, for the help.
    pub about: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// By what its rows are counted.
    pub object: Column,
    /// Of what an event gives a row.
    pub each: Each,
    wanted: fn(&Particulars<'_>) -> bool,
}

use super::column::Column as C;

/// Every list.
pub static LISTINGS: [Listing; 22] = [
    Listing {
        name: "access",
        about: "Access control decisions of the kernel's security module and of programs",
        columns: &[
            C::Time,
            C::Comm,
            C::Subject,
            C::Syscall,
            C::Class,
            C::Permissions,
            C::Object,
            C::Granted,
            C::Serial,
        ],
        object: C::Object,
        each: Each::Decision,
        wanted: |_| true,
    },
    Listing {
        name: "accounts",
        about: "Changes of users, groups and roles",
        columns: &[C::Time, C::Auid, C::Host, C::Terminal, C::Exe, C::Account, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_account_change),
    },
    Listing {
        name: "anomalies",
        about: "What the kernel and intrusion detection found odd",
        columns: &[C::Time, C::Type, C::Exe, C::Terminal, C::Host, C::Auid, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, |kind| is_anomaly(kind) || kind == RecordType::SECCOMP),
    },
    Listing {
        name: "authentications",
        about: "Attempts to prove who one is",
        columns: &[C::Time, C::Account, C::Host, C::Terminal, C::Exe, C::Outcome, C::Serial],
        object: C::Account,
        each: Each::Event,
        wanted: |event| has(event, |kind| kind.0 == 1100),
    },
    Listing {
        name: "commands",
        about: "Commands by their names",
        columns: &[C::Time, C::Comm, C::Terminal, C::Host, C::Auid, C::Serial],
        object: C::Comm,
        each: Each::Event,
        wanted: |event| event.comm.is_some(),
    },
    Listing {
        name: "config",
        about: "Changes of auditing and of other settings",
        columns: &[C::Time, C::Type, C::Auid, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_config_change),
    },
    Listing {
        name: "crypto",
        about: "Cryptographic keys and sessions",
        columns: &[C::Time, C::Auid, C::Type, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_crypto),
    },
    Listing {
        name: "events",
        about: "All events",
        columns: &[C::Time, C::Serial, C::Type, C::Auid, C::Outcome],
        object: C::Type,
        each: Each::Event,
        wanted: |_| true,
    },
    Listing {
        name: "executables",
        about: "Executables",
        columns: &[C::Time, C::Exe, C::Terminal, C::Host, C::Auid, C::Serial],
        object: C::Exe,
        each: Each::Event,
        wanted: |event| event.exe.is_some(),
    },
    Listing {
        name: "files",
        about: "Files and the paths of sockets",
        columns: &[C::Time, C::File, C::Syscall, C::Outcome, C::Exe, C::Auid, C::Serial],
        object: C::File,
        each: Each::File,
        wanted: |_| true,
    },
    Listing {
        name: "hosts",
        about: "Other hosts",
        columns: &[C::Time, C::Host, C::Syscall, C::Auid, C::Serial],
        object: C::Host,
        each: Each::Event,
        wanted: |event| event.host.is_some(),
    },
    Listing {
        name: "integrity",
        about: "What integrity measurement found",
        columns: &[C::Time, C::Type, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_integrity),
    },
    Listing {
        name: "keys",
        about: "Keys of rules",
        columns: &[C::Time, C::Key, C::Outcome, C::Exe, C::Auid, C::Serial],
        object: C::Key,
        each: Each::Key,
        wanted: |_| true,
    },
    Listing {
        name: "keystrokes",
        about: "What was typed on terminals",
        columns: &[C::Time, C::Serial, C::Auid, C::Terminal, C::Session, C::Comm, C::Keystrokes],
        object: C::Comm,
        each: Each::Event,
        wanted: |event| event.keystrokes.is_some(),
    },
    Listing {
        name: "logins",
        about: "Logins and attempts",
        columns: &[C::Time, C::Login, C::Host, C::Terminal, C::Exe, C::Outcome, C::Serial],
        object: C::Login,
        each: Each::Event,
        wanted: |event| has(event, |kind| kind.0 == 1112),
    },
    Listing {
        name: "mac",
        about: "Changes of mandatory access control",
        columns: &[C::Time, C::Auid, C::Type, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_mac),
    },
    Listing {
        name: "processes",
        about: "Processes by their numbers",
        columns: &[C::Time, C::Pid, C::Exe, C::Syscall, C::Auid, C::Serial],
        object: C::Pid,
        each: Each::Event,
        wanted: |event| event.pid.is_some(),
    },
    Listing {
        name: "responses",
        about: "Responses to anomalies",
        columns: &[C::Time, C::Type, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_response),
    },
    Listing {
        name: "syscalls",
        about: "System calls",
        columns: &[C::Time, C::Syscall, C::Pid, C::Comm, C::Auid, C::Serial],
        object: C::Syscall,
        each: Each::Event,
        wanted: |event| event.call.is_some(),
    },
    Listing {
        name: "terminals",
        about: "Terminals",
        columns: &[C::Time, C::Terminal, C::Host, C::Exe, C::Auid, C::Serial],
        object: C::Terminal,
        each: Each::Event,
        wanted: |event| event.terminal.is_some(),
    },
    Listing {
        name: "users",
        about: "Users by their login",
        columns: &[C::Time, C::Auid, C::Terminal, C::Host, C::Exe, C::Serial],
        object: C::Auid,
        each: Each::Event,
        wanted: |event| event.auid.is_some(),
    },
    Listing {
        name: "virtual",
        about: "Virtual machines",
        columns: &[C::Time, C::Type, C::Outcome, C::Serial],
        object: C::Type,
        each: Each::Event,
        wanted: |event| has(event, is_virtual),
    },
];

impl Listing {
    /// The list of that name.
    pub fn named(name: &str) -> Option<&'static Listing> {
        LISTINGS.iter().find(|listing| listing.name == name)
    }

    /// Whether the event is one that the list is about.
    pub fn wants(&self, event: &Particulars<'_>) -> bool {
        (self.wanted)(event)
            && match self.each {
                Each::Event => true,
                Each::File => !event.files.is_empty(),
                Each::Key => !event.keys.is_empty(),
                Each::Decision => !event.decisions.is_empty(),
            }
    }

    /// Hands the rows that an event gives to `row`.
    pub fn rows(&self, event: &Particulars<'_>, row: &mut dyn FnMut(Row)) {
        self.cells(event, self.columns, &mut |cells| row(Row { id: event.id, cells }));
    }

    /// Hands the object of each row that an event gives to `object`.
    pub fn objects(&self, event: &Particulars<'_>, object: &mut dyn FnMut(Cell)) {
        self.cells(event, &[self.object], &mut |mut cells| {
            if let Some(cell) = cells.pop() {
                object(cell);
            }
        });
    }

    fn cells(&self, event: &Particulars<'_>, columns: &[Column], give: &mut dyn FnMut(Vec<Cell>)) {
        if !(self.wanted)(event) {
            return;
        }
        let rows = match self.each {
            Each::Event => 1,
            Each::File => event.files.len(),
            Each::Key => event.keys.len(),
            Each::Decision => event.decisions.len(),
        };
        for place in 0..rows {
            give(columns.iter().map(|column| cell(*column, event, place)).collect());
        }
    }
}

/// What an event has in a column; `place` is that of the file, the key or the decision that the row is of.
fn cell(column: Column, event: &Particulars<'_>, place: usize) -> Cell {
    let decision = |part: fn(&Decision<'_>) -> Cell| event.decisions.get(place).map_or(Cell::Missing, part);
    let number = |number: Option<u32>| number.map_or(Cell::Missing, |number| Cell::Number(number.into()));
    let user = |id: Option<u32>| id.map_or(Cell::Missing, Cell::User);
    match column {
        Column::Time => Cell::Time(event.id.time_ms),
        Column::Serial => Cell::Number(event.id.serial.into()),
        Column::Type => Cell::Type(event.kind()),
        Column::Auid => user(event.auid),
        Column::Login => match (event.outcome, &event.account) {
            (Some(false), Some(account)) => Cell::text(Some(account)),
            _ => user(event.auid),
        },
        Column::Account => Cell::text(event.account.as_deref()),
        Column::Outcome => event.outcome.map_or(Cell::Missing, Cell::Outcome),
        Column::Exe => Cell::text(event.exe.as_deref()),
        Column::Comm => Cell::text(event.comm.as_deref()),
        Column::Pid => number(event.pid),
        Column::Session => number(event.session),
        Column::Terminal => Cell::text(event.terminal.as_deref()),
        Column::Host => Cell::text(event.host.as_deref()),
        Column::Syscall => event.call.map_or(Cell::Missing, Cell::Call),
        Column::File => Cell::text(event.files.get(place).map(|file| &**file)),
        Column::Key => Cell::text(event.keys.get(place).map(|key| &**key)),
        Column::Keystrokes => Cell::text(event.keystrokes.as_deref()),
        Column::Subject => decision(|decision| Cell::text(decision.subject)),
        Column::Object => decision(|decision| Cell::text(decision.object)),
        Column::Class => decision(|decision| Cell::text(decision.class)),
        Column::Permissions => decision(|decision| Cell::text(decision.permissions)),
        Column::Granted => decision(|decision| decision.granted.map_or(Cell::Missing, Cell::Outcome)),
    }
}

fn has(event: &Particulars<'_>, wanted: fn(RecordType) -> bool) -> bool {
    event.kinds.iter().any(|kind| wanted(*kind))
}
