/*!
Reports: what many events say together, counted or listed.

A report takes events one after the other and gives rows; how these are written, as a table, as JSON or as CSV, is the
caller's. What is counted by value is bounded by [`tally::VALUES_MAX`]. Does no I/O and reads no clock.
*/

pub mod addresses;
pub mod cell;
pub mod column;
mod kinds;
pub mod listing;
pub mod particulars;
pub mod session;
pub mod stays;
pub mod summary;
pub mod tally;
pub mod timeline;

#[cfg(test)]
mod tests;
