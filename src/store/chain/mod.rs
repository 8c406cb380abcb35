//! Tamper evidence: a chain of signed records about the segments, whose keys are each used once and destroyed.
//!
//! `docs/format.md` has the bytes, `docs/tamper-evidence.md` the construction and what it proves.

pub mod checkpoint;
pub mod verify;

mod conclude;
mod contents;
mod examine;
mod history;
mod key;
mod ledger;
mod record;
mod signer;
mod signing;

#[cfg(test)]
mod tests;

pub(super) use signer::Signer;
pub use signing::Signed;
pub(super) use signing::Signing;
