//! The ranking as a table: [`csv`], written as `hot_loops.csv`.
//!
//! RFC 4180, with the columns `module,line,loop_id,%time,call_count,notes` and nothing else. Spreadsheets take a
//! cell that begins with `=` for a formula, so no cell may: quoting alone does not prevent it.

use hot_loops_model::HotLoops;
use hot_loops_model::words::{one_line, percent};

use crate::text::notes;

/// The first line.
pub(crate) const HEADER: &str = "module,line,loop_id,%time,call_count,notes";

/// The loops from the threshold on.
pub(crate) fn csv(hot: &HotLoops) -> String {
    let mut text = format!("{HEADER}\r\n");
    for row in hot.hot() {
        let one = &row.r#loop;
        let mut notes = notes(row);
        let mut module = one_line(&one.module);
        if is_formula(&module) {
            module.insert_str(0, "./"); // the same path
        }
        let mut id = one_line(&one.id);
        if is_formula(&id) {
            id.insert(0, '\'');
            notes.push("loop_id without its leading '".to_owned());
        }
        let cells = [
            module,
            one.line.to_string(),
            id,
            percent(row.inclusive.percent),
            row.calls.map_or_else(String::new, |calls| calls.to_string()),
            notes.join("; "),
        ];
        text += &cells.map(|cell| quoted(&cell)).join(",");
        text += "\r\n";
    }
    text
}

fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@'])
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ') {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}
