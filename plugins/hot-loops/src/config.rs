//! [`Config`]: the step's `with:`, read once when the instance is made. `schema.json` says the same to the runner,
//! and a test compares the two.
//! Called by the plugin's `create`; an empty path and a threshold that is no percentage are refused there.

use runner_plugin::Error;
use serde::Deserialize;

/// The step's `with:`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The profile: a file, or a directory that holds one.
    pub profile: String,
    /// The inventory: `loop_inventory.json`.
    pub inventory: String,
    /// From which inclusive share on a loop is reported as hot, in percent.
    #[serde(default = "default_threshold")]
    pub threshold: f64,
    /// The artifacts are this path in the bundle with `.csv`, `.json`, `.md` and `.html` behind it.
    #[serde(default = "default_out")]
    pub out: String,
}

fn default_threshold() -> f64 {
    1.0
}

fn default_out() -> String {
    "hot_loops".to_owned()
}

impl Config {
    /// Checks what serde cannot.
    pub fn check(&self) -> Result<(), Error> {
        for (key, value) in [("profile", &self.profile), ("inventory", &self.inventory), ("out", &self.out)] {
            if value.is_empty() {
                return Err(Error::invalid(format!("`{key}` is empty: name a file")));
            }
        }
        if !(0.0..=100.0).contains(&self.threshold) {
            let threshold = self.threshold;
            return Err(Error::invalid(format!("`threshold` is {threshold}: it is a percentage, 0 to 100")));
        }
        Ok(())
    }
}
