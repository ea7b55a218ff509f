//! Odd places for a project: its directory, its repository, its files. In each the real binary runs a workflow;
//! the run must end as asked, its evidence must hold, and nothing of the repository may have changed.
//!
//! What [`run`] checks for every place is the rule of the product; the tests add what is special in theirs.

mod evidence;
mod support;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use evidence::{Evidence, LEDGER_STEP, ROOT, workflow};
use serde_json::{Value, json};
use support::{Ended, LEDGER, PLAN, Project};

/// A step that reads a tracked file and writes only into its bundle.
const READ: &str = "  - id: read\n    run: [cat, docs/fix_plan.md]\n    log: read.log\n";

/// What is compared of a file: mode and bytes (of a link: where it leads).
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// Every file below `root` but for bundles and git's index, which git refreshes when it looks.
fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        // What may not be listed is compared by its own mode alone.
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.expect("readable").path();
            let file = path.symlink_metadata().expect("it is there");
            if path.ends_with(ROOT) || path.file_name() == Some(OsStr::new("index")) {
                continue;
            }
            let content = if file.is_symlink() {
                path.read_link().expect("a link").into_os_string().into_vec()
            } else if file.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                std::fs::read(&path).expect("readable")
            };
            // The directories above the bundles are made by the run.
            if !(file.is_dir() && path.ends_with("reports")) {
                found.insert(path, (file.permissions().mode(), content));
            }
        }
    }
    found
}

/// A run in a place, and its bundle.
struct Run {
    ended: Ended,
    bundle: PathBuf,
}

impl Run {
    fn json(&self, name: &str) -> Value {
        let bytes = std::fs::read(self.bundle.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn state(&self) -> Value {
        self.json("state.json")
    }

    fn git(&self) -> Value {
        self.state()["git"].clone()
    }

    /// What `inputs.json` says of the one file of the step `read` whose path ends so.
    fn input(&self, end: &str) -> Value {
        let inputs = self.json("inputs.json");
        let files = inputs["steps"][0]["files"].as_array().expect("files").clone();
        let found: Vec<&Value> = files
            .iter()
            .filter(|file| file["path"].as_str().is_some_and(|path| path.ends_with(end)))
            .collect();
        assert_eq!(found.len(), 1, "one file ends with {end:?}: {inputs:#}");
        found[0].clone()
    }
}

/// Runs `w.yaml` of `directory` and checks what holds everywhere: exit code and status, a summary, a bundle that
/// verifies, a comparison of the repository that was made, and that nothing of the repository changed.
fn run(project: &Project, directory: &Path, code: i32, change: impl Fn(&mut Command)) -> Run {
    let before = tree(&project.root());
    let start = |arguments: &[&OsStr]| {
        let mut command = project.command_of_runner();
        command.arg("-C").arg(directory).args(arguments);
        change(&mut command);
        project.ended(&command.output().expect("the runner starts"))
    };
    let ended = start(&[OsStr::new("run"), OsStr::new("w.yaml")]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    let after = tree(&project.root());
    let differ: Vec<&PathBuf> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(differ.is_empty(), "the repository changed: {differ:?}");
    let bundles: Vec<PathBuf> = std::fs::read_dir(directory.join(ROOT))
        .expect("the directory of bundles")
        .map(|entry| entry.expect("readable").path())
        .collect();
    assert_eq!(bundles.len(), 1, "{bundles:?}");
    let run = Run { ended, bundle: bundles[0].clone() };
    let state = run.state();
    let status = if code == 0 { "complete" } else { "blocked" };
    assert_eq!(state["status"], status, "{state:#}");
    assert!(state["guard"]["compared"].as_u64().is_some_and(|files| files > 2), "{}", state["guard"]);
    assert_eq!(state["guard"]["changes"], json!([]), "{}", state["guard"]);
    let summary = std::fs::read_to_string(run.bundle.join("summary.md")).expect("a summary");
    assert!(summary.contains(&format!("**Status: {status}**")), "{summary}");
    let verified = start(&[OsStr::new("verify"), run.bundle.as_os_str()]);
    assert_eq!(verified.code, Some(0), "{}", verified.transcript());
    run
}

/// The same in the root of a project, with these steps.
fn run_steps(project: &Project, steps: &str, code: i32) -> Run {
    project.write("w.yaml", workflow("", steps));
    project.commit();
    run(project, &project.root(), code, |_| ())
}

#[test]
fn bundles_behind_a_link_out_of_the_repository_hold_and_the_link_stays() {
    let project = Project::new();
    let elsewhere = tempfile::tempdir().expect("a directory");
    symlink(elsewhere.path(), project.path("reports")).expect("linked");
    let run = run_steps(&project, READ, 0);
    let real = run.bundle.canonicalize().expect("it is there");
    assert!(real.starts_with(elsewhere.path().canonicalize().expect("there")), "{}", real.display());
    assert!(project.path("reports").is_symlink());
    assert_eq!(std::fs::read_to_string(run.bundle.join("read.log")).expect("the log"), LEDGER);
}

#[test]
fn a_project_whose_path_has_blanks_and_a_line_break_is_no_trouble() {
    let project = Project::without_git();
    for name in ["my own project", "two\nlines", "# | `x` $HOME [a]*"] {
        for (file, text) in [("docs/fix_plan.md", LEDGER), ("w.yaml", &workflow("", READ))] {
            project.write(&format!("{name}/{file}"), text);
        }
        project.git(&["-C", name, "init", "--quiet"]);
        project.git(&["-C", name, "add", "--all"]);
        project.git(&["-C", name, "commit", "--quiet", "--message", "state"]);
        let run = run(&project, &project.path(name), 0, |_| ());
        assert_eq!(run.git()["dirty"], false, "{}", run.git());
        let file = run.input("docs/fix_plan.md");
        assert_eq!((&file["git"], &file["path"]), (&json!("clean"), &json!("docs/fix_plan.md")), "{file}");
        let commands = std::fs::read(run.bundle.join("commands.txt")).expect("the commands");
        assert!(commands.is_ascii());
    }
}

#[test]
fn a_file_whose_name_is_no_utf_8_is_read_listed_and_told() {
    let project = Project::new();
    let name = OsString::from_vec(b"caf\xe9.txt".to_vec());
    project.write("data/plain.txt", "plain\n");
    std::fs::copy(project.path("data/plain.txt"), project.path("data").join(&name)).expect("copied");
    let run = run_steps(&project, "  - id: read\n    run: [sh, -c, 'cat data/*']\n    log: read.log\n", 0);
    assert_eq!(std::fs::read_to_string(run.bundle.join("read.log")).expect("log"), "plain\nplain\n");
    let file = run.input("caf\\xe9.txt");
    assert_eq!((&file["size"], &file["git"]), (&json!(6), &json!("clean")), "{file}");
    assert_eq!(file["sha256"], run.input("plain.txt")["sha256"]);
}

#[test]
fn an_artifact_whose_name_is_no_utf_8_is_sealed_and_verified() {
    let project = Project::new();
    let steps = "  - id: make\n    run: [sh, -c, 'echo made > \"$1/$(printf \"caf\\351\").txt\"', sh, \"${{ bundle }}\"]\n";
    let run = run_steps(&project, steps, 0);
    let name = OsStr::from_bytes(b"caf\xe9.txt");
    assert_eq!(std::fs::read_to_string(run.bundle.join(name)).expect("made"), "made\n");
}

/// A directory with nothing but these programs, for `PATH`.
fn path_with(programs: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for program in programs {
        let real =
            ["/bin", "/usr/bin"].iter().map(|bin| Path::new(bin).join(program)).find(|path| path.exists());
        symlink(real.expect("every machine has it"), directory.path().join(program)).expect("linked");
    }
    directory
}

#[test]
fn without_a_git_repository_a_run_is_complete_and_says_what_is_unknown() {
    let project = Project::without_git();
    project.write("w.yaml", workflow("", READ));
    let run = run(&project, &project.root(), 0, |_| ());
    let git = run.git();
    assert_eq!((&git["head"], &git["dirty"]), (&Value::Null, &Value::Null), "{git}");
    assert!(git["reason"].as_str().is_some_and(|reason| reason.contains("not in a git repository")), "{git}");
    assert_eq!(run.input("docs/fix_plan.md")["git"], Value::Null);
}

#[test]
fn without_the_program_git_the_commit_is_known_and_clean_is_not_claimed() {
    let project = Project::new();
    project.write("w.yaml", workflow("", READ));
    project.commit();
    let head = project.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let bin = path_with(&["cat"]);
    let run = run(&project, &project.root(), 0, |command| {
        command.env("PATH", bin.path());
    });
    let git = run.git();
    assert_eq!((&git["head"], &git["dirty"]), (&json!(head), &Value::Null), "{git}");
    assert_eq!(run.input("docs/fix_plan.md")["git"], Value::Null, "unknown is not clean");
    assert!(
        run.ended.stderr.contains("whether the working tree was clean is not known"),
        "{}",
        run.ended.stderr
    );
}

/// A project without a repository in which `origin` is one with two commits.
fn with_origin() -> (Project, String) {
    let project = Project::without_git();
    for (file, text) in
        [("docs/fix_plan.md", LEDGER), ("w.yaml", &workflow("", READ)), (".gitignore", "*.local\n")]
    {
        project.write(&format!("origin/{file}"), text);
    }
    project.git(&["-C", "origin", "init", "--quiet", "--initial-branch=main"]);
    for message in ["one", "two"] {
        project.write("origin/count.txt", message);
        project.git(&["-C", "origin", "add", "--all"]);
        project.git(&["-C", "origin", "commit", "--quiet", "--message", message]);
    }
    let head = project.git(&["-C", "origin", "rev-parse", "HEAD"]).trim().to_owned();
    (project, head)
}

#[test]
fn a_shallow_clone_has_its_commit_and_is_clean() {
    let (project, head) = with_origin();
    let origin = format!("file://{}", project.path("origin").display());
    project.git(&["clone", "--quiet", "--depth=1", &origin, "shallow"]);
    assert!(project.path("shallow/.git/shallow").exists(), "it is shallow");
    let run = run(&project, &project.path("shallow"), 0, |_| ());
    assert_eq!((&run.git()["head"], &run.git()["dirty"]), (&json!(head), &json!(false)), "{}", run.git());
    assert_eq!(run.input("docs/fix_plan.md")["git"], "clean");
}

#[test]
fn a_linked_worktree_has_its_own_commit_and_is_clean() {
    let (project, head) = with_origin();
    project.git(&["-C", "origin", "worktree", "add", "--quiet", "-b", "side", "../linked", "HEAD~1"]);
    let own = project.git(&["-C", "linked", "rev-parse", "HEAD"]).trim().to_owned();
    assert_ne!(own, head);
    let run = run(&project, &project.path("linked"), 0, |_| ());
    assert_eq!((&run.git()["head"], &run.git()["dirty"]), (&json!(own), &json!(false)), "{}", run.git());
    assert_eq!(run.input("docs/fix_plan.md")["git"], "clean");
}

#[test]
fn a_submodule_is_a_repository_and_what_git_does_not_say_of_it_above_is_not_called_clean() {
    let (project, head) = with_origin();
    for arguments in [
        &["init", "--quiet", "above"][..],
        &[
            "-C",
            "above",
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            "../origin",
            "sub",
        ],
    ] {
        project.git(arguments);
    }
    // In the submodule itself.
    let inside = run(&project, &project.path("above/sub"), 0, |_| ());
    assert_eq!(
        (&inside.git()["head"], &inside.git()["dirty"]),
        (&json!(head), &json!(false)),
        "{}",
        inside.git()
    );
    std::fs::remove_dir_all(project.path("above/sub/reports")).expect("removed");

    // Above it: a file that the submodule ignores is nothing that the repository above knows.
    project.write("above/sub/secret.local", "42\n");
    let steps = "  - id: read\n    run: [sh, -c, 'cat sub/*.local sub/count.txt']\n";
    project.write("above/w.yaml", workflow("", steps));
    project.git(&["-C", "above", "add", "--all"]);
    project.git(&["-C", "above", "commit", "--quiet", "--message", "state"]);
    let above = run(&project, &project.path("above"), 0, |_| ());
    assert_eq!(above.git()["dirty"], false, "{}", above.git());
    let file = above.input("sub/secret.local");
    assert_ne!(file["git"], "clean", "{file}");
    assert!(file["sha256"].is_string(), "{file}");
}

#[test]
fn a_read_only_ledger_blocks_and_everything_else_holds() {
    let project = Project::new();
    project.write("w.yaml", workflow("", &format!("{READ}{LEDGER_STEP}")));
    project.commit();
    std::fs::set_permissions(project.path("docs/fix_plan.md"), PermissionsExt::from_mode(0o444))
        .expect("chmod");
    let run = run(&project, &project.root(), 3, |_| ());
    assert_eq!(project.read("plans/active/loops.md"), PLAN);
    let patch = std::fs::read_to_string(run.bundle.join("ledger.patch")).expect("the entry is kept");
    assert!(patch.contains("Attempt #2"), "{patch}");
    assert!(
        run.state()["reason"].as_str().is_some_and(|reason| reason.contains("fix_plan.md")),
        "{}",
        run.state()
    );
}

#[test]
fn a_repository_of_fifty_thousand_files_is_compared_whole() {
    let project = Project::new();
    for directory in 0..500 {
        let path = project.path(&format!("many/{directory}"));
        std::fs::create_dir_all(&path).expect("made");
        for file in 0..100 {
            std::fs::File::create(path.join(file.to_string())).expect("made");
        }
    }
    let run = run_steps(&project, READ, 0);
    assert!(run.state()["guard"]["compared"].as_u64() > Some(50_500), "{}", run.state()["guard"]);
    assert_eq!(run.git()["dirty"], false);
    assert_eq!(Evidence::only(&project).text("read.log"), LEDGER);
}

#[test]
fn a_directory_that_may_not_be_listed_is_named_as_not_compared() {
    if rustix::process::geteuid().is_root() {
        println!("not caused here: the superuser may list every directory");
        return;
    }
    let project = Project::new();
    project.write("w.yaml", workflow("", READ));
    project.commit();
    let closed = project.path("closed");
    std::fs::create_dir(&closed).expect("made");
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).expect("chmod");
    let run = run(&project, &project.root(), 0, |_| ());
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o755)).expect("chmod");
    assert_eq!(run.state()["guard"]["not_compared"], json!(["closed"]), "{}", run.state()["guard"]);
}
