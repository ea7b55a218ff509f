//! The built library, through the ABI: what `env.json` says when Python, torch or git are there, are missing,
//! or misbehave. Programs are answered by closures, so that every machine gives the same result.

use runner_plugin::{Program, ProgramOutput};
use runner_plugin_testkit::{FailureKind, Testkit, built_library};
use serde_json::{Value, json};

type Answer = Result<ProgramOutput, String>;

#[expect(clippy::unnecessary_wraps, reason = "an answer is what the closures of these tests return")]
fn printed(stdout: &str) -> Answer {
    Ok(ended("ok", Some(0), stdout, ""))
}

fn ended(outcome: &str, exit_code: Option<i32>, stdout: &str, stderr: &str) -> ProgramOutput {
    let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
    ProgramOutput { outcome: outcome.to_owned(), exit_code, signal: None, stdout, stderr }
}

fn missing(program: &Program) -> Answer {
    Err(format!("{}: no such program", program.argv[0]))
}

/// Captures on a machine that has only the Python that answers so.
fn with_python(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Value {
    let kit = Testkit::load(built_library("env-capture"))
        .expect("a plugin")
        .answering(move |program| if program.argv[0] == "python3" { answer() } else { missing(program) });
    kit.capture(json!({})).expect("a missing program is no failure")
}

#[test]
fn a_machine_without_python_has_three_nulls_with_reasons() {
    let env = with_python(|| Err("python3: no such program".to_owned()));
    for key in ["python", "torch", "cuda_available"] {
        assert_eq!(env.get(key), Some(&Value::Null), "`{key}` is there, and null");
    }
    assert_eq!(env["unknown"]["python"], "`python3`: python3: no such program");
    assert_eq!(env["unknown"]["torch"], "python is unknown");
    assert_eq!(env["unknown"]["cuda_available"], "python is unknown");
}

#[test]
fn a_python_without_torch_says_so_and_cuda_is_not_false() {
    let answer = json!({
        "python": { "executable": "/usr/bin/python3", "version": "3.12.1" },
        "torch": null,
        "unknown": { "torch": "ModuleNotFoundError: No module named 'torch'" },
    });
    let env = with_python(move || printed(&format!("\n{answer}\n")));
    assert_eq!(env["python"], json!({ "executable": "/usr/bin/python3", "version": "3.12.1" }));
    assert_eq!(env["torch"], Value::Null);
    assert_eq!(env["cuda_available"], Value::Null);
    assert_eq!(env["unknown"]["torch"], "ModuleNotFoundError: No module named 'torch'");
    assert_eq!(env["unknown"]["cuda_available"], "torch is unknown");
}

#[test]
fn torch_with_cuda_is_told_at_the_top() {
    let answer = json!({
        "python": { "executable": "/usr/bin/python3", "version": "3.12.1" },
        "torch": { "version": "2.7.1+cu128", "cuda_available": true },
        "unknown": {},
    });
    let env = with_python(move || printed(&format!("a package prints this\n{answer}\n")));
    assert_eq!(env["torch"]["version"], "2.7.1+cu128");
    assert_eq!(env["cuda_available"], true);
    assert!(env["unknown"].get("cuda_available").is_none());
}

#[test]
fn a_torch_that_cannot_say_whether_cuda_is_there_leaves_it_unknown() {
    let answer = json!({
        "python": { "executable": "/usr/bin/python3", "version": "3.12.1" },
        "torch": { "version": "2.7.1", "cuda_available": null },
        "unknown": { "torch.cuda_available": "RuntimeError: driver" },
    });
    let env = with_python(move || printed(&answer.to_string()));
    assert_eq!(env["cuda_available"], Value::Null);
    assert_eq!(env["unknown"]["torch.cuda_available"], "RuntimeError: driver");
}

#[test]
fn a_python_that_prints_garbage_hangs_or_crashes_is_unknown_with_a_reason() {
    let env = with_python(|| printed("Segmentation fault\n"));
    assert_eq!(env["python"], Value::Null);
    let reason = "`python3` printed something else than the answer: \"Segmentation fault\"";
    assert_eq!(env["unknown"]["python"], reason);
    let env = with_python(|| Ok(ended("timeout", None, "", "")));
    assert_eq!(env["unknown"]["python"], "`python3` did not answer within 20 s");
    let env = with_python(|| Ok(ended("failed", Some(1), "", "Traceback\nImportError: no encodings\n")));
    assert_eq!(env["unknown"]["python"], "`python3` ended with exit code 1: ImportError: no encodings");
}

#[test]
fn another_interpreter_is_asked_when_the_step_names_one() {
    let kit = Testkit::load(built_library("env-capture")).expect("a plugin").answering(missing);
    kit.capture(json!({ "python": "/opt/venv/bin/python" })).expect("captured");
    let programs: Vec<String> = kit.programs().into_iter().map(|program| program.argv[0].clone()).collect();
    assert_eq!(programs, ["/opt/venv/bin/python", "rustc", "cargo", "cc", "git", "git"]);
}

#[test]
fn toolchains_and_git_are_told_by_the_programs_themselves() {
    let kit = Testkit::load(built_library("env-capture")).expect("a plugin").answering(|program| {
        let argv: Vec<&str> = program.argv.iter().map(String::as_str).collect();
        if argv[0] == "git" && argv[1] != "--version" {
            assert_eq!(program.env["GIT_OPTIONAL_LOCKS"], "0", "the index is not refreshed");
        }
        match argv[..] {
            ["cc", "--version"] => printed("cc (Debian) 12.2.0\nCopyright\n"),
            ["git", "--version"] => printed("git version 2.39.2\n"),
            ["git", "status", ..] => printed("# branch.oid 12ab\0# branch.head main\0? new.txt\0"),
            ["git", "describe", ..] => Ok(ended("failed", Some(128), "", "fatal: no names\n")),
            ["git", "remote", ..] => printed("origin\thttps://t@example.org/a.git (fetch)\n"),
            _ => missing(program),
        }
    });
    let env = kit.capture(json!({})).expect("captured");
    assert_eq!(
        env["toolchains"],
        json!({ "rustc": null, "cargo": null, "cc": "cc (Debian) 12.2.0", "git": "git version 2.39.2" })
    );
    assert_eq!(env["unknown"]["toolchains.rustc"], "`rustc`: rustc: no such program");
    assert_eq!(
        env["git"],
        json!({
            "head": "12ab", "branch": "main", "describe": null, "dirty": true, "dirty_count": 1,
            "dirty_files": [{ "status": "??", "path": "new.txt" }],
            "remotes": { "origin": "https://example.org/a.git" },
        })
    );
    assert_eq!(env["unknown"]["git.describe"], "`git` ended with exit code 128: fatal: no names");
}

#[test]
fn every_null_has_a_reason_and_every_section_is_there() {
    let env = with_python(|| Err("none".to_owned()));
    let sections = [
        "python",
        "torch",
        "cuda_available",
        "os",
        "kernel",
        "cpu",
        "memory",
        "load",
        "limits",
        "cgroup",
        "container",
        "toolchains",
        "git",
        "environment",
        "unknown",
    ];
    assert_eq!(env.as_object().expect("an object").keys().collect::<Vec<_>>(), sections);
    for section in ["os", "kernel", "cpu", "memory", "cgroup", "toolchains"] {
        for (name, value) in env[section].as_object().into_iter().flatten() {
            let reason = &env["unknown"][format!("{section}.{name}")];
            assert_eq!(value.is_null(), reason.is_string(), "{section}.{name}: {value}, {reason}");
        }
    }
    assert!(env["kernel"]["release"].is_string(), "this machine has a kernel");
    assert!(env["memory"]["total_bytes"].as_u64() > Some(0));
}

#[test]
fn variables_are_those_of_the_process() {
    let kit = Testkit::load(built_library("env-capture")).expect("a plugin").answering(missing);
    let path = std::env::var("PATH").expect("a test has a PATH");
    let env = kit.capture(json!({ "env": ["PATH"] })).expect("captured");
    assert_eq!(env["environment"], json!({ "variables": { "PATH": path }, "redacted": [] }));
}

#[test]
fn a_cancelled_capture_is_cancelled_and_not_full_of_nulls() {
    let kit = Testkit::load(built_library("env-capture")).expect("a plugin");
    let cancellation = kit.cancellation();
    let kit = kit.answering(move |_| {
        cancellation.cancel();
        Ok(ended("cancelled", None, "", ""))
    });
    assert_eq!(kit.capture(json!({})).expect_err("cancelled").kind, FailureKind::Cancelled);
}
