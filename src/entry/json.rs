//! The JSON that entries are made of: a writer, and a reader of just what the writer writes (no blanks, no exponents).
//! Numbers are whole and of at most 15 digits, which every JSON reader holds exactly.

use crate::record::fields;

/// Digits a number may have to be written as a JSON number: any reader's double holds 2^53 exactly.
const DIGITS_MAX: usize = 15;

/// Whether the word is a decimal number in its shortest form, which a JSON number gives back as it was.
pub(super) fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    match digits {
        [b'0'] => word.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < DIGITS_MAX && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Writes bytes as a JSON string, or as `{"hex":"…"}` when they are not UTF-8.
pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    if is_plain(bytes) {
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    if !bytes.is_ascii() && std::str::from_utf8(bytes).is_err() {
        out.extend_from_slice(b"{\"hex\":\"");
        hex(out, bytes);
        out.extend_from_slice(b"\"}");
        return;
    }
    out.push(b'"');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, tail)) = special.split_first() else { break };
        escape(out, byte);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether a JSON string holds these bytes as they are. Looks at all of them without a branch, which is fastest for the
/// short ones that there are.
fn is_plain(bytes: &[u8]) -> bool {
    let plain = |byte: u8| byte.wrapping_sub(0x20) < 0x5f && byte != b'"' && byte != b'\\';
    bytes.iter().fold(true, |all, &byte| all & plain(byte))
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            hex(out, &[byte]);
        }
    }
}

/// Writes bytes as upper-case hexadecimal digits, as the kernel does.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or(b'0');
    out.extend(bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]));
}

/// A decimal number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        if let (Some(place), Ok(digit)) = (digits.get_mut(at), u8::try_from(rest % 10)) {
            *place = b'0' + digit;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// An object that is being written.
pub(super) struct Members<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Members<'a> {
        out.push(b'{');
        Members { out, any: false }
    }

    /// Writes the name of a member, which has none of what JSON escapes; its value is to be appended to what this gives.
    pub(super) fn value(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.any { b",\"" } else { b"\"" });
        self.any = true;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// A place in the text that is read. Every method gives `None` where the text is not what it asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { text, at: 0 }
    }

    /// How far the reader has come, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over `expected` if it is next.
    pub(super) fn skip(&mut self, expected: &[u8]) -> Option<()> {
        let there = self.rest().starts_with(expected);
        if there {
            self.at += expected.len();
        }
        there.then_some(())
    }

    /// The next byte, not stepped over.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// A string without escapes, in place: member names and the words we choose ourselves.
    pub(super) fn plain(&mut self) -> Option<&'a [u8]> {
        let inside = self.rest().strip_prefix(b"\"")?;
        let len = memchr::memchr2(b'"', b'\\', inside)?;
        let (word, tail) = inside.split_at_checked(len)?;
        if tail.first() != Some(&b'"') {
            return None;
        }
        self.at += len + 2;
        Some(word)
    }

    /// An object; `read` is given the name of each member and reads its value.
    pub(super) fn members(
        &mut self,
        mut read: impl FnMut(&mut Reader<'a>, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.skip(b"{")?;
        let mut first = true;
        while self.skip(b"}").is_none() {
            if !std::mem::take(&mut first) {
                self.skip(b",")?;
            }
            let name = self.plain()?;
            self.skip(b":")?;
            read(self, name)?;
        }
        Some(())
    }

    /// An array; `read` reads each element.
    pub(super) fn list(&mut self, mut read: impl FnMut(&mut Reader<'a>) -> Option<()>) -> Option<()> {
        self.skip(b"[")?;
        let mut first = true;
        while self.skip(b"]").is_none() {
            if !std::mem::take(&mut first) {
                self.skip(b",")?;
            }
            read(self)?;
        }
        Some(())
    }

    /// The digits of a number.
    pub(super) fn digits(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.get(sign..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let word = rest.get(..sign + digits).filter(|word| is_number(word))?;
        self.at += word.len();
        Some(word)
    }

    /// A number that fits `T`.
    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        std::str::from_utf8(self.digits()?).ok()?.parse().ok()
    }

    /// A string or `{"hex":"…"}`; its bytes are appended.
    pub(super) fn text(&mut self, out: &mut Vec<u8>) -> Option<()> {
        if self.skip(b"{\"hex\":").is_some() {
            let digits = self.plain()?;
            self.skip(b"}")?;
            return (digits.is_empty() || fields::unhex(digits, out)).then_some(());
        }
        self.skip(b"\"")?;
        loop {
            let rest = self.rest();
            let len = memchr::memchr2(b'"', b'\\', rest)?;
            let (plain, tail) = rest.split_at_checked(len)?;
            out.extend_from_slice(plain);
            self.at += len + 1;
            if tail.first() == Some(&b'"') {
                return Some(());
            }
            self.unescape(out)?;
        }
    }

    /// What follows a backslash.
    fn unescape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => out.push(byte),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'u' => {
                self.skip(b"00")?;
                let digits = self.rest().get(..2)?;
                self.at += 2;
                return fields::unhex(digits, out).then_some(());
            }
            _ => return None,
        }
        Some(())
    }
}
