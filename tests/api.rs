//! The local API through a real socket, without a daemon around it.

mod support {
    pub(crate) mod openmetrics;
    #[allow(dead_code)]
    pub(crate) mod server;
}

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use ktrail::client::{Client, Error};
use ktrail::protocol::limits::{LIVE_WAITING_MAX, METRICS_CONNECTIONS_MAX};
use ktrail::protocol::search::SearchParameters;
use ktrail::serve::access::Groups;
use ktrail::serve::error::Error as ServeError;
use ktrail::serve::limits::Limits;
use ktrail::serve::live::Live;
use ktrail::serve::{Config, Kept, Server, Sources};
use ktrail::store::term::Terms;
use ktrail::store::{self, Store};
use nix::sys::signal::Signal;
use support::openmetrics::{self, Family};
use support::server::{ANY_PORT, Told, serve, sources, start, status, terms};
use tokio::sync::watch;

fn collected(client: &Client, parameters: &SearchParameters) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |line: &[u8]| {
        lines.push(String::from_utf8_lossy(line).into_owned());
        ControlFlow::Continue(())
    };
    client.search(parameters, &mut take).expect("a good search");
    lines
}

#[test]
fn every_path_answers() {
    let running = start(10);
    let client = running.client();
    assert_eq!(client.version().expect("a version").api, 1);
    let mut told = client.status().expect("a status");
    assert!(told.daemon.metrics.take().is_some());
    assert_eq!(told, status());
    let odd = SearchParameters { filter: Some("key=odd".to_owned()), ..SearchParameters::default() };
    assert_eq!(client.count(&odd).expect("a count"), 5);
    let newest = SearchParameters { newest_first: true, limit: Some(2), ..odd };
    assert_eq!(collected(&client, &newest), ["{\"n\":9}", "{\"n\":7}"]);
    let since = SearchParameters { since_ms: Some(8), ..SearchParameters::default() };
    assert_eq!(collected(&client, &since), ["{\"n\":8}", "{\"n\":9}"]);
    let after = SearchParameters { after: Some("1-7".to_owned()), ..SearchParameters::default() };
    assert_eq!(collected(&client, &after), ["{\"n\":8}", "{\"n\":9}"]);
}

/// A reload or upgrade that the daemon had refused at once was waited for for half a minute.
#[test]
fn an_upgrade_that_is_refused_is_told_when_it_is() {
    // It gets the daemon's signal.
    let mut signalled = Command::new("sleep").arg("60").spawn().expect("sleep starts");
    let (pid, asked) = (signalled.id(), Arc::new(AtomicU32::new(0)));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = store::Config { dir: dir.path().join("log"), ..store::Config::default() };
    let (store, _) = Store::open(config, Arc::new(|_: &[u8], _: &mut Terms| None)).expect("an empty log");
    let times = asked.clone();
    let refuses = move || {
        let mut status = status();
        status.daemon.pid = pid;
        status.daemon.refused_ms = (times.fetch_add(1, Ordering::Relaxed) >= 3).then_some(1);
        status
    };
    let replace = |sources: &mut Sources| sources.status = Arc::new(refuses);
    let running = serve(dir, store, Groups::default(), Limits::default(), replace);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ktrail"));
    let output = command.arg("upgrade").arg("--socket").arg(running.socket()).output().expect("ktrail runs");
    assert_eq!(signalled.wait().expect("it was started").signal(), Some(Signal::SIGUSR2 as i32));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("goes on as it was"), "{said}");
    assert_eq!(asked.load(Ordering::Relaxed), 4, "it does not go on asking");
}

#[test]
fn a_bad_request_is_refused_with_its_cause() {
    let running = start(1);
    let cases = [
        ("GET /v1/nothing", 404, "no such path"),
        ("GET /", 404, "no such path"),
        ("POST /v1/search", 405, "only GET"),
        ("GET /v1/search?q=kye%3Dx", 400, "did you mean key?"),
        ("GET /v1/search?limit=many", 400, "limit is not a whole number"),
        ("GET /v1/count?colour=red", 400, "unknown parameter"),
        ("GET /v1/tail?after=x", 400, "a cursor is"),
        ("GET /v1/search?order=up", 400, "oldest or newest"),
    ];
    for (request, status, expected) in cases {
        let answer = running.raw(&format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(expected), "{request}: {answer}");
    }
    assert!(running.raw("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let long = format!("GET /v1/search?q={} HTTP/1.1\r\n\r\n", "x".repeat(64 << 10));
    let answer = running.raw(&long);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(running.client().count(&SearchParameters::default()).expect("it still serves"), 1);
}

/// The metrics of the text that a request for them is answered with.
fn metrics(answer: &str) -> BTreeMap<String, Family> {
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.to_lowercase().lines().any(|line| line == kind), "{head}");
    openmetrics::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

const GET_METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn metrics_tell_the_status_and_what_was_served() {
    let running = start(10);
    let client = running.client();
    for _ in 0..3 {
        collected(&client, &SearchParameters::default());
    }
    client.count(&SearchParameters::default()).expect("a count");
    let metrics = metrics(&running.raw(GET_METRICS));
    for (name, suffix, label, value) in [
        ("ktrail_build", "_info", "1.2.3", 1.0),
        ("ktrail_received_messages", "_total", "", 70.0),
        ("ktrail_kernel_backlog_wait_ticks", "_total", "", 11.0),
        ("ktrail_queue_depth", "", "kernel", 9.0),
        ("ktrail_shed_events", "_total", "", 6.0),
        ("ktrail_shed_by_key_events", "_total", "", 1.0),
        ("ktrail_shed_by_key_events", "_total", "a \"b\",c", 5.0),
        ("ktrail_queue_depth", "", "follow", 0.0),
        ("ktrail_following_clients", "", "", 4.0),
        ("ktrail_unseen_processes", "", "", 3.0),
        ("ktrail_store_free_bytes", "", "", 1_099_511_627_776.0),
        ("ktrail_output_dropped_events", "_total", "siem", 2.0),
        ("ktrail_output_failing", "", "live", 1.0),
        ("ktrail_enrich_known_lookups", "_total", "processes", 90.0),
        ("ktrail_enrich_answered_lookups", "_total", "processes", 7.0),
        ("ktrail_enrich_forgotten_facts", "_total", "names", 2.0),
        ("ktrail_enrich_late_events", "_total", "executables", 0.0),
        ("ktrail_store_holding", "", "", 0.0),
        ("ktrail_search_seconds", "_count", "search", 3.0),
        ("ktrail_search_seconds", "_count", "count", 1.0),
        ("ktrail_store_write_seconds", "_count", "", 1.0),
    ] {
        assert_eq!(metrics[name].value(suffix, label), value, "{name}{suffix} {label}");
    }
    assert!(metrics["ktrail_search_seconds"].value("_sum", "search") > 0.0);
    assert_eq!(metrics["ktrail_store_write_seconds"].value("_bucket", "+Inf"), 1.0);
}

/// Every metric and its type and unit stands in `docs/api.md`, and nothing else does.
#[test]
fn metrics_are_those_of_the_documentation() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).expect("api.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `ktrail_"));
    let documented: BTreeMap<String, (String, String)> = rows
        .map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['`', ' ']).to_owned());
            let mut next = || cells.next().expect("a cell");
            (format!("ktrail_{}", next()), (next(), next()))
        })
        .collect();
    let found = metrics(&start(1).raw(GET_METRICS));
    let unit = |unit: String| if unit.is_empty() { "–".to_owned() } else { unit };
    let found: BTreeMap<_, _> =
        found.into_iter().map(|(name, family)| (name, (family.kind, unit(family.unit)))).collect();
    assert_eq!(found, documented);
}

#[test]
fn the_port_for_metrics_has_nothing_else_and_takes_no_place_of_others() {
    let running = start(1);
    let address = running.client().status().expect("a status").daemon.metrics.expect("a port is configured");
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(&address).expect("the server listens");
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        answer
    };
    assert!(metrics(&ask(GET_METRICS)).contains_key("ktrail_stored_events"));
    for path in ["/v1/status", "/v1/search", "/v1/tail", "/", "/metrics/x"] {
        let answer = ask(&GET_METRICS.replace("/metrics", path));
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    assert!(ask(&GET_METRICS.replace("GET", "POST")).starts_with("HTTP/1.1 405 "));

    let half = |_| {
        let mut stream = TcpStream::connect(&address).expect("the server listens");
        stream.write_all(b"GET /met").expect("the server reads");
        stream
    };
    let stuck: Vec<TcpStream> = (0..METRICS_CONNECTIONS_MAX).map(half).collect();
    let mut refused = TcpStream::connect(&address).expect("the system takes it");
    let _ = refused.write_all(GET_METRICS.as_bytes());
    assert!(matches!(refused.read(&mut [0; 16]), Ok(0) | Err(_)), "there is no place for it");
    assert_eq!(running.client().count(&SearchParameters::default()).expect("the socket has its own"), 1);
    drop(stuck);
}

#[test]
fn a_client_may_stop_in_the_middle_of_many_matches() {
    let running = start(50_000);
    let mut seen = 0;
    let stop_early = &mut |_: &[u8]| {
        seen += 1;
        if seen < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    assert_eq!(running.client().search(&SearchParameters::default(), stop_early).expect("a search"), 10);
    assert_eq!(collected(&running.client(), &SearchParameters::default()).len(), 50_000);
}

#[test]
fn a_follower_gets_what_matches_and_a_slow_one_is_told_what_it_missed() {
    let running = start(0);
    let (lines, seen) = mpsc::channel();
    let follower = {
        let client = running.client();
        std::thread::spawn(move || {
            let parameters =
                SearchParameters { filter: Some("key=a".to_owned()), ..SearchParameters::default() };
            let _ = client.tail(&parameters, &mut |line| match lines
                .send(String::from_utf8_lossy(line).into_owned())
            {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        })
    };
    while running.live.followers() == 0 {
        std::thread::yield_now();
    }
    running.live.publish(b"{\"n\":1}", &terms("b"));
    running.live.publish(b"{\"n\":2}", &terms("a"));
    assert_eq!(seen.recv().expect("the follower follows"), "{\"n\":2}");

    // A second follower that takes nothing: publishing goes on at once, whatever it does.
    let mut slow = UnixStream::connect(running.socket()).expect("the server listens");
    slow.write_all(b"GET /v1/tail HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
    while running.live.followers() < 2 {
        std::thread::yield_now();
    }
    let line = format!("{{\"text\":\"{}\"}}", "x".repeat(2000));
    for _ in 0..LIVE_WAITING_MAX * 2 {
        running.live.publish(line.as_bytes(), &terms("b"));
    }
    let mut found = String::new();
    let mut buffer = [0; 65536];
    while !found.contains("{\"skipped\":") {
        let length = slow.read(&mut buffer).expect("the stream goes on");
        assert!(length > 0, "the stream goes on until the follower is told");
        found.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    drop(slow);
    drop(seen);
    running.live.publish(b"{\"n\":3}", &terms("a"));
    follower.join().expect("the follower ends");
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_left_alone() {
    let running = start(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let sources = || sources(&running.store, &Live::default(), &Told::default());
    let bind =
        |socket: PathBuf| Server::bind(Config { socket, ..Config::default() }, sources(), Kept::default());
    assert!(matches!(bind(running.socket()), Err(ServeError::InUse(_))));
    let stale = running.dir.path().join("stale");
    drop(UnixListener::bind(&stale).expect("a free path"));
    assert!(bind(stale).is_ok());
    let file = running.dir.path().join("file");
    fs::write(&file, "not a socket").expect("a file");
    assert!(matches!(bind(file.clone()), Err(ServeError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "not a socket");
    assert!(matches!(bind(running.dir.path().join("x".repeat(200))), Err(ServeError::TooLong(_))));
}

#[test]
fn who_waits_in_a_kept_socket_is_answered() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let running = start(1);
    let config =
        |name: &str| Config { socket: dir.path().join(name), metrics: Some(ANY_PORT), ..Config::default() };
    let bind = |name: &str, kept: Kept| {
        Server::bind(config(name), sources(&running.store, &Live::default(), &Told::default()), kept)
            .expect("a free path")
    };
    let kept = |server: Server| {
        let (local, metrics) = server.listeners().descriptors();
        let own = |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned().expect("it is open");
        Kept { local: Some(own(local)), metrics: metrics.map(own) }
    };
    let first = bind("socket", Kept::default());
    let port = first.metrics_address();
    let left = kept(first);
    let ask = |mut stream: UnixStream| {
        stream
            .write_all(b"GET /v1/version HTTP/1.1\r\nHost: ktrail\r\nConnection: close\r\n\r\n")
            .expect("it takes it");
        let mut answer = String::new();
        move || {
            stream.read_to_string(&mut answer).expect("text");
            answer
        }
    };
    // Nobody accepts at this time.
    let waits = ask(UnixStream::connect(dir.path().join("socket")).expect("somebody listens"));
    let second = bind("socket", left);
    assert_eq!(second.metrics_address(), port, "the same port");
    let (stop, stopped) = watch::channel(false);
    let client = std::thread::spawn(move || {
        let answer = waits();
        stop.send_replace(true);
        answer
    });
    let listeners = runtime.block_on(second.run(stopped));
    assert!(client.join().expect("no panic").starts_with("HTTP/1.1 200 OK"));
    assert!(dir.path().join("socket").exists(), "for whoever goes on");
    listeners.remove();
    assert!(!dir.path().join("socket").exists());
    // Another path, and a path that is gone, are made anew.
    let left = kept(bind("other", Kept::default()));
    fs::remove_file(dir.path().join("other")).expect("it is there");
    for name in ["third", "other"] {
        let left =
            Kept { local: left.local.as_ref().map(|kept| kept.try_clone().expect("open")), metrics: None };
        let server = bind(name, left);
        assert!(UnixStream::connect(dir.path().join(name)).is_ok(), "{name}");
        assert_ne!(server.metrics_address(), port);
    }
}

#[test]
fn without_a_daemon_the_client_says_so() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let client = Client::new(&dir.path().join("socket")).expect("a runtime");
    assert!(matches!(client.version(), Err(Error::NoDaemon(_))));
}
