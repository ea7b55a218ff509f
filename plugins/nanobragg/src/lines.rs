//! [`lines`] and [`words`]: a text file of numbers, each with the place where it stands.
//!
//! What [`crate::reflections`], [`crate::matrix`] and [`crate::sources`] read their files with, so that a mistake
//! in any of them is named with file, line and column. Nothing here knows what the numbers mean.

use std::borrow::Cow;

use runner_plugin::Error;

/// The lines of a file that say something, with their numbers from 1. Empty ones and comments (`#`) do not.
pub fn lines(content: &[u8]) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let lines = content.split(|byte| *byte == b'\n').map(String::from_utf8_lossy).zip(1..);
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    lines.filter(move |(line, _)| says(line)).map(|(line, number)| (number, line))
}

/// The words of a line, with their columns (bytes) from 1.
pub fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    // The words are parts of the line: their distance is the column.
    line.split_whitespace().map(|word| (word.as_ptr() as usize - line.as_ptr() as usize + 1, word))
}

/// A finite number.
pub fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A mistake at a place of the file that errors call `name`.
pub fn mistake(name: &str, line: usize, column: usize, what: &str) -> Error {
    Error::invalid(format!("{name}:{line}:{column}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::{lines, number, words};

    #[test]
    fn places_are_those_of_an_editor() {
        let lines: Vec<_> = lines(b"# comment\n\n 1\t-2.5\r\n  # more\nx").collect();
        assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(words(&lines[0].1).collect::<Vec<_>>(), [(2, "1"), (4, "-2.5")]);
    }

    #[test]
    fn what_is_not_finite_is_no_number() {
        assert_eq!(
            (number("-2e3"), number("nan"), number("inf"), number("1,5")),
            (Some(-2e3), None, None, None)
        );
    }
}
