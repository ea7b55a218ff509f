//! [`Figures`]: what is added up while two arrays pass by, in float64 and in one pass.
//!
//! Means and co-moments are updated as Welford (Technometrics 4, 1962) does, so that a large offset costs no
//! digits; sums are compensated as Neumaier (ZAMM 54, 1974) does. Memory does not grow with the arrays.

use serde_json::{Map, Value, json};

use crate::config::{Config, NotFinite};

/// A pair that differs.
#[derive(Clone, Copy, Debug)]
struct Pair {
    index: u64,
    a: f64,
    b: f64,
}

/// A compensated sum.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost +=
            if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// How many pairs were seen.
    pub count: u64,
    finite: u64,
    not_finite: [u64; 2],
    first_not_finite: Option<u64>,
    mean: [f64; 2],
    moment: [f64; 2],
    together: f64,
    sum: [Sum; 2],
    squares: Sum,
    differing: u64,
    first: Option<Pair>,
    greatest: Option<Pair>,
}

impl Figures {
    /// Takes two pieces of the same length.
    pub fn add(&mut self, left: &[f64], right: &[f64], config: &Config) {
        for (a, b) in left.iter().copied().zip(right.iter().copied()) {
            self.pair(a, b, config);
            self.count += 1;
        }
    }

    fn pair(&mut self, a: f64, b: f64, config: &Config) {
        let pair = Pair { index: self.count, a, b };
        // Two infinities of one sign have no difference that could be compared.
        let same = a.total_cmp(&b).is_eq() || a.is_nan() && b.is_nan();
        // A tolerance counts between finite values only: relative to infinity, everything would be near.
        let difference = (a - b).abs();
        let near = difference.is_finite() && difference <= config.absolute + config.relative * a.abs();
        if !same && !near {
            self.differing += 1;
            self.first.get_or_insert(pair);
        }
        self.not_finite[0] += u64::from(!a.is_finite());
        self.not_finite[1] += u64::from(!b.is_finite());
        if !a.is_finite() || !b.is_finite() {
            self.first_not_finite.get_or_insert(self.count);
            return;
        }
        self.finite += 1;
        let count = self.finite as f64;
        let from_old = [a - self.mean[0], b - self.mean[1]];
        self.mean[0] += from_old[0] / count;
        self.mean[1] += from_old[1] / count;
        let from_new = [a - self.mean[0], b - self.mean[1]];
        self.moment[0] += from_old[0] * from_new[0];
        self.moment[1] += from_old[1] * from_new[1];
        self.together += from_old[0] * from_new[1];
        self.sum[0].add(a);
        self.sum[1].add(b);
        self.squares.add((a - b) * (a - b));
        if self.greatest.is_none_or(|greatest| (a - b).abs() > (greatest.a - greatest.b).abs()) {
            self.greatest = Some(pair);
        }
    }

    /// The result; `shape` gives indices as coordinates.
    pub fn into_json(self, config: &Config, shape: Option<&[u64]>) -> Value {
        let mut unknown = Map::new();
        let mut figure = |name: &str, value: Result<f64, String>| match value {
            Ok(value) if value.is_finite() => Value::from(value),
            Ok(value) => {
                unknown.insert(name.to_owned(), Value::from(format!("it came out as {value}")));
                Value::Null
            }
            Err(reason) => {
                unknown.insert(name.to_owned(), Value::from(reason));
                Value::Null
            }
        };
        let usable = self.usable(config);
        let of = |value: &dyn Fn() -> Result<f64, String>| usable.clone().and_then(|()| value());
        let [sum_a, sum_b] = self.sum.map(Sum::value);
        let correlation = figure("correlation", of(&|| self.correlation()));
        let ratio = || if sum_a == 0.0 { Err("the sum of `a` is 0".to_owned()) } else { Ok(sum_b / sum_a) };
        let sum_ratio = figure("sum_ratio", of(&ratio));
        let sums = [figure("sum_a", of(&|| Ok(sum_a))), figure("sum_b", of(&|| Ok(sum_b)))];
        let rms = figure("rms_difference", of(&|| Ok((self.squares.value() / self.finite as f64).sqrt())));
        let greatest = self.greatest.map_or(0.0, |pair| (pair.a - pair.b).abs());
        let greatest = figure("max_abs_difference", of(&|| Ok(greatest)));
        let place = |pair: Option<Pair>| pair.map(|pair| describe(pair, shape));
        let greatest_at = if greatest.is_null() { None } else { place(self.greatest) };
        let [sum_a, sum_b] = sums;
        json!({
            "values": self.count,
            "compared": if usable.is_ok() { self.finite } else { 0 },
            "not_finite_a": self.not_finite[0],
            "not_finite_b": self.not_finite[1],
            "correlation": correlation,
            "sum_a": sum_a,
            "sum_b": sum_b,
            "sum_ratio": sum_ratio,
            "rms_difference": rms,
            "max_abs_difference": greatest,
            "max_abs_difference_at": greatest_at,
            "differing": self.differing,
            "equal": self.differing == 0,
            "first_difference": place(self.first),
            "absolute": config.absolute,
            "relative": config.relative,
            "unknown": unknown,
        })
    }

    /// Whether figures over all values mean something.
    fn usable(&self, config: &Config) -> Result<(), String> {
        let [a, b] = self.not_finite;
        match self.first_not_finite {
            Some(first) if config.not_finite == NotFinite::Refuse => Err(format!(
                "{a} values of `a` and {b} of `b` are NaN or infinite, the first at index {first} (`not_finite: skip` leaves them out)"
            )),
            _ if self.finite == 0 => Err("no pair of values is finite".to_owned()),
            _ => Ok(()),
        }
    }

    fn correlation(&self) -> Result<f64, String> {
        match self.moment {
            [a, _] if a <= 0.0 => Err("all values of `a` are the same".to_owned()),
            [_, b] if b <= 0.0 => Err("all values of `b` are the same".to_owned()),
            // Rounding must not make it more than it can be.
            [a, b] => Ok((self.together / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0)),
        }
    }
}

/// A pair with its place; NaN and infinity as text, because JSON has no such numbers.
fn describe(pair: Pair, shape: Option<&[u64]>) -> Value {
    let number =
        |value: f64| if value.is_finite() { Value::from(value) } else { Value::from(value.to_string()) };
    let at = shape.map(|shape| {
        let mut rest = pair.index;
        let mut at: Vec<u64> = shape
            .iter()
            .rev()
            .map(|extent| {
                let here = rest % (*extent).max(1);
                rest /= (*extent).max(1);
                here
            })
            .collect();
        at.reverse();
        at
    });
    json!({ "index": pair.index, "at": at, "a": number(pair.a), "b": number(pair.b) })
}
