//! A Markdown document as lines with byte spans: [`Text`]. The ledger and the plan are both read through it,
//! and every splice gets its positions from it. Never changes a byte, and never normalises line ends: a
//! line knows where it ends without and with its line break.

use crate::refusal::Refusal;
use std::borrow::Cow;

use crate::hidden::Hidden;

/// A document.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    path: &'a str,
    source: &'a str,
    lines: Vec<Line<'a>>,
    hidden: Hidden,
}

/// One line of a document.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// First byte in the document.
    pub start: usize,
    /// One past the last byte of `text`.
    pub end: usize,
    /// First byte of the next line; equal to `end` for a last line without a line break.
    pub next: usize,
    /// The line without its line break.
    pub text: &'a str,
    /// Whether it is code or comment.
    pub hidden: bool,
}

impl<'a> Text<'a> {
    /// Splits a document. Conflict markers of a merge are refused, with their line numbers.
    pub fn read(path: &'a str, source: &'a str) -> Result<Self, Refusal> {
        let document = Self::new(path, source);
        document.refuse_conflicts()?;
        Ok(document)
    }

    /// Splits a document, whatever it holds: for those who only look.
    pub fn new(path: &'a str, source: &'a str) -> Self {
        let mut lines = Vec::with_capacity(source.len() / 80 + 1);
        let mut start = 0;
        for raw in source.split_inclusive('\n') {
            let text = raw.strip_suffix('\n').unwrap_or(raw);
            let text = text.strip_suffix('\r').unwrap_or(text);
            let next = start + raw.len();
            lines.push(Line { start, end: start + text.len(), next, text, hidden: false });
            start = next;
        }
        let texts: Vec<_> = lines.iter().map(|line| line.text).collect();
        let hidden = Hidden::find(&texts);
        for (at, line) in lines.iter_mut().enumerate() {
            line.hidden = hidden.is(at);
        }
        Self { path, source, lines, hidden }
    }

    /// The lines (counted from 0) that hold a marker of a merge that nobody finished. `=======` alone is none:
    /// it also underlines a heading.
    pub fn conflicts(&self) -> Vec<usize> {
        let is_marker = |line: &Line<'_>| {
            let is =
                |sign: &str| line.text.strip_prefix(sign).is_some_and(|s| s.is_empty() || s.starts_with(' '));
            !line.hidden && (is("<<<<<<<") || is("|||||||") || is(">>>>>>>"))
        };
        self.lines.iter().enumerate().filter(|(_, line)| is_marker(line)).map(|(at, _)| at).collect()
    }

    fn refuse_conflicts(&self) -> Result<(), Refusal> {
        let at: Vec<_> = self.conflicts().into_iter().map(|line| line + 1).collect();
        if at.is_empty() {
            return Ok(());
        }
        let path = self.path;
        Err(Refusal::new(format!(
            "{path}:{}: the file holds conflict markers of a merge ({}): resolve them first",
            at[0],
            line_list(&at)
        )))
    }

    /// The path, for messages.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The whole document.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The lines.
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// The line (counted from 0) of a code fence at the margin that nothing closes.
    pub fn unclosed_fence(&self) -> Option<usize> {
        self.hidden.unclosed()
    }

    /// The lines (counted from 0) of code fences inside lists that nothing closes.
    pub fn unclosed_list_fences(&self) -> &[usize] {
        self.hidden.unclosed_in_lists()
    }

    /// The line break to use behind the line `at`: that of the line itself, or of the first line, or `\n`.
    pub fn line_break(&self, at: usize) -> &'static str {
        let own = |line: &Line<'_>| &self.source[line.end..line.next];
        let found = self.lines.get(at).map(own).filter(|text| !text.is_empty());
        match found.or_else(|| self.lines.first().map(own)) {
            Some("\r\n") => "\r\n",
            _ => "\n",
        }
    }
}

/// `line 3`, or `lines 3, 9 and 12`.
pub fn line_list(numbers: &[usize]) -> String {
    match numbers {
        [] => String::new(),
        [one] => format!("line {one}"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(ToString::to_string).collect();
            format!("lines {} and {last}", first.join(", "))
        }
    }
}

/// What stands for a blank: editors put in no-break spaces that nobody sees.
pub const BLANKS: [char; 3] = [' ', '\t', '\u{a0}'];

/// Text with the plain forms of what looks the same: no-break spaces and the many hyphens.
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = |c| match c {
        '\u{a0}' | '\u{2007}' | '\u{202f}' => ' ',
        '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        c => c,
    };
    Cow::Owned(text.chars().map(plain).collect())
}

/// The column of the first character that is not blank; a tab goes to the next multiple of 4.
pub fn indent(line: &str) -> usize {
    let mut column = 0;
    for c in line.chars() {
        match c {
            ' ' | '\u{a0}' => column += 1,
            '\t' => column = column / 4 * 4 + 4,
            _ => break,
        }
    }
    column
}

/// A bullet at the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListMarker {
    /// Column of the bullet.
    pub indent: usize,
    /// `-`, `*` or `+`.
    pub bullet: char,
    /// Byte in the line at which the content begins.
    pub content: usize,
    /// Column at which the content begins: what is indented as far belongs to the bullet.
    pub column: usize,
}

/// The bullet of a line, when it has one.
pub fn list_marker(line: &str) -> Option<ListMarker> {
    let trimmed = line.trim_start_matches(BLANKS);
    let bullet = trimmed.chars().next().filter(|c| matches!(c, '-' | '*' | '+'))?;
    let rest = &trimmed[1..];
    let content = rest.trim_start_matches(BLANKS);
    if content.len() == rest.len() && !rest.is_empty() {
        return None;
    }
    // `* * *` and `- - -` are thematic breaks.
    if is_break(line) {
        return None;
    }
    let indent = indent(line);
    Some(ListMarker { indent, bullet, content: line.len() - content.len(), column: indent + 2 })
}

/// The level and the text of a heading such as `## Title ##`.
pub fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with(BLANKS)) {
        return None;
    }
    let text = rest.trim();
    let open = text.trim_end_matches('#');
    Some((level, if open.ends_with([' ', '\t']) { open.trim_end() } else { text }))
}

/// Whether the line is a thematic break: three or more `-`, `*` or `_`, with blanks between.
pub fn is_break(line: &str) -> bool {
    let mut signs = line.chars().filter(|c| !c.is_whitespace());
    let Some(sign) = signs.next().filter(|c| matches!(c, '-' | '*' | '_')) else { return false };
    let mut count = 1;
    for c in signs {
        if c != sign {
            return false;
        }
        count += 1;
    }
    count >= 3 && indent(line) < 4
}

#[cfg(test)]
mod tests {
    use super::{Text, heading, is_break, list_marker};

    #[test]
    fn lines_know_their_spans_with_either_line_break_and_without_the_last() {
        let text = Text::read("a.md", "ab\r\ncd\nef").expect("no conflict");
        let spans: Vec<_> = text.lines().iter().map(|l| (l.start, l.end, l.next)).collect();
        assert_eq!(spans, [(0, 2, 4), (4, 6, 7), (7, 9, 9)]);
        assert_eq!(text.line_break(0), "\r\n");
        assert_eq!(text.line_break(1), "\n");
        assert_eq!(text.line_break(2), "\r\n");
    }

    #[test]
    fn conflict_markers_are_refused_with_their_lines_but_not_inside_code() {
        let error =
            Text::read("a.md", "x\n<<<<<<< HEAD\ny\n=======\nz\n>>>>>>> other\n").expect_err("conflict");
        assert_eq!(
            error.to_string(),
            "a.md:2: the file holds conflict markers of a merge (lines 2 and 6): resolve them first"
        );
        assert!(Text::read("a.md", "```\n<<<<<<< HEAD\n```\n").is_ok());
    }

    #[test]
    fn bullets_headings_and_breaks_are_told_apart() {
        assert_eq!(list_marker("\t* x").map(|m| (m.indent, m.content, m.column)), Some((4, 3, 6)));
        assert_eq!(list_marker("**bold**"), None);
        assert_eq!(list_marker("* * *"), None);
        assert_eq!(heading("## [A] b ##"), Some((2, "[A] b")));
        assert_eq!(heading("## C#"), Some((2, "C#")));
        assert_eq!(heading("#hash"), None);
        assert!(is_break("---") && is_break("* * *") && !is_break("--") && !is_break("--- x"));
    }
}
