//! The built library, through the ABI: what is found where two logs differ, and what is refused.
//!
//! Each test writes two small logs. Where they differ is known from the text, word by word, so a result is compared
//! with what a reader sees.

use runner_plugin_testkit::{FailureKind, Testkit, built_library, schema_refuses};
use serde_json::{Value, json};

/// Compares two texts; `with` has further keys.
fn compared(a: &[u8], b: &[u8], with: &Value) -> Value {
    run(a, b, with).unwrap_or_else(|error| panic!("{error}"))
}

#[expect(clippy::disallowed_methods, reason = "a fixture is no evidence: a torn one fails its test")]
fn run(a: &[u8], b: &[u8], with: &Value) -> Result<Value, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = with.clone();
    for (name, bytes) in [("a", a), ("b", b)] {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        config[name] = json!(path);
    }
    let kit = Testkit::load(built_library("first-divergence")).expect("a plugin");
    kit.capture(config).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Failed);
        failure.message.replace(&directory.path().display().to_string(), "DIR")
    })
}

#[test]
fn the_first_number_beyond_the_tolerance_is_named_with_what_came_before() {
    let a = b"start\nstep 1 x=1.0\nstep 2 x=2.0\nstep 3 x=3.0\n";
    let b = b"start\nstep 1 x=1.0001\nstep 2  x=2.5\nstep 3 x=9\n";
    let found = compared(a, b, &json!({ "absolute": 0.001, "context": 1 }));
    assert_eq!(
        (&found["diverges"], &found["first_line"], &found["lines_alike"]),
        (&json!(true), &json!(3), &json!(2))
    );
    let divergence = &found["divergence"];
    assert_eq!(divergence["what"], "number");
    assert_eq!((&divergence["a"]["word"], &divergence["b"]["word"]), (&json!("2.0"), &json!("2.5")));
    assert_eq!((&divergence["word"], &divergence["difference"]), (&json!(4), &json!(0.5)));
    assert_eq!(divergence["before"], json!(["step 1 x=1.0"]));
    let greatest = found["greatest_difference_before"].as_f64().expect("a number");
    assert!((greatest - 1e-4).abs() < 1e-9 && found["greatest_difference_line"] == 2, "{found}");
}

#[test]
fn equal_logs_do_not_diverge_and_the_line_is_null_with_a_reason() {
    let found = compared(b"a 1\nb nan\r\n", b"a   1.0\nb NaN", &json!({}));
    assert_eq!((&found["diverges"], &found["first_line"]), (&json!(false), &Value::Null));
    assert_eq!(found["unknown"]["first_line"], "the two do not differ");
    assert_eq!(compared(b"", b"", &json!({}))["lines_alike"], 0);
}

#[test]
fn a_log_that_ends_early_diverges_there_and_skipped_lines_keep_their_numbers() {
    let found = compared(b"# 10:00\na\nb\n", b"a\n# 10:01\n", &json!({ "skip": ["#"] }));
    assert_eq!((&found["divergence"]["what"], &found["first_line"]), (&json!("end of b"), &json!(3)));
    assert_eq!(found["divergence"]["b"]["text"], Value::Null);
    let found = compared(b"a b\n", b"a b c\n", &json!({}));
    assert_eq!(found["divergence"]["what"], "end of the line of a");
}

#[test]
fn a_relative_tolerance_counts_from_the_reference_and_infinity_is_no_number_to_be_near() {
    let with = json!({ "relative": 0.01 });
    assert_eq!(compared(b"100 1\n", b"101 1\n", &with)["diverges"], false);
    assert_eq!(compared(b"100 1\n", b"101.5 1\n", &with)["diverges"], true);
    let found = compared(b"inf\n", b"1\n", &json!({ "absolute": 1e300 }));
    assert_eq!((&found["diverges"], &found["divergence"]["difference"]), (&json!(true), &Value::Null));
    assert_eq!(compared(b"-inf\n", b"-inf\n", &json!({}))["diverges"], false);
}

#[test]
fn infinity_and_nan_agree_with_themselves_only_whatever_the_relative_tolerance() {
    let with = json!({ "relative": 0.01 });
    for (a, b, diverges) in [
        ("inf", "3.0", true),
        ("-inf", "3.0", true),
        ("3.0", "inf", true),
        ("inf", "-inf", true),
        ("nan", "3.0", true),
        ("3.0", "nan", true),
        ("inf", "nan", true),
        ("inf", "infinity", false),
        ("-inf", "-Infinity", false),
        ("nan", "NaN", false),
    ] {
        let found = compared(format!("loss {a}\n").as_bytes(), format!("loss {b}\n").as_bytes(), &with);
        assert_eq!(found["diverges"], json!(diverges), "{a} and {b}: {found}");
        assert_eq!(found["greatest_difference_before"], json!(0.0), "{a} and {b}: {found}");
    }
}

#[test]
fn what_is_no_log_is_refused() {
    let long = vec![b'x'; (1 << 20) + 2];
    assert_eq!(
        run(&long, b"a", &json!({})).expect_err("too long"),
        "`DIR/a`:1: a line of more than 1 MiB is no log"
    );
    let kit = Testkit::load(built_library("first-divergence")).expect("a plugin");
    let missing = kit.capture(json!({ "a": "/nowhere/a", "b": "/nowhere/b" })).expect_err("missing");
    assert!(missing.message.starts_with("`/nowhere/a` cannot be read"), "{}", missing.message);
    let device = kit.capture(json!({ "a": "/dev/null", "b": "/dev/null" })).expect_err("a device");
    assert_eq!(device.message, "`/dev/null` is not a regular file");
}

#[test]
fn the_schema_and_the_configuration_accept_the_same() {
    let schema: Value = serde_json::from_str(include_str!("../schema.json")).expect("JSON");
    let whole = json!({ "a": "x", "b": "y", "absolute": 0.5, "relative": 1, "skip": ["#"], "context": 0 });
    let names: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(names, whole.as_object().expect("an object").keys().collect::<Vec<_>>());
    for (config, fits) in [
        (whole, true),
        (json!({ "a": "x", "b": "y" }), true),
        (json!({ "a": "x" }), false),
        (json!({ "a": "x", "b": "y", "c": 1 }), false),
        (json!({ "a": "x", "b": "y", "absolute": "1" }), false),
    ] {
        assert_eq!(schema_refuses(include_str!("../schema.json"), &config).is_none(), fits, "{config}");
        assert_eq!(
            serde_json::from_value::<first_divergence::Config>(config.clone()).is_ok(),
            fits,
            "{config}"
        );
    }
}
