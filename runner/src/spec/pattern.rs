//! [`Pattern`]: where a number stands in the text that a program printed.
//!
//! A regular expression with one group. Its last match counts, because programs print progress before results.
//! Made by the checker; asked by the engine after the program ended.

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Number, Value};

/// A regular expression whose only group is a number.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern; `^` and `$` match at every line. The error is for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A program's output is bytes; without Unicode classes no tables are compiled in.
        let regex = RegexBuilder::new(text).multi_line(true).unicode(false).build();
        let regex = regex.map_err(|error| {
            let words = error.to_string();
            words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        })?;
        match regex.captures_len() - 1 {
            1 => Ok(Self { regex }),
            groups => {
                Err(format!("it has {groups} groups `(...)`; the number is what its one group matches"))
            }
        }
    }

    /// The number of the last match in a text.
    pub fn find(&self, text: &[u8]) -> Result<Value, String> {
        let last = self.regex.captures_iter(text).last();
        let group = last.as_ref().and_then(|found| found.get(1)).ok_or("nothing matches the pattern")?;
        let found = String::from_utf8_lossy(group.as_bytes()).into_owned();
        let Some(plain) = without_groups(found.trim()) else {
            return Err(format!(
                "the pattern matches `{found}`, which is no number: commas are read between groups of three \
                 digits only (`16,777,216`); let the program print a decimal point, not a comma"
            ));
        };
        if let Ok(whole) = plain.parse::<i64>() {
            return Ok(whole.into());
        }
        let number = plain.parse::<f64>().ok().and_then(Number::from_f64);
        number.map(Value::Number).ok_or_else(|| format!("the pattern matches `{found}`, which is no number"))
    }
}

/// The text without the commas between its groups of three digits. `None` when it has another comma: `0,10` may
/// be a tenth, and a guess would be a factor.
fn without_groups(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.strip_prefix(['+', '-']).unwrap_or(whole).split(',');
    // `0,100` is a tenth: no number with groups begins with a zero.
    let first =
        groups.next().is_some_and(|first| digits(first) && first.len() <= 3 && !first.starts_with('0'));
    let grouped = first && groups.all(|group| digits(group) && group.len() == 3);
    (grouped && fraction.is_none_or(digits)).then(|| text.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(pattern: &str, text: &[u8]) -> Result<Value, String> {
        Pattern::parse(pattern).expect("a pattern").find(text)
    }

    #[test]
    fn the_last_match_is_the_number() {
        let text = b"collected 1\ncollected 27 items\n\xff\n27 tests collected in 0.10s";
        assert_eq!(found("^collected ([0-9]+)", text), Ok(json!(27)));
        assert_eq!(found(r"in ([\d.e+-]+)s$", text), Ok(json!(0.1)));
        assert_eq!(found("([0-9,]+) pixels", b"16,777,216 pixels"), Ok(json!(16_777_216)));
    }

    #[test]
    fn what_is_no_number_or_not_there_is_said() {
        assert_eq!(found("x=(.*)", b"y"), Err("nothing matches the pattern".to_owned()));
        let nan = found("x=(.*)", b"x=nan");
        assert_eq!(nan, Err("the pattern matches `nan`, which is no number".to_owned()));
    }

    #[test]
    fn a_decimal_comma_is_no_number_and_never_a_factor() {
        for (text, number) in [("-1,234.5", json!(-1234.5)), ("+12,345,678", json!(12_345_678))] {
            assert_eq!(found("x=(.*)", format!("x={text}").as_bytes()), Ok(number), "{text}");
        }
        for text in [
            "0,10", "1,5", "0,100", "1,2345", "1234,567", "1,", ",5", "1,234,5", "1,234e5", "1.5,000",
            "1,234.",
        ] {
            let error = found("([0-9.,e]+)", format!("took {text} s").as_bytes()).expect_err(text);
            assert!(error.contains(&format!("`{text}`")) && error.contains("decimal point"), "{error}");
        }
    }

    #[test]
    fn a_pattern_without_exactly_one_group_is_refused() {
        for wrong in ["[0-9]+", "(a)(b)", "(", "(?P<x>"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
