//! What a person may do when the plugin will not: [`proposal`] is the entry at the likeliest place, as an edit
//! that says why it must not be written. Called by the plugin after a refusal; the runner keeps it in the
//! bundle as a patch. It never touches a status, an index or a plan: those need the one place that is meant.

use fix_plan_model::LedgerDocument;
use fix_plan_model::ledger::same_id;
use fix_plan_model::text::Text;
use runner_plugin::{Edit, EditRequest, Error};

use crate::config::Config;
use crate::edit::linking;
use crate::entry::Entry;
use crate::placement::{behind, default_style, insertion};
use crate::record::RunRecord;

/// The entry at the end of the last item of that ID, or below a heading of its own at the end of the ledger;
/// the refusal itself when there is no entry to be made.
pub fn proposal(config: &Config, request: &EditRequest, refusal: Error) -> Result<Edit, Error> {
    let Some(source) = request.documents.get(&config.ledger) else { return Err(refusal) };
    let Ok(record) = RunRecord::read(&request.record) else { return Err(refusal) };
    let ledger = LedgerDocument::of(Text::new(&config.ledger, source));
    let text = ledger.text();
    let headings = ledger.headings().iter().filter(|heading| same_id(heading.id, &config.item));
    let items: Vec<_> = headings.map(|heading| ledger.read_item(heading)).collect();
    if items.iter().any(|item| linking(item, text, &record).is_some()) {
        return Err(refusal);
    }
    // Above every attempt of all of them, so that the number stays free when they are merged.
    let highest = items.iter().flat_map(|item| &item.attempts).map(|attempt| attempt.head.number).max();
    let Some(number) = highest.map_or(Some(1), |highest| highest.checked_add(1)) else { return Err(refusal) };
    let entry = Entry { number, who: config.who.as_deref(), record: &record, next_row: None };
    let (splice, place) = match (items.last(), text.lines().len()) {
        (Some(item), _) => (insertion(text, item, &entry), item.lines.start + 1),
        (None, 0) => return Err(refusal),
        (None, count) => {
            let title = record.workflow.title.as_deref().unwrap_or(&record.workflow.id);
            let mut lines = vec![
                String::new(),
                format!("## [{}] {}", config.item, crate::ascii::one_line(title, 160)),
                "- Attempts History:".to_owned(),
            ];
            lines.extend(entry.lines(&default_style(0)));
            (behind(text, count - 1, &lines), count + 1)
        }
    };
    Ok(Edit {
        splices: [(config.ledger.clone(), vec![splice])].into(),
        attempt: None,
        summary: format!("attempt #{number} proposed for [{}] behind line {place}", config.item),
        refused: Some(refusal.to_string()),
    })
}
