//! The top operations of a bundle: what `hotspots.json` says, the useful frames first.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::{AttemptRecord, RunState};

/// A function that cost time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name.
    pub function: String,
    /// Its source file.
    pub file: Option<String>,
    /// Its hottest line.
    pub line: Option<u64>,
    /// The line on which it begins, where that is known.
    #[serde(default)]
    pub first_line: Option<u64>,
    /// Where the code lies when there is no source: the library.
    #[serde(default)]
    pub module: Option<String>,
    /// `kernel`, or `runtime` for what every program has around its work.
    #[serde(default)]
    pub kind: Option<String>,
    /// Share of all samples with this function anywhere on the stack.
    pub inclusive_percent: f64,
    /// Share of all samples in this function itself.
    pub self_percent: f64,
}

impl Operation {
    /// `src/image.rs:88`, or the library when the source is unknown.
    pub fn place(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.clone(),
            _ => self.module.clone().unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// The attempt that was profiled, and its `hotspots.json`: the last one that has it.
pub fn profiled<'s>(bundle: &Path, state: &'s RunState) -> Option<(&'s str, &'s AttemptRecord, Value)> {
    let attempts =
        state.steps.iter().flat_map(|step| step.attempts.iter().map(move |attempt| (step, attempt)));
    let found = attempts.rev().find_map(|(step, attempt)| {
        let file = attempt.artifacts.iter().find(|artifact| artifact.ends_with("hotspots.json"))?;
        Some((step.id.as_str(), attempt, std::fs::read(bundle.join(file)).ok()?))
    });
    let (step, attempt, bytes) = found?;
    Some((step, attempt, serde_json::from_slice(&bytes).ok()?))
}

/// The first `count` operations by inclusive time, without the frames that enclose everything.
pub fn top_operations(bundle: &Path, state: &RunState, count: usize) -> Vec<Operation> {
    profiled(bundle, state).map(|(_, _, hotspots)| ranked(&hotspots, count)).unwrap_or_default()
}

/// The same from the text of `hotspots.json`.
pub fn ranked(hotspots: &Value, count: usize) -> Vec<Operation> {
    let operations = hotspots["operations"].as_array().into_iter().flatten();
    let operations = operations.filter_map(|value| serde_json::from_value::<Operation>(value.clone()).ok());
    operations.filter(|operation| operation.kind.as_deref() != Some("runtime")).take(count).collect()
}
