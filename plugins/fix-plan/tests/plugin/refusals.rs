//! What the plugin refuses, with the whole message: a wrong place is worse than no entry.

use crate::support::{config, edit, ledger, record, with_plan};
use serde_json::{Value, json};

fn refusal(config: Value, ledger: &str, plan: Option<&str>, record: Value) -> String {
    edit(config, ledger, plan, record).expect_err("a refusal")
}

#[test]
fn a_missing_item_names_the_nearest_and_where_the_id_occurs() {
    let text = "| [GAP-2](#x) | in_progress |\n## [GAP-1] T\n## [LOOP-9] U\n### [GAP-2] V\n";
    assert_eq!(
        refusal(config(), text, None, record()),
        "docs/fix_plan.md: no item `## [GAP-2]`; did you mean `GAP-1`?; the ID is named on line 1"
    );
    assert_eq!(
        refusal(config(), "text\n", None, record()),
        "docs/fix_plan.md: no item `## [GAP-2]`; there is none at all"
    );
}

#[test]
fn an_item_hidden_by_an_open_fence_says_so() {
    assert_eq!(
        refusal(config(), "## [A] T\n```\nx\n## [GAP-2] T\n", None, record()),
        "docs/fix_plan.md: no item `## [GAP-2]`; there is `A`; the ID is named on line 4, inside code or a comment; \
         the code fence on line 2 is never closed and hides what follows"
    );
}

#[test]
fn an_item_with_two_headings_is_refused() {
    let text = "## [GAP-2] T\n\n## [B] U\n\n## [GAP-2] T\n";
    assert_eq!(
        refusal(config(), text, None, record()),
        "docs/fix_plan.md:1: item `[GAP-2]` has several headings, on lines 1 and 5: merge them, so that an attempt \
         has one place"
    );
}

#[test]
fn an_open_fence_in_the_item_is_refused() {
    let message = refusal(config(), "## [GAP-2] T\n- Attempts History:\n```\nx\n", None, record());
    assert_eq!(
        message,
        "docs/fix_plan.md:3: a code fence in item `[GAP-2]` is never closed: what is appended would be code"
    );
}

#[test]
fn an_open_fence_in_a_list_is_refused_only_where_it_would_swallow_the_entry() {
    let text = "## [GAP-2] T\n- Attempts History:\n\t* [2026-01-02] Attempt #1 - x\n    ```\n    y\n";
    assert_eq!(
        refusal(config(), text, None, record()),
        "docs/fix_plan.md:4: a code fence in item `[GAP-2]` is never closed: attempt #2 would become code"
    );
    assert!(edit(config(), &text.replace('\t', "  "), None, record()).is_ok());
}

#[test]
fn conflict_markers_in_either_document_are_refused() {
    let conflict = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n";
    let words = "the file holds conflict markers of a merge (lines 2 and 6): resolve them first";
    assert_eq!(refusal(config(), conflict, None, record()), format!("docs/fix_plan.md:2: {words}"));
    assert_eq!(
        refusal(with_plan(), &ledger(""), Some(conflict), record()),
        format!("plans/gap.md:2: {words}")
    );
}

#[test]
fn a_plan_without_the_row_or_without_its_state_is_refused() {
    let head = "| ID | Task | State |\n|---|---|---|\n";
    for (plan, message) in [
        (format!("{head}| B2 | a | [ ] |\n"), "plans/gap.md: no table row `B1`; there is `B2`"),
        (
            format!("{head}| B1 | a | open |\n"),
            "plans/gap.md:3: the State cell of row `B1` holds `open`, not a state such as `[ ]`",
        ),
        (
            "| ID | Task |\n|---|---|\n| B1 | a |\n".into(),
            "plans/gap.md:3: row `B1` stands in a table without a State column",
        ),
    ] {
        let got = refusal(with_plan(), &ledger(""), Some(&plan), record());
        assert!(got == message || got == message.replace("there is", "did you mean") + "?", "{got}");
    }
}

#[test]
fn numbers_that_have_run_out_are_refused() {
    let text = ledger(&format!("  * [2026-01-02] Attempt #{} - x", u64::MAX));
    assert_eq!(
        refusal(config(), &text, None, record()),
        "docs/fix_plan.md: the attempts of item `[GAP-2]` have no next number"
    );
}

#[test]
fn a_record_that_would_break_the_entry_is_refused() {
    for (key, value, message) in [
        ("date", json!("22.11.2026"), "the run record: date \"22.11.2026\" is not of the form YYYY-MM-DD"),
        (
            "bundle",
            json!("/x/20261122T101112Z"),
            "the run record: bundle \"/x/20261122T101112Z\" is not a plain path",
        ),
        (
            "bundle",
            json!("x/y"),
            "the run record: the bundle `x/y` is not named by the stamp \"20261122T101112Z\"",
        ),
        ("result", json!("fine"), "the run record: unknown variant `fine`"),
    ] {
        let mut record = record();
        record[key] = value;
        let got = refusal(config(), &ledger(""), None, record);
        assert!(got.starts_with(message), "{got}");
    }
}

#[test]
fn a_document_that_was_not_handed_over_is_named() {
    let got = refusal(with_plan(), &ledger(""), None, record());
    assert_eq!(got, "the request does not hold the document `plans/gap.md`");
}
