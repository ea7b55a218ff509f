//! The library as its host sees it: loaded, driven from configuration to metrics and artifact.
//!
//! The testkit plays the host with the host's own code.

use std::io::Write;
use std::time::Duration;

use ndarray::Array2;
use runner_plugin_testkit::{FailureKind, KernelResult, Testkit, built_library};
use serde_json::{Map, Value, json};

fn kit() -> Testkit {
    Testkit::load(built_library("nanobragg")).expect("the library is a plugin")
}

fn run(config: Value) -> (KernelResult, Testkit) {
    let kit = kit();
    let result = kit.kernel(config).expect("the kernel runs");
    (result, kit)
}

fn number(metrics: &Map<String, Value>, name: &str) -> f64 {
    metrics[name]["value"].as_f64().unwrap_or_else(|| panic!("{name}: {}", metrics[name]))
}

#[test]
fn the_manifest_carries_name_and_schema() {
    let kit = kit();
    assert_eq!(kit.manifest().name, "nanobragg");
    let schema: Value = serde_json::from_str(include_str!("../schema.json")).unwrap();
    assert_eq!(kit.manifest().config_schema, schema);
}

#[test]
fn a_run_iterates_as_asked_and_reports_every_figure_with_its_unit() {
    let (result, kit) = run(json!({ "size": 300, "threads": 2, "warmup": 2, "iterations": 4 }));
    assert_eq!((result.device.as_str(), result.warmup, result.asked), ("cpu", 2, 4));
    let units = [
        ("seconds", "s"),
        ("seconds_min", "s"),
        ("seconds_median", "s"),
        ("pixels_per_second", "px/s"),
        ("peak_rss", "B"),
        ("sum", "photons"),
        ("mean", "photons"),
        ("max", "photons"),
        ("correlation", "1"),
        ("sum_ratio", "1"),
        ("max_difference", "1"),
        ("checked_pixels", "px"),
        ("size", "px"),
        ("iterations", "1"),
    ];
    let metrics = &result.metrics;
    let reported: Vec<_> =
        metrics.iter().map(|(name, metric)| (name.as_str(), metric["unit"].as_str().unwrap())).collect();
    assert_eq!(reported, units);

    assert_eq!(metrics["seconds"]["value"], json!(result.seconds));
    assert_eq!(metrics["iterations"]["value"], 4);
    assert_eq!(metrics["size"]["value"], 300);
    let mut sorted = result.seconds.clone();
    sorted.sort_by(f64::total_cmp);
    assert!((number(metrics, "seconds_min") - sorted[0]).abs() < 1e-12);
    let median = f64::midpoint(sorted[1], sorted[2]);
    assert!((number(metrics, "seconds_median") - median).abs() < 1e-12);
    assert!((number(metrics, "pixels_per_second") * median / 90_000.0 - 1.0).abs() < 1e-9);

    assert!((number(metrics, "correlation") - 1.0).abs() < 1e-9);
    assert!((number(metrics, "sum_ratio") - 1.0).abs() < 1e-6);
    assert!(number(metrics, "max_difference") < 1e-5);
    assert!(number(metrics, "checked_pixels") >= 65_536.0);
    assert!((number(metrics, "max") / 154.652_466 - 1.0).abs() < 1e-6);
    assert!(number(metrics, "peak_rss") > f64::from(300 * 300 * 4));
    assert!(kit.artifacts().is_empty(), "no image was asked for");
}

/// Reads an image of 65 x 65 pixels back, by the description of the format.
fn pixels<T, const N: usize>(bytes: &[u8], descr: &str, value: fn([u8; N]) -> T) -> Array2<T> {
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..end]).expect("the header is ASCII");
    assert_eq!(
        header.trim_end(),
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (65, 65), }}")
    );
    let (values, rest) = bytes[end..].as_chunks::<N>();
    assert!(rest.is_empty());
    Array2::from_shape_vec((65, 65), values.iter().copied().map(value).collect())
        .expect("as many pixels as the shape says")
}

#[test]
fn the_image_is_written_in_the_format_of_numpy() {
    let (result, kit) = run(json!({ "size": 65, "image": true }));
    assert_eq!(kit.artifacts(), ["image.npy"]);
    let bytes = kit.artifact("image.npy").unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let image = pixels(&bytes, "<f4", f32::from_le_bytes);
    let sum: f64 = image.iter().copied().map(f64::from).sum();
    assert!((sum / number(&result.metrics, "sum") - 1.0).abs() < 1e-12);
    let max = image.iter().copied().fold(0.0, f32::max);
    assert_eq!(image[(33, 33)].to_bits(), max.to_bits(), "the beam meets the centre of pixel (33, 33)");

    let (_, kit) = run(json!({ "size": 65, "image": true, "dtype": "float64" }));
    let bytes = kit.artifact("image.npy").unwrap();
    let double = pixels(&bytes, "<f8", f64::from_le_bytes);
    let worst = image.iter().zip(&double).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst > 0.0 && worst < 1e-5 * f64::from(max), "{worst:e}");
}

#[test]
fn both_variants_report_the_same_image_and_check_each_other() {
    let scene = json!({ "size": 96, "pixel_mm": 1.0, "osc_deg": 1, "phi_steps": 3, "oversample": 2 });
    let with = |name: &str, value: Value| {
        let mut config = scene.clone();
        config[name] = value;
        run(config)
    };
    let (scalar, _) = with("variant", json!("scalar"));
    let (vectorized, kit) = with("variant", json!("vectorized"));
    for name in ["sum", "max", "mean"] {
        let ratio = number(&scalar.metrics, name) / number(&vectorized.metrics, name);
        assert!((ratio - 1.0).abs() < 1e-5, "{name}: {ratio}");
    }
    for metrics in [&scalar.metrics, &vectorized.metrics] {
        assert!(number(metrics, "correlation") > 0.999_999 && number(metrics, "max_difference") < 1e-4);
    }
    let line = kit.logs().into_iter().map(|(_, line)| line).find(|line| line.contains("terms a pixel"));
    assert!(line.as_deref().is_some_and(|line| line.starts_with("12 terms a pixel, ")), "{line:?}");
}

#[test]
fn a_report_holds_the_configuration_and_the_figures() {
    let (result, kit) = run(json!({ "size": 32, "variant": "scalar", "report": "before.json" }));
    assert_eq!(kit.artifacts(), ["before.json"]);
    let report: Value = serde_json::from_slice(&kit.artifact("before.json").unwrap()).unwrap();
    assert_eq!(report["metrics"], json!(result.metrics));
    assert_eq!((&report["config"]["variant"], &report["config"]["size"]), (&json!("scalar"), &json!(32)));
    assert_eq!(report["config"]["cells"], 5, "defaults are told too");
    assert!(report["threads"].as_u64().unwrap() >= 1);
}

#[test]
fn structure_factors_come_from_the_file_that_is_named_and_no_other() {
    let scene = |hkl: Value| json!({ "size": 64, "pixel_mm": 1.6, "oversample": 1, "hkl": hkl });
    let kit = kit();
    // nanoBragg would read it.
    std::fs::create_dir_all(kit.root().join("data")).unwrap();
    std::fs::File::create(kit.root().join("Fdump.bin")).unwrap().write_all(b"0 0 0 0 0 0\n\x0c").unwrap();
    let mut file = std::fs::File::create(kit.root().join("data/two.hkl")).unwrap();
    file.write_all(b"# two reflections\n-1 1 0 200\n0 2 2 0\n").unwrap();
    let sum = |config| number(&kit.kernel(config).expect("the kernel runs").metrics, "sum");
    let uniform = sum(scene(Value::Null));
    let file = sum(scene(json!("data/two.hkl")));
    assert!((file / uniform - 1.0).abs() > 1e-4, "{file} and {uniform}");
    let again = sum(json!({ "size": 64, "pixel_mm": 1.6, "oversample": 1 }));
    assert!((again / uniform - 1.0).abs() < 1e-12, "the same without the key");
}

#[test]
fn a_file_of_reflections_that_is_missing_or_wrong_is_an_error_that_names_it() {
    let kit = kit();
    let mut file = std::fs::File::create(kit.root().join("bad.hkl")).unwrap();
    file.write_all(b"0 0 1 10\n0 0 two 10\n").unwrap();
    for (path, expected) in [
        ("nowhere.hkl", "hkl: nowhere.hkl"),
        ("bad.hkl", "bad.hkl:2:5: `two` is not a number; each line is `h k l F`"),
    ] {
        let failure = kit.kernel(json!({ "size": 8, "hkl": path })).unwrap_err();
        assert_eq!(failure.phase, "create", "{failure:?}");
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}

#[test]
fn a_scene_without_photons_is_an_answer() {
    let (result, _) = run(json!({ "size": 16, "default_f": 0 }));
    assert!(number(&result.metrics, "max").abs() < f64::MIN_POSITIVE);
    assert_eq!(result.metrics["correlation"]["value"], Value::Null);
    assert_eq!(result.metrics["correlation"]["reason"], "an image without photons has no correlation");
    assert!((number(&result.metrics, "sum_ratio") - 1.0).abs() < 1e-12);
}

#[test]
fn an_image_that_cannot_be_written_fails_the_step() {
    let kit = kit();
    std::fs::create_dir(kit.bundle().join("image.npy")).unwrap();
    let failure = kit.kernel(json!({ "size": 8, "image": true })).unwrap_err();
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Failed, "finish"));
    assert!(failure.message.contains("image.npy"), "{}", failure.message);
}

#[test]
fn a_bad_configuration_is_refused_before_anything_is_allocated() {
    let cases = [
        (json!({}), "missing field `size`"),
        (json!({ "size": 0 }), "size: 0 is not within 1 to 8192"),
        (json!({ "size": 8, "device": "cuda" }), "unknown variant `cuda`"),
        (json!({ "size": 8, "detector": 1 }), "unknown field `detector`"),
        (json!({ "size": 8, "cells": 0 }), "cells: 0 is not within 1 to 1000"),
        (json!({ "size": 8, "wavelength_angstrom": 0 }), "wavelength_angstrom: 0 is not within 0.1 to 100"),
        (json!({ "size": 8, "cell_edge_angstrom": null }), "invalid type: null, expected f64"),
        (json!({ "size": 8, "cell_edge_angstrom": 1e30 }), "is not within 1 to 2000"),
        (
            json!({ "size": 8, "cell_alpha_deg": 179, "cell_beta_deg": 100 }),
            "no cell has the angles 179, 100 and 90",
        ),
        (json!({ "size": 8, "spindle_axis": [0, 0, 0] }), "spindle_axis: a direction of length 0"),
        (json!({ "size": 8, "phi_steps": 100_000, "oversample": 100 }), "terms a pixel"),
    ];
    for (config, expected) in cases {
        let failure = kit().kernel(config.clone()).unwrap_err();
        assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Invalid, "create"), "{config}");
        assert!(failure.message.contains(expected), "{config}: {}", failure.message);
    }
}

#[test]
fn a_cancelled_run_ends_soon_and_reports_nothing() {
    let kit = kit();
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !kit.phases().iter().any(|phase| phase.starts_with("iterate")) {
                std::thread::sleep(Duration::from_millis(1));
            }
            kit.cancellation().cancel();
        });
        // Left alone, this would take hours.
        kit.kernel(json!({ "size": 2048, "dtype": "float64", "iterations": 1_000_000 })).unwrap_err()
    });
    assert_eq!(failure.kind, FailureKind::Cancelled, "{failure:?}");
    assert!(!kit.phases().contains(&"finish".to_owned()));
}

#[test]
fn a_single_pixel_has_a_null_correlation_and_a_reason() {
    let (result, _) = run(json!({ "size": 1, "warmup": 0 }));
    assert_eq!(result.metrics["correlation"]["value"], Value::Null);
    assert!(result.metrics["correlation"]["reason"].is_string());
    assert_eq!(result.metrics["checked_pixels"]["value"], 1);
    assert!((number(&result.metrics, "sum_ratio") - 1.0).abs() < 1e-6);
}
