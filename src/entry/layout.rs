//! What is known of the fields of each record type, learned from the records that came.
//!
//! A program writes a type's records with the same fields in the same order, and most values are those of the record
//! before. So each field is looked for where it was last time, and its stored form is copied when its text is the same:
//! nothing of it is read or written anew.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::field::Field;
use super::{is_reserved, separator};
use crate::record::RecordType;
use crate::tables::field::{Class, IdKind, class, id_kind};

/// Layouts kept at most: more than there are record types in use. With one more, all are learned anew.
const LAYOUTS_MAX: usize = 512;
/// Fields with which a layout is begun anew after the record: none that a kernel writes has so many.
const MEMBERS_MAX: usize = 256;
/// Bytes of a field's text that are remembered at most: longer ones seldom come twice.
const TEXT_BYTES_MAX: usize = 256;

/// What the index takes from a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    None,
    /// The decoded value.
    Text(Field),
    /// A path; in a PATH record also the absolute form of a relative one.
    Path,
    /// Each element of a list.
    List(Field, u8),
    /// The decimal number.
    Number(Field),
    /// `ok` or `fail` by the word.
    Outcome,
    /// The same, and whether `exit` is an error.
    Success,
    /// A socket address in hexadecimal.
    Address,
    Arch,
    Syscall,
    Exit,
    Cwd,
}

impl Role {
    fn of(kind: RecordType, name: &[u8]) -> Role {
        match (kind, name) {
            (_, b"key") => Role::List(Field::Key, 1),
            (_, b"exe") => Role::Text(Field::Exe),
            (_, b"comm") => Role::Text(Field::Comm),
            (RecordType::PATH, b"name" | b"path") => Role::Path,
            (_, b"name" | b"path") => Role::Text(Field::Path),
            (_, b"uid") => Role::Number(Field::Uid),
            (_, b"auid") => Role::Number(Field::Auid),
            (_, b"pid") => Role::Number(Field::Pid),
            (_, b"ppid") => Role::Number(Field::Ppid),
            (_, b"ses") => Role::Number(Field::Session),
            (_, b"euid") => Role::Number(Field::Euid),
            (_, b"gid") => Role::Number(Field::Gid),
            (_, b"egid") => Role::Number(Field::Egid),
            (_, b"tty" | b"terminal") => Role::Text(Field::Terminal),
            (_, b"hostname" | b"addr") => Role::Text(Field::Host),
            (_, b"acct") => Role::Text(Field::Account),
            (RecordType::SYSCALL, b"success") => Role::Success,
            (_, b"success" | b"res" | b"result") => Role::Outcome,
            (_, b"saddr") => Role::Address,
            (RecordType::SYSCALL, b"arch") => Role::Arch,
            (RecordType::SYSCALL, b"syscall") => Role::Syscall,
            (RecordType::SYSCALL, b"exit") => Role::Exit,
            (RecordType::CWD, b"cwd") => Role::Cwd,
            _ => Role::None,
        }
    }
}

/// A field by its name, and its value in the record before.
#[derive(Debug)]
pub(super) struct Member {
    /// The name and `=`.
    head: Box<[u8]>,
    pub(super) class: Class,
    pub(super) id: Option<IdKind>,
    pub(super) role: Role,
    /// What parts the elements of a value that is a list.
    pub(super) separator: Option<u8>,
    /// Whether the stored form has another use for the name.
    pub(super) reserved: bool,
    /// The record it came in last.
    record: u64,
    /// The field that came after it then.
    next: usize,
    /// The field's text then, its stored form, and what it stands for; empty if it could not be made from this again.
    text: Vec<u8>,
    pub(super) form: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Whether it was `(null)`, which stands for nothing.
    pub(super) is_null: bool,
}

impl Member {
    /// The name.
    pub(super) fn name(&self) -> &[u8] {
        self.head.split_last().map_or(&[], |(_, name)| name)
    }

    /// What follows the name and `=` at the beginning of `text`.
    pub(super) fn after_name<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        text.strip_prefix(&*self.head)
    }

    /// How long the field is that `text` begins with, if it is the same as in the record before.
    #[inline]
    pub(super) fn same(&self, text: &[u8]) -> Option<usize> {
        let after = text.strip_prefix(self.text.as_slice())?;
        (!self.text.is_empty() && matches!(after.first(), None | Some(b' '))).then_some(self.text.len())
    }

    /// Remembers the field for the next record; `text` has to give the same anywhere, if a blank or nothing follows.
    pub(super) fn remember(&mut self, text: &[u8], form: &[u8], value: &[u8]) {
        self.forget();
        if text.len() <= TEXT_BYTES_MAX {
            self.text.extend_from_slice(text);
            self.form.extend_from_slice(form);
            if self.role != Role::None || self.id.is_some() {
                self.value.extend_from_slice(value);
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.text.clear();
        self.form.clear();
        self.value.clear();
    }
}

/// The fields of one record type, or of the messages within its records.
#[derive(Debug)]
pub(super) struct Layout {
    kind: RecordType,
    pub(super) members: Vec<Member>,
    by_name: HashMap<Box<[u8]>, usize, RandomState>,
    /// Counts the records.
    record: u64,
    first: usize,
    /// The layout of the message within.
    pub(super) inner: Option<Box<Layout>>,
}

/// Where the walk through a record's fields is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    last: Option<usize>,
}

impl Layout {
    pub(super) fn new(kind: RecordType) -> Layout {
        Layout { kind, members: Vec::new(), by_name: HashMap::default(), record: 0, first: 0, inner: None }
    }

    /// The layout of the messages within, to be put back.
    pub(super) fn take_inner(&mut self) -> Box<Layout> {
        self.inner.take().unwrap_or_else(|| Box::new(Layout::new(self.kind)))
    }

    /// Ends a record: what one with too many fields has made known is not kept.
    pub(super) fn end(&mut self) {
        if self.members.len() > MEMBERS_MAX {
            *self = Layout { record: self.record, inner: self.inner.take(), ..Layout::new(self.kind) };
        }
    }

    /// Begins a record.
    pub(super) fn begin(&mut self) -> Walk {
        self.record += 1;
        Walk { last: None }
    }

    /// The field that is expected next, by its place in `members`.
    #[inline]
    pub(super) fn expected(&self, walk: Walk) -> usize {
        match walk.last.and_then(|last| self.members.get(last)) {
            Some(last) => last.next,
            None => self.first,
        }
    }

    /// The place of a field by its name, which is learned.
    pub(super) fn find(&mut self, name: &[u8]) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.members.len();
        let member = Member {
            head: [name, b"="].concat().into(),
            class: class(name),
            id: id_kind(name),
            role: Role::of(self.kind, name),
            separator: separator(name),
            reserved: is_reserved(name),
            record: 0,
            next: at + 1,
            text: Vec::new(),
            form: Vec::new(),
            value: Vec::new(),
            is_null: false,
        };
        self.members.push(member);
        self.by_name.insert(name.into(), at);
        at
    }

    /// Whether the field at `at` did not come in this record yet.
    #[inline]
    pub(super) fn is_first(&self, at: usize) -> bool {
        self.members.get(at).is_some_and(|member| member.record != self.record)
    }

    /// Steps to the field at `at`; false if it came before in this record.
    #[inline]
    pub(super) fn step(&mut self, walk: &mut Walk, at: usize) -> bool {
        match walk.last.replace(at) {
            Some(last) => {
                if let Some(last) = self.members.get_mut(last) {
                    last.next = at;
                }
            }
            None => self.first = at,
        }
        match self.members.get_mut(at) {
            Some(member) => std::mem::replace(&mut member.record, self.record) != self.record,
            None => false,
        }
    }
}

/// The layouts of all record types that came.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    layouts: Vec<Layout>,
    by_kind: HashMap<RecordType, usize, RandomState>,
}

impl Layouts {
    /// The layout of a record type, which is made.
    pub(super) fn of(&mut self, kind: RecordType) -> Option<&mut Layout> {
        if self.layouts.len() >= LAYOUTS_MAX && !self.by_kind.contains_key(&kind) {
            self.layouts.clear();
            self.by_kind.clear();
        }
        let at = *self.by_kind.entry(kind).or_insert_with(|| {
            self.layouts.push(Layout::new(kind));
            self.layouts.len() - 1
        });
        self.layouts.get_mut(at)
    }
}
