//! The one clock. Every time in a bundle comes from here: UTC, with milliseconds, never local, never made up.
//!
//! The system's clock is read once, when the process first asks; from then on time is counted by the clock that
//! nobody can set. So a command never ends before it started, whatever is done to the system's clock meanwhile;
//! [`drift`] says what was.
//!
//! Main types: [`Instant`] (a point in time as it is written into evidence) and [`Stamp`] (a bundle's name).

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// When this process first asked for the time: by the system's clock, and by the one that only counts.
fn anchor() -> &'static (Timestamp, std::time::Instant) {
    static ANCHOR: OnceLock<(Timestamp, std::time::Instant)> = OnceLock::new();
    ANCHOR.get_or_init(|| (Timestamp::now(), std::time::Instant::now()))
}

/// By how many seconds the system's clock has moved away since this process first asked for the time: negative
/// when it was set back, positive when it was set forward or the machine slept.
pub fn drift() -> f64 {
    Timestamp::now().duration_since(Instant::now().0).as_secs_f64()
}

/// A point in UTC time. Written as `2026-11-22T10:11:12.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instant(Timestamp);

impl Instant {
    /// Now: later than, or the same as, any earlier answer of this process.
    pub fn now() -> Self {
        let (wall, counted) = anchor();
        // Out of range only in a process that runs for thousands of years.
        Self(wall.checked_add(counted.elapsed()).unwrap_or(*wall))
    }

    /// A point in time as the file system writes it; `None` when it is out of range.
    pub fn from_unix(seconds: i64, nanoseconds: i64) -> Option<Self> {
        Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok().map(Self)
    }

    /// The bundle name of this second.
    pub fn stamp(self) -> Stamp {
        Stamp(self.0.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string())
    }

    /// `2026-11-22`.
    pub fn date(self) -> String {
        self.0.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
    }

    /// The date where the day is furthest (UTC+14): no date that somebody wrote today is later.
    pub fn latest_date(self) -> String {
        let furthest = jiff::tz::Offset::constant(14).to_time_zone();
        self.0.to_zoned(furthest).strftime("%Y-%m-%d").to_string()
    }

    /// Seconds from `earlier` to this; negative when `earlier` is of another process, before whose start the
    /// system's clock was set back.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.duration_since(earlier.0).as_secs_f64()
    }

    /// How long it is until the next full second begins.
    pub fn until_next_second(self) -> Duration {
        let nanoseconds = self.0.subsec_nanosecond().rem_euclid(1_000_000_000);
        Duration::from_nanos(1_000_000_000 - u64::from(nanoseconds.unsigned_abs()))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl From<Instant> for String {
    fn from(instant: Instant) -> Self {
        instant.to_string()
    }
}

impl TryFrom<String> for Instant {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// The name of a bundle: a UTC second, `YYYYMMDDTHHMMSSZ`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(String);

impl Stamp {
    /// Reads a stamp; `None` when the text is not one (wrong form, or no such date).
    pub fn parse(text: &str) -> Option<Self> {
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        (time.strftime("%Y%m%dT%H%M%SZ").to_string() == text).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_real_utc_second() {
        assert!(Stamp::parse("20261122T101112Z").is_some());
        for wrong in ["", "20261322T101112Z", "20261122T101112", "2026-11-22", "20261122T1011120Z", "latest"]
        {
            assert!(Stamp::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Stamp::parse(Instant::now().stamp().as_str()).is_some());
    }

    #[test]
    fn an_instant_survives_its_text() {
        let text = "2026-11-22T10:11:12.123Z".to_owned();
        let instant = Instant::try_from(text.clone()).expect("parses");
        assert_eq!(instant.to_string(), text);
        assert_eq!(instant.stamp().as_str(), "20261122T101112Z");
        assert_eq!(instant.date(), "2026-11-22");
        assert_eq!(instant.latest_date(), "2026-11-23");
        assert_eq!(instant.until_next_second(), Duration::from_millis(877));
    }
}
