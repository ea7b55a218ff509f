//! What earlier bundles of the same workflow say: the same failure again, or a slower kernel.

use std::path::Path;

use serde_json::Value;

use crate::clock::Stamp;
use crate::evidence::{AttemptKind, AttemptRecord, EvidenceRecord, RunState};
use crate::outcome::Outcome;

/// How many earlier bundles are looked at.
const LOOK_BACK: usize = 30;
/// A kernel that is slower by more than this share is worth a word. The machines are noisy.
const SLOWER: f64 = 1.10;

/// Bundles in a row that failed alike.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Their names, newest first.
    pub stamps: Vec<String>,
    /// The step that failed.
    pub step: String,
    /// What it said the last time.
    pub fault: String,
}

/// The earlier bundles of a workflow, newest first.
pub(super) struct History(Vec<EvidenceRecord>);

impl History {
    /// Reads the bundles beside `bundle` that the same workflow made. What cannot be read is left out: a
    /// foreign or damaged directory is no history.
    pub(super) fn read(bundle: &Path, workflow: &str) -> Self {
        let own = bundle.file_name().and_then(|name| Stamp::parse(name.to_str()?));
        let entries = bundle.parent().and_then(|parent| std::fs::read_dir(parent).ok());
        let mut stamps: Vec<(Stamp, std::path::PathBuf)> = entries
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| Some((Stamp::parse(entry.file_name().to_str()?)?, entry.path())))
            .filter(|(stamp, _)| Some(stamp) < own.as_ref())
            .collect();
        stamps.sort_by(|a, b| b.cmp(a));
        let records =
            stamps.into_iter().take(LOOK_BACK).filter_map(|(_, path)| EvidenceRecord::load(&path).ok());
        Self(records.filter(|record| record.plan.workflow.id == workflow).collect())
    }

    /// The newest sealed bundles of a workflow in a directory.
    pub(super) fn of_workflow(directory: &Path, workflow: &str, count: usize) -> Self {
        let entries = std::fs::read_dir(directory).ok();
        let mut stamps: Vec<(Stamp, std::path::PathBuf)> = entries
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| Some((Stamp::parse(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        stamps.sort_by(|a, b| b.cmp(a));
        let records = stamps.into_iter().filter_map(|(_, path)| EvidenceRecord::load(&path).ok());
        let own = records.filter(|record| record.manifest.is_some() && record.plan.workflow.id == workflow);
        Self(own.take(count).collect())
    }

    /// The newest bundles that failed with one fault, as long as `same` holds of each.
    pub(super) fn failed_alike(&self, same: impl Fn(&EvidenceRecord) -> bool) -> Row {
        let mut row = Row::default();
        let mut first: Option<(String, Outcome, String)> = None;
        for record in &self.0 {
            let Some((step, attempt)) = failure(&record.state).filter(|_| same(record)) else { break };
            let this = (step.to_owned(), attempt.outcome, fault(attempt));
            if first.as_ref().is_some_and(|first| *first != this) {
                break;
            }
            if first.is_none() {
                step.clone_into(&mut row.step);
                row.fault = attempt.reason.clone().unwrap_or_else(|| attempt.claim.clone());
                first = Some(this);
            }
            row.stamps.extend(record.plan.stamp.as_ref().map(|stamp| stamp.as_str().to_owned()));
        }
        row
    }

    /// `third time in a row: the same fault as in 20261120T101112Z`, when the newest bundles failed alike.
    pub(super) fn repeated_failure(&self, state: &RunState) -> Option<String> {
        let (step, attempt) = failure(state)?;
        let alike = |record: &EvidenceRecord| {
            failure(&record.state).is_some_and(|(other, earlier)| {
                other == step && earlier.outcome == attempt.outcome && fault(earlier) == fault(attempt)
            })
        };
        let times = self.0.iter().take_while(|record| alike(record)).count();
        let first = self.0.get(times.checked_sub(1)?)?.plan.stamp.clone()?;
        let nth = match times + 1 {
            2 => "second".to_owned(),
            3 => "third".to_owned(),
            more => format!("{more}th"),
        };
        Some(format!("{nth} time in a row: step `{step}` failed with the same fault as in {first}"))
    }

    /// `seconds_min 0.0500 s, 25 % slower than ...`, for each kernel step with a comparable earlier run.
    pub(super) fn regressions(&self, state: &RunState, with: impl Fn(&str) -> Option<Value>) -> Vec<String> {
        let mut found = Vec::new();
        for step in &state.steps {
            let now = step.attempts.last().filter(|attempt| attempt.outcome == Outcome::Ok).and_then(seconds);
            let asked = with(&step.id);
            let earlier = self.0.iter().find_map(|record| {
                let planned = record.plan.steps.iter().find(|planned| planned.id == step.id)?;
                let action = serde_json::to_value(&planned.asked.action).ok();
                let other = record.state.steps.iter().find(|other| other.id == step.id)?;
                let attempt = other.attempts.last().filter(|attempt| attempt.outcome == Outcome::Ok)?;
                let comparable = action == asked && attempt.actual == step.attempts.last()?.actual;
                Some((record.plan.stamp.clone()?, seconds(attempt).filter(|_| comparable)?))
            });
            if let (Some(now), Some((stamp, before))) = (now, earlier)
                && now > before * SLOWER
            {
                let percent = (now / before - 1.0) * 100.0;
                found.push(format!(
                    "step `{}`: fastest iteration {now:.4} s, {percent:.0} % slower than in {stamp} ({before:.4} s)",
                    step.id
                ));
            }
        }
        found
    }
}

fn seconds(attempt: &AttemptRecord) -> Option<f64> {
    attempt.metrics.get("seconds_min")?["value"].as_f64()
}

/// The first step that failed for good, and the last time that what was asked was tried. A step that was ok
/// in the end, after a retry or a resumption, did not fail; one that was interrupted did neither.
fn failure(state: &RunState) -> Option<(&str, &AttemptRecord)> {
    let failed = |outcome: Outcome| !matches!(outcome, Outcome::Ok | Outcome::Cancelled);
    state.steps.iter().filter(|step| step.outcome.is_some_and(failed)).find_map(|step| {
        let mut tried = step.attempts.iter().rev().filter(|attempt| attempt.kind != AttemptKind::Fallback);
        let attempt = tried.find(|attempt| failed(attempt.outcome))?;
        Some((step.id.as_str(), attempt))
    })
}

/// The fault in words that do not change from run to run: digits are taken out.
fn fault(attempt: &AttemptRecord) -> String {
    let text = attempt.reason.as_deref().unwrap_or(&attempt.claim);
    text.chars().filter(|character| !character.is_ascii_digit()).collect()
}
