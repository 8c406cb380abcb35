//! Dates, times and the words for them, after `-ts` and `-te`.

use jiff::civil::{Date, Time, Weekday};
use jiff::{Timestamp, ToSpan, Zoned};
use thiserror::Error;

/// Why a text is no time.
#[derive(Debug, Error, PartialEq, Eq)]
pub(in crate::cli::dropin) enum WhenError {
    #[error("{0:?} is not a date; write 11/23/26, 11/23/2026, 2026-11-23 or one of {WORDS}")]
    Date(String),
    #[error("{0:?} is not a time; write 18:00:00 or 18:00")]
    Time(String),
    #[error("{0:?} is before 1970")]
    Early(String),
}

/// The words that stand for a date and a time.
const WORDS: &str =
    "now, recent, this-hour, boot, today, yesterday, this-week, week-ago, this-month, this-year";

/// Seconds since 1970 of a date and a time, of which one may be missing, seen from `now`.
///
/// Without a date it is today; without a time it is midnight at the start, and at the `end` it is now.
pub(in crate::cli::dropin) fn parse(
    first: &str,
    second: Option<&str>,
    end: bool,
    now: &Zoned,
) -> Result<u64, WhenError> {
    let at = |zoned: Zoned| {
        u64::try_from(zoned.timestamp().as_second()).map_err(|_| WhenError::Early(first.to_owned()))
    };
    // Until today is until now.
    let moment = if end && first == "today" && second.is_none() { "now" } else { first };
    if let Some(zoned) = word(moment, now) {
        return match second {
            // A word for a moment has its time; `today 10:00` has that of its day.
            Some(second) => join(zoned.date(), time(second)?, now, first).and_then(at),
            None => at(zoned),
        };
    }
    if let (Ok(timestamp), None) = (first.parse::<Timestamp>(), second) {
        return at(timestamp.to_zoned(now.time_zone().clone()));
    }
    if let (Some(alone), None) = (clock(first), second) {
        return join(now.date(), alone, now, first).and_then(at);
    }
    let date = date(first).ok_or_else(|| WhenError::Date(first.to_owned()))?;
    let time = match second {
        Some(second) => time(second)?,
        None if end => now.time(),
        None => Time::midnight(),
    };
    join(date, time, now, first).and_then(at)
}

fn join(date: Date, time: Time, now: &Zoned, text: &str) -> Result<Zoned, WhenError> {
    date.to_datetime(time).to_zoned(now.time_zone().clone()).map_err(|_| WhenError::Date(text.to_owned()))
}

fn time(text: &str) -> Result<Time, WhenError> {
    clock(text).ok_or_else(|| WhenError::Time(text.to_owned()))
}

/// `18:00:00` or `18:00`.
fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| part.parse::<i8>().ok().filter(|_| part.len() <= 2));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() { None } else { Time::new(hour, minute, second, 0).ok() }
}

/// `11/23/26`, `11/23/2026` or `2026-11-23`. A year of two digits is from 1969 to 2068, as strptime has it.
fn date(text: &str) -> Option<Date> {
    if let Ok(date) = text.parse::<Date>() {
        return Some(date);
    }
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year = match (year.len(), year.parse::<i16>().ok()?) {
        (1 | 2, short @ 69..) => 1900 + short,
        (1 | 2, short) => 2000 + short,
        (4, year) => year,
        _ => return None,
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn word(text: &str, now: &Zoned) -> Option<Zoned> {
    let midnight = |date: Date| date.to_zoned(now.time_zone().clone()).ok();
    let today = now.date();
    match text {
        "now" => Some(now.clone()),
        "recent" => now.checked_sub(10.minutes()).ok(),
        "this-hour" => now.with().minute(0).second(0).build().ok(),
        "boot" => boot(now),
        "today" => midnight(today),
        "yesterday" => midnight(today.yesterday().ok()?),
        "this-week" => {
            midnight(today.checked_sub(i64::from(today.weekday().since(Weekday::Sunday)).days()).ok()?)
        }
        "week-ago" => midnight(today.checked_sub(7.days()).ok()?),
        "this-month" => midnight(today.first_of_month()),
        "this-year" => midnight(today.first_of_year()),
        _ => None,
    }
}

/// When the kernel began.
fn boot(now: &Zoned) -> Option<Zoned> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: i64 = text.split(['.', ' ']).next()?.parse().ok()?;
    now.checked_sub(seconds.seconds()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        let zoned: Zoned = format!("{text}[Europe/Berlin]").parse().expect("a time");
        u64::try_from(zoned.timestamp().as_second()).expect("after 1970")
    }

    #[test]
    fn dates_times_and_words_are_understood() {
        // A Tuesday.
        let now: Zoned = "2026-11-24T12:30:15+01:00[Europe/Berlin]".parse().expect("a time");
        let cases: &[(&str, Option<&str>, bool, &str)] = &[
            ("11/23/26", None, false, "2026-11-23T00:00:00"),
            ("11/23/26", None, true, "2026-11-23T12:30:15"),
            ("11/23/2026", Some("10:19:03"), false, "2026-11-23T10:19:03"),
            ("2026-11-23", Some("10:19"), true, "2026-11-23T10:19:00"),
            ("10:19:03", None, false, "2026-11-24T10:19:03"),
            ("now", None, true, "2026-11-24T12:30:15"),
            ("recent", None, false, "2026-11-24T12:20:15"),
            ("this-hour", None, false, "2026-11-24T12:00:00"),
            ("today", None, false, "2026-11-24T00:00:00"),
            ("today", Some("08:00:00"), false, "2026-11-24T08:00:00"),
            ("yesterday", None, false, "2026-11-23T00:00:00"),
            ("this-week", None, false, "2026-11-22T00:00:00"),
            ("week-ago", None, false, "2026-11-17T00:00:00"),
            ("this-month", None, false, "2026-11-01T00:00:00"),
            ("today", None, true, "2026-11-24T12:30:15"),
            ("this-year", None, false, "2026-01-01T00:00:00"),
            ("2026-11-23T00:00:00Z", None, false, "2026-11-23T01:00:00"),
        ];
        for (first, second, end, expected) in cases {
            assert_eq!(parse(first, *second, *end, &now), Ok(seconds(expected)), "{first} {second:?}");
        }
        for (first, second) in
            [("soon", None), ("13/01/26", None), ("today", Some("25:00:00")), ("1/1/1", Some("x"))]
        {
            assert!(parse(first, second, false, &now).is_err(), "{first}");
        }
    }
}
