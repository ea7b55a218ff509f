//! The bundle of a run: everything that should be in it is, and says what happened.
//!
//! Each file is read as it lies on the disk. The digests and the chain of commands are computed again here,
//! with sha256 itself and none of the runner's code.

mod evidence;
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use evidence::{Evidence, LEDGER_STEP, ROOT, seen, workflow};
use insta::assert_snapshot;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::Project;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Runs `w.yaml` with this head and these steps; it must end with `code`.
fn run(project: &Project, head: &str, steps: &str, code: i32) -> String {
    project.write("w.yaml", workflow(head, steps));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    seen(&ended)
}

/// `manifest.json` lists every other file with its size and digest.
fn manifest_is_true(evidence: &Evidence) {
    let manifest = evidence.json("manifest.json");
    let listed: Vec<(String, u64, String)> = manifest["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().expect("a text").to_owned();
            (text("path"), file["size"].as_u64().expect("a size"), text("sha256"))
        })
        .collect();
    let found: Vec<(String, u64, String)> = evidence
        .files()
        .into_iter()
        .filter(|file| file != "manifest.json")
        .map(|file| {
            let bytes = evidence.bytes(&file);
            (file, bytes.len() as u64, sha256(&bytes))
        })
        .collect();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, found);
    let log = evidence.text("commands.jsonl");
    let head = sha256(log.lines().next_back().expect("a line").as_bytes());
    assert_eq!(manifest["commands_head"], head, "the manifest holds the head of the chain");
}

/// Each line of `commands.jsonl` carries the digest of the one before.
fn chain_holds(evidence: &Evidence) {
    let log = evidence.text("commands.jsonl");
    let mut before = "0".repeat(64);
    for line in log.lines() {
        let value: Value = serde_json::from_str(line).expect("a JSON line");
        assert_eq!(value["prev"], before, "{line}");
        before = sha256(line.as_bytes());
    }
    let started = log.matches("\"event\":\"started\"").count();
    let ended = log.matches("\"event\":\"ended\"").count();
    assert!(started > 0 && started == ended, "{started} commands started, {ended} ended");
}

const SMALL: &str = "
  - id: env
    uses: env-capture
  - id: capture
    uses: nanobragg
    with: { size: \"${{ vars.size }}\" }
    profile: { uses: profiler, with: { hz: 999 } }
    gates: [\"metrics.correlation >= 0.999\"]
  - id: collect
    run: [sh, -c, 'echo \"tests: 3\"; echo warning: one is slow >&2']
    log: collect.log
    always: true
";

#[test]
fn a_complete_run_has_every_file_and_its_report_can_be_made_again_anywhere() {
    let project = Project::new();
    let head = "vars: { size: 256 }\nfocus: LOOP-001\nmode: perf";
    project.write("w.yaml", workflow(head, &format!("{SMALL}{LEDGER_STEP}")));
    project.commit();
    let commit = project.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    let mut expected = vec![
        "collect.log",
        "commands.jsonl",
        "commands.txt",
        "env.json",
        "ledger.patch",
        "manifest.json",
        "plan.json",
        "profile/flamegraph.svg",
        "profile/hotspots.json",
        "state.json",
        "summary.md",
    ];
    expected.retain(|file| !evidence.has(file));
    assert!(expected.is_empty(), "missing: {expected:?} of {:?}", evidence.files());
    manifest_is_true(&evidence);
    chain_holds(&evidence);
    assert_eq!(evidence.text("collect.log"), "tests: 3\n");

    // Every started command says when, where, with which commit, and how it ended.
    let times = evidence.text("commands.txt");
    for word in ["start     ", "end       ", "exit      0", "outcome   ok", "peak RSS  ", "log       "] {
        assert!(times.contains(word), "`{word}` in commands.txt:\n{times}");
    }
    assert!(times.contains(&format!("git       {commit} clean as of")), "{times}");
    assert_eq!(evidence.state()["git"]["dirty"], false);

    let summary = evidence.text("summary.md");
    assert!(summary.is_ascii() && times.is_ascii());
    assert!(summary.contains("warning in logs/collect-1.stderr.log:1: warning: one is slow"), "{summary}");
    assert!(project.read("docs/fix_plan.md").contains("Attempt #2"));
    assert!(project.read("plans/active/loops.md").contains("| [P] |"));

    // The report comes from the bundle alone, here and elsewhere, without the repository and without git.
    let stamp = evidence.path().display().to_string();
    let report = |command: &mut std::process::Command| {
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(report(project.command_of_runner().args(["report", &stamp])), summary);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let copy = elsewhere.path().join("a copy");
    for file in evidence.files() {
        let target = copy.join(&file);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        std::fs::copy(evidence.path().join(&file), target).expect("copied");
    }
    drop(project);
    let other = Project::new();
    let mut command = other.command_of_runner();
    command.current_dir(elsewhere.path()).args(["report", "a copy"]).env("PATH", "/nonexistent");
    assert_eq!(report(&mut command), summary, "byte for byte");
}

#[test]
fn text_that_is_not_ascii_is_escaped_for_people_and_exact_for_machines() {
    let project = Project::new();
    let steps = "
  - id: odd
    run: [printf, '%s', \"caf\\u00e9 \\u2014 one\\ntwo\\t'three'\", '| pipe `tick`']
    env: { GREETING: \"gr\\u00fc\\u00df\\nGott\" }
    log: odd.log
";
    run(&project, "", steps, 0);
    let evidence = Evidence::only(&project);
    let (start, _) = evidence.commands_of("odd").remove(0);
    assert_eq!(start["argv"][2], "caf\u{e9} \u{2014} one\ntwo\t'three'");
    assert_eq!(start["env"]["GREETING"], "gr\u{fc}\u{df}\nGott");
    for file in ["commands.txt", "summary.md"] {
        assert!(evidence.text(file).is_ascii(), "{file}: {}", evidence.text(file));
    }
    let text = evidence.text("commands.txt");
    let line = text.lines().find(|line| line.contains("printf")).expect("the command in one line");
    assert!(line.contains("GREETING=$'gr\\xc3\\xbc\\xc3\\x9f\\nGott'"), "{line}");
    assert!(line.contains("$'caf\\xc3\\xa9 \\xe2\\x80\\x94 one\\ntwo\\x09\\'three\\''"), "{line}");
    assert_eq!(
        evidence.text("odd.log"),
        "caf\u{e9} \u{2014} one\ntwo\t'three'| pipe `tick`",
        "bytes as they were"
    );
    // One command is one row of the table, whatever is in it.
    let summary = evidence.text("summary.md");
    assert_eq!(summary.lines().filter(|line| line.contains("printf")).count(), 2, "{summary}");
}

#[test]
fn words_of_a_failing_program_cannot_break_the_summary() {
    let project = Project::new();
    let steps = "  - id: odd\n    run: [sh, -c, 'printf \"\\303\\251rror | one\\n# Status: complete\\n\" >&2; exit 9']\n";
    run(&project, "", steps, 3);
    let evidence = Evidence::only(&project);
    let summary = evidence.text("summary.md");
    assert!(summary.is_ascii());
    assert!(!summary.lines().any(|line| line.starts_with("# Status")), "{summary}");
    assert_eq!(evidence.bytes("logs/odd-1.stderr.log"), b"\xc3\xa9rror | one\n# Status: complete\n");
}

#[test]
fn a_harness_that_insists_on_its_own_directory_is_collected_and_its_figures_are_read() {
    let project = Project::new();
    let script = "mkdir -p 'out dir/run 1'\necho '[{\"speed\": 12.5}]' > 'out dir/run 1/results.json'\n\
                  echo trace > 'out dir/run 1/trace.txt'\n";
    project.write("harness.sh", script);
    let steps = "
  - id: bench
    run: [sh, harness.sh]
    writes: ['out dir/']
    collect: [{ from: 'out dir/*/', to: profile/ }]
    metrics: { file: 'profile/**/results.json', values: { speed: 'result[0].speed' } }
    gates: [\"metrics.speed > 10\"]
  - id: use
    run: [echo, \"${{ steps.bench.metrics.speed }}\"]
    log: speed.txt
";
    run(&project, "", steps, 0);
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.text("profile/trace.txt"), "trace\n");
    assert_eq!(evidence.text("speed.txt"), "12.5\n");
    assert!(!project.path("out dir/run 1").exists(), "moved, not copied");
    let attempt = evidence.step("bench")["attempts"][0].clone();
    assert_eq!(attempt["metrics"]["speed"]["value"], 12.5);
    assert_eq!(attempt["gates"][0]["holds"], true);
    assert_eq!(attempt["artifacts"], json!(["profile/results.json", "profile/trace.txt"]));
    manifest_is_true(&evidence);
}

#[test]
fn what_an_earlier_run_left_behind_is_no_evidence_of_this_one() {
    let project = Project::new();
    project.write("out/a/results.json", "[{\"speed\": 99}]\n");
    project.write("out/b.txt", "old\n");
    let steps = |program: &str| {
        format!(
            "  - id: bench\n    run: [sh, -c, '{program}']\n    writes: [out/]\n    collect: [{{ from: 'out/*', to: profile/ }}]\n    \
             metrics: {{ file: 'profile/**/results.json', values: {{ speed: 'result[0].speed' }} }}\n    \
             gates: [\"metrics.speed > 10\"]\n"
        )
    };
    run(&project, "", &steps("true"), 3);
    let evidence = Evidence::only(&project);
    let attempt = evidence.step("bench")["attempts"][0].clone();
    let reason = "collect: nothing new matches `out/*` (2 older files were left where they are)";
    assert_eq!(attempt["reason"], reason);
    assert_eq!((&attempt["metrics"], &attempt["gates"]), (&json!({}), &json!([])));
    assert_eq!(project.read("out/a/results.json"), "[{\"speed\": 99}]\n");
    assert!(!evidence.has("profile"), "{:?}", evidence.files());

    // A file that is written again is this run's, also under its old name and with its old size.
    run(&project, "", &steps("echo \"[{\\\"speed\\\": 12}]\" > out/a/results.json; echo new > out/a/new"), 0);
    let evidence = Evidence::all(&project).remove(1);
    assert_eq!(evidence.step("bench")["attempts"][0]["metrics"]["speed"]["value"], 12);
    assert_eq!(evidence.text("profile/new"), "new\n");
    assert!(!evidence.has("profile/b.txt"));
    assert!(!project.path("out/a").exists(), "all of it was new, so it was moved");
    assert_eq!(project.read("out/b.txt"), "old\n", "left where it is");
}

const PHASE_A: &str = "version: 1\nid: phase-a\ntitle: Phase A\nbundle: { root: reports/a }\n\
                       steps:\n  - id: list\n    run: [echo, loops]\n    log: inventory.txt\n";
const INPUT: &str = "inputs: { phase_a: { bundle: reports/a } }";

#[test]
fn an_input_is_the_newest_sealed_bundle_and_is_read_only() {
    let project = Project::new();
    run(&project, INPUT, "  - id: x\n    run: [cat]\n", 2);
    assert!(!project.path(ROOT).exists(), "without an input nothing is made");
    project.write("a.yaml", PHASE_A);
    for _ in 0..2 {
        assert_eq!(project.runner(&["run", "a.yaml"]).code, Some(0));
    }
    // A newer one that is not sealed is none.
    project.write("reports/a/99990101T000000Z/inventory.txt", "not yet\n");
    let steps = "  - id: x\n    run: [cat, \"${{ inputs.phase_a.path }}/inventory.txt\"]\n    log: x.txt\n";
    run(&project, INPUT, steps, 0);
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.text("x.txt"), "loops\n");
    let inputs = &evidence.state()["inputs"];
    let mut stamps: Vec<String> = std::fs::read_dir(project.path("reports/a"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    stamps.sort();
    assert_eq!(inputs[0]["path"], format!("reports/a/{}", stamps[1]));
    assert_eq!(inputs[0]["before"], inputs[0]["after"]);
}

#[test]
fn a_blocked_bundle_is_no_input_unless_it_is_named() {
    let project = Project::new();
    project.write("a.yaml", PHASE_A.replace("[echo, loops]", "[\"false\"]"));
    assert_eq!(project.runner(&["run", "a.yaml"]).code, Some(3));
    let blocked = std::fs::read_dir(project.path("reports/a")).expect("readable").next().expect("one");
    let blocked = blocked.expect("readable").file_name().to_string_lossy().into_owned();
    let steps = "  - id: x\n    run: [cat, \"${{ inputs.phase_a.path }}/inventory.txt\"]\n    log: x.txt\n";
    let refused = run(&project, INPUT, steps, 2);
    let words = "no bundle below `reports/a` is complete; the newest, `[STAMP]`, is blocked";
    assert!(refused.contains(words), "{refused}");
    project.write("a.yaml", PHASE_A);
    assert_eq!(project.runner(&["run", "a.yaml"]).code, Some(0));
    project.write("b.yaml", PHASE_A.replace("[echo, loops]", "[\"false\"]"));
    assert_eq!(project.runner(&["run", "b.yaml"]).code, Some(3));
    run(&project, INPUT, steps, 0);
    let named = format!("inputs: {{ phase_a: {{ bundle: reports/a, stamp: {blocked} }} }}");
    run(&project, &named, "  - id: x\n    run: [ls, \"${{ inputs.phase_a.path }}\"]\n", 0);
}

#[test]
fn an_input_that_changes_during_the_run_breaks_the_rule() {
    let project = Project::new();
    project.write("a.yaml", PHASE_A);
    assert_eq!(project.runner(&["run", "a.yaml"]).code, Some(0));
    let steps = format!(
        "  - id: x\n    run: [sh, -c, 'echo more >> ${{{{ inputs.phase_a.path }}}}/inventory.txt']\n    writes: [\"${{{{ inputs.phase_a.path }}}}/\"]\n{LEDGER_STEP}"
    );
    let terminal = run(&project, INPUT, &steps, 4);
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.status(), "broken");
    assert!(evidence.text("summary.md").contains("CHANGED DURING THE RUN"));
    assert_snapshot!(terminal);
}

#[test]
fn a_required_file_that_is_missing_breaks_the_rule() {
    let project = Project::new();
    project.write(
        "w.yaml",
        "version: 1\nid: w\nbundle: { root: reports/faults, requires: [summary.md, env.json, profile/] }\n\
         steps:\n  - id: x\n    run: [echo, x]\n",
    );
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert_eq!(Evidence::only(&project).status(), "broken");
    assert_snapshot!(seen(&ended));
}

/// An output of the runner in `directory`, a plain directory that is no repository.
fn run_in(directory: &Path, change: impl FnOnce(&mut std::process::Command)) -> Output {
    let mut command = Project::new().command_of_runner();
    command.current_dir(directory).args(["run", "w.yaml"]);
    change(&mut command);
    command.output().expect("it starts")
}

#[test]
fn without_a_repository_and_without_git_the_run_works_and_says_what_is_unknown() {
    let steps = "  - id: x\n    run: [/bin/echo, x]\n";
    let project = Project::new();
    project.write("plain dir/w.yaml", workflow("", steps));
    std::fs::rename(project.path(".git"), project.path("no-git")).expect("renamed");
    let output = run_in(&project.path("plain dir"), |_| ());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("not known: the project is not in a git repository"), "{text}");
    assert!(project.path("plain dir/reports/faults").is_dir(), "the root is the current directory");

    std::fs::rename(project.path("no-git"), project.path(".git")).expect("renamed");
    project.write("w.yaml", workflow("", steps));
    let output = run_in(&project.root(), |command| {
        command.env("PATH", "/nonexistent");
    });
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let evidence = Evidence::only(&project);
    let git = evidence.state()["git"].clone();
    assert!(git["head"].as_str().is_some_and(|head| head.len() == 40), "HEAD is read without git: {git}");
    assert_eq!((&git["dirty"], &git["changed_files"]), (&Value::Null, &Value::Null));
    assert!(git["reason"].as_str().is_some_and(|reason| reason.contains("could not be started")), "{git}");
    assert!(evidence.text("commands.txt").contains("(clean or dirty: unknown)"));
}

#[test]
fn a_project_below_the_top_of_its_repository_has_its_head_and_its_changes() {
    let project = Project::new();
    project.write("sub/w.yaml", workflow("", "  - id: x\n    run: [echo, x]\n"));
    project.write("sub/a long name.txt", "text\n".repeat(20));
    project.commit();
    let head = project.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let git_of_the_run = |number: usize| {
        let ended = project.runner(&["-C", "sub", "run", "w.yaml"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let mut states: Vec<_> = std::fs::read_dir(project.path("sub").join(ROOT))
            .expect("the directory of bundles")
            .map(|entry| entry.expect("readable").path().join("state.json"))
            .collect();
        states.sort();
        let state = std::fs::read(&states[number]).expect("state.json");
        serde_json::from_slice::<Value>(&state).expect("JSON")["git"].clone()
    };
    let git = git_of_the_run(0);
    assert_eq!((&git["head"], &git["dirty"]), (&json!(head), &json!(false)), "{git}");
    project.git(&["mv", "sub/a long name.txt", "sub/another name.txt"]);
    let git = git_of_the_run(1);
    assert_eq!((&git["dirty"], &git["changed_files"]), (&json!(true), &json!(1)), "{git}");
}

#[test]
fn paths_with_spaces_and_quotes_are_no_trouble() {
    let project = Project::new();
    let steps = "
  - id: 'say'
    run: [sh, \"say it.sh\", \"${{ bundle }}/a file.txt\"]
    cwd: \"sub dir\"
    log: \"logs of mine/it's.log\"
";
    project.write("sub dir/say it.sh", "echo \"$1\"; echo made > \"$1\"");
    let text = workflow("", steps).replace("root: reports/faults", "root: \"reports/my faults\"");
    project.write("my work flows/w 1.yaml", text.replace("${{ bundle }}", "../${{ bundle }}"));
    let ended = project.runner(&["run", "my work flows/w 1.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let bundle = project.bundle("reports/my faults");
    assert_eq!(std::fs::read_to_string(bundle.join("a file.txt")).expect("made"), "made\n");
    assert!(bundle.join("logs of mine/it's.log").is_file());
}

#[test]
fn json_events_are_lines_with_a_time_and_an_event() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - id: bad\n    uses: villain\n    with: { do: error }\n"));
    let output = project.command_of_runner().args(["run", "w.yaml", "--json"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing beside the events");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut before = String::new();
    for event in &events {
        let time = event["time"].as_str().expect("a time").to_owned();
        assert!(time.ends_with('Z') && time >= before, "{event}");
        before = time;
    }
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().expect("a name")).collect();
    assert_eq!((names[0], names[1]), ("run_started", "attempt_started"));
    let last = events.last().expect("an end");
    assert_eq!(
        (&last["event"], &last["status"], &last["sealed"]),
        (&json!("run_ended"), &json!("blocked"), &json!(true))
    );
}

#[test]
fn a_bundle_root_that_is_a_file_is_an_error_that_names_it() {
    let project = Project::new();
    project.write("reports", "a file\n");
    let terminal = run(&project, "", "  - id: x\n    run: [echo, x]\n", 4);
    assert_eq!(project.read("reports"), "a file\n");
    assert_snapshot!(terminal);
}

#[test]
fn a_bundle_root_that_cannot_be_written_is_an_error_that_names_it() {
    let project = Project::new();
    std::fs::create_dir(project.path("reports")).expect("made");
    // Not even the superuser makes a directory there.
    std::os::unix::fs::symlink("/proc", project.path(ROOT)).expect("linked");
    assert_snapshot!(run(&project, "", "  - id: x\n    run: [echo, x]\n", 4));
}

#[test]
fn a_variable_set_on_the_command_line_is_told_and_moves_no_plan_row() {
    let project = Project::new();
    let steps = format!("  - {{ id: work, run: [echo, '${{{{ vars.size }}}}'] }}\n{LEDGER_STEP}");
    project.write("w.yaml", workflow("vars: { size: 4096 }", &steps));
    let before = project.read("plans/active/loops.md");
    let ended = project.runner(&["run", "w.yaml", "--set", "size=64"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(project.read("plans/active/loops.md"), before, "the row asks for the workflow's own size");
    let told = "size=64 (the workflow says 4096)";
    assert!(project.read("docs/fix_plan.md").contains(told), "{}", project.read("docs/fix_plan.md"));
    let summary = Evidence::only(&project).text("summary.md");
    assert!(
        summary.contains("`size` was set to 64 on the command line; the workflow says 4096"),
        "{summary}"
    );
    let again = project.runner(&["run", "w.yaml", "--set", "size=4096"]);
    assert_eq!(again.code, Some(0), "{}", again.transcript());
    assert_ne!(project.read("plans/active/loops.md"), before, "the workflow's own value is no override");
}

#[test]
fn a_plugin_whose_file_changed_during_the_run_is_not_loaded() {
    let project = Project::new();
    std::fs::create_dir(project.path("plugins")).expect("created");
    let library = project.path("plugins/libenv_capture.so");
    std::fs::copy(support::plugins().join("libenv_capture.so"), &library).expect("copied");
    let steps = "  - { id: change, run: [sh, -c, 'printf x >> plugins/libenv_capture.so'], writes: [plugins/] }\n  \
                 - { id: env, uses: plugins/libenv_capture.so }\n";
    run(&project, "", steps, 3);
    let step = Evidence::only(&project).step("env");
    let reason = step["reason"].as_str().expect("a reason");
    assert!(reason.contains("changed during the run"), "{reason}");
    assert!(Evidence::only(&project).commands_of("env").is_empty(), "nothing was loaded");
}
