//! The configuration file: its syntax, its defaults, and each module's own settings made from it.

pub mod error;
mod file;

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use error::{Error, Invalid};
use file::{Flush, Loopback, Name};
use nix::unistd::{Gid, Group};

use crate::event::assembler;
use crate::netlink::events;
use crate::store;

/// Where the configuration is read from when no other file is named.
pub const FILE_DEFAULT: &str = "/etc/ktrail/ktrail.toml";
/// Where the log is kept when nothing else is said.
pub const LOG_DIR_DEFAULT: &str = "/var/log/ktrail";
/// Where the local API listens when nothing else is said.
pub const SOCKET_DEFAULT: &str = "/run/ktrail/ktrail.sock";

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket of the local API.
    pub socket: PathBuf,
    /// The group whose members may read the log.
    pub readers: Option<Gid>,
    /// The loopback address and port at which metrics are served without asking who reads them.
    pub metrics: Option<SocketAddr>,
    /// What is written as `node=` into events.
    pub node: Option<Box<[u8]>>,
    /// The event socket.
    pub events: events::Config,
    /// The assembler.
    pub assembler: assembler::Config,
    /// The store.
    pub store: store::Config,
    /// What is done when the log's file system has little space left.
    pub space: Space,
    /// What is asked of the kernel.
    pub kernel: Kernel,
    /// Directories of rules files, read in this order, each in the order of names.
    pub rules_dirs: Vec<PathBuf>,
    /// What is done when others change the rules.
    pub on_drift: OnDrift,
    /// Whether names of ids are looked up.
    pub names: bool,
    /// The daemon's own log.
    pub diagnostics: Diagnostics,
    /// What the daemon gives up.
    pub confine: Confine,
}

/// What is asked of the kernel's audit subsystem while the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Messages the kernel may queue before it holds producers back.
    pub backlog_limit: u32,
    /// How long the kernel holds a producer back at most, in its clock ticks; `None` leaves it.
    pub backlog_wait_time: Option<u32>,
}

/// How much space is kept free and what is done when it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that are to stay free on the log's file system; 0 for any.
    pub min_free_bytes: u64,
    /// What is done with less.
    pub policy: LowSpace,
}

/// What is done when there is less space than is to stay free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowSpace {
    /// The oldest segments are removed.
    Rotate,
    /// Nothing is written until there is space again: the kernel queues what it sends, and then holds producers back.
    Hold,
    /// A command is run, once each time that space runs low: a program's absolute path and its arguments.
    Run(Vec<String>),
    /// The same, meant to stop the system. What came before is written and synced first.
    Halt(Vec<String>),
}

impl LowSpace {
    /// The command that is run.
    pub fn command(&self) -> Option<&[String]> {
        match self {
            LowSpace::Rotate | LowSpace::Hold => None,
            LowSpace::Run(command) | LowSpace::Halt(command) => Some(command),
        }
    }
}

/// What is done when others change the kernel's rules while the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDrift {
    /// It is told.
    Tell,
    /// It is told, and the rules are made again what they were.
    Repair,
}

/// Where the daemon tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter by module.
    pub level: String,
    /// The directory of the rolling file; none is written when there is no directory.
    pub dir: Option<PathBuf>,
    /// Daily files that are kept.
    pub files: usize,
}

/// What the daemon gives up when it starts, and what it keeps beside what it needs in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confine {
    /// Whether.
    pub mode: ConfineMode,
    /// Whether the paths that can be opened are limited.
    pub limit_paths: bool,
    /// Capabilities that are kept, by number (`linux/capability.h`).
    pub capabilities: Vec<u8>,
    /// Paths below which files may be read.
    pub read: Vec<PathBuf>,
    /// Paths below which files may be written and made.
    pub write: Vec<PathBuf>,
    /// Paths below which programs may be executed.
    pub execute: Vec<PathBuf>,
}

/// Whether the daemon gives up what it does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfineMode {
    /// As far as the kernel can.
    BestEffort,
    /// All of it, or the daemon does not start.
    Required,
    /// Nothing is given up.
    Off,
}

/// What a command line says over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--log-dir`.
    pub log_dir: Option<PathBuf>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
}

impl Config {
    /// Reads the file, if there is one: its absence is an error only when it was named.
    pub fn load(overrides: &Overrides) -> Result<Config, Error> {
        let (path, named) = match &overrides.file {
            Some(path) => (path.as_path(), true),
            None => (Path::new(FILE_DEFAULT), false),
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => String::new(),
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
        };
        Config::parse(&text, path, overrides)
    }

    /// Reads the text of a file; `path` is for messages.
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Config, Error> {
        let file: file::File = toml::from_str(text).map_err(|error| Error::syntax(path, text, &error))?;
        let invalid =
            |setting: &'static str, cause: Invalid| Error::Invalid { path: path.to_owned(), setting, cause };
        let group = |setting: &'static str, name: &Option<String>| -> Result<Option<Gid>, Error> {
            let Some(name) = name else { return Ok(None) };
            let found = Group::from_name(name).ok().flatten();
            found.map(|group| Some(group.gid)).ok_or_else(|| invalid(setting, Invalid::Group(name.clone())))
        };
        let at_least = |setting: &'static str, value: u64, least: u64| match value {
            value if value >= least => Ok(value),
            value => Err(invalid(setting, Invalid::TooSmall { value, least })),
        };
        let log_dir = overrides.log_dir.clone().unwrap_or(file.log_dir);
        for (setting, path) in [("log_dir", &log_dir), ("socket", &file.socket)] {
            if overrides.log_dir.is_none() && !path.is_absolute() {
                return Err(invalid(setting, Invalid::Relative(path.clone())));
            }
        }
        let space = space(&file.store).map_err(|cause| invalid("store.low_space_command", cause))?;
        let store = store::Config {
            dir: log_dir,
            rotate_bytes: at_least("store.rotate_bytes", file.store.rotate_bytes, 1 << 20)?,
            rotate_age: seconds(file.store.rotate_age_s),
            retain_bytes: (file.store.retain_bytes > 0).then_some(file.store.retain_bytes),
            retain_age: seconds(file.store.retain_age_s),
            flush: match file.store.flush {
                Flush::None => store::Flush::None,
                Flush::Interval => {
                    let least = at_least("store.flush_interval_ms", file.store.flush_interval_ms, 1)?;
                    store::Flush::Interval(Duration::from_millis(least))
                }
                Flush::EveryEvent => store::Flush::EveryEvent,
            },
            group: group("store.group", &file.store.group)?,
            min_free_bytes: Some(space.min_free_bytes)
                .filter(|bytes| *bytes > 0 && space.policy == LowSpace::Rotate),
            ..store::Config::default()
        };
        let buffer = at_least("kernel.receive_buffer_bytes", file.kernel.receive_buffer_bytes, 64 << 10)?;
        let idle_ms = at_least("events.idle_ms", file.events.idle_ms, 10)?;
        Ok(Config {
            socket: overrides.socket.clone().unwrap_or(file.socket),
            readers: group("readers", &file.readers)?,
            metrics: file.metrics_listen.map(|Loopback(address)| address),
            node: node(&file.node),
            events: events::Config { receive_buffer_bytes: usize::try_from(buffer).unwrap_or(usize::MAX) },
            assembler: assembler::Config { syscall_idle_ms: idle_ms, ..assembler::Config::default() },
            store,
            space,
            kernel: Kernel {
                backlog_limit: file.kernel.backlog_limit,
                backlog_wait_time: file.kernel.backlog_wait_time,
            },
            rules_dirs: file.rules_dirs,
            on_drift: on_drift(file.rules.on_drift),
            names: file.events.names,
            confine: confine(&file.confine).map_err(|(setting, cause)| invalid(setting, cause))?,
            diagnostics: Diagnostics {
                level: file.diagnostics.level,
                dir: file.diagnostics.dir,
                files: file.diagnostics.files,
            },
        })
    }
}

/// A time in seconds, of which 0 is none.
fn seconds(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn on_drift(choice: file::OnDrift) -> OnDrift {
    match choice {
        file::OnDrift::Tell => OnDrift::Tell,
        file::OnDrift::Repair => OnDrift::Repair,
    }
}

fn confine(file: &file::Confine) -> Result<Confine, (&'static str, Invalid)> {
    let lists =
        [("confine.read", &file.read), ("confine.write", &file.write), ("confine.execute", &file.execute)];
    for (setting, paths) in lists {
        if let Some(path) = paths.iter().find(|path| !path.is_absolute()) {
            return Err((setting, Invalid::Relative(path.clone())));
        }
    }
    let number = |name: &String| {
        let found = format!("CAP_{}", name.to_ascii_uppercase()).parse::<caps::Capability>();
        found
            .map(|found| found.index())
            .map_err(|_| ("confine.capabilities", Invalid::Capability(name.clone())))
    };
    Ok(Confine {
        mode: match file.mode {
            file::Mode::BestEffort => ConfineMode::BestEffort,
            file::Mode::Required => ConfineMode::Required,
            file::Mode::Off => ConfineMode::Off,
        },
        limit_paths: file.limit_paths,
        capabilities: file.capabilities.iter().map(number).collect::<Result<_, _>>()?,
        read: file.read.clone(),
        write: file.write.clone(),
        execute: file.execute.clone(),
    })
}

fn space(store: &file::Store) -> Result<Space, Invalid> {
    let (policy, mut command) = (store.on_low_space, store.low_space_command.clone());
    let runs = matches!(policy, file::LowSpace::Run | file::LowSpace::Halt);
    if policy == file::LowSpace::Halt && command.is_empty() {
        command = ["/usr/bin/systemctl", "poweroff"].map(str::to_owned).to_vec();
    }
    match command.first() {
        None if runs => return Err(Invalid::NoCommand),
        Some(_) if !runs => return Err(Invalid::UnusedCommand),
        Some(program) if !program.starts_with('/') => return Err(Invalid::Relative(program.into())),
        _ => {}
    }
    let policy = match policy {
        file::LowSpace::Rotate => LowSpace::Rotate,
        file::LowSpace::Hold => LowSpace::Hold,
        file::LowSpace::Run => LowSpace::Run(command),
        file::LowSpace::Halt => LowSpace::Halt(command),
    };
    Ok(Space { min_free_bytes: store.min_free_bytes, policy })
}

/// The text of `node=`; `None` where there is to be none or the host's name cannot be had.
fn node(name: &Name) -> Option<Box<[u8]>> {
    match name {
        Name::None => None,
        Name::Hostname => nix::unistd::gethostname().ok().map(|name| Box::from(name.as_bytes())),
        Name::Text(name) => Some(Box::from(name.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let parsed = Config::parse(text, Path::new("ktrail.toml"), &Overrides::default());
        parsed.map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = parse("").expect("nothing has to be set");
        assert_eq!(config.store.dir, Path::new(LOG_DIR_DEFAULT));
        assert_eq!(config.socket, Path::new(SOCKET_DEFAULT));
        assert_eq!((config.kernel.backlog_limit, config.node, config.names), (8192, None, true));
    }

    #[test]
    fn settings_reach_their_module() {
        let text = "node = \"web1\"\nreaders = \"root\"\n[store]\nflush = \"every_event\"\nretain_bytes = 0\n[kernel]\nbacklog_limit = 64\n[rules]\non_drift = \"repair\"\n";
        let config = parse(text).expect("a good file");
        assert_eq!(config.node.as_deref(), Some(&b"web1"[..]));
        assert_eq!(config.readers, Some(Gid::from_raw(0)));
        assert_eq!((config.store.flush, config.store.retain_bytes), (store::Flush::EveryEvent, None));
        assert_eq!((config.kernel.backlog_limit, config.on_drift), (64, OnDrift::Repair));
    }

    #[test]
    fn metrics_are_served_on_loopback_only() {
        for text in ["127.0.0.1:9477", "127.8.7.6:0", "[::1]:65535"] {
            let config = parse(&format!("metrics_listen = \"{text}\"")).expect(text);
            assert_eq!(config.metrics.map(|address| address.to_string()).as_deref(), Some(text));
        }
        assert_eq!(parse("").expect("nothing has to be set").metrics, None);
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_place() {
        let cases = [
            (
                "[store]\nrotate_byte = 1\n",
                "ktrail.toml:2:1: unknown setting rotate_byte; did you mean rotate_bytes?",
            ),
            ("x = 1\n", "ktrail.toml:1:1: unknown setting x; known are "),
            ("log_dir = 1\n", "ktrail.toml:1:11: invalid type: integer `1`, expected path string"),
            ("[store\n", "ktrail.toml:1:7: "),
            ("log_dir = \"log\"\n", "ktrail.toml: log_dir: \"log\" is not an absolute path"),
            ("readers = \"nosuchgroup\"\n", "ktrail.toml: readers: there is no group nosuchgroup"),
            ("[store]\nrotate_bytes = 5\n", "ktrail.toml: store.rotate_bytes: 5 is below the least, 1048576"),
            (
                "metrics_listen = \"0.0.0.0:9477\"\n",
                "ktrail.toml:1:18: 0.0.0.0:9477 is not a loopback address",
            ),
            ("\nmetrics_listen = \"[::]:1\"\n", "ktrail.toml:2:18: [::]:1 is not a loopback address"),
            ("metrics_listen = \"localhost:1\"\n", "ktrail.toml:1:18: \"localhost:1\" is not an address and"),
            ("[confine]\nmode = \"on\"\n", "ktrail.toml:2:8: "),
            ("[confine]\nread = [\"home\"]\n", "ktrail.toml: confine.read: \"home\" is not an absolute path"),
            (
                "[confine]\ncapabilities = [\"sys_all\"]\n",
                "ktrail.toml: confine.capabilities: \"sys_all\" is no capability",
            ),
            ("metrics_listen = 9477\n", "ktrail.toml:1:18: invalid type: integer `9477`"),
            ("[store]\nflush = \"often\"\n", "ktrail.toml:2:9: "),
            ("[rules]\non_drift = \"undo\"\n", "ktrail.toml:2:12: "),
            ("[store]\non_low_space = \"panic\"\n", "ktrail.toml:2:16: "),
            (
                "[store]\non_low_space = \"run\"\n",
                "ktrail.toml: store.low_space_command: on_low_space has no command to run",
            ),
            (
                "[store]\nlow_space_command = [\"/bin/true\"]\n",
                "ktrail.toml: store.low_space_command: on_low_space is neither run nor halt",
            ),
            (
                "[store]\non_low_space = \"halt\"\nlow_space_command = [\"true\"]\n",
                "ktrail.toml: store.low_space_command: \"true\" is not an absolute path",
            ),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
