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

impl AttemptLine {
    /// Reads a line.
    pub fn read(line: &str) -> Option<Self> {
        let (form, text) = if let Some((level, text)) = heading(line) {
            (AttemptForm::Heading(level), text)
        } else {
            let marker = list_marker(line)?;
            let form =
                AttemptForm::Bullet { indent: marker.indent, content: marker.column, bullet: marker.bullet };
            (form, &line[marker.content..])
        };
        let text = plain(text);
        let (dated, text) = match date(text) {
            Some(rest) => (true, plain(rest)),
            None => (false, text),
        };
        let text = text.strip_prefix("Attempt")?;
        let digits = text.trim_start().trim_start_matches('#').trim_start();
        // `Attempt 3` alone is prose too often; behind a date it is not.
        if !dated && !text.trim_start().starts_with('#') {
            return None;
        }
        let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = digits[..digits.len() - rest.len()].parse().ok()?;
        separated(rest).then(|| Self { number, form, dated, result: rest.contains("Result") })
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

/// What follows a date (or date and time) in brackets.
fn date(text: &str) -> Option<&str> {
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    let digits = inner.bytes().filter(u8::is_ascii_digit).count();
    let dated = inner.trim_start().starts_with(|c: char| c.is_ascii_digit()) && digits >= 8;
    dated.then_some(rest)
}

fn separated(rest: &str) -> bool {
    // `#12b` is a second go at 12.
    let rest = rest.strip_prefix(|c: char| c.is_ascii_lowercase()).unwrap_or(rest);
    let unbold = rest.trim_start_matches(['*', '_', '~']);
    let next = unbold.trim_start();
    let spaced = next.len() < unbold.len();
    match next.chars().next() {
        None | Some(':' | '\u{2014}' | '\u{2013}') => true,
        Some('-' | '(' | '[') => spaced,
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
        ] {
            assert_eq!(number(line), Some(7), "{line}");
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
