//! Foreign text in a report: [`one_line`], [`ascii`], and for Markdown [`plain`] and [`code`]; and [`percent`].
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
    let mut plain = String::new();
    for c in ascii(&one_line(text)).chars() {
        if matches!(c, '|' | '*' | '_' | '[' | ']' | '<' | '\\' | '#') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

/// Code for a cell of Markdown. A back quote would end it, and a pipe the cell.
pub fn code(text: &str) -> String {
    match ascii(&one_line(text)).replace('`', "'").replace('|', "\\|") {
        empty if empty.is_empty() => String::new(),
        text => format!("`{text}`"),
    }
}
