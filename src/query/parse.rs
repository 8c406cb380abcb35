//! Reads the filter language. The whole of it:
//!
//! ```text
//! any    = all ("or" all)*
//! all    = one ("and" one)*
//! one    = "not" one | "(" any ")" | NAME OP VALUE
//! OP     = "=" | "!=" | "~" | "^" | "<" | "<=" | ">" | ">="
//! VALUE  = word | "quoted" with the escapes \\ \" \n \r \t \xNN
//! ```
//!
//! White space may stand between any two of these.

use crate::query::field;
use crate::query::filter::{
    FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TESTS_MAX, FilterError, FilterProblem, Leaf, Node, Op,
};

/// Most characters of the user's text that an error repeats.
const FOUND_CHARS_MAX: usize = 24;

/// In this order the longer of two operators with the same beginning comes first.
const OPS: &[Op] = &[
    Op::NotEquals,
    Op::AtMost,
    Op::AtLeast,
    Op::Equals,
    Op::Contains,
    Op::StartsWith,
    Op::Less,
    Op::Greater,
];

/// Whether a character may stand in a value without quotes.
pub(super) fn is_word(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '(' | ')' | '"' | '\\')
}

/// Reads a whole filter.
pub(super) fn filter(text: &str) -> Result<Node, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(FilterError { at: FILTER_BYTES_MAX, problem: FilterProblem::TooLong });
    }
    let mut parser = Parser { text, rest: text, tests: 0 };
    let node = parser.any(0)?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(node) } else { Err(parser.expected("\"and\", \"or\" or the end")) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    tests: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let first = self.all(depth)?;
        if !self.word("or") {
            return Ok(first);
        }
        let mut parts = vec![first, self.all(depth)?];
        while self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(Node::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let first = self.one(depth)?;
        if !self.word("and") {
            return Ok(first);
        }
        let mut parts = vec![first, self.one(depth)?];
        while self.word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(Node::All(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Node, FilterError> {
        self.skip_space();
        if depth > FILTER_DEPTH_MAX {
            return Err(self.error(FilterProblem::TooDeep));
        }
        if self.word("not") {
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let node = self.any(depth + 1)?;
            self.skip_space();
            return if self.take(")") { Ok(node) } else { Err(self.expected("\"and\", \"or\" or \")\"")) };
        }
        self.leaf()
    }

    fn leaf(&mut self) -> Result<Node, FilterError> {
        if self.tests == FILTER_TESTS_MAX {
            return Err(self.error(FilterProblem::TooManyTests));
        }
        self.tests += 1;
        let length = self.name_length();
        let (name, after) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        if name.is_empty() {
            return Err(self.expected("a field name, \"not\" or \"(\""));
        }
        let Some(field) = field::from_name(name) else {
            let shown = name.chars().take(FOUND_CHARS_MAX).collect();
            let nearest = field::nearest(name);
            return Err(self.error(FilterProblem::UnknownField { name: shown, nearest }));
        };
        self.rest = after;
        self.skip_space();
        let Some(op) = OPS.iter().copied().find(|op| self.take(op.text())) else {
            return Err(self.expected("one of = != ~ ^ < <= > >="));
        };
        self.skip_space();
        let at = self.at();
        let value = self.value()?;
        Leaf::new(field, op, &value)
            .map(Node::Leaf)
            .map_err(|error| FilterError { at, problem: error.into() })
    }

    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        let length = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        if word.is_empty() {
            return Err(self.expected("a word or a quoted string"));
        }
        self.rest = after;
        // A backslash or a quote inside a word would be read in two ways by two people.
        if self.rest.starts_with(['"', '\\']) {
            return Err(self.expected("the value in quotes, for it has a quote or a backslash"));
        }
        Ok(word.as_bytes().to_vec())
    }

    fn quoted(&mut self) -> Result<Vec<u8>, FilterError> {
        let opening = self.at();
        self.take("\"");
        let mut value = Vec::new();
        loop {
            let plain = self.rest.find(['"', '\\']).unwrap_or(self.rest.len());
            let (text, after) = self.rest.split_at_checked(plain).unwrap_or((self.rest, ""));
            value.extend_from_slice(text.as_bytes());
            self.rest = after;
            if self.take("\"") {
                return Ok(value);
            }
            if self.rest.is_empty() {
                return Err(FilterError { at: opening, problem: FilterProblem::OpenQuote });
            }
            let (byte, length) = escape(self.rest).ok_or_else(|| self.error(FilterProblem::Escape))?;
            value.push(byte);
            self.rest = self.rest.get(length..).unwrap_or_default();
        }
    }

    /// Takes `word` if it stands here as a word of its own.
    fn word(&mut self, word: &str) -> bool {
        self.skip_space();
        // What follows must not make it a field's name or a longer word: `not(a=b)` is fine, `note=b` and `not=b` are not.
        match self.rest.strip_prefix(word) {
            Some(after) if after.is_empty() || after.starts_with(|c: char| c == '(' || c.is_whitespace()) => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn name_length(&self) -> usize {
        self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(self.rest.len())
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn error(&self, problem: FilterProblem) -> FilterError {
        FilterError { at: self.at(), problem }
    }

    fn expected(&self, expected: &'static str) -> FilterError {
        let found = if self.rest.is_empty() {
            "the end".to_owned()
        } else {
            format!("{:?}", self.rest.chars().take(FOUND_CHARS_MAX).collect::<String>())
        };
        self.error(FilterProblem::Expected { expected, found })
    }
}

/// The byte that the escape at the beginning of `text` stands for, and the escape's length.
fn escape(text: &str) -> Option<(u8, usize)> {
    match text.as_bytes() {
        [b'\\', b'x', high, low, ..] => {
            let high = char::from(*high).to_digit(16)?;
            let low = char::from(*low).to_digit(16)?;
            u8::try_from(high * 16 + low).ok().map(|byte| (byte, 4))
        }
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', byte @ (b'\\' | b'"'), ..] => Some((*byte, 2)),
        _ => None,
    }
}
