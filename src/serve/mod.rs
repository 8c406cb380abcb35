//! The local API's server: HTTP/1.1 over a unix socket, for those who may read the log, and metrics on a loopback port.
//!
//! Knows neither the kernel's socket nor terminals. A slow client waits for itself only.

pub mod access;
pub mod calls;
pub mod error;
mod failures;
pub mod limits;
pub mod live;
pub mod metrics;
mod places;
mod routes;
mod socket;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use crate::protocol::Status;
use crate::protocol::limits::{HEAD_BYTES_MAX, HEADERS_MAX, METRICS_CONNECTIONS_MAX};
use crate::store::Reader;
use access::{Groups, Peer};
use calls::{Call, Calls, Notes, Refusal};
use error::Error;
use failures::Failures;
use limits::Limits;
use live::Live;
use metrics::Metrics;
use places::Places;

/// How often what was counted of refused calls is looked at.
const CALLS_TICK: Duration = Duration::from_secs(1);

/// Where the server listens and who may do what.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The socket's path.
    pub socket: PathBuf,
    /// Who has rights beside root and the daemon's own user.
    pub groups: Groups,
    /// Where metrics are served to whoever reaches it. A loopback address: it is not asked who reads.
    pub metrics: Option<SocketAddr>,
    /// How much of everything.
    pub limits: Limits,
}

/// What an administrator may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new segment of the log.
    Rotate,
    /// The configuration and the program as they are now.
    Reload,
}

/// Begins an operation; false where the daemon cannot take it.
pub type Administration = Arc<dyn Fn(Operation) -> bool + Send + Sync>;

/// Gives the status for an answer.
pub type StatusSource = Arc<dyn Fn() -> Status + Send + Sync>;

/// What the routes need.
#[derive(Clone)]
pub struct Sources {
    /// The log.
    pub reader: Reader,
    /// New entries.
    pub live: Live,
    /// Numbers.
    pub status: StatusSource,
    /// The same and more as text for collectors.
    pub metrics: Arc<Metrics>,
    /// Where refused and administrative calls are told.
    pub notes: Notes,
    /// What administrators may have done.
    pub administration: Administration,
}

/// Whence a request comes.
#[derive(Clone)]
pub enum Caller {
    /// The socket.
    Local(Arc<Peer>),
    /// The port for metrics.
    Loopback,
}

/// What all connections share.
#[derive(Clone)]
pub struct Shared {
    sources: Sources,
    limits: Limits,
    calls: Calls,
    searches: Places,
    streams: Places,
    search_failures: Arc<Failures>,
    stop: watch::Receiver<bool>,
}

impl Shared {
    /// For connections that answer from `sources` until `stop` turns true.
    pub fn new(sources: Sources, limits: Limits, stop: watch::Receiver<bool>) -> Shared {
        Shared {
            calls: Calls::new(sources.notes.clone()),
            searches: Places::new(limits.searches),
            streams: Places::new(limits.streams),
            search_failures: Arc::default(),
            sources,
            limits,
            stop,
        }
    }
}

/// Listening sockets of an earlier process, in which clients may wait.
#[derive(Default)]
pub struct Kept {
    /// The local socket.
    pub local: Option<OwnedFd>,
    /// The port for metrics.
    pub metrics: Option<OwnedFd>,
}

/// What a server listens on.
pub struct Listeners {
    path: PathBuf,
    local: UnixListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Takes over what is kept where that is what the configuration wants, and makes the rest.
    fn of(config: &Config, kept: Kept) -> Result<Listeners, Error> {
        let metrics = config.metrics.map(|address| adopt_or_listen(address, kept.metrics)).transpose()?;
        let adopted = kept.local.map(|local| socket::adopt(local, config)).transpose()?.flatten();
        let local = adopted.map_or_else(|| socket::bind(config), Ok)?;
        Ok(Listeners { path: config.socket.clone(), local, metrics })
    }

    /// The local socket and the port for metrics, for a process that goes on with them.
    pub fn descriptors(&self) -> (BorrowedFd<'_>, Option<BorrowedFd<'_>>) {
        (self.local.as_fd(), self.metrics.as_ref().map(AsFd::as_fd))
    }

    /// Removes the socket: nobody goes on with it.
    pub fn remove(self) {
        socket::remove(&self.path);
    }
}

/// A server that listens.
pub struct Server {
    listeners: Listeners,
    config: Config,
    sources: Sources,
}

impl Server {
    /// Makes the socket, or goes on with the one that is kept. A file left by a daemon that is gone is replaced; one that a
    /// living one answers on is an error. Must be called within a tokio runtime.
    pub fn bind(config: Config, mut sources: Sources, kept: Kept) -> Result<Server, Error> {
        let listeners = Listeners::of(&config, kept)?;
        let address = listeners.metrics.as_ref().and_then(|listener| listener.local_addr().ok());
        let status = sources.status;
        // The port is known only now where the system was to choose it.
        sources.status = Arc::new(move || {
            let mut status = status();
            status.daemon.metrics = address.map(|address| address.to_string());
            status
        });
        Ok(Server { listeners, config, sources })
    }

    /// What it listens on.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Where metrics are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.listeners.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `stop` turns true, then ends all streams. Who connects from then on waits in what it gives back.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Listeners {
        let listeners = self.listeners;
        let limits = &self.config.limits;
        let places = Places::new(limits.connections);
        let metrics_places = Arc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
        let shared = Shared::new(self.sources, limits.clone(), stop.clone());
        let mut connections = JoinSet::new();
        let accept_failures = Failures::default();
        let mut tick = tokio::time::interval(CALLS_TICK);
        loop {
            let accepted = tokio::select! {
                accepted = listeners.local.accept() => accepted.map(|(stream, _)| Stream::Local(stream)),
                accepted = accept(listeners.metrics.as_ref()) => accepted.map(Stream::Loopback),
                _ = tick.tick() => {
                    shared.calls.tick(Instant::now());
                    continue;
                }
                () = stopped(&mut stop) => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok(Stream::Local(stream)) => {
                    let peer = Peer::of(&stream, &self.config.groups);
                    match places.take(&peer) {
                        Some(place) => {
                            let caller = Caller::Local(Arc::new(peer));
                            connections.spawn(connection(stream, caller, shared.clone(), place));
                        }
                        None => {
                            shared.calls.refused(&peer, Call::Connect, Refusal::Connections, Instant::now());
                        }
                    }
                }
                Ok(Stream::Loopback(stream)) => {
                    // Nobody can be named for a connection to the port: that it is closed has to do.
                    let Ok(place) = metrics_places.clone().try_acquire_owned() else { continue };
                    connections.spawn(connection(stream, Caller::Loopback, shared.clone(), place));
                }
                Err(error) => {
                    // Descriptors may be short for a while; the loop must not spin on it.
                    if let Some(count) = accept_failures.count(Instant::now()) {
                        tracing::warn!(%error, count, "cannot accept a connection");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        shared.calls.finish();
        let ended = async { while connections.join_next().await.is_some() {} };
        // Streams end by themselves when `stop` is true; what does not is a client that takes nothing any more.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        listeners
    }
}

/// A connection by its way.
enum Stream {
    Local(tokio::net::UnixStream),
    Loopback(tokio::net::TcpStream),
}

/// The kept port if it is this one or any may be taken, or a new one.
fn adopt_or_listen(address: SocketAddr, kept: Option<OwnedFd>) -> Result<TcpListener, Error> {
    let failed = |source| Error::Port { address, source };
    let is_wanted = |kept: &std::net::TcpListener| {
        kept.local_addr().is_ok_and(|at| at.ip() == address.ip() && [at.port(), 0].contains(&address.port()))
    };
    let kept = kept.map(std::net::TcpListener::from).filter(is_wanted);
    let listener = kept.map_or_else(|| std::net::TcpListener::bind(address), Ok).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listener).map_err(failed)
}

/// The next connection; never one without a listener.
async fn accept(listener: Option<&TcpListener>) -> io::Result<tokio::net::TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Answers the requests that come over one connection, of whatever kind, until it ends, or it is to stop and the request
/// under way is answered. It holds its place meanwhile.
pub async fn connection<P>(
    stream: impl AsyncRead + AsyncWrite + Send,
    caller: Caller,
    shared: Shared,
    _place: P,
) {
    let mut stop = shared.stop.clone();
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(shared.limits.stall_time));
    let (calls, head_time) = (shared.calls.clone(), shared.limits.head_time);
    let service = {
        let caller = caller.clone();
        service_fn(move |request| {
            let answer = routes::answer(request, caller.clone(), shared.clone());
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        })
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(served);
    tokio::select! {
        result = served.as_mut() => {
            if let Err(error) = result {
                ended_early(&error, &caller, &calls);
            }
        }
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// Tells of a connection that ended because of a limit.
fn ended_early(error: &hyper::Error, caller: &Caller, calls: &Calls) {
    tracing::debug!(%error, "a connection ended early");
    let stalled = std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut);
    let refusal = match error {
        error if error.is_timeout() || stalled => Refusal::Time,
        error if error.is_parse_too_large() => Refusal::Size,
        _ => return,
    };
    if let Caller::Local(peer) = caller {
        calls.refused(peer, Call::Unknown, refusal, Instant::now());
    }
}

/// Waits until the server is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say so is gone, which is the end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
