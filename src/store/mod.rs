//! Placeholder.

pub mod term;
