//! Times as dates in UTC, by the proleptic Gregorian calendar.

/// Seconds since 1970 at the end of the year 9999, up to which a time is written as a date.
pub(super) const SECONDS_MAX: u64 = 253_402_300_800;

/// `2023-11-14T22:13:20` of seconds since 1970.
pub(super) fn write(seconds: u64, out: &mut Vec<u8>) {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days counted from 1 March of year 0, in eras of 400 years, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    padded(year, 4, out);
    for (mark, value) in
        [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        out.push(mark);
        padded(value, 2, out);
    }
}

/// The same with milliseconds and the mark of UTC: `2023-11-14T22:13:20.100Z`.
pub(super) fn write_ms(time_ms: u64, out: &mut Vec<u8>) {
    write(time_ms / 1000, out);
    out.push(b'.');
    padded(time_ms % 1000, 3, out);
    out.push(b'Z');
}

pub(super) fn padded(value: u64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = value / 10u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// Milliseconds since 1970 of `2023-11-14T22:13:20.100Z`.
pub(super) fn read(text: &[u8]) -> Option<u64> {
    let part = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits
            .iter()
            .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != 24 || marks.iter().any(|&(at, mark)| text.get(at) != Some(&mark)) {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    let seconds = days * 86_400 + part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?;
    (seconds < SECONDS_MAX).then(|| seconds * 1000 + part(20, 23).unwrap_or(0))
}
