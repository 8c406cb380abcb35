//! The signed records, byte by byte: what opens a segment, and what is stated about one.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::store::stamps::{take_u32, take_u64};

/// A hash, a link or a public key.
pub(super) type Bytes32 = [u8; 32];

/// No link and no key.
pub(super) const NONE: Bytes32 = [0; 32];
/// Bytes of lines in one piece: what can be found changed at the least. Its hash is a two-thousandth of it.
pub(super) const PIECE_BYTES: u64 = 64 << 10;

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
/// What follows a body: signature and checksum.
const SEALED_BYTES: usize = SIGNATURE_BYTES + 4;
const OPENING_MAGIC: &[u8; 8] = b"ktrailSO";
const OPENING_BYTES: usize = 188;
const STATEMENT_MAGIC: &[u8; 8] = b"ktrailSS";
const STATEMENT_BYTES: usize = 120;

/// How an opening follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    First,
    Next,
    Restart,
}

/// What opens a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) kind: Kind,
    pub(super) segment: u64,
    pub(super) time_ms: u64,
    /// The lowest number of a segment that retention has not removed.
    pub(super) first: u64,
    /// Link of the last statement about the segment before.
    pub(super) closing: Bytes32,
    pub(super) signed_by: Bytes32,
    pub(super) statement_key: Bytes32,
    pub(super) opening_key: Bytes32,
}

/// What is stated about a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) is_last: bool,
    pub(super) number: u32,
    pub(super) segment: u64,
    pub(super) time_ms: u64,
    pub(super) first: u64,
    /// Length of the lines it covers.
    pub(super) bytes: u64,
    pub(super) entries: u32,
    /// Hash of the bytes after the last whole piece.
    pub(super) rest: Bytes32,
    pub(super) next_key: Bytes32,
    pub(super) pieces: Vec<Bytes32>,
}

/// A form of body.
pub(super) trait Body: Sized {
    /// Length of the body that begins here; `None` where none does, or too little of it is there to tell.
    fn length(bytes: &[u8]) -> Option<usize>;
    fn take(body: &[u8]) -> Option<Self>;
    fn put(&self) -> Vec<u8>;
}

fn take_32(from: &mut &[u8]) -> Option<Bytes32> {
    from.split_off(..32)?.try_into().ok()
}

impl Body for Opening {
    fn length(bytes: &[u8]) -> Option<usize> {
        bytes.starts_with(OPENING_MAGIC).then_some(OPENING_BYTES)
    }

    fn take(body: &[u8]) -> Option<Opening> {
        let kind = match body.get(8..10)? {
            [VERSION, 1] => Kind::First,
            [VERSION, 2] => Kind::Next,
            [VERSION, 3] => Kind::Restart,
            _ => return None,
        };
        let rest = &mut body.get(16..)?;
        Some(Opening {
            kind,
            segment: take_u64(rest)?,
            time_ms: take_u64(rest)?,
            first: take_u64(rest)?,
            closing: take_32(rest)?,
            signed_by: take_32(rest)?,
            statement_key: take_32(rest)?,
            opening_key: take_32(rest)?,
        })
    }

    fn put(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::First => 1,
            Kind::Next => 2,
            Kind::Restart => 3,
        };
        let mut out = Vec::with_capacity(OPENING_BYTES + SEALED_BYTES);
        out.extend_from_slice(OPENING_MAGIC);
        out.extend_from_slice(&[VERSION, kind, 0, 0, 0, 0, 0, 0]);
        for number in [self.segment, self.time_ms, self.first] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for bytes in [&self.closing, &self.signed_by, &self.statement_key, &self.opening_key] {
            out.extend_from_slice(bytes);
        }
        out.resize(OPENING_BYTES, 0);
        out
    }
}

impl Body for Statement {
    fn length(bytes: &[u8]) -> Option<usize> {
        let pieces = bytes.strip_prefix(STATEMENT_MAGIC)?.get(44..48)?;
        let pieces = u32::from_le_bytes(pieces.try_into().ok()?);
        usize::try_from(pieces).ok()?.checked_mul(32)?.checked_add(STATEMENT_BYTES)
    }

    fn take(body: &[u8]) -> Option<Statement> {
        let is_last = match body.get(8..10)? {
            [VERSION, last @ (0 | 1)] => *last == 1,
            _ => return None,
        };
        let rest = &mut body.get(12..)?;
        let (number, segment, time_ms) = (take_u32(rest)?, take_u64(rest)?, take_u64(rest)?);
        let (first, bytes, entries) = (take_u64(rest)?, take_u64(rest)?, take_u32(rest)?);
        let count = take_u32(rest)?;
        let (remainder, next_key) = (take_32(rest)?, take_32(rest)?);
        let pieces = rest.as_chunks::<32>().0.to_vec();
        (pieces.len() == count as usize).then_some(Statement {
            is_last,
            number,
            segment,
            time_ms,
            first,
            bytes,
            entries,
            rest: remainder,
            next_key,
            pieces,
        })
    }

    fn put(&self) -> Vec<u8> {
        let pieces = u32::try_from(self.pieces.len()).expect("a segment has less than 2^32 pieces");
        let mut out = Vec::with_capacity(STATEMENT_BYTES + self.pieces.len() * 32 + SEALED_BYTES);
        out.extend_from_slice(STATEMENT_MAGIC);
        out.extend_from_slice(&[VERSION, u8::from(self.is_last), 0, 0]);
        out.extend_from_slice(&self.number.to_le_bytes());
        for number in [self.segment, self.time_ms, self.first, self.bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&pieces.to_le_bytes());
        for bytes in [&self.rest, &self.next_key].into_iter().chain(&self.pieces) {
            out.extend_from_slice(bytes);
        }
        out
    }
}

/// A record as it was read.
pub(super) struct Signed<T> {
    pub(super) record: T,
    body: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

impl<T> Signed<T> {
    /// The link of this record after that of the one before.
    pub(super) fn link(&self, before: &Bytes32) -> Bytes32 {
        link(before, &self.body, &self.signature)
    }

    /// Whether the owner of a key has signed it after the record with that link.
    pub(super) fn is_signed(&self, before: &Bytes32, key: &Bytes32) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&message(before, &self.body), &signature).is_ok()
    }
}

fn message(before: &Bytes32, body: &[u8]) -> Vec<u8> {
    [before, body].concat()
}

fn link(before: &Bytes32, body: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Bytes32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(body).update(signature);
    *hasher.finalize().as_bytes()
}

/// The bytes of a record with its signature, and its link.
pub(super) fn sign(record: &impl Body, before: &Bytes32, key: &SigningKey) -> (Vec<u8>, Bytes32) {
    let mut bytes = record.put();
    let signature = key.sign(&message(before, &bytes)).to_bytes();
    let link = link(before, &bytes, &signature);
    bytes.extend_from_slice(&signature);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    (bytes, link)
}

/// What stands at the end of a file of records, from this offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Clean(u64),
    /// What a power loss may leave of a record.
    Torn(u64),
    /// Something else.
    Damaged(u64),
}

impl End {
    /// Length of the whole records.
    pub(super) fn offset(self) -> u64 {
        match self {
            End::Clean(offset) | End::Torn(offset) | End::Damaged(offset) => offset,
        }
    }
}

/// Reads the records of a file as far as they are whole.
pub(super) fn parse<T: Body>(bytes: &[u8]) -> (Vec<Signed<T>>, End) {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((record, length)) = parse_one(rest) {
        records.push(record);
        rest = rest.get(length..).unwrap_or_default();
    }
    let offset = (bytes.len() - rest.len()) as u64;
    // A record that is all there is not torn: that its checksum is wrong has another cause.
    let is_cut = match T::length(rest) {
        Some(length) => rest.len() < length.saturating_add(SEALED_BYTES),
        None => rest.len() < STATEMENT_BYTES,
    };
    let end = match rest {
        [] => End::Clean(offset),
        rest if is_cut || rest.iter().all(|byte| *byte == 0) => End::Torn(offset),
        _ => End::Damaged(offset),
    };
    (records, end)
}

fn parse_one<T: Body>(bytes: &[u8]) -> Option<(Signed<T>, usize)> {
    let length = T::length(bytes)?;
    let whole = bytes.get(..length.checked_add(SEALED_BYTES)?)?;
    let (checked, stored) = whole.split_last_chunk::<4>()?;
    let (body, signature) = checked.split_last_chunk::<SIGNATURE_BYTES>()?;
    if crc32fast::hash(checked) != u32::from_le_bytes(*stored) {
        return None;
    }
    let record = T::take(body)?;
    Some((Signed { record, body: body.to_vec(), signature: *signature }, whole.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statement(pieces: Vec<Bytes32>) -> Statement {
        let (number, segment, time_ms, first, bytes, entries) = (3, 42, 1_700_000_000_000, 40, 70_000, 70);
        let (rest, next_key) = ([7; 32], [8; 32]);
        Statement { is_last: false, number, segment, time_ms, first, bytes, entries, rest, next_key, pieces }
    }

    fn opening(kind: Kind) -> Opening {
        Opening {
            kind,
            segment: 42,
            time_ms: 1_700_000_000_000,
            first: 40,
            closing: [1; 32],
            signed_by: [2; 32],
            statement_key: [3; 32],
            opening_key: [4; 32],
        }
    }

    #[test]
    fn records_have_the_lengths_that_the_format_states_and_come_back() {
        let key = SigningKey::from_bytes(&[9; 32]);
        for kind in [Kind::First, Kind::Next, Kind::Restart] {
            let (bytes, link) = sign(&opening(kind), &NONE, &key);
            assert_eq!(bytes.len(), 188 + 64 + 4);
            let (found, end) = parse::<Opening>(&bytes);
            assert_eq!((found[0].record.clone(), end), (opening(kind), End::Clean(256)));
            assert_eq!(found[0].link(&NONE), link);
        }
        for pieces in [vec![], vec![[5; 32], [6; 32]]] {
            let (bytes, link) = sign(&statement(pieces.clone()), &[1; 32], &key);
            assert_eq!(bytes.len(), 120 + 32 * pieces.len() + 64 + 4);
            let (found, _) = parse::<Statement>(&bytes);
            assert_eq!(found[0].record, statement(pieces));
            assert_eq!(found[0].link(&[1; 32]), link);
            let public = key.verifying_key().to_bytes();
            assert!(found[0].is_signed(&[1; 32], &public));
            assert!(!found[0].is_signed(&NONE, &public), "in another place of the chain");
            assert!(!found[0].is_signed(&[1; 32], &[2; 32]), "by another key");
        }
    }

    #[test]
    fn a_torn_record_is_told_from_a_changed_one() {
        let key = SigningKey::from_bytes(&[9; 32]);
        let one = sign(&statement(vec![[5; 32]]), &NONE, &key).0;
        let (length, whole) = (one.len(), one.len() as u64);
        for cut in 1..length {
            let bytes = [&one[..], &one[..cut]].concat();
            assert_eq!(parse::<Statement>(&bytes).1, End::Torn(whole), "{cut}");
        }
        let zeros = [&one[..], &vec![0; length]].concat();
        assert_eq!(parse::<Statement>(&zeros).1, End::Torn(whole));
        for bit in (0..length * 8).filter(|bit| !(52 * 8..56 * 8).contains(bit)) {
            let mut bytes = [&one[..], &one[..]].concat();
            bytes[length + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse::<Statement>(&bytes).1, End::Damaged(whole), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..600), magic in 0..3) {
            let begin: &[u8] = match magic { 0 => STATEMENT_MAGIC, 1 => OPENING_MAGIC, _ => &[] };
            let bytes = [begin, &bytes[..]].concat();
            prop_assert!(parse::<Statement>(&bytes).0.is_empty());
            prop_assert!(parse::<Opening>(&bytes).0.is_empty());
        }
    }
}
