//! What is handed out when the place was not found: the reason, and an entry that a person can put in. It adds
//! lines and nothing else, and the runner writes none of it.

use fix_plan::{Config, FixPlan, LedgerDocument};
use runner_plugin::{Edit, EditRequest, Ledger};
use serde_json::{Value, json};

use crate::support::{apply, config, ledger, record, with_plan};

const LEDGER: &str = "docs/fix_plan.md";

fn proposed(config: Value, text: &str, plan: Option<&str>) -> (Edit, String) {
    let config: Config = serde_json::from_value(config).expect("a configuration");
    let plugin = FixPlan::create(config).expect("a plugin");
    let texts = [Some(text), plan].into_iter().flatten().map(str::to_owned);
    let documents = plugin.documents().into_iter().zip(texts).collect();
    let edit = plugin.edit(&EditRequest { documents, record: record() }).expect("a proposal");
    assert_eq!(edit.splices.keys().collect::<Vec<_>>(), [LEDGER], "the plan is left alone");
    let after = apply(text, &edit.splices[LEDGER]);
    (edit, after)
}

#[test]
fn a_missing_item_is_proposed_at_the_end_with_the_entry() {
    let text = "# L\n\n## [OTHER-1] T\n- Status: x";
    let (edit, after) = proposed(config(), text, None);
    assert!(edit.refused.expect("a reason").starts_with("docs/fix_plan.md: no item `## [GAP-2]`"));
    assert_eq!(edit.attempt, None);
    let start = format!(
        "{text}\n\n## [GAP-2] Phase B1 - warm-run capture\n- Attempts History:\n  * [2026-11-22] Attempt #1 - Result: complete."
    );
    assert!(after.starts_with(&start), "{after}");
}

#[test]
fn of_two_items_the_last_gets_the_entry_with_a_number_above_both() {
    let text = "## [GAP-2] T\n- Attempts History:\n  * [2026-01-02] Attempt #8 - x\n\n## [GAP-2] U\n- Attempts History:\n  * [2026-01-02] Attempt #3 - y\n";
    let (edit, after) = proposed(config(), text, None);
    assert!(edit.refused.expect("a reason").contains("several headings, on lines 1 and 5"));
    assert!(after.starts_with(text) && after.contains("\n  * [2026-11-22] Attempt #9 - "), "{after}");
}

#[test]
fn in_a_file_with_conflict_markers_the_entry_is_proposed_and_the_markers_stay() {
    let text = ledger(
        "<<<<<<< HEAD\n  * [2026-01-02] Attempt #3 - x\n=======\n  * [2026-01-02] Attempt #4 - y\n>>>>>>> z",
    );
    let (edit, after) = proposed(config(), &text, None);
    assert!(edit.refused.expect("a reason").contains("conflict markers of a merge"));
    assert!(
        after.contains("Attempt #5") && after.contains("<<<<<<< HEAD") && after.contains(">>>>>>> z"),
        "{after}"
    );
}

#[test]
fn a_missing_plan_row_leaves_the_entry_as_a_proposal() {
    let plan = "| ID | State |\n|---|---|\n| A1 | [ ] |\n";
    let (edit, after) = proposed(with_plan(), &ledger(""), Some(plan));
    assert!(edit.refused.expect("a reason").contains("no table row `B1`"));
    let item = LedgerDocument::read(LEDGER, &after).expect("a ledger").item("GAP-2").expect("the item");
    assert_eq!(item.next_number(), Some(2));
}

#[test]
fn where_the_entry_stands_already_or_the_record_is_no_record_nothing_is_proposed() {
    let config: Config = serde_json::from_value(config()).expect("a configuration");
    let plugin = FixPlan::create(config).expect("a plugin");
    let refused = |text: String, record| {
        plugin
            .edit(&EditRequest { documents: [(LEDGER.to_owned(), text)].into(), record })
            .expect_err("refused")
    };
    let twice = "## [GAP-2] T\n## [GAP-2] U\n- Attempts History:\n  * [2026-01-02] Attempt #3 - y\n    Artifacts: `reports/phase_b/20261122T101112Z/a`\n";
    assert!(refused(twice.to_owned(), record()).to_string().contains("several headings"));
    assert!(refused(ledger(""), json!({})).to_string().starts_with("the run record:"));
    assert!(refused(String::new(), record()).to_string().contains("no item"));
}
