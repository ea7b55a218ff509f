//! From a profile and an inventory to the ledger: the steps `hot-loops`, `backlog` and `fix-plan` of one workflow.
//!
//! The profile is text with shares that are known by construction: 60, 25, 10 and 5 percent.

mod evidence;
mod support;

use evidence::{Evidence, workflow};
use serde_json::{Value, json};
use support::Project;

const STEPS: &str = "
  - id: ranking
    uses: hot-loops
    with: { profile: a/profile, inventory: a/loop_inventory.json }
  - id: backlog
    uses: backlog
    with: { hot_loops: \"${{ bundle }}/hot_loops.json\", classes: [a/analysis.md], top: 3 }
  - id: ledger
    uses: fix-plan
    always: true
    with: { ledger: docs/fix_plan.md, item: LOOP-001, next_actions: true }
";
const LEDGER: &str = "\
# Fix plan

## [LOOP-001] Vectorise the loops

- Status: in_progress
- Next Actions:
  1. Profile.
- Attempts History:
  * [2026-01-02] Attempt #1 - Result: success. Baseline.
";
const ANALYSIS: &str = "\
| Module | Line | Loop Type | Status | Priority | Notes |
|---|---|---|---|---|---|
| k.py | 2 | `for a in range(n)` | Todo | High | |
| k.py | 4 | `for b in range(n)` | Vectorized | | done |
| k.py | 6 | `for c in range(n)` | Uncertain | | |
| k.py | 8 | `for d in range(n)` | Safe | | small |
| k.py | 10 | `for e in range(n)` | Todo | | |
";

fn project() -> Project {
    let project = Project::new();
    let source: String = ["a", "b", "c", "d", "e"]
        .map(|name| format!("    for {name} in range(n):\n        work_{name}()\n"))
        .concat();
    project.write("src/k.py", format!("def work(n):\n{source}"));
    let one = |line: u64, name: &str| {
        json!({
            "module": "src/k.py", "line": line, "col_offset": 4, "loop_type": "for", "end_line": line + 1,
            "loop_header": format!("for {name} in range(n)"), "iteration_hint": "range", "function": "work",
            "function_line": 1, "language": "python"
        })
    };
    let all = [one(2, "a"), one(4, "b"), one(6, "c"), one(8, "d"), one(10, "e")];
    let inventory = json!({
        "scan_timestamp": null, "package_path": "src", "total_loops": 5, "hot_loops_count": 0, "all_loops": all,
        "hot_loops": []
    });
    project.write("a/loop_inventory.json", inventory.to_string());
    // py-spy's form.
    let stacks =
        "work (src/k.py:3) 600\nwork (src/k.py:5) 250\nwork (src/k.py:7) 100\nwork (src/k.py:9) 50\n";
    project.write("a/profile/stacks.folded", stacks);
    project.write("a/analysis.md", ANALYSIS);
    project.write("docs/fix_plan.md", LEDGER);
    project.write("w.yaml", workflow("", STEPS));
    project.commit();
    project
}

#[test]
fn a_backlog_of_hot_loops_reaches_the_next_actions_of_the_ledger() {
    let project = project();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let evidence = Evidence::only(&project);
    let read = |name: &str| std::fs::read_to_string(evidence.path().join(name)).expect("an artifact");
    let table = read("hot_loops.csv");
    let shares: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split(',').nth(3)).collect();
    assert_eq!(shares, ["60.00", "25.00", "10.00", "5.00"], "{table}");
    let mut ranking: Value = serde_json::from_str(&read("ranking.json")).expect("JSON");
    let findings = ranking.as_object_mut().expect("an object").remove("findings").expect("findings");
    assert!(
        findings[1].as_str().is_some_and(|line| line.starts_with("60.00 % (self 60.00 %): ")),
        "{findings}"
    );
    assert!(read("summary.md").contains("## Findings of step `ranking`"), "the summary has them");
    assert_eq!(ranking, serde_json::from_str::<Value>(&read("hot_loops.json")).expect("JSON"));
    let ledger = project.read("docs/fix_plan.md");
    let list = "  1. Profile.\n  2. After attempt #2: Write a design packet for `src/k.py:2` (`for a in range(n)`): 60.00 % \
                inclusive, 60.00 % self; removed, the run is at most 2.50x faster.\n  3. After attempt #2: Classify \
                `src/k.py:6` (`for c in range(n)`) by this measurement: uncertain, and 10.00 % inclusive.\n  4. After \
                attempt #2: Reclassify `src/k.py:10` (`for e in range(n)`) from todo to safe with this rationale, or \
                say why it stays: 0.00 % of this profile.\n- Attempts History:";
    assert!(ledger.contains(list), "{ledger}");
    assert!(ledger.contains("    Next Actions:\n      1. Write a design packet for"), "{ledger}");
    assert_eq!(project.runner(&["verify", &evidence.path().display().to_string()]).code, Some(0));
}

#[test]
fn a_step_that_failed_gives_the_ledger_no_actions() {
    let project = project();
    project.write("a/loop_inventory.json", "{}");
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(
        ended.stdout.contains("the inventory `a/loop_inventory.json`: line 1, column"),
        "{}",
        ended.transcript()
    );
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains("Result: blocked") && !ledger.contains("design packet"), "{ledger}");
}
