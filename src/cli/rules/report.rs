//! What is wrong or odd in files of rules, told with the place: `file:line:column`, the line, and the text underlined.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::render::escape;
use crate::ruleset::files::Source;
use crate::ruleset::set::{At, Finding, Severity};

/// Writes findings for people. What the files hold is escaped for a terminal.
pub(in crate::cli) fn write(
    findings: &[Finding],
    sources: &[Source],
    terminal: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut text = Vec::new();
    for finding in findings {
        text.clear();
        let Some(source) = sources.get(finding.at.source) else { continue };
        place(source, finding.at, Some(finding.column), terminal, &mut text);
        write!(text, ": {}: {}\n    ", severity(finding.severity), finding.message)?;
        let line = source.line(finding.at.line);
        show_line(line, terminal, &mut text);
        text.push(b'\n');
        if finding.bytes > 0 {
            text.extend_from_slice(b"    ");
            underline(line, finding.column - 1, finding.bytes, terminal, &mut text);
            text.push(b'\n');
        }
        if let Some((at, source)) = finding.other.and_then(|at| Some((at, sources.get(at.source)?))) {
            text.extend_from_slice(b"  the rule before it: ");
            place(source, at, None, terminal, &mut text);
            text.extend_from_slice(b"\n    ");
            show_line(source.line(at.line), terminal, &mut text);
            text.push(b'\n');
        }
        out.write_all(&text)?;
    }
    Ok(())
}

/// A finding for scripts.
pub(super) fn json(finding: &Finding, sources: &[Source]) -> Value {
    let file = |at: At| sources.get(at.source).map(|source| source.path.to_string_lossy().into_owned());
    let line = sources.get(finding.at.source).map(|source| source.line(finding.at.line)).unwrap_or_default();
    let mut told = json!({
        "file": file(finding.at),
        "line": finding.at.line,
        "column": finding.column,
        "length": finding.bytes,
        "severity": severity(finding.severity),
        "message": finding.message,
        "text": String::from_utf8_lossy(line),
    });
    if let (Some(other), Some(told)) = (finding.other, told.as_object_mut()) {
        told.insert("other".to_owned(), json!({ "file": file(other), "line": other.line }));
    }
    told
}

/// A line's place: file and number.
pub(super) fn line(sources: &[Source], at: At) -> String {
    let path = sources.get(at.source).map(|source| source.path.display().to_string());
    format!("{}:{}", path.unwrap_or_default(), at.line)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error | Severity::LeftOut => "error",
        Severity::Warning => "warning",
    }
}

fn place(source: &Source, at: At, column: Option<usize>, terminal: bool, out: &mut Vec<u8>) {
    use std::os::unix::ffi::OsStrExt;
    escape::show(source.path.as_os_str().as_bytes(), terminal, out);
    // Writing to memory cannot fail.
    let _ = write!(out, ":{}", at.line);
    if let Some(column) = column {
        let _ = write!(out, ":{column}");
    }
}

fn show_line(line: &[u8], terminal: bool, out: &mut Vec<u8>) {
    escape::show(line.strip_suffix(b"\r").unwrap_or(line), terminal, out);
}

/// Blanks as wide as what stands before the text, then a mark below each of its characters.
fn underline(line: &[u8], from: usize, bytes: usize, terminal: bool, out: &mut Vec<u8>) {
    let shown = |part: &[u8]| {
        let mut text = Vec::new();
        show_line(part, terminal, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let (before, rest) = line.split_at_checked(from).unwrap_or((line, &[]));
    let marked = rest.get(..bytes).unwrap_or(rest);
    // A tab that is shown as one moves what follows it by as much in the line below.
    out.extend(shown(before).chars().map(|character| if character == '\t' { b'\t' } else { b' ' }));
    out.push(b'^');
    out.extend(shown(marked).chars().skip(1).map(|_| b'~'));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::host::NoHost;
    use crate::ruleset::set::RuleSet;

    fn told(text: &str, terminal: bool) -> String {
        let mut sources = [Source::new("a.rules".into(), text.as_bytes().to_vec(), &NoHost)];
        let mut set = RuleSet::of(&mut sources);
        set.lint();
        let mut out = Vec::new();
        write(&set.findings, &sources, terminal, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_offending_text_is_underlined() {
        let cases = [
            (
                "-w relative -p r",
                "a.rules:1:4: error: the path must start with /\n    -w relative -p r\n       ^~~~~~~~\n",
            ),
            (
                "# x\n  -w /x\t-k ok -p  zr",
                "a.rules:2:19: error: permissions are one or more of r, w, x and a; 'z' is none of them\n      -w /x\t-k ok -p  zr\n           \t          ^~\n",
            ),
            (
                "-a always,exit -S open,nösuch,close",
                "a.rules:1:24: error: x86_64 has no system call of this name\n    -a always,exit -S open,nösuch,close\n                           ^~~~~~~~~~~~\n",
            ),
            ("-w ü\\ x", "a.rules:1:4: error: the path must start with /\n    -w ü\\ x\n       ^~~~\n"),
            ("-w /x -k", "a.rules:1:7: error: the option needs a value\n    -w /x -k\n          ^~\n"),
            (
                "-w /a -p r\n-w /a -p r\r\n",
                "a.rules:2:1: warning: the same rule stands before it; auditctl -R ends here, as the kernel refuses it\n    -w /a -p r\n  the rule before it: a.rules:1\n    -w /a -p r\n",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text, false), expected, "{text}");
        }
        let steering = told("-w x\x1b[31m -p r", true);
        assert!(
            !steering.contains('\x1b') && steering.contains("-w x\\u{1b}[31m -p r\n       ^~~~~~~~~~~\n"),
            "{steering}"
        );
    }
}
