//! Times as people write them: a date, a time of today, a word, or how long ago.

use anyhow::bail;
use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ToSpan, Zoned};

/// Milliseconds since 1970 of a time's text, seen from `now`, in its time zone. A time that names its zone does not ask
/// for now, nor the host for its zone.
pub(super) fn parse(text: &str, now: impl FnOnce() -> Zoned) -> anyhow::Result<u64> {
    let Some(timestamp) = text.parse::<Timestamp>().ok().or_else(|| local(text, &now())) else {
        bail!(
            "{text:?} is not a time; write 2026-11-23, 2026-11-23T09:00, 09:00, now, today, yesterday or '10 minutes ago'"
        );
    };
    match u64::try_from(timestamp.as_millisecond()) {
        Ok(time_ms) => Ok(time_ms),
        Err(_) => bail!("{text:?} is before 1970"),
    }
}

fn local(text: &str, now: &Zoned) -> Option<Timestamp> {
    let in_zone = |time: DateTime| time.to_zoned(now.time_zone().clone()).ok();
    let zoned = word(text, now)
        .or_else(|| ago(text, now))
        .or_else(|| text.parse().ok().and_then(in_zone))
        .or_else(|| in_zone(now.date().to_datetime(text.parse::<Time>().ok()?)));
    zoned.map(|zoned| zoned.timestamp())
}

fn word(text: &str, now: &Zoned) -> Option<Zoned> {
    match text {
        "now" => Some(now.clone()),
        "today" => now.start_of_day().ok(),
        "yesterday" => now.yesterday().ok()?.start_of_day().ok(),
        "recent" => now.checked_sub(10.minutes()).ok(),
        _ => None,
    }
}

fn ago(text: &str, now: &Zoned) -> Option<Zoned> {
    let span: jiff::Span = text.strip_suffix("ago")?.trim().parse().ok()?;
    now.checked_sub(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_in_the_zone_of_now() {
        let now: Zoned = "2026-11-23T12:30:00+01:00[Europe/Berlin]".parse().expect("a time");
        let cases = [
            ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
            ("2026-11-23T09:00", "2026-11-23T08:00:00Z"),
            ("2026-11-23", "2026-11-22T23:00:00Z"),
            ("09:00", "2026-11-23T08:00:00Z"),
            ("now", "2026-11-23T11:30:00Z"),
            ("today", "2026-11-22T23:00:00Z"),
            ("yesterday", "2026-11-21T23:00:00Z"),
            ("10 minutes ago", "2026-11-23T11:20:00Z"),
            ("2h ago", "2026-11-23T09:30:00Z"),
        ];
        for (text, expected) in cases {
            let expected: Timestamp = expected.parse().expect("a time");
            assert_eq!(
                parse(text, || now.clone()).expect(text),
                u64::try_from(expected.as_millisecond()).expect("after 1970"),
                "{text}"
            );
        }
        for text in ["", "soon", "25:00", "1969-01-01T00:00:00Z", "ago"] {
            assert!(parse(text, || now.clone()).is_err(), "{text}");
        }
    }
}
