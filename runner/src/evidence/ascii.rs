//! ASCII for what must be ASCII: `summary.md` and `commands.txt`.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with everything that is not printable ASCII escaped as `\u{..}`; line ends stay.
pub fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | ' '..='~' => escaped.push(character),
            '\t' | '\u{a0}' => escaped.push(' '),
            // The few that people type and that have a plain twin.
            '\u{2013}' | '\u{2014}' | '\u{2212}' => escaped.push('-'),
            '\u{2018}' | '\u{2019}' => escaped.push('\''),
            '\u{201c}' | '\u{201d}' => escaped.push('"'),
            // Writing into a String cannot fail.
            _ => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    escaped
}

/// One word of a shell command, quoted so that a shell (bash, zsh, ksh) reads exactly these bytes, in ASCII.
pub fn shell_quote(word: &str) -> String {
    if word.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        // Without NUL bytes, quoting cannot fail.
        return shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned);
    }
    let mut quoted = String::from("$'");
    for byte in word.bytes() {
        match byte {
            b'\'' => quoted.push_str("\\'"),
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\x{byte:02x}");
            }
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_becomes_ascii() {
        assert_eq!(ascii("caf\u{e9} \u{2014} ok\n"), "caf\\u{e9} - ok\n");
        assert_eq!(shell_quote("plain"), "plain");
        assert_eq!(shell_quote("two words"), "'two words'");
        assert_eq!(shell_quote("caf\u{e9}\n'"), "$'caf\\xc3\\xa9\\n\\''");
    }
}
