//! Searches in ktrail's store: what has an index is asked of it, the rest of each hit.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;

use super::checkpoint::{self, Checkpoint, Place};
use super::options::Options;
use super::output::Output;
use super::wanted::{Identity, Wanted};
use crate::cli::search::{open_as, told};
use crate::client::Client;
use crate::config::{Config, Overrides};
use crate::entry::decode::decode;
use crate::entry::field::Field;
use crate::protocol::search::SearchParameters;
use crate::query::filter::{Filter, Op};
use crate::query::run::{self, Cursor, Query};
use crate::store::Position;
use crate::tables::{self, Arch};

/// The environment variable that names the log directory.
const LOG_DIR_VARIABLE: &str = "KTRAIL_LOG_DIR";

/// The environment variable that names the daemon's socket.
const SOCKET_VARIABLE: &str = "KTRAIL_SOCKET";

/// Milliseconds by which an event may be older than one that was stored before it: a system call has the time of its
/// beginning, and few take longer than an hour.
const DISORDER_MS: u64 = 3_600_000;

/// Values that records have for "nothing", which the index leaves out.
const NOTHINGS: [&[u8]; 4] = [b"(null)", b"(none)", b"?", b""];

/// Writes the events that are wanted. Gives the last one that was looked at.
pub(super) fn search(
    options: &Options,
    after: Option<Checkpoint>,
    output: &mut Output,
) -> anyhow::Result<Option<Checkpoint>> {
    let path = |variable| std::env::var_os(variable).map(PathBuf::from);
    let (log_dir, socket) = (path(LOG_DIR_VARIABLE), path(SOCKET_VARIABLE));
    let overrides = Overrides { log_dir, socket, ..Overrides::default() };
    let config = Config::load(&overrides)?;
    let query = query(options, after.as_ref());
    let dir = &config.store.dir;
    // A cursor says where to go on; without one the event itself is looked for.
    let after = after.filter(|_| query.after.is_none());
    let mut search = Search { options, after, last: None, failed: None, output };
    if std::fs::read_dir(dir).is_ok() {
        let reader = open_as("ausearch", dir)?;
        let ran =
            run::run(&reader.snapshot(), &query, &mut |position, line| search.entry(Some(position), line))?;
        told("ausearch", ran);
    } else {
        let client = Client::new(&config.socket)?;
        let parameters = SearchParameters {
            filter: query.filter.as_ref().map(Filter::to_string),
            since_ms: query.since_ms,
            until_ms: query.until_ms,
            newest_first: false,
            limit: None,
            after: query.after.map(|cursor| cursor.to_string()),
        };
        let unreadable = || format!("cannot read {} either", dir.display());
        client.search(&parameters, &mut |line| search.entry(None, line)).with_context(unreadable)?;
    }
    match search.failed {
        Some(error) => Err(error),
        None if search.after.is_some() => Err(checkpoint::Error::Lost.into()),
        None => Ok(search.last),
    }
}

struct Search<'a> {
    options: &'a Options,
    after: Option<Checkpoint>,
    last: Option<Checkpoint>,
    failed: Option<anyhow::Error>,
    output: &'a mut Output,
}

impl Search<'_> {
    fn entry(&mut self, position: Option<Position>, line: &[u8]) -> ControlFlow<()> {
        match self.write(position, line) {
            Ok(flow) => flow,
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn write(&mut self, position: Option<Position>, line: &[u8]) -> anyhow::Result<ControlFlow<()>> {
        let stored = decode(line).context("an entry of the log cannot be read")?;
        if let Some(after) = &self.after {
            if after.is(&stored.event) {
                self.after = None;
            }
            return Ok(ControlFlow::Continue(()));
        }
        if self.options.checkpoint.is_some() {
            let place = position.map_or(Place::None, |position| Place::Store(Cursor(position)));
            self.last = Some(Checkpoint::of(&stored.event, place));
        }
        if !self.options.wanted.accepts(&stored.event) {
            return Ok(ControlFlow::Continue(()));
        }
        self.output.event(stored.event, stored.names)?;
        Ok(if self.options.just_one { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

fn query(options: &Options, after: Option<&Checkpoint>) -> Query {
    let wanted = &options.wanted;
    let cursor = after.and_then(|after| match after.place {
        Place::Store(cursor) => Some(cursor),
        _ => None,
    });
    let since_ms = wanted.since_s.map(|seconds| seconds.saturating_mul(1000));
    // To find the event again; what is stored after it may be older, but not by much.
    let again_ms =
        after.filter(|_| cursor.is_none()).map(|after| after.id.time_ms.saturating_sub(DISORDER_MS));
    Query {
        filter: filter(wanted),
        since_ms: since_ms.max(again_ms),
        until_ms: wanted.until_s.map(|seconds| seconds.saturating_mul(1000).saturating_add(999)),
        after: cursor,
        ..Query::default()
    }
}

/// What the index can tell of the conditions: no event that meets them all is left out by it.
fn filter(wanted: &Wanted) -> Option<Filter> {
    let mut parts = Vec::new();
    let op = if wanted.whole_words { Op::Equals } else { Op::Contains };
    let texts = [
        (Field::Key, &wanted.key),
        (Field::Exe, &wanted.exe),
        (Field::Comm, &wanted.comm),
        (Field::Terminal, &wanted.terminal),
    ];
    for (field, text) in texts {
        parts.extend(text.as_deref().filter(|text| !is_nothing(text)).and_then(|text| test(field, op, text)));
    }
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    for (field, number) in [(Field::Pid, number(wanted.pid)), (Field::Ppid, number(wanted.ppid))] {
        parts.extend(number.and_then(|number| test(field, Op::Equals, number.as_bytes())));
    }
    parts.extend(wanted.session.and_then(|id| is_id(&[Field::Session], id)));
    let identities: [(&[Field], &Option<Identity>); 7] = [
        (&[Field::Uid], &wanted.uid),
        (&[Field::Euid], &wanted.euid),
        (&[Field::Auid], &wanted.auid),
        (&[Field::Uid, Field::Euid, Field::Auid], &wanted.uid_any),
        (&[Field::Gid], &wanted.gid),
        (&[Field::Egid], &wanted.egid),
        (&[Field::Gid, Field::Egid], &wanted.gid_any),
    ];
    for (fields, identity) in identities {
        parts.extend(identity.as_ref().and_then(|identity| is_id(fields, identity.id)));
    }
    if let Some(success) = wanted.success {
        let outcome = test(Field::Result, Op::Equals, if success { b"ok" } else { b"fail" });
        parts.extend(or_types(outcome, &["AVC", "USER_AVC"]));
    }
    if let Some(host) = wanted.host.as_deref().filter(|host| !is_nothing(host)) {
        parts.extend(or_types(test(Field::Host, op, host), &["NETFILTER_PKT"]));
    }
    let errno = wanted.exit.and_then(i64::checked_neg).and_then(|errno| u32::try_from(errno).ok());
    if let Some(name) = errno.and_then(tables::errno_name) {
        parts.extend(test(Field::Errno, Op::Equals, name.as_bytes()));
    }
    parts.extend(wanted.syscall.and_then(is_syscall));
    parts.extend(any(Field::Node, wanted.nodes.iter().map(Vec::as_slice)));
    if let Some(types) = wanted.types.as_ref().filter(|_| !wanted.types_any) {
        let names: Vec<String> = types.iter().map(ToString::to_string).collect();
        parts.extend(any(Field::Type, names.iter().map(String::as_bytes)));
    }
    if let Some(file) = wanted.file.as_deref().filter(|file| !is_nothing(file)) {
        // Working directories are asked too, and disks of virtual machines.
        let named = test(Field::Path, Op::Contains, file);
        parts.extend(or_types(named, &["CWD", "USER_CMD", "VIRT_RESOURCE"]));
    }
    Filter::all(parts)
}

/// A test of the index; `None` for a value longer than any that it holds.
fn test(field: Field, op: Op, value: &[u8]) -> Option<Filter> {
    Filter::test(field, op, value).ok()
}

/// The test, or one of these record types, which tell the same in fields that are not in the index.
fn or_types(test: Option<Filter>, types: &[&str]) -> Option<Filter> {
    let types = any(Field::Type, types.iter().map(|name| name.as_bytes()))?;
    Filter::any(vec![test?, types])
}

fn any<'a>(field: Field, values: impl Iterator<Item = &'a [u8]>) -> Option<Filter> {
    let tests: Option<Vec<Filter>> = values.map(|value| test(field, Op::Equals, value)).collect();
    Filter::any(tests?)
}

/// Whether the text may be part of a value that stands for nothing, which is not in the index.
fn is_nothing(text: &[u8]) -> bool {
    NOTHINGS.iter().any(|nothing| memchr::memmem::find(nothing, text).is_some())
}

/// One of the fields is this id. That which is not set matches also where there is none.
fn is_id(fields: &[Field], id: u32) -> Option<Filter> {
    let text = id.to_string();
    let tests = fields.iter().filter_map(|field| test(*field, Op::Equals, text.as_bytes()));
    if id == u32::MAX { None } else { Filter::any(tests.collect()) }
}

/// The system call of that number, by the name that each machine has for it.
fn is_syscall(number: u64) -> Option<Filter> {
    let small = u32::try_from(number).ok();
    let mut names: Vec<String> = vec![number.to_string()];
    names.extend(Arch::ALL.iter().filter_map(|arch| Some(tables::syscall_name(*arch, small?)?.to_owned())));
    names.sort();
    names.dedup();
    any(Field::Syscall, names.iter().map(String::as_bytes))
}
