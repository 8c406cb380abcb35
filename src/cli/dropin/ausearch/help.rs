//! What the options are for.

use super::names::{Meaning, OPTIONS};

/// What `-h` prints.
pub(super) fn text() -> String {
    let mut text = String::from("ausearch: finds events in the log of ktrail, or of auditd\n\nOptions:\n");
    for (names, meaning) in OPTIONS {
        let (value, says) = described(*meaning);
        let left = format!("{}{value}", names.join(", "));
        text.push_str(&format!("  {left:<34} {says}\n"));
    }
    text.push_str("\nAll conditions have to be met; of several -m or -n one.\n");
    text.push_str(
        "Exit status: 0 with matches, 1 without or on an error, 10 to 12 when a checkpoint is of no use.\n",
    );
    text
}

fn described(meaning: Meaning) -> (&'static str, &'static str) {
    match meaning {
        Meaning::Event => (" NUMBER", "the event with this serial number"),
        Meaning::Arch => (" MACHINE", "system calls of this machine: b64, b32, x86_64 …"),
        Meaning::Comm => (" TEXT", "part of the command's name"),
        Meaning::Checkpoint => (" FILE", "only what came after the last run with this file"),
        Meaning::Debug => ("", "tell of lines that are left out"),
        Meaning::Exit => (" NUMBER", "what the system call returned, or an error: -EACCES"),
        Meaning::Escape => (" WAY", "raw, tty (the default), shell or shell_quote"),
        Meaning::Timeout => (" SECONDS", "how long an event's records are waited for"),
        Meaning::ExtraKeys => ("", "csv: a column with the key"),
        Meaning::ExtraLabels => ("", "csv: columns with the labels of subject and object"),
        Meaning::ExtraObject => ("", "csv: a column with the second object"),
        Meaning::ExtraTime => ("", "csv: columns with the parts of the time"),
        Meaning::File => (" TEXT", "part of a file's or socket's name"),
        Meaning::Format => (" FORMAT", "raw, default, interpret, csv or text"),
        Meaning::GidAll => (" GROUP", "group id or effective group id"),
        Meaning::GidEffective => (" GROUP", "effective group id"),
        Meaning::Gid => (" GROUP", "group id"),
        Meaning::Help => ("", "this help"),
        Meaning::Host => (" TEXT", "part of the other host's name or address"),
        Meaning::Interpret => ("", "values in words"),
        Meaning::Input => (" FILE", "a log of auditd, or a directory with its logs"),
        Meaning::InputLogs => ("", "the logs, though standard input is a pipe"),
        Meaning::JustOne => ("", "end after the first match"),
        Meaning::Key => (" TEXT", "part of a rule's key"),
        Meaning::LineBuffered => ("", "write every line at once"),
        Meaning::Type => (" TYPES", "a record of one of these types, parted by commas"),
        Meaning::Node => (" NAME", "the host that the event comes from"),
        Meaning::Object => (" TEXT", "part of the object's security context"),
        Meaning::Pid => (" NUMBER", "process id"),
        Meaning::ParentPid => (" NUMBER", "the parent's process id"),
        Meaning::Raw => ("", "records as they are and nothing else"),
        Meaning::Syscall => (" CALL", "a system call by name or number"),
        Meaning::Context => (" TEXT", "part of the subject's or the object's security context"),
        Meaning::Session => (" NUMBER", "login session"),
        Meaning::Subject => (" TEXT", "part of the subject's security context"),
        Meaning::Success => (" yes|no", "how it ended"),
        Meaning::End => (" [DATE] [TIME]", "until this time"),
        Meaning::Start => (" [DATE] [TIME]", "from this time on"),
        Meaning::Terminal => (" TEXT", "part of the terminal's name"),
        Meaning::UidAll => (" USER", "user id, effective user id or login user id"),
        Meaning::UidEffective => (" USER", "effective user id"),
        Meaning::Uid => (" USER", "user id"),
        Meaning::Login => (" USER", "login user id"),
        Meaning::Uuid => (" TEXT", "UUID of a guest"),
        Meaning::Version => ("", "the version"),
        Meaning::Machine => (" TEXT", "name of a guest"),
        Meaning::Word => ("", "text has to match as a whole"),
        Meaning::Exe => (" TEXT", "part of the executable's path"),
    }
}
