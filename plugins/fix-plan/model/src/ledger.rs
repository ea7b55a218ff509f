//! A ledger: [`LedgerDocument`], its items (`## [ID] Title`) and its index table. Called by the plugin's `edit`.
//! It finds the one item that is meant and refuses when there is none or more than one; must never fall
//! back to a similar one.

use std::ops::Range;

use crate::attempt::AttemptLine;
use crate::history::HistoryLine;
use crate::item::Item;
use crate::refusal::Refusal;
use crate::table::{Cell, Table, bare, cells};
use crate::text::{Text, folded, heading, line_list};

/// A ledger file.
#[derive(Clone, Debug)]
pub struct LedgerDocument<'a> {
    text: Text<'a>,
    items: Vec<ItemHeading<'a>>,
}

/// The heading of an item.
#[derive(Clone, Debug)]
pub struct ItemHeading<'a> {
    /// What stands in the brackets.
    pub id: &'a str,
    /// What stands behind them.
    pub title: &'a str,
    /// The item's lines, counted from 0; the first is the heading.
    pub lines: Range<usize>,
}

/// A row of the index: of a table outside every item that has a Status column.
#[derive(Clone, Debug)]
pub struct IndexRow<'a> {
    /// The line, counted from 0.
    pub line: usize,
    /// The ID that its first cell is or links.
    pub id: &'a str,
    /// Its Status cell, when the row is long enough to have one.
    pub status: Option<Cell<'a>>,
}

impl<'a> LedgerDocument<'a> {
    /// Reads a ledger: one pass over its lines.
    pub fn read(path: &'a str, source: &'a str) -> Result<Self, Refusal> {
        Ok(Self::of(Text::read(path, source)?))
    }

    /// The ledger in a text.
    pub fn of(text: Text<'a>) -> Self {
        let mut items: Vec<ItemHeading<'a>> = Vec::new();
        let mut open = false;
        let end = text.lines().len();
        for (at, line) in text.lines().iter().enumerate().filter(|(_, line)| !line.hidden) {
            let Some((level, title)) = heading(line.text) else { continue };
            // `## Attempts History` and `## Attempt #3 - ...` belong to the item above them.
            let inner = HistoryLine::read(line.text).is_some() || AttemptLine::read(line.text).is_some();
            if level > 2 || inner {
                continue;
            }
            if open && let Some(item) = items.last_mut() {
                item.lines.end = at;
            }
            let named = title.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            open = level == 2 && named.is_some();
            if let Some((id, title)) = named.filter(|_| open) {
                items.push(ItemHeading { id: id.trim(), title: title.trim(), lines: at..end });
            }
        }
        Self { text, items }
    }

    /// The headings of the items, in the order of the document; an ID may occur twice.
    pub fn headings(&self) -> &[ItemHeading<'a>] {
        &self.items
    }

    /// The item below a heading.
    pub fn read_item(&self, heading: &ItemHeading<'_>) -> Item {
        Item::read(&self.text, heading.lines.clone())
    }

    /// The document.
    pub fn text(&self) -> &Text<'a> {
        &self.text
    }

    /// The item with this ID.
    pub fn item(&self, id: &str) -> Result<Item, Refusal> {
        let path = self.text.path();
        let found: Vec<_> = self.items.iter().filter(|item| same_id(item.id, id)).collect();
        let item = match found.as_slice() {
            [one] => one,
            [] => return Err(self.missing(id)),
            several => {
                let lines: Vec<_> = several.iter().map(|item| item.lines.start + 1).collect();
                return Err(Refusal::new(format!(
                    "{path}:{}: item `[{id}]` has several headings, on {}: merge them, so that an attempt \
                     has one place",
                    lines[0],
                    line_list(&lines)
                )));
            }
        };
        if let Some(fence) = self.text.unclosed_fence().filter(|line| item.lines.contains(line)) {
            return Err(Refusal::new(format!(
                "{path}:{}: a code fence in item `[{id}]` is never closed: what is appended would be code",
                fence + 1
            )));
        }
        Ok(Item::read(&self.text, item.lines.clone()))
    }

    fn missing(&self, id: &str) -> Refusal {
        let path = self.text.path();
        let token = format!("[{id}]");
        let named = self.text.lines().iter().position(|line| line.text.contains(&token)).map(|line| {
            let place = if self.text.lines()[line].hidden { ", inside code or a comment" } else { "" };
            format!("; the ID is named on line {}{place}", line + 1)
        });
        let fence = self.text.unclosed_fence().map(|line| {
            format!("; the code fence on line {} is never closed and hides what follows", line + 1)
        });
        let nearest = nearest(id, self.items.iter().map(|item| item.id));
        Refusal::new(format!(
            "{path}: no item `## [{id}]`{nearest}{}{}",
            named.unwrap_or_default(),
            fence.unwrap_or_default()
        ))
    }

    /// The Status cells of the item's rows in the index.
    pub fn index_cells(&self, id: &str) -> Vec<Cell<'a>> {
        let rows = self.index_rows().into_iter().filter(|row| same_id(row.id, id));
        rows.filter_map(|row| row.status).collect()
    }

    /// The rows of the index: of tables outside every item that have a Status column.
    pub fn index_rows(&self) -> Vec<IndexRow<'a>> {
        let tables = Table::find(&self.text, 0..self.text.lines().len());
        let outside = |table: &&Table| {
            // The items are in order, and none overlaps another.
            let after = self.items.partition_point(|item| item.lines.start <= table.header);
            !self.items[..after].last().is_some_and(|item| item.lines.contains(&table.header))
        };
        let mut found = Vec::new();
        for table in tables.iter().filter(outside) {
            let Some(status) = table.column("Status") else { continue };
            for line in table.rows.clone() {
                let mut row = cells(&self.text.lines()[line]);
                let Some(first) = row.first().map(|cell| bare(cell.text)) else { continue };
                let linked = first.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                let id = linked.map_or(first, |(id, _)| id);
                // A pipe in a title moves what is behind it: the Status column is counted from the right.
                let surplus = row.len().saturating_sub(table.columns.len());
                let status = (status + surplus < row.len()).then(|| row.swap_remove(status + surplus));
                found.push(IndexRow { line, id, status });
            }
        }
        found
    }
}

/// The first word of a status: `in_progress` of `in_progress (Phase A complete)`.
pub fn keyword(status: &str) -> &str {
    status
        .split(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or("")
        .trim_end_matches([';', ',', '.', ':'])
}

/// Whether two IDs are the same to a reader: no-break hyphens and spaces look like plain ones.
pub fn same_id(a: &str, b: &str) -> bool {
    a == b || folded(a) == folded(b)
}

/// `; did you mean ...?` with the most similar names, or a list when nothing is similar.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.map(|name| (strsim::jaro_winkler(wanted, name), name)).collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    names.dedup_by_key(|entry| entry.1);
    let shown = |names: &[(f64, &str)], end| {
        let quoted: Vec<_> = names.iter().take(end).map(|(_, name)| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    match names.iter().filter(|(score, _)| *score >= 0.85).count() {
        _ if names.is_empty() => "; there is none at all".into(),
        0 => format!("; there is {}{}", shown(&names, 5), if names.len() > 5 { ", ..." } else { "" }),
        similar => format!("; did you mean {}?", shown(&names, similar.min(3))),
    }
}
