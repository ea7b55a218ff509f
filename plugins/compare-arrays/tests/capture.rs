//! The built library, through the ABI: figures against hand-made values, every format, and what is refused.
//!
//! Every input is written to a directory of its own, byte by byte, so that no other tool decides what a format is.
//! NaN and infinity are there on both sides: they must neither become figures nor be near anything.

use runner_plugin_testkit::{Testkit, built_library, schema_refuses};
use serde_json::{Value, json};

/// Compares two files with these names and bytes; `with` has further keys.
#[expect(clippy::disallowed_methods, reason = "a fixture is no evidence: a torn one fails its test")]
fn run(a: (&str, &[u8]), b: (&str, &[u8]), with: &Value) -> Result<Value, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = with.clone();
    for (key, (name, bytes)) in [("a", a), ("b", b)] {
        let path = directory.path().join(format!("{key}_{name}"));
        std::fs::write(&path, bytes).expect("written");
        config[key] = json!(path);
    }
    let kit = Testkit::load(built_library("compare-arrays")).expect("a plugin");
    kit.capture(config)
        .map_err(|failure| failure.message.replace(&format!("{}/", directory.path().display()), ""))
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn near(found: &Value, wanted: f64) -> bool {
    found.as_f64().is_some_and(|found| (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0))
}

#[test]
fn the_figures_are_those_that_are_computed_by_hand() {
    let with = json!({ "shape": [2, 2] });
    let found = run(("x.f32", &f32s(&[1.0, 2.0, 3.0, 4.0])), ("x.f32", &f32s(&[1.0, 2.0, 3.0, 6.0])), &with)
        .expect("figures");
    // Deviations -1.5 -0.5 0.5 1.5 and -2 -1 0 3: 8 / sqrt(5 * 14).
    assert!(near(&found["correlation"], 8.0 / 70.0_f64.sqrt()), "{found}");
    assert!(
        near(&found["sum_ratio"], 1.2)
            && near(&found["max_abs_difference"], 2.0)
            && near(&found["rms_difference"], 1.0)
    );
    assert_eq!(
        (&found["differing"], &found["equal"], &found["values"]),
        (&json!(1), &json!(false), &json!(4))
    );
    assert_eq!(found["first_difference"], json!({ "index": 3, "at": [1, 1], "a": 4.0, "b": 6.0 }));
}

#[test]
fn a_tolerance_counts_between_finite_values_only() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for (a, b, equal) in [
        (inf, -5.0, false),
        (-inf, -5.0, false),
        (3.0, inf, false),
        (inf, -inf, false),
        (-inf, inf, false),
        (nan, 1.0, false),
        (1.0, nan, false),
        (inf, nan, false),
        (inf, inf, true),
        (-inf, -inf, true),
        (nan, nan, true),
        (1e6, 1.000_000_5e6, true),
    ] {
        for with in [json!({ "relative": 1e-6 }), json!({ "relative": 1e-6, "absolute": 1e300 })] {
            // Beside an absolute tolerance of 1e300, two finite values are always near.
            let found = run(("x.f32", &f32s(&[1.0, 2.0, a])), ("x.f32", &f32s(&[1.0, 2.0, b])), &with)
                .expect("figures");
            assert_eq!(found["equal"], json!(equal), "{a} and {b} with {with}: {found}");
            assert_eq!(found["differing"], json!(u64::from(!equal)), "{a} and {b} with {with}: {found}");
        }
    }
}

#[test]
fn a_large_offset_costs_no_digits() {
    let values = |step: f64| -> Vec<u8> {
        (0..1000).flat_map(|i| (1e9 + step * f64::from(i % 7)).to_le_bytes()).collect()
    };
    let found = run(("x.f64", &values(1e-3)), ("x.f64", &values(2e-3)), &json!({})).expect("figures");
    assert!(found["correlation"].as_f64().is_some_and(|found| found > 0.999_999), "{found}");
}

#[test]
fn every_format_holds_the_same_values() {
    let values = [0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0];
    let raw = f32s(&values);
    let big: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let ints: Vec<u8> = (0..6_i16).flat_map(i16::to_le_bytes).collect();
    for (name, bytes) in [
        ("x.f32", raw.clone()),
        ("x.npy", npy("<f4", "False", "(2, 3)", &raw)),
        ("x.npy", npy(">f4", "False", "(2, 3)", &big)),
        ("x.npy", npy("<i2", "False", "(2, 3)", &ints)),
        ("x.npy", npy("|u1", "False", "(2, 3,)", &[0, 1, 2, 3, 4, 5])),
        ("x.csv", b"# head\n0,1,2\r\n3 ; 4 ;5\n".to_vec()),
        ("x.pgm", b"P5\n# made by hand\n3 2 255\n\x00\x01\x02\x03\x04\x05".to_vec()),
        ("x.pgm", b"P5 3 2 65535\n\0\0\0\x01\0\x02\0\x03\0\x04\0\x05".to_vec()),
        ("x.pgm", b"P2\n3 2\n9\n0 1 2\n3 4 5\n".to_vec()),
    ] {
        let found = run(("x.f32", &raw), (name, &bytes), &json!({}))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((&found["equal"], &found["values"]), (&json!(true), &json!(6)), "{name}: {found}");
        assert!(near(&found["correlation"], 1.0), "{name}: {found}");
    }
    let color = b"P6 1 2 255\n\0\x01\x02\x03\x04\x05";
    assert_eq!(
        run(("x.ppm", color), ("x.f32", &raw), &json!({})).expect("figures")["shape"],
        json!([2, 1, 3])
    );
}

#[test]
fn nan_makes_the_figures_null_with_a_reason_or_is_left_out() {
    let (a, b) = (f32s(&[1.0, f32::NAN, 3.0, f32::NAN]), f32s(&[1.0, 2.0, 3.0, f32::NAN]));
    let refused = run(("x.f32", &a), ("x.f32", &b), &json!({})).expect("figures");
    for name in ["correlation", "sum_ratio", "max_abs_difference", "rms_difference"] {
        assert_eq!(refused[name], Value::Null);
        assert!(
            refused["unknown"][name].as_str().is_some_and(|why| why.contains("the first at index 1")),
            "{refused}"
        );
    }
    assert_eq!((&refused["not_finite_a"], &refused["not_finite_b"]), (&json!(2), &json!(1)));
    assert_eq!(
        refused["first_difference"]["a"], "NaN",
        "two NaN are equal, a NaN and a number are not: {refused}"
    );
    let skipped = run(("x.f32", &a), ("x.f32", &b), &json!({ "not_finite": "skip" })).expect("figures");
    assert_eq!((&skipped["compared"], &skipped["max_abs_difference"]), (&json!(2), &json!(0.0)));
}

#[test]
fn a_constant_array_has_no_correlation_and_says_so() {
    let found =
        run(("x.f32", &f32s(&[2.0, 2.0])), ("x.f32", &f32s(&[1.0, 3.0])), &json!({})).expect("figures");
    assert_eq!(
        (&found["correlation"], &found["unknown"]["correlation"]),
        (&Value::Null, &json!("all values of `a` are the same"))
    );
}

#[test]
fn other_sizes_shapes_and_broken_files_are_refused_by_name() {
    let six = f32s(&[0.0; 6]);
    let refused = |a: (&str, &[u8]), b: (&str, &[u8]), with: Value| run(a, b, &with).expect_err("refused");
    let told = |message: String, wanted: &str| assert_eq!(message, wanted);
    told(
        refused(("x.f32", &six), ("x.csv", b"1,2\n"), json!({})),
        "the sizes differ: `a_x.f32` holds 6 values, `b_x.csv` holds 2",
    );
    let (two_three, three_two) = (npy("<f4", "False", "(2, 3)", &six), npy("<f4", "False", "(3, 2)", &six));
    assert!(
        refused(("x.npy", &two_three), ("x.npy", &three_two), json!({}))
            .starts_with("the shapes differ: `a_x.npy` has [2, 3]")
    );
    told(
        refused(("x.f32", &six), ("x.f32", &six[..23]), json!({})),
        "`b_x.f32` has 23 bytes: that is no whole number of 4-byte values",
    );
    told(
        refused(("x.npy", &two_three[..two_three.len() - 1]), ("x.npy", &two_three), json!({})),
        "`a_x.npy` is cut off: it should hold 6 values",
    );
    told(
        refused(("x.csv", b"1,,2\n"), ("x.csv", b"1 2\n"), json!({})),
        "`a_x.csv` line 1: an empty field; write a number (or NaN) there",
    );
    told(
        refused(("x.csv", b"a,b\n1,2\n"), ("x.csv", b"1 2\n"), json!({})),
        "`a_x.csv` line 1: `a` is no number (`skip_rows:` leaves out a heading)",
    );
    told(
        refused(("x.csv", b"1 2 3\n"), ("x.csv", b"1 2\n"), json!({ "shape": [2] })),
        "`a_x.csv` holds more than the 2 values of its shape",
    );
    told(refused(("x.f32", b""), ("x.f32", b""), json!({})), "`a_x.f32` and `b_x.f32` hold no values");
    assert!(refused(("x.bin", &six), ("x.bin", &six), json!({})).contains("add `format: f32`"));
    assert!(refused(("x.pgm", b"P4 1 1\n"), ("x.pgm", b""), json!({})).contains("does not begin with P2"));
}

#[test]
fn more_values_than_are_held_at_a_time_are_all_compared() {
    let mut values = vec![1.0_f32; 200_000];
    let a = f32s(&values);
    values[199_999] = 2.0;
    let found = run(("x.f32", &a), ("x.f32", &f32s(&values)), &json!({})).expect("figures");
    assert_eq!((&found["values"], &found["first_difference"]["index"]), (&json!(200_000), &json!(199_999)));
}

#[test]
fn the_schema_and_the_configuration_accept_the_same() {
    let schema: Value = serde_json::from_str(include_str!("../schema.json")).expect("JSON");
    let whole = json!({
        "a": "x", "b": "y", "format": "f32", "shape": [2], "absolute": 0.5, "relative": 1, "not_finite": "skip",
        "skip_rows": 1,
    });
    let names: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(names, whole.as_object().expect("an object").keys().collect::<Vec<_>>());
    for (config, fits) in [
        (whole, true),
        (json!({ "a": "x", "b": "y" }), true),
        (json!({ "b": "x" }), false),
        (json!({ "a": "x", "b": "y", "format": "png" }), false),
        (json!({ "a": "x", "b": "y", "shape": [-1] }), false),
    ] {
        assert_eq!(schema_refuses(include_str!("../schema.json"), &config).is_none(), fits, "{config}");
        assert_eq!(
            serde_json::from_value::<compare_arrays::Config>(config.clone()).is_ok(),
            fits,
            "{config}"
        );
    }
}
