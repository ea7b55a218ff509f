//! [`InputsRecord`]: `inputs.json`, what each step read. Files of the system and of toolchains are counted, all
//! others listed with their digest and what git says of them.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::fs::Digest;

/// What `inputs.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsRecord {
    /// The format of this file.
    pub version: u32,
    /// The steps that started a program, in order.
    pub steps: Vec<StepInputs>,
}

/// What the programs of a step read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInputs {
    /// The step.
    pub step: String,
    /// Why the list is not complete, or empty; `None` when it is complete.
    pub incomplete: Option<String>,
    /// The files, sorted by path.
    pub files: Vec<InputFile>,
    /// How many different files of the system were read (counted for each program).
    pub system_files: u64,
    /// How many files of toolchains, package managers and git.
    pub toolchain_files: u64,
    /// How many files where the step may write: in the bundle, its temporary directory, its `writes`.
    pub own_files: u64,
}

/// What git says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitClass {
    /// Tracked, and as it was committed.
    Clean,
    /// Tracked, and changed since.
    Modified,
    /// Not tracked.
    Untracked,
    /// Not tracked, and git does not show it.
    Ignored,
}

impl GitClass {
    /// The word that stands in the evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Modified => "modified",
            Self::Untracked => "untracked",
            Self::Ignored => "ignored",
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Relative to the project root when it lies below it.
    pub path: String,
    /// Its digest after the program's end; `None` with a reason.
    pub sha256: Option<Digest>,
    /// Why there is no digest.
    pub reason: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When its content was last changed.
    pub modified: Option<Instant>,
    /// What git says of it; `None` outside of the repository, in a submodule, and when git could not be asked.
    pub git: Option<GitClass>,
    /// Whether the workflow names it: as a program, an argument, a plugin, an input or in `reads`.
    pub declared: bool,
    /// The name of the process that was the first to read it.
    pub by: String,
}
