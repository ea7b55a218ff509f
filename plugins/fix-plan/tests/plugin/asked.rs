//! What is written only when the workflow asks: the status line, the index row, the item's own Next Actions, and
//! the note in the plan row. And the style of the entry, which is that of the entry before it.

use serde_json::{Value, json};

use crate::support::{BUNDLE, apply, blocked, config, edit, edited, ledger, record, with_plan};

const PLAN: &str = "| ID | Task | State | How |\n|---|---|---|---|\n| B1 | Capture | [ ] | `a|b` here |\n\
                    | B2 | Rank | [ ] ||\n| B3 | Sort | [ ] |\n";

fn with(mut config: Value, key: &str) -> Value {
    config[key] = json!(true);
    config
}

#[test]
fn nothing_but_the_entry_and_the_status_is_written_unasked() {
    let index = "| ID | Status |\n|---|---|\n| [GAP-2](#x) | open |\n\n";
    let before = format!(
        "{index}## [GAP-2] T\n- Status: open\n- Next Actions:\n  1. y\n- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n"
    );
    let after = edited(with_plan(), &before, Some(PLAN), record());
    assert!(
        after.starts_with(index) && after.contains("- Next Actions:\n  1. y\n- Attempts History:"),
        "{after}"
    );
    assert!(after.contains("- Status: in_progress (Phase B1"), "{after}");
    let mut quiet = config();
    quiet["set_status"] = json!(false);
    let after = edited(quiet, &before, None, record());
    assert!(after.starts_with(&before), "only added lines:\n{after}");
}

#[test]
fn the_items_own_list_gets_the_next_action_at_its_end_and_only_once() {
    let before = "## [GAP-2] T\n- Status: x\n- Next Actions (2026-01-02):\n  1. y\n     more\n  7. z\n- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n";
    let config = with(with_plan(), "next_actions");
    let once = edit(config.clone(), before, Some(PLAN), record()).expect("an edit");
    assert!(once.summary.contains("; next actions; plan row"), "{}", once.summary);
    let after = apply(before, &once.splices["docs/fix_plan.md"]);
    let line = "\n  7. z\n  8. After attempt #2: Plan row B2 (Rank) of `plans/gap.md`.\n- Attempts History:";
    assert!(after.contains(line), "{after}");
    // Another run with the same next step adds no second line.
    let again = after.replace("20261122T101112Z", "20260101T000000Z");
    let twice = edited(config, &again, Some(PLAN), record());
    assert_eq!(twice.matches("attempt #").count(), 1, "{twice}");
    assert!(twice.contains("Attempt #3"), "{twice}");
}

#[test]
fn the_next_actions_of_a_blocked_run_go_on_in_the_style_of_the_list() {
    let before =
        "## [GAP-2] T\n- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n\n**Next Actions:**\n\n* y\n";
    let after = edited(with(config(), "next_actions"), before, None, blocked());
    let (entry, list) =
        after.split_once("**Next Actions:**\n\n* y\n* After attempt #2: Read").expect("the list goes on");
    assert!(entry.ends_with(".\n\n") && entry.contains("Attempt #2"), "{entry}");
    assert_eq!(list.matches("\n* After attempt #2: ").count(), 1, "{list}");
    let before = "## [GAP-2] T\r\n### Next Actions\r\n- y\r\n\r\n### Attempt #1 - x";
    let after = edited(with(config(), "next_actions"), before, None, blocked());
    let words = "- y\r\n- After attempt #2: Read reports/phase_b/20261122T101112Z/summary.md: what failed.\r\n\
                 - After attempt #2: Remove the cause, then `runner run workflows/phase_b1.yaml`.\r\n\r\n### Attempt #1";
    assert!(after.contains(words), "{after}");
}

#[test]
fn an_item_without_a_list_and_one_with_two_are_told() {
    let config = with(config(), "next_actions");
    let none = edit(config.clone(), &ledger(""), None, record()).expect("an edit");
    assert!(none.summary.contains("the item has no list of Next Actions"), "{}", none.summary);
    let two = "## [GAP-2] T\n- Next Actions:\n  1. a\n- Next Actions:\n  1. b\n";
    let words =
        "docs/fix_plan.md:2: the item has several lists of Next Actions, on lines 2 and 4: merge them";
    assert_eq!(edit(config, two, None, record()), Err(words.into()));
}

#[test]
fn a_note_stands_at_the_end_of_the_last_cell_of_the_row() {
    let note = format!("Attempt #1 (2026-11-22) complete: `{BUNDLE}/`.");
    for (row, before, after) in [
        ("B1", "| [ ] | `a|b` here |\n", format!("| [P] | `a|b` here {note} |\n")),
        ("B2", "| [ ] ||\n", format!("| [P] | {note} |\n")),
        ("B3", "| [ ] |\n", "| [P] |\n".to_owned()),
    ] {
        let mut config = with(with_plan(), "note");
        config["row"] = json!(row);
        let edit = edit(config, &ledger(""), Some(PLAN), record()).expect("an edit");
        let row_line = PLAN.lines().find(|line| line.contains(row)).expect("the row").to_owned() + "\n";
        let wanted = PLAN.replace(&row_line, &row_line.replace(before, &after));
        assert_eq!(apply(PLAN, &edit.splices["plans/gap.md"]), wanted);
        assert_eq!(edit.summary.contains("which has no cell for a note"), row == "B3", "{}", edit.summary);
    }
}

#[test]
fn dash_and_form_of_the_date_are_those_of_the_entry_before() {
    for (entry, head) in [
        (
            "  * [2026-01-02] Attempt #1 \u{2014} Result: x",
            "\n  * [2026-11-22] Attempt #2 - Result: complete.",
        ),
        (
            "  * [2026-01-02 03:04Z] Attempt #1 (me) -- Result: x",
            "\n  * [2026-11-22 10:11Z] Attempt #2 -- Result: complete.",
        ),
        ("  - [20260102T030405Z] Attempt #1: x", "\n  - [20261122T101112Z] Attempt #2: Result: complete."),
        (
            "\u{a0}\u{a0}* [2026\u{2011}01\u{2011}02] Attempt #1 \u{2011} x",
            "\n  * [2026-11-22] Attempt #2 - Result: complete.",
        ),
    ] {
        let after = edited(config(), &ledger(entry), None, record());
        assert!(after.contains(head), "{after}");
    }
}

#[test]
fn several_rows_that_one_run_answers_get_the_same_letter_and_the_next_row_is_behind_all_of_them() {
    let mut config = with_plan();
    config.as_object_mut().expect("an object").remove("row");
    config["rows"] = json!(["B2", "B1"]);
    let made = edit(
        config.clone(),
        &ledger("- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n"),
        Some(PLAN),
        record(),
    )
    .expect("an edit");
    let after = apply(PLAN, &made.splices["plans/gap.md"]);
    assert_eq!(after.matches("| [P] |").count(), 2, "{after}");
    assert!(after.contains("| B3 | Sort | [ ] |"), "{after}");
    assert!(made.summary.contains("plan row B2 [P]; plan row B1 [P]"), "{}", made.summary);
    let entry = apply(
        &ledger("- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n"),
        &made.splices["docs/fix_plan.md"],
    );
    assert!(entry.contains("Plan row B3 (Sort)"), "{entry}");
    config["rows"] = json!(["B1", "B9"]);
    let error =
        edit(config, &ledger("- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n"), Some(PLAN), record())
            .expect_err("no such row");
    assert!(error.contains("no table row `B9`"), "{error}");
}

#[test]
fn what_a_step_says_is_to_be_done_next_stands_before_the_plan_row() {
    let mut record = record();
    record["steps"][0]["next_actions"] = json!(["classify `k.py:3`", "two\nlines |", "\u{fc}ber"]);
    let before = "## [GAP-2] T\n- Status: x\n- Next Actions:\n  1. y\n- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n";
    let after = edited(with(with_plan(), "next_actions"), before, Some(PLAN), record.clone());
    let list = "  1. y\n  2. After attempt #2: Classify `k.py:3`.\n  3. After attempt #2: Two lines |.\n";
    assert!(after.contains(list), "{after}");
    let entry = "    Next Actions:\n      1. Classify `k.py:3`.\n      2. Two lines |.\n";
    assert!(after.contains(entry), "{after}");
    assert!(after.contains("      4. Plan row B2 (Rank) of `plans/gap.md`."), "{after}");
    assert!(after.is_ascii(), "{after}");
    // However many a step has, the plan row keeps its place.
    record["steps"][0]["next_actions"] = json!((1..40).map(|at| format!("step {at}")).collect::<Vec<_>>());
    let after = edited(with_plan(), before, Some(PLAN), record);
    assert!(after.contains("      9. Step 9.\n      10. Plan row B2 (Rank)"), "{after}");
}

#[test]
fn a_blocked_run_says_first_what_a_person_must_do() {
    let mut record = blocked();
    record["steps"][0]["next_actions"] = json!(["classify `k.py:3`"]);
    let after = edited(config(), &ledger(""), None, record);
    let read = after.find(". Read reports/phase_b").expect("the way out");
    assert!(read < after.find(". Classify `k.py:3`.").expect("what the step found"), "{after}");
}
