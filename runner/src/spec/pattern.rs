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
        let plain = found.trim().replace(',', "");
        if let Ok(whole) = plain.parse::<i64>() {
            return Ok(whole.into());
        }
        let number = plain.parse::<f64>().ok().and_then(Number::from_f64);
        number.map(Value::Number).ok_or_else(|| format!("the pattern matches `{found}`, which is no number"))
    }
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
    fn a_pattern_without_exactly_one_group_is_refused() {
        for wrong in ["[0-9]+", "(a)(b)", "(", "(?P<x>"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
