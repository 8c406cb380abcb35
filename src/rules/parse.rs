//! auditctl's text → rules, checked as far as can be without the kernel.

mod draft;
mod value;

pub(super) use value::is_64_bit;

use super::Rule;
use super::control::Control;
use super::error::{Cause, RuleError, Warning};
use super::host::Host;
use super::options::{OptionWord, Options};
use super::text::{self, Word};
use draft::Draft;

/// What a line of a rules file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A blank line or a comment.
    Blank,
    /// `-w`, `-a` or `-A`.
    Add(Rule),
    /// `-W` or `-d`.
    Delete(Rule),
    /// Anything else.
    Control(Control),
}

/// Reads one line of a rules file. Of several errors in it the first is given.
pub fn line(text: &[u8], host: &impl Host) -> Result<(Line, Vec<Warning>), RuleError> {
    let mut errors = Vec::new();
    let read = whole_line(text, host, &mut errors);
    errors.into_iter().next().map_or(Ok(read), Err)
}

/// Reads one line to its end. With errors, what is given is worth nothing.
fn whole_line(text: &[u8], host: &impl Host, errors: &mut Vec<RuleError>) -> (Line, Vec<Warning>) {
    let words = text::words(text);
    let mut options = Options::new(&words);
    let Some(first) = options.next() else { return (Line::Blank, Vec::new()) };
    match Control::read(&first, &mut options) {
        Ok(Some(control)) => return (Line::Control(control), Vec::new()),
        Ok(None) => {}
        Err(error) => {
            errors.push(error);
            return (Line::Blank, Vec::new());
        }
    }
    let (mut rules, warnings) = rules(first.clone(), options, host, errors);
    match (rules.pop(), rules.is_empty()) {
        (Some((true, rule)), true) => (Line::Add(rule), warnings),
        (Some((false, rule)), true) => (Line::Delete(rule), warnings),
        (last, _) => {
            if last.is_some() && errors.is_empty() {
                errors.push(RuleError::new(Cause::TwoRules, &first.name));
            }
            (Line::Blank, warnings)
        }
    }
}

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The byte in the line.
    pub column: usize,
}

/// What a rules file says: its lines with their numbers, and all that is wrong with the others.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The lines that say something, with their number from 1.
    pub lines: Vec<(usize, Line)>,
    /// What is allowed but likely not meant.
    pub warnings: Vec<(Place, Warning)>,
    /// What is wrong.
    pub errors: Vec<(Place, RuleError)>,
}

/// Reads a rules file to its end, whatever is wrong with a line.
pub fn file(text: &[u8], host: &impl Host) -> File {
    let mut file = File::default();
    for (number, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let mut errors = Vec::new();
        let (line, warnings) = whole_line(text, host, &mut errors);
        if errors.is_empty() && line != Line::Blank {
            file.lines.push((number, line));
            let place = Place { line: number, column: 1 };
            file.warnings.extend(warnings.into_iter().map(|warning| (place, warning)));
        }
        let placed = |error: RuleError| (Place { line: number, column: error.at + 1 }, error);
        file.errors.extend(errors.into_iter().map(placed));
    }
    file
}

/// Reads rules from the arguments of a command line, each begun by -w, -a or -A.
pub fn command_line(words: &[Word], host: &impl Host) -> Result<(Vec<Rule>, Vec<Warning>), RuleError> {
    let mut options = Options::new(words);
    let Some(first) = options.next() else { return Ok(Default::default()) };
    let mut errors = Vec::new();
    let (rules, warnings) = rules(first, options, host, &mut errors);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let deletes = words.iter().find(|word| matches!(word.text.as_slice(), b"-W" | b"-d"));
    match deletes {
        Some(word) if rules.iter().any(|(add, _)| !add) => Err(RuleError::new(Cause::UnknownOption, word)),
        _ => Ok((rules.into_iter().map(|(_, rule)| rule).collect(), warnings)),
    }
}

/// The options that begin or belong to a rule, each with one value.
pub const RULE_OPTIONS: [&str; 10] = ["-w", "-W", "-a", "-A", "-d", "-p", "-k", "-S", "-F", "-C"];

/// Rules, each with whether it is to be added, and what is likely not meant.
type Rules = (Vec<(bool, Rule)>, Vec<Warning>);

/// The rules that `first` and the options after it make. After an error that does not change what the other options
/// mean, reading goes on.
fn rules(
    first: OptionWord,
    mut options: Options<'_>,
    host: &impl Host,
    errors: &mut Vec<RuleError>,
) -> Rules {
    let mut rules = Vec::new();
    let mut warnings = Vec::new();
    let mut open: Option<Draft> = None;
    let mut next = Some(first);
    while let Some(option) = next {
        match read_option(&option, &mut options, &mut open, host, &mut warnings) {
            Ok(None) => {}
            Ok(Some(done)) => finish(done, &mut rules, &mut warnings, errors),
            Err(error) => {
                let meant = open.is_some() && error.cause.leaves_the_rest();
                // What was wrong before it is what the key was to be attached to.
                if errors.is_empty() || error.cause != Cause::LoneKey {
                    errors.push(error);
                }
                if !meant {
                    return (rules, warnings);
                }
            }
        }
        next = options.next();
    }
    if let Some(draft) = open {
        finish(draft, &mut rules, &mut warnings, errors);
    }
    (rules, warnings)
}

fn finish(
    draft: Draft,
    rules: &mut Vec<(bool, Rule)>,
    warnings: &mut Vec<Warning>,
    errors: &mut Vec<RuleError>,
) {
    match draft.finish(warnings) {
        Ok(rule) => rules.push(rule),
        Err(error) => errors.push(error),
    }
}

/// Reads one option and its value into the open rule; if it begins a rule, gives the one that was open.
fn read_option(
    option: &OptionWord,
    options: &mut Options<'_>,
    open: &mut Option<Draft>,
    host: &impl Host,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Draft>, RuleError> {
    if !RULE_OPTIONS.iter().any(|known| known.as_bytes() == option.name.text) {
        return Err(RuleError::new(Cause::UnknownOption, &option.name));
    }
    let argument = options.value(option)?;
    if let Some(begun) = Draft::begin(&option.name, &argument, host, warnings)? {
        return Ok(open.replace(begun));
    }
    let draft = open.as_mut().ok_or_else(|| RuleError::new(Cause::NoRule, &option.name))?;
    draft.take(&option.name, &argument, host, warnings)?;
    Ok(None)
}
