//! [`EvidenceRecord`]: a bundle read back from disk. Reports are made from this and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::evidence::{CommandLog, CommandRecord, EvidenceError, InputsRecord, Manifest, RunState};
use crate::fs::{files_below, shown};
use crate::plan::Plan;

/// Everything that a bundle says.
#[derive(Clone, Debug)]
pub struct EvidenceRecord {
    /// Where it lies now.
    pub path: PathBuf,
    /// `plan.json`.
    pub plan: Plan,
    /// `state.json`.
    pub state: RunState,
    /// `commands.jsonl`.
    pub commands: Vec<CommandRecord>,
    /// `profile/hotspots.json`, when there is one.
    pub hotspots: Option<Value>,
    /// `env.json`, when there is one.
    pub env: Option<Value>,
    /// `inputs.json`, when there is one.
    pub inputs: Option<InputsRecord>,
    /// `comparison.json`, when the run repeated another one.
    pub comparison: Option<Value>,
    /// `manifest.json`, when the bundle is sealed.
    pub manifest: Option<Manifest>,
    /// Every file, relative to the bundle, sorted.
    pub files: Vec<String>,
}

impl EvidenceRecord {
    /// Reads `plan.json` alone: a run that was killed at its very beginning has nothing else.
    pub fn plan_of(path: &Path) -> Result<Plan, EvidenceError> {
        required(path, "plan.json")
    }

    /// Reads a bundle.
    pub fn load(path: &Path) -> Result<Self, EvidenceError> {
        let log = path.join("commands.jsonl");
        let text = fs::read_to_string(&log).map_err(|error| EvidenceError::at(&log, "cannot read", error))?;
        let commands =
            CommandLog::read(&text).map_err(|error| EvidenceError::at(&log, "cannot read", error))?;
        let files = files_below(path).map_err(|error| EvidenceError::at(path, "cannot list", error))?;
        Ok(Self {
            path: path.to_owned(),
            plan: required(path, "plan.json")?,
            state: required(path, "state.json")?,
            commands,
            hotspots: optional(path, "profile/hotspots.json")?,
            env: optional(path, "env.json")?,
            inputs: optional(path, "inputs.json")?,
            comparison: optional(path, "comparison.json")?,
            manifest: optional(path, "manifest.json")?,
            files: files.iter().map(|file| shown(file)).collect(),
        })
    }
}

fn required<T: DeserializeOwned>(path: &Path, name: &str) -> Result<T, EvidenceError> {
    let file = path.join(name);
    let bytes = fs::read(&file).map_err(|error| EvidenceError::at(&file, "cannot read", error))?;
    serde_json::from_slice(&bytes).map_err(|error| EvidenceError::at(&file, "cannot read", error))
}

fn optional<T: DeserializeOwned>(path: &Path, name: &str) -> Result<Option<T>, EvidenceError> {
    if path.join(name).exists() { required(path, name).map(Some) } else { Ok(None) }
}
