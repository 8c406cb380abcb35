//! Where the programs are: those under test, and Debian's to compare with.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder of the built programs: `KTRAIL_BIN_DIR`, or the newest build below `target/`.
pub fn bin_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("KTRAIL_BIN_DIR") {
        return Ok(PathBuf::from(dir));
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let built = |profile: &str| {
        let dir = target.join(profile);
        let age = dir.join("ktraild").metadata().and_then(|metadata| metadata.modified()).ok()?;
        Some((age, dir))
    };
    match ["release", "debug"].into_iter().filter_map(built).max() {
        Some((_, dir)) => Ok(dir.canonicalize()?),
        None => bail!("no ktraild below {}; run `cargo build` or set KTRAIL_BIN_DIR", target.display()),
    }
}

/// A program of the machine, looked up as a root shell would.
pub fn installed(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        .into_iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|p| p.exists())
}
