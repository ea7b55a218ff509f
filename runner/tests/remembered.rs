//! Digests of programs that are remembered from run to run: never believed when they could be wrong, and never
//! left where a run must leave nothing.

mod evidence;
mod support;

use std::path::Path;

use evidence::{Evidence, workflow};
use support::{Ended, Project};

const STEPS: &str = "  - { id: step, uses: villain, with: { do: ok } }\n";

fn project() -> Project {
    let project = Project::new();
    project.write("w.yaml", workflow("", STEPS));
    project.write(".gitignore", "reports/\n");
    project.commit();
    project
}

/// Runs the workflow as a user whose cache is there.
fn run(project: &Project, cache: &Path) -> Ended {
    let mut command = project.command_of_runner();
    command.args(["run", "w.yaml"]).env("XDG_CACHE_HOME", cache);
    project.ended(&command.output().expect("the runner starts"))
}

/// The digest of the plugin in the plan, and of the runner in the manifest.
fn digests(evidence: &Evidence) -> [String; 2] {
    let plugin = evidence.json("plan.json")["steps"][0]["plugin"]["sha256"].clone();
    let runner = evidence.json("manifest.json")["runner"]["sha256"].clone();
    [plugin, runner].map(|digest| digest.as_str().expect("a digest").to_owned())
}

/// Whether the file system of a program is one whose times are believed: not one of another machine or a user's program.
fn is_believed(program: &Path) -> bool {
    const FUSE: i64 = 0x6573_5546;
    const NFS: i64 = 0x6969;
    const NINEP: i64 = 0x0102_1997;
    let found = rustix::fs::statfs(program).expect("there");
    ![FUSE, NFS, NINEP].contains(&found.f_type)
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped() {
    eprintln!("skipped: the runner was built on a file system whose times are not believed");
}

#[test]
fn a_damaged_memory_of_digests_is_not_believed() {
    let project = project();
    let cache = tempfile::tempdir().expect("tempdir");
    // It may have been built just now, and then it is not remembered yet.
    std::thread::sleep(std::time::Duration::from_millis(2200));
    assert_eq!(run(&project, cache.path()).code, Some(0));
    let first = digests(&Evidence::all(&project)[0]);
    let memory = cache.path().join("runner/programs");
    if !is_believed(Path::new(env!("CARGO_BIN_EXE_runner"))) {
        skipped();
        return;
    }
    let text = std::fs::read_to_string(&memory).expect("written by the first run");
    assert!(first.iter().all(|digest| text.contains(digest)), "{first:?}: {text}");
    let lie = "0".repeat(64);
    let wrong = first.iter().fold(text.clone(), |text, digest| text.replace(digest, &lie));
    for damaged in [wrong, text[..text.len() / 2].to_owned(), String::new(), "nonsense\n".to_owned()] {
        #[expect(clippy::disallowed_methods, reason = "this is the damage")]
        std::fs::write(&memory, &damaged).expect("damaged");
        assert_eq!(run(&project, cache.path()).code, Some(0));
        let last = Evidence::all(&project).pop().expect("a bundle");
        assert_eq!(digests(&last), first, "{damaged:?}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_costs_nothing_but_time() {
    let project = project();
    for cache in ["/proc/none", "/dev/null"] {
        let ended = run(&project, Path::new(cache));
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    }
    let bundles = Evidence::all(&project);
    assert_eq!(digests(&bundles[0]), digests(&bundles[1]));
}

#[test]
fn a_home_that_is_the_repository_stays_as_it_is() {
    let project = project();
    let mut command = project.command_of_runner();
    command.args(["run", "w.yaml"]).env_remove("XDG_CACHE_HOME").env("HOME", project.path("."));
    let ended = project.ended(&command.output().expect("the runner starts"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!project.path(".cache").exists());
}
