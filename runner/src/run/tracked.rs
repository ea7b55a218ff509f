//! [`Tracked`]: what git tracks where the workflow allows writing. A file of it that changes breaks no rule, and is yet
//! worth a word: what runs after that is not what the commit holds. Git itself says what differs, by content; only of
//! files that differed already when the run began, the runner looks whether they were written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::evidence::ChangeRecord;
use crate::fs::Mark;
use crate::guard::Change;
use crate::launch::{GitFiles, Launcher};
use crate::plan::Plan;
use crate::run::proof::{SHOWN, changed, documents, writes};

/// What git tracks where the workflow allows writing, when the run began.
#[derive(Debug)]
pub(super) struct Tracked {
    /// The top of the repository, without symbolic links.
    top: PathBuf,
    /// Absolute.
    places: Vec<PathBuf>,
    /// Files that differed from the commit, relative to the top, and what they were like.
    dirty: BTreeMap<PathBuf, Option<Mark>>,
}

impl Tracked {
    /// `None` when nothing that git tracks may be written: most places are git-ignored, and then git is not asked again.
    pub(super) fn begin(plan: &Plan, git: Option<Arc<GitFiles>>) -> Option<Self> {
        let git = git?;
        let top = git.top().canonicalize().ok()?;
        let tracked = |place: &PathBuf| {
            let below = place.strip_prefix(&top).ok();
            below.is_some_and(|below| below.ancestors().all(|above| !git.leaves_out(above)))
        };
        let mut places: Vec<PathBuf> =
            plan.steps.iter().flat_map(|step| writes(plan, step)).filter(tracked).collect();
        places.sort();
        places.dedup();
        if places.is_empty() {
            return None;
        }
        let within = |path: &&PathBuf| places.iter().any(|place| top.join(path).starts_with(place));
        let dirty = git.modified().filter(within).map(|path| (path.clone(), Mark::of(&top.join(path)).ok()));
        let dirty = dirty.collect();
        Some(Self { top, places, dirty })
    }

    /// What differs now and did not, or was written since; an error when git does not say. Not the documents that the
    /// ledger step names, which people may write at any time.
    pub(super) fn changes(&self, plan: &Plan, launcher: &Launcher) -> Result<Vec<ChangeRecord>, String> {
        let git = launcher.ask_git_of(&self.top, &self.places)?;
        let documents = documents(plan);
        let mut paths: Vec<&PathBuf> = git.modified().chain(self.dirty.keys()).collect();
        paths.sort();
        paths.dedup();
        let differs = |path: &Path| match self.dirty.get(path) {
            Some(before) => Mark::of(&self.top.join(path)).ok() != *before,
            None => true,
        };
        paths.retain(|path| differs(path) && !documents.contains(&self.top.join(path)));
        let change = |path: &Path| {
            let there = self.top.join(path).symlink_metadata().is_ok();
            changed(&self.top, path, if there { Change::Modified } else { Change::Removed })
        };
        Ok(paths.into_iter().map(|path| change(path)).collect())
    }

    /// What is to be said of these files.
    pub(super) fn words(&self, plan: &Plan, changes: &[ChangeRecord]) -> Vec<String> {
        let word = |change: &ChangeRecord| {
            let path = self.top.join(&change.path);
            let steps =
                plan.steps.iter().filter(|step| writes(plan, step).any(|place| path.starts_with(place)));
            let steps: Vec<String> = steps.map(|step| format!("`{}`", step.id)).collect();
            format!(
                "`{}`, which git tracks, was {}, as the `writes:` of {} {} allow: what runs after that is not what the \
                 commit holds",
                change.path,
                change.change,
                if steps.len() == 1 { "step" } else { "steps" },
                steps.join(", ")
            )
        };
        let mut words: Vec<String> = changes.iter().take(SHOWN).map(word).collect();
        if changes.len() > SHOWN {
            words.push(format!(
                "{} more files that git tracks were changed, as `writes:` allow (state.json has all)",
                changes.len() - SHOWN
            ));
        }
        words
    }
}
