//! `runner rerun` and `runner compare`: the recorded plan again, what differs, and two bundles side by side.
//!
//! The workflow's file changes or goes between the two runs; the new run must not notice.

mod evidence;
mod signals;
mod support;

use evidence::{Evidence, ROOT, workflow};
use serde_json::Value;
use signals::{attempts, copy, named, project, verifies};
use support::Project;

const MEASURES: &str = "
  - id: measure
    run: |
      echo \"{\\\"seconds\\\": $(cat seconds.flag), \\\"size\\\": ${{ vars.size }}}\" > ${{ bundle }}/results.json
    metrics: { file: results.json, values: { seconds: result.seconds, size: result.size } }
";

fn measured() -> (Project, Evidence) {
    let project = project("");
    project.write("w.yaml", workflow("vars: { size: 64 }", &format!("{MEASURES}{}", evidence::LEDGER_STEP)));
    project.write("seconds.flag", "2.0");
    project.commit();
    let ended = project.runner(&["run", "w.yaml", "--set", "size=128"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    (project, evidence)
}

#[test]
fn the_recorded_plan_is_run_again_and_compared() {
    let (project, first) = measured();
    std::fs::remove_file(project.path("w.yaml")).expect("removed");
    project.commit();
    project.write("seconds.flag", "3.0");
    let ended = project.runner(&["rerun", &named(&first), "--note", "slower now"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let bundles = Evidence::all(&project);
    let [_, second] = bundles.as_slice() else { panic!("two bundles: {bundles:?}") };
    assert_eq!(second.bytes("workflow.yaml"), first.bytes("workflow.yaml"));
    let plan = second.json("plan.json");
    assert_eq!(plan["rerun_of"], first.stamp());
    assert_eq!(plan["vars"]["size"], 128, "what was set then");
    assert_eq!(plan["workflow"]["path"], "w.yaml");
    assert_eq!(second.state()["note"], "slower now");
    let surprises = second.state()["surprises"].to_string();
    assert!(surprises.contains("which it repeats: the commit:"), "{surprises}");
    let comparison = second.json("comparison.json");
    let metric = |name: &str| -> Value {
        let metrics = comparison["steps"][0]["metrics"].as_array().expect("metrics");
        metrics.iter().find(|metric| metric["name"] == name).cloned().expect("compared")
    };
    assert_eq!(metric("seconds")["before"], 2.0);
    assert_eq!(metric("seconds")["after"], 3.0);
    assert_eq!(metric("seconds")["ratio"], 1.5);
    assert_eq!(metric("size")["ratio"], 1.0);
    assert_eq!(comparison["hotspots"], Value::Null);
    let summary = second.text("summary.md");
    assert!(summary.contains(&format!("## Compared with {}", first.stamp())), "{summary}");
    assert!(summary.contains("1.5000") && summary.contains("slower now"), "{summary}");
    assert_eq!(attempts(&project), [1, 2, 3], "a run of its own in the ledger");
    verifies(&project, &first);
    // Also where the first bundle is not: the summary takes the comparison from its file.
    verifies(&project, second);

    let both = [named(&first), named(second)];
    let table = project.runner(&["compare", &both[0], &both[1]]);
    assert_eq!(table.code, Some(0), "{}", table.transcript());
    assert!(
        table.stdout.contains("1.5000") && table.stdout.contains("the commit:"),
        "{}",
        table.transcript()
    );
    let json = project.command_of_runner().args(["compare", "--json", &both[0], &both[1]]).output();
    let printed: Value = serde_json::from_slice(&json.expect("it runs").stdout).expect("JSON");
    assert_eq!(printed, comparison, "the same as was kept");
}

#[test]
fn a_copy_elsewhere_can_be_run_again_in_a_named_project() {
    let (project, first) = measured();
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let moved = elsewhere.path().join(first.stamp());
    copy(first.path(), &moved);
    let moved = moved.to_str().expect("UTF-8");
    let ended = project.runner(&["rerun", moved]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("name the root with `-C DIR`"), "{}", ended.transcript());
    let root = project.root();
    let ended = project.runner(&["rerun", moved, "-C", root.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(Evidence::all(&project).len(), 2);
    let ended = project.runner(&["resume", moved, "-C", root.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
}

#[test]
fn inputs_are_those_of_then() {
    let project = Project::new();
    project.write("reports/other/20260101T000000Z/manifest.json", "{}");
    let step = "  - id: step\n    run: [echo, \"${{ inputs.other.stamp }}\"]\n    log: input.log\n";
    project.write("w.yaml", workflow("inputs: { other: { bundle: reports/other } }", step));
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    project.write("reports/other/20260101T000001Z/manifest.json", "{}");
    let first = Evidence::only(&project);
    let ended = project.runner(&["rerun", &named(&first)]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    for evidence in Evidence::all(&project) {
        assert_eq!(evidence.text("input.log"), "20260101T000000Z\n");
    }
}

#[test]
fn a_rerun_that_fails_is_blocked_and_compared_all_the_same() {
    let (project, first) = measured();
    std::fs::remove_file(project.path("seconds.flag")).expect("removed");
    let ended = project.runner(&["rerun", &named(&first)]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let bundles = Evidence::all(&project);
    let comparison = bundles[1].json("comparison.json");
    assert_eq!(comparison["before"]["status"], "complete");
    assert_eq!(comparison["after"]["status"], "blocked");
    let step = &comparison["steps"][0];
    assert_eq!((&step["before"], &step["after"]), (&"ok".into(), &"failed".into()));
    assert_eq!(step["metrics"][0]["ratio"], Value::Null);
    assert_eq!(step["metrics"][0]["reason"], "not measured after");
    verifies(&project, &bundles[1]);
}

#[test]
fn a_bundle_whose_workflow_text_was_changed_is_refused_and_so_is_one_without() {
    let (project, first) = measured();
    let name = format!("{}/workflow.yaml", named(&first));
    let text = project.read(&name);
    project.write(&name, text.replace("size", "sise"));
    let ended = project.runner(&["rerun", &named(&first)]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    let says = "`reports/faults/[STAMP]/workflow.yaml` is not the text that the run began with";
    assert!(ended.stderr.contains(says), "{}", ended.transcript());
    std::fs::remove_file(project.path(&name)).expect("removed");
    let ended = project.runner(&["rerun", &named(&first)]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("does not hold its workflow"), "{}", ended.transcript());
    assert_eq!(Evidence::all(&project).len(), 1, "nothing was made below {ROOT}");
}

#[test]
fn a_program_that_is_missing_now_is_shown_in_the_recorded_text() {
    let project = Project::new();
    project.write("tool", "#!/bin/sh\nexit 0\n");
    std::fs::set_permissions(project.path("tool"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("chmod");
    project.write("w.yaml", workflow("", "  - id: step\n    run: [./tool]\n"));
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    std::fs::remove_file(project.path("tool")).expect("removed");
    let ended = project.runner(&["rerun", &named(&Evidence::only(&project))]);
    assert_eq!(ended.code, Some(5), "{}", ended.transcript());
    assert!(ended.stderr.contains("reports/faults/[STAMP]/workflow.yaml:"), "{}", ended.transcript());
}

#[test]
fn a_run_of_which_only_the_plan_is_left_can_be_run_again_and_is_not_compared() {
    let (project, first) = measured();
    for name in ["state.json", "manifest.json", "summary.md"] {
        std::fs::remove_file(first.path().join(name)).expect("removed");
    }
    let ended = project.runner(&["resume", &named(&first)]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("state.json") && ended.stderr.contains("runner rerun"),
        "{}",
        ended.transcript()
    );
    let ended = project.runner(&["rerun", &named(&first)]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let second = Evidence::all(&project).pop().expect("a bundle");
    assert!(!second.has("comparison.json"));
    assert!(second.text("summary.md").contains("not compared with the run that it repeats"));
    verifies(&project, &second);
}

#[test]
fn a_figure_of_a_fallback_is_not_set_in_relation_to_one_of_what_was_asked() {
    let project = Project::new();
    let step = "
  - id: measure
    run: |
      test ${{ vars.size }} = 32 -o -e go.flag && echo '{\"seconds\": 4.0}' > ${{ bundle }}/results.json
    metrics: { file: results.json, values: { seconds: result.seconds } }
    fallback: { vars: { size: 32 } }
";
    project.write("w.yaml", workflow("vars: { size: 64 }", step));
    project.write("go.flag", "");
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    std::fs::remove_file(project.path("go.flag")).expect("removed");
    let ended = project.runner(&["rerun", &named(&Evidence::only(&project))]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let second = Evidence::all(&project).pop().expect("a bundle");
    let metric = second.json("comparison.json")["steps"][0]["metrics"][0].clone();
    assert_eq!((&metric["before"], &metric["after"]), (&4.0.into(), &4.0.into()));
    assert_eq!(metric["ratio"], Value::Null, "as large as each other, and nothing to compare");
    assert_eq!(metric["reason"], "measured for other values");
    assert_eq!(second.step("measure")["outcome"], "failed");
    verifies(&project, &second);
}
