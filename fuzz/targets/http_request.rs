//! Bytes sent to the local API by those administrators, by readers, for metrics only, and by who may nothing.
//!
//! The first byte says who sends, and into how many pieces the rest is cut.
#![no_main]

use std::sync::{Arc, LazyLock};

use ktrail::protocol::Status;
use ktrail::serve::access::{Peer, Rights};
use ktrail::serve::limits::Limits;
use ktrail::serve::live::Live;
use ktrail::serve::metrics::Metrics;
use ktrail::serve::{Caller, Shared, Sources, connection};
use ktrail::store::Timings;
use ktrail_fuzz::log::SAMPLE;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// The answers that docs/api.md names, and what the parser of HTTP says itself.
const STATUSES: [&str; 13] =
    ["200", "202", "400", "403", "404", "405", "408", "413", "414", "429", "431", "500", "503"];
/// Turns that the server gets before it is to stop: more than any answer from this log takes.
const TURNS: usize = 1000;
/// What every entry begins with.
const ENTRY: &str = "{\"v\":1,";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

fn sources() -> Sources {
    let status = Arc::new(Status::default);
    let metrics = Arc::new(Metrics::new(status.clone(), Timings::default()));
    let (notes, administration) = (Arc::new(|_| true), Arc::new(|_| true));
    Sources { reader: SAMPLE.1.clone(), live: Live::default(), status, metrics, notes, administration }
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, request)) = input.split_first() else { return };
    let reader = Rights { read: true, ..Rights::default() };
    let (caller, rights) = match first % 4 {
        0 => (Caller::Local(Arc::new(Peer::known(1000, Rights::default()))), Rights::default()),
        1 => (Caller::Loopback, Rights::default()),
        2 => (Caller::Local(Arc::new(Peer::known(1001, reader))), reader),
        _ => (Caller::Local(Arc::new(Peer::known(0, Rights::ALL))), Rights::ALL),
    };
    let is_refused = matches!(caller, Caller::Local(_)) && !rights.read;
    let piece = (request.len() / (usize::from(first >> 2) % 8 + 1)).max(1);
    let answer = RUNTIME.block_on(async {
        let (server, mut client) = tokio::io::duplex(1 << 20);
        let (stop, stopped) = watch::channel(false);
        let shared = Shared::new(sources(), Limits::default(), stopped);
        let served = tokio::spawn(connection(server, caller, shared, ()));
        for piece in request.chunks(piece) {
            if client.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = client.shutdown().await;
        // A live stream goes on while it may have a reader: with more behind its request, the end of what is sent is not seen.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        stop.send_replace(true);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        served.await.expect("a connection does not panic");
        answer
    });
    let text = String::from_utf8_lossy(&answer);
    if let Some(head) = text.lines().next() {
        let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)).unwrap_or_default();
        assert!(STATUSES.contains(&status), "{head}");
    }
    if !rights.read {
        assert!(!text.contains(ENTRY), "who may not read gets no entry");
        assert!(!text.contains("\"daemon\":"), "nor the status");
    }
    if is_refused {
        assert!(!text.contains(" 200 OK"), "who is refused gets nothing");
    }
});
