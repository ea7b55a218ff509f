//! The same failure again: it is recognised in the summary and the ledger, and `stop_after_repeats` refuses a
//! further identical try.

mod evidence;
mod signals;
mod support;

use evidence::{Evidence, LEDGER_STEP, ROOT, workflow};
use signals::{attempts, named, resume};
use support::{Ended, Project};

const FAILS: &str = "
  - id: step
    run: echo \"no space left on device, try $(date +%N)\" >&2; test -e go.flag
";

fn project(head: &str) -> Project {
    let project = Project::new();
    project.write("w.yaml", workflow(head, &format!("{FAILS}{LEDGER_STEP}")));
    project.write(".gitignore", "reports/\n*.flag\n");
    project.commit();
    project
}

fn run(project: &Project, further: &[&str], code: i32) -> Ended {
    let ended = project.runner(&[&["run", "w.yaml"], further].concat());
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    ended
}

#[test]
fn the_same_failure_is_counted_in_the_summary_and_in_the_ledger() {
    let project = project("");
    run(&project, &[], 3);
    run(&project, &[], 3);
    run(&project, &[], 3);
    let bundles = Evidence::all(&project);
    let first = bundles[0].stamp();
    assert!(!bundles[0].text("summary.md").contains("in a row"));
    let second = format!("second time in a row: step `step` failed with the same fault as in {first}");
    assert!(bundles[1].text("summary.md").contains(&second), "{}", bundles[1].text("summary.md"));
    let third = format!("third time in a row: step `step` failed with the same fault as in {first}");
    assert!(bundles[2].text("summary.md").contains(&third), "{}", bundles[2].text("summary.md"));
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains(&format!("Repeated failure: {third}")), "{ledger}");
}

#[test]
fn a_step_that_was_ok_in_the_end_is_no_failure_in_a_row() {
    let project = project("");
    run(&project, &[], 3);
    project.write("go.flag", "");
    resume(&project, &Evidence::only(&project), 0);
    std::fs::remove_file(project.path("go.flag")).expect("removed");
    run(&project, &[], 3);
    let newest = Evidence::all(&project).pop().expect("a bundle");
    assert!(!newest.text("summary.md").contains("in a row"), "{}", newest.text("summary.md"));
}

#[test]
fn a_further_identical_try_is_refused_and_forced() {
    let project = project("stop_after_repeats: 2");
    run(&project, &[], 3);
    let plan = project.runner(&["plan", "w.yaml"]);
    assert!(plan.stdout.contains("after 2 identical failures"), "{}", plan.transcript());
    assert!(!plan.stdout.contains("would refuse"), "{}", plan.transcript());
    run(&project, &[], 3);
    let bundles = Evidence::all(&project);
    let (files, ledger) = (project.files(), project.read("docs/fix_plan.md"));
    let ended = run(&project, &[], 3);
    let number = regex::Regex::new("try [0-9]+").expect("a valid pattern");
    insta::assert_snapshot!(number.replace_all(&ended.transcript(), "try [NUMBER]"));
    let raw = project.command_of_runner().args(["run", "w.yaml"]).output().expect("it runs");
    let raw = String::from_utf8(raw.stderr).expect("UTF-8");
    assert!(bundles.iter().all(|bundle| raw.contains(&bundle.stamp())), "{raw}");
    assert_eq!((project.files(), project.read("docs/fix_plan.md")), (files, ledger), "nothing was made");
    let plan = project.runner(&["plan", "w.yaml"]);
    assert!(plan.stdout.contains("`runner run` would refuse: the newest 2 bundles"), "{}", plan.transcript());

    run(&project, &["--force"], 3);
    let forced = Evidence::all(&project).pop().expect("a bundle");
    let summary = forced.text("summary.md");
    assert!(summary.contains("- forced with --force: the newest 2 bundles"), "{summary}");
    assert_eq!(attempts(&project), [1, 2, 3, 4]);
    // To go on with one is a decision of its own.
    project.write("go.flag", "");
    resume(&project, &forced, 0);
    run(&project, &[], 0);
    assert_eq!(Evidence::all(&project).len(), 4, "{}", named(&forced));
}

#[test]
fn a_try_that_differs_is_not_refused() {
    let project = project("stop_after_repeats: 1\nvars: { size: 1 }");
    run(&project, &[], 3);
    let refused = run(&project, &[], 3);
    assert!(refused.stderr.contains("--force"), "{}", refused.transcript());
    assert_eq!(Evidence::all(&project).len(), 1);
    // Another variable.
    run(&project, &["--set", "size=2"], 3);
    assert_eq!(Evidence::all(&project).len(), 2);
    // Another commit: the newest bundle is not of it.
    project.commit();
    run(&project, &["--set", "size=2"], 3);
    assert_eq!(Evidence::all(&project).len(), 3);
    // Another text.
    let text = project.read("w.yaml");
    project.write("w.yaml", format!("{text}# tried something\n"));
    run(&project, &["--set", "size=2"], 3);
    assert_eq!(Evidence::all(&project).len(), 4, "below {ROOT}");
}

#[test]
fn the_number_is_checked() {
    for wrong in ["0", "two", "1001", "1.5"] {
        let project = Project::without_git();
        project.write("w.yaml", workflow(&format!("stop_after_repeats: {wrong}"), FAILS));
        let ended = project.runner(&["validate", "w.yaml"]);
        assert_eq!(ended.code, Some(2), "{wrong}: {}", ended.transcript());
        assert!(ended.stderr.contains("`stop_after_repeats`"), "{}", ended.transcript());
    }
}
