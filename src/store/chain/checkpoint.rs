//! The line of text that names a record of the chain, for keeping where an intruder of this host does not come.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::record::Bytes32;

const MARK: &str = "ktrail1";
/// Bytes of a link that are printed: enough that nobody finds another record with the same ones.
const LINK_BYTES: usize = 16;

/// A record of the chain, which stands for all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The segment's number.
    pub segment: u64,
    /// The statement's number; 0 for the opening.
    pub statement: u32,
    opening: [u8; LINK_BYTES],
    link: [u8; LINK_BYTES],
}

impl Checkpoint {
    pub(super) fn new(segment: u64, statement: u32, opening: &Bytes32, link: &Bytes32) -> Checkpoint {
        Checkpoint { segment, statement, opening: head(opening), link: head(link) }
    }

    pub(super) fn is_opening(&self, link: &Bytes32) -> bool {
        self.opening == head(link)
    }

    pub(super) fn is_link(&self, link: &Bytes32) -> bool {
        self.link == head(link)
    }
}

fn head(link: &Bytes32) -> [u8; LINK_BYTES] {
    let mut head = [0; LINK_BYTES];
    head.iter_mut().zip(link).for_each(|(to, from)| *to = *from);
    head
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes as hexadecimal digits; `None` where the text is something else.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (to, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opening, link) = (hex(&self.opening), hex(&self.link));
        let text = format!("{MARK}:{}:{}:{opening}:{link}", self.segment, self.statement);
        write!(f, "{text}:{:08x}", crc32fast::hash(text.as_bytes()))
    }
}

/// Why a text is not a checkpoint.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Slip {
    /// It is something else.
    #[error("it is not of the form ktrail1:SEGMENT:STATEMENT:OPENING:LINK:CHECK")]
    Form,
    /// It was not copied right.
    #[error("its last part does not match the rest: a digit is wrong")]
    Check,
}

impl FromStr for Checkpoint {
    type Err = Slip;

    fn from_str(text: &str) -> Result<Checkpoint, Slip> {
        let (checked, check) = text.trim().rsplit_once(':').ok_or(Slip::Form)?;
        let words: Vec<&str> = checked.split(':').collect();
        let [MARK, segment, statement, opening, link] = words[..] else { return Err(Slip::Form) };
        let parsed = || {
            let (segment, statement) = (segment.parse().ok()?, statement.parse().ok()?);
            Some(Checkpoint { segment, statement, opening: unhex(opening)?, link: unhex(link)? })
        };
        let parsed = parsed().ok_or(Slip::Form)?;
        let wanted = crc32fast::hash(checked.to_ascii_lowercase().as_bytes());
        match unhex(check).map(u32::from_be_bytes) {
            None => Err(Slip::Form),
            Some(found) if found == wanted => Ok(parsed),
            Some(_) => Err(Slip::Check),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_slips_are_told() {
        let text = Checkpoint::new(42, 17, &[0xab; 32], &[0x01; 32]).to_string();
        assert_eq!(text.len(), "ktrail1:42:17:".len() + 32 + 1 + 32 + 1 + 8);
        assert_eq!(text.parse::<Checkpoint>().unwrap().to_string(), text);
        assert_eq!(
            format!(" {}\n", text.to_uppercase().replace("KTRAIL", "ktrail"))
                .parse::<Checkpoint>()
                .unwrap()
                .to_string(),
            text
        );
        let slip = text.replacen("ab", "cb", 1);
        let cases = [
            ("", Slip::Form),
            ("ktrail2:42:17:a:b:c", Slip::Form),
            (text.strip_suffix(&text[text.len() - 1..]).unwrap(), Slip::Form),
            (slip.as_str(), Slip::Check),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Checkpoint>(), Err(expected), "{text}");
        }
    }
}
