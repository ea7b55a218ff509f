//! The `with:` of a `profile:`: [`Config`].
//!
//! Read by serde when the plugin is created and checked once more by [`Config::check`], because a host that
//! does not know JSON Schema must not get past it. `schema.json` states the same; a test compares the two.
//! Nothing here touches the system.

use runner_plugin::{Error, Progress};
use serde::Deserialize;

/// How to sample and when there is enough.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Samples per second of processor time and thread, 1 to 10000.
    pub hz: u32,
    /// Where samples come from.
    pub source: SourceChoice,
    /// Seconds that a profile must cover, 0 to 3600.
    pub min_seconds: f64,
    /// Samples that a profile must have.
    pub min_samples: u64,
    /// Seconds after which no more iterations are asked for, at least `min_seconds`.
    pub max_seconds: f64,
    /// What sampling may cost.
    pub overhead: Overhead,
    /// A profile that the program writes itself, as a pattern below the bundle: it is read, and nothing is sampled.
    pub trace: Option<String>,
    /// Directory of the artifacts, relative to the bundle.
    pub out: String,
}

/// What sampling may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overhead {
    /// Percent of the processor time; the rate is lowered until that holds.
    Percent(f64),
    /// Whatever the asked rate costs.
    Unlimited,
}

impl<'de> Deserialize<'de> for Overhead {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match value.as_f64() {
            Some(percent) => Ok(Self::Percent(percent)),
            None if value == "none" => Ok(Self::Unlimited),
            None => {
                Err(serde::de::Error::custom(format!("overhead is {value}, want a percentage or `none`")))
            }
        }
    }
}

/// The source that the workflow asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceChoice {
    /// `perf`, and `timer` where it is refused.
    Auto,
    /// `perf_event_open` or an error.
    Perf,
    /// The interval timer.
    Timer,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hz: 999, // not 1000: a sampler in step with a periodic workload sees only one of its phases
            source: SourceChoice::Auto,
            min_seconds: 1.0,
            min_samples: 500, // a share of 25 % is then known to +- 2 points (one standard error)
            max_seconds: 20.0,
            overhead: Overhead::Percent(2.0),
            trace: None,
            out: "profile".to_owned(),
        }
    }
}

impl Config {
    /// Refuses values that the schema refuses, and combinations that it cannot express.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |text: String| Err(Error::invalid(text));
        if !(1..=10_000).contains(&self.hz) {
            return refuse(format!("with: hz is {}, want 1 to 10000", self.hz));
        }
        if !(0.0..=3600.0).contains(&self.min_seconds) {
            return refuse(format!("with: min_seconds is {}, want 0 to 3600", self.min_seconds));
        }
        if self.min_samples > 100_000_000 {
            return refuse(format!("with: min_samples is {}, want at most 100000000", self.min_samples));
        }
        if !(self.min_seconds..=86_400.0).contains(&self.max_seconds) {
            return refuse(format!(
                "with: max_seconds is {}, want min_seconds ({}) to 86400",
                self.max_seconds, self.min_seconds
            ));
        }
        if let Overhead::Percent(percent) = self.overhead
            && !(0.01..=100.0).contains(&percent)
        {
            return refuse(format!("with: overhead is {percent}, want 0.01 to 100 percent, or `none`"));
        }
        if let Some(trace) = &self.trace
            && (trace.is_empty() || trace.starts_with('/') || trace.split('/').any(|part| part == ".."))
        {
            return refuse(format!(
                "with: trace is `{}`, want a pattern below the bundle such as `profile/**/trace.json`",
                trace.escape_debug()
            ));
        }
        let inside =
            !self.out.starts_with('/') && self.out.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            return refuse(format!(
                "with: out is `{}`, want a plain relative path such as `profile`",
                self.out.escape_debug()
            ));
        }
        Ok(())
    }

    /// What the profile of a program, which ran for `seconds` and cannot be asked to go on, is short of.
    pub fn too_few(&self, samples: u64, seconds: f64) -> Option<String> {
        match samples {
            0 => {
                Some(format!("no sample at all in {seconds:.2} s: the program was too short, or only waited"))
            }
            few if few < self.min_samples => {
                Some(format!("{few} samples in {seconds:.2} s, want {}", self.min_samples))
            }
            _ => None,
        }
    }

    /// What a profile of `samples` samples is still short of; `None` when it is enough.
    pub fn shortage(&self, samples: u64, progress: &Progress) -> Option<String> {
        (samples < self.min_samples || progress.seconds < self.min_seconds).then(|| {
            format!(
                "{samples} samples in {:.2} s, want {} samples and {} s (at most {} s)",
                progress.seconds, self.min_samples, self.min_seconds, self.max_seconds
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_plugin_testkit::schema_refuses;
    use serde_json::{Value, json};

    const SCHEMA: &str = include_str!("../schema.json");

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn accepted_by_struct(with: &Value) -> bool {
        serde_json::from_value::<Config>(with.clone()).is_ok_and(|config| config.check().is_ok())
    }

    #[test]
    fn the_schema_states_the_defaults_of_the_struct() {
        let properties = schema()["properties"].clone();
        let mut with = serde_json::Map::new();
        for (name, property) in properties.as_object().unwrap() {
            assert!(property["description"].is_string(), "{name} has no description");
            with.insert(name.clone(), property["default"].clone());
        }
        let stated: Config = serde_json::from_value(Value::Object(with)).unwrap();
        assert_eq!(stated, Config::default());
        stated.check().unwrap();
    }

    #[test]
    fn the_schema_and_the_struct_refuse_the_same() {
        let cases = [
            (json!({}), true),
            (json!({"hz": 1, "source": "timer", "min_seconds": 0, "min_samples": 0}), true),
            (json!({"hz": 10_000, "out": "a/b"}), true),
            (json!({"overhead": 0.5}), true),
            (json!({"overhead": "none"}), true),
            (json!({"overhead": 0}), false),
            (json!({"overhead": "much"}), false),
            (json!({"trace": "profile/**/trace.json*"}), true),
            (json!({"trace": ""}), false),
            (json!({"hz": 0}), false),
            (json!({"hz": 10_001}), false),
            (json!({"hz": "999"}), false),
            (json!({"source": "ebpf"}), false),
            (json!({"min_seconds": -1}), false),
            (json!({"min_samples": -1}), false),
            (json!({"min_samples": 100_000_001}), false),
            (json!({"max_seconds": 86_401}), false),
            (json!({"out": ""}), false),
            (json!({"herz": 999}), false),
        ];
        for (with, good) in cases {
            assert_eq!(schema_refuses(SCHEMA, &with).is_none(), good, "schema on {with}");
            assert_eq!(accepted_by_struct(&with), good, "struct on {with}");
        }
    }

    #[test]
    fn a_path_that_leaves_the_bundle_is_refused() {
        for out in ["/tmp", "../x", "a/../../b", "a//b", "./a"] {
            assert!(!accepted_by_struct(&json!({ "out": out })), "{out}");
        }
    }

    #[test]
    fn a_cap_below_the_minimum_is_refused_with_both_values() {
        let config = Config { min_seconds: 30.0, ..Config::default() };
        let message = config.check().unwrap_err().to_string();
        assert_eq!(message, "with: max_seconds is 20, want min_seconds (30) to 86400");
    }

    #[test]
    fn both_the_samples_and_the_seconds_must_suffice() {
        let config = Config::default();
        let at = |seconds| Progress { iterations: 1, seconds };
        assert_eq!(
            config.shortage(37, &at(0.04)).unwrap(),
            "37 samples in 0.04 s, want 500 samples and 1 s (at most 20 s)"
        );
        assert!(config.shortage(37, &at(2.0)).is_some());
        assert!(config.shortage(600, &at(0.5)).is_some());
        assert!(config.shortage(500, &at(1.0)).is_none());
    }
}
