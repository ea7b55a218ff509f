//! What a run measured, in one phrase: [`phrase`], for the Result line of a complete attempt.
//!
//! `nanobragg at size=4096 dtype=float32, seconds_median 0.0619 s, correlation 1.0000000000`: the plugin and
//! its values come from the command of the attempt that delivered the figures, so that a fallback states its
//! own size. Where the record does not hold both, there is no phrase; nothing is ever guessed.

use crate::ascii::one_line;
use crate::figure::figure;
use crate::record::{AttemptRecord, StepRecord};

/// The values that say what was measured; others only where none of these is there.
const SHAPE: [&str; 2] = ["size", "dtype"];
/// How many values are named.
const VALUES: usize = 2;
/// The figures that sum a measurement up.
const FIGURES: [&str; 2] = ["seconds_median", "correlation"];

/// The phrase for the first step that used a plugin, ended ok, and delivered one of the two figures.
pub fn phrase(steps: &[StepRecord]) -> Option<String> {
    steps.iter().filter(|step| step.uses.is_some()).find_map(|step| {
        let good = step.attempts.iter().rev().find(|attempt| attempt.outcome == "ok")?;
        attempt_phrase(good)
    })
}

fn attempt_phrase(attempt: &AttemptRecord) -> Option<String> {
    let metrics = attempt.metrics.as_ref()?;
    let figures: Vec<_> =
        FIGURES.iter().filter_map(|name| Some(format!("{name} {}", figure(metrics.get(*name)?)))).collect();
    let (name, rest) = attempt.command.as_deref()?.split_once(' ')?;
    let values: Vec<_> = rest.split(' ').collect();
    let keyed = |value: &&&str| value.split_once('=').is_some_and(|(key, _)| SHAPE.contains(&key));
    let mut shape: Vec<&str> = values.iter().filter(keyed).copied().collect();
    if shape.is_empty() {
        shape = values.iter().filter(|value| value.contains('=')).copied().collect();
    }
    shape.truncate(VALUES);
    if figures.is_empty() || shape.is_empty() {
        return None;
    }
    Some(format!("{} at {}, {}", one_line(name, 80), one_line(&shape.join(" "), 120), figures.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::phrase;
    use crate::record::StepRecord;

    fn steps(uses: &Value, command: &str, metrics: &Value) -> Vec<StepRecord> {
        let attempts = json!([
            {"number": 1, "kind": "asked", "outcome": "oom", "command": "k size=4096", "metrics": {}},
            {"number": 2, "kind": "retry", "outcome": "ok", "command": command, "metrics": metrics},
        ]);
        let step = json!({"id": "capture", "uses": uses, "outcome": "ok", "attempts": attempts});
        serde_json::from_value(json!([step])).expect("steps")
    }

    #[test]
    fn the_plugin_its_shape_and_the_two_figures_are_named() {
        let metrics = json!({
            "correlation": {"value": 1.0, "unit": "1"}, "seconds_median": {"value": 0.0619, "unit": "s"}
        });
        let command = "nanobragg device=cpu size=2048 dtype=float32 warmup=1";
        assert_eq!(
            phrase(&steps(&json!("nanobragg"), command, &metrics)).as_deref(),
            Some("nanobragg at size=2048 dtype=float32, seconds_median 0.0619 s, correlation 1.0000000000")
        );
        assert_eq!(
            phrase(&steps(&json!("counter"), "counter limit=7 a=b c=d", &metrics)).as_deref(),
            Some("counter at limit=7 a=b, seconds_median 0.0619 s, correlation 1.0000000000")
        );
    }

    #[test]
    fn without_a_plugin_its_values_or_a_figure_there_is_no_phrase() {
        let metrics = json!({"correlation": {"value": 1.0, "unit": "1"}});
        for (uses, command, metrics) in [
            (json!(null), "bench --size=4096", &metrics),
            (json!("k"), "k", &metrics),
            (json!("k"), "k size 4096", &metrics),
            (json!("k"), "k size=4096", &json!({"photons": {"value": 1.0, "unit": "1"}})),
        ] {
            assert_eq!(phrase(&steps(&uses, command, metrics)), None, "{command}");
        }
    }
}
