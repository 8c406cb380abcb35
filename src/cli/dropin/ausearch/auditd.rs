//! Where auditd keeps its logs.

use std::fs;
use std::path::{Path, PathBuf};

use super::logs::{Source, chain};

/// auditd's configuration.
const FILE: &str = "/etc/audit/auditd.conf";
/// auditd's log when nothing else is configured.
const LOG_DEFAULT: &str = "/var/log/audit/audit.log";

/// The logs that auditd's configuration names; `None` when there is none of them.
pub(in crate::cli::dropin) fn logs() -> Option<Source> {
    let log = setting("log_file").map_or_else(|| PathBuf::from(LOG_DEFAULT), PathBuf::from);
    log.exists().then(|| Source::Files(chain(&log)))
}

/// Seconds for which auditd's tools wait for an event's records, where it is configured.
pub(in crate::cli::dropin) fn timeout_s() -> Option<u64> {
    setting("end_of_event_timeout")?.parse().ok().filter(|seconds| *seconds > 0)
}

fn setting(name: &str) -> Option<String> {
    find(&fs::read_to_string(Path::new(FILE)).ok()?, name)
}

/// The value of a setting, the last where there are several.
fn find(text: &str, name: &str) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut found = pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
    found.next_back().map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_setting_is_found_whatever_its_case_and_blanks() {
        let text = "# log_file = /no\nLog_File=  /var/log/a\nend_of_event_timeout = 5 \n";
        assert_eq!(super::find(text, "log_file").as_deref(), Some("/var/log/a"));
        assert_eq!(super::find(text, "end_of_event_timeout").as_deref(), Some("5"));
        assert_eq!(super::find(text, "freq"), None);
    }
}
