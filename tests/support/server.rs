//! A server of the local API on a runtime of its own, over a log of some lines, without a daemon around it.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use ktrail::client::Client;
use ktrail::protocol::{Kernel, Lookup, Output, OverloadPolicy, Shed, Status, Unseen};
use ktrail::serve::access::Groups;
use ktrail::serve::calls::Note;
use ktrail::serve::limits::Limits;
use ktrail::serve::live::Live;
use ktrail::serve::metrics::Metrics;
use ktrail::serve::{Config, Kept, Operation, Server, Sources};
use ktrail::store::term::Terms;
use ktrail::store::{self, Reader, Stamp, Store, Timings};
use tokio::sync::watch;

/// The key of every entry.
const KEY: u8 = 1;

pub(crate) fn terms(key: &str) -> Terms {
    let mut terms = Terms::default();
    terms.add(KEY, key.as_bytes());
    terms
}

/// A port that the system chooses.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn output(name: &str) -> Output {
    let failing = Some("why".to_owned());
    Output { name: name.to_owned(), delivered: 8, dropped: 2, failing, ..Output::default() }
}

/// The status that the server tells.
pub(crate) fn status() -> Status {
    let mut status = Status::default();
    status.daemon.version = "1.2.3".to_owned();
    status.daemon.followers = 4;
    status.counters.messages = 70;
    status.counters.shed = 6;
    status.overload.policy = OverloadPolicy::Shed;
    for (keys, events) in [(vec![], 1), (vec!["a \"b\"".to_owned(), "c".to_owned()], 5)] {
        status.overload.shed.push(Shed { kind: "SYSCALL".to_owned(), keys, events, ..Shed::default() });
    }
    status.outputs = ["live", "siem"].map(output).to_vec();
    status.kernel = Some(Kernel { backlog: 9, backlog_wait_time_actual: Some(11), ..Kernel::default() });
    status.lookups.processes = Lookup { known: 90, asked: 8, answered: 7, ..Lookup::default() };
    status.lookups.names.forgotten = 2;
    status.store.space.free_bytes = Some(1 << 40);
    status.unseen = Some(Unseen { processes: 3, ..Unseen::default() });
    status
}

/// What the server has told and asked for.
#[derive(Clone, Default)]
pub(crate) struct Told {
    notes: Arc<Mutex<Vec<Note>>>,
    operations: Arc<Mutex<Vec<Operation>>>,
}

impl Told {
    /// The fields of every note.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().iter().map(|note| note.body.clone()).collect()
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.operations.lock().unwrap().clone()
    }
}

pub(crate) fn sources(store: &Store, live: &Live, told: &Told) -> Sources {
    sources_of(store.reader(), store.timings(), live, told)
}

fn sources_of(reader: Reader, timings: Timings, live: &Live, told: &Told) -> Sources {
    let metrics = Arc::new(Metrics::new(Arc::new(status), timings));
    let Told { notes, operations } = told.clone();
    Sources {
        reader,
        live: live.clone(),
        status: Arc::new(status),
        metrics,
        notes: Arc::new(move |note| {
            notes.lock().unwrap().push(note);
            true
        }),
        administration: Arc::new(move |operation| {
            operations.lock().unwrap().push(operation);
            true
        }),
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) live: Live,
    pub(crate) told: Told,
    pub(crate) store: Store,
    serving: Option<Serving>,
}

/// Serves a log of `entries` lines `{"n":0}`, `{"n":1}` … whose key is `even` or `odd`.
pub(crate) fn start(entries: u32) -> Running {
    let lines = (0..entries).map(|number| {
        let key = if number % 2 == 0 { "even" } else { "odd" };
        (key, format!("{{\"n\":{number}}}"))
    });
    start_with(lines, Groups::default(), Limits::default())
}

/// Serves a log of lines with their keys.
pub(crate) fn start_with(
    lines: impl IntoIterator<Item = (&'static str, String)>,
    groups: Groups,
    limits: Limits,
) -> Running {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let describe = |_: &[u8], _: &mut Terms| Some(Stamp::default());
    let config = store::Config { dir: dir.path().join("log"), ..store::Config::default() };
    let (mut store, _) = Store::open(config, Arc::new(describe)).expect("an empty log");
    for (number, (key, line)) in (0..).zip(lines) {
        let stamp = Stamp { time_ms: u64::from(number), serial: number };
        store.append(stamp, &terms(key), line.as_bytes()).expect("room");
    }
    store.flush().expect("room");
    serve(dir, store, groups, limits, |_| {})
}

/// Serves a log, with some of its sources replaced by others.
pub(crate) fn serve(
    dir: tempfile::TempDir,
    store: Store,
    groups: Groups,
    limits: Limits,
    replace: impl FnOnce(&mut Sources),
) -> Running {
    let (live, told) = (Live::default(), Told::default());
    let mut sources = sources(&store, &live, &told);
    replace(&mut sources);
    let config = Config { socket: dir.path().join("socket"), groups, metrics: Some(ANY_PORT), limits };
    let serving = Some(Serving::begin(config, sources));
    Running { dir, live, told, serving, store }
}

/// Serves a log for root and this user, and nothing besides, until it is dropped.
pub(crate) fn serve_log(socket: &Path, reader: Reader) -> Serving {
    let (live, told) = (Live::default(), Told::default());
    let config = Config { socket: socket.to_owned(), ..Config::default() };
    Serving::begin(config, sources_of(reader, Timings::default(), &live, &told))
}

/// A server on a thread of its own, that ends in order when this is dropped.
pub(crate) struct Serving {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    fn begin(config: Config, sources: Sources) -> Serving {
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let server = Server::bind(config, sources, Kept::default()).expect("a free path");
                ready.send(()).expect("the test waits");
                server.run(stopped).await.remove();
            });
        });
        is_ready.recv().expect("the server starts");
        Serving { stop, thread: Some(thread) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server ends in order");
        }
    }
}

impl Running {
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.socket()).expect("a runtime")
    }

    /// Sends bytes as they are and gives what comes back until the server closes, which it may do before all is sent.
    pub(crate) fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).expect("the server listens");
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).expect("text")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.serving.take());
        assert!(!self.socket().exists() || std::thread::panicking(), "the socket is removed");
    }
}
