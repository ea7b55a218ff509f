//! The blocked path for real: what was asked fails, and the run stops for guidance with all its evidence.
//!
//! Kernels and commands fail in each way that the runner tells apart, with and without a declared fallback.
//! The rule behind most assertions: no figure of the smaller size can pass for one of the asked size.

mod evidence;
mod support;

use evidence::{Evidence, LEDGER_STEP, seen, workflow};
use insta::assert_snapshot;
use regex::Regex;
use serde_json::json;
use support::Project;

const HEAD: &str = "vars: { size: 4096 }";

/// An ordinary step, which must not run, and one that must, with the ledger behind them.
fn rest() -> String {
    format!(
        "
  - id: ordinary
    run: [touch, ordinary-step-ran]
  - id: collect
    run: [echo, collected]
    log: collect.log
    always: true
{LEDGER_STEP}"
    )
}

/// Runs a workflow whose step `capture` fails, and checks what holds for every blocked run.
fn blocked(project: &Project, head: &str, capture: &str) -> (String, Evidence) {
    project.write("w.yaml", workflow(head, &format!("{capture}{}", rest())));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    let terminal = seen(&ended);
    assert_eq!(ended.code, Some(3), "{terminal}");
    let evidence = Evidence::only(project);
    assert_eq!(evidence.status(), "blocked");
    assert!(evidence.text("summary.md").contains("**Status: blocked**"));
    assert_eq!(evidence.step("ordinary")["status"], "skipped");
    assert!(!project.path("ordinary-step-ran").exists(), "the ordinary step did not run");
    assert_eq!(evidence.text("collect.log"), "collected\n", "the step that always runs did");
    assert_eq!(evidence.outcome("ledger"), "ok");
    assert!(project.read("plans/active/loops.md").contains("| B1 | Capture a profile | [B] | none |"));
    let entry = entry(project);
    assert!(entry.contains("blocked") && entry.contains(&evidence.stamp()), "{entry}");
    assert!(evidence.has("manifest.json"), "sealed");
    assert!(!evidence.has("profile"), "no profile passes for one of what was asked");
    for (start, end) in evidence.commands_of("capture") {
        assert!(end["end"].is_string() && end["claim"].is_string(), "its end is recorded: {end}");
        for log in start["logs"].as_array().expect("logs") {
            let log = log.as_str().expect("a name");
            assert!(evidence.text("commands.txt").contains(log), "{log} is in commands.txt");
        }
    }
    (terminal, evidence)
}

/// The second attempt of the ledger's item: the one of the run.
fn entry(project: &Project) -> String {
    let ledger = project.read("docs/fix_plan.md");
    let start = ledger.find("Attempt #2").unwrap_or_else(|| panic!("no second attempt:\n{ledger}"));
    ledger[start..].to_owned()
}

/// Checks that a fallback from 4096 to 256 is told as such wherever its figures stand.
fn told_as_fallback(project: &Project, evidence: &Evidence) {
    let step = evidence.step("capture");
    let attempts = step["attempts"].as_array().expect("attempts");
    let last = attempts.last().expect("an attempt");
    assert_eq!(last["kind"], "fallback");
    assert_eq!((&last["requested"], &last["actual"]), (&json!({"size": 4096}), &json!({"size": 256})));
    for artifact in last["artifacts"].as_array().expect("a list") {
        assert!(artifact.as_str().expect("a path").starts_with("fallback/"), "{artifact} lies apart");
    }
    let summary = evidence.text("summary.md");
    let headings = summary.lines().filter(|line| line.starts_with("## Figures"));
    for heading in headings {
        assert!(
            heading.contains("FALLBACK") && heading.contains("256") && heading.contains("4096"),
            "{heading}"
        );
    }
    assert!(summary.contains("size=256 (asked: size=4096)"), "{summary}");
    let entry = entry(project);
    assert!(entry.contains("4096") && entry.contains("256"), "both sizes stand in the ledger: {entry}");
}

#[test]
fn memory_that_the_asked_size_does_not_get_is_oom_and_the_fallback_is_told_as_such() {
    let project = Project::new();
    let capture = "
  - id: capture
    uses: nanobragg
    with: { size: \"${{ vars.size }}\", image: true }
    limits: { memory: 48MiB, time: 2m }
    gates: [\"metrics.correlation >= 0.999\"]
    fallback: { when: [oom], vars: { size: 256 } }
";
    let (terminal, evidence) = blocked(&project, HEAD, capture);
    assert_eq!(evidence.outcome("capture"), "oom");
    assert!(evidence.has("fallback/image.npy") && !evidence.has("image.npy"), "{:?}", evidence.files());
    let step = evidence.step("capture");
    assert_eq!(step["attempts"][1]["outcome"], "ok", "{step}");
    assert_eq!(step["attempts"][1]["metrics"]["size"]["value"], 256);
    assert!(step["attempts"][0]["metrics"].as_object().expect("a map").is_empty(), "no figures for 4096");
    told_as_fallback(&project, &evidence);
    // Where the limit is met, and the figures of the computation, are the machine's.
    let phase = Regex::new(r"during `[a-z]+( \d+)?`").expect("a valid pattern");
    let figure = Regex::new(r"correlation [01]\.\d+").expect("a valid pattern");
    let terminal = phase.replace_all(&terminal, "during [PHASE]");
    let terminal = figure.replace_all(&terminal, "correlation [FIGURE]");
    let instructions = Regex::new(r"\d+ threads? with \w+").expect("a valid pattern");
    assert_snapshot!(instructions.replace_all(&terminal, "[THREADS] with [INSTRUCTIONS]"));
}

/// The villain that misbehaves at 4096 only, with a fallback.
fn villain(deed: &str, more: &str) -> String {
    format!(
        "
  - id: capture
    uses: villain
    with: {{ do: {deed}, fail_at_size: 4096, size: \"${{{{ vars.size }}}}\" }}
    fallback: {{ vars: {{ size: 256 }} }}
{more}"
    )
}

#[test]
fn a_crash_at_the_asked_size_is_followed_by_the_fallback_and_blocks() {
    for (deed, claim) in [("exit", "exit status 0"), ("segfault", "SIGSEGV (11)"), ("panic", "panicked")] {
        let project = Project::new();
        let fallback = villain(deed, "").replace("{ vars:", "{ when: [plugin_crash], vars:");
        let (terminal, evidence) = blocked(&project, HEAD, &fallback);
        let step = evidence.step("capture");
        assert_eq!(step["outcome"], "plugin_crash", "what was asked, not the fallback: {step}");
        assert_eq!(step["attempts"][1]["outcome"], "ok");
        let (start, end) = evidence.commands_of("capture").remove(0);
        assert_eq!(start["with"]["size"], 4096);
        let told = format!("{} {}", end["claim"], step["attempts"][0]["claim"]);
        assert!(told.contains(claim), "{told}");
        assert!(evidence.has("logs/capture-1.log") && evidence.has("logs/capture-2.log"));
        assert!(terminal.contains("size=4096 failed; running the declared fallback size=256"), "{terminal}");
        told_as_fallback(&project, &evidence);
    }
}

#[test]
fn a_fault_that_the_fallback_does_not_list_runs_no_fallback() {
    let project = Project::new();
    let fallback = villain("segfault", "").replace("{ vars:", "{ when: [oom, timeout], vars:");
    let (_, evidence) = blocked(&project, HEAD, &fallback);
    assert_eq!(evidence.step("capture")["attempts"].as_array().map(Vec::len), Some(1));
    assert!(!evidence.has("fallback"));
}

#[test]
fn a_hang_is_a_timeout_and_blocks_with_the_fallback() {
    let project = Project::new();
    let (terminal, evidence) = blocked(&project, HEAD, &villain("hang", "    limits: { time: 1s }\n"));
    assert_eq!(evidence.outcome("capture"), "timeout");
    told_as_fallback(&project, &evidence);
    assert_snapshot!(terminal);
}

#[test]
fn both_sizes_failing_tells_both() {
    let project = Project::new();
    let both = villain("error", "").replace(" fail_at_size: 4096,", "");
    let (terminal, evidence) = blocked(&project, HEAD, &both);
    let step = evidence.step("capture");
    let outcomes: Vec<_> =
        step["attempts"].as_array().expect("two").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "failed"]);
    told_as_fallback(&project, &evidence);
    assert_snapshot!(terminal);
}

#[test]
fn a_gate_that_fails_never_shrinks_the_run() {
    let project = Project::new();
    let gate = villain("gate", "    gates: [\"metrics.correlation >= 0.999\"]\n");
    let (terminal, evidence) = blocked(&project, HEAD, &gate);
    let step = evidence.step("capture");
    assert_eq!((&step["outcome"], step["attempts"].as_array().map(Vec::len)), (&json!("gate"), Some(1)));
    assert!(!evidence.has("fallback"), "no fallback ran");
    assert!(evidence.text("summary.md").contains("DOES NOT HOLD"));
    assert_snapshot!(terminal);
}

#[test]
fn a_gate_on_a_metric_that_nobody_delivered_fails() {
    let project = Project::new();
    let gate = villain("ok", "    gates: [\"metrics.speedup > 1\"]\n");
    let (terminal, evidence) = blocked(&project, HEAD, &gate);
    assert_eq!(evidence.outcome("capture"), "gate");
    assert_snapshot!(terminal);
}

#[test]
fn a_failing_command_keeps_its_output_and_its_fallback_has_the_smaller_argument() {
    let project = Project::new();
    let capture = "
  - id: capture
    run: [sh, bench.sh, \"${{ vars.size }}\", \"${{ bundle }}/profile\"]
    log: bench.log
    fallback: { vars: { size: 256 } }
";
    let script = "echo computing $1\nmkdir -p $2 && echo trace of $1 > $2/trace.txt\n\
                  [ $1 -lt 1000 ] || { echo cannot allocate the image >&2; exit 3; }\n";
    project.write("bench.sh", script);
    let (terminal, evidence) = blocked(&project, HEAD, capture);
    told_as_fallback(&project, &evidence);
    let commands = evidence.commands_of("capture");
    let argv: Vec<_> = commands.iter().map(|(start, _)| start["argv"][2].clone()).collect();
    assert_eq!(argv, ["4096", "256"]);
    assert_eq!((&commands[0].1["exit_code"], &commands[1].1["exit_code"]), (&json!(3), &json!(0)));
    assert_eq!(evidence.text("failed/capture-1/bench.log"), "computing 4096\n");
    assert_eq!(evidence.text("failed/capture-1/profile/trace.txt"), "trace of 4096\n");
    assert_eq!(evidence.text("logs/capture-1.stderr.log"), "cannot allocate the image\n");
    assert_eq!(evidence.text("fallback/bench.log"), "computing 256\n");
    assert_eq!(evidence.text("fallback/profile/trace.txt"), "trace of 256\n");
    assert!(evidence.text("commands.txt").contains("exit      3\n"));
    assert_snapshot!(terminal);
}

#[test]
fn a_retry_that_succeeds_completes_and_keeps_the_failed_attempt_apart() {
    let project = Project::new();
    let script = "echo attempt; if [ -e done ]; then exit 0; fi; touch done\n\
                  echo '{\"speed\": 9}' > $1/result.json; exit 7\n";
    project.write("flaky.sh", script);
    let step = "
  - id: capture
    run: [sh, flaky.sh, \"${{ bundle }}\"]
    log: bench.log
    writes: [done]
    retry: 2
";
    project.write("w.yaml", workflow("", step));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    let attempts = evidence.step("capture")["attempts"].clone();
    let kinds: Vec<_> = attempts.as_array().expect("two").iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["asked", "retry"]);
    assert_eq!(attempts[0]["logs"][0], "failed/capture-1/bench.log", "the record follows the log");
    let text = evidence.text("commands.txt");
    assert!(text.contains("log       failed/capture-1/bench.log"), "{text}");
    assert!(text.contains("log       bench.log"), "{text}");
    assert!(evidence.has("failed/capture-1/result.json") && !evidence.has("result.json"));
}

#[test]
fn a_retry_cannot_take_the_figures_of_the_attempt_before() {
    let project = Project::new();
    let script = "[ -e done ] && exit 0; touch done\necho '{\"speed\": 9}' > $1/result.json; exit 7\n";
    project.write("flaky.sh", script);
    let capture = "
  - id: capture
    run: [sh, flaky.sh, \"${{ bundle }}\"]
    metrics: { file: result.json, values: { speed: result.speed } }
    gates: [\"metrics.speed > 1\"]
    writes: [done]
    retry: 1
";
    let (terminal, evidence) = blocked(&project, "", capture);
    assert_eq!(evidence.outcome("capture"), "failed", "the second attempt wrote no figures");
    assert_snapshot!(terminal);
}

#[test]
fn the_same_fault_twice_is_said_to_be_the_same() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - id: capture\n    uses: villain\n    with: { do: error }\n"));
    project.commit();
    project.runner(&["run", "w.yaml"]);
    let again = project.runner(&["run", "w.yaml"]);
    let text = seen(&again);
    assert!(text.contains("second time in a row: step `capture` failed with the same fault as in"), "{text}");
}
