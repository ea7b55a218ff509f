//! Runs that are ended from outside in each phase, and go on: what `status` says, what `resume` does, and that
//! the ledger has exactly the entries that it should.
//!
//! The runner is really killed. Steps wait for a file that the test makes, so that a kill comes where it is
//! meant to come.

mod evidence;
mod signals;
mod support;

use std::os::unix::ffi::OsStrExt;

use evidence::{Evidence, ROOT};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signals::{attempts, end_with, named, project, resume, start, until, verifies, wait};

/// A step that fails or waits at the first try, and is quick when `go.flag` is there.
const WAITS: &str = "
  - id: before
    run: [echo, first]
    log: before.log
  - id: step
    run: echo half > ${{ bundle }}/part.txt; test -e go.flag || sleep 60; echo whole > ${{ bundle }}/part.txt
    log: step.log
";

fn is(state: &Value, step: usize, status: &str) -> bool {
    state["steps"][step]["status"] == status
}

/// Waits until the step has written the first half: the shell makes the file before it writes the line.
fn half_written(evidence: &Evidence) {
    let written = || std::fs::read_to_string(evidence.path().join("part.txt")).ok();
    wait("its file", || (written().as_deref() == Some("half\n")).then_some(()));
}

#[test]
fn a_run_that_was_killed_in_a_step_goes_on_with_that_step() {
    let project = project(WAITS);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| is(state, 1, "running"));
    half_written(&evidence);
    assert_eq!(end_with(&project, run, Signal::KILL).code, None, "killed");
    let status = project.runner(&["status"]);
    assert!(status.stdout.starts_with("killed "), "{}", status.transcript());
    assert!(
        status.stdout.contains("killed in step `step`; `runner resume reports/faults/[STAMP]`"),
        "{status:?}"
    );
    let status = project.runner(&["status", &named(&evidence)]);
    assert!(status.stdout.contains("go on with it: `runner resume"), "{}", status.transcript());
    assert_eq!(attempts(&project), [1], "the ledger is untouched");

    // The workflow is gone, and was different before that.
    std::fs::remove_file(project.path("w.yaml")).expect("removed");
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    assert_eq!(evidence.status(), "complete");
    assert_eq!(attempts(&project), [1, 2]);
    assert_eq!(evidence.commands_of("before").len(), 1, "what was done stays");
    assert_eq!(evidence.text("part.txt"), "whole\n");
    assert_eq!(evidence.text("failed/step-1/part.txt"), "half\n");
    assert!(evidence.has("failed/step-1/step.log"), "{:?}", evidence.files());
    let step = evidence.step("step");
    assert_eq!(step["attempts"][0]["number"], 2, "the number of the killed one is not used again");
    let resumed = &evidence.state()["resumed"][0];
    assert_eq!(resumed["from"], "killed");
    assert_eq!(resumed["note"], "after the kill");
    assert_eq!(resumed["manifest_sha256"], Value::Null);
    assert_eq!(resumed["unfinished"]["attempt"], 1);
    assert_eq!(resumed["kept"], serde_json::json!(["before"]));
    let summary = evidence.text("summary.md");
    assert!(summary.is_ascii() && summary.contains("## Resumed") && summary.contains("Note: after the kill"));
    verifies(&project, &evidence);
}

/// Makes `caf\xe9.txt` in the bundle: a name that is no UTF-8.
const CAFE: &str = "printf made > ${{ bundle }}/$(printf 'caf\\351').txt";

#[test]
fn files_whose_names_are_no_utf_8_are_no_damage_and_are_set_aside() {
    let steps = format!(
        "
  - id: before
    run: {CAFE}
  - id: step
    run: printf half > ${{{{ bundle }}}}/$(printf 'th\\351').txt; echo half > ${{{{ bundle }}}}/part.txt; test -e go.flag || sleep 60
  - id: retried
    run: printf half > ${{{{ bundle }}}}/$(printf 'ol\\351').txt; test -e again.flag || {{ touch again.flag; exit 1; }}
    writes: [again.flag]
    retry: 1
"
    );
    let project = project(&steps);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| is(state, 1, "running"));
    half_written(&evidence);
    end_with(&project, run, Signal::KILL);
    project.write("go.flag", "");
    let ended = resume(&project, &evidence, 0);
    assert!(!ended.stdout.contains("damaged") && !ended.stderr.contains("damaged"), "{}", ended.transcript());
    assert_eq!(evidence.commands_of("before").len(), 1, "what was done stays");
    let file = |name: &[u8]| evidence.path().join(std::ffi::OsStr::from_bytes(name));
    let there = [
        &b"caf\xe9.txt"[..],
        b"th\xe9.txt",
        b"ol\xe9.txt",
        b"failed/step-1/th\xe9.txt",
        b"failed/retried-1/ol\xe9.txt",
    ];
    for name in there {
        assert!(file(name).is_file(), "{}: {:?}", String::from_utf8_lossy(name), evidence.files());
    }
    assert!(evidence.text("summary.md").contains("caf\\xe9.txt"));
    assert_eq!(
        evidence.step("retried")["attempts"][0]["artifacts"],
        serde_json::json!(["failed/retried-1/ol\\xe9.txt"])
    );
    verifies(&project, &evidence);
}

#[test]
fn a_run_that_was_killed_before_its_first_step_goes_on_from_the_start() {
    let project = project(WAITS);
    project.write("go.flag", "");
    // git is what the runner asks before the first step: one that hangs holds it there.
    project.write("bin/git", "#!/bin/sh\nexec sleep 60\n");
    std::fs::set_permissions(project.path("bin/git"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("chmod");
    let path = std::env::var("PATH").expect("a PATH");
    let mut command = project.command_of_runner();
    command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.args(["run", "w.yaml"]).env("PATH", format!("{}:{path}", project.path("bin").display()));
    let run = command.spawn().expect("the runner starts");
    let evidence = until(&project, "the question to git", |state| is(state, 0, "pending"));
    wait("git", || (!std::fs::read(evidence.path().join("commands.jsonl")).ok()?.is_empty()).then_some(()));
    end_with(&project, run, Signal::KILL);
    let status = project.runner(&["status"]);
    assert!(status.stdout.contains("killed before its first step"), "{}", status.transcript());
    resume(&project, &evidence, 0);
    assert_eq!(evidence.status(), "complete");
    assert_eq!(evidence.outcome("before"), "ok");
    assert_eq!(attempts(&project), [1, 2]);
    verifies(&project, &evidence);
}

const QUICK: &str = "  - id: step\n    run: test -e go.flag\n";

/// Whether these tests run under `nohup`, or something that does the same: then their runs do too.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("readable");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("there");
    u64::from_str_radix(mask.trim(), 16).expect("a mask") & 1 << (Signal::HUP.as_raw() - 1) != 0
}

#[test]
fn an_interrupted_run_goes_on() {
    let hangup = (!hangup_is_ignored()).then_some(Signal::HUP);
    for signal in [Signal::INT, Signal::TERM].into_iter().chain(hangup) {
        let project = project(WAITS);
        let run = start(&project, &["run", "w.yaml"]);
        let evidence = until(&project, "the step", |state| is(state, 1, "running"));
        half_written(&evidence);
        let ended = end_with(&project, run, signal);
        assert_eq!(ended.code, Some(130), "{signal:?}: {}", ended.transcript());
        assert!(ended.stdout.contains("`runner resume reports/faults/[STAMP]`"), "{}", ended.transcript());
        assert_eq!(evidence.status(), "interrupted");
        assert_eq!(attempts(&project), [1]);
        project.write("go.flag", "");
        resume(&project, &evidence, 0);
        assert_eq!(attempts(&project), [1, 2]);
        assert_eq!(evidence.step("step")["attempts"][0]["outcome"], "cancelled");
        assert_eq!(evidence.step("step")["attempts"][1]["outcome"], "ok");
        assert_eq!(evidence.text("failed/step-1/part.txt"), "half\n");
        verifies(&project, &evidence);
    }
}

#[test]
fn a_blocked_run_goes_on_and_its_old_manifest_is_kept() {
    let project = project(QUICK);
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(3));
    let evidence = Evidence::only(&project);
    let before = evidence.bytes("manifest.json");
    // Nothing has changed: it is blocked again, and that is another entry.
    let ended = resume(&project, &evidence, 3);
    assert!(ended.stderr.contains("resumed (blocked): 0 of 2 steps"), "{}", ended.transcript());
    assert_eq!(attempts(&project), [1, 2, 3]);
    assert_eq!(evidence.bytes("manifest.1.json"), before);
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    assert_eq!(attempts(&project), [1, 2, 3, 4]);
    let manifest = evidence.json("manifest.json");
    let files: Vec<&str> = manifest["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter_map(|file| file["path"].as_str())
        .collect();
    assert!(files.contains(&"manifest.1.json") && files.contains(&"manifest.2.json"), "{files:?}");
    assert_eq!(evidence.step("step")["attempts"].as_array().map(Vec::len), Some(3));
    assert_eq!(evidence.state()["resumed"].as_array().map(Vec::len), Some(2));
    verifies(&project, &evidence);
    let ended = resume(&project, &evidence, 2);
    assert!(
        ended.stderr.contains("is complete") && ended.stderr.contains("runner rerun"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn a_host_that_was_killed_blocks_the_run_which_then_goes_on() {
    let step = "  - id: step\n    uses: villain\n    with: { do: sleep, seconds: 3 }\n";
    let project = project(step);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| is(state, 0, "running"));
    let host = wait("the host", || {
        let tasks = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.id())).ok()?;
        let children = tasks.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok());
        let is_host = |pid: &i32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.contains("plugin-host")
        };
        children.into_iter().find(is_host)
    });
    kill_process(Pid::from_raw(host).expect("a number"), Signal::KILL).expect("it is there");
    let ended = project.ended(&run.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(evidence.outcome("step"), "plugin_crash");
    assert_eq!(attempts(&project), [1, 2]);
    resume(&project, &evidence, 0);
    assert_eq!(evidence.outcome("step"), "ok");
    assert_eq!(attempts(&project), [1, 2, 3]);
    verifies(&project, &evidence);
}

#[test]
fn a_run_that_is_still_going_on_is_left_alone() {
    let project = project(WAITS);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| is(state, 1, "running"));
    let ended = resume(&project, &evidence, 2);
    assert!(ended.stderr.contains("is still running (process"), "{}", ended.transcript());
    end_with(&project, run, Signal::TERM);
    assert_eq!(Evidence::all(&project).len(), 1, "below {ROOT}");
}

#[test]
fn metrics_of_a_step_that_stays_are_there_for_later_steps() {
    let project = project(
        "
  - id: measure
    run: |
      echo '{\"seconds\": 1.5}' > ${{ bundle }}/results.json
    metrics: { file: results.json, values: { seconds: result.seconds } }
  - id: step
    run: test -e go.flag && echo ${{ steps.measure.metrics.seconds }}
    log: use.log
",
    );
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(3));
    let evidence = Evidence::only(&project);
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    assert_eq!(evidence.text("use.log"), "1.5\n");
    assert_eq!(evidence.commands_of("measure").len(), 1);
}

#[test]
fn an_always_step_that_was_ok_stays_and_one_that_failed_is_done_again() {
    let project = project(
        "
  - { id: step, run: [test, -e, go.flag] }
  - { id: well, run: [echo, well], always: true }
  - { id: ill, run: [test, -e, go.flag], always: true }
",
    );
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(3));
    let evidence = Evidence::only(&project);
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    let counts = ["step", "well", "ill"].map(|id| evidence.commands_of(id).len());
    assert_eq!(counts, [2, 1, 2]);
}

#[test]
fn a_plugin_that_is_another_now_is_refused_by_name() {
    let project = project("  - id: step\n    uses: villain\n    with: { do: hang }\n");
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| is(state, 0, "running"));
    end_with(&project, run, Signal::INT);
    let mut plan = evidence.json("plan.json");
    plan["steps"][0]["plugin"]["sha256"] = "0".repeat(64).into();
    project.write(&format!("{}/plan.json", named(&evidence)), plan.to_string());
    let (before, state) = (evidence.files(), evidence.bytes("state.json"));
    let ended = resume(&project, &evidence, 2);
    assert!(ended.stderr.contains("plugin `villain`: sha256 000000000000, now"), "{}", ended.transcript());
    assert!(ended.stderr.contains("runner rerun"), "{}", ended.transcript());
    assert_eq!((evidence.files(), evidence.bytes("state.json")), (before, state), "nothing was changed");
}

#[test]
fn an_input_that_has_other_files_now_is_refused_by_name() {
    let project = support::Project::new();
    project.write("reports/other/20260101T000000Z/manifest.json", "{}");
    let head = "inputs: { other: { bundle: reports/other } }";
    project.write("w.yaml", evidence::workflow(head, QUICK));
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(3));
    let evidence = Evidence::only(&project);
    // A newer one is no reason to refuse: the plan is pinned to the older.
    project.write("reports/other/20260101T000001Z/manifest.json", "{}");
    resume(&project, &evidence, 3);
    project.write("reports/other/20260101T000000Z/more.txt", "");
    let ended = resume(&project, &evidence, 2);
    assert!(ended.stderr.contains("input `other`: `reports/other/[STAMP]` has other files now"), "{ended:?}");
}

#[test]
fn what_was_set_on_the_command_line_is_set_again() {
    let project = support::Project::new();
    let step = "  - id: step\n    run: [sh, -c, 'test -e go.flag && echo \"$0\"', \"${{ vars.word }}\"]\n    log: out.log\n";
    project.write("w.yaml", evidence::workflow("vars: { word: none, count: 1 }", step));
    let set = ["run", "w.yaml", "--set", "word=\"it's: [7]\"", "--set", "count=2.5"];
    assert_eq!(project.runner(&set).code, Some(3));
    let evidence = Evidence::only(&project);
    project.write("go.flag", "");
    resume(&project, &evidence, 0);
    assert_eq!(evidence.text("out.log"), "it's: [7]\n");
}
