//! Dates as ledgers write them: [`read`] takes `2026-01-02` or `20260102` from the beginning of a text,
//! [`find`] the first `2026-01-02` anywhere. Called by [`crate::check`]. Has no clock.

use crate::text::folded;

/// A date that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Date {
    /// A day, as `YYYY-MM-DD`, so that days compare as texts do.
    Day(String),
    /// The form of a date, with a month or a day that does not exist.
    Impossible(String),
}

/// The date at the beginning of a text.
pub fn read(text: &str) -> Option<Date> {
    let text = folded(text.trim_start());
    let compact = text.get(..8).filter(|head| head.bytes().all(|byte| byte.is_ascii_digit()));
    let day = match compact {
        Some(digits) => format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]),
        None => text.get(..10).filter(|head| is_form(head))?.to_owned(),
    };
    let number = |range: std::ops::Range<usize>| day[range].parse::<u32>().unwrap_or(0);
    let (year, month) = (number(0..4), number(5..7));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    Some(if (1..=last).contains(&number(8..10)) { Date::Day(day) } else { Date::Impossible(day) })
}

/// The first date of the form `2026-01-02` in a text.
pub fn find(text: &str) -> Option<Date> {
    let text = folded(text);
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at);
    starts.filter(|at| text.get(*at..at + 10).is_some_and(is_form)).find_map(|at| read(&text[at..]))
}

fn is_form(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{Date, find, read};

    #[test]
    fn dates_are_read_in_the_forms_of_ledgers() {
        let day = Some(Date::Day("2026-01-02".into()));
        for text in ["2026-01-02", "2026-01-02 10:11Z", "20260102T101112Z", "2026\u{2011}01\u{2011}02"] {
            assert_eq!(read(text), day, "{text}");
        }
        assert_eq!(find("me/2026-01-02, then 2026-01-03"), day);
        assert_eq!(read("2026-02-29"), Some(Date::Impossible("2026-02-29".into())));
        assert_eq!(read("2028-02-29"), Some(Date::Day("2028-02-29".into())));
        assert_eq!(read("2026-13-01"), Some(Date::Impossible("2026-13-01".into())));
        assert_eq!(read("1.2.2026"), None);
    }
}
