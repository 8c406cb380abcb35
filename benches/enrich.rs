//! What it costs to tell of each event's process: `cargo bench --bench enrich`.
//!
//! Events of [`PROCESSES`] processes that are known, as the kernel sends them, on one thread, in processor time, with nothing
//! told, with each part alone, and with everything. The machine may be twice as slow from one second to the next: so all take
//! turns in each of [`ROUNDS`] rounds, and what a part costs more than nothing is the median of the differences within a round.
//! Then events of processes that are new each time, and are looked at in this machine's `/proc`, in time that passes.
//!
//! `… -- COUNT 'the default'` takes in so many events with this configuration alone, once, for a program that counts
//! instructions: what an event costs is the difference between two counts by that of the events. `… -- new 'the default'` is
//! the part about new processes alone, for one that counts system calls.

use std::hint::black_box;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use ktrail::enrich::context::{Bytes, Container, Context, Login, Place, ProcessId, Runtime, Version};
use ktrail::enrich::counts::Counts;
use ktrail::enrich::host::{Found, Proc, Processes};
use ktrail::enrich::observe::{Config, Observer};
use ktrail::entry::Resolve;
use ktrail::event::{Event, assembler};
use ktrail::ingest::counters::Counters;
use ktrail::ingest::{Ingest, Now, Sink};
use ktrail::record::stamp::EventId;
use ktrail::store::term::Terms;

/// Processes whose events come in turns.
const PROCESSES: u32 = 64;
/// Events of a round.
const EVENTS: u32 = 10_000;
const ROUNDS: usize = 101;
/// Processes that are new, in the part about these.
const NEW: u32 = 2000;
/// The program of all processes: it is on every machine and small.
const EXE: &str = "/bin/sh";

/// A host on which every process is a script in a container, five generations below the first.
struct Ideal;

impl Processes for Ideal {
    fn process(&mut self, pid: u32) -> Option<Found> {
        let argv: &[&str] =
            if pid > 1000 { &["sh", "/opt/job/run", "--all"] } else { &["/usr/sbin/daemon", "-D"] };
        Some(Found {
            id: ProcessId { started: 100_000 + u64::from(pid), pid },
            parent: match pid {
                1 => 0,
                1001.. => 9,
                pid => pid - 1,
            },
            exe: Some(if pid > 1000 { exe().as_bytes().into() } else { (*b"/usr/sbin/daemon").into() }),
            argv: argv.iter().map(|argument| Bytes::from(argument.as_bytes())).collect(),
            place: Place {
                container: Some(Container { id: [b'a'; 64].into(), runtime: Some(Runtime::Docker) }),
                unit: Some(
                    (*b"docker-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.scope")
                        .into(),
                ),
            },
            environment: vec![
                ((*b"LANG").into(), (*b"C.UTF-8").into()),
                ((*b"JOB").into(), (*b"nightly").into()),
            ],
        })
    }

    fn session(&mut self, session: u32) -> Option<Login> {
        Some(Login {
            session,
            user: Some((*b"alice").into()),
            uid: Some(1000),
            address: Some((*b"192.0.2.7").into()),
            terminal: Some((*b"pts/0").into()),
            time_ms: Some(1_700_000_000_000),
        })
    }

    fn last_pid(&mut self) -> Option<u32> {
        Some(1_000_000)
    }

    fn boot_ms(&self) -> u64 {
        0
    }
}

/// [`EXE`] without links.
fn exe() -> String {
    std::fs::canonicalize(EXE).expect("a shell").display().to_string()
}

/// No names: these have a cost of their own.
struct Told(Option<Observer>);

impl Resolve for Told {
    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }

    fn group(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }

    fn context(&mut self, event: &Event) -> Option<(&Context, Version)> {
        self.0.as_mut()?.context(event)
    }
}

#[derive(Default)]
struct Count {
    bytes: usize,
    terms: usize,
}

impl Sink for Count {
    fn entry(&mut self, _: EventId, terms: &Terms, line: &[u8]) {
        self.bytes += line.len();
        self.terms += terms.len();
    }
}

/// The records of one event with their types, for `Ingest::message`.
fn event(serial: u32, pid: u32, ppid: u32, exe: &str, is_exec: bool) -> Vec<(u16, Vec<u8>)> {
    let head = format!("audit({}.{:03}:{serial}): ", 1_700_000_000 + serial / 1000, serial % 1000);
    let (call, exit) = if is_exec { (59, 0) } else { (257, 3) };
    let mut records = vec![(
        1300,
        format!(
            "{head}arch=c000003e syscall={call} success=yes exit={exit} a0=ffffff9c a1=7ffd2a a2=0 a3=0 items=1 ppid={ppid} \
             pid={pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"sh\" \
             exe=\"{exe}\" subj=unconfined key=\"passwd-ra\""
        ),
    )];
    if is_exec {
        records.push((1309, format!("{head}argc=3 a0=\"sh\" a1=\"/opt/job/run\" a2=\"--all\"")));
    }
    records.push((1307, format!("{head}cwd=\"/root\"")));
    let inode = if is_exec { std::fs::metadata(exe).map_or(0, |file| file.ino()) } else { 4711 };
    records.push((
        1302,
        format!(
            "{head}item=0 name=\"/etc/passwd\" inode={inode} dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL \
             cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0"
        ),
    ));
    records.push((1327, format!("{head}proctitle=7368002F6F70742F6A6F622F72756E002D2D616C6C")));
    records.push((1320, head));
    records.into_iter().map(|(kind, text)| (kind, text.into_bytes())).collect()
}

fn live(observer: Option<Observer>) -> Ingest {
    let config = assembler::Config::default();
    Ingest::live(config, None, Box::new(Told(observer)), Arc::new(Counters::default()))
}

/// What this thread has computed so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has a clock").into()
}

/// One configuration, and what its events cost.
struct Steady {
    ingest: Ingest,
    count: Count,
    /// Nanoseconds an event, of each round.
    costs: Vec<f64>,
}

impl Steady {
    /// It has met all processes.
    fn new(config: &Config) -> Steady {
        let observer = (!config.is_off())
            .then(|| Observer::new(config.clone(), Box::new(Ideal), &Counts::default()).expect("threads"));
        let (mut ingest, exe) = (live(observer), exe());
        for process in 0..PROCESSES {
            for (kind, payload) in event(process + 1, 1001 + process, 9, &exe, true) {
                ingest.message(kind, &payload, Now::default(), &mut Count::default());
            }
        }
        Steady { ingest, count: Count::default(), costs: Vec::new() }
    }

    fn round(&mut self, log: &[Vec<(u16, Vec<u8>)>]) {
        self.count = Count::default();
        let begun = cpu_time();
        for (kind, payload) in log.iter().flatten() {
            self.ingest.message(*kind, payload, Now::default(), &mut self.count);
        }
        self.costs.push((cpu_time() - begun).as_secs_f64() * 1e9 / log.len() as f64);
        black_box(&self.count.bytes);
    }

    /// The median cost, and that of the differences to another.
    fn medians(&self, other: &Steady) -> [f64; 2] {
        let median = |mut costs: Vec<f64>| {
            costs.sort_by(f64::total_cmp);
            costs[costs.len() / 2]
        };
        let more = self.costs.iter().zip(&other.costs).map(|(own, other)| own - other);
        [median(self.costs.clone()), median(more.collect())]
    }
}

/// The time that an event of a new process takes, in µs.
fn strangers(config: &Config) -> f64 {
    let host = Proc::new(config.environment.clone());
    let observer = (!config.is_off())
        .then(|| Observer::new(config.clone(), Box::new(host), &Counts::default()).expect("threads"));
    let mut ingest = live(observer);
    let mut children: Vec<_> = (0..16)
        .map(|_| {
            let mut command = std::process::Command::new("/bin/sh");
            command.args(["-c", "read x"]).stdin(std::process::Stdio::piped()).spawn().expect("a shell")
        })
        .collect();
    let (own, exe) = (std::process::id(), exe());
    let mut count = Count::default();
    let mut spent = Duration::ZERO;
    for serial in 1..=NEW {
        // The table forgets none of them, so each is met once; the others are nobody, as a process is that has ended.
        let pid = children.get(serial as usize - 1).map_or(4_194_304 + serial, |child| child.id());
        let records = event(serial, pid, own, &exe, true);
        let begun = Instant::now();
        records.iter().for_each(|(kind, payload)| ingest.message(*kind, payload, Now::default(), &mut count));
        spent += begun.elapsed();
    }
    for child in &mut children {
        child.kill().and_then(|()| child.wait()).expect("it is ours");
    }
    spent.as_secs_f64() * 1e6 / f64::from(NEW)
}

/// `count` events of the known processes.
fn log(count: u32) -> Vec<Vec<(u16, Vec<u8>)>> {
    let exe = exe();
    (0..count).map(|number| event(1000 + number, 1001 + number % PROCESSES, 9, &exe, false)).collect()
}

/// What is told, by name.
fn configurations() -> [(&'static str, Config); 10] {
    let wait = Duration::from_secs(10);
    let off = Config {
        wait,
        process: false,
        ancestors: 4,
        script: false,
        container: false,
        unit: false,
        login: false,
        hash_bytes_max: None,
        environment: Vec::new(),
    };
    let environment: Vec<Bytes> = vec![(*b"LANG").into(), (*b"JOB").into()];
    let hash_bytes_max = Some(64 << 20);
    let all = Config { hash_bytes_max, environment: environment.clone(), wait, ..Config::default() };
    [
        ("nothing", off.clone()),
        ("process, 4 ancestors", Config { process: true, ..off.clone() }),
        ("script", Config { script: true, ..off.clone() }),
        ("container", Config { container: true, ..off.clone() }),
        ("unit", Config { unit: true, ..off.clone() }),
        ("login", Config { login: true, ..off.clone() }),
        ("hash", Config { hash_bytes_max, ..off.clone() }),
        ("environment", Config { environment, ..off }),
        ("the default", Config { wait, ..Config::default() }),
        ("everything", all),
    ]
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let configurations = configurations();
    if let (Some(count), Some(wanted)) = (words.next(), words.next()) {
        let (_, config) = configurations.iter().find(|(name, _)| *name == wanted).expect("a configuration");
        match count.as_str() {
            "new" => println!("{:.1} µs/event", strangers(config)),
            count => Steady::new(config).round(&log(count.parse().expect("a number of events"))),
        }
        return;
    }
    println!("{ROUNDS} rounds of {EVENTS} events of 4 records by {PROCESSES} known processes");
    let log = log(EVENTS);
    let mut all: Vec<Steady> = configurations.iter().map(|(_, config)| Steady::new(config)).collect();
    for _ in 0..ROUNDS {
        all.iter_mut().for_each(|one| one.round(&log));
    }
    for ((name, _), one) in configurations.iter().zip(&all) {
        let ([cost, more], Count { bytes, terms, .. }) = (one.medians(&all[0]), &one.count);
        let (bytes, terms) = (bytes / log.len(), terms / log.len());
        println!("{name:22} {cost:>6.0} ns/event {more:>+6.0} ns {bytes:>5} bytes {terms:>3} terms");
    }
    println!("{NEW} executions by processes that were not known");
    for (name, config) in configurations {
        if ["nothing", "the default", "everything"].contains(&name) {
            println!("{name:22} {:>6.1} µs/event", strangers(&config));
        }
    }
}
