//! What of an entry only some readers may see: what was typed at terminals, and programs' environments.
//!
//! The stored form is written again without it, and says so in its place. Nothing sensitive is a term of the index, so
//! a filter tells nothing of it.

use memchr::memmem;
use serde_json::{Map, Value};

use crate::record::RecordType;

/// What stands in the place of what is not shown.
pub const MASK: &str = "[masked]";

/// The types whose `data` is what was typed, by their names and their numbers.
const TYPED: [(&str, RecordType); 2] = [("TTY", RecordType(1319)), ("USER_TTY", RecordType(1124))];
/// The type of a line that is no record.
const NO_RECORD: &str = "UNKNOWN[0]";

/// The entry without what is sensitive; `None` where nothing is. A line that cannot be read as an entry has nothing of
/// it shown.
pub fn masked(line: &[u8]) -> Option<Vec<u8>> {
    // The words are always written so, and only one entry in thousands has them.
    let may_be = [&b"TTY\""[..], b"\"environment\"", b"\"UNKNOWN["];
    if !may_be.iter().any(|word| memmem::find(line, word).is_some()) {
        return None;
    }
    let Ok(mut entry) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return Some(format!("{{\"masked\":\"{MASK}\"}}").into_bytes());
    };
    let mut found = false;
    if let Some(Value::Array(records)) = entry.get_mut("records") {
        for record in records.iter_mut().filter_map(Value::as_object_mut) {
            found |= mask_record(record);
        }
    }
    let environment = entry.get_mut("context").and_then(|context| context.get_mut("environment"));
    if let Some(Value::Object(environment)) = environment {
        found |= !environment.is_empty();
        environment.values_mut().for_each(|value| *value = MASK.into());
    }
    found.then(|| serde_json::to_vec(&entry).unwrap_or_default())
}

/// Masks what was typed; whether there was something.
fn mask_record(record: &mut Map<String, Value>) -> bool {
    let Some(kind) = record.get("type").and_then(Value::as_str) else { return false };
    let typed = TYPED.iter().any(|(name, number)| {
        kind == *name || kind.strip_prefix("UNKNOWN[").is_some_and(|rest| rest == format!("{}]", number.0))
    });
    let broken = kind == NO_RECORD
        && record.get("raw").is_some_and(|raw| raw.as_str().is_none_or(|text| text.contains("TTY")));
    if !typed && !broken {
        return false;
    }
    let mut found = false;
    // A record whose members do not give its text back has the text too, and what was typed may be anywhere in it.
    for name in ["raw", "data", "msg"] {
        if let Some(value) = record.get_mut(name) {
            *value = MASK.into();
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_and_environments_are_masked_and_nothing_else() {
        let typed = r#"{"type":"TTY","pid":7,"comm":"sh","data":"secret\r"}"#;
        for (records, context, expected) in [
            (typed, "", Some(r#"{"type":"TTY","pid":7,"comm":"sh","data":"[masked]"}"#)),
            (
                r#"{"type":"USER_TTY","data":{"hex":"FF00"}}"#,
                "",
                Some(r#"{"type":"USER_TTY","data":"[masked]"}"#),
            ),
            (
                r#"{"type":"UNKNOWN[1319]","data":"secret"}"#,
                "",
                Some(r#"{"type":"UNKNOWN[1319]","data":"[masked]"}"#),
            ),
            (
                r#"{"type":"TTY","raw":"a data=secret data=secret","data":"secret"}"#,
                "",
                Some(r#"{"type":"TTY","raw":"[masked]","data":"[masked]"}"#),
            ),
            (
                r#"{"type":"UNKNOWN[0]","raw":"type=TTY msg= data=secret"}"#,
                "",
                Some(r#"{"type":"UNKNOWN[0]","raw":"[masked]"}"#),
            ),
            (
                r#"{"type":"SYSCALL","pid":1}"#,
                r#"{"unit":"x","environment":{"A":"secret","B":{"hex":"FF"}}}"#,
                Some(
                    r#"{"type":"SYSCALL","pid":1}],"context":{"unit":"x","environment":{"A":"[masked]","B":"[masked]"}}"#,
                ),
            ),
            (
                r#"{"type":"UNKNOWN[0]","raw":{"hex":"FF545459"}}"#,
                "",
                Some(r#"{"type":"UNKNOWN[0]","raw":"[masked]"}"#),
            ),
            (r#"{"type":"SYSCALL","pid":1,"data":"kept"}"#, "", None),
            (r#"{"type":"UNKNOWN[0]","raw":"data=kept"}"#, "", None),
            (r#"{"type":"PATH","name":"TTY\",environment"}"#, "", None),
            (r#"{"type":"TTY","pid":7}"#, "", None),
        ] {
            let context_member =
                if context.is_empty() { String::new() } else { format!(",\"context\":{context}") };
            let line = format!("{{\"v\":1,\"serial\":7,\"records\":[{records}]{context_member}}}");
            let found = masked(line.as_bytes()).map(|found| String::from_utf8(found).unwrap());
            let end = if context.is_empty() { "]}" } else { "}" };
            let expected =
                expected.map(|records| format!("{{\"v\":1,\"serial\":7,\"records\":[{records}{end}"));
            assert_eq!(found, expected, "{line}");
            assert!(found.is_none_or(|found| !found.contains("secret")), "{line}");
        }
    }

    #[test]
    fn of_what_is_no_entry_nothing_is_shown() {
        let found = masked(b"{\"type\":\"TTY\",\"data\":\"secret").unwrap();
        assert_eq!(found, b"{\"masked\":\"[masked]\"}");
    }
}
