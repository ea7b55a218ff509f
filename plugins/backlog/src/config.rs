//! [`Config`]: the step's `with:`, read once when the instance is made. `schema.json` says the same to the runner,
//! and a test compares the two.
//! Called by the plugin's `create`; a path that is empty is refused before anything is read.

use runner_plugin::Error;
use serde::Deserialize;

/// The step's `with:`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `hot_loops.json` of the plugin hot-loops.
    pub hot_loops: String,
    /// Markdown files with tables of classes; their classes take the place of those of the inventory.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How many candidates are listed.
    #[serde(default = "default_top")]
    pub top: usize,
    /// A JSON file with the wall times of the run: `state.json` of its bundle, or the kernel's metrics.
    #[serde(default)]
    pub run: Option<String>,
    /// The artifacts are this path in the bundle with `.json` and `.md` behind it.
    #[serde(default = "default_out")]
    pub out: String,
}

fn default_top() -> usize {
    5
}

fn default_out() -> String {
    "backlog".to_owned()
}

impl Config {
    /// Checks what serde cannot.
    pub fn check(&self) -> Result<(), Error> {
        let paths = [Some(&self.hot_loops), self.run.as_ref(), Some(&self.out)];
        if paths.into_iter().flatten().chain(&self.classes).any(String::is_empty) {
            return Err(Error::invalid("a path is empty: name a file"));
        }
        if !(1..=20).contains(&self.top) {
            return Err(Error::invalid(format!("`top` is {}: list 1 to 20 candidates", self.top)));
        }
        Ok(())
    }
}
