//! Placeholder.

use std::sync::Arc;

/// Names of the ids an event holds. Reused from event to event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// User ids and their names.
    pub users: Vec<(u32, Arc<str>)>,
    /// Group ids and their names.
    pub groups: Vec<(u32, Arc<str>)>,
}
