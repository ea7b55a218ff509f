//! `schema.json` and the configuration's own reading and limits: both must say the same.
//!
//! A workflow is validated by the schema alone, without running this library; what the schema accepts and
//! the plugin then refuses would be an error that comes too late, the reverse one that nobody can write.

use nanobragg::config::Config;
use runner_plugin_testkit::schema_refuses;
use serde_json::{Map, Value, json};

const SCHEMA: &str = include_str!("../schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().expect("the schema has properties")
}

fn accepted_by_schema(config: &Value) -> bool {
    schema_refuses(SCHEMA, config).is_none()
}

fn read(config: &Value) -> Result<Config, String> {
    let config: Config = serde_json::from_value(config.clone()).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

/// A configuration in which `name` is `value`.
fn with(name: &str, value: &Value) -> Value {
    let mut config = json!({ "size": 64 });
    config[name] = value.clone();
    config
}

#[test]
fn the_schema_describes_every_key() {
    for (name, property) in properties(&schema()) {
        assert!(property["description"].is_string(), "{name} has no description");
    }
}

#[test]
fn the_defaults_are_those_of_the_schema() {
    let schema = schema();
    let config = serde_json::to_value(read(&json!({ "size": 64 })).unwrap()).unwrap();
    let fields = config.as_object().unwrap();
    assert!(fields.keys().eq(properties(&schema).keys()), "the same names, in the same order");
    for (name, property) in properties(&schema) {
        match property.get("default") {
            // 100 and 100.0 are the same number.
            Some(default) if default.is_number() => {
                assert_eq!(fields[name].as_f64(), default.as_f64(), "{name}");
            }
            Some(default) if default.is_array() => {
                let numbers = |value: &Value| -> Vec<f64> {
                    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
                };
                assert_eq!(numbers(&fields[name]), numbers(default), "{name}");
            }
            Some(default) => assert_eq!(&fields[name], default, "{name}"),
            None => assert!(schema["required"].as_array().unwrap().contains(&json!(name)), "{name}"),
        }
    }
    assert_eq!(read(&json!({ "size": 64 })).unwrap(), Config::benchmark(64));
}

#[test]
fn the_limits_are_those_of_the_schema() {
    let schema = schema();
    let mut limited = 0;
    for (name, property) in properties(&schema) {
        // Of a triple, the limits of its numbers.
        let triple = property["items"].is_object();
        let property = if triple { &property["items"] } else { property };
        let (Some(minimum), Some(maximum)) = (property["minimum"].as_f64(), property["maximum"].as_f64())
        else {
            continue;
        };
        limited += 1;
        let whole = property["type"] == "integer";
        let step = if whole { 1.0 } else { 1e-9 * maximum };
        let cases = [(minimum, true), (maximum, true), (minimum - step, false), (maximum + step, false)];
        for (value, accepted) in cases {
            let value = if whole { json!(value as i64) } else { json!(value) };
            let value = if triple { json!([0.5, value, 0.5]) } else { value };
            let config = with(name, &value);
            assert_eq!(accepted_by_schema(&config), accepted, "schema, {config}");
            assert_eq!(read(&config).is_ok(), accepted, "plugin, {config}");
        }
    }
    assert_eq!(limited, 47);
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    let schema = schema();
    let values = [
        json!(null),
        json!(true),
        json!("64"),
        json!("cpu"),
        json!("float64"),
        json!([]),
        json!({}),
        json!(-1),
        json!(0),
        json!(1),
        json!(2.5),
        json!(5.0),
        json!(70_000),
        json!(70_000.0),
        json!(1e300),
        json!(u64::MAX),
        json!(-0.0),
        json!([0, 1, 0.5]),
        json!([0, 1]),
        json!([0, 1, 2, 3]),
        json!([0, 1, null]),
        json!("scalar"),
        json!("round"),
        json!("xds"),
    ];
    let mut configs = vec![
        json!({}),
        json!([]),
        json!(null),
        json!({ "size": 64, "colour": "red" }),
        json!({ "Size": 64 }),
        json!({ "size": 64, "dtype": "float16" }),
        json!({ "size": 64, "device": "cuda" }),
        json!({ "size": 4096, "dtype": "float32", "device": "cpu", "warmup": 1, "iterations": 1 }),
    ];
    for name in properties(&schema).keys() {
        configs.extend(values.iter().map(|value| with(name, value)));
    }
    let (mut accepted, mut refused) = (0, 0);
    for config in &configs {
        let read = read(config);
        assert_eq!(accepted_by_schema(config), read.is_ok(), "{config}: {read:?}");
        if read.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted > 30 && refused > 100, "{accepted} and {refused}");
}

#[test]
fn every_number_outside_its_limits_is_named_with_them() {
    let error = read(&json!({ "size": 9000, "cells": 0, "pixel_mm": -1 })).unwrap_err();
    assert_eq!(
        error,
        "size: 9000 is not within 1 to 8192; cells: 0 is not within 1 to 1000; \
         pixel_mm: -1 is not within 0.001 to 100"
    );
    let error = read(&json!({ "size": 2.5 })).unwrap_err();
    assert_eq!(error, "2.5 is not a whole number of at least 0");
}
