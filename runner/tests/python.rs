//! Python as it is lived in: environments, missing modules, input, progress bars, bytes that are no text, children.
//!
//! Needs Python; a machine without it skips these tests and says so (`support::python`).

mod evidence;
mod support;

use evidence::{Evidence, workflow};
use serde_json::Value;
use support::{Project, python};

/// Runs one step, a program of this text, with the interpreter; exit code, what a user sees, and the bundle.
fn run(project: &Project, interpreter: &str, program: &str, code: i32) -> Evidence {
    project.write("program.py", program);
    project.commit();
    let steps = format!("  - id: x\n    run: ['{interpreter}', program.py]\n    limits: {{ time: 60 s }}\n");
    project.write("w.yaml", workflow("", &steps));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    Evidence::only(project)
}

fn attempt(evidence: &Evidence) -> Value {
    evidence.step("x")["attempts"][0].clone()
}

fn reason(evidence: &Evidence) -> String {
    attempt(evidence)["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn the_interpreter_of_a_virtual_environment_is_asked_itself() {
    let Some(python) = python("virtual environment") else { return };
    let project = Project::new();
    let made = project
        .other(python.to_str().expect("UTF-8"))
        .args(["-m", "venv", "--without-pip", ".venv"])
        .status();
    assert!(made.expect("it starts").success());
    project.write(".gitignore", ".venv/\n");
    project.commit();
    let asked = |python: &str| {
        let steps = format!(
            "  - id: env\n    uses: env-capture\n    with: {{ python: {python}, packages: [no-such-package] }}\n"
        );
        project.write("w.yaml", workflow("", &steps));
        let ended = project.runner(&["run", "w.yaml"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        Evidence::all(&project).pop().expect("a bundle").json("env.json")
    };
    let env = asked(".venv/bin/python");
    assert_eq!(env["python"]["virtual"], true, "{}", env["python"]);
    assert_eq!(env["python"]["prefix"], project.path(".venv").display().to_string());
    assert!(env["python"]["packages"]["no-such-package"].is_null());
    let unknown = env["unknown"]["python.packages.no-such-package"].as_str().expect("a reason");
    assert!(unknown.starts_with("PackageNotFoundError"), "{unknown}");
    // A program in front of it, as `uv run` is one.
    let env = asked("[env, SOME=value, .venv/bin/python]");
    assert_eq!(env["python"]["prefix"], project.path(".venv").display().to_string());
}

#[test]
fn a_missing_module_is_quoted() {
    let Some(python) = python("missing module") else { return };
    let project = Project::new();
    let evidence = run(&project, &python.display().to_string(), "import module_that_nobody_has\n", 3);
    let reason = reason(&evidence);
    assert!(reason.contains("ModuleNotFoundError: No module named 'module_that_nobody_has'"), "{reason}");
}

#[test]
fn a_program_that_reads_its_input_finds_it_empty() {
    let Some(python) = python("input") else { return };
    let project = Project::new();
    let program = "import sys\nassert sys.stdin.read() == ''\ninput('go on? ')\n";
    let evidence = run(&project, &python.display().to_string(), program, 3);
    assert!(reason(&evidence).contains("EOFError"), "{}", reason(&evidence));
}

#[test]
fn a_progress_bar_is_quoted_as_it_stands_at_last() {
    let Some(python) = python("progress bar") else { return };
    let project = Project::new();
    let program = "import sys\nfor i in range(0, 101):\n    sys.stderr.write('\\r%3d %%|%s|' % (i, '#' * i))\n\
                   sys.stderr.write('\\nfailed at last\\n')\nsys.exit(4)\n";
    let evidence = run(&project, &python.display().to_string(), program, 3);
    let reason = reason(&evidence);
    assert!(reason.contains("100 %|####") && !reason.contains(" 99 %|"), "{reason}");
    let summary = evidence.text("summary.md");
    assert!(!summary.contains('\r') && summary.is_ascii());
}

#[test]
fn bytes_that_are_no_text_are_kept_as_bytes_and_quoted_as_ascii() {
    let Some(python) = python("bytes") else { return };
    let project = Project::new();
    let program = "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe caf\\xc3\\xa9 \\x1b[31mred\\x1b[0m\\n')\nsys.exit(1)\n";
    let evidence = run(&project, &python.display().to_string(), program, 3);
    assert!(evidence.bytes("logs/x-1.stdout.log").starts_with(b"\xff\xfe caf\xc3\xa9 \x1b[31m"));
    assert!(evidence.text("summary.md").is_ascii() && evidence.text("commands.txt").is_ascii());
    assert!(!evidence.text("summary.md").contains('\x1b'), "no escape sequence reaches a terminal");
}

#[test]
fn megabytes_of_output_are_kept_and_do_not_block_the_program() {
    let Some(python) = python("megabytes") else { return };
    let project = Project::new();
    let program =
        "import sys\nfor i in range(40000):\n    print('x' * 99)\n    sys.stderr.write('y' * 99 + '\\n')\n";
    let evidence = run(&project, &python.display().to_string(), program, 0);
    assert_eq!(evidence.bytes("logs/x-1.stdout.log").len(), 4_000_000);
    assert_eq!(evidence.bytes("logs/x-1.stderr.log").len(), 4_000_000);
}

#[test]
fn children_that_it_leaves_behind_are_ended_and_told() {
    let Some(python) = python("children") else { return };
    let project = Project::new();
    let program = "import subprocess, sys\n\
                   subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n";
    let evidence = run(&project, &python.display().to_string(), program, 0);
    let left = attempt(&evidence)["left_behind"].to_string();
    assert!(left.contains("time.sleep(600)") || left.contains("python"), "{left}");
    assert!(evidence.text("summary.md").contains("left processes running, which were killed"));
}
