//! What a power failure leaves: every file of a bundle cut to several lengths. Every command that reads the
//! bundle must end with a code of its own and name the file; none may panic.
//!
//! The bundle was made by a real run: blocked and sealed, or killed in its second step.

mod evidence;
mod signals;
mod support;

use evidence::{Evidence, ROOT};
use rustix::process::Signal;
use signals::{copy, end_with, named, project, start, until, wait};
use support::{Ended, Project};

const STEPS: &str = "
  - id: env
    uses: env-capture
  - id: first
    run: mkdir -p ${{ bundle }}/data && echo '{}' > ${{ bundle }}/data/results.json && echo first
    log: first.log
  - id: step
    run: test -e go.flag || { test -e fail.flag && exit 1; sleep 60; }
";

/// Runs one command on the bundle and holds what must always hold.
fn asked(project: &Project, command: &str, evidence: &Evidence, cut: &str) -> Ended {
    let name = named(evidence);
    let arguments = if command == "status" { vec!["status"] } else { vec![command, &name] };
    let ended = project.runner(&arguments);
    let place = format!("{command}, {cut}: {}", ended.transcript());
    assert!(!ended.stderr.contains("panicked") && !ended.stdout.contains("panicked"), "{place}");
    assert!(matches!(ended.code, Some(0 | 2 | 3 | 4)), "{place}");
    ended
}

/// Cuts every file to nothing, to half, and by its last byte, each in a bundle that is whole otherwise.
fn cut_everywhere(project: &Project, original: &Evidence, mut look: impl FnMut(&Cut, &Project, &Evidence)) {
    let kept = tempfile::tempdir().expect("a temporary directory");
    copy(original.path(), kept.path());
    let (ledger, plan) = (project.read("docs/fix_plan.md"), project.read("plans/active/loops.md"));
    let mut cuts = 0;
    for name in original.files() {
        let size = std::fs::metadata(kept.path().join(&name)).expect("there").len() as usize;
        let mut lengths = vec![0, size / 2, size.saturating_sub(1)];
        lengths.dedup();
        for length in lengths.into_iter().filter(|length| *length < size) {
            std::fs::remove_dir_all(original.path()).expect("removed");
            copy(kept.path(), original.path());
            let file = std::fs::File::options().write(true).open(original.path().join(&name)).expect("opens");
            file.set_len(length as u64).expect("cut");
            let cut = Cut { name: name.clone(), text: format!("{name} cut to {length} of {size}") };
            look(&cut, project, original);
            project.write("docs/fix_plan.md", &ledger);
            project.write("plans/active/loops.md", &plan);
            cuts += 1;
        }
    }
    assert!(cuts >= 25, "only {cuts} cuts in {:?}", original.files());
}

struct Cut {
    name: String,
    text: String,
}

#[test]
fn a_sealed_bundle_that_was_cut_is_refused_and_the_file_is_named() {
    let project = project(STEPS);
    project.write("fail.flag", "");
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    project.write("go.flag", "");
    let evidence = Evidence::only(&project);
    cut_everywhere(&project, &evidence, |cut, project, evidence| {
        for command in ["status", "report", "compare"] {
            if command == "compare" {
                let name = named(evidence);
                let ended = project.runner(&["compare", &name, &name]);
                assert!(!ended.stderr.contains("panicked"), "{}", ended.transcript());
            } else {
                asked(project, command, evidence, &cut.text);
            }
        }
        let verified = asked(project, "verify", evidence, &cut.text);
        assert_eq!(verified.code, Some(4), "{}: {}", cut.text, verified.transcript());
        let said = format!("{}{}", verified.stdout, verified.stderr);
        assert!(said.contains(&cut.name), "{}: {said}", cut.text);
        let resumed = asked(project, "resume", evidence, &cut.text);
        assert_eq!(resumed.code, Some(2), "{}: {}", cut.text, resumed.transcript());
        assert!(resumed.stderr.contains(&cut.name), "{}: {}", cut.text, resumed.transcript());
        assert!(
            resumed.stderr.contains("runner rerun") || resumed.stderr.contains("runner run "),
            "{resumed:?}"
        );
    });
    assert_eq!(Evidence::all(&project).len(), 1, "below {ROOT}");
}

#[test]
fn a_killed_bundle_that_was_cut_goes_on_and_says_so_or_is_refused_by_name() {
    let project = project(STEPS);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| state["steps"][2]["status"] == "running");
    wait("its command", || {
        let log = evidence.text("commands.jsonl");
        log.lines().any(|line| line.contains("\"step\":\"step\"")).then_some(())
    });
    end_with(&project, run, Signal::KILL);
    project.write("go.flag", "");
    let (mut on, mut refused) = (0, 0);
    cut_everywhere(&project, &evidence, |cut, project, evidence| {
        for command in ["status", "report"] {
            asked(project, command, evidence, &cut.text);
        }
        let verified = asked(project, "verify", evidence, &cut.text);
        assert_eq!(verified.code, Some(4), "{}: not sealed", cut.text);
        let ledger = project.read("docs/fix_plan.md");
        let resumed = asked(project, "resume", evidence, &cut.text);
        if resumed.code == Some(0) {
            on += 1;
            let ended = project.runner(&["verify", &named(evidence)]);
            assert_eq!(ended.code, Some(0), "{}: {}", cut.text, ended.transcript());
            // The killed step's own files, what is made anew from the data, what waits to be written, and a lost line end are no loss.
            let made_anew = ["commands.txt", "state.json"].contains(&cut.name.as_str())
                || cut.name.starts_with("logs/step-1")
                || cut.name.contains(".spare.tmp");
            assert!(
                made_anew || evidence.text("summary.md").contains(&format!("`{}`", cut.name)),
                "{}: {}",
                cut.text,
                evidence.text("summary.md")
            );
            if ["data/results.json", "first.log", "env.json"].contains(&cut.name.as_str()) {
                let step = if cut.name == "env.json" { "env" } else { "first" };
                let attempts = evidence.step(step)["attempts"].as_array().map(Vec::len);
                assert_eq!(attempts, Some(2), "{}: its step is done again", cut.text);
            }
        } else {
            refused += 1;
            assert_eq!(resumed.code, Some(2), "{}: {}", cut.text, resumed.transcript());
            assert!(resumed.stderr.contains(&cut.name), "{}: {}", cut.text, resumed.transcript());
            assert_eq!(project.read("docs/fix_plan.md"), ledger, "{}", cut.text);
        }
    });
    assert!(on >= 10 && refused >= 5, "{on} went on, {refused} were refused");
}

#[test]
fn a_torn_last_line_of_the_command_log_is_cut_off_and_told() {
    let project = project(STEPS);
    let run = start(&project, &["run", "w.yaml"]);
    let evidence = until(&project, "the step", |state| state["steps"][2]["status"] == "running");
    wait("its command", || evidence.text("commands.txt").contains("step step, attempt 1").then_some(()));
    end_with(&project, run, Signal::KILL);
    project.write("go.flag", "");
    let torn = format!("{}{{\"id\":99,\"prev\":\"0", evidence.text("commands.jsonl"));
    project.write(&format!("{}/commands.jsonl", named(&evidence)), &torn);
    assert_eq!(project.runner(&["report", &named(&evidence)]).code, Some(0), "a reader leaves it out");
    let ended = project.runner(&["resume", &named(&evidence)]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let says = "the last line of `commands.jsonl` was torn; its 18 bytes were cut off before the run went on";
    assert!(evidence.text("summary.md").contains(says), "{}", evidence.text("summary.md"));
    assert_eq!(project.runner(&["verify", &named(&evidence)]).code, Some(0));
}
