//! What is kept of a program's output: its limit, and a disk that has no room for it; and what of the runner's own.
//!
//! The disk is a small file system in memory that the test mounts over the directory of bundles; where the
//! machine does not permit that, the test says so and passes.

mod evidence;
mod support;

use std::path::PathBuf;

use evidence::{Evidence, ROOT, workflow};
use support::Project;

#[test]
fn output_is_cut_at_the_limit_of_the_step_and_told() {
    let project = Project::new();
    let steps = "
  - id: small
    run: \"yes one | head -c 9000; yes two | head -c 9000 >&2\"
    limits: { output: 8 KiB }
  - id: usual
    run: \"yes | head -c 9000\"
";
    project.write("w.yaml", workflow("", steps));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "a long output is no failure: {}", ended.transcript());
    let evidence = Evidence::only(&project);
    for stream in ["stdout", "stderr"] {
        let log = evidence.text(&format!("logs/small-1.{stream}.log"));
        assert_eq!(log.find("\n[runner: cut here, the limit of 8.0 KiB was reached]\n"), Some(8192));
        let told = format!("step `small`: its {stream} was cut at 8.0 KiB; the rest was thrown away");
        assert!(evidence.text("summary.md").contains(&told));
    }
    assert_eq!(evidence.bytes("logs/usual-1.stdout.log").len(), 9000);
    let plan = evidence.json("plan.json");
    assert_eq!(plan["steps"][0]["asked"]["limits"]["output_bytes"], 8192);
    assert_eq!(plan["steps"][1]["asked"]["limits"]["output_bytes"], serde_json::Value::Null);
}

/// A file system of 2 MiB over a directory, until the end of the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn over(directory: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&directory).expect("made");
        let mounted = program("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs"], &directory);
        mounted.then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        program("umount", &["--lazy"], &self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "the test makes the machine that it needs")]
fn program(name: &str, arguments: &[&str], directory: &std::path::Path) -> bool {
    let mut command = std::process::Command::new(name);
    command.args(arguments).arg(directory).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_log_that_fills_the_disk_is_named_and_the_run_can_still_say_so() {
    let project = Project::new();
    project.write(
        "w.yaml",
        workflow("", "  - id: flood\n    run: \"yes | head -c 8000000; touch ended\"\n    writes: [ended]\n"),
    );
    project.commit();
    let Some(_disk) = SmallDisk::over(project.path(ROOT)) else {
        println!("not caused here: this machine does not let the test mount a file system");
        return;
    };
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("its stdout could not be kept: No space left on device"),
        "{}",
        ended.stderr
    );
    assert!(project.path("ended").exists(), "the program was not stopped by it");
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.status(), "broken");
    let reason = evidence.state()["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("its stdout could not be kept"), "{reason}");
    let (_, end) = evidence.commands_of("flood").remove(0);
    assert_eq!(end["outcome"], "ok", "what the program did is on record: {end}");
    assert!(!evidence.has("manifest.json"), "not sealed");
}

#[test]
fn a_result_that_could_not_be_printed_is_told_and_what_was_done_stays_done() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - { id: one, run: ['true'] }\n"));
    for arguments in [
        vec!["--help"],
        vec!["run", "--help"],
        vec!["--version"],
        vec!["plan", "w.yaml"],
        vec!["plan", "w.yaml", "--json"],
        vec!["plugins", "list"],
        vec!["schema"],
        vec!["completions", "bash"],
        vec!["run", "w.yaml"],
        vec!["status"],
    ] {
        let mut command = project.command_of_runner();
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device that is full");
        let output = command.args(&arguments).stdout(full).output().expect("the runner starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        let told = "error: standard output did not take all of the result: No space left on device";
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
    assert_eq!(Evidence::only(&project).status(), "complete");
    let mut command = project.command_of_runner();
    let piped = std::process::Stdio::piped;
    command.args(["completions", "zsh"]).stdout(piped()).stderr(piped());
    let mut child = command.spawn().expect("the runner starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
