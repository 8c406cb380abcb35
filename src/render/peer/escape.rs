//! Text made safe for what reads it.

/// How much is escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// Nothing.
    Raw,
    /// Control characters, by three octal digits.
    #[default]
    Tty,
    /// Also what a shell takes for its own outside of patterns.
    Shell,
    /// Also patterns, redirections and separators.
    ShellQuote,
}

impl Escape {
    /// The way of that name.
    pub fn from_name(name: &str) -> Option<Escape> {
        Some(match name {
            "raw" => Escape::Raw,
            "tty" => Escape::Tty,
            "shell" => Escape::Shell,
            "shell_quote" => Escape::ShellQuote,
            _ => return None,
        })
    }

    /// Adds text.
    pub fn write(self, text: &[u8], out: &mut Vec<u8>) {
        let special: &[u8] = match self {
            Escape::Raw => return out.extend_from_slice(text),
            Escape::Tty => b"",
            Escape::Shell => b" !\"$'()\\`|",
            Escape::ShellQuote => b" !\"#$&'()*;<>?[\\]`{|}",
        };
        if special.is_empty() && text.iter().fold(true, |all, byte| all & (*byte >= 0x20)) {
            return out.extend_from_slice(text);
        }
        for byte in text {
            match byte {
                0..0x20 => out.extend_from_slice(&[
                    b'\\',
                    b'0' + (byte >> 6),
                    b'0' + ((byte >> 3) & 7),
                    b'0' + (byte & 7),
                ]),
                byte if special.contains(byte) => out.extend_from_slice(&[b'\\', *byte]),
                byte => out.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_escapes_more_than_the_one_before() {
        let text = b"a\x01 b\n$(x);*\xff";
        let cases: &[(&str, &[u8])] = &[
            ("raw", b"a\x01 b\n$(x);*\xff"),
            ("tty", b"a\\001 b\\012$(x);*\xff"),
            ("shell", b"a\\001\\ b\\012\\$\\(x\\);*\xff"),
            ("shell_quote", b"a\\001\\ b\\012\\$\\(x\\)\\;\\*\xff"),
        ];
        for (name, expected) in cases {
            let mut out = Vec::new();
            Escape::from_name(name).expect("a way").write(text, &mut out);
            assert_eq!(out, *expected, "{name}");
        }
    }
}
