//! Outputs beside the log, with the programs they are for: Debian's ausearch and aureport, laurel, and the daemon itself.

mod support {
    pub(crate) mod daemon;
    pub(crate) mod kernel;
}

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::outputs::form::Form;
use ktrail::outputs::plugin::{self, Framing};
use ktrail::outputs::tap::Tap;
use ktrail::outputs::{Config, Kind, Outputs, text_log};
use ktrail::record::stamp::EventId;
use ktrail::store::term::Terms;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::daemon::{Daemon, PATIENCE, directory};
use support::kernel::KernelGuard;

const AUSEARCH: &str = "/usr/sbin/ausearch";
const AUREPORT: &str = "/usr/sbin/aureport";
const LAUREL: &str = "/usr/sbin/laurel";

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name)
}

/// Whether the program is installed; a run that must not skip fails without it.
fn is_here(program: &str) -> bool {
    let here = Path::new(program).exists();
    let required = std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    assert!(here || !required, "KTRAIL_REQUIRE_KERNEL is 1, but {program} is not installed");
    if !here {
        eprintln!("skipped: {program} is not installed");
    }
    here
}

/// Hands entries to the outputs.
struct ToTap(Tap);

impl Sink for ToTap {
    fn entry(&mut self, _: EventId, terms: &Terms, line: &[u8]) {
        self.0.offer(line, terms);
    }
}

/// Sends the events of a log through one output.
fn through(log: &Path, kind: Kind) {
    let config = Config { name: "test".to_owned(), filter: None, queue_events: 1 << 16, kind };
    let (outputs, tap) = Outputs::start(vec![config]).expect("threads");
    let mut sink = ToTap(tap);
    let mut ingest = Ingest::import(Arc::new(Counters::default()));
    for (number, line) in (1..).zip(fs::read(log).expect("a log").split(|byte| *byte == b'\n')) {
        ingest.log_line(line, number, &mut sink);
    }
    ingest.finish(Now::default(), &mut sink);
    drop(sink);
    outputs.end(PATIENCE);
}

/// A program's lines, sorted: events of one millisecond have no order.
fn lines(program: &str, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("TZ", "UTC").env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().expect("it runs");
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn auditds_tools_read_the_text_log_as_they_read_auditds() {
    if !is_here(AUSEARCH) || !is_here(AUREPORT) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    for (name, form) in [("guest.enriched.log", Form::Enriched), ("mixed.raw.log", Form::Raw)] {
        let (log, path) = (corpus(name), dir.path().join(name));
        let (max_bytes, on_max) = (u64::MAX, text_log::OnMax::Rotate);
        let kind = text_log::Config { path: path.clone(), form, max_bytes, on_max, files: 5, group: None };
        through(&log, Kind::TextLog(kind));
        let (log, path) = (log.to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
        for arguments in [
            &["-i"][..],
            &["-r"],
            &["-i", "-m", "SYSCALL,PATH"],
            &["-r", "-x", "useradd"],
            &["--format", "csv"],
            &["-i", "-ui", "0", "-sv", "no"],
        ] {
            let of = |log: &str| lines(AUSEARCH, &[&["-if", log], arguments].concat());
            let expected = of(log);
            assert_eq!(of(path), expected, "{name}: {arguments:?}");
            assert!(!expected.is_empty() || arguments.len() > 2, "{name}: {arguments:?}");
        }
        for report in ["--summary", "-x", "-f", "-u", "-au", "-m", "-e", "-s", "-c"] {
            // The range of the log is told with the time of its file.
            let of = |log: &str| -> Vec<String> {
                let lines = lines(AUREPORT, &["-if", log, report]);
                // Rows are numbered in the log's order.
                let unnumbered =
                    |line: &String| line.split_once(". ").map_or(line.clone(), |(_, row)| row.to_owned());
                let mut rows: Vec<String> = lines.iter().map(unnumbered).collect();
                rows.sort();
                rows
            };
            assert_eq!(of(path), of(log), "{name}: {report}");
        }
        // And an import of what was written holds the same records.
        let store = dir.path().join(format!("{name}.store"));
        let store = store.to_str().expect("UTF-8");
        let ktrail = env!("CARGO_BIN_EXE_ktrail");
        lines(ktrail, &["--log-dir", store, "import", path]);
        let text = fs::read_to_string(path).expect("the log that was written");
        let mut read: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut found = lines(ktrail, &["--log-dir", store, "search", "--format", "raw"]);
        let bare = |lines: &mut Vec<String>| {
            for line in lines.iter_mut() {
                line.truncate(line.find('\u{1d}').unwrap_or(line.len()));
            }
            lines.sort();
        };
        bare(&mut read);
        bare(&mut found);
        assert!(!read.is_empty());
        assert_eq!(found, read, "{name}");
    }
}

#[test]
fn laurel_runs_as_a_plugin() {
    if !is_here(LAUREL) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let config = |name: &str| {
        let out = dir.path().join(name);
        fs::create_dir(&out).expect("a directory");
        let text = format!("directory = {out:?}\n[auditlog]\nfile = \"audit.log\"\n");
        let path = dir.path().join(format!("{name}.toml"));
        fs::write(&path, text).expect("a file");
        (path.to_str().expect("UTF-8").to_owned(), out.join("audit.log"))
    };
    let log = corpus("guest.raw.log");
    let (direct, direct_log) = config("direct");
    let mut child = Command::new(LAUREL);
    child.args(["--config", &direct]).stdin(fs::File::open(&log).expect("a log")).stderr(Stdio::null());
    assert!(child.status().expect("laurel runs").success());

    let (ours, ours_log) = config("ours");
    // As its package's file in plugins.d has it, but for the configuration.
    let plugins = dir.path().join("plugins.d");
    fs::create_dir(&plugins).expect("a directory");
    let file = format!(
        "active = yes\ndirection = out\ntype = always\nformat = string\npath = {LAUREL}\nargs = --config {ours}\n"
    );
    fs::write(plugins.join("laurel.conf"), file).expect("a file");
    fs::write(plugins.join("off.conf"), "active = no\npath = /nonexistent\n").expect("a file");
    let kind = ktrail::outputs::Plugins { dir: plugins, enriched: false, restarts_max: 0 };
    through(&log, Kind::Plugins(kind));

    let sorted = |path: &Path| {
        let text = fs::read_to_string(path).expect("laurel's log");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (expected, found) = (sorted(&direct_log), sorted(&ours_log));
    assert!(expected.len() > 150, "{} events", expected.len());
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn the_daemon_delivers_to_its_outputs_and_restarts_them_when_it_reloads() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let (log, socket, read, starts) = (at("audit/audit.log"), at("events"), at("read"), at("starts"));
    let script = format!("echo $$ >> {}; cat >> {}", starts.display(), read.display());
    let config = format!(
        "[output.text]\ntype = \"log\"\npath = {log:?}\nformat = \"enriched\"\n\
         [output.live]\ntype = \"socket\"\npath = {socket:?}\nformat = \"raw\"\nfilter = \"key=outputs\"\n\
         [output.cat]\ntype = \"plugin\"\npath = \"/bin/sh\"\nargs = [\"-c\", {script:?}]\n\
         [output.none]\ntype = \"syslog\"\npath = {:?}\n",
        at("nobody")
    );
    let daemon = Daemon::start_in(dir, &config, |watched| {
        ["-w", watched.to_str().expect("UTF-8"), "-p", "wa", "-k", "outputs"].map(str::to_owned).to_vec()
    });
    wait_for("the socket is there", || socket.exists());
    let mut consumer = BufReader::new(UnixStream::connect(&socket).expect("a socket"));
    fs::write(daemon.watched().join("first"), "x").expect("a file");
    let mut line = String::new();
    // The rule that is added has the key too.
    while !(line.starts_with("type=SYSCALL ") && line.ends_with("key=\"outputs\"\n")) {
        line.clear();
        assert!(consumer.read_line(&mut line).expect("a line") > 0, "the socket stays");
    }
    let text = || fs::read_to_string(&log).unwrap_or_default();
    wait_for("the text log has the event", || text().contains("key=\"outputs\"\u{1d}ARCH="));
    wait_for("one fails", || {
        let status = daemon.status();
        let outputs = status["outputs"].as_array().cloned().unwrap_or_default();
        assert_eq!(outputs.len(), 4, "{status:#}");
        outputs.iter().any(|output| output["name"] == "none" && output["failing"].is_string())
    });
    let failed = daemon.search(&["--type", "DAEMON_ERR"], 1);
    assert!(failed.iter().any(|event| event["records"][0]["output"] == "none"), "{failed:#?}");

    kill(Pid::from_raw(daemon.child.id().try_into().expect("a pid")), Signal::SIGHUP)
        .expect("the daemon lives");
    let begun = || fs::read_to_string(&starts).unwrap_or_default().lines().count();
    wait_for("the plugin is started again", || begun() == 2);
    // The old socket has ended, in order; the new one is at its place.
    let mut rest = String::new();
    while consumer.read_line(&mut rest).expect("lines") > 0 {}
    wait_for("the socket is there again", || UnixStream::connect(&socket).is_ok());
    daemon.search(&["--type", "DAEMON_START"], 2);
    fs::write(daemon.watched().join("second"), "x").expect("a file");
    wait_for("the plugin has it", || {
        let read = fs::read_to_string(&read).unwrap_or_default();
        read.contains("/second\"") && read.contains("type=EOE ")
    });
    let pid: i32 =
        fs::read_to_string(&starts).expect("starts").lines().last().expect("two").parse().expect("a pid");
    let (status, dir) = daemon.stop();
    assert_eq!(status, Some(0));
    assert!(kill(Pid::from_raw(pid), None).is_err(), "the plugin has ended with the daemon");
    assert!(!socket.exists(), "and so has the socket");
    let written = text();
    for wanted in ["/first\"", "/second\"", "type=DAEMON_START", "op=reload", "type=DAEMON_END", "AUID="] {
        assert!(written.contains(wanted), "{wanted}: {written}");
    }
    assert!(fs::read_to_string(&read).expect("what it read").contains("type=DAEMON_END"));
    drop(dir);
}

#[test]
fn a_plugin_gets_what_a_busy_kernel_sends() {
    // The longest message the kernel sends is 8970 bytes: it is more than a pipe takes at once.
    let dir = tempfile::tempdir().expect("a directory");
    let (path, log) = (dir.path().join("read"), dir.path().join("log"));
    let record = |serial: u32| {
        format!("type=USER msg=audit(1700000001.250:{serial}): pid=1 msg='{}'\n", "x".repeat(8900))
    };
    let text: String = (1..=500).map(record).collect();
    fs::write(&log, &text).expect("a log");
    let script = format!("exec cat > {}", path.display());
    let kind = plugin::Config {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script],
        framing: Framing::Text,
        enriched: false,
        restarts_max: 0,
    };
    through(&log, Kind::Plugin(kind));
    assert!(fs::read_to_string(path).expect("what it read") == text, "every byte in its order");
}
