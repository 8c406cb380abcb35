//! Which secrets go, and that nothing else does.

use super::*;
use crate::record::fields::{decode, encode, fields};
use crate::record::stamp::EventId;

fn redactor(config: &Config) -> Redactor {
    Redactor::new(config).expect("good rules")
}

/// Arguments, and what they become with the rules that are there by default.
#[test]
fn known_secrets_go_and_nothing_else() {
    for (line, expected) in [
        ("ls -l --color=auto", "ls -l --color=auto"),
        ("tool --password=s3cret -v", "tool --password=[redacted] -v"),
        ("tool --password s3cret -v", "tool --password [redacted] -v"),
        ("tool --password= -v", "tool --password= -v"),
        ("tool --password", "tool --password"),
        ("tool --passwords=3 --no-password x", "tool --passwords=3 --no-password x"),
        ("tool --token -dashed", "tool --token [redacted]"),
        ("/usr/bin/mysql -uroot -ps3cret db", "/usr/bin/mysql -uroot -p[redacted] db"),
        ("mysql -p db", "mysql -p db"),
        ("mkdir -p/x -p /y", "mkdir -p/x -p /y"),
        ("sudo -u x mysqldump -ps3cret", "sudo -u x mysqldump -p[redacted]"),
        ("sshpass -p s3cret ssh host", "sshpass -p [redacted] ssh host"),
        ("curl -u me:s3cret https://x/", "curl -u [redacted] https://x/"),
        ("curl --user=me:s3cret x", "curl --user=[redacted] x"),
        ("git clone https://me:s3cret@host/x.git", "git clone https://me:[redacted]@host/x.git"),
        ("x a://b:s3cret@c,d://e:s3cret@f g", "x a://b:[redacted]@c,d://e:[redacted]@f g"),
        ("x https://host:8080/a@b", "x https://host:8080/a@b"),
        ("env DB_PASSWORD=s3cret A=b prog", "env DB_PASSWORD=[redacted] A=b prog"),
        ("env PGPASSWORD=a=b psql", "env PGPASSWORD=[redacted] psql"),
        ("env PASSWORD_FILE=/x prog", "env PASSWORD_FILE=/x prog"),
        ("tool --password=[redacted]", "tool --password=[redacted]"),
        ("", ""),
    ] {
        let mut arguments: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let count = redactor(&Config::default()).arguments(&mut arguments);
        let found = String::from_utf8(arguments.join(&b' ')).unwrap();
        assert_eq!(found, expected, "{line}");
        assert_eq!(count > 0, expected != line, "{line}: {count}");
    }
}

#[test]
fn patterns_replace_their_group_or_all_that_they_match() {
    let with = |pattern: &str| Config { patterns: vec![pattern.to_owned()], ..Config::default() };
    for (pattern, argument, expected) in [
        (r"AKIA[0-9A-Z]{16}", &b"id=AKIA0123456789ABCDEF!"[..], &b"id=[redacted]!"[..]),
        (r"pin:(?P<secret>\d+)", b"pin:1234 pin:5", b"pin:[redacted] pin:[redacted]"),
        (r"(?-u:\xff)+", b"a\xff\xffb", b"a[redacted]b"),
        (r"x*", b"axxa", b"a[redacted]a"),
        (r".", b"\n", b"[redacted]"),
    ] {
        let mut arguments = vec![b"tool".to_vec(), argument.to_vec()];
        if pattern == "." {
            arguments.remove(0);
        }
        redactor(&with(pattern)).arguments(&mut arguments);
        assert_eq!(arguments.last().unwrap(), expected, "{pattern}");
    }
}

/// An event's records, and what they become; with how many secrets were replaced.
fn check(records: &[(RecordType, &str)], expected: &[&str], count: u32) {
    let mut event = Event::new(EventId { time_ms: 1, serial: 2 });
    records.iter().for_each(|(kind, body)| event.push(*kind, body.as_bytes()));
    redactor(&Config::default()).event(&mut event);
    let found: Vec<_> = event.records().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
    assert_eq!((found.as_slice(), event.redacted), (expected.map_owned().as_slice(), count), "{records:?}");
    let again = event.clone();
    redactor(&Config::default()).event(&mut event);
    assert!(again.records().eq(event.records()), "what is replaced stays so");
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for [&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

fn hex(text: &str) -> String {
    let mut out = Vec::new();
    encode(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn records_are_written_again_as_the_kernel_would() {
    use RecordType as T;
    let title = hex("mysql\0-ps3cret\0db");
    let titled = format!("proctitle={}", hex("mysql\0-p[redacted]\0db"));
    let long = format!("--password={}", "x".repeat(40));
    let (half, rest) = long.split_at(20);
    check(
        &[
            (T::SYSCALL, "arch=c000003e a0=70 a1=7370"),
            (T::EXECVE, r#"argc=3 a0="mysql" a1="-ps3cret" a2=6162"#),
            (T::PROCTITLE, &format!("proctitle={title}")),
        ],
        &["arch=c000003e a0=70 a1=7370", r#"argc=3 a0="mysql" a1="-p[redacted]" a2=6162"#, &titled],
        2,
    );
    check(
        &[
            (T::EXECVE, &format!(r#"argc=2 a0="tool" a1_len=51 a1[0]="{half}""#)),
            (T::EXECVE, &format!(r#" a1[1]="{rest}""#)),
        ],
        &[r#"argc=2 a0="tool" a1_len=21 a1[0]="--password=[redacted]""#, r#" a1[1]="""#],
        1,
    );
    check(
        &[(T::EXECVE, r#"argc=3 a0="tool" a1="--password""#), (T::EXECVE, r#" a2="s3cret""#)],
        &[r#"argc=3 a0="tool" a1="--password""#, r#" a2="[redacted]""#],
        1,
    );
    check(
        &[(T::EXECVE, r#"argc=9 a0="tool" a1="--password" a5="kept""#)],
        &[r#"argc=9 a0="tool" a1="--password" a5="kept""#],
        0,
    );
    check(
        &[(
            T::USER_CMD,
            &format!(r#"pid=1 msg='cwd="/" cmd={} terminal=x res=success'"#, hex("mysql -ps3cret x")),
        )],
        &[&format!(r#"pid=1 msg='cwd="/" cmd={} terminal=x res=success'"#, hex("mysql -p[redacted] x"))],
        1,
    );
    check(&[(T::PROCTITLE, r#"proctitle="mysql""#)], &[r#"proctitle="mysql""#], 0);
    check(&[(T::PROCTITLE, "proctitle=(null)")], &["proctitle=(null)"], 0);
    check(&[(T::SYSCALL, r#"comm="--password=x""#)], &[r#"comm="--password=x""#], 0);
}

#[test]
fn wrong_rules_are_refused_with_the_cause() {
    let base = Config::default;
    for (config, expected) in [
        (Config { options: vec!["password".into()], ..base() }, "\"password\" is not an option"),
        (Config { options: vec!["--".into()], ..base() }, "\"--\" is not an option"),
        (Config { assignments: vec!["A B".into()], ..base() }, "\"A B\" is not a name"),
        (Config { assignments: vec!["*".into()], ..base() }, "\"*\" is not a name"),
        (Config { patterns: vec!["(".into()], ..base() }, "the pattern \"(\": regex parse error"),
        (Config { patterns: vec!["(a{1000}){1000}".into()], ..base() }, "exceeds size limit"),
        (Config { patterns: vec!["a".into(); 65], ..base() }, "patterns has more than 64 items"),
        (Config { patterns: vec!["a".repeat(1025)], ..base() }, "is longer than 1024 bytes"),
        (Config { options: vec!["-x".into(); 257], ..base() }, "options has more than 256 items"),
    ] {
        let error = Redactor::new(&config).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

proptest::proptest! {
    /// Whatever the arguments and however they are split, no part of a secret is left, and the rest is what it was.
    #[test]
    fn a_secret_goes_however_it_is_split(
        before in proptest::collection::vec("[a-z]{0,8}", 1..4),
        at in 1usize..30,
    ) {
        let secret = "S3CRETs3cretS3CRETs3cret";
        let argument = format!("--password={secret}");
        let number = before.len();
        let (one, two) = argument.split_at(at);
        let mut first = format!("argc={}", number + 1);
        for (place, text) in before.iter().enumerate() {
            first.push_str(&format!(" a{place}={}", hex(text)));
        }
        first.push_str(&format!(" a{number}_len={} a{number}[0]={}", argument.len(), hex(one)));
        let second = format!(" a{number}[1]={}", hex(two));
        let mut event = Event::new(EventId::default());
        event.push(RecordType::EXECVE, first.as_bytes());
        event.push(RecordType::EXECVE, second.as_bytes());
        redactor(&Config::default()).event(&mut event);
        let values: Vec<Vec<u8>> = event
            .records()
            .flat_map(|(_, body)| fields(body).map(|field| decode(&field.value).unwrap().into_owned()).collect::<Vec<_>>())
            .collect();
        let joined = values.concat();
        for window in secret.as_bytes().windows(6) {
            proptest::prop_assert!(!joined.windows(6).any(|found| found == window));
        }
        for text in &before {
            proptest::prop_assert!(values.iter().any(|value| value == text.as_bytes()));
        }
        proptest::prop_assert_eq!(event.redacted, 1);
    }
}
