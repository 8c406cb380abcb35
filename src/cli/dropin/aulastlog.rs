//! `aulastlog`: the last login of every user of the host, out of ktrail's log or of auditd's.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::aulast::column;
use super::events::{Reading, Source};
use crate::render::zone;
use crate::report::particulars::Particulars;
use crate::report::stays;

const USAGE: &str = "usage: aulastlog [--stdin] [--user name]";
/// The users of the host.
const USERS_FILE: &str = "/etc/passwd";
/// Users whose last login is kept at most.
const USERS_MAX: usize = 1 << 20;

#[derive(Default)]
struct Options {
    stdin: bool,
    user: Option<String>,
}

struct Login {
    time_ms: u64,
    terminal: Vec<u8>,
    host: Vec<u8>,
}

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    let Some(options) = parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(1);
    };
    match list(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if crate::cli::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aulastlog: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Option<Options> {
    let mut options = Options::default();
    let mut left = arguments.into_iter();
    while let Some(argument) = left.next() {
        match argument.to_str()? {
            "--stdin" => options.stdin = true,
            "-u" | "--user" => options.user = Some(left.next()?.into_string().ok()?),
            _ => return None,
        }
    }
    Some(options)
}

fn list(options: &Options) -> anyhow::Result<()> {
    let mut users = users()?;
    if let Some(wanted) = &options.user {
        users.retain(|(name, _)| name == wanted);
        if users.is_empty() {
            bail!("this host knows no user {wanted:?}");
        }
    }
    let source = if options.stdin { Source::Stdin } else { Source::logs()? };
    let mut last: HashMap<u32, Login> = HashMap::new();
    source.read(&Reading { program: "aulastlog", ..Reading::default() }, &mut |event, _| {
        let said = Particulars::of(event);
        if let Some(id) = stays::logged_in(event, &said)
            && (last.len() < USERS_MAX || last.contains_key(&id))
            && last.get(&id).is_none_or(|login| login.time_ms <= event.id.time_ms)
        {
            let text = |text: Option<&[u8]>| text.unwrap_or(b"?").to_vec();
            let (terminal, host) = (text(said.terminal.as_deref()), text(said.host.as_deref()));
            last.insert(id, Login { time_ms: event.id.time_ms, terminal, host });
        }
        ControlFlow::Continue(())
    })?;
    write(&users, &last)
}

/// The names and numbers of the host's users, in the order of its list.
fn users() -> anyhow::Result<Vec<(String, u32)>> {
    let text = std::fs::read_to_string(USERS_FILE).with_context(|| format!("cannot read {USERS_FILE}"))?;
    let user = |line: &str| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some((name.to_owned(), id.parse().ok()?))
    };
    Ok(text.lines().filter_map(user).collect())
}

fn write(users: &[(String, u32)], last: &HashMap<u32, Login>) -> anyhow::Result<()> {
    let zone = zone::local();
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{:<16} {:<12} {:<26} Latest", "Username", "Port", "From")?;
    for (name, id) in users {
        let mut line = Vec::new();
        let login = last.get(id);
        let (terminal, host) = login.map_or((&b""[..], &b""[..]), |login| (&login.terminal, &login.host));
        for (text, width) in [(name.as_bytes(), 16), (terminal, 12), (host, 26)] {
            column(text, width, &mut line);
            line.push(b' ');
        }
        let time = login.and_then(|login| {
            let timestamp = Timestamp::from_millisecond(i64::try_from(login.time_ms).ok()?).ok()?;
            Some(timestamp.to_zoned(zone.clone()).strftime("%m/%d/%y %H:%M:%S").to_string())
        });
        line.extend_from_slice(time.as_deref().unwrap_or("**Never logged in**").as_bytes());
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()?;
    Ok(())
}
