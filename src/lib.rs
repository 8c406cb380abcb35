//! ktrail: the kernel's audit trail, kept, indexed and served.
//!
//! The modules stand in the order of the data's way; `docs/architecture.md` is the map, and
//! `tests/tidy.rs` keeps each module from using one that stands above it.

pub mod sys;

pub mod tables;

pub mod netlink;

pub mod record;

pub mod event;

pub mod redact;
pub mod rules;

pub mod ruleset;

pub mod interpret;

pub mod enrich;

pub mod store;

pub mod entry;

pub mod ingest;

pub mod query;

pub mod protocol;

pub mod serve;

pub mod client;

pub mod render;

pub mod report;

pub mod outputs;

pub mod config;

pub mod daemon;

pub mod cli;
