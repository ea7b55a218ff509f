//! The backlog of hot loops by hand: order, bounds, ties, nests, next steps, classes, hostile names.
//!
//! Rows are made from JSON as the plugin hot-loops writes them, and the expected figures were computed by hand. What
//! goes through the ABI is tested in `tests/plugin.rs`.

use hot_loops_model::HotLoops;
use loop_inventory_model::Classification;
use serde_json::{Value, json};

use crate::backlog::{Backlog, reclassify};
use crate::markdown::markdown;
use crate::times::Times;

/// A seen loop: line, last line, class (empty for none), inclusive and self weight.
fn row(line: u64, end: u64, class: &str, inclusive: u64, own: u64) -> Value {
    let share = |weight: u64| json!({ "weight": weight, "percent": weight as f64 / 10.0 });
    json!({
        "loop": {
            "module": "src/k.py", "line": line, "col_offset": 4, "loop_type": "for", "end_line": end,
            "loop_header": format!("for i in range({line})"), "iteration_hint": "", "id": format!("k:{line}"),
            "function": "f", "class": if class.is_empty() { Value::Null } else { json!(class) }
        },
        "attribution": "line", "inclusive": share(inclusive), "inclusive_by_line": share(inclusive),
        "self": share(own), "self_by_line": share(own), "calls": null,
        "calls_reason": "samples do not count calls",
        "variation": { "iterations": 0, "mean_percent": null, "std_percent": null, "reason": "nobody marked them" },
        "stale": null
    })
}

/// A document of 1000 samples.
fn hot(loops: &[Value]) -> HotLoops {
    let zero = json!({ "weight": 0, "percent": 0.0 });
    let json = json!({
        "version": 1, "threshold_percent": 1.0,
        "profile": {
            "path": "p.json", "source": "by hand", "unit": "samples", "total": 1000, "samples": 1000, "hz": 999,
            "seconds": 1.0, "iterations": null, "lost": 0, "threads": 1
        },
        "inventory": {
            "path": "i.json", "scan_timestamp": null, "loops": 9, "classified": 3, "with_end": 9, "with_function": 9
        },
        "parts": { "loops": { "weight": 1000, "percent": 100.0 }, "groups": zero, "outside": zero, "unexplained": zero },
        "loops": loops, "groups": [], "unseen": [], "outside": [], "unexplained": [], "warnings": []
    });
    HotLoops::read(json.to_string().as_bytes()).expect("hot loops")
}

fn backlog(hot: &HotLoops) -> Backlog {
    Backlog::of(hot, "hot_loops.json", 5, None)
}

fn order(backlog: &Backlog) -> Vec<Option<u64>> {
    backlog.candidates.iter().map(|one| one.line).collect()
}

#[test]
fn what_is_to_be_worked_on_comes_first_and_what_is_settled_stands_apart() {
    let rows = [
        row(10, 12, "vectorized", 600, 600),
        row(20, 22, "", 250, 250),
        row(30, 32, "todo", 100, 100),
        row(40, 42, "uncertain", 40, 40),
        row(50, 52, "todo", 9, 9),
        row(60, 62, "safe", 1, 1),
    ];
    let backlog = backlog(&hot(&rows));
    assert_eq!(order(&backlog), [Some(30), Some(40), Some(20)]);
    let settled: Vec<_> = backlog.settled.iter().map(|row| (row.line, row.why_not.as_str())).collect();
    assert_eq!(settled, [(10, "classified vectorized")]);
    let cold: Vec<_> = backlog.cold.iter().map(|row| row.line).collect();
    assert_eq!(cold, [50], "0.9 % is below the threshold, and safe loops need nothing");
    assert_eq!(
        backlog.next_actions,
        [
            "Write a design packet for `src/k.py:30` (`for i in range(30)`): 10.00 % inclusive, 10.00 % self; \
             removed, the run is at most 1.11x faster.",
            "Classify `src/k.py:40` (`for i in range(40)`) by this measurement: uncertain, and 4.00 % inclusive.",
            "Classify `src/k.py:20` (`for i in range(20)`): 25.00 % inclusive, and no table has a class for it.",
            "Reclassify `src/k.py:50` (`for i in range(50)`) from todo to safe with this rationale, or say why it \
             stays: 0.90 % of this profile.",
        ]
    );
}

#[test]
fn a_share_has_its_bounds_and_its_error() {
    let backlog = backlog(&hot(&[row(10, 12, "todo", 600, 500)]));
    let one = &backlog.candidates[0];
    // sqrt(0.6 * 0.4 / 1000) = 1.549 %
    assert_eq!(
        (one.inclusive_percent, one.self_percent, one.standard_error_percent),
        (60.0, 50.0, Some(1.55))
    );
    assert_eq!((one.speedup.removed, one.speedup.at_4x, one.speedup.at_8x), (Some(2.5), 1.818, 2.105));
    let text = markdown(&backlog);
    let line =
        "| 1 | 60.00 +- 1.55 | 50.00 | 2.50x | 1.82x | 2.10x | todo | `src/k.py:10` | `for i in range(10)` |";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("1 / (1 - p + p / k)"), "{text}");
}

#[test]
fn candidates_within_the_error_are_tied_and_nested_ones_are_not() {
    let rows = [
        row(10, 30, "todo", 400, 0),
        row(12, 20, "todo", 395, 200),
        row(40, 42, "todo", 390, 300),
        row(50, 52, "todo", 200, 100),
    ];
    let backlog = backlog(&hot(&rows));
    let tied: Vec<_> = backlog.candidates.iter().map(|one| one.tied_with.clone()).collect();
    assert_eq!(tied, [vec![3], vec![3], vec![1, 2], vec![]]);
    assert_eq!(backlog.candidates[1].inside, Some(1));
    assert!(backlog.caveats.iter().any(|line| line.starts_with("candidates 1 and 3 are tied")));
    let cut = Backlog::of(&hot(&[row(10, 11, "todo", 300, 1), row(20, 21, "todo", 295, 1)]), "h", 1, None);
    assert_eq!((cut.candidates.len(), cut.more), (1, 1));
    assert!(cut.caveats.iter().any(|line| line == "src/k.py:20 is not listed, and tied with candidate 1"));
}

#[test]
fn a_trace_has_no_sampling_error_and_no_ties() {
    let mut hot = hot(&[row(10, 12, "todo", 300, 1), row(20, 22, "todo", 300, 1)]);
    hot.profile.samples = None;
    hot.profile.unit = "ns".to_owned();
    let backlog = backlog(&hot);
    assert_eq!(backlog.candidates[0].standard_error_percent, None);
    assert!(backlog.candidates[0].tied_with.is_empty());
    assert!(
        markdown(&backlog)
            .contains("No sampling error: the profile counts ns and does not say from how many samples")
    );
}

#[test]
fn function_evidence_asks_for_lines_once_and_its_figures_are_upper_bounds() {
    let function = |line| {
        let mut one = row(line, line + 1, "todo", 500, 0);
        one["attribution"] = json!("function");
        one
    };
    let backlog = backlog(&hot(&[function(10), function(20)]));
    assert_eq!(backlog.candidates.len(), 2);
    assert_eq!(
        backlog.next_actions,
        ["Take a profile with lines of `f` in `src/k.py`: its loops have at most 50.00 %."]
    );
    let text = markdown(&backlog);
    assert!(text.contains("| 1 | <= 50.00 +- 1.58 | 0.00 | <= 2.00x |"), "{text}");
    assert!(text.contains("2 of 2 candidates are known by their function only"), "{text}");
}

#[test]
fn a_stale_loop_asks_for_a_scan_and_hot_code_without_a_loop_for_an_entry() {
    let mut stale = row(10, 12, "todo", 500, 500);
    stale["stale"] = json!("line 10 is now `x`, not `y`");
    let mut hot = hot(&[stale]);
    hot.outside = serde_json::from_value(json!([
        { "file": "src/new.py", "line": 7, "function": "g", "in_inventory": false,
          "inclusive": { "weight": 300, "percent": 30.0 }, "self": { "weight": 10, "percent": 1.0 } },
        { "file": "src/old.py", "line": null, "function": "h", "in_inventory": true,
          "inclusive": { "weight": 20, "percent": 2.0 }, "self": { "weight": 20, "percent": 2.0 } }
    ]))
    .expect("rows");
    assert_eq!(
        backlog(&hot).next_actions,
        [
            "Scan the loops again: the inventory does not fit the source at `src/k.py:10` (50.00 % inclusive).",
            "Add what runs at `src/new.py:7` (`g`) to the inventory, or say why it is no loop: 30.00 % inclusive.",
            "Take a profile with lines of `h` in `src/old.py`: 2.00 % in no loop of the inventory.",
        ]
    );
}

#[test]
fn tables_of_classes_take_the_place_of_the_inventorys() {
    let mut hot = hot(&[row(10, 12, "safe", 600, 600), row(20, 22, "todo", 300, 300)]);
    let table = "| Module | Line | Status |\n|---|---|---|\n| k.py | 10 | Todo |\n| k.py | 20 | Safe |\n| k.py | 99 | Safe |\n";
    let told = reclassify(&mut hot, &[Classification::read("analysis.md", table)]);
    assert_eq!(told, ["analysis.md:5: src/k.py:99 has no loop"]);
    let backlog = backlog(&hot);
    assert_eq!(order(&backlog), [Some(10)]);
    assert_eq!(backlog.candidates[0].class_source.as_deref(), Some("analysis.md:3"));
    assert_eq!(backlog.settled[0].why_not, "classified safe (analysis.md:4)");
}

#[test]
fn seconds_are_stated_for_one_thread_and_not_for_several() {
    let mut hot = hot(&[row(10, 12, "todo", 600, 600)]);
    let times = Times::find("m.json", br#"{"seconds": [2.0, 2.0]}"#).expect("times");
    let one = Backlog::of(&hot, "h", 5, Some(times.clone()));
    assert_eq!(one.candidates[0].seconds, Some(1.2));
    hot.profile.threads = 2;
    let two = Backlog::of(&hot, "h", 5, Some(times));
    assert_eq!(two.candidates[0].seconds, None);
    assert!(two.times_reason.expect("a reason").starts_with("2 threads"));
    let fallback = br#"{"steps": [{"id": "run", "attempts": [{"kind": "fallback", "outcome": "ok",
        "requested": {"n": 4}, "actual": {"n": 2}, "metrics": {"seconds": [2.0]}}]}]}"#;
    let smaller = Backlog::of(&hot, "h", 5, Some(Times::find("s.json", fallback).expect("times")));
    let text = markdown(&smaller);
    assert!(text.contains("those of a fallback"), "{text}");
}

#[test]
fn nothing_to_do_is_said_and_hostile_names_stay_text() {
    let nothing = markdown(&backlog(&hot(&[])));
    assert!(nothing.contains("No open loop has 1 % of the time."), "{nothing}");
    let mut hostile = row(10, 12, "todo", 600, 600);
    hostile["loop"]["module"] = json!("a`b|c\n\u{202e}.py");
    hostile["loop"]["loop_header"] = json!("for `x` in <script>|");
    let backlog = backlog(&hot(&[hostile]));
    assert!(backlog.next_actions[0].contains("(`for 'x' in <script>|`)"), "{}", backlog.next_actions[0]);
    let text = markdown(&backlog);
    assert!(text.is_ascii());
    let line = text.lines().find(|line| line.starts_with("| 1 |")).expect("a row").replace("\\|", "");
    assert_eq!(line.matches('|').count(), 10, "{line}");
    assert_eq!(backlog.next_actions[0].lines().count(), 1);
}

#[test]
fn a_loop_that_is_always_called_from_another_is_not_tied_with_it() {
    let mut outer = row(10, 12, "todo", 400, 5);
    let mut inner = row(40, 42, "todo", 395, 395);
    assert_eq!(backlog(&hot(&[outer.clone(), inner.clone()])).candidates[0].tied_with, [2]);
    outer["common"] = json!([{ "loop_id": "k:40", "weight": 395 }]);
    inner["common"] = json!([{ "loop_id": "k:10", "weight": 395 }]);
    let ordered = backlog(&hot(&[outer, inner]));
    assert!(ordered.candidates.iter().all(|one| one.tied_with.is_empty()));
}

#[test]
fn a_loop_that_could_not_be_looked_for_is_not_called_cold() {
    let mut hot = hot(&[]);
    let one = row(10, 12, "todo", 0, 0)["loop"].clone();
    let unseen = |undetermined: Value, cold: bool| {
        serde_json::from_value(json!([{ "loop": one.clone(), "cold": cold, "undetermined": undetermined }]))
            .expect("a row")
    };
    hot.unseen = unseen(json!("its module was on the stack without lines"), false);
    let table = "| Module | Line | Status |\n|---|---|---|\n| k.py | 10 | Todo |\n";
    reclassify(&mut hot, &[Classification::read("analysis.md", table)]);
    let open = backlog(&hot);
    assert!(open.cold.is_empty() && open.next_actions.is_empty());
    assert!(
        open.caveats
            .iter()
            .any(|line| line.starts_with("1 loops that are todo or uncertain may have had time"))
    );
    hot.unseen = unseen(Value::Null, true);
    assert_eq!(backlog(&hot).cold.len(), 1);
}
