//! The (field, value) pairs under which an entry is found.

/// The number of a field in the index; which field it is, only those who fill and ask the index know.
pub type FieldId = u8;

/// Longest value of one term in bytes: PATH_MAX. A longer value is cut to this length, so that a hostile record cannot
/// swell the dictionary; an exact search for a longer value compares the same number of bytes.
pub const TERM_BYTES_MAX: usize = 4096;

/// The terms of one entry, in one buffer that is reused from entry to entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// One bit for each field that has a term, by its number modulo 64.
    fields: u64,
    bytes: Vec<u8>,
    ends: Vec<(FieldId, u32)>,
}

impl Clone for Terms {
    fn clone(&self) -> Terms {
        Terms { fields: self.fields, bytes: self.bytes.clone(), ends: self.ends.clone() }
    }

    /// Keeps the memory.
    fn clone_from(&mut self, other: &Terms) {
        self.fields = other.fields;
        self.bytes.clone_from(&other.bytes);
        self.ends.clone_from(&other.ends);
    }
}

impl Terms {
    /// Forgets all terms and keeps the memory.
    pub fn clear(&mut self) {
        self.fields = 0;
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds a term; the same one twice is one.
    pub fn add(&mut self, field: FieldId, value: &[u8]) {
        let value = value.get(..TERM_BYTES_MAX).unwrap_or(value);
        let bit = 1 << (field % 64);
        if self.fields & bit != 0 && self.iter().any(|(f, v)| f == field && v == value) {
            return;
        }
        self.fields |= bit;
        self.bytes.extend_from_slice(value);
        let end = u32::try_from(self.bytes.len()).expect("an entry's terms are far below 4 GiB");
        self.ends.push((field, end));
    }

    /// Adds all terms of `other`; at once, where no field has terms in both.
    pub fn append(&mut self, other: &Terms) {
        if self.fields & other.fields != 0 {
            other.iter().for_each(|(field, value)| self.add(field, value));
            return;
        }
        let before = u32::try_from(self.bytes.len()).expect("an entry's terms are far below 4 GiB");
        self.fields |= other.fields;
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|&(field, end)| (field, before + end)));
    }

    /// The terms in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(field, end)| {
            let end = end as usize;
            let value = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (field, value)
        })
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
