//! The file as it is written; every setting may be left out.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::{LOG_DIR_DEFAULT, SOCKET_DEFAULT};

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) log_dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) readers: Option<String>,
    pub(super) metrics_listen: Option<Loopback>,
    pub(super) node: Name,
    pub(super) rules_dirs: Vec<PathBuf>,
    pub(super) rules: Rules,
    pub(super) kernel: Kernel,
    pub(super) events: Events,
    pub(super) store: Store,
    pub(super) diagnostics: Diagnostics,
    pub(super) confine: Confine,
}

impl Default for File {
    fn default() -> File {
        File {
            log_dir: PathBuf::from(LOG_DIR_DEFAULT),
            socket: PathBuf::from(SOCKET_DEFAULT),
            readers: None,
            metrics_listen: None,
            node: Name::None,
            rules_dirs: vec![PathBuf::from("/etc/ktrail/rules.d")],
            rules: Rules::default(),
            kernel: Kernel::default(),
            events: Events::default(),
            store: Store::default(),
            diagnostics: Diagnostics::default(),
            confine: Confine::default(),
        }
    }
}

/// `none`, `hostname`, or the name itself.
#[derive(Debug)]
pub(super) enum Name {
    None,
    Hostname,
    Text(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "none" => Ok(Name::None),
            "hostname" => Ok(Name::Hostname),
            "" => Err(serde::de::Error::custom("a node's name is empty")),
            text if text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Err(serde::de::Error::custom("a node's name has no blanks"))
            }
            _ => Ok(Name::Text(text)),
        }
    }
}

/// An address of this machine that no other machine reaches, and a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loopback(pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Loopback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loopback, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |why: &str| serde::de::Error::custom(format!("{text:?} is not {why}"));
        // A name may stand for anything, and for something else tomorrow.
        let address: SocketAddr =
            text.parse().map_err(|_| wrong("an address and a port, such as 127.0.0.1:9477"))?;
        match address.ip().is_loopback() {
            true => Ok(Loopback(address)),
            false => Err(serde::de::Error::custom(format!(
                "{address} is not a loopback address: metrics are for this machine only"
            ))),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) on_drift: OnDrift,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { on_drift: OnDrift::Tell }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDrift {
    Tell,
    Repair,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Kernel {
    pub(super) backlog_limit: u32,
    pub(super) backlog_wait_time: Option<u32>,
    pub(super) receive_buffer_bytes: u64,
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel { backlog_limit: 8192, backlog_wait_time: None, receive_buffer_bytes: 64 << 20 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Events {
    pub(super) names: bool,
    pub(super) idle_ms: u64,
}

impl Default for Events {
    fn default() -> Events {
        Events { names: true, idle_ms: 2000 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Flush {
    None,
    Interval,
    EveryEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LowSpace {
    Rotate,
    Hold,
    Run,
    Halt,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    pub(super) rotate_bytes: u64,
    pub(super) rotate_age_s: u64,
    pub(super) retain_bytes: u64,
    pub(super) retain_age_s: u64,
    pub(super) min_free_bytes: u64,
    pub(super) on_low_space: LowSpace,
    pub(super) low_space_command: Vec<String>,
    pub(super) flush: Flush,
    pub(super) flush_interval_ms: u64,
    pub(super) group: Option<String>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            rotate_bytes: 256 << 20,
            rotate_age_s: 24 * 3600,
            retain_bytes: 8 << 30,
            retain_age_s: 0,
            min_free_bytes: 64 << 20,
            on_low_space: LowSpace::Rotate,
            low_space_command: Vec::new(),
            flush: Flush::Interval,
            flush_interval_ms: 1000,
            group: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Diagnostics {
    pub(super) level: String,
    pub(super) dir: Option<PathBuf>,
    pub(super) files: usize,
}

impl Default for Diagnostics {
    fn default() -> Diagnostics {
        Diagnostics { level: "info".to_owned(), dir: None, files: 14 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    BestEffort,
    Required,
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Confine {
    pub(super) mode: Mode,
    pub(super) limit_paths: bool,
    pub(super) capabilities: Vec<String>,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) execute: Vec<PathBuf>,
}

impl Default for Confine {
    fn default() -> Confine {
        Confine {
            mode: Mode::BestEffort,
            limit_paths: true,
            capabilities: Vec::new(),
            read: Vec::new(),
            write: Vec::new(),
            execute: Vec::new(),
        }
    }
}
