//! Python literals as `repr` writes their values: `0x10` is `16`, `"a"` is `'a'`.
//!
//! Called by `unparse`. A literal whose value does not fit here, or that names a character by its Unicode name,
//! is left as it stands.

use std::fmt::Write;
use std::ops::RangeInclusive;

/// A number.
pub(crate) fn number(source: &str) -> String {
    let plain = source.replace('_', "").to_ascii_lowercase();
    let radix =
        |prefix: &str, radix| plain.strip_prefix(prefix).map(|digits| u128::from_str_radix(digits, radix));
    let prefixed = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
    if let Some(value) = prefixed {
        return value.map_or_else(|_| source.to_owned(), |value| value.to_string());
    }
    let (digits, imaginary) = plain.strip_suffix('j').map_or((plain.as_str(), ""), |digits| (digits, "j"));
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = digits.trim_start_matches('0');
        return format!("{}{imaginary}", if digits.is_empty() { "0" } else { digits });
    }
    let Ok(value) = digits.parse::<f64>() else { return source.to_owned() };
    let text = float(value);
    // The real part of an imaginary number is written without its `.0`.
    let text = if imaginary.is_empty() { text.as_str() } else { text.trim_end_matches(".0") };
    format!("{text}{imaginary}")
}

fn float(value: f64) -> String {
    if value.is_infinite() {
        return "1e309".to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A string or bytes literal, given as the pieces that stand side by side. `None` where its value is not known.
pub(crate) fn string(pieces: &[&str]) -> Option<String> {
    let mut value = Vec::new();
    let mut is_bytes = false;
    let mut is_unicode = false;
    for (at, piece) in pieces.iter().enumerate() {
        let quote = piece.find(['\'', '"'])?;
        let prefix = piece[..quote].to_ascii_lowercase();
        let body = &piece[quote..];
        let width =
            if body.len() >= 6 && (body.starts_with("'''") || body.starts_with("\"\"\"")) { 3 } else { 1 };
        let body = body.get(width..body.len().checked_sub(width)?)?;
        is_bytes |= prefix.contains('b');
        is_unicode |= at == 0 && prefix == "u";
        if prefix.contains('r') {
            value.extend(body.replace("\r\n", "\n").chars());
        } else {
            decode(body, prefix.contains('b'), &mut value)?;
        }
    }
    let prefix = if is_bytes {
        "b"
    } else if is_unicode {
        "u"
    } else {
        ""
    };
    Some(format!("{prefix}{}", repr(&value, is_bytes)))
}

fn decode(body: &str, is_bytes: bool, value: &mut Vec<char>) -> Option<()> {
    let body = body.replace("\r\n", "\n");
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        let escaped = rest.next()?;
        let mut hex = |width: usize| {
            let digits: String = rest.by_ref().take(width).collect();
            (digits.len() == width).then(|| u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32))?
        };
        let meant = match escaped {
            '\n' => continue,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            '\\' | '\'' | '"' => escaped,
            'x' => hex(2)?,
            'u' if !is_bytes => hex(4)?,
            'U' if !is_bytes => hex(8)?,
            'N' if !is_bytes => return None,
            '0'..='7' => {
                let mut octal = escaped.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = rest.peek().and_then(|c| c.to_digit(8)) else { break };
                    octal = octal * 8 + digit;
                    rest.next();
                }
                char::from_u32(octal)?
            }
            // An unknown escape stands for itself.
            other => {
                value.push('\\');
                other
            }
        };
        value.push(meant);
    }
    Some(())
}

fn repr(value: &[char], is_bytes: bool) -> String {
    let quote = if value.contains(&'\'') && !value.contains(&'"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for &c in value {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c => escape(c, is_bytes, &mut out),
        }
    }
    out.push(quote);
    out
}

/// Beyond Latin-1: spaces, marks of direction, private use, and what is no character.
const HIDDEN: [RangeInclusive<u32>; 10] = [
    0x1680..=0x1680,
    0x2000..=0x200f,
    0x2028..=0x202f,
    0x205f..=0x206f,
    0x3000..=0x3000,
    0xe000..=0xf8ff,
    0xfeff..=0xfeff,
    0xfff9..=0xfffb,
    0xffff..=0xffff,
    0xf_0000..=0x10_ffff,
];

/// What Python does not call printable, as an escape.
fn escape(c: char, is_bytes: bool, out: &mut String) {
    let code = u32::from(c);
    let hidden = match code {
        0..=0x1f | 0x7f..=0xa0 | 0xad => true,
        _ if is_bytes => code > 0x7e,
        _ => HIDDEN.iter().any(|range| range.contains(&code)),
    };
    // Writing into a `String` cannot fail.
    let _ = match code {
        _ if !hidden => write!(out, "{c}"),
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_by_value() {
        for (source, expected) in [
            ("0xFF", "255"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("007.5", "7.5"),
            ("00", "0"),
            ("1e3", "1000.0"),
            ("1e16", "1e+16"),
            ("1e-5", "1e-05"),
            ("0.0001", "0.0001"),
            ("1e999", "1e309"),
            ("2J", "2j"),
            ("1.0j", "1j"),
            ("1.5j", "1.5j"),
        ] {
            assert_eq!(number(source), expected, "{source}");
        }
    }

    #[test]
    fn strings_are_written_with_the_quotes_and_escapes_of_repr() {
        for (pieces, expected) in [
            (&["\"a\""][..], "'a'"),
            (&["\"it's\""], "\"it's\""),
            (&["'it\\'s \"x\"'"], "'it\\'s \"x\"'"),
            (&["'\\n\\x00\\x41'"], "'\\n\\x00A'"),
            (&["r'\\n'"], "'\\\\n'"),
            (&["'a'", "\"b\""], "'ab'"),
            (&["b'\\xff'"], "b'\\xff'"),
            (&["u'x'"], "u'x'"),
            (&["'''a\nb'''"], "'a\\nb'"),
            (&["''"], "''"),
            (&["'\\d'"], "'\\\\d'"),
            (&["'\\101'"], "'A'"),
        ] {
            assert_eq!(string(pieces).as_deref(), Some(expected), "{pieces:?}");
        }
        assert_eq!(string(&["'\\N{BULLET}'"]), None);
    }
}
