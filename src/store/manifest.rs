//! The `manifest`: which number the active segment has, where names alone cannot tell.

use std::path::Path;

use super::cache::lock;
use super::disk::Disk;
use super::error::Error;
use super::names;
use crate::sys::files;

const MAGIC: &[u8; 8] = b"ktrailMF";
const VERSION: u8 = 1;
const BYTES: usize = 64;
/// The checksum is the last four bytes.
const CHECKED: usize = BYTES - 4;

fn encode(active: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(BYTES);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&active.to_le_bytes());
    out.resize(CHECKED, 0);
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn parse(bytes: &[u8], path: &Path) -> Result<u64, Error> {
    let wrong = |what: &str| Error::damaged(path, what);
    let bytes: &[u8; BYTES] = bytes.try_into().map_err(|_| wrong("it is not 64 bytes long"))?;
    let (checked, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| wrong("it is too short"))?;
    if crc32fast::hash(checked) != u32::from_le_bytes(*stored) {
        return Err(wrong("it does not match its checksum"));
    }
    let rest = checked.strip_prefix(MAGIC).ok_or_else(|| wrong("it does not begin with ktrailMF"))?;
    match rest {
        [VERSION, _, _, _, _, _, _, _, rest @ ..] => {
            let active = rest.first_chunk::<8>().ok_or_else(|| wrong("it is too short"))?;
            Ok(u64::from_le_bytes(*active))
        }
        [version, ..] => Err(Error::Version { path: path.to_path_buf(), version: *version }),
        [] => Err(wrong("it is too short")),
    }
}

/// The number of the active segment is at least what this gives.
pub(super) fn read(dir: &Path) -> Result<u64, Error> {
    let path = dir.join(names::MANIFEST);
    let bytes = files::read(&path).map_err(Error::open(&path))?;
    parse(&bytes, &path)
}

/// Replaces the manifest, unless it has this number or a higher one already.
pub(super) fn write(disk: &Disk, active: u64) -> Result<(), Error> {
    let mut written = lock(&disk.manifest);
    if active <= *written {
        return Ok(());
    }
    let path = disk.path(names::MANIFEST_NEXT);
    let file = disk.create(names::MANIFEST_NEXT)?;
    disk.fill(&file, &encode(active), &path)?;
    disk.rename(names::MANIFEST_NEXT, names::MANIFEST)?;
    *written = active;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_comes_back_and_any_flipped_bit_is_seen() {
        let bytes = encode(42);
        assert_eq!(parse(&bytes, Path::new("m")).unwrap(), 42);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&flipped, Path::new("m")).is_err(), "bit {bit}");
        }
        assert!(parse(&bytes[..63], Path::new("m")).is_err());
    }
}
