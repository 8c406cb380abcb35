//! What std and `nix` lack a plain form of: facts about processes, and memory that outlives this one.

pub mod kept;
pub mod process;
pub mod ring;
pub mod socket;
