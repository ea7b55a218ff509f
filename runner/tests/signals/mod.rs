//! What the tests that kill a run share: a runner in the background, and what the ledger says afterwards.
//!
//! Used beside `support` and `evidence`; nothing here knows what should happen.
#![allow(dead_code, reason = "every test program of the package uses another part of it")]

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::evidence::{Evidence, LEDGER_STEP, ROOT, workflow};
use crate::support::{Ended, Project};

/// How long a test waits for something that comes at once on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A committed project whose workflow `w.yaml` runs these steps and then the ledger.
pub fn project(steps: &str) -> Project {
    let project = Project::new();
    project.write("w.yaml", workflow("", &format!("{steps}{LEDGER_STEP}")));
    project.write(".gitignore", "reports/\n*.flag\n");
    project.commit();
    project
}

/// Starts the runner in the background.
pub fn start(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command_of_runner();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the runner starts")
}

/// Waits until `done` gives something.
pub fn wait<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the newest bundle's state fulfils something.
pub fn until(project: &Project, what: &str, fulfilled: impl Fn(&serde_json::Value) -> bool) -> Evidence {
    wait(what, || {
        if !project.path(ROOT).is_dir() {
            return None;
        }
        let evidence = Evidence::all(project).pop()?;
        let state = std::fs::read(evidence.path().join("state.json")).ok()?;
        let state = serde_json::from_slice(&state).ok()?;
        fulfilled(&state).then_some(evidence)
    })
}

/// Sends a signal to a run, and waits for its end; the exit code and what it printed.
pub fn end_with(project: &Project, run: Child, signal: Signal) -> Ended {
    kill_process(Pid::from_child(&run), signal).expect("it is there");
    project.ended(&run.wait_with_output().expect("it ends"))
}

/// Numbers of the ledger's attempts, in order of their place.
pub fn attempts(project: &Project) -> Vec<u64> {
    let ledger = project.read("docs/fix_plan.md");
    let heads = ledger.lines().filter(|line| line.contains("] Attempt #"));
    heads
        .map(|line| {
            let digits = line.split("Attempt #").nth(1).expect("a number");
            digits.split(|c: char| !c.is_ascii_digit()).next().expect("a part").parse().expect("a number")
        })
        .collect()
}

/// The bundle's path as a user names it.
pub fn named(evidence: &Evidence) -> String {
    format!("{ROOT}/{}", evidence.stamp())
}

/// Resumes a bundle; it must end with this exit code.
pub fn resume(project: &Project, evidence: &Evidence, code: i32) -> Ended {
    let ended = project.runner(&["resume", &named(evidence), "--note", "after the kill"]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    ended
}

/// The bundle verifies, where it is and as a copy without its project.
pub fn verifies(project: &Project, evidence: &Evidence) {
    let ended = project.runner(&["verify", &named(evidence)]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    copy(evidence.path(), &elsewhere.path().join("copy"));
    let copy = elsewhere.path().join("copy");
    let ended = project.runner(&["verify", copy.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "a copy: {}", ended.transcript());
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}
