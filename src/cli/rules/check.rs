//! `ktrail rules check`: everything that is wrong or odd in files of rules, at once.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde_json::json;

use super::hits::Hits;
use super::report;
use crate::cli::arguments::{Place, RulesCheck};
use crate::cli::exit;
use crate::ruleset::files::Source;
use crate::ruleset::set::{RuleSet, Severity};

pub(super) fn check(place: &Place, mut sources: Vec<Source>, wanted: &RulesCheck) -> anyhow::Result<u8> {
    let mut set = RuleSet::of(&mut sources);
    set.lint();
    if wanted.hits {
        let mut hits = Hits::open(place, wanted.since.as_deref())?;
        set.lint_volume(hits.span(), &mut |key| hits.rate(key))?;
    }
    let warnings = set.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let errors = set.findings.len() - warnings;
    let out = io::stdout().lock();
    let terminal = out.is_terminal();
    let mut out = BufWriter::new(out);
    if wanted.json {
        let findings: Vec<_> = set.findings.iter().map(|finding| report::json(finding, &sources)).collect();
        let told = json!({
            "files": sources.len(),
            "rules": set.rules.len(),
            "errors": errors,
            "warnings": warnings,
            "findings": findings,
        });
        writeln!(out, "{told}")?;
    } else {
        report::write(&set.findings, &sources, terminal, &mut out)?;
        let count =
            |number: usize, name: &str| format!("{number} {name}{}", if number == 1 { "" } else { "s" });
        let (rules, files) = (count(set.rules.len(), "rule"), count(sources.len(), "file"));
        writeln!(out, "{rules} in {files}: {}, {}", count(errors, "error"), count(warnings, "warning"))?;
    }
    out.flush()?;
    Ok(if errors > 0 { exit::ERROR } else { exit::FOUND })
}
