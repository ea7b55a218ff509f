//! `runner verify`: every way to tamper with a sealed bundle is found and named, on a copy far from its
//! repository; a bundle that nobody touched holds.

mod evidence;
mod support;

use std::path::Path;

use evidence::{Evidence, workflow};
use serde_json::Value;
use support::Project;

const STEPS: &str = "
  - id: hello
    run: [echo, hello]
    log: hello.log
  - id: env
    uses: env-capture
";

/// A sealed bundle, copied out of its project.
fn bundle() -> (tempfile::TempDir, Project) {
    let project = Project::new();
    project.write("w.yaml", workflow("", STEPS));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let copy = tempfile::tempdir().expect("tempdir");
    copy_all(Evidence::only(&project).path(), copy.path());
    (copy, project)
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("readable").is_dir() {
            std::fs::create_dir(&target).expect("created");
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

/// The problems that `verify --json` names, as `problem file`.
fn problems(project: &Project, bundle: &Path) -> Vec<String> {
    let named = bundle.to_str().expect("UTF-8");
    let ended = project.runner(&["--json", "verify", named]);
    let value: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let findings = value["findings"].as_array().expect("findings");
    assert_eq!(ended.code, Some(if findings.is_empty() { 0 } else { 4 }), "{}", ended.transcript());
    let unknown = !value["unknown"].as_array().expect("a list").is_empty();
    let holds = if unknown && findings.is_empty() { Value::Null } else { findings.is_empty().into() };
    assert_eq!(value["holds"], holds);
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
    findings.iter().map(|finding| format!("{} {}", text(finding, "problem"), text(finding, "file"))).collect()
}

#[expect(clippy::disallowed_methods, reason = "the test tampers on purpose")]
fn tamper(path: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).expect("readable");
    std::fs::write(path, change(text)).expect("written");
}

#[test]
fn a_bundle_that_nobody_touched_holds_on_a_copy_elsewhere() {
    let (copy, project) = bundle();
    assert_eq!(problems(&project, copy.path()), Vec::<String>::new());
}

#[test]
fn a_changed_a_truncated_a_removed_and_an_added_file_are_each_named() {
    let (copy, project) = bundle();
    let root = copy.path();
    tamper(&root.join("hello.log"), |text| text.replace("hello", "howdy"));
    tamper(&root.join("env.json"), |text| text[..text.len() / 2].to_owned());
    std::fs::remove_file(root.join("logs/hello-1.stderr.log")).expect("removed");
    std::fs::copy(root.join("plan.json"), root.join("logs/new.json")).expect("copied");
    let found = problems(&project, root);
    for expected in
        ["changed hello.log", "truncated env.json", "removed logs/hello-1.stderr.log", "added logs/new.json"]
    {
        assert!(found.contains(&expected.to_owned()), "{expected} in {found:?}");
    }
}

#[test]
fn a_summary_and_a_command_list_that_do_not_follow_are_named_even_with_a_manifest_that_agrees() {
    let (copy, project) = bundle();
    let root = copy.path();
    for name in ["summary.md", "commands.txt"] {
        tamper(&root.join(name), |text| text.replace("hello", "howdy"));
    }
    seal_again(root);
    assert_eq!(problems(&project, root), ["does_not_follow commands.txt", "does_not_follow summary.md"]);
}

#[test]
fn whether_the_texts_of_another_build_follow_is_unknown_and_their_bytes_are_held_all_the_same() {
    let (copy, project) = bundle();
    let root = copy.path();
    let manifest = std::fs::read_to_string(root.join("manifest.json")).expect("read");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let runner = manifest["runner"]["sha256"].as_str().expect("a digest").to_owned();
    tamper(&root.join("summary.md"), |text| text.replace("Status:", "State:"));
    seal_again(root);
    tamper(&root.join("manifest.json"), |text| text.replace(&runner, &"0".repeat(64)));
    assert_eq!(problems(&project, root), Vec::<String>::new());
    let ended = project.runner(&["verify", root.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    for told in [
        "summary.md: whether it follows",
        "sealed the bundle (0.1.0, sha256 [SHA256]): this one (0.1.0, sha256 [SHA256])",
        ": every file is as it was sealed\n",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
    tamper(&root.join("summary.md"), |text| text.replace("State:", "Stete:"));
    assert_eq!(problems(&project, root), ["changed summary.md"]);
}

#[test]
fn a_line_taken_out_of_the_command_log_breaks_the_chain() {
    let (copy, project) = bundle();
    let root = copy.path();
    tamper(&root.join("commands.jsonl"), |text| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        [&lines[..1], &lines[2..]].concat().concat()
    });
    seal_again(root);
    let found = problems(&project, root);
    assert!(found.contains(&"broken_chain commands.jsonl".to_owned()), "{found:?}");
}

#[test]
fn a_plugin_with_another_digest_is_named() {
    let (copy, project) = bundle();
    let root = copy.path();
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("manifest.json")).expect("read"))
            .expect("JSON");
    let digest = manifest["plugins"][0]["sha256"].as_str().expect("a digest").to_owned();
    tamper(&root.join("manifest.json"), |text| text.replace(&digest, &"0".repeat(64)));
    let found = problems(&project, root);
    assert!(found.contains(&"plugin_differs plan.json".to_owned()), "{found:?}");
    assert!(found.contains(&"plugin_differs commands.jsonl".to_owned()), "{found:?}");
}

#[test]
fn a_bundle_without_a_manifest_was_never_sealed_and_a_directory_that_is_none_is_an_error() {
    let (copy, project) = bundle();
    std::fs::remove_file(copy.path().join("manifest.json")).expect("removed");
    assert!(problems(&project, copy.path()).contains(&"not_sealed manifest.json".to_owned()));
    let ended = project.runner(&["verify", "no/such/bundle"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
}

/// Makes the manifest agree with the files again, as a careful forger would.
fn seal_again(root: &Path) {
    use sha2::Digest as _;
    let mut manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("manifest.json")).expect("read"))
            .expect("JSON");
    for file in manifest["files"].as_array_mut().expect("files") {
        let bytes = std::fs::read(root.join(file["path"].as_str().expect("path"))).expect("read");
        let digest = sha2::Sha256::digest(&bytes);
        let digest = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        file["sha256"] = digest.into();
        file["size"] = bytes.len().into();
    }
    let text = serde_json::to_string_pretty(&manifest).expect("JSON") + "\n";
    tamper(&root.join("manifest.json"), |_| text);
}
