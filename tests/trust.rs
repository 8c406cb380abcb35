//! Hostile users of the local API: what each may do, what is refused and told, and every limit that is documented. And
//! the documents that say so.

mod support {
    #[allow(dead_code)]
    pub(crate) mod server;
}

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ktrail::entry::decode::decode;
use ktrail::entry::field::Field;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::protocol::limits;
use ktrail::protocol::search::SearchParameters;
use ktrail::record::stamp::EventId;
use ktrail::ruleset::files::Source;
use ktrail::ruleset::host::ThisHost;
use ktrail::serve::access::Groups;
use ktrail::serve::limits::{Limits, Shares};
use ktrail::serve::{Kept, Operation, Server};
use ktrail::store::term::Terms;
use ktrail::store::{self, Stamp, Store};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, geteuid, mkfifo};
use support::server::{Running, serve, sources, start, start_with, terms};

const READERS: u32 = 61001;
const SENSITIVE: u32 = 61002;
const ADMINISTRATORS: u32 = 61003;
/// A user who is nobody in particular.
const STRANGER: u32 = 61009;

fn groups() -> Groups {
    let group = |id| Some(Gid::from_raw(id));
    Groups {
        readers: group(READERS),
        sensitive_readers: group(SENSITIVE),
        administrators: group(ADMINISTRATORS),
    }
}

const TYPED: &str = r#"{"v":1,"time":"1970-01-01T00:00:00.000Z","serial":0,"records":[{"type":"TTY","data":"s3cret"}],"context":{"environment":{"A":"s3cret"}}}"#;

/// A server that all users can reach, over a log in which somebody typed a secret.
fn hostile() -> Running {
    let lines = [("even", TYPED.to_owned()), ("odd", "{\"n\":1}".to_owned())];
    let running = start_with(lines, groups(), Limits::default());
    fs::set_permissions(running.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    running
}

/// Where another user's part of a test is told what to do.
const ACTS: &str = "KTRAIL_TEST_ACTS";

/// Not a test of its own: the part of the tests below that another user does. Connects so often to the socket that the
/// variable names and sends on each connection what it names behind that. Then waits for a line before it reads.
#[test]
fn another_user_acts_when_asked() {
    let Ok(text) = std::env::var(ACTS) else { return };
    let (count, rest) = text.split_once(' ').unwrap();
    let (socket, request) = rest.split_once(' ').unwrap();
    let mut streams: Vec<_> = (0..count.parse::<usize>().unwrap())
        .map(|_| {
            let mut stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            let _ = stream.write_all(request.as_bytes());
            std::io::Result::Ok(stream)
        })
        .collect();
    println!("connected");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    for stream in &mut streams {
        let mut answer = Vec::new();
        match stream {
            Ok(stream) => drop(stream.read_to_end(&mut answer)),
            Err(error) => answer.extend(error.to_string().bytes()),
        }
        println!("answer {}", String::from_utf8_lossy(&answer).escape_default());
    }
}

/// The test's program in a place where every user can execute it.
struct Stage(tempfile::TempDir);

impl Stage {
    /// None where this test cannot become another user.
    fn new() -> Option<Stage> {
        if !geteuid().is_root() || !Path::new("/usr/bin/setpriv").exists() {
            eprintln!("skipped: this needs root and setpriv, to become another user");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(std::env::current_exe().unwrap(), dir.path().join("actor")).unwrap();
        Some(Stage(dir))
    }

    /// Has a user send a request on some connections.
    fn act(&self, who: Who, wrapper: &[&str], socket: &Path, count: usize, request: &str) -> Actor {
        let Who(uid, gid, others) = who;
        let mut command = Command::new("/usr/bin/setpriv");
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
        match others {
            [] => command.arg("--clear-groups"),
            others => {
                let others: Vec<_> = others.iter().map(u32::to_string).collect();
                command.arg(format!("--groups={}", others.join(",")))
            }
        };
        let child = command
            .args(wrapper)
            .arg(self.0.path().join("actor"))
            .args(["--exact", "another_user_acts_when_asked", "--nocapture"])
            .env(ACTS, format!("{count} {} {request}", socket.display()))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv runs");
        let mut actor = Actor { child, lines: Vec::new() };
        actor.read_until("connected");
        actor
    }
}

/// A user id, a group id, and further groups.
#[derive(Clone, Copy, Debug)]
struct Who(u32, u32, &'static [u32]);

struct Actor {
    child: Child,
    lines: Vec<String>,
}

impl Actor {
    fn read_until(&mut self, last: &str) {
        let mut output = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 || line.trim_end().ends_with(last) {
                return;
            }
            self.lines.push(line);
        }
    }

    /// What it was answered on each connection.
    fn answers(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.child.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success(), "{text}");
        text.lines()
            .filter_map(|line| line.split_once("answer "))
            .map(|(_, answer)| answer.to_owned())
            .collect()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn post(path: &str) -> String {
    get(path).replace("GET", "POST")
}

/// The attacks on the socket by a user who has no right there. `docs/threat-model.md` has the table.
#[test]
fn every_attack_of_a_stranger_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let running = hostile();
    let headers = |text: &str| get("/v1/search").replace("Host: x", &format!("Host: x\r\n{text}"));
    let attacks = [
        ("reads the log", get("/v1/search")),
        ("counts", get("/v1/count?q=uid%3D0")),
        ("follows", get("/v1/tail")),
        ("reads the status", get("/v1/status")),
        ("reads the metrics", get("/metrics")),
        ("asks for the version", get("/v1/version")),
        ("asks what paths there are", get("/v1/nothing")),
        ("rotates", post("/v1/rotate")),
        ("reloads", post("/v1/reload")),
        ("another method", get("/v1/search").replace("GET", "OPTIONS")),
        ("a method of its own", get("/v1/search").replace("GET", "ROOT")),
        ("a path with dots", get("/v1/../v1/search")),
        ("a path with two slashes", get("//v1/search")),
        ("an escaped path", get("/v1/%73earch")),
        ("an absolute target", get("http://root@ktrail/v1/search")),
        ("says it is root", headers("X-Remote-User: root\r\nAuthorization: Basic cm9vdDo=")),
        ("says it comes from elsewhere", headers("X-Forwarded-For: 127.0.0.1\r\nForwarded: for=_root")),
        ("asks for another protocol", headers("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c")),
        (
            "a second request hidden in a body",
            headers("Content-Length: 60\r\n\r\nGET /v1/search HTTP/1.1\r\nHost: x\r\n"),
        ),
        ("two lengths", headers("Content-Length: 0\r\nContent-Length: 60")),
        ("length and chunks", headers("Content-Length: 5\r\nTransfer-Encoding: chunked")),
        ("two requests at once", get("/v1/search").replace("close", "keep-alive").repeat(2)),
        ("a filter that does not end", get(&format!("/v1/search?q={}", "(".repeat(8000)))),
        ("a head that does not end", format!("GET /v1/search HTTP/1.1\r\n{}", "A: b\r\n".repeat(9000))),
        ("no HTTP", "\u{1}\u{2}\u{3}nothing\r\n\r\n".replace('\u{2}', "")),
        ("an older protocol", "GET /v1/search HTTP/1.0\r\n\r\n".to_owned()),
        ("the oldest protocol", "GET /v1/search\r\n\r\n".to_owned()),
    ];
    let strangers = [
        Who(STRANGER, STRANGER, &[]),
        // Root's group is not root, and a group's number is no user's.
        Who(STRANGER, 0, &[0]),
        Who(READERS, STRANGER, &[]),
    ];
    for who in strangers {
        for (attack, request) in &attacks {
            let answers = stage.act(who, &[], &running.socket(), 1, request).answers();
            let [answer] = answers.as_slice() else { panic!("{attack}: {answers:?}") };
            let refused =
                answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
            assert!(refused, "{who:?} {attack}: {answer}");
            assert!(!answer.contains("s3cret") && !answer.contains("n\\\":"), "{who:?} {attack}: {answer}");
            assert!(!answer.contains("HTTP/1.1 2"), "{who:?} {attack}: {answer}");
        }
    }
    assert_eq!(running.told.operations(), []);
    let notes = running.told.notes();
    let first = &notes[0];
    let expected = format!("op=refuse call=search cause=right uid={STRANGER} gid={STRANGER} pid=");
    assert!(first.starts_with(&expected), "{first}");
    assert!(first.contains(" comm=\"actor\" exe=\"") && first.ends_with("res=failed"), "{first}");
    assert!(
        notes.len() <= limits::REFUSALS_TOLD_MAX,
        "a flood of refusals is told in few words: {}",
        notes.len()
    );
}

/// Whoever is root in a user namespace of its own is the user who made it.
#[test]
fn root_of_another_user_namespace_is_a_stranger() {
    let Some(stage) = Stage::new() else { return };
    let can = Command::new("/usr/bin/setpriv")
        .args(["--reuid=61009", "--regid=61009", "--clear-groups", "unshare", "-r", "true"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        eprintln!("skipped: users may not make namespaces here");
        return;
    }
    let running = hostile();
    let who = Who(STRANGER, STRANGER, &[]);
    let answers = stage.act(who, &["unshare", "-r"], &running.socket(), 1, &get("/v1/search")).answers();
    assert!(answers[0].starts_with("HTTP/1.1 403 "), "{answers:?}");
}

/// Whether a group is a process's first or a further one makes no difference.
#[test]
fn members_may_do_what_their_group_is_for_and_no_more() {
    let Some(stage) = Stage::new() else { return };
    let running = hostile();
    let requests = [get("/v1/search"), get("/v1/status"), post("/v1/rotate"), post("/v1/reload")];
    for (group, further, expected, secret) in [
        (READERS, &[READERS][..], ["200", "200", "403", "403"], Some("[masked]")),
        (SENSITIVE, &[SENSITIVE], ["200", "200", "403", "403"], Some("s3cret")),
        (ADMINISTRATORS, &[ADMINISTRATORS], ["403", "403", "202", "202"], None),
        (READERS, &[READERS, ADMINISTRATORS], ["200", "200", "202", "202"], Some("[masked]")),
    ] {
        for who in [Who(STRANGER, group, further), Who(STRANGER, STRANGER, further)] {
            for (request, expected) in requests.iter().zip(expected) {
                let answers = stage.act(who, &[], &running.socket(), 1, request).answers();
                let answer = &answers[0];
                assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{who:?} {request}: {answer}");
                if let Some(secret) = secret.filter(|_| request.contains("search")) {
                    assert!(answer.contains(secret), "{who:?}: {answer}");
                    assert_eq!(answer.contains("s3cret"), secret == "s3cret", "{who:?}: {answer}");
                }
            }
        }
    }
    let operations = running.told.operations();
    assert_eq!(operations.len(), 8);
    assert_eq!(&operations[..2], [Operation::Rotate, Operation::Reload]);
    let administrative: Vec<_> =
        running.told.notes().into_iter().filter(|note| !note.starts_with("op=refuse")).collect();
    assert_eq!(administrative.len(), 8);
    for (note, operation) in administrative.iter().zip(["rotate", "reload"].iter().cycle()) {
        let expected = format!("op={operation} uid={STRANGER} gid=");
        assert!(note.starts_with(&expected) && note.contains("comm=\"actor\""), "{note}");
    }
}

#[test]
fn a_live_stream_is_masked_as_a_search_is() {
    let Some(stage) = Stage::new() else { return };
    let running = hostile();
    for (group, expected) in [(READERS, "[masked]"), (SENSITIVE, "s3cret")] {
        let who = Who(STRANGER, group, &[]);
        let actor = stage.act(who, &[], &running.socket(), 1, &get("/v1/tail?limit=1"));
        while running.live.followers() == 0 {
            std::thread::yield_now();
        }
        running.live.publish(TYPED.as_bytes(), &terms("even"));
        let answers = actor.answers();
        assert!(answers[0].contains(expected), "{answers:?}");
        assert_eq!(answers[0].contains("s3cret"), expected == "s3cret");
        while running.live.followers() > 0 {
            std::thread::yield_now();
        }
    }
}

/// Strangers that connect and say nothing, as many as can, and a member with all its places.
#[test]
fn who_takes_all_places_that_it_gets_keeps_nobody_else_out() {
    let Some(stage) = Stage::new() else { return };
    let running = hostile();
    let socket = running.socket();
    let half = "GET /v1/sea";
    let strangers = stage.act(Who(STRANGER, STRANGER, &[]), &[], &socket, 40, half);
    let member = stage.act(Who(STRANGER + 1, READERS, &[]), &[], &socket, 40, half);
    let other = stage.act(Who(STRANGER + 2, READERS, &[]), &[], &socket, 1, &get("/v1/count")).answers();
    assert!(other[0].starts_with("HTTP/1.1 200 "), "{other:?}");
    assert!(running.raw(&get("/v1/count")).starts_with("HTTP/1.1 200 "), "root has places of its own");
    let notes = running.told.notes();
    for uid in [STRANGER, STRANGER + 1] {
        let told =
            notes.iter().filter(|note| note.contains(&format!("cause=connections uid={uid} "))).count();
        assert_eq!(told, limits::REFUSALS_TOLD_PER_UID_MAX, "{notes:?}");
    }
    drop((strangers, member));
}

/// A server with few places and little time, for root too.
fn narrow(change: impl FnOnce(&mut Limits)) -> Running {
    let mut limits = Limits::default();
    change(&mut limits);
    let lines =
        (0..200).map(|number| ("even", format!("{{\"n\":{number},\"x\":\"{}\"}}", "x".repeat(20_000))));
    start_with(lines, Groups::default(), limits)
}

const TWO: Shares = Shares { trusted: 2, members: 2, per_uid: 2, strangers: 2 };

fn connect(running: &Running, request: &str) -> UnixStream {
    let mut stream = UnixStream::connect(running.socket()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads until an answer's head has come; its status.
fn head(stream: &mut UnixStream) -> String {
    let mut text = [0; 12];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8_lossy(&text[9..]).into_owned()
}

/// Whether the first that was told is this refusal of the test's own user.
fn refused(running: &Running, expected: &str) {
    let (first, expected) = (running.told.notes().swap_remove(0), format!("{expected} uid={} ", geteuid()));
    assert!(first.starts_with(&expected), "{first}");
}

#[test]
fn connections_streams_and_searches_are_limited_in_number() {
    let running = narrow(|limits| limits.streams = TWO);
    let mut streams: Vec<_> = (0..2).map(|_| connect(&running, &get("/v1/tail"))).collect();
    assert!(streams.iter_mut().all(|stream| head(stream) == "200"));
    assert!(running.raw(&get("/v1/tail")).starts_with("HTTP/1.1 429 "));
    assert!(running.raw(&get("/v1/count")).starts_with("HTTP/1.1 200 "), "other calls go on");
    refused(&running, "op=refuse call=tail cause=streams");
    drop(streams);
    while running.live.followers() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(head(&mut connect(&running, &get("/v1/tail"))), "200", "places are given back");

    // Two searches whose answer nobody takes.
    let running = narrow(|limits| limits.searches = TWO);
    let mut searches: Vec<_> = (0..2).map(|_| connect(&running, &get("/v1/search"))).collect();
    assert!(searches.iter_mut().all(|stream| head(stream) == "200"));
    for path in ["/v1/search", "/v1/count"] {
        assert!(running.raw(&get(path)).starts_with("HTTP/1.1 429 "), "{path}");
    }
    refused(&running, "op=refuse call=search cause=searches");

    let running = narrow(|limits| limits.connections = TWO);
    let waiting: Vec<_> = (0..2).map(|_| connect(&running, "GET /")).collect();
    assert_eq!(running.raw(&get("/v1/count")), "");
    refused(&running, "op=refuse call=connect cause=connections");
    drop(waiting);
}

/// What is too long is refused with its status, and the server goes on.
#[test]
fn requests_are_limited_in_size() {
    let running = start(1);
    let long = "x".repeat(limits::TARGET_BYTES_MAX - "/v1/count?q=%28".len());
    let lines = |count: usize| get("/v1/count").replace("Host: x", "A: b\r\n".repeat(count).trim_end());
    for (what, request, expected) in [
        ("the longest target", get(&format!("/v1/count?q=%28{long}")), "400"),
        ("a longer target", get(&format!("/v1/count?q=%28{long}x")), "414"),
        (
            "a head that is too long",
            get("/v1/count").replace("Host: x", &format!("A: {}", "x".repeat(2 * limits::HEAD_BYTES_MAX))),
            "431",
        ),
        ("as many lines as may be", lines(limits::HEADERS_MAX - 1), "200"),
        ("more lines", lines(limits::HEADERS_MAX + 1), "431"),
        ("a body", get("/v1/count").replace("Host: x", "Content-Length: 1") + "x", "413"),
        ("a body without length", get("/v1/count").replace("Host: x", "Transfer-Encoding: chunked"), "413"),
        ("a filter that is too long", get(&format!("/v1/count?q={}", "x".repeat(8193))), "400"),
    ] {
        let answer = running.raw(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{what}: {answer}");
    }
    assert!(running.raw(&get("/v1/count")).contains("{\"count\":1}"));
}

/// Waits for the end of a connection, and says what had come.
fn until_closed(mut stream: UnixStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

#[test]
fn a_head_that_does_not_come_and_an_answer_that_is_not_taken_end_the_connection() {
    let short = Duration::from_millis(300);
    let running = narrow(|limits| limits.head_time = short);
    for request in ["", "GET /v1/count HTTP/1.1\r\nA: "] {
        let (answer, time) = until_closed(connect(&running, request));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{request}: {answer}");
        assert!(time < Duration::from_secs(30), "{time:?}");
    }
    // One that is answered and asks nothing more.
    let (answer, _) = until_closed(connect(&running, &get("/v1/count").replace("close", "keep-alive")));
    assert!(answer.contains("{\"count\":200}"), "{answer}");
    assert!(running.told.notes().iter().any(|note| note.contains("cause=time")));

    let running = narrow(|limits| {
        limits.stall_time = short;
        limits.searches = Shares { trusted: 1, ..TWO };
    });
    let mut stalled = connect(&running, &get("/v1/search"));
    assert_eq!(head(&mut stalled), "200");
    let begun = Instant::now();
    let wait_until = |is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is cut, and its place is given back");
            std::thread::yield_now();
        }
    };
    wait_until(&|| running.told.notes().iter().any(|note| note.contains("cause=time")));
    wait_until(&|| running.raw(&get("/v1/count")).starts_with("HTTP/1.1 200 "));
    let (rest, _) = until_closed(stalled);
    assert!(!rest.ends_with("0\r\n\r\n"), "what was cut does not look whole");
}

#[test]
fn a_search_is_limited_in_time_and_entries_and_does_not_look_whole_then() {
    let running = narrow(|limits| limits.search_entries = 3);
    let answer = running.raw(&get("/v1/search"));
    assert_eq!(answer.matches("\"n\":").count(), 3);
    assert!(!answer.ends_with("0\r\n\r\n"));
    assert!(running.raw(&get("/v1/search?limit=3")).ends_with("0\r\n\r\n"));

    let running = narrow(|limits| limits.search_time = Duration::ZERO);
    let answer = running.raw(&get("/v1/search"));
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    let answer = running.raw(&get("/v1/count"));
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("longer than a search may"), "{answer}");

    // However slowly its client takes it, it ends.
    let running = narrow(|limits| limits.answer_time = Duration::ZERO);
    let answer = running.raw(&get("/v1/search"));
    assert!(answer.contains("{\"n\":0,") && !answer.ends_with("0\r\n\r\n"), "{} bytes", answer.len());
    assert!(running.raw(&get("/v1/search?limit=1")).ends_with("0\r\n\r\n"), "a short one is whole");
}

/// A search whose thread had panicked ended as one that has found all there is.
#[test]
fn a_search_that_breaks_off_does_not_look_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let config = store::Config { dir: log.clone(), ..store::Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(|_: &[u8], _: &mut Terms| None)).unwrap();
    store.append(Stamp { time_ms: 0, serial: 0 }, &terms("even"), b"{\"n\":0}").unwrap();
    store.rotate().unwrap();
    store.seal_all().unwrap();
    // Where there is no index a search makes it anew, with a bug in the way.
    fs::remove_file(log.join("audit-0000000001.idx")).unwrap();
    let describe = |_: &[u8], _: &mut Terms| -> Option<Stamp> { panic!("a bug") };
    let (reader, _) = store::Reader::open(&log, Arc::new(describe)).unwrap();
    let running = serve(dir, store, groups(), Limits::default(), |sources| sources.reader = reader);
    let answer = running.raw(&get("/v1/search?q=key%3Deven"));
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    let parameters = SearchParameters { filter: Some("key=even".to_owned()), ..SearchParameters::default() };
    let told = running.client().search(&parameters, &mut |_| ControlFlow::Continue(()));
    assert!(told.is_err(), "{told:?}");
    let answer = running.raw(&get("/v1/count?q=key%3Deven"));
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(running.raw(&get("/v1/version")).starts_with("HTTP/1.1 200 "), "all else goes on");
}

/// A log directory as [`Store::open`] takes it, or what it says against it.
fn opened(dir: &Path) -> Result<Vec<String>, String> {
    let config = store::Config { dir: dir.to_owned(), ..store::Config::default() };
    let describe = |_: &[u8], _: &mut Terms| Some(Stamp::default());
    let (store, problems) = Store::open(config, Arc::new(describe)).map_err(|error| error.to_string())?;
    store.close().expect("a disk");
    Ok(problems.iter().map(ToString::to_string).collect())
}

/// A log directory with an active and a sealed segment.
fn a_log(dir: &Path) {
    let config = store::Config { dir: dir.to_owned(), ..store::Config::default() };
    let describe = |_: &[u8], _: &mut Terms| Some(Stamp::default());
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("an empty log");
    for number in 0..2 {
        store.append(Stamp::default(), &Terms::default(), format!("{{\"n\":{number}}}").as_bytes()).unwrap();
        if number == 0 {
            store.rotate().unwrap();
            store.seal_all().unwrap();
        }
    }
    store.close().unwrap();
}

/// What somebody could have put in the place of a file or directory of the log, and what is said of it. Nothing is written
/// to where a link leads, and nothing there is changed.
#[test]
fn files_and_directories_that_are_not_to_be_trusted_are_refused() {
    type Deed = fn(log: &Path, elsewhere: &Path);
    fn link(path: &Path, elsewhere: &Path) {
        let _ = fs::remove_file(path);
        symlink(elsewhere, path).unwrap();
    }
    const SEALED: &str = "audit-0000000001.seg";
    let refused: &[(&str, Deed, &str)] = &[
        (
            "the directory is a link",
            |log, elsewhere| {
                fs::remove_dir_all(log).unwrap();
                symlink(elsewhere.parent().unwrap(), log).unwrap();
            },
            "it is a symbolic link",
        ),
        (
            "a parent is open to everybody",
            |log, _| {
                fs::set_permissions(log.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
            },
            "others may write it, its mode is 0777",
        ),
        (
            "the active segment is a link",
            |log, elsewhere| link(&log.join("audit.jsonl"), elsewhere),
            "symbolic link",
        ),
        (
            "the active segment has a second name",
            |log, elsewhere| {
                fs::remove_file(elsewhere).unwrap();
                fs::hard_link(log.join("audit.jsonl"), elsewhere).unwrap();
            },
            "it has 2 names (hard links)",
        ),
        (
            "the active segment is a fifo",
            |log, _| {
                fs::remove_file(log.join("audit.jsonl")).unwrap();
                mkfifo(&log.join("audit.jsonl"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
            },
            "it is not a regular file",
        ),
        ("the lock is a link", |log, elsewhere| link(&log.join("lock"), elsewhere), "symbolic link"),
    ];
    let as_root: &[(&str, Deed, &str)] = &[
        ("the directory is another's", |log, _| chown(log, Some(7), None).unwrap(), "it belongs to user 7"),
        (
            "a parent is another's",
            |log, _| chown(log.parent().unwrap(), Some(7), None).unwrap(),
            "it belongs to user 7",
        ),
        (
            "the active segment is another's",
            |log, _| {
                chown(log.join("audit.jsonl"), Some(7), None).unwrap();
            },
            "it belongs to user 7",
        ),
    ];
    let passed_over: &[(&str, Deed, &str)] = &[
        ("a sealed segment is a link", |log, elsewhere| link(&log.join(SEALED), elsewhere), "symbolic link"),
        (
            "an index is a link",
            |log, elsewhere| link(&log.join("audit-0000000001.idx"), elsewhere),
            "symbolic link",
        ),
        ("the manifest is a link", |log, elsewhere| link(&log.join("manifest"), elsewhere), "symbolic link"),
        (
            "what is to be made is there as a link",
            |log, elsewhere| {
                symlink(elsewhere, log.join("manifest.tmp")).unwrap();
                symlink(elsewhere, log.join("audit.jsonl.tmp")).unwrap();
            },
            "",
        ),
    ];
    let others = if geteuid().is_root() { as_root } else { &[] };
    for (what, deed, expected) in refused.iter().chain(others).chain(passed_over) {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("parent");
        fs::create_dir_all(dir.join("elsewhere")).unwrap();
        let (log, elsewhere) = (dir.join("log"), dir.join("elsewhere/file"));
        fs::write(&elsewhere, "untouched").unwrap();
        a_log(&log);
        deed(&log, &elsewhere);
        let before = fs::read(&elsewhere).unwrap();
        let mode = fs::metadata(&elsewhere).unwrap().permissions();
        match opened(&log) {
            Err(error) => {
                assert!(error.contains(expected), "{what}: {error}");
                assert!(passed_over.iter().all(|(other, ..)| other != what), "{what}: {error}");
            }
            Ok(problems) => {
                assert!(
                    passed_over.iter().any(|(other, ..)| other == what),
                    "{what} is refused: {problems:?}"
                );
                assert!(
                    problems.iter().any(|problem| problem.contains(expected)) || expected.is_empty(),
                    "{what}: {problems:?}"
                );
            }
        }
        assert_eq!(fs::read(&elsewhere).unwrap(), before, "{what}");
        assert_eq!(fs::metadata(&elsewhere).unwrap().permissions(), mode, "{what}");
    }
}

/// Owner, group and mode are at every start what `docs/format.md` says, whatever they have become.
#[test]
fn modes_are_those_of_the_documentation_at_every_start() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    a_log(&log);
    let files = || fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
    fs::set_permissions(&log, fs::Permissions::from_mode(0o777)).unwrap();
    files().for_each(|file| fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap());
    assert_eq!(opened(&log), Ok(Vec::new()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&log), 0o750);
    for file in files() {
        assert_eq!(mode(&file), 0o640, "{}", file.display());
    }
    let text = document("docs/format.md");
    assert!(text.contains("| the log directory | the daemon's | `store.group` | 0750 |"));
}

#[test]
fn a_socket_is_not_made_where_others_could_replace_it() {
    let running = start(0);
    let place = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _within = runtime.enter();
    let bind = |dir: &Path| {
        let config = ktrail::serve::Config { socket: dir.join("socket"), ..Default::default() };
        let sources = sources(&running.store, &running.live, &running.told);
        Server::bind(config, sources, Kept::default()).map(drop).map_err(|error| error.to_string())
    };
    for (mode, expected) in [(0o755, ""), (0o1777, ""), (0o777, "others may write it, its mode is 0777")] {
        let dir = place.path().join(format!("{mode:o}"));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        let told = bind(&dir).err().unwrap_or_default();
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{mode:o}: {told}");
    }
    // With groups that differ the file is open to all: who may do what is asked of the kernel.
    let socket_mode = |groups: Groups| {
        let socket = place.path().join("mode");
        let config = ktrail::serve::Config { socket: socket.clone(), groups, ..Default::default() };
        let server =
            Server::bind(config, sources(&running.store, &running.live, &running.told), Kept::default())
                .unwrap();
        let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
        drop(server);
        fs::remove_file(socket).unwrap();
        mode
    };
    let own = Some(nix::unistd::getegid());
    assert_eq!(socket_mode(Groups::default()), 0o600);
    assert_eq!(socket_mode(Groups { readers: own, administrators: own, ..Groups::default() }), 0o660);
    if geteuid().is_root() {
        assert_eq!(socket_mode(groups()), 0o666);
    }
}

#[test]
fn rules_that_others_could_write_are_not_loaded() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root is asked whether others could have written what it loads");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.rules");
    let host = ThisHost::default();
    for (mode, owner, is_loaded) in
        [(0o640, 0, true), (0o660, 0, false), (0o642, 0, false), (0o600, 7, false)]
    {
        fs::write(&path, "-w /etc/passwd -p wa\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        chown(&path, Some(owner), None).unwrap();
        assert_eq!(Source::read_to_load(&path, &host).is_ok(), is_loaded, "{mode:o} {owner}");
        assert!(Source::read(&path, &host).is_ok(), "what is in it can be told");
        fs::remove_file(&path).unwrap();
    }
}

/// The number of a field and its value.
type Term = (u8, Vec<u8>);

/// Collects entries: each its line and its terms.
#[derive(Default)]
struct Entries(Vec<(Vec<u8>, Vec<Term>)>);

impl Sink for Entries {
    fn entry(&mut self, _: EventId, terms: &Terms, line: &[u8]) {
        let terms = terms.iter().map(|(field, value)| (field, value.to_vec())).collect();
        self.0.push((line.to_vec(), terms));
    }
}

/// Lines of logs with which the predecessor's programs were attacked or broke, each with its story in `docs/auditd-cve.md`.
/// They are stored, and every record's text comes back byte for byte.
#[test]
fn what_broke_the_predecessors_programs_is_stored_and_read_back() {
    let long = format!("pid=1 msg='cmd={} res=success'", "41".repeat(300_000));
    let many: String = (0..70_000).map(|number| format!(" a{number}=\"x\"")).collect();
    let name = "x\u{1b}[2J\u{7}".bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let account: String = "root addr=192.0.2.9".bytes().map(|byte| format!("{byte:02X}")).collect();
    let login =
        format!("pid=1 uid=0 msg='op=login acct={account} exe=\"/bin/login\" addr=198.51.100.1 res=failed'");
    let stamp = "msg=audit(1.000:7):";
    let lines: Vec<Vec<u8>> = vec![
        format!("type=USER_CMD {stamp} {long}").into(),
        format!("type=EXECVE {stamp} argc=70000{many}").into(),
        format!("type=PATH {stamp} item=0 name={name}").into(),
        format!("type=USER_LOGIN {stamp} {login}").into(),
        b"00 001307\xd00(0000000000".to_vec(),
        b"type=CWD msg=audit(1.000:7): cwd=\xd00(0000000000".to_vec(),
        b"type=SYSCALL msg=audit(16523210---): arch=c000003e syscall=87 key=\"delete\"".to_vec(),
        format!("type=UNKNOWN[999999] {stamp} a").into(),
        format!("type= {stamp}").into(),
        format!("node= type=PATH {stamp} name=\"").into(),
        b"type=PATH msg=audit(99999999999999999999.999:99999999999): name=(null)".to_vec(),
    ];
    for line in lines {
        let mut ingest = Ingest::import(Arc::default());
        let mut found = Entries::default();
        ingest.log_line(&line, 1, &mut found);
        ingest.finish(Now::default(), &mut found);
        let shown = String::from_utf8_lossy(line.get(..60).unwrap_or(&line)).into_owned();
        assert!(!found.0.is_empty(), "{shown}");
        for (entry, _) in &found.0 {
            let stored = decode(entry).unwrap_or_else(|error| panic!("{shown}: {error}"));
            for (_, body) in stored.event.records() {
                let at = memchr::memmem::find(&line, body);
                assert!(at.is_some(), "{shown}: a record's text is a part of its line");
            }
        }
    }
    let mut ingest = Ingest::import(Arc::default());
    let mut found = Entries::default();
    ingest.log_line(format!("type=USER_LOGIN {stamp} {login}").as_bytes(), 1, &mut found);
    ingest.finish(Now::default(), &mut found);
    let hosts: Vec<_> = found.0[0].1.iter().filter(|(field, _)| *field == Field::Host.id()).collect();
    assert_eq!(hosts, [&(Field::Host.id(), b"198.51.100.1".to_vec())], "the account is no address");
}

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// Every limit that the server has is in the table of `docs/api.md` with its value, and nothing else is.
#[test]
fn limits_are_those_of_the_documentation() {
    let source = document("src/protocol/limits.rs");
    let named = source.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
        let value = rest.split_once(" = ")?.1.trim_end_matches(';');
        let value: u64 = match value.split_once(" << ") {
            Some((number, by)) => number.parse::<u64>().unwrap() << by.parse::<u32>().unwrap(),
            None => value.parse().unwrap(),
        };
        Some((name.to_owned(), value))
    });
    let text = document("docs/api.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let value = cells.next()?.parse().ok()?;
        is_constant.then(|| (name.to_owned(), value))
    });
    let (mut named, mut documented): (Vec<_>, Vec<_>) = (named.collect(), rows.collect());
    named.sort();
    documented.sort();
    assert_eq!(named, documented);
}

/// All test functions of the sources, by their names.
fn tests_there_are() -> Vec<String> {
    fn walk(dir: &Path, names: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, names);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let mut lines = text.lines().map(str::trim);
                while let Some(line) = lines.next() {
                    if line == "#[test]" {
                        let name = lines.by_ref().find_map(|line| line.strip_prefix("fn "));
                        names.extend(
                            name.and_then(|name| name.split_once('(')).map(|(name, _)| name.to_owned()),
                        );
                    }
                }
            }
        }
    }
    let mut names = Vec::new();
    for dir in ["src", "tests"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut names);
    }
    names
}

/// The claims of the documents on trust are held by tests, which are named in the last column of their tables.
#[test]
fn every_test_that_a_document_names_is_there() {
    let known = tests_there_are();
    for name in ["docs/threat-model.md", "docs/auditd-cve.md"] {
        let text = document(name);
        let mut rows = 0;
        let mut is_held = false;
        for (line, next) in text.lines().zip(text.lines().skip(1).chain([""])) {
            let last = line.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap_or_default();
            if next.starts_with("| ---") {
                is_held = last == "test" || last == "held by";
                continue;
            }
            if !is_held || !line.starts_with("| ") || line.starts_with("| ---") {
                continue;
            }
            let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
            assert!(!named.is_empty() || last == "–", "{name}: a claim without a test: {line}");
            rows += 1;
            for test in named {
                assert!(known.iter().any(|known| known == test), "{name}: there is no test {test}");
            }
        }
        assert!(rows > 5, "{name} has its tables");
        // Sentences of ours name tests too: no setting has a name of so many words.
        let words = text.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 2);
        for word in words.filter(|_| name == "docs/threat-model.md") {
            assert!(known.iter().any(|known| known == word), "{name}: there is no test {word}");
        }
    }
}

/// The README says how many crates are built into the programs.
#[test]
fn the_readme_states_the_number_of_dependencies() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--target"])
        .arg("x86_64-unknown-linux-gnu")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<&str> =
        text.lines().map(|line| line.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)")).collect();
    crates.sort_unstable();
    crates.dedup();
    let expected = format!("{} crates", crates.len() - 1);
    assert!(document("README.md").contains(&expected), "README.md is to say: {expected}");
}
