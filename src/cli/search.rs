//! `ktrail search` and `ktrail tail`.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use nix::unistd::User;

use super::arguments::{Place, Search, Tail, Wanted};
use super::output::Output;
use super::{exit, time};
use crate::client::Client;
use crate::config::SOCKET_DEFAULT;
use crate::entry::decode::describe;
use crate::entry::field::Field;
use crate::protocol::search::SearchParameters;
use crate::query::filter::{Filter, Op};
use crate::query::run::{self, Order, Query, REMOVED, Ran};
use crate::render::zone;
use crate::store::Reader;

pub(super) fn search(place: &Place, arguments: &Search) -> anyhow::Result<u8> {
    let at = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, zone::now)).transpose();
    let query = Query {
        filter: filter(&arguments.wanted)?,
        since_ms: at(&arguments.since)?,
        until_ms: at(&arguments.until)?,
        order: if arguments.reverse { Order::Newest } else { Order::Oldest },
        limit: arguments.limit,
        after: None,
    };
    if arguments.count {
        let count = count(place, &query)?;
        println!("{count}");
        return Ok(if count > 0 { exit::FOUND } else { exit::NOTHING });
    }
    let mut output = Output::new(&arguments.written, false);
    let mut failed = None;
    let mut take = |line: &[u8]| match output.entry(line) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let count = match &place.log_dir {
        Some(dir) => {
            told("ktrail", run::run(&open(dir)?.snapshot(), &query, &mut |_, line| take(line))?).matched
        }
        None => client(place)?.search(&parameters(&query), &mut take)?,
    };
    if let Some(error) = failed {
        return Err(error);
    }
    output.finish()?;
    Ok(if count > 0 { exit::FOUND } else { exit::NOTHING })
}

fn count(place: &Place, query: &Query) -> anyhow::Result<u64> {
    Ok(match &place.log_dir {
        Some(dir) => told("ktrail", run::count(&open(dir)?.snapshot(), query)?).matched,
        None => client(place)?.count(&parameters(query))?,
    })
}

pub(super) fn tail(place: &Place, arguments: &Tail) -> anyhow::Result<u8> {
    if place.log_dir.is_some() && place.socket.is_none() {
        bail!("tail follows a daemon: name its socket with --socket, or use tail -F DIR/audit.jsonl");
    }
    let query = Query { filter: filter(&arguments.wanted)?, limit: arguments.limit, ..Query::default() };
    let mut output = Output::new(&arguments.written, true);
    let mut failed = None;
    let count = client(place)?.tail(&parameters(&query), &mut |line| match output.entry(line) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(if count > 0 { exit::FOUND } else { exit::NOTHING }), Err)
}

/// A client of the daemon.
pub(super) fn client(place: &Place) -> anyhow::Result<Client> {
    let socket = place.socket.as_deref().unwrap_or(Path::new(SOCKET_DEFAULT));
    Ok(Client::new(socket)?)
}

/// What a search of a directory did, under this name of the program. The directory's writer may have removed segments
/// meanwhile, which is told.
pub(super) fn told(program: &str, ran: Ran) -> Ran {
    if ran.removed {
        eprintln!("{program}: {REMOVED}");
    }
    ran
}

pub(super) fn open(dir: &Path) -> anyhow::Result<Reader> {
    open_as("ktrail", dir)
}

/// A log directory, under this name of the program. What is not as it should be there is told.
pub(super) fn open_as(program: &str, dir: &Path) -> anyhow::Result<Reader> {
    let opened = Reader::open(dir, Arc::new(describe));
    let (reader, problems) = opened.with_context(|| format!("cannot open the log in {}", dir.display()))?;
    for problem in problems {
        eprintln!("{program}: {problem}");
    }
    Ok(reader)
}

pub(super) fn parameters(query: &Query) -> SearchParameters {
    SearchParameters {
        filter: query.filter.as_ref().map(Filter::to_string),
        since_ms: query.since_ms,
        until_ms: query.until_ms,
        newest_first: query.order == Order::Newest,
        limit: query.limit,
        after: query.after.map(|cursor| cursor.to_string()),
    }
}

/// What the filter and all options ask for together.
pub(super) fn filter(wanted: &Wanted) -> anyhow::Result<Option<Filter>> {
    let mut parts = Vec::new();
    if let Some(text) = &wanted.filter {
        parts.push(Filter::parse(text)?);
    }
    let uid = wanted.uid.as_deref().map(user).transpose()?;
    let auid = wanted.auid.as_deref().map(user).transpose()?;
    let equal = [
        (Field::Key, &wanted.key),
        (Field::Syscall, &wanted.syscall),
        (Field::Type, &wanted.kind),
        (Field::Uid, &uid),
        (Field::Auid, &auid),
        (Field::Pid, &wanted.pid),
        (Field::Ppid, &wanted.ppid),
        (Field::Session, &wanted.session),
        (Field::Result, &wanted.result),
    ];
    for (field, value) in equal {
        if let Some(value) = value {
            parts.push(Filter::test(field, Op::Equals, value.as_bytes())?);
        }
    }
    for (field, value) in
        [(Field::Exe, &wanted.exe), (Field::Comm, &wanted.comm), (Field::Path, &wanted.path)]
    {
        if let Some(value) = value {
            let (op, value) =
                value.strip_prefix('=').map_or((Op::Contains, value.as_str()), |whole| (Op::Equals, whole));
            parts.push(Filter::test(field, op, value.as_bytes())?);
        }
    }
    Ok(Filter::all(parts))
}

/// A user's id, by number, `unset`, or this host's name for it.
fn user(text: &str) -> anyhow::Result<String> {
    if text == "unset" || text == "-1" || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    match User::from_name(text).ok().flatten() {
        Some(user) => Ok(user.uid.to_string()),
        None => bail!("this host knows no user {text:?}; give a number"),
    }
}
