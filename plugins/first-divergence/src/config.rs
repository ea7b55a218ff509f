//! [`Config`]: the step's `with:`. `schema.json` says the same to the runner, and a test compares the two.
//!
//! Read once, when the instance is made. Both tolerances are 0 unless the step gives them: then numbers must be equal,
//! and only their notation may differ.

use serde::Deserialize;

/// The step's `with:`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The reference.
    pub a: String,
    /// The candidate.
    pub b: String,
    /// Two numbers agree when |a - b| <= absolute + relative * |a|.
    #[serde(default)]
    pub absolute: f64,
    /// See `absolute`.
    #[serde(default)]
    pub relative: f64,
    /// Lines that begin so are left out of both files.
    #[serde(default)]
    pub skip: Vec<String>,
    /// How many lines before the place are shown.
    #[serde(default = "three")]
    pub context: usize,
}

fn three() -> usize {
    3
}
