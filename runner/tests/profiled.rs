//! `profile:` on `run:` steps: programs whose profile is known beforehand, through forks, threads and execs; ends
//! by a signal and by a limit; perf refused; profilers that die.
//!
//! The programs under `programs/` are compiled by the C compiler. Where perf is not permitted the tests of shares
//! say so and pass; everything else holds there too.

mod evidence;
mod support;

use std::path::{Path, PathBuf};

use evidence::{Evidence, workflow};
use runner_plugin_testkit::compile_c;
use serde_json::{Value, json};
use support::{Ended, Project};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A project with these programs compiled in it.
fn project(programs: &[&str]) -> Project {
    let project = Project::new();
    for program in programs {
        let source = fixture(&format!("tests/programs/{program}.c"));
        let made = project
            .other("cc")
            .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer", "-o", program])
            .arg(source)
            .arg("-lpthread")
            .output()
            .expect("the C compiler starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    project
}

/// Runs one step called `work`; what the user sees.
fn run(project: &Project, argv: &str, with: &str, keys: &str) -> Ended {
    let step = format!("  - id: work\n    run: [{argv}]\n    profile: {{ uses: {with} }}\n{keys}");
    project.write("w.yaml", workflow("", &step));
    project.commit();
    project.runner(&["run", "w.yaml"])
}

const EXACT: &str = "profiler, with: { hz: 499, overhead: none }";

fn hotspots(evidence: &Evidence) -> Value {
    serde_json::from_str(&evidence.text("profile/hotspots.json")).expect("JSON")
}

/// Says so where perf is refused: then there are no shares to look at.
fn permitted(evidence: &Evidence) -> bool {
    let attempt = &evidence.step("work")["attempts"][0];
    let refused = attempt["profile"]["source"].is_null();
    if refused {
        let reason = &attempt["profile"]["source_reason"];
        assert!(
            reason.as_str().is_some_and(|reason| reason.contains("perf_event_open was refused")),
            "{attempt}"
        );
    }
    !refused
}

fn inclusive(hotspots: &Value, function: &str) -> f64 {
    let rows = hotspots["operations"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["function"] == function);
    row.unwrap_or_else(|| panic!("no `{function}` in {rows:#?}"))["inclusive"].as_f64().expect("a number")
}

#[test]
fn a_program_is_sampled_through_forks_threads_and_an_exec() {
    let project = project(&["family", "alone"]);
    let ended = run(&project, "./family, exec, ./alone", EXACT, "");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    if !permitted(&evidence) {
        return;
    }
    let hotspots = hotspots(&evidence);
    // Processor seconds of the four parts, as the programs themselves measure them.
    let parts = [("parent_work", 0.6), ("child_work", 0.4), ("thread_work", 0.3), ("lonely_work", 0.4)];
    let sampled: f64 = parts.iter().map(|(name, _)| inclusive(&hotspots, name)).sum();
    let total: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
    for (name, seconds) in parts {
        let (share, truth) = (inclusive(&hotspots, name) / sampled, seconds / total);
        // Four standard errors of some 800 samples, and a point for what is not chance.
        let tolerance = 0.01 + 4.0 * (truth * (1.0 - truth) / sampled).sqrt();
        assert!((share - truth).abs() < tolerance, "{name}: sampled {share}, true {truth} +- {tolerance}");
    }
    let all = hotspots["total"].as_f64().expect("a number");
    assert!(sampled > 0.95 * all, "{sampled} of {all} samples are in the four functions");
    assert_eq!((&hotspots["lost"], &hotspots["notes"]), (&json!(0), &json!([])));
    // The rate is what was asked for: 1.7 s of processor time at 499 samples a second.
    assert!((700.0..1000.0).contains(&all), "{all} samples");
    assert!(hotspots["source_reason"].as_str().is_some_and(|reason| reason.ends_with("its 2 processes")));

    let threads = hotspots["threads"].as_array().expect("threads");
    let thread = |name: &str| {
        let found: Vec<_> = threads.iter().filter(|thread| thread["name"] == name).collect();
        assert!(!found.is_empty(), "no `{name}` in {threads:#?}");
        found
    };
    let seconds = |thread: &Value, key: &str| thread[key].as_f64().expect("measured");
    let alone = thread("alone")[0];
    assert!((0.3..0.8).contains(&seconds(alone, "on_cpu_s")), "{alone}");
    let family: Vec<f64> = thread("family").iter().map(|thread| seconds(thread, "on_cpu_s")).collect();
    assert_eq!(family.len(), 2, "parent and child: {threads:#?}");
    let first = thread("family").iter().filter_map(|one| one["tid"].as_i64()).min();
    assert_eq!(alone["tid"].as_i64(), first, "the parent became it");
    let sleeper = thread("family/sleeper")[0];
    assert_eq!(sleeper["total"], 0);
    assert!(seconds(sleeper, "on_cpu_s") < 0.1 && seconds(sleeper, "off_cpu_s") > 0.6, "{sleeper}");
    let worker = thread("family/worker")[0];
    assert!((0.2..0.7).contains(&seconds(worker, "on_cpu_s")), "{worker}");
    assert_eq!((&worker["process"], &worker["pid"]), (&json!("family"), &alone["tid"]));
    let on: f64 = threads.iter().map(|thread| seconds(thread, "on_cpu_s")).sum();
    assert!((hotspots["on_cpu_s"].as_f64().expect("measured") - on).abs() < 1e-3);

    // Both processes stand in the commands, and the summary has the functions with their source.
    let commands = evidence.commands_of("work");
    assert_eq!(commands.len(), 2);
    assert_eq!(commands[1].0["argv"], json!(["./family", "exec", "./alone"]));
    assert_eq!(commands[1].0["profile"], json!({ "hz": 499, "overhead": "none" }));
    let summary = evidence.text("summary.md");
    assert!(summary.contains("`parent_work`") && summary.contains("family.c:"), "{summary}");
}

#[test]
fn a_program_that_a_signal_ends_keeps_its_outcome_and_its_profile() {
    let project = project(&["alone"]);
    let ended = run(&project, "./alone, signal", EXACT, "");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.outcome("work"), "signal");
    assert_eq!(evidence.step("work")["attempts"][0]["claim"], "SIGSEGV (11)");
    if permitted(&evidence) {
        assert!(inclusive(&hotspots(&evidence), "lonely_work") > 100.0);
    }
}

#[test]
fn a_program_over_its_memory_limit_is_oom_and_keeps_its_profile() {
    let project = project(&["alone"]);
    let ended = run(&project, "./alone, memory", EXACT, "    limits: { memory: 100 MiB }\n");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.outcome("work"), "oom");
    if permitted(&evidence) {
        assert!(inclusive(&hotspots(&evidence), "lonely_work") > 100.0);
    }
}

#[test]
fn a_program_too_short_for_a_sample_says_so_and_one_that_cannot_start_fails_as_without_a_profile() {
    let project = project(&[]);
    let ended = run(&project, "'true'", "profiler", "");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    if permitted(&evidence) {
        let summary = evidence.text("summary.md");
        assert!(summary.contains("the profile is thin: "), "{summary}");
        let short = &evidence.step("work")["attempts"][0]["profile"]["short"];
        assert!(short.as_str().is_some_and(|short| short.contains("sample")), "{short}");
    }

    let project = Project::new();
    project.write("script", "#!/no/such/interpreter\n");
    project.other("chmod").args(["+x", "script"]).status().expect("chmod runs");
    run(&project, "./script", "profiler", "");
    let attempt = &Evidence::only(&project).step("work")["attempts"][0];
    assert_eq!(attempt["outcome"], "failed");
    assert!(
        attempt["claim"].as_str().is_some_and(|claim| claim.contains("could not be started")),
        "{attempt}"
    );
}

#[test]
fn where_perf_is_refused_the_program_runs_and_the_evidence_says_why_there_is_no_profile() {
    let project = project(&["refuse"]);
    let refused = |with: &str| {
        let step = format!("  - id: work\n    run: [echo, done]\n    profile: {{ uses: {with} }}\n");
        project.write("w.yaml", workflow("", &step));
        project.commit();
        let _ = std::fs::remove_dir_all(project.path(evidence::ROOT));
        let runner = project.command_of_runner();
        let mut command = project.other("./refuse");
        command
            .arg(runner.get_program())
            .args(runner.get_args())
            .args(["run", "w.yaml"])
            .env("NO_COLOR", "1");
        let ended = project.ended(&command.output().expect("it starts"));
        (ended, Evidence::only(&project))
    };
    let (ended, evidence) = refused("profiler");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let attempt = &evidence.step("work")["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["profile"]["source"]), (&json!("ok"), &Value::Null));
    let reason = attempt["profile"]["source_reason"].as_str().expect("a reason");
    assert!(reason.starts_with("perf_event_open was refused: Permission denied (os error 13)"), "{reason}");
    assert!(!evidence.has("profile"), "an empty profile would look like one");
    let summary = evidence.text("summary.md");
    assert!(summary.contains(&format!("the program was not profiled: {reason}")), "{summary}");

    let (ended, evidence) = refused("profiler, with: { source: perf }");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let attempt = &evidence.step("work")["attempts"][0];
    assert_eq!(attempt["outcome"], "failed");
    assert_eq!(attempt["claim"], "exit status 0, but its profile could not be made");
    let reason = attempt["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("perf_event_open was refused") && reason.contains("perf_event_paranoid"),
        "{reason}"
    );
}

#[test]
fn a_profiler_that_cannot_attach_fails_the_step_before_the_program_runs() {
    for (with, word) in [
        ("profiler, with: { source: timer }", "sampled by perf (in `profiler attach`)"),
        ("./libwatcher.so, with: { do: refuse }", "there is nothing to see here (in `profiler attach`)"),
        ("./libwatcher.so, with: { do: exit }", "ended with exit status 3 during `profiler attach`"),
    ] {
        let project = project(&[]);
        let library = project.path("libwatcher.so");
        compile_c(&fixture("../plugins/fixtures/watcher/watcher.c"), &library).expect("compiled");
        let ended = run(&project, "touch, \"${{ bundle }}/ran\"", with, "");
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        let evidence = Evidence::only(&project);
        let attempt = &evidence.step("work")["attempts"][0];
        assert_eq!(
            attempt["claim"], "the profiler could not be attached, so the program was not run",
            "{attempt}"
        );
        assert!(attempt["reason"].as_str().is_some_and(|reason| reason.contains(word)), "{with}: {attempt}");
        assert!(!evidence.has("ran"));
    }
}

#[test]
fn a_profiler_that_crashes_after_the_program_fails_the_step_but_never_hides_the_programs_own_end() {
    for (deed, argv, outcome, claim) in [
        ("quiet", "'true'", "ok", "exit status 0"),
        ("crash", "'true'", "failed", "exit status 0, but its profile could not be made"),
        ("crash", "'false'", "failed", "exit status 1"),
    ] {
        let project = project(&[]);
        let library = project.path("libwatcher.so");
        compile_c(&fixture("../plugins/fixtures/watcher/watcher.c"), &library).expect("compiled");
        let ended = run(&project, argv, &format!("./libwatcher.so, with: {{ do: {deed} }}"), "");
        let evidence = Evidence::only(&project);
        let attempt = &evidence.step("work")["attempts"][0];
        assert_eq!((&attempt["outcome"], &attempt["claim"]), (&json!(outcome), &json!(claim)), "{attempt}");
        if deed == "quiet" {
            assert_eq!(attempt["profile"], json!({ "seen": "nothing" }));
            assert_eq!(ended.code, Some(0));
        } else {
            assert!(evidence.text("summary.md").contains("no profile: "), "{}", ended.transcript());
        }
    }
}

#[test]
fn a_profile_that_the_program_wrote_is_read_and_one_that_is_none_fails_the_step() {
    let traced = |content: &str| {
        let project = project(&[]);
        project.write("content", content);
        let line = "mkdir -p ${{ bundle }}/out && cp content ${{ bundle }}/out/trace";
        let with = "profiler, with: { trace: 'out/**/trace*' }";
        let ended = run(&project, &format!("sh, -c, '{line}'"), with, "");
        (ended, Evidence::only(&project), project)
    };
    let (ended, evidence, _project) = traced("main;heavy 3\nmain;light 1\n");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let hotspots = hotspots(&evidence);
    assert_eq!((&hotspots["total"], &hotspots["sampling"]), (&json!(4), &Value::Null));
    assert!((inclusive(&hotspots, "heavy") - 3.0).abs() < 1e-9);

    let (ended, evidence, _project) = traced("\n");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let attempt = &evidence.step("work")["attempts"][0];
    assert!(
        attempt["reason"].as_str().is_some_and(|reason| reason.contains("trace out/trace:")),
        "{attempt}"
    );
}
