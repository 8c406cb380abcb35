//! The answer over the index is that of a scan over every entry.

use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::filter::{FILTER_DEPTH_MAX, Filter, FilterProblem};
use super::run::{Cursor, Order, Query, count, run};
use crate::entry::field::Field;
use crate::store::term::Terms;
use crate::store::{Config, Flush, Reader, Snapshot, Stamp, Store};

/// A test entry's line is its number; its terms are looked up in the list.
fn store(dir: &std::path::Path, entries: &[(u64, Terms)], rotate_after: usize) -> Store {
    let known: Vec<(u64, Terms)> = entries.to_vec();
    let describe = move |line: &[u8], terms: &mut Terms| {
        let number: usize =
            std::str::from_utf8(line).ok()?.strip_prefix('{')?.strip_suffix('}')?.parse().ok()?;
        let (time_ms, own) = known.get(number)?;
        own.iter().for_each(|(field, value)| terms.add(field, value));
        Some(Stamp { time_ms: *time_ms, serial: 0 })
    };
    let config = Config { dir: dir.to_owned(), flush: Flush::None, ..Config::default() };
    let (mut store, problems) = Store::open(config, Arc::new(describe)).expect("an empty directory opens");
    assert!(problems.is_empty());
    for (number, (time_ms, terms)) in entries.iter().enumerate() {
        let stamp = Stamp { time_ms: *time_ms, serial: 0 };
        store.append(stamp, terms, format!("{{{number}}}").as_bytes()).expect("there is room");
        if number % rotate_after == rotate_after - 1 {
            store.rotate().expect("rotates");
        }
    }
    store.flush().expect("there is room");
    store
}

fn found(snapshot: &Snapshot, query: &Query) -> Vec<usize> {
    let mut numbers = Vec::new();
    let number = |line: &[u8]| -> usize {
        std::str::from_utf8(&line[1..line.len() - 1]).expect("text").parse().expect("a number")
    };
    run(snapshot, query, &mut |_, line| {
        numbers.push(number(line));
        ControlFlow::Continue(())
    })
    .expect("a store that can be read");
    numbers
}

fn terms() -> impl Strategy<Value = Terms> {
    let value = prop_oneof![
        (Just(Field::Key), prop::sample::select(vec!["a", "ab", "passwd-ra"]).prop_map(str::to_owned)),
        (
            Just(Field::Exe),
            prop::sample::select(vec!["/bin/rm", "/usr/bin/grep", "/bin/ls"]).prop_map(str::to_owned)
        ),
        (Just(Field::Uid), (0u32..4).prop_map(|uid| uid.to_string())),
        (Just(Field::Result), prop::sample::select(vec!["ok", "fail"]).prop_map(str::to_owned)),
    ];
    prop::collection::vec(value, 0..5).prop_map(|values| {
        let mut terms = Terms::default();
        values.iter().for_each(|(field, value)| terms.add(field.id(), value.as_bytes()));
        terms
    })
}

fn filter_text() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "key=a",
        "key=passwd-ra",
        "key~a",
        "key!=ab",
        "exe~bin",
        "exe^/usr",
        "exe=/bin/rm",
        "uid=1",
        "uid<2",
        "uid>=3",
        "uid!=0",
        "result=fail",
        "key~\"\"",
        "comm=none",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| format!("not ({part})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner, 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_index_answers_as_a_scan_does(
        entries in prop::collection::vec((0u64..50, terms()), 0..60),
        filters in prop::collection::vec(filter_text(), 1..6),
        since in prop::option::of(0u64..50),
        until in prop::option::of(0u64..50),
        limit in prop::option::of(0u64..20),
    ) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut store = store(dir.path(), &entries, 17);
        for sealed in [false, true] {
            if sealed {
                store.seal_all().expect("seals");
            }
            let snapshot = store.reader().snapshot();
            for text in &filters {
                let filter = Filter::parse(text).expect("a good filter");
                prop_assert_eq!(&Filter::parse(&filter.to_string()).expect("its own text"), &filter, "{}", text);
                let within = |time: u64| since.is_none_or(|since| time >= since) && until.is_none_or(|until| time <= until);
                let all: Vec<usize> = (0..entries.len())
                    .filter(|number| within(entries[*number].0) && filter.matches(&entries[*number].1)).collect();
                let limited = |numbers: Vec<usize>| -> Vec<usize> {
                    numbers.into_iter().take(limit.map_or(usize::MAX, |limit| usize::try_from(limit).expect("small"))).collect()
                };
                let mut query = Query { filter: Some(filter), since_ms: since, until_ms: until, limit, ..Query::default() };
                prop_assert_eq!(found(&snapshot, &query), limited(all.clone()), "{}", text);
                let counted = count(&snapshot, &query).expect("readable").matched;
                prop_assert_eq!(counted, limited(all.clone()).len() as u64);
                query.order = Order::Newest;
                prop_assert_eq!(found(&snapshot, &query), limited(all.into_iter().rev().collect()), "{}", text);
            }
        }
    }

    #[test]
    fn no_text_can_make_the_reader_panic(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text);
        let _ = text.parse::<Cursor>();
    }
}

#[test]
fn a_search_goes_on_after_a_cursor_without_repeating_or_skipping() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let entries: Vec<(u64, Terms)> = (0..50).map(|time| (time, Terms::default())).collect();
    let mut store = store(dir.path(), &entries, 7);
    for order in [Order::Oldest, Order::Newest] {
        let mut query = Query { limit: Some(3), order, ..Query::default() };
        let mut all = Vec::new();
        loop {
            let snapshot = store.reader().snapshot();
            let mut last = None;
            let before = all.len();
            all.extend(found(&snapshot, &query));
            run(&snapshot, &query, &mut |position, _| {
                last = Some(Cursor(position));
                ControlFlow::Continue(())
            })
            .expect("readable");
            if all.len() == before {
                break;
            }
            query.after = last.map(|cursor| cursor.to_string().parse().expect("its own text"));
            store.seal_all().expect("seals between");
        }
        if order == Order::Newest {
            all.reverse();
        }
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn a_long_answer_comes_in_order_from_several_threads() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let entries: Vec<(u64, Terms)> = (0..12_000u64)
        .map(|time| {
            let mut terms = Terms::default();
            terms.add(Field::Key.id(), if time % 7 == 0 { b"seventh" } else { b"other" });
            (time, terms)
        })
        .collect();
    let mut store = store(dir.path(), &entries, 1900);
    store.seal_all().expect("seals");
    let snapshot = store.reader().snapshot();
    for (text, step) in [("key=seventh", 7), ("pid!=1", 1)] {
        for order in [Order::Oldest, Order::Newest] {
            let filter = Some(Filter::parse(text).expect("a good filter"));
            let query = Query { filter, order, ..Query::default() };
            let mut expected: Vec<usize> = (0..12_000).step_by(step).collect();
            if order == Order::Newest {
                expected.reverse();
            }
            assert_eq!(found(&snapshot, &query), expected, "{text}");
            let mut given = 0;
            let ran = run(&snapshot, &query, &mut |_, _| {
                given += 1;
                if given == 1700 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(ran.expect("readable").matched, 1700, "{text}");
        }
    }
}

/// "and" within "or" was written in parentheses that had not been there, which made a filter of the greatest depth one that
/// is refused: its text could not be sent to the daemon.
#[test]
fn a_filter_of_the_greatest_depth_reads_back_the_same() {
    let inner = "key=a and key=b or key=c and key=d";
    for (open, close) in [("(", ")"), ("not (", ")")] {
        let depth = if open == "(" { FILTER_DEPTH_MAX } else { FILTER_DEPTH_MAX / 2 };
        let text = open.repeat(depth) + inner + &close.repeat(depth);
        let filter = Filter::parse(&text).expect("as deep as it may be");
        assert_eq!(Filter::parse(&filter.to_string()).as_ref(), Ok(&filter), "{filter}");
    }
    let filter =
        Filter::parse("(key=a and key=b) and (key=c or key=d) or (key=e or key=f)").expect("a filter");
    assert_eq!(filter.to_string(), "(key=a and key=b) and (key=c or key=d) or (key=e or key=f)");
}

/// Each limit is reached and passed by one; `docs/api.md` has their numbers.
#[test]
fn a_filter_is_limited_in_length_tests_and_levels() {
    let long = |bytes: usize| format!("key={}", "x".repeat(bytes - 4));
    // A value is shorter: the rest is made of blanks.
    let padded = |bytes: usize| format!("key=a{}", " ".repeat(bytes - 5));
    let tests = |count: usize| vec!["key=a"; count].join(" or ");
    let levels = |count: usize| "(".repeat(count) + "key=a" + &")".repeat(count);
    for (inside, outside, expected) in [
        (padded(8192), padded(8193), FilterProblem::TooLong),
        (tests(256), tests(257), FilterProblem::TooManyTests),
        (levels(64), levels(65), FilterProblem::TooDeep),
    ] {
        assert!(Filter::parse(&inside).is_ok(), "{expected}");
        assert_eq!(Filter::parse(&outside).expect_err("more than may be").problem, expected);
    }
    assert!(Filter::parse(&long(4 + 4096)).is_ok());
    assert!(Filter::parse(&long(4 + 4097)).is_err(), "no value is kept that is as long");
}

#[test]
fn a_bad_filter_is_refused_with_its_place() {
    let cases: &[(&str, usize)] = &[
        ("", 0),
        ("key", 3),
        ("key=a and", 9),
        ("(key=a", 6),
        ("key=\"a", 4),
        ("result=maybe", 7),
        ("exe<1", 4),
    ];
    for (text, at) in cases {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.at, *at, "{text}: {error}");
    }
    let error = Filter::parse("kye=a").expect_err("no such field");
    assert!(matches!(error.problem, FilterProblem::UnknownField { nearest: Some("key"), .. }));
}

/// As retention in another process does it.
#[test]
fn a_segment_that_is_removed_while_it_is_searched_is_left_out_and_told_of() {
    let dir = tempfile::tempdir().expect("a directory");
    let entries: Vec<(u64, Terms)> = (0..6).map(|time_ms| (time_ms, Terms::default())).collect();
    drop(store(dir.path(), &entries, 2));
    let (reader, _) =
        Reader::open(dir.path(), Arc::new(|_: &[u8], _: &mut Terms| None)).expect("a log that can be read");
    let snapshot = reader.snapshot();
    for suffix in ["idx", "seg"] {
        std::fs::remove_file(dir.path().join(format!("audit-0000000001.{suffix}"))).expect("it was sealed");
    }
    for (order, expected) in [(Order::Oldest, vec![2, 3, 4, 5]), (Order::Newest, vec![5, 4, 3, 2])] {
        let query = Query { order, ..Query::default() };
        assert_eq!(found(&snapshot, &query), expected, "{order:?}");
        let ran =
            run(&snapshot, &query, &mut |_, _| ControlFlow::Continue(())).expect("the rest can be read");
        assert_eq!((ran.matched, ran.removed, ran.stopped), (4, true, false), "{order:?}");
    }
}
