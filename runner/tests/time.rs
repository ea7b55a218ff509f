//! A system clock that somebody sets while a run is going on.
//!
//! The machine's own clock is left alone: a small library, loaded before the C library, answers the runner's
//! question for the time with another hour as soon as a step has made a certain file.

mod evidence;
mod support;

use std::path::PathBuf;

use evidence::Evidence;
use support::Project;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    const char *file = getenv("JUMP_FILE");
    const char *by = getenv("JUMP_SECONDS");
    if (clock == CLOCK_REALTIME && file && by && access(file, F_OK) == 0)
        time->tv_sec += atol(by);
    return result;
}
"#;

const STEPS: &str = "version: 1
id: jump
bundle: { root: reports/faults }
steps:
  - id: before
    run: sleep 0.02
  - id: set
    run: touch jumped && sleep 0.02
    writes: [jumped]
  - id: after
    run: sleep 0.02
    limits: { time: 60 s }
";

/// Runs three steps; the second one sets the clock by `seconds`.
fn run(project: &Project, seconds: &str) -> Evidence {
    project.write(".git/jump.c", SOURCE);
    let library: PathBuf = project.path(".git/jump.so");
    let source = project.path(".git/jump.c");
    let compiled = project.other("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(compiled.expect("a C compiler is installed").success());
    project.write("w.yaml", STEPS);
    let mut command = project.command_of_runner();
    command.args(["run", "w.yaml"]).env("LD_PRELOAD", &library);
    command.env("JUMP_FILE", project.path("jumped")).env("JUMP_SECONDS", seconds);
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Evidence::only(project)
}

/// All times of the run in the order in which they were taken, and the surprises in one text.
fn times_and_surprises(evidence: &Evidence) -> (Vec<String>, String) {
    let state = evidence.state();
    let mut times = vec![state["started"].as_str().expect("a time").to_owned()];
    for step in state["steps"].as_array().expect("steps") {
        for key in ["started", "ended"] {
            times.push(step["attempts"][0][key].as_str().expect("a time").to_owned());
        }
        assert!(step["attempts"][0]["seconds"].as_f64().expect("a number") < 30.0, "{step}");
    }
    times.push(state["ended"].as_str().expect("a time").to_owned());
    (times, state["surprises"].to_string())
}

fn in_order(times: &[String]) -> bool {
    times.windows(2).all(|pair| pair[0] <= pair[1])
}

#[test]
fn a_clock_that_is_set_back_turns_no_time_around_and_is_told() {
    let project = Project::new();
    let (times, surprises) = times_and_surprises(&run(&project, "-3600"));
    assert!(in_order(&times), "{times:?}");
    assert!(surprises.contains("the system's clock was set back: it moved by -3600.0 s"), "{surprises}");
}

#[test]
fn a_clock_that_is_set_forward_ends_no_step_and_is_told() {
    let project = Project::new();
    let (times, surprises) = times_and_surprises(&run(&project, "3600"));
    assert!(in_order(&times), "{times:?}");
    let words = "the system's clock was set forward, or the machine slept: it moved by +3600.0 s";
    assert!(surprises.contains(words), "{surprises}");
}
