//! `ktrail rules`.

use super::arguments::{Rules, RulesCommand};
use super::exit;
use crate::netlink::control::Control;
use crate::rules::Rule;

pub(super) fn rules(arguments: &Rules) -> anyhow::Result<u8> {
    match arguments.command {
        RulesCommand::List => list(),
    }
}

fn list() -> anyhow::Result<u8> {
    let rules = Control::open()?.list_rules()?;
    if rules.is_empty() {
        println!("No rules");
    }
    let mut status = exit::FOUND;
    for rule in &rules {
        match Rule::from_kernel(rule) {
            Ok(rule) => println!("{rule}"),
            Err(error) => {
                eprintln!("ktrail: a rule of the kernel cannot be shown: {error}");
                status = exit::ERROR;
            }
        }
    }
    Ok(status)
}
