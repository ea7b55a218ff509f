//! What a user sees when a plugin misbehaves, in every way that the fixtures know.
//!
//! Each test runs the real binary. After the villain an `always` step shows that the runner lives; the
//! snapshots under `snapshots/` hold the whole terminal. Nothing here may depend on how fast the machine is.

mod evidence;
mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use evidence::{Evidence, LEDGER_STEP, ROOT, seen, workflow};
use insta::assert_snapshot;
use regex::Regex;
use runner_plugin_testkit::compile_c;
use support::Project;

/// A step that uses the villain, with these keys after `uses:`.
fn villain(keys: &str) -> String {
    format!("  - id: bad\n    uses: villain\n{keys}\n")
}

/// The villain in `iterate`, with nothing else configured.
fn deed(deed: &str) -> String {
    villain(&format!("    with: {{ do: {deed} }}"))
}

/// Runs the step `bad` and then one that always runs. What the user sees; the bundle.
fn run(project: &Project, bad: &str) -> (String, Evidence) {
    let after = "  - id: after\n    run: [echo, still here]\n    always: true\n";
    project.write("w.yaml", workflow("", &format!("{bad}{after}")));
    // A panic says more when its user asked for backtraces.
    let mut command = project.command_of_runner();
    let output = command.args(["run", "w.yaml"]).env("RUST_BACKTRACE", "0").output().expect("it starts");
    let ended = project.ended(&output);
    assert_eq!(ended.code, Some(3), "blocked, not dead:\n{}", ended.transcript());
    let evidence = Evidence::only(project);
    assert_eq!(evidence.status(), "blocked");
    assert_eq!(evidence.outcome("after"), "ok", "what must always run did");
    assert_eq!(evidence.text("logs/after-1.stdout.log"), "still here\n");
    assert!(evidence.has("manifest.json"), "the evidence is sealed");
    assert!(evidence.has("logs/bad-1.log"), "what it printed is kept");
    (seen(&ended), evidence)
}

/// The same for a step that ends as `outcome` and needs a project of its own.
fn ends_as(outcome: &str, bad: &str) -> String {
    let project = Project::new();
    let (terminal, evidence) = run(&project, bad);
    assert_eq!(evidence.outcome("bad"), outcome, "{terminal}");
    let (start, end) = evidence.commands_of("bad").remove(0);
    assert_eq!(start["logs"][0], "logs/bad-1.log");
    assert!(end["claim"].as_str().is_some_and(|claim| !claim.is_empty()), "its end is explained: {end}");
    terminal
}

/// Rust's words about a panic without the thread's number and the place in the source.
fn without_numbers(terminal: &str) -> String {
    let thread = Regex::new(r"(thread '[^']*') \(\d+\)").expect("a valid pattern");
    let place = Regex::new(r"\.rs:\d+:\d+").expect("a valid pattern");
    place.replace_all(&thread.replace_all(terminal, "$1"), ".rs:[LINE]").into_owned()
}

#[test]
fn an_error_is_shown_in_the_plugins_own_words() {
    assert_snapshot!(ends_as("failed", &deed("error")));
}

#[test]
fn a_refused_configuration_is_shown_in_the_plugins_own_words() {
    assert_snapshot!(ends_as("failed", &deed("invalid")));
}

#[test]
fn a_failed_allocation_that_the_plugin_reports_is_oom() {
    assert_snapshot!(ends_as("oom", &deed("out_of_memory_error")));
}

#[test]
fn a_bad_figure_fails_its_gate() {
    let gate = villain("    with: { do: gate }\n    gates: [\"metrics.correlation >= 0.999\"]");
    assert_snapshot!(ends_as("gate", &gate));
}

#[test]
fn a_sleeper_is_ended_at_its_time_limit() {
    let sleeper = villain("    with: { do: sleep, seconds: 60 }\n    limits: { time: 1s }");
    assert_snapshot!(ends_as("timeout", &sleeper));
}

#[test]
fn a_hang_is_ended_at_its_time_limit() {
    assert_snapshot!(ends_as("timeout", &villain("    with: { do: hang }\n    limits: { time: 1s }")));
}

#[test]
fn a_hang_that_does_not_listen_is_ended_at_its_time_limit() {
    let deaf = villain("    with: { do: hang_ignoring_cancel }\n    limits: { time: 1s }");
    assert_snapshot!(ends_as("timeout", &deaf));
}

#[test]
fn a_panic_is_a_crash_that_names_its_call_whichever_it_is() {
    let terminal = ends_as("plugin_crash", &deed("panic"));
    assert_snapshot!(without_numbers(&terminal));
    for phase in ["create", "prepare", "finish"] {
        let terminal =
            ends_as("plugin_crash", &villain(&format!("    with: {{ do: panic, phase: {phase} }}")));
        assert!(
            terminal.contains(&format!("the villain panics, as it was told (in `{phase}`)")),
            "{terminal}"
        );
    }
}

#[test]
fn a_segmentation_fault_is_a_crash_that_names_its_call() {
    assert_snapshot!(ends_as("plugin_crash", &deed("segfault")));
}

#[test]
fn an_abort_is_a_crash_that_names_its_call() {
    assert_snapshot!(ends_as("plugin_crash", &deed("abort")));
}

#[test]
fn an_exit_with_status_0_is_no_success() {
    assert_snapshot!(ends_as("plugin_crash", &deed("exit")));
}

#[test]
fn a_stack_overflow_is_a_crash_with_its_last_words() {
    let terminal = ends_as("plugin_crash", &deed("stack_overflow"));
    assert_snapshot!(without_numbers(&terminal));
}

#[test]
fn a_flood_of_output_is_cut_and_ended() {
    let flood = villain("    with: { do: flood }\n    limits: { time: 1s }");
    let project = Project::new();
    let (terminal, evidence) = run(&project, &flood);
    assert_eq!(evidence.outcome("bad"), "timeout", "{terminal}");
    let kept = evidence.bytes("logs/bad-1.log").len();
    assert!((4096..=(64 << 20) + 100).contains(&kept), "kept, and not without end: {kept} bytes");
    assert_snapshot!(terminal);
}

#[test]
fn memory_without_end_is_ended_at_its_limit() {
    let hungry = villain("    with: { do: allocate }\n    limits: { memory: 200MiB, time: 1m }");
    assert_snapshot!(ends_as("oom", &hungry));
}

#[test]
fn an_artifact_outside_the_bundle_is_refused() {
    let project = Project::new();
    let (terminal, evidence) = run(&project, &deed("bad_path_artifact"));
    assert_eq!(evidence.outcome("bad"), "failed");
    assert!(!project.path("reports/faults/villain.txt").exists());
    assert_snapshot!(terminal);
}

#[test]
fn an_artifact_outside_the_bundle_is_refused_although_the_plugin_goes_on() {
    let project = Project::new();
    let outside = villain("    with: { do: write_outside }\n    gates: [\"metrics.escaped > 0\"]");
    let (terminal, evidence) = run(&project, &outside);
    assert_eq!(evidence.outcome("bad"), "gate", "nothing escaped: {terminal}");
    assert!(!project.path("reports/faults/villain.txt").exists());
    assert_snapshot!(terminal);
}

#[test]
fn a_villain_that_behaves_is_complete() {
    let project = Project::new();
    project.write("w.yaml", workflow("", &deed("ok")));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(Evidence::only(&project).status(), "complete");
    assert_snapshot!(seen(&ended));
}

/// A project with a villain in C at `plugins/lib<name>.so`.
fn with_c_plugin(name: &str) -> Project {
    let project = Project::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/fixtures");
    project.write("plugins/.gitignore", "*.so\n");
    let library = project.path(&format!("plugins/lib{name}.so"));
    if let Err(error) = compile_c(&fixtures.join(name).join(format!("{name}.c")), &library) {
        panic!("{error}");
    }
    project
}

fn use_file(name: &str) -> String {
    format!("  - id: bad\n    uses: plugins/lib{name}.so\n")
}

#[test]
fn text_that_is_not_json_fails_the_step_and_is_quoted() {
    let project = with_c_plugin("bad_json");
    let (terminal, evidence) = run(&project, &use_file("bad_json"));
    assert_eq!(evidence.outcome("bad"), "failed");
    assert!(!evidence.has("bad.json"), "nothing is made of it");
    assert_snapshot!(terminal);
}

#[test]
fn a_library_that_runs_as_another_than_its_file_says_is_refused_when_it_is_loaded() {
    let project = with_c_plugin("two_faces");
    let (terminal, evidence) = run(&project, &use_file("two_faces"));
    assert_eq!(evidence.outcome("bad"), "failed");
    assert_snapshot!(terminal);
}

#[test]
fn a_kernel_without_its_calls_is_refused_when_it_is_loaded() {
    let project = with_c_plugin("no_calls");
    let (terminal, evidence) = run(&project, &use_file("no_calls"));
    assert_eq!(evidence.outcome("bad"), "failed");
    assert_snapshot!(terminal);
}

#[test]
fn a_process_that_keeps_the_pipe_open_does_not_hold_up_the_run() {
    let project = with_c_plugin("lingers");
    project.write("w.yaml", workflow("", &use_file("lingers")));
    let begin = std::time::Instant::now();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    // The process it leaves behind sleeps for a minute.
    assert!(begin.elapsed() < std::time::Duration::from_secs(40), "the run waited for it");
    assert_eq!(Evidence::only(&project).json("bad.json")["answered"], true);
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_the_runner_goes_on() {
    for (request, reason) in [
        ("argv: ['true'], timeout_s: 1.0e+30", "`timeout_s` is 1"),
        ("argv: ['true'], timeout_s: -1", "`timeout_s` is -1"),
        ("argv: ['true'], cwd: sub", "unknown field `cwd`"),
        ("argv: ['true'], env: { N: 5 }", "invalid type: integer `5`"),
    ] {
        let project = with_c_plugin("asks");
        let (terminal, evidence) = run(&project, &format!("{}    with: {{ {request} }}\n", use_file("asks")));
        assert_eq!(evidence.outcome("bad"), "failed", "{terminal}");
        assert!(terminal.contains("bad request") && terminal.contains(reason), "{request}: {terminal}");
        assert_eq!(evidence.commands_of("bad").len(), 1, "nothing but the plugin's own process ran");
    }
}

#[test]
fn a_program_of_a_plugin_gets_the_environment_of_its_step() {
    let project = with_c_plugin("asks");
    let step = "  - id: ok\n    uses: plugins/libasks.so\n    env: { FROM_STEP: yes }\n    \
                with: { argv: [sh, -c, 'echo $FROM_STEP $FROM_PLUGIN'], env: { FROM_PLUGIN: too } }\n";
    project.write("w.yaml", workflow("", step));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(Evidence::only(&project).json("ok.json")["stdout"], "yes too\n");
}

#[test]
fn a_ledger_that_edits_what_it_did_not_ask_to_see_changes_nothing() {
    let project = with_c_plugin("stray_edit");
    project.write("src/main.rs", "fn main() {}\n");
    project.write("w.yaml", workflow("", "  - id: bad\n    uses: plugins/libstray_edit.so\n"));
    let ledger = project.read("docs/fix_plan.md");
    let ended = project.runner(&["run", "w.yaml"]);
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.outcome("bad"), "failed");
    assert_eq!(project.read("src/main.rs"), "fn main() {}\n");
    assert_eq!(project.read("docs/fix_plan.md"), ledger);
    assert_snapshot!(seen(&ended));
}

#[test]
fn what_somebody_writes_while_the_ledger_step_runs_stays_and_is_told() {
    let project = with_c_plugin("slow_ledger");
    project.write("w.yaml", workflow("", "  - id: ledger\n    uses: plugins/libslow_ledger.so\n"));
    let mut command = project.command_of_runner();
    let run = command.args(["run", "w.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let run = run.expect("the runner starts");
    let begun = Instant::now();
    let log = || {
        let bundle = std::fs::read_dir(project.path(ROOT)).ok()?.next()?.ok()?.path();
        std::fs::read_to_string(bundle.join("commands.jsonl")).ok().filter(|log| log.contains("plugin-host"))
    };
    while log().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the ledger step did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    // It has seen the ledger by now, and is not done with it.
    std::thread::sleep(Duration::from_secs(1));
    let seen = project.read("docs/fix_plan.md");
    project.write("docs/fix_plan.md", format!("{seen}\nA line of a colleague.\n"));
    let ended = project.ended(&run.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(project.read("docs/fix_plan.md"), format!("<!-- slow -->\n{seen}\nA line of a colleague.\n"));
    let told = "`docs/fix_plan.md` was changed by somebody else while the ledger step ran";
    assert!(Evidence::only(&project).text("summary.md").contains(told), "{}", ended.transcript());
}

/// What the user sees of a plugin that is refused before anything runs, by `validate` and by `run`.
fn refused(name: &str, code: i32) -> String {
    let project = with_c_plugin(name);
    project.write("w.yaml", workflow("", &format!("{}{LEDGER_STEP}", use_file(name))));
    let before = project.files();
    let checked = project.runner(&["validate", "w.yaml"]);
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(checked.code, Some(code), "{}", checked.transcript());
    assert_eq!(seen(&checked), seen(&ended), "validate says what run says");
    assert_eq!(project.files(), before, "nothing was made");
    seen(&ended)
}

#[test]
fn a_library_without_a_manifest_is_refused_before_anything_runs() {
    assert_snapshot!(refused("no_manifest", 5));
}

#[test]
fn a_library_of_another_abi_is_refused_before_anything_runs() {
    assert_snapshot!(refused("wrong_abi", 5));
}

#[test]
fn a_library_without_an_entry_is_refused_when_it_is_loaded() {
    let project = with_c_plugin("no_entry");
    let (terminal, evidence) = run(&project, &use_file("no_entry"));
    assert_eq!(evidence.outcome("bad"), "failed");
    assert_snapshot!(terminal);
}
