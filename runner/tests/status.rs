//! `runner status`: which bundles it finds, and what it does not show.

mod evidence;
mod signals;
mod support;

use evidence::{ROOT, workflow};
use rustix::process::Signal;
use signals::{end_with, start, until};
use support::Project;

#[test]
fn bundles_are_found_where_the_workflows_put_them() {
    let project = Project::new();
    let elsewhere = workflow("", "  - { id: step, run: [echo, hello] }\n").replace(ROOT, "evidence/runs");
    project.write("workflows/elsewhere.yaml", elsewhere);
    project.write("workflows/no.yaml", "this: is no workflow\n");
    let none = project.runner(&["status"]);
    assert!(none.stdout.contains("no bundles below"), "{}", none.transcript());
    assert!(none.stdout.contains("evidence/runs"), "it says where it looked: {}", none.transcript());
    assert_eq!(project.runner(&["run", "workflows/elsewhere.yaml"]).code, Some(0));
    // A hand-made bundle is none of ours.
    project.write("reports/hand/20250101T000000Z/summary.md", "by hand\n");
    let listed = project.runner(&["status"]);
    assert_eq!(listed.stdout, "complete     evidence/runs/[STAMP]\n", "{}", listed.transcript());
}

#[test]
fn older_bundles_that_are_not_shown_are_counted() {
    let project = Project::without_git();
    for minute in 10..33 {
        project.write(&format!("{ROOT}/20260101T00{minute}00Z/state.json"), "{}");
    }
    let listed = project.runner(&["status"]);
    assert_eq!(listed.stdout.lines().count(), 20, "{}", listed.transcript());
    assert!(listed.stdout.lines().all(|line| line.starts_with("unreadable ")), "{}", listed.transcript());
    assert_eq!(listed.stderr, "3 older bundles not shown: name one to see it\n");
}

#[test]
fn a_closed_terminal_changes_nothing_for_a_run_under_nohup() {
    let project = signals::project("  - { id: step, run: [sleep, '2'] }\n");
    let mut command = project.command_of_runner();
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = project.command_of("nohup");
    command.arg(program).args(arguments).args(["run", "w.yaml"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let run = command.spawn().expect("nohup is installed");
    let evidence = until(&project, "the step", |state| state["steps"][0]["status"] == "running");
    assert_eq!(end_with(&project, run, Signal::HUP).code, Some(0));
    assert_eq!(evidence.status(), "complete");
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    let project =
        signals::project("  - id: step\n    uses: villain\n    with: { do: hang_ignoring_cancel }\n");
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| state["steps"][0]["status"] == "running");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, Signal::INT).expect("it is there");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let since = std::time::Instant::now();
    assert_eq!(end_with(&project, run, Signal::INT).code, Some(130));
    assert!(since.elapsed().as_millis() < 1000, "it did not wait for the program: {:?}", since.elapsed());
    let status = project.runner(&["status", &signals::named(&evidence)]);
    assert!(status.stdout.contains("killed in step `step`"), "{}", status.transcript());
}
