//! Requests and their answers.

use std::convert::Infallible;
use std::ops::ControlFlow;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

use super::Sources;
use super::access::Access;
use crate::protocol::{
    self, CHUNK_BYTES, CHUNKS_WAITING_MAX, Count, Problem, SearchParameters, Skipped, Version,
};
use crate::query::filter::Filter;
use crate::query::run::{self, Order, Query};
use crate::store::Timings;

/// A part of a stream, or the reason why it cannot be whole: the connection is then cut without the final chunk.
type Part = Result<Frame<Bytes>, StreamError>;
type Body = BoxBody<Bytes, StreamError>;

/// A stream that could not be brought to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct StreamError(String);

pub(super) async fn answer<B>(
    request: Request<B>,
    access: Access,
    sources: Sources,
    stop: watch::Receiver<bool>,
) -> Response<Body> {
    let path = request.uri().path();
    let refused = match access {
        Access::Granted => None,
        Access::Metrics if path == protocol::METRICS_PATH => None,
        Access::Metrics => Some((StatusCode::NOT_FOUND, "only /metrics is here; the rest is on the socket")),
        Access::Refused => Some((
            StatusCode::FORBIDDEN,
            "only root, the daemon's user and the readers' group may read the log",
        )),
    };
    if let Some((status, error)) = refused {
        return problem(status, error);
    }
    if request.method() != Method::GET {
        let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "only GET is known");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    let query = asked(request.uri().query().unwrap_or_default());
    match (path, query) {
        (protocol::VERSION_PATH, _) => json(&version()),
        // Both look at files: not for the thread that the streams are on.
        (protocol::STATUS_PATH, _) => apart(move || json(&(sources.status)())).await,
        (protocol::METRICS_PATH, _) => apart(move || metrics(&sources)).await,
        (protocol::SEARCH_PATH | protocol::COUNT_PATH | protocol::TAIL_PATH, Err(error)) => {
            problem(StatusCode::BAD_REQUEST, &error)
        }
        (protocol::SEARCH_PATH, Ok(query)) => search(query, &sources),
        (protocol::COUNT_PATH, Ok(query)) => count(query, sources).await,
        (protocol::TAIL_PATH, Ok(query)) => tail(query, &sources, stop),
        _ => problem(StatusCode::NOT_FOUND, "no such path; see docs/api.md"),
    }
}

/// Makes an answer on a thread of its own.
async fn apart(make: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    let made = tokio::task::spawn_blocking(make).await;
    made.unwrap_or_else(|_| problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer was broken off"))
}

fn metrics(sources: &Sources) -> Response<Body> {
    match sources.metrics.text() {
        Ok(text) => with_type(StatusCode::OK, protocol::METRICS_TYPE, full(text.into_bytes())),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn version() -> Version {
    Version {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: protocol::VERSION,
    }
}

/// The query that parameters ask for, or what is wrong with them.
fn asked(query: &str) -> Result<Query, String> {
    let parameters = SearchParameters::from_query(query)?;
    let filter =
        parameters.filter.as_deref().map(Filter::parse).transpose().map_err(|error| error.to_string())?;
    let after = parameters.after.as_deref().map(str::parse).transpose();
    Ok(Query {
        filter,
        since_ms: parameters.since_ms,
        until_ms: parameters.until_ms,
        order: if parameters.newest_first { Order::Newest } else { Order::Oldest },
        limit: parameters.limit,
        after: after.map_err(|error: run::CursorError| error.to_string())?,
    })
}

fn search(query: Query, sources: &Sources) -> Response<Body> {
    let snapshot = sources.reader.snapshot();
    let metrics = sources.metrics.clone();
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let send = |chunk: &mut Vec<u8>| {
            let bytes = Bytes::from(std::mem::take(chunk));
            sender.blocking_send(Ok(Frame::data(bytes))).is_ok()
        };
        let mut take = |_, line: &[u8]| {
            chunk.extend_from_slice(line);
            chunk.push(b'\n');
            match chunk.len() < CHUNK_BYTES || send(&mut chunk) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let ran = Timings::measure(&metrics.search, || run::run(&snapshot, &query, &mut take));
        if !chunk.is_empty() {
            send(&mut chunk);
        }
        if let Err(error) = ran {
            tracing::error!(%error, "a search could not be brought to its end");
            let _ = sender.blocking_send(Err(StreamError(error.to_string())));
        }
    });
    stream(receiver)
}

async fn count(query: Query, sources: Sources) -> Response<Body> {
    let count = move || {
        let snapshot = sources.reader.snapshot();
        Timings::measure(&sources.metrics.count, || run::count(&snapshot, &query))
    };
    let counted = tokio::task::spawn_blocking(count).await;
    match counted {
        Ok(Ok(ran)) => json(&Count { count: ran.matched }),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the count was broken off"),
    }
}

fn tail(query: Query, sources: &Sources, mut stop: watch::Receiver<bool>) -> Response<Body> {
    let mut entries = sources.live.follow();
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::spawn(async move {
        let mut left = query.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let entry = tokio::select! {
                entry = entries.recv() => entry,
                () = sender.closed() => break,
                () = super::stopped(&mut stop) => break,
            };
            let mut line = match entry {
                Ok(entry) if query.filter.as_ref().is_none_or(|filter| filter.matches(&entry.terms)) => {
                    left -= 1;
                    entry.line.to_vec()
                }
                Ok(_) => continue,
                Err(RecvError::Lagged(skipped)) => {
                    serde_json::to_vec(&Skipped { skipped }).unwrap_or_default()
                }
                Err(RecvError::Closed) => break,
            };
            line.push(b'\n');
            if sender.send(Ok(Frame::data(Bytes::from(line)))).await.is_err() {
                break;
            }
        }
    });
    stream(receiver)
}

fn stream(mut receiver: mpsc::Receiver<Part>) -> Response<Body> {
    let parts = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let body = BodyExt::boxed(StreamBody::new(parts));
    with_type(StatusCode::OK, "application/x-ndjson", body)
}

fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(mut text) => {
            text.push(b'\n');
            with_type(StatusCode::OK, "application/json", full(text))
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn problem(status: StatusCode, error: &str) -> Response<Body> {
    let mut text = serde_json::to_vec(&Problem { error: error.to_owned() }).unwrap_or_default();
    text.push(b'\n');
    with_type(status, "application/json", full(text))
}

fn full(text: Vec<u8>) -> Body {
    Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed()
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
