//! `docs/startup.sh`, the comparison of start-up with other tools: it runs, measures every tool that is here,
//! names the others, cleans up behind itself, and refuses what it cannot measure. No figure is asserted:
//! the runner of a test is not the one that anybody uses.

use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;

#[expect(clippy::disallowed_methods, reason = "a script is started from outside, as a user does")]
fn startup(scratch: &Path, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/startup.sh");
    let mut command = Command::new("bash");
    command.arg(script).args(arguments).env("TMPDIR", scratch).current_dir(scratch);
    command.output().expect("bash is installed")
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).expect("readable").next().is_none()
}

#[test]
fn every_tool_that_is_here_has_its_figures_and_nothing_is_left_behind() {
    let scratch = tempfile::tempdir().expect("tempdir");
    let output = startup(scratch.path(), &[env!("CARGO_BIN_EXE_runner"), "1"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stderr, "");
    let row =
        Regex::new(r"(?m)^\| (\w+) +\| [0-9.]+ +\| +([0-9.]+) \| +[0-9.]+ \| +[0-9.]+ \| +(-?[0-9.]+) \| +[0-9.-]+ \| +-?[0-9.]+ \|$")
            .expect("a valid pattern");
    let tools: Vec<&str> =
        row.captures_iter(&stdout).map(|row| row.get(1).map_or("", |tool| tool.as_str())).collect();
    assert_eq!((tools.first(), tools.last()), (Some(&"bash"), Some(&"runner")), "{stdout}");
    for tool in ["make", "ninja", "just"] {
        let absent =
            stdout.lines().any(|line| line.starts_with("not installed here:") && line.contains(tool));
        assert!(absent || tools.contains(&tool), "{tool}: {stdout}");
    }
    let started: f64 = row.captures_iter(&stdout).last().expect("a row")[2].parse().expect("a number");
    assert!(started > 0.0, "{stdout}");
    assert!(is_empty(scratch.path()), "nothing is left behind");
}

#[test]
fn what_is_no_program_and_what_fails_end_it_with_the_reason() {
    let scratch = tempfile::tempdir().expect("tempdir");
    let false_program = "/bin/false";
    for (arguments, told) in [
        (vec!["no/such/runner"], "no/such/runner is no program"),
        (vec!["/"], "/ is no program"),
        (vec![env!("CARGO_BIN_EXE_runner"), "0"], "repetitions must be a number from 1: 0"),
        (vec![env!("CARGO_BIN_EXE_runner"), "1", "no-such-program"], "there is no program `no-such-program`"),
        (vec![false_program, "1"], "did not end well with 1 steps"),
    ] {
        let output = startup(scratch.path(), &arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
        assert!(is_empty(scratch.path()), "{arguments:?}: nothing is left behind");
    }
}
