//! JSON as a stream: [`Json`], which gives one member or element at a time.
//!
//! A reader asks for keys and values in the order of the file and passes over what it does not need, so that
//! nothing is kept that nobody wants. Passed-over values are not checked beyond quotes and brackets. Used by the
//! readers of Chrome traces and speedscope files. Never recurses: no nesting can exhaust the stack.

use crate::read::input::Input;
use crate::read::problem::Stop;
use crate::read::skip::{BLOCK, Skip};

/// A value's first byte tells what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    Text,
    /// A number, `true`, `false` or `null`.
    Scalar,
}

pub(crate) struct Json<'a> {
    pub(crate) input: Input<'a>,
    unescaped: Vec<u8>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(input: Input<'a>) -> Self {
        Self { input, unescaped: Vec::new() }
    }

    /// The next byte that is no white space, not taken; `None` at the end of the file.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            let ahead = self.input.ahead();
            if let Some(at) = ahead.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) {
                let byte = ahead[at];
                self.input.take(at);
                return Ok(Some(byte));
            }
            let blank = ahead.len();
            self.input.take(blank);
            if !self.input.more()? {
                return Ok(None);
            }
        }
    }

    pub(crate) fn cut(&self, inside: &str) -> Stop {
        self.input.problem_at_end(format!("the file ends inside {inside}: it is cut"))
    }

    /// Takes `byte`, or says what stands there instead.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, inside: &str) -> Result<(), Stop> {
        match self.peek()? {
            Some(found) if found == byte => {
                self.input.take(1);
                Ok(())
            }
            found => Err(self.unexpected(found, &format!("`{}`", char::from(byte)), inside)),
        }
    }

    #[cold]
    fn unexpected(&self, found: Option<u8>, wanted: &str, inside: &str) -> Stop {
        match found {
            None => self.cut(inside),
            Some(byte) => {
                let found = byte.escape_ascii();
                self.input.problem(format!("not JSON: expected {wanted} in {inside}, found `{found}`"))
            }
        }
    }

    /// The next key of an object whose `{` was taken; `None` after its end was taken. The caller goes on with
    /// [`Json::colon`].
    #[inline]
    pub(crate) fn key(&mut self, first: bool) -> Result<Option<&[u8]>, Stop> {
        const INSIDE: &str = "an object";
        match (self.peek()?, first) {
            (Some(b'}'), _) => {
                self.input.take(1);
                return Ok(None);
            }
            (Some(b','), false) => {
                self.input.take(1);
                // A comma before the end is a common slip of writers; no other reading is possible.
                match self.peek()? {
                    Some(b'}') => {
                        self.input.take(1);
                        return Ok(None);
                    }
                    Some(b'"') => {}
                    found => return Err(self.unexpected(found, "a key", INSIDE)),
                }
            }
            (Some(b'"'), true) => {}
            (found, true) => return Err(self.unexpected(found, "a key or `}`", INSIDE)),
            (found, false) => return Err(self.unexpected(found, "`,` or `}`", INSIDE)),
        }
        self.string().map(Some)
    }

    #[inline]
    pub(crate) fn colon(&mut self) -> Result<(), Stop> {
        self.expect(b':', "an object")
    }

    /// Whether another element of an array whose `[` was taken comes; takes the comma, or the end.
    pub(crate) fn element(&mut self, first: bool) -> Result<bool, Stop> {
        match (self.peek()?, first) {
            (Some(b']'), _) => {
                self.input.take(1);
                Ok(false)
            }
            (Some(b','), false) => {
                self.input.take(1);
                if self.peek()? == Some(b']') {
                    self.input.take(1);
                    return Ok(false);
                }
                Ok(true)
            }
            (Some(_), true) => Ok(true),
            (found, _) => Err(self.unexpected(found, "`,` or `]`", "an array")),
        }
    }

    pub(crate) fn shape(&mut self, inside: &str) -> Result<Shape, Stop> {
        match self.peek()? {
            Some(b'{') => Ok(Shape::Object),
            Some(b'[') => Ok(Shape::Array),
            Some(b'"') => Ok(Shape::Text),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => Ok(Shape::Scalar),
            found => Err(self.unexpected(found, "a value", inside)),
        }
    }

    /// The string that begins at the next byte, without its quotes, unescaped. Not checked for UTF-8.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&[u8], Stop> {
        self.expect(b'"', "a string")?;
        let mut looked = 0;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.input.ahead()[looked..]) {
                Some(at) if self.input.ahead()[looked + at] == b'"' => {
                    return Ok(self.taken(looked + at));
                }
                Some(at) => return self.escaped_string(looked + at),
                None => looked = self.input.ahead().len(),
            }
            if !self.input.more()? {
                return Err(self.cut("a string"));
            }
        }
    }

    /// Takes `length` bytes and the quote behind them, and gives the bytes.
    fn taken(&mut self, length: usize) -> &[u8] {
        self.input.take(length + 1);
        self.input.behind(length + 1, length)
    }

    /// A string whose first backslash is `at` bytes ahead.
    #[cold]
    fn escaped_string(&mut self, at: usize) -> Result<&[u8], Stop> {
        let mut end = at;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.input.ahead()[end..]) {
                Some(next) if self.input.ahead()[end + next] == b'"' => {
                    end += next;
                    break;
                }
                Some(next) if end + next + 2 <= self.input.ahead().len() => end += next + 2,
                _ => {
                    if !self.input.more()? {
                        return Err(self.cut("a string"));
                    }
                }
            }
        }
        let mut unescaped = std::mem::take(&mut self.unescaped);
        unescape(&self.input.ahead()[..end], &mut unescaped);
        self.unescaped = unescaped;
        self.input.take(end + 1);
        Ok(&self.unescaped)
    }

    /// The text of a number or word.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<&[u8], Stop> {
        self.peek()?;
        let mut looked = 0;
        loop {
            let rest = &self.input.ahead()[looked..];
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r' | b'"' | b':');
            if let Some(at) = rest.iter().position(ends) {
                self.input.take(looked + at);
                return Ok(self.input.behind(looked + at, looked + at));
            }
            looked = self.input.ahead().len();
            if !self.input.more()? {
                // At the end of the file: nobody knows whether more digits were meant.
                return Err(self.cut("a number"));
            }
        }
    }

    /// Passes over one value.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), Stop> {
        match self.shape("a value")? {
            Shape::Object | Shape::Array => {
                self.input.take(1);
                self.leave()
            }
            Shape::Text => self.string().map(drop),
            Shape::Scalar => self.scalar().map(drop),
        }
    }

    /// One value as it stands in the file.
    pub(crate) fn raw(&mut self, into: &mut Vec<u8>) -> Result<(), Stop> {
        match self.shape("a value")? {
            Shape::Object | Shape::Array => self.pass(0, |passed| into.extend_from_slice(passed)),
            Shape::Text => {
                let text = String::from_utf8_lossy(self.string()?).into_owned();
                into.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
                Ok(())
            }
            Shape::Scalar => self.scalar().map(|text| into.extend_from_slice(text)),
        }
    }

    /// Passes over the rest of the object or array that is open.
    pub(crate) fn leave(&mut self) -> Result<(), Stop> {
        self.pass(1, |_| ())
    }

    /// Passes over all up to the bracket that closes the outermost of `depth`, or the first that opens.
    fn pass(&mut self, depth: u64, mut passed: impl FnMut(&[u8])) -> Result<(), Stop> {
        let mut skip = Skip::new(depth);
        loop {
            let ahead = self.input.ahead();
            for (number, block) in ahead.as_chunks::<BLOCK>().0.iter().enumerate() {
                if let Some(at) = skip.block(block) {
                    passed(&ahead[..number * BLOCK + at]);
                    self.input.take(number * BLOCK + at);
                    return Ok(());
                }
            }
            let whole = ahead.len() / BLOCK * BLOCK;
            passed(&ahead[..whole]);
            self.input.take(whole);
            if !self.input.more()? {
                let mut last = [b' '; BLOCK];
                let rest = self.input.ahead();
                last[..rest.len()].copy_from_slice(rest);
                return match skip.block(&last) {
                    Some(at) => {
                        passed(&last[..at]);
                        self.input.take(at);
                        Ok(())
                    }
                    None => Err(self.cut("an object or array")),
                };
            }
        }
    }

    /// A number, in digits or in quotes; `None` for anything else, which is passed over.
    pub(crate) fn number<T>(&mut self, parse: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Stop> {
        match self.shape("a value")? {
            Shape::Scalar => Ok(parse(self.scalar()?)),
            Shape::Text => Ok(parse(self.string()?)),
            Shape::Object | Shape::Array => self.skip().map(|()| None),
        }
    }

    /// A string; `None` for anything else, which is passed over.
    pub(crate) fn text(&mut self) -> Result<Option<String>, Stop> {
        if self.shape("a value")? == Shape::Text {
            return Ok(Some(String::from_utf8_lossy(self.string()?).into_owned()));
        }
        self.skip().map(|()| None)
    }

    /// Enters an object (`{`) or array (`[`); false where something else stands, which is passed over.
    pub(crate) fn enter(&mut self, bracket: u8) -> Result<bool, Stop> {
        self.shape("a value")?;
        if self.peek()? == Some(bracket) {
            self.input.take(1);
            return Ok(true);
        }
        self.skip().map(|()| false)
    }
}

/// A number that serde would call `T`.
pub(crate) fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

fn unescape(raw: &[u8], into: &mut Vec<u8>) {
    into.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        into.extend_from_slice(&rest[..at]);
        let letter = rest.get(at + 1).copied().unwrap_or(b'?');
        rest = rest.get(at + 2..).unwrap_or_default();
        let plain = match letter {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let (character, taken) = code_point(rest);
                into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[taken..];
                continue;
            }
            other => other,
        };
        into.push(plain);
    }
    into.extend_from_slice(rest);
}

/// The character of `XXXX` or `XXXX\uXXXX` and the bytes it takes; U+FFFD for half a pair.
fn code_point(text: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        let digits = text.get(from..from + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 0) };
    if (0xd800..0xdc00).contains(&first)
        && text.get(4..6) == Some(b"\\u")
        && let Some(second @ 0xdc00..=0xdfff) = unit(6)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &'static str) -> Json<'static> {
        Json::new(Input::new(Box::new(text.as_bytes()), "f.json"))
    }

    #[test]
    fn members_come_one_after_the_other_and_what_is_not_wanted_is_passed_over() {
        let mut json =
            json(r#" {"a": [1, {"x": "]}"}], "b" : -1.5e3, "c\u00e9\ud83d\ude00": "q\"\\", } rest"#);
        assert!(json.enter(b'{').unwrap());
        assert_eq!(json.key(true).unwrap(), Some(&b"a"[..]));
        json.colon().unwrap();
        json.skip().unwrap();
        assert_eq!(json.key(false).unwrap(), Some(&b"b"[..]));
        json.colon().unwrap();
        assert_eq!(json.number(parsed::<f64>).unwrap(), Some(-1500.0));
        assert_eq!(json.key(false).unwrap(), Some("c\u{e9}\u{1f600}".as_bytes()));
        json.colon().unwrap();
        assert_eq!(json.text().unwrap().as_deref(), Some("q\"\\"));
        assert_eq!(json.key(false).unwrap(), None);
        assert_eq!(json.input.ahead(), b" rest");
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let mut wrong = json("{\"a\" 1}");
        wrong.enter(b'{').unwrap();
        wrong.key(true).unwrap();
        let stop = wrong.colon().unwrap_err();
        assert_eq!(stop.0.to_string(), "f.json:1:6: not JSON: expected `:` in an object, found `1` (byte 5)");
        let mut cut = json("{\"a\n\\");
        cut.enter(b'{').unwrap();
        let stop = cut.key(true).unwrap_err();
        assert_eq!(stop.0.to_string(), "f.json:2:2: the file ends inside a string: it is cut (byte 5)");
    }
}
