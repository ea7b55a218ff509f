//! Somebody else's harness and its habits: `workflows/phase_b1_pytorch.yaml` with a stand-in for the harness of a
//! PyTorch project (`harness/project`), one habit a test.
//!
//! Needs Python. A machine without it skips these tests and says so; where `RUNNER_TEST_PYTHON` names an
//! interpreter (continuous integration does, one with pytest) nothing is skipped.

mod evidence;
mod support;

use std::path::{Path, PathBuf};

use evidence::Evidence;
use support::{Ended, Project, python};

const ROOT: &str = "reports/2026-01-vectorization-gap/phase_b";

const LEDGER: &str = "# Ledger\n\n## [VECTOR-GAPS-002] Gap audit\n- Status: in_planning\n- Attempts History:\n  \
                      * [2026-01-02] Attempt #1 - Result: success. Baseline.\n";

const PLAN: &str = "| ID | Task | State |\n|---|---|---|\n| B1 | Capture | [ ] |\n";

/// The project of the harness, committed, with a `python` of its own on the search path.
fn project(name: &str) -> Option<(Project, PathBuf)> {
    let interpreter = python(name)?;
    let project = Project::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/harness/project");
    copy(&fixture, &fixture, &project);
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows/phase_b1_pytorch.yaml");
    project.write("phase_b1_pytorch.yaml", std::fs::read(workflow).expect("the workflow"));
    project.write("docs/fix_plan.md", LEDGER);
    project.write("plans/active/vectorization-gap-audit.md", PLAN);
    project.write(
        "reports/2026-01-vectorization-gap/phase_a/20251009T065238Z/loop_inventory.json",
        r#"{"total_loops": 0, "all_loops": []}"#,
    );
    // Outside of what git looks at: `python` in a directory of its own.
    let bin = project.path(".git/bin");
    std::fs::create_dir_all(&bin).expect("made");
    // A link would make it forget its own environment; a script does not.
    project.write(".git/bin/python", format!("#!/bin/sh\nexec '{}' \"$@\"\n", interpreter.display()));
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("python"), executable).expect("made executable");
    Some((project, bin))
}

fn copy(from: &Path, root: &Path, project: &Project) {
    for entry in std::fs::read_dir(from).expect("a fixture") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            copy(&path, root, project);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
            project.write(&name, std::fs::read(&path).expect("readable"));
        }
    }
}

/// A module `pytest` for tests that are about something else: it lists what the real one would.
fn without_real_pytest(project: &Project) {
    project
        .write("src/pytest.py", "print('tests/test_simulator.py::test_a\\n\\n3 tests collected in 0.01s')\n");
}

fn run(project: &Project, bin: &Path, habit: &str, arguments: &[&str]) -> (Ended, Evidence) {
    project.commit();
    let path = std::env::var("PATH").expect("a search path");
    let mut command = project.command_of_runner();
    command.args(["run", "phase_b1_pytorch.yaml"]).args(arguments);
    command.env("PATH", format!("{}:{path}", bin.display())).env("HARNESS_HABIT", habit);
    let ended = project.ended(&command.output().expect("the runner starts"));
    (ended, Evidence::below(project, ROOT))
}

/// A run with a habit that blocks it.
fn blocked(name: &str, habit: &str, arguments: &[&str]) -> Option<(Project, Ended, Evidence)> {
    let (project, bin) = project(name)?;
    without_real_pytest(&project);
    let (ended, evidence) = run(&project, &bin, habit, arguments);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(evidence.status(), "blocked");
    assert!(project.read("plans/active/vectorization-gap-audit.md").contains("| B1 | Capture | [B] |"));
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains("Attempt #2 - Result: blocked"), "{ledger}");
    assert!(ended.stdout.contains("BLOCKED"), "{}", ended.transcript());
    assert!(
        project.git(&["status", "--porcelain", "reports/benchmarks"]).is_empty(),
        "nothing stays outside"
    );
    Some((project, ended, evidence))
}

/// Outcomes of the attempts of the capture, with the size of each.
fn attempts(evidence: &Evidence) -> Vec<(String, i64)> {
    let step = evidence.step("capture");
    let attempts = step["attempts"].as_array().expect("attempts");
    let one = |attempt: &serde_json::Value| {
        let outcome = attempt["outcome"].as_str().expect("a word").to_owned();
        (outcome, attempt["actual"]["size"].as_i64().expect("a size"))
    };
    attempts.iter().map(one).collect()
}

#[test]
fn a_good_run_is_complete_and_its_outputs_lie_in_the_bundle() {
    let Some((project, bin)) = project("a good run") else { return };
    without_real_pytest(&project);
    let (ended, evidence) = run(&project, &bin, "", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(attempts(&evidence), [("ok".to_owned(), 4096)]);
    assert!(evidence.has("profile/benchmark_results.json"));
    assert!(evidence.has("profile/profile_4096x4096/trace.json"));
    let left: Vec<String> =
        project.files().into_iter().filter(|file| file.contains("benchmarks/2")).collect();
    assert!(left.is_empty(), "the harness's own directory was moved: {left:?}");
    assert_eq!(evidence.step("collect")["attempts"][0]["metrics"]["tests"]["value"], 3);
    let summary = evidence.text("summary.md");
    assert!(summary.is_ascii(), "whatever the harness prints");
    let hotspots = evidence.json("profile/hotspots.json");
    let mul = hotspots["operations"]
        .as_array()
        .expect("operations")
        .iter()
        .find(|one| one["function"] == "aten::mul");
    let percent = mul.expect("an operation of the trace")["inclusive_percent"].as_f64().expect("a share");
    assert!((percent - 60.0).abs() < 0.1, "{percent}");
    assert!(summary.contains("`aten::mul`"), "{summary}");
    assert!(summary.contains("UserWarning: the detector tensor lives on 'cpu'"), "{summary}");
    assert!(project.read("plans/active/vectorization-gap-audit.md").contains("| B1 | Capture | [P] |"));
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains("Attempt #2 - Result: complete"), "{ledger}");
}

#[test]
fn an_option_that_the_harness_does_not_know_is_quoted() {
    let Some((project, bin)) = project("an unknown option") else { return };
    without_real_pytest(&project);
    let workflow = project.read("phase_b1_pytorch.yaml");
    let workflow =
        workflow.replace("      - --profile\n", "      - --profile\n      - --outdir\n      - x/\n");
    project.write("phase_b1_pytorch.yaml", workflow);
    let (ended, evidence) = run(&project, &bin, "", &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(attempts(&evidence), [("failed".to_owned(), 4096), ("failed".to_owned(), 2048)]);
    let reason = evidence.step("capture")["attempts"][0]["reason"].to_string();
    assert!(
        reason.contains("exit status 2") && reason.contains("unrecognized arguments: --outdir"),
        "{reason}"
    );
}

#[test]
fn two_crashes_with_exit_status_0_are_a_failure() {
    let Some((_project, ended, evidence)) = blocked("two crashes", "crash", &[]) else { return };
    assert_eq!(attempts(&evidence), [("failed".to_owned(), 4096), ("failed".to_owned(), 2048)]);
    let attempt = &evidence.step("capture")["attempts"][0];
    assert_eq!(attempt["claim"], "exit status 0, but no metrics");
    let reason = attempt["reason"].to_string();
    assert!(reason.contains("its last words: ") && reason.contains("No module named"), "{reason}");
    // What the harness claims stands in its log, and nowhere else.
    assert!(evidence.text("logs/capture-1.stdout.log").contains("All correlations > 0.99"));
    let told = format!("{}{}", ended.transcript(), evidence.text("summary.md"));
    assert!(!told.contains("excellent agreement"), "{told}");
}

#[test]
fn memory_that_ran_out_and_was_caught_is_known() {
    let Some((_project, _, evidence)) = blocked("caught", "caught", &[]) else { return };
    assert_eq!(attempts(&evidence), [("oom".to_owned(), 4096), ("oom".to_owned(), 2048)]);
    let claim = evidence.step("capture")["attempts"][0]["claim"].to_string();
    assert!(claim.contains("DefaultCPUAllocator"), "{claim}");
}

#[test]
fn memory_over_the_limit_is_known() {
    let Some((_project, _, evidence)) = blocked("oom", "oom", &["--set", "memory=200MiB"]) else { return };
    assert_eq!(attempts(&evidence), [("oom".to_owned(), 4096), ("oom".to_owned(), 2048)]);
}

#[test]
fn a_fallback_that_works_is_kept_apart_and_still_blocks() {
    let Some((project, _, evidence)) = blocked("fall back", "fall_back", &[]) else { return };
    assert_eq!(attempts(&evidence), [("oom".to_owned(), 4096), ("ok".to_owned(), 2048)]);
    assert!(evidence.has("fallback/profile/profile_2048x2048/trace.json"));
    assert!(!evidence.has("profile/benchmark_results.json"), "no figure of 2048 passes for one of 4096");
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains("2048") && ledger.contains("4096"), "{ledger}");
}

#[test]
fn a_gate_that_is_missed_never_shrinks_the_run() {
    let Some((_project, _, evidence)) = blocked("gate", "gate", &[]) else { return };
    assert_eq!(attempts(&evidence), [("gate".to_owned(), 4096)]);
    assert!(evidence.text("summary.md").contains("correlation=0.95"));
}

#[test]
fn a_trace_that_ends_in_the_middle_is_told_with_its_place() {
    let Some((project, bin)) = project("truncated") else { return };
    without_real_pytest(&project);
    let (ended, evidence) = run(&project, &bin, "truncated", &[]);
    assert!(evidence.has("profile/profile_4096x4096/trace.json"), "{}", ended.transcript());
    let told = format!("{}{}", ended.transcript(), evidence.text("summary.md"));
    assert!(told.contains("trace.json:") && told.contains("(byte "), "{told}");
}

#[test]
fn a_missing_results_file_is_a_failure() {
    let Some((_project, _, evidence)) = blocked("no results", "no_results", &[]) else { return };
    assert_eq!(attempts(&evidence)[0], ("failed".to_owned(), 4096));
    let reason = evidence.step("capture")["attempts"][0]["reason"].to_string();
    assert!(reason.contains("the program wrote no metrics file"), "{reason}");
}

#[test]
fn a_cache_that_git_ignores_and_that_changes_the_result_is_named() {
    let Some((project, bin)) = project("cache") else { return };
    without_real_pytest(&project);
    project.write(".gitignore", "Fdump.bin\n");
    project.write("Fdump.bin", "72.12");
    let (ended, evidence) = run(&project, &bin, "", &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(attempts(&evidence), [("gate".to_owned(), 4096)]);
    let summary = evidence.text("summary.md");
    assert!(summary.contains("step `capture` read `Fdump.bin`, which git ignores"), "{summary}");
    assert!(summary.contains("correlation=0.7212"), "{summary}");
}

#[test]
fn the_collected_tests_are_those_that_pytest_finds() {
    let Some((project, bin)) = project("pytest") else { return };
    let asked =
        project.other("sh").arg("-c").arg(format!("{}/python -m pytest --version", bin.display())).output();
    if !asked.expect("a shell").status.success() {
        assert!(std::env::var_os("RUNNER_TEST_PYTHON").is_none(), "the named interpreter has no pytest");
        eprintln!("SKIPPED pytest: it is not installed for this python3");
        // What a user without it sees.
        let (ended, evidence) = run(&project, &bin, "", &[]);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(
            evidence.step("collect")["attempts"][0]["reason"].to_string().contains("No module named pytest")
        );
        return;
    }
    let (ended, evidence) = run(&project, &bin, "", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let log = evidence.text("pytest_collect.log");
    assert!(log.contains("tests/test_simulator.py::TestZero::test_nothing_takes_none"), "{log}");
    assert_eq!(evidence.step("collect")["attempts"][0]["metrics"]["tests"]["value"], 3);
}
