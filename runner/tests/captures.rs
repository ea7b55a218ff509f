//! Metrics of captures: the step's `metrics:` reads the JSON that the plugin returned, and gates hold on it.
//!
//! Uses the plugin `compare-arrays` on small text files. Bundles are read as they lie on the disk.

mod evidence;
mod support;

use evidence::{Evidence, workflow};
use serde_json::{Value, json};
use support::{Ended, Project};

/// A workflow that compares two texts; `keys` are further lines of the step `compare`.
fn compared(a: &str, b: &str, keys: &str) -> (Project, Ended) {
    let project = Project::new();
    project.write("a.csv", a);
    project.write("b.csv", b);
    project.commit();
    let steps = format!(
        "
  - id: compare
    uses: compare-arrays
    with: {{ a: a.csv, b: b.csv }}
{keys}
  - id: use
    run: [echo, \"ratio ${{{{ steps.compare.metrics.ratio }}}}\"]
    log: use.log
"
    );
    project.write("w.yaml", workflow("", &steps));
    let ended = project.runner(&["run", "w.yaml"]);
    (project, ended)
}

const METRICS: &str = "    metrics: { values: { ratio: result.sum_ratio, correlation: result.correlation } }";

#[test]
fn a_capture_delivers_the_figures_of_its_json_to_gates_and_later_steps() {
    let (project, ended) =
        compared("1 2 3\n", "2 4 6\n", &format!("{METRICS}\n    gates: [metrics.ratio == 2]"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let bundle = Evidence::only(&project);
    assert_eq!(
        bundle.step("compare")["attempts"][0]["metrics"]["ratio"],
        json!({ "value": 2.0, "unit": "" })
    );
    assert_eq!(bundle.text("use.log"), "ratio 2.0\n");
    assert!(
        bundle.text("summary.md").contains("Gate `metrics.ratio == 2` holds: ratio=2"),
        "{}",
        bundle.text("summary.md")
    );
}

#[test]
fn a_gate_on_a_capture_that_does_not_hold_blocks() {
    let (project, ended) =
        compared("1 2 3\n", "2 4 6\n", &format!("{METRICS}\n    gates: [metrics.ratio == 1]"));
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(Evidence::only(&project).outcome("compare"), "gate");
}

#[test]
fn a_figure_that_a_capture_does_not_know_keeps_its_reason_and_fails_its_gate() {
    let keys = format!("{METRICS}\n    gates: [metrics.correlation > 0]");
    let (project, ended) = compared("1 1 1\n", "2 4 6\n", &keys);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let reason = "the metric `correlation` has no value: all values of `a` are the same";
    assert!(ended.transcript().contains(reason), "{}", ended.transcript());
    let metric = Evidence::only(&project).step("compare")["attempts"][0]["metrics"]["correlation"].clone();
    assert_eq!(
        (&metric["value"], &metric["reason"]),
        (&Value::Null, &json!("all values of `a` are the same"))
    );
}

#[test]
fn a_capture_may_name_another_file_and_one_that_is_not_there_fails_the_step() {
    let keys = "    metrics: { file: other.json, values: { ratio: result.sum_ratio } }";
    let (project, ended) = compared("1\n", "2\n", keys);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(Evidence::only(&project).outcome("compare"), "failed");
    assert!(ended.transcript().contains("no metrics file `other.json`"), "{}", ended.transcript());
}

#[test]
fn arrays_of_other_sizes_fail_the_step_with_both_sizes() {
    let (_, ended) = compared("1 2\n", "1 2 3\n", METRICS);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.transcript().contains("`a.csv` holds 2 values, `b.csv` holds 3"), "{}", ended.transcript());
}

/// What `validate` says of one step.
fn refused(step: &str) -> String {
    let project = Project::without_git();
    project.write("w.yaml", workflow("", step));
    let ended = project.runner(&["validate", "w.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    ended.stderr
}

#[test]
fn a_program_must_name_its_file_and_a_kernel_needs_no_metrics() {
    let program = refused("  - id: bench\n    run: [ls]\n    metrics: { values: { a: result.a } }\n");
    assert!(
        program.contains("error: `metrics` of step `bench` names no `file`\n --> w.yaml:9:14"),
        "{program}"
    );
    let kernel = "  - id: image\n    uses: nanobragg\n    with: { size: 64 }\n    metrics: { values: { a: result.a } }\n";
    let kernel = refused(kernel);
    assert!(
        kernel
            .contains("error: `metrics` of step `image`: `nanobragg` is a kernel plugin\n  --> w.yaml:10:14"),
        "{kernel}"
    );
}
