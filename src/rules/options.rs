//! Words as options with their values, parted as getopt does for auditctl: `-b 8192` and `-b8192`,
//! `--backlog_wait_time 9` and `--backlog_wait_time=9`.

use super::error::{Cause, RuleError};
use super::text::Word;

/// The short options that take a value.
const WITH_VALUE: &[u8] = b"wWaAdpkSFCefrbmqR";

/// An option, and the value if it stands in the same word.
#[derive(Clone, Debug)]
pub(super) struct OptionWord {
    /// The option alone.
    pub(super) name: Word,
    joined: Option<Word>,
}

/// The options of a line or command line, in their order.
pub(super) struct Options<'a> {
    rest: std::slice::Iter<'a, Word>,
}

impl<'a> Options<'a> {
    pub(super) fn new(words: &'a [Word]) -> Options<'a> {
        Options { rest: words.iter() }
    }

    pub(super) fn next(&mut self) -> Option<OptionWord> {
        let word = self.rest.next()?;
        let (at, skipped) = match word.text.as_slice() {
            [b'-', b'-', ..] => match word.text.iter().position(|byte| *byte == b'=') {
                Some(at) => (at, 1),
                None => return Some(OptionWord { name: word.clone(), joined: None }),
            },
            [b'-', letter, _, ..] if WITH_VALUE.contains(letter) => (2, 0),
            _ => return Some(OptionWord { name: word.clone(), joined: None }),
        };
        let (name, value) = word.text.split_at_checked(at).unwrap_or((&word.text, &[]));
        let value = value.get(skipped..).unwrap_or_default();
        let joined = Word { text: value.to_vec(), at: word.at + at + skipped };
        Some(OptionWord { name: Word { text: name.to_vec(), at: word.at }, joined: Some(joined) })
    }

    /// The option's value: the rest of its word, or the next word whatever it is.
    pub(super) fn value(&mut self, option: &OptionWord) -> Result<Word, RuleError> {
        let value = option.joined.clone().or_else(|| self.rest.next().cloned());
        value.ok_or_else(|| RuleError::new(Cause::NoValue, &option.name))
    }

    /// Refuses what still stands there.
    pub(super) fn end(&mut self) -> Result<(), RuleError> {
        self.rest.next().map_or(Ok(()), |word| Err(RuleError::new(Cause::AfterCommand, word)))
    }
}

impl OptionWord {
    /// Refuses a value given to an option that has none.
    pub(super) fn alone(&self) -> Result<(), RuleError> {
        self.joined.as_ref().map_or(Ok(()), |value| Err(RuleError::new(Cause::AfterCommand, value)))
    }
}
