//! [`Loop`]: one loop of the source, with where it stands, what it looks like, and what people say of it.
//!
//! Made by the scanner of the plugin, or read from JSON. The first six fields are those of inventories that
//! other tools wrote; all others may be missing in such a file. A class is never guessed: `None` means that
//! nobody classified the loop.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loop {
    /// The source file, relative to the project root, with `/`.
    pub module: String,
    /// The line on which the loop begins, counted from 1.
    pub line: u64,
    /// The column on which it begins, in bytes of UTF-8, counted from 0.
    pub col_offset: u64,
    /// `for`, `while`, `async_for`, `do`, `range_for`, `loop`, `iterator`, `parallel_iterator`, or the sort of
    /// comprehension.
    pub loop_type: String,
    /// The head of the loop in one line, in a normal form that does not depend on its layout.
    pub loop_header: String,
    /// What seems to drive the iterations; a heuristic on the header.
    pub iteration_hint: String,
    /// Names the loop in a way that survives edits elsewhere in the file; see `docs/guide/loops.md`.
    #[serde(default)]
    pub id: String,
    /// What sort of construct it is.
    #[serde(default)]
    pub kind: Kind,
    /// `c`, `cpp`, `python` or `rust`.
    #[serde(default)]
    pub language: Option<String>,
    /// The last line of the loop with its body.
    #[serde(default)]
    pub end_line: Option<u64>,
    /// The column behind its last byte on that line, counted from 0.
    #[serde(default)]
    pub end_col: Option<u64>,
    /// The qualified name of the innermost function around it; `None` outside of functions.
    #[serde(default)]
    pub function: Option<String>,
    /// The line on which that function begins, behind decorators and attributes.
    #[serde(default)]
    pub function_line: Option<u64>,
    /// The last line of that function.
    #[serde(default)]
    pub function_end_line: Option<u64>,
    /// How many loops of the same function are around it.
    #[serde(default)]
    pub depth: Option<u64>,
    /// The id of the innermost of them.
    #[serde(default)]
    pub parent: Option<String>,
    /// Whether it runs in tests only, as far as the source says it; left out of the JSON where it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// What people decided.
    #[serde(default)]
    pub class: Option<Class>,
    /// The row that says so, as `file:line`.
    #[serde(default)]
    pub class_source: Option<String>,
    /// The row's priority.
    #[serde(default)]
    pub class_priority: Option<String>,
    /// The row's notes.
    #[serde(default)]
    pub class_notes: Option<String>,
}

impl Loop {
    /// The last line: where that is unknown, the first.
    pub fn last_line(&self) -> u64 {
        self.end_line.unwrap_or(self.line)
    }

    /// Whether a line (from 1) is one of the loop's, head and body.
    pub fn contains(&self, line: u64) -> bool {
        (self.line..=self.last_line()).contains(&line)
    }
}

/// The sort of construct.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A loop statement or loop expression.
    #[default]
    Loop,
    /// A Python comprehension or generator expression.
    Comprehension,
    /// A Rust chain of iterator adapters that is consumed.
    IteratorChain,
}

impl Kind {
    /// Whether `total_loops` counts it. Comprehensions are listed, but inventories never counted them.
    pub fn is_counted(self) -> bool {
        self != Self::Comprehension
    }
}

/// What people decided about a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A vectorised form exists.
    Vectorized,
    /// Needs no vectorised form.
    Safe,
    /// To be vectorised.
    Todo,
    /// Needs a measurement first.
    Uncertain,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vectorized, Self::Safe, Self::Todo, Self::Uncertain];

    /// The class of this name, whatever its case.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| word.eq_ignore_ascii_case(class.name()))
    }

    /// Its name in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vectorized => "vectorized",
            Self::Safe => "safe",
            Self::Todo => "todo",
            Self::Uncertain => "uncertain",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
