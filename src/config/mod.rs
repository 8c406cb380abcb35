//! The configuration file: its syntax, its defaults, and each module's own settings made from it.

pub mod error;
mod file;
mod output;
mod reference;
mod settings;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use error::{Error, Invalid};
use file::Loopback;

use crate::enrich::observe;
use crate::event::assembler;
use crate::ingest::shed;
use crate::netlink::events;
use crate::outputs;
use crate::redact;
use crate::serve::access::Groups;
use crate::store;
use crate::sys::files::{self, Reason, Untrusted};

/// Where the configuration is read from when no other file is named.
pub const FILE_DEFAULT: &str = "/etc/ktrail/ktrail.toml";
/// Bytes of a configuration file at most: a hundred times one with every setting and many patterns.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Where the log is kept when nothing else is said.
pub const LOG_DIR_DEFAULT: &str = "/var/log/ktrail";
/// Where the local API listens when nothing else is said.
pub const SOCKET_DEFAULT: &str = "/run/ktrail/ktrail.sock";

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket of the local API.
    pub socket: PathBuf,
    /// The groups whose members may call the local API.
    pub groups: Groups,
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
    /// What is done while more events come than can be stored.
    pub overload: Overload,
    /// Directories of rules files, read in this order, each in the order of names.
    pub rules_dirs: Vec<PathBuf>,
    /// What is done when others change the rules.
    pub on_drift: OnDrift,
    /// Whether names of ids are looked up.
    pub names: bool,
    /// What gets events beside the log.
    pub outputs: Vec<outputs::Config>,
    /// What is replaced in command lines before they are stored; nothing without it.
    pub redact: Option<redact::Config>,
    /// What is told of an event's process.
    pub enrich: observe::Config,
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

/// What is done while more events come than can be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Nothing more is received: the kernel queues, and then holds producers back, each for `backlog_wait_time` at most.
    Hold,
    /// The least valuable events are left out and counted.
    Shed(shed::Config),
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
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`, or those of modules: `ktrail::store=debug,info`.
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
        let bytes = match files::read_settings(path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(Untrusted { reason: Reason::System(source), .. }) => match source.kind() {
                ErrorKind::NotFound if !named => Vec::new(),
                _ => return Err(Error::Read { path: path.to_owned(), source }),
            },
            Err(untrusted) => return Err(untrusted.into()),
        };
        if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
            let source = io::Error::new(ErrorKind::FileTooLarge, "it is longer than 1 MiB");
            return Err(Error::Read { path: path.to_owned(), source });
        }
        let text = String::from_utf8(bytes).map_err(|error| Error::Read {
            path: path.to_owned(),
            source: io::Error::new(ErrorKind::InvalidData, error.utf8_error()),
        })?;
        Config::parse(&text, path, overrides)
    }

    /// Reads the text of a file; `path` is for messages.
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Config, Error> {
        let file: file::File = toml::from_str(text).map_err(|error| Error::syntax(path, text, &error))?;
        let invalid = |setting: &str, cause: Invalid| Error::Invalid {
            path: path.to_owned(),
            setting: setting.to_owned(),
            cause,
        };
        let group = |setting, name| settings::group(name).map_err(|cause| invalid(setting, cause));
        let at_least = |setting: &'static str, value: u64| {
            settings::at_least(setting, value).map_err(|(setting, cause)| invalid(setting, cause))
        };
        let log_dir = overrides.log_dir.clone().unwrap_or(file.log_dir);
        for (setting, path) in [("log_dir", &log_dir), ("socket", &file.socket)] {
            if overrides.log_dir.is_none() && !path.is_absolute() {
                return Err(invalid(setting, Invalid::Relative(path.clone())));
            }
        }
        let space =
            settings::space(&file.store).map_err(|cause| invalid("store.low_space_command", cause))?;
        let store = settings::store(&file.store, &file.seal, log_dir, &space)
            .map_err(|(setting, cause)| invalid(setting, cause))?;
        let buffer = at_least("kernel.receive_buffer_bytes", file.kernel.receive_buffer_bytes)?;
        let idle_ms = at_least("events.idle_ms", file.events.idle_ms)?;
        Ok(Config {
            socket: overrides.socket.clone().unwrap_or(file.socket),
            groups: Groups {
                readers: group("readers", &file.readers)?,
                sensitive_readers: group("sensitive_readers", &file.sensitive_readers)?,
                administrators: group("administrators", &file.administrators)?,
            },
            metrics: file.metrics_listen.map(|Loopback(address)| address),
            node: settings::node(&file.node),
            events: events::Config { receive_buffer_bytes: usize::try_from(buffer).unwrap_or(usize::MAX) },
            assembler: assembler::Config { syscall_idle_ms: idle_ms, ..assembler::Config::default() },
            store,
            space,
            kernel: Kernel {
                backlog_limit: file.kernel.backlog_limit,
                backlog_wait_time: file.kernel.backlog_wait_time,
            },
            overload: settings::overload(file.overload).map_err(|cause| invalid("overload", cause))?,
            rules_dirs: file.rules_dirs,
            on_drift: settings::on_drift(file.rules.on_drift),
            names: file.events.names,
            outputs: settings::outputs(&file.output, &file.node)
                .map_err(|(setting, cause)| invalid(&setting, cause))?,
            redact: settings::redaction(file.redact)
                .map_err(|cause| invalid("redact", Invalid::Redaction(cause)))?,
            enrich: settings::enrich(&file.enrich).map_err(|(setting, cause)| invalid(setting, cause))?,
            confine: settings::confine(&file.confine).map_err(|(setting, cause)| invalid(setting, cause))?,
            diagnostics: Diagnostics {
                level: settings::level(file.diagnostics.level)
                    .map_err(|cause| invalid("diagnostics.level", cause))?,
                dir: file.diagnostics.dir,
                files: file.diagnostics.files,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::unistd::Gid;

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
        assert_eq!(config.enrich, observe::Config::default());
        assert_eq!(config.store.sign, Some(Duration::from_secs(10)));
    }

    #[test]
    fn settings_reach_their_module() {
        let text = "node = \"web1\"\nreaders = \"root\"\nadministrators = \"root\"\n[store]\nflush = \"every_event\"\nretain_bytes = 0\n[kernel]\nbacklog_limit = 64\n[rules]\non_drift = \"repair\"\n[seal]\nenabled = false\n";
        let config = parse(text).expect("a good file");
        assert_eq!(config.node.as_deref(), Some(&b"web1"[..]));
        let root = Some(Gid::from_raw(0));
        let groups = Groups { readers: root, sensitive_readers: None, administrators: root };
        assert_eq!(config.groups, groups);
        assert_eq!((config.store.flush, config.store.retain_bytes), (store::Flush::EveryEvent, None));
        assert_eq!((config.kernel.backlog_limit, config.on_drift), (64, OnDrift::Repair));
        assert_eq!(config.store.sign, None);
        assert_eq!(config.overload, Overload::Hold);
        let text = "[overload]\npolicy = \"shed\"\nkeep_keys = [\"a\"]\nfirst_keys = [\"b\", \"c\"]\n";
        let keys = |keys: &[&str]| keys.iter().map(|key| Box::from(key.as_bytes())).collect();
        let expected = shed::Config { keep_keys: keys(&["a"]), first_keys: keys(&["b", "c"]) };
        assert_eq!(parse(text).expect("a good file").overload, Overload::Shed(expected));
    }

    #[test]
    fn what_is_told_of_a_process_is_switched_one_by_one() {
        let off =
            "[enrich]\nprocess = false\nscript = false\ncontainer = false\nunit = false\nlogin = false\n";
        assert!(parse(off).expect("a good file").enrich.is_off());
        for (setting, is_off) in [
            ("hash = true", false),
            ("environment = [\"LANG\"]", false),
            ("ancestors = 16", true),
            ("hash_bytes_max = 1", true),
        ] {
            let config = parse(&format!("{off}{setting}\n")).expect("a good file");
            assert_eq!(config.enrich.is_off(), is_off, "{setting}");
        }
        let text = "[enrich]\nhash = true\nhash_bytes_max = 5\nenvironment = [\"SSH_CLIENT\", \"_\"]\nancestors = 0\n";
        let config = parse(text).expect("a good file").enrich;
        assert_eq!((config.hash_bytes_max, config.ancestors, config.environment.len()), (Some(5), 0, 2));
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
            (
                "administrators = \"nosuchgroup\"\n",
                "ktrail.toml: administrators: there is no group nosuchgroup",
            ),
            ("[seal]\ninterval_s = 0\n", "ktrail.toml: seal.interval_s: 0 is below the least, 1"),
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
            ("[enrich]\nhashes = true\n", "ktrail.toml:2:1: unknown setting hashes; did you mean hash?"),
            ("[enrich]\nancestors = 17\n", "ktrail.toml: enrich.ancestors: 17 is above the most, 16"),
            ("[enrich]\nancestors = -1\n", "ktrail.toml:2:13: invalid value: integer `-1`"),
            (
                "[enrich]\nenvironment = [\"A\", \"B=C\"]\n",
                "ktrail.toml: enrich.environment: \"B=C\" is not the name of a variable",
            ),
            (
                "[enrich]\nenvironment = [\"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\", \"A\"]\n",
                "ktrail.toml: enrich.environment: 17 is above the most, 16",
            ),
            ("[rules]\non_drift = \"undo\"\n", "ktrail.toml:2:12: "),
            (
                "[diagnostics]\nlevel = \"inof\"\n",
                "ktrail.toml: diagnostics.level: \"inof\" is no level: error, warn, info, debug, trace, off, or of a module, as ktrail::store=debug,info",
            ),
            (
                "[diagnostics]\nlevel = \"info,=debug\"\n",
                "ktrail.toml: diagnostics.level: \"info,=debug\" is no level",
            ),
            (
                "[overload]\npolicy = \"drop\"\n",
                "ktrail.toml:2:10: unknown variant `drop`, expected `hold` or `shed`",
            ),
            ("[overload]\nkeep_keys = [\"a\"]\n", "ktrail.toml: overload: the policy is not shed"),
            (
                "[overload]\npolicy = \"shed\"\nkeep_keys = [\"a\", \"b\"]\nfirst_keys = [\"b\"]\n",
                "ktrail.toml: overload: \"b\" is in keep_keys and in first_keys",
            ),
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
            (
                "[output.x]\ntype = \"log\"\nfiles = 1000\n",
                "ktrail.toml: output.x.files: 1000 is above the most, 999",
            ),
            (
                "[output.x]\ntype = \"syslog\"\ntransport = \"udp\"\n",
                "ktrail.toml: output.x.address: udp and tcp need an address",
            ),
            (
                "[output.x]\ntype = \"log\"\nfilter = \"kye=1\"\n",
                "ktrail.toml: output.x.filter: at byte 0 of the filter: unknown field \"kye\", did you mean key?",
            ),
            (
                "[output.\"a b\"]\ntype = \"journal\"\n",
                "ktrail.toml: output.a b: an output's name has 1 to 32",
            ),
            (
                "[output.x]\ntype = \"socket\"\nmode = \"0999\"\n",
                "ktrail.toml: output.x.mode: \"0999\" is not a mode",
            ),
            ("[output.x]\ntype = \"pipe\"\n", "ktrail.toml:"),
            ("[output.x]\nfiles = 3\n", "ktrail.toml:"),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
