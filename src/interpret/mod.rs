//! Values as text, by tables alone: no look-ups on the host, no I/O.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::record::fields::unhex;
use crate::tables;

/// The result of a system call: the error's name and number for a negative one.
pub fn exit(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    let errno = text.strip_prefix('-').and_then(|number| number.parse().ok()).and_then(tables::errno_name);
    errno.map_or_else(|| text.to_string(), |name| format!("{text} ({name})"))
}

/// A file's type and permissions from octal digits: `0100644` is `file,644`.
pub fn mode(word: &[u8]) -> Option<String> {
    let mode = u32::from_str_radix(std::str::from_utf8(word).ok()?, 8).ok()?;
    let kind = match mode & 0o170_000 {
        0o140_000 => "socket",
        0o120_000 => "link",
        0o100_000 => "file",
        0o060_000 => "block",
        0o040_000 => "dir",
        0o020_000 => "character",
        0o010_000 => "fifo",
        _ => "unknown",
    };
    let special: String = [(0o4000, ",suid"), (0o2000, ",sgid"), (0o1000, ",sticky")]
        .into_iter()
        .filter(|(bit, _)| mode & bit != 0)
        .map(|(_, name)| name)
        .collect();
    Some(format!("{kind}{special},{:03o}", mode & 0o777))
}

/// A socket address from the hexadecimal digits of `struct sockaddr`, in the host's byte order for the family.
pub fn address(digits: &[u8]) -> Option<String> {
    let mut bytes = Vec::new();
    if !unhex(digits, &mut bytes) {
        return None;
    }
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let port = |rest: &[u8]| rest.first_chunk::<2>().map(|port| u16::from_be_bytes(*port));
    Some(match (u16::from_ne_bytes(*family), rest) {
        (1, [0, name @ ..]) => format!("unix @{}", String::from_utf8_lossy(name.split(|b| *b == 0).next()?)),
        (1, path) => format!("unix {}", String::from_utf8_lossy(path.split(|byte| *byte == 0).next()?)),
        (2, [_, _, a, b, c, d, ..]) => format!("{}:{}", Ipv4Addr::new(*a, *b, *c, *d), port(rest)?),
        (10, rest) => {
            let address: [u8; 16] = rest.get(6..22)?.try_into().ok()?;
            format!("[{}]:{}", Ipv6Addr::from(address), port(rest)?)
        }
        (16, rest) => format!(
            "netlink {}",
            rest.get(2..6).map(|pid| u32::from_ne_bytes(pid.try_into().unwrap_or_default()))?
        ),
        (family, _) => format!("family {family}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_words() {
        assert_eq!(exit(b"-13"), "-13 (EACCES)");
        assert_eq!(exit(b"3"), "3");
        assert_eq!(mode(b"0100644").as_deref(), Some("file,644"));
        assert_eq!(mode(b"041777").as_deref(), Some("dir,sticky,777"));
        assert_eq!(mode(b"x"), None);
        let cases = [
            ("020000507F000001", Some("127.0.0.1:80")),
            ("0A00005000000000000000000000000000000000000000010000", Some("[::1]:80")),
            ("01002F72756E2F7800", Some("unix /run/x")),
            ("0100006162", Some("unix @ab")),
            ("0200", Some("family 2")),
            ("0A0000", None),
            ("zz", None),
        ];
        for (digits, expected) in cases {
            assert_eq!(address(digits.as_bytes()).as_deref(), expected, "{digits}");
        }
    }
}
