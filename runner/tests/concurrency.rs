//! Runs beside each other, runs that are ended from outside, and a ledger that cannot be written.
//!
//! What must hold: stamps are used once, the ledger is whole and has each run once or not at all, and no
//! process of a run outlives it. Signals go to the runner's process alone, as a supervisor sends them.

mod evidence;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use evidence::{Evidence, LEDGER_STEP, ROOT, seen, workflow};
use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use support::Project;

/// How long a test waits for something that comes at once on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A project whose workflow `w.yaml` runs this step and then the ledger.
fn project(step: &str) -> Project {
    let project = Project::new();
    project.write("w.yaml", workflow("", &format!("{step}{LEDGER_STEP}")));
    project.commit();
    project
}

fn quick() -> Project {
    project("  - id: step\n    uses: villain\n    with: { size: 64 }\n")
}

fn start(project: &Project) -> Child {
    let mut command = project.command_of_runner();
    command.args(["run", "w.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the runner starts")
}

/// Waits until `done` gives something.
fn wait<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Numbers of the ledger's attempts, in order of their place.
fn attempts(project: &Project) -> Vec<u64> {
    let ledger = project.read("docs/fix_plan.md");
    let numbers = ledger.split("Attempt #").skip(1);
    numbers
        .map(|text| {
            text.split(|c: char| !c.is_ascii_digit()).next().expect("a part").parse().expect("a number")
        })
        .collect()
}

/// All runs are complete, each has a bundle, and each stands in the ledger once.
fn all_are_in_the_ledger(project: &Project, count: usize) {
    let bundles = Evidence::all(project);
    assert_eq!(bundles.len(), count, "a bundle for each run");
    let ledger = project.read("docs/fix_plan.md");
    for bundle in &bundles {
        assert_eq!(bundle.status(), "complete", "{}", bundle.state());
        assert!(ledger.contains(&format!("{ROOT}/{}", bundle.stamp())), "{ledger}");
    }
    let mut numbers = attempts(project);
    numbers.sort_unstable();
    let expected: Vec<u64> = (1..=count as u64 + 1).collect();
    assert_eq!(numbers, expected, "one number for each attempt:\n{ledger}");
    assert!(ledger.starts_with("# Fix plan\n") && ledger.contains("- Spec/AT: none\n"), "{ledger}");
    let left = project.files().into_iter().filter(|file| file.contains(".tmp")).count();
    assert_eq!(left, 0, "no temporary file is left");
}

#[test]
fn four_runs_at_once_get_four_stamps_and_four_entries() {
    let project = quick();
    let runs: Vec<Child> = (0..4).map(|_| start(&project)).collect();
    for run in runs {
        let output = run.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    all_are_in_the_ledger(&project, 4);
}

#[test]
fn two_runs_one_right_after_the_other_get_two_stamps() {
    let project = quick();
    for _ in 0..2 {
        let ended = project.runner(&["run", "w.yaml"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    }
    all_are_in_the_ledger(&project, 2);
}

/// Processes that work for a run in this project: their working directory is its root.
fn processes_in(root: &Path) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == root))
        // A dead child that its parent has not looked at yet does nothing any more.
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
        })
        .collect()
}

/// Starts a run and waits until the step's program has been busy for a moment.
fn busy(project: &Project) -> (Child, Evidence) {
    let run = start(project);
    let evidence = wait("a bundle", || {
        let bundles = std::fs::read_dir(project.path(ROOT)).ok()?;
        (bundles.count() == 1).then(|| Evidence::only(project))
    });
    wait("the step", || {
        let log = std::fs::read_to_string(evidence.path().join("commands.jsonl")).ok()?;
        log.lines().any(|line| line.contains("\"step\":\"step\"")).then_some(())
    });
    wait("its process", || (processes_in(&project.root()).len() >= 2).then_some(()));
    // The library is loaded by now, and the kernel hangs.
    std::thread::sleep(Duration::from_millis(300));
    (run, evidence)
}

fn signal(run: &Child, signal: Signal) {
    kill_process(Pid::from_child(run), signal).expect("it is there");
}

/// Sends a signal to a run that hangs in `step`; how it ended.
fn interrupted(step: &str, sent: Signal) -> (Project, Evidence, Output) {
    let project = project(step);
    let ledger = project.read("docs/fix_plan.md");
    let plan = project.read("plans/active/loops.md");
    let (run, evidence) = busy(&project);
    signal(&run, sent);
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(project.read("docs/fix_plan.md"), ledger, "the ledger is untouched");
    assert_eq!(project.read("plans/active/loops.md"), plan, "the plan is untouched");
    wait("the end of its processes", || processes_in(&project.root()).is_empty().then_some(()));
    (project, evidence, output)
}

const HANGS: &str = "  - id: step\n    uses: villain\n    with: { do: hang }\n";
const DEAF: &str = "  - id: step\n    uses: villain\n    with: { do: hang_ignoring_cancel }\n";
const SLEEPS: &str = "  - id: step\n    run: [sleep, '60']\n";

#[test]
fn ctrl_c_ends_the_run_and_its_children_and_leaves_the_ledger_alone() {
    let (project, evidence, output) = interrupted(HANGS, Signal::INT);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(evidence.status(), "interrupted");
    assert_eq!(evidence.outcome("step"), "cancelled");
    assert!(!evidence.has("manifest.json"), "not sealed");
    assert!(evidence.text("summary.md").contains("**Status: interrupted**"));
    assert_snapshot!(seen(&project.ended(&output)));
}

#[test]
fn sigterm_ends_the_run_and_its_children_and_leaves_the_ledger_alone() {
    for step in [DEAF, SLEEPS] {
        let (_project, evidence, output) = interrupted(step, Signal::TERM);
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(evidence.status(), "interrupted");
    }
}

#[test]
fn an_interrupted_command_ends_before_a_fallback_or_a_retry_of_it_can_start() {
    let step = "  - id: step\n    run: [sleep, '60']\n    retry: 3\n";
    let (_project, evidence, output) = interrupted(step, Signal::INT);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(evidence.commands_of("step").len(), 1, "one attempt");
}

#[test]
fn a_killed_run_leaves_nothing_behind_that_the_next_one_could_trip_over() {
    for step in [HANGS, DEAF, SLEEPS] {
        let (project, killed, output) = interrupted(step, Signal::KILL);
        assert_eq!(output.status.code(), None, "killed");
        assert_eq!(killed.status(), "running", "its last word");
        assert!(!killed.has("manifest.json"));
        let before = killed.files();
        let listed = project.runner(&["status"]);
        assert!(listed.stdout.starts_with("killed "), "{}", listed.transcript());
        project.write("w.yaml", workflow("", &format!("  - id: step\n    uses: villain\n{LEDGER_STEP}")));
        let ended = project.runner(&["run", "w.yaml"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let bundles = Evidence::all(&project);
        assert_eq!(bundles.len(), 2, "the killed one's stamp was not used again");
        assert_eq!(bundles[0].path(), killed.path());
        assert_eq!(killed.files(), before, "and its files are as they were");
        assert_eq!(attempts(&project), [1, 2]);
    }
}

/// The process from which a runner's programs are forked.
fn fork_server(run: &Child) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.id())).ok()?;
    let is_it = |pid: &i32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "runner-forks"
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_it).and_then(Pid::from_raw)
}

#[test]
fn a_fork_server_that_was_killed_is_made_again() {
    let waits = "  - id: step\n    run: [sleep, '2']\n";
    let project = project(&format!("{waits}  - id: next\n    run: [echo, hello]\n"));
    let (run, evidence) = busy(&project);
    let server = fork_server(&run).expect("it is there");
    kill_process(server, Signal::KILL).expect("killed");
    let ended = project.ended(&run.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!((evidence.outcome("step"), evidence.outcome("next")), ("ok".to_owned(), "ok".to_owned()));
    let state = evidence.state();
    let left = state["surprises"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one.to_string().contains("runner-forks"));
    assert_eq!(left.count(), 0, "it is no program's: {state}");
}

#[test]
fn nothing_in_the_group_of_a_program_outlives_a_runner_that_was_killed() {
    let project = project("  - id: step\n    run: sleep 61 & sleep 62 & wait\n");
    let (run, _) = busy(&project);
    assert!(processes_in(&project.root()).len() >= 4, "the runner, the shell and what it started");
    signal(&run, Signal::KILL);
    run.wait_with_output().expect("it ends");
    wait("their end", || processes_in(&project.root()).is_empty().then_some(()));
}

#[test]
fn a_daemon_of_a_program_does_not_outlive_a_runner_that_was_killed() {
    // In a session of its own, and nobody's child; and one that such a daemon starts in turn.
    let daemon = "setsid sh -c 'setsid sleep 63 & sleep 64' > /dev/null 2>&1 &";
    let project = project(&format!("  - id: step\n    run: \"echo $TMPDIR; ({daemon}); sleep 61\"\n"));
    let (run, evidence) = busy(&project);
    let temporary = evidence.text("logs/step-1.stdout.log").trim_end().to_owned();
    assert!(Path::new(&temporary).is_dir(), "{temporary}");
    wait("the daemons", || (processes_in(&project.root()).len() >= 5).then_some(()));
    signal(&run, Signal::KILL);
    run.wait_with_output().expect("it ends");
    wait("their end", || processes_in(&project.root()).is_empty().then_some(()));
    wait("its temporary directory to go", || (!Path::new(&temporary).exists()).then_some(()));
}

#[test]
fn no_fork_server_outlives_its_runner() {
    let project = project(SLEEPS);
    let (run, _) = busy(&project);
    let server = fork_server(&run).expect("it is there");
    signal(&run, Signal::KILL);
    run.wait_with_output().expect("it ends");
    let gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.as_raw_nonzero()));
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    };
    wait("the end of the server", gone);
}

/// A run that waits for the ledger, which this test holds.
fn waiting_for_the_ledger(project: &Project) -> (Child, std::fs::File) {
    let held = std::fs::File::open(project.root()).expect("the root opens");
    held.lock().expect("nobody else has it");
    let run = start(project);
    wait("the ledger step", || {
        let root = project.path(ROOT);
        let bundle = std::fs::read_dir(root).ok()?.next()?.ok()?.path();
        let state = std::fs::read_to_string(bundle.join("state.json")).ok()?;
        let state: serde_json::Value = serde_json::from_str(&state).ok()?;
        (state["steps"][1]["status"] == "running").then_some(())
    });
    (run, held)
}

#[test]
fn a_run_that_is_killed_in_its_ledger_step_does_not_read_as_complete() {
    let project = quick();
    let before = project.read("docs/fix_plan.md");
    let (mut run, held) = waiting_for_the_ledger(&project);
    run.kill().expect("killed");
    run.wait().expect("reaped");
    drop(held);
    assert_eq!(Evidence::only(&project).status(), "running", "no end was written");
    let status = project.runner(&["status"]);
    assert!(status.stdout.starts_with("killed"), "{}", status.transcript());
    assert_eq!(project.read("docs/fix_plan.md"), before);
}

#[test]
fn an_interrupt_while_waiting_for_the_ledger_leaves_it_alone() {
    let project = quick();
    let before = project.read("docs/fix_plan.md");
    let (run, held) = waiting_for_the_ledger(&project);
    signal(&run, Signal::INT);
    let output = run.wait_with_output().expect("it ends");
    drop(held);
    assert_eq!(output.status.code(), Some(130));
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.status(), "interrupted");
    let reason = evidence.state()["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("in step `ledger`"), "{reason}");
    assert_eq!(project.read("docs/fix_plan.md"), before);
}

#[test]
fn what_a_plugin_started_ends_with_the_plugin() {
    let step = "
  - id: step
    uses: env-capture
    with: { python: ./slow }
    limits: { time: 1s }
";
    let project = project(step);
    project.write("slow", "#!/bin/sh\nexec sleep 60\n");
    std::fs::set_permissions(project.path("slow"), PermissionsExt::from_mode(0o755)).expect("chmod");
    let start = Instant::now();
    let ended = project.runner(&["run", "w.yaml"]);
    assert!(start.elapsed() < Duration::from_secs(15), "the run did not wait for it: {:?}", start.elapsed());
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.outcome("step"), "timeout");
    let slow = evidence.commands_of("step").into_iter().find(|(start, _)| start["argv"][0] == "./slow");
    let (_, end) = slow.expect("it is recorded");
    assert_eq!(end["claim"], "ended by the runner: the plugin that asked for it has ended");
    assert!(processes_in(&project.root()).is_empty());
}

/// Runs `w.yaml` in a project whose ledger cannot be written; what the user sees.
fn ledger_fails(project: &Project) -> String {
    let before = std::fs::read(project.path("docs/fix_plan.md")).ok();
    let plan = project.read("plans/active/loops.md");
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let evidence = Evidence::only(project);
    assert_eq!(evidence.status(), "blocked");
    assert_eq!(evidence.outcome("step"), "ok");
    assert_eq!(evidence.outcome("ledger"), "failed");
    assert_eq!(evidence.state()["ledger"], serde_json::Value::Null);
    assert_eq!(std::fs::read(project.path("docs/fix_plan.md")).ok(), before, "the ledger is as it was");
    assert_eq!(project.read("plans/active/loops.md"), plan, "nothing is half written");
    assert!(evidence.has("manifest.json"), "the evidence of the run is whole");
    seen(&ended)
}

#[test]
fn a_read_only_ledger_stays_as_it_is_and_the_entry_is_kept() {
    let project = quick();
    std::fs::set_permissions(project.path("docs/fix_plan.md"), PermissionsExt::from_mode(0o444))
        .expect("chmod");
    let terminal = ledger_fails(&project);
    let patch = Evidence::only(&project).text("ledger.patch");
    assert!(patch.contains("+  * [") && patch.contains("Attempt #2"), "{patch}");
    assert_snapshot!(terminal);
}

#[test]
fn a_missing_ledger_fails_the_step() {
    let project = quick();
    std::fs::remove_file(project.path("docs/fix_plan.md")).expect("removed");
    assert_snapshot!(ledger_fails(&project));
}

#[test]
fn a_ledger_that_is_not_utf_8_fails_the_step() {
    let project = quick();
    project.write("docs/fix_plan.md", b"# Fix plan\n\n## [LOOP-001] caf\xe9\n- Attempts History:\n");
    assert_snapshot!(ledger_fails(&project));
}

#[test]
fn a_missing_plan_row_fails_the_step_and_leaves_the_ledger_alone() {
    let project = quick();
    project
        .write("plans/active/loops.md", "# Plan\n\n| ID | Task | State |\n|---|---|---|\n| A1 | x | [ ] |\n");
    assert_snapshot!(ledger_fails(&project));
}

#[test]
fn a_missing_item_fails_the_step() {
    let project = quick();
    project.write("docs/fix_plan.md", "# Fix plan\n\n## [OTHER-001] Something else\n- Attempts History:\n");
    assert_snapshot!(ledger_fails(&project));
}
