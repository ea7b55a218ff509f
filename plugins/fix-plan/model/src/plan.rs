//! A plan: [`PlanDocument`], its tables with a State column and their rows. Called by the plugin's `edit` to
//! find the one letter that a run may change, and the row that comes next. Must never guess: a row that is
//! missing, written twice, or without a readable state is an error that names the line.

use std::ops::Range;

use crate::ledger::nearest;
use crate::refusal::Refusal;
use crate::table::{Cell, Table, bare, cells};
use crate::text::{Text, line_list};

/// A plan file.
#[derive(Clone, Debug)]
pub struct PlanDocument<'a> {
    text: Text<'a>,
    rows: Vec<RawRow<'a>>,
}

#[derive(Clone, Debug)]
struct RawRow<'a> {
    id: &'a str,
    line: usize,
    cells: Vec<Cell<'a>>,
    state: Option<usize>,
}

/// A row whose state could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRow<'a> {
    /// Its ID.
    pub id: &'a str,
    /// The cell behind the ID, which describes the task.
    pub task: &'a str,
    /// What stands between the brackets of the State cell.
    pub state: &'a str,
    /// The bytes between those brackets.
    pub span: Range<usize>,
    /// The last cell, when it stands behind the State column: where notes go.
    pub notes: Option<Cell<'a>>,
}

impl<'a> PlanDocument<'a> {
    /// Reads a plan.
    pub fn read(path: &'a str, source: &'a str) -> Result<Self, Refusal> {
        let text = Text::read(path, source)?;
        let mut rows = Vec::new();
        for table in Table::find(&text, 0..text.lines().len()) {
            let id = table.column("ID").unwrap_or(0);
            let state = table.column("State");
            for line in table.rows.clone() {
                let cells = cells(&text.lines()[line]);
                if let Some(cell) = cells.get(id) {
                    rows.push(RawRow { id: bare(cell.text), line, cells, state });
                }
            }
        }
        Ok(Self { text, rows })
    }

    /// The row with this ID.
    pub fn row(&self, id: &str) -> Result<PlanRow<'a>, Refusal> {
        let path = self.text.path();
        let found: Vec<_> = self.rows.iter().filter(|row| row.id == id).collect();
        let with_state: Vec<_> = found.iter().filter(|row| row.state.is_some()).collect();
        match (with_state.as_slice(), found.as_slice()) {
            ([row], _) => self.resolve(row),
            ([], []) => {
                let ids = self.rows.iter().filter(|row| row.state.is_some()).map(|row| row.id);
                Err(Refusal::new(format!("{path}: no table row `{id}`{}", nearest(id, ids))))
            }
            ([], [row, ..]) => Err(Refusal::new(format!(
                "{path}:{}: row `{id}` stands in a table without a State column",
                row.line + 1
            ))),
            (rows, _) => {
                let lines: Vec<_> = rows.iter().map(|row| row.line + 1).collect();
                Err(Refusal::new(format!("{path}:{}: row `{id}` stands on {}", lines[0], line_list(&lines))))
            }
        }
    }

    /// The first row after `row` that is still open (`[ ]`).
    pub fn next_open(&self, row: &PlanRow<'_>) -> Option<PlanRow<'a>> {
        let after =
            self.rows.iter().filter(|raw| raw.state.is_some() && raw.cells[0].span.start > row.span.end);
        after.filter_map(|raw| self.resolve(raw).ok()).find(|next| next.state.trim().is_empty())
    }

    fn resolve(&self, row: &RawRow<'a>) -> Result<PlanRow<'a>, Refusal> {
        let column = row.state.unwrap_or(row.cells.len());
        let at_column = row.cells.get(column).and_then(state_span);
        // A pipe in a cell before the State column shifts it to the right. It is found there only when
        // nothing else in the row looks like a state.
        let shifted = || {
            let mut alike =
                row.cells.iter().enumerate().filter_map(|(at, cell)| Some((at, state_span(cell)?)));
            let (at, span) = alike.next()?;
            (at > column && alike.next().is_none()).then_some(span)
        };
        let Some(span) = at_column.or_else(shifted) else {
            let held = row.cells.get(column).map_or("", |cell| cell.text);
            return Err(Refusal::new(format!(
                "{}:{}: the State cell of row `{}` holds `{held}`, not a state such as `[ ]`",
                self.text.path(),
                row.line + 1,
                row.id
            )));
        };
        let task = row.cells.iter().map(|cell| cell.text).find(|text| bare(text) != row.id).unwrap_or("");
        let notes = row.cells.last().filter(|cell| cell.span.start > span.end).cloned();
        Ok(PlanRow { id: row.id, task, state: &self.text.source()[span.clone()], span, notes })
    }
}

/// The bytes between the brackets of a cell that holds a state and no other words: `[P]`, `` `[ ]` ``, `[]`.
fn state_span(cell: &Cell<'_>) -> Option<Range<usize>> {
    let open = cell.text.find(|c| !matches!(c, '`' | '*'))?;
    let inner = cell.text[open..].strip_prefix('[')?;
    let close = inner.find(']')?;
    let after = &inner[close + 1..];
    if inner[..close].chars().count() > 1 || !after.chars().all(|c| matches!(c, '`' | '*')) {
        return None;
    }
    let start = cell.span.start + open + 1;
    Some(start..start + close)
}

#[cfg(test)]
mod tests {
    use super::PlanDocument;

    const HEAD: &str = "| ID | Task | State | How |\n| --- | --- | --- | --- |\n";

    fn state(rows: &str, id: &str) -> Result<String, String> {
        let source = format!("{HEAD}{rows}");
        let plan = PlanDocument::read("p.md", &source).expect("a plan");
        plan.row(id).map(|row| row.state.to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn pipes_behind_the_state_do_not_matter_and_pipes_before_it_shift_it() {
        assert_eq!(state("| B1 | a | [ ] | x | [D] | y |\n", "B1"), Ok(" ".into()));
        assert_eq!(state("| B1 | `a|b` | [P] | x |\n", "B1"), Ok("P".into()));
        assert_eq!(state("| **B1** | a \\| b | `[x]` |\n", "B1"), Ok("x".into()));
    }

    #[test]
    fn a_shifted_row_with_two_states_is_refused() {
        let message = "p.md:3: the State cell of row `B1` holds `b`, not a state such as `[ ]`";
        assert_eq!(state("| B1 | a|b | [P] | [D] |\n", "B1"), Err(message.into()));
    }

    #[test]
    fn a_missing_row_names_the_nearest_and_a_double_row_its_lines() {
        let rows = "| B1 | a | [ ] | x |\n| B2 | a | [ ] | x |\n| B2 | a | [ ] | x |\n";
        assert_eq!(state(rows, "B11"), Err("p.md: no table row `B11`; did you mean `B1`?".into()));
        assert_eq!(state(rows, "B2"), Err("p.md:4: row `B2` stands on lines 4 and 5".into()));
    }

    #[test]
    fn the_next_open_row_skips_rows_that_are_not_open() {
        let source = format!("{HEAD}| B1 | a | [P] | |\n| B2 | b | [D] | |\n\n{HEAD}| C1 | c | [ ] | |\n");
        let plan = PlanDocument::read("p.md", &source).expect("a plan");
        let next = plan.next_open(&plan.row("B1").expect("a row")).expect("an open row");
        assert_eq!((next.id, next.task), ("C1", "c"));
        assert!(plan.next_open(&next).is_none());
    }
}
