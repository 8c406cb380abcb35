//! The tables `[output.NAME]` as they are written, and the outputs made of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Invalid;
use super::file::{Loopback, Name};
use super::reference;
use super::settings::group;
use crate::outputs::form::Form;
use crate::outputs::{self, Kind, journal, plugin, socket, syslog, text_log};
use crate::query::filter::Filter;

/// The longest name of an output: it is a thread's name and stands in events.
const NAME_BYTES_MAX: usize = 32;

/// One output, by its `type`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Output {
    Log(TextLog),
    Plugin(Plugin),
    Plugins(Plugins),
    Syslog(Syslog),
    Journal(Journal),
    Socket(Socket),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Records {
    Raw,
    Enriched,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Text {
    Json,
    Raw,
    Enriched,
    Line,
}

impl From<Text> for Form {
    fn from(text: Text) -> Form {
        match text {
            Text::Json => Form::Json,
            Text::Raw => Form::Raw,
            Text::Enriched => Form::Enriched,
            Text::Line => Form::Line,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnMax {
    Rotate,
    Keep,
    Ignore,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Framing {
    String,
    Binary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Transport {
    Unix,
    Udp,
    Tcp,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TextLog {
    filter: Option<String>,
    queue_events: u64,
    path: PathBuf,
    format: Records,
    max_bytes: u64,
    on_max: OnMax,
    files: u32,
    group: Option<String>,
}

impl Default for TextLog {
    fn default() -> TextLog {
        TextLog {
            filter: None,
            queue_events: QUEUE_EVENTS,
            path: PathBuf::from("/var/log/audit/audit.log"),
            format: Records::Enriched,
            max_bytes: 8 << 20,
            on_max: OnMax::Rotate,
            files: 5,
            group: None,
        }
    }
}

/// Events that wait at most where nothing else is said: some seconds of a busy host, and at most 64 MiB.
const QUEUE_EVENTS: u64 = 8192;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Plugin {
    filter: Option<String>,
    queue_events: u64,
    path: PathBuf,
    args: Vec<String>,
    format: Framing,
    records: Records,
    max_restarts: u32,
}

impl Default for Plugin {
    fn default() -> Plugin {
        Plugin {
            filter: None,
            queue_events: QUEUE_EVENTS,
            path: PathBuf::new(),
            args: Vec::new(),
            format: Framing::String,
            records: Records::Enriched,
            max_restarts: 10,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Plugins {
    filter: Option<String>,
    queue_events: u64,
    dir: PathBuf,
    records: Records,
    max_restarts: u32,
}

impl Default for Plugins {
    fn default() -> Plugins {
        Plugins {
            filter: None,
            queue_events: QUEUE_EVENTS,
            dir: PathBuf::from("/etc/audit/plugins.d"),
            records: Records::Enriched,
            max_restarts: 10,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Syslog {
    filter: Option<String>,
    queue_events: u64,
    transport: Transport,
    path: PathBuf,
    address: Option<Loopback>,
    format: Text,
    facility: String,
    severity: String,
    max_bytes: u64,
}

impl Default for Syslog {
    fn default() -> Syslog {
        Syslog {
            filter: None,
            queue_events: QUEUE_EVENTS,
            transport: Transport::Unix,
            path: PathBuf::from("/dev/log"),
            address: None,
            format: Text::Json,
            facility: "authpriv".to_owned(),
            severity: "info".to_owned(),
            max_bytes: 8192,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Journal {
    filter: Option<String>,
    queue_events: u64,
    path: PathBuf,
    format: Text,
    facility: String,
    severity: String,
    max_bytes: u64,
}

impl Default for Journal {
    fn default() -> Journal {
        Journal {
            filter: None,
            queue_events: QUEUE_EVENTS,
            path: PathBuf::from("/run/systemd/journal/socket"),
            format: Text::Line,
            facility: "authpriv".to_owned(),
            severity: "info".to_owned(),
            max_bytes: 48 << 10,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Socket {
    filter: Option<String>,
    queue_events: u64,
    path: PathBuf,
    mode: String,
    group: Option<String>,
    max_clients: u64,
    format: Text,
}

impl Default for Socket {
    fn default() -> Socket {
        Socket {
            filter: None,
            queue_events: QUEUE_EVENTS,
            path: PathBuf::from("/run/ktrail/events.sock"),
            mode: "0600".to_owned(),
            group: None,
            max_clients: 8,
            format: Text::Json,
        }
    }
}

/// A default output of every kind, by its name, for the reference.
#[cfg(test)]
pub(super) fn defaults() -> Vec<Output> {
    vec![
        Output::Log(TextLog::default()),
        Output::Plugin(Plugin::default()),
        Output::Plugins(Plugins::default()),
        Output::Syslog(Syslog::default()),
        Output::Journal(Journal::default()),
        Output::Socket(Socket::default()),
    ]
}

/// What is wrong with an output: the setting, without the table of its name, and why.
type Wrong = (&'static str, Invalid);

/// The output of this name. `node` is how events name this host.
pub(super) fn output(name: &str, output: &Output, node: &Name) -> Result<outputs::Config, Wrong> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(good) {
        return Err(("", Invalid::OutputName(NAME_BYTES_MAX)));
    }
    let (filter, queue_events) = match output {
        Output::Log(TextLog { filter, queue_events, .. })
        | Output::Plugin(Plugin { filter, queue_events, .. })
        | Output::Plugins(Plugins { filter, queue_events, .. })
        | Output::Syslog(Syslog { filter, queue_events, .. })
        | Output::Journal(Journal { filter, queue_events, .. })
        | Output::Socket(Socket { filter, queue_events, .. }) => (filter, *queue_events),
    };
    let filter = filter.as_deref().map(Filter::parse).transpose();
    let filter = filter.map_err(|error| ("filter", Invalid::Filter(error)))?;
    let queue_events = within(output, "queue_events", queue_events)?;
    Ok(outputs::Config {
        name: name.to_owned(),
        filter,
        queue_events: size(queue_events),
        kind: kind(output, node)?,
    })
}

fn kind(output: &Output, node: &Name) -> Result<Kind, Wrong> {
    let group = |name: &Option<String>| group(name).map_err(|cause| ("group", cause));
    Ok(match output {
        Output::Log(own) => Kind::TextLog(text_log::Config {
            path: absolute("path", &own.path)?,
            form: if is_enriched(own.format) { Form::Enriched } else { Form::Raw },
            max_bytes: within(output, "max_bytes", own.max_bytes)?,
            on_max: match own.on_max {
                OnMax::Rotate => text_log::OnMax::Rotate,
                OnMax::Keep => text_log::OnMax::Keep,
                OnMax::Ignore => text_log::OnMax::Ignore,
            },
            files: u32::try_from(within(output, "files", u64::from(own.files))?).unwrap_or(u32::MAX),
            group: group(&own.group)?,
        }),
        Output::Plugin(own) => Kind::Plugin(plugin::Config {
            path: absolute("path", &own.path)?,
            arguments: own.args.clone(),
            framing: match own.format {
                Framing::String => plugin::Framing::Text,
                Framing::Binary => plugin::Framing::Binary,
            },
            enriched: is_enriched(own.records),
            restarts_max: own.max_restarts,
        }),
        Output::Plugins(plugins) => Kind::Plugins(outputs::Plugins {
            dir: absolute("dir", &plugins.dir)?,
            enriched: is_enriched(plugins.records),
            restarts_max: plugins.max_restarts,
        }),
        Output::Syslog(own) => Kind::Syslog(syslog::Config {
            transport: transport(own)?,
            facility: facility(&own.facility)?,
            severity: severity(&own.severity)?,
            form: own.format.into(),
            max_bytes: size(within(output, "max_bytes", own.max_bytes)?),
            host: match node {
                Name::Text(name) => name.clone(),
                _ => nix::unistd::gethostname()
                    .map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned()),
            },
        }),
        Output::Journal(own) => Kind::Journal(journal::Config {
            path: absolute("path", &own.path)?,
            facility: facility(&own.facility)?,
            severity: severity(&own.severity)?,
            form: own.format.into(),
            max_bytes: size(within(output, "max_bytes", own.max_bytes)?),
        }),
        Output::Socket(own) => Kind::Socket(socket::Config {
            path: absolute("path", &own.path)?,
            mode: mode(&own.mode)?,
            group: group(&own.group)?,
            clients_max: size(within(output, "max_clients", own.max_clients)?),
            form: own.format.into(),
        }),
    })
}

fn is_enriched(records: Records) -> bool {
    matches!(records, Records::Enriched)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A number that the reference allows.
fn within(output: &Output, setting: &'static str, value: u64) -> Result<u64, Wrong> {
    let (least, most) = reference::range(&format!("output[{}].{setting}", type_name(output)));
    match value {
        _ if value < least => Err((setting, Invalid::TooSmall { value, least })),
        _ if value > most => Err((setting, Invalid::TooLarge { value, most })),
        _ => Ok(value),
    }
}

/// The word after `type =`.
pub(super) fn type_name(output: &Output) -> &'static str {
    match output {
        Output::Log(_) => "log",
        Output::Plugin(_) => "plugin",
        Output::Plugins(_) => "plugins",
        Output::Syslog(_) => "syslog",
        Output::Journal(_) => "journal",
        Output::Socket(_) => "socket",
    }
}

fn absolute(setting: &'static str, path: &Path) -> Result<PathBuf, Wrong> {
    match path.is_absolute() {
        true => Ok(path.to_owned()),
        false => Err((setting, Invalid::Relative(path.to_owned()))),
    }
}

fn transport(own: &Syslog) -> Result<syslog::Transport, Wrong> {
    let address = || -> Result<SocketAddr, Wrong> {
        own.address.map(|Loopback(address)| address).ok_or(("address", Invalid::NoAddress))
    };
    Ok(match own.transport {
        Transport::Unix => syslog::Transport::Unix(absolute("path", &own.path)?),
        Transport::Udp => syslog::Transport::Udp(address()?),
        Transport::Tcp => syslog::Transport::Tcp(address()?),
    })
}

fn facility(name: &str) -> Result<syslog::Facility, Wrong> {
    number(&syslog::FACILITIES, name)
        .map(syslog::Facility)
        .ok_or(("facility", Invalid::Word(name.to_owned())))
}

fn severity(name: &str) -> Result<syslog::Severity, Wrong> {
    number(&syslog::SEVERITIES, name)
        .map(syslog::Severity)
        .ok_or(("severity", Invalid::Word(name.to_owned())))
}

fn number(names: &[&str], name: &str) -> Option<u8> {
    names.iter().position(|known| *known == name).and_then(|place| u8::try_from(place).ok())
}

/// Octal digits, of permissions only.
fn mode(text: &str) -> Result<u32, Wrong> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or(("mode", Invalid::Mode(text.to_owned())))
}
