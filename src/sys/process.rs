//! Processes as `/proc` shows them.

use std::fs;
use std::path::PathBuf;

/// The number of the capability to change audit rules and register as the audit daemon (`linux/capability.h`).
pub const CAP_AUDIT_CONTROL: u32 = 30;

/// Whether this process holds the capability `number` in its effective set.
///
/// False also where `/proc` cannot be read.
pub fn has_capability(number: u32) -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    set.checked_shr(number).is_some_and(|set| set & 1 == 1)
}

/// The command of process `pid`: its arguments joined by spaces, or its short name in brackets when it has none.
///
/// `None` when there is no such process.
pub fn command(pid: u32) -> Option<String> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let arguments = fs::read(dir.join("cmdline")).ok()?;
    let arguments: Vec<_> = arguments
        .split(|&byte| byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    if !arguments.is_empty() {
        return Some(arguments.join(" "));
    }
    let name = fs::read_to_string(dir.join("comm")).ok()?;
    Some(format!("[{}]", name.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_command_and_no_process_has_none() {
        assert!(command(std::process::id()).is_some_and(|command| !command.is_empty()));
        assert_eq!(command(u32::MAX), None);
    }

    #[test]
    fn no_process_has_a_capability_that_does_not_exist() {
        assert!(!has_capability(63));
        assert!(!has_capability(u32::MAX));
    }
}
