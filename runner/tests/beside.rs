//! Profilers that misbehave beside the program of a `run:` step. What they do is never told of the program: not
//! their end, not their silence, not what they leave running; and what the program leaves running is told of it.
//!
//! The profiler is `plugins/fixtures/watcher`, compiled by the C compiler; it watches nothing, so that the tests
//! need no perf.

mod evidence;
mod support;

use std::path::Path;

use evidence::{Evidence, workflow};
use runner_plugin_testkit::compile_c;
use serde_json::{Value, json};
use support::{Ended, Project};

/// Runs one step called `work` beside a profiler that does this.
fn beside(deed: &str, argv: &str, keys: &str) -> (Ended, Evidence, Project) {
    let project = Project::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/fixtures/watcher/watcher.c");
    compile_c(&source, &project.path("libwatcher.so")).expect("compiled");
    let step = format!(
        "  - id: work\n    run: [{argv}]\n    profile: {{ uses: ./libwatcher.so, with: {{ do: {deed} }} }}\n{keys}"
    );
    project.write("w.yaml", workflow("", &step));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    let evidence = Evidence::only(&project);
    (ended, evidence, project)
}

fn attempt(evidence: &Evidence) -> Value {
    evidence.step("work")["attempts"][0].clone()
}

/// How the profiler's host and the program ended, as `commands.jsonl` has it.
fn ends(evidence: &Evidence) -> (Value, Value) {
    let commands = evidence.commands_of("work");
    let [(_, host), (_, program)] = commands.as_slice() else { panic!("{commands:#?}") };
    (host.clone(), program.clone())
}

fn left_behind(record: &Value) -> Vec<&str> {
    let names = record["left_behind"].as_array().map_or(&[][..], Vec::as_slice);
    names.iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_profiler_that_dies_while_the_program_is_being_started_does_not_take_it_along() {
    let (ended, evidence, _project) = beside("die", "sh, -c, 'sleep 0.5; echo done'", "");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let (host, program) = ends(&evidence);
    assert_eq!(
        (&program["outcome"], &program["claim"]),
        (&json!("ok"), &json!("exit status 0")),
        "{program}"
    );
    assert_eq!((&host["outcome"], left_behind(&host)), (&json!("signal"), Vec::new()), "{host}");
    let attempt = attempt(&evidence);
    assert_eq!(attempt["claim"], "exit status 0, but its profile could not be made");
    assert!(attempt["reason"].as_str().is_some_and(|reason| reason.contains("SIGALRM")), "{attempt}");
}

#[test]
fn the_time_that_a_profiler_takes_to_begin_is_not_the_programs() {
    let (ended, evidence, _project) = beside("late", "sh, -c, 'sleep 0.2'", "    limits: { time: 2s }\n");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let (_, program) = ends(&evidence);
    let seconds = program["seconds"].as_f64().expect("measured");
    assert!((0.2..2.0).contains(&seconds), "{program}");
    assert_eq!(attempt(&evidence)["seconds"], program["seconds"]);

    // The limit itself holds as ever.
    let (ended, evidence, _project) = beside("late", "sleep, '60'", "    limits: { time: 1s }\n");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let (_, program) = ends(&evidence);
    assert_eq!(program["outcome"], "timeout");
    let seconds = program["seconds"].as_f64().expect("measured");
    assert!((1.0..2.5).contains(&seconds), "{program}");
}

#[test]
fn what_a_profiled_program_leaves_running_is_told_of_the_program() {
    let (ended, evidence, _project) = beside("quiet", "sh, -c, 'setsid sleep 300 & sleep 0.3'", "");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let (host, program) = ends(&evidence);
    let left = left_behind(&program);
    assert!(matches!(left.as_slice(), [one] if one.starts_with("sleep (")), "{program}");
    assert_eq!(left_behind(&host), Vec::<&str>::new(), "{host}");
    assert_eq!(left_behind(&attempt(&evidence)), left);
    let surprises = evidence.state()["surprises"].to_string();
    assert!(surprises.contains(left[0]), "{surprises}");
}

#[test]
fn what_a_profiler_leaves_running_is_told_of_the_profiler() {
    let (ended, evidence, _project) = beside("daemon", "sh, -c, 'setsid sleep 300 & sleep 0.3'", "");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let (host, program) = ends(&evidence);
    let (own, profilers) = (left_behind(&program), left_behind(&host));
    assert!(matches!(own.as_slice(), [one] if one.starts_with("sleep (")), "{program}");
    assert!(matches!(profilers.as_slice(), [one] if !one.starts_with("sleep (")), "{host}");
    // The step has both: neither may be missing from its evidence.
    assert_eq!(left_behind(&attempt(&evidence)), [own[0], profilers[0]]);
}
