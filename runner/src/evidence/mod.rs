//! The bundle on disk: plain files that outlive the tool.
//!
//! [`Bundle`] is the directory, [`CommandLog`] its chained list of commands, [`RunState`] where the run
//! stands, [`seal`] writes the manifest. [`EvidenceRecord`] is all of it read back: reports are made from
//! this alone, never from a live run. [`Secrets`] keeps secret values out of all of it. Evidence that cannot be written is an [`EvidenceError`], and the step
//! it belongs to has failed.

mod ascii;
mod bundle;
mod commands;
mod commands_text;
mod forms;
mod inputs;
mod manifest;
mod record;
mod resumed;
mod secrets;
mod state;
mod sweep;

use std::fmt;
use std::path::Path;

pub use ascii::{ascii, shell_quote};
pub use bundle::{Bundle, RECORDS};
pub use commands::{CommandEnd, CommandLog, CommandRecord, CommandStart, GitState, PluginId};
pub use commands_text::{one_line, with_line};
pub use inputs::{GitClass, InputFile, InputsRecord, StepInputs};
pub use manifest::{Manifest, ManifestFile, flush, seal};
pub use record::EvidenceRecord;
pub use resumed::{ResumeRecord, Unfinished, process_mark};
pub use secrets::Secrets;
pub use state::{
    AttemptKind, AttemptRecord, AttemptedRecord, ChangeRecord, GateRecord, GitRecord, GuardRecord,
    InputCheck, KernelRun, LedgerRecord, RunState, RunStatus, StepOutcome, StepStatus,
};
pub use sweep::sweep;

/// Evidence that could not be written or read, and why.
#[derive(Debug)]
pub struct EvidenceError(String);

impl EvidenceError {
    pub(crate) fn at(path: &Path, what: &str, reason: impl fmt::Display) -> Self {
        Self(format!("{what} `{}`: {reason}", path.display()))
    }
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EvidenceError {}

impl From<crate::fs::WriteError> for EvidenceError {
    fn from(error: crate::fs::WriteError) -> Self {
        Self(error.to_string())
    }
}
