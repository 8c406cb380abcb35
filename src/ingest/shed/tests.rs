//! The order in which events are left out, that they are left out whole, and that the account is exact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::account::{Account, keys};
use super::*;

fn config() -> Config {
    let keys = |keys: &[&str]| keys.iter().map(|key| Box::from(key.as_bytes())).collect();
    Config { keep_keys: keys(&["keep", "keep 2"]), first_keys: keys(&["noise", "chatter"]) }
}

fn shedder() -> Shedder {
    Shedder::new(config(), Arc::default())
}

fn message(serial: u32, body: &str) -> Vec<u8> {
    format!("audit(1.000:{serial}): {body}").into_bytes()
}

/// The body of a system call's record with this text behind `key=`.
fn call(success: &str, key: &str) -> String {
    format!("arch=c000003e syscall=257 success={success} exit=3 comm=\"x\" exe=\"/x\" subj=y key={key}")
}

#[test]
fn what_an_event_is_worth_is_told_by_its_key_and_result() {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    for (success, key, expected) in [
        ("yes", "\"noise\"".to_owned(), Value::First),
        ("no", hex("noise\u{1}chatter"), Value::First),
        ("yes", hex("noise\u{1}other"), Value::Keyed),
        ("yes", "(null)".to_owned(), Value::Unkeyed),
        ("no", "(null)".to_owned(), Value::Unkeyed),
        ("yes", "\"(null)\"".to_owned(), Value::Keyed),
        ("yes", "\"other\"".to_owned(), Value::Keyed),
        ("no", "\"other\"".to_owned(), Value::KeyedFailed),
        ("yes", "\"keep\"".to_owned(), Value::Kept),
        ("yes", hex("keep 2"), Value::Kept),
        ("yes", hex("noise\u{1}keep"), Value::Kept),
        ("yes", "\"abcd\"".to_owned(), Value::Keyed),
    ] {
        assert_eq!(shedder().value(call(success, &key).as_bytes()), expected, "{success} {key}");
    }
    // A program chooses its name, but cannot have a blank or a quote in it as they are.
    let named = "arch=c000003e syscall=257 success=yes exit=3 comm=206B65793D226B65657022 exe=\"/key=keep\" key=\"noise\"";
    assert_eq!(shedder().value(named.as_bytes()), Value::First);
    assert_eq!(shedder().value(b"arch=c000003e syscall=257 success=yes"), Value::Kept, "it cannot be judged");
}

/// At which fill of the ring each event is left out.
#[test]
fn the_least_valuable_go_first() {
    let values = [Value::First, Value::Unkeyed, Value::Keyed, Value::KeyedFailed];
    let levels: Vec<f64> = values.iter().map(|value| value.level().unwrap()).collect();
    assert!(values.is_sorted() && levels.is_sorted_by(|a, b| a < b));
    let records = [
        (1300, call("yes", "\"noise\"")),
        (1300, call("yes", "(null)")),
        (1300, call("yes", "\"other\"")),
        (1300, call("no", "\"other\"")),
        (1300, call("no", "\"keep\"")),
        (1006, "pid=1 uid=0 old-auid=4294967295 auid=1000".to_owned()),
        (1112, "pid=1 uid=0 auid=1000 msg='op=login res=success'".to_owned()),
        (1200, "op=start".to_owned()),
        (1305, "op=add_rule key=\"noise\" list=4 res=1".to_owned()),
        (1326, "auid=1000 comm=\"x\" sig=31".to_owned()),
        (1336, "uring_op=28 success=yes exit=0 key=\"noise\"".to_owned()),
        (1400, "avc:  denied  { read } for pid=1".to_owned()),
        (1701, "auid=1000 comm=\"x\" sig=11 res=1".to_owned()),
        (1999, "what is this?".to_owned()),
    ];
    for (fill, shed) in [(0.0, 0), (0.49, 0), (0.5, 1), (0.625, 2), (0.75, 3), (0.875, 4), (1.0, 4)] {
        let mut shedder = shedder();
        for (at, (kind, body)) in records.iter().enumerate() {
            let kept = shedder.keeps(fill, *kind, &message(at as u32, body));
            assert_eq!(kept, at >= shed, "{body} at {fill}");
        }
        assert_eq!(shedder.account.events(), shed as u64);
    }
}

#[test]
fn an_event_that_began_otherwise_stays_whole() {
    for fill in [0.0, 1.0] {
        let mut shedder = shedder();
        assert!(shedder.keeps(fill, 1400, &message(7, "avc:  denied")));
        assert!(shedder.keeps(1.0, 1300, &message(7, &call("yes", "\"noise\""))));
        assert!(shedder.keeps(1.0, 1302, &message(7, "item=0")));
        assert!(!shedder.keeps(1.0, 1300, &message(8, &call("yes", "\"noise\""))));
    }
}

#[test]
fn the_next_process_goes_on_leaving_out_what_was_begun() {
    let mut first = shedder();
    assert!(!first.keeps(1.0, 1300, &message(7, &call("yes", "\"noise\""))));
    let mut note = Vec::new();
    first.note(&mut note);
    let mut next = shedder();
    next.resume(&note);
    assert!(next.keeps(0.0, 1302, &message(8, "item=0")));
    assert!(!next.keeps(0.0, 1302, &message(7, "item=0")));
    assert!(!next.keeps(0.0, 1320, &message(7, "")));
    assert!(next.keeps(0.0, 1302, &message(7, "item=0")), "that one is over");
    assert_eq!(next.account(0.0), None, "it was accounted for when it began");
    note.clear();
    next.note(&mut note);
    assert!(note.is_empty());
}

#[test]
fn an_account_waits_for_room_unless_it_grows_too_large() {
    let mut shedder = shedder();
    assert_eq!(shedder.account(0.0), None);
    for serial in 0..2 * ACCOUNT_HOLES_MAX {
        let key = if serial % 2 == 0 { "\"noise\"" } else { "\"keep\"" };
        assert_eq!(shedder.account(1.0), None, "{serial}");
        assert_eq!(shedder.account(0.5).is_some(), serial > 0);
        shedder.keeps(0.9, 1300, &message(serial, &call("yes", key)));
        shedder.keeps(0.9, 1320, &message(serial, ""));
    }
    let account = Account::decode(&shedder.account(1.0).expect("it is due")).expect("an account");
    assert_eq!(account.events(), u64::from(ACCOUNT_HOLES_MAX));
    shedder.accounted();
    assert_eq!(shedder.account(0.0), None);
    assert_eq!(shedder.counters.shed_by().events(), u64::from(ACCOUNT_HOLES_MAX));
}

/// There may be any number of keys; the account has room for 1024 pairs of type and key.
#[test]
fn keys_without_room_are_counted_together() {
    let mut account = Account::default();
    let add = |account: &mut Account, key: u32| {
        account.add(RecordType(1300), format!("k{key}").as_bytes(), EventId { time_ms: 0, serial: key });
    };
    (0..1024 + 5).for_each(|key| add(&mut account, key));
    add(&mut account, 0);
    let pairs: Vec<_> = account.by().collect();
    assert_eq!((pairs.len(), account.events()), (1025, 1030));
    let others = pairs.iter().find(|((_, key), _)| &**key == b"(others)").expect("they are told");
    assert_eq!(others.1.events, 5);
}

#[test]
fn bytes_that_are_no_account_are_told_from_one() {
    let mut account = Account::default();
    account.add(RecordType::SYSCALL, b"\"k\"", EventId { time_ms: 5, serial: 9 });
    let bytes = account.encode();
    assert_eq!(Account::decode(&bytes), Some(account));
    for length in 0..bytes.len() {
        assert_eq!(Account::decode(&bytes[..length]), None, "{length}");
    }
}

/// An event of the load: kind of key, whether it succeeds, records behind the first.
type Given = (usize, bool, usize);

const KEYS: [&str; 5] = ["\"noise\"", "(null)", "\"a\"", "6101622063", "\"keep\""];

proptest! {
    /// Whatever comes in whatever order, while the ring fills and empties: an event is stored whole or left out whole, one
    /// that is kept never is, no event is left out while one that is worth less would be kept, and the account is what is
    /// missing, to the event.
    #[test]
    fn stored_and_shed_are_all_there_was(
        events in proptest::collection::vec((0..KEYS.len(), any::<bool>(), 0usize..4), 1..60),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 300),
        fills in proptest::collection::vec(0.0..1.0f64, 300),
    ) {
        let counters = Arc::new(Counters::default());
        let mut shedder = Shedder::new(config(), counters.clone());
        let mut stored: BTreeMap<u32, usize> = BTreeMap::new();
        let mut account = Account::default();
        // Records that are still to come of each event, the events interleaved as `order` says.
        let mut left: Vec<(u32, Given, usize)> = events.iter().zip(1..).map(|(event, serial)| (serial, *event, 0)).collect();
        let mut step = 0;
        while !left.is_empty() {
            let (choice, fill) = (order[step % order.len()], fills[step % fills.len()]);
            step += 1;
            // A few processors at once.
            let at = choice.index(left.len().min(3));
            let (serial, (key, success, more), place) = left[at];
            let first = call(if success { "yes" } else { "no" }, KEYS[key]);
            let (kind, body) = match place {
                0 => (1300, first.as_str()),
                place if place <= more => (1302, "item=0"),
                _ => (1320, ""),
            };
            if shedder.keeps(fill, kind, &message(serial, body)) {
                *stored.entry(serial).or_default() += 1;
            } else if place == 0 {
                let value = shedder.value(first.as_bytes());
                prop_assert!(value.level().is_some_and(|level| level <= fill), "{value:?} at {fill}");
            }
            left[at].2 += 1;
            if place > more {
                left.remove(at);
            }
            if let Some(bytes) = shedder.account(fill) {
                account.merge(&Account::decode(&bytes).expect("an account"));
                shedder.accounted();
            }
        }
        if let Some(bytes) = shedder.account(0.0) {
            account.merge(&Account::decode(&bytes).expect("an account"));
            shedder.accounted();
        }
        let mut expected: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        let mut missing = BTreeSet::new();
        for ((key, _, more), serial) in events.iter().zip(1..) {
            match stored.get(&serial) {
                Some(records) => prop_assert_eq!(*records, more + 2, "event {} is stored in part", serial),
                None => {
                    prop_assert_ne!(KEYS[*key], "\"keep\"");
                    missing.insert(serial);
                    *expected.entry(keys(&(RecordType::SYSCALL, KEYS[*key].as_bytes().into()))).or_default() += 1;
                }
            }
        }
        let found: BTreeMap<_, _> = account.by().map(|(pair, shed)| (keys(pair), shed.events)).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(account.serials().collect::<BTreeSet<_>>(), missing);
        prop_assert_eq!(account.events() + stored.len() as u64, events.len() as u64);
        prop_assert_eq!(Counters::read(&counters.shed), account.events());
        prop_assert_eq!(counters.shed_by().events(), account.events());
    }
}
