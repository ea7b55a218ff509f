//! What is wrong with a file: [`ReadProblem`], and where.
//!
//! Made by the readers. A file that is cut or broken still gives what stood before the place; that is why a
//! problem is part of a [`crate::ReadProfile`], and only a [`ReadError`] when nothing at all could be read.
//! A place is never guessed: formats without lines have none.

use std::fmt;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Line and column, both counted from 1, the column in bytes; `None` in a binary format.
    pub line: Option<(u64, u64)>,
    /// The file is compressed, and the place is one in its unpacked content.
    pub unpacked: bool,
}

/// Why a file could not be read further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProblem {
    /// The name that the caller gave.
    pub file: String,
    /// How far it could be read.
    pub place: Place,
    /// The mistake, and the way out where there is one.
    pub message: String,
}

impl fmt::Display for ReadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place.line {
            write!(f, ":{line}:{column}")?;
        }
        let of = if self.place.unpacked { " of the unpacked content" } else { "" };
        write!(f, ": {} (byte {}{of})", self.message, self.place.offset)
    }
}

/// Nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Why.
    pub problem: ReadProblem,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for ReadError {}

/// How a reader stops; boxed, because every step of a reader may.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Box<ReadProblem>);
