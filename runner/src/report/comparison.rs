//! [`Comparison`]: two bundles side by side; `comparison.json` of a run that repeated another one.
//!
//! [`Comparison::of`] reads two [`EvidenceRecord`]s, [`Comparison::render`] is the text for people; the summary
//! shows a stored comparison from its file alone. A ratio is given only where both figures were measured for
//! the same values; otherwise it is null and the reason is beside it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::{AttemptKind, AttemptRecord, EvidenceRecord, StepOutcome};
use crate::outcome::Outcome;
use crate::plan::differences;
use crate::report::operations::{Operation, profiled, ranked};
use crate::report::summary::number;
use crate::report::table::Table;

/// How many operations are compared.
const OPERATIONS: usize = 10;

/// Two bundles side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The format of this file.
    pub version: u32,
    /// The earlier bundle.
    pub before: Side,
    /// The later one.
    pub after: Side,
    /// In what their plans differ; empty when they are the same try.
    pub differences: Vec<String>,
    /// The steps of both, in the order of the later one.
    pub steps: Vec<StepComparison>,
    /// The top operations of the later one with their shares in both; `None` when one has no profile.
    pub hotspots: Option<Vec<HotspotComparison>>,
    /// Why there are no hotspots.
    pub hotspots_reason: Option<String>,
}

/// One of the two bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its name; null when its plan names none.
    pub stamp: Option<String>,
    /// Its path relative to the project root.
    pub bundle: String,
    /// How its run ended.
    pub status: String,
}

/// A step in both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepComparison {
    /// Its id.
    pub id: String,
    /// Its outcome in the earlier bundle; null when it has no such step.
    pub before: Option<String>,
    /// Its outcome in the later one.
    pub after: Option<String>,
    /// Every metric with a numeric value in at least one of the two.
    pub metrics: Vec<MetricComparison>,
}

/// A metric in both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its value in the earlier bundle.
    pub before: Option<f64>,
    /// Its value in the later one.
    pub after: Option<f64>,
    /// `after / before`.
    pub ratio: Option<f64>,
    /// Why there is no ratio.
    pub reason: Option<String>,
}

/// An operation in both profiles; shares in percent of all samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotspotComparison {
    /// The function.
    pub function: String,
    /// Where it is.
    pub place: String,
    /// Its inclusive share in the earlier bundle; null when it is not in that profile.
    pub before_percent: Option<f64>,
    /// Its inclusive share in the later one.
    pub after_percent: f64,
}

impl Comparison {
    /// Compares two bundles.
    pub fn of(before: &EvidenceRecord, after: &EvidenceRecord) -> Self {
        let (hotspots, hotspots_reason) = match hotspots(before, after) {
            Ok(list) => (Some(list), None),
            Err(reason) => (None, Some(reason)),
        };
        let gone = before.state.steps.iter().filter(|step| find(after, &step.id).is_none());
        let all = after.state.steps.iter().chain(gone).map(|step| step.id.as_str());
        Self {
            version: 1,
            before: side(before),
            after: side(after),
            differences: differences(&before.plan, &after.plan).into_iter().map(|one| one.text).collect(),
            steps: all.map(|id| step(id, find(before, id), find(after, id))).collect(),
            hotspots,
            hotspots_reason,
        }
    }

    /// What `comparison.json` of a bundle holds.
    pub fn stored(record: &EvidenceRecord) -> Option<Self> {
        serde_json::from_value(record.comparison.clone()?).ok()
    }

    /// The text below the heading: Markdown, not yet made ASCII.
    pub fn render(&self) -> String {
        // Writing into a String cannot fail.
        let mut text = String::new();
        let (before, after) = (&self.before, &self.after);
        let _ = writeln!(
            text,
            "Before: `{}` ({}). After: `{}` ({}).",
            before.bundle, before.status, after.bundle, after.status
        );
        if self.differences.is_empty() {
            text.push_str(
                "The plans are the same: workflow, variables, plugins, inputs, commit and runner.\n",
            );
        } else {
            text.push_str("The plans differ in:\n\n");
            for difference in &self.differences {
                let _ = writeln!(text, "- {difference}");
            }
        }
        text.push('\n');
        let mut table = Table::new(["Step", "Metric", "Before", "After", "After / before"]);
        let word = |outcome: &Option<String>| outcome.clone().unwrap_or_else(|| "no such step".to_owned());
        for step in &self.steps {
            let same = if step.before == step.after { "same" } else { "DIFFERENT" };
            let id = format!("`{}`", step.id);
            table.row([id.clone(), "(outcome)".into(), word(&step.before), word(&step.after), same.into()]);
            for metric in &step.metrics {
                let ratio = metric.ratio.map(|ratio| format!("{ratio:.4}"));
                table.row([
                    id.clone(),
                    metric.name.clone(),
                    figure(metric.before, &metric.unit),
                    figure(metric.after, &metric.unit),
                    ratio.or_else(|| metric.reason.clone()).unwrap_or_default(),
                ]);
            }
        }
        text.push_str(&table.render());
        text.push('\n');
        match (&self.hotspots, &self.hotspots_reason) {
            (Some(list), _) => {
                let mut table = Table::new(["#", "Before", "After", "Operation", "Where"]);
                for (index, hotspot) in list.iter().enumerate() {
                    table.row([
                        (index + 1).to_string(),
                        hotspot
                            .before_percent
                            .map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %")),
                        format!("{:.1} %", hotspot.after_percent),
                        format!("`{}`", hotspot.function),
                        format!("`{}`", hotspot.place),
                    ]);
                }
                text.push_str(&table.render());
            }
            (None, reason) => {
                let _ = writeln!(
                    text,
                    "No operations compared: {}.",
                    reason.as_deref().unwrap_or("no reason given")
                );
            }
        }
        text
    }
}

fn find<'r>(record: &'r EvidenceRecord, id: &str) -> Option<&'r StepOutcome> {
    record.state.steps.iter().find(|step| step.id == id)
}

fn side(record: &EvidenceRecord) -> Side {
    Side {
        stamp: record.plan.stamp.as_ref().map(|stamp| stamp.as_str().to_owned()),
        bundle: record.plan.bundle.clone(),
        status: record.state.status.word().to_owned(),
    }
}

fn outcome(step: &StepOutcome) -> String {
    let word = || serde_json::to_value(step.status).ok().and_then(|word| word.as_str().map(str::to_owned));
    step.outcome.map_or_else(|| word().unwrap_or_default(), |outcome| outcome.word().to_owned())
}

/// The attempt whose figures stand for a step: the last one that has any.
fn measured(step: Option<&StepOutcome>) -> Option<&AttemptRecord> {
    step?.attempts.iter().rev().find(|attempt| !attempt.metrics.is_empty())
}

fn step(id: &str, before: Option<&StepOutcome>, after: Option<&StepOutcome>) -> StepComparison {
    let (old, new) = (measured(before), measured(after));
    let number = |attempt: Option<&AttemptRecord>, name: &str| attempt?.metrics.get(name)?["value"].as_f64();
    let names = |attempt: Option<&AttemptRecord>| -> Vec<String> {
        attempt.map(|attempt| attempt.metrics.keys().cloned().collect()).unwrap_or_default()
    };
    let mut all = names(new);
    all.extend(names(old).into_iter().filter(|name| new.is_none_or(|new| !new.metrics.contains_key(name))));
    let apart = match (old, new) {
        (Some(old), Some(new)) if old.actual != new.actual => Some("measured for other values"),
        (Some(old), Some(new)) if [old, new].iter().any(|one| one.kind == AttemptKind::Fallback) => {
            (old.kind != new.kind).then_some("one is of a fallback")
        }
        _ => None,
    };
    let metrics = all.iter().filter_map(|name| {
        let (a, b) = (number(old, name), number(new, name));
        if a.is_none() && b.is_none() {
            return None;
        }
        let reason = match (a, b) {
            (None, _) => Some("not measured before"),
            (_, None) => Some("not measured after"),
            (Some(0.0), _) => Some("0 before"),
            _ => apart,
        };
        let ratio = a.zip(b).filter(|_| reason.is_none()).map(|(a, b)| b / a);
        let unit = new.or(old).and_then(|attempt| attempt.metrics.get(name)?["unit"].as_str());
        Some(MetricComparison {
            name: name.clone(),
            unit: unit.unwrap_or_default().to_owned(),
            before: a,
            after: b,
            ratio,
            reason: reason.map(str::to_owned),
        })
    });
    StepComparison {
        id: id.to_owned(),
        before: before.map(outcome),
        after: after.map(outcome),
        metrics: metrics.collect(),
    }
}

fn hotspots(before: &EvidenceRecord, after: &EvidenceRecord) -> Result<Vec<HotspotComparison>, String> {
    let read = |record: &EvidenceRecord, which: &str| -> Result<Value, String> {
        let found =
            profiled(&record.path, &record.state).filter(|(_, attempt, _)| attempt.outcome == Outcome::Ok);
        found
            .map(|(_, _, hotspots)| hotspots)
            .ok_or_else(|| format!("the {which} bundle has no profile of a step that was ok"))
    };
    let (old, new) = (read(before, "earlier")?, read(after, "later")?);
    let old: Vec<Operation> = ranked(&old, usize::MAX);
    let compared = ranked(&new, OPERATIONS).into_iter().map(|operation| HotspotComparison {
        place: operation.place(),
        before_percent: old
            .iter()
            .find(|other| other.function == operation.function)
            .map(|other| other.inclusive_percent),
        after_percent: operation.inclusive_percent,
        function: operation.function,
    });
    Ok(compared.collect())
}

fn figure(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else { return "-".to_owned() };
    // A count is read back as a float; it is a count all the same.
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    let text = if whole { format!("{value:.0}") } else { number(&Value::from(value)) };
    // A pure number has the unit 1.
    if unit == "1" { text } else { format!("{text} {unit}").trim_end().to_owned() }
}
