//! The table of settings, in the order of the document.

use super::Range::{Answer, Choice, Number, Other};
use super::Setting;
use crate::enrich::limits::ANCESTORS_MAX;
use crate::outputs::syslog::{FACILITIES, SEVERITIES};

/// The largest number that is read.
const MOST: u64 = u64::MAX;
const U32: u64 = 0xffff_ffff;
const DIR: super::Range = Other("absolute path");

/// A row: name, unit, range, setting of auditd.conf, meaning.
const fn row(
    name: &'static str,
    unit: &'static str,
    range: super::Range,
    auditd: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, unit, range, auditd, meaning }
}

/// The settings that every output has.
const fn filter(name: &'static str) -> Setting {
    let values = Other("filter as `ktrail search` takes it");
    row(name, "", values, "", "only events that match are delivered; without it, all are")
}

const fn queue(name: &'static str) -> Setting {
    let meaning = "events that wait at most; with more, or with more than 64 MiB, events are not delivered to this output, counted and told";
    row(name, "events", Number(1, 1 << 20), "q_depth", meaning)
}

const RECORDS: super::Range = Choice(&["raw", "enriched"]);
const TEXT: super::Range = Choice(&["json", "raw", "enriched", "line"]);

/// Every setting there is.
pub(in crate::config) const SETTINGS: &[Setting] = &[
    row("log_dir", "", DIR, "log_file", "the directory of the log"),
    row("socket", "", DIR, "", "the socket of the local API"),
    row(
        "readers",
        "",
        Other("name of a group"),
        "log_group",
        "members of this group may read the log through the socket",
    ),
    row(
        "sensitive_readers",
        "",
        Other("name of a group"),
        "",
        "members of this group see what users typed and environment variables, which are masked for other readers",
    ),
    row(
        "administrators",
        "",
        Other("name of a group"),
        "",
        "members of this group may ask for a reload and for a new segment through the socket",
    ),
    row(
        "metrics_listen",
        "",
        Other("loopback address and port"),
        "",
        "where OpenMetrics text is served to whoever is on this machine; port 0 lets the system choose",
    ),
    row(
        "node",
        "",
        Other("`none`, `hostname`, or the name itself, without blanks"),
        "name_format, name",
        "what is written as `node=` into every event",
    ),
    row(
        "rules_dirs",
        "",
        Other("list of directories"),
        "",
        "directories of rules files (`*.rules`), read in this order, each in the order of names",
    ),
    row(
        "rules.on_drift",
        "",
        Choice(&["tell", "repair"]),
        "",
        "what is done when others change the kernel's rules: an event tells of it, or tells of it and they are made again what they were",
    ),
    row(
        "kernel.backlog_limit",
        "messages",
        Number(0, U32),
        "",
        "messages the kernel queues before it holds producers back; 0 for no limit. `-b` in a rules file goes before it",
    ),
    row(
        "kernel.backlog_wait_time",
        "kernel clock ticks",
        Number(0, U32),
        "",
        "how long the kernel holds a producer back at most; without it, as the kernel has it. `--backlog_wait_time` in a rules file goes before it",
    ),
    row(
        "kernel.receive_buffer_bytes",
        "bytes",
        Number(64 << 10, MOST),
        "",
        "the socket's receive buffer, charged by the kernel at about twice a message's length",
    ),
    row(
        "events.names",
        "",
        Answer,
        "log_format",
        "whether names of user and group ids are looked up and stored (as ENRICHED does)",
    ),
    row(
        "events.idle_ms",
        "milliseconds",
        Number(10, MOST),
        "end_of_event_timeout",
        "an event without its last record is closed after this",
    ),
    row(
        "store.rotate_bytes",
        "bytes",
        Number(1 << 20, MOST),
        "max_log_file",
        "a segment of this size is closed, compressed and sealed",
    ),
    row("store.rotate_age_s", "seconds", Number(0, MOST), "", "and so is one of this age; 0: at no age"),
    row(
        "store.retain_bytes",
        "bytes",
        Number(0, MOST),
        "num_logs",
        "size of the log on disk beyond which the oldest segments are removed; 0: no limit",
    ),
    row(
        "store.retain_age_s",
        "seconds",
        Number(0, MOST),
        "",
        "age of their newest event beyond which segments are removed; 0: no limit",
    ),
    row(
        "store.min_free_bytes",
        "bytes",
        Number(0, MOST),
        "space_left, admin_space_left",
        "space that is to stay free on the log's file system; 0: any",
    ),
    row(
        "store.on_low_space",
        "",
        Choice(&["rotate", "hold", "run", "halt"]),
        "space_left_action, admin_space_left_action, disk_full_action",
        "with less: remove the oldest segments; write nothing and let the kernel wait; run a command; write, sync and stop the system",
    ),
    row(
        "store.low_space_command",
        "",
        Other("list: a program's absolute path, its arguments"),
        "space_left_action = exec",
        "the command of `run`, and of `halt` in place of `systemctl poweroff`",
    ),
    row(
        "store.flush",
        "",
        Choice(&["none", "interval", "every_event"]),
        "flush",
        "when what was written is put on the disk (fdatasync): as the system likes, every interval, with every event",
    ),
    row(
        "store.flush_interval_ms",
        "milliseconds",
        Number(1, MOST),
        "freq",
        "the interval of `flush = \"interval\"`",
    ),
    row(
        "store.group",
        "",
        Other("name of a group"),
        "log_group",
        "the group of the log's files, which may read them",
    ),
    filter("output[log].filter"),
    queue("output[log].queue_events"),
    row("output[log].path", "", DIR, "log_file", "the file"),
    row(
        "output[log].format",
        "",
        RECORDS,
        "log_format",
        "records as the kernel wrote them, or with names after byte 0x1D",
    ),
    row(
        "output[log].max_bytes",
        "bytes",
        Number(4096, MOST),
        "max_log_file",
        "the size at which `on_max` is done",
    ),
    row(
        "output[log].on_max",
        "",
        Choice(&["rotate", "keep", "ignore"]),
        "max_log_file_action",
        "`rotate`: the file becomes `.1`, that `.2` and so on, and the last is removed; `keep`: none is removed; `ignore`: the file grows on",
    ),
    row(
        "output[log].files",
        "files",
        Number(0, 999),
        "num_logs",
        "files at most, the one that is written counted; below 2 none is rotated",
    ),
    row(
        "output[log].group",
        "",
        Other("name of a group"),
        "log_group",
        "its members may read: files have mode 0640, rotated 0440, in place of 0600 and 0400",
    ),
    filter("output[plugin].filter"),
    queue("output[plugin].queue_events"),
    row("output[plugin].path", "", DIR, "path of plugins.d", "the program; has to be set"),
    row("output[plugin].args", "", Other("list of words"), "args of plugins.d", "its arguments"),
    row(
        "output[plugin].format",
        "",
        Choice(&["string", "binary"]),
        "format of plugins.d",
        "lines, or a header of 16 bytes and the same text",
    ),
    row("output[plugin].records", "", RECORDS, "log_format", "the text of records"),
    row(
        "output[plugin].max_restarts",
        "starts",
        Number(0, U32),
        "max_restarts",
        "how often it is started again after it has ended; a reload begins anew",
    ),
    filter("output[plugins].filter"),
    queue("output[plugins].queue_events"),
    row(
        "output[plugins].dir",
        "",
        DIR,
        "plugin_dir",
        "each active plugin of its `*.conf` files is an output of its own, named NAME.FILE",
    ),
    row("output[plugins].records", "", RECORDS, "log_format", "the text of records"),
    row(
        "output[plugins].max_restarts",
        "starts",
        Number(0, U32),
        "max_restarts",
        "how often each is started again after it has ended; a reload begins anew",
    ),
    filter("output[syslog].filter"),
    queue("output[syslog].queue_events"),
    row(
        "output[syslog].transport",
        "",
        Choice(&["unix", "udp", "tcp"]),
        "",
        "datagrams to a local socket; datagrams or a stream to an address of this machine, in the stream with the length before each message",
    ),
    row("output[syslog].path", "", DIR, "", "the socket of `unix`"),
    row(
        "output[syslog].address",
        "",
        Other("loopback address and port"),
        "",
        "the receiver of `udp` and `tcp`",
    ),
    row(
        "output[syslog].format",
        "",
        TEXT,
        "args of the syslog plugin",
        "`json` and `line`: a message an event; `raw` and `enriched`: a message a record",
    ),
    row("output[syslog].facility", "", Choice(&FACILITIES), "args of the syslog plugin", "the facility"),
    row("output[syslog].severity", "", Choice(&SEVERITIES), "args of the syslog plugin", "the severity"),
    row(
        "output[syslog].max_bytes",
        "bytes",
        Number(480, 1 << 20),
        "",
        "a longer message is cut: JSON by whole records with a member `cut`, other text with a mark at its end",
    ),
    filter("output[journal].filter"),
    queue("output[journal].queue_events"),
    row("output[journal].path", "", DIR, "", "the journal's socket"),
    row("output[journal].format", "", TEXT, "", "`MESSAGE=`, as with syslog"),
    row("output[journal].facility", "", Choice(&FACILITIES), "", "`SYSLOG_FACILITY=`"),
    row("output[journal].severity", "", Choice(&SEVERITIES), "", "`PRIORITY=`"),
    row(
        "output[journal].max_bytes",
        "bytes",
        Number(480, 160 << 10),
        "",
        "a longer `MESSAGE=` is cut, as with syslog",
    ),
    filter("output[socket].filter"),
    queue("output[socket].queue_events"),
    row("output[socket].path", "", DIR, "args of the af_unix plugin", "the socket"),
    row(
        "output[socket].mode",
        "",
        Other("octal digits, 0 to 0777"),
        "args of the af_unix plugin",
        "its mode: who may write to it may connect",
    ),
    row("output[socket].group", "", Other("name of a group"), "", "its group"),
    row(
        "output[socket].max_clients",
        "clients",
        Number(1, 1024),
        "",
        "clients at a time; one for which more than 4 MiB wait is let go, counted and told",
    ),
    row(
        "output[socket].format",
        "",
        TEXT,
        "args of the af_unix plugin",
        "lines: one an event with `json` and `line`, one a record with `raw` and `enriched`",
    ),
    row("enrich.process", "", Answer, "", "the parent of an event's process, with its command line"),
    row(
        "enrich.ancestors",
        "processes",
        Number(0, ANCESTORS_MAX as u64),
        "",
        "how many of the parent's own ancestors are told",
    ),
    row("enrich.script", "", Answer, "", "the script that an interpreter runs"),
    row("enrich.container", "", Answer, "", "the container of an event's process, by its control group"),
    row("enrich.unit", "", Answer, "", "its unit of the service manager"),
    row("enrich.login", "", Answer, "", "who began its login session, when, and from which address"),
    row("enrich.hash", "", Answer, "", "the SHA-256 of its executable's file"),
    row("enrich.hash_bytes_max", "bytes", Number(0, MOST), "", "files that are longer are not hashed"),
    row(
        "enrich.environment",
        "",
        Other("array of names, 16 at most"),
        "",
        "variables that the program began with; of other users' processes this needs the right to trace (`CAP_SYS_PTRACE`)",
    ),
    row(
        "seal.enabled",
        "",
        Answer,
        "",
        "what is written is signed, so that `ktrail verify` shows what was changed",
    ),
    row(
        "seal.interval_s",
        "s",
        Number(1, MOST),
        "",
        "how often what has come to the active segment is signed",
    ),
    row(
        "redact.enabled",
        "",
        Answer,
        "",
        "secrets in command lines are replaced before they are stored; the event then says so and is not what the kernel wrote",
    ),
    row(
        "redact.options",
        "",
        Other("array of options"),
        "",
        "options of any program whose value is a secret; without it `--password` and the like",
    ),
    row(
        "redact.programs",
        "",
        Other("table of arrays, by program"),
        "",
        "the same of one program; an option that ends in `*` has its value in the same word",
    ),
    row(
        "redact.assignments",
        "",
        Other("array of names, `*` for any letters"),
        "",
        "variables whose value is a secret: `PASSWORD=x`",
    ),
    row("redact.urls", "", Answer, "", "the password in `scheme://user:password@host` is a secret"),
    row(
        "redact.patterns",
        "",
        Other("array of regular expressions"),
        "",
        "what their group `secret` matches, or all of it, is a secret; each looks at one argument",
    ),
    row(
        "diagnostics.level",
        "",
        Other("`error`, `warn`, `info`, `debug`, `trace`, or a filter by module"),
        "",
        "how much the daemon tells of itself on standard error",
    ),
    row("diagnostics.dir", "", DIR, "", "a directory for the same in files, one a day; without it, none"),
    row("diagnostics.files", "files", Number(0, MOST), "", "how many of these files are kept; 0: all"),
];
