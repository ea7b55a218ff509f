//! The plugin as its host sees it: through the C table, from configuration to metrics and artifact.
//!
//! [`driver`] stands in for the host.
#![expect(unsafe_code, reason = "the C table is called as the plugin host calls it")]

mod driver;

use driver::{Driver, manifest};
use ndarray::Array2;
use ndarray_npy::ReadNpyExt;
use runner_plugin_abi::Status;
use serde_json::{Value, json};

/// Creates, prepares, iterates twice and finishes.
fn run(config: &Value) -> (Value, Driver) {
    let mut driver = Driver::create(config).expect("the configuration is good");
    driver.prepare().expect("it fits");
    driver.iterate().expect("the warm-up");
    driver.iterate().expect("the iteration");
    let result = driver.finish(&[0.5, 0.25, 0.75, 1.0]).expect("there is an image");
    (result["metrics"].clone(), driver)
}

fn number(metrics: &Value, name: &str) -> f64 {
    metrics[name]["value"].as_f64().unwrap_or_else(|| panic!("{name}: {}", metrics[name]))
}

#[test]
fn the_manifest_carries_name_role_and_schema() {
    let manifest = manifest();
    assert_eq!(manifest["name"], "nanobragg");
    assert_eq!(manifest["role"], "kernel");
    let schema: Value = serde_json::from_str(include_str!("../../schema.json")).unwrap();
    assert_eq!(manifest["config_schema"], schema);
}

#[test]
fn prepare_states_iterations_and_device() {
    let mut driver = Driver::create(&json!({ "size": 8, "warmup": 0, "iterations": 7 })).unwrap();
    assert_eq!(driver.prepare().unwrap(), json!({ "warmup": 0, "iterations": 7, "device": "cpu" }));
    let mut driver = Driver::create(&json!({ "size": 8 })).unwrap();
    assert_eq!(driver.prepare().unwrap(), json!({ "warmup": 1, "iterations": 1, "device": "cpu" }));
}

#[test]
fn a_run_reports_every_figure_with_its_unit() {
    let (metrics, driver) = run(&json!({ "size": 300, "threads": 2 }));
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
    let reported: Vec<_> = metrics.as_object().unwrap().iter().collect();
    let reported: Vec<_> =
        reported.iter().map(|(name, metric)| (name.as_str(), metric["unit"].as_str().unwrap())).collect();
    assert_eq!(reported, units);

    assert_eq!(metrics["seconds"]["value"], json!([0.5, 0.25, 0.75, 1.0]));
    assert_eq!(metrics["seconds_min"]["value"], 0.25);
    assert_eq!(metrics["seconds_median"]["value"], 0.625);
    assert_eq!(metrics["pixels_per_second"]["value"], 144_000.0);
    assert_eq!(metrics["size"]["value"], 300);
    assert_eq!(metrics["iterations"]["value"], 4);
    assert!((number(&metrics, "correlation") - 1.0).abs() < 1e-9);
    assert!((number(&metrics, "sum_ratio") - 1.0).abs() < 1e-6);
    assert!(number(&metrics, "max_difference") < 1e-5);
    assert!(number(&metrics, "checked_pixels") >= 65_536.0);
    assert!((number(&metrics, "max") / 154.652_466 - 1.0).abs() < 1e-6);
    assert!(number(&metrics, "peak_rss") > f64::from(300 * 300 * 4));
    assert!(driver.artifacts().is_empty(), "no image was asked for");
}

#[test]
fn the_image_is_written_in_the_format_of_numpy() {
    let (metrics, driver) = run(&json!({ "size": 65, "image": true }));
    let artifacts = driver.artifacts();
    let [(name, bytes)] = artifacts.as_slice() else { panic!("one artifact") };
    assert_eq!(name, "image.npy");
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    assert!(String::from_utf8_lossy(&bytes[..80]).contains("'<f4'"));
    let image = Array2::<f32>::read_npy(bytes.as_slice()).unwrap();
    assert_eq!(image.shape(), [65, 65]);
    let sum: f64 = image.iter().copied().map(f64::from).sum();
    assert!((sum / number(&metrics, "sum") - 1.0).abs() < 1e-12);
    let max = image.iter().copied().fold(0.0, f32::max);
    assert_eq!(image[(33, 33)].to_bits(), max.to_bits(), "the beam falls beside pixel (33, 33)");

    let (_, driver) = run(&json!({ "size": 65, "image": true, "dtype": "float64" }));
    let bytes = &driver.artifacts()[0].1;
    assert!(String::from_utf8_lossy(&bytes[..80]).contains("'<f8'"));
    let double = Array2::<f64>::read_npy(bytes.as_slice()).unwrap();
    let worst = image.iter().zip(&double).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst > 0.0 && worst < 1e-5 * f64::from(max), "{worst:e}");
}

#[test]
fn a_refused_artifact_is_a_failure_with_the_hosts_words() {
    let mut driver = Driver::create(&json!({ "size": 8, "image": true })).unwrap();
    driver.prepare().unwrap();
    driver.iterate().unwrap();
    driver.refuse_artifacts();
    assert_eq!(driver.finish(&[1.0]).unwrap_err(), (Status::FAILED, "the bundle is full".to_owned()));
}

#[test]
fn a_bad_configuration_is_refused_when_the_instance_is_made() {
    let cases = [
        (json!({}), "missing field `size`"),
        (json!({ "size": 0 }), "size: 0 is not within 1 to 8192"),
        (json!({ "size": 8, "device": "cuda" }), "unknown variant `cuda`"),
        (json!({ "size": 8, "detector": 1 }), "unknown field `detector`"),
    ];
    for (config, expected) in cases {
        let (status, message) = Driver::create(&config).err().expect("it is refused");
        assert_eq!(status, Status::INVALID, "{config}");
        assert!(message.contains(expected), "{config}: {message}");
    }
}

#[test]
fn calls_out_of_order_are_refused() {
    let mut driver = Driver::create(&json!({ "size": 8 })).unwrap();
    assert_eq!(driver.iterate().unwrap_err().0, Status::INVALID);
    assert_eq!(driver.finish(&[1.0]).unwrap_err().0, Status::INVALID);
    driver.prepare().unwrap();
    let (status, message) = driver.finish(&[1.0]).unwrap_err();
    assert_eq!((status, message.as_str()), (Status::FAILED, "there is no finished image to report on"));
}

#[test]
fn a_cancelled_iteration_says_so_and_its_half_made_image_is_never_reported() {
    let mut driver = Driver::create(&json!({ "size": 64 })).unwrap();
    driver.prepare().unwrap();
    driver.iterate().unwrap();
    driver.cancel(true);
    assert_eq!(driver.iterate().unwrap_err().0, Status::CANCELLED);
    assert_eq!(driver.finish(&[1.0]).unwrap_err().0, Status::FAILED);
    driver.cancel(false);
    driver.iterate().unwrap();
    assert!(driver.finish(&[1.0]).is_ok());
}

#[test]
fn what_was_not_measured_is_null_with_a_reason() {
    let mut driver = Driver::create(&json!({ "size": 1 })).unwrap();
    driver.prepare().unwrap();
    driver.iterate().unwrap();
    let metrics = driver.finish(&[]).unwrap()["metrics"].clone();
    for name in ["seconds_min", "seconds_median", "pixels_per_second", "correlation"] {
        assert_eq!(metrics[name]["value"], Value::Null, "{name}");
        assert!(metrics[name]["reason"].is_string(), "{name}");
    }
    assert_eq!(metrics["checked_pixels"]["value"], 1);
    assert!((number(&metrics, "sum_ratio") - 1.0).abs() < 1e-6);
}
