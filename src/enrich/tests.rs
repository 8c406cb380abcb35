use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::{Receiver, bounded};

use super::asked::QUESTIONS_MAX;
use super::*;

/// Names `u<id>` for even ids and none for odd ones; counts what it is asked and, if so made, answers only when told.
struct Double {
    asked: Arc<AtomicU32>,
    gate: Option<Receiver<()>>,
}

impl Lookup for Double {
    fn user(&mut self, id: u32) -> Option<String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        id.is_multiple_of(2).then(|| format!("u{id}"))
    }

    fn group(&mut self, id: u32) -> Option<String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some("x".repeat(usize::try_from(id).expect("small")))
    }
}

const PATIENT: Config = Config { wait: Duration::from_secs(60), lifetime: Duration::from_secs(60) };
const HASTY: Config = Config { wait: Duration::ZERO, lifetime: Duration::from_secs(60) };

fn enricher(config: Config, gate: Option<Receiver<()>>) -> (Enricher, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let double = Double { asked: Arc::clone(&asked), gate };
    (Enricher::new(config, Box::new(double), &Counts::default()).expect("a thread"), asked)
}

/// What was counted: known, asked, answered, absent, late, refused, forgotten.
fn counted(enricher: &Enricher) -> [u64; 7] {
    let Tally { known, asked, answered, absent, late, refused, forgotten } = enricher.directory.tally();
    [known, asked, answered, absent, late, refused, forgotten].map(Tally::read)
}

#[test]
fn each_id_is_asked_once_within_its_lifetime_and_again_after_it() {
    let (mut enricher, asked) = enricher(PATIENT, None);
    let start = Instant::now();
    for seconds in [0, 1, 59] {
        let now = start + Duration::from_secs(seconds);
        assert_eq!(enricher.user(1000, now).as_deref(), Some("u1000"));
        assert_eq!(enricher.user(1001, now), None);
        assert_eq!(enricher.user(UNSET, now).as_deref(), Some("unset"));
        assert_eq!(enricher.group(UNSET, now).as_deref(), Some("unset"));
        assert_eq!(asked.load(Ordering::SeqCst), 2, "after {seconds} s");
    }
    let later = start + Duration::from_secs(60);
    assert_eq!(enricher.user(1000, later).as_deref(), Some("u1000"));
    assert_eq!(enricher.user(1001, later), None);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert_eq!(counted(&enricher), [4, 4, 4, 2, 0, 0, 0]);
}

#[test]
fn what_is_forgotten_is_counted() {
    let (mut enricher, _) = enricher(PATIENT, None);
    let now = Instant::now();
    for id in 0..2000 {
        enricher.user(id, now);
    }
    let [known, asked, answered, absent, late, refused, forgotten] = counted(&enricher);
    assert_eq!([known, asked, answered, absent, late, refused], [0, 2000, 2000, 1000, 0, 0]);
    // The table has room for 1024.
    assert!((976..2000).contains(&forgotten), "{forgotten}");
}

#[test]
fn users_and_groups_are_apart_and_monstrous_names_are_refused() {
    let (mut enricher, _) = enricher(PATIENT, None);
    let now = Instant::now();
    assert_eq!(enricher.user(4, now).as_deref(), Some("u4"));
    assert_eq!(enricher.group(4, now).as_deref(), Some("xxxx"));
    assert_eq!(enricher.group(0, now), None);
    assert!(enricher.group(256, now).is_some());
    assert_eq!(enricher.group(257, now), None);
}

#[test]
fn a_hanging_directory_holds_no_event_back_and_its_answer_serves_later_ones() {
    let (open, gate) = bounded(0);
    let (mut enricher, _) = enricher(HASTY, Some(gate));
    let now = Instant::now();
    assert_eq!(enricher.user(2, now), None);
    // With a patient configuration the second id would wait for a minute; the first one's silence spares it.
    enricher.config = PATIENT;
    assert!(enricher.directory.is_stalled());
    assert_eq!(enricher.user(4, now), None);
    assert_eq!(enricher.user(2, now), None);
    assert_eq!(counted(&enricher), [0, 2, 0, 0, 3, 0, 0]);
    open.send(()).expect("the thread listens");
    open.send(()).expect("the first answer has been given");
    // The third look-up can only begin after the second answer has been given.
    drop(open);
    assert_eq!(enricher.user(6, now).as_deref().unwrap_or("u6"), "u6");
    while counted(&enricher)[2] < 2 {
        enricher.user(UNSET - 1, now);
        std::thread::yield_now();
    }
    assert_eq!(enricher.user(2, now).as_deref(), Some("u2"));
    assert_eq!(enricher.user(4, now).as_deref(), Some("u4"));
}

#[test]
fn questions_are_bounded() {
    let (_open, gate) = bounded(0);
    let (mut enricher, _) = enricher(HASTY, Some(gate));
    let now = Instant::now();
    let many = u32::try_from(QUESTIONS_MAX).expect("small") + 100;
    for id in 0..many {
        assert_eq!(enricher.user(id, now), None);
    }
    let [_, asked, _, _, late, refused, _] = counted(&enricher);
    // One question may have left the queue for the thread.
    assert!((99..=100).contains(&refused), "{refused}");
    assert_eq!((late + refused, asked + refused), (u64::from(many), u64::from(many)));
}

#[test]
fn a_directory_that_died_costs_names_and_nothing_else() {
    struct Dying;
    impl Lookup for Dying {
        fn user(&mut self, _: u32) -> Option<String> {
            std::panic::resume_unwind(Box::new("the double dies"));
        }
        fn group(&mut self, _: u32) -> Option<String> {
            None
        }
    }
    let mut enricher = Enricher::new(PATIENT, Box::new(Dying), &Counts::default()).expect("a thread");
    let now = Instant::now();
    assert_eq!(enricher.user(1, now), None);
    assert_eq!(enricher.user(2, now), None);
    assert_eq!(enricher.group(2, now), None);
}

#[test]
fn this_host_knows_root() {
    assert_eq!(lookup::Host.user(0).as_deref(), Some("root"));
    assert_eq!(lookup::Host.group(0).as_deref(), Some("root"));
}

#[test]
fn names_hold_each_id_once() {
    let mut names = Names::default();
    names.add_user(0, Arc::from("root"));
    names.add_user(0, Arc::from("toor"));
    names.add_group(0, Arc::from("wheel"));
    assert_eq!((names.user(0), names.user(1), names.group(0)), (Some("root"), None, Some("wheel")));
    assert_eq!(names.users.len(), 1);
    names.clear();
    assert!(names.is_empty());
}
