//! `aulast`: who was logged in from when to when, out of ktrail's log or of auditd's.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use nix::unistd::{Uid, User};

use super::events::{Reading, Source};
use crate::event::Event;
use crate::record::stamp::EventId;
use crate::render::peer::Escape;
use crate::render::raw;
use crate::render::zone;
use crate::report::particulars::Particulars;
use crate::report::stays::{self, End, Stay, Stays, Who};

const USAGE: &str =
    "usage: aulast [--bad] [--debug] [--stdin] [--proof] [--extract] [-f file] [--user name] [--tty tty]";
/// Where `--extract` writes.
const EXTRACT_FILE: &str = "aulast.log";
/// Events kept for `--extract` at most.
const EXTRACT_MAX: usize = 1 << 20;

#[derive(Default)]
struct Options {
    bad: bool,
    debug: bool,
    proof: bool,
    extract: bool,
    stdin: bool,
    file: Option<PathBuf>,
    user: Option<String>,
    tty: Option<Vec<u8>>,
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
            eprintln!("aulast: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Option<Options> {
    let mut options = Options::default();
    let mut left = arguments.into_iter();
    while let Some(argument) = left.next() {
        match argument.to_str()? {
            "--bad" => options.bad = true,
            "--debug" => options.debug = true,
            "--proof" => options.proof = true,
            "--extract" => options.extract = true,
            "--stdin" => options.stdin = true,
            "-f" => options.file = Some(PathBuf::from(left.next()?)),
            "--user" => options.user = Some(left.next()?.into_string().ok()?),
            "--tty" => options.tty = Some(left.next()?.into_encoded_bytes()),
            _ => return None,
        }
    }
    Some(options)
}

fn list(options: &Options) -> anyhow::Result<()> {
    let source = match &options.file {
        _ if options.stdin => Source::Stdin,
        Some(path) => Source::path(path)?,
        None => Source::logs()?,
    };
    let mut output = Output::new(options);
    let mut stays = Stays::default();
    let reading = Reading { program: "aulast", debug: options.debug, ..Reading::default() };
    source.read(&reading, &mut |event, _| {
        let said = Particulars::of(event);
        output.keep(event, &said);
        match options.bad {
            true => stays::failed(event, &said).iter().for_each(|stay| output.stay(stay)),
            false => stays.take(event, &said, &mut |stay| output.stay(&stay)),
        }
        match output.failed {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    })?;
    stays.finish(&mut |stay| output.stay(&stay));
    output.finish()
}

struct Output<'a> {
    options: &'a Options,
    out: BufWriter<StdoutLock<'static>>,
    zone: TimeZone,
    /// The events that a stay may be made of, for `--extract`.
    kept: HashMap<EventId, Event>,
    told: Vec<EventId>,
    failed: Option<io::Error>,
}

impl Output<'_> {
    fn new(options: &Options) -> Output<'_> {
        Output {
            options,
            out: BufWriter::new(io::stdout().lock()),
            zone: zone::local(),
            kept: HashMap::new(),
            told: Vec::new(),
            failed: None,
        }
    }

    fn keep(&mut self, event: &Event, said: &Particulars<'_>) {
        let wanted = matches!(said.kind().0, 1006 | 1106 | 1112 | 1127 | 1128);
        if self.options.extract && wanted && self.kept.len() < EXTRACT_MAX {
            self.kept.insert(event.id, event.clone());
        }
    }

    fn stay(&mut self, stay: &Stay) {
        let name = match &stay.who {
            Who::Host => b"reboot".to_vec(),
            Who::Account(account) => account.clone(),
            Who::User(id) => {
                let user = User::from_uid(Uid::from_raw(*id)).ok().flatten();
                user.map_or_else(|| format!("unknown({id})"), |user| user.name).into_bytes()
            }
        };
        let terminal = stay.terminal.as_deref().unwrap_or(b"?");
        let terminal = terminal.strip_prefix(b"/dev/").unwrap_or(terminal);
        let wanted = stay.who == Who::Host
            || self.options.user.as_ref().is_none_or(|user| user.as_bytes() == name)
                && self.options.tty.as_ref().is_none_or(|tty| {
                    terminal == tty || terminal.strip_prefix(b"tty").is_some_and(|number| number == tty)
                });
        if wanted && self.failed.is_none() {
            self.failed = self.write(stay, &name, terminal).err();
        }
    }

    fn write(&mut self, stay: &Stay, name: &[u8], terminal: &[u8]) -> io::Result<()> {
        let begin = self.time(stay.begin.time_ms);
        let mut line = Vec::new();
        for (text, width) in [(name, 8), (terminal, 12), (stay.host.as_deref().unwrap_or(b"?"), 16)] {
            column(text, width, &mut line);
            line.push(b' ');
        }
        line.extend_from_slice(begin.strftime("%a %b %e %H:%M").to_string().as_bytes());
        let end = match stay.end {
            End::At(id) => {
                let end = self.time(id.time_ms);
                format!(" - {}  ({})", end.strftime("%H:%M"), length(stay.begin, id))
            }
            End::Crash(_) => " - crash".to_owned(),
            End::Gone(_) => "   gone - no logout".to_owned(),
            End::Open if stay.who == Who::Host => " ".to_owned(),
            End::Open => "   still logged in".to_owned(),
        };
        line.extend_from_slice(end.as_bytes());
        line.push(b'\n');
        self.out.write_all(&line)?;
        let last = match stay.end {
            End::At(id) | End::Crash(id) => Some(id),
            End::Gone(_) | End::Open => None,
        };
        self.told.extend([Some(stay.begin), stay.login, last].into_iter().flatten());
        if self.options.proof { self.proof(stay, last) } else { Ok(()) }
    }

    /// By which events the line before can be proved.
    fn proof(&mut self, stay: &Stay, last: Option<EventId>) -> io::Result<()> {
        let serial = |id: Option<EventId>| id.map_or(0, |id| id.serial);
        match stay.who {
            Who::Account(_) => {
                writeln!(self.out, "    audit event proof serial number: {}", stay.begin.serial)?;
            }
            _ => {
                let (first, login, last) = (stay.begin.serial, serial(stay.login), serial(last));
                writeln!(self.out, "    audit event proof serial numbers: {first}, {login}, {last}")?;
            }
        }
        let end = match stay.end {
            End::At(id) | End::Crash(id) | End::Gone(id) => self.time(id.time_ms),
            End::Open => zone::now(),
        };
        let begin = self.time(stay.begin.time_ms);
        let form = "%m/%d/%y %H:%M:%S";
        let (begin, end) = (begin.strftime(form).to_string(), end.strftime(form).to_string());
        writeln!(self.out, "    Session data can be found with this search:")?;
        write!(self.out, "    ausearch --start {begin} --end {end}")?;
        if let Who::Account(_) = stay.who {
            if let Some(session) = stay.session {
                write!(self.out, " --session {session}")?;
            }
            write!(self.out, " -a {}", stay.begin.serial)?;
        }
        writeln!(self.out, "\n")
    }

    fn time(&self, time_ms: u64) -> Zoned {
        let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::MAX).to_zoned(self.zone.clone())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        self.out.flush()?;
        if self.options.extract {
            let written = File::create(EXTRACT_FILE).and_then(|file| {
                let mut file = BufWriter::new(file);
                for event in self.told.iter().filter_map(|id| self.kept.get(id)) {
                    raw::write(event, &mut file)?;
                }
                file.flush()
            });
            written.with_context(|| format!("cannot write {EXTRACT_FILE}"))?;
        }
        Ok(())
    }
}

/// The text in so many places, cut or filled up.
pub(super) fn column(text: &[u8], width: usize, line: &mut Vec<u8>) {
    let cut = text.get(..width).unwrap_or(text);
    let start = line.len();
    Escape::Tty.write(cut, line);
    let end = start + width;
    if line.len() < end {
        line.resize(end, b' ');
    }
}

/// `00:45`, or `3+01:01` with days.
fn length(begin: EventId, end: EventId) -> String {
    let minutes = (end.time_ms / 1000).saturating_sub(begin.time_ms / 1000) / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}"),
        days => format!("{days}+{hours:02}:{minutes:02}"),
    }
}
