//! A file in chunks: [`Input`].
//!
//! Holds one buffer, which a reader looks into and takes from; it grows only where a single token is longer. It
//! counts bytes and lines for [`Place`]. Used by every reader of this module. Never holds the whole file.

use std::io::{self, Read};

use crate::read::problem::{Place, ReadProblem, Stop};

const CHUNK: usize = 256 * 1024;
/// A name or a line that is longer is no name and no line.
const LONGEST: usize = 64 * 1024 * 1024;
/// Enough to tell one kind of file from another.
pub(crate) const HEAD: usize = 64 * 1024;

/// Bytes between what was taken and what was read.
pub(crate) struct Input<'a> {
    source: Box<dyn Read + 'a>,
    name: String,
    buffer: Vec<u8>,
    /// The next byte, and the end of what is filled.
    pos: usize,
    end: usize,
    /// Bytes of the file before the buffer, lines before it, and where the last of those began.
    before: u64,
    lines: u64,
    line_start: u64,
    ended: bool,
    failed: Option<io::Error>,
    /// The source is a decompressor.
    pub(crate) unpacked: bool,
    /// Lines and columns mean something.
    pub(crate) text: bool,
}

impl<'a> Input<'a> {
    pub(crate) fn new(source: Box<dyn Read + 'a>, name: &str) -> Self {
        Self {
            source,
            name: name.to_owned(),
            buffer: vec![0; HEAD], // small files need no more
            pos: 0,
            end: 0,
            before: 0,
            lines: 0,
            line_start: 0,
            ended: false,
            failed: None,
            unpacked: false,
            text: true,
        }
    }

    /// What is there without reading more.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.buffer[self.pos..self.end]
    }

    pub(crate) fn take(&mut self, count: usize) {
        self.pos += count;
        debug_assert!(self.pos <= self.end);
    }

    /// The first `length` of the last `back` bytes that were taken, after which nothing was read.
    pub(crate) fn behind(&self, back: usize, length: usize) -> &[u8] {
        &self.buffer[self.pos - back..self.pos - back + length]
    }

    /// Reads more behind what is there; false at the end of the file. What was taken is forgotten; what
    /// is ahead stays so.
    pub(crate) fn more(&mut self) -> Result<bool, Stop> {
        if self.ended {
            return Ok(false);
        }
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Err(self.io_problem(&error));
        }
        self.forget();
        if self.buffer.len() < CHUNK {
            self.buffer.resize(CHUNK, 0);
        }
        if self.end == self.buffer.len() {
            if self.buffer.len() >= LONGEST {
                return Err(self.problem(format!("one name or line of more than {} MiB", LONGEST >> 20)));
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        match self.read_some() {
            Ok(0) => {
                self.ended = true;
                Ok(false)
            }
            Ok(count) => {
                self.end += count;
                Ok(true)
            }
            Err(error) => {
                self.ended = true;
                Err(self.io_problem(&error))
            }
        }
    }

    fn read_some(&mut self) -> io::Result<usize> {
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Moves what was not yet taken to the front.
    fn forget(&mut self) {
        let gone = &self.buffer[..self.pos];
        if self.text {
            self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
            if let Some(last) = memchr::memrchr(b'\n', gone) {
                self.line_start = self.before + last as u64 + 1;
            }
        }
        self.before += self.pos as u64;
        self.buffer.copy_within(self.pos..self.end, 0);
        self.end -= self.pos;
        self.pos = 0;
    }

    /// The first bytes of the file, for a look. A failure to read is kept for later.
    pub(crate) fn head(&mut self) -> &[u8] {
        while self.end - self.pos < HEAD && !self.ended && self.failed.is_none() {
            match self.read_some() {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) => self.failed = Some(error),
            }
        }
        self.ahead()
    }

    /// The rest as a plain stream, for a decompressor.
    pub(crate) fn into_source(self) -> Box<dyn Read + 'a> {
        let rest = io::Cursor::new(self.buffer[self.pos..self.end].to_vec());
        match self.failed {
            Some(error) => Box::new(rest.chain(Failing(Some(error)))),
            None => Box::new(rest.chain(self.source)),
        }
    }

    fn place_at(&self, pos: usize) -> Place {
        let offset = self.before + pos as u64;
        let seen = &self.buffer[..pos];
        let line = self.text.then(|| {
            let start = memchr::memrchr(b'\n', seen).map(|last| self.before + last as u64 + 1);
            let lines = self.lines + memchr::memchr_iter(b'\n', seen).count() as u64;
            (lines + 1, offset - start.unwrap_or(self.line_start) + 1)
        });
        Place { offset, line, unpacked: self.unpacked }
    }

    /// A problem at the next byte.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Stop {
        Stop(Box::new(ReadProblem {
            file: self.name.clone(),
            place: self.place_at(self.pos),
            message: message.into(),
        }))
    }

    /// A problem at the beginning of the last line, which was `length` bytes long.
    pub(crate) fn problem_back(&self, length: usize, message: String) -> Stop {
        let mut at = self.pos.saturating_sub(length);
        if at > 0 && self.buffer.get(self.pos - 1) == Some(&b'\n') {
            at -= 1;
            if self.buffer.get(self.pos - 2) == Some(&b'\r') {
                at -= usize::from(at > 0);
            }
        }
        Stop(Box::new(ReadProblem { file: self.name.clone(), place: self.place_at(at), message }))
    }

    /// A problem with the file as a whole.
    pub(crate) fn problem_at_start(&self, message: String) -> Stop {
        let place = Place { offset: 0, line: self.text.then_some((1, 1)), unpacked: self.unpacked };
        Stop(Box::new(ReadProblem { file: self.name.clone(), place, message }))
    }

    /// A problem at the end of what was read.
    pub(crate) fn problem_at_end(&self, message: impl Into<String>) -> Stop {
        Stop(Box::new(ReadProblem {
            file: self.name.clone(),
            place: self.place_at(self.end),
            message: message.into(),
        }))
    }

    fn io_problem(&self, error: &io::Error) -> Stop {
        let message = match (self.unpacked, error.kind()) {
            (true, io::ErrorKind::UnexpectedEof) => "the compressed file ends early: it is cut".to_owned(),
            (true, _) => format!("the compressed file cannot be unpacked further: {error}"),
            (false, _) => format!("cannot be read further: {error}"),
        };
        self.problem_at_end(message)
    }

    /// The next line without its end, and `None` after the last.
    pub(crate) fn line(&mut self) -> Result<Option<&[u8]>, Stop> {
        let mut looked = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.ahead()[looked..]) {
                let start = self.pos;
                let stop = start + looked + at;
                self.pos = stop + 1;
                let line = &self.buffer[start..stop];
                return Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)));
            }
            looked = self.ahead().len();
            if !self.more()? {
                let start = self.pos;
                self.pos = self.end;
                return Ok((start < self.end).then(|| &self.buffer[start..self.end]));
            }
        }
    }
}

/// Gives the failure that was kept.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drops(Vec<u8>, usize);

    impl Read for Drops {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(byte) = self.0.get(self.1) else { return Ok(0) };
            into[0] = *byte;
            self.1 += 1;
            Ok(1)
        }
    }

    #[test]
    fn lines_and_places_do_not_depend_on_the_chunks() {
        let mut input = Input::new(Box::new(Drops(b"ab\r\n\ncde\nlast".to_vec(), 0)), "f");
        let mut lines = Vec::new();
        while let Some(line) = input.line().unwrap() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(lines, ["ab", "", "cde", "last"]);
        let place = input.problem("x").0.place;
        assert_eq!((place.offset, place.line), (13, Some((4, 5))));
    }

    #[test]
    fn a_token_longer_than_a_chunk_is_kept_whole() {
        let long = vec![b'x'; CHUNK * 3 + 5];
        let mut input = Input::new(Box::new(&long[..]), "f");
        assert_eq!(input.line().unwrap().unwrap().len(), long.len());
        assert!(input.line().unwrap().is_none());
    }
}
