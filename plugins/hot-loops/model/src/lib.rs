//! What `hot_loops.json` holds: [`HotLoops`], a profile's time related to the loops of an inventory.
//!
//! Written by the plugin `hot-loops`, read by the plugin `backlog` and by reports. It is a crate of its own because
//! no plugin can link another. Weights are whole numbers in the unit of the profile, so that the parts of
//! [`Parts`] add up exactly; percentages are of the whole profile, rounded to hundredths. Never opens a file.

#![warn(missing_docs)]

mod row;
pub mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use row::{Attribution, Common, Group, HotLoop, Outside, Unexplained, UnseenLoop, Variation};

/// The version of the format that this crate writes and reads.
pub const VERSION: u32 = 1;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotLoops {
    /// Of this format: [`VERSION`].
    pub version: u32,
    /// From which inclusive share on a loop is a hot one, in percent.
    pub threshold_percent: f64,
    /// The profile.
    pub profile: ProfileFacts,
    /// The inventory.
    pub inventory: InventoryFacts,
    /// Where all of the profile's weight went.
    pub parts: Parts,
    /// Every loop that the profile has seen, by inclusive weight, also those below the threshold.
    pub loops: Vec<HotLoop>,
    /// Functions with several loops, of which the profile knows only the function: weight shared to nobody.
    pub groups: Vec<Group>,
    /// The loops that the profile has not seen.
    pub unseen: Vec<UnseenLoop>,
    /// Hot code of the project in no loop of the inventory, from the threshold on.
    pub outside: Vec<Outside>,
    /// The rest: what no loop and no line of the project explains; the largest rows.
    pub unexplained: Vec<Unexplained>,
    /// What a reader must know before the figures are used, one line each.
    pub warnings: Vec<String>,
}

/// What was profiled, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileFacts {
    /// The file.
    pub path: String,
    /// Who recorded it.
    pub source: String,
    /// What the weights count: `samples`, `ns`, ...
    pub unit: String,
    /// The whole weight.
    pub total: u64,
    /// Samples behind it, for the sampling error; `None` where it is no profile of samples.
    pub samples: Option<u64>,
    /// Samples per second and thread, where it is known.
    pub hz: Option<u32>,
    /// Wall time covered in seconds, where it is known.
    pub seconds: Option<f64>,
    /// Measured iterations, where somebody counted.
    pub iterations: Option<u64>,
    /// Samples that could not be stored, where the file says it.
    pub lost: Option<u64>,
    /// Threads that were seen.
    pub threads: u64,
}

/// What the inventory is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InventoryFacts {
    /// The file.
    pub path: String,
    /// When the sources were scanned, where the file says it.
    pub scan_timestamp: Option<String>,
    /// Entries in it, comprehensions as well.
    pub loops: u64,
    /// Those with a class.
    pub classified: u64,
    /// Those whose last line is known; of the others only the first line is found.
    pub with_end: u64,
    /// Those whose function is known.
    pub with_function: u64,
}

/// A weight and its share of the whole profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// In the unit of the profile.
    pub weight: u64,
    /// In percent, rounded to hundredths.
    pub percent: f64,
}

impl Share {
    /// A share of `total`; 0 percent of nothing.
    pub fn of(weight: u64, total: u64) -> Self {
        let percent = if total == 0 { 0.0 } else { weight as f64 / total as f64 * 100.0 };
        Self { weight, percent: (percent * 100.0).round() / 100.0 }
    }
}

/// Where the weight went; the weights of the four add up to the profile's total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Self weight of all loops.
    pub loops: Share,
    /// Functions with several loops, of which the profile knows only the function.
    pub groups: Share,
    /// The project's code in no loop of the inventory, with what it calls.
    pub outside: Share,
    /// Everything else.
    pub unexplained: Share,
}

impl Parts {
    /// The weight of all parts.
    pub fn total(&self) -> u64 {
        self.loops.weight + self.groups.weight + self.outside.weight + self.unexplained.weight
    }
}

/// Why bytes are no `hot_loops.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl HotLoops {
    /// Reads JSON. An error names line and column, or the version that this crate does not know.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let wrong = |error: serde_json::Error| {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            ReadError(format!("line {}, column {}: {reason}", error.line(), error.column()))
        };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(wrong)?;
        if version != VERSION {
            return Err(ReadError(format!(
                "version {version} is not {VERSION}: make it again with this version"
            )));
        }
        let read: Self = serde_json::from_slice(bytes).map_err(wrong)?;
        if read.parts.total() != read.profile.total {
            let (parts, total) = (read.parts.total(), read.profile.total);
            return Err(ReadError(format!("the parts add up to {parts}, and the profile is {total}")));
        }
        Ok(read)
    }

    /// The JSON, indented, with a newline at its end.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The loops from the threshold on.
    pub fn hot(&self) -> impl Iterator<Item = &HotLoop> {
        self.loops.iter().filter(|row| self.is_hot(row.inclusive.weight))
    }

    /// Whether a weight is at or above the threshold. Weighed exactly, not by rounded percentages.
    pub fn is_hot(&self, weight: u64) -> bool {
        let total = self.profile.total;
        total > 0 && weight > 0 && weight as f64 * 100.0 >= self.threshold_percent * total as f64
    }
}
