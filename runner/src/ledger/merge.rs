//! Two changes of one text: [`merge`] puts them together when they touch different lines. Called when somebody
//! wrote to a ledger between the moment the plugin saw it and the moment its edit is written. Must never
//! choose between two changes of one place: that is what a person is for.

use std::ops::Range;

use similar::{DiffOp, TextDiff};

/// A run of lines of the base, and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunk<'a> {
    base: Range<usize>,
    lines: Vec<&'a str>,
}

/// `theirs` with the change from `base` to `ours` in it. The error is the first line of `base`, counted from
/// 1, that both touch. A change that both made alike counts once.
pub fn merge(base: &str, ours: &str, theirs: &str) -> Result<String, usize> {
    let lines: Vec<&str> = base.split_inclusive('\n').collect();
    let (mine, other) = (hunks(base, ours), hunks(base, theirs));
    let mut all: Vec<&Hunk<'_>> = other.iter().collect();
    for hunk in &mine {
        if other.contains(hunk) {
            continue;
        }
        if let Some(clash) = other.iter().find(|theirs| clashes(hunk, theirs)) {
            return Err(hunk.base.start.max(clash.base.start) + 1);
        }
        all.push(hunk);
    }
    all.sort_by_key(|hunk| (hunk.base.start, hunk.base.end));
    let mut merged = String::with_capacity(ours.len().max(theirs.len()) + 1024);
    let mut at = 0;
    for hunk in all {
        merged.extend(lines[at..hunk.base.start].iter().copied());
        merged.extend(hunk.lines.iter().copied());
        at = hunk.base.end;
    }
    merged.extend(lines[at..].iter().copied());
    Ok(merged)
}

/// The lines that are in `new` and not in `base`.
pub fn added<'a>(base: &'a str, new: &'a str) -> Vec<&'a str> {
    hunks(base, new).into_iter().flat_map(|hunk| hunk.lines).collect()
}

fn hunks<'a>(base: &'a str, new: &'a str) -> Vec<Hunk<'a>> {
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let diff = TextDiff::from_lines(base, new);
    let mut hunks: Vec<Hunk<'a>> = Vec::new();
    for op in diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
        let (base, new) = (op.old_range(), op.new_range());
        match hunks.last_mut() {
            // A deletion and an insertion side by side are one change.
            Some(last) if last.base.end == base.start => {
                last.base.end = base.end;
                last.lines.extend(&lines[new]);
            }
            _ => hunks.push(Hunk { base, lines: lines[new].to_vec() }),
        }
    }
    hunks
}

/// Whether two changes touch the same lines. An insertion touches the gap that it goes into; a line beside
/// the gap may be rewritten, but not taken away or made into more, because then the order is unclear.
fn clashes(a: &Hunk<'_>, b: &Hunk<'_>) -> bool {
    if a.base.is_empty() && b.base.is_empty() {
        return a.base.start == b.base.start;
    }
    let (gap, other) = match (a.base.is_empty(), b.base.is_empty()) {
        (true, _) => (a, b),
        (_, true) => (b, a),
        _ => return a.base.start < b.base.end && b.base.start < a.base.end,
    };
    let place = gap.base.start;
    let inside = other.base.start < place && place < other.base.end;
    let beside = place == other.base.start || place == other.base.end;
    inside || (beside && other.lines.len() != other.base.len())
}

#[cfg(test)]
mod tests {
    use super::merge;

    const BASE: &str = "a\nb\nc\nd\ne\n";

    fn merged(ours: &str, theirs: &str) -> Result<String, usize> {
        merge(BASE, ours, theirs)
    }

    #[test]
    fn changes_of_different_lines_are_put_together() {
        assert_eq!(merged("a\nB\nc\nd\ne\n", "a\nb\nc\nD\ne\n"), Ok("a\nB\nc\nD\ne\n".into()));
        assert_eq!(merged("a\nB\nc\nd\nnew\ne\n", "top\na\nb\nc\nd\ne\nlast"), {
            Ok("top\na\nB\nc\nd\nnew\ne\nlast".into())
        });
        // The line before an insertion may be rewritten.
        assert_eq!(merged("a\nb\nnew\nc\nd\ne\n", "a\nB\nc\nd\ne\n"), Ok("a\nB\nnew\nc\nd\ne\n".into()));
        assert_eq!(merged("a\nb\nC\nd\ne\n", "a\nB\nc\nd\ne\n"), Ok("a\nB\nC\nd\ne\n".into()));
    }

    #[test]
    fn changes_of_the_same_lines_are_refused_with_the_line() {
        assert_eq!(merged("a\nB\nc\nd\ne\n", "a\nX\nc\nd\ne\n"), Err(2));
        assert_eq!(merged("a\nb\nnew\nc\nd\ne\n", "a\nb\nother\nc\nd\ne\n"), Err(3));
        assert_eq!(merged("a\nb\nnew\nc\nd\ne\n", "a\nd\ne\n"), Err(3));
        assert_eq!(merged("a\nb\nnew\nc\nd\ne\n", "a\nc\nd\ne\n"), Err(3));
        assert_eq!(merged("a\nb\nc\nd\ne\nnew\n", "a\nb\nc\nd\ne\nother\n"), Err(6));
    }

    #[test]
    fn a_change_that_both_made_is_there_once() {
        let both = "a\nb\nnew\nc\nd\ne\n";
        assert_eq!(merged(both, both), Ok(both.into()));
        assert_eq!(merged(both, "A\nb\nnew\nc\nd\ne\n"), Ok("A\nb\nnew\nc\nd\ne\n".into()));
    }

    #[test]
    fn line_breaks_and_a_missing_last_one_are_kept() {
        assert_eq!(merge("a\r\nb\r\nc", "A\r\nb\r\nc", "a\r\nb\r\nC"), Ok("A\r\nb\r\nC".into()));
        assert_eq!(merge("a\nb", "a\nnew\nb", "a\nb"), Ok("a\nnew\nb".into()));
        assert_eq!(merge("", "x\n", "y\n"), Err(1));
    }
}
