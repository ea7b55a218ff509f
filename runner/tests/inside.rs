//! Evidence-only: steps that write outside their bundle or over the evidence of others, leave processes behind, or
//! read what nobody committed.
//!
//! Each fault is caused by a step (or by the test, as a stranger) while the real binary runs.

mod evidence;
mod signals;
mod support;

use evidence::{Evidence, workflow};
use serde_json::{Value, json};
use signals::{start, wait};
use support::{Ended, LEDGER, Project};

/// Runs these steps in a committed project; how it ended, and the bundle.
fn run(project: &Project, steps: &str, code: i32) -> (Ended, Evidence) {
    project.write("w.yaml", workflow("", steps));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    let evidence = Evidence::only(project);
    assert_eq!(project.runner(&["verify", &evidence.path().display().to_string()]).code, Some(0));
    (ended, evidence)
}

#[test]
fn a_write_into_the_repository_is_prevented_and_told_also_when_the_step_goes_on() {
    let project = Project::new();
    let steps = "  - id: bad\n    run: [sh, -c, 'echo x >> docs/fix_plan.md; rm plans/active/loops.md; echo y > new; true']\n";
    project.write("w.yaml", workflow("", steps));
    project.commit();
    project.runner(&["run", "w.yaml"]);
    let evidence = Evidence::only(&project);
    if evidence.state()["guard"]["confinement"] != "enforced" {
        println!("not caused here: this kernel does not confine");
        return;
    }
    assert_eq!(project.read("docs/fix_plan.md"), LEDGER);
    assert!(project.path("plans/active/loops.md").exists() && !project.path("new").exists());
    let attempted = evidence.step("bad")["attempts"][0]["attempted"].clone();
    for path in ["docs/fix_plan.md", "plans/active/loops.md", "new"] {
        let tried = attempted.as_array().expect("a list").iter().any(|one| one["path"] == path);
        assert!(tried, "{path}: {attempted}");
    }
    let summary = evidence.text("summary.md");
    assert!(summary.contains("was prevented: evidence-only"), "{summary}");
    assert_eq!(evidence.state()["guard"]["changes"], json!([]));
}

#[test]
fn a_change_of_the_repository_by_somebody_else_breaks_the_run() {
    let project = Project::new();
    project.write("src.txt", "one\n");
    let steps = "  - id: wait\n    run: [sh, -c, 'touch $1/started; until [ -e $1/go ]; do sleep 0.05; done', sh, \"${{ bundle }}\"]\n";
    project.write("w.yaml", workflow("", steps));
    project.commit();
    let run = start(&project, &["run", "w.yaml"]);
    let started = wait("the step", || {
        let root = std::fs::read_dir(project.path(evidence::ROOT)).ok()?.next()?.ok()?.path();
        root.join("started").exists().then_some(root)
    });
    project.write("src.txt", "two\n");
    project.write("new.txt", "new\n");
    std::fs::File::create(started.join("go")).expect("made");
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.status(), "broken");
    let changes = evidence.state()["guard"]["changes"].clone();
    let told: Vec<(&Value, &Value)> =
        changes.as_array().expect("a list").iter().map(|one| (&one["path"], &one["change"])).collect();
    assert_eq!(told, [(&json!("new.txt"), &json!("added")), (&json!("src.txt"), &json!("modified"))]);
    assert!(evidence.text("summary.md").contains("`src.txt` was modified"));
}

#[test]
fn a_step_that_changes_or_removes_evidence_of_an_earlier_one_breaks_the_run() {
    let project = Project::new();
    let steps = "  - { id: one, run: [echo, one], log: one.log }\n  - { id: two, run: [echo, two], log: two.log }\n  \
                 - id: bad\n    run: [sh, -c, 'echo better > $1/one.log; rm $1/two.log', sh, \"${{ bundle }}\"]\n";
    let (_, evidence) = run(&project, steps, 4);
    assert_eq!(evidence.status(), "broken");
    let reason = evidence.state()["reason"].to_string();
    assert!(reason.contains("step `bad` changed `one.log`, evidence of an earlier step"), "{reason}");
    assert!(reason.contains("step `bad` removed `two.log`, evidence of an earlier step"), "{reason}");
}

#[test]
fn a_name_that_looks_like_the_runners_own_hides_nothing() {
    let project = Project::new();
    let write =
        |text: &str| format!("[sh, -c, 'echo {text} > $1/.plan.json.spare.tmp', sh, \"${{{{ bundle }}}}\"]");
    let steps =
        format!("  - {{ id: one, run: {} }}\n  - {{ id: bad, run: {} }}\n", write("one"), write("better"));
    let (_, evidence) = run(&project, &steps, 4);
    assert_eq!(evidence.step("one")["attempts"][0]["artifacts"], serde_json::json!([".plan.json.spare.tmp"]));
    let reason = evidence.state()["reason"].to_string();
    assert!(
        reason.contains("step `bad` changed `.plan.json.spare.tmp`, evidence of an earlier step"),
        "{reason}"
    );
}

#[test]
fn a_record_of_the_runner_that_a_step_overwrites_is_put_back_and_told() {
    let project = Project::new();
    let steps = "  - id: bad\n    run: [sh, -c, 'echo {} > $1/plan.json; : > $1/commands.jsonl', sh, \"${{ bundle }}\"]\n";
    let (_, evidence) = run(&project, steps, 4);
    assert_eq!(evidence.status(), "broken");
    let reason = evidence.state()["reason"].to_string();
    for file in ["plan.json", "commands.jsonl"] {
        assert!(
            reason.contains(&format!("changed `{file}`, a record of the runner, which was put back")),
            "{reason}"
        );
    }
    assert_eq!(evidence.json("plan.json")["steps"][0]["id"], "bad");
    assert_eq!(evidence.commands_of("bad").len(), 1);
}

#[test]
fn a_daemon_that_a_step_leaves_behind_is_killed_and_told() {
    let project = Project::new();
    let steps =
        "  - id: bad\n    run: [sh, -c, 'setsid sleep 61 > /dev/null 2>&1 & echo $!']\n    log: pid.log\n";
    let (_, evidence) = run(&project, steps, 0);
    let summary = evidence.text("summary.md");
    assert!(summary.contains("step `bad` left processes running, which were killed"), "{summary}");
    let left = evidence.step("bad")["attempts"][0]["left_behind"].clone();
    assert!(left.as_array().is_some_and(|left| left.len() == 1), "{left}");
    let pid = evidence.text("pid.log").trim().to_owned();
    let alive = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("61"));
    assert!(!alive, "it runs on as {pid}");
}

#[test]
fn files_that_git_ignores_or_does_not_track_are_told_unless_they_are_declared() {
    let project = Project::new();
    project.write(".gitignore", "*.local\nreports/\n");
    project.write("tuning.local", "fast\n");
    project.write("w.yaml", "");
    let step = |more: &str| {
        format!("  - id: read\n    run: [sh, -c, 'cat *.local extra* docs/fix_plan.md']\n{more}")
    };
    project.write("w.yaml", workflow("", &step("")));
    project.commit();
    project.write("extra", "untracked\n");
    let told = |text: &str| {
        (
            text.contains("`tuning.local`, which git ignores"),
            text.contains("`extra`, which git does not track"),
        )
    };
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    let first = Evidence::only(&project);
    assert_eq!(told(&first.text("summary.md")), (true, true), "{}", first.text("summary.md"));
    assert!(
        !first.text("summary.md").contains("read `docs/fix_plan.md`"),
        "what is committed is no surprise"
    );
    project.write("w.yaml", workflow("", &step("    reads: ['*.local', extra]\n")));
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(0));
    let second = Evidence::all(&project).remove(1);
    assert_eq!(told(&second.text("summary.md")), (false, false), "{}", second.text("summary.md"));
    let files = second.json("inputs.json")["steps"][0]["files"].clone();
    let local = files.as_array().expect("files").iter().find(|file| file["path"] == "tuning.local").cloned();
    let local = local.expect("it is listed all the same");
    assert_eq!((&local["declared"], &local["git"]), (&json!(true), &json!("ignored")), "{local}");
}
