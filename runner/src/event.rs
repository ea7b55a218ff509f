//! [`Event`]: what the run tells the world while it happens. The engine talks to nobody: progress bars,
//! plain lines and `--json` are listeners.

use std::sync::Arc;

use serde::Serialize;

use crate::clock::Instant;
use crate::outcome::Outcome;

/// Something that happened in a run. Serialised as one JSON object with `event` and `time`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The bundle exists; the steps begin.
    RunStarted { workflow: String, title: String, bundle: String, steps: usize },
    /// A run goes on in a bundle that was there: how it stood, and how many of its steps stay as they are.
    RunResumed { from: String, kept: usize, steps: usize },
    /// An attempt begins.
    AttemptStarted { step: String, index: usize, attempt: u32, kind: String, what: String },
    /// A plugin reports progress; `total` is 0 when unknown.
    Progress { step: String, done: u64, total: u64, what: String },
    /// A plugin enters a phase, such as `warmup` or `iterate`.
    Phase { step: String, phase: String, iteration: Option<u64> },
    /// A line for people from a plugin. Level: 1 error, 2 warning, 3 info, 4 debug.
    Log { step: String, level: u32, message: String },
    /// An attempt ended.
    AttemptEnded {
        step: String,
        attempt: u32,
        outcome: Outcome,
        seconds: f64,
        reason: Option<String>,
        note: String,
    },
    /// The asked attempt failed; the declared smaller one follows.
    Fallback { step: String, requested: serde_json::Value, actual: serde_json::Value, reason: String },
    /// A step was not run, and why.
    Skipped { step: String, reason: String },
    /// The ledger was edited.
    Ledger { summary: String, files: Vec<String> },
    /// Something worth a person's attention that is no failure.
    Surprise { message: String },
    /// The bundle is complete and sealed, or was left as it is.
    RunEnded {
        status: String,
        reason: Option<String>,
        bundle: String,
        seconds: f64,
        sealed: bool,
        next: Vec<String>,
    },
}

impl Event {
    /// Every text of it that is not the runner's own word.
    pub fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::RunStarted { workflow, title, bundle, .. } => vec![workflow, title, bundle],
            Self::AttemptStarted { step, what, .. } | Self::Progress { step, what, .. } => vec![step, what],
            Self::Phase { step, phase, .. } => vec![step, phase],
            Self::Log { step, message, .. } => vec![step, message],
            Self::AttemptEnded { step, reason, note, .. } => [step, note].into_iter().chain(reason).collect(),
            Self::Fallback { step, reason, .. } | Self::Skipped { step, reason } => vec![step, reason],
            Self::Ledger { summary, files } => std::iter::once(summary).chain(files).collect(),
            Self::Surprise { message } => vec![message],
            Self::RunResumed { from, .. } => vec![from],
            Self::RunEnded { reason, bundle, next, .. } => {
                std::iter::once(bundle).chain(reason).chain(next).collect()
            }
        }
    }
}

/// Somebody who hears of events.
type Listener = dyn Fn(Instant, &Event) + Send + Sync;

/// Where events go.
#[derive(Clone)]
pub struct Events(Arc<Listener>);

impl Events {
    /// Events that go to one listener.
    pub fn new(listener: impl Fn(Instant, &Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells the listener.
    pub fn emit(&self, event: &Event) {
        (self.0)(Instant::now(), event);
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
