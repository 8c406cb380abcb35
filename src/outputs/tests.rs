//! Every kind of output against a receiver of its kind, with what a real kernel wrote.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::form::{self, Form};
use super::plugin::{self, Framing, HEADER_BYTES};
use super::socket::CLIENT_BYTES_MAX;
use super::state::State;
use super::syslog::{Facility, Severity, Transport};
use super::tap::{QUEUE_BYTES_MAX, Tap};
use super::text_log::OnMax;
use super::{Config, Kind, Outputs, journal, socket, syslog, text_log};
use crate::entry::decode::decode;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now, Sink};
use crate::query::filter::Filter;
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::store::term::Terms;

/// How long an output is waited for. Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Entries with their terms.
#[derive(Default)]
struct Entries(Vec<(Vec<u8>, Terms)>);

impl Sink for Entries {
    fn entry(&mut self, _: EventId, terms: &Terms, line: &[u8]) {
        self.0.push((line.to_vec(), terms.clone()));
    }
}

fn corpus(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name))
        .expect("a log of ours")
}

fn import(log: &[u8]) -> Entries {
    let mut ingest = Ingest::import(Arc::new(Counters::default()));
    let mut entries = Entries::default();
    for (number, line) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        ingest.log_line(line, number, &mut entries);
    }
    ingest.finish(Now::default(), &mut entries);
    entries
}

fn config(name: &str, kind: Kind) -> Config {
    Config { name: name.to_owned(), filter: None, queue_events: 1 << 16, kind }
}

/// Delivers the entries, ends the output, and gives how many were delivered and dropped.
fn deliver(config: Config, entries: &Entries) -> (u64, u64) {
    let (outputs, tap) = Outputs::start(vec![config]).expect("threads");
    entries.0.iter().for_each(|(line, terms)| tap.offer(line, terms));
    drop(tap);
    let states = outputs.states();
    outputs.end(PATIENCE);
    let counts = states.first().expect("one output").counts();
    assert_eq!((counts.waiting, counts.waiting_bytes), (0, 0));
    (counts.delivered, counts.dropped)
}

fn number(entries: &Entries) -> u64 {
    u64::try_from(entries.0.len()).expect("few")
}

/// The lines in an order that does not depend on which event was closed first.
fn sorted(text: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> =
        String::from_utf8_lossy(text).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn text_log(path: &Path, form: Form, max_bytes: u64, on_max: OnMax, files: u32) -> Kind {
    Kind::TextLog(text_log::Config { path: path.to_owned(), form, max_bytes, on_max, files, group: None })
}

#[test]
fn the_text_log_is_what_auditd_has_written_byte_for_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, form) in [
        ("guest.enriched.log", Form::Enriched),
        ("guest.raw.log", Form::Raw),
        ("host.raw.log", Form::Raw),
        ("mixed.raw.log", Form::Raw),
    ] {
        let log = corpus(name);
        let entries = import(&log);
        let path = dir.path().join("audit").join(name);
        let done = deliver(config("log", text_log(&path, form, u64::MAX, OnMax::Rotate, 5)), &entries);
        assert_eq!(done, (number(&entries), 0));
        let written = fs::read(&path).expect("a log");
        let (expected, written) = (sorted(&log), sorted(&written));
        for (expected, written) in expected.iter().zip(&written) {
            assert_eq!(expected, written, "{name}");
        }
        assert_eq!(expected.len(), written.len(), "{name}");
        let mode = fs::metadata(&path).expect("a log").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn files_are_rotated_as_auditds_are() {
    let entries = import(&corpus("host.raw.log"));
    for (on_max, files, expected) in [
        (OnMax::Rotate, 3, &["audit.log", "audit.log.1", "audit.log.2"][..]),
        (OnMax::Rotate, 1, &["audit.log"]),
        (OnMax::Ignore, 3, &["audit.log"]),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        // Left by a configuration with more files.
        if files == 3 && on_max == OnMax::Rotate {
            fs::write(dir.path().join("audit.log.3"), "old").expect("a file");
        }
        let path = dir.path().join("audit.log");
        deliver(config("log", text_log(&path, Form::Raw, 16 << 10, on_max, files)), &entries);
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        names.sort();
        assert_eq!(names, expected, "{on_max:?} {files}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("audit.log");
    deliver(config("log", text_log(&path, Form::Raw, 16 << 10, OnMax::Keep, 0)), &entries);
    let last = (1..).take_while(|number| dir.path().join(format!("audit.log.{number}")).exists()).count();
    assert!(last > 5, "{last} files");
    let mut all = Vec::new();
    for number in (1..=last).rev() {
        let rotated = dir.path().join(format!("audit.log.{number}"));
        let found = fs::metadata(&rotated).expect("a file");
        assert_eq!(found.permissions().mode() & 0o777, 0o400);
        assert!(found.len() >= 16 << 10 && found.len() < 64 << 10, "{} bytes", found.len());
        all.extend(fs::read(rotated).expect("a file"));
    }
    all.extend(fs::read(path).unwrap_or_default());
    assert_eq!(sorted(&all), sorted(&corpus("host.raw.log")), "nothing is lost on the way");
}

fn shell(script: &str, framing: Framing, restarts_max: u32) -> Kind {
    Kind::Plugin(plugin::Config {
        path: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        framing,
        enriched: false,
        restarts_max,
    })
}

#[test]
fn a_plugin_reads_lines_and_the_end_of_each_event() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("read");
    let log = corpus("guest.raw.log");
    let entries = import(&log);
    let script = format!("exec cat > {}", path.display());
    assert_eq!(deliver(config("cat", shell(&script, Framing::Text, 0)), &entries), (number(&entries), 0));
    let read = fs::read(path).expect("what it read");
    let (ends, records): (Vec<_>, Vec<_>) =
        sorted(&read).into_iter().partition(|line| line.contains("type=EOE "));
    assert_eq!(records, sorted(&log));
    // An event with a system call has ended with EOE, and only such a one.
    let id = |line: &str| {
        line.split_once("msg=").expect("a record").1.split_once("):").expect("an id").0.to_owned()
    };
    let mut calls: Vec<_> =
        records.iter().filter(|line| line.contains("type=SYSCALL ")).map(|line| id(line)).collect();
    calls.dedup();
    assert!(calls.len() > 50);
    for call in &calls {
        assert_eq!(ends.iter().filter(|line| id(line) == *call).count(), 1, "{call}");
    }
    assert!(ends.iter().all(|line| line.ends_with("): ")));
}

#[test]
fn a_plugin_reads_binary_headers() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("read");
    let log = corpus("host.raw.log");
    let script = format!("exec cat > {}", path.display());
    deliver(config("cat", shell(&script, Framing::Binary, 0)), &import(&log));
    let read = fs::read(path).expect("what it read");
    let mut rest = read.as_slice();
    let mut lines = Vec::new();
    while let Some((header, more)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!((word(0), word(4)), (1, 16), "version and length of the header");
        let (text, more) = more.split_at(usize::try_from(word(12)).expect("a length"));
        let kind = RecordType(u16::try_from(word(8)).expect("a type"));
        let text = String::from_utf8_lossy(text).into_owned();
        let (name, number) = (format!("type={kind} "), format!("type=UNKNOWN[{}] ", kind.0));
        assert!(text.starts_with(&name) || text.starts_with(&number), "{kind}: {text}");
        if kind != RecordType::EOE {
            lines.push(text);
        }
        rest = more;
    }
    assert!(rest.is_empty());
    lines.sort();
    assert_eq!(lines, sorted(&log));
}

#[test]
fn a_plugin_that_ends_is_started_again_and_then_given_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let starts = dir.path().join("starts");
    let entries = import(&corpus("host.raw.log"));
    let script = format!("echo >> {}; read line; exit 3", starts.display());
    let (outputs, tap) =
        Outputs::start(vec![config("short", shell(&script, Framing::Text, 2))]).expect("threads");
    let state = outputs.states().remove(0);
    let begun = Instant::now();
    while !state.failing().is_some_and(|cause| cause.contains("not started again")) {
        entries.0.iter().take(50).for_each(|(line, terms)| tap.offer(line, terms));
        assert!(begun.elapsed() < PATIENCE, "{:?}", state.failing());
        std::thread::yield_now();
    }
    drop(tap);
    outputs.end(PATIENCE);
    assert_eq!(fs::read_to_string(starts).expect("its starts").lines().count(), 3, "once, and twice again");
    assert!(state.counts().dropped > 0);
    let cause = state.failing().expect("it failed");
    assert!(cause.contains("/bin/sh has ended 3 times"), "{cause}");
}

#[test]
fn a_plugin_that_does_not_end_is_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let (begun, told) = (dir.path().join("begun"), dir.path().join("told"));
    // It closes its input's end only by the signal: nothing but SIGTERM ends it in order.
    let script = format!(
        "trap 'echo > {}; exit 0' TERM; echo > {}; while :; do sleep 0.01; done",
        told.display(),
        begun.display()
    );
    let (outputs, tap) =
        Outputs::start(vec![config("deaf", shell(&script, Framing::Text, 0))]).expect("threads");
    let waited = Instant::now();
    while !begun.exists() {
        assert!(waited.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    drop(tap);
    outputs.end(PATIENCE);
    assert!(told.exists(), "SIGTERM came");
}

fn syslog(transport: Transport, form: Form, max_bytes: usize) -> Kind {
    Kind::Syslog(syslog::Config {
        transport,
        facility: Facility(10),
        severity: Severity(6),
        form,
        max_bytes,
        host: "web 1".to_owned(),
    })
}

/// The parts of a message of RFC 5424: priority and version, time, host, program, process, kind, data, text.
fn parts(message: &str) -> [&str; 8] {
    let parts: Vec<&str> = message.splitn(8, ' ').collect();
    parts.try_into().unwrap_or_else(|_| panic!("not a message: {message}"))
}

#[test]
fn syslog_messages_are_of_rfc_5424_and_never_too_long() {
    let dir = tempfile::tempdir().expect("a directory");
    let entries = import(&corpus("host.raw.log"));
    let pid = std::process::id().to_string();
    for (form, max_bytes) in [(Form::Json, 8192), (Form::Json, 600), (Form::Raw, 480), (Form::Line, 8192)] {
        let path = dir.path().join("log");
        let _ = fs::remove_file(&path);
        let receiver = UnixDatagram::bind(&path).expect("a socket");
        let reading = std::thread::spawn({
            let expected: usize = entries
                .0
                .iter()
                .map(|(line, _)| form::lines(form, line, &decode(line).expect("an entry")).len())
                .sum();
            move || {
                let mut buffer = vec![0; 1 << 20];
                let mut read = || {
                    let length = receiver.recv(&mut buffer).expect("a message");
                    String::from_utf8(buffer[..length].to_vec()).expect("UTF-8")
                };
                (0..expected).map(|_| read()).collect::<Vec<_>>()
            }
        });
        deliver(config("log", syslog(Transport::Unix(path), form, max_bytes)), &entries);
        let messages = reading.join().expect("messages");
        let mut cut = 0;
        for message in &messages {
            assert!(message.len() <= max_bytes, "{} bytes", message.len());
            let [version, time, host, program, process, kind, data, text] = parts(message);
            assert_eq!((version, host, program), ("<86>1", "web1", "ktraild"));
            assert_eq!((process, kind, data), (pid.as_str(), "audit", "-"));
            time.parse::<jiff::Timestamp>().expect("a time");
            if form == Form::Json {
                let object: serde_json::Value = serde_json::from_str(text).expect("JSON though it is cut");
                cut += usize::from(object.get("cut").is_some());
            } else {
                cut += usize::from(text.ends_with(" bytes]"));
            }
        }
        // Hostile names are escaped in a sentence, and longer than in a record.
        assert_eq!(
            cut > 0,
            max_bytes < 8192 || matches!(form, Form::Json | Form::Line),
            "{form:?} {max_bytes}: {cut} of {}",
            messages.len()
        );
    }
}

#[test]
fn syslog_goes_to_ports_of_this_machine() {
    let entries = import(&corpus("mixed.raw.log"));
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = udp.local_addr().expect("an address");
    let some =
        Entries(entries.0.iter().take(20).map(|(line, terms)| (line.clone(), terms.clone())).collect());
    deliver(config("udp", syslog(Transport::Udp(address), Form::Json, 8192)), &some);
    let mut buffer = vec![0; 1 << 16];
    for (line, _) in &some.0 {
        let length = udp.recv(&mut buffer).expect("a datagram");
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert_eq!(parts(&message)[7].as_bytes(), line);
    }
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = tcp.local_addr().expect("an address");
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        tcp.accept().expect("a connection").0.read_to_end(&mut text).expect("a stream");
        text
    });
    deliver(config("tcp", syslog(Transport::Tcp(address), Form::Json, 1 << 20)), &entries);
    let text = reading.join().expect("a stream");
    let mut rest = text.as_slice();
    let mut read = 0;
    while !rest.is_empty() {
        let blank = rest.iter().position(|byte| *byte == b' ').expect("a length");
        let length: usize = std::str::from_utf8(&rest[..blank]).expect("digits").parse().expect("a length");
        let message = std::str::from_utf8(&rest[blank + 1..blank + 1 + length]).expect("a message");
        assert_eq!(parts(message)[7].as_bytes(), entries.0[read].0);
        rest = &rest[blank + 1 + length..];
        read += 1;
    }
    assert_eq!(read, entries.0.len());
}

#[test]
fn the_journal_gets_fields() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("journal");
    let receiver = UnixDatagram::bind(&path).expect("a socket");
    let entries =
        import(b"type=USER msg=audit(1700000001.250:7): pid=1 uid=0 auid=0 ses=1 msg='op=x res=success'\n");
    let kind = Kind::Journal(journal::Config {
        path,
        facility: Facility(10),
        severity: Severity(5),
        form: Form::Raw,
        max_bytes: 4096,
    });
    deliver(config("journal", kind), &entries);
    let mut buffer = vec![0; 1 << 16];
    let length = receiver.recv(&mut buffer).expect("a datagram");
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let expected = "PRIORITY=5\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=ktraild\nAUDIT_EVENT=1700000001.250:7\nAUDIT_TYPE_NAME=USER\nMESSAGE=type=USER msg=audit(1700000001.250:7): pid=1 uid=0 auid=0 ses=1 msg='op=x res=success'\n";
    assert_eq!(text, expected);
}

fn consumers(path: &Path, clients_max: usize) -> Kind {
    let path = path.to_owned();
    Kind::Socket(socket::Config { path, mode: 0o660, group: None, clients_max, form: Form::Json })
}

fn connect(path: &Path) -> UnixStream {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_slow_client_is_let_go_and_the_others_get_every_event() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.sock");
    let (outputs, mut tap) = Outputs::start(vec![config("socket", consumers(&path, 2))]).expect("threads");
    let state = outputs.states().remove(0);
    let slow = connect(&path);
    let mut reading = BufReader::new(connect(&path));
    assert_eq!(fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o660);
    // One more than may.
    assert_eq!(connect(&path).read(&mut [0]).unwrap_or(0), 0, "it is refused");
    let entries = import(&corpus("mixed.raw.log"));
    let mut sent = 0usize;
    let mut read = String::new();
    // Nothing is read of one until it has been let go.
    while state.counts().clients_dropped == 0 {
        assert!(sent < CLIENT_BYTES_MAX * 4, "{sent} bytes were sent");
        for (line, terms) in &entries.0 {
            tap.offer(line, terms);
            sent += line.len() + 1;
            read.clear();
            reading.read_line(&mut read).expect("a line");
            assert_eq!(read.trim_end().as_bytes(), line);
        }
    }
    let notes = tap.notes(0);
    assert_eq!(
        notes,
        [(RecordType::DAEMON_ERR, "op=output output=socket slow-clients=1 res=failed".to_owned())]
    );
    drop((tap, slow));
    outputs.end(PATIENCE);
    assert_eq!(reading.read_line(&mut read).expect("the end"), 0);
    assert!(!path.exists(), "the socket is removed at the end");
}

#[test]
fn a_path_that_is_taken_is_not_taken_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    fs::write(&path, "mine").expect("a file");
    let (outputs, tap) = Outputs::start(vec![config("socket", consumers(&path, 2))]).expect("threads");
    let state = outputs.states().remove(0);
    let begun = Instant::now();
    while state.failing().is_none() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert!(state.failing().is_some_and(|cause| cause.ends_with("is in use or is no socket")));
    drop(tap);
    outputs.end(PATIENCE);
    assert_eq!(fs::read_to_string(path).expect("a file"), "mine");
}

/// What others could have put there, or could put there, is neither written, listened on nor run.
#[test]
fn paths_that_are_not_to_be_trusted_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let mode = |name: &str, mode| {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    fs::create_dir(at("open")).expect("a directory");
    mode("open", 0o777);
    fs::write(at("two"), "mine").expect("a file");
    fs::hard_link(at("two"), at("names")).expect("a link");
    std::os::unix::fs::symlink(at("two"), at("link")).expect("a link");
    fs::write(at("script"), "#!/bin/sh\necho run > \"$0.ran\"\n").expect("a file");
    mode("script", 0o757);
    let log = |name: &str| text_log(&at(name), Form::Raw, u64::MAX, OnMax::Rotate, 2);
    let plugin = plugin::Config {
        path: at("script"),
        arguments: Vec::new(),
        framing: Framing::Text,
        enriched: false,
        restarts_max: 5,
    };
    let mut cases = vec![
        (log("open/audit.log"), "others may write it, its mode is 0777"),
        (log("names"), "it has 2 names (hard links)"),
        (log("link"), "cannot open"),
        (consumers(&at("open/socket"), 2), "others may write it, its mode is 0777"),
        (Kind::Plugin(plugin), "others may write it, its mode is 0757"),
    ];
    if nix::unistd::geteuid().is_root() {
        fs::write(at("theirs"), "mine").expect("a file");
        std::os::unix::fs::chown(at("theirs"), Some(7), None).expect("root may");
        cases.push((log("theirs"), "it belongs to user 7"));
    }
    let entries = import(&corpus("host.raw.log"));
    for (kind, expected) in cases {
        let (outputs, tap) = Outputs::start(vec![config("x", kind)]).expect("threads");
        tap.offer(&entries.0[0].0, &entries.0[0].1);
        let state = outputs.states().remove(0);
        let begun = Instant::now();
        let cause = loop {
            if let Some(cause) = state.failing() {
                break cause;
            }
            assert!(begun.elapsed() < PATIENCE, "{expected}");
            std::thread::yield_now();
        };
        assert!(cause.contains(expected), "{cause}");
        drop(tap);
        outputs.end(Duration::from_millis(100));
    }
    assert_eq!(fs::read_to_string(at("two")).expect("a file"), "mine");
    assert!(!at("script.ran").exists() && fs::read_dir(at("open")).expect("a directory").count() == 0);
}

#[test]
fn an_output_that_hangs_costs_its_own_events_only_and_is_told() {
    let entries = import(&corpus("host.raw.log"));
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("audit.log");
    let hung = Config { queue_events: 4, ..config("hung", shell("exec sleep 1000", Framing::Text, 0)) };
    let fine = config("fine", text_log(&log, Form::Raw, u64::MAX, OnMax::Rotate, 2));
    let (outputs, mut tap) = Outputs::start(vec![hung, fine]).expect("threads");
    let states = outputs.states();
    let mut offered = 0;
    // A pipe takes 64 KiB before it is full.
    while states[0].counts().dropped == 0 {
        entries.0.iter().for_each(|(line, terms)| tap.offer(line, terms));
        offered += number(&entries);
    }
    let dropped = states[0].counts().dropped;
    let text = format!("op=output output=hung dropped={dropped} total={dropped} res=failed");
    assert_eq!(tap.notes(1000), [(RecordType::DAEMON_ERR, text)]);
    tap.offer(&entries.0[0].0, &entries.0[0].1);
    assert!(tap.notes(10_999).is_empty(), "not again before ten seconds are over");
    let text = format!("op=output output=hung dropped=1 total={} res=failed", dropped + 1);
    assert_eq!(tap.notes(11_000), [(RecordType::DAEMON_ERR, text)]);
    drop(tap);
    let begun = Instant::now();
    outputs.end(Duration::from_millis(100));
    assert!(begun.elapsed() < PATIENCE, "the end does not wait for it");
    assert_eq!(states[1].counts().delivered, offered + 1);
    let hung = states[0].counts();
    assert_eq!(hung.delivered + hung.dropped, offered + 1, "each is accounted for");
}

/// A queue is counted in events, of which one may be long.
#[test]
fn a_queue_is_bounded_in_bytes_too() {
    let long = vec![b'x'; 16 << 20];
    let most = QUEUE_BYTES_MAX / (16 << 20);
    let (queue, waiting) = crossbeam_channel::bounded(1000);
    let state = Arc::new(State::new("x".to_owned(), "log"));
    let mut tap = Tap::default();
    tap.add(queue, None, state.clone());
    (0..most + 3).for_each(|_| tap.offer(&long, &Terms::default()));
    let counts = state.counts();
    assert_eq!((counts.waiting, counts.dropped), (most, 3));
    // One is taken: there is room for one.
    drop(waiting.recv());
    state.done(16 << 20, true);
    (0..2).for_each(|_| tap.offer(&long, &Terms::default()));
    let counts = state.counts();
    assert_eq!((counts.delivered, counts.waiting, counts.dropped), (1, most, 4));
}

#[test]
fn only_what_matches_is_delivered() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("audit.log");
    let entries = import(&corpus("host.raw.log"));
    let filter = Filter::parse("type=USER_TTY or key=corpus").expect("a filter");
    let expected = entries.0.iter().filter(|(_, terms)| filter.matches(terms)).count();
    let log = config("log", text_log(&path, Form::Raw, u64::MAX, OnMax::Rotate, 2));
    let done = deliver(Config { filter: Some(filter), ..log }, &entries);
    assert_eq!(done, (u64::try_from(expected).expect("few"), 0));
}

#[test]
fn what_is_cut_says_so() {
    let entries = import(&corpus("host.raw.log"));
    let mut cut = 0;
    for (line, _) in &entries.0 {
        for max in [300, 480, 1000, 8192] {
            let text = form::cut_json(line, max);
            let object: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            let left = object["records"].as_array().expect("records").len();
            let all = decode(line).expect("an entry").event.len();
            assert_eq!(left + usize::try_from(object["cut"].as_u64().unwrap_or(0)).expect("few"), all);
            assert!(text.len() <= max, "{} bytes of {max}", text.len());
            cut += usize::from(text != *line);
        }
    }
    assert!(cut > 0);
    for max in [31, 32] {
        let text = form::cut("aä".repeat(40).into_bytes(), max);
        assert_eq!(String::from_utf8_lossy(&text), "aäaäaäa [cut from 120 bytes]", "whole characters");
    }
}
