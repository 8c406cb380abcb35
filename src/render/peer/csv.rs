//! Columns.

/// Columns beside those that are always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The parts of the time.
    pub time: bool,
    /// The labels of subject and object.
    pub labels: bool,
    /// The second object.
    pub object: bool,
    /// The key.
    pub keys: bool,
}

impl Extra {
    /// Whether there is any.
    pub fn is_any(self) -> bool {
        self != Extra::default()
    }
}

impl super::Peer {
    /// The names of the columns.
    pub fn csv_head(&self) -> String {
        let _ = self.extra;
        String::new()
    }

    /// Adds an event as a line of columns.
    pub fn csv(&mut self, _: &crate::event::Event, _: &crate::enrich::Names, _: &mut Vec<u8>) {}

    /// Adds an event as a sentence.
    pub fn text(&mut self, _: &crate::event::Event, _: &crate::enrich::Names, _: &mut Vec<u8>) {}
}
