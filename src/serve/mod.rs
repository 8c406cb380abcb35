//! The local API's server: HTTP/1.1 over a unix socket, for those who may read the log, and metrics on a loopback port.
//!
//! Knows neither the kernel's socket nor terminals. A slow client waits for itself only.

pub mod access;
pub mod error;
pub mod live;
pub mod metrics;
mod routes;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::unistd::Gid;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::protocol::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, METRICS_CONNECTIONS_MAX, Status};
use crate::store::Reader;
use access::Access;
use error::Error;
use live::Live;
use metrics::Metrics;

/// Where the server listens and who may read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket's path.
    pub socket: PathBuf,
    /// The group whose members may read, beside root and the daemon's own user. The socket file is the group's.
    pub readers: Option<Gid>,
    /// Where metrics are served to whoever reaches it. A loopback address: it is not asked who reads.
    pub metrics: Option<SocketAddr>,
}

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
}

/// A server that listens.
pub struct Server {
    listener: UnixListener,
    metrics: Option<TcpListener>,
    config: Config,
    sources: Sources,
}

impl Server {
    /// Makes the socket. A file left by a daemon that is gone is replaced; one that a living one answers on is an error.
    /// Must be called within a tokio runtime.
    pub fn bind(config: Config, mut sources: Sources) -> Result<Server, Error> {
        let metrics = config.metrics.map(listen).transpose()?;
        let listener = socket::bind(&config)?;
        let address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
        let status = sources.status;
        // The port is known only now where the system was to choose it.
        sources.status = Arc::new(move || {
            let mut status = status();
            status.daemon.metrics = address.map(|address| address.to_string());
            status
        });
        Ok(Server { listener, metrics, config, sources })
    }

    /// Where metrics are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `stop` turns true, then ends all streams and removes the socket.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let metrics_places = Arc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted.map(|(stream, _)| Stream::Local(stream)),
                accepted = accept(self.metrics.as_ref()) => accepted.map(Stream::Loopback),
                () = stopped(&mut stop) => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok(Stream::Local(stream)) => {
                    let Some(place) = place(&places) else { continue };
                    let access = access::may_read(&stream, self.config.readers);
                    let served = connection(stream, access, self.sources.clone(), stop.clone());
                    connections.spawn(holding(place, served));
                }
                Ok(Stream::Loopback(stream)) => {
                    let Some(place) = place(&metrics_places) else { continue };
                    let served = connection(stream, Access::Metrics, self.sources.clone(), stop.clone());
                    connections.spawn(holding(place, served));
                }
                Err(error) => {
                    // Descriptors may be short for a while; the loop must not spin on it.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        socket::remove(&self.config.socket);
        let ended = async { while connections.join_next().await.is_some() {} };
        // Streams end by themselves when `stop` is true; what does not is a client that takes nothing any more.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }
}

/// A connection by its way.
enum Stream {
    Local(tokio::net::UnixStream),
    Loopback(tokio::net::TcpStream),
}

fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |source| Error::Port { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
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

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let place = places.clone().try_acquire_owned().ok();
    if place.is_none() {
        tracing::warn!("too many connections: one is refused");
    }
    place
}

/// Serves, and keeps the place until that is over.
async fn holding(_place: OwnedSemaphorePermit, served: impl Future<Output = ()>) {
    served.await;
}

/// Answers the requests that come over one connection, of whatever kind, until it ends, or `stop` turns true and the
/// request under way is answered.
pub async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    access: Access,
    sources: Sources,
    mut stop: watch::Receiver<bool>,
) {
    let streams_stop = stop.clone();
    let service = service_fn(move |request| {
        let answer = routes::answer(request, access, sources.clone(), streams_stop.clone());
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    tokio::select! {
        result = served.as_mut() => {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// Waits until the server is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say so is gone, which is the end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
