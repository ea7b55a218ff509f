//! The edit: [`edit`] goes from a request to splices. It finds the place (ledger item, live history, plan
//! row), lets [`crate::entry`] find the words, and cuts. Called by the plugin's `edit`. Pure: no clock, no
//! file, no order of a hash map; the same request always gives the same splices.
//!
//! An attempt is always appended at the end of the history, also where older entries stand below newer
//! ones: the position says nothing, the number does.

use runner_plugin::{Edit, EditRequest, Error, Splice};

use crate::config::Config;
use crate::entry::Entry;
use crate::placement::{behind, insertion};
use crate::readback;
use crate::record::RunRecord;
use crate::status;
use fix_plan_model::Refusal;
use fix_plan_model::actions::{ActionList, ActionMarker};
use fix_plan_model::item::{Attempt, Item};
use fix_plan_model::ledger::LedgerDocument;
use fix_plan_model::plan::PlanDocument;
use fix_plan_model::table::Cell;
use fix_plan_model::text::Text;

/// Computes the edit of a run.
pub fn edit(config: &Config, request: &EditRequest) -> Result<Edit, Error> {
    let record = RunRecord::read(&request.record)?;
    let ledger = LedgerDocument::read(&config.ledger, document(request, &config.ledger)?)
        .map_err(|refusal| invalid(&refusal))?;
    let item = ledger.item(&config.item).map_err(|refusal| invalid(&refusal))?;
    let plan = match &config.plan {
        Some(path) => {
            let plan =
                PlanDocument::read(path, document(request, path)?).map_err(|refusal| invalid(&refusal))?;
            let rows: Result<Vec<_>, _> = config.plan_rows().into_iter().map(|row| plan.row(row)).collect();
            Some((plan, rows.map_err(|refusal| invalid(&refusal))?, path))
        }
        None => None,
    };
    let own = linking(&item, ledger.text(), &record).map(|attempt| attempt.head.number);
    let nothing = |number: u64| Edit {
        attempt: Some(number),
        summary: format!(
            "nothing to do: attempt #{number} of [{}] already links {}",
            config.item, record.bundle
        ),
        ..Edit::default()
    };
    if let Some(number) = own.filter(|_| !record.resumed) {
        return Ok(nothing(number));
    }
    let number = own.or_else(|| item.next_number()).ok_or_else(|| {
        Error::invalid(format!(
            "{}: the attempts of item `[{}]` have no next number",
            config.ledger, config.item
        ))
    })?;
    let next = plan.as_ref().and_then(|(plan, rows, path)| {
        let last = rows.iter().max_by_key(|row| row.span.end)?;
        Some((plan.next_open(last)?, path))
    });
    let next_row = next.as_ref().map(|(row, path)| (row.id, row.task, path.as_str()));
    let entry = Entry { number, who: config.who.as_deref(), record: &record, next_row };

    let mut result = Edit { attempt: Some(number), ..Edit::default() };
    let mut done = vec![match own {
        None => format!("attempt #{number} ({}) appended to [{}]", record.result, config.item),
        // The run was killed after its entry was written, perhaps before the rest was.
        Some(_) => format!("attempt #{number} of [{}] is there, and what it lacked was added", config.item),
    }];
    let mut cut = |path: &str, splice: Splice| {
        result.splices.entry(path.to_owned()).or_default().push(splice);
    };
    let source = ledger.text().source();
    let before = item.status.as_ref().map_or("", |status| &source[status.span.clone()]);
    // Figures for other values than the workflow's are an attempt, and no progress of the plan.
    let counts = record.stands_for_the_workflow();
    let sets = counts && config.set_status;
    let after = if sets { status::after(&config.status, &record, before) } else { before.to_owned() };
    match &item.status {
        Some(_) if before == after => {}
        Some(line) => {
            // `- Status:` with nothing behind it lacks the blank too.
            let pad =
                if before.is_empty() && source[..line.span.start].ends_with([':', '*']) { " " } else { "" };
            cut(
                &config.ledger,
                Splice { start: line.span.start, end: line.span.end, text: format!("{pad}{after}") },
            );
            done.push(format!("status {}", status::keyword(&after)));
        }
        None if sets => done.push("the item has no status line".into()),
        None => {}
    }
    if config.next_actions {
        match ActionList::read(ledger.text(), &item).map_err(|refusal| invalid(&refusal))? {
            Some(list) => match actions(ledger.text(), &list, &entry) {
                Some(splice) => {
                    cut(&config.ledger, splice);
                    done.push("next actions".into());
                }
                None => done.push("the next actions are in the list already".into()),
            },
            None => done.push("the item has no list of Next Actions".into()),
        }
    }
    // Behind the status, because in a document that ends with an empty status line both have one place.
    if own.is_none() {
        cut(&config.ledger, insertion(ledger.text(), &item, &entry));
    }
    if config.index && counts {
        let keyword = status::keyword(&after);
        for cell in ledger.index_cells(&config.item).into_iter().filter(|cell| cell.text != keyword) {
            cut(
                &config.ledger,
                Splice { start: cell.span.start, end: cell.span.end, text: keyword.to_owned() },
            );
            done.push(format!("index {keyword}"));
        }
    }
    if !counts {
        let set = record.overridden().unwrap_or_default();
        done.push(format!("status and plan row stay as they are, because of {set}"));
    }
    if let Some((_, rows, path)) = plan.as_ref().filter(|_| counts)
        && let Some(letter) = config.state.letter(record.result)
    {
        let letter = letter.get().to_string();
        for row in rows {
            if row.state != letter {
                cut(path, Splice { start: row.span.start, end: row.span.end, text: letter.clone() });
            }
            done.push(format!("plan row {} [{letter}]", row.id));
            match &row.notes {
                _ if !config.note => {}
                Some(cell) => {
                    cut(path, note(cell, &document(request, path)?[cell.span.end..], &entry));
                    done.push("noted there".into());
                }
                None => done.push("which has no cell for a note".into()),
            }
        }
    }
    for splices in result.splices.values_mut() {
        splices.sort_by_key(|splice| splice.start);
    }
    if let Some(number) = own.filter(|_| result.splices.is_empty()) {
        return Ok(nothing(number));
    }
    let cuts = result.splices.get(&config.ledger).map_or(&[][..], Vec::as_slice);
    let added = own.is_none().then_some(number);
    readback::check(&ledger, &config.item, &item, added, cuts)?;
    result.summary = done.join("; ");
    Ok(result)
}

/// A refusal of a document is one of the request.
fn invalid(refusal: &Refusal) -> Error {
    Error::invalid(refusal.to_string())
}

fn document<'a>(request: &'a EditRequest, path: &str) -> Result<&'a str, Error> {
    let missing = || Error::invalid(format!("the request does not hold the document `{path}`"));
    request.documents.get(path).map(String::as_str).ok_or_else(missing)
}

/// The attempt that links the run's bundle: in its `Artifacts`, or anywhere when it has none. Elsewhere an
/// attempt may well name the bundle of another run. Entries of tries that are over do not count.
pub fn linking<'a>(item: &'a Item, text: &Text<'_>, record: &RunRecord) -> Option<&'a Attempt> {
    let bundle = record.bundle.as_str();
    let mut open = item.attempts.iter().filter(|attempt| !record.entered.contains(&attempt.head.number));
    // The last one: below a heading an attempt may hold others.
    open.rfind(|attempt| {
        let named = item.artifact_lines(text, attempt);
        if !named.is_empty() {
            return named.into_iter().any(|at| links(text.lines()[at].text, bundle));
        }
        // The item's status names a bundle too; below a heading it may count as the attempt's text.
        let status = item.status.as_ref().map(|status| status.line);
        let own = attempt.lines.clone().filter(|at| Some(*at) != status).map(|at| &text.lines()[at]);
        own.filter(|line| !line.hidden).any(|line| links(line.text, bundle))
    })
}

/// Whether a line holds exactly this path, or something below it.
fn links(line: &str, bundle: &str) -> bool {
    line.match_indices(bundle).any(|(at, _)| {
        let before = line[..at].trim_end_matches("../").trim_end_matches("./");
        let after = &line[at + bundle.len()..];
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
        let ends = match after.chars().next() {
            Some('.') => !after[1..].starts_with(is_name),
            Some('/') | None => true,
            Some(c) => !is_name(c),
        };
        ends && !before.ends_with(is_name)
    })
}

/// The entry's next actions at the end of the item's own list; those that stand there already are left out.
fn actions(text: &Text<'_>, list: &ActionList, entry: &Entry<'_>) -> Option<Splice> {
    let standing: Vec<&str> = list.lines.iter().map(|at| text.lines()[*at].text).collect();
    let new =
        entry.next_actions().into_iter().filter(|action| !standing.iter().any(|line| line.contains(action)));
    let lines: Vec<String> = new
        .zip(0..)
        .map(|(action, at)| {
            let lead = match list.marker {
                ActionMarker::Number(first, sign) => format!("{}{sign}", first.saturating_add(at)),
                ActionMarker::Bullet(bullet) => bullet.to_string(),
            };
            format!("{}{lead} After attempt #{}: {action}", list.indent, entry.number)
        })
        .collect();
    let end = list.lines.last()?;
    (!lines.is_empty()).then(|| behind(text, *end, &lines))
}

/// A sentence about the attempt at the end of a cell; `rest` is the document behind the cell.
fn note(cell: &Cell<'_>, rest: &str, entry: &Entry<'_>) -> Splice {
    let record = entry.record;
    // A bare pipe would end the cell.
    let bundle = record.bundle.replace('|', "\\|");
    let number = entry.number;
    let mut text = format!(" Attempt #{number} ({}) {}: `{bundle}/`.", record.date, record.result);
    if rest.starts_with('|') {
        text.push(' ');
    }
    Splice { start: cell.span.end, end: cell.span.end, text }
}
