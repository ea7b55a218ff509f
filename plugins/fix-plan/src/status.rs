//! The text behind `- Status:` after a run: [`after`], and its [`keyword`] for the index. Called by
//! [`crate::edit`]. What the workflow sets goes first; the default says which part ended how, and where the
//! evidence is. Must never close or reopen an item by itself: `done` stays `done` after a complete run.

pub use fix_plan_model::ledger::keyword;

use crate::ascii::one_line;
use crate::config::StatusMap;
use crate::record::{RunRecord, RunResult};

/// The new status of an item whose status was `before`.
pub fn after(map: &StatusMap, record: &RunRecord, before: &str) -> String {
    if let Some(text) = map.text(record.result) {
        return one_line(text, 300);
    }
    let old = match keyword(before) {
        "" => "in_progress",
        old => old,
    };
    let new = match record.result {
        RunResult::Complete if old == "done" => "done",
        RunResult::Complete => "in_progress",
        RunResult::Blocked => "blocked",
        // Neither moves the work: it stands where it stood.
        RunResult::Interrupted | RunResult::Broken => old,
    };
    format!("{} ({} {}: {})", one_line(new, 80), one_line(record.label(), 80), record.result, record.bundle)
}
