//! A workflow that takes a loop inventory, as a user sees it: the artifacts, and contradictions as surprises.
//!
//! The plugin is the real one, and the sources are small: which loops of which language it finds is tested beside
//! the plugin. Here counts: what it found reaches the bundle, and what contradicts the list of classes is told.

mod support;

use support::Project;

const WORKFLOW: &str = "\
version: 1
id: inventory
bundle: { root: reports/phase_a, requires: [loop_inventory.json, loops.md] }
steps:
  - id: loops
    uses: loop-inventory
    with: { paths: [src], classes: plans/loops.md }
";

#[test]
fn an_inventory_is_in_the_bundle_and_what_contradicts_it_is_a_surprise() {
    let project = Project::new();
    project.write("src/pkg/read.py", "def read(f):\n    for line in f:\n        print(line)\n");
    project.write("src/pkg/sum.c", "int sum(int n) { int s = 0; while (n) s += n--; return s; }\n");
    project.write(
        "plans/loops.md",
        "| Module | Line | Status |\n|---|---|---|\n| read.py | 2 | Safe |\n| read.py | 7 | Todo |\n",
    );
    project.write("w.yaml", WORKFLOW);
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let bundle = project.bundle("reports/phase_a");
    let text = |name: &str| std::fs::read_to_string(bundle.join(name)).expect("in the bundle");
    let inventory: serde_json::Value = serde_json::from_str(&text("loop_inventory.json")).expect("JSON");
    assert_eq!(inventory["all_loops"][0]["class"], "safe");
    assert_eq!(inventory["all_loops"][1]["loop_header"], "while (n)");
    let step: serde_json::Value = serde_json::from_str(&text("loops.json")).expect("JSON");
    assert_eq!(step["by_class"], serde_json::json!({ "none": 1, "safe": 1 }));
    let summary = text("summary.md");
    assert!(summary.contains("plans/loops.md:4: src/pkg/read.py:7 has no loop"), "{summary}");
    assert!(summary.contains("1 loop has no row: src/pkg/sum.c:1"), "{summary}");
    assert!(text("loops.md").contains("| 1 | sum | 0 | while | `while (n)` |"));
}
