//! [`disagreement`]: the first word at which two lines do not agree.
//!
//! A line is taken apart into numbers and everything else. `F=1.25,` is the text `F=`, the number 1.25 and the
//! text `,`; digits that belong to a name (`x1`, `0x1f`, `v2`) are text.

use crate::config::Config;

/// A part of a line.
#[derive(Clone, Debug, PartialEq)]
enum Word<'t> {
    Number(f64, &'t str),
    Text(&'t str),
}

impl Word<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Number(_, text) | Self::Text(text) => text,
        }
    }
}

/// Two words that do not agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// `number`, `text`, `line too short` or `end of file`.
    pub what: &'static str,
    /// Which word of the line, from 1; none at the end of a file.
    pub word: Option<usize>,
    /// |a - b| of two numbers; none when that is no number.
    pub difference: Option<f64>,
    /// The word of the reference; none when its line or file has ended.
    pub a: Option<String>,
    /// The word of the candidate.
    pub b: Option<String>,
}

impl Disagreement {
    /// One file ends before the other.
    pub fn end(a_goes_on: bool) -> Self {
        let what = if a_goes_on { "end of b" } else { "end of a" };
        Self { what, word: None, difference: None, a: None, b: None }
    }
}

/// Compares two lines; `agreed` gets the difference of each two numbers that agree.
pub fn disagreement(a: &str, b: &str, config: &Config, agreed: &mut dyn FnMut(f64)) -> Option<Disagreement> {
    if a == b {
        return None;
    }
    let (mut left, mut right) = (Words(a), Words(b));
    for index in 1.. {
        let (a, b) = (left.next(), right.next());
        let (what, difference) = match (&a, &b) {
            (None, None) => return None,
            (Some(Word::Number(x, _)), Some(Word::Number(y, _))) => {
                let difference = (x - y).abs();
                let same = x.total_cmp(y).is_eq() || difference == 0.0 || x.is_nan() && y.is_nan();
                // A tolerance counts between finite numbers only: relative to infinity, everything would be near.
                let near =
                    difference.is_finite() && difference <= config.absolute + config.relative * x.abs();
                if same || near {
                    agreed(if same { 0.0 } else { difference });
                    continue;
                }
                ("number", Some(difference).filter(|difference| difference.is_finite()))
            }
            (Some(x), Some(y)) if x.text() == y.text() => continue,
            (Some(_), Some(_)) => ("text", None),
            (None, Some(_)) => ("end of the line of a", None),
            (Some(_), None) => ("end of the line of b", None),
        };
        let text = |word: Option<Word<'_>>| word.map(|word| word.text().to_owned());
        return Some(Disagreement { what, word: Some(index), difference, a: text(a), b: text(b) });
    }
    None
}

/// The words of what is left of a line.
struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<Word<'t>> {
        self.0 = self.0.trim_start();
        if self.0.is_empty() {
            return None;
        }
        if let Some(length) = number_at(self.0)
            && let Ok(value) = self.0[..length].parse()
        {
            let (text, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some(Word::Number(value, text));
        }
        // Up to a blank, or up to where a number begins that is not part of a name.
        let mut before = ' ';
        let end = self.0.char_indices().skip(1).find(|(index, c)| {
            before = self.0[..*index].chars().next_back().unwrap_or(' ');
            let named = before.is_alphanumeric() || before == '_' || before == '.';
            c.is_whitespace() || !named && number_at(&self.0[*index..]).is_some()
        });
        let (text, rest) = self.0.split_at(end.map_or(self.0.len(), |(index, _)| index));
        self.0 = rest;
        Some(Word::Text(text))
    }
}

/// How long the number is with which a text begins: decimal, with exponent, `nan` or `inf`.
fn number_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let word = bytes[sign..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name = text[sign..sign + word].to_ascii_lowercase();
    let mut end = if ["nan", "inf", "infinity"].contains(&name.as_str()) {
        sign + word
    } else {
        let whole = digits(sign);
        let point = sign + whole;
        let fraction = if bytes.get(point) == Some(&b'.') { digits(point + 1) } else { 0 };
        if whole + fraction == 0 {
            return None;
        }
        // `1.` at the end of a sentence is 1 and a full stop.
        if fraction > 0 { point + 1 + fraction } else { point }
    };
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = bytes.get(signed..).map_or(0, |_| digits(signed));
        if exponent > 0 {
            end = signed + exponent;
        }
    }
    // A name goes on: `0x1f`, `12th`, `nano`.
    let goes_on = bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (!goes_on).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Words(text);
        std::iter::from_fn(|| {
            words.next().map(|word| match word {
                Word::Number(value, _) => format!("#{value}"),
                Word::Text(text) => text.to_owned(),
            })
        })
        .collect()
    }

    #[test]
    fn numbers_are_told_from_names() {
        assert_eq!(words("F=1.25, n = -3e-2"), ["F=", "#1.25", ",", "n", "=", "#-0.03"]);
        assert_eq!(words("x1 0x1f v2.5 12th a_7"), ["x1", "0x1f", "v2.5", "12th", "a_7"]);
        assert_eq!(
            words("(.5; 1.) [nan, -inf]"),
            ["(", "#0.5", ";", "#1", ".)", "[", "#NaN", ",", "#-inf", "]"]
        );
        assert_eq!(words("1e 1e+ \u{e9}2 \u{2212}3"), ["1e", "1e+", "\u{e9}2", "\u{2212}", "#3"]);
    }
}
