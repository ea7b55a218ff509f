//! [`Lines`]: the lines of a file with their numbers, without those that are to be left out.
//!
//! Opened here and not through the host, whose `read` returns a whole file: a log may be larger than the
//! memory. What a plugin's process opens is recorded by the runner all the same.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use crate::config::Config;

/// A longer line is no log.
const MAX_LINE: u64 = 1 << 20;

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// From 1, as an editor counts.
    pub number: u64,
    /// Without its end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// A file that is being read.
#[derive(Debug)]
pub struct Lines {
    path: String,
    file: BufReader<File>,
    number: u64,
    skip: Vec<String>,
}

impl Lines {
    /// Opens a file, relative to the working directory (which is the project root in a run).
    pub fn open(path: &str, config: &Config) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("`{path}` cannot be read: {error}");
        let file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(format!("`{path}` is not a regular file"));
        }
        let file = BufReader::with_capacity(1 << 18, file);
        Ok(Self { path: path.to_owned(), file, number: 0, skip: config.skip.clone() })
    }

    /// The next line that counts.
    pub fn next(&mut self) -> Result<Option<Line>, String> {
        loop {
            let mut bytes = Vec::new();
            let mut piece = (&mut self.file).take(MAX_LINE + 1);
            piece.read_until(b'\n', &mut bytes).map_err(|error| format!("`{}`: {error}", self.path))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 > MAX_LINE {
                return Err(format!("`{}`:{}: a line of more than 1 MiB is no log", self.path, self.number));
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches('\n').trim_end_matches('\r');
            if !self.skip.iter().any(|start| text.trim_start().starts_with(start.as_str())) {
                return Ok(Some(Line { number: self.number, text: text.to_owned() }));
            }
        }
    }
}
