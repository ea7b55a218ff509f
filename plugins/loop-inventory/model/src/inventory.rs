//! [`Inventory`]: what `loop_inventory.json` holds, and [`Inventory::read`].
//!
//! Reads inventories of this plugin and those of other tools that have only the first fields. What is read is
//! checked: counts that do not fit the list are an error, because a reader would report one of the two.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Kind, Loop, id};

/// All loops of a code base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// When the sources were scanned (UTC); `None` with the reason in `scan_timestamp_reason`.
    pub scan_timestamp: Option<String>,
    /// Why there is no timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_timestamp_reason: Option<String>,
    /// What was scanned, relative to the project root; several paths are joined by `, `.
    pub package_path: String,
    /// How many loops there are, comprehensions not counted.
    pub total_loops: u64,
    /// The length of `hot_loops`.
    pub hot_loops_count: u64,
    /// How many of each kind there are, comprehensions as well; absent in inventories of other tools.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// Every loop, by module and place.
    pub all_loops: Vec<Loop>,
    /// Those of `all_loops` that were named hot.
    pub hot_loops: Vec<Loop>,
    /// What was not understood: here loops may be missing.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Where the tables of classes contradict the loops or themselves.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
}

/// How many of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Loop statements and expressions.
    pub r#loop: u64,
    /// Consumed chains of iterator adapters.
    pub iterator_chain: u64,
    /// Comprehensions and generator expressions.
    pub comprehension: u64,
    /// How many of the statements, expressions and chains lie in tests.
    #[serde(default)]
    pub tests: u64,
}

impl Counts {
    /// Counts loops.
    pub fn of(loops: &[Loop]) -> Self {
        let count = |kind| loops.iter().filter(|one| one.kind == kind).count() as u64;
        Self {
            r#loop: count(Kind::Loop),
            iterator_chain: count(Kind::IteratorChain),
            comprehension: count(Kind::Comprehension),
            tests: loops.iter().filter(|one| one.test && one.kind.is_counted()).count() as u64,
        }
    }

    /// What `total_loops` counts.
    pub fn total(self) -> u64 {
        self.r#loop + self.iterator_chain
    }
}

/// A place in the sources that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, relative to the project root.
    pub file: String,
    /// The line, counted from 1; `None` when the whole file is meant.
    pub line: Option<u64>,
    /// The column in bytes, counted from 1.
    pub col: Option<u64>,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// What was found, in words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, message, .. } = self;
        match (self.line, self.col) {
            (Some(line), Some(col)) => write!(f, "{file}:{line}:{col}: {message}"),
            (Some(line), None) => write!(f, "{file}:{line}: {message}"),
            (None, _) => write!(f, "{file}: {message}"),
        }
    }
}

/// The sort of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The file could not be read.
    Unreadable,
    /// The file is not UTF-8.
    NotUtf8,
    /// Part of the file is not in its language, as far as the parser knows it.
    Syntax,
    /// A loop stands in a macro, where the parser sees words only.
    Macro,
}

/// A contradiction between a table of classes and the loops, or within that file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The Markdown file.
    pub file: String,
    /// The line, counted from 1; `None` when the whole file is meant.
    pub line: Option<u64>,
    /// What contradicts what.
    pub message: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, message, .. } = self;
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {message}"),
            None => write!(f, "{file}: {message}"),
        }
    }
}

/// Why bytes are no inventory, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl Inventory {
    /// Reads JSON. An error begins with `line L, column C`, or with the path of the value that is wrong. Loops
    /// without an id get one.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let mut inventory: Self = serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            ReadError(format!("line {}, column {}: {reason}", error.line(), error.column()))
        })?;
        inventory.check()?;
        id::number(&mut inventory.all_loops);
        for hot in &mut inventory.hot_loops {
            let place = (&hot.module, hot.line, hot.col_offset);
            let same =
                inventory.all_loops.iter().find(|one| (&one.module, one.line, one.col_offset) == place);
            if let Some(one) = same {
                hot.id.clone_from(&one.id);
            }
        }
        Ok(inventory)
    }

    fn check(&self) -> Result<(), ReadError> {
        for (list, loops) in [("all_loops", &self.all_loops), ("hot_loops", &self.hot_loops)] {
            for (at, one) in loops.iter().enumerate() {
                if one.line == 0 {
                    return Err(ReadError(format!("{list}[{at}].line: lines are counted from 1")));
                }
                if one.last_line() < one.line {
                    let (last, line) = (one.last_line(), one.line);
                    let reason = format!("{list}[{at}].end_line: {last} is before its line {line}");
                    return Err(ReadError(reason));
                }
            }
        }
        let counted = Counts::of(&self.all_loops).total();
        for (name, said, list, found) in [
            ("total_loops", self.total_loops, "all_loops", counted),
            ("hot_loops_count", self.hot_loops_count, "hot_loops", self.hot_loops.len() as u64),
        ] {
            if said != found {
                return Err(ReadError(format!("{name}: says {said}, but `{list}` has {found}")));
            }
        }
        Ok(())
    }

    /// The JSON, indented, with a newline at its end.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
