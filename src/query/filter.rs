//! A filter: which entries are wanted, as a tree of tests on fields joined by `and`, `or` and `not`.
//!
//! A test is true of an entry when any of the entry's values of that field satisfies it; `!=` and `not` are its negation,
//! so `uid!=0` is also true of an entry that has no uid at all.

use crate::entry::field::Field;
use crate::query::field::{self, Kind};
use crate::query::parse;
use crate::record::RecordType;
use crate::store::term::{FieldId, TERM_BYTES_MAX, Terms};
use crate::tables;
use std::fmt;
use thiserror::Error;

/// Longest filter in bytes: fits a request's head even when every byte needs escaping as `%XX`.
pub const FILTER_BYTES_MAX: usize = 8 * 1024;

/// Deepest nesting of parentheses and `not`, which bounds the recursion over a filter.
pub const FILTER_DEPTH_MAX: usize = 64;

/// Most tests in one filter: each may cost a walk over the dictionary of every segment.
pub const FILTER_TESTS_MAX: usize = 256;

/// The number with which the kernel says that an id was never set.
const ID_UNSET: u64 = 0xffff_ffff;

/// Which entries are wanted. Made by [`Filter::parse`] or from parts; its text form parses back to the same filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub(super) node: Node,
}

/// A filter's tree. `All` and `Any` have at least two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Leaf(Leaf),
}

/// How a test compares an entry's value with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`: the same bytes, or the same number.
    Equals,
    /// `!=`: no value of the field is equal.
    NotEquals,
    /// `~`: contains these bytes. With an empty value: the entry has the field.
    Contains,
    /// `^`: starts with these bytes.
    StartsWith,
    /// `<`, for numbers only.
    Less,
    /// `<=`, for numbers only.
    AtMost,
    /// `>`, for numbers only.
    Greater,
    /// `>=`, for numbers only.
    AtLeast,
}

impl Op {
    /// How the operator is written.
    pub fn text(self) -> &'static str {
        match self {
            Op::Equals => "=",
            Op::NotEquals => "!=",
            Op::Contains => "~",
            Op::StartsWith => "^",
            Op::Less => "<",
            Op::AtMost => "<=",
            Op::Greater => ">",
            Op::AtLeast => ">=",
        }
    }

    fn is_order(self) -> bool {
        matches!(self, Op::Less | Op::AtMost | Op::Greater | Op::AtLeast)
    }
}

/// One test on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) field: Field,
    pub(super) op: Op,
    /// In the form that the index has; at most [`TERM_BYTES_MAX`] bytes.
    pub(super) value: Box<[u8]>,
    /// The value as a number; has a meaning for an order only.
    number: u64,
}

/// Why a value does not fit its field or operator.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// `<` and its like on a field whose values are not numbers.
    #[error("{0} is not a number: it can be compared with =, !=, ~ and ^ only")]
    NoOrder(&'static str),
    /// Not a decimal number.
    #[error("{0} is a decimal number of at most {1} bits")]
    NoNumber(&'static str, u32),
    /// Neither `ok` nor `fail`.
    #[error("result is ok or fail")]
    NoResult,
    /// Longer than any value that the index holds.
    #[error("the value has {0} bytes, but none is kept longer than {max}", max = TERM_BYTES_MAX)]
    TooLong(usize),
}

/// Why a text is not a filter, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("at byte {at} of the filter: {problem}")]
pub struct FilterError {
    /// The place as a count of bytes from the beginning.
    pub at: usize,
    /// What is wrong there.
    pub problem: FilterProblem,
}

/// What is wrong with a filter's text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FilterProblem {
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What could stand here.
        expected: &'static str,
        /// The beginning of what stands here.
        found: String,
    },
    /// No field has this name.
    #[error("unknown field {name:?}{}", suggestion(.nearest))]
    UnknownField {
        /// The beginning of the name.
        name: String,
        /// The known name that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The value does not fit the field.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A quoted string without its closing quote.
    #[error("this quote is never closed")]
    OpenQuote,
    /// A backslash that begins none of the known escapes.
    #[error("unknown escape: only \\\\, \\\", \\n, \\r, \\t and \\xNN are known")]
    Escape,
    /// Longer than [`FILTER_BYTES_MAX`].
    #[error("the filter has more than {max} bytes", max = FILTER_BYTES_MAX)]
    TooLong,
    /// Nested deeper than [`FILTER_DEPTH_MAX`].
    #[error("nested deeper than {max} levels", max = FILTER_DEPTH_MAX)]
    TooDeep,
    /// More tests than [`FILTER_TESTS_MAX`].
    #[error("more than {max} tests", max = FILTER_TESTS_MAX)]
    TooManyTests,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean {name}?"))
}

impl Filter {
    /// Reads a filter: `key=passwd-ra and (exe~grep or uid=1000) and result=fail and not path^/tmp/`.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        parse::filter(text).map(|node| Filter { node })
    }

    /// A single test.
    pub fn test(field: Field, op: Op, value: &[u8]) -> Result<Filter, ValueError> {
        Leaf::new(field, op, value).map(|leaf| Filter { node: Node::Leaf(leaf) })
    }

    /// What satisfies every one of `parts`; `None` without any, which is satisfied by everything.
    pub fn all(parts: Vec<Filter>) -> Option<Filter> {
        Filter::join(parts, Node::All)
    }

    /// What satisfies at least one of `parts`; `None` without any.
    pub fn any(parts: Vec<Filter>) -> Option<Filter> {
        Filter::join(parts, Node::Any)
    }

    /// What does not satisfy `part`.
    pub fn none_of(part: Filter) -> Filter {
        Filter { node: Node::Not(Box::new(part.node)) }
    }

    fn join(parts: Vec<Filter>, with: fn(Vec<Node>) -> Node) -> Option<Filter> {
        let mut nodes: Vec<Node> = parts.into_iter().map(|part| part.node).collect();
        let node = if nodes.len() < 2 { nodes.pop()? } else { with(nodes) };
        Some(Filter { node })
    }

    /// Whether an entry with these terms is wanted.
    pub fn matches(&self, terms: &Terms) -> bool {
        self.node.matches(terms)
    }
}

impl Node {
    fn matches(&self, terms: &Terms) -> bool {
        match self {
            Node::All(parts) => parts.iter().all(|part| part.matches(terms)),
            Node::Any(parts) => parts.iter().any(|part| part.matches(terms)),
            Node::Not(part) => !part.matches(terms),
            Node::Leaf(leaf) => {
                let field = leaf.field_id();
                let any = terms.iter().any(|(of, value)| of == field && leaf.accepts(value));
                any != leaf.is_negated()
            }
        }
    }
}

impl Leaf {
    /// A test with its value brought into the form that the index has.
    pub(super) fn new(field: Field, op: Op, value: &[u8]) -> Result<Leaf, ValueError> {
        if value.len() > TERM_BYTES_MAX {
            return Err(ValueError::TooLong(value.len()));
        }
        let name = field::name(field);
        let kind = field::kind(field);
        if op.is_order() && !kind.is_numeric() {
            return Err(ValueError::NoOrder(name));
        }
        if matches!(op, Op::Contains | Op::StartsWith) {
            return Ok(Leaf { field, op, value: value.into(), number: 0 });
        }
        let value: Box<[u8]> = match kind {
            Kind::Text => value.into(),
            Kind::Number | Kind::Id => {
                let wrong = ValueError::NoNumber(name, if kind == Kind::Id { 32 } else { 64 });
                let number = number_of(kind, value).ok_or(wrong)?;
                return Ok(Leaf { field, op, value: number.to_string().into_bytes().into(), number });
            }
            Kind::RecordType => match decimal(value).map(u16::try_from) {
                Some(Ok(number)) => RecordType(number).to_string().into_bytes().into(),
                _ => value.to_ascii_uppercase().into(),
            },
            Kind::Errno => {
                let number = decimal(value).and_then(|number| u32::try_from(number).ok());
                match number.and_then(tables::errno_name) {
                    Some(name) => name.as_bytes().into(),
                    None => value.to_ascii_uppercase().into(),
                }
            }
            Kind::Result => match value {
                b"ok" | b"yes" | b"success" => (*b"ok").into(),
                b"fail" | b"no" | b"failed" => (*b"fail").into(),
                _ => return Err(ValueError::NoResult),
            },
        };
        Ok(Leaf { field, op, value, number: 0 })
    }

    /// The field's number in the index.
    pub(super) fn field_id(&self) -> FieldId {
        self.field as FieldId
    }

    /// Whether the test is true when no value is accepted.
    pub(super) fn is_negated(&self) -> bool {
        self.op == Op::NotEquals
    }

    /// Whether `value` satisfies the test; of `!=`, whether it is the value that must not be there.
    pub(super) fn accepts(&self, value: &[u8]) -> bool {
        match self.op {
            Op::Equals | Op::NotEquals => value == &*self.value,
            Op::Contains => memchr::memmem::find(value, &self.value).is_some(),
            Op::StartsWith => value.starts_with(&self.value),
            Op::Less => decimal(value).is_some_and(|number| number < self.number),
            Op::AtMost => decimal(value).is_some_and(|number| number <= self.number),
            Op::Greater => decimal(value).is_some_and(|number| number > self.number),
            Op::AtLeast => decimal(value).is_some_and(|number| number >= self.number),
        }
    }
}

fn number_of(kind: Kind, value: &[u8]) -> Option<u64> {
    match value {
        b"unset" | b"-1" if kind == Kind::Id => Some(ID_UNSET),
        _ => decimal(value).filter(|number| kind != Kind::Id || *number <= ID_UNSET),
    }
}

/// A number written in decimal digits only.
fn decimal(bytes: &[u8]) -> Option<u64> {
    let digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    let text = if digits { std::str::from_utf8(bytes).ok() } else { None };
    text.and_then(|text| text.parse().ok())
}

impl fmt::Display for Filter {
    /// Writes the filter so that [`Filter::parse`] reads the same one back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.write(f, Around::Nothing)
    }
}

/// What a part of a filter is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Any,
    Other,
}

impl Node {
    fn write(&self, f: &mut fmt::Formatter<'_>, around: Around) -> fmt::Result {
        let (parts, between) = match self {
            Node::Leaf(leaf) => {
                write!(f, "{}{}", field::name(leaf.field), leaf.op.text())?;
                return write_value(f, &leaf.value);
            }
            Node::Not(part) => {
                f.write_str("not ")?;
                return part.write(f, Around::Other);
            }
            Node::All(parts) => (parts, " and "),
            Node::Any(parts) => (parts, " or "),
        };
        // Parentheses that are not needed could nest it deeper than it may be when it is read again.
        let (inside, within) = match self {
            Node::All(_) => (around == Around::Other, Around::Other),
            _ => (around != Around::Nothing, Around::Any),
        };
        f.write_str(if inside { "(" } else { "" })?;
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { between })?;
            part.write(f, within)?;
        }
        f.write_str(if inside { ")" } else { "" })
    }
}

/// Writes a word as it stands and anything else as a quoted string.
fn write_value(f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
    if let Ok(text) = std::str::from_utf8(value)
        && !text.is_empty()
        && text.chars().all(parse::is_word)
    {
        return f.write_str(text);
    }
    f.write_str("\"")?;
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_str("\"")
}
