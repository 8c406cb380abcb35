//! A line of a rules file as words, as `auditctl -R` reads it: parted by blanks, `\ ` is a blank in a word and `\\` a
//! backslash. Quotes are bytes like others, and a comment is a line of its own.
//!
//! Other than auditctl, a tab or carriage return parts words as a blank does, and a backslash before it keeps it.

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, escapes resolved.
    pub text: Vec<u8>,
    /// Where it begins: bytes from 0, in its line or in the arguments joined by one blank each.
    pub at: usize,
}

/// The words of a line; none for a blank line or a comment.
pub fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut bytes = line.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let byte = match byte {
            _ if parts_words(byte) => {
                words.extend(current.take());
                continue;
            }
            b'#' if words.is_empty() && current.is_none() => return words,
            b'\\' => bytes.next_if(|(_, next)| needs_escape(*next)).map_or(byte, |(_, escaped)| escaped),
            _ => byte,
        };
        current.get_or_insert_with(|| Word { text: Vec::new(), at }).text.push(byte);
    }
    words.extend(current);
    words
}

/// How many bytes of a line the word has, or the rest of it, that goes on at `at`: escapes counted as they are written.
pub fn word_bytes(line: &[u8], at: usize) -> usize {
    let mut bytes = line.get(at..).unwrap_or_default().iter().peekable();
    let mut length = 0;
    while let Some(byte) = bytes.next_if(|byte| !parts_words(**byte)) {
        length += 1;
        if *byte == b'\\' && bytes.next_if(|next| needs_escape(**next)).is_some() {
            length += 1;
        }
    }
    length
}

/// Arguments of a command line as words.
pub fn arguments<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Vec<Word> {
    let mut at = 0;
    let word = |text: &[u8]| {
        let word = Word { text: text.to_vec(), at };
        at += text.len() + 1;
        word
    };
    arguments.into_iter().map(word).collect()
}

/// Writes a word so that [`words`] reads it back as one.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if needs_escape(byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

fn parts_words(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn needs_escape(byte: u8) -> bool {
    parts_words(byte) || byte == b'\\'
}
