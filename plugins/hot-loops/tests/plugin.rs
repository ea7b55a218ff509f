//! The plugin through the real ABI: files in, artifacts and a document out; what it refuses, in its own words.
//!
//! The profile is a speedscope file with shares that are known by construction: 60, 25, 10 and 5 percent.

use hot_loops::Config;
use hot_loops_model::HotLoops;
use runner_plugin_testkit::{Testkit, built_library, schema_refuses};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../schema.json");
const SOURCE: &str = "\
def work(n):
    for a in range(n):
        one(a)
    for b in range(n):
        two(b)
    for c in range(n):
        three(c)
    for d in range(n):
        four(d)
";

/// One thread; each line is the innermost frame of so many samples of 1 ms.
fn speedscope(lines: &[(u32, usize)]) -> Value {
    let frames: Vec<Value> = lines
        .iter()
        .map(|(line, _)| json!({ "name": "work", "file": "/home/me/project/src/work.py", "line": line }))
        .collect();
    let of = |at: usize, count: usize| std::iter::repeat_n(json!([at]), count);
    let samples: Vec<Value> = lines.iter().enumerate().flat_map(|(at, (_, count))| of(at, *count)).collect();
    let weights = vec![0.001; samples.len()];
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": "by construction",
        "shared": { "frames": frames },
        "profiles": [{
            "type": "sampled", "name": "main (1)", "unit": "seconds", "startValue": 0,
            "endValue": samples.len() as f64 * 0.001, "samples": samples, "weights": weights
        }]
    })
}

fn inventory() -> Value {
    let one = |line: u64, name: &str| {
        json!({
            "module": "src/work.py", "line": line, "col_offset": 4, "loop_type": "for",
            "loop_header": format!("for {name} in range(n)"), "iteration_hint": "range", "end_line": line + 1,
            "id": format!("work.py:work:{name}"), "function": "work", "function_line": 1, "language": "python"
        })
    };
    let all = [one(2, "a"), one(4, "b"), one(6, "c"), one(8, "d")];
    json!({
        "scan_timestamp": null, "package_path": "src", "total_loops": 4, "hot_loops_count": 0,
        "all_loops": all, "hot_loops": []
    })
}

fn kit() -> Testkit {
    let profile = speedscope(&[(3, 600), (5, 250), (7, 100), (9, 50)]).to_string();
    Testkit::load(built_library("hot-loops"))
        .and_then(|kit| Ok(kit.with_file("a/profile/profile.speedscope.json", profile.as_bytes())?))
        .and_then(|kit| Ok(kit.with_file("a/loop_inventory.json", inventory().to_string().as_bytes())?))
        .and_then(|kit| Ok(kit.with_file("src/work.py", SOURCE.as_bytes())?))
        .expect("a plugin and its files")
}

fn with() -> Value {
    json!({ "profile": "a/profile/profile.speedscope.json", "inventory": "a/loop_inventory.json" })
}

#[test]
fn a_profile_of_known_shares_becomes_a_ranking_in_four_forms() {
    let kit = kit();
    let value = kit.capture(with()).expect("captured");
    let hot: HotLoops = serde_json::from_value(value).expect("the document");
    let shares: Vec<_> = hot.loops.iter().map(|row| (row.r#loop.line, row.inclusive.percent)).collect();
    assert_eq!(shares, [(2, 60.0), (4, 25.0), (6, 10.0), (8, 5.0)]);
    assert_eq!(hot.warnings, Vec::<String>::new());
    assert_eq!(kit.artifacts(), ["hot_loops.csv", "hot_loops.json", "hot_loops.md", "hot_loops.html"]);
    let file = kit.artifact("hot_loops.json").expect("written");
    assert_eq!(HotLoops::read(&file).expect("read"), hot);
    let text = String::from_utf8(kit.artifact("hot_loops.csv").expect("written")).expect("UTF-8");
    let row = "src/work.py,2,work.py:work:a,60.00,,line; self 60.00 %; unclassified; no call count: the profile \
               does not say how often its function was called";
    assert_eq!(text.lines().nth(1), Some(row));
    let page = String::from_utf8(kit.artifact("hot_loops.html").expect("written")).expect("UTF-8");
    assert!(
        page.contains("<td>3</td><td>60.00</td><td>60.00</td><td class=\"s\">        one(a)</td>"),
        "{page}"
    );
}

#[test]
fn a_directory_is_searched_for_the_profile_that_says_most() {
    let kit = kit().with_file("a/profile/hotspots.json", b"{}").expect("written");
    let kit = kit.with_file("a/profile/stacks.folded", b"main;f 3\n").expect("written");
    let mut config = with();
    // The test's own directory is another one, so that only an absolute path can be listed.
    let directory = kit.root().join("a");
    config["profile"] = json!(directory);
    config["out"] = json!("ranking/loops");
    let value = kit.capture(config).expect("captured");
    assert_eq!(value["profile"]["path"], json!(directory.join("profile/profile.speedscope.json")));
    assert_eq!(kit.artifacts()[0], "ranking/loops.csv");
}

#[test]
fn what_cannot_be_read_is_named() {
    let refused = |files: &[(&str, &str)], with: Value| {
        let mut kit = kit();
        for (path, text) in files {
            kit = kit.with_file(path, text.as_bytes()).expect("written");
        }
        kit.capture(with).expect_err("refused").message
    };
    let words = refused(&[("a/loop_inventory.json", "{\"all_loops\": [}")], with());
    assert!(words.starts_with("the inventory `a/loop_inventory.json`: line 1, column 16: "), "{words}");
    let words = refused(&[("a/profile/profile.speedscope.json", "{")], with());
    assert!(words.contains("a/profile/profile.speedscope.json"), "{words}");
    let mut missing = with();
    missing["inventory"] = json!("b/loop_inventory.json");
    assert!(refused(&[], missing).contains("read `b/loop_inventory.json`"));
}

#[test]
fn an_inventory_of_another_state_is_a_warning_of_the_step() {
    let kit = kit().with_file("src/work.py", SOURCE.replace("for b", "while b").as_bytes()).expect("written");
    kit.capture(with()).expect("captured");
    let warnings: Vec<String> =
        kit.logs().into_iter().filter(|(level, _)| *level == 2).map(|(_, text)| text).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("at 1 hot loops (src/work.py:4)"), "{warnings:?}");
}

#[test]
fn schema_and_type_agree() {
    let base = json!({ "profile": "p", "inventory": "i" });
    let full = json!({ "profile": "p", "inventory": "i", "threshold": 0.5, "out": "o" });
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let names: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(names, full.as_object().expect("an object").keys().collect::<Vec<_>>());
    let mut variants = vec![(base.clone(), true), (full, true), (json!({ "profile": "p" }), false)];
    let values = [
        ("threshold", json!(101), false),
        ("threshold", json!(-1), false),
        ("threshold", json!(0), true),
        ("out", json!(""), false),
        ("profile", json!(""), false),
        ("other", json!(1), false),
    ];
    for (key, value, good) in values {
        let mut config = base.clone();
        config[key] = value;
        variants.push((config, good));
    }
    for (value, good) in variants {
        let by_type = serde_json::from_value::<Config>(value.clone()).map(|config| config.check().is_ok());
        assert_eq!(by_type.unwrap_or(false), good, "type: {value}");
        assert_eq!(schema_refuses(SCHEMA, &value).is_none(), good, "schema: {value}");
    }
    let default: Config = serde_json::from_value(base).expect("valid");
    assert_eq!(json!(default.threshold), json!(schema["properties"]["threshold"]["default"].as_f64()));
    assert_eq!(json!(default.out), schema["properties"]["out"]["default"]);
}
