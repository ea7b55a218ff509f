//! Tables of classes against inventories: what joins, and every way in which the two can disagree.
//!
//! Tables are text as people write them. A class must never reach a loop that the row does not mean; where the two
//! disagree, the words of the message are compared too, because they are all that a reader gets.

mod support;

use loop_inventory_model::{Class, Classification, Inventory, classify};
use support::{bare, inventory};

const ANALYSIS: &str = include_str!("fixtures/analysis.md");

fn six() -> Inventory {
    inventory(&[
        bare("src/pkg/io/read.py", 10, "for line in f"),
        bare("src/pkg/io/read.py", 20, "for (h, k) in pairs"),
        bare("src/pkg/models/model.py", 5, "for (name, angle) in [('a', self.a), ('b', self.b)]"),
        bare("src/pkg/models/model.py", 9, "for line in header_content.split(';')"),
        bare("src/pkg/utils/maths.py", 3, "for j in range(4)"),
        bare("src/pkg/utils/maths.py", 30, "for j in range(n)"),
    ])
}

fn classified(mut inventory: Inventory, text: &str) -> (Inventory, Vec<String>) {
    classify(&mut inventory, &[Classification::read("plans/loops.md", text)]);
    let told = inventory.contradictions.iter().map(ToString::to_string).collect();
    (inventory, told)
}

#[test]
fn every_row_finds_its_loop_by_the_end_of_its_path_and_counts_that_lie_are_told() {
    let (inventory, told) = classified(six(), ANALYSIS);
    let classes: Vec<_> = inventory.all_loops.iter().map(|one| one.class.expect("a class").name()).collect();
    assert_eq!(classes, ["safe", "safe", "safe", "uncertain", "vectorized", "todo"]);
    let last = &inventory.all_loops[5];
    assert_eq!(last.class_source.as_deref(), Some("plans/loops.md:19"));
    assert_eq!(
        (last.class_priority.as_deref(), last.class_notes.as_deref()),
        (Some("HIGH"), Some("n is large"))
    );
    assert_eq!(inventory.all_loops[1].class_notes, None);
    assert_eq!(
        told,
        [
            "plans/loops.md:6: says 2 loops `safe`, but the rows say 3",
            "plans/loops.md:7: says 2 loops `todo`, but the rows say 1",
            "plans/loops.md:21: says 2 loops `safe`, but the rows say 3",
            "plans/loops.md:35: says 2 loops `todo`, but the rows say 1",
            "plans/loops.md:38: says 2 loops `safe`, but the rows say 3",
        ]
    );
}

#[test]
fn a_row_whose_line_holds_another_loop_classifies_nothing_and_says_where_the_loop_went() {
    let mut loops = vec![bare("src/a.py", 10, "for line in f"), bare("src/a.py", 14, "for x in xs")];
    loops[1]["id"] = "a.py:f:for-x-in-xs:0".into();
    let table = "| Module | Line | Header | Status |\n|-|-|-|-|\n| a.py | 10 | `for x in xs` | Todo |\n";
    let (inventory, told) = classified(inventory(&loops), table);
    assert!(inventory.all_loops.iter().all(|one| one.class.is_none()));
    assert_eq!(
        told[0],
        "plans/loops.md:3: src/a.py:10 has `for line in f`, not `for x in xs`; the nearest such loop is on line \
         14, its id is `a.py:f:for-x-in-xs:0`"
    );
    assert_eq!(told[1], "plans/loops.md: 2 loops have no row: src/a.py:10, src/a.py:14");
}

#[test]
fn a_row_with_an_id_joins_whatever_its_line_says() {
    let loops = inventory(&[bare("src/a.py", 10, "for x in xs"), bare("src/b.py", 4, "while True")]);
    let id = loops.all_loops[0].id.clone();
    let table = format!(
        "| Loop | Module | Line | Status |\n|-|-|-|-|\n| `{id}` | a.py | 3 | Safe |\n| x:y:z:0 | b.py | 4 | Safe |\n"
    );
    let (inventory, told) = classified(loops, &table);
    assert_eq!(inventory.all_loops[0].class, Some(Class::Safe));
    assert_eq!(inventory.all_loops[1].class, None, "an id that is gone is not replaced by a line");
    assert_eq!(
        told,
        [
            "plans/loops.md:4: no loop has the id `x:y:z:0`: it, or its function, was changed or removed",
            "plans/loops.md: 1 loop has no row: src/b.py:4",
        ]
    );
}

#[test]
fn two_rows_for_one_loop_are_told_and_two_classes_leave_it_without_one() {
    let table = "| Module | Line | Status |\n|-|-|-|\n| a.py | 1 | Safe |\n| a.py | 1 | safe |\n\
                 | b.py | 1 | Safe |\n| src/b.py | 1 | Todo |\n";
    let loops = inventory(&[bare("src/a.py", 1, "for x in xs"), bare("src/b.py", 1, "for x in xs")]);
    let (inventory, told) = classified(loops, table);
    assert_eq!(inventory.all_loops[0].class, Some(Class::Safe));
    assert_eq!(inventory.all_loops[1].class, None);
    assert_eq!(
        told,
        [
            "plans/loops.md:4: a second row for src/a.py:1 `for x in xs`; the first is plans/loops.md:3",
            "plans/loops.md:6: src/b.py:1 `for x in xs` is `safe` and `todo` (first row: plans/loops.md:5); it \
             stays without a class",
        ]
    );
}

#[test]
fn rows_that_cannot_be_read_are_told_one_by_one_and_an_open_row_is_none() {
    let table = "| Module | Line | Status | Notes |\n|-|-|-|-|\n| a.py | 1 | Maybe | |\n| a.py | one | Safe | |\n\
                 | | | Safe | |\n| a.py | 1 | Safe | a | b |\n| c.py | 1 | Safe | |\n| a.py | 2 | Safe | |\n\
                 | a.py | 1 | - | |\n";
    let (_, told) = classified(inventory(&[bare("x/a.py", 1, "for x in xs")]), table);
    for (at, words) in [
        "plans/loops.md:3: `Maybe` is no class: write Vectorized, Safe, Todo or Uncertain",
        "plans/loops.md:4: `one` is no line number",
        "plans/loops.md:5: the row names no loop",
        "plans/loops.md:6: the row has 5 cells and the table 4 columns",
        "plans/loops.md:7: `c.py` is no module with loops",
        "plans/loops.md:8: x/a.py:2 has no loop",
        "plans/loops.md: 1 loop has no row: x/a.py:1",
    ]
    .iter()
    .enumerate()
    {
        assert!(told[at].starts_with(words), "{}", told[at]);
    }
    assert_eq!(told.len(), 7);
    let (_, told) = classified(inventory(&[]), "# Nothing\n");
    assert!(told[0].contains("has no table of classes"), "{told:?}");
}

#[test]
fn loops_of_tests_are_counted_and_need_no_row() {
    let mut loops = vec![bare("src/a.py", 10, "for line in f"), bare("src/a.py", 14, "for x in xs")];
    loops[1]["test"] = true.into();
    let table = "| Module | Line | Status |\n|-|-|-|\n| a.py | 10 | Todo |\n";
    let (with_test, told) = classified(inventory(&loops), table);
    assert_eq!(told, [""; 0]);
    let counts = loop_inventory_model::Counts::of(&with_test.all_loops);
    assert_eq!((counts.tests, counts.total()), (1, 2));
    let json = String::from_utf8(with_test.to_json().expect("JSON")).expect("text");
    assert_eq!(json.matches("\"test\": true").count(), 1, "{json}");
    assert_eq!(json.matches("\"test\"").count(), 1, "as before where it is none: {json}");
    let read = Inventory::read(json.as_bytes()).expect("an inventory");
    assert_eq!(read.all_loops.iter().map(|one| one.test).collect::<Vec<_>>(), [false, true]);
    // A row for it is still taken.
    let table = "| Module | Line | Status |\n|-|-|-|\n| a.py | 14 | Safe |\n";
    let (with_row, told) = classified(inventory(&loops), table);
    assert_eq!(with_row.all_loops[1].class, Some(Class::Safe));
    assert_eq!(told, ["plans/loops.md: 1 loop has no row: src/a.py:10"]);
}
