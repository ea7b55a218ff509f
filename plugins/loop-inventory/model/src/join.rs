//! [`classify`]: joins the rows of [`Classification`]s with the loops of an [`Inventory`], and says where they do
//! not agree.
//!
//! By id where a row has one, else by module and line. A row whose line holds another loop than the row says is
//! no match: after an edit, the loop that now stands there is not the one that somebody looked at.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::{Class, Classification, Contradiction, Inventory, Row};

/// So many loops are named where a list would be long.
const NAMED: usize = 5;

/// Sets classes, and adds to `inventory.contradictions` what does not fit. `hot_loops` are brought up to date.
pub fn classify(inventory: &mut Inventory, classifications: &[Classification]) {
    let mut found = Vec::new();
    let mut rows_of: BTreeMap<usize, Vec<(&Classification, &Row)>> = BTreeMap::new();
    for file in classifications {
        found.extend(file.problems.iter().cloned());
        for row in &file.rows {
            match target(inventory, row) {
                Ok(at) => rows_of.entry(at).or_default().push((file, row)),
                Err(message) => found.push(contradiction(file, row.source_line, message)),
            }
        }
        found.extend(wrong_counts(file));
    }
    for (at, rows) in &rows_of {
        found.extend(set(inventory, *at, rows));
    }
    if !classifications.is_empty() {
        found.extend(without_a_row(inventory, &rows_of, classifications));
    }
    for hot in &mut inventory.hot_loops {
        if let Some(one) = inventory.all_loops.iter().find(|one| one.id == hot.id) {
            hot.clone_from(one);
        }
    }
    inventory.contradictions.extend(found);
}

fn contradiction(file: &Classification, line: u64, message: String) -> Contradiction {
    Contradiction { file: file.file.clone(), line: Some(line), message }
}

/// The index of the loop that a row means.
fn target(inventory: &Inventory, row: &Row) -> Result<usize, String> {
    let loops = &inventory.all_loops;
    if let Some(id) = &row.id {
        let at = loops.iter().position(|one| one.id == *id);
        return at.ok_or_else(|| {
            format!("no loop has the id `{id}`: it, or its function, was changed or removed")
        });
    }
    let module = inventory.module(&row.module).map_err(|error| error.to_string())?;
    let line = row.line.unwrap_or_default();
    let here: Vec<usize> =
        (0..loops.len()).filter(|at| loops[*at].module == module && loops[*at].line == line).collect();
    let fits =
        |at: &usize| row.header.as_deref().is_none_or(|header| looks_like(&loops[*at].loop_header, header));
    let fitting: Vec<usize> = here.iter().copied().filter(fits).collect();
    // A comprehension beside a loop is meant only where the row says so.
    let counted: Vec<usize> = fitting.iter().copied().filter(|at| loops[*at].kind.is_counted()).collect();
    match (&fitting[..], &counted[..]) {
        ([at], _) | (_, [at]) => Ok(*at),
        ([], _) => Err(missing(inventory, row, module, line, &here)),
        _ => {
            let ids: Vec<String> = fitting.iter().map(|at| format!("`{}`", loops[*at].id)).collect();
            Err(format!(
                "{module}:{line} has {} such loops: name one by its id, {}",
                ids.len(),
                ids.join(" or ")
            ))
        }
    }
}

/// Why there is no such loop, and where a loop with this header is now.
fn missing(inventory: &Inventory, row: &Row, module: &str, line: u64, here: &[usize]) -> String {
    let loops = &inventory.all_loops;
    let mut message = match (here, &row.header) {
        ([at, ..], Some(header)) => {
            format!("{module}:{line} has `{}`, not `{header}`", loops[*at].loop_header)
        }
        _ => format!("{module}:{line} has no loop"),
    };
    let header = row.header.as_deref().unwrap_or_default();
    let moved = loops
        .iter()
        .filter(|one| one.module == module && !header.is_empty() && looks_like(&one.loop_header, header))
        .min_by_key(|one| one.line.abs_diff(line));
    if let Some(one) = moved {
        let (now, id) = (one.line, &one.id);
        let _ = write!(message, "; the nearest such loop is on line {now}, its id is `{id}`");
    }
    message
}

/// Whether a header fits what a row says, white space aside; `...` stands for anything.
fn looks_like(header: &str, said: &str) -> bool {
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (header, said) = (bare(header), bare(said));
    let mut parts = said.split("...");
    let Some(mut rest) = parts.next().and_then(|first| header.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Stated counts that differ from the rows of the same file.
fn wrong_counts(file: &Classification) -> Vec<Contradiction> {
    let rows = |class: Option<Class>| {
        file.rows.iter().filter(|row| class.is_none_or(|class| row.class == class)).count() as u64
    };
    let wrong = file.claims.iter().filter(|claim| claim.count != rows(claim.class));
    wrong
        .map(|claim| {
            let what = claim.class.map_or_else(|| "in all".to_owned(), |class| format!("`{class}`"));
            let (said, found) = (claim.count, rows(claim.class));
            contradiction(file, claim.line, format!("says {said} loops {what}, but the rows say {found}"))
        })
        .collect()
}

/// Gives one loop its class; two rows for it are a contradiction, and two classes leave it without one.
fn set(inventory: &mut Inventory, at: usize, rows: &[(&Classification, &Row)]) -> Option<Contradiction> {
    let (file, row) = rows.first()?;
    let agree = rows.iter().all(|(_, other)| other.class == row.class);
    let one = &mut inventory.all_loops[at];
    if agree {
        one.class = Some(row.class);
        one.class_source = Some(format!("{}:{}", file.file, row.source_line));
        one.class_priority.clone_from(&row.priority);
        one.class_notes.clone_from(&row.notes);
    }
    let (second, other) = rows.get(1)?;
    let place = format!("{}:{}", file.file, row.source_line);
    let which = format!("{}:{} `{}`", one.module, one.line, one.loop_header);
    let message = if agree {
        format!("a second row for {which}; the first is {place}")
    } else {
        let classes =
            rows.iter().map(|(_, row)| format!("`{}`", row.class)).collect::<Vec<_>>().join(" and ");
        format!("{which} is {classes} (first row: {place}); it stays without a class")
    };
    Some(contradiction(second, other.source_line, message))
}

/// One line for all the loops that nobody classified; comprehensions and tests need no class.
fn without_a_row(
    inventory: &Inventory,
    rows_of: &BTreeMap<usize, Vec<(&Classification, &Row)>>,
    files: &[Classification],
) -> Option<Contradiction> {
    let loops = inventory.all_loops.iter().enumerate();
    let open: Vec<String> = loops
        .filter(|(at, one)| one.kind.is_counted() && !one.test && !rows_of.contains_key(at))
        .map(|(_, one)| format!("{}:{}", one.module, one.line))
        .collect();
    if open.is_empty() {
        return None;
    }
    let more = open.len().saturating_sub(NAMED);
    let named = open[..open.len().min(NAMED)].join(", ");
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let many = if open.len() == 1 { "1 loop has".to_owned() } else { format!("{} loops have", open.len()) };
    let tables: Vec<&str> = files.iter().map(|file| file.file.as_str()).collect();
    Some(Contradiction {
        file: tables.join(", "),
        line: None,
        message: format!("{many} no row: {named}{more}"),
    })
}
