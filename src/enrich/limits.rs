//! What bounds the memory of what is known of processes. Other limits stand with what they are of.

/// Processes that are known at a time: more than most hosts have.
pub const PROCESSES_MAX: usize = 16_384;
/// Bytes that are held for all of them together: what describes them, paths, arguments and variables, those that several
/// share counted for each. Beyond it those that were not seen for longest are forgotten.
pub const HELD_BYTES_MAX: usize = 24 << 20;
/// Arguments of a process that are kept.
pub const ARGUMENTS_MAX: usize = 64;
/// Bytes of all of them together.
pub const ARGV_BYTES_MAX: usize = 4096;
/// Bytes of a path: PATH_MAX of `linux/limits.h`.
pub const PATH_BYTES_MAX: usize = 4096;
/// Ancestors beyond the parent that may be told.
pub const ANCESTORS_MAX: usize = 16;
/// Variables that may be asked for.
pub const VARIABLES_MAX: usize = 16;
/// Bytes of a variable's value; a longer one is left out.
pub const VARIABLE_BYTES_MAX: usize = 1024;
/// Login sessions that are known at a time.
pub const SESSIONS_MAX: usize = 4096;
/// Bytes of a part of a login session, such as the host's name.
pub const LOGIN_BYTES_MAX: usize = 256;
/// Executables whose hash is remembered.
pub const HASHES_MAX: usize = 4096;
