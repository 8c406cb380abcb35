//! The lines of a file or stream, in place in the buffer that they were read into.

use std::io::{self, ErrorKind, Read};

use super::LINE_BYTES_MAX;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Reads lines. One that is longer than [`LINE_BYTES_MAX`] comes in pieces of this length, so that memory is bounded.
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer was read and not given out: from `start` to `end`, without a newline up to `searched`.
    start: usize,
    end: usize,
    searched: usize,
}

impl<R: Read> Lines<R> {
    /// Reads from a file or stream.
    pub fn new(source: R) -> Lines<R> {
        Lines { source, buffer: vec![0; READ_BYTES], start: 0, end: 0, searched: 0 }
    }

    /// The next line or piece, without its newline; `None` at the end.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let (end, next) = loop {
            let unseen = self.buffer.get(self.searched..self.end).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', unseen) {
                break (self.searched + length, self.searched + length + 1);
            }
            self.searched = self.end;
            if self.end - self.start > LINE_BYTES_MAX || self.fill()? == 0 {
                break (self.end, self.end);
            }
        };
        let start = self.start;
        let (end, next) = match start + LINE_BYTES_MAX {
            piece if piece < end => (piece, piece),
            _ if start == next => return Ok(None),
            _ => (end, next),
        };
        self.start = next;
        // A piece ends before what was searched; that is searched again, which is rare.
        self.searched = next;
        Ok(self.buffer.get(start..end))
    }

    /// Reads more behind what there is; gives how much.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < READ_BYTES / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes a few at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            let (now, later) = self.0.split_at(count);
            out[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn check(text: &[u8], at_once: usize, expected: &[&[u8]]) {
        let mut lines = Lines::new(Slow(text, at_once));
        for line in expected {
            assert_eq!(lines.next_line().unwrap().map(<[u8]>::len), Some(line.len()));
        }
        assert_eq!(lines.next_line().unwrap(), None);
        let mut lines = Lines::new(Slow(text, at_once));
        for line in expected {
            assert!(lines.next_line().unwrap() == Some(*line));
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        for at_once in [1, 2, 7, 1000] {
            check(b"", at_once, &[]);
            check(b"one\n\nthree", at_once, &[b"one", b"", b"three"]);
            check(b"one\ntwo\n", at_once, &[b"one", b"two"]);
        }
        let long = vec![b'x'; 3 * READ_BYTES];
        let text = [b"a\n", long.as_slice(), b"\nb"].concat();
        check(&text, usize::MAX, &[b"a", &long, b"b"]);
        check(&text, 4000, &[b"a", &long, b"b"]);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let whole = vec![b'x'; 2 * LINE_BYTES_MAX + 10];
        let (piece, rest) = (&whole[..LINE_BYTES_MAX], &whole[..10]);
        check(&[whole.as_slice(), b"\nb\n"].concat(), 100_000, &[piece, piece, rest, b"b"]);
        check(&whole, usize::MAX, &[piece, piece, rest]);
    }
}
