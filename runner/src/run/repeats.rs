//! `stop_after_repeats`: refuses one more try that would be the same as those that all failed alike.
//!
//! [`refusal`] is asked by `run` before anything is made, and by `runner plan`. A try is the same when nothing
//! that a plan holds differs (workflow, variables, plugins, inputs, commit, runner). A working tree that was
//! changed without a commit does not count: whoever works like that says `--force`.

use std::path::Path;

use crate::plan::{Plan, differences};
use crate::run::history::History;

/// Why a further identical try is not made; `None` when it may be.
pub fn refusal(plan: &Plan, bundles: &Path) -> Option<String> {
    let limit = plan.stop_after_repeats? as usize;
    let history = History::of_workflow(bundles, &plan.workflow.id, limit);
    let row = history.failed_alike(|record| differences(&record.plan, plan).is_empty());
    if row.stamps.len() < limit {
        return None;
    }
    let list = row.stamps.join(", ");
    let tries =
        if limit == 1 { "the newest bundle".to_owned() } else { format!("the newest {limit} bundles") };
    Some(format!(
        "{tries} of workflow `{}` failed with the same fault ({list}), and this try would be identical: step `{}`: {}",
        plan.workflow.id, row.step, row.fault
    ))
}
