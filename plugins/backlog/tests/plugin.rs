//! The plugin through the real ABI, on a document that was written by hand; what it refuses, in its own words.
//!
//! Its configuration is held against `schema.json`, so that the runner refuses before a run what the plugin would
//! refuse in it. Ranking and bounds are tested in `src/tests.rs`.

use backlog::Config;
use runner_plugin_testkit::{Testkit, built_library, schema_refuses};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../schema.json");

fn document() -> Value {
    let share = |weight: u64| json!({ "weight": weight, "percent": weight as f64 / 10.0 });
    let one = |line: u64, class: &str, weight: u64| {
        json!({
            "loop": {
                "module": "src/k.py", "line": line, "col_offset": 0, "loop_type": "for", "loop_header": "for x in y",
                "iteration_hint": "", "id": format!("k:{line}"), "end_line": line + 1, "class": class
            },
            "attribution": "line", "inclusive": share(weight), "inclusive_by_line": share(weight),
            "self": share(weight), "self_by_line": share(weight), "calls": null, "calls_reason": "samples",
            "variation": { "iterations": 0, "mean_percent": null, "std_percent": null, "reason": "none" },
            "stale": null
        })
    };
    json!({
        "version": 1, "threshold_percent": 1.0,
        "profile": {
            "path": "p", "source": "s", "unit": "samples", "total": 1000, "samples": 1000, "hz": null,
            "seconds": null, "iterations": null, "lost": null, "threads": 1
        },
        "inventory": {
            "path": "i", "scan_timestamp": null, "loops": 2, "classified": 2, "with_end": 2, "with_function": 0
        },
        "parts": {
            "loops": share(900), "groups": share(0), "outside": share(0), "unexplained": share(100)
        },
        "loops": [one(1, "todo", 600), one(9, "safe", 300)],
        "groups": [], "unseen": [], "outside": [],
        "unexplained": [{ "function": "memset", "module": "libc", "kind": "runtime", "self": share(100) }],
        "warnings": []
    })
}

fn kit(document: &Value) -> Testkit {
    let kit = Testkit::load(built_library("backlog")).expect("a plugin");
    kit.with_file("b/hot_loops.json", document.to_string().as_bytes()).expect("written")
}

#[test]
fn a_backlog_has_two_forms_and_actions_for_the_ledger() {
    let kit = kit(&document()).with_file("b/state.json", br#"{"seconds": [0.5, 0.7]}"#).expect("written");
    let mut value =
        kit.capture(json!({ "hot_loops": "b/hot_loops.json", "run": "b/state.json" })).expect("captured");
    let findings = value.as_object_mut().expect("an object").remove("findings").expect("findings");
    assert_eq!(findings[0], "1 candidates, 1 settled, 0 cold");
    assert_eq!(kit.artifacts(), ["backlog.json", "backlog.md"]);
    let written: Value =
        serde_json::from_slice(&kit.artifact("backlog.json").expect("written")).expect("JSON");
    assert_eq!(written, value);
    assert_eq!(value["candidates"][0]["speedup"]["removed"], 2.5);
    assert_eq!(value["candidates"][0]["seconds"], 0.36);
    let action = "Write a design packet for `src/k.py:1` (`for x in y`): 60.00 % inclusive, 60.00 % self; removed, \
                  the run is at most 2.50x faster.";
    assert_eq!(value["next_actions"], json!([action]));
    let text = String::from_utf8(kit.artifact("backlog.md").expect("written")).expect("UTF-8");
    assert!(text.contains(&format!("1. {action}")), "{text}");
    assert!(text.contains("10.00 % of the profile is in no loop and no line that is known"), "{text}");
}

#[test]
fn classes_of_a_table_are_taken_and_what_does_not_fit_is_a_warning() {
    let table = "| Module | Line | Status |\n|---|---|---|\n| k.py | 9 | Uncertain |\n| k.py | 70 | Safe |\n";
    let kit = kit(&document()).with_file("analysis.md", table.as_bytes()).expect("written");
    let value = kit
        .capture(json!({ "hot_loops": "b/hot_loops.json", "classes": ["analysis.md"] }))
        .expect("captured");
    assert_eq!(value["candidates"][1]["class"], "uncertain");
    let warnings: Vec<_> = kit.logs().into_iter().filter(|(level, _)| *level == 2).collect();
    assert!(warnings[0].1.starts_with("analysis.md:4: "), "{warnings:?}");
}

#[test]
fn another_version_parts_that_do_not_add_up_and_no_json_are_refused() {
    let refused = |document: &Value| {
        kit(document).capture(json!({ "hot_loops": "b/hot_loops.json" })).expect_err("refused").message
    };
    let mut other = document();
    other["version"] = json!(2);
    assert!(refused(&other).contains("`b/hot_loops.json` is no hot_loops.json: version 2 is not 1"));
    let mut wrong = document();
    wrong["profile"]["total"] = json!(999);
    assert!(refused(&wrong).contains("the parts add up to 1000, and the profile is 999"));
    assert!(refused(&json!([])).contains("line 1, column"));
}

#[test]
fn schema_and_type_agree() {
    let full = json!({ "hot_loops": "h", "classes": ["a.md"], "top": 3, "run": "s.json", "out": "o" });
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let names: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(names, full.as_object().expect("an object").keys().collect::<Vec<_>>());
    let mut variants = vec![(full.clone(), true), (json!({ "hot_loops": "h" }), true), (json!({}), false)];
    let values = [
        ("top", json!(0), false),
        ("top", json!(21), false),
        ("top", json!(20), true),
        ("classes", json!([""]), false),
        ("run", json!(""), false),
        ("out", json!(""), false),
        ("other", json!(1), false),
    ];
    for (key, value, good) in values {
        let mut config = full.clone();
        config[key] = value;
        variants.push((config, good));
    }
    for (value, good) in variants {
        let by_type = serde_json::from_value::<Config>(value.clone()).map(|config| config.check().is_ok());
        assert_eq!(by_type.unwrap_or(false), good, "type: {value}");
        assert_eq!(schema_refuses(SCHEMA, &value).is_none(), good, "schema: {value}");
    }
    let default: Config = serde_json::from_value(json!({ "hot_loops": "h" })).expect("valid");
    assert_eq!(json!(default.top), schema["properties"]["top"]["default"]);
    assert_eq!(json!(default.out), schema["properties"]["out"]["default"]);
}
