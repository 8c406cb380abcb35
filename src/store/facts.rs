//! What a segment is made of: its state, its sizes, and the parts of its files.

use super::catalogue::Segment;
use super::error::Error;
use super::read::SegmentView;
use super::term::FieldId;

/// Where a segment is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Written now; plain lines.
    Active,
    /// Complete, not yet compressed; plain lines.
    Unsealed,
    /// Compressed, with an index beside it.
    Sealed,
}

/// Sizes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where it is on its way.
    pub state: State,
    /// Length of its file in bytes.
    pub segment_bytes: u64,
    /// Length of its index file in bytes; 0 where there is none that can be used.
    pub index_bytes: u64,
    /// Length of its lines in bytes, newlines counted.
    pub plain_bytes: u64,
}

/// The parts of a segment's files. Of a segment that is not sealed all but the fields are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Number of compressed frames.
    pub frames: u32,
    /// Length of the dictionary that the frames were compressed with; 0 without one.
    pub dictionary_bytes: u32,
    /// Length of the index's postings in bytes.
    pub postings_bytes: u64,
    /// Length of the index's stamps and their directory in bytes.
    pub stamps_bytes: u64,
    /// What the index has of each field, ascending.
    pub fields: Vec<FieldFacts>,
}

/// What an index has of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFacts {
    /// The field.
    pub field: FieldId,
    /// Number of distinct values.
    pub terms: u32,
    /// Length of its term dictionary in bytes; 0 while the index is in memory.
    pub bytes: u32,
}

impl SegmentView {
    /// Its sizes; of a sealed one the footer is read.
    pub fn facts(&self) -> Result<Facts, Error> {
        match &self.segment {
            Segment::Live(live) => {
                let state = if live.is_active() { State::Active } else { State::Unsealed };
                let plain_bytes = live.bytes(self.len());
                Ok(Facts { state, segment_bytes: plain_bytes, index_bytes: 0, plain_bytes })
            }
            Segment::Sealed(sealed) => Ok(Facts {
                state: State::Sealed,
                segment_bytes: sealed.binding.bytes,
                index_bytes: sealed.bytes.saturating_sub(sealed.binding.bytes),
                plain_bytes: sealed.plain_bytes()?,
            }),
        }
    }

    /// The parts of its files. An index that is missing or damaged is made anew in memory.
    pub fn parts(&self) -> Result<Parts, Error> {
        let sealed = match &self.segment {
            Segment::Live(live) => {
                let counts = live.with(|index| index.term_counts());
                let fields = counts.into_iter().map(|(field, terms)| FieldFacts { field, terms, bytes: 0 });
                return Ok(Parts { fields: fields.collect(), ..Parts::default() });
            }
            Segment::Sealed(sealed) => sealed,
        };
        let mut parts = sealed.with_index(|index| {
            let fields = index.head.fields.iter();
            let fields =
                fields.map(|item| FieldFacts { field: item.field, terms: item.terms, bytes: item.bytes });
            Ok(Parts {
                fields: fields.collect(),
                postings_bytes: index.head.postings_bytes,
                stamps_bytes: index.head.directory_bytes.saturating_add(index.head.stamps_bytes),
                ..Parts::default()
            })
        })?;
        (parts.frames, parts.dictionary_bytes) =
            sealed.with_frames(|frames| Ok((frames.footer.frames, frames.footer.dictionary.bytes)))?;
        Ok(parts)
    }
}
