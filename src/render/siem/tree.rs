//! A JSON object that is built member by member and leaves out what is not known.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The object so far.
#[derive(Debug, Default)]
pub(in crate::render) struct Tree(Map<String, Value>);

impl Tree {
    /// Adds a member, if there is a value.
    pub(in crate::render) fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Adds a string made of bytes of the log.
    pub(in crate::render) fn text(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.put(name, bytes.map(text));
    }

    /// Adds an object, if anything is in it.
    pub(in crate::render) fn tree(&mut self, name: &str, tree: Tree) {
        if !tree.is_empty() {
            self.0.insert(name.to_owned(), Value::Object(tree.0));
        }
    }

    /// Adds an array, if anything is in it.
    pub(in crate::render) fn list(&mut self, name: &str, list: Vec<Value>) {
        if !list.is_empty() {
            self.0.insert(name.to_owned(), Value::Array(list));
        }
    }

    /// Adds a value to those that the member has already: one is itself, several are an array.
    pub(in crate::render) fn add(&mut self, name: &str, value: String) {
        match self.0.get_mut(name) {
            None => {
                self.0.insert(name.to_owned(), Value::String(value));
            }
            Some(Value::Array(list)) => list.push(Value::String(value)),
            Some(one) => {
                let before = one.take();
                *one = Value::Array(vec![before, Value::String(value)]);
            }
        }
    }

    /// Whether nothing is in it.
    pub(in crate::render) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Tree> for Value {
    fn from(tree: Tree) -> Value {
        Value::Object(tree.0)
    }
}

/// Bytes of the log as a string; what is not UTF-8 is written as `\xff`.
pub(in crate::render) fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to memory cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Strings as an array, each once.
pub(in crate::render) fn distinct(words: impl Iterator<Item = String>) -> Vec<Value> {
    let mut list: Vec<Value> = Vec::new();
    for word in words.filter(|word| !word.is_empty()).map(Value::String) {
        if !list.contains(&word) {
            list.push(word);
        }
    }
    list
}
