//! Metrics and the gates on them. A metric that a gate names and nobody delivered fails the gate: exit
//! status 0 is not success.

use serde_json::{Map, Value, json};

use crate::diagnostic::nearest;
use crate::evidence::{AttemptRecord, Bundle, GateRecord};
use crate::outcome::Outcome;
use crate::run::collect::glob;
use crate::spec::expression::Expression;
use crate::spec::{Figures, Gate, Pattern};

/// Holds the gates against an attempt's metrics; one that does not hold makes the outcome `gate`.
pub(super) fn hold(
    gates: &[Gate],
    vars: &Map<String, Value>,
    overlay: &Map<String, Value>,
    record: &mut AttemptRecord,
) {
    let mut vars = vars.clone();
    vars.extend(overlay.clone());
    let values: Map<String, Value> =
        record.metrics.iter().map(|(name, metric)| (name.clone(), metric["value"].clone())).collect();
    let scope = json!({ "metrics": values, "vars": vars });
    record.gates = gates.iter().map(|gate| one(&gate.expression, &record.metrics, &scope)).collect();
    let failed: Vec<String> = record.gates.iter().filter(|gate| !gate.holds).map(describe).collect();
    if !failed.is_empty() {
        record.outcome = Outcome::Gate;
        record.claim = format!("{} of {} gates did not hold", failed.len(), record.gates.len());
        record.reason = Some(failed.join("; "));
    }
}

fn one(expression: &Expression, delivered: &Map<String, Value>, scope: &Value) -> GateRecord {
    let mut values = Map::new();
    let mut missing = Vec::new();
    for name in expression.names().iter().filter_map(|name| name.strip_prefix("metrics.")) {
        let metric = delivered.get(name);
        let value = metric.map_or(Value::Null, |metric| metric["value"].clone());
        if value.is_null() {
            let reason = metric.and_then(|metric| metric["reason"].as_str());
            let near = nearest(name, delivered.keys().map(String::as_str)).filter(|_| metric.is_none());
            missing.push(match (reason, near) {
                (Some(reason), _) => format!("the metric `{name}` has no value: {reason}"),
                (None, Some(near)) => format!("the metric `{name}` was not delivered; there is `{near}`"),
                (None, None) => format!("the metric `{name}` was not delivered"),
            });
        }
        values.insert(name.to_owned(), value);
    }
    let (holds, reason) = if missing.is_empty() {
        match expression.value(scope) {
            Ok(Value::Bool(holds)) => (holds, None),
            Ok(other) => (false, Some(format!("the gate is {other}, not true or false"))),
            Err(error) => (false, Some(error.message)),
        }
    } else {
        (false, Some(missing.join(", ")))
    };
    GateRecord { expression: expression.source().to_owned(), values, holds, reason }
}

fn describe(gate: &GateRecord) -> String {
    match &gate.reason {
        Some(reason) => format!("gate `{}`: {reason}", gate.expression),
        None => {
            format!("gate `{}` did not hold with {}", gate.expression, super::engine::words(&gate.values))
        }
    }
}

/// Reads the metrics that a program or a capture wrote, from JSON or from text. Why a value is null stands where
/// captures say it: in `unknown`, below its name.
pub(super) fn metrics_from_file(
    bundle: &Bundle,
    pattern: &str,
    figures: &Figures,
) -> Result<Map<String, Value>, String> {
    let mut found = glob(bundle.path(), pattern).map_err(|error| format!("`{pattern}`: {error}"))?;
    let path = match (found.pop(), found.is_empty()) {
        (Some(path), true) => path,
        (None, _) => return Err(format!("the program wrote no metrics file `{pattern}`")),
        (Some(_), false) => {
            return Err(format!("`{pattern}` names {} files; it must name one", found.len() + 1));
        }
    };
    let shown = path.display();
    let bytes = std::fs::read(bundle.path().join(&path)).map_err(|error| format!("`{shown}`: {error}"))?;
    let metric = |(name, value): (&String, Result<Value, String>)| {
        let metric = match value {
            Ok(value) => json!({ "value": value, "unit": "" }),
            Err(reason) => json!({ "value": null, "unit": "", "reason": reason }),
        };
        (name.clone(), metric)
    };
    match figures {
        Figures::Values(values) => {
            let result: Value =
                serde_json::from_slice(&bytes).map_err(|error| format!("`{shown}` is not JSON: {error}"))?;
            let scope = json!({ "result": result });
            let value = |expression: &Expression| match expression.value(&scope) {
                Ok(Value::Null) => {
                    let name = expression.source().trim().strip_prefix("result.").unwrap_or_default();
                    let reason = scope["result"]["unknown"][name].as_str();
                    Err(reason.map_or_else(|| format!("`{shown}` says null"), str::to_owned))
                }
                other => other.map_err(|error| error.message),
            };
            Ok(values.iter().map(|(name, expression)| metric((name, value(expression)))).collect())
        }
        Figures::Patterns(patterns) => {
            let value =
                |pattern: &Pattern| pattern.find(&bytes).map_err(|reason| format!("in `{shown}` {reason}"));
            Ok(patterns.iter().map(|(name, pattern)| metric((name, value(pattern)))).collect())
        }
    }
}
