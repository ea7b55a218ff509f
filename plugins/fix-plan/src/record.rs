//! What the runner says about a run: [`RunRecord`], the `record` of an edit request. Everything that an
//! attempt states is taken from here (and, for the next step, from the plan). Keys that this version does
//! not know are ignored, so that a newer runner can say more. Never filled with guesses: what is absent
//! stays absent.

use std::collections::BTreeMap;
use std::fmt;

use runner_plugin::Error;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The record of one run.
#[derive(Clone, Debug, Deserialize)]
pub struct RunRecord {
    /// UTC, `YYYYMMDDTHHMMSSZ`.
    pub stamp: String,
    /// UTC, `YYYY-MM-DD`.
    pub date: String,
    /// The bundle, relative to the project root.
    pub bundle: String,
    /// The workflow.
    pub workflow: WorkflowRecord,
    /// The state of the repository.
    #[serde(default)]
    pub git: GitRecord,
    /// How the run ended.
    pub result: RunResult,
    /// Why it did not complete.
    #[serde(default)]
    pub reason: Option<String>,
    /// What a person should do now, one line each.
    #[serde(default)]
    pub next: Vec<String>,
    /// Variables that were set on the command line, to other values than the workflow's.
    #[serde(default)]
    pub overrides: BTreeMap<String, Override>,
    /// The steps in order.
    #[serde(default)]
    pub steps: Vec<StepRecord>,
    /// The hotspots that the profiler found.
    #[serde(default)]
    pub hotspots: Vec<HotspotRecord>,
    /// Files of the bundle, relative to it. They exist.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// Warnings and oddities, one line each.
    #[serde(default)]
    pub surprises: Vec<String>,
    /// Whether the run goes on after it had stopped: its entry may be there, and the rest of the edit not.
    #[serde(default)]
    pub resumed: bool,
    /// Numbers of attempts that this bundle has already, of tries that are over: a resumed run gets another.
    #[serde(default)]
    pub entered: Vec<u64>,
    /// Says that the same failure was seen before, and where.
    #[serde(default)]
    pub repeated_failure: Option<String>,
}

/// A variable that was set on the command line.
#[derive(Clone, Debug, Deserialize)]
pub struct Override {
    /// What the workflow says.
    pub workflow: Value,
    /// What was set.
    pub set: Value,
}

impl RunRecord {
    /// Whether the run did what the workflow says, so that it may stand for it: complete, and with the
    /// workflow's own values.
    pub fn stands_for_the_workflow(&self) -> bool {
        self.result != RunResult::Complete || self.overrides.is_empty()
    }

    /// `size=64 (the workflow says 4096)`, for each variable that was set.
    pub fn overridden(&self) -> Option<String> {
        let words = self.overrides.iter().map(|(name, both)| {
            format!("{name}={} (the workflow says {})", bare(&both.set), bare(&both.workflow))
        });
        let words: Vec<String> = words.collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Everything that was asked was done.
    Complete,
    /// Paused for guidance.
    Blocked,
    /// Ended from outside.
    Interrupted,
    /// A rule of the evidence does not hold.
    Broken,
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Blocked => "blocked",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken",
        })
    }
}

/// The workflow that ran.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkflowRecord {
    /// Its `id`.
    pub id: String,
    /// Its `title`.
    #[serde(default)]
    pub title: Option<String>,
}

/// The state of the repository at the start.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct GitRecord {
    /// 40 hexadecimal digits, when it is known.
    #[serde(default)]
    pub head: Option<String>,
    /// Whether tracked files had been changed, when it is known.
    #[serde(default)]
    pub dirty: Option<bool>,
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
pub struct StepRecord {
    /// Its `id`.
    pub id: String,
    /// The plugin that it uses; `None` for a program.
    #[serde(default)]
    pub uses: Option<String>,
    /// `ok`, `failed`, `signal`, `timeout`, `oom`, `cancelled`, `plugin_crash`, `gate` or `skipped`.
    pub outcome: String,
    /// Its attempts in order; none when it was skipped.
    #[serde(default)]
    pub attempts: Vec<AttemptRecord>,
    /// What its plugin says is to be done next, one line each.
    #[serde(default)]
    pub next_actions: Vec<String>,
}

/// One execution of a step.
#[derive(Clone, Debug, Deserialize)]
pub struct AttemptRecord {
    /// Counts from 1 within the step.
    pub number: u64,
    /// Why it was made.
    pub kind: AttemptKind,
    /// The values that were asked for, by name.
    #[serde(default)]
    pub requested: Option<Map<String, Value>>,
    /// The values it ran with, by name.
    #[serde(default)]
    pub actual: Option<Map<String, Value>>,
    /// As in [`StepRecord::outcome`].
    pub outcome: String,
    /// Why it did not end well.
    #[serde(default)]
    pub reason: Option<String>,
    /// What ran: for a plugin its name and `key=value` for each value of its configuration.
    #[serde(default)]
    pub command: Option<String>,
    /// Name to `{"value", "unit", "reason"?}`.
    #[serde(default)]
    pub metrics: Option<Map<String, Value>>,
}

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// The first, as the workflow asks.
    Asked,
    /// The same again.
    Retry,
    /// The declared smaller one.
    Fallback,
}

impl fmt::Display for AttemptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked",
            Self::Retry => "retry",
            Self::Fallback => "fallback",
        })
    }
}

/// A hot function or loop.
#[derive(Clone, Debug, Deserialize)]
pub struct HotspotRecord {
    /// Its name.
    pub function: String,
    /// Its source file, when it is known.
    #[serde(default)]
    pub file: Option<String>,
    /// The line in that file.
    #[serde(default)]
    pub line: Option<u64>,
    /// Share of the samples in it and in what it calls, in percent.
    pub inclusive_percent: f64,
    /// Share of the samples in it alone, in percent.
    #[serde(default)]
    pub self_percent: Option<f64>,
}

impl RunRecord {
    /// Reads a record and checks what will stand in the ledger's structure: date, bundle, stamp.
    pub fn read(value: &Value) -> Result<Self, Error> {
        let record =
            Self::deserialize(value).map_err(|error| Error::invalid(format!("the run record: {error}")))?;
        let date = record.date.as_bytes();
        let is_date = date.len() == 10
            && date.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_date {
            return Err(Error::invalid(format!(
                "the run record: date {:?} is not of the form YYYY-MM-DD",
                record.date
            )));
        }
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`');
        let bundle = &record.bundle;
        if bundle.is_empty() || bundle.starts_with('/') || bundle.ends_with('/') || !plain(bundle) {
            return Err(Error::invalid(format!(
                "the run record: bundle {bundle:?} is not a plain path relative to the project root"
            )));
        }
        if record.stamp.is_empty() || !bundle.rsplit('/').next().unwrap_or("").contains(&record.stamp) {
            return Err(Error::invalid(format!(
                "the run record: the bundle `{bundle}` is not named by the stamp {:?}",
                record.stamp
            )));
        }
        Ok(record)
    }

    /// The part of the workflow's title before a dash or colon (`Phase B1` of `Phase B1 - warm-run
    /// capture`), or the workflow's id.
    pub fn label(&self) -> &str {
        let title = self.workflow.title.as_deref().unwrap_or("");
        let cut = [" - ", " \u{2013} ", " \u{2014} ", ": "].iter().filter_map(|dash| title.find(dash)).min();
        match title[..cut.unwrap_or(title.len())].trim() {
            "" => &self.workflow.id,
            label => label,
        }
    }
}
