//! Whole edits: the exact text before and after, for a complete and a blocked run, the status, the index and
//! a ledger without a history. What a reader of the ledger sees is fixed here, word for word.

use crate::support::{BUNDLE, apply, blocked, config, edit, edited, ledger, next, record, with_plan};
use serde_json::json;

const PLAN: &str = "| ID | Task | State | How |\n|---|---|---|---|\n| B1 | Capture | [ ] | `a|b` |\n\
                    | B2 | Correlate \u{2194} rank | [ ] | x |\n";

#[test]
fn a_complete_run_adds_one_attempt_and_refreshes_the_status() {
    let before = ledger("  * [2026-11-01] Attempt #0 \u{2014} Result: planning baseline.");
    let after = edited(with_plan(), &before, Some(PLAN), record());
    let expected = "# Ledger

## [GAP-2] Gap audit
- Priority: High
- Status: in_progress (Phase B1 complete: reports/phase_b/20261122T101112Z)
- Attempts History:
  * [2026-11-01] Attempt #0 \u{2014} Result: planning baseline.
  * [2026-11-22] Attempt #1 - Result: complete. Phase B1 - warm-run capture: \
nanobragg at size=4096 dtype=float32, seconds_median 0.04 s, correlation 0.9994900000.
    Metrics:
      - Step capture, requested and actual size=4096: ok; correlation 0.9994900000; \
seconds_median 0.04 s; peak_rss 159.6 MiB; seconds 0.04 s.
    Artifacts:
      - `reports/phase_b/20261122T101112Z/commands.txt`
      - `reports/phase_b/20261122T101112Z/profile/hotspots.json`
    Observations/Hypotheses:
      - Hotspot 1: `row` (`src/image.rs:88`), 92.1 % inclusive.
      - Hotspot 2: `pixel` (`src/pixel.rs:12`), 80.5 % inclusive, 80.0 % self.
      - Source: git HEAD 0123456789012345678901234567890123456789, clean tree.
    Next Actions:
      1. Plan row B2 (Correlate <-> rank) of `plans/gap.md`.

---

## [OTHER-1] Other
- Status: done
";
    assert_eq!(after, expected);
}

#[test]
fn a_fallback_states_both_sizes_wherever_a_figure_stands() {
    let mut config = with_plan();
    config["who"] = json!("runner");
    let before = ledger("  * [2026-11-01] Attempt #4 - Result: x.");
    let mut record = blocked();
    record["surprises"] = json!(["tensor moved\nto cpu"]);
    record["repeated_failure"] = json!("the same oom in 20261121T101112Z");
    let added = edited(config, &before, Some(PLAN), record);
    let (_, added) = added.split_once("Result: x.\n").expect("the entry is below the old one");
    let expected = "  * [2026-11-22] Attempt #5 (runner) - Result: blocked. Phase B1 - warm-run capture: \
step `capture`: oom at size 4096; step capture requested size=4096 (oom) and ran size=2048 instead (ok).
    Metrics:
      - Step capture, attempt 1 (asked), requested and actual size=4096: oom (RSS above 80 %).
      - Step capture, attempt 2 (fallback), requested size=4096, actual size=2048: ok; \
correlation 0.9994900000; seconds_median 0.04 s; peak_rss 159.6 MiB; seconds 0.04 s.
    Artifacts:
      - `reports/phase_b/20261122T101112Z/commands.txt`
      - `reports/phase_b/20261122T101112Z/profile/hotspots.json`
    Observations/Hypotheses:
      - Step capture ran size=2048, not the requested size=4096: its figures and hotspots are for size=2048.
      - Hotspot 1: `row` (`src/image.rs:88`), 92.1 % inclusive.
      - Hotspot 2: `pixel` (`src/pixel.rs:12`), 80.5 % inclusive, 80.0 % self.
      - Repeated failure: the same oom in 20261121T101112Z
      - Surprise: tensor moved to cpu
      - Source: git HEAD 0123456789012345678901234567890123456789, clean tree.
    Next Actions:
      1. Read reports/phase_b/20261122T101112Z/summary.md: what failed.
      2. Remove the cause, then `runner run workflows/phase_b1.yaml`.
";
    assert!(added.starts_with(expected), "{added}");
}

#[test]
fn a_fallback_that_does_not_say_what_it_ran_is_not_taken_for_the_asked_size() {
    let mut record = blocked();
    record["steps"][0]["attempts"][1]["actual"] = json!(null);
    let after = edited(config(), &ledger(""), None, record);
    assert!(after.contains("requested size=4096 (oom) and ran size not recorded instead (ok)"), "{after}");
}

#[test]
fn every_result_but_a_complete_one_takes_its_next_actions_from_the_record() {
    let actions = |result: &str, next: serde_json::Value| {
        let mut record = record();
        record["result"] = json!(result);
        record["next"] = next;
        let after = edited(with_plan(), &ledger(""), Some(PLAN), record);
        let (_, actions) = after.split_once("    Next Actions:\n").expect("the label");
        actions.split_once("\n\n").expect("the end of the entry").0.to_owned()
    };
    for result in ["blocked", "interrupted", "broken"] {
        assert_eq!(
            actions(result, json!(["look\nat it", "done!"])),
            "      1. Look at it.\n      2. Done!",
            "{result}"
        );
        assert_eq!(
            actions(result, json!([])),
            format!("      1. Review `{BUNDLE}/` and decide on the next step."),
            "{result}"
        );
    }
    let row = "      1. Plan row B2 (Correlate <-> rank) of `plans/gap.md`.";
    assert_eq!(actions("complete", json!(["read the summary"])), row);
}

#[test]
fn a_reason_loses_its_period_and_keeps_the_dots_of_a_cut() {
    let result = |reason: &str| {
        let mut record = record();
        record["result"] = json!("broken");
        record["reason"] = json!(reason);
        edited(config(), &ledger(""), None, record)
    };
    assert!(result("it broke.").contains("warm-run capture: it broke; step capture ran"));
    let cut = result(&"x".repeat(500));
    assert!(cut.contains(&format!("warm-run capture: {}...; step capture ran", "x".repeat(400))), "{cut}");
}

#[test]
fn a_complete_run_whose_command_says_nothing_counts_its_steps() {
    let mut record = record();
    record["steps"][0]["attempts"][0]["command"] = json!(null);
    let after = edited(config(), &ledger(""), None, record);
    assert!(
        after.contains("capture: 1 of 1 steps ended ok; step capture ran size=4096 as requested.\n"),
        "{after}"
    );
}

#[test]
fn a_complete_run_with_a_fallback_states_the_size_that_was_measured_and_the_one_that_was_asked() {
    let mut record = blocked();
    record["result"] = json!("complete");
    record["reason"] = json!(null);
    let after = edited(config(), &ledger(""), None, record);
    let words = "nanobragg at size=2048 dtype=float32, seconds_median 0.04 s, correlation 0.9994900000; \
                 step capture requested size=4096 (oom) and ran size=2048 instead (ok).";
    assert!(after.contains(words), "{after}");
}

#[test]
fn the_plan_row_gets_one_letter_and_keeps_its_backticks() {
    let plan = PLAN.replace("| [ ] | `a|b`", "| `[ ]` | `a|b`");
    for (record, letter) in [(record(), "P"), (blocked(), "B")] {
        let edit = edit(with_plan(), &ledger(""), Some(&plan), record).expect("an edit");
        let after = apply(&plan, &edit.splices["plans/gap.md"]);
        assert_eq!(after, plan.replacen("`[ ]`", &format!("`[{letter}]`"), 1));
    }
}

#[test]
fn a_result_without_a_letter_leaves_the_plan_alone() {
    let mut record = record();
    record["result"] = json!("interrupted");
    let edit = edit(with_plan(), &ledger(""), Some(PLAN), record).expect("an edit");
    assert!(!edit.splices.contains_key("plans/gap.md"));
    assert!(!edit.summary.contains("plan row"), "{}", edit.summary);
}

#[test]
fn the_index_row_follows_the_status_and_only_the_one_of_the_item() {
    let index = "| ID | Title | Priority | Status |\n|---|---|---|---|\n\
                 | [GAP-22](#x) | a | High | in_progress |\n| [GAP-2](#y) | a|b | High | in_progress |\n\n";
    let before = format!(
        "{index}{}",
        ledger(
            "  * [2026-11-01] Attempt #1 - Result: x.\n    | ID | Status |\n    |---|---|\n    | GAP-2 | in_progress |"
        )
    );
    let mut asked = config();
    asked["index"] = json!(true);
    let after = edited(asked, &before, None, blocked());
    assert!(
        after.starts_with(&index.replace("| a|b | High | in_progress |", "| a|b | High | blocked |")),
        "{after}"
    );
    assert!(after.contains("    | GAP-2 | in_progress |\n"));
    assert!(edited(config(), &before, None, blocked()).starts_with(index), "unasked it stays");
}

#[test]
fn the_status_keeps_its_line_its_form_and_what_is_done() {
    let status = |line: &str, record| {
        let before = format!("## [GAP-2] T\n{line}\n- Attempts History:\n");
        let after = edited(config(), &before, None, record);
        after.lines().nth(1).expect("the status line").to_owned()
    };
    let tail = format!("(Phase B1 complete: {BUNDLE})");
    assert_eq!(status("- Status: in_planning", record()), format!("- Status: in_progress {tail}"));
    assert_eq!(status("* **Status:**  done (2026)  ", record()), format!("* **Status:**  done {tail}  "));
    assert_eq!(status("- Status:", record()), format!("- Status: in_progress {tail}"));
    assert_eq!(
        status("- Status: done", blocked()),
        format!("- Status: blocked (Phase B1 blocked: {BUNDLE})")
    );
    let mut broken = record();
    broken["result"] = json!("broken");
    assert_eq!(status("- Status: blocked", broken), format!("- Status: blocked (Phase B1 broken: {BUNDLE})"));
}

#[test]
fn a_status_that_the_workflow_sets_is_taken_as_it_is() {
    let mut config = config();
    config["status"] = json!({"complete": "in_progress (B1 captured)"});
    let after = edited(config, &ledger(""), None, record());
    assert!(after.contains("\n- Status: in_progress (B1 captured)\n"), "{after}");
}

#[test]
fn an_item_without_a_history_gets_one_before_the_blank_lines_and_the_break() {
    let before = "## [GAP-2] T\n* Status: x\n* Exit Criteria:\n  - y\n\n### Archive\n\n---\n\n## [B] U\n";
    let after = edited(config(), before, None, record());
    let (head, tail) =
        after.split_once("* Attempts History:\n  * [2026-11-22] Attempt #1 - Result").expect("made");
    assert!(head.ends_with("  - y\n"), "{head}");
    assert!(tail.ends_with(".\n\n### Archive\n\n---\n\n## [B] U\n"), "{tail}");
}

#[test]
fn a_second_edit_of_the_same_run_changes_nothing() {
    let before = ledger("  * [2026-11-01] Attempt #4 - Result: x.");
    let once = edited(config(), &before, None, record());
    let again = edit(config(), &once, None, blocked()).expect("an edit");
    assert!(again.splices.is_empty());
    assert_eq!(again.attempt, Some(5));
    assert_eq!(again.summary, format!("nothing to do: attempt #5 of [GAP-2] already links {BUNDLE}"));
}

#[test]
fn a_resumed_run_gets_a_further_entry_behind_those_of_its_tries_that_are_over() {
    let before = ledger("  * [2026-11-01] Attempt #4 - Result: x.");
    let once = edited(config(), &before, None, blocked());
    let mut resumed = record();
    resumed["resumed"] = json!(true);
    resumed["entered"] = json!([5]);
    let twice = edited(config(), &once, None, resumed.clone());
    assert!(twice.contains("Attempt #6 - Result: complete"), "{twice}");
    assert!(twice.contains("- Status: in_progress (Phase B1 complete: "), "{twice}");
    // The sixth is its own: a further edit of this try changes nothing.
    let again = edit(config(), &twice, None, resumed).expect("an edit");
    assert!(again.splices.is_empty(), "{again:?}");
    assert_eq!(again.attempt, Some(6));
}

#[test]
fn a_run_that_was_killed_behind_its_entry_gets_what_the_kill_took() {
    let before = ledger("  * [2026-11-01] Attempt #4 - Result: x.");
    let whole = edited(config(), &before, None, record());
    let status = whole.lines().find(|line| line.starts_with("- Status: ")).expect("a status");
    let torn = whole.replacen(status, "- Status: in_progress (Phase A complete)", 1);
    assert_ne!(torn, whole);
    let mut resumed = record();
    resumed["resumed"] = json!(true);
    assert_eq!(edited(config(), &torn, None, resumed), whole);
}

#[test]
fn a_bundle_that_only_looks_alike_or_is_only_mentioned_is_not_this_one() {
    for line in [
        format!("    Artifacts: `{BUNDLE}-2/summary.md`"),
        format!("    Artifacts: `other/{BUNDLE}/summary.md`"),
        format!("    Artifacts: n/a\n    Next Actions: compare with `{BUNDLE}/`"),
    ] {
        let before = ledger(&format!("  * [2026-11-01] Attempt #4 - Result: x.\n{line}"));
        assert_eq!(next(&before), 5, "{line}");
        assert_ne!(edited(config(), &before, None, record()), before, "{line}");
    }
    for line in [format!("    Artifacts: see {BUNDLE}."), format!("    [log](../{BUNDLE}/commands.txt)")] {
        let before = ledger(&format!("  * [2026-11-01] Attempt #4 - Result: x.\n{line}"));
        assert_eq!(edited(config(), &before, None, record()), before, "{line}");
    }
}
