//! What must hold for every text, whatever it is: [`holds`]. Run over a corpus and its mutations by an ordinary
//! test, and by the fuzz target `edit` with inputs of its own making. Panics where something does not hold.

use fix_plan::item::Item;
use fix_plan::{FixPlan, LedgerDocument, PlanDocument};
use fix_plan_model::check::check;
use fix_plan_model::text::Text;
use runner_plugin::{Edit, EditRequest, Ledger, Splice};
use serde_json::json;

const LEDGER: &str = "l.md";
/// How many items of a text are edited.
const ITEMS: usize = 6;

/// Reading takes any text and loses no byte of it; an edit adds one attempt to one item, can be read back, and
/// a second one changes nothing.
pub fn holds(source: &str) {
    let text = Text::new(LEDGER, source);
    let mut end = 0;
    for line in text.lines() {
        assert!(line.start == end && line.start <= line.end && line.end <= line.next, "{line:?}");
        assert_eq!(&source[line.start..line.end], line.text);
        end = line.next;
    }
    assert_eq!(end, source.len(), "the lines are the whole text");
    assert_eq!(apply(source, &[]), source, "an edit of nothing gives the same bytes");

    let count = text.lines().len();
    let ledger = LedgerDocument::of(text);
    for finding in check(&ledger, "2026-12-31", &|_| false) {
        assert!((1..=count).contains(&finding.line), "{finding:?}");
    }
    if let Ok(plan) = PlanDocument::read("p.md", source)
        && let Ok(row) = plan.row("B1")
    {
        assert!(source[row.span.clone()].chars().count() <= 1 && row.state == &source[row.span]);
    }
    let mut ids: Vec<&str> = ledger.headings().iter().map(|heading| heading.id).collect();
    ids.dedup();
    for id in ids.into_iter().take(ITEMS) {
        item(source, id);
    }
}

fn item(source: &str, id: &str) {
    let config = json!({"ledger": LEDGER, "item": id, "next_actions": true, "index": true});
    let Ok(config) = serde_json::from_value(config) else { return };
    // An ID that no workflow can name.
    let Ok(plugin) = FixPlan::create(config) else { return };
    let edited = |text: &str| {
        let documents = [(LEDGER.to_owned(), text.to_owned())].into();
        plugin.edit(&EditRequest { documents, record: record() })
    };
    let Ok(edit) = edited(source) else { return };
    let after = apply(source, edit.splices.get(LEDGER).map_or(&[], Vec::as_slice));
    assert!(edit.splices.values().flatten().all(|splice| splice.text.is_ascii()), "only ASCII is written");
    if edit.refused.is_some() {
        let inserted = edit.splices.values().flatten().all(|splice| splice.start == splice.end);
        assert!(inserted && edit.attempt.is_none(), "a proposal only adds");
        return;
    }
    let number = edit.attempt.expect("a number");
    let numbers = |item: &Item| item.attempts.iter().map(|a| a.head.number).collect::<Vec<_>>();
    let (before, now) = (LedgerDocument::read(LEDGER, source), LedgerDocument::read(LEDGER, &after));
    let (before, now) = (before.expect("it was a ledger"), now.expect("it still is"));
    assert_eq!(before.headings().len(), now.headings().len(), "the same items");
    for heading in before.headings() {
        let Ok(old) = before.item(heading.id) else { continue };
        let new = now.item(heading.id).expect("the item is still there");
        let (mut old, mut new) = (numbers(&old), numbers(&new));
        if heading.id == id && !edit.splices.is_empty() {
            old.push(number);
        }
        old.sort_unstable();
        new.sort_unstable();
        assert_eq!(old, new, "attempts of {}", heading.id);
    }
    let Edit { splices, attempt, .. } = edited(&after).expect("it can be edited again");
    assert!(splices.is_empty() && attempt == Some(number), "a second edit changes nothing: {splices:?}");
}

fn record() -> serde_json::Value {
    json!({
        "stamp": "20261122T101112Z", "date": "2026-11-22", "bundle": "reports/20261122T101112Z",
        "workflow": {"id": "w", "title": "Phase B1 - x"}, "result": "complete"
    })
}

fn apply(text: &str, splices: &[Splice]) -> String {
    let mut result = String::new();
    let mut at = 0;
    for splice in splices {
        assert!(at <= splice.start && splice.start <= splice.end, "{splice:?} is out of order");
        result += &text[at..splice.start];
        result += &splice.text;
        at = splice.end;
    }
    result + &text[at..]
}
