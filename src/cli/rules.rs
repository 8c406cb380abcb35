//! `ktrail rules`.

use std::io::{self, IsTerminal, Write};

use super::arguments::{Rules, RulesCommand};
use super::exit;
use crate::netlink::control::Control;
use crate::render::escape::shown;
use crate::rules::Rule;
use crate::rules::display::Form;

pub(super) fn rules(arguments: &Rules) -> anyhow::Result<u8> {
    match arguments.command {
        RulesCommand::List => list(),
    }
}

fn list() -> anyhow::Result<u8> {
    let rules = Control::open()?.list_rules()?;
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    if rules.is_empty() {
        writeln!(out, "No rules")?;
    }
    let mut status = exit::FOUND;
    for rule in &rules {
        match Rule::from_kernel(rule) {
            Ok(rule) if terminal => writeln!(out, "{}", shown(&rule.to_text(Form::Listed), terminal))?,
            Ok(rule) => {
                out.write_all(&rule.to_text(Form::Listed))?;
                writeln!(out)?;
            }
            Err(error) => {
                eprintln!("ktrail: a rule of the kernel cannot be shown: {error}");
                status = exit::ERROR;
            }
        }
    }
    Ok(status)
}
