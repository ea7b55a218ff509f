//! A mistake, shown where it stands, with a way out: [`Diagnostic`].
//!
//! Every stage that reads a user's text collects all its mistakes into [`Diagnostics`] before it gives up;
//! the edge renders them with [`Diagnostics::render`]. Nothing here prints.

use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// A place in a source text: byte offsets, `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// Whether the other span lies inside this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The part of this span `offset` bytes in, `len` bytes long.
    #[must_use]
    pub fn inner(self, offset: usize, len: usize) -> Self {
        let start = (self.start + offset).min(self.end);
        Self { start, end: (start + len).min(self.end) }
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// A text that a user wrote, and the name under which it is shown.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file as the user named it.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

impl Source {
    /// Line and column of a byte, both counted from 1, the column in characters.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(byte.min(self.text.len()))];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The byte at line and column (both from 1, the column in characters); the end when beyond it.
    pub fn byte_at(&self, line: usize, column: usize) -> usize {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(newline) => start += newline + 1,
                None => return self.text.len(),
            }
        }
        let mut characters = self.text[start..].char_indices();
        start + characters.nth(column.saturating_sub(1)).map_or(self.text.len() - start, |(offset, _)| offset)
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is run.
    #[default]
    Error,
    /// It is run all the same, and the bundle says it.
    Warning,
    /// Worth a word to whoever writes the workflow.
    Note,
}

impl Severity {
    /// Its word, as it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// A name that stays the same when the words change; `None` for most mistakes of the text itself.
    pub id: Option<&'static str>,
    /// What is wrong, one line.
    pub message: String,
    /// Where; `None` when it is about the whole file or stands outside it (on the command line).
    pub span: Option<Span>,
    /// What is said at the caret; may be empty.
    pub label: String,
    /// The way out.
    pub help: Option<String>,
    /// Whether a missing plugin or tool is the cause (exit code 5 instead of 2).
    pub missing: bool,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::unplaced(message) }
    }

    /// A mistake that has no place in the text: pointing at its first line would mislead.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            id: None,
            message: message.into(),
            span: None,
            label: String::new(),
            help: None,
            missing: false,
        }
    }

    /// Adds what is said at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Gives it another weight, and a name that stays.
    #[must_use]
    pub fn weighing(mut self, severity: Severity, id: &'static str) -> Self {
        self.severity = severity;
        self.id = Some(id);
        self
    }

    /// Marks a missing plugin or tool as the cause.
    #[must_use]
    pub fn missing(mut self) -> Self {
        self.missing = true;
        self
    }
}

/// All mistakes of one text.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    source: Source,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Mistakes of a text, sorted by place.
    pub fn new(source: Source, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.span);
        // The asked attempt and its fallback share most of their texts, so a mistake is often found twice.
        let mut once: Vec<Diagnostic> = Vec::with_capacity(list.len());
        for diagnostic in list {
            if !once.contains(&diagnostic) {
                once.push(diagnostic);
            }
        }
        Self { source, list: once }
    }

    /// These mistakes and those of a later stage. What surrounds an earlier mistake only follows from it (an
    /// expression with an unknown name has no value either), so it is left out.
    #[must_use]
    pub fn and(self, later: Vec<Diagnostic>) -> Self {
        let follows = |later: &Diagnostic| {
            let mut earlier = self.list.iter().filter_map(|earlier| earlier.span);
            later.span.is_some_and(|outer| earlier.any(|inner| outer.contains(inner)))
        };
        let later: Vec<Diagnostic> = later.into_iter().filter(|later| !follows(later)).collect();
        Self::new(self.source, self.list.into_iter().chain(later).collect())
    }

    /// The mistakes, in order of their place.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The text they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether every mistake is a missing plugin or tool. Warnings do not count.
    pub fn only_missing(&self) -> bool {
        self.count(Severity::Error) > 0
            && self.list.iter().all(|found| found.missing || found.severity != Severity::Error)
    }

    /// How many there are of a weight.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// All of them as text for a person, with carets; where there is a mistake, a closing line with the number.
    pub fn render(&self, color: bool) -> String {
        let renderer =
            if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
        let path = self.source.path.display().to_string();
        let mut text = String::new();
        for diagnostic in &self.list {
            text.push_str(&self.render_one(&renderer, &path, diagnostic));
            text.push_str("\n\n");
        }
        let count = self.count(Severity::Error);
        if count == 0 {
            return text;
        }
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        // What stands on the command line is no mistake of the file.
        let place = if self.list.iter().any(|diagnostic| diagnostic.span.is_some()) {
            format!(" in {path}")
        } else {
            String::new()
        };
        text + &format!("{count} {noun}{place}; nothing was run\n")
    }

    fn render_one(&self, renderer: &Renderer, path: &str, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(&diagnostic.message);
        let title = if let Some(id) = diagnostic.id { title.id(id) } else { title };
        let mut group = if let Some(span) = diagnostic.span {
            let mut annotation = AnnotationKind::Primary.span(self.visible(span));
            if !diagnostic.label.is_empty() {
                annotation = annotation.label(&diagnostic.label);
            }
            title.element(Snippet::source(self.source.text.as_str()).path(path).annotation(annotation))
        } else {
            title.element(Origin::path(path))
        };
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// A span that can be drawn: inside the text, on character boundaries, on its first line only.
    fn visible(&self, span: Span) -> Range<usize> {
        let text = &self.source.text;
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
        let line_end = text[start..end].find('\n').map_or(end, |newline| start + newline);
        start..line_end
    }
}

/// The name in `known` that is nearest to `name`, when one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    for candidate in known {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
        let prefix = name.len() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate));
        let limit = (name.chars().count().max(candidate.chars().count()) / 3).max(1);
        if (distance <= limit || prefix) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many there are: `1 file`, `2 files`, `0 directories`.
pub fn counted<N: Copy + std::fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    match (number == N::from(1), noun.strip_suffix('y')) {
        (true, _) => format!("{number} {noun}"),
        (false, Some(stem)) => format!("{number} {stem}ies"),
        (false, None) => format!("{number} {noun}s"),
    }
}

/// `a, b or c`, each in backticks.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// The help for an unknown name: the nearest one, or all of them.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected {}", one_of(known)),
    }
}

/// Shows a path for a message: relative to the current directory when it lies below it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    crate::fs::display_relative(path, &here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("iteratons", ["iterations", "warmup"]), Some("iterations"));
        assert_eq!(nearest("xyz", ["iterations", "warmup"]), None);
        assert_eq!(nearest("Step", ["steps"]), Some("steps"));
    }

    #[test]
    fn lines_and_columns_count_characters() {
        let source = Source { path: "a".into(), text: "ab\nx\u{e9}z\n".into() };
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(6), (2, 3));
        assert_eq!(source.byte_at(2, 3), 6);
        assert_eq!(source.byte_at(9, 1), source.text.len());
    }
}
