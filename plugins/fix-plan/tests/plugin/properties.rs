//! Properties of every edit, over documents made of the pieces that real ledgers are made of: the entry can
//! be read back with the next number, nothing outside the splices changes, and a second edit is empty.

use fix_plan::entry::{Entry, EntryStyle};
use fix_plan::{LedgerDocument, RunRecord};
use proptest::prelude::*;
use runner_plugin::Edit;
use serde_json::{Value, json};

use crate::support::{apply, blocked, config, edit, record, with_plan};

const LEDGER: &str = "docs/fix_plan.md";
const PLAN: &str = "plans/gap.md";

/// Lines that an item may hold, traps among them.
fn piece() -> impl Strategy<Value = String> {
    let number = 0..500_u32;
    prop_oneof![
        number
            .clone()
            .prop_map(|n| format!("  * [2026-01-02] Attempt #{n} \u{2014} Result: x.\n    Metrics: y")),
        number.clone().prop_map(|n| format!("  * [2026-01-02 10:11Z] Attempt #{n} (who) - Result: x.")),
        number
            .clone()
            .prop_map(|n| format!("\t- [2026-01-02] Attempt #{n} - x\n\t\tArtifacts:\n\t\t\t- `a`")),
        number.clone().prop_map(|n| format!("- Attempt #{n}")),
        number.clone().prop_map(|n| format!("### Attempt #{n} - Title\n- Metrics: y")),
        number.clone().prop_map(|n| format!("      - Attempt #{n} - a mention")),
        number.clone().prop_map(|n| format!("```\n  * [2026-01-02] Attempt #{n} - Result: code\n```")),
        number.prop_map(|n| format!("    ```text\n    Attempt #{n}\n    ```")),
        Just("- Attempts History:".to_owned()),
        Just("### Attempts History".to_owned()),
        Just("- Status: in_progress (x)".to_owned()),
        Just("- Next Actions:\n  1. y".to_owned()),
        Just("- Exit Criteria: z".to_owned()),
        Just("### Archive".to_owned()),
        Just("    ```unclosed".to_owned()),
        Just("<!-- note\n-->".to_owned()),
        Just("---".to_owned()),
        Just(String::new()),
        Just("| a | b |\n|---|---|\n| [GAP-2] | x |".to_owned()),
        "[a-z][a-z \u{3c6}\u{2192}|`*-]{0,30}",
    ]
}

fn item() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.join("\n"))
}

fn document() -> impl Strategy<Value = String> {
    (item(), item(), item(), any::<bool>(), any::<bool>()).prop_map(|(before, own, after, dos, end)| {
        let index = "| ID | Title | Status |\n|---|---|---|\n| [GAP-2](#x) | T | open |\n";
        let mut text =
            format!("# L\n\n{index}\n## [A-1] A\n{before}\n## [GAP-2] T\n{own}\n## [B-1] B\n{after}");
        if end {
            text.push('\n');
        }
        if dos { text.replace('\n', "\r\n") } else { text }
    })
}

/// Records whose words try to become structure.
fn any_record() -> impl Strategy<Value = Value> {
    let words = "[a-zA-Z\u{3c6}#`|<>!\\[\\]*\n\r\t -]{0,40}";
    (any::<bool>(), words, words, 0..4_usize).prop_map(|(ok, reason, surprise, count)| {
        let mut record = if ok { record() } else { blocked() };
        record["reason"] = json!(reason);
        record["surprises"] = json!(vec![surprise; count]);
        record["workflow"]["title"] = json!("Phase B1\n## [X] - [2026-01-02] Attempt #999 - Result: no");
        record
    })
}

/// The edit; `None` where a list's open fence would swallow the entry, which is refused with these words.
fn written(text: &str, record: &Value) -> Option<Edit> {
    match edit(config(), text, None, record.clone()) {
        Ok(edit) => Some(edit),
        Err(error) => {
            assert!(error.ends_with("would become code") && text.contains("```unclosed"), "{error}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_adds_one_attempt_and_touches_nothing_else(text in document(), record in any_record()) {
        let before = LedgerDocument::read(LEDGER, &text).expect("a ledger").item("GAP-2").expect("the item");
        let Some(edit) = written(&text, &record) else { return Ok(()) };
        let splices = &edit.splices[LEDGER];
        let after = apply(&text, splices);

        let document = LedgerDocument::read(LEDGER, &after).expect("still a ledger");
        let item = document.item("GAP-2").expect("still the item");
        let highest = before.attempts.iter().map(|attempt| attempt.head.number).max();
        prop_assert_eq!(edit.attempt, Some(highest.map_or(1, |highest| highest + 1)));
        let numbers = |item: &fix_plan::item::Item| {
            item.attempts.iter().map(|attempt| attempt.head.number).collect::<Vec<_>>()
        };
        let mut kept = numbers(&item);
        let place = kept.iter().rposition(|number| Some(*number) == edit.attempt).expect("the new attempt");
        kept.remove(place);
        prop_assert_eq!(kept, numbers(&before), "{}", after);
        for other in ["A-1", "B-1"] {
            let (old, new) = (LedgerDocument::read(LEDGER, &text), LedgerDocument::read(LEDGER, &after));
            let old = old.expect("a ledger").item(other).expect("the item");
            let new = new.expect("a ledger").item(other).expect("the item");
            prop_assert_eq!(numbers(&old), numbers(&new));
        }

        // Edit, then read: the attempt that is found holds the lines of the entry, in order.
        let found = item.attempts.iter().rfind(|attempt| Some(attempt.head.number) == edit.attempt);
        let bare = |line: &str| line.trim_start_matches([' ', '\t', '-', '*', '#']).trim_end().to_owned();
        let lines = document.text().lines()[found.expect("the attempt").lines.clone()].iter();
        let read: Vec<String> = lines.map(|line| bare(line.text)).collect();
        let parsed = RunRecord::read(&record).expect("a record");
        let number = edit.attempt.expect("a number");
        let entry = Entry { number, who: None, record: &parsed, next_row: None }.lines(&EntryStyle::default());
        let entry: Vec<String> = entry.iter().skip(1).map(|line| bare(line)).collect();
        prop_assert!(read.len() > entry.len() && read[1..].starts_with(&entry), "{:?}\n{:?}", read, entry);

        prop_assert!(splices.iter().all(|splice| splice.text.is_ascii()));
        prop_assert!(splices.iter().filter(|splice| splice.start == splice.end).count() >= 1);
        let replaced: usize = splices.iter().filter(|splice| splice.start < splice.end).count();
        prop_assert!(replaced <= 2, "the status and the index cell at most");
        let inserted = splices.iter().find(|splice| splice.text.contains("Attempt #")).expect("the entry");
        prop_assert_eq!(inserted.start, inserted.end);
        prop_assert_eq!(text.contains("\r\n"), inserted.text.contains("\r\n"));
        prop_assert_eq!(text.ends_with('\n'), after.ends_with('\n'));
    }

    #[test]
    fn the_same_record_twice_changes_nothing_the_second_time(text in document(), record in any_record()) {
        let Some(once) = written(&text, &record) else { return Ok(()) };
        let after = apply(&text, &once.splices[LEDGER]);
        let twice = edit(config(), &after, None, record).expect("an edit");
        prop_assert!(twice.splices.is_empty());
        prop_assert_eq!(twice.attempt, once.attempt);
    }

    #[test]
    fn a_plan_changes_by_one_letter(
        cells in proptest::collection::vec("[a-z |`\u{3c6}]{0,12}", 1..5),
        letter in proptest::sample::select(vec!["", " ", "D", "x"]),
        at in 0..4_usize,
    ) {
        let row = |n: usize| format!("| B{n} | task | `[{letter}]` | {} |\n", cells.join("|"));
        let plan = format!("# P\n\n| ID | T | State | How |\n|---|---|---|---|\n{}{}{}{}", row(0), row(1), row(2), row(3));
        let mut config = with_plan();
        config["row"] = json!(format!("B{at}"));
        let edit = edit(config, "## [GAP-2] T\n", Some(&plan), record()).expect("an edit");
        let wanted = plan.replace(&row(at), &row(at).replacen(&format!("[{letter}]"), "[P]", 1));
        prop_assert_eq!(apply(&plan, &edit.splices[PLAN]), wanted);
    }
}
