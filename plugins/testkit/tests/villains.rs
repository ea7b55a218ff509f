//! What a plugin's author and the runner see when a plugin misbehaves without ending the process.
//!
//! The villains run in the test's own process; those that end it are in `host_process.rs`. Panics of a
//! villain show up in this test's output on purpose: they are the plugin's, not the test's.

use std::time::Duration;

use runner_plugin_testkit::{Failure, FailureKind, Testkit, built_library};
use serde_json::{Value, json};

fn villain() -> Testkit {
    Testkit::load(built_library("villain")).expect("a plugin")
}

fn failure(config: Value) -> Failure {
    villain().kernel(config).expect_err("the villain misbehaves")
}

#[test]
fn a_kernel_is_driven_from_creation_to_metrics() {
    let kit = villain();
    let result = kit.kernel(json!({ "warmup": 1, "iterations": 2, "size": 128 })).expect("it behaves");
    assert_eq!(
        kit.phases(),
        ["load", "create", "prepare", "warmup 0", "iterate 0", "iterate 1", "finish", "destroy"]
    );
    assert_eq!((result.warmup, result.asked, result.seconds.len()), (1, 2, 2));
    assert_eq!(result.device, "cpu");
    assert_eq!(result.metrics["correlation"], json!({ "value": 1.0, "unit": "1" }));
    assert_eq!(result.metrics["size"]["value"], 128);
    assert_eq!(result.metrics["seconds"]["value"], json!(result.seconds), "it was told what was measured");
    assert!(result.profile.is_none() && result.repeated.is_none());
}

#[test]
fn the_wall_time_is_that_of_the_iteration_alone() {
    let result =
        villain().kernel(json!({ "do": "sleep", "seconds": 0.03, "iterations": 2 })).expect("it sleeps");
    assert!(result.seconds.iter().all(|seconds| (0.03..5.0).contains(seconds)), "{:?}", result.seconds);
    let elsewhere = json!({ "do": "sleep", "seconds": 0.2, "phase": "prepare" });
    let result = villain().kernel(elsewhere).expect("it sleeps");
    assert!(result.seconds[0] < 0.2, "the time of `prepare` is not measured: {:?}", result.seconds);
}

#[test]
fn a_panic_is_a_failure_that_names_its_call_and_its_text() {
    for phase in ["create", "prepare", "iterate", "finish"] {
        let failure = failure(json!({ "do": "panic", "phase": phase }));
        assert_eq!(failure.kind, FailureKind::Panicked);
        assert_eq!(failure.phase, phase);
        assert_eq!(failure.message, "the villain panics, as it was told");
    }
}

#[test]
fn an_error_keeps_its_kind() {
    for (deed, kind) in [
        ("error", FailureKind::Failed),
        ("invalid", FailureKind::Invalid),
        ("out_of_memory_error", FailureKind::OutOfMemory),
    ] {
        let failure = failure(json!({ "do": deed, "phase": "prepare" }));
        assert_eq!(failure.kind, kind);
        assert!(failure.message.ends_with("as it was told"), "{}", failure.message);
    }
}

#[test]
fn a_configuration_that_does_not_fit_is_invalid() {
    let failure = failure(json!({ "dooo": "ok" }));
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Invalid, "create"));
    assert!(failure.message.contains("unknown field `dooo`"), "{}", failure.message);
}

#[test]
fn it_fails_at_the_asked_size_and_not_at_the_smaller_one() {
    let config = |size| json!({ "do": "out_of_memory_error", "fail_at_size": 4096, "size": size });
    assert_eq!(failure(config(4096)).kind, FailureKind::OutOfMemory);
    let result = villain().kernel(config(2048)).expect("the smaller size works");
    assert_eq!(result.metrics["correlation"]["value"], 1.0);
    let gate = villain().kernel(json!({ "do": "gate" })).expect("a bad figure is no failure");
    assert_eq!(gate.metrics["correlation"]["value"], 0.5);
}

#[test]
fn an_artifact_outside_the_bundle_is_refused() {
    let kit = villain();
    let failure = kit.kernel(json!({ "do": "bad_path_artifact" })).expect_err("refused");
    assert!(failure.message.starts_with("artifact `../villain.txt`: "), "{}", failure.message);
    assert!(!kit.bundle().join("../villain.txt").exists());
    assert!(kit.artifacts().is_empty());
}

#[test]
fn a_write_behind_the_hosts_back_is_reported_by_the_villain_itself() {
    let kit = villain();
    let path = kit.root().join("stray.txt");
    let result = kit.kernel(json!({ "do": "write_outside", "path": path })).expect("it goes on");
    assert!(path.exists(), "nothing confines a plugin in the test's own process");
    assert_eq!(result.metrics["escaped"]["value"], 1, "the host refused the artifact");
    assert!(kit.logs()[1].1.contains("refused: artifact `../villain.txt`"), "{:?}", kit.logs());
}

#[test]
fn a_cancellation_wakes_a_plugin_that_asks_for_it() {
    let kit = villain();
    let cancellation = kit.cancellation();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancellation.cancel();
    });
    let failure = kit.kernel(json!({ "do": "hang" })).expect_err("cancelled");
    canceller.join().expect("it cancels");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Cancelled, "iterate"));
    assert_eq!(failure.message, "woken by a cancellation");
    let failure = kit.kernel(json!({})).expect_err("still cancelled");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Cancelled, "load"));
}

#[test]
fn a_kernel_is_no_ledger() {
    let failure = villain().ledger(json!({}), &[], json!({})).expect_err("another role");
    assert_eq!(failure.kind, FailureKind::Load);
    assert!(failure.message.ends_with("is a kernel plugin, not a ledger"), "{}", failure.message);
}
