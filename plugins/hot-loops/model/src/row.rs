//! The rows of a `HotLoops`: a loop that was seen ([`HotLoop`]), one that was not ([`UnseenLoop`]), a function whose
//! loops cannot be told apart ([`Group`]), hot code without a loop ([`Outside`]), and the rest ([`Unexplained`]).
//!
//! Plain data, made by the plugin `hot-loops`.

use loop_inventory_model::Loop;
use serde::{Deserialize, Serialize};

use crate::Share;

/// How it is known that time was spent in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// By the lines that were executed.
    Line,
    /// At least partly by the function around it only: the figures are upper bounds.
    Function,
}

impl Attribution {
    /// Its name in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Function => "function",
        }
    }
}

/// A loop that the profile has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotLoop {
    /// The loop, as the inventory has it.
    pub r#loop: Loop,
    /// How it is known.
    pub attribution: Attribution,
    /// With the loop anywhere on the stack; at most this much where `attribution` is `function`.
    pub inclusive: Share,
    /// The part of it that executed lines prove.
    pub inclusive_by_line: Share,
    /// With the loop as the innermost of the inventory's loops on the stack; bounded as `inclusive`.
    #[serde(rename = "self")]
    pub own: Share,
    /// The part of it that executed lines prove.
    pub self_by_line: Share,
    /// How often the function around the loop was called; `None` with the reason.
    pub calls: Option<u64>,
    /// Why `calls` is `None`.
    pub calls_reason: Option<String>,
    /// How the inclusive share varies over the measured iterations.
    pub variation: Variation,
    /// With which other hot loops it is on one stack, around it or called from it: without this, the difference of two
    /// shares has no known error. Empty below the threshold.
    #[serde(default)]
    pub common: Vec<Common>,
    /// Why the inventory and the sources of today do not fit at this loop.
    pub stale: Option<String>,
}

/// Another loop that is on the same stacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Common {
    /// Its id.
    pub loop_id: String,
    /// Weight of the stacks with both.
    pub weight: u64,
}

/// How a share varies over the measured iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Variation {
    /// Iterations with any weight.
    pub iterations: u64,
    /// Mean of the shares in percent.
    pub mean_percent: Option<f64>,
    /// Standard deviation of the shares (n - 1) in percent.
    pub std_percent: Option<f64>,
    /// Why one of the two is `None`.
    pub reason: Option<String>,
}

/// A function with several loops, of which the profile knows only the function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The function, as the profile names it.
    pub function: String,
    /// The module.
    pub module: String,
    /// The ids of its loops, in the order of the source.
    pub loops: Vec<String>,
    /// With the function innermost of all that has loops: time of its loops, or beside them.
    #[serde(rename = "self")]
    pub own: Share,
}

/// A loop that the profile has not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnseenLoop {
    /// The loop, as the inventory has it.
    pub r#loop: Loop,
    /// Whether it is waiting for work (`todo` or `uncertain`) although this profile has no time in it. A profile of
    /// the processor says nothing of an accelerator.
    pub cold: bool,
    /// Why nothing can be said of it: its module was on the stack, and profile and inventory together do not tell in
    /// which of its loops. Then it is not cold.
    #[serde(default)]
    pub undetermined: Option<String>,
}

/// Code of the project in no loop of the inventory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    /// The file.
    pub file: String,
    /// The line; `None` where only the function is known.
    pub line: Option<u32>,
    /// The function.
    pub function: String,
    /// Whether the file has loops in the inventory.
    pub in_inventory: bool,
    /// Here or in what is called from here without a loop.
    pub inclusive: Share,
    /// Here itself.
    #[serde(rename = "self")]
    pub own: Share,
}

/// What no loop and no line of the project explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unexplained {
    /// The innermost function; empty for the sum of the rows that are not listed.
    pub function: String,
    /// Its object or category.
    pub module: String,
    /// `runtime`, `glue` or `kernel`; empty for the sum.
    pub kind: String,
    /// Its weight.
    #[serde(rename = "self")]
    pub own: Share,
}
