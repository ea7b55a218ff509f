//! [`RunState`]: where a run stands, and what each attempt did. It is `state.json`, replaced as a whole at
//! every change, so that a killed run can be understood.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Instant;
use crate::evidence::ResumeRecord;
use crate::fs::Digest;
use crate::guard::Confinement;
use crate::outcome::Outcome;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It is going on, or was killed; `pid` tells which.
    Running,
    /// Everything asked for was done.
    Complete,
    /// Paused for guidance.
    Blocked,
    /// Stopped by the user.
    Interrupted,
    /// A rule of evidence was broken.
    Broken,
}

impl RunStatus {
    /// The word that stands in the evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Blocked => "blocked",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken",
        }
    }
}

/// What `state.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunState {
    /// The format of this file.
    pub version: u32,
    /// How the run stands.
    pub status: RunStatus,
    /// Why it is blocked, interrupted or broken.
    pub reason: Option<String>,
    /// When it began.
    pub started: Instant,
    /// When it ended.
    pub ended: Option<Instant>,
    /// The runner's process.
    pub pid: u32,
    /// The repository when the run began.
    pub git: GitRecord,
    /// How writes were kept inside, and what the comparison of before and after shows.
    pub guard: GuardRecord,
    /// The steps, in order.
    pub steps: Vec<StepOutcome>,
    /// Variables whose values were taken out of the evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
    /// Worth a person's attention, and no failure.
    pub surprises: Vec<String>,
    /// The inputs after the run.
    pub inputs: Vec<InputCheck>,
    /// What was written to the ledger.
    pub ledger: Option<LedgerRecord>,
    /// What to do next.
    pub next: Vec<String>,
    /// What tells the runner's process from a later one with the same number; see
    /// [`process_mark`](crate::evidence::process_mark).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Why the run was started, in the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Surprises that were known before a step ran: the run was forced, or goes on after damage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<String>,
    /// How the run was taken up again, once for each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<ResumeRecord>,
    /// The number of the ledger's attempt that is about to be written, until it is known that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_intent: Option<u64>,
    /// Size in bytes of each file that was in the bundle when the last step ended. A file that is smaller, or
    /// gone, was damaged later; a sealed bundle has digests instead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sizes: BTreeMap<String, u64>,
}

/// The repository when the run began.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GitRecord {
    /// The commit of HEAD.
    pub head: Option<String>,
    /// Whether the tree had changes; `None` when git could not be asked.
    pub dirty: Option<bool>,
    /// How many files differed.
    pub changed_files: Option<u64>,
    /// Why it is not known.
    pub reason: Option<String>,
}

/// How writes were kept inside, and the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRecord {
    /// Whether writes elsewhere were prevented.
    pub confinement: Confinement,
    /// By what, or why not.
    pub how: String,
    /// How many files and directories of the repository were compared before and after the steps; `None`
    /// until that was done.
    pub compared: Option<u64>,
    /// Why something could not be compared.
    pub not_compared: Vec<String>,
    /// What differs outside of the places that the workflow allows.
    pub changes: Vec<ChangeRecord>,
    /// Files that git tracks and that differ where the workflow allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<ChangeRecord>,
}

/// A file of the repository that differs from what it was before the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Relative to the top of the repository.
    pub path: String,
    /// `added`, `removed`, `modified` or `touched` (mode, owner, times, attributes).
    pub change: String,
    /// Its bytes now.
    pub size: Option<u64>,
    /// Its digest now.
    pub sha256: Option<Digest>,
}

/// A write that was tried outside of the allowed places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptedRecord {
    /// `write`, `remove`, `rename`, ...
    pub verb: String,
    /// Relative to the project root when it lies below it.
    pub path: String,
    /// How often.
    pub times: u64,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Begun. A step that is killed stays like this and never looks fresh.
    Running,
    /// Ended, well or not.
    Done,
    /// Not run, because an earlier step failed.
    Skipped,
}

/// What happened in a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepOutcome {
    /// Its id.
    pub id: String,
    /// The plugin it uses.
    pub uses: Option<String>,
    /// How it stands.
    pub status: StepStatus,
    /// How it ended: the outcome of what was asked, not of the fallback.
    pub outcome: Option<Outcome>,
    /// Why it is not ok, or why it was skipped.
    pub reason: Option<String>,
    /// Its attempts.
    pub attempts: Vec<AttemptRecord>,
}

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// What the workflow asks for.
    Asked,
    /// The same again.
    Retry,
    /// The declared smaller one.
    Fallback,
}

impl AttemptKind {
    /// The word that stands in the evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Retry => "retry",
            Self::Fallback => "fallback",
        }
    }
}

/// What happened in an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Counted from 1 within the step.
    pub number: u32,
    /// Which attempt it is.
    pub kind: AttemptKind,
    /// The variables that the fallback changes, as they were asked for.
    pub requested: Map<String, Value>,
    /// The same variables as this attempt had them.
    pub actual: Map<String, Value>,
    /// How it ended.
    pub outcome: Outcome,
    /// The source of that claim.
    pub claim: String,
    /// What went wrong, in the words of the program or the plugin.
    pub reason: Option<String>,
    /// The command in one line.
    pub command: String,
    /// Its numbers in the command log.
    pub commands: Vec<u64>,
    /// When it began.
    pub started: Instant,
    /// When it ended.
    pub ended: Instant,
    /// Wall time in seconds.
    pub seconds: f64,
    /// The largest resident memory, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Name to value and unit.
    pub metrics: Map<String, Value>,
    /// The gates on them.
    pub gates: Vec<GateRecord>,
    /// What the kernel did.
    pub kernel: Option<KernelRun>,
    /// The profiler's report.
    pub profile: Option<Value>,
    /// Files it made, relative to the bundle.
    pub artifacts: Vec<String>,
    /// Where its output is, relative to the bundle.
    pub logs: Vec<String>,
    /// Streams that were cut at the output limit.
    pub cut: Vec<String>,
    /// What its plugins warned of.
    pub warnings: Vec<String>,
    /// Writes that it tried outside of its places.
    #[serde(default)]
    pub attempted: Vec<AttemptedRecord>,
    /// Evidence of the runner or of earlier steps that it changed, in words.
    #[serde(default)]
    pub tampered: Vec<String>,
    /// Processes that it left running, and that were killed.
    #[serde(default)]
    pub left_behind: Vec<String>,
}

/// What a kernel did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelRun {
    /// Where it computed.
    pub device: String,
    /// Warm-up iterations.
    pub warmup: u32,
    /// Measured iterations that were asked for.
    pub asked: u32,
    /// Measured iterations that were run.
    pub run: u64,
    /// Why more were run than asked for.
    pub repeated: Option<String>,
}

/// A gate and what it saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRecord {
    /// The condition.
    pub expression: String,
    /// The metrics it names.
    pub values: Map<String, Value>,
    /// Whether it held.
    pub holds: bool,
    /// Why not, when there is more to say than the values.
    pub reason: Option<String>,
}

/// An input after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputCheck {
    /// The input's name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The digest before.
    pub before: Digest,
    /// The digest after; `None` when it could not be read.
    pub after: Option<Digest>,
}

impl InputCheck {
    /// Whether it is as it was.
    pub fn unchanged(&self) -> bool {
        self.after.as_ref() == Some(&self.before)
    }
}

/// What was written to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRecord {
    /// The number of the attempt.
    pub attempt: Option<u64>,
    /// One line about the edit.
    pub summary: String,
    /// The files that were changed, relative to the project root.
    pub files: Vec<String>,
}
