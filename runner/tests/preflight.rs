//! What is looked for before a run, as a user sees it: programs, scripts, options, tests, packages, pointers.
//!
//! Python is never needed: scripts are only read. Each test makes a project, asks `validate`, `plan` or `run`,
//! and holds the findings against what was written wrong. The shape of workflows is tested elsewhere.

mod support;

use serde_json::Value;
use support::Project;

const HEAD: &str = "version: 1\nid: demo\nbundle: { root: reports/demo }\n";

/// A harness as it is found in the wild: no `--outdir`.
const HARNESS: &str = r#"#!/usr/bin/env python3
import argparse
import json
import sys

# parser.add_argument("--outdir") was thought of once
def main():
    parser = argparse.ArgumentParser(description="Measures.")
    parser.add_argument('--sizes', type=str, default='1024,2048')
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32",
                        help="has no --outdir, too")
    parser.add_argument("-i", "--iterations", type=int)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep-artifacts", action="store_true")
    parser.add_argument("--cache", action=argparse.BooleanOptionalAction)
    args = parser.parse_args(sys.argv[1:])
    print(json.dumps({"argv": sys.argv}))

main()
"#;

/// The findings of `validate`: level, id, place.
fn findings(project: &Project, steps: &str) -> Vec<String> {
    let (_, list) = validated(project, steps);
    let place = |found: &Value| format!("{}:{}", found["line"], found["column"]);
    let text = |found: &Value, key: &str| found[key].as_str().expect("a text").to_owned();
    list.iter()
        .map(|found| format!("{} {} {}", text(found, "level"), text(found, "id"), place(found)))
        .collect()
}

fn validated(project: &Project, steps: &str) -> (Option<i32>, Vec<Value>) {
    project.write("w.yaml", format!("{HEAD}steps:\n{steps}"));
    let ended = project.runner(&["validate", "--json", "w.yaml"]);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    let key = if answer["event"] == "valid" { "warnings" } else { "mistakes" };
    (ended.code, answer[key].as_array().expect("a list").clone())
}

fn with_harness() -> Project {
    let project = Project::new();
    project.write("scripts/benchmarks/benchmark_detailed.py", HARNESS);
    project.write("bin/python", "#!/bin/sh\ntouch reports/python-was-started\n");
    project.write("src/image.rs", "one\ntwo\n");
    std::fs::set_permissions(project.path("bin/python"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("made executable");
    project.commit();
    project
}

#[test]
fn an_option_that_the_harness_never_had_is_shown_with_its_parser() {
    let project = with_harness();
    let line = "bin/python scripts/benchmarks/benchmark_detailed.py --sizes 4096 --device cpu --dtype float32 \
                --profile --keep-artifacts --iterations 1 --no-cache --outdir ${{ bundle }}/out";
    let words = line.replace(' ', ", ").replace("${{, bundle, }}/out", "\"${{ bundle }}/out\"");
    project.write("argv.yaml", format!("{HEAD}steps:\n  - id: bench\n    run: [{words}]\n"));
    project.write("shell.yaml", format!("{HEAD}steps:\n  - id: bench\n    run: >-\n      {line}\n"));
    for name in ["argv", "shell"] {
        let ended = project.runner(&["validate", &format!("{name}.yaml")]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        insta::assert_snapshot!(format!("option_{name}"), ended.transcript());
    }
    assert!(!project.path("reports").exists(), "nothing was started");
}

#[test]
fn run_tells_a_warning_goes_on_and_keeps_it_in_the_bundle() {
    let project = with_harness();
    let steps = "  - id: bench\n    run: [bin/python, scripts/benchmarks/benchmark_detailed.py, --outdir, x]\n    \
                 writes: [reports/]\n";
    project.write("w.yaml", format!("{HEAD}steps:\n{steps}"));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stderr.contains("w.yaml:6:65"), "{}", ended.stderr);
    std::fs::remove_file(project.path("reports/python-was-started")).expect("the step ran");
    let summary = std::fs::read_to_string(project.bundle("reports/demo").join("summary.md")).expect("there");
    let told = "known before the run: `benchmark_detailed.py` has no option `--outdir` (workflow.yaml:6:65)";
    assert!(summary.contains(told), "{summary}");
    let ended = project.runner(&["plan", "--json", "w.yaml"]);
    let plan: Value = serde_json::from_str(&ended.stdout).expect("one document");
    assert_eq!(plan["warnings"][0]["id"], "option-unknown");
}

#[test]
fn a_missing_script_is_exit_code_5_and_nothing_is_made() {
    let project = with_harness();
    let steps = "  - id: bench\n    run: [bin/python, -u, scripts/benchmarks/benchmark_detaild.py]\n    writes: [reports/]\n";
    let (code, found) = validated(&project, steps);
    assert_eq!(code, Some(5), "{found:?}");
    assert_eq!(found[0]["id"], "script-missing");
    assert_eq!(found[0]["help"], "did you mean `scripts/benchmarks/benchmark_detailed.py`?");
    let before = project.files();
    assert_eq!(project.runner(&["run", "w.yaml"]).code, Some(5));
    assert_eq!(project.files(), before, "no bundle");
    // Whoever knows better says so, and the bundle says that nobody looked.
    let ended = project.runner(&["run", "--no-preflight", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "the stand-in for Python takes anything: {}", ended.transcript());
    let summary = std::fs::read_to_string(project.bundle("reports/demo").join("summary.md")).expect("there");
    assert!(summary.contains("was not looked for (--no-preflight)"), "{summary}");
}

#[test]
fn what_an_earlier_step_makes_is_not_missing() {
    let project = with_harness();
    let build = "  - { id: build, run: [\"true\"], writes: [target/] }\n";
    let bench = "  - { id: bench, run: [target/release/bench] }\n";
    assert_eq!(findings(&project, &format!("{build}{bench}")), [""; 0]);
    assert_eq!(findings(&project, bench), ["error program-missing 5:24"]);
    let silent = "  - { id: build, run: [\"true\"] }\n";
    assert_eq!(findings(&project, &format!("{silent}{bench}")), ["warning program-missing 6:24"]);
    let own =
        "  - { id: a, run: \"cc -o target/x x.c && target/x && ${{ bundle }}/y\", writes: [target/] }\n";
    assert_eq!(findings(&project, own), [""; 0]);
    let bundle = "  - { id: a, run: [\"true\"] }\n  - { id: b, run: [\"${{ bundle }}/made\"] }\n";
    assert_eq!(findings(&project, bundle), [""; 0]);
}

#[test]
fn programs_are_found_behind_wrappers_and_in_shell_lines() {
    let project = with_harness();
    let missing = |run: &str| findings(&project, &format!("  - id: a\n    run: {run}\n"));
    assert_eq!(missing("[env, A=b, nice, -n, 5, no-such-program]"), ["error program-missing 6:34"]);
    assert_eq!(missing("no-such-program > x"), ["error program-missing 6:10"]);
    assert_eq!(missing("'true && no-such-program x'"), ["warning program-missing 6:19"]);
    assert_eq!(missing("no-such-program || true"), [""; 0], "the line asks");
    assert_eq!(missing("'f() { no-such-program; }; f'"), [""; 0], "too much shell to tell");
    assert_eq!(missing("[bash, -x, scripts/no.sh]"), ["error script-missing 6:21"]);
    assert_eq!(missing("[uv, run, no-such-tool]").len(), usize::from(!on_path("uv")));
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).exists())
}

#[test]
fn nothing_is_said_of_a_name_where_only_the_run_or_bash_knows_it() {
    let project = with_harness();
    let measured = "  - { id: m, run: [\"true\"], metrics: { file: m.json, values: { p: result.p } } }\n";
    let path = "env: { PATH: \"${{ steps.m.metrics.p }}:/bin\" }";
    let on_path = |run: &str| findings(&project, &format!("{measured}  - {{ id: a, run: {run}, {path} }}\n"));
    assert_eq!(on_path("[ls, /]"), [""; 0]);
    assert_eq!(on_path("no-such-program --x"), [""; 0]);
    assert_eq!(on_path("[/no/such/program]"), ["error program-missing 6:20"], "a path needs no PATH");
    for builtin in ["declare a=1", "pushd src", "shopt -s nullglob", "mapfile a", "let a=1", "[[ a ]]"] {
        assert_eq!(findings(&project, &format!("  - {{ id: a, run: '{builtin}' }}\n")), [""; 0], "{builtin}");
    }
}

#[test]
fn a_path_and_a_search_path_of_the_step_count() {
    let project = with_harness();
    let step = "  - { id: a, run: [python, a.py], env: { PATH: \"bin\" } }\n";
    assert_eq!(findings(&project, step), ["error script-missing 5:28"]);
    let step = "  - { id: a, run: [./benchmark_detailed.py, --outdir, x], cwd: scripts/benchmarks }\n";
    assert_eq!(findings(&project, step), ["error program-not-executable 5:20"]);
    let step = "  - { id: a, run: [ls], cwd: scripts/benchmark }\n";
    assert_eq!(findings(&project, step), ["error cwd-missing 5:30"]);
}

#[test]
fn a_parser_that_cannot_be_seen_as_a_whole_is_not_judged() {
    let project = with_harness();
    project.write("lib/own.py", "def add(p):\n    p.add_argument('--outdir')\n");
    let parser = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--size')\n";
    for (rest, findings_of_it) in [
        ("p.parse_args()\n", 1),
        ("p.parse_known_args()\n", 0),
        ("for n in ['a']:\n    p.add_argument('--' + n)\np.parse_args()\n", 0),
        ("p.add_argument(f'--{x}')\np.parse_args()\n", 0),
        ("p.add_argument('rest', nargs=argparse.REMAINDER)\np.parse_args()\n", 0),
        ("import elsewhere\nelsewhere.add(p)\np.parse_args()\n", 0),
        ("from lib.own import add\nadd(p)\np.parse_args()\n", 0),
        ("from lib.own import add\np.parse_args()\n", 0),
        ("import sys\nsys.argv.remove('--outdir')\np.parse_args()\n", 0),
        ("p.parse_args(['--size', '1'])\n", 0),
        ("print('# p.parse_known_args()')  # parse_known_args\np.parse_args()\n", 1),
        ("import hydra\np.parse_args()\n", 0),
    ] {
        project.write("x.py", format!("{parser}{rest}"));
        let found = findings(&project, "  - { id: a, run: [bin/python, x.py, --size, 1, --outdir=x] }\n");
        assert_eq!(found.len(), findings_of_it, "{rest}: {found:?}");
    }
}

#[test]
fn a_parser_in_a_module_and_one_of_click_are_read() {
    let project = with_harness();
    project.write("pkg/__init__.py", "");
    project.write("pkg/cli.py", HARNESS);
    project.write("run.py", "from pkg.cli import main\nmain()\n");
    let step = |run: &str| format!("  - {{ id: a, run: [bin/python, {run}] }}\n");
    let found = findings(&project, &step("run.py, --outdir, x"));
    assert_eq!(found, ["warning option-unknown 5:40"]);
    assert_eq!(findings(&project, &step("-m, pkg.cli, --dev, cpu")), ["note option-abbreviated 5:45"]);
    assert_eq!(findings(&project, &step("-m, pkg.no")), ["error script-missing 5:36"]);
    assert_eq!(findings(&project, &step("-m, installed.module, --x")), [""; 0]);
    let click = "import click\n@click.command()\n@click.option('--warm/--no-warm')\n@click.option('-n', '--count', 'n')\ndef main(warm, n): pass\nmain()\n";
    project.write("c.py", click);
    assert_eq!(findings(&project, &step("c.py, --no-warm, --count, --x")), [""; 0]);
    assert_eq!(findings(&project, &step("c.py, --coun, 1")), ["warning option-unknown 5:38"]);
}

#[test]
fn tests_packages_and_pointers_are_looked_for() {
    let project = with_harness();
    let test = "import x\nclass TestA:\n    def test_b(self):\n        pass\nclass TestC(x.Base):\n    pass\ndef test_d(): pass\n";
    project.write("tests/test_x.py", test);
    project.write("Cargo.lock", "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n");
    let step = |run: &str| findings(&project, &format!("  - {{ id: a, run: \"{run}\" }}\n"));
    let pytest = "bin/python -m pytest -q";
    for fine in ["::TestA::test_b[1-x]", "::TestC::test_inherited", "::test_d", "", "::TestA"] {
        assert_eq!(step(&format!("{pytest} 'tests/test_x.py{fine}'")), [""; 0], "{fine}");
    }
    assert_eq!(step(&format!("{pytest} tests/test_x.py::TestA::test_e")), ["warning test-missing 5:68"]);
    assert_eq!(step(&format!("{pytest} tests/test_y.py::test_d")), ["warning test-missing 5:44"]);
    assert_eq!(step(&format!("{pytest} -k no.py --deselect tests/no.py::x")), [""; 0]);
    for (broken, id) in
        [("def t(): 1\nasync", "foo"), ("def\nfoo\n", "foo"), ("async\ndef foo(): 1\n", "foo")]
    {
        project.write("tests/test_z.py", broken);
        assert_eq!(step(&format!("{pytest} tests/test_z.py::{id}")).len(), usize::from(!broken.contains(id)));
    }
    let (_, found) = validated(&project, "  - { id: a, run: [cargo, test, --package=ow, --, --list] }\n");
    assert_eq!(
        (&found[0]["id"], &found[0]["help"]),
        (&"package-missing".into(), &"did you mean `own`?".into())
    );
    let fine = "  - { id: a, run: [echo, 'src/image.rs:2', 'http://a.rs:80', 'reports/demo/x.md:3'] }\n";
    assert_eq!(findings(&project, fine), [""; 0]);
    let broken = "  - { id: a, run: [echo, see src/image.rs:3, src/no.rs:1] }\n";
    assert_eq!(findings(&project, broken), ["warning pointer-broken 5:30", "warning pointer-broken 5:46"]);
}

#[test]
fn a_missing_ledger_is_known_before_the_measurement() {
    let project = with_harness();
    let step = "  - { id: a, uses: fix-plan, with: { ledger: docs/fix_plam.md, item: LOOP-001 } }\n";
    let (code, found) = validated(&project, step);
    assert_eq!(code, Some(0), "{found:?}");
    assert_eq!(found[0]["id"], "ledger-missing");
    assert_eq!(found[0]["help"], "did you mean `docs/fix_plan.md`?");
}

#[test]
fn what_a_plugin_is_told_to_read_is_known_before_the_measurement() {
    let project = with_harness();
    project.write("data/one.npy", "x");
    let compare =
        |a: &str, b: &str| format!("  - {{ id: c, uses: compare-arrays, with: {{ a: {a}, b: {b} }} }}\n");
    let (code, found) = validated(&project, &compare("data/one.npy", "data/onw.npy"));
    assert_eq!(code, Some(5), "{found:?}");
    assert_eq!((found.len(), &found[0]["id"]), (1, &Value::from("input-missing")));
    assert_eq!(found[0]["message"], "`b` of step `c` names `data/onw.npy`, which is not there");
    assert_eq!(found[0]["help"], "did you mean `data/one.npy`?");
    let ids = |steps: &str| findings(&project, steps);
    assert_eq!(ids(&compare("data/one.npy", "data/one.npy")), [""; 0]);
    assert_eq!(
        ids(&compare("data/one.npy", "'${{ bundle }}/two.npy'")),
        ["error input-missing 5:64"],
        "the first step"
    );
    let made = "  - { id: m, run: [touch, a], writes: [out/] }\n";
    assert_eq!(
        ids(&format!("{made}{}", compare("'${{ bundle }}/two.npy'", "out/b.npy"))),
        [""; 0],
        "may be made"
    );
    std::os::unix::fs::symlink("out", project.path("link")).expect("linked");
    std::fs::create_dir(project.path("out")).expect("made");
    let linked = made.replace("out/", "link/");
    assert_eq!(ids(&format!("{linked}{}", compare("data/one.npy", "link/b.npy"))), [""; 0], "behind a link");
    let doubtful = ids(&format!("{made}{}", compare("data/one.npy", "data/two.npy")));
    assert_eq!(doubtful, ["warning input-missing 6:64"]);
    let list = "  - { id: l, uses: loop-inventory, with: { paths: [src/, sec/, 'src/**/*.rs'] } }\n";
    assert_eq!(ids(list), ["error input-missing 5:58"]);
}

#[test]
fn small_mistakes_that_used_to_pass_are_refused() {
    let project = with_harness();
    project.write("w.yaml", format!("{HEAD}vars: {{ n: 1 }}\nsteps:\n  - {{ id: a, run: [ls] }}\n"));
    let ended = project.runner(&["run", "w.yaml", "--set", "n=2", "--set", "n=3"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--set n=3: `n` was set to `2` already"), "{}", ended.stderr);
    let steps = "  - { id: a, run: [ls], env: { \"A=B\": c, \"\": d }, gates: [\"5\"] }\n";
    let (code, found) = validated(&project, steps);
    assert_eq!((code, found.len()), (Some(2), 3), "{found:?}");
}

#[test]
fn a_tool_is_asked_for_its_options_and_a_program_of_the_project_never() {
    let project = with_harness();
    let (code, found) = validated(&project, "  - { id: a, run: [cargo, test, --lockd, --, --nocapture] }\n");
    assert_eq!(code, Some(0));
    assert_eq!(found[0]["message"], "`cargo test` has no option `--lockd`");
    let help = "did you mean `--locked`? these are what `cargo test -h` names";
    assert_eq!((&found[0]["id"], &found[0]["help"]), (&"option-unknown".into(), &help.into()));
    // The project's own program of that name would leave a trace.
    project.write("bin/sort", "#!/bin/sh\ntouch was-started\necho --help\n");
    std::fs::set_permissions(project.path("bin/sort"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("made executable");
    let before = project.files();
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let steps = format!("  - {{ id: a, run: [sort, --no-such], env: {{ PATH: \"{path}\" }} }}\n");
    assert_eq!(findings(&project, &steps), [""; 0]);
    let mut after = project.files();
    after.retain(|file| file != "w.yaml");
    assert_eq!(after, before.into_iter().filter(|file| file != "w.yaml").collect::<Vec<_>>());
}
