//! This project's own ledger and plan: the plugin must be able to edit them, and they are ASCII.

use std::path::Path;

use crate::support::{apply, blocked, edit};

const LEDGER: &str = "docs/fix_plan.md";
const PLAN: &str = "plans/active/vectorization-gap-audit.md";

fn own(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("the project's document")
}

#[test]
fn each_row_of_the_plan_can_be_set_and_each_run_gets_a_new_attempt() {
    let (ledger, plan) = (own(LEDGER), own(PLAN));
    assert!(ledger.is_ascii() && plan.is_ascii());
    for row in ["A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3", "D1", "D2", "D3"] {
        let config =
            serde_json::json!({"ledger": LEDGER, "item": "VECTOR-GAPS-002", "plan": PLAN, "row": row});
        let mut record = blocked();
        record["stamp"] = "19700101T000000Z".into();
        record["bundle"] = "reports/x/19700101T000000Z".into();
        let edit = edit(config, &ledger, Some(&plan), record).expect("an edit");
        let after = apply(&ledger, &edit.splices[LEDGER]);
        let number = edit.attempt.expect("a number");
        assert!(
            after.contains(&format!("\n  * [2026-11-22] Attempt #{number} - Result: blocked.")),
            "{after}"
        );
        let row = format!("\n| {row} | ");
        let after = edit.splices.get(PLAN).map_or_else(|| plan.clone(), |splices| apply(&plan, splices));
        let line = after.split_once(&row).expect("the row").1.lines().next().expect("a line");
        assert!(line.contains(" | [B] | "), "{line}");
    }
}
