//! What std and `nix` lack a plain form of: facts about processes and files, and memory that outlives this one.

pub mod files;
pub mod kept;
pub mod process;
pub mod ring;
pub mod socket;
