//! Where the rest of the time is: the parts add up, whatever the profile; paths that fit no module or two; empty
//! profiles and inventories; inventories of other tools.
//!
//! A property holds it together: random stacks, and the four parts are always the whole profile.

use proptest::prelude::*;
use serde_json::json;

use super::{a_loop, correlate, correlate_with, inventory, on, profile};
use crate::places::is_foreign;

#[test]
fn what_is_in_no_loop_is_outside_or_unexplained() {
    let loops = [a_loop("src/k.py", (2, 4), "f", 1)];
    let stacks: &[(&[&str], u64)] = &[
        (&["f src/k.py:3"], 40),
        (&["f src/k.py:8", "memcpy"], 15),
        (&["f src/k.py:8"], 5),
        (&["g src/new.py:77"], 20),
        (&["std::start", "memset"], 12),
        (&["profiler::work"], 7),
        (&[], 1),
    ];
    let found = correlate(&profile(stacks), &inventory(&loops));
    let hot = &found.hot_loops;
    let parts = [hot.parts.loops, hot.parts.groups, hot.parts.outside, hot.parts.unexplained];
    assert_eq!(parts.map(|part| part.weight), [40, 0, 40, 20]);
    let outside: Vec<_> =
        hot.outside.iter().map(|row| (row.file.as_str(), row.line, row.own.weight)).collect();
    assert_eq!(outside, [("src/new.py", Some(77), 20), ("src/k.py", Some(8), 5)]);
    assert_eq!((hot.outside[0].in_inventory, hot.outside[1].in_inventory), (false, true));
    let rest: Vec<_> = hot.unexplained.iter().map(|row| (row.function.as_str(), row.kind.as_str())).collect();
    assert_eq!(
        rest,
        [("memset", "runtime"), ("profiler::work", "glue"), ("(a stack without frames)", "runtime")]
    );
}

#[test]
fn a_library_with_the_same_end_of_its_path_is_not_the_project() {
    let loops = [a_loop("src/iter/mod.rs", (2, 4), "f", 1)];
    for file in [
        "rayon-1.12.0/src/iter/mod.rs",
        "/home/me/.cargo/registry/src/index/rayon-1.12.0/src/iter/mod.rs",
        "/rustc/0123/library/src/iter/mod.rs",
        "/usr/lib/python3.12/site-packages/src/iter/mod.rs",
        "<frozen importlib>",
    ] {
        assert!(is_foreign(file), "{file}");
        let found = correlate(&profile(&[(&[&format!("f {file}:3")], 9)]), &inventory(&loops));
        assert!(found.hot_loops.loops.is_empty(), "{file}");
        assert_eq!(found.hot_loops.parts.total(), 9);
    }
    for file in ["/home/me/project-2/src/iter/mod.rs", "./src/iter/mod.rs", "src/iter/mod.rs"] {
        assert!(!is_foreign(file), "{file}");
        let found = correlate(&profile(&[(&[&format!("f {file}:3")], 9)]), &inventory(&loops));
        assert_eq!(on(&found.hot_loops, 2).own.weight, 9, "{file}");
    }
}

#[test]
fn a_module_of_pythons_library_is_not_ours_of_the_same_name() {
    let loops = [a_loop("src/pkg/threading.py", (2, 4), "f", 1)];
    let mut profile = profile(&[(&["run threading.py:3"], 6), (&["g pkg/threading.py:3"], 3)]);
    profile.functions[0].kind = profile_model::Kind::Runtime;
    let found = correlate(&profile, &inventory(&loops));
    assert_eq!(on(&found.hot_loops, 2).own.weight, 3);
    assert_eq!(found.hot_loops.parts.unexplained.weight, 6);
}

#[test]
fn a_file_that_could_be_two_modules_is_none_and_is_told() {
    let loops = [a_loop("a/x/k.py", (2, 4), "f", 1), a_loop("b/x/k.py", (2, 4), "f", 1)];
    let found = correlate(&profile(&[(&["f x/k.py:3"], 9)]), &inventory(&loops));
    let hot = &found.hot_loops;
    assert!(hot.loops.is_empty());
    let words = "the profile's file `x/k.py` could be `a/x/k.py` or `b/x/k.py`";
    assert!(hot.warnings.iter().any(|warning| warning.starts_with(words)), "{:?}", hot.warnings);
    assert!(
        hot.warnings
            .iter()
            .any(|warning| warning.starts_with("no module of the inventory is in the profile"))
    );
}

#[test]
fn an_inventory_without_ends_and_functions_finds_first_lines_and_says_what_it_cannot() {
    let bare = |line: u64| {
        json!({
            "module": "src/pkg/hkl.py", "line": line, "col_offset": 8, "loop_type": "for",
            "loop_header": "for line in f", "iteration_hint": "unknown iterable"
        })
    };
    let stacks: &[(&[&str], u64)] =
        &[(&["read pkg/hkl.py:51"], 10), (&["read pkg/hkl.py:52"], 60), (&["read pkg/hkl.py@40"], 30)];
    let found = correlate(&profile(stacks), &inventory(&[bare(51), bare(110)]));
    let hot = &found.hot_loops;
    assert_eq!((on(hot, 51).inclusive.weight, hot.parts.outside.weight), (10, 90));
    let told = |words: &str| hot.warnings.iter().any(|warning| warning.contains(words));
    assert!(told("2 of 2 loops of the inventory have no `end_line`"), "{:?}", hot.warnings);
    assert!(told("the inventory does not say the functions of its loops"), "{:?}", hot.warnings);
    // Its time may be in the rest of the module: that is not the same as none.
    let words = "its module was on the stack, and the inventory has no `end_line` for it";
    assert_eq!(hot.unseen[0].undetermined.as_deref(), Some(words));
}

#[test]
fn empty_profiles_and_inventories_are_no_mistake_and_are_told() {
    let loops = [a_loop("k.py", (2, 4), "f", 1)];
    let nothing = correlate(&profile(&[]), &inventory(&loops));
    assert_eq!((nothing.hot_loops.parts.total(), nothing.hot_loops.unseen.len()), (0, 1));
    assert!(nothing.hot_loops.warnings.iter().any(|warning| warning.starts_with("the profile is empty")));
    let no_loops = correlate(&profile(&[(&["f k.py:3"], 9)]), &inventory(&[]));
    assert!(no_loops.hot_loops.warnings.iter().any(|words| words.starts_with("the inventory has no loops")));
    assert_eq!(no_loops.hot_loops.parts.outside.weight, 9);
    for found in [nothing, no_loops] {
        let json = found.hot_loops.to_json().expect("JSON");
        assert_eq!(hot_loops_model::HotLoops::read(&json).expect("it is read again"), found.hot_loops);
        assert!(crate::markdown::markdown(&found.hot_loops).contains("No loop has 1 % of the time."));
        assert_eq!(crate::csv::csv(&found.hot_loops), format!("{}\r\n", crate::csv::HEADER));
    }
}

#[test]
fn an_inventory_of_another_state_is_told() {
    let loops = [a_loop("k.py", (2, 4), "f", 1), a_loop("k.py", (6, 7), "f", 1)];
    let stacks: &[(&[&str], u64)] = &[(&["f k.py:3"], 9), (&["f k.py:7"], 8), (&["f k.py:90"], 1)];
    let source = "def f():\n    for i in 2:\n        x()\n    y()\n\n    while z:\n        pass\n";
    let found = correlate_with(&profile(stacks), &inventory(&loops), &[("k.py", source)]);
    let hot = &found.hot_loops;
    assert_eq!(on(hot, 2).stale, None);
    assert_eq!(on(hot, 6).stale.as_deref(), Some("line 6 is now `while z:`, not `for i in 6`"));
    let told = |words: &str| hot.warnings.iter().any(|warning| warning.contains(words));
    assert!(told("does not fit the sources of today at 1 hot loops (k.py:6)"), "{:?}", hot.warnings);
    assert!(told("the profile has line 90 of `k.py`, which has 7 lines"), "{:?}", hot.warnings);
}

#[test]
fn loops_that_wait_for_work_and_were_not_seen_come_first_and_are_cold() {
    let class = |line, class: &str| {
        let mut one = a_loop("k.py", (line, line + 1), "f", 1);
        one["class"] = json!(class);
        one
    };
    let loops = [class(2, "safe"), class(5, "uncertain"), class(8, "todo"), a_loop("k.py", (11, 12), "f", 1)];
    let blind = loops.iter().cloned().map(|mut one| {
        one["function"] = json!(null);
        one
    });
    let found = correlate(&profile(&[(&["f k.py@11"], 9)]), &inventory(&blind.collect::<Vec<_>>()));
    assert!(found.hot_loops.unseen.iter().all(|row| row.undetermined.is_some() && !row.cold));
    let found = correlate(&profile(&[(&["f k.py:11"], 9)]), &inventory(&loops));
    let unseen: Vec<_> = found.hot_loops.unseen.iter().map(|row| (row.r#loop.line, row.cold)).collect();
    assert_eq!(unseen, [(8, true), (5, true), (2, false)]);
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_u32..30).prop_map(|line| format!("f src/k.py:{line}")),
        (1_u32..30).prop_map(|line| format!("g src/other.py:{line}")),
        Just("f src/k.py@1".to_owned()),
        Just("h src/k.py@20".to_owned()),
        Just("nobody src/k.py@29".to_owned()),
        Just("memcpy".to_owned()),
        Just("core::iter::next /rustc/1/library/core/iter.rs:3".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_always_add_up_and_no_loop_has_more_self_than_inclusive_time(
        stacks in prop::collection::vec((prop::collection::vec(words(), 0..6), 0_u64..1000), 0..20)
    ) {
        let loops = [
            a_loop("src/k.py", (2, 9), "f", 1),
            a_loop("src/k.py", (4, 6), "f", 1),
            a_loop("src/k.py", (12, 14), "f", 1),
            a_loop("src/k.py", (22, 26), "h", 20),
        ];
        let borrowed: Vec<(Vec<&str>, u64)> = stacks
            .iter()
            .map(|(stack, weight)| (stack.iter().map(String::as_str).collect(), *weight))
            .collect();
        let slices: Vec<(&[&str], u64)> =
            borrowed.iter().map(|(stack, weight)| (stack.as_slice(), *weight)).collect();
        let profile = profile(&slices);
        let found = correlate(&profile, &inventory(&loops));
        let hot = &found.hot_loops;
        prop_assert_eq!(hot.parts.total(), profile.total);
        for row in &hot.loops {
            prop_assert!(row.own.weight <= row.inclusive.weight);
            prop_assert!(row.inclusive.weight <= profile.total);
            prop_assert!(row.inclusive_by_line.weight <= row.inclusive.weight);
            prop_assert!(row.self_by_line.weight <= row.own.weight);
        }
        let own: u64 = hot.loops.iter().map(|row| row.own.weight).sum();
        prop_assert_eq!(own, hot.parts.loops.weight);
    }
}
