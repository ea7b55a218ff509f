//! What the tests of the `runner` binary share: a temporary [`Project`] and the binary started in it.
//!
//! A test writes files into a project, starts the runner there, and compares what a user would see. The
//! plugins are the libraries that cargo built for this test (dev-dependencies of `runner`); the tests never
//! link them, because all of them export the same symbols. Nothing here asserts what the runner should do.
#![allow(dead_code, reason = "every test program of the package uses another part of it")]

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;
use tempfile::TempDir;

/// A ledger with one item, as a fresh project would have it.
pub const LEDGER: &str = "\
# Fix plan

## Index

| ID | Title | Priority | Status |
|---|---|---|---|
| LOOP-001 | Vectorise the loops | High | in_progress |

---

## [LOOP-001] Vectorise the loops

- Spec/AT: none
- Priority: High
- Status: in_progress
- Attempts History:
  * [2026-01-02] Attempt #1 - Result: success. Baseline.
";

/// A plan with one row.
pub const PLAN: &str = "\
# Plan

| ID | Task | State | Guidance |
|---|---|---|---|
| B1 | Capture a profile | [ ] | none |
";

/// A temporary git repository with a ledger and a plan, in which the runner is started.
#[derive(Debug)]
pub struct Project {
    directory: TempDir,
}

/// How a run of the binary ended, as a user sees it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, redacted.
    pub stdout: String,
    /// Standard error, redacted.
    pub stderr: String,
}

impl Ended {
    /// Exit code and both outputs in one text, for a snapshot.
    pub fn transcript(&self) -> String {
        let code = self.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let mut text = format!("exit code {code}\n");
        for (name, output) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !output.is_empty() {
                writeln!(text, "--- {name}\n{}", output.trim_end()).expect("a String takes it");
            }
        }
        text
    }
}

impl Project {
    /// A committed project: `docs/fix_plan.md` and `plans/active/loops.md`.
    pub fn new() -> Self {
        let project = Self::without_git();
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.commit();
        project
    }

    /// The same files without a repository: quicker, and enough where nothing is run.
    pub fn without_git() -> Self {
        let project = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        project.write("docs/fix_plan.md", LEDGER);
        project.write("plans/active/loops.md", PLAN);
        project
    }

    /// The root, without symbolic links.
    pub fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().expect("the project exists")
    }

    /// A path below the root.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, with the directories above it.
    #[expect(clippy::disallowed_methods, reason = "a fixture is no evidence: a torn one fails its test")]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Commits everything.
    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "project: state"]);
    }

    /// Runs git in the project; its standard output. Independent of the user's own configuration.
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = self.command("git");
        command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().expect("git is installed");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git prints UTF-8")
    }

    /// Every file and directory of the project outside `.git`, sorted, relative to the root.
    pub fn files(&self) -> Vec<String> {
        let root = self.root();
        let mut found = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).expect("readable") {
                let path = entry.expect("readable").path();
                if path.file_name() == Some(OsStr::new(".git")) {
                    continue;
                }
                found.push(path.strip_prefix(&root).expect("below the root").display().to_string());
                if path.is_dir() && !path.is_symlink() {
                    open.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// The one bundle below a directory of the project.
    pub fn bundle(&self, root: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.path(root)).expect("the directory of bundles");
        let bundles: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
        assert_eq!(bundles.len(), 1, "one bundle below {root}: {bundles:?}");
        bundles[0].clone()
    }

    /// The runner's binary, to be started in the project: it finds the plugins that cargo built for this
    /// test, and nothing of the user's environment changes what it does or prints.
    pub fn command_of_runner(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_runner"));
        command.arg("--plugin-dir").arg(plugins());
        command.env_remove("RUNNER_PLUGIN_PATH").env_remove("RUNNER_LOG").env("NO_COLOR", "1");
        // Digests of programs are remembered there, and nowhere else.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        // The width at which help is wrapped.
        command.env_remove("COLUMNS");
        command
    }

    /// Another program, to be started in the project.
    pub fn command_of(&self, program: &str) -> Command {
        self.command(program)
    }

    /// Another program, to be started in the project.
    pub fn other(&self, program: &str) -> Command {
        self.command(program)
    }

    /// Runs the binary to its end.
    pub fn runner(&self, arguments: &[&str]) -> Ended {
        let output = self.command_of_runner().args(arguments).output().expect("the runner starts");
        self.ended(&output)
    }

    /// An output with everything redacted that is different each time.
    pub fn ended(&self, output: &Output) -> Ended {
        Ended {
            code: output.status.code(),
            stdout: self.redact(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.redact(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// A text with paths, stamps, times, digests, commits and durations replaced by their kind.
    pub fn redact(&self, text: &str) -> String {
        let root = self.root();
        let binary = Path::new(env!("CARGO_BIN_EXE_runner"));
        let mut text = text.replace(&root.display().to_string(), "[PROJECT]");
        text = text.replace(&plugins().display().to_string(), "[PLUGINS]");
        if let Some(directory) = binary.parent() {
            text = text.replace(&directory.display().to_string(), "[BIN]");
            let target = directory.parent().expect("the binary lies below the target directory");
            text = text.replace(&target.display().to_string(), "[TARGET]");
        }
        for (pattern, replacement) in [
            (r"\b[0-9]{8}T[0-9]{6}Z\b", "[STAMP]"),
            (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z\b", "[TIME]"),
            (r"\b[0-9a-f]{64}\b", "[SHA256]"),
            (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
            // With the blank that only measured times have: a workflow says `90s`.
            (r"\b[0-9]+(\.[0-9]+)? (ns|us|ms|s)\b", "[DURATION]"),
        ] {
            let pattern = Regex::new(pattern).expect("a valid pattern");
            text = pattern.replace_all(&text, replacement).into_owned();
        }
        text
    }

    #[expect(clippy::disallowed_methods, reason = "the tests start the runner from outside, as a user does")]
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }
}

/// Where cargo puts the libraries of the dev-dependencies: beside the test programs.
pub fn plugins() -> PathBuf {
    let executable = std::env::current_exe().expect("a test knows its own executable");
    executable.parent().expect("an executable lies in a directory").to_owned()
}

/// The interpreter of the tests that need one: what `RUNNER_TEST_PYTHON` names (continuous integration names one
/// with pytest), or `python3`. `None` where there is none; then the test called `name` is skipped, and says so.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn python(name: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("RUNNER_TEST_PYTHON") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join("python3")).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED {name}: no python3 on the search path (RUNNER_TEST_PYTHON names one)");
    }
    found
}
