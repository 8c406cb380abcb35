//! The kernel's audit socket: events received in batches, and control requests on a socket of their own.
//!
//! Knows messages and their framing, not the syntax of what is in them.

pub mod control;
pub mod error;
pub mod events;
pub mod exchange;
pub mod intake;
pub mod message;
pub mod session;
pub mod status;
pub mod takeover;
