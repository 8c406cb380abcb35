//! Stories of processes: what events and the host say, and what is then known.

use std::borrow::Cow;
use std::collections::HashMap;

use super::*;
use crate::enrich::UNSET;
use crate::enrich::context::Place;
use crate::enrich::sighting::Act;

const TOLD: Told = Told { lineage: true, ancestors: 2, container: true, unit: true };

/// A host and a table, driven by lines of text.
struct Story {
    table: Table,
    host: HashMap<u32, Found>,
    now: Moment,
    looks: usize,
    /// What was told under each version.
    told: HashMap<Version, Context>,
}

impl Story {
    fn new() -> Story {
        let now = Moment { position: Position::new(0, 1000), boot_ms: 0 };
        Story {
            table: Table::new(TOLD, Arc::default()),
            host: HashMap::new(),
            now,
            looks: 0,
            told: HashMap::new(),
        }
    }

    /// One of:
    /// - `host PID PARENT STARTED EXE`: the host has this process, its argument is the end of the path, its unit is the path
    /// - `gone PID`
    /// - `last ROUND PID`: how far the giving of pids has come
    /// - `MS PID PARENT EXE`: an event of this process; then `exec ARGUMENT`, `fork CHILD`, `exit` or nothing
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().expect("a number");
        match words[0] {
            "host" => {
                let exe = words[4].as_bytes();
                let name = exe.rsplit(|byte| *byte == b'/').next().expect("a name");
                let found = Found {
                    id: ProcessId { started: u64::from(number(3)), pid: number(1) },
                    parent: number(2),
                    exe: Some(exe.into()),
                    argv: [Bytes::from(name)].into(),
                    place: Place { container: None, unit: Some(exe.into()) },
                    environment: Vec::new(),
                };
                self.host.insert(number(1), found);
            }
            "gone" => drop(self.host.remove(&number(1))),
            "last" => self.now.position = Position::new(number(1), number(2)),
            _ => {
                let act = match words.get(4) {
                    Some(&"exec") => Act::Execute,
                    Some(&"fork") => Act::Fork(number(5)),
                    Some(&"exit") => Act::Exit,
                    _ => Act::Other,
                };
                let seen = Sighting {
                    time_ms: u64::from(number(0)),
                    pid: number(1),
                    ppid: Some(number(2)),
                    auid: UNSET,
                    session: UNSET,
                    exe: Some(Cow::Borrowed(words[3].as_bytes())),
                    act,
                };
                self.event(&seen, words.get(5).map_or("", |word| word));
            }
        }
    }

    fn event(&mut self, seen: &Sighting<'_>, argument: &str) {
        let how = self.table.meet(seen, self.now.position);
        if how != Acquaintance::Known {
            self.looks += 1;
            let mut looked = Looked { found: self.host.get(&seen.pid).cloned(), up: Vec::new() };
            let mut next = seen.ppid;
            while let Some(parent) = next.and_then(|pid| self.host.get(&pid)) {
                looked.up.push(parent.clone());
                next = Some(parent.parent);
            }
            self.table.settle(seen, (how, looked), 0, self.now);
        }
        match seen.act {
            Act::Execute => {
                let exe = seen.exe.as_deref().map(Bytes::from);
                self.table.execute(seen.pid, exe, [Bytes::from(argument.as_bytes())].into());
            }
            Act::Fork(child) => self.table.fork(seen, child, self.now),
            Act::Exit => self.table.end(seen.pid),
            Act::Other => {}
        }
        // A version is of one context.
        for (_, known) in &self.table.known {
            let told = self.told.entry(known.version).or_insert_with(|| known.context.clone());
            assert_eq!(*told, known.context);
        }
    }

    /// `STARTED-PID EXE ARGUMENTS < parent the same < ancestors`
    fn known(&mut self, pid: u32) -> String {
        let Some((exe, argv)) = self.table.program(pid) else { return "-".to_owned() };
        let text = |bytes: Option<&Bytes>| match bytes {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "?".to_owned(),
        };
        let list =
            |argv: &[Bytes]| argv.iter().map(|word| format!(" {}", text(Some(word)))).collect::<String>();
        let own = format!("{}{}", text(exe), list(argv));
        let process =
            self.table.context(pid, None).and_then(|(context, _)| context.process.clone()).expect("told");
        let mut shown = format!("{} {own}", process.id);
        if let Some(parent) = &process.parent {
            shown += &format!(" < {} {}{}", parent.id, text(parent.exe.as_ref()), list(&parent.argv));
        }
        for ancestor in &process.ancestors {
            shown += &format!(" < {} {}", ancestor.id, text(ancestor.exe.as_ref()));
        }
        shown
    }
}

/// Tells the story and looks at what is known of a process, and how often the host was looked at.
fn check(story: &[&str], pid: u32, known: &str, looks: usize) {
    let mut told = Story::new();
    for line in story {
        told.line(line);
        let held: usize = told.table.known.iter().map(|(_, known)| known.weigh()).sum();
        assert_eq!(told.table.held, held, "{story:?}");
    }
    assert_eq!((told.known(pid).as_str(), told.looks), (known, looks), "{story:?}");
}

const HOST: [&str; 3] = ["host 1 0 1 /init", "host 5 1 40 /sshd", "host 6 5 50 /bash"];

fn with_host(story: &[&str], pid: u32, known: &str, looks: usize) {
    check(&[&HOST, story].concat(), pid, known, looks);
}

#[test]
fn a_process_that_is_not_known_is_looked_at_once() {
    let known = "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init";
    with_host(&["host 7 6 60 /cat", "700 7 6 /cat", "710 7 6 /cat", "720 7 6 /cat"], 7, known, 1);
    with_host(
        &["host 7 6 60 /cat", "700 7 6 /cat", "710 6 5 /bash"],
        6,
        "50-6 /bash bash < 40-5 /sshd sshd < 1-1 /init",
        1,
    );
    // No more ancestors than are wanted.
    let deeper = "70-8 /x x < 60-7 /cat cat < 50-6 /bash < 40-5 /sshd";
    with_host(&["host 7 6 60 /cat", "host 8 7 70 /x", "800 8 7 /x"], 8, deeper, 1);
}

#[test]
fn what_is_gone_is_known_by_events() {
    // Its start is the event's.
    with_host(&["700 7 6 /cat"], 7, "70-7 /cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 1);
    with_host(&["700 7 6 /cat exec x"], 7, "70-7 /cat x < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 1);
    // Nobody knows the parent either.
    check(&["700 7 6 /cat", "710 7 6 /cat"], 7, "70-7 /cat", 1);
    // The parent was known before it went.
    let known = "80-7 /cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init";
    with_host(&["600 6 5 /bash", "gone 6", "800 7 6 /cat"], 7, known, 2);
}

#[test]
fn a_fork_makes_a_child_of_the_same_program() {
    let story = ["600 6 5 /bash", "700 6 5 /bash fork 7"];
    let child = "70-7 /bash bash < 50-6 /bash bash < 40-5 /sshd < 1-1 /init";
    with_host(&story, 7, child, 1);
    // It makes an event and is gone.
    with_host(&[&story[..], &["701 7 6 /bash"]].concat(), 7, child, 2);
    // It is there: its start is what the host says.
    let exact = child.replace("70-7", "69-7");
    with_host(&[&story[..], &["host 7 6 69 /bash", "701 7 6 /bash", "702 7 6 /bash"]].concat(), 7, &exact, 2);
    // Its first event comes before that of the fork.
    let early = ["600 6 5 /bash", "701 7 6 /bash", "700 6 5 /bash fork 7"];
    with_host(&early, 7, "70-7 /bash < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 2);
    // The fork of a process nobody has met.
    with_host(&["600 6 5 /bash", "700 7 6 /x fork 8"], 8, "70-8 /x < 70-7 /x < 50-6 /bash < 40-5 /sshd", 2);
}

#[test]
fn a_chain_of_executions_is_followed() {
    let story =
        ["600 6 5 /bash", "700 6 5 /bash fork 7", "710 7 6 /env exec env", "720 7 6 /python exec python"];
    let parent = "50-6 /bash bash < 40-5 /sshd < 1-1 /init";
    with_host(&story, 7, &format!("70-7 /python python < {parent}"), 2);
    // A child sees its parent's program of that time, and one of before keeps what it saw.
    let more =
        [&story[..2], &["705 7 6 /bash fork 8", "710 7 6 /env exec env", "715 7 6 /env fork 9"]].concat();
    with_host(&more, 8, "70-8 /bash bash < 70-7 /bash bash < 50-6 /bash < 40-5 /sshd", 2);
    with_host(&more, 9, "71-9 /env env < 70-7 /env env < 50-6 /bash < 40-5 /sshd", 2);
    // An execution without an event: the process is looked at again, once.
    let unseen = ["host 7 6 60 /cat", "700 7 6 /cat", "host 7 6 60 /tac", "800 7 6 /tac", "810 7 6 /tac"];
    with_host(&unseen, 7, &format!("60-7 /tac tac < {parent}"), 2);
    // It has gone on to a third one since: the arguments are not those of the second.
    let passed = ["host 7 6 60 /cat", "700 7 6 /cat", "host 7 6 60 /third", "800 7 6 /tac"];
    with_host(&passed, 7, &format!("60-7 /tac < {parent}"), 2);
    // It is gone: it is the same process nevertheless.
    let gone = ["host 7 6 60 /cat", "700 7 6 /cat", "gone 7", "800 7 6 /tac"];
    with_host(&gone, 7, &format!("60-7 /tac < {parent}"), 2);
    // So has the parent, of which no execution was seen.
    let other = ["600 6 5 /bash", "host 6 5 50 /zsh", "700 7 6 /cat"];
    with_host(&other, 7, "70-7 /cat < 50-6 /zsh zsh < 40-5 /sshd < 1-1 /init", 2);
}

#[test]
fn an_orphan_keeps_the_parent_that_started_it() {
    let known = "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init";
    with_host(
        &["host 7 6 60 /cat", "700 7 6 /cat", "710 6 5 /bash exit", "gone 6", "720 7 1 /cat"],
        7,
        known,
        1,
    );
    let forked = known.replace("60-7 /cat cat", "70-7 /bash bash");
    let story = ["600 6 5 /bash", "700 6 5 /bash fork 7", "gone 6", "host 7 1 70 /bash", "710 7 1 /bash"];
    with_host(&story, 7, &forked, 2);
}

#[test]
fn a_pid_that_is_given_again_is_another_process() {
    let first = ["host 7 6 60 /cat", "700 7 6 /cat"];
    let next = "host 7 5 90 /tac";
    let second = "90-7 /tac tac < 40-5 /sshd sshd < 1-1 /init";
    // The last pid has come round.
    with_host(&[&first[..], &[next, "last 1 50", "950 7 5 /tac"]].concat(), 7, second, 2);
    // Even where all but the start is the same.
    let same = [&first[..], &["host 7 6 90 /cat", "last 1 50", "950 7 6 /cat"]].concat();
    with_host(&same, 7, "90-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 2);
    // It has come round, and it is the same process still: one look, no more.
    let still = [&first[..], &["last 1 50", "950 7 6 /cat", "960 7 6 /cat"]].concat();
    with_host(&still, 7, "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 2);
    // Round again, and gone: what the event says is all there is.
    let gone = [&first[..], &["gone 7", "last 1 50", "950 7 5 /tac"]].concat();
    with_host(&gone, 7, "95-7 /tac < 40-5 /sshd sshd < 1-1 /init", 2);
    let ended = [&first[..], &["710 7 6 /cat exit", "gone 7", "last 1 50", "950 7 6 /cat"]].concat();
    with_host(&ended, 7, "95-7 /cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 2);
    // A fork says that it was given again.
    let forked = [&first[..], &["gone 7", "last 1 50", "950 6 5 /bash fork 7"]].concat();
    with_host(&forked, 7, "95-7 /bash bash < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 2);
    // A process that was there when its parent's pid was given to a younger one is not that one's child.
    let younger = ["host 7 6 60 /cat", "host 6 5 900 /new", "700 7 6 /cat"];
    with_host(&younger, 7, "60-7 /cat cat", 1);
}

#[test]
fn a_number_of_another_pid_namespace_harms_nobody() {
    // In its container the child is 5; here 5 is another.
    let story = ["host 7 6 60 /cat", "700 7 6 /cat", "800 7 6 /cat fork 5"];
    with_host(&story, 5, "40-5 /sshd sshd < 1-1 /init init", 1);
    // Nobody was known as 9, and who then comes as 9 is older than that fork.
    let story =
        ["host 7 6 60 /cat", "700 7 6 /cat", "9000 7 6 /cat fork 9", "host 9 1 30 /cron", "9100 9 1 /cron"];
    with_host(&story, 9, "30-9 /cron cron < 1-1 /init init", 2);
    let gone = ["host 7 6 60 /cat", "700 7 6 /cat", "9000 7 6 /cat fork 9", "9100 9 1 /cron"];
    with_host(&gone, 9, "910-9 /cron < 1-1 /init init", 2);
}

#[test]
fn a_thread_that_clone3_makes_is_nobody() {
    let story = ["host 7 6 60 /cat", "700 7 6 /cat fork 8", "710 7 6 /cat", "720 7 6 /cat"];
    with_host(&story, 7, "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init", 1);
}

#[test]
fn who_is_gone_is_where_its_parent_is() {
    let mut story = Story::new();
    HOST.into_iter()
        .chain(["600 6 5 /bash", "700 7 6 /cat", "710 6 5 /bash fork 8"])
        .for_each(|line| story.line(line));
    for pid in [6, 7, 8] {
        let unit = story.table.context(pid, None).and_then(|(context, _)| context.unit.clone());
        assert_eq!(unit.as_deref(), Some(&b"/bash"[..]), "{pid}");
    }
}

#[test]
fn an_answer_that_comes_late_is_taken_in_if_it_is_of_the_same_process() {
    let mut story = Story::new();
    HOST.into_iter().chain(["host 7 6 60 /cat"]).for_each(|line| story.line(line));
    let seen = Sighting {
        time_ms: 700,
        pid: 7,
        ppid: Some(6),
        auid: UNSET,
        session: UNSET,
        exe: Some(Cow::Borrowed(b"/cat")),
        act: Act::Other,
    };
    assert_eq!(story.table.meet(&seen, story.now.position), Acquaintance::Stranger);
    story.table.settle(&seen, (Acquaintance::Stranger, Looked::default()), 5, story.now);
    assert_eq!(story.known(7), "70-7 /cat");
    let looked = |story: &Story, pids: &[u32]| Looked {
        found: story.host.get(&7).cloned(),
        up: pids.iter().map(|pid| story.host[pid].clone()).collect(),
    };
    let answer = looked(&story, &[6, 5, 1]);
    // Of a question that was asked before.
    story.table.settle_late(7, 4, answer.clone(), story.now);
    assert_eq!(story.known(7), "70-7 /cat");
    story.table.settle_late(7, 5, answer, story.now);
    assert_eq!(story.known(7), "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init");
    // Of one that has got the pid since.
    story.line("host 7 1 900 /tac");
    let answer = looked(&story, &[1]);
    story.table.settle_late(7, 5, answer, story.now);
    assert_eq!(story.known(7), "60-7 /cat cat < 50-6 /bash bash < 40-5 /sshd < 1-1 /init");
}

#[test]
fn a_million_processes_need_no_more_room() {
    let mut table = Table::new(TOLD, Arc::default());
    let now = Moment { position: Position::new(0, 4_000_000), boot_ms: 0 };
    let argument: Bytes = vec![b'x'; 4096].into();
    for pid in 1..=1_000_000 {
        let seen = Sighting {
            time_ms: u64::from(pid),
            pid,
            ppid: Some(pid - 1),
            auid: UNSET,
            session: UNSET,
            exe: Some(Cow::Borrowed(b"/usr/bin/some-program")),
            act: Act::Other,
        };
        assert_eq!(table.meet(&seen, now.position), Acquaintance::Stranger);
        table.settle(&seen, (Acquaintance::Stranger, Looked::default()), 0, now);
        // Every hundredth with all the arguments that there may be.
        if pid % 100 == 0 {
            table.execute(pid, Some(argument.clone()), [argument.clone()].into());
        }
        assert!(table.held <= HELD_BYTES_MAX && table.known.len() <= PROCESSES_MAX);
    }
    assert!(table.known.len() > 4096, "{}", table.known.len());
    let held: usize = table.known.iter().map(|(_, known)| known.weigh()).sum();
    assert_eq!(table.held, held);
    // The last of them has its lineage.
    let process =
        table.context(1_000_000, None).and_then(|(context, _)| context.process.clone()).expect("known");
    assert_eq!(process.parent.as_ref().map(|parent| parent.id.pid), Some(999_999));
    assert_eq!(process.ancestors.len(), 2);
}
