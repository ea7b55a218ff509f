//! Which lines of a document are code or comment and therefore say nothing: [`Hidden`]. Called by
//! [`crate::text::Text`] for every document. Must never hide the rest of a document because of one sloppy
//! fence inside a list: such a fence ends where the list item ends.
//!
//! A fence at the margin is read as `CommonMark` does: up to its closing fence, or to the end of the document
//! (which is reported, because nothing can be appended there). A fence inside a list ends at its closing
//! fence when there is one before the next heading, and otherwise at the first line that is indented less.

use crate::text::{indent, list_marker};

/// A mask over the lines of a document.
#[derive(Clone, Debug)]
pub struct Hidden {
    mask: Vec<bool>,
    unclosed: Option<usize>,
    unclosed_in_lists: Vec<usize>,
}

impl Hidden {
    /// Looks at the lines of a document (without line ends).
    pub fn find(lines: &[&str]) -> Self {
        let mut hidden =
            Self { mask: vec![false; lines.len()], unclosed: None, unclosed_in_lists: Vec::new() };
        let mut at = 0;
        while at < lines.len() {
            let end = hidden.region(lines, at);
            hidden.mask[at..end].fill(true);
            at = end.max(at + 1);
        }
        hidden
    }

    /// Whether the line (counted from 0) is code or comment.
    pub fn is(&self, line: usize) -> bool {
        self.mask[line]
    }

    /// The line (counted from 0) of a fence at the margin that nothing closes.
    pub fn unclosed(&self) -> Option<usize> {
        self.unclosed
    }

    /// The lines (counted from 0) of fences inside lists that nothing closes.
    pub fn unclosed_in_lists(&self) -> &[usize] {
        &self.unclosed_in_lists
    }

    /// One past the last hidden line of the region that begins at `at`; `at` itself when none begins.
    fn region(&mut self, lines: &[&str], at: usize) -> usize {
        if let Some(fence) = Fence::opened_by(lines[at]) {
            let listed = fence.indent >= 2;
            for (line, text) in lines.iter().enumerate().skip(at + 1) {
                if fence.is_closed_by(text) {
                    return line + 1;
                }
                if listed && text.starts_with('#') {
                    break;
                }
            }
            if !listed {
                self.unclosed = Some(at);
                return lines.len();
            }
            self.unclosed_in_lists.push(at);
            let outside = |text: &&str| !text.trim().is_empty() && indent(text) < fence.indent;
            return lines[at + 1..].iter().position(outside).map_or(lines.len(), |offset| at + 1 + offset);
        }
        if lines[at].trim_start().starts_with("<!--") && !lines[at].contains("-->") {
            let closed = lines[at..].iter().position(|text| text.contains("-->"));
            return closed.map_or(at, |offset| at + offset + 1);
        }
        at
    }
}

struct Fence {
    sign: char,
    length: usize,
    indent: usize,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let (inner, column) = match list_marker(line) {
            Some(marker) => (&line[marker.content..], marker.column),
            None => (line.trim_start(), indent(line)),
        };
        let sign = inner.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let info = inner.trim_start_matches(sign);
        let length = inner.len() - info.len();
        let opens = length >= 3 && !(sign == '`' && info.contains('`'));
        opens.then_some(Self { sign, length, indent: column })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        // A fence at the margin cannot close one that stands deep in a list.
        if indent(line) + 3 < self.indent {
            return false;
        }
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|c| c == self.sign)
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    fn visible(text: &str) -> Vec<&str> {
        let lines: Vec<_> = text.lines().collect();
        let hidden = Hidden::find(&lines);
        lines.iter().enumerate().filter(|(at, _)| !hidden.is(*at)).map(|(_, line)| *line).collect()
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        assert_eq!(visible("a\n````\n```\nb\n```\n````\nc"), ["a", "c"]);
        assert_eq!(visible("a\n~~~ text\n```\n~~~\nc"), ["a", "c"]);
    }

    #[test]
    fn inline_code_of_three_backticks_is_not_a_fence() {
        assert_eq!(visible("```a``` b\nc"), ["```a``` b", "c"]);
    }

    #[test]
    fn a_fence_in_a_list_that_nobody_closes_ends_with_the_list_item() {
        assert_eq!(visible("  * a\n    ```\n    x\n  * b\n## c"), ["  * a", "  * b", "## c"]);
        assert_eq!(visible("- ```sh\n  x\n  ```\n- b"), ["- b"]);
        assert_eq!(visible("    ```\n```\na\n```\nb"), ["b"]);
    }

    #[test]
    fn a_fence_at_the_margin_that_nobody_closes_is_reported() {
        let lines = ["a", "```", "b"];
        let hidden = Hidden::find(&lines);
        assert_eq!(hidden.unclosed(), Some(1));
        assert!(hidden.is(2));
    }

    #[test]
    fn a_comment_is_hidden_only_when_it_ends() {
        assert_eq!(visible("a\n<!-- b\nc -->\nd"), ["a", "d"]);
        assert_eq!(visible("a\n<!-- b\nc"), ["a", "<!-- b", "c"]);
    }
}
