//! Which script an interpreter was started with.

use super::context::Bytes;

/// How an interpreter's arguments are read up to its script.
struct Interpreter {
    /// The beginnings of its name; what may follow is a version.
    names: &'static [&'static str],
    /// Letters after one hyphen that give a program in place of a file, or ask for something else.
    no_file: &'static [u8],
    /// Options whose value is the next argument.
    valued: &'static [&'static str],
    /// Whole options after which there is no file.
    no_file_words: &'static [&'static str],
}

/// The interpreters whose arguments are understood: their manual pages.
const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash"],
        no_file: b"cs",
        valued: &["-o", "+o", "-O", "+O", "--rcfile", "--init-file"],
        no_file_words: &["--version", "--help"],
    },
    Interpreter {
        names: &["python", "pypy"],
        no_file: b"cmVh",
        valued: &["-W", "-X", "--check-hash-based-pycs"],
        no_file_words: &["--version", "--help"],
    },
    Interpreter { names: &["perl"], no_file: b"eEvV", valued: &["-I"], no_file_words: &[] },
    Interpreter {
        names: &["ruby"],
        no_file: b"ev",
        valued: &["-I", "-r", "-C", "-E"],
        no_file_words: &["--version", "--help"],
    },
    Interpreter {
        names: &["node", "nodejs"],
        no_file: b"epivh",
        valued: &["-r", "--require", "--import", "--loader", "-C", "--conditions"],
        no_file_words: &["--eval", "--print", "--interactive", "--version", "--help"],
    },
    Interpreter {
        names: &["php"],
        no_file: b"rBREmiv",
        valued: &["-c", "-d", "-z", "-f"],
        no_file_words: &["--version", "--help", "--run"],
    },
    Interpreter { names: &["lua", "luajit"], no_file: b"v", valued: &["-e", "-l"], no_file_words: &[] },
    Interpreter {
        names: &["tclsh", "wish", "expect"],
        no_file: b"c",
        valued: &["-encoding", "-f"],
        no_file_words: &[],
    },
];

impl Interpreter {
    /// The one that is the executable `exe`.
    fn of(exe: &[u8]) -> Option<&'static Interpreter> {
        let name = exe.rsplit(|&byte| byte == b'/').next()?;
        // `python3.11`, `perl5.36-x86_64-linux-gnu`, `lua5.4`.
        let is_version = |rest: &[u8]| rest.first().is_none_or(u8::is_ascii_digit);
        INTERPRETERS.iter().find(|interpreter| {
            interpreter.names.iter().any(|known| name.strip_prefix(known.as_bytes()).is_some_and(is_version))
        })
    }

    /// The first argument that is no option and no option's value.
    fn script<'a>(&self, argv: &'a [Bytes]) -> Option<&'a [u8]> {
        let mut arguments = argv.iter().skip(1).map(|argument| &**argument);
        while let Some(argument) = arguments.next() {
            let is = |word: &&str| word.as_bytes() == argument;
            match argument {
                b"" | b"-" => return None,
                b"--" => return arguments.next().filter(|file| !file.is_empty()),
                [b'-', b'-', ..] if self.no_file_words.iter().any(&is) => return None,
                _ if self.valued.iter().any(is) => {
                    let value = arguments.next();
                    // PHP's -f names the script itself.
                    if argument == b"-f" {
                        return value;
                    }
                }
                [b'-', b'-', ..] => {}
                // Letters may be joined: `-lc`, `-ne`.
                [b'-', letters @ ..] if letters.iter().any(|letter| self.no_file.contains(letter)) => {
                    return None;
                }
                [b'-' | b'+', _, ..] => {}
                _ => return Some(argument),
            }
        }
        None
    }
}

/// The script that the executable `exe` was started to interpret with these arguments. `executed` is the path that was
/// given to execve, where an event tells it, and `directory` where relative paths begin.
///
/// A file with a `#!` line is executed by its own path, and the kernel then puts that path among its interpreter's
/// arguments, after the interpreter and at most one option. So whatever the interpreter is, this is told by the event.
/// Otherwise the arguments of a known interpreter tell.
pub(super) fn script(
    exe: &[u8],
    argv: &[Bytes],
    executed: Option<&[u8]>,
    directory: Option<&[u8]>,
) -> Option<Bytes> {
    let by_line = executed
        .filter(|path| *path != exe && argv.iter().skip(1).take(2).any(|argument| &**argument == *path));
    let path = by_line.or_else(|| Interpreter::of(exe)?.script(argv))?;
    match (path, directory) {
        ([b'/', ..], _) | (_, None) => Some(path.into()),
        (path, Some(directory)) => Some(joined(directory, path).into()),
    }
}

/// A relative path from its directory on, with `.` and `..` resolved by their letters alone.
fn joined(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(directory.len() + 1 + path.len());
    for part in [directory, path].iter().flat_map(|path| path.split(|&byte| byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => whole.truncate(memchr::memrchr(b'/', &whole).unwrap_or(0)),
            part => {
                whole.push(b'/');
                whole.extend_from_slice(part);
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_by_the_event_or_by_the_arguments() {
        let cases: &[(&str, &str, Option<&str>, Option<&str>)] = &[
            // A `#!` line: the kernel has put the path that was executed among the arguments.
            ("/usr/bin/bash", "/bin/bash ./run.sh x", Some("./run.sh"), Some("/opt/run.sh")),
            ("/usr/bin/env", "/usr/bin/env python3 /usr/bin/x", Some("/usr/bin/x"), Some("/usr/bin/x")),
            ("/opt/own", "own -flag ../tool", Some("../tool"), Some("/tool")),
            ("/usr/bin/busybox", "sh /x", Some("/x"), Some("/x")),
            // Not one: the program itself was executed.
            ("/usr/bin/cat", "cat /usr/bin/cat", Some("/usr/bin/cat"), None),
            ("/usr/bin/cat", "cat a b", Some("/usr/bin/cat"), None),
            ("/usr/bin/bash", "bash /usr/bin/bash", Some("/usr/bin/bash"), Some("/usr/bin/bash")),
            // The arguments of an interpreter.
            ("/usr/bin/bash", "bash run.sh x", Some("/usr/bin/bash"), Some("/opt/run.sh")),
            ("/usr/bin/bash", "-bash", None, None),
            ("/usr/bin/bash", "bash -c run.sh", None, None),
            ("/usr/bin/bash", "bash -lc run.sh", None, None),
            ("/usr/bin/bash", "bash -s x", None, None),
            ("/usr/bin/bash", "bash -x -o pipefail /r", None, Some("/r")),
            ("/usr/bin/bash", "bash +x --norc -- -r", None, Some("/opt/-r")),
            ("/usr/bin/dash", "sh -e /etc/init.d/x start", None, Some("/etc/init.d/x")),
            ("/usr/bin/python3.11", "python3 -u -W ignore /a.py", None, Some("/a.py")),
            ("/usr/bin/python3.11", "python3 -m http.server", None, None),
            ("/usr/bin/python3.11", "python3 -Im http.server", None, None),
            ("/usr/bin/python3.11", "python3 -", None, None),
            ("/usr/bin/python3.11", "python3", None, None),
            ("/usr/bin/perl", "perl -w -I lib a.pl", None, Some("/opt/a.pl")),
            ("/usr/bin/perl", "perl -lane print", None, None),
            ("/usr/bin/node", "node --require x.js a.js", None, Some("/opt/a.js")),
            ("/usr/bin/node", "node --eval 1", None, None),
            ("/usr/bin/php8.2", "php -d a=b -f /x.php", None, Some("/x.php")),
            ("/usr/bin/lua5.4", "lua -e x=1 /x.lua", None, Some("/x.lua")),
            ("/usr/bin/shutdown", "shutdown now", None, None),
            ("/usr/bin/perlbug", "perlbug x", None, None),
            ("", "", None, None),
        ];
        for (exe, argv, executed, expected) in cases {
            let argv: Vec<Bytes> = argv.split(' ').map(|word| Bytes::from(word.as_bytes())).collect();
            let found = script(exe.as_bytes(), &argv, executed.map(str::as_bytes), Some(b"/opt"));
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{exe} {argv:?}");
        }
        let argv = [Bytes::from(*b"sh"), Bytes::from(*b"a/b")];
        assert_eq!(script(b"/bin/sh", &argv, None, None).as_deref(), Some(&b"a/b"[..]));
    }
}
