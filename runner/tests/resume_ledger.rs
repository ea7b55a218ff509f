//! Runs that are killed around their ledger step, and go on: the ledger has each end once, and no more.
//!
//! Between two system calls nobody can kill on purpose, so some tests put `state.json` back to what stood there
//! at that instant. One test kills at many moments, wherever that comes.

mod evidence;
mod signals;
mod support;

use std::time::Duration;

use evidence::{Evidence, ROOT};
use rustix::process::Signal;
use serde_json::Value;
use signals::{attempts, end_with, named, project, resume, start, until, verifies};

fn is(state: &Value, step: usize, status: &str) -> bool {
    state["steps"][step]["status"] == status
}

/// Kills a run that waits for the ledger, which this test holds.
fn killed_while_waiting_for_the_ledger(project: &support::Project) -> Evidence {
    let held = std::fs::File::open(project.root()).expect("the root opens");
    held.lock().expect("nobody else has it");
    let run = start(project, &["run", "w.yaml"]);
    let evidence = until(project, "the ledger step", |state| is(state, 1, "running"));
    end_with(project, run, Signal::KILL);
    evidence
}

const QUICK: &str = "  - id: step\n    run: test -e go.flag\n";

#[test]
fn a_run_that_was_killed_in_its_ledger_step_gets_one_entry() {
    let project = project(QUICK);
    project.write("go.flag", "");
    let evidence = killed_while_waiting_for_the_ledger(&project);
    let status = project.runner(&["status"]);
    assert!(status.stdout.contains("killed in step `ledger`"), "{}", status.transcript());
    resume(&project, &evidence, 0);
    assert_eq!(attempts(&project), [1, 2]);
    assert_eq!(evidence.commands_of("step").len(), 1, "the step was done");
    verifies(&project, &evidence);
}

/// Puts the state of a run back to where it stood right after the ledger was replaced, as a kill would.
fn back_into_the_ledger_step(project: &support::Project, evidence: &Evidence) {
    let mut state = evidence.state();
    let entry = state["ledger"]["attempt"].clone();
    let steps = state["steps"].as_array_mut().expect("steps");
    let ledger = steps.last_mut().expect("the ledger step");
    ledger["status"] = "running".into();
    ledger["outcome"] = Value::Null;
    ledger["attempts"] = serde_json::json!([]);
    state["status"] = "running".into();
    state["ended"] = Value::Null;
    state["ledger"] = Value::Null;
    state["ledger_intent"] = entry;
    project.write(&format!("{}/state.json", named(evidence)), state.to_string());
    for name in ["manifest.json", "summary.md"] {
        std::fs::remove_file(evidence.path().join(name)).expect("removed");
    }
}

#[test]
fn a_kill_between_the_ledger_and_the_plan_is_completed_without_a_second_entry() {
    let project = project(QUICK);
    project.write("go.flag", "");
    let plan = project.read("plans/active/loops.md");
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    let after = project.read("plans/active/loops.md");
    assert_ne!(plan, after, "the run moves the plan");
    let evidence = Evidence::only(&project);
    back_into_the_ledger_step(&project, &evidence);
    project.write("plans/active/loops.md", &plan);
    resume(&project, &evidence, 0);
    assert_eq!(attempts(&project), [1, 2], "{}", project.read("docs/fix_plan.md"));
    assert_eq!(project.read("plans/active/loops.md"), after);
    verifies(&project, &evidence);
}

#[test]
fn a_kill_right_after_the_ledger_changes_nothing_in_it_again() {
    let project = project(QUICK);
    project.write("go.flag", "");
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    let (ledger, plan) = (project.read("docs/fix_plan.md"), project.read("plans/active/loops.md"));
    let evidence = Evidence::only(&project);
    back_into_the_ledger_step(&project, &evidence);
    resume(&project, &evidence, 0);
    assert_eq!(project.read("docs/fix_plan.md"), ledger);
    assert_eq!(project.read("plans/active/loops.md"), plan);
    verifies(&project, &evidence);
}

#[test]
fn a_blocked_entry_whose_run_was_killed_right_then_is_followed_by_that_of_the_resumed_run() {
    let project = project(QUICK);
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(3));
    let evidence = Evidence::only(&project);
    back_into_the_ledger_step(&project, &evidence);
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    assert_eq!(attempts(&project), [1, 2, 3], "{}", project.read("docs/fix_plan.md"));
    // And once more at the same place: the third one is its own now.
    back_into_the_ledger_step(&project, &evidence);
    resume(&project, &evidence, 0);
    assert_eq!(attempts(&project), [1, 2, 3], "{}", project.read("docs/fix_plan.md"));
    verifies(&project, &evidence);
}

#[test]
fn a_run_that_was_killed_before_it_was_sealed_is_only_sealed() {
    let project = project(QUICK);
    project.write("go.flag", "");
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    let evidence = Evidence::only(&project);
    for name in ["manifest.json", "summary.md"] {
        std::fs::remove_file(evidence.path().join(name)).expect("removed");
    }
    let ledger = project.read("docs/fix_plan.md");
    let commands = evidence.commands().len();
    let status = project.runner(&["status"]);
    assert!(status.stdout.contains("killed before it was sealed"), "{}", status.transcript());
    resume(&project, &evidence, 0);
    assert_eq!(project.read("docs/fix_plan.md"), ledger);
    assert_eq!(evidence.commands().len(), commands, "nothing was run");
    verifies(&project, &evidence);
}

#[test]
fn wherever_the_kill_comes_the_run_goes_on_to_one_entry() {
    let mut went_on = 0;
    let started = std::time::Instant::now();
    let whole = project(QUICK);
    whole.write("go.flag", "");
    assert_eq!(whole.runner(&["run", "w.yaml"]).code, Some(0));
    // The first run of all is slow; a few later kills find a sealed bundle, and that is a moment too.
    let whole = started.elapsed().as_millis() as u64;
    for part in 1..=24 {
        let milliseconds = whole * part / 24;
        let project = project(QUICK);
        project.write("go.flag", "");
        let run = start(&project, &["run", "w.yaml"]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let killed = end_with(&project, run, Signal::KILL);
        let bundles = if project.path(ROOT).is_dir() { Evidence::all(&project) } else { Vec::new() };
        let Some(evidence) = bundles.first().filter(|evidence| evidence.has("state.json")) else {
            assert_eq!(attempts(&project), [1], "nothing was begun");
            continue;
        };
        let sealed = evidence.has("manifest.json");
        assert!(killed.code.is_none() || sealed);
        let status = project.runner(&["status"]);
        assert_eq!(status.stdout.starts_with("complete"), evidence.status() == "complete", "{status:?}");
        if !sealed {
            resume(&project, evidence, 0);
            went_on += 1;
        }
        assert_eq!(evidence.status(), "complete");
        assert_eq!(
            attempts(&project),
            [1, 2],
            "after {milliseconds} ms:\n{}",
            project.read("docs/fix_plan.md")
        );
        let plan = project.read("plans/active/loops.md");
        assert!(!plan.contains("| [ ] |"), "{plan}");
        let left = evidence.files().into_iter().filter(|file| file.contains(".tmp")).count();
        assert_eq!(left, 0, "{:?}", evidence.files());
        verifies(&project, evidence);
    }
    assert!(went_on >= 3, "only {went_on} kills came while it ran");
}
