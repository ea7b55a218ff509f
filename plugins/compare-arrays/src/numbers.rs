//! [`Numbers`]: numbers written as text, one after the other, with the line for a message.
//!
//! Separated by commas, semicolons or blanks; `#` begins a comment. An empty field is an error: leaving it out
//! would shift every value behind it.

use std::io::BufRead;

/// A longer word is no number.
const MAX_WORD: usize = 64;

/// Reads numbers.
#[derive(Debug, Default)]
pub struct Numbers {
    line: u64,
    skip: u64,
    /// Whether a separator stands open: the next thing must be a number.
    owed: bool,
    /// Whether the line has a number already.
    begun: bool,
    comment: bool,
    word: Vec<u8>,
}

impl Numbers {
    /// Leaves out so many lines first.
    pub fn skipping(skip: u64) -> Self {
        Self { line: 1, skip, ..Self::default() }
    }

    /// Appends up to `most` numbers; fewer only at the end.
    pub fn read(&mut self, file: &mut impl BufRead, into: &mut Vec<f64>, most: usize) -> Result<(), String> {
        while into.len() < most {
            let piece = file.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
            if piece.is_empty() {
                into.extend(self.take()?);
                return self.end_of_line();
            }
            let mut used = 0;
            for byte in piece.iter().copied() {
                if into.len() >= most {
                    break;
                }
                used += 1;
                into.extend(self.byte(byte)?);
            }
            file.consume(used);
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<Option<f64>, String> {
        let mut number = None;
        match byte {
            b'\n' => {
                number = self.take()?;
                self.end_of_line()?;
                self.line += 1;
                self.comment = false;
                self.begun = false;
            }
            _ if self.comment || self.line <= self.skip => {}
            b'#' => {
                number = self.take()?;
                self.comment = true;
            }
            b',' | b';' => {
                number = self.take()?;
                if self.owed || !self.begun {
                    return Err(format!("line {}: an empty field; write a number (or NaN) there", self.line));
                }
                self.owed = true;
            }
            blank if blank.is_ascii_whitespace() => number = self.take()?,
            other if self.word.len() < MAX_WORD => self.word.push(other),
            _ => {
                return Err(format!("line {}: a word of more than {MAX_WORD} bytes is no number", self.line));
            }
        }
        Ok(number)
    }

    fn take(&mut self) -> Result<Option<f64>, String> {
        if self.word.is_empty() {
            return Ok(None);
        }
        let word = String::from_utf8_lossy(&self.word).into_owned();
        self.word.clear();
        self.owed = false;
        self.begun = true;
        let number = word.trim_matches('"').parse().map_err(|_| {
            format!(
                "line {}: `{}` is no number (`skip_rows:` leaves out a heading)",
                self.line,
                word.escape_debug()
            )
        })?;
        Ok(Some(number))
    }

    fn end_of_line(&mut self) -> Result<(), String> {
        if self.owed {
            return Err(format!("line {}: an empty field at its end", self.line));
        }
        Ok(())
    }
}
