//! `runner new --template`: each template is written into a fresh project and runs as it comes.
//!
//! The bundles are read as they lie on the disk. What a template looks for is then made to happen (a gate that
//! does not hold, a test that fails), so that a template that never blocks would be seen.

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Ended, Project};

/// A project with a template in `demo/`.
fn made(template: &str) -> Project {
    let project = Project::new();
    let ended = project.runner(&["new", "--template", template, "--output", "demo"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.transcript());
    project
}

fn run(project: &Project, set: &[&str]) -> Ended {
    let mut arguments = vec!["run", "demo/workflow.yaml"];
    for value in set {
        arguments.extend(["--set", value]);
    }
    project.runner(&arguments)
}

/// The newest bundle of a template.
fn newest(project: &Project, template: &str) -> PathBuf {
    let entries = std::fs::read_dir(project.path(&format!("reports/{template}"))).expect("bundles");
    entries.map(|entry| entry.expect("readable").path()).max().expect("a bundle")
}

fn json_of(bundle: &std::path::Path, name: &str) -> Value {
    let bytes = std::fs::read(bundle.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The metrics of a step, name to value.
fn metrics(bundle: &std::path::Path, step: &str) -> Value {
    let state = json_of(bundle, "state.json");
    let steps = state["steps"].as_array().expect("steps");
    let step = steps.iter().find(|found| found["id"] == step).expect("the step");
    let attempts = step["attempts"].as_array().expect("attempts");
    attempts.last().expect("an attempt")["metrics"].clone()
}

/// A project in which the template ran to its end, and its bundle.
fn complete(template: &str) -> (Project, PathBuf) {
    let project = made(template);
    let ended = run(&project, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let bundle = newest(&project, template);
    assert_eq!(json_of(&bundle, "state.json")["status"], "complete");
    let summary = std::fs::read_to_string(bundle.join("summary.md")).expect("a summary");
    assert!(summary.contains("**Status: complete**"), "{summary}");
    assert!(!summary.contains("git does not track"), "the example declares what it reads: {summary}");
    (project, bundle)
}

#[test]
fn every_template_is_listed_with_what_it_is_for_and_is_a_valid_workflow() {
    let project = Project::new();
    let list = project.runner(&["new", "--list", "--json"]);
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    let names: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.len() >= 6, "{names:?}");
    let shown = project.runner(&["new", "--list"]).stdout;
    for name in names {
        assert!(shown.contains(name));
        let written = project.runner(&["new", "--template", name, "--output", &format!("t/{name}")]);
        assert_eq!(written.code, Some(0), "{}", written.transcript());
        let text = project.read(&format!("t/{name}/workflow.yaml"));
        assert!(text.starts_with("# ") && !text.contains("@HERE@"), "{text}");
        let validated = project.runner(&["validate", &format!("t/{name}/workflow.yaml")]);
        assert_eq!(validated.code, Some(0), "{}", validated.transcript());
    }
}

#[test]
fn parity_compares_two_programs_and_a_difference_beyond_the_bound_blocks() {
    let (project, bundle) = complete("parity");
    let found = metrics(&bundle, "compare");
    assert!(
        found["correlation"]["value"].as_f64().is_some_and(|value| value > 0.999_999 && value < 1.0),
        "{found}"
    );
    assert!(found["max_abs_difference"]["value"].as_f64().is_some_and(|value| value > 0.0), "{found}");
    assert_eq!(json_of(&bundle, "compare.json")["shape"], json!([256, 256]));
    let blocked = run(&project, &["difference=0.000000001"]);
    assert_eq!(blocked.code, Some(3), "{}", blocked.transcript());
    assert!(
        blocked.transcript().contains("gate `metrics.max_abs_difference <= vars.difference` did not hold")
    );
}

#[test]
fn trace_debug_finds_where_float32_leaves_float64() {
    let (project, bundle) = complete("trace-debug");
    let line = metrics(&bundle, "divergence")["first_line"]["value"].as_u64().expect("a line");
    assert!((5..60).contains(&line), "a rounding error of 1e-7 needs some steps to become 1e-3: line {line}");
    let divergence = &json_of(&bundle, "divergence.json")["divergence"];
    assert_eq!((&divergence["what"], &divergence["a"]["line"]), (&json!("number"), &json!(line)));
    let summary = std::fs::read_to_string(bundle.join("summary.md")).expect("a summary");
    assert!(summary.contains("first divergence (number)"), "{summary}");
    let same = run(&project, &["relative=1000"]);
    assert_eq!(same.code, Some(0), "{}", same.transcript());
    let found = metrics(&newest(&project, "trace-debug"), "divergence");
    assert_eq!((&found["diverges"]["value"], &found["first_line"]["value"]), (&json!(false), &Value::Null));
    assert_eq!(found["first_line"]["reason"], "the two do not differ");
}

#[test]
fn test_triage_groups_the_failures_and_one_more_than_known_blocks() {
    let (project, bundle) = complete("test-triage");
    assert_eq!(
        json_of(&bundle, "triage.json"),
        json!({ "passed": 3, "failed": 3, "groups": 2, "exit_status": 1 })
    );
    let text = std::fs::read_to_string(bundle.join("triage.txt")).expect("a list");
    assert!(text.contains("2 AssertionError: metres expected, got N"), "{text}");
    assert_eq!(run(&project, &["known=2"]).code, Some(3));
    project.write("demo/suite.sh", "exit 2\n");
    assert_eq!(run(&project, &[]).code, Some(3), "a suite that broke down has no failures and is not fine");
}

#[test]
fn implementation_check_keeps_the_state_of_git_and_a_failing_test_blocks() {
    let (project, bundle) = complete("implementation-check");
    let status = std::fs::read_to_string(bundle.join("status.txt")).expect("the state");
    assert!(status.contains("# branch.head main") && status.contains("? demo/check.sh"), "{status}");
    project.commit();
    project.write("demo/check.sh", "echo broken; exit 1\n");
    let blocked = run(&project, &[]);
    assert_eq!(blocked.code, Some(3), "{}", blocked.transcript());
    let change = std::fs::read_to_string(newest(&project, "implementation-check").join("change.patch"))
        .expect("a patch");
    assert!(change.contains("+echo broken; exit 1"), "{change}");
}

#[test]
fn a_benchmark_is_compared_with_the_last_complete_one_and_a_regression_blocks() {
    let (project, first) = complete("benchmark");
    let found = metrics(&first, "bench");
    assert_eq!(
        (&found["previous_seconds_min"]["value"], &found["regressed"]["value"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(found["previous_seconds_min"]["reason"], "no complete bundle before this one");
    let times = json_of(&first, "benchmark.json");
    assert_eq!(times["seconds"].as_array().map(Vec::len), Some(10));
    let blocked = run(&project, &["allowed=0.001"]);
    assert_eq!(blocked.code, Some(3), "{}", blocked.transcript());
    let second = json_of(&newest(&project, "benchmark"), "benchmark.json");
    assert_eq!(second["previous_seconds_min"], times["seconds_min"]);
    let third = run(&project, &["allowed=1000"]);
    assert_eq!(third.code, Some(0), "{}", third.transcript());
    let third = json_of(&newest(&project, "benchmark"), "benchmark.json");
    let stamp = first.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(third["previous"], json!(stamp), "a bundle that is blocked is nothing to compare with");
}

#[test]
fn profile_ranks_the_functions_of_a_program() {
    let (_project, bundle) = complete("profile");
    let state = json_of(&bundle, "state.json").to_string();
    if state.contains("perf_event_open was refused") {
        eprintln!("SKIPPED: this machine refuses perf_event_open, and the bundle says so");
        return;
    }
    let hotspots = json_of(&bundle, "profile/hotspots.json");
    let rows = hotspots["operations"].as_array().expect("rows");
    let divide = rows.iter().find(|row| row["function"] == "divide").expect("a row");
    assert!(divide["inclusive_percent"].as_f64().is_some_and(|percent| percent > 20.0), "{divide}");
    assert!(divide["file"].as_str().is_some_and(|file| file.ends_with("work.c")), "{divide}");
}

#[test]
fn inventory_lists_the_loops_of_its_example() {
    let (_project, bundle) = complete("inventory");
    let inventory = json_of(&bundle, "loop_inventory.json");
    let depths: Vec<_> =
        inventory["all_loops"].as_array().expect("loops").iter().map(|one| one["depth"].clone()).collect();
    assert_eq!(depths, [json!(0), json!(1)], "{inventory}");
}

#[test]
fn a_template_is_never_written_over_something_and_never_outside() {
    let project = made("test-triage");
    project.write("demo/suite.sh", "mine\n");
    let again = project.runner(&["new", "--template", "test-triage", "--output", "demo"]);
    assert_eq!(again.code, Some(2), "{}", again.transcript());
    assert!(again.stderr.contains("exists already; nothing was written"), "{}", again.stderr);
    assert_eq!(project.read("demo/suite.sh"), "mine\n");
    let outside = project.runner(&["new", "--template", "parity", "--output", "../elsewhere_of_the_runner"]);
    assert_eq!(outside.code, Some(2), "{}", outside.transcript());
    assert!(outside.stderr.contains("outside of the project root"), "{}", outside.stderr);
    let unknown = project.runner(&["new", "--template", "paritty"]);
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("did you mean `parity`?"),
        "{}",
        unknown.transcript()
    );
    let shown = project.runner(&["new", "--template", "profile"]);
    assert!(shown.code == Some(0) && shown.stdout.contains("\nid: profile\n"), "{}", shown.transcript());
    let file = project.runner(&["new", "--template", "parity", "--output", "workflows/mine.yaml"]);
    assert_eq!(file.code, Some(0), "{}", file.transcript());
    assert!(project.read("workflows/mine.yaml").contains("workflows/rings.c"));
    let neither = project.runner(&["new"]);
    assert_eq!(neither.code, Some(2), "{}", neither.transcript());
}
