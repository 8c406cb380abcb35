//! What several files of rules ask for together, and all that is wrong or odd in them.
//!
//! The files are read as augenrules joins them: `-D` stands for an empty beginning wherever it is, `-e` for the end.
//! `-d` and `-W` take back a rule that stood before them. After `-c` or `-i` a wrong line is left out; without them a
//! set with a wrong line is not to be loaded.

use super::files::Source;
use crate::rules::control::Control;
use crate::rules::error::RuleError;
use crate::rules::lint::{self, lint};
use crate::rules::parse::{self, Line, Place};
use crate::rules::{Rule, text};

/// A line of one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The file, by its place among the sources.
    pub source: usize,
    /// The line's number from 1.
    pub line: usize,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The line cannot be loaded.
    Error,
    /// The same, but the set is to be loaded without it (`-c` or `-i`).
    LeftOut,
    /// Allowed, but likely not meant.
    Warning,
}

/// Something that is wrong or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub at: At,
    /// Byte in the line, from 1.
    pub column: usize,
    /// Bytes of the text it is about; 0 for the whole line.
    pub bytes: usize,
    /// What.
    pub message: String,
    /// The other line it has to do with.
    pub other: Option<At>,
}

/// What files of rules ask for together.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The rules in the order of loading.
    pub rules: Vec<Rule>,
    /// Where each of them stands.
    pub places: Vec<At>,
    /// The other lines.
    pub controls: Vec<(At, Control)>,
    /// Whether a line that fails is to be left out (`-c` or `-i`).
    pub lenient: bool,
    /// What is wrong or odd, in the order of lines.
    pub findings: Vec<Finding>,
}

impl RuleSet {
    /// Joins files: takes their lines out of them.
    pub fn of(sources: &mut [Source]) -> RuleSet {
        let mut set = RuleSet::default();
        for (source, file) in sources.iter_mut().enumerate() {
            let parsed = std::mem::take(&mut file.parsed);
            set.take(source, file, parsed);
        }
        set.findings.sort_by_key(|finding| finding.at);
        set
    }

    /// Adds what only the whole set shows.
    pub fn lint(&mut self) {
        let order = self.order_of_lines();
        self.findings.extend(order);
        self.warn(lint(&self.rules));
    }

    /// Adds which rules fill the log, by the time it covers and the events an hour of each key; see [`lint::busy`].
    pub fn lint_volume<E>(
        &mut self,
        span: Option<(u64, u64)>,
        per_hour: &mut lint::Rates<'_, E>,
    ) -> Result<(), E> {
        self.warn(lint::busy(&self.rules, span, per_hour)?);
        Ok(())
    }

    fn warn(&mut self, found: Vec<lint::Finding>) {
        let place = |rule: usize| self.places.get(rule).copied();
        let finding = |found: lint::Finding| {
            let other = found.other.and_then(place);
            Some(Finding {
                other,
                ..Finding::line(Severity::Warning, place(found.rule)?, found.lint.to_string())
            })
        };
        let found: Vec<Finding> = found.into_iter().filter_map(finding).collect();
        self.findings.extend(found);
        self.findings.sort_by_key(|finding| finding.at);
    }

    /// Whether a line is wrong, so that nothing is to be loaded.
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn take(&mut self, source: usize, file: &Source, parsed: parse::File) {
        let mut wrong = parsed.errors.iter().peekable();
        for (place, warning) in &parsed.warnings {
            let at = At { source, line: place.line };
            self.findings.push(Finding::line(Severity::Warning, at, warning.to_string()));
        }
        for (number, line) in parsed.lines {
            while let Some(found) = wrong.next_if(|(place, _)| place.line < number) {
                self.refuse(source, file, found);
            }
            let at = At { source, line: number };
            match line {
                Line::Add(rule) => {
                    self.rules.push(rule);
                    self.places.push(at);
                }
                Line::Delete(rule) => self.delete(at, &rule),
                Line::Control(control) => {
                    self.lenient |= matches!(control, Control::Continue | Control::IgnoreErrors);
                    self.controls.push((at, control));
                }
                Line::Blank => {}
            }
        }
        wrong.for_each(|found| self.refuse(source, file, found));
    }

    /// Takes back the last rule that is the same.
    fn delete(&mut self, at: At, rule: &Rule) {
        match self.rules.iter().rposition(|known| known.same_as(rule)) {
            Some(index) => {
                self.rules.remove(index);
                self.places.remove(index);
            }
            None => {
                let message = format!("no line before this adds the rule {rule}");
                self.findings.push(Finding::line(self.severity(), at, message));
            }
        }
    }

    fn refuse(&mut self, source: usize, file: &Source, (place, error): &(Place, RuleError)) {
        self.findings.push(Finding {
            severity: self.severity(),
            at: At { source, line: place.line },
            column: place.column,
            bytes: text::word_bytes(file.line(place.line), error.at).max(1),
            message: error.cause.to_string(),
            other: None,
        });
    }

    fn severity(&self) -> Severity {
        if self.lenient { Severity::LeftOut } else { Severity::Error }
    }

    /// Lines that auditctl -R would do at another time than the set is loaded.
    fn order_of_lines(&self) -> Vec<Finding> {
        let told = |(at, control): &(At, Control)| {
            let rules = |before: bool| {
                let here = self.places.iter().filter(|place| place.source == at.source);
                here.filter(|place| (place.line < at.line) == before).count()
            };
            let message = match control {
                Control::DeleteAll { key: None } if rules(true) > 0 => {
                    "with auditctl -R this deletes the rules before it; here the beginning is empty anyway"
                }
                Control::Enabled(2) if rules(false) > 0 => {
                    "auditctl -R loads no rule after this; here the configuration is locked last"
                }
                _ => return None,
            };
            Some(Finding::line(Severity::Warning, *at, message.to_owned()))
        };
        self.controls.iter().filter_map(told).collect()
    }
}

impl Finding {
    fn line(severity: Severity, at: At, message: String) -> Finding {
        Finding { severity, at, column: 1, bytes: 0, message, other: None }
    }
}
