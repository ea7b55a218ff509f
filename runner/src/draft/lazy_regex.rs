//! [`LazyRegex`]: a regular expression that is compiled when it is first used.
//!
//! The modules of [`crate::draft`] keep theirs as statics. One that does not compile finds nothing instead of
//! ending the runner; a test compiles them all. Patterns are ASCII only: the library has no Unicode tables.

use std::sync::OnceLock;

use regex::{Captures, Regex};

/// A regular expression.
#[derive(Debug)]
pub(super) struct LazyRegex {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl LazyRegex {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(self.text).ok()).as_ref()
    }

    /// The first place.
    pub(super) fn first<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }

    /// All places.
    pub(super) fn all<'t>(&self, text: &'t str) -> Vec<Captures<'t>> {
        self.regex().map(|regex| regex.captures_iter(text).collect()).unwrap_or_default()
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// The text with every place replaced.
    pub(super) fn replaced(&self, text: &str, by: impl Fn(&Captures<'_>) -> String) -> String {
        self.regex().map_or_else(|| text.to_owned(), |regex| regex.replace_all(text, by).into_owned())
    }

    #[cfg(test)]
    pub(super) fn compiles(&self) -> bool {
        self.regex().is_some()
    }
}

/// A captured group as text; empty when it took no part.
pub(super) fn group<'t>(captures: &Captures<'t>, index: usize) -> &'t str {
    captures.get(index).map_or("", |found| found.as_str())
}
