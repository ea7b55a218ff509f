//! The wire format of protobuf, as far as pprof needs it: [`Message`] and its [`Field`]s.
//!
//! Used by the pprof reader. Checks every length; a broken message is `None`, never a panic.

use crate::read::input::Input;
use crate::read::problem::Stop;

/// A field of the outermost message. Its bytes are ahead in the input, all of them.
pub(crate) enum Field {
    Number(u64),
    Bytes(usize),
}

/// The next field of a file; `None` at its end.
pub(crate) fn next_field(input: &mut Input<'_>) -> Result<Option<(u64, Field)>, Stop> {
    // Tag and length or value are at most 20 bytes.
    while input.ahead().len() < 20 && input.more()? {}
    if input.ahead().is_empty() {
        return Ok(None);
    }
    let mut header = Message::new(input.ahead());
    let Some(tag) = header.varint() else { return Err(broken(input)) };
    let field = match tag & 7 {
        0 => header.varint().map(Field::Number),
        1 => header.fixed(8).map(Field::Number),
        2 => header.varint().and_then(|length| usize::try_from(length).ok()).map(Field::Bytes),
        5 => header.fixed(4).map(Field::Number),
        _ => None,
    };
    let Some(field) = field else { return Err(broken(input)) };
    let taken = input.ahead().len() - header.rest.len();
    if let Field::Bytes(length) = field {
        // Reading further must not move the place of the problem, so the header is taken only now.
        while input.ahead().len() - taken < length {
            if !input.more()? {
                return Err(input.problem_at_end("the file ends inside a message: it is cut"));
            }
        }
    }
    input.take(taken);
    Ok(Some((tag >> 3, field)))
}

fn broken(input: &Input<'_>) -> Stop {
    if input.ahead().len() < 20 {
        return input.problem_at_end("the file ends inside a message: it is cut");
    }
    input.problem("not a protobuf field: the profile is broken from here on")
}

/// The rest of a message.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    rest: &'a [u8],
}

/// A field's value.
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (place, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (place * 7);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[place + 1..];
                return Some(value);
            }
        }
        None
    }

    fn fixed(&mut self, count: usize) -> Option<u64> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The next field; the outer `None` where the message is broken, the inner one at its end.
    #[expect(clippy::option_option, reason = "read with `?` in a loop")]
    pub(crate) fn next(&mut self) -> Option<Option<(u64, Value<'a>)>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(self.fixed(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Number(self.fixed(4)?),
            _ => return None,
        };
        Some(Some((tag >> 3, value)))
    }
}

impl<'a> Value<'a> {
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bytes(_) => None,
        }
    }

    pub(crate) fn message(&self) -> Option<Message<'a>> {
        match self {
            Self::Number(_) => None,
            Self::Bytes(bytes) => Some(Message::new(bytes)),
        }
    }

    /// A repeated number, packed or not.
    pub(crate) fn numbers(&self, mut each: impl FnMut(u64)) -> Option<()> {
        match self {
            Self::Number(number) => each(*number),
            Self::Bytes(bytes) => {
                let mut packed = Message::new(bytes);
                while !packed.rest.is_empty() {
                    each(packed.varint()?);
                }
            }
        }
        Some(())
    }
}
