//! What the text of a rule needs to know of the host it is for.

/// Facts of a host.
pub trait Host {
    /// The id of a user's name.
    fn user(&self, name: &str) -> Option<u32>;
    /// The id of a group's name.
    fn group(&self, name: &str) -> Option<u32>;
    /// Whether a path is a directory. A path that does not exist is none.
    fn is_directory(&self, path: &[u8]) -> bool;
}
