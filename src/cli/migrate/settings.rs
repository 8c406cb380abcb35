//! What becomes of each setting of auditd.conf: a table.

use std::path::Path;

use toml::Value;

use super::draft::Draft;

/// Settings that ktrail has no use for, or that it cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is said in the configuration of ktrail.
    Written,
    /// ktrail does so anyway, or has no need of it.
    NotNeeded,
    /// ktrail does otherwise; the note says how.
    Differs,
    /// ktrail does not do that.
    NotOffered,
}

impl Fate {
    /// As the report has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Fate::Written => "written",
            Fate::NotNeeded => "not needed",
            Fate::Differs => "differs",
            Fate::NotOffered => "NOT OFFERED",
        }
    }
}

/// What became of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Became {
    pub(super) fate: Fate,
    /// Settings of ktrail that now say it, and what else is to be known.
    pub(super) note: String,
}

fn became(fate: Fate, note: impl Into<String>) -> Became {
    Became { fate, note: note.into() }
}

/// Puts a value into the configuration, or says why not. The error is what the value should have been.
type Convert = fn(&str, &mut Draft) -> Result<Became, &'static str>;

/// A setting of auditd.conf, and what is done with it.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) convert: Convert,
}

const fn row(name: &'static str, convert: Convert) -> Setting {
    Setting { name, convert }
}

/// All settings of auditd.conf, those of its older and newer versions too.
pub(super) const SETTINGS: &[Setting] = &[
    row("local_events", local_events),
    row("write_logs", write_logs),
    row("log_file", log_file),
    row("log_group", log_group),
    row("log_format", log_format),
    row("flush", flush),
    row("freq", freq),
    row("max_log_file", max_log_file),
    row("max_log_file_action", max_log_file_action),
    row("num_logs", num_logs),
    row("name_format", name_format),
    row("name", name),
    row("space_left", space_left),
    row("space_left_action", space_left_action),
    row("admin_space_left", admin_space_left),
    row("admin_space_left_action", admin_space_left_action),
    row("disk_full_action", disk_action),
    row("disk_error_action", disk_action),
    row("verify_email", mail),
    row("action_mail_acct", mail),
    row("priority_boost", priority_boost),
    row("q_depth", q_depth),
    row("overflow_action", overflow_action),
    row("max_restarts", max_restarts),
    row("plugin_dir", plugin_dir),
    row("end_of_event_timeout", end_of_event_timeout),
    row("report_interval", report_interval),
    row("distribute_network", network),
    row("tcp_listen_port", tcp_listen_port),
    row("tcp_listen_queue", network),
    row("tcp_max_per_addr", network),
    row("tcp_client_ports", network),
    row("tcp_client_max_idle", network),
    row("use_libwrap", network),
    row("transport", network),
    row("enable_krb5", network),
    row("krb5_principal", network),
    row("krb5_key_file", network),
    row("krb5_client_name", network),
    row("tls_auth", network),
    row("tls_crypto_profile", network),
    row("tls_psk_file", network),
    row("tls_psk_identity", network),
    row("tls_allowed_clients", network),
    row("tls_cipher_suites", network),
    row("tls_key_exchange", network),
    row("tls_require_pqc", network),
    row("dispatcher", dispatcher),
    row("disp_qos", dispatcher),
];

fn is(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

fn yes(value: &str) -> Result<bool, &'static str> {
    match () {
        () if is(value, "yes") => Ok(true),
        () if is(value, "no") => Ok(false),
        () => Err("yes or no"),
    }
}

fn number(value: &str) -> Result<i64, &'static str> {
    value.parse().ok().filter(|number| (0..=1 << 40).contains(number)).ok_or("a whole number")
}

fn local_events(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(match yes(value)? {
        true => became(Fate::NotNeeded, "the kernel's events are what ktrail is for"),
        false => {
            became(Fate::NotOffered, "ktrail does not collect from other hosts; it takes this host's events")
        }
    })
}

fn write_logs(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    draft.text_log = yes(value)?;
    Ok(match draft.text_log {
        true => became(Fate::Written, "output.audit_log: the text log goes on beside ktrail's own"),
        false => became(Fate::Differs, "no text log; ktrail's own log is always written"),
    })
}

fn log_file(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    if !Path::new(value).is_absolute() {
        return Err("an absolute path");
    }
    draft.log_file = value.into();
    draft.log("path", value);
    Ok(became(Fate::Written, "output.audit_log.path; ktrail's own log is in log_dir"))
}

fn log_group(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    if value == "root" {
        return Ok(became(Fate::NotNeeded, "files are root's"));
    }
    draft.log("group", value);
    draft.set("store", "group", value);
    draft.set("", "readers", value);
    Ok(became(Fate::Written, "output.audit_log.group, store.group, readers"))
}

fn log_format(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let format = match () {
        () if is(value, "raw") => "raw",
        () if is(value, "enriched") => "enriched",
        () if is(value, "nolog") => {
            draft.text_log = false;
            return Ok(became(Fate::Differs, "no text log; ktrail's own log is always written"));
        }
        () => return Err("raw, enriched or nolog"),
    };
    draft.log("format", format);
    draft.plugins("records", format);
    Ok(became(
        Fate::Written,
        "output.audit_log.format, output.plugins.records; ktrail's own log has the names in any case",
    ))
}

fn flush(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let flush = match value.to_ascii_lowercase().as_str() {
        "none" => "none",
        "incremental" | "incremental_async" => "interval",
        "data" | "sync" => "every_event",
        _ => return Err("none, incremental, incremental_async, data or sync"),
    };
    draft.set("store", "flush", flush);
    Ok(became(Fate::Written, format!("store.flush = {flush:?}; the text log is not synced by itself")))
}

fn freq(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    number(value)?;
    draft.set("store", "flush_interval_ms", 1000);
    Ok(became(Fate::Differs, "store.flush_interval_ms = 1000: ktrail counts time, not records"))
}

fn max_log_file(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    match number(value)? {
        0 => Ok(became(Fate::NotNeeded, "no size")),
        mebibytes => {
            draft.log("max_bytes", mebibytes << 20);
            Ok(became(
                Fate::Written,
                "output.audit_log.max_bytes; ktrail's own segments keep their size (store.rotate_bytes)",
            ))
        }
    }
}

fn max_log_file_action(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let lower = value.to_ascii_lowercase();
    let (word, note) = match lower.split(' ').next().unwrap_or_default() {
        "rotate" => ("rotate", ""),
        "keep_logs" => {
            draft.set("store", "retain_bytes", 0);
            ("keep", "; store.retain_bytes = 0: ktrail's own log keeps everything too")
        }
        "ignore" => ("ignore", ""),
        "syslog" | "suspend" | "exec" => ("ignore", "; only rotate, keep and ignore are there"),
        _ => return Err("ignore, syslog, exec, suspend, rotate or keep_logs"),
    };
    draft.log("on_max", word);
    let fate = if note.contains("only") { Fate::Differs } else { Fate::Written };
    Ok(became(fate, format!("output.audit_log.on_max = {word:?}{note}")))
}

fn num_logs(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let files = number(value).ok().filter(|files| *files <= 999).ok_or("a number up to 999")?;
    draft.log("files", files);
    Ok(became(Fate::Written, "output.audit_log.files; how much ktrail's own log keeps is store.retain_bytes"))
}

fn name_format(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    Ok(match value.to_ascii_lowercase().as_str() {
        "none" => became(Fate::NotNeeded, "node = \"none\" is the default"),
        "hostname" => {
            draft.set("", "node", "hostname");
            became(Fate::Written, "node = \"hostname\"")
        }
        "fqd" | "numeric" => {
            draft.set("", "node", "hostname");
            became(
                Fate::Differs,
                "node = \"hostname\": nothing is asked of a name server; write the name or address there",
            )
        }
        "user" => {
            draft.named = true;
            became(Fate::Written, "node has the name")
        }
        _ => return Err("none, hostname, fqd, numeric or user"),
    })
}

fn name(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    draft.name = Some(value.to_owned());
    Ok(became(Fate::Written, "node, if name_format is user"))
}

fn space_left(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    draft.bytes_of(value).ok_or("a number of MiB, or of percent with %")?;
    Ok(became(
        Fate::Differs,
        "ktrail has one limit, that of admin_space_left; metrics tell the free space for an earlier word",
    ))
}

fn space_left_action(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    low_space(value).ok_or(ACTIONS)?;
    Ok(became(Fate::Differs, "see space_left"))
}

fn admin_space_left(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let bytes = draft.bytes_of(value).ok_or("a number of MiB, or of percent with %")?;
    draft.set("store", "min_free_bytes", bytes);
    let percent = if value.ends_with('%') { ", the share as a number of bytes" } else { "" };
    Ok(became(Fate::Written, format!("store.min_free_bytes{percent}")))
}

/// What an action may be.
const ACTIONS: &str = "ignore, syslog, rotate, email, exec, suspend, single or halt";

/// What ktrail does in place of an action: the word, its command, and whether it is the same.
fn low_space(value: &str) -> Option<(&'static str, Vec<&str>, bool)> {
    let (word, rest) = value.split_once(' ').unwrap_or((value, ""));
    Some(match word.to_ascii_lowercase().as_str() {
        "ignore" | "syslog" | "email" | "suspend" => ("rotate", Vec::new(), false),
        "rotate" => ("rotate", Vec::new(), true),
        "exec" => ("run", rest.split_whitespace().collect(), true),
        "single" => ("halt", vec!["/usr/bin/systemctl", "rescue"], true),
        "halt" => ("halt", Vec::new(), true),
        _ => return None,
    })
}

fn admin_space_left_action(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let (word, command, same) = low_space(value).ok_or(ACTIONS)?;
    if word == "run" && !command.first().is_some_and(|program| program.starts_with('/')) {
        return Err("exec with a program's absolute path");
    }
    draft.set("store", "on_low_space", word);
    if !command.is_empty() {
        let command = command.into_iter().map(|word| Value::from(word.to_owned())).collect();
        draft.set("store", "low_space_command", Value::Array(command));
    }
    Ok(match same {
        true => became(Fate::Written, format!("store.on_low_space = {word:?}")),
        false => became(
            Fate::Differs,
            "store.on_low_space = \"rotate\": the oldest segments go, an event tells of it; ktrail never goes on without \
             writing. \"hold\" lets the kernel wait",
        ),
    })
}

fn disk_action(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    low_space(value).ok_or(ACTIONS)?;
    Ok(became(
        Fate::Differs,
        "ktrail tries again, keeps events in memory meanwhile and lets the kernel wait; the gap is told as an event",
    ))
}

fn mail(_: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(became(
        Fate::NotOffered,
        "no mail is sent; alert on the metrics, or send from store.low_space_command",
    ))
}

fn priority_boost(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    number(value)?;
    Ok(became(
        Fate::NotNeeded,
        "messages wait in the socket's buffer; Nice= of the unit changes the priority",
    ))
}

fn q_depth(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let events =
        number(value).ok().filter(|events| (1..=1 << 20).contains(events)).ok_or("a number from 1")?;
    draft.queue_events = Some(events);
    Ok(became(Fate::Written, "queue_events of each output: ktrail counts events, auditd records"))
}

fn overflow_action(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    low_space(value).ok_or("ignore, syslog, suspend, single or halt")?;
    Ok(became(
        Fate::Differs,
        "what an output does not take is counted and told as an event; ktrail's own log has it",
    ))
}

fn max_restarts(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let restarts =
        number(value).ok().filter(|restarts| *restarts <= i64::from(u32::MAX)).ok_or("a number")?;
    draft.plugins("max_restarts", restarts);
    Ok(became(Fate::Written, "output.plugins.max_restarts"))
}

fn plugin_dir(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    if !Path::new(value).is_absolute() {
        return Err("an absolute path");
    }
    draft.plugin_dir = Some(value.into());
    Ok(became(Fate::Written, "output.plugins.dir: a copy, so that it stays when auditd goes"))
}

fn end_of_event_timeout(value: &str, draft: &mut Draft) -> Result<Became, &'static str> {
    let seconds =
        number(value).ok().filter(|seconds| (1..=3600).contains(seconds)).ok_or("a number of seconds")?;
    draft.set("events", "idle_ms", seconds * 1000);
    Ok(became(Fate::Written, "events.idle_ms"))
}

fn report_interval(_: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(became(Fate::NotNeeded, "ktrail status and its metrics tell at any time"))
}

fn tcp_listen_port(value: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(match number(value)? {
        0 => became(Fate::NotNeeded, "no port"),
        _ => {
            became(Fate::NotOffered, "ktrail does not collect from other hosts: they need another collector")
        }
    })
}

fn network(_: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(became(Fate::NotOffered, "for collecting from other hosts, see tcp_listen_port"))
}

fn dispatcher(_: &str, _: &mut Draft) -> Result<Became, &'static str> {
    Ok(became(Fate::NotNeeded, "auditd itself no longer uses it"))
}
