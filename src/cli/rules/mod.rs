//! `ktrail rules`.

mod check;
mod report;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::arguments::{Rules, RulesCommand, RulesFiles};
use super::exit;
use crate::config::{Config, Overrides};
use crate::netlink::control::Control;
use crate::render::escape;
use crate::rules::Rule;
use crate::rules::display::Form;
use crate::ruleset::files::{self, Source};
use crate::ruleset::host::ThisHost;

pub(super) fn rules(arguments: &Rules) -> anyhow::Result<u8> {
    let config = arguments.config.as_ref();
    match &arguments.command {
        RulesCommand::List => list(),
        RulesCommand::Check(wanted) => check::check(sources(config, &wanted.files)?, wanted.json),
    }
}

/// The files named, or those of the configured directories.
fn sources(config: Option<&PathBuf>, wanted: &RulesFiles) -> anyhow::Result<Vec<Source>> {
    let paths = match wanted.files.as_slice() {
        [] => {
            let overrides = Overrides { file: config.cloned(), ..Overrides::default() };
            files::in_dirs(&Config::load(&overrides)?.rules_dirs)?
        }
        named => named.to_vec(),
    };
    Ok(files::read_all(&paths, &ThisHost::default())?)
}

fn list() -> anyhow::Result<u8> {
    let rules = Control::open()?.list_rules()?;
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    if rules.is_empty() {
        writeln!(out, "No rules")?;
    }
    let mut status = exit::FOUND;
    let mut text = Vec::new();
    for rule in &rules {
        match Rule::from_kernel(rule) {
            Ok(rule) => {
                text.clear();
                escape::show(&rule.to_text(Form::Listed), terminal, &mut text);
                text.push(b'\n');
                out.write_all(&text)?;
            }
            Err(error) => {
                eprintln!("ktrail: a rule of the kernel cannot be shown: {error}");
                status = exit::ERROR;
            }
        }
    }
    Ok(status)
}
