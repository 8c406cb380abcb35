//! The fields of a record's body: `name=value` words, with quoted, hexadecimal and nested values.
//!
//! The reader never fails: words that are no field are passed over, and every field knows its place, so that a caller
//! can tell whether the whole body has been read as fields.

use std::borrow::Cow;

use crate::tables::field::{self, Class};

/// A field's value, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The inside of double quotes.
    Quoted(&'a [u8]),
    /// A word without quotes.
    Bare(&'a [u8]),
    /// The inside of `msg='…'`: fields of their own.
    Message(&'a [u8]),
}

/// One field and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name before `=`.
    pub name: &'a [u8],
    /// The value after it.
    pub value: Value<'a>,
    /// Where the name begins in the body.
    pub start: usize,
    /// Where the value ends, its closing quote included.
    pub end: usize,
}

/// The fields of `body`, in order.
pub fn fields(body: &[u8]) -> Fields<'_> {
    Fields { body, at: 0 }
}

/// The fields of `body` from the byte `at` on, which is the end of a field.
pub fn from(body: &[u8], at: usize) -> Fields<'_> {
    Fields { body, at }
}

/// The value of the first field `name` of `body`.
pub fn find<'a>(body: &'a [u8], name: &[u8]) -> Option<Value<'a>> {
    fields(body).find(|field| field.name == name).map(|field| field.value)
}

/// The string that an untrusted-string value stands for: the inside of quotes, or the bytes that hexadecimal digits give.
///
/// `None` for `(null)`. A bare word that is not hexadecimal stands for itself, as user-space programs write `exe=?`.
pub fn decode<'a>(value: &Value<'a>) -> Option<Cow<'a, [u8]>> {
    match *value {
        Value::Quoted(text) | Value::Message(text) => Some(Cow::Borrowed(text)),
        Value::Bare(b"(null)") => None,
        Value::Bare(text) => {
            let mut bytes = Vec::new();
            match unhex(text, &mut bytes) {
                true => Some(Cow::Owned(bytes)),
                false => Some(Cow::Borrowed(text)),
            }
        }
    }
}

/// Appends an untrusted string as the kernel writes it (`audit_log_untrustedstring`): in quotes, or as hexadecimal digits
/// where something in it could be taken for something else.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    if is_quotable(text) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    for byte in text {
        let digit = |value: u8| HEX_DIGITS.get(usize::from(value)).copied().unwrap_or_default();
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// The digits that the kernel writes.
const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends the bytes that `digits` stand for and says whether it could: an even number of hexadecimal digits, not none.
pub fn unhex(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() || pairs.is_empty() {
        return false;
    }
    let start = out.len();
    for [high, low] in pairs {
        match (HEX_VALUE.get(usize::from(*high)), HEX_VALUE.get(usize::from(*low))) {
            (Some(&high), Some(&low)) if high < 16 && low < 16 => out.push(high << 4 | low),
            _ => {
                out.truncate(start);
                return false;
            }
        }
    }
    true
}

/// Whether the kernel writes `text` in quotes: every byte is 0x21..=0x7e and none a quote
/// (`audit_string_contains_control`, kernel/audit.c). Otherwise it writes hexadecimal digits.
pub fn is_quotable(text: &[u8]) -> bool {
    text.iter().fold(true, |all, &byte| all & ((0x21..=0x7e).contains(&byte) & (byte != b'"')))
}

/// The value of each hexadecimal digit, 255 for any other byte.
const HEX_VALUE: [u8; 256] = {
    let mut table = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        table[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
};

/// What a byte may be part of.
const NAME: u8 = 1;

/// The bytes a field's name is made of.
const KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'[' || b == b']' {
            table[byte] = NAME;
        }
        byte += 1;
    }
    table
};

fn is_name(byte: u8) -> bool {
    KIND.get(usize::from(byte)) == Some(&NAME)
}

/// Iterates over the fields of a body.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let rest = self.body.get(self.at..)?;
            let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
            let start = self.at + blanks;
            let rest = rest.get(blanks..).filter(|rest| !rest.is_empty())?;
            let name_len = rest.iter().take_while(|&&byte| is_name(byte)).count();
            let Some((name, [b'=', after @ ..])) = rest.split_at_checked(name_len) else {
                self.at = start + word_len(rest);
                continue;
            };
            if name.is_empty() {
                self.at = start + word_len(rest);
                continue;
            }
            let value_start = start + name_len + 1;
            let (value, len) = value(|| field::class(name), after);
            self.at = value_start + len;
            return Some(Field { name, value, start, end: self.at });
        }
    }
}

fn word_len(text: &[u8]) -> usize {
    memchr::memchr(b' ', text).unwrap_or(text.len())
}

/// The value at the beginning of `text` and its length with quotes. The class of its field is asked for only where it
/// makes a difference.
pub fn value(class: impl FnOnce() -> Class, text: &[u8]) -> (Value<'_>, usize) {
    match text {
        [b'"', rest @ ..] => match memchr::memchr(b'"', rest).and_then(|len| rest.get(..len)) {
            Some(inside) => (Value::Quoted(inside), inside.len() + 2),
            None => bare(class, text),
        },
        // The kernel puts the message of a user-space program last and in single quotes, and does not escape any
        // that the message itself holds: the message ends at the last one.
        [b'\'', rest @ ..] => match memchr::memrchr(b'\'', rest).and_then(|len| rest.get(..len)) {
            Some(inside) => (Value::Message(inside), inside.len() + 2),
            None => bare(class, text),
        },
        _ => bare(class, text),
    }
}

/// A bare word; in a decimal field it ends where another field begins without a space between
/// (`ses=1op=remove_rule`, kernel/audit_watch.c).
fn bare(class: impl FnOnce() -> Class, text: &[u8]) -> (Value<'_>, usize) {
    let len = word_len(text);
    let word = text.get(..len).unwrap_or(text);
    if word.first().is_some_and(u8::is_ascii_digit) && word.contains(&b'=') && class() == Class::Decimal {
        let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = word.split_at(digits);
        let name_len = rest.iter().take_while(|&&byte| is_name(byte)).count();
        if name_len > 0 && rest.get(name_len) == Some(&b'=') {
            return (Value::Bare(number), digits);
        }
    }
    (Value::Bare(word), len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(&str, Value<'static>)]) {
        let found: Vec<_> = fields(body.as_bytes()).map(|f| (f.name, f.value)).collect();
        let expected: Vec<_> = expected.iter().map(|(name, value)| (name.as_bytes(), *value)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn every_way_of_writing_a_value_is_read() {
        use Value::{Bare, Message, Quoted};
        check("", &[]);
        check("   ", &[]);
        check(
            r#"arch=c000003e comm="cat" key=(null) tty=(none) addr="#,
            &[
                ("arch", Bare(b"c000003e")),
                ("comm", Quoted(b"cat")),
                ("key", Bare(b"(null)")),
                ("tty", Bare(b"(none)")),
                ("addr", Bare(b"")),
            ],
        );
        check(
            "auid=0 ses=1op=remove_rule path=\"/x\" res=1",
            &[
                ("auid", Bare(b"0")),
                ("ses", Bare(b"1")),
                ("op", Bare(b"remove_rule")),
                ("path", Quoted(b"/x")),
                ("res", Bare(b"1")),
            ],
        );
        check(
            "pid=1 msg='op=login acct=\"it's\" res=success'",
            &[("pid", Bare(b"1")), ("msg", Message(b"op=login acct=\"it's\" res=success"))],
        );
        check("avc:  denied  { read } for  pid=7", &[("pid", Bare(b"7"))]);
        check("=x a0[1]=41 name=\"open", &[("a0[1]", Bare(b"41")), ("name", Bare(b"\"open"))]);
    }

    #[test]
    fn untrusted_strings_are_decoded() {
        let cases: &[(Value<'_>, Option<&[u8]>)] = &[
            (Value::Quoted(b"cat"), Some(b"cat")),
            (Value::Bare(b"6D79206361740A"), Some(b"my cat\n")),
            (Value::Bare(b"(null)"), None),
            (Value::Quoted(b"(null)"), Some(b"(null)")),
            (Value::Bare(b"?"), Some(b"?")),
            (Value::Bare(b"ABC"), Some(b"ABC")),
            (Value::Bare(b""), Some(b"")),
        ];
        for (value, expected) in cases {
            assert_eq!(decode(value).as_deref(), *expected, "{value:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn fields_lie_in_order_within_the_body(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut last = 0;
            for field in fields(&body) {
                assert!(field.start >= last && field.start < field.end && field.end <= body.len());
                assert!(body[field.start..].starts_with(field.name));
                last = field.end;
            }
        }
    }
}
