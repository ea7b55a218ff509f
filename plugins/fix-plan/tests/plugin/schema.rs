//! The JSON Schema and the configuration's type accept the same values: what `validate` lets through, the
//! plugin takes, and the other way round.

use fix_plan::{Config, FixPlan};
use runner_plugin::Ledger;
use runner_plugin_testkit::schema_refuses;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn by_type(value: &Value) -> Result<FixPlan, String> {
    let config: Config = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    FixPlan::create(config).map_err(|error| error.to_string())
}

/// Configurations that differ from a good one in one key.
fn variants() -> Vec<(Value, bool)> {
    let base = json!({"ledger": "docs/fix_plan.md", "item": "A-1", "plan": "p.md", "row": "B1"});
    let mut all = vec![(base.clone(), true), (json!({"ledger": "l.md", "item": "A"}), true)];
    let mut with = |key: &str, value: Value, good: bool| {
        let mut config = base.clone();
        config[key] = value;
        all.push((config, good));
    };
    for path in ["ledger", "plan"] {
        with(path, json!("a/..b/c d.md"), true);
        for bad in ["", " a", "/a", "../a", "a/../b", "a/..", "a\nb", "a`b"] {
            with(path, json!(bad), false);
        }
    }
    for key in ["item", "row", "who"] {
        with(key, json!("A b"), true);
        for bad in [json!(""), json!(" a"), json!("a "), json!("a\tb"), json!(7), json!("(]`|")] {
            with(key, bad, false);
        }
    }
    for key in ["index", "set_status", "next_actions", "note"] {
        with(key, json!(false), true);
        with(key, json!(true), true);
        with(key, json!("no"), false);
    }
    with("other", json!(1), false);
    for result in ["complete", "blocked", "interrupted", "broken"] {
        for letter in [" ", "P", "D", "B", "X", "x", "~", "-"] {
            with("state", json!({result: letter}), true);
        }
        for bad in [json!("p"), json!(""), json!("PP"), json!(1)] {
            with("state", json!({result: bad}), false);
        }
        with("status", json!({result: "in_progress (a | b)"}), true);
        with("status", json!({result: "a\n- Status: b"}), false);
        with("status", json!({result: ""}), false);
    }
    with("state", json!({"other": "P"}), false);
    with("status", json!({"other": "x"}), false);
    with("rows", json!(["B1"]), false); // beside `row`
    for (rows, good) in [
        (json!(["A1", "A2"]), true),
        (json!(["A1"]), true),
        (json!([]), false),
        (json!(["A1", "A1"]), false),
        (json!(["A1", ""]), false),
        (json!("A1"), false),
    ] {
        all.push((json!({"ledger": "l.md", "item": "A", "plan": "p.md", "rows": rows, "note": true}), good));
    }
    all.push((json!({"ledger": "l.md", "item": "A", "rows": ["A1"]}), false));
    all.push((json!({"ledger": "l.md", "item": "A", "note": true}), false));
    all.push((json!({"ledger": "l.md", "item": "A", "note": false}), true));
    for missing in ["ledger", "item", "plan", "row"] {
        let mut config = base.clone();
        config.as_object_mut().expect("an object").remove(missing);
        all.push((config, false));
    }
    all
}

#[test]
fn schema_and_type_agree_on_every_variant() {
    for (value, good) in variants() {
        let refused = schema_refuses(SCHEMA, &value);
        assert_eq!(refused.is_none(), good, "schema: {value}: {refused:?}");
        assert_eq!(by_type(&value).is_ok(), good, "type: {value}: {:?}", by_type(&value).err());
    }
}

#[test]
fn every_key_is_described_and_no_other_is_taken() {
    fn walk(at: &str, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        assert_eq!(schema["additionalProperties"], json!(false), "{at}");
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{at}/{name}");
            walk(&format!("{at}/{name}"), property);
        }
    }
    walk("", &schema());
}

#[test]
fn a_configuration_names_the_documents_it_wants() {
    let documents = |value| by_type(&value).expect("a plugin").documents();
    assert_eq!(documents(json!({"ledger": "l.md", "item": "A"})), ["l.md"]);
    assert_eq!(
        documents(json!({"ledger": "l.md", "item": "A", "plan": "p.md", "row": "B"})),
        ["l.md", "p.md"]
    );
    assert_eq!(documents(json!({"ledger": "l.md", "item": "A", "plan": "l.md", "row": "B"})), ["l.md"]);
}
