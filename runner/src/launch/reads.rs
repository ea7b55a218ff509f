//! [`Reads`]: turns what programs were seen to open into `inputs.json`.
//!
//! Sorts files into those of toolchains (counted) and all others, digests the latter, and asks what git said of
//! them when the run began. What a step's workflow names is declared; the rest is for the surprises.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::clock::Instant;
use crate::evidence::{GitClass, InputFile, InputsRecord, StepInputs};
use crate::fs::{Digest, Mark, digest_file, display_relative};
use crate::guard::Observed;
use crate::launch::git_files::GitFiles;

/// From how many files on they are shared among threads.
const WORTH_SHARING: usize = 6;
/// Files above this size are not digested.
const LARGEST: u64 = 1 << 30;
/// Directories that belong to a toolchain or a package manager, wherever they are.
const TOOLCHAINS: [&str; 15] = [
    "site-packages",
    "dist-packages",
    "node_modules",
    "__pycache__",
    ".cargo",
    ".rustup",
    ".pyenv",
    ".conda",
    ".nvm",
    ".julia",
    ".opam",
    ".ghcup",
    ".sdkman",
    ".git",
    ".local",
];
/// What marks the root of a Python or conda environment.
const ENVIRONMENTS: [&str; 2] = ["pyvenv.cfg", "conda-meta"];

/// What was read so far.
#[derive(Debug, Default)]
pub struct Reads {
    /// What git said when the run began; `None` when it could not be asked.
    pub git: Option<Arc<GitFiles>>,
    steps: Vec<StepInputs>,
    digests: HashMap<Mark, Digest>,
    environments: HashMap<PathBuf, bool>,
}

/// What a step's workflow names, as absolute paths, and patterns of `reads`.
#[derive(Debug, Default)]
pub struct Declared {
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    /// Patterns for absolute paths.
    pub patterns: Vec<glob::Pattern>,
}

impl Declared {
    fn names(&self, path: &Path) -> bool {
        self.paths.iter().any(|named| path.starts_with(named))
            || self.patterns.iter().any(|pattern| pattern.matches_path(path))
    }
}

impl Reads {
    /// What was read before a run was resumed, if anything.
    pub fn going_on(inputs: Option<InputsRecord>) -> Self {
        Self { steps: inputs.map(|inputs| inputs.steps).unwrap_or_default(), ..Self::default() }
    }

    /// Takes in what a program of a step read.
    pub fn add(&mut self, project: &Path, step: &str, observed: &Observed, declared: &Declared) {
        let at = self.steps.iter().position(|known| known.step == step).unwrap_or_else(|| {
            self.steps.push(StepInputs { step: step.to_owned(), ..StepInputs::default() });
            self.steps.len() - 1
        });
        let listed: Vec<(&PathBuf, &str)> = observed
            .files
            .iter()
            .filter(|(path, _)| !self.is_toolchain(path))
            .map(|(path, read)| (path, read.by.as_str()))
            .collect();
        let toolchain = (observed.files.len() - listed.len()) as u64;
        let new = self.look(project, &listed, declared);
        let record = &mut self.steps[at];
        record.system_files += observed.system;
        record.own_files += observed.own;
        record.toolchain_files += toolchain;
        if record.incomplete.is_none() {
            record.incomplete.clone_from(&observed.incomplete);
        }
        let mut files: BTreeMap<String, InputFile> =
            record.files.drain(..).map(|file| (file.path.clone(), file)).collect();
        for file in new {
            files.entry(file.path.clone()).or_insert(file);
        }
        record.files = files.into_values().collect();
    }

    /// The whole record.
    pub fn record(&self) -> InputsRecord {
        InputsRecord { version: 1, steps: self.steps.clone() }
    }

    fn look(&mut self, project: &Path, listed: &[(&PathBuf, &str)], declared: &Declared) -> Vec<InputFile> {
        let marks: Vec<Option<Mark>> = listed.iter().map(|(path, _)| mark(path)).collect();
        let found = marks.iter().zip(listed).filter_map(|(mark, (path, _))| Some(((*mark)?, path.as_path())));
        let fresh: Vec<(Mark, &Path)> =
            found.filter(|(mark, _)| mark.size <= LARGEST && !self.digests.contains_key(mark)).collect();
        let digest = |(mark, path): (Mark, &Path)| Some((mark, digest_file(path).ok()?.0));
        // Waking other threads costs more than a few small files.
        let digested: Vec<(Mark, Digest)> = if fresh.len() < WORTH_SHARING {
            fresh.into_iter().filter_map(digest).collect()
        } else {
            fresh.into_par_iter().filter_map(digest).collect()
        };
        self.digests.extend(digested);
        let file = |mark: Option<Mark>, path: &Path, by: &str| {
            let sha256 = mark.and_then(|mark| self.digests.get(&mark).cloned());
            let reason = match mark {
                None => Some("it is gone".to_owned()),
                Some(mark) if mark.size > LARGEST => Some("it is larger than 1 GiB".to_owned()),
                Some(_) if sha256.is_none() => Some("it cannot be read".to_owned()),
                Some(_) => None,
            };
            InputFile {
                path: display_relative(path, project),
                sha256,
                reason,
                size: mark.map_or(0, |mark| mark.size),
                modified: mark.and_then(|mark| Instant::from_unix(mark.modified.0, mark.modified.1)),
                git: self.git.as_ref().and_then(|git| git.class(path)),
                declared: declared.names(path),
                by: by.to_owned(),
            }
        };
        marks.iter().zip(listed).map(|(mark, (path, by))| file(*mark, path, by)).collect()
    }

    /// Whether a file belongs to a toolchain. Its version is the toolchain's; hundreds of them say nothing.
    fn is_toolchain(&mut self, path: &Path) -> bool {
        let mut above = path.ancestors().skip(1);
        let named = |directory: &Path| {
            directory.file_name().is_some_and(|name| TOOLCHAINS.iter().any(|known| name == *known))
        };
        let Some(directory) = above.next() else { return false };
        if let Some(known) = self.environments.get(directory) {
            return *known;
        }
        let found = directory
            .ancestors()
            .any(|above| named(above) || ENVIRONMENTS.iter().any(|marker| above.join(marker).exists()));
        self.environments.insert(directory.to_owned(), found);
        found
    }
}

/// What a file is like, or what a link leads to.
fn mark(path: &Path) -> Option<Mark> {
    path.metadata().ok().map(|found| Mark::from(&found))
}

/// A file for the surprises: read, and neither committed nor declared.
pub fn is_hidden(file: &InputFile) -> bool {
    !file.declared && matches!(file.git, Some(GitClass::Untracked | GitClass::Ignored))
}
