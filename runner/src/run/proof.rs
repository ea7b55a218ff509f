//! [`Proof`]: the repository before the steps, held against what it is afterwards. Any difference outside the
//! places that the workflow allows breaks the rule, whoever made it. Within them, a file that git tracks is told: the
//! commit is then not what ran.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Stamp;
use crate::evidence::{ChangeRecord, GitClass, GuardRecord};
use crate::fs::digest_file;
use crate::git;
use crate::guard::{Change, Difference, Snapshot};
use crate::launch::GitFiles;
use crate::plan::{Plan, PlanAction, PlanAttempt, PlanStep, places};

/// How many files are told one by one.
const SHOWN: usize = 5;

/// The repository before the steps.
#[derive(Debug)]
pub(super) struct Proof {
    top: PathBuf,
    except: Vec<PathBuf>,
    /// Those of `except` that the runner itself writes.
    documents: Vec<PathBuf>,
    bundle: PathBuf,
    before: Result<Snapshot, String>,
    allowed: Option<Allowed>,
}

/// What git tracks where the workflow allows writing.
#[derive(Debug)]
struct Allowed {
    git: Arc<GitFiles>,
    /// Relative to the top of the repository.
    places: Vec<PathBuf>,
    before: io::Result<Snapshot>,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Changes outside of the allowed places.
    pub changes: Vec<ChangeRecord>,
    /// Bundles that another run made meanwhile.
    pub other_runs: Vec<String>,
}

impl Proof {
    /// Looks at the whole repository (or the project, when it is in none).
    pub(super) fn begin(plan: &Plan, bundle: &Path) -> Self {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let top = real(&git::root_above(&plan.root).unwrap_or_else(|| plan.root.clone()));
        let bundle = real(bundle);
        let documents = documents(plan);
        let writes = plan.steps.iter().flat_map(|step| writes(plan, step));
        let except =
            std::iter::once(&bundle).chain(&documents).cloned().chain(writes).collect::<Vec<PathBuf>>();
        let before = Snapshot::take(&top, &except).map_err(|error| error.to_string());
        Self { top, except, documents, bundle, before, allowed: None }
    }

    /// Looks at what git tracks where the workflow allows writing. What git does not name as its own there, which is
    /// mostly what a build leaves, is not looked at.
    pub(super) fn begin_allowed(&mut self, plan: &Plan, git: Option<Arc<GitFiles>>) {
        let Some(git) = git else { return };
        let places = plan.steps.iter().flat_map(|step| writes(plan, step));
        let below = places.filter_map(|place| place.strip_prefix(&self.top).ok().map(Path::to_owned));
        let places: Vec<PathBuf> =
            below.filter(|place| place.ancestors().all(|above| !git.leaves_out(above))).collect();
        let before = self.look_allowed(&places, &git);
        self.allowed = (!places.is_empty()).then_some(Allowed { git, places, before });
    }

    fn look_allowed(&self, places: &[PathBuf], git: &GitFiles) -> io::Result<Snapshot> {
        let bundle = self.bundle.strip_prefix(&self.top).ok();
        Snapshot::take_of(&self.top, places, &|path| git.leaves_out(path) || Some(path) == bundle)
    }

    /// From now on a file may change: the runner itself wrote it to the ledger.
    pub(super) fn allow(&mut self, file: &Path) {
        if let Ok(file) = file.canonicalize() {
            self.except.push(file.clone());
            self.documents.push(file);
        }
    }

    /// Compares with now; what was compared and what could not be goes into `guard`.
    pub(super) fn compare(&self, guard: &mut GuardRecord) -> Findings {
        let found = self.compare_rest(guard);
        match self.compare_allowed() {
            Ok(allowed) => guard.allowed = allowed,
            Err(error) => guard.not_compared.push(error),
        }
        found
    }

    /// Files that git tracks and that differ where the workflow allows it.
    fn compare_allowed(&self) -> Result<Vec<ChangeRecord>, String> {
        let Some(Allowed { git, places, before }) = &self.allowed else { return Ok(Vec::new()) };
        let before = before.as_ref().map_err(ToString::to_string)?;
        let after = self.look_allowed(places, git).map_err(|error| error.to_string())?;
        let tracked = |difference: &Difference| {
            let path = &difference.path;
            difference.change != Change::Added
                && !before.holds_directory(path)
                && !self.documents.contains(&self.top.join(path))
                && matches!(git.class_of(path), Some(GitClass::Clean | GitClass::Modified))
        };
        Ok(before.differences(&after).iter().filter(|one| tracked(one)).map(|one| self.record(one)).collect())
    }

    /// What is to be said of files that git tracks and that differ where the workflow allows it.
    pub(super) fn allowed_words(&self, plan: &Plan, guard: &GuardRecord) -> Vec<String> {
        let word = |change: &ChangeRecord| {
            let path = self.top.join(&change.path);
            let steps =
                plan.steps.iter().filter(|step| writes(plan, step).any(|place| path.starts_with(place)));
            let steps: Vec<String> = steps.map(|step| format!("`{}`", step.id)).collect();
            format!(
                "`{}`, which git tracks, was {}, as the `writes:` of {} {} allow: what runs after that is not what \
                 the commit holds",
                change.path,
                change.change,
                if steps.len() == 1 { "step" } else { "steps" },
                steps.join(", ")
            )
        };
        let mut words: Vec<String> = guard.allowed.iter().take(SHOWN).map(word).collect();
        if guard.allowed.len() > SHOWN {
            words.push(format!(
                "{} more files that git tracks were changed, as `writes:` allow (state.json has all)",
                guard.allowed.len() - SHOWN
            ));
        }
        words
    }

    fn compare_rest(&self, guard: &mut GuardRecord) -> Findings {
        let after = Snapshot::take(&self.top, &self.except).map_err(|error| error.to_string());
        let (before, after) = match (&self.before, &after) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(error), _) | (_, Err(error)) => {
                guard.compared = None;
                guard.not_compared = vec![error.clone()];
                return Findings::default();
            }
        };
        guard.compared = Some(after.len() as u64);
        guard.not_compared = after.unseen().iter().map(|path| path.display().to_string()).collect();
        let mut findings = Findings::default();
        for difference in before.differences(after) {
            let allowed = self.except.contains(&self.top.join(&difference.path));
            if allowed || self.is_passing(&difference.path) {
                continue;
            }
            match self.other_bundle(before, &difference) {
                Some(Other::Bundle(name)) if !findings.other_runs.contains(&name) => {
                    findings.other_runs.push(name);
                }
                Some(_) => {}
                None => findings.changes.push(self.record(&difference)),
            }
        }
        findings
    }

    /// Whether a file is the next text of a document that another run is just about to replace.
    fn is_passing(&self, path: &Path) -> bool {
        let document = path.file_name().and_then(|name| {
            let rest = name.to_str()?.strip_prefix('.')?.strip_suffix(".tmp")?;
            Some(rest.rsplit_once('.')?.0.to_owned())
        });
        document.is_some_and(|name| self.except.contains(&self.top.join(path).with_file_name(name)))
    }

    /// Whether the difference is a bundle that another run made, or a directory for one.
    fn other_bundle(&self, before: &Snapshot, difference: &Difference) -> Option<Other> {
        let new = difference.change == Change::Added;
        let path = self.top.join(&difference.path);
        if new && self.bundle.starts_with(&path) {
            return Some(Other::Above);
        }
        // One that has just been reserved is still empty; it lies beside ours.
        let stamped = difference.path.ancestors().find(|above| {
            let bundle = self.top.join(above);
            above.file_name().and_then(|name| Stamp::parse(name.to_str()?)).is_some()
                && (bundle.parent() == self.bundle.parent() || bundle.join("commands.jsonl").is_file())
        });
        // What is changed in a bundle belongs to a run that was going on already, unless the bundle was sealed.
        let stamped = stamped.filter(|bundle| new || !before.holds(&bundle.join("manifest.json")));
        stamped.map(|bundle| Other::Bundle(bundle.display().to_string()))
    }

    fn record(&self, difference: &Difference) -> ChangeRecord {
        let path = self.top.join(&difference.path);
        let file = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file);
        ChangeRecord {
            path: difference.path.display().to_string(),
            change: difference.change.word().to_owned(),
            size: file.as_ref().map(std::fs::Metadata::len),
            sha256: file.and_then(|_| digest_file(&path).ok()).map(|(sha256, _)| sha256),
        }
    }
}

enum Other {
    Bundle(String),
    Above,
}

/// The documents that the ledger step names: the runner itself writes them, and so may a person at any time.
fn documents(plan: &Plan) -> Vec<PathBuf> {
    let named = |attempt: &PlanAttempt| match &attempt.action {
        PlanAction::Use { with } => {
            let texts = with.as_object().into_iter().flat_map(serde_json::Map::values);
            texts.filter_map(|value| Some(plan.root.join(value.as_str()?))).collect::<Vec<_>>()
        }
        PlanAction::Run { .. } => Vec::new(),
    };
    let ledger = plan.steps.iter().filter(|step| step.is_ledger()).flat_map(|step| named(&step.asked));
    ledger.filter_map(|path| path.canonicalize().ok()).filter(|path| path.is_file()).collect()
}

/// Where a step may write, absolute; also in its fallback.
fn writes<'a>(plan: &'a Plan, step: &'a PlanStep) -> impl Iterator<Item = PathBuf> + 'a {
    let attempts =
        std::iter::once(&step.asked).chain(step.fallback.as_ref().map(|fallback| &fallback.attempt));
    attempts.flat_map(|attempt| places(&plan.root, &attempt.writes))
}

/// The change in words: `src/lib.rs was modified`.
pub(super) fn words(changes: &[ChangeRecord]) -> String {
    let mut parts: Vec<String> =
        changes.iter().take(SHOWN).map(|change| format!("`{}` was {}", change.path, change.change)).collect();
    if changes.len() > SHOWN {
        parts.push(format!("{} more (state.json has all)", changes.len() - SHOWN));
    }
    parts.join(", ")
}
