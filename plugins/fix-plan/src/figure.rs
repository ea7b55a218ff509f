//! One metric as people read it: [`figure`]. Called for the Metrics and the Result line of an attempt.
//!
//! Six significant digits, bytes in MiB, a list by its count and median. A pure number near 1 (a correlation,
//! a ratio) keeps ten decimals, because what counts there is the distance from 1. The exact figures are in
//! the bundle. A figure that was not measured says why; it must never look like a number.

use serde_json::{Map, Value};

use crate::ascii::one_line;

/// Significant digits of a figure.
const DIGITS: i32 = 6;
/// A pure number that is closer to 1 than this is one of those whose distance from 1 counts.
const NEAR_ONE: f64 = 0.1;

/// The value of a metric (`{"value", "unit", "reason"?}`) with its unit.
pub fn figure(metric: &Value) -> String {
    let none = Map::new();
    let fields = metric.as_object().unwrap_or(&none);
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let unit = text("unit").unwrap_or("1");
    match fields.get("value") {
        None | Some(Value::Null) => {
            format!("n/a ({})", one_line(text("reason").unwrap_or("no reason recorded"), 200))
        }
        Some(Value::Array(values)) => list(values, unit),
        Some(value) => single(value, unit),
    }
}

fn list(values: &[Value], unit: &str) -> String {
    if let [one] = values {
        return single(one, unit);
    }
    let mut numbers: Vec<_> = values.iter().filter_map(Value::as_f64).collect();
    if numbers.is_empty() || numbers.len() != values.len() {
        return one_line(&Value::from(values).to_string(), 200);
    }
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len();
    let median = f64::midpoint(numbers[(count - 1) / 2], numbers[count / 2]);
    format!("{count} values, median {}", with_unit(median, unit))
}

fn single(value: &Value, unit: &str) -> String {
    match value {
        // A count is exact, unless it is one of bytes.
        Value::Number(number) if !number.is_f64() && unit != "B" => suffixed(number.to_string(), unit),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| with_unit(number, unit))
        }
        other => suffixed(one_line(&other.to_string(), 80), unit),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    if unit == "B" {
        return bytes(value);
    }
    let pure = matches!(unit, "" | "1");
    if pure && (value - 1.0).abs() < NEAR_ONE {
        let short = format!("{value:.10}");
        // Rounding must not make 1 of what is not 1.
        let hides = short == "1.0000000000" && value.to_bits() != 1.0_f64.to_bits();
        return if hides { value.to_string() } else { short };
    }
    suffixed(number(value), unit)
}

fn suffixed(number: String, unit: &str) -> String {
    match unit {
        "" | "1" => number,
        unit => format!("{number} {}", one_line(unit, 20)),
    }
}

/// Bytes in the largest binary unit that leaves at least 1.
fn bytes(value: f64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let fitting = units.into_iter().find(|(_, size)| value.abs() >= *size as f64);
    match fitting {
        Some((unit, size)) => format!("{:.1} {unit}", value / size as f64),
        None => format!("{} B", number(value)),
    }
}

/// Six significant digits, without trailing zeros; very large and very small values as `2.70833e8`.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // What rounding makes of it decides: 999999.7 has seven digits then.
    let rounded = format!("{value:.*e}", (DIGITS - 1) as usize);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(mantissa))
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{figure, number};

    #[test]
    fn a_number_has_six_digits_and_no_trailing_zeros() {
        for (value, text) in [
            (0.061_923_456, "0.0619235"),
            (0.0619, "0.0619"),
            (154.652_466_1, "154.652"),
            (123_456.7, "123457"),
            (-0.5, "-0.5"),
            (0.0, "0"),
            (100.0, "100"),
            (999_999.7, "1e6"),
            (270_832_345.1, "2.70832e8"),
            (0.000_012_5, "0.0000125"),
            (1.25e-9, "1.25e-9"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_figure_carries_its_unit() {
        for (metric, text) in [
            (json!({"value": 0.0619, "unit": "s"}), "0.0619 s"),
            (json!({"value": 167_346_176, "unit": "B"}), "159.6 MiB"),
            (json!({"value": 512, "unit": "B"}), "512 B"),
            (json!({"value": 16_777_216, "unit": "px"}), "16777216 px"),
            (json!({"value": 3, "unit": "1"}), "3"),
            (json!({"value": 3}), "3"),
            (json!({"value": "fast", "unit": "1"}), "\"fast\""),
        ] {
            assert_eq!(figure(&metric), text);
        }
    }

    #[test]
    fn a_pure_number_near_one_keeps_its_distance_from_one() {
        let pure = |value: f64| figure(&json!({"value": value, "unit": "1"}));
        assert_eq!(pure(0.999_49), "0.9994900000");
        assert_eq!(pure(1.000_000_001_2), "1.0000000012");
        assert_eq!(pure(1.0), "1.0000000000");
        assert_eq!(pure(0.5), "0.5");
        assert_eq!(figure(&json!({"value": 1.01, "unit": "s"})), "1.01 s");
    }

    #[test]
    fn a_list_is_given_by_its_count_and_median() {
        let seconds = |values: &[f64]| figure(&json!({"value": values, "unit": "s"}));
        assert_eq!(seconds(&[0.04]), "0.04 s");
        assert_eq!(seconds(&[0.9, 0.1, 0.2, 0.4]), "4 values, median 0.3 s");
        assert_eq!(figure(&json!({"value": [], "unit": "s"})), "[]");
        assert_eq!(figure(&json!({"value": [1, "x"], "unit": "s"})), "[1,\"x\"]");
    }

    #[test]
    fn a_figure_that_was_not_measured_says_why() {
        let metric = json!({"value": null, "unit": "1", "reason": "the value is NaN"});
        assert_eq!(figure(&metric), "n/a (the value is NaN)");
        assert_eq!(figure(&json!(3)), "n/a (no reason recorded)");
    }
}
