//! The netlink module against the running kernel.

mod support {
    pub(crate) mod kernel;
}

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

use ktrail::netlink::control::{Control, USER_TEXT_BYTES_MAX};
use ktrail::netlink::error::Error;
use ktrail::netlink::events::{Config, Events, Note, Receiver};
use ktrail::netlink::intake::Counts;
use ktrail::netlink::session::Session;
use ktrail::netlink::status::StatusChange;
use ktrail::sys::ring::{Reader, Ring};
use netlink_sys::{Socket, SocketAddr};
use support::kernel::{KernelGuard, say_skipped};

/// Longest wait for what the kernel sends.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Says to a child of this program which part it plays.
const PART: &str = "KTRAIL_TEST_PART";
/// Comes before what a child says, so that it is told from what the test harness says.
const MARK: &str = "@ ";

// Rules.

/// `struct audit_rule_data` for a watch, as `auditctl -w PATH -p PERMISSIONS -k KEY` makes it.
fn watch(path: &Path, permissions: u32, key: &str) -> Vec<u8> {
    const EQUAL: u32 = 0x4000_0000;
    let path = path.to_str().unwrap();
    let length = |text: &str| u32::try_from(text.len()).unwrap();
    let padded = |numbers: [u32; 3]| numbers.into_iter().chain([0; 61]);
    // Exit list, always, three fields; all system calls, less the bits of the classes, as the kernel lists it.
    let mut words = vec![4, 2, 3];
    words.extend([u32::MAX; 63]);
    words.push(0xffff);
    words.extend(padded([105, 106, 210]));
    words.extend(padded([length(path), permissions, length(key)]));
    words.extend(padded([EQUAL; 3]));
    words.push(length(path) + length(key));
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    bytes.extend_from_slice(path.as_bytes());
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

const READ: u32 = 4;

/// A setting that holds nobody back for long: 50 clock ticks are at most half a second.
const GENTLE: StatusChange = StatusChange {
    enabled: Some(1),
    failure: None,
    rate_limit: None,
    backlog_limit: Some(1024),
    backlog_wait_time: Some(50),
};

// Receiving.

/// The event socket and the end of the ring that its messages come out of.
struct Inbox {
    receiver: Receiver,
    ring: Reader,
    messages: Vec<(u16, String)>,
    counts: Counts,
}

impl Inbox {
    fn of(events: Events) -> Inbox {
        let Ring { writer, reader, .. } = Ring::create().unwrap();
        Inbox {
            receiver: events.into_receiver(writer, None),
            ring: reader,
            messages: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn receive(&mut self) {
        let counts = self.receiver.receive().unwrap();
        self.take(counts);
    }

    /// Takes what is there; whether there was anything.
    fn drain(&mut self) -> bool {
        let counts = self.receiver.drain().unwrap();
        self.take(counts);
        counts.datagrams() > 0
    }

    fn take(&mut self, counts: Counts) {
        self.counts += counts;
        while let Some((kind, payload)) = self.ring.take() {
            self.messages.push((kind, String::from_utf8_lossy(payload).into_owned()));
        }
        assert!(self.ring.release(|_| {}));
    }
}

/// A session with this process as the daemon.
fn daemon() -> (Session, Inbox) {
    let mut session = Session::begin(Control::open().unwrap()).unwrap();
    let mut events = Events::open(&Config::default()).unwrap();
    assert_eq!(session.register(&mut events).unwrap(), None);
    session.set(&GENTLE).unwrap();
    (session, Inbox::of(events))
}

/// Receives on to what has been received until a message is `wanted`, and gives that.
fn receive_until(inbox: &mut Inbox, wanted: impl Fn(u16, &str) -> bool) -> &str {
    let begun = Instant::now();
    while !inbox.messages.iter().any(|(kind, text)| wanted(*kind, text)) {
        assert!(begun.elapsed() < WAIT_MAX, "not within {WAIT_MAX:?}; received: {:#?}", inbox.messages);
        inbox.receive();
        let Counts { foreign, truncated, malformed, .. } = inbox.counts;
        assert_eq!((foreign, truncated, malformed), (0, 0, 0));
    }
    inbox.messages.iter().find(|(kind, text)| wanted(*kind, text)).map(|(_, text)| text.as_str()).unwrap()
}

/// The part of a message that the messages of one event have in common.
fn event_id(text: &str) -> &str {
    text.split_once("): ").expect("a stamp").0
}

#[test]
fn a_watched_files_events_come_whole_and_all_is_put_back() {
    let Some(kernel) = KernelGuard::take() else { return };
    let before = *kernel.status_before();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("watched");
    fs::write(&file, "text").unwrap();
    let (mut session, mut inbox) = daemon();
    let status = session.control().status().unwrap();
    assert_eq!((status.pid, status.enabled, status.backlog_wait_time), (process::id(), 1, 50));
    let rule = watch(&file, READ, "ktrail-netlink");
    assert!(session.add_rule(&rule).unwrap());
    assert!(!session.add_rule(&rule).unwrap(), "it is there already");
    assert!(session.control().list_rules().unwrap().contains(&rule), "byte for byte");

    let mut reader = Command::new("cat").arg(&file).stdout(Stdio::null()).spawn().unwrap();
    let pid = format!(" pid={} ", reader.id());
    assert!(reader.wait().unwrap().success());
    let is_call = |kind, text: &str| kind == 1300 && text.contains(&pid);
    let call = receive_until(&mut inbox, is_call).to_owned();
    assert!(call.contains("key=\"ktrail-netlink\"") && call.contains("comm=\"cat\""), "{call}");
    let of_event = |text: &str| event_id(text) == event_id(&call);
    receive_until(&mut inbox, |kind, text| kind == 1320 && of_event(text));
    let (kinds, texts): (Vec<u16>, Vec<&str>) = inbox
        .messages
        .iter()
        .filter(|(_, text)| of_event(text))
        .map(|(kind, text)| (*kind, text.as_str()))
        .unzip();
    assert_eq!(kinds, [1300, 1307, 1302, 1327, 1320]);
    assert!(texts[2].contains(&format!("name=\"{}\"", file.display())), "{texts:?}");

    assert!(session.put_back().is_empty());
    let mut control = Control::open().unwrap();
    assert!(!control.list_rules().unwrap().contains(&rule));
    let status = control.status().unwrap();
    assert_eq!(
        (status.enabled, status.failure, status.rate_limit, status.backlog_limit, status.backlog_wait_time),
        (before.enabled, before.failure, before.rate_limit, before.backlog_limit, before.backlog_wait_time)
    );
    assert_eq!(status.pid, process::id(), "still the daemon, for the messages about the end");
    session.unregister().unwrap();
    assert_eq!(control.status().unwrap().pid, 0);
    while inbox.drain() {}
    assert!(inbox.counts.control > 0, "the kernel has tried whether this process can be reached");
    assert!(inbox.messages.iter().all(|(kind, _)| *kind >= 1300 && *kind != 1329));
    assert_eq!(status.lost, before.lost);
}

#[test]
fn a_session_that_is_dropped_puts_back_what_it_changed() {
    let Some(kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().unwrap();
    let rule = watch(&dir.path().join("not there"), READ, "ktrail-dropped");
    let (mut session, _inbox) = daemon();
    session.add_rule(&rule).unwrap();
    drop(session);
    let mut control = Control::open().unwrap();
    let status = control.status().unwrap();
    let before = kernel.status_before();
    assert_eq!((status.pid, status.enabled, status.backlog_limit), (0, before.enabled, before.backlog_limit));
    assert!(!control.list_rules().unwrap().contains(&rule));
}

#[test]
fn a_setting_that_somebody_else_changed_since_is_left_alone() {
    let Some(kernel) = KernelGuard::take() else { return };
    let limit =
        |backlog_limit| StatusChange { backlog_limit: Some(backlog_limit), ..StatusChange::default() };
    let mut other = Control::open().unwrap();
    let mut session = Session::begin(Control::open().unwrap()).unwrap();
    session.set(&limit(500)).unwrap();
    session.set(&limit(501)).unwrap();
    session.set(&StatusChange { backlog_wait_time: Some(50), ..StatusChange::default() }).unwrap();
    other.set(&limit(502)).unwrap();
    assert!(session.put_back().is_empty());
    let status = other.status().unwrap();
    assert_eq!(status.backlog_limit, 502);
    assert_eq!(status.backlog_wait_time, kernel.status_before().backlog_wait_time);
}

#[test]
fn a_users_message_comes_to_the_log() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let (mut session, mut inbox) = daemon();
    let text = format!("ktrail says {}", process::id());
    session.control().send_user(1005, text.as_bytes()).unwrap();
    receive_until(&mut inbox, |kind, said| kind == 1005 && said.ends_with(&format!(" msg='{text}'")));
    let longest = vec![b'x'; USER_TEXT_BYTES_MAX];
    session.control().send_user(1005, &longest).unwrap();
    receive_until(&mut inbox, |kind, said| {
        kind == 1005 && said.split_once(" msg='").is_some_and(|(_, said)| said.len() == longest.len() + 1)
    });
    let error = session.control().send_user(1005, &[&longest[..], b"x"].concat()).unwrap_err();
    assert!(matches!(error, Error::TextTooLong { bytes: 8560 }), "{error}");
}

#[test]
fn features_and_the_last_signals_sender_can_be_asked_for() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let mut control = Control::open().unwrap();
    let features = control.features().unwrap();
    assert_eq!((features.enabled & !features.known, features.locked & !features.known), (0, 0));
    control.signal_sender().unwrap();
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let dir = tempfile::tempdir().unwrap();
    let rule = |path: &str| watch(&dir.path().join(path), READ, "ktrail-wrong");
    let mut control = Control::open().unwrap();
    let good = rule("a");
    control.add_rule(&good).unwrap();
    let again = control.add_rule(&good).unwrap_err();
    assert!(matches!(again, Error::RuleExists), "{again}");
    control.delete_rule(&good).unwrap();
    for (error, expected) in [
        (control.delete_rule(&good), "cannot delete an audit rule: there is no such rule"),
        (
            control.add_rule(&rule("no/b")),
            "cannot add an audit rule: the directory of its path does not exist",
        ),
        (
            control.add_rule(&watch(Path::new("relative"), READ, "k")),
            "cannot add an audit rule: the kernel finds it invalid",
        ),
        (control.add_rule(&good[..100]), "cannot add an audit rule: the kernel finds it invalid"),
    ] {
        assert_eq!(error.map_err(|error| error.to_string()), Err(expected.to_owned()), "{expected}");
    }
}

#[test]
fn a_foreign_message_is_dropped_and_counted() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let (mut session, mut inbox) = daemon();
    let ports = own_audit_ports();
    assert_eq!(
        ports.len(),
        3,
        "of the event socket, and of the control sockets of the session and the guard"
    );
    let foreign = Socket::new(9).unwrap();
    let forged = [&20u32.to_ne_bytes()[..], &1300u16.to_ne_bytes(), &[0; 10], b"fake"].concat();
    for port in ports {
        foreign.send_to(&forged, &SocketAddr::new(port, 0), 0).unwrap();
    }
    assert_eq!(session.control().status().unwrap().pid, process::id());
    let begun = Instant::now();
    while inbox.counts.foreign == 0 && begun.elapsed() < WAIT_MAX {
        inbox.receive();
    }
    assert_eq!(inbox.counts.foreign, 1);
    assert!(inbox.messages.iter().all(|(_, text)| text != "fake"));
}

/// The ports of this process's audit sockets.
fn own_audit_ports() -> Vec<u32> {
    let sockets: Vec<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .collect();
    let table = fs::read_to_string("/proc/self/net/netlink").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = rows.filter(|row| row[1] == "9" && sockets.contains(&format!("socket:[{}]", row[9])));
    own.map(|row| row[2].parse().unwrap()).collect()
}

#[test]
fn a_buffer_of_any_size_is_granted_or_noted() {
    let Some(_kernel) = KernelGuard::take() else { return };
    for (receive_buffer_bytes, is_noted) in [(16 << 20, false), (usize::MAX, true)] {
        let events = Events::open(&Config { receive_buffer_bytes }).unwrap();
        assert_eq!(!events.notes.is_empty(), is_noted, "{:?}", events.notes);
        for Note::ReceiveBuffer { asked, granted } in events.notes {
            assert!(asked == usize::MAX && granted > 1 << 29, "{granted}");
        }
    }
}

// Other processes, played by this program started again.

/// A child of this program. It ends when its input does.
struct Part {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Part {
    fn start(command: &mut Command, part: &str) -> Part {
        let arguments = ["a_part_for_other_tests", "--exact", "--nocapture", "--test-threads=1"];
        let command = command.args(arguments).env(PART, part);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Part { child, says }
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says next.
    fn says(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the child has ended without a word");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        io::copy(&mut self.says, &mut io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says something to the test, past the test harness's capture.
fn say(text: &str) {
    let mut stdout = io::stdout();
    writeln!(stdout, "{MARK}{text}").unwrap();
}

fn this_program() -> Command {
    Command::new(env::current_exe().unwrap())
}

#[test]
fn a_part_for_other_tests() {
    match env::var(PART).as_deref() {
        Ok("daemon") => be_the_daemon(),
        Ok("anybody") => say(&Control::open()
            .and_then(|mut control| control.status())
            .map_or_else(|error| error.to_string(), |status| format!("{status:?}"))),
        _ => {}
    }
}

/// Is the audit daemon until its input ends.
fn be_the_daemon() {
    let mut control = Control::open().unwrap();
    let mut events = Events::open(&Config::default()).unwrap();
    events.register(&mut control).unwrap();
    let mut inbox = Inbox::of(events);
    say("registered");
    let input = thread::spawn(|| io::stdin().read_to_end(&mut Vec::new()));
    let begun = Instant::now();
    while !input.is_finished() && begun.elapsed() < 3 * WAIT_MAX {
        inbox.receive();
    }
    control.unregister().unwrap();
}

#[test]
fn a_living_daemon_is_named_and_left_alone() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let mut other = Part::start(&mut this_program(), "daemon");
    assert_eq!(other.says(), "registered");
    let mut session = Session::begin(Control::open().unwrap()).unwrap();
    let mut events = Events::open(&Config::default()).unwrap();
    match session.register(&mut events) {
        Err(Error::OtherDaemon { pid, command }) => {
            assert_eq!(pid, other.id());
            assert!(command.contains("netlink_kernel") && command.contains("a_part"), "{command}");
        }
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(session.control().status().unwrap().pid, other.id());
    let refused = session.control().unregister().unwrap_err();
    assert!(matches!(refused, Error::NotRegistered), "{refused}");
    other.end();
    assert_eq!(session.control().status().unwrap().pid, 0);
    assert_eq!(session.register(&mut events).unwrap(), None);
    let again = Events::open(&Config::default()).unwrap().register(session.control()).unwrap_err();
    assert!(matches!(again, Error::RegisteredAlready), "{again}");
}

#[test]
fn a_daemon_that_was_killed_is_replaced_and_told_of() {
    let Some(_kernel) = KernelGuard::take() else { return };
    let mut other = Part::start(&mut this_program(), "daemon");
    assert_eq!(other.says(), "registered");
    let pid = other.id();
    drop(other);
    let mut session = Session::begin(Control::open().unwrap()).unwrap();
    assert_eq!(session.before().pid, pid, "the kernel has not noticed");
    let mut events = Events::open(&Config::default()).unwrap();
    assert_eq!(session.register(&mut events).unwrap(), Some(pid));
    assert_eq!(session.control().status().unwrap().pid, process::id());
}

/// What a process started by this command hears when it asks for the status.
fn what_anybody_hears(command: &mut Command) -> String {
    let mut part = Part::start(command, "anybody");
    let said = part.says();
    part.end();
    said
}

#[test]
fn without_the_capability_the_error_names_it() {
    // Its path may lead through a folder that nobody else may enter; this way does not.
    let mut command = Command::new("/proc/self/exe");
    if nix::unistd::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let said = what_anybody_hears(&mut command);
    let no_kernel = ["without audit", "audit=0", "in a container", "filter of system calls"];
    if no_kernel.iter().any(|cause| said.contains(cause)) {
        return say_skipped(&said);
    }
    assert_eq!(
        said,
        "cannot read the audit status: this needs the capability CAP_AUDIT_CONTROL (run as root)"
    );
}

#[test]
fn in_a_container_the_error_says_so() {
    let Some(_kernel) = KernelGuard::take() else { return };
    for (namespace, expected) in
        [("--pid", "a pid namespace of its own"), ("--user", "a user namespace of its own")]
    {
        let mut unshare = Command::new("unshare");
        unshare.args([namespace, "--fork", "--"]).arg(env::current_exe().unwrap());
        let said = what_anybody_hears(&mut unshare);
        assert!(said.contains(expected), "{said}");
    }
}
