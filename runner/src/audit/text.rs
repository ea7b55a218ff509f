//! [`Text`]: the beginning of a file, read without following links and without waiting for anything.
//!
//! Bytes that are not UTF-8 are kept as replacement characters and told by [`Text::strange`]. At most
//! [`LIMIT`] bytes are read, whatever the file's size; [`Text::cut`] says when there was more.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How many bytes of a text are looked at.
pub const LIMIT: u64 = 4 << 20;

/// The beginning of a file.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file, relative to the bundle.
    pub name: String,
    /// Its text.
    pub content: String,
    /// Whether the file goes on behind it.
    pub cut: bool,
    /// The first byte or character that is not ASCII.
    pub strange: Option<Strange>,
}

/// Something that is not ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strange {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// `U+2013` or `byte 0x92`.
    pub what: String,
    /// On how many lines there is such a thing.
    pub lines: usize,
}

impl Text {
    /// Reads a regular file of a bundle.
    pub fn read(path: &Path, name: &str) -> Result<Self, String> {
        Self::read_at_most(path, name, LIMIT)
    }

    /// Reads at most `limit` bytes.
    pub fn read_at_most(path: &Path, name: &str, limit: u64) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let told = |error: io::Error| format!("{name} cannot be read: {error}");
        open(path).map_err(told)?.take(limit + 1).read_to_end(&mut bytes).map_err(told)?;
        let cut = bytes.len() as u64 > limit;
        bytes.truncate(limit as usize);
        Ok(Self::of(name, &bytes, cut))
    }

    fn of(name: &str, bytes: &[u8], cut: bool) -> Self {
        let content = String::from_utf8_lossy(bytes).into_owned();
        Self { name: name.to_owned(), content, cut, strange: strange(bytes) }
    }

    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.content.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Opens a regular file; a link is an error, and so is everything that would have to be waited for.
pub fn open(path: &Path) -> io::Result<File> {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.file_type().is_symlink());
    if is_link(path) {
        return Err(io::Error::other("it is a symbolic link, and those are not followed"));
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

fn strange(bytes: &[u8]) -> Option<Strange> {
    let is_strange = |byte: &u8| *byte >= 0x80 || *byte == 0;
    let first = bytes.iter().position(is_strange)?;
    let line = bytes[..first].split(|byte| *byte == b'\n').count();
    let column = first - bytes[..first].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) + 1;
    let valid = |length: usize| std::str::from_utf8(bytes.get(first..first + length)?).ok()?.chars().next();
    let what = match (1..=4).find_map(valid) {
        Some(character) => format!("U+{:04X}", u32::from(character)),
        None => format!("byte 0x{:02x}, which is not UTF-8 either", bytes[first]),
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.iter().any(is_strange)).count();
    Some(Strange { line, column, what, lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_told_with_its_place() {
        assert_eq!(strange(b"all\nfine\t\r\n"), None);
        let found = strange("a\nbc \u{2013} d\n\u{e9}\n".as_bytes()).expect("found");
        assert_eq!(found, Strange { line: 2, column: 4, what: "U+2013".to_owned(), lines: 2 });
        let found = strange(b"caf\xe9").expect("found");
        assert_eq!(found.what, "byte 0xe9, which is not UTF-8 either");
        assert_eq!(strange(b"a\0b").expect("binary").what, "U+0000");
    }

    #[test]
    fn links_directories_and_fifos_are_not_read_and_long_files_are_cut() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path();
        crate::fs::write_atomic(&path.join("a"), b"0123456789").expect("written");
        std::os::unix::fs::symlink("a", path.join("link")).expect("linked");
        assert!(Text::read(&path.join("link"), "link").expect_err("a link").contains("symbolic link"));
        assert!(Text::read(path, ".").expect_err("a directory").contains("regular"));
        let text = Text::read_at_most(&path.join("a"), "a", 4).expect("read");
        assert_eq!((text.content.as_str(), text.cut), ("0123", true));
    }
}
