//! Bytes from the log made fit to be shown: what could steer a terminal is written as its number.

use std::fmt::Write as _;

/// The bytes as text. Control characters are escaped always, since they would break lines; on a terminal also what is
/// not UTF-8 and what turns the direction of writing.
pub fn shown(bytes: &[u8], terminal: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                character if character.is_control() || (terminal && turns(character)) => {
                    let _ = write!(text, "\\u{{{:x}}}", u32::from(character));
                }
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether the character changes how others are laid out without being seen itself.
fn turns(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_shown_by_its_number() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain text", "plain text"),
            ("Käse".as_bytes(), "Käse"),
            (b"\x1b[31mred\n", "\\u{1b}[31mred\\u{a}"),
            (b"a\xffb", "a\\xffb"),
            ("x\u{202e}y".as_bytes(), "x\\u{202e}y"),
            ("\u{9b}".as_bytes(), "\\u{9b}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(shown(bytes, true), *expected);
        }
        assert_eq!(shown("x\u{202e}y".as_bytes(), false), "x\u{202e}y");
    }
}
