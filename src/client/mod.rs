//! Calls to the local API over its socket.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::net::UnixStream;

use crate::protocol::search::SearchParameters;
use crate::protocol::{
    COUNT_PATH, Count, Problem, SEARCH_PATH, STATUS_PATH, Status, TAIL_PATH, VERSION, VERSION_PATH, Version,
};

/// Bytes of an answer that is not a stream.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody listens.
    #[error("no daemon is listening on {}", .0.display())]
    NoDaemon(PathBuf),
    /// The socket's mode or the daemon says no.
    #[error("not permitted on {}: only root, the daemon's user and the readers' group may read the log", .0.display())]
    NotPermitted(PathBuf),
    /// The request is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// The daemon failed.
    #[error("the daemon answers: {0}")]
    Failed(String),
    /// The answer's form is unknown.
    #[error("the daemon's answer cannot be read; it speaks another version of the API than {VERSION}")]
    UnknownAnswer,
    /// The stream ended before its end.
    #[error("the answer was cut off: {0}")]
    CutOff(#[source] hyper::Error),
    /// Any other error.
    #[error("cannot talk to {}: {source}", path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The local API of the daemon behind a socket. Every call makes a connection of its own.
pub struct Client {
    socket: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A client; the daemon is called only by the methods below.
    pub fn new(socket: &Path) -> Result<Client, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::System { path: socket.to_owned(), source })?;
        Ok(Client { socket: socket.to_owned(), runtime })
    }

    /// What the daemon is.
    pub fn version(&self) -> Result<Version, Error> {
        self.runtime.block_on(self.get(VERSION_PATH))
    }

    /// Kernel, daemon and store in numbers.
    pub fn status(&self) -> Result<Status, Error> {
        self.runtime.block_on(self.get(STATUS_PATH))
    }

    /// How many entries match.
    pub fn count(&self, parameters: &SearchParameters) -> Result<u64, Error> {
        let path = format!("{COUNT_PATH}?{}", parameters.to_query());
        self.runtime.block_on(self.get::<Count>(&path)).map(|count| count.count)
    }

    /// Hands each matching entry's stored form to `take` until that breaks. Gives how many there were.
    pub fn search(
        &self,
        parameters: &SearchParameters,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<u64, Error> {
        self.runtime.block_on(self.lines(&format!("{SEARCH_PATH}?{}", parameters.to_query()), take))
    }

    /// Hands each new matching entry's stored form to `take` until that breaks or the daemon ends.
    pub fn tail(
        &self,
        parameters: &SearchParameters,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<u64, Error> {
        self.runtime.block_on(self.lines(&format!("{TAIL_PATH}?{}", parameters.to_query()), take))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.send(path).await?;
        let text = self.whole(answer).await?;
        serde_json::from_slice(&text).map_err(|_| Error::UnknownAnswer)
    }

    async fn lines(&self, path: &str, take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<u64, Error> {
        let mut body = self.send(path).await?.into_body();
        let mut rest: Vec<u8> = Vec::new();
        let mut count = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(Error::CutOff)?;
            let Some(data) = frame.data_ref() else { continue };
            rest.extend_from_slice(data);
            let mut begin = 0;
            while let Some(length) = rest.get(begin..).and_then(|text| memchr::memchr(b'\n', text)) {
                let line = rest.get(begin..begin + length).unwrap_or_default();
                begin += length + 1;
                count += 1;
                if take(line).is_break() {
                    return Ok(count);
                }
            }
            rest.drain(..begin);
        }
        Ok(count)
    }

    /// Sends a request and gives its answer if it is a good one.
    async fn send(&self, path: &str) -> Result<Response<Incoming>, Error> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Error::NoDaemon(self.socket.clone())
            }
            io::ErrorKind::PermissionDenied => Error::NotPermitted(self.socket.clone()),
            _ => Error::System { path: self.socket.clone(), source },
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::CutOff)?;
        tokio::spawn(connection);
        let request = Request::get(path).header(hyper::header::HOST, "ktrail").body(Empty::<Bytes>::new());
        let request = request.map_err(|error| Error::BadRequest(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(Error::CutOff)?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::FORBIDDEN => Err(Error::NotPermitted(self.socket.clone())),
            status => {
                let text = self.whole(answer).await?;
                let problem: Problem = serde_json::from_slice(&text).map_err(|_| Error::UnknownAnswer)?;
                match status.is_client_error() {
                    true => Err(Error::BadRequest(problem.error)),
                    false => Err(Error::Failed(problem.error)),
                }
            }
        }
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Bytes, Error> {
        let limited = http_body_util::Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
        let collected = limited.collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => Error::CutOff(*error),
            Err(_) => Error::UnknownAnswer,
        })?;
        Ok(collected.to_bytes())
    }
}
