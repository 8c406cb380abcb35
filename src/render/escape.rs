//! Bytes from the log made fit to be shown: what could steer a terminal is written as its number.

use std::io::Write as _;

/// Appends the bytes: as they are, or for a terminal with everything escaped that is not UTF-8, steers the terminal or
/// turns the direction of writing.
///
/// A line break is escaped always. Whoever reads lines would otherwise take what follows it for a line of ktrail's, and
/// any process can put one into its name.
pub fn show(bytes: &[u8], terminal: bool, out: &mut Vec<u8>) {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.extend_from_slice(bytes);
    }
    if !terminal {
        for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if place > 0 {
                out.extend_from_slice(b"\\u{a}");
            }
            out.extend_from_slice(line);
        }
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Writing to memory cannot fail.
            let _ = match character.is_control() || turns(character) {
                true => write!(out, "\\u{{{:x}}}", u32::from(character)),
                false => write!(out, "{character}"),
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// Whether the character changes how others are laid out without being seen itself.
fn turns(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], terminal: bool) -> Vec<u8> {
        let mut out = Vec::new();
        show(bytes, terminal, &mut out);
        out
    }

    #[test]
    fn what_could_steer_a_terminal_is_shown_by_its_number() {
        let cases: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain text", "plain text"),
            ("Käse".as_bytes(), "Käse"),
            (b"\x1b[31mred\n", "\\u{1b}[31mred\\u{a}"),
            (b"a\xffb", "a\\xffb"),
            ("x\u{202e}y".as_bytes(), "x\\u{202e}y"),
            ("\u{9b}".as_bytes(), "\\u{9b}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(shown(bytes, true), expected.as_bytes(), "{expected}");
        }
    }

    #[test]
    fn a_pipe_gets_all_bytes_but_line_breaks_as_they_are() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"\x1b[31m\xff\0", b"\x1b[31m\xff\0"),
            ("x\u{202e}y".as_bytes(), "x\u{202e}y".as_bytes()),
            (b"a\nb\n", b"a\\u{a}b\\u{a}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(shown(bytes, false), *expected);
        }
    }
}
