//! The step's `with:`: [`Config`]. `schema.json` states the same as JSON Schema; `tests/schema.rs` holds the
//! two together. Called once per run, by the plugin's `create`. Never looks at a document.

use runner_plugin::Error;
use serde::Deserialize;

use crate::record::RunResult;

/// Which item and which plan row a run belongs to, and what to write there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of `with:` that stands for itself")]
pub struct Config {
    /// The ledger, relative to the project root.
    pub ledger: String,
    /// The ID of the item, without brackets: `VECTOR-GAPS-002`.
    pub item: String,
    /// The plan, relative to the project root. Goes with `row` or `rows`.
    #[serde(default)]
    pub plan: Option<String>,
    /// The ID of the plan row: `B1`. Goes with `plan`.
    #[serde(default)]
    pub row: Option<String>,
    /// The IDs of several plan rows that one run answers, in the order of the plan: `[A1, A2]`. In place of
    /// `row`.
    #[serde(default)]
    pub rows: Option<Vec<String>>,
    /// What each result writes into the State cell of the row.
    #[serde(default)]
    pub state: StateMap,
    /// What each result writes behind `- Status:` of the item, in place of the default of
    /// [`crate::status`].
    #[serde(default)]
    pub status: StatusMap,
    /// Who ran it: stands in parentheses behind the attempt's number.
    #[serde(default)]
    pub who: Option<String>,
    /// Whether the item's status line is set.
    #[serde(default = "yes")]
    pub set_status: bool,
    /// Whether the item's row in the index table follows its status.
    #[serde(default)]
    pub index: bool,
    /// Whether the item's own list of Next Actions gets those of the entry.
    #[serde(default)]
    pub next_actions: bool,
    /// Whether the last cell of the plan row gets a line about the attempt.
    #[serde(default)]
    pub note: bool,
}

const fn yes() -> bool {
    true
}

/// The state letter of each result. A result without a letter leaves the cell alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateMap {
    /// Default `P`.
    pub complete: StateLetter,
    /// Default `B`.
    pub blocked: StateLetter,
    /// Default: the cell stays.
    pub interrupted: Option<StateLetter>,
    /// Default: the cell stays.
    pub broken: Option<StateLetter>,
}

impl Default for StateMap {
    fn default() -> Self {
        Self { complete: StateLetter('P'), blocked: StateLetter('B'), interrupted: None, broken: None }
    }
}

impl StateMap {
    /// The letter for a result.
    pub fn letter(&self, result: RunResult) -> Option<StateLetter> {
        match result {
            RunResult::Complete => Some(self.complete),
            RunResult::Blocked => Some(self.blocked),
            RunResult::Interrupted => self.interrupted,
            RunResult::Broken => self.broken,
        }
    }
}

/// One of the letters that a State cell may hold: space, `P`, `D`, `B`, `X`, `x`, `~`, `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StateLetter(char);

impl StateLetter {
    /// Every letter, in the order of the schema.
    pub const ALL: [char; 8] = [' ', 'P', 'D', 'B', 'X', 'x', '~', '-'];

    /// The letter.
    pub fn get(self) -> char {
        self.0
    }
}

impl TryFrom<String> for StateLetter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), None) if Self::ALL.contains(&letter) => Ok(Self(letter)),
            _ => Err(format!("`{text}` is not a state; one of ' ', P, D, B, X, x, ~, - is")),
        }
    }
}

/// The status text of each result; `None` means the default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusMap {
    /// For a complete run.
    pub complete: Option<String>,
    /// For a blocked run.
    pub blocked: Option<String>,
    /// For an interrupted run.
    pub interrupted: Option<String>,
    /// For a run whose evidence broke a rule.
    pub broken: Option<String>,
}

impl StatusMap {
    /// The text for a result.
    pub fn text(&self, result: RunResult) -> Option<&str> {
        match result {
            RunResult::Complete => &self.complete,
            RunResult::Blocked => &self.blocked,
            RunResult::Interrupted => &self.interrupted,
            RunResult::Broken => &self.broken,
        }
        .as_deref()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.complete, &self.blocked, &self.interrupted, &self.broken].into_iter().flatten().map(|s| &**s)
    }
}

impl Config {
    /// The plan rows that the run answers, in the order given.
    pub fn plan_rows(&self) -> Vec<&str> {
        self.row.iter().chain(self.rows.iter().flatten()).map(String::as_str).collect()
    }

    /// Checks what serde cannot: `plan` and `row` together, relative paths, values of one line.
    pub fn check(&self) -> Result<(), Error> {
        path("ledger", &self.ledger)?;
        line("item", &self.item, "[]`|")?;
        if self.row.is_some() && self.rows.is_some() {
            return Err(Error::invalid("`row` and `rows` are both given: name all rows in `rows`"));
        }
        let rows = self.plan_rows();
        if rows.is_empty() && self.rows.is_some() {
            return Err(Error::invalid("`rows` is empty: name a plan row, or leave it out"));
        }
        let key = if self.row.is_some() { "row" } else { "rows" };
        match (&self.plan, rows.as_slice()) {
            (Some(plan), [_, ..]) => path("plan", plan)?,
            (None, []) => {}
            (Some(_), []) => {
                return Err(Error::invalid("`plan` is given without `row`: name the plan row"));
            }
            (None, [_, ..]) => {
                return Err(Error::invalid(format!("`{key}` is given without `plan`: name the plan file")));
            }
        }
        for (index, row) in rows.iter().enumerate() {
            line(key, row, "`|")?;
            if rows[..index].contains(row) {
                return Err(Error::invalid(format!("`rows` names `{row}` twice")));
            }
        }
        if self.note && self.plan.is_none() {
            return Err(Error::invalid("`note` is set without `plan` and `row`: name the plan row"));
        }
        if let Some(who) = &self.who {
            line("who", who, "()")?;
        }
        self.status.texts().try_for_each(|text| line("status", text, ""))
    }
}

fn path(key: &str, value: &str) -> Result<(), Error> {
    line(key, value, "`")?;
    if value.starts_with('/') || value.split('/').any(|part| part == "..") {
        return Err(Error::invalid(format!(
            "`{key}` is `{value}`: give a path relative to the project root, without `..`"
        )));
    }
    Ok(())
}

fn line(key: &str, value: &str, forbidden: &str) -> Result<(), Error> {
    let bad = |c: char| c.is_control() || forbidden.contains(c);
    if value.is_empty() || value.trim() != value || value.contains(bad) {
        let also = if forbidden.is_empty() { String::new() } else { format!(" and none of {forbidden}") };
        return Err(Error::invalid(format!(
            "`{key}` is {value:?}: it must be one line of text without outer blanks{also}"
        )));
    }
    Ok(())
}
