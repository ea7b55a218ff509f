//! [`Proof`]: the repository before the steps, held against what it is afterwards. Any difference outside the
//! places that the workflow allows breaks the rule, whoever made it.

use std::path::{Path, PathBuf};

use crate::clock::Stamp;
use crate::evidence::{ChangeRecord, GuardRecord};
use crate::fs::digest_file;
use crate::git;
use crate::guard::{Change, Difference, Snapshot};
use crate::plan::{Plan, PlanAction, PlanAttempt, PlanStep, places};

/// How many files are told one by one.
pub(super) const SHOWN: usize = 5;

/// The repository before the steps.
#[derive(Debug)]
pub(super) struct Proof {
    top: PathBuf,
    except: Vec<PathBuf>,
    bundle: PathBuf,
    before: Result<Snapshot, String>,
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
        Self { top, except, bundle, before }
    }

    /// From now on a file may change: the runner itself wrote it to the ledger.
    pub(super) fn allow(&mut self, file: &Path) {
        self.except.extend(file.canonicalize().ok());
    }

    /// Compares with now; what was compared and what could not be goes into `guard`.
    pub(super) fn compare(&self, guard: &mut GuardRecord) -> Findings {
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
        changed(&self.top, &difference.path, difference.change)
    }
}

/// A file as it is now, `path` relative to `top`.
pub(super) fn changed(top: &Path, path: &Path, change: Change) -> ChangeRecord {
    let file = top.join(path).symlink_metadata().ok().filter(std::fs::Metadata::is_file);
    ChangeRecord {
        path: if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() },
        change: change.word().to_owned(),
        size: file.as_ref().map(std::fs::Metadata::len),
        sha256: file.and_then(|_| digest_file(&top.join(path)).ok()).map(|(sha256, _)| sha256),
    }
}

enum Other {
    Bundle(String),
    Above,
}

/// The documents that the ledger step names: the runner itself writes them, and so may a person at any time.
pub(super) fn documents(plan: &Plan) -> Vec<PathBuf> {
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
pub(super) fn writes<'a>(plan: &'a Plan, step: &'a PlanStep) -> impl Iterator<Item = PathBuf> + 'a {
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
