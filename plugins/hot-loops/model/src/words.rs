//! Foreign text in a report: [`one_line`], [`ascii`], and for Markdown [`plain`], [`code_span`] and [`code`]; and [`percent`].
//!
//! Names of functions, headers of loops and paths come from anywhere. Used by the plugins that write reports of
//! hot loops.

/// The longest piece of foreign text in a report, in characters.
const LONGEST: usize = 200;

/// `12.34`.
pub fn percent(percent: f64) -> String {
    format!("{percent:.2}")
}

/// A text in one line, without control characters, and not longer than 200 characters.
pub fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST - 3).collect::<String>() + "..."
}

/// Other characters than ASCII as `\u{..}`.
pub fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() { ascii.push(c) } else { ascii.extend(c.escape_unicode()) }
    }
    ascii
}

/// Text for a cell or a sentence of Markdown: one line, ASCII, and nothing in it is markup but code.
pub fn plain(text: &str) -> String {
    let mut text = ascii(&one_line(text));
    if text.matches('`').count() % 2 == 1 {
        text = text.replace('`', "'"); // one that is open would swallow what follows
    }
    let mut plain = String::new();
    let mut in_code = false;
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        in_code ^= c == '`';
        let in_word =
            before.is_alphanumeric() && characters.peek().is_some_and(|next| next.is_alphanumeric());
        let is_markup = match c {
            '|' => true,
            '_' => !in_code && !in_word,
            '*' | '[' | ']' | '<' | '\\' | '#' => !in_code,
            _ => false,
        };
        if is_markup {
            plain.push('\\');
        }
        plain.push(c);
        before = c;
    }
    plain
}

/// Code in a sentence of Markdown; a back quote would end it.
pub fn code_span(text: &str) -> String {
    match ascii(&one_line(text)).replace('`', "'") {
        empty if empty.is_empty() => String::new(),
        text => format!("`{text}`"),
    }
}

/// Code for a cell of Markdown, where a bare pipe would end the cell.
pub fn code(text: &str) -> String {
    code_span(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_but_in_code_only_the_pipe() {
        assert_eq!(plain("a|b *c* _d_ e_f <g> [h]"), "a\\|b \\*c\\* \\_d\\_ e_f \\<g> \\[h\\]");
        assert_eq!(plain("now `try_for_each(|n| *n)`."), "now `try_for_each(\\|n\\| *n)`.");
        assert_eq!(plain("an open ` and <b>"), "an open ' and \\<b>");
        assert_eq!(code("a`b|c\nd\u{202e}"), "`a'b\\|c d\\u{202e}`");
        assert_eq!(code_span("a|b"), "`a|b`");
        assert_eq!(code(""), "");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let cut = one_line(&"x y ".repeat(200));
        assert!(cut.len() == 200 && cut.ends_with("..."), "{cut}");
    }
}
