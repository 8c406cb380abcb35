//! The local API's server: HTTP/1.1 over a unix socket, for those who may read the log.
//!
//! Knows neither the kernel's socket nor terminals. A slow client waits for itself only.

pub mod access;
pub mod error;
pub mod live;
mod routes;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::unistd::Gid;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};

use crate::protocol::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, Status};
use crate::store::Reader;
use error::Error;
use live::Live;

/// Where the server listens and who may read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket's path.
    pub socket: PathBuf,
    /// The group whose members may read, beside root and the daemon's own user. The socket file is the group's.
    pub readers: Option<Gid>,
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
}

/// A server that listens.
pub struct Server {
    listener: UnixListener,
    config: Config,
    sources: Sources,
}

impl Server {
    /// Makes the socket. A file left by a daemon that is gone is replaced; one that a living one answers on is an error.
    /// Must be called within a tokio runtime.
    pub fn bind(config: Config, sources: Sources) -> Result<Server, Error> {
        let listener = socket::bind(&config)?;
        Ok(Server { listener, config, sources })
    }

    /// Serves until `stop` turns true, then ends all streams and removes the socket.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Descriptors may be short for a while; the loop must not spin on it.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(limit = CONNECTIONS_MAX, "too many connections: one is refused");
                continue;
            };
            let allowed = access::may_read(&stream, self.config.readers);
            let (sources, stop) = (self.sources.clone(), stop.clone());
            connections.spawn(async move {
                connection(stream, allowed, sources, stop).await;
                drop(place);
            });
        }
        socket::remove(&self.config.socket);
        let ended = async { while connections.join_next().await.is_some() {} };
        // Streams end by themselves when `stop` is true; what does not is a client that takes nothing any more.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }
}

async fn connection(
    stream: tokio::net::UnixStream,
    allowed: access::Access,
    sources: Sources,
    mut stop: watch::Receiver<bool>,
) {
    let streams_stop = stop.clone();
    let service = service_fn(move |request| {
        let answer = routes::answer(request, allowed, sources.clone(), streams_stop.clone());
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
