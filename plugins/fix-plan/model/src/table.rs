//! Pipe tables: [`Table`] finds them, [`cells`] splits a row into spans. Used for the plan's rows and the
//! ledger's index. A `|` that nobody escaped splits a cell, also inside code, because that is what a
//! renderer does; the callers cope with rows that have more cells than the header.

use std::ops::Range;

use crate::text::{Line, Text};

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The line of its header, counted from 0.
    pub header: usize,
    /// The column titles, without emphasis.
    pub columns: Vec<String>,
    /// The lines of its rows.
    pub rows: Range<usize>,
}

/// A cell: its content without the blanks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Its bytes in the document.
    pub span: Range<usize>,
    /// Its text.
    pub text: &'a str,
}

impl Table {
    /// The tables in a range of lines. Code and comments hold none.
    pub fn find(text: &Text<'_>, lines: Range<usize>) -> Vec<Self> {
        let all = text.lines();
        let mut tables = Vec::new();
        let mut at = lines.start;
        while at + 1 < lines.end {
            if all[at].hidden || !all[at].text.contains('|') || !is_delimiter(&all[at + 1]) {
                at += 1;
                continue;
            }
            let columns = cells(&all[at]).iter().map(|cell| bare(cell.text).to_owned()).collect();
            let rows = at + 2..lines.end;
            let is_row = |line: &Line<'_>| !line.hidden && line.text.contains('|');
            let count = all[rows.clone()].iter().take_while(|line| is_row(line)).count();
            tables.push(Self { header: at, columns, rows: rows.start..rows.start + count });
            at = rows.start + count;
        }
        tables
    }

    /// The column with this title, whatever its case.
    pub fn column(&self, title: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(title))
    }
}

/// Splits a row at each `|` that is not escaped. An outer pipe is not needed.
pub fn cells<'a>(line: &Line<'a>) -> Vec<Cell<'a>> {
    let text = line.text.trim_end();
    let skipped = text.len() - text.trim_start().len();
    let first = skipped + usize::from(text[skipped..].starts_with('|'));
    let mut cells = Vec::new();
    let mut begin = first;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(first) {
        if byte == b'|' && !escaped {
            cells.push(cell(line, begin..at));
            begin = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    if begin < text.len() {
        cells.push(cell(line, begin..text.len()));
    }
    cells
}

fn cell<'a>(line: &Line<'a>, range: Range<usize>) -> Cell<'a> {
    let text = &line.text[range.clone()];
    let left = text.len() - text.trim_start().len();
    let text = text.trim();
    let start = line.start + range.start + if text.is_empty() { 0 } else { left };
    Cell { span: start..start + text.len(), text }
}

/// A cell without code signs and emphasis.
pub fn bare(text: &str) -> &str {
    text.trim_matches(['`', '*', '_']).trim()
}

fn is_delimiter(line: &Line<'_>) -> bool {
    let is_rule = |cell: &Cell<'_>| {
        let rule = cell.text.strip_prefix(':').unwrap_or(cell.text);
        let rule = rule.strip_suffix(':').unwrap_or(rule);
        !rule.is_empty() && rule.bytes().all(|byte| byte == b'-')
    };
    !line.hidden && line.text.contains('|') && cells(line).iter().all(is_rule)
}

#[cfg(test)]
mod tests {
    use super::{Table, cells};
    use crate::text::Text;

    #[test]
    fn an_escaped_pipe_stays_in_its_cell_and_a_bare_one_splits() {
        let text = Text::read("a.md", "| a \\| b | c|d ||\n").expect("no conflict");
        let texts: Vec<_> = cells(&text.lines()[0]).into_iter().map(|cell| cell.text).collect();
        assert_eq!(texts, ["a \\| b", "c", "d", ""]);
    }

    #[test]
    fn a_cell_knows_its_bytes() {
        let source = "x\n  a |  bc  \n";
        let text = Text::read("a.md", source).expect("no conflict");
        let spans: Vec<_> = cells(&text.lines()[1]).into_iter().map(|cell| &source[cell.span]).collect();
        assert_eq!(spans, ["a", "bc"]);
    }

    #[test]
    fn a_table_needs_its_delimiter_row_and_ends_with_its_pipes() {
        let source =
            "| no | table |\n\n| ID | **State** |\n|:--|:-:|\n| A1 | [ ] |\ntext\n```\n| x |\n| - |\n```\n";
        let text = Text::read("a.md", source).expect("no conflict");
        let tables = Table::find(&text, 0..text.lines().len());
        assert_eq!(tables.len(), 1);
        assert_eq!((tables[0].header, tables[0].rows.clone()), (2, 4..5));
        assert_eq!(tables[0].column("state"), Some(1));
    }
}
