//! The four workflows of the audit in a chain, as a user runs them: inventory, profile, ranking, backlog.
//!
//! In a scratch project with the real workflows, plan, ledger and sources of the kernel. Only what would take minutes
//! is smaller: the image, and the list of tests, which is not made by cargo here.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Ended, Project};

const ROOT: &str = "reports/2026-01-vectorization-gap";
const PLAN: &str = "plans/active/vectorization-gap-audit.md";

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn file(name: &str) -> String {
    let path = repository().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn project() -> Project {
    let project = Project::new();
    for name in ["plans/active/loop-classes.md", "workflows/phase_a.yaml", "workflows/phase_b2.yaml"] {
        project.write(name, file(name));
    }
    project.write("workflows/phase_b3.yaml", file("workflows/phase_b3.yaml"));
    let b1 = file("workflows/phase_b1.yaml").replace("size: 4096", "size: 1024");
    let collect = b1.lines().find(|line| line.contains("run: [cargo")).expect("the list of tests");
    project.write("workflows/phase_b1.yaml", b1.replace(collect, "    run: [echo, a test]"));
    // As they were before anybody ran anything.
    let open = |text: &str| {
        ["D", "P", "B"]
            .iter()
            .fold(text.to_owned(), |text, state| text.replace(&format!("| [{state}] |"), "| [ ] |"))
    };
    project.write(PLAN, open(&file(PLAN)));
    project.write("docs/fix_plan.md", file("docs/fix_plan.md"));
    for entry in std::fs::read_dir(repository().join("plugins/nanobragg/src")).expect("the kernel") {
        let path = entry.expect("readable").path();
        let name = format!("plugins/nanobragg/src/{}", path.file_name().expect("a name").to_string_lossy());
        project.write(&name, file(&name));
    }
    project.commit();
    project
}

fn run(project: &Project, workflow: &str) -> Ended {
    let ended = project.runner(&["run", &format!("workflows/{workflow}.yaml")]);
    assert_eq!(ended.code, Some(0), "{workflow}: {}", ended.transcript());
    ended
}

fn json(project: &Project, phase: &str, name: &str) -> Value {
    let path = project.bundle(&format!("{ROOT}/{phase}")).join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn text(project: &Project, phase: &str, name: &str) -> String {
    let path = project.bundle(&format!("{ROOT}/{phase}")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn state_of(plan: &str, row: &str) -> String {
    let line = plan.lines().find(|line| line.starts_with(&format!("| {row} |"))).expect("a row");
    line.split('|').nth(3).expect("a State cell").trim().to_owned()
}

#[test]
fn without_an_inventory_nothing_is_profiled() {
    let project = project();
    let ended = project.runner(&["run", "workflows/phase_b1.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("there is no sealed bundle below"), "{}", ended.stderr);
}

#[test]
fn the_four_phases_run_in_a_chain_and_leave_sealed_bundles_and_the_rows_of_the_plan() {
    let project = project();
    run(&project, "phase_a");
    run(&project, "phase_b1");
    run(&project, "phase_b2");
    run(&project, "phase_b3");

    let plan = project.read(PLAN);
    for (row, state) in
        [("A1", "[D]"), ("A2", "[D]"), ("A3", "[ ]"), ("B1", "[P]"), ("B2", "[D]"), ("B3", "[P]")]
    {
        assert_eq!(state_of(&plan, row), state, "row {row}");
    }
    for phase in ["phase_a", "phase_b", "phase_b2", "phase_b3"] {
        let bundle = project.bundle(&format!("{ROOT}/{phase}"));
        let ended = project.runner(&["verify", bundle.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, Some(0), "{phase}: {}", ended.transcript());
    }

    // Phase A: every loop that people classified is there, and nothing contradicts anything.
    let inventory = json(&project, "phase_a", "loop_inventory.json");
    let loops = inventory["all_loops"].as_array().expect("loops");
    assert!(loops.iter().filter(|one| one["class"].is_string()).count() >= 70);
    let contradictions = json(&project, "phase_a", "inventory.json")["contradictions"].to_string();
    assert!(!contradictions.contains("no loop"), "a row of loop-classes.md is stale: {contradictions}");

    // Phase B1: the summary maps the top operations to loops.
    let summary = text(&project, "phase_b", "summary.md");
    assert!(summary.contains("top operations are in a loop of"), "{summary}");
    let mapping = json(&project, "phase_b", "mapping.json");
    let mapped = mapping["operations"].as_array().expect("operations");
    assert!(mapped.iter().any(|one| one["loop"]["id"].is_string()), "{mapping}");

    // Phase B2: the parts add up, and the loops of the kernel explain most of the time.
    let hot = json(&project, "phase_b2", "hot_loops.json");
    let parts = hot["parts"].as_object().expect("parts");
    let weight: u64 = parts.values().map(|part| part["weight"].as_u64().expect("a weight")).sum();
    assert_eq!(Some(weight), hot["profile"]["total"].as_u64());
    let csv = text(&project, "phase_b2", "hot_loops.csv");
    assert_eq!(csv.lines().next(), Some("module,line,loop_id,%time,call_count,notes"));
    assert!(csv.lines().count() > 1, "{csv}");

    // Phase B3, and the ledger.
    assert!(text(&project, "phase_b3", "backlog.md").contains("Amdahl"));
    let ledger = project.read("docs/fix_plan.md");
    for phase in ["phase_a", "phase_b", "phase_b2", "phase_b3"] {
        assert!(ledger.contains(&format!("{ROOT}/{phase}/")), "{phase} is not in the ledger");
    }
}
