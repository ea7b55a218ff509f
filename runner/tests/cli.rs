//! The command line as a user meets it: help, listings, dry runs, wrong usage.
//!
//! Whole outputs are compared with committed snapshots (see `support` for what is redacted). Workflows with
//! mistakes are in `broken_workflows.rs`. Nothing here runs a step, except to see that its plugin is found.

mod support;

use support::Project;

#[test]
fn the_version_is_the_version_of_the_package() {
    let ended = Project::new().runner(&["--version"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, format!("runner {}\n", env!("CARGO_PKG_VERSION")));
}

/// A workflow with one step of each kind, a fallback, gates and limits.
const WORKFLOW: &str = "\
version: 1
id: loops
title: Profile of the loops
vars: { size: 64 }
bundle:
  root: reports/loops
  requires: [env.json, profile/]
steps:
  - { id: env, uses: env-capture, always: true }
  - id: image
    uses: nanobragg
    with: { size: \"${{ vars.size }}\", warmup: 0 }
    profile: { uses: profiler, with: { hz: 99 } }
    limits: { time: 1m, memory: 1 GiB }
    gates: [\"metrics.correlation >= 0.999\"]
    fallback: { when: [oom, timeout], vars: { size: 32 } }
  - id: list
    run: [ls, \"the ${{ bundle }}\", \"${{ steps.image.metrics.correlation }}\"]
    env: { LC_ALL: C }
    log: list.log
    retry: 2
  - id: shell
    run: ls | wc -l
  - id: ledger
    uses: fix-plan
    always: true
    with: { ledger: docs/fix_plan.md, item: LOOP-001 }
";

fn project_with_workflow() -> Project {
    let project = Project::new();
    project.write("workflows/loops.yaml", WORKFLOW);
    project
}

fn shown(project: &Project, arguments: &[&str]) -> String {
    let ended = project.runner(arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(ended.stderr, "", "results go to standard output");
    ended.stdout
}

#[test]
fn help_says_what_each_subcommand_is_for() {
    let project = Project::without_git();
    let text = [
        vec!["--help"],
        vec!["-h"],
        vec!["run", "--help"],
        vec!["plan", "--help"],
        vec!["resume", "--help"],
        vec!["rerun", "--help"],
        vec!["compare", "--help"],
        vec!["new", "--help"],
        vec!["validate", "--help"],
        vec!["status", "--help"],
        vec!["report", "--help"],
        vec!["verify", "--help"],
        vec!["audit", "--help"],
        vec!["ledger", "--help"],
        vec!["ledger", "show", "--help"],
        vec!["ledger", "check", "--help"],
        vec!["plugins", "--help"],
        vec!["plugins", "list", "--help"],
        vec!["plugins", "info", "--help"],
        vec!["schema", "--help"],
        vec!["completions", "--help"],
    ]
    .map(|arguments| format!("$ runner {}\n{}", arguments.join(" "), shown(&project, &arguments)));
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn every_subcommand_of_the_help_has_its_own_help_in_the_snapshot() {
    let help = shown(&Project::without_git(), &["-h"]);
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let names: Vec<&str> = commands
        .expect("a list of commands")
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let snapshot = include_str!("snapshots/cli__help_says_what_each_subcommand_is_for.snap");
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert!(snapshot.contains(&format!("$ runner {name} --help")), "`{name}` is not in the test above");
    }
}

#[test]
fn plugins_are_listed_with_role_and_purpose() {
    let listed = shown(&Project::without_git(), &["plugins", "list"]);
    // A developer may have built further plugins into the same directory.
    let ours = [
        "backlog",
        "compare-arrays",
        "env-capture",
        "first-divergence",
        "fix-plan",
        "hot-loops",
        "loop-inventory",
        "nanobragg",
        "profiler",
        "villain",
    ];
    let lines: Vec<&str> =
        listed.lines().filter(|line| ours.iter().any(|name| line.starts_with(name))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_plugin_is_shown_with_all_that_its_with_may_hold() {
    let text = shown(&Project::without_git(), &["plugins", "info", "nanobragg"]);
    insta::assert_snapshot!(text);
}

#[test]
fn an_unknown_plugin_gets_the_nearest_name_and_exit_code_5() {
    let ended = Project::without_git().runner(&["plugins", "info", "nanobrag"]);
    assert_eq!(ended.code, Some(5));
    assert!(ended.stderr.contains("did you mean `nanobragg`?"), "{}", ended.stderr);
}

#[test]
fn a_plan_shows_what_would_run_and_runs_nothing() {
    let project = project_with_workflow();
    let before = project.files();
    insta::assert_snapshot!(shown(&project, &["plan", "workflows/loops.yaml", "--set", "size=128"]));
    assert_eq!(project.files(), before);
}

#[test]
fn a_plan_for_machines_holds_every_resolved_value() {
    let project = project_with_workflow();
    let text = shown(&project, &["plan", "workflows/loops.yaml", "--json"]);
    let mut plan: serde_json::Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(plan["steps"][1]["fallback"]["attempt"]["actual"]["size"], 32);
    // The plugins' schemas have tests of their own.
    for step in plan["steps"].as_array_mut().expect("steps") {
        for plugin in ["plugin", "profiler"] {
            if let Some(plugin) = step[plugin].as_object_mut() {
                plugin.insert("config_schema".to_owned(), "[SCHEMA]".into());
            }
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).expect("JSON"));
}

#[test]
fn the_project_root_is_the_git_root_above_the_workflow_or_what_c_names() {
    let project = project_with_workflow();
    let elsewhere = Project::without_git();
    let root = project.root().display().to_string();
    let below = project.path("workflows/loops.yaml").display().to_string();
    for arguments in [
        vec!["validate", below.as_str()],
        vec!["-C", root.as_str(), "validate", "workflows/loops.yaml"],
        vec!["validate", "workflows/loops.yaml", "--directory", root.as_str()],
    ] {
        let ended = elsewhere.runner(&arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.transcript());
        assert!(ended.stdout.ends_with("workflows/loops.yaml: valid, 5 steps\n"), "{}", ended.stdout);
    }
    let ended = elsewhere.runner(&["-C", "no/such/directory", "validate", &below]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("no/such/directory"), "{}", ended.stderr);
}

#[test]
fn completions_are_made_for_every_shell() {
    let project = Project::without_git();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = shown(&project, &["completions", shell]);
        assert!(script.contains("validate") && script.contains("plugin-dir"), "{shell}: {script}");
        assert!(!script.contains("plugin-host"), "{shell}: the hidden subcommand stays hidden");
    }
}

#[test]
fn the_status_of_a_project_without_bundles_is_no_mistake() {
    let project = Project::new();
    insta::assert_snapshot!(shown(&project, &["status"]));
    let ended = project.runner(&["status", "reports/none"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("`reports/none` is not a bundle"), "{}", ended.stderr);
    let ended = project.runner(&["report", "docs"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("`docs` is not a bundle"), "{}", ended.stderr);
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_right() {
    let project = Project::without_git();
    for (arguments, told) in [
        (vec![], "Usage"),
        (vec!["validat"], "similar subcommands exist: 'audit', 'validate'"),
        (vec!["run"], "<WORKFLOW>"),
        (vec!["validate"], "<WORKFLOW>"),
        (vec!["run", "a.yaml", "--set", "size"], "NAME=VALUE"),
        (vec!["run", "a.yaml", "--sett", "size=1"], "'--set'"),
        (vec!["completions", "csh"], "[possible values: bash"),
        (vec!["run", "no-such.yaml"], "cannot read the workflow `no-such.yaml`"),
    ] {
        let ended = project.runner(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.transcript());
        assert!(ended.stderr.contains(told), "{arguments:?}: {told} in {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_nothing_badly() {
    let project = Project::without_git();
    let mut command = project.command_of_runner();
    command.args(["plugins", "info", "nanobragg"]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the runner starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A copy of the library of `env-capture` in a directory of the project, cut after `length` bytes.
fn copied_plugin(project: &Project, directory: &str, length: usize) -> String {
    let name = format!("{}env_capture{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = std::fs::read(support::plugins().join(&name)).expect("cargo built it");
    let file = format!("{directory}/{name}");
    project.write(&file, &library[..length.min(library.len())]);
    file
}

#[test]
#[expect(clippy::disallowed_methods, reason = "from outside, as a user does, with this directory first")]
fn a_relative_plugin_directory_is_relative_to_where_the_user_is() {
    let project = Project::new();
    copied_plugin(&project, "my plugins", usize::MAX);
    project.write(
        "sub/w.yaml",
        "version: 1\nid: w\nbundle: { root: reports/w }\nsteps:\n  - { id: env, uses: env-capture }\n",
    );
    for command in ["validate", "run"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_runner"))
            .current_dir(project.root())
            .args(["--plugin-dir", "my plugins", "-C", "sub", command, "w.yaml"])
            .env_remove("RUNNER_PLUGIN_PATH")
            .output()
            .expect("it starts");
        let ended = project.ended(&output);
        assert_eq!(ended.code, Some(0), "{command}: {}", ended.transcript());
    }
}

#[test]
fn a_library_that_was_cut_short_is_listed_as_broken_and_other_files_are_not_listed() {
    let project = Project::without_git();
    copied_plugin(&project, "plugins", 10_000);
    project.write(&format!("plugins/script{}", std::env::consts::DLL_SUFFIX), "a text\n");
    let ended = project.runner(&["plugins", "list", "--plugin-dir", "plugins"]);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("is not a library that can be read here"), "{}", ended.transcript());
    assert!(!told.contains("script"), "{}", ended.transcript());
}
