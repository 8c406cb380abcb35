//! A line of a rules file as words, as auditctl -R reads it: parted by blanks, `\ ` is a blank in a word, `\\` a backslash.

/// A word and where it begins: in bytes from the beginning of its line, or of the arguments joined by blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, escapes resolved.
    pub text: Vec<u8>,
    /// Where it begins.
    pub at: usize,
}

/// The words of a line; none for a blank line or a comment.
pub fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut bytes = line.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => words.extend(current.take()),
            b'#' if words.is_empty() && current.is_none() => return words,
            b'\\' if matches!(bytes.peek(), Some((_, b' ' | b'\\'))) => {
                let escaped = bytes.next().map_or(byte, |(_, escaped)| escaped);
                current.get_or_insert_with(|| Word { text: Vec::new(), at }).text.push(escaped);
            }
            _ => current.get_or_insert_with(|| Word { text: Vec::new(), at }).text.push(byte),
        }
    }
    words.extend(current);
    words
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

/// A word as a rules file needs it to be read back as one.
pub fn escape(text: &[u8]) -> Vec<u8> {
    let escaped = |&byte: &u8| if matches!(byte, b' ' | b'\\') { vec![b'\\', byte] } else { vec![byte] };
    text.iter().flat_map(escaped).collect()
}
