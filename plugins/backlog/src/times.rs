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
}

impl Times {
    /// The last good attempt of a step with the metric `seconds`, or the metric itself.
    pub(crate) fn find(path: &str, bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("`{path}`: {error}"))?;
        let direct = [&value["seconds"], &value["metrics"]["seconds"]];
        let found = direct.into_iter().find_map(|metric| Some((None, numbers(metric)?)));
        let steps = value["steps"].as_array().into_iter().flatten().rev();
        let found = found.or_else(|| {
            steps
                .flat_map(|step| {
                    let attempts = step["attempts"].as_array().into_iter().flatten().rev();
                    attempts.map(move |attempt| (step["id"].as_str(), attempt))
                })
                .filter(|(_, attempt)| attempt["outcome"] == "ok")
                .find_map(|(step, attempt)| Some((step, numbers(&attempt["metrics"]["seconds"])?)))
        });
        let Some((step, mut seconds)) = found else {
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
        })
    }
}

/// A list of numbers, bare or as a metric in seconds; `None` of anything else, also of an empty list.
fn numbers(metric: &Value) -> Option<Vec<f64>> {
    let is_other_unit = metric.get("unit").is_some_and(|unit| unit != "s");
    let list = metric.as_array().or_else(|| metric.get("value")?.as_array()).filter(|_| !is_other_unit)?;
    let numbers: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

#[cfg(test)]
mod tests {
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
