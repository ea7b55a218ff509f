//! What the tests of the plugin share: a record to start from, a request, and the one way to apply splices.
//! Never interprets Markdown: what a test expects stands in the test.

use fix_plan::FixPlan;
use runner_plugin::{Edit, EditRequest, Ledger, Splice};
use serde_json::{Value, json};

pub(crate) const BUNDLE: &str = "reports/phase_b/20261122T101112Z";

/// A ledger with the usual parts, for tests that look at one trap.
pub(crate) fn ledger(history: &str) -> String {
    format!(
        "# Ledger\n\n## [GAP-2] Gap audit\n- Priority: High\n- Status: in_progress (Phase A complete)\n\
         - Attempts History:\n{history}\n\n---\n\n## [OTHER-1] Other\n- Status: done\n"
    )
}

/// A complete run of one step.
pub(crate) fn record() -> Value {
    json!({
        "stamp": "20261122T101112Z", "date": "2026-11-22", "bundle": BUNDLE,
        "workflow": {
            "id": "phase-b1", "title": "Phase B1 - warm-run capture", "focus": "GAP-2", "mode": "perf",
            "path": "workflows/phase_b1.yaml"
        },
        "git": {"head": "0123456789012345678901234567890123456789", "dirty": false},
        "result": "complete", "reason": null, "next": ["read the summary"],
        "steps": [{"id": "capture", "uses": "nanobragg", "outcome": "ok", "attempts": [{
            "number": 1, "kind": "asked", "requested": {"size": 4096}, "actual": {"size": 4096},
            "outcome": "ok", "reason": null, "command": "nanobragg size=4096 dtype=float32 device=cpu",
            "metrics": {
                "seconds": {"value": [0.04], "unit": "s"}, "seconds_median": {"value": 0.04, "unit": "s"},
                "peak_rss": {"value": 167_346_176, "unit": "B"}, "correlation": {"value": 0.99949, "unit": "1"}
            },
            "log": "logs/capture-1.log"
        }]}],
        "hotspots": [
            {"function": "pixel", "file": "src/pixel.rs", "line": 12, "inclusive_percent": 80.5, "self_percent": 80.0},
            {"function": "row", "file": "src/image.rs", "line": 88, "inclusive_percent": 92.1, "self_percent": null}
        ],
        "artifacts": ["commands.txt", "profile/hotspots.json"],
        "surprises": [], "repeated_failure": null
    })
}

/// A run whose asked size ended in `oom` and whose fallback ran.
pub(crate) fn blocked() -> Value {
    let mut record = record();
    record["result"] = json!("blocked");
    record["reason"] = json!("step `capture`: oom at size 4096");
    record["next"] = json!([
        format!("read {BUNDLE}/summary.md: what failed"),
        "remove the cause, then `runner run workflows/phase_b1.yaml`"
    ]);
    let mut first = record["steps"][0]["attempts"][0].clone();
    let mut second = first.clone();
    first["outcome"] = json!("oom");
    first["reason"] = json!("RSS above 80 %");
    first["metrics"] = json!({});
    second["number"] = json!(2);
    second["kind"] = json!("fallback");
    second["actual"] = json!({"size": 2048});
    second["command"] = json!("nanobragg size=2048 dtype=float32 device=cpu");
    record["steps"][0]["attempts"] = json!([first, second]);
    record
}

pub(crate) fn config() -> Value {
    json!({"ledger": "docs/fix_plan.md", "item": "GAP-2"})
}

pub(crate) fn with_plan() -> Value {
    json!({"ledger": "docs/fix_plan.md", "item": "GAP-2", "plan": "plans/gap.md", "row": "B1"})
}

/// The edit, or the words of the error.
pub(crate) fn edit(config: Value, ledger: &str, plan: Option<&str>, record: Value) -> Result<Edit, String> {
    let config = serde_json::from_value(config).map_err(|error| error.to_string())?;
    let plugin = FixPlan::create(config).map_err(|error| error.to_string())?;
    let texts = [Some(ledger), plan];
    let documents =
        plugin.documents().into_iter().zip(texts.into_iter().flatten().map(str::to_owned)).collect();
    let edit = plugin.edit(&EditRequest { documents, record }).map_err(|error| error.to_string())?;
    match edit.refused {
        // What is proposed instead has tests of its own.
        Some(reason) => Err(reason),
        None => Ok(edit),
    }
}

/// The ledger after the edit.
pub(crate) fn edited(config: Value, ledger: &str, plan: Option<&str>, record: Value) -> String {
    let edit = edit(config, ledger, plan, record).expect("an edit");
    apply(ledger, edit.splices.get("docs/fix_plan.md").map_or(&[], Vec::as_slice))
}

/// The number that the next attempt gets.
pub(crate) fn next(ledger: &str) -> u64 {
    edit(config(), ledger, None, record()).expect("an edit").attempt.expect("a number")
}

/// Applies splices, and checks what the runner relies on: ordered, apart, on character boundaries.
pub(crate) fn apply(text: &str, splices: &[Splice]) -> String {
    let mut result = String::new();
    let mut at = 0;
    for splice in splices {
        assert!(at <= splice.start && splice.start <= splice.end, "{splice:?} overlaps or goes back");
        result += &text[at..splice.start];
        result += &splice.text;
        at = splice.end;
    }
    result + &text[at..]
}
