//! What std and `nix` lack a plain form of: facts about processes and this process's rights.

pub mod process;
