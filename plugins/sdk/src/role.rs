//! The four roles: one trait each, and the values that cross the border as JSON.
//!
//! A trait method may return an error or panic: both reach the user as this step's failure, never as the
//! end of the runner.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Host};

/// A workload that can be measured: prepare, then warm-up and measured iterations, then finish.
pub trait Kernel: Sized + Send + 'static {
    /// The step's `with:`, after the JSON Schema of the manifest accepted it.
    type Config: DeserializeOwned;

    /// Checks the configuration. Nothing large is allocated here.
    fn create(host: &Host, config: Self::Config) -> Result<Self, Error>;
    /// Allocates, computes what does not belong to an iteration, and says how often to iterate.
    fn prepare(&mut self, host: &Host) -> Result<Prepared, Error>;
    /// One iteration. The host takes its wall time around this call.
    fn iterate(&mut self, host: &Host, iteration: Iteration) -> Result<(), Error>;
    /// Computes the metrics and writes artifacts, outside every measurement.
    fn finish(&mut self, host: &Host, finish: &Finish) -> Result<Metrics, Error>;
}

/// Observes the measured iterations of a kernel in the kernel's process, or the program of a `run:` step.
pub trait Profiler: Sized + Send + 'static {
    /// The `profile.with:` of the step.
    type Config: DeserializeOwned;

    /// Checks the configuration.
    fn create(host: &Host, config: Self::Config) -> Result<Self, Error>;
    /// Begins to sample. Called after the last warm-up iteration, on the thread that iterates.
    fn start(&mut self, host: &Host) -> Result<(), Error>;
    /// Called after *every* measured iteration: the time between two calls is one iteration. `Some(reason)` asks
    /// for one more; before the asked iterations were run it has no effect.
    fn more(&mut self, host: &Host, progress: &Progress) -> Result<Option<String>, Error>;
    /// Begins to watch a program instead of a kernel, from its first instruction. Returns as soon as it listens:
    /// the program starts then, and after its end comes [`Self::stop`]. Left out, the plugin cannot do that.
    ///
    /// # Errors
    /// The program is not started, and the step has failed.
    fn attach(&mut self, _host: &Host, _target: Target) -> Result<(), Error> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this profiler observes kernels only, not the program of a `run:` step",
        ))
    }
    /// Ends sampling, writes the artifacts below `profile/`, and returns the report.
    fn stop(&mut self, host: &Host) -> Result<Value, Error>;
}

/// Looks at something and returns it as JSON; the runner writes it as `<step id>.json`.
pub trait Capture: Sized + Send + 'static {
    /// The step's `with:`.
    type Config: DeserializeOwned;

    /// Checks the configuration.
    fn create(host: &Host, config: Self::Config) -> Result<Self, Error>;
    /// Captures.
    fn capture(&mut self, host: &Host) -> Result<Value, Error>;
}

/// Turns a run record into an edit of Markdown documents: a pure function. The runner does the writing.
pub trait Ledger: Sized + Send + 'static {
    /// The step's `with:`.
    type Config: DeserializeOwned;

    /// Checks the configuration.
    fn create(config: Self::Config) -> Result<Self, Error>;
    /// The documents it wants to see: paths relative to the project root.
    fn documents(&self) -> Vec<String>;
    /// Computes the edit. The same request always gives the same edit.
    fn edit(&self, request: &EditRequest) -> Result<Edit, Error>;
}

/// What a kernel says after it has prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Iterations to run first, unmeasured and unprofiled.
    pub warmup: u32,
    /// Iterations to measure; at least 1.
    pub iterations: u32,
    /// Where the kernel computes: `cpu`, `cuda:0`, ...
    pub device: String,
}

/// Which iteration is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// Counts from 0, warm-up and measured iterations separately.
    pub index: u64,
    /// Whether this is a warm-up iteration.
    pub warmup: bool,
}

/// What the host measured, for [`Kernel::finish`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Wall time of each measured iteration in seconds, in order; at least one.
    pub seconds: Vec<f64>,
    /// How many of them the kernel asked for; the others were repeated for the profiler.
    pub asked: u32,
}

/// How far the measured iterations are, for [`Profiler::more`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Measured iterations so far.
    pub iterations: u64,
    /// Their wall time in seconds, added up.
    pub seconds: f64,
}

/// A program that is about to begin, for [`Profiler::attach`].
#[derive(Debug)]
pub struct Target {
    /// Leads to the process that becomes the program. It opens events on itself for whoever asks; the messages
    /// are described at `attach` of the ABI's `PluginTable`. Closing it lets the program begin.
    pub socket: OwnedFd,
    /// The bundle, absolute: after the program's end its outputs are below it.
    pub bundle: PathBuf,
}

/// One figure with its unit (`s`, `B`, `px/s`; `1` for a pure number).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// A number or a list of numbers; `null` when it was not measured.
    pub value: Value,
    /// The unit.
    pub unit: String,
    /// Why the value is `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Named figures, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(Map<String, Value>);

impl Metrics {
    /// No figures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number. A value that is not finite is recorded as `null`, with that reason.
    #[must_use]
    pub fn with(self, name: &str, value: f64, unit: &str) -> Self {
        let reason = (!value.is_finite()).then(|| format!("the value is {value}"));
        self.insert(name, Metric { value: value.into(), unit: unit.into(), reason })
    }

    /// Adds a whole number.
    #[must_use]
    pub fn with_count(self, name: &str, value: u64, unit: &str) -> Self {
        self.insert(name, Metric { value: value.into(), unit: unit.into(), reason: None })
    }

    /// Adds a list of numbers.
    #[must_use]
    pub fn with_list(self, name: &str, values: &[f64], unit: &str) -> Self {
        self.insert(name, Metric { value: values.into(), unit: unit.into(), reason: None })
    }

    /// Says that a figure was not measured, and why.
    #[must_use]
    pub fn with_unknown(self, name: &str, unit: &str, reason: &str) -> Self {
        self.insert(name, Metric { value: Value::Null, unit: unit.into(), reason: Some(reason.into()) })
    }

    fn insert(mut self, name: &str, metric: Metric) -> Self {
        let value = serde_json::to_value(metric).unwrap_or(Value::Null);
        self.0.insert(name.to_owned(), value);
        self
    }
}

/// What a ledger plugin sees: the documents it named, and the record of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditRequest {
    /// Path to text, for each path of [`Ledger::documents`].
    pub documents: BTreeMap<String, String>,
    /// The run record; see `docs/guide/plugins.md` for its fields.
    pub record: Value,
}

/// What a ledger plugin wants changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// For each path the replacements, ordered by `start`, not overlapping.
    pub splices: BTreeMap<String, Vec<Splice>>,
    /// The number of the attempt that was written, when there is one.
    pub attempt: Option<u64>,
    /// One line for the summary: what the edit does.
    pub summary: String,
    /// Why this must not be written: the one place that is meant was not found. The runner then changes no
    /// file, fails the step with these words, and keeps the splices in the bundle as a patch for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Replaces the bytes `start..end` of a document by `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice {
    /// First byte to replace; on a character boundary.
    pub start: usize,
    /// One past the last byte to replace; equal to `start` for an insertion.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}
