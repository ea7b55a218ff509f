//! Pointers into files in the texts of a workflow: `src/image.rs:120` in a title, a note, an argument.
//!
//! [`check`] is called once for a workflow. It says nothing unless it is sure that a file of the project is
//! meant: the file is there, or it is named as a source file below a directory that is there.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::site::near;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::spec::node::{Node, Value, parse};
use crate::spec::place::inside;
use crate::spec::reader::Placed;

/// A path with an extension, a line, perhaps a column or a last line.
static POINTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z0-9_][A-Za-z0-9_.\-/]*\.[A-Za-z][A-Za-z0-9]*):([0-9]+)(?:-([0-9]+))?").ok()
});

/// Extensions of files that people write and point into.
const WRITTEN: [&str; 22] = [
    "py", "pyx", "rs", "c", "h", "cc", "cpp", "hpp", "cu", "f90", "go", "java", "js", "ts", "jl", "R", "sh",
    "md", "rst", "toml", "yaml", "yml",
];

/// A longer file was not written by people: its lines are not counted.
const MOST_BYTES: u64 = 16 << 20;

/// The findings about all texts of a workflow.
pub(super) fn check(source: &Source, root: &Path, bundles: &str) -> Vec<Diagnostic> {
    // Nearly no workflow has one: a pattern is made and the text read again only where one may be.
    let maybe =
        |three: &[u8]| three[0].is_ascii_alphanumeric() && three[1] == b':' && three[2].is_ascii_digit();
    if !source.text.as_bytes().windows(3).any(maybe) {
        return Vec::new();
    }
    let Some(pointer) = POINTER.as_ref() else { return Vec::new() };
    let Ok(node) = parse(source) else { return Vec::new() };
    let mut texts = Vec::new();
    collect(&node, &mut texts);
    let mut found = Vec::new();
    for text in texts {
        for captures in pointer.captures_iter(&text.value) {
            let (Some(all), Some(path), Some(line)) = (captures.get(0), captures.get(1), captures.get(2))
            else {
                continue;
            };
            // Part of an address (`http://host.name:80`), of an expression, or of a path outside.
            let before = text.value[..all.start()].chars().next_back();
            // What a run has yet to make is not there yet.
            if before.is_some_and(|c| "/@~$}.-".contains(c)) || Path::new(path.as_str()).starts_with(bundles)
            {
                continue;
            }
            let last = captures.get(3).unwrap_or(line);
            let Ok(line) = last.as_str().parse::<usize>() else { continue };
            let place = |range: Range<usize>| inside(source, &text, &range);
            found.extend(wrong(root, path.as_str(), line).map(|(message, help)| {
                Diagnostic::new(place(all.range()), message)
                    .help(help)
                    .weighing(Severity::Warning, "pointer-broken")
            }));
        }
    }
    found
}

fn wrong(root: &Path, path: &str, line: usize) -> Option<(String, String)> {
    let file = root.join(path);
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    if !file.is_file() {
        let written = path.rsplit('.').next().is_some_and(|extension| WRITTEN.contains(&extension));
        let first = path.split_once('/').is_some_and(|(first, _)| root.join(first).is_dir());
        return (written && first)
            .then(|| (format!("it points to `{path}`, which is not in the project"), near(path, &file)));
    }
    let lines = fewer(File::open(&file).ok()?, line)?;
    let noun = if lines == 1 { "line" } else { "lines" };
    let message = format!("it points to line {line} of `{path}`, which has {lines} {noun}");
    Some((message, "correct the line".to_owned()))
}

/// How many lines a file has, when the line is not one of them. Reads up to that line; `None` when it is there,
/// or when nobody knows because the file is longer than [`MOST_BYTES`].
fn fewer(file: impl Read, line: usize) -> Option<usize> {
    let mut file = file.take(MOST_BYTES + 1);
    let mut buffer = vec![0; 64 << 10];
    let (mut ended, mut open, mut bytes) = (0_usize, false, 0_u64);
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        let part = &buffer[..read];
        bytes += read as u64;
        ended += memchr::memchr_iter(b'\n', part).count();
        open = !part.ends_with(b"\n");
        if line > 0 && ended + usize::from(open) >= line {
            return None;
        }
    }
    (bytes <= MOST_BYTES).then_some(ended + usize::from(open))
}

fn collect(node: &Node, texts: &mut Vec<Placed<String>>) {
    match &node.value {
        Value::Text(text) => texts.push(Placed { value: text.clone(), span: node.span }),
        Value::List(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Map(entries) => entries.iter().for_each(|(_, item)| collect(item, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for (text, lines) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(fewer(text.as_bytes(), lines + 1), Some(lines), "{text:?}");
            assert_eq!(fewer(text.as_bytes(), 0), Some(lines), "{text:?}: no file has a line 0");
            assert!(lines == 0 || fewer(text.as_bytes(), lines).is_none(), "{text:?}");
        }
        let long = "x\n".repeat(100_000);
        assert_eq!((fewer(long.as_bytes(), 100_000), fewer(long.as_bytes(), 100_001)), (None, Some(100_000)));
    }

    /// Counts what is read of a text without an end.
    struct Endless<'a>(&'a mut u64, u8);

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(self.1);
            *self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_huge_file_is_read_up_to_the_line_and_never_whole() {
        let mut read = 0;
        assert_eq!(fewer(Endless(&mut read, b'\n'), 12), None);
        assert_eq!(read, 64 << 10, "the line is in the first part");
        for line in [0, 2] {
            let mut read = 0;
            assert_eq!(fewer(Endless(&mut read, b'x'), line), None, "too long to say");
            assert_eq!(read, MOST_BYTES + 1);
        }
    }
}
