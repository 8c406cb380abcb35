//! The kernel's rules made those that are wanted, by a [`Plan`].

use super::error::{LoadError, Refusal};
use crate::netlink::control::Control;
use crate::netlink::error::Error;
use crate::rules::Rule;
use crate::rules::plan::{Plan, Step, plan};

/// Something that has the rules: the kernel.
pub trait RuleTable {
    /// Its rules, in its order.
    fn list(&mut self) -> Result<Vec<Vec<u8>>, Error>;
    /// Adds a rule.
    fn add(&mut self, rule: &[u8]) -> Result<(), Error>;
    /// Deletes the first rule that is the same.
    fn delete(&mut self, rule: &[u8]) -> Result<(), Error>;
}

impl RuleTable for Control {
    fn list(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        self.list_rules()
    }

    fn add(&mut self, rule: &[u8]) -> Result<(), Error> {
        self.add_rule(rule)
    }

    fn delete(&mut self, rule: &[u8]) -> Result<(), Error> {
        self.delete_rule(rule)
    }
}

/// The rules that are there.
pub fn installed(table: &mut impl RuleTable) -> Result<Vec<Rule>, LoadError> {
    let listed = table.list().map_err(LoadError::List)?;
    listed.iter().map(|bytes| Rule::from_kernel(bytes)).collect::<Result<_, _>>().map_err(LoadError::Unknown)
}

/// Carries out a plan. When the kernel refuses a step, puts back the rules `before`, with which the plan began; with
/// `lenient`, a new rule that is refused is left out, and these are given.
pub fn carry_out(
    table: &mut impl RuleTable,
    plan: &Plan,
    before: &[Rule],
    lenient: bool,
) -> Result<Vec<Refusal>, LoadError> {
    let mut left_out: Vec<Refusal> = Vec::new();
    for step in &plan.steps {
        match take(table, step) {
            Ok(()) => {}
            Err(refusal) if lenient && matches!(step, Step::Add(_)) => left_out.push(refusal),
            Err(refusal) => {
                return Err(match put_back(table, before) {
                    Ok(()) => LoadError::Undone(refusal),
                    Err(back) => LoadError::Stuck { refusal, back: Box::new(back) },
                });
            }
        }
    }
    Ok(left_out)
}

fn take(table: &mut impl RuleTable, step: &Step) -> Result<(), Refusal> {
    let (rule, taken) = match step {
        Step::Add(rule) | Step::Again(rule) => (rule, table.add(&rule.to_kernel())),
        Step::Delete(rule) => (rule, table.delete(&rule.to_kernel())),
    };
    match taken {
        // Somebody else was faster, or the kernel has dropped the rule with the directory it was for.
        Ok(()) | Err(Error::RuleExists | Error::NotFound(crate::netlink::error::Request::DeleteRule)) => {
            Ok(())
        }
        Err(source) => Err(Refusal { rule: Box::new(rule.clone()), source }),
    }
}

/// Makes the rules what they were.
fn put_back(table: &mut impl RuleTable, before: &[Rule]) -> Result<(), LoadError> {
    let now = installed(table)?;
    for step in &plan(&now, before).steps {
        take(table, step).map_err(LoadError::Undone)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::error::Request;
    use crate::rules::host::NoHost;
    use crate::rules::parse::{Line, line};

    /// Rules for users by letter: `a` is for user 97, and `*` is one for all users that records, so that its order to
    /// the others matters.
    fn rules(letters: &str) -> Vec<Rule> {
        let text = |letter: char| match letter {
            '*' => "-a always,exit -S all -F pid!=1 -k all".to_owned(),
            letter => format!("-a never,exit -S all -F uid={}", u32::from(letter)),
        };
        letters
            .chars()
            .map(|letter| match line(text(letter).as_bytes(), &NoHost) {
                Ok((Line::Add(rule), _)) => rule,
                other => panic!("{letter}: {other:?}"),
            })
            .collect()
    }

    fn letter(rule: &Rule) -> char {
        let text = rule.to_string();
        let uid = text.split("uid=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        uid.and_then(char::from_u32).unwrap_or('*')
    }

    /// Rules in memory; one request is refused.
    struct Memory {
        rules: Vec<Rule>,
        requests: usize,
        refused: Option<usize>,
        bad: Option<char>,
    }

    impl Memory {
        fn with(letters: &str) -> Memory {
            Memory { rules: rules(letters), requests: 0, refused: None, bad: None }
        }

        fn letters(&self) -> String {
            self.rules.iter().map(letter).collect()
        }

        fn request(&mut self, request: Request) -> Result<(), Error> {
            self.requests += 1;
            if self.refused == Some(self.requests) { Err(Error::Invalid(request)) } else { Ok(()) }
        }
    }

    impl RuleTable for Memory {
        fn list(&mut self) -> Result<Vec<Vec<u8>>, Error> {
            Ok(self.rules.iter().map(|rule| without_flag(rule.to_kernel())).collect())
        }

        fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
            self.request(Request::AddRule)?;
            let rule = Rule::from_kernel(bytes).expect("a rule");
            if Some(letter(&rule)) == self.bad {
                return Err(Error::NotFound(Request::AddRule));
            }
            let has = self.rules.iter().any(|known| known.same_as(&rule));
            match rule.prepends() {
                true => self.rules.insert(0, rule),
                false if has => return Err(Error::RuleExists),
                false => self.rules.push(rule),
            }
            Ok(())
        }

        fn delete(&mut self, bytes: &[u8]) -> Result<(), Error> {
            self.request(Request::DeleteRule)?;
            let rule = Rule::from_kernel(bytes).expect("a rule");
            let first = self.rules.iter().position(|known| known.same_as(&rule));
            first.map(|first| drop(self.rules.remove(first))).ok_or(Error::NotFound(Request::DeleteRule))
        }
    }

    fn without_flag(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[0] &= !0x10;
        bytes
    }

    fn load(memory: &mut Memory, wanted: &str, lenient: bool) -> Result<Vec<Refusal>, LoadError> {
        let before = installed(memory).expect("rules that can be read");
        let plan = plan(&before, &rules(wanted));
        carry_out(memory, &plan, &before, lenient)
    }

    #[test]
    fn whichever_request_is_refused_all_is_as_it_was() {
        for (before, wanted) in
            [("ab", "bc"), ("a*b", "b*a"), ("a*bcd", "xd*cb"), ("abc*", "*abc"), ("*a", "b*c"), ("", "abc")]
        {
            let mut whole = Memory::with(before);
            load(&mut whole, wanted, false).expect("nothing is refused");
            // Order between rules that do the same does not matter, that to the one for all does.
            let around = |letters: &str| {
                let sorted = |part: &str| {
                    let mut part: Vec<char> = part.chars().collect();
                    part.sort_unstable();
                    part.into_iter().collect::<String>()
                };
                letters.split('*').map(sorted).collect::<Vec<_>>()
            };
            assert_eq!(around(&whole.letters()), around(wanted), "{before} to {wanted}");
            for refused in 1..=whole.requests {
                let mut memory = Memory { refused: Some(refused), ..Memory::with(before) };
                let error = load(&mut memory, wanted, false).expect_err("a request is refused");
                assert!(matches!(error, LoadError::Undone(_)), "{before} to {wanted}, {refused}: {error}");
                assert_eq!(around(&memory.letters()), around(before), "{before} to {wanted}, {refused}");
            }
        }
    }

    #[test]
    fn a_new_rule_that_is_refused_is_left_out_where_that_is_wanted() {
        let mut memory = Memory { bad: Some('x'), ..Memory::with("ab") };
        let left_out = load(&mut memory, "bxc", true).expect("it is left out");
        assert_eq!((memory.letters().as_str(), left_out.len()), ("bc", 1));
        assert!(
            left_out[0].to_string().contains("the directory of its path does not exist"),
            "{}",
            left_out[0]
        );
        let mut memory = Memory { bad: Some('x'), ..Memory::with("ab") };
        assert!(load(&mut memory, "bxc", false).is_err());
        assert_eq!(memory.letters(), "ab");
    }
}
