//! The time zone of who asks: `TZ`, else /etc/localtime (tzset(3), localtime(5)).
//!
//! `jiff` looks a zone's name up in a list of all that are installed, for which it reads twenty directories, and it does so
//! for /etc/localtime too: a tenth of what a look-up takes. Here the one file is read.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

const LOCALTIME: &str = "/etc/localtime";
const INSTALLED: &str = "/usr/share/zoneinfo";

/// The time zone of this process, as it was when it first asked.
pub fn local() -> TimeZone {
    static LOCAL: OnceLock<TimeZone> = OnceLock::new();
    LOCAL.get_or_init(|| zone(std::env::var_os("TZ").as_deref())).clone()
}

/// Now, in the time zone of this process.
pub fn now() -> Zoned {
    Timestamp::now().to_zoned(local())
}

/// The zone that `TZ` says. What is no file here is left to `jiff`: a rule of POSIX, a name in another database.
fn zone(tz: Option<&OsStr>) -> TimeZone {
    file(tz).and_then(|path| read(&path)).unwrap_or_else(TimeZone::system)
}

/// The zone's file.
fn file(tz: Option<&OsStr>) -> Option<PathBuf> {
    let Some(tz) = tz else { return Some(LOCALTIME.into()) };
    let tz = tz.to_str()?;
    let name = Path::new(tz.strip_prefix(':').unwrap_or(tz));
    let is_name = !tz.is_empty() && name.components().all(|part| matches!(part, Component::Normal(_)));
    (is_name || name.is_absolute()).then(|| Path::new(INSTALLED).join(name))
}

fn read(path: &Path) -> Option<TimeZone> {
    let bytes = fs::read(path).ok()?;
    let place = path.canonicalize().ok()?;
    let name = place.strip_prefix(INSTALLED).unwrap_or(path).to_str()?;
    TimeZone::tzif(name, &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_what_jiff_finds() {
        let summer: Timestamp = "2026-07-01T12:00:00Z".parse().expect("a time");
        let times = ["2026-07-01T12:00:00Z", "2026-12-01T12:00:00Z", "1975-03-01T00:00:00Z"];
        for (tz, abbreviation) in [
            ("UTC", "UTC"),
            ("Europe/Berlin", "CEST"),
            (":America/New_York", "EDT"),
            ("EST5EDT", "EDT"),
            ("/usr/share/zoneinfo/Asia/Kolkata", "IST"),
        ] {
            let Some(path) = file(Some(OsStr::new(tz))).filter(|path| path.exists()) else {
                eprintln!("skipped: {tz} is not installed");
                continue;
            };
            let ours = read(&path).expect(tz);
            assert_eq!(summer.to_zoned(ours.clone()).strftime("%Z").to_string(), abbreviation, "{tz}");
            let name = tz.trim_start_matches(':').trim_start_matches("/usr/share/zoneinfo/");
            let theirs = TimeZone::get(name).expect(tz);
            for time in times {
                let time: Timestamp = time.parse().expect("a time");
                assert_eq!(ours.to_offset(time), theirs.to_offset(time), "{tz} at {time}");
            }
        }
    }

    #[test]
    fn what_is_no_file_below_the_installed_ones_is_not_looked_for() {
        for tz in ["", "../../../etc/shadow", ":..", "Europe/../Berlin"] {
            assert_eq!(file(Some(OsStr::new(tz))), None, "{tz}");
        }
        assert_eq!(file(None), Some(LOCALTIME.into()));
        assert_eq!(read(Path::new("/usr/share/zoneinfo/Nowhere/AtAll")), None);
    }
}
