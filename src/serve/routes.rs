//! Requests and their answers.

use std::convert::Infallible;
use std::time::Instant;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body as Content, Bytes};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc;

use super::access::Peer;
use super::calls::{Call, Refusal};
use super::places::{Place, Places};
use super::stream::{self, Budget, Part, StreamError, View};
use super::{Caller, Operation, Shared, Sources};
use crate::protocol::limits::{BODY_BYTES_MAX, TARGET_BYTES_MAX};
use crate::protocol::search::SearchParameters;
use crate::protocol::{self, Accepted, Count, Problem, Version};
use crate::query::filter::Filter;
use crate::query::run::{self, Order, Query};
use crate::store::Timings;

type Body = BoxBody<Bytes, StreamError>;

pub(super) async fn answer<B: Content>(
    request: Request<B>,
    caller: Caller,
    shared: Shared,
) -> Response<Body> {
    let call = call(request.uri().path());
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let too_long = if target > TARGET_BYTES_MAX {
        Some((StatusCode::URI_TOO_LONG, "path and query are too long"))
    } else if request.body().size_hint().upper().is_none_or(|bytes| bytes > BODY_BYTES_MAX) {
        Some((StatusCode::PAYLOAD_TOO_LARGE, "no request has a body"))
    } else {
        None
    };
    let Caller::Local(peer) = caller else {
        return match too_long {
            Some((status, error)) => last(problem(status, error)),
            None if call == Call::Status && request.uri().path() == protocol::METRICS_PATH => {
                match wrong_method(&request, Method::GET) {
                    Some(answer) => answer,
                    None => apart(move || metrics(&shared.sources)).await,
                }
            }
            None => problem(StatusCode::NOT_FOUND, "only /metrics is here; the rest is on the socket"),
        };
    };
    let refused = |status, refusal, error| {
        shared.calls.refused(&peer, call, refusal, Instant::now());
        problem(status, error)
    };
    if let Err((status, error)) = permitted(call, &peer) {
        // Whoever has a right for another call may go on; a stranger's place is for the next one.
        let answer = refused(status, Refusal::Right, error);
        return if peer.rights == super::access::Rights::default() { last(answer) } else { answer };
    }
    if let Some((status, error)) = too_long {
        return last(refused(status, Refusal::Size, error));
    }
    let method = if matches!(call, Call::Rotate | Call::Reload) { Method::POST } else { Method::GET };
    match wrong_method(&request, method) {
        Some(answer) => answer,
        None => served(&request, call, &peer, &shared).await,
    }
}

/// Which call a path is.
fn call(path: &str) -> Call {
    match path {
        protocol::VERSION_PATH | protocol::STATUS_PATH | protocol::METRICS_PATH => Call::Status,
        protocol::SEARCH_PATH => Call::Search,
        protocol::COUNT_PATH => Call::Count,
        protocol::TAIL_PATH => Call::Tail,
        protocol::ROTATE_PATH => Call::Rotate,
        protocol::RELOAD_PATH => Call::Reload,
        _ => Call::Unknown,
    }
}

/// Whether a caller has the right to a call. What is no call needs the right to read: strangers learn nothing.
fn permitted(call: Call, peer: &Peer) -> Result<(), (StatusCode, &'static str)> {
    let (has_right, error) = match call {
        Call::Rotate | Call::Reload => (
            peer.rights.administer,
            "only root, the daemon's user and the administrators' group may administer",
        ),
        _ => (peer.rights.read, "only root, the daemon's user and the readers' groups may read the log"),
    };
    if has_right { Ok(()) } else { Err((StatusCode::FORBIDDEN, error)) }
}

fn wrong_method<B>(request: &Request<B>, known: Method) -> Option<Response<Body>> {
    if request.method() == known {
        return None;
    }
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("only {known} is known here"));
    let name = if known == Method::GET { "GET" } else { "POST" };
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(name));
    Some(answer)
}

/// The answer to a permitted call.
async fn served<B>(request: &Request<B>, call: Call, peer: &Peer, shared: &Shared) -> Response<Body> {
    let sources = shared.sources.clone();
    let query = match call {
        Call::Search | Call::Count | Call::Tail => asked(request.uri().query().unwrap_or_default()),
        _ => Ok(Query::default()),
    };
    let query = match query {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    let place = |places: &Places, refusal| {
        let place = places.take(peer);
        if place.is_none() {
            shared.calls.refused(peer, call, refusal, Instant::now());
        }
        place
    };
    let view = if peer.rights.sensitive { View::Whole } else { View::Masked };
    match call {
        Call::Status => match request.uri().path() {
            protocol::VERSION_PATH => json(StatusCode::OK, &version()),
            // Both look at files: not for the thread that the streams are on.
            protocol::STATUS_PATH => apart(move || json(StatusCode::OK, &(sources.status)())).await,
            _ => apart(move || metrics(&sources)).await,
        },
        Call::Search => match place(&shared.searches, Refusal::Searches) {
            Some(place) => streamed(stream::search(query, view, shared, place)),
            None => too_many(),
        },
        Call::Count => match place(&shared.searches, Refusal::Searches) {
            Some(place) => count(query, shared, place).await,
            None => too_many(),
        },
        Call::Tail => match place(&shared.streams, Refusal::Streams) {
            Some(place) => streamed(stream::tail(query, view, shared, place)),
            None => too_many(),
        },
        Call::Rotate => administer(Operation::Rotate, call, peer, shared),
        Call::Reload => administer(Operation::Reload, call, peer, shared),
        Call::Connect | Call::Unknown => problem(StatusCode::NOT_FOUND, "no such path; see docs/api.md"),
    }
}

fn too_many() -> Response<Body> {
    problem(StatusCode::TOO_MANY_REQUESTS, "as many of these run as may at a time")
}

/// Has an operation begun, once it is told who wants it.
fn administer(operation: Operation, call: Call, peer: &Peer, shared: &Shared) -> Response<Body> {
    let now = Instant::now();
    if let Err(refusal) = shared.calls.administrative(peer, call, now) {
        shared.calls.refused(peer, call, refusal, now);
        return problem(
            StatusCode::TOO_MANY_REQUESTS,
            "too many of these calls, or the log takes no entry now",
        );
    }
    match (shared.sources.administration)(operation) {
        true => json(StatusCode::ACCEPTED, &Accepted { accepted: true }),
        false => problem(StatusCode::SERVICE_UNAVAILABLE, "the daemon has not done what it was asked before"),
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

async fn count(query: Query, shared: &Shared, place: Place) -> Response<Body> {
    let (sources, time_max) = (shared.sources.clone(), shared.limits.search_time);
    let count = move || {
        let _place = place;
        let (snapshot, budget) = (sources.reader.snapshot(), Budget::new(time_max));
        let go_on = || !budget.is_over();
        Timings::measure(&sources.metrics.count, || run::count_while(&snapshot, &query, &go_on))
    };
    match tokio::task::spawn_blocking(count).await {
        Ok(Ok(ran)) if ran.stopped => problem(StatusCode::SERVICE_UNAVAILABLE, stream::OUT_OF_TIME),
        Ok(Ok(ran)) if ran.removed => problem(StatusCode::SERVICE_UNAVAILABLE, run::REMOVED),
        Ok(Ok(ran)) => json(StatusCode::OK, &Count { count: ran.matched }),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the count was broken off"),
    }
}

fn streamed(mut receiver: mpsc::Receiver<Part>) -> Response<Body> {
    let parts = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let body = BodyExt::boxed(StreamBody::new(parts));
    with_type(StatusCode::OK, "application/x-ndjson", body)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(mut text) => {
            text.push(b'\n');
            with_type(status, "application/json", full(text))
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn problem(status: StatusCode, error: &str) -> Response<Body> {
    let mut text = serde_json::to_vec(&Problem { error: error.to_owned() }).unwrap_or_default();
    text.push(b'\n');
    with_type(status, "application/json", full(text))
}

/// The last answer on its connection.
fn last(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
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
