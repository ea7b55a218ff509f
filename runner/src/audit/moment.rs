//! [`Moment`]: a point in time as people write it, in the name of a directory or in a text.
//!
//! Used for stamps (`20251120T101112Z`, `20251120-101112`, ...) and for times inside files. Only what has
//! seconds is a moment. The zone is kept as it was written; a time without one is never taken for UTC here.

use crate::clock::Instant;

/// What a written time says of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// `Z`, `UTC` or `GMT`.
    Utc,
    /// Minutes east of UTC.
    Offset(i64),
    /// Nothing.
    Unsaid,
}

/// A point in time that was written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Seconds since 1970 in UTC; when the zone is unsaid, as if it were UTC.
    pub seconds: i64,
    /// Its zone.
    pub zone: Zone,
    /// How it is spelled: `YYYYMMDDTHHMMSSZ`.
    pub spelling: String,
    /// The text itself.
    pub text: String,
}

/// A moment in a line, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The moment.
    pub moment: Moment,
    /// Byte offsets of its text in the line.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// Every moment in a line.
pub fn all_in(line: &str) -> Vec<Placed> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begins = bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric());
        match begins.then(|| Reader { bytes, at }.moment()).flatten() {
            Some((moment, end)) => {
                found.push(Placed { moment, start: at, end });
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// The first moment of a directory's name; other words may stand beside it (`fix_20251008T223805Z`).
pub fn in_name(name: &str) -> Option<Moment> {
    all_in(name).into_iter().map(|placed| placed.moment).next()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn digits(&mut self, count: usize) -> Option<&str> {
        let digits = self.bytes.get(self.at..self.at + count)?;
        self.at += count;
        digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()).flatten()
    }

    fn one_of(&mut self, allowed: &[u8]) -> Option<char> {
        let next = self.bytes.get(self.at).filter(|byte| allowed.contains(byte))?;
        self.at += 1;
        Some(char::from(*next))
    }

    /// The moment that begins here, and the offset behind it.
    fn moment(mut self) -> Option<(Moment, usize)> {
        let start = self.at;
        let mut text = self.digits(4)?.to_owned();
        let dash = self.one_of(b"-/");
        let month = self.digits(2)?.to_owned();
        if dash.is_some() && self.one_of(b"-/") != dash {
            return None;
        }
        let day = self.digits(2)?.to_owned();
        let between = self.one_of(b"Tt_- ");
        let hour = self.digits(2)?.to_owned();
        let colon = self.one_of(b":-.");
        let minute = self.digits(2)?.to_owned();
        if colon.is_some() && self.one_of(b":-.") != colon {
            return None;
        }
        let second = self.digits(2)?.to_owned();
        // Fourteen digits without anything between them may be a stamp; half of that is a number.
        if between.is_none() && (dash.is_some() || colon.is_some()) {
            return None;
        }
        let fraction = self.fraction();
        let (zone, zone_spelled) = self.zone(colon == Some(':'));
        if self.bytes.get(self.at).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let part = |separator: Option<char>| separator.map_or_else(String::new, String::from);
        let spelling = format!(
            "YYYY{0}MM{0}DD{1}HH{2}MM{2}SS{3}{4}",
            part(dash),
            part(between),
            part(colon),
            if fraction { ".fff" } else { "" },
            zone_spelled
        );
        text = format!("{text}-{month}-{day}T{hour}:{minute}:{second}Z");
        let written = unix_seconds(&text)?;
        let seconds = written - if let Zone::Offset(minutes) = zone { minutes * 60 } else { 0 };
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        Some((Moment { seconds, zone, spelling, text }, self.at))
    }

    fn fraction(&mut self) -> bool {
        let digits = |from: usize| self.bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if matches!(self.bytes.get(self.at), Some(b'.' | b',')) && digits(self.at + 1) > 0 {
            self.at += 1 + digits(self.at + 1);
            return true;
        }
        false
    }

    fn zone(&mut self, offset_possible: bool) -> (Zone, String) {
        let rest = &self.bytes[self.at..];
        for (name, written) in [("Z", "Z"), ("z", "Z"), (" UTC", " UTC"), ("UTC", "UTC"), (" GMT", " GMT")] {
            if rest.starts_with(name.as_bytes())
                && !rest.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
            {
                self.at += name.len();
                return (Zone::Utc, written.to_owned());
            }
        }
        let before = self.at;
        if offset_possible
            && let Some(sign) = self.one_of(b"+-")
            && let Some(hours) = self.digits(2).and_then(|digits| digits.parse::<i64>().ok())
        {
            let colon = self.one_of(b":");
            if let Some(minutes) = self.digits(2).and_then(|digits| digits.parse::<i64>().ok()) {
                let east = (hours * 60 + minutes) * if sign == '-' { -1 } else { 1 };
                let colon = if colon.is_some() { ":" } else { "" };
                return (Zone::Offset(east), format!("+hh{colon}mm"));
            }
        }
        self.at = before;
        (Zone::Unsaid, String::new())
    }
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SSZ`; `None` when there is no such time.
fn unix_seconds(text: &str) -> Option<i64> {
    let epoch = Instant::from_unix(0, 0)?;
    Some(Instant::try_from(text.to_owned()).ok()?.seconds_since(epoch).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_in_every_usual_spelling() {
        for (name, spelling, zone) in [
            ("20251120T101112Z", "YYYYMMDDTHHMMSSZ", Zone::Utc),
            ("20251120-101112", "YYYYMMDD-HHMMSS", Zone::Unsaid),
            ("2025-11-20T10:11:12Z", "YYYY-MM-DDTHH:MM:SSZ", Zone::Utc),
            ("2025-11-20T10-11-12Z", "YYYY-MM-DDTHH-MM-SSZ", Zone::Utc),
            ("2025-11-20_101112", "YYYY-MM-DD_HHMMSS", Zone::Unsaid),
            ("20251120101112", "YYYYMMDDHHMMSS", Zone::Unsaid),
            ("fix_20251120T101112Z", "YYYYMMDDTHHMMSSZ", Zone::Utc),
            ("2025-11-20T101112Z-retry", "YYYY-MM-DDTHHMMSSZ", Zone::Utc),
            ("2025-11-20 10:11:12 UTC", "YYYY-MM-DD HH:MM:SS UTC", Zone::Utc),
            ("2025-11-20T12:11:12.5+02:00", "YYYY-MM-DDTHH:MM:SS.fff+hh:mm", Zone::Offset(120)),
        ] {
            let moment = in_name(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((moment.spelling.as_str(), moment.zone), (spelling, zone), "{name}");
            assert_eq!(moment.seconds, 1_763_633_472, "{name}");
        }
    }

    #[test]
    fn what_is_no_time_is_no_stamp() {
        for name in [
            "phase_b",
            "20251120",
            "2025-11-20",
            "20251320T101112Z",
            "20251120T251112Z",
            "a20251120T101112Z",
            "20251120T1011125",
            "1234567890123456",
            "2025-11-20-traces",
            "0123456789abcdef",
        ] {
            assert_eq!(in_name(name), None, "{name}");
        }
    }

    #[test]
    fn every_time_of_a_line_is_found_with_its_place() {
        let line = "start 2025-11-20T10:11:12Z end 2025-11-20T10:12:12Z";
        let found: Vec<(usize, usize)> =
            all_in(line).iter().map(|placed| (placed.start, placed.end)).collect();
        assert_eq!(found, [(6, 26), (31, 51)]);
    }
}
