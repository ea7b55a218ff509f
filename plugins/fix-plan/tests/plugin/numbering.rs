//! Which lines are attempts, and where the next one goes: one small document for each trap that a
//! hand-kept ledger holds.

use crate::support::{config, edited, ledger, next, record};

#[test]
fn the_number_is_the_highest_plus_one_wherever_it_stands() {
    let entry = |n: u32| format!("  * [2026-01-02] Attempt #{n} - Result: x.\n");
    for (numbers, expected) in
        [(vec![], 1), (vec![0], 1), (vec![9, 8, 7], 10), (vec![1, 2, 2, 5], 6), (vec![3, 12, 4], 13)]
    {
        let history: String = numbers.iter().map(|n| entry(*n)).collect();
        assert_eq!(next(&ledger(&history)), expected, "{numbers:?}");
    }
}

#[test]
fn all_forms_of_an_entry_count() {
    for history in [
        "  * [2026-01-02] Attempt #7 \u{2014} Result: x",
        "  * [2026-01-02 10:11Z] Attempt #7 (who) - Result: x",
        "- Attempt #7\n- Attempt #6",
        "  - Attempt #7: x\n    Metrics: y\n  - Attempt #6: x",
        "\t* [2026-01-02] Attempt #6 - x\n\t\tMetrics: y\n\t* [2026-01-02] Attempt #7 - x",
        "### Attempt #7 - Title\n- Metrics: y\n- Next Actions: z\n### Attempt #6 - Title",
        "### Attempt #6 - Title\n#### Detail\ntext\n  * [2026-01-02] Attempt #7 - Result: x",
        "- Attempt #1\n  * [2026-01-02] Attempt #7 - Result: x",
    ] {
        assert_eq!(next(&ledger(history)), 8, "{history}");
    }
}

#[test]
fn a_mention_of_an_attempt_does_not_count() {
    for mention in [
        "    Next Actions:\n      1. Attempt #90 - rerun\n      - Attempt #91 - rerun",
        "      - [2026-01-02] Attempt #92 - Result: quoted from another item",
        "    See Attempt #93 - it failed",
        "      - **Attempt #94 misdiagnosis explained:** y",
        "    ```\n  * [2026-01-02] Attempt #95 - Result: x\n    ```",
        "```text\n  * [2026-01-02] Attempt #96 - Result: x\n```",
        "<!--\n  * [2026-01-02] Attempt #97 - Result: template\n-->",
        "- Next Actions:\n  - Attempt #98 - planned",
        "- Exit Criteria: Attempt #99 - passes",
    ] {
        let history = format!("  * [2026-01-02] Attempt #3 - Result: x.\n{mention}");
        assert_eq!(next(&ledger(&history)), 4, "{mention}");
    }
}

#[test]
fn an_entry_that_strayed_out_of_the_history_counts_and_the_new_one_stays_inside() {
    let before = ledger(
        "  * [2026-01-02] Attempt #1 - Result: x.\n- Exit Criteria:\n  * y\n  * [2026-01-03] Attempt #22 - Phase",
    );
    let after = edited(config(), &before, None, record());
    let (head, tail) = after.split_once("  * [2026-11-22] Attempt #23 - Result").expect("the entry");
    assert!(head.ends_with("Attempt #1 - Result: x.\n"), "{head}");
    assert!(tail.contains("- Exit Criteria:\n  * y\n  * [2026-01-03] Attempt #22"), "{tail}");
}

#[test]
fn attempts_of_other_items_do_not_count() {
    let text = "## [A-1] T\n- Attempts History:\n  * [2026-01-02] Attempt #50 - Result: x\n\
                ## [GAP-2] T\n- Attempts History:\n  * [2026-01-02] Attempt #2 - Result: x\n\
                ## Notes\n  * [2026-01-02] Attempt #60 - Result: x\n";
    assert_eq!(next(text), 3);
}

#[test]
fn the_history_in_use_is_the_one_with_the_highest_attempt() {
    let before = ledger(
        "  * [2026-01-02] Attempt #5 - Result: x.\n- Attempts History (archive):\n  * [2026-01-01] Attempt #1 - y.",
    );
    let after = edited(config(), &before, None, record());
    let new = after.find("Attempt #6").expect("the entry");
    assert!(after.find("Attempt #5").expect("old") < new && new < after.find("(archive)").expect("archive"));
}

#[test]
fn the_new_entry_takes_over_indent_and_bullet() {
    for (history, head, label, nested) in [
        ("- Attempt #1 - x\n  Metrics: y", "\n- [2026-11-22] Attempt #2 - ", "\n  Metrics:\n", "\n    - `"),
        (
            "\t+ [2026-01-02] Attempt #1 - x\n\t\tMetrics: y",
            "\n\t+ [2026-11-22] Attempt #2 - ",
            "\n\t\tMetrics:\n",
            "\n\t\t\t- `",
        ),
        (
            "   * [2026-01-02] Attempt #1 - x\n       Metrics: y",
            "\n   * [2026-11-22] Attempt #2 - ",
            "\n       Metrics:\n",
            "\n         - `",
        ),
        ("### Attempt #1 - x\ntext", "\n\n### [2026-11-22] Attempt #2 - ", "\n- Metrics:\n", "\n  - `"),
        (
            "  * [2026-01-02] Attempt #0 - x\n\n  * [2026-01-02] Attempt #1 - x",
            "x\n\n  * [2026-11-22] Attempt #2 - ",
            "\n    Metrics:\n",
            "\n      - `",
        ),
    ] {
        let after = edited(config(), &ledger(history), None, record());
        for part in [head, label, nested] {
            assert!(after.contains(part), "{part:?} in {after}");
        }
        assert_eq!(next(&after.replace("20261122T101112Z", "20260101T000000Z")), 3, "{after}");
    }
}

#[test]
fn attempts_below_headings_of_their_own_need_no_history() {
    let before =
        "## [GAP-2] T\n- Status: x\n\n### Attempt #84 - Title\n#### Detail\ntext\n\n---\n\n## [B] U\n";
    let after = edited(config(), before, None, record());
    let (head, tail) = after.split_once("\n\n### [2026-11-22] Attempt #85 - Result").expect("a heading");
    assert!(head.ends_with("#### Detail\ntext"), "{head}");
    assert!(tail.contains("\n- Metrics:\n  - Step") && tail.ends_with(".\n\n---\n\n## [B] U\n"), "{tail}");
    assert!(!after.contains("Attempts History"), "{after}");
}

#[test]
fn code_at_the_end_of_an_attempt_stays_with_it() {
    let before = ledger("  * [2026-01-02] Attempt #1 - x\n    Metrics:\n\n    ```\n    y\n\n    ```");
    let after = edited(config(), &before, None, record());
    assert!(after.contains("    ```\n  * [2026-11-22] Attempt #2"), "{after}");
}

#[test]
fn line_breaks_of_the_document_are_kept_and_so_is_a_missing_last_one() {
    let unix = "## [GAP-2] T\n- Status: x\n- Attempts History:\n  * [2026-01-02] Attempt #1 - x";
    let after = edited(config(), unix, None, record());
    assert!(after.contains("Attempt #1 - x\n  * [2026-11-22] Attempt #2"), "{after}");
    assert!(!after.ends_with('\n'));
    let dos = format!("{unix}\n").replace('\n', "\r\n");
    let dos_after = edited(config(), &dos, None, record());
    assert_eq!(dos_after, format!("{after}\n").replace('\n', "\r\n"));
    let bare = edited(config(), "## [GAP-2] T\n- Status:", None, record());
    assert!(bare.starts_with("## [GAP-2] T\n- Status: in_progress (Phase B1 complete: reports"), "{bare}");
    assert!(bare.contains(")\n- Attempts History:\n  * [2026-11-22] Attempt #1"), "{bare}");
}
