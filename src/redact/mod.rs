//! Secrets in command lines, replaced before an event is stored.
//!
//! Looks at whole arguments, also those that the kernel has split over fields and records: of EXECVE, PROCTITLE and the
//! `cmd` of USER_CMD. What is replaced is gone for good, and the event says that something was: of such an event the
//! records' text is not what the kernel wrote.

pub mod error;
mod records;
pub mod rules;

#[cfg(test)]
mod tests;

use rules::Rules;

use crate::event::Event;
use crate::record::RecordType;

/// What stands in a secret's place.
pub const MARK: &str = "[redacted]";

/// What is taken for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Options whose value is one, of any program: `--password` (`--password=x`, `--password x`).
    pub options: Vec<String>,
    /// The same for the program of this name: `-u` (`-u x`), or `-p*` where the value follows at once (`-px`).
    pub programs: Vec<(String, Vec<String>)>,
    /// Names of variables whose value is one (`NAME=x`); `*` stands for any letters.
    pub assignments: Vec<String>,
    /// Whether the password in `scheme://user:password@host` is one.
    pub urls: bool,
    /// Regular expressions over one argument: what their group `secret` matches, or all that they match.
    pub patterns: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let program = |name: &str, options: &[&str]| (name.to_owned(), texts(options));
        Config {
            options: texts(&[
                "--password",
                "--passwd",
                "--passphrase",
                "--pass",
                "--secret",
                "--token",
                "--access-token",
                "--auth-token",
                "--api-key",
                "--apikey",
                "--client-secret",
                "--secret-key",
            ]),
            programs: vec![
                program("mysql", &["-p*"]),
                program("mysqldump", &["-p*"]),
                program("mysqladmin", &["-p*"]),
                program("mariadb", &["-p*"]),
                program("mariadb-dump", &["-p*"]),
                program("sshpass", &["-p", "-p*"]),
                program("curl", &["-u", "-u*", "--user", "--proxy-user"]),
                program("ldapsearch", &["-w", "-w*"]),
                program("ldapmodify", &["-w", "-w*"]),
                program("redis-cli", &["-a"]),
                program("smbclient", &["-U", "-U*"]),
                program("openssl", &["-passin", "-passout", "-pass"]),
            ],
            assignments: texts(&[
                "*PASSWORD",
                "*PASSWD",
                "*PASSPHRASE",
                "*SECRET",
                "*TOKEN",
                "*API_KEY",
                "*APIKEY",
                "*SECRET_KEY",
                "*ACCESS_KEY",
                "MYSQL_PWD",
                "PGPASSWORD",
            ]),
            urls: true,
            patterns: Vec::new(),
        }
    }
}

/// Replaces secrets; keeps its buffers from one event to the next.
#[derive(Debug)]
pub struct Redactor {
    rules: Rules,
    scratch: records::Scratch,
}

impl Redactor {
    /// One that replaces by these rules.
    pub fn new(config: &Config) -> Result<Redactor, error::Error> {
        Ok(Redactor { rules: Rules::new(config)?, scratch: records::Scratch::default() })
    }

    /// Replaces the secrets in an event's command lines, and has the event say so.
    pub fn event(&mut self, event: &mut Event) {
        let has_command = event.records().any(|(kind, _)| holds_command(kind));
        if has_command && let Some(redacted) = records::redacted(event, &self.rules, &mut self.scratch) {
            *event = redacted;
        }
    }

    /// Replaces the secrets in a command line that is known from elsewhere; how many there were.
    pub fn arguments(&self, arguments: &mut [Vec<u8>]) -> u32 {
        let mut count = 0;
        for (place, argument) in self.rules.apply(arguments) {
            if let Some(old) = arguments.get_mut(place) {
                *old = argument;
                count += 1;
            }
        }
        count
    }
}

/// Whether a record of this type holds a command line.
pub fn holds_command(kind: RecordType) -> bool {
    matches!(kind, RecordType::EXECVE | RecordType::PROCTITLE | RecordType::USER_CMD)
}
