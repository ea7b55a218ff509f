//! Plugins in C: one that works, a profiler that asks for more, and those that the host refuses.
//!
//! Each is compiled by the system's C compiler into a temporary directory and loaded into this process.
//! Whole messages are compared where they are the point.

use std::path::{Path, PathBuf};

use runner_plugin_testkit::{Failure, FailureKind, Testkit, built_library, compile_c};
use serde_json::json;
use tempfile::TempDir;

/// Compiles `plugins/fixtures/<name>/<name>.c`. The directory must outlive the library.
fn compiled(name: &str) -> (PathBuf, TempDir) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/{name}/{name}.c"));
    let directory = tempfile::tempdir().expect("a directory");
    let library = directory.path().join(format!("lib{name}.so"));
    if let Err(error) = compile_c(&source, &library) {
        panic!("{error}");
    }
    (library, directory)
}

fn kernel_failure(name: &str) -> Failure {
    let (library, _directory) = compiled(name);
    Testkit::load(library).expect("it has a manifest").kernel(json!({})).expect_err("refused")
}

#[test]
fn a_kernel_in_c_counts_primes_and_writes_its_artifact() {
    let (library, _directory) = compiled("counter");
    let kit = Testkit::load(library).expect("a plugin");
    assert_eq!(kit.manifest().name, "counter");
    let result = kit.kernel(json!({ "limit": 200_000 })).expect("it counts");
    assert_eq!(result.metrics["primes"]["value"], 17984);
    assert_eq!((result.warmup, result.asked, result.seconds.len()), (1, 3, 3));
    assert_eq!(kit.artifacts(), ["counter/primes.txt"]);
    assert_eq!(kit.artifact("counter/primes.txt").expect("written"), b"17984\n");
    assert_eq!(kit.logs(), [(3, "the sieve is done".to_owned())]);
    let progress = kit.progress();
    assert_eq!(progress[0], (65536, 200_000, "numbers".to_owned()));
    assert!(progress.len() < 12, "four iterations report 12 times; the host throttles: {progress:?}");
}

#[test]
fn a_kernel_in_c_refuses_a_configuration_in_its_own_words() {
    let (library, _directory) = compiled("counter");
    let failure =
        Testkit::load(library).expect("a plugin").kernel(json!({ "limit": 1 })).expect_err("too small");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Invalid, "create"));
    assert_eq!(failure.message, "`limit` must be a whole number of at least 2");
}

#[test]
fn a_profiler_surrounds_the_measured_iterations_and_may_ask_for_more() {
    let (again, _directory) = compiled("again");
    let kit = Testkit::load(built_library("villain")).expect("a plugin").with_profiler(again, json!({}));
    let result = kit.kernel(json!({ "warmup": 1, "iterations": 1 })).expect("both behave");
    assert_eq!(
        kit.phases(),
        [
            "load",
            "profiler load",
            "create",
            "profiler create",
            "prepare",
            "warmup 0",
            "profiler start",
            "iterate 0",
            "profiler more",
            "iterate 1",
            "profiler more",
            "iterate 2",
            "profiler more",
            "profiler stop",
            "profiler destroy",
            "finish",
            "destroy",
        ]
    );
    assert_eq!((result.asked, result.seconds.len()), (1, 3));
    assert_eq!(result.repeated.as_deref(), Some("too few samples"));
    assert_eq!(result.profile, Some(json!({ "started": 1, "asked": 3 })));
}

#[test]
fn another_abi_is_refused_by_its_number() {
    let failure = kernel_failure("wrong_abi");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Load, "load"));
    assert!(failure.message.ends_with("was built for plugin ABI 99; this runner speaks 1"), "{failure}");
}

#[test]
fn a_library_without_the_entry_symbol_is_refused() {
    let failure = kernel_failure("no_entry");
    assert_eq!(failure.kind, FailureKind::Load);
    assert!(failure.message.contains("does not export `runner_plugin_v1`"), "{failure}");
}

#[test]
fn a_library_without_a_manifest_is_no_plugin() {
    let (library, _directory) = compiled("no_manifest");
    let error = Testkit::load(library).err().expect("refused");
    assert!(
        error.to_string().ends_with("not a runner plugin: it has no section `.runner_plugin`"),
        "{error}"
    );
}

#[test]
fn a_kernel_without_its_calls_is_told_which_it_lacks() {
    let failure = kernel_failure("no_calls");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Unsupported, "load"));
    assert!(
        failure.message.ends_with("a kernel needs the calls iterate, finish, which it lacks"),
        "{failure}"
    );
}

#[test]
fn a_library_that_runs_under_another_manifest_than_its_file_shows_is_refused() {
    let failure = kernel_failure("two_faces");
    assert_eq!(failure.kind, FailureKind::Load);
    assert!(failure.message.ends_with("the manifest in its table is not the one in its file"), "{failure}");
}

#[test]
fn text_that_is_not_json_is_quoted() {
    let (library, _directory) = compiled("bad_json");
    let failure = Testkit::load(library).expect("a plugin").capture(json!({})).expect_err("not JSON");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::BadResult, "capture"));
    assert!(failure.message.ends_with(": Python 3.12.1 (this is not JSON)"), "{failure}");
}

#[test]
fn an_edit_of_a_document_that_was_not_shown_is_refused() {
    let (library, _directory) = compiled("stray_edit");
    let kit = Testkit::load(library).expect("a plugin");
    let failure = kit.ledger(json!({}), &[("docs/fix_plan.md", "# Plan\n")], json!({})).expect_err("stray");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::BadResult, "edit"));
    assert!(failure.message.contains("edits `src/main.rs`, which it did not ask to see"), "{failure}");
    let failure = kit.ledger(json!({}), &[], json!({})).expect_err("no such document");
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Failed, "documents"));
}

#[test]
fn a_c_file_that_does_not_compile_is_reported_with_the_compilers_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = compile_c(&source, &directory.path().join("x.so")).expect_err("no C");
    assert!(error.contains("Cargo.toml"), "{error}");
}
