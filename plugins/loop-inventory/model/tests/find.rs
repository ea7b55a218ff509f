//! Reading an inventory, and finding loops in it by what a profile knows.
//!
//! A path or a line that could mean two things must mean none; JSON that contradicts itself is refused with its place.
//! Inventories of other tools, with the first six fields only, are read as well.

mod support;

use loop_inventory_model::{Inventory, NoModule};
use serde_json::json;
use support::{bare, bytes, inventory};

/// Two functions `work`, one with a nest of three loops, and a loop around a nested function.
fn nest() -> Inventory {
    let place = |line: u64, end: u64, function: &str, first: u64, depth: u64| {
        let mut one = bare("src/pkg/io/hkl.py", line, &format!("for x{line} in xs"));
        one["end_line"] = end.into();
        one["function"] = function.into();
        one["function_line"] = first.into();
        one["depth"] = depth.into();
        one
    };
    let mut other = bare("src/pkg/hkl.py", 3, "for y in ys");
    other["end_line"] = 4.into();
    inventory(&[
        other,
        place(10, 20, "Reader.work", 9, 0),
        place(11, 19, "Reader.work", 9, 1),
        place(12, 13, "Reader.work", 9, 2),
        place(16, 17, "Reader.work", 9, 2),
        place(31, 32, "Writer.work", 30, 0),
        place(41, 50, "outer", 40, 0),
        place(45, 46, "outer.<locals>.inner", 44, 0),
    ])
}

#[test]
fn a_path_means_a_module_by_its_end_at_a_slash_and_an_ambiguous_one_means_none() {
    let nest = nest();
    for path in
        ["src/pkg/io/hkl.py", "/any/where/src/pkg/io/hkl.py", "pkg/io/hkl.py", "io/hkl.py", "./io/hkl.py"]
    {
        assert_eq!(nest.module(path), Ok("src/pkg/io/hkl.py"), "{path}");
    }
    let ambiguous = nest.module("hkl.py").expect_err("two modules");
    assert_eq!(
        ambiguous.to_string(),
        "`hkl.py` could be `src/pkg/hkl.py` or `src/pkg/io/hkl.py`: write more of the path"
    );
    for path in ["o/hkl.py", "kl.py", "", "hkl.pyc"] {
        assert!(matches!(nest.module(path), Err(NoModule::Unknown { .. })), "{path}");
    }
}

#[test]
fn a_line_means_the_innermost_loop_and_the_ones_around_it_from_outside_in() {
    let nest = nest();
    let line = |line| nest.find("io/hkl.py", line).expect("a module").map(|one| one.line);
    for (asked, found) in
        [(9, None), (10, Some(10)), (13, Some(12)), (14, Some(11)), (17, Some(16)), (20, Some(10))]
    {
        assert_eq!(line(asked), found, "{asked}");
    }
    let around = |line| {
        let around = nest.enclosing("io/hkl.py", line).expect("a module");
        around.into_iter().map(|one| one.line).collect::<Vec<_>>()
    };
    assert_eq!(around(12), [10, 11, 12]);
    assert_eq!(around(45), [45], "the loop around the definition does not repeat the body");
    assert_eq!(around(41), [41]);
    assert_eq!(around(9), [0; 0]);
}

#[test]
fn a_function_is_known_by_its_last_name_and_its_first_line_with_decorators() {
    let nest = nest();
    let lines = |name: &str, first| {
        let found = nest.in_function("io/hkl.py", name, first).expect("a module");
        found.into_iter().map(|one| one.line).collect::<Vec<_>>()
    };
    assert_eq!(lines("work", None), [10, 11, 12, 16, 31]);
    assert_eq!(lines("work", Some(9)), [10, 11, 12, 16]);
    assert_eq!(lines("work", Some(28)), [31], "two decorators");
    assert_eq!(lines("Writer.work", None), [31]);
    assert_eq!(lines("inner", None), [45]);
    assert_eq!(lines("ork", None), [0; 0]);
}

#[test]
fn an_inventory_of_another_tool_gets_ids_and_one_of_ours_reads_back_the_same() {
    let other = inventory(&[bare("a.py", 1, "for x in xs"), bare("a.py", 3, "for x in xs")]);
    assert!(other.all_loops[0].id.starts_with("a.py:-:for-x-in-xs:"), "{}", other.all_loops[0].id);
    assert!(other.all_loops[1].id.starts_with("a.py:-:for-x-in-xs-2:"), "{}", other.all_loops[1].id);
    let written = nest().to_json().expect("JSON");
    assert_eq!(Inventory::read(&written).expect("an inventory"), nest());
}

#[test]
fn what_is_no_inventory_is_refused_with_its_place() {
    let refused = |bytes: &[u8]| Inventory::read(bytes).expect_err("refused").to_string();
    assert_eq!(
        refused(b"{\n  \"all_loops\": 3\n}"),
        "line 2, column 16: invalid type: integer `3`, expected a sequence"
    );
    assert_eq!(refused(b"{"), "line 1, column 1: EOF while parsing an object");
    let mut zero = bare("a.py", 0, "for x in xs");
    assert_eq!(refused(&bytes(&[zero.clone()])), "all_loops[0].line: lines are counted from 1");
    zero["line"] = json!(7);
    zero["end_line"] = json!(6);
    assert_eq!(refused(&bytes(&[zero])), "all_loops[0].end_line: 6 is before its line 7");
    let short = String::from_utf8(bytes(&[bare("a.py", 1, "x")]))
        .expect("text")
        .replace("\"total_loops\":1", "\"total_loops\":2");
    assert_eq!(refused(short.as_bytes()), "total_loops: says 2, but `all_loops` has 1");
}
