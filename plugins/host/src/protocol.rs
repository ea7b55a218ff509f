//! The conversation between the runner and its plugin host: one JSON value per line, over the host's stdin
//! (runner to host, [`ToHost`]) and stdout (host to runner, [`FromHost`]).
//!
//! The runner sends one [`Job`]; the host loads, drives the whole role (for a kernel: prepare, warm-up,
//! profiler start, measured iterations, profiler stop, finish) and ends with [`FromHost::Done`] or
//! [`FromHost::Failed`]. In between it may ask [`FromHost::Run`], [`FromHost::Read`] or, once, say
//! [`FromHost::Attached`], one at a time, and
//! waits for the [`ToHost`] answer. A host that ends without its last word has crashed; how it ends after its
//! last word does not matter. The end of the host's stdin means that the
//! runner is gone: it counts as [`ToHost::Cancel`], and a host whose plugin does not return within 5 seconds
//! ends itself with exit code 1.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// From the runner to the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToHost {
    /// The first line: what to do.
    Job(Box<Job>),
    /// The answer to [`FromHost::Run`]: the reply of the ABI's `run`, or why the program could not start.
    Ran(Result<Value, String>),
    /// The answer to [`FromHost::Read`].
    Text(Result<String, String>),
    /// The answer to [`FromHost::Attached`]: the program has ended, and its outputs are in the bundle.
    Ended,
    /// The run was cancelled: set the flag, call the plugin's `cancel`.
    Cancel,
}

/// What the host is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The plugin of the step.
    pub plugin: Library,
    /// The profiler beside it, for a kernel that is to be profiled.
    pub profiler: Option<Library>,
    /// The project root: relative paths that a plugin reads count from here.
    pub root: PathBuf,
    /// The bundle: artifacts are created below it.
    pub bundle: PathBuf,
    /// The role and what belongs to it.
    pub role: RoleJob,
}

/// A library to load and the configuration of its instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Library {
    /// The plugin's name, for messages.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The step's `with:`: a JSON object.
    pub config: Value,
}

/// Which role the plugin is to play.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleJob {
    /// Prepare, iterate, finish. The result is a [`KernelResult`].
    Kernel,
    /// Capture. The result is the captured JSON.
    Capture,
    /// A profiler beside the program of a `run:` step: attach, wait for the program's end, stop. The result is
    /// the profiler's report.
    Profiler {
        /// The descriptor that the host has inherited; it leads to the process that becomes the program.
        socket: i32,
    },
    /// Documents, then (after the runner sent them by [`ToHost::Text`]) edit. The result is the edit.
    Ledger {
        /// The run record.
        record: Value,
    },
}

/// From the host to the runner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromHost {
    /// What the host does from now on; the last one names the place of a crash.
    Phase {
        /// `load`, `create`, `prepare`, `warmup`, `iterate`, `finish`, `capture`, `documents`, `edit`,
        /// `destroy`; for the profiler beside a kernel `profiler load`, `profiler create`, `profiler start`,
        /// `profiler more`, `profiler stop`, `profiler destroy`, and beside a program `profiler attach`.
        phase: String,
        /// The iteration, counted from 0, in `warmup` and `iterate`.
        iteration: Option<u64>,
    },
    /// A line for the run's log. Level: 1 error, 2 warning, 3 info, 4 debug.
    Log {
        /// The level.
        level: u32,
        /// The text.
        message: String,
    },
    /// Progress of the plugin.
    Progress {
        /// Done so far.
        done: u64,
        /// Of so many; 0 when unknown.
        total: u64,
        /// Of what.
        what: String,
    },
    /// An artifact was opened for writing.
    Artifact {
        /// Relative to the bundle.
        path: String,
    },
    /// The profiler listens: the program may begin. The host waits for [`ToHost::Ended`].
    Attached,
    /// Asks the runner to run a program: the request of the ABI's `run`.
    Run(Value),
    /// Asks the runner to read a document (relative to the project root).
    Read {
        /// The path.
        path: String,
    },
    /// The work is done: the result of the role.
    Done(Value),
    /// The plugin refused or failed.
    Failed(Failure),
}

/// Why a plugin's work did not succeed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// In which phase.
    pub phase: String,
    /// The plugin's own words, or the host's.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in {})", self.message, self.phase)
    }
}

impl std::error::Error for Failure {}

/// The kinds of failure that the host can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The library could not be loaded, has no entry symbol, or another ABI.
    Load,
    /// The plugin returned an error.
    Failed,
    /// The plugin did not accept its configuration or the request.
    Invalid,
    /// It stopped because of a cancellation.
    Cancelled,
    /// A panic was caught inside the plugin.
    Panicked,
    /// An allocation failed inside the plugin.
    OutOfMemory,
    /// It does not offer a call that its role needs.
    Unsupported,
    /// It returned something that is not JSON, or JSON of another shape.
    BadResult,
}

/// What a kernel yields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KernelResult {
    /// Where it computed.
    pub device: String,
    /// Warm-up iterations run.
    pub warmup: u32,
    /// Measured iterations that the kernel asked for.
    pub asked: u32,
    /// Wall time of every measured iteration in seconds, repeats for the profiler included.
    pub seconds: Vec<f64>,
    /// Why iterations were repeated, when they were.
    pub repeated: Option<String>,
    /// Name to `{"value", "unit", "reason"?}`.
    pub metrics: serde_json::Map<String, Value>,
    /// The profiler's report, when there was one.
    pub profile: Option<Value>,
}
