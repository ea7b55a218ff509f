//! What a hostile or careless step can do to the repository and to the evidence: nothing that is not told.
//!
//! Each try is made by a real program. With confinement the kernel prevents it; with `--detect-only` it happens,
//! and the comparison of before and after tells. Nothing here may depend on how fast the machine is.

mod evidence;
mod support;

use std::sync::OnceLock;

use evidence::{Evidence, ROOT, workflow};
use serde_json::Value;
use support::Project;
use tempfile::TempDir;

/// A try: what it is called, a line for `sh` in the project root, and the file it is after. The first word of
/// each names what the evidence must say of it when it is prevented.
const TRIES: [(&str, &str, &str); 18] = [
    ("write", "echo x >> victim.txt", "victim.txt"),
    ("write", "echo x > new.txt", "new.txt"),
    ("truncate", "$TRIES truncate victim.txt", "victim.txt"),
    ("rename", "mv victim.txt moved.txt", "victim.txt"),
    ("remove", "rm -f victim.txt", "victim.txt"),
    ("remove", "rmdir empty", "empty"),
    ("make the directory", "mkdir made", "made"),
    ("make", "mkfifo pipe", "pipe"),
    ("link", "ln victim.txt hard.txt", "hard.txt"),
    ("link", "ln -s victim.txt soft.txt", "soft.txt"),
    ("change the mode of", "chmod 600 victim.txt", "victim.txt"),
    ("change the times of", "touch -c -d 2001-01-01 -h victim.txt", "victim.txt"),
    ("change attributes of", "$TRIES xattr victim.txt", "victim.txt"),
    ("write", "sh -c 'sh -c \"echo x >> victim.txt\"'", "victim.txt"),
    ("write", "setsid sh -c 'echo x >> victim.txt' < /dev/null > /dev/null 2>&1; true", "victim.txt"),
    ("change the mode of", "$TRIES fchmod victim.txt", "victim.txt"),
    ("change attributes of", "$TRIES flags victim.txt", "victim.txt"),
    ("change attributes of", "$TRIES flags empty", "empty"),
];

fn victims() -> Project {
    let project = Project::new();
    project.write("victim.txt", "precious\n");
    std::fs::create_dir(project.path("empty")).expect("made");
    project.commit();
    project
}

/// The program that does what a shell cannot, compiled once.
fn tries() -> &'static str {
    static PROGRAM: OnceLock<(TempDir, String)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("tries").display().to_string();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guard_tries.c");
        let compiled = Project::without_git().other("cc").args(["-o", &path, source]).status();
        assert!(compiled.expect("a C compiler is installed").success());
        (directory, path)
    });
    path
}

/// The try as a step that is ok whatever becomes of it.
fn attempt(line: &str) -> String {
    let line = line.replace("$TRIES", tries());
    let line = format!("{line} || true").replace('\\', "\\\\").replace('"', "\\\"");
    workflow("", &format!("  - id: hostile\n    run: \"{line}\"\n"))
}

fn changes(evidence: &Evidence) -> Vec<Value> {
    evidence.state()["guard"]["changes"].as_array().expect("a list").clone()
}

#[test]
fn every_hostile_try_is_prevented_and_named() {
    for (verb, line, file) in TRIES {
        let project = victims();
        project.write("w.yaml", attempt(line));
        let before = (project.read("victim.txt"), project.files());
        let ended = project.runner(&["run", "w.yaml"]);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.transcript());
        let evidence = Evidence::only(&project);
        let after: Vec<String> =
            project.files().into_iter().filter(|name| !name.starts_with("reports")).collect();
        assert_eq!((project.read("victim.txt"), after), before, "{line} changed something");
        assert_eq!(changes(&evidence), Vec::<Value>::new(), "{line}");
        let tried = evidence.step("hostile")["attempts"][0]["attempted"].clone();
        let named =
            tried.as_array().expect("a list").iter().any(|one| one["verb"] == verb && one["path"] == file);
        assert!(named, "{line}: {tried}");
        let summary = evidence.text("summary.md");
        assert!(summary.contains(&format!("{verb} `{file}`")), "{line}: {summary}");
        assert!(summary.contains("prevented (Landlock"), "{summary}");
    }
}

#[test]
fn every_hostile_try_that_is_only_detected_breaks_the_rule_and_is_listed() {
    for (_, line, file) in TRIES {
        let project = victims();
        project.write("w.yaml", attempt(line));
        let ended = project.runner(&["run", "w.yaml", "--detect-only"]);
        assert_eq!(ended.code, Some(4), "{line}: {}", ended.transcript());
        let evidence = Evidence::only(&project);
        assert_eq!(evidence.status(), "broken");
        let listed = changes(&evidence).iter().any(|change| change["path"] == file);
        assert!(listed, "{line}: {:?}", changes(&evidence));
        assert!(evidence.text("summary.md").contains("detect-only (asked for with --detect-only)"));
        assert!(ended.stdout.contains(file), "{line}: {}", ended.transcript());
    }
}

#[test]
fn a_cache_that_a_program_prefers_to_its_arguments_is_named() {
    let project = Project::new();
    project.write(".gitignore", "Fdump.bin\n");
    // Without being asked it takes the cache in its working directory, as the program of the real story does.
    project.write("measure.sh", "if [ -e Fdump.bin ]; then cat Fdump.bin; else cat \"$1\"; fi\n");
    project.write("given.hkl", "1 0 0 100\n");
    project.commit();
    project.write("Fdump.bin", "stale\n");
    project.write("w.yaml", workflow("", "  - id: measure\n    run: [sh, measure.sh, given.hkl]\n"));
    project.git(&["add", "w.yaml"]);
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    let summary = evidence.text("summary.md");
    let told = "step `measure` read `Fdump.bin`, which git ignores and the workflow does not declare";
    assert!(summary.contains(told), "{summary}");
    let inputs: Value = serde_json::from_str(&evidence.text("inputs.json")).expect("JSON");
    let files = inputs["steps"][0]["files"].as_array().expect("files").clone();
    let of = |name: &str| files.iter().find(|file| file["path"] == name).cloned();
    let cache = of("Fdump.bin").expect("the cache is listed");
    assert_eq!((&cache["git"], &cache["declared"]), (&Value::from("ignored"), &Value::from(false)));
    assert_eq!(cache["sha256"].as_str().map(str::len), Some(64));
    let script = of("measure.sh").expect("the script is listed");
    assert_eq!((&script["git"], &script["declared"]), (&Value::from("clean"), &Value::from(true)));
    assert_eq!(of("given.hkl"), None, "what was given was not read");
}

#[test]
fn what_a_step_is_meant_to_read_is_no_surprise() {
    let project = Project::new();
    project.write(".gitignore", "data/\n");
    project.commit();
    project.write("data/a.h5", "a\n");
    let steps = "  - id: read\n    run: \"cat data/*.h5\"\n    reads: [\"data/*.h5\"]\n";
    project.write("w.yaml", workflow("", steps));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!ended.stderr.contains("which git ignores"), "{}", ended.stderr);
}

#[test]
fn a_step_gets_a_temporary_directory_of_its_own_that_goes_away() {
    let project = Project::new();
    let steps = "  - id: a\n    run: \"echo x > $TMPDIR/x && mkdir -p $XDG_CACHE_HOME/c && echo $TMPDIR\"\n  \
                 - id: b\n    run: \"echo $TMPDIR && ls $TMPDIR\"\n";
    project.write("w.yaml", workflow("", steps));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    let first = evidence.text("logs/a-1.stdout.log");
    let second = evidence.text("logs/b-1.stdout.log");
    assert_ne!(first, second, "each its own, and empty");
    for directory in [first.trim(), second.trim()] {
        assert!(!std::path::Path::new(directory).exists(), "{directory} is left");
    }
}

#[test]
fn the_whole_project_cannot_be_allowed() {
    let project = Project::without_git();
    project.write("w.yaml", workflow("", "  - id: a\n    run: [ls]\n    writes: [.]\n"));
    let ended = project.runner(&["validate", "w.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("would allow the whole project"), "{}", ended.stderr);
}

#[test]
fn a_kernel_without_landlock_and_seccomp_only_detects_and_says_so() {
    let project = victims();
    project.write("w.yaml", attempt("echo x >> victim.txt"));
    let runner = project.command_of_runner();
    // A filter that answers as an old kernel does stays on the runner and on all it starts.
    let mut command = project.other(tries());
    command.arg("old-kernel").arg(runner.get_program()).args(runner.get_args()).args(["run", "w.yaml"]);
    let output = command.output().expect("it starts");
    let ended = project.ended(&output);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let summary = Evidence::only(&project).text("summary.md");
    assert!(summary.contains("detect-only (this kernel offers no Landlock"), "{summary}");
    assert!(summary.contains("the kernel does not let opened files be watched"), "{summary}");
}

#[test]
fn a_tracked_file_that_changes_where_a_step_may_write_is_told() {
    // What a build leaves is what `writes:` is for, and what was changed before the run is told as dirty.
    let build = "mkdir -p target/debug; echo x > target/debug/new; echo x >> target/old; echo x > src/new.rs";
    for (line, told) in [
        ("echo x >> src/lib.rs", vec![("src/lib.rs", "modified")]),
        ("rm src/old.rs; chmod +x src/lib.rs", vec![("src/lib.rs", "modified"), ("src/old.rs", "removed")]),
        // A repository within does not hide it, and the same bytes again are the same.
        ("echo x > src/lib.rs; mkdir src/.git", vec![("src/lib.rs", "modified")]),
        (
            "cp src/lib.rs $TMPDIR/a; cat $TMPDIR/a > src/lib.rs; touch src/old.rs; mv src/old.rs src/o; mv src/o src/old.rs",
            vec![],
        ),
        ("echo x >> src/dirty.rs", vec![("src/dirty.rs", "modified")]),
        (build, vec![]),
        ("cat src/*.rs > src/free.txt", vec![]),
    ] {
        for arguments in
            [["-C", "sub", "run", "w.yaml"].as_slice(), &["-C", "sub", "run", "w.yaml", "--detect-only"]]
        {
            let project = Project::new();
            project.write(".gitignore", "target/\n");
            for name in ["lib", "old", "dirty"] {
                project.write(&format!("sub/src/{name}.rs"), "fn one() {}\n");
            }
            project.commit();
            project.write("sub/src/dirty.rs", "fn two() {}\n");
            project.write("sub/src/free.txt", "not tracked\n");
            project.write("sub/target/old", "not tracked\n");
            let steps =
                format!("  - id: hostile\n    run: \"{line}\"\n    writes: [src/, src/lib.rs, target/]\n");
            project.write("sub/w.yaml", workflow("", &steps));
            let ended = project.runner(arguments);
            assert_eq!(ended.code, Some(0), "{line}: {}", ended.transcript());
            let evidence = Evidence::below(&project, &format!("sub/{ROOT}"));
            let allowed = evidence.state()["guard"]["allowed"].clone();
            let found: Vec<(String, String)> = allowed
                .as_array()
                .into_iter()
                .flatten()
                .map(|change| (change["path"].to_string(), change["change"].to_string()))
                .collect();
            let expected: Vec<(String, String)> = told
                .iter()
                .map(|(path, change)| (format!("\"sub/{path}\""), format!("\"{change}\"")))
                .collect();
            assert_eq!(found, expected, "{line}");
            assert_eq!(changes(&evidence), Vec::<Value>::new(), "{line}: it is allowed");
            let summary = evidence.text("summary.md");
            for (path, change) in &told {
                let said = format!(
                    "`sub/{path}`, which git tracks, was {change}, as the `writes:` of step `hostile` allow"
                );
                assert!(summary.contains(&said), "{summary}");
            }
            assert_eq!(summary.contains("which git tracks"), !told.is_empty(), "{summary}");
        }
    }
}

#[test]
fn what_an_earlier_go_changed_is_still_told_when_the_run_goes_on() {
    let project = Project::new();
    project.write("gen/a.txt", "one\n");
    let steps = "  - id: first\n    run: \"echo two > gen/a.txt\"\n    writes: [gen/]\n\
                 \x20 - id: second\n    run: test -e reports/go\n";
    project.write("w.yaml", workflow("", steps));
    project.commit();
    let told = "`gen/a.txt`, which git tracks, was modified, as the `writes:` of step `first` allow";
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    assert!(evidence.text("summary.md").contains(told), "{}", evidence.text("summary.md"));
    project.write("reports/go", "");
    let bundle = evidence.path().to_str().expect("UTF-8").to_owned();
    let ended = project.runner(&["resume", &bundle]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(evidence.text("summary.md").contains(told), "{}", evidence.text("summary.md"));
}
