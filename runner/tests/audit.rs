//! `runner audit`: bundles that others made, written here by hand. One that has everything holds; each way to
//! fall short breaks the rule that is meant, and no other; nothing hostile in a bundle is run or followed.

mod evidence;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use evidence::{Evidence, workflow};
use serde_json::Value;
use support::Project;

const STAMP: &str = "20251120T101112Z";
const SECONDS: u64 = 1_763_633_472;
const COMMIT: &str = "22ea5c188f6a7c9f38f18228dd1b0e27c14e5290";

type Files = BTreeMap<String, String>;

/// The files of a bundle that a careful person made, without their checksums.
fn careful() -> Files {
    let commands = format!(
        "# HEAD {COMMIT}\n# start 2025-11-20T10:11:13Z\npytest -q > reports/x/{STAMP}/run.log\n\
         # end 2025-11-20T10:12:00Z exit code: 0\n"
    );
    let env = r#"{"python": "3.13.5", "torch": null, "cuda_available": null, "os": "Linux", "cpu": "EPYC"}"#;
    let summary = format!("# Fine\n\nTop: aten::mm. Log: `reports/x/{STAMP}/run.log`\n");
    let trace = r#"{"traceEvents": [{"cat": "cpu_op", "name": "aten::mm", "dur": 5}]}"#;
    let files = [
        ("commands.txt", commands.as_str()),
        ("env.json", env),
        ("summary.md", summary.as_str()),
        ("run.log", "2 passed\n"),
        ("collect.log", "a.py::b\na.py::c\n\n2 tests collected in 0.10s\n"),
        ("profile/trace.json", trace),
    ];
    files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

/// Writes a bundle with its checksums; every file is `late` seconds younger than the stamp, and one more.
fn write(project: &Project, directory: &str, files: &Files, late: i64) {
    let mut sums = String::new();
    for (name, text) in files {
        writeln!(sums, "{}  {name}", sha256(text.as_bytes())).expect("a String takes it");
    }
    let sums = ("sha256.txt".to_owned(), sums);
    for (index, (name, text)) in files.iter().chain([(&sums.0, &sums.1)]).enumerate() {
        let path = format!("{directory}/{name}");
        project.write(&path, text);
        let seconds = SECONDS.saturating_add_signed(late) + index as u64;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = File::options().write(true).open(project.path(&path)).expect("opened");
        file.set_modified(time).expect("set");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn document(project: &Project, arguments: &[&str]) -> Value {
    let ended = project.runner(&[&["--json", "audit"], arguments].concat());
    let value: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.transcript()));
    assert_eq!(ended.code, Some(if value["holds"] == true { 0 } else { 4 }), "{}", ended.transcript());
    value
}

/// The rules of the first bundle that have a verdict, and why.
fn with_verdict(document: &Value, verdict: &str) -> Vec<(String, String)> {
    let findings = document["bundles"][0]["rules"].as_array().expect("rules");
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
    let chosen = findings.iter().filter(|finding| finding["verdict"] == verdict);
    chosen.map(|finding| (text(finding, "rule"), text(finding, "reason"))).collect()
}

#[test]
fn a_bundle_that_a_careful_person_made_holds_in_every_rule() {
    let project = Project::new();
    let bundle = format!("reports/x/{STAMP}");
    write(&project, &bundle, &careful(), 5);
    let value = document(&project, &[&bundle]);
    assert_eq!(with_verdict(&value, "holds").len(), 14, "{value:#}");
    assert_eq!(value["bundles"][0]["stamp"]["spelling"], "YYYYMMDDTHHMMSSZ");
    let quiet = project.runner(&["audit", "--quiet", &bundle]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (Some(0), ""));
}

#[test]
fn each_way_to_fall_short_breaks_the_rule_that_is_meant_and_no_other() {
    let changes: [(&str, &str, &str, &str); 11] = [
        ("times", "commands.txt", "# start 2025-11-20T10:11:13Z\n", ""),
        ("exit_codes", "commands.txt", "exit code: 0", "exit code: $?"),
        ("git_head", "commands.txt", COMMIT, "$(git rev-parse HEAD)"),
        ("commands_ascii", "commands.txt", "# HEAD", "# \u{2192} HEAD"),
        ("environment", "env.json", ", \"cpu\": \"EPYC\"", ""),
        ("summary", "summary.md", "# Fine", "# Fine \u{2705}"),
        ("top_operation", "summary.md", "aten::mm", "fast"),
        ("references", "summary.md", "run.log", "other.log"),
        ("utc", "summary.md", "# Fine", "# Fine"),
        ("inside", "commands.txt", "pytest -q", "pytest -q | tee reports/all.log"),
        ("test_list", "collect.log", "2 tests", "3 tests"),
    ];
    for (rule, name, from, to) in changes {
        let project = Project::new();
        let mut files = careful();
        let text = files.get_mut(name).expect("a file");
        assert!(text.contains(from), "{rule}: {text}");
        *text = text.replace(from, to);
        let bundle = format!("reports/x/{STAMP}");
        write(&project, &bundle, &files, if rule == "utc" { 7 * 3600 + 5 } else { 5 });
        let broken = with_verdict(&document(&project, &[&bundle]), "broken");
        let rules: Vec<&str> = broken.iter().map(|(rule, _)| rule.as_str()).collect();
        assert_eq!(rules, [rule], "{broken:?}");
    }
}

#[test]
fn no_commands_a_changed_file_and_a_stamp_in_the_future_are_told_too() {
    let project = Project::new();
    let mut files = careful();
    files.remove("commands.txt");
    write(&project, "reports/x/29991120T101112Z", &files, 5);
    project.write("reports/x/29991120T101112Z/run.log", "3 passed\n");
    let value = document(&project, &["reports/x/29991120T101112Z"]);
    let broken: Vec<String> = with_verdict(&value, "broken").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(broken, ["commands", "not_in_future", "sealed"]);
    let none: Vec<String> =
        with_verdict(&value, "not_applicable").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(
        none,
        ["times", "exit_codes", "git_head", "commands_ascii", "references", "inside"].map(str::to_owned),
        "{value:#}"
    );
}

#[test]
fn what_git_knows_bounds_a_stamp_and_a_checkout_leaves_the_rest_unknown() {
    let project = Project::new();
    write(&project, &format!("reports/x/{STAMP}"), &careful(), 5);
    commit_at(&project, "2025-11-19T10:00:00Z");
    let value = document(&project, &["reports"]);
    let broken = with_verdict(&value, "broken");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].1.contains("later than the commit that added its first file"), "{broken:?}");
    // All files get the moment of the checkout.
    let clone = Project::without_git();
    std::fs::remove_dir_all(clone.path("docs")).expect("removed");
    for (name, text) in careful().into_iter().filter(|(name, _)| name != "commands.txt") {
        clone.write(&format!("reports/x/{STAMP}/{name}"), text);
    }
    let unknown: Vec<String> =
        with_verdict(&document(&clone, &["reports"]), "unknown").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(unknown, ["utc", "not_in_future"]);
}

#[expect(clippy::disallowed_methods, reason = "a commit of another day")]
fn commit_at(project: &Project, time: &str) {
    project.git(&["add", "--all"]);
    let committed = std::process::Command::new("git")
        .current_dir(project.root())
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-qm", "bundle"])
        .env("GIT_COMMITTER_DATE", time)
        .status();
    assert!(committed.expect("git is installed").success());
}

#[test]
fn a_tree_is_searched_for_stamps_of_every_spelling_and_the_rest_is_named() {
    let project = Project::new();
    for name in ["20251120T101112Z", "20251120-101113", "2025-11-20T10:11:14Z", "fix_2025-11-20_101115"] {
        write(&project, &format!("reports/{name}"), &careful(), 5);
    }
    project.write("reports/20251120T101112Z/20251120T101199Z/deeper.md", "part of the one above\n");
    project.write("reports/phase_e/summary.md", "# X\n");
    std::os::unix::fs::symlink("/", project.path("reports/20251120T101116Z")).expect("linked");
    let ended = project.runner(&["audit", "reports"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let head = ended.stdout.lines().next().expect("a line");
    assert_eq!(
        head,
        "4 bundles: 1 YYYY-MM-DDTHH:MM:SSZ, 1 YYYY-MM-DD_HHMMSS, 1 YYYYMMDD-HHMMSS, 1 YYYYMMDDTHHMMSSZ"
    );
    assert!(ended.stdout.contains("sealed              3       1      0        0"), "{}", ended.stdout);
    assert!(ended.stderr.contains("reports/phase_e"), "{}", ended.stderr);
    let quiet = project.runner(&["audit", "--quiet", "reports"]);
    assert!(quiet.stdout.lines().all(|line| line.starts_with("reports/")), "{}", quiet.stdout);
    let named = document(&project, &["reports/phase_e"]);
    assert_eq!(named["bundles"][0]["stamp"], Value::Null);
}

#[test]
fn a_directory_that_is_not_there_or_holds_no_bundle_is_exit_code_2() {
    let project = Project::new();
    std::fs::create_dir(project.path("empty")).expect("made");
    for (directory, told) in [("no/such", "cannot look into `no/such`"), ("empty", "`empty` holds no bundle")]
    {
        let ended = project.runner(&["audit", directory]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    assert_eq!(project.runner(&["audit"]).code, Some(2));
}

#[test]
fn what_the_runner_made_holds_in_every_rule_that_applies_here_and_on_a_copy() {
    let project = Project::new();
    let steps = "
  - { id: env, uses: env-capture }
  - { id: hello, run: \"echo hello > ${{ bundle }}/hello.txt\" }
  - { id: list, run: [printf, 'a: test\\n\\n1 test, 0 benchmarks\\n'], log: collect.log }
";
    project.write("w.yaml", workflow("", steps));
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let value = document(&project, &["reports"]);
    assert_eq!(with_verdict(&value, "broken"), []);
    assert_eq!(with_verdict(&value, "unknown"), []);
    let elsewhere = tempfile::tempdir().expect("tempdir");
    copy_all(Evidence::only(&project).path(), elsewhere.path());
    let value = document(&project, &[elsewhere.path().to_str().expect("UTF-8")]);
    assert_eq!(with_verdict(&value, "broken"), []);
    assert!(with_verdict(&value, "holds").iter().any(|(rule, _)| rule == "sealed"), "{value:#}");
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

#[test]
fn the_guide_has_the_rules_of_the_registry() {
    let project = Project::without_git();
    project.write("reports/a.md", "x\n");
    let value = document(&project, &["reports"]);
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/bundle.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let rows: Vec<String> = value["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| {
            let text = |key: &str| rule[key].as_str().expect("text");
            format!("| `{}` | {} | {} |", text("rule"), text("what"), text("unless")).replace("|  |", "| |")
        })
        .collect();
    assert!(guide.contains(&rows.join("\n")), "docs/guide/bundle.md must have:\n{}", rows.join("\n"));
}
