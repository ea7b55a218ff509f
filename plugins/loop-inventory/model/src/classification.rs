//! [`Classification`]: the rows of a Markdown file in which people classified loops, and the counts it states.
//!
//! A table is one of classes when it has a column `Status` and either `Module` and `Line`, or `Loop` (or `ID`) with
//! ids of loops. Read here, joined with the loops in `join`. A row that cannot be read is a contradiction, never
//! dropped in silence.

use fix_plan_model::table::{Table, bare, cells};
use fix_plan_model::text::Text;

use crate::claim::{self, Claim};
use crate::{Class, Contradiction};

/// The classes that a file gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    /// The file, as the user named it.
    pub file: String,
    /// The readable rows, in order.
    pub rows: Vec<Row>,
    /// The counts that are stated beside them.
    pub claims: Vec<Claim>,
    /// Rows that could not be read.
    pub problems: Vec<Contradiction>,
}

/// A row of a table of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, counted from 1.
    pub source_line: u64,
    /// The end of a module's path; empty when the row names its loop by id.
    pub module: String,
    /// The line of the loop in that module.
    pub line: Option<u64>,
    /// The id of the loop.
    pub id: Option<String>,
    /// What the row says the loop looks like; `...` stands for anything.
    pub header: Option<String>,
    /// The class.
    pub class: Class,
    /// The priority; `None` for an empty cell.
    pub priority: Option<String>,
    /// The notes.
    pub notes: Option<String>,
}

/// The columns that matter.
struct Columns {
    module: Option<usize>,
    line: Option<usize>,
    id: Option<usize>,
    header: Option<usize>,
    status: usize,
    priority: Option<usize>,
    notes: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Option<Self> {
        let columns = Self {
            module: table.column("Module"),
            line: table.column("Line"),
            id: table.column("Loop").or_else(|| table.column("ID")),
            header: table.column("Loop Type").or_else(|| table.column("Header")),
            status: table.column("Status").or_else(|| table.column("Class"))?,
            priority: table.column("Priority"),
            notes: table.column("Notes"),
        };
        let by_line = columns.module.is_some() && columns.line.is_some();
        (by_line || columns.id.is_some()).then_some(columns)
    }
}

impl Classification {
    /// Reads the Markdown text of a file.
    pub fn read(file: &str, source: &str) -> Self {
        let mut read = Self { file: file.to_owned(), ..Self::default() };
        let text = match Text::read(file, source) {
            Ok(text) => text,
            Err(refusal) => {
                // The refusal names file and line itself.
                let message = refusal.to_string().replacen(&format!("{file}:"), "", 1);
                read.problems.push(Contradiction { file: file.to_owned(), line: None, message });
                return read;
            }
        };
        let tables = Table::find(&text, 0..text.lines().len());
        let mut is_there = false;
        for table in &tables {
            let Some(columns) = Columns::of(table) else { continue };
            is_there = true;
            for at in table.rows.clone() {
                let cells: Vec<&str> = cells(&text.lines()[at]).iter().map(|cell| cell.text).collect();
                let line = at as u64 + 1;
                match row(&cells, table.columns.len(), &columns, line) {
                    Ok(row) => read.rows.extend(row),
                    Err(message) => read.problem(Some(line), message),
                }
            }
        }
        if !is_there {
            let message = "has no table of classes: give one the columns `Module`, `Line` and `Status`, or \
                           `Loop` and `Status`";
            read.problem(None, message.to_owned());
        }
        read.claims = claim::find(&text, &tables);
        read
    }

    fn problem(&mut self, line: Option<u64>, message: String) {
        self.problems.push(Contradiction { file: self.file.clone(), line, message });
    }
}

/// A row; `None` for one whose class is left open.
fn row(cells: &[&str], width: usize, columns: &Columns, source_line: u64) -> Result<Option<Row>, String> {
    if cells.len() > width {
        let many = cells.len();
        return Err(format!(
            "the row has {many} cells and the table {width} columns: write `\\|` for a `|` in a cell"
        ));
    }
    let raw = |column: Option<usize>| column.and_then(|at| cells.get(at)).copied().unwrap_or_default();
    let cell = |column| bare(raw(column));
    // In names a `_` is no emphasis: `__init__.py`.
    let named = |column| raw(column).trim_matches(['`', '*']).trim();
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let status = cell(Some(columns.status));
    if matches!(status, "" | "-" | "?") {
        return Ok(None);
    }
    let class = Class::named(status)
        .ok_or_else(|| format!("`{status}` is no class: write Vectorized, Safe, Todo or Uncertain"))?;
    // Beside an id a line is for people, who may write `10-14`.
    let line = match cell(columns.line) {
        text if text.is_empty() || !named(columns.id).is_empty() => None,
        text => Some(text.parse().map_err(|_| format!("`{text}` is no line number"))?),
    };
    let (id, module) = (filled(named(columns.id)), named(columns.module).to_owned());
    if id.is_none() && (module.is_empty() || line.is_none()) {
        return Err("the row names no loop: it needs a module and a line, or the id of a loop".to_owned());
    }
    Ok(Some(Row {
        source_line,
        module,
        line,
        id,
        header: filled(named(columns.header)).map(|text| text.replace("\\|", "|")),
        class,
        priority: filled(cell(columns.priority)),
        notes: filled(raw(columns.notes)),
    }))
}
