//! The first line of an attempt: [`AttemptLine`]. It only reads one line; whether the line is an attempt or
//! only mentions one depends on where it stands, and that is decided by [`crate::item`]. Must never take
//! prose for an entry: the number has to be followed by the end, a dash, a colon, a bracket or `Result`.
//!
//! Read are `* [2026-01-02] Attempt #3 (who) - Result: ...` with any dash, with a time in the brackets, in
//! bold, without the brackets, and `### Attempt #3 - Title`.

use crate::text::{heading, indent, list_marker};

/// A line that has the form of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptLine {
    /// Its number.
    pub number: u64,
    /// Bullet or heading.
    pub form: AttemptForm,
    /// Whether a date in brackets stands before it.
    pub dated: bool,
    /// Whether it states `Result:`.
    pub result: bool,
}

/// How an attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptForm {
    /// With a bullet.
    Bullet {
        /// Column of the bullet.
        indent: usize,
        /// Column from which on lines belong to it.
        content: usize,
        /// `-`, `*` or `+`.
        bullet: char,
    },
    /// With a heading of this level.
    Heading(usize),
}

/// What the first line of an attempt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptWords<'a> {
    /// What stands in the brackets: `2026-01-02`, `2026-01-02 10:11Z`.
    pub date: Option<&'a str>,
    /// Everything behind the number.
    pub rest: &'a str,
}

impl<'a> AttemptWords<'a> {
    /// What was written as `Result:`, or behind the first dash or colon.
    pub fn result(self) -> &'a str {
        if let Some((_, result)) = self.rest.split_once("Result:") {
            return result.trim();
        }
        let signs = [' ', '*', '_', '~', '-', ':', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'];
        self.rest.trim_start_matches(signs).trim()
    }

    /// The sign between the number and the result: `-`, `--`, `:`, an em dash; empty when there is none.
    pub fn dash(self) -> &'a str {
        let rest = self.rest.trim_start_matches(['*', '_', '~']).trim_start();
        // `(who)` stands before the dash.
        let rest = match rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            Some((_, after)) => after.trim_start_matches(['*', '_', '~']).trim_start(),
            None => rest,
        };
        let is_dash = |c: char| matches!(c, '-' | ':' | '\u{2010}'..='\u{2015}' | '\u{2212}');
        &rest[..rest.find(|c| !is_dash(c)).unwrap_or(rest.len())]
    }
}

impl AttemptLine {
    /// Reads a line.
    pub fn read(line: &str) -> Option<Self> {
        Self::words(line).map(|(head, _)| head)
    }

    /// Reads a line, with what it says.
    pub fn words(line: &str) -> Option<(Self, AttemptWords<'_>)> {
        let (form, text) = if let Some((level, text)) = heading(line) {
            (AttemptForm::Heading(level), text)
        } else {
            let marker = list_marker(line)?;
            let form =
                AttemptForm::Bullet { indent: marker.indent, content: marker.column, bullet: marker.bullet };
            (form, &line[marker.content..])
        };
        let text = plain(text);
        let (date, text) = match date(text) {
            Some((date, rest)) => (Some(date), plain(rest)),
            None => (None, text),
        };
        let dated = date.is_some();
        let text = text.strip_prefix("Attempt")?;
        let digits = text.trim_start().trim_start_matches('#').trim_start();
        // `Attempt 3` alone is prose too often; behind a date it is not.
        if !dated && !text.trim_start().starts_with('#') {
            return None;
        }
        let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = digits[..digits.len() - rest.len()].parse().ok()?;
        let head = Self { number, form, dated, result: rest.contains("Result") };
        separated(rest).then_some((head, AttemptWords { date, rest }))
    }

    /// The column of a bullet; 0 for a heading.
    pub fn indent(&self) -> usize {
        match self.form {
            AttemptForm::Bullet { indent, .. } => indent,
            AttemptForm::Heading(_) => 0,
        }
    }

    /// Whether a line that begins in this column belongs to the body of this attempt.
    pub fn holds(&self, line: &str) -> bool {
        match self.form {
            AttemptForm::Bullet { content, .. } => indent(line) >= content,
            AttemptForm::Heading(_) => true,
        }
    }
}

fn plain(text: &str) -> &str {
    text.trim_start().trim_start_matches(['*', '_', '~']).trim_start()
}

/// A date (or date and time) in brackets, and what follows it.
fn date(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    let digits = inner.bytes().filter(u8::is_ascii_digit).count();
    let dated = inner.trim_start().starts_with(|c: char| c.is_ascii_digit()) && digits >= 8;
    dated.then_some((inner, rest))
}

fn separated(rest: &str) -> bool {
    // `#12b` is a second go at 12.
    let rest = rest.strip_prefix(|c: char| c.is_ascii_lowercase()).unwrap_or(rest);
    let unbold = rest.trim_start_matches(['*', '_', '~']);
    let next = unbold.trim_start();
    let spaced = next.len() < unbold.len();
    match next.chars().next() {
        None | Some(':' | '\u{2012}'..='\u{2015}') => true,
        Some('-' | '\u{2010}' | '\u{2011}' | '\u{2212}' | '(' | '[') => spaced,
        _ => next.starts_with("Result") && spaced,
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptLine;

    fn number(line: &str) -> Option<u64> {
        AttemptLine::read(line).map(|attempt| attempt.number)
    }

    #[test]
    fn every_form_of_an_entry_is_read() {
        for line in [
            "  * [2026-01-02] Attempt #7 - Result: ok.",
            "  * [2026-01-02] Attempt #7 \u{2014} Result: ok.",
            "  * [2026-01-02 10:11Z] Attempt #7 (who) \u{2013} Result: ok.",
            "\t- [20260102T101112Z] Attempt #7: ok",
            "- **[2026-01-02] Attempt #7** -- done",
            "- **Attempt #7 (who)** - done",
            "- Attempt #7",
            "- Attempt #7 [2026-01-02] - done",
            "* [2026-01-02] Attempt 7 - done",
            "* [2026-01-02] Attempt #7 Result: done",
            "* [2026-01-02] Attempt #7b - done",
            "### Attempt #7 - Title",
            "#### [2026-01-02] Attempt #7",
            "\u{a0}\u{a0}*\u{a0}[2026\u{2011}01\u{2011}02]\u{a0}Attempt\u{a0}#7\u{a0}\u{2011}\u{a0}Result:\u{a0}ok.",
        ] {
            assert_eq!(number(line), Some(7), "{line}");
        }
    }

    #[test]
    fn an_entry_is_taken_apart_into_date_dash_and_result() {
        for (line, date, dash, result) in [
            ("  * [2026-01-02] Attempt #7 - Result: ok.", Some("2026-01-02"), "-", "ok."),
            (
                "  * [2026-01-02 10:11Z] Attempt #7 (who) \u{2014} Result: a - b",
                Some("2026-01-02 10:11Z"),
                "\u{2014}",
                "a - b",
            ),
            ("- **[2026-01-02] Attempt #7** -- done", Some("2026-01-02"), "--", "done"),
            ("- Attempt #7: ok", None, ":", "ok"),
            ("### Attempt #84 - Title", None, "-", "Title"),
            ("- Attempt #7", None, "", ""),
        ] {
            let (_, words) = AttemptLine::words(line).expect("an entry");
            assert_eq!((words.date, words.dash(), words.result()), (date, dash, result), "{line}");
        }
    }

    #[test]
    fn prose_that_mentions_an_attempt_is_not_an_entry() {
        for line in [
            "- Attempt #7 logged",
            "- **Attempt #7 ineffective:** why",
            "- Attempt #7's fix holds",
            "- Attempt #7-9 all failed",
            "- Attempt 7 - without a sign",
            "- See Attempt #7 - it failed",
            "- Attempts #7 - several",
            "* [x] Attempt #7 - a check box",
            "* [2026-01-02] Audit of Attempt #7 - fine",
            "Attempt #7 - no bullet",
            "1. Attempt #7 - planned",
            "### Attempt #7 revisited",
            "- Attempt #99999999999999999999999 - too large",
        ] {
            assert_eq!(number(line), None, "{line}");
        }
    }
}
