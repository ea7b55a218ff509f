//! Shares that are known by construction: lines, nests, recursion, closures, functions without lines, iterations.
//!
//! Each profile is written as stacks with weights, so that every share can be read off; no test takes a figure from the
//! code that it tests.

use hot_loops_model::Attribution;
use profile_model::Profile;
use serde_json::json;

use super::{a_loop, correlate, inventory, on, profile};

/// Percent to weight of a profile of 100.
fn percents(hot: &hot_loops_model::HotLoops) -> Vec<(u64, f64, f64)> {
    hot.loops.iter().map(|row| (row.r#loop.line, row.inclusive.percent, row.own.percent)).collect()
}

#[test]
fn four_loops_get_the_shares_they_have() {
    let loops: Vec<_> = (0..4).map(|at| a_loop("src/k.py", (at * 10 + 1, at * 10 + 5), "f", 1)).collect();
    let profile = profile(&[
        (&["f src/k.py:22", "inner lib.so"], 100),
        (&["f src/k.py:2"], 600),
        (&["f src/k.py:11"], 250),
        (&["f src/k.py:35"], 50),
    ]);
    let found = correlate(&profile, &inventory(&loops));
    let hot = &found.hot_loops;
    assert_eq!(percents(hot), [(1, 60.0, 60.0), (11, 25.0, 25.0), (21, 10.0, 10.0), (31, 5.0, 5.0)]);
    assert!(hot.loops.iter().all(|row| row.attribution == Attribution::Line));
    assert_eq!(hot.parts.loops.weight, 1000);
}

#[test]
fn a_nest_has_inclusive_time_outside_and_self_time_inside() {
    let loops = [
        a_loop("k.py", (1, 9), "f", 1),
        a_loop("k.py", (2, 8), "f", 1),
        a_loop("k.py", (4, 6), "f", 1),
        a_loop("k.py", (20, 25), "g", 19),
    ];
    // The innermost, the middle one's own line, the outer one's, and a callee of the middle one with its own loop.
    let stacks: &[(&[&str], u64)] = &[
        (&["f k.py:5"], 50),
        (&["f k.py:3"], 20),
        (&["f k.py:1"], 10),
        (&["f k.py:7", "g k.py:21"], 15),
        (&["g k.py:21"], 5),
    ];
    let found = correlate(&profile(stacks), &inventory(&loops));
    let expected = [(1, 95.0, 10.0), (2, 85.0, 20.0), (4, 50.0, 50.0), (20, 20.0, 20.0)];
    assert_eq!(percents(&found.hot_loops), expected);
    // The callee's loop is on a stack with the two around its call.
    let with: Vec<_> =
        on(&found.hot_loops, 20).common.iter().map(|other| (other.loop_id.as_str(), other.weight)).collect();
    assert_eq!(with, [("k.py:f:1", 15), ("k.py:f:2", 15)]);
}

#[test]
fn recursion_counts_once_for_each_stack() {
    let loops = [a_loop("k.py", (2, 4), "f", 1)];
    let stacks: &[(&[&str], u64)] = &[(&["f k.py:3", "f k.py:3", "f k.py:3"], 30), (&["f k.py:3"], 10)];
    let found = correlate(&profile(stacks), &inventory(&loops));
    assert_eq!(percents(&found.hot_loops), [(2, 100.0, 100.0)]);
    assert_eq!(found.heat[&("k.py".to_owned(), 3)].inclusive, 40);
}

#[test]
fn a_closure_that_runs_on_another_thread_is_found_by_its_lines() {
    let mut chain = a_loop("src/image.rs", (40, 46), "render", 38);
    chain["kind"] = json!("iterator_chain");
    // The worker's stack has rayon above the closure, and no caller of the chain.
    let worker: &[&str] = &[
        "rayon_core::join::join rayon-core-1.12.1/src/join/mod.rs:9",
        "image::render::{closure#0} /home/me/project/src/image.rs:43",
        "sqrt",
    ];
    let found =
        correlate(&profile(&[(worker, 8), (&["image::render src/image.rs:40"], 2)]), &inventory(&[chain]));
    assert_eq!(percents(&found.hot_loops), [(40, 100.0, 100.0)]);
}

#[test]
fn a_loop_around_a_nested_function_does_not_repeat_its_body() {
    let loops = [a_loop("k.py", (2, 9), "f", 1), a_loop("k.py", (5, 7), "f.inner", 4)];
    let found = correlate(&profile(&[(&["inner k.py:6"], 10)]), &inventory(&loops));
    assert_eq!(percents(&found.hot_loops), [(5, 100.0, 100.0)]);
}

#[test]
fn a_function_with_one_loop_bounds_it_and_one_with_several_shares_to_nobody() {
    let loops = [
        a_loop("src/pkg/sim.py", (705, 720), "Sim.run", 701),
        a_loop("src/pkg/sim.py", (710, 715), "Sim.run", 701),
        a_loop("src/pkg/io.py", (10, 12), "load", 5),
        a_loop("src/pkg/io.py", (20, 22), "load", 5),
    ];
    let stacks: &[(&[&str], u64)] = &[
        (&["run pkg/sim.py@701", "aten::mul"], 60),
        (&["run pkg/sim.py@701", "load pkg/io.py@5"], 30),
        (&["other pkg/sim.py@900"], 10),
    ];
    let found = correlate(&profile(stacks), &inventory(&loops));
    let hot = &found.hot_loops;
    // The outer loop of `run` contains the other; both are bounded by the function, and only the outer has self time.
    let run: Vec<_> = hot.loops.iter().filter(|row| row.r#loop.module.ends_with("sim.py")).collect();
    assert_eq!((run[0].r#loop.line, run[0].inclusive.percent, run[0].own.percent), (705, 90.0, 60.0));
    assert_eq!((run[1].r#loop.line, run[1].inclusive.percent, run[1].own.percent), (710, 90.0, 0.0));
    assert!(hot.loops.iter().all(|row| row.attribution == Attribution::Function));
    assert!(hot.loops.iter().all(|row| row.inclusive_by_line.weight == 0));
    assert_eq!((on(hot, 10).own.weight, on(hot, 20).own.weight), (0, 0));
    assert_eq!((hot.groups.len(), hot.groups[0].own.percent), (1, 30.0));
    assert_eq!(hot.groups[0].loops, ["src/pkg/io.py:load:10", "src/pkg/io.py:load:20"]);
    assert_eq!(hot.parts.total(), 100);
    assert_eq!(hot.outside[0].function, "other");
}

#[test]
fn what_lines_prove_stands_beside_what_a_function_bounds() {
    let loops = [a_loop("k.py", (2, 4), "f", 1)];
    let stacks: &[(&[&str], u64)] = &[(&["f k.py:3"], 25), (&["f k.py@1"], 75)];
    let found = correlate(&profile(stacks), &inventory(&loops));
    let row = on(&found.hot_loops, 2);
    assert_eq!((row.inclusive.percent, row.inclusive_by_line.percent), (100.0, 25.0));
    assert_eq!(row.attribution, Attribution::Function);
}

#[test]
fn a_comprehension_that_is_a_function_of_its_own_is_found_by_its_line() {
    let mut comprehension = a_loop("k.py", (7, 7), "f", 1);
    comprehension["kind"] = json!("comprehension");
    let mut inventory = inventory(&[a_loop("k.py", (2, 4), "f", 1)]);
    inventory.all_loops.push(serde_json::from_value(comprehension).expect("a loop"));
    let found = correlate(&profile(&[(&["f k.py:9", "<listcomp> k.py@7"], 5)]), &inventory);
    assert_eq!(percents(&found.hot_loops), [(7, 100.0, 100.0)]);
}

#[test]
fn shares_of_iterations_have_a_mean_and_a_deviation_or_a_reason() {
    let loops = [a_loop("k.py", (2, 4), "f", 1)];
    let mut profile = profile(&[(&["f k.py:3"], 60), (&["g k.py:9"], 40)]);
    let reason =
        |profile: &Profile| on(&correlate(profile, &inventory(&loops)).hot_loops, 2).variation.clone();
    assert_eq!(reason(&profile).reason.as_deref(), Some("nobody marked the iterations in the profile"));
    profile.slices = vec![vec![(0, 20), (1, 20)], vec![(0, 40), (1, 10)], vec![], vec![(1, 10)]];
    let variation = reason(&profile);
    // 50 %, 80 %, 0 %; the empty one says nothing.
    assert_eq!((variation.iterations, variation.mean_percent), (3, Some(43.33)));
    assert_eq!(variation.std_percent, Some(40.41));
    profile.slices.truncate(1);
    assert_eq!(reason(&profile).reason.as_deref(), Some("one iteration has no deviation"));
}

#[test]
fn calls_are_counted_where_the_profile_counts_them_and_else_have_a_reason() {
    let loops = [a_loop("k.py", (2, 4), "f", 1)];
    let mut profile = profile(&[(&["f k.py@1"], 60)]);
    let row = |profile: &Profile| on(&correlate(profile, &inventory(&loops)).hot_loops, 2).clone();
    assert_eq!(
        (row(&profile).calls, row(&profile).calls_reason.as_deref()),
        (None, Some("samples do not count calls"))
    );
    profile.functions[0].calls = Some(7);
    assert_eq!((row(&profile).calls, row(&profile).calls_reason), (Some(7), None));
}
