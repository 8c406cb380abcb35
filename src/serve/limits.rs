//! The limits of the local API as values, so that each can be reached in a test.

use std::time::Duration;

use crate::protocol::limits as named;

/// How much of everything; by default what `protocol::limits` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: Shares,
    /// Searches and counts at a time.
    pub searches: Shares,
    /// Streams of new entries at a time.
    pub streams: Shares,
    /// In which a request's head has to come.
    pub head_time: Duration,
    /// For which a client may take nothing of its answer.
    pub stall_time: Duration,
    /// Work for one search.
    pub search_time: Duration,
    /// The same with what it waits for its client.
    pub answer_time: Duration,
    /// Entries in one answer.
    pub search_entries: u64,
}

/// How many places there are for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// For trusted users together.
    pub trusted: usize,
    /// For members together.
    pub members: usize,
    /// For one member.
    pub per_uid: usize,
    /// For strangers together.
    pub strangers: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: Shares {
                trusted: named::CONNECTIONS_TRUSTED_MAX,
                members: named::CONNECTIONS_MEMBERS_MAX,
                per_uid: named::CONNECTIONS_PER_UID_MAX,
                strangers: named::CONNECTIONS_STRANGERS_MAX,
            },
            searches: Shares {
                trusted: named::SEARCHES_TRUSTED_MAX,
                members: named::SEARCHES_MEMBERS_MAX,
                per_uid: named::SEARCHES_PER_UID_MAX,
                strangers: 0,
            },
            streams: Shares {
                trusted: named::STREAMS_TRUSTED_MAX,
                members: named::STREAMS_MEMBERS_MAX,
                per_uid: named::STREAMS_PER_UID_MAX,
                strangers: 0,
            },
            head_time: Duration::from_secs(named::HEAD_SECONDS_MAX),
            stall_time: Duration::from_secs(named::STALL_SECONDS_MAX),
            search_time: Duration::from_secs(named::SEARCH_SECONDS_MAX),
            answer_time: Duration::from_secs(named::ANSWER_SECONDS_MAX),
            search_entries: named::SEARCH_ENTRIES_MAX,
        }
    }
}
