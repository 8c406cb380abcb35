//! The story of the README on the real kernel: the daemon watches, other programs act, the events are found.

mod support {
    pub(crate) mod daemon;
    pub(crate) mod kernel;
    pub(crate) mod openmetrics;
}

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use ktrail::sys::process::ticks_since_boot;
use serde_json::Value;
use support::daemon::{Daemon, PATIENCE, directory};
use support::kernel::KernelGuard;
use support::openmetrics;

fn shell(script: &str, dir: &Path) {
    let status = Command::new("sh").arg("-c").arg(script).current_dir(dir).status().expect("a shell");
    assert!(status.success(), "{script}");
}

fn record<'a>(event: &'a Value, kind: &str) -> &'a Value {
    let records = event["records"].as_array().expect("records");
    records.iter().find(|record| record["type"] == kind).unwrap_or(&Value::Null)
}

fn paths(event: &Value) -> Vec<String> {
    let records = event["records"].as_array().expect("records");
    records.iter().filter_map(|record| record["name"].as_str()).map(str::to_owned).collect()
}

#[test]
fn what_programs_do_to_a_watched_directory_is_found() {
    let Some(mut guard) = KernelGuard::take() else { return };
    let daemon = Daemon::start(|watched| {
        ["-w", watched.to_str().expect("text"), "-p", "rwxa", "-k", "story"].map(str::to_owned).to_vec()
    });
    let dir = daemon.watched();
    shell("echo one > 'a file'", &dir);
    shell("mv 'a file' moved", &dir);
    shell("chmod 600 moved", &dir);
    shell("rm moved", &dir);
    fs::write(dir.join("script"), "#!/bin/sh\nexit 0\n").expect("a file");
    fs::set_permissions(dir.join("script"), fs::Permissions::from_mode(0o755)).expect("its mode");
    let many = (0..300).map(|number| format!("argument-{number}")).collect::<Vec<_>>().join(" ");
    shell(&format!("./script {many}"), &dir);

    let find = |arguments: &[&str]| daemon.search(&[&["-k", "story"], arguments].concat(), 1);
    let created = find(&["-f", "a file", "-c", "=sh"]);
    assert!(paths(&created[0]).iter().any(|path| path == "a file"), "{created:#?}");
    assert_eq!(record(&created[0], "CWD")["cwd"].as_str(), dir.to_str());
    assert!(!find(&["-c", "=mv", "-f", "=moved"]).is_empty());
    assert!(!find(&["-c", "=chmod", "--result", "ok"]).is_empty());
    assert!(!find(&["-x", "/rm", "--uid", "0"]).is_empty());
    let executed = find(&["--type", "EXECVE", "-f", "script"]);
    let arguments: Vec<&Value> = executed[0]["records"]
        .as_array()
        .expect("records")
        .iter()
        .filter(|record| record["type"] == "EXECVE")
        .flat_map(|record| record["argv"].as_array().expect("arguments"))
        .collect();
    assert_eq!(arguments.len(), 302, "sh, the script and its 300 arguments");
    assert_eq!(arguments[301], "argument-299");

    let rules = daemon.ktrail(&["rules", "list"]).stdout;
    let expected = format!("-w {} -p rwxa -k story\n", dir.display());
    assert!(String::from_utf8_lossy(&rules).contains(&expected));
    let status = daemon.status();
    assert_eq!(
        (status["counters"]["lost"].as_u64(), status["counters"]["gaps"].as_u64()),
        (Some(0), Some(0))
    );

    let (code, dir) = daemon.stop();
    assert_eq!(code, Some(0));
    assert_eq!(guard.control().status().expect("a status").pid, 0, "it has unregistered");
    let log = dir.path().join("log");
    let offline = Command::new(env!("CARGO_BIN_EXE_ktrail"))
        .args(["search", "--type", "CONFIG_CHANGE", "-k", "story", "--count", "--log-dir"])
        .arg(&log)
        .output()
        .expect("ktrail runs");
    assert_eq!(String::from_utf8_lossy(&offline.stdout), "2\n", "the rule added and removed");
    assert!(!dir.path().join("socket").exists());
}

#[test]
fn a_connection_is_found_with_its_address() {
    let Some(_guard) = KernelGuard::take() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    // A shell of our own, so that the rule is for nobody else.
    let shell_path = |watched: &Path| watched.join("connector").display().to_string();
    let daemon = Daemon::start(|watched| {
        fs::copy("/bin/bash", watched.join("connector")).expect("bash");
        let exe = format!("exe={}", shell_path(watched));
        ["-a", "always,exit", "-F", "arch=b64", "-S", "connect", "-F", &exe, "-k", "net"]
            .map(str::to_owned)
            .to_vec()
    });
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let status =
        Command::new(shell_path(&daemon.watched())).args(["-c", &connect]).status().expect("bash runs");
    assert!(status.success());
    let found = daemon.search(&["-k", "net", "--syscall", "connect", "host=127.0.0.1"], 1);
    assert_eq!(found[0]["names"]["syscall"], "connect");
    let text = daemon.ktrail(&["search", "-k", "net", "host=127.0.0.1"]).stdout;
    assert!(String::from_utf8_lossy(&text).contains(&format!("127.0.0.1:{port}")));
    assert_eq!(daemon.stop().0, Some(0));
}

/// What the file at `path` has as SHA-256, by coreutils.
fn sha256sum(path: &str) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn what_a_script_does_is_told_with_its_process() {
    let Some(_guard) = KernelGuard::take() else { return };
    let config = "[enrich]\nhash = true\nenvironment = [\"KTRAIL_TOLD\"]\n";
    let daemon = Daemon::start_in(directory(), config, |watched| {
        ["-w", watched.to_str().expect("text"), "-p", "rwxa", "-k", "told"].map(str::to_owned).to_vec()
    });
    let dir = daemon.watched();
    let script = dir.join("run");
    fs::write(dir.join("file"), "x").expect("a file");
    fs::write(&script, "#!/bin/bash\nwhile read line; do echo x > out; cat file > /dev/null; done\n")
        .expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("its mode");
    // Script and shell live until they are let go, so that the daemon can look at them.
    let mut shell = Command::new("bash")
        .args(["-c", "./run one; true"])
        .env("KTRAIL_TOLD", "a \"b\"")
        .current_dir(&dir)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("bash runs");
    let mut lines = shell.stdin.take().expect("its input");
    // An event goes without what a busy machine does not find in time, and one that comes later has it.
    let mut find = |arguments: &[&str], is_told: fn(&Value) -> bool| {
        let begun = Instant::now();
        loop {
            lines.write_all(b"\n").expect("it reads");
            let found = daemon.search(&[&["-k", "told"], arguments].concat(), 1);
            if let Some(event) = found.into_iter().rfind(|event| is_told(&event["context"])) {
                return event;
            }
            assert!(begun.elapsed() < PATIENCE, "{arguments:?}");
            std::thread::yield_now();
        }
    };
    let wrote = find(&["-f", "=out", "-c", "=run"], |context| {
        context["hash"].is_object()
            && context["environment"].is_object()
            && context["process"]["parent"].is_object()
    });
    let pid = record(&wrote, "SYSCALL")["pid"].as_u64().expect("a pid");
    let exe = record(&wrote, "SYSCALL")["exe"].as_str().expect("a path").to_owned();
    let started = |pid: u64| {
        let pid = u32::try_from(pid).expect("a pid");
        let found = ktrail::sys::process::find(Path::new("/proc"), pid).expect("it lives");
        format!("{}-{pid}", found.started)
    };
    let context = &wrote["context"];
    assert_eq!(context["process"]["id"], started(pid), "{context:#}");
    assert_eq!(context["script"].as_str(), script.to_str());
    assert_eq!(context["hash"]["sha256"], sha256sum(&exe));
    assert_eq!(context["environment"]["KTRAIL_TOLD"], "a \"b\"");
    let parent = &context["process"]["parent"];
    assert_eq!((&parent["pid"], &parent["id"]), (&shell.id().into(), &started(shell.id().into()).into()));
    assert_eq!(parent["exe"], exe.as_str());
    assert_eq!(parent["argv"], serde_json::json!(["bash", "-c", "./run one; true"]));
    let test = &context["process"]["ancestors"][0];
    assert_eq!(
        (&test["pid"], &test["id"]),
        (&std::process::id().into(), &started(std::process::id().into()).into())
    );
    assert_eq!(test["exe"].as_str(), std::env::current_exe().expect("a path").to_str());
    // The control groups of a child are those of its parent.
    let groups = fs::read_to_string("/proc/self/cgroup").expect("a text");
    let managed = |line: &&str| line.starts_with("0::") || line.contains(":name=systemd:");
    let is_unit = |part: &str| part.ends_with(".service") || part.ends_with(".scope");
    let unit =
        groups.lines().filter(managed).flat_map(|line| line.split(['/', ':'])).find(|part| is_unit(part));
    assert_eq!(context["unit"].as_str(), unit);

    // The child of the script.
    let read = find(&["-f", "=file", "-c", "=cat"], |context| context["process"]["parent"].is_object());
    let parent = &read["context"]["process"]["parent"];
    assert_eq!((&parent["pid"], &parent["id"]), (&pid.into(), &context["process"]["id"]));
    assert_eq!(parent["argv"], serde_json::json!(["/bin/bash", "./run", "one"]));
    assert_eq!(read["context"]["script"], Value::Null);
    // It is searched by and shown.
    let script = script.to_str().expect("text");
    let id = context["process"]["id"].as_str().expect("text");
    let test = test["exe"].as_str().expect("text");
    for filter in [format!("script={script}"), format!("process={id}"), format!("ancestor={test}")] {
        let found = find(&["-f", "=out", &filter], |_| true);
        assert_eq!(found["context"]["process"]["id"], id, "{filter}");
    }
    find(&["-c", "=cat", &format!("parent={exe}")], |_| true);
    let text = daemon.ktrail(&["search", "-k", "told", "-f", "=out", "--format", "text"]).stdout;
    assert!(String::from_utf8_lossy(&text).contains(&format!("  script   {script}\n")), "{text:?}");
    let raw = daemon.ktrail(&["search", "-k", "told", "-f", "=out", "--format", "raw"]).stdout;
    assert!(
        raw.starts_with(b"type=SYSCALL msg=audit(") && !String::from_utf8_lossy(&raw).contains("context")
    );
    drop(lines);
    shell.wait().expect("it ends");
    assert_eq!(daemon.stop().0, Some(0));
}

/// A record as Debian's ausearch interprets it: serial, type, and fields by name.
type Interpreted = (u64, String, Vec<(String, String)>);

/// Reads what `ausearch -i` prints: `type=SYSCALL msg=audit(…:14) : syscall=openat …`.
fn interpreted(text: &str) -> Vec<Interpreted> {
    let line = |line: &str| {
        let kind = line.strip_prefix("type=")?.split(' ').next()?.to_owned();
        let (head, body) = line.split_once(") : ")?;
        let serial = head.rsplit(':').next()?.parse().ok()?;
        let fields = body.split(' ').filter_map(|word| word.split_once('='));
        Some((serial, kind, fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    };
    text.lines().filter_map(line).collect()
}

#[test]
fn ausearch_reads_the_raw_export_as_ktrail_reads_the_log() {
    let Some(_guard) = KernelGuard::take() else { return };
    if !Path::new("/usr/sbin/ausearch").exists() {
        let required = std::env::var_os("KTRAIL_REQUIRE_KERNEL").is_some_and(|value| value == "1");
        assert!(!required, "the package auditd is required for ausearch");
        eprintln!("skipped: ausearch is not installed (package auditd)");
        return;
    }
    let daemon = Daemon::start(|watched| {
        ["-w", watched.to_str().expect("text"), "-p", "rwxa", "-k", "diff"].map(str::to_owned).to_vec()
    });
    let dir = daemon.watched();
    shell(
        "echo one > plain; cat plain; mv plain 'with blank'; chmod 640 'with blank'; cat missing || rm 'with blank'",
        &dir,
    );
    daemon.search(&["-k", "diff", "-c", "=rm"], 1);
    let raw = dir.join("../export.log");
    fs::write(&raw, daemon.ktrail(&["search", "-k", "diff", "--format", "raw"]).stdout).expect("a file");
    let events = daemon.search(&["-k", "diff"], 1);
    let ausearch = |arguments: &[&str]| {
        let output = Command::new("/usr/sbin/ausearch")
            .args(arguments)
            .arg("-if")
            .arg(&raw)
            .output()
            .expect("ausearch runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Events of other tests' rules and of the daemon have other keys: the export holds just these.
    let mut records = 0;
    for (serial, kind, fields) in interpreted(&ausearch(&["-i", "-k", "diff"])) {
        let event = events.iter().find(|event| event["serial"] == serial).expect("an event of ktrail's");
        let ours = |name: &str| -> Option<String> {
            let user = |id: &Value| {
                let named = &event["names"]["users"][id.to_string()];
                if id.as_u64() == Some(4_294_967_295) {
                    "unset".to_owned()
                } else {
                    named.as_str().unwrap_or("").to_owned()
                }
            };
            let own = record(event, &kind);
            Some(match name {
                "syscall" => event["names"]["syscall"].as_str()?.to_owned(),
                "arch" => event["names"]["arch"].as_str()?.to_owned(),
                "uid" | "auid" | "euid" | "suid" | "fsuid" => user(&own[name]),
                "success" | "comm" | "exe" | "cwd" => own[name].as_str()?.to_owned(),
                "pid" | "ppid" | "items" => own[name].to_string(),
                _ => return None,
            })
        };
        for (name, value) in &fields {
            if kind == "PATH" || (kind == "CONFIG_CHANGE" && name != "auid") {
                continue;
            }
            if let Some(ours) = ours(name) {
                assert_eq!(&ours, value, "{serial} {kind} {name}");
            }
        }
        records += 1;
    }
    let exported = fs::read_to_string(&raw).expect("the export");
    assert_eq!(records, exported.lines().count(), "ausearch finds every record");
    assert!(records > 20, "{records}");
    assert_eq!(ausearch(&["--raw", "-k", "diff"]), exported, "and gives each back as it is");
    assert_eq!(daemon.stop().0, Some(0));
}

/// A process that waits until it is killed.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Sleeper {
        Sleeper(Command::new("sleep").arg("1000").spawn().expect("sleep"))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn processes_that_are_older_than_auditing_are_told() {
    let Some(guard) = KernelGuard::take() else { return };
    let cmdline = fs::read_to_string("/proc/cmdline").expect("the kernel's command line");
    if guard.status_before().enabled != 0 || cmdline.contains("audit=") {
        eprintln!("skipped: auditing is on before the test");
        return;
    }
    let older = Sleeper::start();
    let daemon = Daemon::start(|_| Vec::new());
    let since = ticks_since_boot();
    while ticks_since_boot() <= since {
        std::thread::yield_now();
    }
    let younger = Sleeper::start();
    let told = |sleeper: &Sleeper, unseen: &Value| {
        unseen["some"].as_array().expect("processes").iter().any(|process| process["pid"] == sleeper.0.id())
    };
    let unseen = daemon.status()["unseen"].take();
    assert_eq!(unseen["at_most"], false, "{unseen:#}");
    assert!(told(&older, &unseen) && !told(&younger, &unseen), "{unseen:#}");
    let text = daemon.ktrail(&["status"]).stdout;
    let text = String::from_utf8_lossy(&text);
    let expected = format!("{} processes, older than auditing", unseen["processes"]);
    assert!(text.contains(&expected) && text.contains("boot with audit=1"), "{text}");

    let pid = older.0.id();
    drop(older);
    let begun = Instant::now();
    while daemon.status()["unseen"]["some"].as_array().expect("some").iter().any(|found| found["pid"] == pid)
    {
        assert!(begun.elapsed() < PATIENCE, "process {pid} has ended");
        std::thread::yield_now();
    }
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn metrics_are_on_the_port_that_the_status_tells() {
    let Some(_guard) = KernelGuard::take() else { return };
    let daemon = Daemon::start_in(directory(), "metrics_listen = \"127.0.0.1:0\"", |watched| {
        ["-w", watched.to_str().expect("text"), "-p", "rwxa", "-k", "metrics"].map(str::to_owned).to_vec()
    });
    shell("for number in 1 2 3 4 5 6 7 8 9; do echo $number > file; done", &daemon.watched());
    daemon.search(&["-k", "metrics", "-c", "=sh", "--syscall", "openat"], 9);
    let address = daemon.status()["daemon"]["metrics"].as_str().expect("an address").to_owned();
    assert!(daemon.said.join("\n").contains(&format!("http://{address}/metrics")), "{:?}", daemon.said);
    let mut stream = TcpStream::connect(&address).expect("the daemon listens");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("the daemon reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let metrics = openmetrics::parse(answer.split_once("\r\n\r\n").expect("a head").1).expect("OpenMetrics");
    let total = |name: &str| metrics[name].value("_total", "");
    let (received, records) = (total("ktrail_received_messages"), total("ktrail_received_records"));
    assert!(received >= records && records >= 9.0 * 4.0, "{received} {records}");
    assert!(total("ktrail_stored_events") >= 10.0, "{answer}");
    assert!(metrics["ktrail_store_write_seconds"].value("_count", "") >= 1.0);
    assert!(metrics["ktrail_search_seconds"].value("_count", "search") >= 1.0);
    assert!(metrics["ktrail_store_bytes"].value("", "") > 1000.0);
    assert_eq!((total("ktrail_lost_messages"), total("ktrail_missing_serials")), (0.0, 0.0));
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn a_second_daemon_names_the_first_and_leaves_it_alone() {
    let Some(mut guard) = KernelGuard::take() else { return };
    let first = Daemon::start(|_| Vec::new());
    assert_eq!(first.status()["kernel"]["pid"], first.child.id(), "it says so from its first moment on");
    let second = Daemon::start(|_| Vec::new());
    let told = second.said.join("\n");
    assert!(told.contains(&format!("pid {}", first.child.id())) && told.contains("ktraild"), "{told}");
    assert_eq!(guard.control().status().expect("a status").pid, first.child.id());
    assert_eq!(first.stop().0, Some(0));
}

#[test]
fn a_bad_rule_or_setting_is_refused_before_anything_is_touched() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = dir.path().join("c.toml");
    fs::write(&config, "[store]\nrotate_byte = 1\n").expect("a file");
    let config = config.to_str().expect("text");
    let cases: &[(&[&str], &str)] = &[
        (&["-w", "relative"], "the path must start with /"),
        (&["-w", "/x", "-p", "z"], "'z' is none of them"),
        (&["--config", config], "c.toml:2:1: unknown setting rotate_byte; did you mean rotate_bytes?"),
        (&["--config", "/no/such/file"], "/no/such/file"),
    ];
    for (arguments, expected) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktraild"));
        let output = command.args(*arguments).arg("--check-config").output().expect("ktraild runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// Through the whole daemon: a secret in a command line is nowhere on disk, what was typed is there, and calls that
/// administer are told with who made them.
#[test]
fn secrets_do_not_reach_the_disk_and_administrative_calls_do() {
    let Some(mut guard) = KernelGuard::take() else { return };
    let daemon = Daemon::start_in(directory(), "[redact]\nenabled = true\n", |watched| {
        ["-w", watched.to_str().expect("text"), "-p", "x", "-k", "secrets"].map(str::to_owned).to_vec()
    });
    let dir = daemon.watched();
    fs::copy("/bin/true", dir.join("mysql")).expect("a copy");
    let long = format!("--password={}s3cret", "x".repeat(9000));
    let ran =
        Command::new(dir.join("mysql")).args(["-ps3cret", "--token", "s3cret", &long, "plain"]).status();
    assert!(ran.expect("it runs").success());
    let found = daemon.search(&["-k", "secrets", "--type", "EXECVE"], 1);
    let event = &found[0];
    // Three in the arguments; as many of them in the title as its 128 bytes hold.
    assert!(event["redacted"].as_u64().is_some_and(|count| (3..=6).contains(&count)), "{event:#}");
    let text = event.to_string();
    assert!(
        text.contains("-p[redacted]") && text.contains("--password=[redacted]") && text.contains("plain")
    );
    assert!(!text.contains("s3cret") && !text.contains(&"x".repeat(100)), "{text}");

    for (path, kind) in [("rotate", "DAEMON_ROTATE"), ("reload", "DAEMON_CONFIG")] {
        let socket = dir.parent().expect("a parent").join("socket");
        let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("the daemon listens");
        let request = format!("POST /v1/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the daemon reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        // What is told of signatures is of the same type.
        let begun = Instant::now();
        let told = loop {
            let found = daemon.search(&["--type", kind], 1);
            let told = found.iter().map(|event| record(event, kind).clone()).find(|told| told["op"] == path);
            if let Some(told) = told {
                break told;
            }
            assert!(begun.elapsed() < PATIENCE, "{found:#?}");
        };
        assert_eq!(told["uid"].as_u64(), Some(0), "{told:#}");
        assert_eq!(told["pid"].as_u64(), Some(u64::from(std::process::id())));
    }
    // The process goes on with its configuration as it is now, in a segment of its own.
    let reloaded = daemon.search(&["--type", "DAEMON_START"], 2);
    assert_eq!(record(&reloaded[1], "DAEMON_START")["op"], "reload");
    let (status, dir) = daemon.stop();
    assert_eq!(status, Some(0));
    for file in fs::read_dir(dir.path().join("log")).expect("a directory") {
        let path = file.expect("a file").path();
        let bytes = if path.extension().is_some_and(|end| end == "seg") {
            zstd::decode_all(fs::File::open(&path).expect("a file")).expect("zstd")
        } else if path.is_file() {
            fs::read(&path).expect("a file")
        } else {
            continue;
        };
        assert!(memchr::memmem::find(&bytes, b"s3cret").is_none(), "{}", path.display());
    }
    assert_eq!(guard.control().status().expect("a status").pid, 0, "it has unregistered");
}
