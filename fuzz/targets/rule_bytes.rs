//! A rule in the kernel's form: what is accepted is given back byte for byte, and can be shown.
//!
//! Fewer bytes than the form has are a shorter one: list and flags, action, a byte for every eight system calls, the
//! number of conditions, for each its field, an operator's number and the value; then the strings.
#![no_main]

use ktrail::rules::display::Form;
use ktrail::rules::kernel::HEAD_BYTES;
use ktrail::rules::lint::lint;
use ktrail::rules::parse::{Line, line};
use ktrail::rules::{FIELDS_MAX, Operator, Rule};
use ktrail_fuzz::rules::{FuzzHost, check_any, check_plan};
use libfuzzer_sys::fuzz_target;

const WORD: usize = 4;
const MASK_WORDS: usize = 64;
/// Where the arrays of fields, values and operators begin.
const ARRAYS_AT: usize = WORD * (3 + MASK_WORDS);

fuzz_target!(|input: &[u8]| {
    let bytes = if input.len() < HEAD_BYTES { lengthened(input) } else { input.to_vec() };
    let Ok(rule) = Rule::from_kernel(&bytes) else { return };
    assert_eq!(rule.to_kernel(), canonical(&bytes), "what is accepted is given back");
    check_any(&rule);
    let text = rule.to_text(Form::Exact);
    if let Ok((Line::Add(read), _)) = line(&text, &FuzzHost) {
        let again = read.to_text(Form::Exact);
        let shown = text.escape_ascii().to_string();
        assert!(read.conditions().len() <= FIELDS_MAX, "{shown}");
        let third = line(&again, &FuzzHost).map(|(line, _)| line);
        assert_eq!(third, Ok(Line::Add(read.clone())), "{shown}: a text that was read is stable");
    }
    lint(&[rule.clone(), rule.clone()]);
    let appended: Vec<Rule> = [rule].into_iter().filter(|rule| !rule.prepends()).collect();
    check_plan(&appended, &[]);
    check_plan(&[], &appended);
});

/// The bytes without what the kernel does not look at: behind the last condition, and behind the strings.
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + WORD].try_into().expect("a word")) as usize;
    let (count, strings) = (word(2 * WORD), word(HEAD_BYTES - WORD));
    let mut bytes = bytes[..HEAD_BYTES + strings].to_vec();
    for array in 0..3 {
        let start = ARRAYS_AT + array * FIELDS_MAX * WORD;
        bytes[start + count * WORD..start + FIELDS_MAX * WORD].fill(0);
    }
    bytes
}

fn lengthened(mut input: &[u8]) -> Vec<u8> {
    let mut next = || match input {
        [first, rest @ ..] => {
            input = rest;
            *first
        }
        [] => 0,
    };
    let mut words = vec![0_u32; HEAD_BYTES / WORD];
    words[0] = u32::from(next());
    words[1] = u32::from(next());
    let calls = next();
    words[3..3 + MASK_WORDS].iter_mut().enumerate().for_each(|(word, mask)| {
        *mask = if calls == 0xff {
            u32::MAX
        } else if word < 8 {
            u32::from(calls >> word) & 1
        } else {
            0
        };
    });
    let count = usize::from(next()).min(FIELDS_MAX + 1);
    words[2] = count as u32;
    for condition in 0..count.min(FIELDS_MAX) {
        let start = ARRAYS_AT / WORD + condition;
        words[start] = u32::from(next());
        let operator = next();
        words[start + 2 * FIELDS_MAX] =
            Operator::ALL.get(usize::from(operator)).map_or(u32::from(operator) << 24, |entry| entry.1);
        words[start + FIELDS_MAX] = u32::from(next()) | u32::from(next()) << 8;
    }
    let last = words.len() - 1;
    words[last] = input.len() as u32;
    words.into_iter().flat_map(u32::to_ne_bytes).chain(input.iter().copied()).collect()
}
