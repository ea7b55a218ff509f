//! The wall times of the run: [`Times::find`], in `state.json` of a bundle or in a kernel's metrics.
//!
//! Called by the plugin when the step names such a file. What is not there is an error with the shape that was
//! expected, never a guess.

use serde::Serialize;
use serde_json::Value;

/// Wall times of the measured iterations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Times {
    /// The file.
    pub(crate) path: String,
    /// The step that was measured, where the file says it.
    pub(crate) step: Option<String>,
    /// Iterations.
    pub(crate) iterations: usize,
    /// Median in seconds.
    pub(crate) median_s: f64,
    /// Standard deviation (n - 1) in seconds; `None` of one iteration.
    pub(crate) std_s: Option<f64>,
    /// What was run instead of what was asked; `None` where it is what was asked.
    pub(crate) fallback: Option<Fallback>,
}

/// The variables that a fallback changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Fallback {
    /// As they were asked for.
    pub(crate) requested: Value,
    /// As the run had them.
    pub(crate) actual: Value,
}

impl Times {
    /// The metric `seconds` itself, or that of a good attempt of a step: of what was asked before a fallback's, of a
    /// profiled one before another's, of the last before the first.
    pub(crate) fn find(path: &str, bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("`{path}`: {error}"))?;
        let direct = [&value["seconds"], &value["metrics"]["seconds"]];
        let direct = direct.into_iter().find_map(|metric| Some((None, None, numbers(metric)?)));
        let Some((step, fallback, mut seconds)) = direct.or_else(|| of_steps(&value)) else {
            return Err(format!(
                "`{path}` has no wall times: expected `seconds` (a list, or {{\"value\": [..], \"unit\": \"s\"}}) at \
                 its top, below `metrics`, or in the metrics of a step that ended ok"
            ));
        };
        let count = seconds.len() as f64;
        let mean = seconds.iter().sum::<f64>() / count;
        let squares: f64 = seconds.iter().map(|one| (one - mean).powi(2)).sum();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        let median = if seconds.len() % 2 == 1 {
            seconds[middle]
        } else {
            f64::midpoint(seconds[middle - 1], seconds[middle])
        };
        Ok(Self {
            path: path.to_owned(),
            step: step.map(str::to_owned),
            iterations: seconds.len(),
            median_s: median,
            std_s: (seconds.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            fallback,
        })
    }

    /// What a reader must know before these seconds are used.
    pub(crate) fn caveat(&self) -> Option<String> {
        let Fallback { requested, actual } = self.fallback.as_ref()?;
        Some(format!(
            "the wall times are those of a fallback, with {actual} instead of {requested}: what was asked did not end ok"
        ))
    }
}

/// The step's id, what a fallback changed, and the seconds.
fn of_steps(state: &Value) -> Option<(Option<&str>, Option<Fallback>, Vec<f64>)> {
    let steps = state["steps"].as_array()?;
    let attempts = steps.iter().flat_map(|step| {
        let attempts = step["attempts"].as_array().into_iter().flatten();
        attempts.map(move |attempt| (step["id"].as_str(), attempt))
    });
    let (_, step, attempt, seconds) = attempts
        .filter(|(_, attempt)| attempt["outcome"] == "ok")
        .filter_map(|(step, attempt)| {
            let rank = (attempt["kind"] != "fallback", !attempt["profile"].is_null());
            Some((rank, step, attempt, numbers(&attempt["metrics"]["seconds"])?))
        })
        // Of several, the last.
        .max_by_key(|(rank, ..)| *rank)?;
    let fallback = (attempt["kind"] == "fallback")
        .then(|| Fallback { requested: attempt["requested"].clone(), actual: attempt["actual"].clone() });
    Some((step, fallback, seconds))
}

/// A list of numbers, bare or as a metric in seconds, or the one number of a metric; `None` of anything else, also of
/// an empty list. Figures of programs have no unit: then the name says it.
fn numbers(metric: &Value) -> Option<Vec<f64>> {
    let is_other_unit = metric.get("unit").is_some_and(|unit| unit != "s" && unit != "");
    let value = if metric.is_array() { metric } else { metric.get("value")? };
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let numbers: Option<Vec<f64>> = list.iter().filter(|_| !is_other_unit).map(Value::as_f64).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_found_in_a_state_and_in_metrics() {
        let state = br#"{"steps": [
            {"id": "env", "attempts": [{"outcome": "ok", "metrics": {}}]},
            {"id": "capture", "attempts": [
                {"outcome": "ok", "metrics": {"seconds": {"value": [1, 3, 2, 6], "unit": "s"}}},
                {"outcome": "failed", "metrics": {"seconds": {"value": [9], "unit": "s"}}}]}]}"#;
        let times = Times::find("state.json", state).expect("times");
        assert_eq!((times.step.as_deref(), times.iterations, times.median_s), (Some("capture"), 4, 2.5));
        assert!((times.std_s.expect("four") - 2.160).abs() < 0.001);
        let times = Times::find("m.json", br#"{"metrics": {"seconds": [0.5]}}"#).expect("times");
        assert_eq!((times.median_s, times.std_s), (0.5, None));
        // As figures of a program stand in the state: without a unit, perhaps one number.
        let times = Times::find("m.json", br#"{"metrics": {"seconds": {"value": 1.5, "unit": ""}}}"#);
        assert!((times.expect("times").median_s - 1.5).abs() < 1e-9);
    }

    fn state(steps: &[Value]) -> Times {
        Times::find("state.json", json!({ "steps": steps }).to_string().as_bytes()).expect("times")
    }

    fn attempt(kind: &str, outcome: &str, seconds: f64) -> Value {
        json!({
            "kind": kind, "outcome": outcome, "requested": { "size": 4096 },
            "actual": { "size": if kind == "fallback" { 2048 } else { 4096 } },
            "metrics": { "seconds": { "value": [seconds], "unit": "s" } }, "profile": null,
        })
    }

    #[test]
    fn seconds_of_a_fallback_never_pass_for_those_of_what_was_asked() {
        let fell_back = json!({ "id": "run", "attempts": [
            attempt("asked", "failed", 9.0), attempt("retry", "failed", 9.0), attempt("fallback", "ok", 1.0),
        ] });
        let asked = json!({ "id": "first", "attempts": [attempt("asked", "ok", 4.0)] });
        let times = state(&[asked, fell_back.clone()]);
        assert_eq!((times.step.as_deref(), times.median_s, times.caveat()), (Some("first"), 4.0, None));
        let times = state(&[fell_back]);
        assert_eq!((times.step.as_deref(), times.median_s), (Some("run"), 1.0));
        let caveat = times.caveat().expect("a caveat");
        assert!(caveat.contains(r#"{"size":2048} instead of {"size":4096}"#), "{caveat}");
    }

    #[test]
    fn seconds_of_the_profiled_step_come_before_those_of_later_ones() {
        let mut profiled = attempt("asked", "ok", 4.0);
        profiled["profile"] = json!({ "samples": 100 });
        let step = |id: &str, attempt: Value| json!({ "id": id, "attempts": [attempt] });
        let (later, latest) =
            (step("later", attempt("asked", "ok", 5.0)), step("latest", attempt("retry", "ok", 6.0)));
        assert_eq!(state(&[later.clone(), latest.clone()]).step.as_deref(), Some("latest"));
        let times = state(&[step("profiled", profiled), later, latest]);
        assert_eq!((times.step.as_deref(), times.median_s), (Some("profiled"), 4.0));
    }

    #[test]
    fn what_is_no_list_of_seconds_is_refused() {
        for text in
            ["{}", r#"{"seconds": []}"#, r#"{"seconds": {"value": [1], "unit": "ms"}}"#, r#"{"seconds": 1}"#]
        {
            assert!(
                Times::find("m.json", text.as_bytes()).expect_err(text).contains("has no wall times"),
                "{text}"
            );
        }
        assert!(Times::find("m.json", b"{").is_err());
    }
}
