//! The configuration that is being written.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The text log's output, and that of the plugins.
const LOG: &str = "audit_log";
const PLUGINS: &str = "plugins";

/// What is to become of auditd's configuration.
#[derive(Debug)]
pub(super) struct Draft {
    file: Table,
    log: Table,
    plugins: Table,
    /// Outputs of what auditd had built in.
    outputs: Table,
    /// Whether there is to be a text log.
    pub(super) text_log: bool,
    /// Where auditd writes it.
    pub(super) log_file: PathBuf,
    /// Where auditd has its plugins.
    pub(super) plugin_dir: Option<PathBuf>,
    /// Events that wait for each output.
    pub(super) queue_events: Option<i64>,
    /// Whether the name that is configured is to be written into events.
    pub(super) named: bool,
    /// That name.
    pub(super) name: Option<String>,
}

impl Draft {
    pub(super) fn new() -> Draft {
        Draft {
            file: Table::new(),
            log: Table::new(),
            plugins: Table::new(),
            outputs: Table::new(),
            text_log: true,
            log_file: PathBuf::from("/var/log/audit/audit.log"),
            plugin_dir: None,
            queue_events: None,
            named: false,
            name: None,
        }
    }

    /// Says a setting; the table is empty for those before the first.
    pub(super) fn set(&mut self, table: &str, name: &str, value: impl Into<Value>) {
        let into = match table {
            "" => &mut self.file,
            table => match self.file.entry(table).or_insert_with(|| Table::new().into()) {
                Value::Table(table) => table,
                _ => unreachable!("only tables are put at these names"),
            },
        };
        into.insert(name.to_owned(), value.into());
    }

    /// Says a setting of the text log.
    pub(super) fn log(&mut self, name: &str, value: impl Into<Value>) {
        self.log.insert(name.to_owned(), value.into());
    }

    /// Says a setting of the plugins.
    pub(super) fn plugins(&mut self, name: &str, value: impl Into<Value>) {
        self.plugins.insert(name.to_owned(), value.into());
    }

    /// Adds an output.
    pub(super) fn output(&mut self, name: &str, settings: Table) {
        self.outputs.insert(name.to_owned(), settings.into());
    }

    /// The bytes that a number of MiB, or a share of the log's file system, are.
    pub(super) fn bytes_of(&self, value: &str) -> Option<i64> {
        if let Some(percent) = value.strip_suffix('%') {
            let percent: u64 = percent.trim().parse().ok().filter(|percent| *percent < 100)?;
            let there = self.log_file.ancestors().find(|path| path.exists())?;
            let found = nix::sys::statvfs::statvfs(there).ok()?;
            let size = found.blocks().saturating_mul(found.fragment_size());
            return i64::try_from(size / 100 * percent).ok();
        }
        value.parse::<u32>().ok().map(|mebibytes| i64::from(mebibytes) << 20)
    }

    /// The file's text. `plugins` is the directory of plugins, if one of them is active.
    pub(super) fn text(mut self, plugins: Option<&Path>) -> String {
        if let Some(name) = self.name.take().filter(|_| self.named) {
            self.set("", "node", name);
        }
        if self.text_log {
            self.outputs.insert(LOG.to_owned(), typed("log", self.log).into());
        }
        if let Some(dir) = plugins {
            self.plugins.insert("dir".to_owned(), dir.display().to_string().into());
            self.outputs.insert(PLUGINS.to_owned(), typed("plugins", self.plugins).into());
        }
        for (_, output) in &mut self.outputs {
            if let (Some(events), Value::Table(output)) = (self.queue_events, output) {
                output.insert("queue_events".to_owned(), events.into());
            }
        }
        if !self.outputs.is_empty() {
            self.file.insert("output".to_owned(), self.outputs.into());
        }
        toml::to_string(&self.file).expect("a table of plain values")
    }
}

/// The settings with a type before them.
fn typed(kind: &str, settings: Table) -> Table {
    let mut table = Table::new();
    table.insert("type".to_owned(), kind.into());
    table.extend(settings);
    table
}
