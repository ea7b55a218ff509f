//! [`Word`]: one argument of a command as it will be, and where it stands in the workflow.
//!
//! Made from the templates of `run:` by [`Text::of`]; read by every check of preflight. What only the run will
//! know (a metric of an earlier step) stands in it as [`UNKNOWN`], and a check must say nothing about that.

use std::ops::Range;

use serde_json::Value;

use crate::diagnostic::{Source, Span};
use crate::spec::expression::{Piece, Template};
use crate::spec::place::inside;
use crate::spec::reader::Placed;

/// Stands for a text that is not known before the run. It is in no text that people write.
pub(super) const UNKNOWN: char = '\u{fffc}';

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The text; what is not known is [`UNKNOWN`].
    pub text: String,
    /// Where it stands in the workflow.
    pub span: Span,
}

impl Word {
    /// The text, when all of it is known.
    pub fn known(&self) -> Option<&str> {
        (!self.text.contains(UNKNOWN)).then_some(self.text.as_str())
    }

    /// The last part of the path that it is: the name of a program.
    pub fn base(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The place of a part of it, in bytes of the text, where the workflow has the word as it is.
    pub fn part(&self, source: &Source, range: Range<usize>) -> Span {
        let written = source.text.get(self.span.start..self.span.end).unwrap_or_default();
        let quote = usize::from(written.starts_with(['"', '\'']));
        if written.get(quote..).is_some_and(|written| written.starts_with(&self.text)) {
            return self.span.inner(quote + range.start, range.len().max(1));
        }
        self.span
    }
}

/// A template with its values filled in, which still knows where each byte came from.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// The text; what is not known is [`UNKNOWN`].
    pub value: String,
    template: &'a Template,
    /// For each piece: where it begins in `value`, and what it was.
    pieces: Vec<(Range<usize>, Piece)>,
}

impl<'a> Text<'a> {
    /// Fills in what is known in the scope.
    pub fn of(template: &'a Template, scope: &Value) -> Self {
        let mut value = String::new();
        let mut pieces = Vec::new();
        for piece in template.pieces(scope) {
            let start = value.len();
            match &piece.text {
                Some(text) => value.push_str(text),
                None => value.push(UNKNOWN),
            }
            pieces.push((start..value.len(), piece));
        }
        Self { value, template, pieces }
    }

    /// The whole as one word.
    pub fn word(self) -> Word {
        Word { text: self.value, span: self.template.span }
    }

    /// Where a part of it stands in the workflow.
    pub fn span(&self, source: &Source, range: &Range<usize>) -> Span {
        let overlaps =
            |piece: &&(Range<usize>, Piece)| piece.0.start < range.end && range.start < piece.0.end;
        let mut found: Option<Range<usize>> = None;
        for (at, piece) in self.pieces.iter().filter(overlaps) {
            let part = if piece.literal {
                let start = range.start.saturating_sub(at.start);
                let end = range.end.min(at.end) - at.start;
                piece.range.start + start..piece.range.start + end
            } else {
                piece.range.clone()
            };
            found = Some(found.map_or(part.clone(), |all| all.start.min(part.start)..all.end.max(part.end)));
        }
        let Some(found) = found else { return self.template.span };
        let placed = Placed { value: self.template.text().to_owned(), span: self.template.span };
        inside(source, &placed, &found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_of_a_filled_in_text_is_found_where_it_was_written() {
        let file = "run: a --x=${{ vars.n }} --${{ steps.b.metrics.c }} d";
        let source = Source { path: "w".into(), text: file.to_owned() };
        let span = Span { start: 5, end: file.len() };
        let template = Template::parse(&file[5..], span).expect("parses");
        let text = Text::of(&template, &json!({ "vars": { "n": 4096 } }));
        assert_eq!(text.value, format!("a --x=4096 --{UNKNOWN} d"));
        let found = |part: &str| {
            let start = text.value.find(part).expect("there");
            let span = text.span(&source, &(start..start + part.len()));
            &file[span.start..span.end]
        };
        assert_eq!(found("--x=4096"), "--x=${{ vars.n }}");
        assert_eq!(found("d"), "d");
        assert_eq!(found("4096"), "${{ vars.n }}");
    }
}
