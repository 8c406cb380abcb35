//! What aureport writes above its reports.

/// A report's words.
pub(super) struct Words {
    /// The options that ask for it.
    pub(super) options: &'static [&'static str],
    /// The list it is of.
    pub(super) listing: &'static str,
    pub(super) title: &'static str,
    pub(super) columns: &'static str,
    /// How long the lines above and below the columns are.
    pub(super) rules: (usize, usize),
    /// Its form that counts; not every report has one.
    pub(super) summary: Option<Counted>,
}

/// The words of a report that counts.
pub(super) struct Counted {
    pub(super) title: &'static str,
    /// What is counted.
    pub(super) object: &'static str,
    pub(super) rules: (usize, usize),
}

/// Every report that lists events.
pub(super) const REPORTS: &[Words] = &[
    Words {
        options: &["-a", "--avc"],
        listing: "access",
        title: "AVC Report",
        columns: "# date time comm subj syscall class permission obj result event",
        rules: (63, 63),
        summary: Some(Counted { title: "Avc Object Summary Report", object: "obj", rules: (33, 33) }),
    },
    Words {
        options: &["-au", "--auth"],
        listing: "authentications",
        title: "Authentication Report",
        columns: "# date time acct host term exe success event",
        rules: (44, 44),
        summary: Some(Counted { title: "Authentication Summary Report", object: "acct", rules: (29, 29) }),
    },
    Words {
        options: &["-c", "--config"],
        listing: "config",
        title: "Config Change Report",
        columns: "# date time type auid success event",
        rules: (35, 35),
        summary: Some(Counted { title: "Config Change Summary Report", object: "type", rules: (28, 28) }),
    },
    Words {
        options: &["--comm"],
        listing: "commands",
        title: "Command Report",
        columns: "# date time comm term host auid event",
        rules: (36, 37),
        summary: Some(Counted { title: "Command Summary Report", object: "command", rules: (33, 33) }),
    },
    Words {
        options: &["-cr", "--crypto"],
        listing: "crypto",
        title: "Crypto Report",
        columns: "# date time auid type success event",
        rules: (35, 35),
        summary: Some(Counted { title: "Crypto Summary Report", object: "type", rules: (21, 21) }),
    },
    Words {
        options: &["-e", "--event"],
        listing: "events",
        title: "Event Report",
        columns: "# date time event type auid success",
        rules: (35, 35),
        summary: Some(Counted { title: "Event Summary Report", object: "type", rules: (22, 22) }),
    },
    Words {
        options: &["-f", "--file"],
        listing: "files",
        title: "File Report",
        columns: "# date time file syscall success exe auid event",
        rules: (47, 47),
        summary: Some(Counted { title: "File Summary Report", object: "file", rules: (27, 27) }),
    },
    Words {
        options: &["-h", "--host"],
        listing: "hosts",
        title: "Host Report",
        columns: "# date time host syscall auid event",
        rules: (35, 35),
        summary: Some(Counted { title: "Host Summary Report", object: "host", rules: (27, 27) }),
    },
    Words {
        options: &["--integrity"],
        listing: "integrity",
        title: "Integrity Report",
        columns: "# date time type success event",
        rules: (30, 30),
        summary: Some(Counted { title: "Integrity Summary Report", object: "type", rules: (24, 24) }),
    },
    Words {
        options: &["-k", "--key"],
        listing: "keys",
        title: "Key Report",
        columns: "# date time key success exe auid event",
        rules: (47, 47),
        summary: Some(Counted { title: "Key Summary Report", object: "key", rules: (27, 27) }),
    },
    Words {
        options: &["-l", "--login"],
        listing: "logins",
        title: "Login Report",
        columns: "# date time auid host term exe success event",
        rules: (44, 44),
        summary: Some(Counted { title: "Login Summary Report", object: "auid", rules: (28, 28) }),
    },
    Words {
        options: &["-m", "--mods"],
        listing: "accounts",
        title: "Account Modifications Report",
        columns: "# date time auid addr term exe acct success event",
        rules: (49, 49),
        summary: Some(Counted { title: "Acct Modification Summary Report", object: "type", rules: (32, 32) }),
    },
    Words {
        options: &["-ma", "--mac"],
        listing: "mac",
        title: "MAC Report",
        columns: "# date time auid type success event",
        rules: (35, 35),
        summary: Some(Counted { title: "MAC Summary Report", object: "type", rules: (18, 18) }),
    },
    Words {
        options: &["-n", "--anomaly"],
        listing: "anomalies",
        title: "Anomaly Report",
        columns: "# date time type exe term host auid event",
        rules: (41, 41),
        summary: Some(Counted { title: "Anomaly Summary Report", object: "type", rules: (22, 22) }),
    },
    Words {
        options: &["-p", "--pid"],
        listing: "processes",
        title: "Process ID Report",
        columns: "# date time pid exe syscall auid event",
        rules: (38, 38),
        summary: Some(Counted { title: "Pid Summary Report", object: "pid", rules: (26, 26) }),
    },
    Words {
        options: &["-r", "--response"],
        listing: "responses",
        title: "Response to Anomaly Report",
        columns: "# date time type success event",
        rules: (30, 30),
        summary: Some(Counted { title: "Anomaly Response Summary Report", object: "type", rules: (31, 31) }),
    },
    Words {
        options: &["-s", "--syscall"],
        listing: "syscalls",
        title: "Syscall Report",
        columns: "# date time syscall pid comm auid event",
        rules: (39, 39),
        summary: Some(Counted { title: "Syscall Summary Report", object: "syscall", rules: (26, 26) }),
    },
    Words {
        options: &["-tm", "--terminal"],
        listing: "terminals",
        title: "Terminal Report",
        columns: "# date time term host exe auid event",
        rules: (36, 36),
        summary: Some(Counted { title: "Terminal Summary Report", object: "terminal", rules: (31, 31) }),
    },
    Words {
        options: &["--tty"],
        listing: "keystrokes",
        title: "TTY Report",
        columns: "# date time event auid term sess comm data",
        rules: (47, 47),
        summary: None,
    },
    Words {
        options: &["-u", "--user"],
        listing: "users",
        title: "User ID Report",
        columns: "# date time auid term host exe event",
        rules: (36, 36),
        summary: Some(Counted { title: "User Summary Report", object: "auid", rules: (27, 27) }),
    },
    Words {
        options: &["--virt"],
        listing: "virtual",
        title: "Virtualization Report",
        columns: "# date time type success event",
        rules: (30, 30),
        summary: Some(Counted { title: "Virtualization Summary Report", object: "type", rules: (29, 29) }),
    },
    Words {
        options: &["-x", "--executable"],
        listing: "executables",
        title: "Executable Report",
        columns: "# date time exe term host auid event",
        rules: (36, 36),
        summary: Some(Counted { title: "Executable Summary Report", object: "file", rules: (33, 33) }),
    },
];
