//! What was typed on a terminal (the `data=` of TTY records), key by key.

use std::io::Write as _;

/// What keys send that have no character, longest first among those that begin alike.
const KEYS: &[(&[u8], &str)] = &[
    (b"\x1b[15~", "F5"),
    (b"\x1b[17~", "F6"),
    (b"\x1b[18~", "F7"),
    (b"\x1b[19~", "F8"),
    (b"\x1b[20~", "F9"),
    (b"\x1b[21~", "F10"),
    (b"\x1b[23~", "F11"),
    (b"\x1b[24~", "F12"),
    (b"\x1b[1~", "home"),
    (b"\x1b[2~", "insert"),
    (b"\x1b[3~", "delete"),
    (b"\x1b[4~", "end"),
    (b"\x1b[5~", "page-up"),
    (b"\x1b[6~", "page-down"),
    (b"\x1b[A", "up"),
    (b"\x1b[B", "down"),
    (b"\x1b[C", "right"),
    (b"\x1b[D", "left"),
    (b"\x1b[E", "B2"),
    (b"\x1b[F", "end"),
    (b"\x1b[G", "B2"),
    (b"\x1b[H", "home"),
    (b"\x1b[Z", "back-tab"),
    (b"\x1bOA", "up"),
    (b"\x1bOB", "down"),
    (b"\x1bOC", "right"),
    (b"\x1bOD", "left"),
    (b"\x1bOF", "end"),
    (b"\x1bOH", "home"),
    (b"\x1bOP", "F1"),
    (b"\x1bOQ", "F2"),
    (b"\x1bOR", "F3"),
    (b"\x1bOS", "F4"),
    (b"\x1b", "esc"),
    (b"\x08", "backspace"),
    (b"\t", "tab"),
    (b"\n", "nl"),
    (b"\r", "ret"),
    (b"\x7f", "backspace"),
];

/// Keys by their names and text in quotes: `"ls -l",<ret>`. Bytes that are neither, by three octal digits.
pub fn words(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 8);
    let mut rest = data;
    let mut quoted = false;
    while let Some((byte, after)) = rest.split_first() {
        let key = KEYS.iter().find(|(sent, _)| rest.starts_with(sent));
        if key.is_none() && !matches!(byte, 1..=26) {
            if !quoted {
                out.extend_from_slice(if out.is_empty() { b"\"" } else { b",\"" });
                quoted = true;
            }
            character(*byte, &mut out);
            rest = after;
            continue;
        }
        if quoted {
            out.push(b'"');
            quoted = false;
        }
        if !out.is_empty() {
            out.push(b',');
        }
        match key {
            Some((sent, name)) => {
                // Writing to memory cannot fail.
                let _ = write!(out, "<{name}>");
                rest = rest.get(sent.len()..).unwrap_or_default();
            }
            None => {
                out.extend_from_slice(&[b'<', b'^', byte + b'@', b'>']);
                rest = after;
            }
        }
    }
    if quoted {
        out.push(b'"');
    }
    out
}

fn character(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b' '..=b'~' => out.push(byte),
        // Writing to memory cannot fail.
        _ => drop(write!(out, "\\{byte:03o}")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_told_by_their_names_and_text_in_quotes() {
        let cases: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"ls -l\r", "\"ls -l\",<ret>"),
            (b"\x1b[A\x03\x7f\r\n", "<up>,<^C>,<backspace>,<ret>,<nl>"),
            (b"\x1b[3~a\x1b", "<delete>,\"a\",<esc>"),
            (b"\x1b[1;5D", "<esc>,\"[1;5D\""),
            (b"a\0\"\\\x1f\xff", "\"a\\000\\\"\\\\\\037\\377\""),
        ];
        for (data, expected) in cases {
            assert_eq!(String::from_utf8_lossy(&super::words(data)), *expected);
        }
    }
}
