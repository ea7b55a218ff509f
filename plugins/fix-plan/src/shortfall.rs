//! Where a run got less than it asked for: [`Shortfall`]. The entry states it in its first line, in Metrics
//! and in Observations, so that a figure of the smaller run can never pass for one of the asked run. Made
//! from a step's record alone; compares what the step asked *first* with what an attempt really ran with.

use serde_json::{Map, Value};

use crate::ascii::one_line;
use crate::record::{AttemptKind, AttemptRecord, StepRecord};

/// A step that ran with other values than were asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The step.
    pub step: String,
    /// `size=4096`: the asked values that differ.
    pub requested: String,
    /// `size=2048`: the values in their place.
    pub actual: String,
    /// How the attempt ended.
    pub outcome: String,
    /// How the first attempt, with the asked values, ended.
    pub first_outcome: String,
}

impl Shortfall {
    /// What a step yielded with other values than it asked first: seen at its last good attempt, or at its
    /// last one when none was good.
    pub fn of(step: &StepRecord) -> Option<Self> {
        let good = step.attempts.iter().rev().find(|attempt| attempt.outcome == "ok");
        let attempt = good.or(step.attempts.last())?;
        let (requested, actual) = difference(step, attempt)?;
        let first = step.attempts.first().map_or("", |first| &first.outcome);
        Some(Self {
            step: one_line(&step.id, 80),
            requested,
            actual,
            outcome: one_line(&attempt.outcome, 40),
            first_outcome: one_line(first, 40),
        })
    }

    /// Every step of a run that fell short.
    pub fn all(steps: &[StepRecord]) -> Vec<Self> {
        steps.iter().filter_map(Self::of).collect()
    }
}

/// The values that a step asked for: those of its first attempt that states any.
pub fn asked(step: &StepRecord) -> Option<&Map<String, Value>> {
    step.attempts.iter().filter_map(|attempt| attempt.requested.as_ref()).find(|asked| !asked.is_empty())
}

/// The asked and the actual values where they differ. A fallback that does not say what it ran with
/// differs too: its figures are not those that were asked.
fn difference(step: &StepRecord, attempt: &AttemptRecord) -> Option<(String, String)> {
    let none = Map::new();
    let asked = asked(step).unwrap_or(&none);
    let actual = attempt.actual.as_ref().unwrap_or(&none);
    let fallback = attempt.kind == AttemptKind::Fallback;
    let mut requested = Vec::new();
    let mut ran = Vec::new();
    for (name, value) in asked {
        match actual.get(name) {
            Some(other) if other == value => continue,
            None if !fallback => continue,
            Some(other) => ran.push(assignment(name, other)),
            None => ran.push(format!("{} not recorded", one_line(name, 80))),
        }
        requested.push(assignment(name, value));
    }
    if fallback && asked.is_empty() {
        let actual = if actual.is_empty() { "values not recorded".into() } else { assignments(actual) };
        return Some(("values not recorded".into(), actual));
    }
    (!requested.is_empty()).then(|| (requested.join(" "), ran.join(" ")))
}

/// `size=4096 dtype=float32`.
pub fn assignments(values: &Map<String, Value>) -> String {
    values.iter().map(|(name, value)| assignment(name, value)).collect::<Vec<_>>().join(" ")
}

fn assignment(name: &str, value: &Value) -> String {
    let value = match value {
        Value::String(text) => one_line(text, 80),
        other => one_line(&other.to_string(), 80),
    };
    format!("{}={value}", one_line(name, 80))
}
