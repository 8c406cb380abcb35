//! What the text of a rule needs to know of the host it is for.

/// Facts of a host.
pub trait Host {
    /// The id of a user's name.
    fn user(&self, name: &str) -> Option<u32>;
    /// The id of a group's name.
    fn group(&self, name: &str) -> Option<u32>;
    /// Whether a path is a directory, links followed. A path that does not exist is none.
    fn is_directory(&self, path: &[u8]) -> bool;
    /// Whether there is anything of this path, links followed.
    fn exists(&self, path: &[u8]) -> bool;
}

/// A host without users and groups, on which every path is a file, for tests.
#[cfg(test)]
pub(crate) struct NoHost;

#[cfg(test)]
impl Host for NoHost {
    fn user(&self, _: &str) -> Option<u32> {
        None
    }
    fn group(&self, _: &str) -> Option<u32> {
        None
    }
    fn is_directory(&self, _: &[u8]) -> bool {
        false
    }
    fn exists(&self, _: &[u8]) -> bool {
        true
    }
}
