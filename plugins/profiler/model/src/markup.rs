//! Text in pictures and pages: [`escape`], for XML and HTML alike.
//!
//! Used by the flame graph and by whoever makes a page of a profile. Names come from foreign programs, so nothing
//! may be written into markup without it.

use std::fmt::Write as _;

/// Makes text fit for XML 1.0 and HTML: markup and quotes are escaped, characters that XML forbids become `?`, and
/// everything else that is not ASCII a reference, so that no guess of an encoding can be wrong.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            ' '..='~' => escaped.push(character),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('?');
            }
            other => {
                let _ = write!(escaped, "&#{};", u32::from(other)); // writing to a string does not fail
            }
        }
    }
    escaped
}
