//! The file as it is written; every setting may be left out.
//!
//! A new setting is a field here with its default, and a row in `reference::SETTINGS` with what it means. A field without a
//! row, a row without a field, a range that is not kept, and a `docs/configuration.md` that says something else each fail
//! a test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::output::Output;
use super::{LOG_DIR_DEFAULT, SOCKET_DEFAULT};

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) log_dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) readers: Option<String>,
    pub(super) sensitive_readers: Option<String>,
    pub(super) administrators: Option<String>,
    pub(super) metrics_listen: Option<Loopback>,
    pub(super) node: Name,
    pub(super) rules_dirs: Vec<PathBuf>,
    pub(super) rules: Rules,
    pub(super) kernel: Kernel,
    pub(super) overload: Overload,
    pub(super) events: Events,
    pub(super) enrich: Enrich,
    pub(super) store: Store,
    pub(super) output: BTreeMap<String, Output>,
    pub(super) redact: Redact,
    pub(super) seal: Seal,
    pub(super) diagnostics: Diagnostics,
    pub(super) confine: Confine,
}

impl Default for File {
    fn default() -> File {
        File {
            log_dir: PathBuf::from(LOG_DIR_DEFAULT),
            socket: PathBuf::from(SOCKET_DEFAULT),
            readers: None,
            sensitive_readers: None,
            administrators: None,
            metrics_listen: None,
            node: Name::None,
            rules_dirs: vec![PathBuf::from("/etc/ktrail/rules.d")],
            rules: Rules::default(),
            kernel: Kernel::default(),
            overload: Overload::default(),
            events: Events::default(),
            enrich: Enrich::default(),
            store: Store::default(),
            output: BTreeMap::new(),
            redact: Redact::default(),
            seal: Seal::default(),
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

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Name::None => "none",
            Name::Hostname => "hostname",
            Name::Text(text) => text,
        })
    }
}

/// An address of this machine that no other machine reaches, and a port.
#[derive(Clone, Copy, Debug, Serialize)]
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

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) on_drift: OnDrift,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { on_drift: OnDrift::Tell }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDrift {
    Tell,
    Repair,
}

#[derive(Debug, Deserialize, Serialize)]
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

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Overload {
    pub(super) policy: OverloadPolicy,
    pub(super) keep_keys: Vec<String>,
    pub(super) first_keys: Vec<String>,
}

impl Default for Overload {
    fn default() -> Overload {
        Overload { policy: OverloadPolicy::Hold, keep_keys: Vec::new(), first_keys: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OverloadPolicy {
    Hold,
    Shed,
}

#[derive(Debug, Deserialize, Serialize)]
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

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Enrich {
    pub(super) process: bool,
    pub(super) ancestors: u64,
    pub(super) script: bool,
    pub(super) container: bool,
    pub(super) unit: bool,
    pub(super) login: bool,
    pub(super) hash: bool,
    pub(super) hash_bytes_max: u64,
    pub(super) environment: Vec<String>,
}

impl Default for Enrich {
    fn default() -> Enrich {
        Enrich {
            process: true,
            ancestors: 4,
            script: true,
            container: true,
            unit: true,
            login: true,
            hash: false,
            hash_bytes_max: 64 << 20,
            environment: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Flush {
    None,
    Interval,
    EveryEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LowSpace {
    Rotate,
    Hold,
    Run,
    Halt,
}

#[derive(Debug, Deserialize, Serialize)]
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

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Redact {
    pub(super) enabled: bool,
    pub(super) options: Option<Vec<String>>,
    pub(super) programs: Option<BTreeMap<String, Vec<String>>>,
    pub(super) assignments: Option<Vec<String>>,
    pub(super) urls: bool,
    pub(super) patterns: Vec<String>,
}

impl Default for Redact {
    fn default() -> Redact {
        Redact {
            enabled: false,
            options: None,
            programs: None,
            assignments: None,
            urls: true,
            patterns: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Seal {
    pub(super) enabled: bool,
    pub(super) interval_s: u64,
}

impl Default for Seal {
    fn default() -> Seal {
        Seal { enabled: true, interval_s: 10 }
    }
}

#[derive(Debug, Deserialize, Serialize)]
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

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    BestEffort,
    Required,
    Off,
}

#[derive(Debug, Deserialize, Serialize)]
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
