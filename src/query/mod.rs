//! The filter language over an entry's fields, and its evaluation: on one entry's terms, or planned over the index of a
//! store's snapshot.
//!
//! The same text selects entries for the command line, the local API and the live tail. Does no I/O of its own and reads
//! no clock; what an entry's bytes mean is left to others.

pub mod field;

pub mod filter;

mod parse;

mod plan;

mod nearest;

pub mod run;

#[cfg(test)]
mod tests;
