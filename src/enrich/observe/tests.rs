//! The observer with a host that is not there.

use std::collections::HashMap;
use std::sync::Mutex;

use crossbeam_channel::{Receiver, bounded};

use super::*;
use crate::enrich::context::{Place, ProcessId};
use crate::record::RecordType;
use crate::record::stamp::EventId;

/// A host of some processes. If so made, it answers only when told.
#[derive(Clone, Default)]
struct Double {
    processes: Arc<Mutex<HashMap<u32, Found>>>,
    asked: Arc<Mutex<Vec<u32>>>,
    gate: Option<Receiver<()>>,
}

impl Double {
    fn add(&self, pid: u32, parent: u32, started: u64, exe: &str) {
        let found = Found {
            id: ProcessId { started, pid },
            parent,
            exe: Some(exe.as_bytes().into()),
            argv: [Bytes::from(exe.as_bytes())].into(),
            place: Place { container: None, unit: Some((*b"x.service").into()) },
            environment: vec![((*b"LANG").into(), exe.as_bytes().into())],
        };
        self.processes.lock().expect("no panic").insert(pid, found);
    }

    fn asked(&self) -> Vec<u32> {
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }
}

impl Processes for Double {
    fn process(&mut self, pid: u32) -> Option<Found> {
        self.asked.lock().expect("no panic").push(pid);
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        self.processes.lock().expect("no panic").get(&pid).cloned()
    }

    fn session(&mut self, session: u32) -> Option<Login> {
        Some(Login { session, address: Some((*b"192.0.2.7").into()), ..Login::default() })
    }

    /// It is not known, so that no pid is doubtful however long this test takes.
    fn last_pid(&mut self) -> Option<u32> {
        None
    }

    fn boot_ms(&self) -> u64 {
        0
    }
}

const PATIENT: Duration = Duration::from_secs(60);

fn observer(wait: Duration, host: &Double) -> Observer {
    Observer::new(Config { wait, ..Config::default() }, Box::new(host.clone()), &Counts::default())
        .expect("a thread")
}

fn event(time_ms: u64, records: &[(RecordType, &str)]) -> Event {
    let mut event = Event::new(EventId { time_ms, serial: 1 });
    records.iter().for_each(|(kind, body)| event.push(*kind, body.as_bytes()));
    event
}

fn call(time_ms: u64, syscall: u32, exit: i32, pid: u32, ppid: u32, exe: &str) -> Event {
    let body = format!(
        "arch=c000003e syscall={syscall} success=yes exit={exit} a0=0 ppid={ppid} pid={pid} auid=1000 uid=0 ses=3 comm=\"x\" exe=\"{exe}\""
    );
    event(time_ms, &[(RecordType::SYSCALL, &body)])
}

fn host() -> Double {
    let host = Double::default();
    host.add(1, 0, 1, "/init");
    host.add(6, 1, 50, "/bash");
    host.add(7, 6, 60, "/cat");
    host
}

#[test]
fn each_process_is_looked_at_once() {
    let host = host();
    let mut observer = observer(PATIENT, &host);
    for time_ms in [700, 710, 720] {
        let context = observer.context(&call(time_ms, 257, 3, 7, 6, "/cat")).expect("a process").0.clone();
        let process = context.process.expect("it is told");
        assert_eq!(process.id, ProcessId { started: 60, pid: 7 });
        assert_eq!(process.parent.as_ref().and_then(|parent| parent.exe.as_deref()), Some(&b"/bash"[..]));
        assert_eq!(context.unit.as_deref(), Some(&b"x.service"[..]));
        let login = context.login.expect("it is told");
        assert_eq!((login.uid, login.address.as_deref()), (Some(1000), Some(&b"192.0.2.7"[..])));
    }
    assert_eq!(host.asked(), [7, 6, 1]);
    // Its parent is known by then; that no execution was seen of it is why it is looked at with its child.
    observer.context(&call(730, 257, 3, 6, 1, "/bash"));
    assert!(host.asked().is_empty());
    host.add(8, 6, 70, "/tac");
    observer.context(&call(740, 257, 3, 8, 6, "/tac"));
    assert_eq!(host.asked(), [8, 6]);
    // With a seen execution it need not be.
    let executed = [(RecordType::EXECVE, "argc=1 a0=\"dash\"")];
    let mut exec = call(750, 59, 0, 6, 1, "/dash");
    executed.iter().for_each(|(kind, body)| exec.push(*kind, body.as_bytes()));
    observer.context(&exec);
    host.add(9, 6, 75, "/tac");
    observer.context(&call(760, 257, 3, 9, 6, "/tac"));
    assert_eq!(host.asked(), [9]);
    // Four events told nothing new; three processes and the session were asked about.
    let Tally { known, asked, answered, absent, late, .. } = observer.host.tally();
    assert_eq!([known, asked, answered, absent, late].map(Tally::read), [4, 4, 4, 0, 0]);
}

#[test]
fn a_script_is_told_with_every_event_of_its_process() {
    let host = host();
    let mut observer = observer(PATIENT, &host);
    let mut exec = call(800, 59, 0, 7, 6, "/usr/bin/bash");
    for (kind, body) in [
        (RecordType::EXECVE, "argc=2 a0=\"/bin/bash\" a1=\"./run\""),
        (RecordType::CWD, "cwd=\"/opt\""),
        (RecordType::PATH, "item=0 name=\"./run\" inode=5 nametype=NORMAL"),
        (RecordType::PATH, "item=1 name=\"/bin/bash\" inode=6 nametype=NORMAL"),
    ] {
        exec.push(kind, body.as_bytes());
    }
    for event in [exec, call(810, 257, 3, 7, 6, "/usr/bin/bash")] {
        let script = observer.context(&event).and_then(|(context, _)| context.script.clone());
        assert_eq!(script.as_deref(), Some(&b"/opt/run"[..]));
    }
    let next =
        observer.context(&call(820, 59, 0, 7, 6, "/cat")).and_then(|(context, _)| context.script.clone());
    assert_eq!(next, None);
}

#[test]
fn the_environment_is_that_of_the_program() {
    let host = host();
    let config = Config { wait: PATIENT, environment: vec![(*b"LANG").into()], ..Config::default() };
    let mut observer = Observer::new(config, Box::new(host.clone()), &Counts::default()).expect("a thread");
    let mut value = |event: &Event| {
        let (context, _) = observer.context(event).expect("a process");
        context.environment.first().map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(value(&call(700, 257, 3, 7, 6, "/cat")).as_deref(), Some("/cat"));
    host.add(7, 6, 60, "/tac");
    assert_eq!(value(&call(710, 59, 0, 7, 6, "/tac")).as_deref(), Some("/tac"));
    assert_eq!(value(&call(720, 257, 3, 7, 6, "/tac")).as_deref(), Some("/tac"));
    // It has executed a third one before it could be looked at.
    host.add(7, 6, 60, "/third");
    assert_eq!(value(&call(730, 59, 0, 7, 6, "/second")), None);
    // It has ended before.
    host.processes.lock().expect("no panic").remove(&7);
    assert_eq!(value(&call(740, 59, 0, 7, 6, "/second")), None);
}

#[test]
fn an_executable_s_hash_is_told() {
    use std::os::unix::fs::MetadataExt;
    let host = host();
    let config = Config { wait: PATIENT, hash_bytes_max: Some(1 << 20), ..Config::default() };
    let mut observer = Observer::new(config, Box::new(host), &Counts::default()).expect("a thread");
    let dir = tempfile::tempdir().expect("a directory");
    let exe = dir.path().join("abc");
    std::fs::write(&exe, b"abc").expect("a file");
    let inode = std::fs::metadata(&exe).expect("it is there").ino();
    // No process of this machine has that pid.
    let pid = u32::MAX - 1;
    let mut exec = call(700, 59, 0, pid, 6, exe.to_str().expect("text"));
    exec.push(RecordType::PATH, format!("item=0 name=\"abc\" inode={inode} nametype=NORMAL").as_bytes());
    for event in [exec, call(710, 257, 3, pid, 6, exe.to_str().expect("text"))] {
        let hash = observer.context(&event).and_then(|(context, _)| context.hash).expect("it is told");
        assert_eq!(hash.0[..4], [0xba, 0x78, 0x16, 0xbf], "of FIPS 180-2");
    }
    assert_eq!(
        observer.context(&call(720, 59, 0, pid, 6, "/another")).and_then(|(context, _)| context.hash),
        None
    );
}

#[test]
fn a_look_that_hangs_holds_nobody_back() {
    let (open, gate) = bounded(0);
    let host = Double { gate: Some(gate), ..host() };
    let mut observer = observer(Duration::ZERO, &host);
    let of = |context: Option<(&Context, _)>| {
        context.and_then(|(context, _)| context.process.clone()).expect("told")
    };
    for pid in 1..=2000 {
        let process = of(observer.context(&call(u64::from(pid), 257, 3, pid, 0, "/x")));
        assert!(process.parent.is_none());
    }
    let tally = observer.host.tally();
    assert!(Tally::read(&tally.late) >= 100 && Tally::read(&tally.refused) >= 1000, "{tally:?}");
    // The answers come at last and serve what comes after.
    drop(open);
    let begun = Instant::now();
    while of(observer.context(&call(3000, 257, 3, 7, 6, "/x"))).id.started != 60 {
        assert!(begun.elapsed() < PATIENT);
        std::thread::yield_now();
    }
}

#[test]
fn what_is_switched_off_is_not_told() {
    let off = Config {
        wait: PATIENT,
        process: false,
        ancestors: 4,
        script: false,
        container: false,
        unit: false,
        login: false,
        hash_bytes_max: None,
        environment: Vec::new(),
    };
    assert!(off.is_off());
    type Tells = fn(&Context) -> bool;
    let cases: [(Config, Tells); 4] = [
        (Config { process: true, ..off.clone() }, |context| context.process.is_some()),
        (Config { unit: true, ..off.clone() }, |context| context.unit.is_some()),
        (Config { login: true, ..off.clone() }, |context| context.login.is_some()),
        (Config { environment: vec![(*b"LANG").into()], ..off }, |context| !context.environment.is_empty()),
    ];
    for (config, is_told) in cases {
        let mut host = host();
        if config.environment.is_empty() {
            host.processes.lock().expect("no panic").values_mut().for_each(|found| found.environment.clear());
        }
        host.asked = Arc::default();
        let mut observer =
            Observer::new(config.clone(), Box::new(host), &Counts::default()).expect("a thread");
        let (context, _) = observer.context(&call(700, 257, 3, 7, 6, "/cat")).expect("a process");
        assert!(is_told(context), "{config:?}");
        let parts = [
            context.process.is_some(),
            context.unit.is_some(),
            context.login.is_some(),
            !context.environment.is_empty(),
            context.script.is_some() || context.hash.is_some() || context.container.is_some(),
        ];
        assert_eq!(parts.iter().filter(|told| **told).count(), 1, "{config:?}");
    }
}
