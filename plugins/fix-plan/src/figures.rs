//! The Metrics of an attempt, made by [`lines`]: the key figures of each step that has any, and one line for
//! all steps without. Where a step ran more than once, or with other values than were asked, each line says
//! so: a figure of the smaller run must never pass for one of the asked run.

use serde_json::{Map, Value};

use crate::ascii::one_line;
use crate::figure::figure;
use crate::record::{AttemptRecord, StepRecord};
use crate::shortfall::{asked, assignments};

/// How many figures of an attempt are listed; the bundle holds the others.
const LISTED: usize = 8;
/// What is listed first: whether it is right, how fast it is, how large it is.
const KEY: [&str; 7] =
    ["correlation", "sum_ratio", "seconds_median", "seconds_min", "pixels_per_second", "peak_rss", "size"];

/// One line for each attempt of a step with figures, then one for the other steps.
pub fn lines(steps: &[StepRecord]) -> Vec<String> {
    let (with, without): (Vec<_>, Vec<_>) = steps.iter().partition(|step| measured(step));
    let mut lines: Vec<String> = with.into_iter().flat_map(step_lines).collect();
    if !without.is_empty() {
        let ends: Vec<_> = without.into_iter().map(end).collect();
        lines.push(format!("Steps: {}.", ends.join(", ")));
    }
    lines
}

/// The figures of an attempt that matter first, as `(name, value)`; at most eight.
pub fn key_figures(metrics: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let key = KEY.iter().filter_map(|name| metrics.get_key_value(*name));
    let others = metrics.iter().filter(|(name, _)| !KEY.contains(&name.as_str()));
    key.chain(others).take(LISTED).map(|(name, metric)| (name.as_str(), metric)).collect()
}

/// Whether there is more to say of a step than how it ended.
fn measured(step: &StepRecord) -> bool {
    let metrics =
        |attempt: &AttemptRecord| attempt.metrics.as_ref().is_some_and(|metrics| !metrics.is_empty());
    step.attempts.iter().any(|attempt| metrics(attempt) || values(step, attempt).is_some())
}

fn end(step: &StepRecord) -> String {
    let reason = step.attempts.last().and_then(|attempt| attempt.reason.as_deref());
    let reason = reason.map_or_else(String::new, |reason| format!(" ({})", one_line(reason, 200)));
    format!("{} {}{reason}", one_line(&step.id, 80), one_line(&step.outcome, 40))
}

fn step_lines(step: &StepRecord) -> Vec<String> {
    step.attempts.iter().map(|attempt| attempt_line(step, attempt)).collect()
}

fn attempt_line(step: &StepRecord, attempt: &AttemptRecord) -> String {
    let AttemptRecord { number, kind, .. } = attempt;
    let id = one_line(&step.id, 80);
    let which = if step.attempts.len() > 1 { format!(", attempt {number} ({kind})") } else { String::new() };
    let values = values(step, attempt).map_or_else(String::new, |values| format!(", {values}"));
    let reason = attempt.reason.as_ref().map(|reason| format!(" ({})", one_line(reason, 200)));
    let mut parts = vec![format!("{}{}", one_line(&attempt.outcome, 40), reason.unwrap_or_default())];
    let figures = attempt.metrics.as_ref().map(key_figures).unwrap_or_default();
    parts.extend(figures.iter().map(|(name, metric)| format!("{} {}", one_line(name, 80), figure(metric))));
    format!("Step {id}{which}{values}: {}.", parts.join("; "))
}

/// The values that a step asked for and those that the attempt ran with, also when both are the same.
fn values(step: &StepRecord, attempt: &AttemptRecord) -> Option<String> {
    let actual = attempt.actual.as_ref().filter(|actual| !actual.is_empty());
    match (asked(step), actual) {
        (Some(asked), Some(actual)) if asked == actual => {
            Some(format!("requested and actual {}", assignments(asked)))
        }
        (Some(asked), Some(actual)) => {
            Some(format!("requested {}, actual {}", assignments(asked), assignments(actual)))
        }
        (Some(asked), None) => Some(format!("requested {}, actual not recorded", assignments(asked))),
        (None, Some(actual)) => Some(format!("actual {}", assignments(actual))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::lines;
    use crate::record::StepRecord;

    fn steps(value: Value) -> Vec<StepRecord> {
        serde_json::from_value(value).expect("steps")
    }

    fn attempt(metrics: &Value) -> Value {
        json!({"number": 1, "kind": "asked", "outcome": "ok", "metrics": metrics})
    }

    #[test]
    fn steps_without_figures_share_one_line_below_the_others() {
        let steps = steps(json!([
            {"id": "env", "outcome": "ok", "attempts": [attempt(&json!({}))]},
            {"id": "capture", "outcome": "ok", "attempts": [attempt(&json!({"speed": {"value": 2, "unit": "1"}}))]},
            {"id": "collect", "outcome": "failed", "attempts": [
                {"number": 1, "kind": "asked", "outcome": "failed", "reason": "exit code 101"}
            ]},
            {"id": "late", "outcome": "skipped"},
        ]));
        assert_eq!(
            lines(&steps),
            ["Step capture: ok; speed 2.", "Steps: env ok, collect failed (exit code 101), late skipped."]
        );
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn eight_figures_are_listed_and_the_key_ones_come_first() {
        let mut metrics = serde_json::Map::new();
        for name in ["a", "b", "c", "d", "e", "f", "g", "seconds_median", "correlation"] {
            metrics.insert(name.to_owned(), json!({"value": 7, "unit": "1"}));
        }
        let steps = steps(json!([{"id": "k", "outcome": "ok", "attempts": [attempt(&metrics.into())]}]));
        assert_eq!(
            lines(&steps),
            ["Step k: ok; correlation 7; seconds_median 7; a 7; b 7; c 7; d 7; e 7; f 7."]
        );
    }
}
