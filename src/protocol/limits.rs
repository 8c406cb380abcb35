//! How much of everything the local API takes, each with its unit and reason. `docs/api.md` has the table.
//!
//! Three kinds of callers have limits of their own, so that none of them takes the places of another: root and the
//! daemon's own user (*trusted*), members of a configured group (*members*), and everybody else (*strangers*), who get no
//! answer but a refusal.

/// Connections of trusted users at a time; each costs a task and a buffer of [`HEAD_BYTES_MAX`].
pub const CONNECTIONS_TRUSTED_MAX: usize = 64;
/// Connections of members at a time, all together: as many people as look at one host's log, with several programs each.
pub const CONNECTIONS_MEMBERS_MAX: usize = 48;
/// Connections of one member at a time: a person with some programs, and a third of what all have.
pub const CONNECTIONS_PER_UID_MAX: usize = 16;
/// Connections of strangers at a time. They are told that they may not, which takes no time.
pub const CONNECTIONS_STRANGERS_MAX: usize = 8;
/// Connections at a time on the port for metrics: one for each of a few collectors. They take no place of the others.
pub const METRICS_CONNECTIONS_MAX: usize = 8;

/// Bytes of a request's head, so that the longest filter fits with every byte escaped.
pub const HEAD_BYTES_MAX: usize = 32 << 10;
/// Lines of a request's head: a browser sends twenty.
pub const HEADERS_MAX: usize = 64;
/// Bytes of a request's path and query: the longest filter with every byte escaped, and the other parameters.
pub const TARGET_BYTES_MAX: usize = 28 << 10;
/// Bytes of a request's body: no request has one.
pub const BODY_BYTES_MAX: u64 = 0;
/// Seconds in which a request's head has to come, and for which a connection may wait between two requests.
pub const HEAD_SECONDS_MAX: u64 = 10;
/// Seconds for which a client may take nothing of its answer. A pager in which somebody reads takes a few kilobytes now
/// and then; a client that has stopped keeps a thread, a snapshot and the segments of it.
pub const STALL_SECONDS_MAX: u64 = 300;

/// Searches and counts of members at a time, all together: each has threads that read and unpack.
pub const SEARCHES_MEMBERS_MAX: usize = 16;
/// Searches and counts of one member at a time.
pub const SEARCHES_PER_UID_MAX: usize = 4;
/// Searches and counts of trusted users at a time.
pub const SEARCHES_TRUSTED_MAX: usize = 32;
/// Seconds of work for one search or count, without what it waits for its client: a day's log of a busy host is read in
/// a tenth of this.
pub const SEARCH_SECONDS_MAX: u64 = 300;
/// Seconds for one search with what it waits for its client: as long as it lasts it keeps files and indexes that the log has
/// done with.
pub const ANSWER_SECONDS_MAX: u64 = 3600;
/// Entries in one answer: more than a log of 8 GiB has. What is beyond is had with `after`.
pub const SEARCH_ENTRIES_MAX: u64 = 1 << 28;

/// Streams of new entries of members at a time, all together: each entry is compared with the filter of each.
pub const STREAMS_MEMBERS_MAX: usize = 32;
/// Streams of new entries of one member at a time.
pub const STREAMS_PER_UID_MAX: usize = 8;
/// Streams of new entries of trusted users at a time.
pub const STREAMS_TRUSTED_MAX: usize = 32;

/// Chunks of a stream that wait for a slow client before a search waits as well.
pub const CHUNKS_WAITING_MAX: usize = 4;
/// Bytes of lines that are sent together.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Entries that wait for a slow follower before it is told that it has missed some.
pub const LIVE_WAITING_MAX: usize = 4096;
/// Bytes of these; an entry that would be beyond is told as missed, to every follower.
pub const LIVE_WAITING_BYTES_MAX: usize = 32 << 20;

/// Seconds after which refusals are told one by one again.
pub const REFUSALS_SECONDS: u64 = 60;
/// Refused calls that are told one by one in that time; further ones are counted by user.
pub const REFUSALS_TOLD_MAX: usize = 32;
/// Refused calls of one user that are told one by one in that time.
pub const REFUSALS_TOLD_PER_UID_MAX: usize = 4;
/// Users whose further refusals are counted each for itself; those of more users are counted together.
pub const REFUSALS_UIDS_MAX: usize = 16;
/// Administrative calls in that time: each makes an event, a rotation makes files.
pub const ADMINISTRATION_MAX: usize = 30;
