//! `ktrail rules`.

use std::io::{self, IsTerminal, Write};

use super::arguments::{Rules, RulesCommand};
use super::exit;
use crate::netlink::control::Control;
use crate::render::escape;
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
