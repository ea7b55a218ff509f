//! The built library through the ABI: its configuration, and what a step gets from it. The host of a test starts
//! no process, so the project is this package itself.
//!
//! The table for people is a snapshot; the inventory is read back by the model crate, as other plugins do.

use loop_inventory::Config;
use runner_plugin_testkit::{FailureKind, Testkit, built_library, schema_refuses};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../schema.json");

fn kit() -> Testkit {
    let mut kit = Testkit::load(built_library("loop-inventory")).expect("the library");
    // A test's host reads from a directory of its own.
    for name in ["tricky.py", "tricky.c"] {
        let path = format!("tests/fixtures/{name}");
        let bytes = std::fs::read(&path).expect("a fixture");
        kit = kit.with_file(&path, &bytes).expect("written");
    }
    kit
}

#[test]
fn a_step_gets_counts_and_the_bundle_the_loops() {
    let kit = kit();
    let paths = json!(["tests/fixtures/tricky.py", "tests/fixtures/tricky.c"]);
    let step = kit.capture(json!({ "paths": paths, "out": "profile/found.json", "hot": ["tricky.c"] }));
    let step = step.expect("captured");
    assert_eq!(
        (&step["inventory"], &step["table"]),
        (&json!("profile/found.json"), &json!("profile/loops.md"))
    );
    assert_eq!(step["counts"], json!({ "loop": 22, "iterator_chain": 0, "comprehension": 4, "tests": 0 }));
    assert_eq!(step["by_language"], json!({ "c": 6, "python": 16 }));
    assert_eq!((&step["total_loops"], &step["hot_loops_count"]), (&json!(22), &json!(6)));
    let bytes = kit.artifact("profile/found.json").expect("written");
    let inventory = loop_inventory_model::Inventory::read(&bytes).expect("an inventory");
    assert_eq!(inventory.all_loops.len(), 26);
    let table = String::from_utf8(kit.artifact("profile/loops.md").expect("written")).expect("text");
    insta::assert_snapshot!(table);
    assert!(table.is_ascii());
    let logs = kit.logs();
    assert!(logs.iter().any(|(level, text)| *level == 2 && text.contains("tricky.c:30:15")), "{logs:?}");
}

#[test]
fn loops_of_tests_are_marked_and_counted_by_themselves() {
    // A file with nothing but a mark at its top, beside one without.
    let kit = kit().with_file("tests/fixtures/tricky.rs", b"#![cfg(test)]\nfn f() { loop {} }\n");
    let kit = kit.expect("written");
    let paths = json!(["tests/fixtures/tricky.c", "tests/fixtures/tricky.rs"]);
    let step = kit.capture(json!({ "paths": paths })).expect("captured");
    assert_eq!((&step["counts"]["tests"], &step["total_loops"]), (&json!(1), &json!(7)));
    assert_eq!(step["by_class"], json!({ "none": 6, "test": 1 }));
    let table = String::from_utf8(kit.artifact("loops.md").expect("written")).expect("text");
    assert!(table.contains("\n- Tests: 1 of the loops run in tests only"), "{table}");
    assert!(table.contains("\n| 2 | f (test) | 0 | loop | `loop`"), "{table}");
}

#[test]
fn a_file_that_the_host_cannot_read_is_told_and_not_dropped() {
    let kit = Testkit::load(built_library("loop-inventory")).expect("the library");
    let step = kit.capture(json!({ "paths": ["tests/fixtures/tricky.py"] })).expect("captured");
    assert_eq!(step["problem_counts"]["unreadable"], 1);
    assert!(kit.logs()[0].1.starts_with("tests/fixtures/tricky.py: read "), "{:?}", kit.logs());
}

#[test]
fn a_wrong_path_and_a_cancelled_scan_end_the_step() {
    let failure = kit().capture(json!({ "paths": ["no/such"] })).expect_err("refused");
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("`no/such` is no file"), "{}", failure.message);
    let kit = kit();
    kit.cancellation().cancel();
    let failure = kit.capture(json!({ "paths": ["tests/fixtures/tricky.py"] })).expect_err("cancelled");
    assert_eq!(failure.kind, FailureKind::Cancelled);
}

#[test]
fn the_schema_and_the_type_accept_the_same() {
    for (with, good) in [
        (json!({ "paths": ["src"] }), true),
        (json!({ "paths": ["src"], "classes": "plans/loops.md" }), true),
        (
            json!({
                "paths": ["src"], "exclude": ["test_*"], "languages": ["c", "cpp", "python", "rust"],
                "classes": ["a.md", "b.md"], "hot": ["**/io/*"], "out": "profile/loops.json",
            }),
            true,
        ),
        (json!({}), false),
        (json!({ "paths": "src" }), false),
        (json!({ "paths": [1] }), false),
        (json!({ "paths": ["src"], "languages": ["fortran"] }), false),
        (json!({ "paths": ["src"], "classes": 3 }), false),
        (json!({ "paths": ["src"], "exclude": "test_*" }), false),
        (json!({ "paths": ["src"], "path": "src" }), false),
    ] {
        assert_eq!(schema_refuses(SCHEMA, &with).is_none(), good, "{with}");
        assert_eq!(serde_json::from_value::<Config>(with.clone()).is_ok(), good, "{with}");
    }
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let out = &schema["properties"]["out"]["default"];
    let config: Config = serde_json::from_value(json!({ "paths": ["src"] })).expect("a configuration");
    assert_eq!(out.as_str(), Some(config.out.as_str()));
}
