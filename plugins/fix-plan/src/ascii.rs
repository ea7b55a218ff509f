//! Text from a record as it may stand in a ledger: one line, ASCII, bounded. Called wherever an entry takes
//! in a word that it did not write itself; must never let a line break or a control character through,
//! because those would become structure of the document.

use std::fmt::Write;

/// One line of ASCII: blanks and control characters become single blanks, typographic signs their plain
/// forms, other characters `\u{hex}`; longer texts end in `...` after `limit` bytes.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            blank = !line.is_empty();
            continue;
        }
        if line.len() > limit {
            line.truncate(limit);
            line.push_str("...");
            return line;
        }
        if std::mem::take(&mut blank) {
            line.push(' ');
        }
        match c {
            ' '..='~' => line.push(c),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => line.push('-'),
            '\u{2018}' | '\u{2019}' => line.push('\''),
            '\u{201c}' | '\u{201d}' => line.push('"'),
            '\u{2026}' => line.push_str("..."),
            '\u{d7}' => line.push('x'),
            '\u{2264}' => line.push_str("<="),
            '\u{2265}' => line.push_str(">="),
            '\u{2192}' => line.push_str("->"),
            '\u{2194}' => line.push_str("<->"),
            '\u{b5}' | '\u{3bc}' => line.push('u'),
            '\u{b2}' => line.push_str("^2"),
            _ => {
                let _infallible = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    if line.len() > limit + 3 {
        line.truncate(limit);
        line.push_str("...");
    }
    line
}

/// A code span: one line, without backticks that would end it.
pub fn code(text: &str) -> String {
    format!("`{}`", one_line(text, 300).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::{code, one_line};

    #[test]
    fn line_breaks_and_control_characters_become_single_blanks() {
        assert_eq!(one_line(" a\r\n\tb\u{7}\n## c ", 80), "a b ## c");
    }

    #[test]
    fn typographic_signs_get_their_plain_forms_and_others_an_escape() {
        assert_eq!(one_line("4096\u{b2} \u{2014} \u{201c}x\u{201d} \u{3c6}", 80), "4096^2 - \"x\" \\u{3c6}");
    }

    #[test]
    fn a_long_text_says_that_it_was_cut() {
        assert_eq!(one_line(&"x".repeat(90), 10), "xxxxxxxxxx...");
        assert_eq!(one_line("0123456789", 10), "0123456789");
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code("a`b"), "`a'b`");
    }
}
