//! Where a part of a scalar stands in the file: [`inside`].
//!
//! The checker knows a mistake by its place in a value; a user looks for it in the file, where the value may
//! be quoted, indented or folded. This never fails: at worst the whole scalar is the place.

use std::ops::Range;

use crate::diagnostic::{Source, Span};
use crate::spec::reader::Placed;

/// The place of a part of a scalar, `range` in bytes of its value.
pub fn inside(source: &Source, text: &Placed<String>, range: &Range<usize>) -> Span {
    let raw = source.text.get(text.span.start..).unwrap_or_default();
    let quote = usize::from(raw.starts_with(['"', '\'']));
    if raw.get(quote..).is_some_and(|raw| raw.starts_with(text.value.as_str())) {
        let start = text.span.start + quote;
        return Span { start: start + range.start, end: start + range.end.max(range.start + 1) };
    }
    by_counting(text, range, raw).unwrap_or(text.span)
}

/// In a block or with escapes the pieces of a scalar still stand in the file one after the other, so the one
/// that is meant is found by counting those before it. An alias stands somewhere else than its value.
fn by_counting(text: &Placed<String>, range: &Range<usize>, raw: &str) -> Option<Span> {
    if raw.starts_with('*') {
        return None;
    }
    let value = &text.value;
    let exact = value.get(range.clone()).map(str::trim).filter(|piece| !piece.is_empty());
    let (start, piece) = match exact {
        Some(piece) => (range.start, piece),
        None => (value.get(..range.start)?.rfind("${{")?, "${{"),
    };
    let earlier = value.get(..start)?.matches(piece).count();
    let (found, _) = raw.match_indices(piece).nth(earlier)?;
    let start = text.span.start + found;
    Some(Span { start, end: start + piece.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of `file` that is found for `part` of `value`, which stands at the first `scalar`.
    fn found(file: &str, scalar: &str, value: &str, part: Range<usize>) -> (usize, String) {
        let source = Source { path: "a".into(), text: file.to_owned() };
        let start = file.find(scalar).expect("the scalar");
        let text = Placed { value: value.to_owned(), span: Span { start, end: start + scalar.len() } };
        let span = inside(&source, &text, &part);
        (span.start, file[span.start..span.end].to_owned())
    }

    #[test]
    fn a_part_is_found_in_every_style() {
        assert_eq!(found("a: x b x", "x b x", "x b x", 4..5), (7, "x".to_owned()), "plain");
        assert_eq!(found("a: \"x b\"", "\"x b\"", "x b", 2..3), (6, "b".to_owned()), "quoted");
        assert_eq!(found("a: |\n  x b\n  x c\n", "x b\n  x c", "x b\nx c\n", 4..5), (13, "x".to_owned()));
        assert_eq!(found("a: \"\\t b\"", "\"\\t b\"", "\t b", 2..3), (7, "b".to_owned()), "escaped");
    }

    #[test]
    fn an_alias_is_the_place_of_its_value() {
        assert_eq!(found("a: *x\nb: y", "*x", "y", 0..1), (3, "*x".to_owned()));
    }
}
