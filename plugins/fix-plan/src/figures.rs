//! The Metrics of an attempt: one line for each attempt of each step, made by [`lines`]. Every line of a
//! step with parameters states what was asked and what was run, also when both are the same. Figures are
//! written as they were recorded, never rounded: a correlation of 0.99949 must not become 0.9995.

use serde_json::{Map, Value};

use crate::ascii::one_line;
use crate::record::{AttemptRecord, StepRecord};
use crate::shortfall::{asked, assignments};

/// Lists longer than this are given as smallest, median and largest value.
const LISTED: usize = 8;

/// One line for each attempt.
pub fn lines(steps: &[StepRecord]) -> Vec<String> {
    steps.iter().flat_map(step_lines).collect()
}

fn step_lines(step: &StepRecord) -> Vec<String> {
    let id = one_line(&step.id, 80);
    if step.attempts.is_empty() {
        return vec![format!("Step {id}: {}.", one_line(&step.outcome, 40))];
    }
    step.attempts.iter().map(|attempt| attempt_line(&id, step, attempt)).collect()
}

fn attempt_line(id: &str, step: &StepRecord, attempt: &AttemptRecord) -> String {
    let actual = attempt.actual.as_ref().filter(|actual| !actual.is_empty());
    let values = match (asked(step), actual) {
        (Some(asked), Some(actual)) if asked == actual => {
            format!(", requested and actual {}", assignments(asked))
        }
        (Some(asked), Some(actual)) => {
            format!(", requested {}, actual {}", assignments(asked), assignments(actual))
        }
        (Some(asked), None) => format!(", requested {}, actual not recorded", assignments(asked)),
        (None, Some(actual)) => format!(", actual {}", assignments(actual)),
        (None, None) => String::new(),
    };
    let outcome = one_line(&attempt.outcome, 40);
    let reason = attempt.reason.as_ref().map(|reason| format!(" ({})", one_line(reason, 200)));
    let mut parts = vec![format!("{outcome}{}", reason.unwrap_or_default())];
    let figures = attempt.metrics.iter().flatten();
    parts.extend(figures.map(|(name, metric)| format!("{} = {}", one_line(name, 80), figure(metric))));
    let AttemptRecord { number, kind, .. } = attempt;
    format!("Step {id}, attempt {number} ({kind}){values}: {}.", parts.join("; "))
}

fn figure(metric: &Value) -> String {
    let none = Map::new();
    let fields = metric.as_object().unwrap_or(&none);
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let unit = match text("unit") {
        None | Some("" | "1") => String::new(),
        Some(unit) => format!(" {}", one_line(unit, 20)),
    };
    match fields.get("value") {
        None | Some(Value::Null) => {
            format!("n/a ({})", one_line(text("reason").unwrap_or("no reason recorded"), 200))
        }
        Some(Value::Array(values)) => list(values) + &unit,
        Some(value) => one_line(&value.to_string(), 80) + &unit,
    }
}

fn list(values: &[Value]) -> String {
    if let [one] = values {
        return one_line(&one.to_string(), 80);
    }
    let mut numbers: Vec<_> = values.iter().filter_map(Value::as_f64).collect();
    if values.len() <= LISTED || numbers.len() != values.len() {
        return one_line(&Value::from(values).to_string(), 200);
    }
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len();
    let median = f64::midpoint(numbers[(count - 1) / 2], numbers[count / 2]);
    format!("min {} / median {median} / max {} of {count}", numbers[0], numbers[count - 1])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::figure;

    #[test]
    fn a_figure_keeps_its_digits_and_its_unit() {
        assert_eq!(figure(&json!({"value": 0.999_49, "unit": "1"})), "0.99949");
        assert_eq!(figure(&json!({"value": [0.04], "unit": "s"})), "0.04 s");
        assert_eq!(figure(&json!({"value": [0.04, 0.05], "unit": "s"})), "[0.04,0.05] s");
    }

    #[test]
    fn a_long_list_is_given_by_its_order() {
        let values = [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0];
        assert_eq!(figure(&json!({"value": values, "unit": "s"})), "min 1 / median 5.5 / max 10 of 10 s");
    }

    #[test]
    fn a_figure_that_was_not_measured_says_why() {
        let metric = json!({"value": null, "unit": "1", "reason": "the value is NaN"});
        assert_eq!(figure(&metric), "n/a (the value is NaN)");
        assert_eq!(figure(&json!(3)), "n/a (no reason recorded)");
    }
}
