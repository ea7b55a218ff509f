//! What is wrong with a ledger: [`check`] lists it as [`Finding`]s, each with its line. Called by
//! `runner ledger check`. It only looks, and goes on behind a mistake, so that one pass shows everything; it
//! has no clock and opens no file: the caller says what day it is and which paths exist.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::anchor::{Anchors, inner_links};
use crate::attempt::AttemptLine;
use crate::date::{self, Date};
use crate::item::Item;
use crate::ledger::{ItemHeading, LedgerDocument, keyword};
use crate::reference::references;
use crate::table::bare;
use crate::text::{folded, heading, list_marker};

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line, counted from 1.
    pub line: usize,
    /// What sort of thing it is.
    pub kind: FindingKind,
    /// The item that it stands in or speaks of.
    pub item: Option<String>,
    /// What is wrong, in one sentence.
    pub message: String,
}

/// The sorts of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// A marker of a merge that nobody finished.
    Conflict,
    /// A code fence that nothing closes.
    OpenFence,
    /// The same item or section twice.
    DuplicateHeading,
    /// A number that two attempts of an item have.
    DuplicateNumber,
    /// Numbers between the lowest and the highest that no attempt has.
    Gap,
    /// An attempt below one with a higher number.
    Descending,
    /// A date that has not come yet, or that no calendar has.
    Date,
    /// The index and the item give different statuses.
    IndexStatus,
    /// An item that the index does not name.
    IndexMissing,
    /// An item that the index names twice.
    IndexDuplicate,
    /// A row of the index without an item.
    IndexUnknown,
    /// A link inside the document that leads nowhere.
    Anchor,
    /// A path below `Artifacts` that does not exist.
    Artifact,
}

impl FindingKind {
    /// The word for it, as JSON has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::OpenFence => "open_fence",
            Self::DuplicateHeading => "duplicate_heading",
            Self::DuplicateNumber => "duplicate_number",
            Self::Gap => "gap",
            Self::Descending => "descending",
            Self::Date => "date",
            Self::IndexStatus => "index_status",
            Self::IndexMissing => "index_missing",
            Self::IndexDuplicate => "index_duplicate",
            Self::IndexUnknown => "index_unknown",
            Self::Anchor => "anchor",
            Self::Artifact => "artifact",
        }
    }
}

/// Looks at a ledger. `today` is `YYYY-MM-DD`, the latest date that is no future one; `exists` is asked for
/// paths relative to the project root or to the ledger.
pub fn check(ledger: &LedgerDocument<'_>, today: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut check = Check { ledger, today, exists, known: HashMap::new(), findings: Vec::new() };
    check.whole();
    let items: Vec<_> =
        ledger.headings().iter().map(|heading| (heading, ledger.read_item(heading))).collect();
    for (heading, item) in &items {
        check.numbers(heading, item);
        check.attempts(heading, item);
    }
    check.index(&items);
    check.findings.sort_by_key(|finding| (finding.line, finding.kind));
    check.findings
}

struct Check<'a> {
    ledger: &'a LedgerDocument<'a>,
    today: &'a str,
    exists: &'a dyn Fn(&str) -> bool,
    /// Paths that were asked for already.
    known: HashMap<&'a str, bool>,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    /// Notes a finding; `line` counts from 0.
    fn note(&mut self, line: usize, kind: FindingKind, item: Option<&str>, message: String) {
        self.findings.push(Finding { line: line + 1, kind, item: item.map(str::to_owned), message });
    }

    /// What concerns the document and not one item.
    fn whole(&mut self) {
        let text = self.ledger.text();
        for line in text.conflicts() {
            let message = "a conflict marker of a merge that nobody finished".to_owned();
            self.note(line, FindingKind::Conflict, None, message);
        }
        if let Some(line) = text.unclosed_fence() {
            let message = "a code fence that nothing closes: the rest of the file is code".to_owned();
            self.note(line, FindingKind::OpenFence, None, message);
        }
        for line in text.unclosed_list_fences().to_vec() {
            let message = "a code fence in a list that nothing closes".to_owned();
            self.note(line, FindingKind::OpenFence, None, message);
        }
        let anchors = Anchors::of(text);
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (at, line) in text.lines().iter().enumerate().filter(|(_, line)| !line.hidden) {
            if let Some((level, title)) = heading(line.text)
                && level <= 2
                && AttemptLine::read(line.text).is_none()
            {
                let named = title.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(id, _)| id);
                let key = folded(named.unwrap_or(title)).trim().to_owned();
                let words = match named {
                    Some(id) => format!("item `[{id}]` has a heading already"),
                    None => format!("the heading `{title}` is there already"),
                };
                match seen.get(&key) {
                    Some(first) => {
                        let message = format!("{words}, on line {}", first + 1);
                        self.note(at, FindingKind::DuplicateHeading, named, message);
                    }
                    None => drop(seen.insert(key, at)),
                }
            }
            for target in inner_links(line.text).filter(|target| !anchors.has(target)) {
                let message = format!("the link `#{target}` leads to no heading");
                self.note(at, FindingKind::Anchor, None, message);
            }
            let content = list_marker(line.text).map_or(0, |marker| marker.content);
            let label = line.text[content..].trim_start_matches(['*', '_', ' ']);
            if label.starts_with("Last Updated") || label.starts_with("Owner/Date") {
                self.date(at, None, date::find(line.text));
            }
        }
    }

    fn date(&mut self, line: usize, item: Option<&str>, date: Option<Date>) {
        let message = match date {
            Some(Date::Impossible(day)) => format!("{day} is no date"),
            Some(Date::Day(day)) if *day > *self.today => format!("{day} has not come yet"),
            _ => return,
        };
        self.note(line, FindingKind::Date, item, message);
    }

    fn numbers(&mut self, heading: &ItemHeading<'_>, item: &Item) {
        let id = Some(heading.id);
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        for attempt in &item.attempts {
            let (number, line) = (attempt.head.number, attempt.lines.start);
            match places.get(&number) {
                Some(first) => {
                    let message = format!("attempt #{number} is there already, on line {}", first + 1);
                    self.note(line, FindingKind::DuplicateNumber, id, message);
                }
                None => drop(places.insert(number, line)),
            }
        }
        for ((&before, _), (&after, &line)) in places.iter().zip(places.iter().skip(1)) {
            let missing = match after - before {
                0 | 1 => continue,
                2 => format!("attempt #{} is missing", before + 1),
                _ => format!("attempts #{} to #{} are missing", before + 1, after - 1),
            };
            self.note(line, FindingKind::Gap, id, format!("{missing} before #{after}"));
        }
        let pairs = item.attempts.iter().zip(item.attempts.iter().skip(1));
        let falling: Vec<_> = pairs.filter(|(a, b)| b.head.number < a.head.number).collect();
        if let Some((a, b)) = falling.first() {
            let more = match falling.len() {
                1 => String::new(),
                count => format!(", the first of {count} such places in the item"),
            };
            let message = format!("attempt #{} stands below #{}{more}", b.head.number, a.head.number);
            self.note(b.lines.start, FindingKind::Descending, id, message);
        }
    }

    fn attempts(&mut self, heading: &ItemHeading<'_>, item: &Item) {
        let text = self.ledger.text();
        for attempt in &item.attempts {
            let line = attempt.lines.start;
            let words = AttemptLine::words(text.lines()[line].text);
            self.date(line, Some(heading.id), words.and_then(|(_, words)| date::read(words.date?)));
            for at in item.artifact_lines(text, attempt) {
                self.artifacts(heading, at);
            }
        }
        let fields = item
            .lines
            .clone()
            .skip(1)
            .take_while(|at| item.histories.first().is_none_or(|history| *at < history.lines.start));
        for at in fields {
            let line = &text.lines()[at];
            let content = list_marker(line.text).map_or(0, |marker| marker.content);
            let label = line.text[content..].trim_start_matches(['*', '_', ' ']);
            if !line.hidden && label.starts_with("Plan Reference") {
                self.artifacts(heading, at);
            }
        }
    }

    fn artifacts(&mut self, heading: &ItemHeading<'_>, at: usize) {
        let line: &'a str = self.ledger.text().lines()[at].text;
        let exists = self.exists;
        for reference in references(line) {
            let known = &mut self.known;
            let mut there = |path: &'a str| *known.entry(path).or_insert_with(|| exists(path));
            // `24/24` is no path; `reports/20260102T030405Z` is one, because `reports` is there.
            let first = reference.path.split('/').next().unwrap_or("");
            if !there(reference.path) && (reference.certain || there(first)) {
                let message = format!("`{}` does not exist", reference.path);
                self.note(at, FindingKind::Artifact, Some(heading.id), message);
            }
        }
    }

    fn index(&mut self, items: &[(&ItemHeading<'_>, Item)]) {
        let rows = self.ledger.index_rows();
        let source = self.ledger.text().source();
        let mut named: HashMap<Cow<'_, str>, usize> = HashMap::new();
        let mut known = HashMap::new();
        for (heading, item) in items {
            known.entry(folded(heading.id)).or_insert((heading, item));
        }
        for row in &rows {
            let id = Some(row.id);
            if let Some(first) = named.get(&folded(row.id)) {
                let message = format!("the index names `{}` already, on line {}", row.id, first + 1);
                self.note(row.line, FindingKind::IndexDuplicate, id, message);
            } else {
                named.insert(folded(row.id), row.line);
            }
            let Some((heading, item)) = known.get(&folded(row.id)) else {
                let message = format!("the index names `{}`, which is no item of this file", row.id);
                self.note(row.line, FindingKind::IndexUnknown, id, message);
                continue;
            };
            let Some(status) = &item.status else { continue };
            let own = keyword(&source[status.span.clone()]);
            let shown = row.status.as_ref().map_or("", |cell| keyword(bare(cell.text)));
            if bare(own) != shown {
                let message = format!(
                    "the index gives `{}` the status `{shown}`; the item says `{own}` on line {}",
                    heading.id,
                    status.line + 1
                );
                self.note(row.line, FindingKind::IndexStatus, id, message);
            }
        }
        if rows.is_empty() {
            return;
        }
        for (heading, _) in items.iter().filter(|(heading, _)| !named.contains_key(&folded(heading.id))) {
            let message = format!("the index does not name `{}`", heading.id);
            self.note(heading.lines.start, FindingKind::IndexMissing, Some(heading.id), message);
        }
    }
}
