//! A ledger and a plan with the traps of real ones: each item and each row is tried, alone, and the change is
//! exactly added lines, the item's status line, and one letter of the plan. The items are counted, so that
//! none can drop out unseen.

use fix_plan::LedgerDocument;
use serde_json::{Value, json};
use similar::{DiffTag, TextDiff};

use crate::support::{apply, blocked, edit, record};

const LEDGER: &str = include_str!("../fixtures/ledger.md");
const PLAN: &str = include_str!("../fixtures/plan.md");

/// The number that the next attempt of each item gets; `None` where the item is refused.
const NEXT: [(&str, Option<u64>); 16] = [
    ("TRAP-001", Some(2)),
    ("TRAP-002", Some(10)),
    ("TRAP-003", Some(1)),
    ("TRAP-004", Some(6)),
    ("TRAP-005", Some(85)),
    ("TRAP-006", Some(3)),
    ("TRAP-007", Some(5)),
    ("TRAP-008", Some(2)),
    ("TRAP-009", Some(4)),
    ("TRAP-010", Some(23)),
    ("TRAP-011", Some(1)),
    ("TRAP-012", None),
    ("TRAP-013", Some(7)),
    ("TRAP-014", Some(3)),
    ("TRAP-015", Some(1)),
    ("TRAP-016", Some(2)),
];

fn config(item: &str, row: &str) -> Value {
    json!({"ledger": "docs/fix_plan.md", "item": item, "plan": "plans/gap.md", "row": row})
}

/// The lines that are only in `before`, and those only in `after`.
fn changed<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let lines = |text: &'a str| text.split_inclusive('\n').collect::<Vec<_>>();
    let (old, new) = (lines(before), lines(after));
    let diff = TextDiff::from_lines(before, after);
    let ops = || diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal);
    let gone = ops().flat_map(|op| old[op.old_range()].iter().copied()).collect();
    let added = ops().flat_map(|op| new[op.new_range()].iter().copied()).collect();
    (gone, added)
}

/// The ledger with its line breaks and its end in another form.
fn forms() -> Vec<(&'static str, String)> {
    let trimmed = LEDGER.trim_end();
    vec![
        ("as it is", LEDGER.to_owned()),
        ("with CRLF", LEDGER.replace('\n', "\r\n")),
        ("without a final line break", trimmed.to_owned()),
        ("with CRLF and without a final line break", trimmed.replace('\n', "\r\n")),
    ]
}

#[test]
fn every_item_gets_its_entry_and_nothing_else_changes() {
    for (form, text) in forms() {
        let document = LedgerDocument::read("docs/fix_plan.md", &text).expect("a ledger");
        assert_eq!(document.headings().len(), NEXT.len() + 1, "{form}: one of them stands there twice");
        let mut tried = 0;
        for (id, next) in NEXT {
            for record in [record(), blocked()] {
                let what = format!("{id}, {form}, {}", record["result"]);
                let outcome = edit(config(id, "B1"), &text, Some(PLAN), record);
                let Some(next) = next else {
                    let error = outcome.expect_err(&what);
                    assert!(error.contains("has several headings, on lines"), "{what}: {error}");
                    continue;
                };
                let edit = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(edit.attempt, Some(next), "{what}");
                let after = apply(&text, &edit.splices["docs/fix_plan.md"]);
                let (gone, added) = changed(&text, &after);
                let break_of = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
                let words: Vec<String> = gone.iter().map(|line| break_of(line)).collect();
                // A last line that gets its line break back is the same line.
                let lost = words.iter().filter(|line| !added.iter().any(|new| break_of(new) == **line));
                let lost: Vec<&String> = lost.collect();
                assert!(lost.len() <= 1, "{what}: {lost:?}");
                assert!(lost.iter().all(|line| line.contains("Status:")), "{what}: {lost:?}");
                assert!(added.iter().any(|line| line.contains(&format!("Attempt #{next}"))), "{what}");
                assert_eq!(
                    text.contains("\r\n"),
                    added.iter().all(|line| !line.ends_with('\n') || line.ends_with("\r\n")),
                    "{what}"
                );
                assert_eq!(text.ends_with('\n'), after.ends_with('\n'), "{what}");
                let own =
                    added.iter().filter(|line| !line.contains("Status:") && !words.contains(&break_of(line)));
                assert!(own.clone().count() >= 9 && own.clone().all(|line| line.is_ascii()), "{what}");
                tried += 1;
            }
        }
        assert_eq!(tried, 30, "{form}");
    }
}

#[test]
fn every_row_of_the_plan_changes_by_its_letter_and_the_others_are_not_touched() {
    for (row, before, after) in [
        ("A1", "| A1 | Inventory | [D] |", "| A1 | Inventory | [P] |"),
        ("A2", "`|dF|` | [P] |", "`|dF|` | [P] |"),
        ("A3", "`[X]` | `|dF|`", "`[P]` | `|dF|`"),
        ("B1", "| B1 | [ ] | Capture", "| B1 | [P] | Capture"),
        ("B2", "| **B2** | [x] |", "| **B2** | [P] |"),
        ("B3", "| B3 | [~] | dropped\n", "| B3 | [P] | dropped\n"),
        ("B4", "[-]", "[P]"),
        ("B5", "[B]", "[P]"),
    ] {
        let edit = edit(config("TRAP-001", row), LEDGER, Some(PLAN), record()).expect("an edit");
        let new = edit.splices.get("plans/gap.md").map_or_else(|| PLAN.to_owned(), |cuts| apply(PLAN, cuts));
        assert_eq!(new, PLAN.replacen(before, after, 1), "{row}");
    }
}

#[test]
fn a_second_edit_of_every_item_gives_the_same_bytes() {
    for (id, next) in NEXT.into_iter().filter(|(_, next)| next.is_some()) {
        let once = edit(config(id, "B1"), LEDGER, Some(PLAN), record()).expect("an edit");
        let after = apply(LEDGER, &once.splices["docs/fix_plan.md"]);
        let again = edit(config(id, "B1"), &after, Some(PLAN), record()).expect("an edit");
        assert!(again.splices.is_empty(), "{id}");
        assert_eq!(again.attempt, next, "{id}");
    }
}

#[test]
#[ignore = "by hand: FIX_PLAN_LEDGER and FIX_PLAN_PLAN are the paths of real ones"]
fn every_item_of_a_real_ledger_gets_its_entry_and_nothing_else_changes() {
    let read = |name: &str| {
        std::fs::read_to_string(std::env::var(name).expect("a path")).expect("a readable document")
    };
    let (text, plan) = (read("FIX_PLAN_LEDGER"), read("FIX_PLAN_PLAN"));
    let document = LedgerDocument::read("docs/fix_plan.md", &text).expect("a ledger");
    for heading in document.headings() {
        let edit = edit(config(heading.id, "B1"), &text, Some(&plan), record()).expect(heading.id);
        let after = apply(&text, &edit.splices["docs/fix_plan.md"]);
        let (gone, added) = changed(&text, &after);
        let status = |line: &&str| line.starts_with("- Status:");
        assert!(gone.len() <= 1 && gone.iter().all(status), "{}: {} lines", heading.id, gone.len());
        let (cells, new) =
            (apply(&plan, &edit.splices["plans/gap.md"]), plan.replacen("| [ ] |", "| [P] |", 1));
        assert_eq!(cells, new, "one letter");
        println!(
            "{}: #{}, {} lines gone, {} added",
            heading.id,
            edit.attempt.expect("a number"),
            gone.len(),
            added.len()
        );
    }
    println!("{} items", document.headings().len());
}

/// The items in any order: each still gets its own number.
#[test]
fn in_any_order_of_the_items_each_gets_the_same_number() {
    let (head, body) = LEDGER.split_once("\n## [").expect("an item");
    let mut items: Vec<&str> = body.split("\n## [").collect();
    let mut state = 7_usize;
    for round in 0..40 {
        for at in (1..items.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            items.swap(at, (state >> 33) % (at + 1));
        }
        let text = format!("{head}\n## [{}\n", items.join("\n## ["));
        for (id, next) in NEXT {
            let edit = edit(config(id, "B1"), &text, Some(PLAN), record());
            assert_eq!(edit.ok().and_then(|edit| edit.attempt), next, "{id} in round {round}:\n{text}");
        }
    }
}
