//! Times as the C library writes them in the locale `C`.

use std::io::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::record::stamp::EventId;

/// Writes times, and keeps the last second's text: many events are of one second.
pub(super) struct Clock {
    zone: TimeZone,
    /// Whether dates are written year first, and times with milliseconds.
    pub(super) iso: bool,
    seconds: Option<u64>,
    date: String,
    time: String,
    long: String,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Clock {
        Clock {
            zone,
            iso: false,
            seconds: None,
            date: String::new(),
            time: String::new(),
            long: String::new(),
        }
    }

    /// The time in its zone; `None` for one that no calendar has.
    pub(super) fn zoned(&self, time_ms: u64) -> Option<Zoned> {
        let timestamp = Timestamp::from_millisecond(i64::try_from(time_ms).ok()?).ok()?;
        Some(timestamp.to_zoned(self.zone.clone()))
    }

    fn turn(&mut self, time_ms: u64) {
        let seconds = time_ms / 1000;
        if self.seconds == Some(seconds) {
            return;
        }
        self.seconds = Some(seconds);
        let Some(zoned) = self.zoned(time_ms) else {
            // Beyond the calendar: the number itself.
            self.date = seconds.to_string();
            self.time = String::from("?");
            self.long = seconds.to_string();
            return;
        };
        let (year, month, day) = (zoned.year(), zoned.month(), zoned.day());
        let (hour, minute, second) = (zoned.hour(), zoned.minute(), zoned.second());
        self.date = match self.iso {
            true => format!("{year:04}-{month:02}-{day:02}"),
            false => format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
        };
        self.time = format!("{hour:02}:{minute:02}:{second:02}");
        self.long = format!("{} {day:>2} {} {year}", zoned.strftime("%a %b"), self.time);
    }

    /// `11/23/26`.
    pub(super) fn date(&mut self, time_ms: u64) -> &str {
        self.turn(time_ms);
        &self.date
    }

    /// `10:19:03`.
    pub(super) fn time(&mut self, time_ms: u64) -> &str {
        self.turn(time_ms);
        &self.time
    }

    /// `Mon Nov 23 10:19:03 2026`.
    pub(super) fn long(&mut self, time_ms: u64, out: &mut Vec<u8>) {
        self.turn(time_ms);
        out.extend_from_slice(self.long.as_bytes());
    }

    /// `1700000000.100:7)`, the end of a record's stamp.
    pub(super) fn stamp(&mut self, id: EventId, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = write!(out, "{id})");
    }

    /// `11/23/26 10:19:03.495:7)`, the same for people.
    pub(super) fn date_stamp(&mut self, id: EventId, out: &mut Vec<u8>) {
        self.turn(id.time_ms);
        out.extend_from_slice(self.date.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.time.as_bytes());
        let _ = write!(out, ".{:03}:{})", id.time_ms % 1000, id.serial);
    }
}
