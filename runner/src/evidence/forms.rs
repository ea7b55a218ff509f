//! [`forms_of`]: how a secret value may stand in a text that somebody else wrote.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

/// What no encoder of addresses touches.
const NONE: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// What the fields of forms keep too (`URLSearchParams`, Java).
const FORM: AsciiSet = NONE.remove(b'*');
/// What RFC 3986 calls unreserved.
const STRICT: AsciiSet = NONE.remove(b'~');
/// What Python's `quote` leaves too.
const PATH: AsciiSet = STRICT.remove(b'/');
/// What JavaScript's `encodeURIComponent` leaves too.
const COMPONENT: AsciiSet = STRICT.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// Each form once: as it is; inside a JSON string, with other letters than ASCII as they are or escaped;
/// percent-encoded; in hexadecimal digits; and inside base64, wherever in the encoded text it begins.
pub(super) fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    if let Ok(text) = std::str::from_utf8(value) {
        let json = Value::from(text).to_string();
        let json = json[1..json.len() - 1].to_owned();
        for json in [escaped(&json), json] {
            // What PHP, Go and Gson escape besides.
            let php = json.replace('/', "\\/");
            let go = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
            let gson = go.replace('=', "\\u003d").replace('\'', "\\u0027");
            forms.extend([json, php, go, gson].map(String::into_bytes));
        }
    }
    for set in [&NONE, &FORM, &STRICT, &PATH, &COMPONENT] {
        let encoded = percent_encode(value, set).to_string();
        for encoded in [with_small_digits(&encoded), encoded] {
            forms.extend([encoded.replace("%20", "+"), encoded].map(String::into_bytes));
        }
    }
    let hexadecimal = value.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    forms.push(hexadecimal.to_ascii_uppercase().into_bytes());
    forms.push(hexadecimal.into_bytes());
    for before in 0..3 {
        forms.extend([STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| within_base64(&engine, value, before)));
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The digits of base64 that `value` alone decides when `before` bytes (modulo 3) stand before it. The ones at both
/// ends also depend on its neighbours, and are left out.
fn within_base64(engine: &impl Engine, value: &[u8], before: usize) -> Vec<u8> {
    let digits = engine.encode([&[0; 2][..before], value].concat()).into_bytes();
    let (first, end) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
    digits[first..end].to_vec()
}

fn escaped(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

/// `%2F` as `%2f`.
fn with_small_digits(text: &str) -> String {
    let mut digits = 0;
    let small = |c: char| match c {
        '%' => {
            digits = 2;
            c
        }
        _ if digits > 0 => {
            digits -= 1;
            c.to_ascii_lowercase()
        }
        _ => c,
    };
    text.chars().map(small).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    #[track_caller]
    fn is_found(value: &str, text: &str) {
        let found = forms_of(value.as_bytes())
            .iter()
            .any(|form| text.as_bytes().windows(form.len()).any(|part| part == form));
        assert!(found, "{value} in {text}");
    }

    #[test]
    fn a_value_is_found_inside_base64_at_any_place() {
        for value in ["secret", "pa55w?rd>>", "gh_0123456789", "\u{fc}\u{f6}\u{e4}x"] {
            for before in ["", "u", "ab", "user:", "user7:", "someone:"] {
                for after in ["", "@", "@h", "@host"] {
                    let plain = format!("{before}{value}{after}");
                    is_found(value, &format!("Basic {}", STANDARD.encode(&plain)));
                    is_found(value, &URL_SAFE.encode(&plain));
                }
            }
        }
    }

    #[test]
    fn other_bytes_in_base64_are_not_taken_for_it() {
        let forms = forms_of(b"secret");
        let shortest = forms.iter().map(Vec::len).min().expect("some");
        assert!(shortest >= 6, "{forms:?}");
        let other = STANDARD.encode("another text of the same length as many others");
        assert!(!forms.iter().any(|form| other.as_bytes().windows(form.len()).any(|part| part == form)));
    }

    #[test]
    fn addresses_json_and_hexadecimal_digits() {
        let value = "p/a s:s\"\u{e9}!";
        for text in [
            "https://me:p%2Fa%20s%3As%22%C3%A9%21@host", // strict
            "p/a%20s%3As%22%C3%A9%21",                   // Python's quote
            "p%2Fa+s%3As%22%C3%A9%21",                   // a form's field
            "p%2fa%20s%3as%22%c3%a9%21",                 // small digits
            "p%2Fa%20s%3As%22%C3%A9!",                   // JavaScript
            r#"{"k": "p/a s:s\"\u00e9!"}"#,
            r#"{"k": "p\/a s:s\"\u00e9!"}"#, // PHP
            "p%2fa+s%3as%22%c3%a9%21",       // .NET
            "702f6120733a7322c3a921",
            "702F6120733A7322C3A921",
        ] {
            is_found(value, text);
        }
    }

    #[test]
    fn what_some_encoders_escape_and_others_do_not() {
        let value = "a&b<c='d'~*e";
        for text in [
            r"a\u0026b\u003cc='d'~*e",                // Go
            r"a\u0026b\u003cc\u003d\u0027d\u0027~*e", // Gson
            "a%26b%3Cc%3D%27d%27%7E*e",               // URLSearchParams
            "a%26b%3Cc%3D%27d%27%7E%2Ae",             // PHP
            "a%26b%3Cc%3D'd'~*e",                     // JavaScript
        ] {
            is_found(value, text);
        }
    }

    #[test]
    fn a_plain_word_has_few_forms() {
        assert_eq!(forms_of(b"abcdef123456").len(), 5, "as it is, hexadecimal, three in base64");
    }
}
