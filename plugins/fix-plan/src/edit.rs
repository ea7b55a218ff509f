//! The edit: [`edit`] goes from a request to splices. It finds the place (ledger item, live history, plan
//! row), lets [`crate::entry`] find the words, and cuts. Called by the plugin's `edit`. Pure: no clock, no
//! file, no order of a hash map; the same request always gives the same splices.
//!
//! An attempt is always appended at the end of the history, also where older entries stand below newer
//! ones: the position says nothing, the number does.

use runner_plugin::{Edit, EditRequest, Error, Splice};

use crate::attempt::AttemptForm;
use crate::config::Config;
use crate::entry::{Entry, EntryStyle};
use crate::history::HistoryLine;
use crate::item::{Attempt, History, Item};
use crate::ledger::LedgerDocument;
use crate::plan::PlanDocument;
use crate::readback;
use crate::record::RunRecord;
use crate::status;
use crate::text::{Text, list_marker};

/// Computes the edit of a run.
pub fn edit(config: &Config, request: &EditRequest) -> Result<Edit, Error> {
    let record = RunRecord::read(&request.record)?;
    let ledger = LedgerDocument::read(&config.ledger, document(request, &config.ledger)?)?;
    let item = ledger.item(&config.item)?;
    let plan = match (&config.plan, &config.row) {
        (Some(path), Some(row)) => {
            let plan = PlanDocument::read(path, document(request, path)?)?;
            let row = plan.row(row)?;
            Some((plan, row, path))
        }
        _ => None,
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
    let next = plan.as_ref().and_then(|(plan, row, path)| Some((plan.next_open(row)?, path)));
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
    let after = if counts { status::after(&config.status, &record, before) } else { before.to_owned() };
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
        None => done.push("the item has no status line".into()),
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
    if let Some((_, row, path)) = plan.as_ref().filter(|_| counts)
        && let Some(letter) = config.state.letter(record.result)
    {
        let letter = letter.get().to_string();
        if row.state != letter {
            cut(path, Splice { start: row.span.start, end: row.span.end, text: letter.clone() });
        }
        done.push(format!("plan row {} [{letter}]", row.id));
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

fn document<'a>(request: &'a EditRequest, path: &str) -> Result<&'a str, Error> {
    let missing = || Error::invalid(format!("the request does not hold the document `{path}`"));
    request.documents.get(path).map(String::as_str).ok_or_else(missing)
}

/// The attempt that links the run's bundle: in its `Artifacts`, or anywhere when it has none. Elsewhere an
/// attempt may well name the bundle of another run. Entries of tries that are over do not count.
fn linking<'a>(item: &'a Item, text: &Text<'_>, record: &RunRecord) -> Option<&'a Attempt> {
    let bundle = record.bundle.as_str();
    let mut open = item.attempts.iter().filter(|attempt| !record.entered.contains(&attempt.head.number));
    open.find(|attempt| {
        // The item's status names a bundle too; below a heading it may count as the attempt's text.
        let status = item.status.as_ref().map(|status| status.line);
        let own = || attempt.lines.clone().filter(|at| Some(*at) != status).map(|at| &text.lines()[at]);
        let lines = || own().filter(|line| !line.hidden).map(|line| line.text);
        let label = |line: &str| {
            let text = list_marker(line).map_or(line, |marker| &line[marker.content..]);
            let text = text.trim_start().trim_start_matches(['*', '_']);
            let known = ["Artifacts", "Metrics", "Observations", "Hypotheses", "Next Actions"];
            known.into_iter().find(|label| text.starts_with(label))
        };
        if !lines().any(|line| label(line) == Some("Artifacts")) {
            return lines().any(|line| links(line, bundle));
        }
        let mut inside = false;
        lines().any(|line| {
            inside = label(line).map_or(inside, |label| label == "Artifacts");
            inside && links(line, bundle)
        })
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

/// The new lines, in the style of the history, behind its last line.
fn insertion(text: &Text<'_>, item: &Item, entry: &Entry<'_>) -> Splice {
    let mut lines = Vec::new();
    let last = if let Some(history) = item.live_history() {
        let model = item.attempts_of(history).next_back();
        let heading = model.is_some_and(|model| matches!(model.head.form, AttemptForm::Heading(_)));
        let apart = model.is_some_and(|model| {
            model.lines.start > history.lines.start + 1
                && text.lines()[model.lines.start - 1].text.trim().is_empty()
        });
        if heading || apart {
            lines.push(String::new());
        }
        lines.extend(entry.lines(&style(text, history, model)));
        history.lines.end - 1
    } else {
        let last = item.last_line(text);
        let fields = item.status.as_ref().and_then(|status| list_marker(text.lines()[status.line].text));
        let bullet = fields.map_or('-', |marker| marker.bullet);
        lines.push(format!("{bullet} Attempts History:"));
        lines.extend(entry.lines(&default_style(0)));
        last
    };
    let line = &text.lines()[last];
    let line_break = text.line_break(last);
    let joined = lines.join(line_break);
    // Without a final line break the document keeps being without one.
    let text = if line.next == line.end { format!("{line_break}{joined}") } else { joined + line_break };
    Splice { start: line.next, end: line.next, text }
}

fn default_style(history_indent: usize) -> EntryStyle {
    let pad = " ".repeat(history_indent);
    EntryStyle { lead: format!("{pad}  * "), body: format!("{pad}    "), nested: format!("{pad}      ") }
}

fn style(text: &Text<'_>, history: &History, model: Option<&Attempt>) -> EntryStyle {
    let Some(model) = model else {
        return match history.form {
            HistoryLine::Bullet(indent) => default_style(indent),
            HistoryLine::Heading(_) | HistoryLine::Label => {
                EntryStyle { lead: "* ".into(), body: "  ".into(), nested: "    ".into() }
            }
        };
    };
    match model.head.form {
        AttemptForm::Heading(level) => {
            EntryStyle { lead: format!("{} ", "#".repeat(level)), body: "- ".into(), nested: "  ".into() }
        }
        AttemptForm::Bullet { bullet, .. } => {
            let lead = blanks(text.lines()[model.lines.start].text);
            let step = if lead.contains('\t') { "\t" } else { "  " };
            // The body stands where the model's body stands, when that is still inside the bullet.
            let labels = ["Metrics", "Artifacts", "Observations", "Next Actions"];
            let own = text.lines()[model.lines.clone()].iter().map(|line| line.text).find(|line| {
                labels.iter().any(|label| line.trim_start().starts_with(label)) && model.head.holds(line)
            });
            let body = own.map_or_else(|| format!("{lead}{step}"), |line| blanks(line).to_owned());
            EntryStyle { lead: format!("{lead}{bullet} "), nested: format!("{body}{step}"), body }
        }
    }
}

fn blanks(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
