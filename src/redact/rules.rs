//! Which parts of a command line are secrets.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use foldhash::fast::RandomState;
use regex::bytes::{Regex, RegexBuilder};

use super::error::Error;
use super::{Config, MARK};

/// Options, programs, names and patterns at most, each: every pattern is tried on every argument.
pub const ITEMS_MAX: usize = 256;
/// Patterns at most: each is tried on every argument.
pub const PATTERNS_MAX: usize = 64;
/// Bytes of one of these at most.
pub const ITEM_BYTES_MAX: usize = 1024;
/// Memory of one compiled pattern in bytes, and again for what it learns while it matches.
pub const PATTERN_MEMORY_MAX: usize = 1 << 20;
/// The password in a URL's authority (RFC 3986, section 3.2.1).
const URL: &str = r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s:@]*:(?P<secret>[^/?#\s@]+)@";

/// A set of words.
type Words = HashSet<Box<[u8]>, RandomState>;

/// Options whose value is a secret.
#[derive(Debug, Default)]
struct Options {
    /// Their value is the next argument, or follows `=`.
    apart: Words,
    /// Their value follows at once.
    attached: Vec<Box<[u8]>>,
}

/// The rules, compiled.
#[derive(Debug)]
pub(super) struct Rules {
    everywhere: Options,
    programs: HashMap<Box<[u8]>, Options, RandomState>,
    patterns: Vec<Regex>,
}

impl Options {
    fn new(texts: &[String]) -> Result<Options, Error> {
        let mut options = Options::default();
        at_most("options", texts.len(), ITEMS_MAX)?;
        for text in texts {
            short_enough(text)?;
            let (option, attached) = match text.strip_suffix('*') {
                Some(option) => (option, true),
                None => (text.as_str(), false),
            };
            let named = option.strip_prefix('-').is_some_and(|name| name.chars().any(char::is_alphanumeric));
            if !named || option.contains('=') {
                return Err(Error::Option(text.clone()));
            }
            match attached {
                true => options.attached.push(option.as_bytes().into()),
                false => drop(options.apart.insert(option.as_bytes().into())),
            }
        }
        Ok(options)
    }

    /// Where the value begins in an argument that holds it; the length of the argument where it is the next one.
    fn value(&self, argument: &[u8]) -> Option<usize> {
        if argument.first() != Some(&b'-') {
            return None;
        }
        let name_len = memchr::memchr(b'=', argument).unwrap_or(argument.len());
        if self.apart.contains(argument.get(..name_len)?) {
            return Some((name_len + 1).min(argument.len()).max(name_len));
        }
        let attached =
            self.attached.iter().find(|option| argument.len() > option.len() && argument.starts_with(option));
        attached.map(|option| option.len())
    }
}

impl Rules {
    pub(super) fn new(config: &Config) -> Result<Rules, Error> {
        at_most("programs", config.programs.len(), ITEMS_MAX)?;
        at_most("patterns", config.patterns.len(), PATTERNS_MAX)?;
        let mut programs = HashMap::default();
        for (name, options) in &config.programs {
            short_enough(name)?;
            programs.insert(name.as_bytes().into(), Options::new(options)?);
        }
        let mut patterns = Vec::new();
        patterns.extend(assignments(&config.assignments)?);
        if config.urls {
            patterns.push(compile(URL)?);
        }
        for pattern in &config.patterns {
            short_enough(pattern)?;
            patterns.push(compile(pattern)?);
        }
        Ok(Rules { everywhere: Options::new(&config.options)?, programs, patterns })
    }

    /// The arguments that have to be changed, by their place, as they are to be. The first is the program's name.
    pub(super) fn apply<T: AsRef<[u8]>>(&self, arguments: &[T]) -> Vec<(usize, Vec<u8>)> {
        let mut changed = Vec::new();
        let mut programs = arguments.iter().filter_map(|argument| self.program(argument.as_ref()));
        // A program may be started by another one, as by sudo or env: all that are named count.
        let own: Vec<&Options> = programs.by_ref().take(ITEMS_MAX).collect();
        let mut is_value = false;
        for (place, argument) in arguments.iter().enumerate() {
            let argument = argument.as_ref();
            if std::mem::take(&mut is_value) && !argument.is_empty() {
                changed.push((place, MARK.as_bytes().to_vec()));
                continue;
            }
            let value = [&self.everywhere].into_iter().chain(own.iter().copied());
            let value = value.filter_map(|options| options.value(argument)).min();
            match value {
                Some(begin) if begin == argument.len() => {
                    is_value = !argument.ends_with(b"=");
                    continue;
                }
                Some(begin) => {
                    let mut text = argument.get(..begin).unwrap_or_default().to_vec();
                    text.extend_from_slice(MARK.as_bytes());
                    changed.push((place, text));
                }
                None => changed.extend(self.by_pattern(argument).map(|text| (place, text))),
            }
        }
        // What was replaced before, as in an event that comes again, is no secret.
        changed.retain(|(place, text)| arguments.get(*place).is_some_and(|old| old.as_ref() != text));
        changed
    }

    /// The options of the program that an argument names, if there are any.
    fn program(&self, argument: &[u8]) -> Option<&Options> {
        let name = argument.rsplit(|byte| *byte == b'/').next()?;
        self.programs.get(name)
    }

    /// An argument without what the patterns match, if one does.
    fn by_pattern(&self, argument: &[u8]) -> Option<Vec<u8>> {
        let mut secrets: Vec<Range<usize>> = Vec::new();
        for pattern in &self.patterns {
            if !pattern.is_match(argument) {
                continue;
            }
            for found in pattern.captures_iter(argument) {
                let secret = found.name("secret").or_else(|| found.get(0));
                secrets.extend(secret.map(|secret| secret.range()).filter(|range| !range.is_empty()));
            }
        }
        if secrets.is_empty() {
            return None;
        }
        secrets.sort_by_key(|range| range.start);
        let (mut text, mut at) = (Vec::new(), 0);
        for secret in secrets {
            // One that begins within another goes with it.
            if secret.start >= at {
                text.extend_from_slice(argument.get(at..secret.start).unwrap_or_default());
                text.extend_from_slice(MARK.as_bytes());
            }
            at = at.max(secret.end);
        }
        text.extend_from_slice(argument.get(at..).unwrap_or_default());
        Some(text)
    }
}

/// One pattern for all names.
fn assignments(names: &[String]) -> Result<Option<Regex>, Error> {
    at_most("assignments", names.len(), ITEMS_MAX)?;
    let mut alternatives = Vec::new();
    for name in names {
        short_enough(name)?;
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
        if !name.chars().all(known) || !name.chars().any(|c| c != '*') {
            return Err(Error::Name(name.clone()));
        }
        alternatives.push(name.replace('*', "[A-Za-z0-9_]*"));
    }
    match alternatives.is_empty() {
        true => Ok(None),
        false => compile(&format!("^(?:{})=(?P<secret>.+)$", alternatives.join("|"))).map(Some),
    }
}

/// Bytes, not letters of a language; a dot is any byte.
fn compile(pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(PATTERN_MEMORY_MAX)
        .dfa_size_limit(PATTERN_MEMORY_MAX)
        .build()
        .map_err(|source| Error::Pattern { pattern: pattern.to_owned(), source: Box::new(source) })
}

fn at_most(what: &'static str, count: usize, most: usize) -> Result<(), Error> {
    if count <= most { Ok(()) } else { Err(Error::TooMany(what, most)) }
}

fn short_enough(text: &str) -> Result<(), Error> {
    match text.len() <= ITEM_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::TooLong(text.chars().take(40).collect(), ITEM_BYTES_MAX)),
    }
}
