//! [`Engine`]: goes through the steps of a plan and decides what follows from each outcome.
//!
//! The rules it holds: the asked size first; a fallback only after a listed fault, never after a gate; the
//! first step that fails for good stops the ordinary steps, while `always` steps still run; a step whose
//! evidence could not be written has failed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::clock::Instant;
use crate::event::{Event, Events};
use crate::evidence::{
    AttemptKind, AttemptRecord, Bundle, CommandLog, EvidenceError, GuardRecord, RunState, RunStatus,
    StepOutcome, StepStatus, process_mark,
};
use crate::guard;
use crate::launch::{Launcher, Surroundings};
use crate::outcome::Outcome;
use crate::plan::{Plan, PlanStep};
use crate::process::Cancel;
use crate::run::custody::Custody;
use crate::run::proof::Proof;
use crate::run::tracked::Tracked;
use crate::run::{Beginning, RunEnd, RunError, closing};

/// A run that is going on.
pub struct Engine {
    pub(super) plan: Plan,
    pub(super) launcher: Launcher,
    pub(super) events: Events,
    pub(super) state: RunState,
    /// Metrics by step, for expressions.
    pub(super) metrics: Map<String, Value>,
    /// How the run will end, once that is decided. It goes into the state at the very end: a run that is
    /// killed in its ledger step must not read as complete.
    pub(super) verdict: RunStatus,
    /// Why the ordinary steps are over.
    pub(super) stopped: Option<String>,
    /// The repository before the steps.
    pub(super) proof: Proof,
    /// What git tracks of it where steps may write; `None` also before git was asked.
    pub(super) tracked: Option<Tracked>,
    /// The files of the bundle after the last attempt, while nobody but the runner has been at work since.
    pub(super) custody: Cell<Option<Custody>>,
    /// The bundle of the run that this one repeats.
    pub(super) original: Option<PathBuf>,
    /// Keeps other runs out of the bundle.
    #[expect(dead_code, reason = "holding the file is what holds the lock")]
    pub(super) hold: Option<File>,
}

impl Engine {
    /// Writes the plan and the first state down.
    pub(super) fn begin(
        plan: Plan,
        bundle: &Bundle,
        beginning: Beginning,
        events: Events,
        cancel: Cancel,
    ) -> Result<Self, EvidenceError> {
        let hold = bundle.hold()?;
        bundle.write_json("plan.json", &plan)?;
        let surroundings = surroundings(&plan, beginning.detect_only);
        let launcher = Launcher::new(surroundings, bundle, CommandLog::create(bundle)?, None, cancel)?;
        let steps = plan.steps.iter().map(|step| StepOutcome {
            id: step.id.clone(),
            uses: step.plugin.as_ref().map(|plugin| plugin.manifest.name.clone()),
            status: StepStatus::Pending,
            outcome: None,
            reason: None,
            attempts: Vec::new(),
        });
        let state = RunState {
            version: 1,
            status: RunStatus::Running,
            reason: None,
            started: Instant::now(),
            ended: None,
            pid: std::process::id(),
            git: crate::evidence::GitRecord::default(),
            guard: guarded(beginning.detect_only),
            steps: steps.collect(),
            redacted: Vec::new(),
            surprises: Vec::new(),
            inputs: Vec::new(),
            ledger: None,
            next: Vec::new(),
            process: process_mark(std::process::id()),
            note: beginning.note,
            noted: beginning.noted,
            resumed: Vec::new(),
            ledger_intent: None,
            sizes: BTreeMap::new(),
        };
        events.emit(&Event::RunStarted {
            workflow: plan.workflow.id.clone(),
            title: plan.workflow.title.clone(),
            bundle: plan.bundle.clone(),
            steps: plan.steps.len(),
        });
        bundle.write_json("state.json", &state)?;
        // Both only look, and neither needs the other.
        let (proof, git) = std::thread::scope(|scope| {
            let look = scope.spawn(|| Proof::begin(&plan, bundle.path()));
            let git = launcher.ask_git();
            (look.join(), git)
        });
        let Ok(proof) = proof else {
            return Err(EvidenceError::at(bundle.path(), "no snapshot for", "it panicked"));
        };
        let mut engine = Self {
            plan,
            launcher,
            events,
            state,
            metrics: Map::new(),
            verdict: RunStatus::Running,
            stopped: None,
            proof,
            tracked: None,
            custody: Cell::new(None),
            original: beginning.original,
            hold,
        };
        engine.state.git = git?;
        engine.tracked = Tracked::begin(&engine.plan, engine.launcher.git_files());
        engine.launcher.write_inputs()?;
        engine.save()?;
        tracing::debug!("the beginning is written");
        Ok(engine)
    }

    /// Runs all steps to the end of the run.
    pub fn run(mut self) -> Result<RunEnd, RunError> {
        if let Err(error) = self.go_through() {
            // What can still be said is said: without this the state would read as running for ever.
            self.state.status = RunStatus::Broken;
            self.state.reason = Some(format!("evidence could not be written: {error}"));
            let _ = closing::clean(&mut self);
            self.state.next = vec![format!("remove the cause, then `runner resume {}`", self.plan.bundle)];
            let _ = self.save();
            return Err(error.into());
        }
        // A signal that came after the ledger was written is too late: the run is in it, and ends as usual.
        if self.launcher.cancel().is_set() && self.state.ledger.is_none() {
            return Ok(closing::interrupted(self)?);
        }
        Ok(closing::finish(self)?)
    }

    fn go_through(&mut self) -> Result<(), EvidenceError> {
        let mut closed = false;
        for index in 0..self.plan.steps.len() {
            if self.is_ledger(index) && !closed {
                closed = true;
                closing::check(self)?;
                self.save()?;
            }
            if self.launcher.cancel().is_set() {
                break;
            }
            self.step(index)?;
        }
        if !closed && !self.launcher.cancel().is_set() {
            closing::check(self)?;
        }
        Ok(())
    }

    /// Replaces `state.json`.
    pub(super) fn save(&self) -> Result<(), EvidenceError> {
        self.launcher.bundle().write_json("state.json", &self.state)
    }

    fn is_ledger(&self, index: usize) -> bool {
        self.plan.steps[index].is_ledger()
    }

    fn step(&mut self, index: usize) -> Result<(), EvidenceError> {
        if self.state.steps[index].status == StepStatus::Done {
            // Of an earlier go at this bundle, and it stays.
            return Ok(());
        }
        let step = self.plan.steps[index].clone();
        if let Some(stopped) = self.stopped.clone().filter(|_| !step.always) {
            self.state.steps[index].status = StepStatus::Skipped;
            self.state.steps[index].reason = Some(stopped.clone());
            self.events.emit(&Event::Skipped { step: step.id, reason: stopped });
            return self.save();
        }
        self.state.steps[index].status = StepStatus::Running;
        self.save()?;
        if self.is_ledger(index) {
            self.ledger(index, &step)?;
            self.custody.set(None);
        } else {
            self.ordinary(index, &step)?;
        }
        self.state.steps[index].status = StepStatus::Done;
        let outcome = self.state.steps[index].outcome.unwrap_or(Outcome::Failed);
        if outcome != Outcome::Ok && outcome != Outcome::Cancelled && self.stopped.is_none() {
            let reason = self.state.steps[index].reason.clone().unwrap_or_default();
            self.stopped = Some(format!("step `{}`: {reason}", step.id));
            self.state.reason.clone_from(&self.stopped);
        }
        self.launcher.write_inputs()?;
        self.remember_sizes()?;
        tracing::debug!(step = step.id, "the step is over");
        // Where the next step begins at once, its beginning writes down both.
        let next = self.state.steps.get(index + 1);
        let at_once = next.is_some_and(|next| next.status == StepStatus::Pending)
            && !self.is_ledger(index + 1)
            && !self.launcher.cancel().is_set();
        if at_once { Ok(()) } else { self.save() }
    }

    /// Notes how large each file of the bundle is now.
    pub(super) fn remember_sizes(&mut self) -> Result<(), EvidenceError> {
        let bundle = self.launcher.bundle();
        let custody = self.custody.take().map_or_else(|| Custody::take(bundle), Ok)?;
        self.state.sizes = super::resume::sizes(bundle, &custody);
        self.custody.set(Some(custody));
        Ok(())
    }

    /// The number of the next attempt of a step. One that a kill cut off has no record and yet its number.
    pub(super) fn next_number(&self, index: usize) -> u32 {
        let step = &self.state.steps[index];
        let cut = self.state.resumed.iter().filter_map(|resumed| resumed.unfinished.as_ref());
        let cut = cut.filter(|cut| cut.step == step.id).map(|cut| cut.attempt);
        step.attempts.iter().map(|attempt| attempt.number).chain(cut).max().unwrap_or(0) + 1
    }

    /// Asked, retries, fallback.
    fn ordinary(&mut self, index: usize, step: &PlanStep) -> Result<(), EvidenceError> {
        let mut last = self.one(index, step, AttemptKind::Asked)?;
        for _ in 0..step.retry {
            if matches!(last.outcome, Outcome::Ok | Outcome::Gate | Outcome::Cancelled) {
                break;
            }
            self.set_aside(index)?;
            last = self.one(index, step, AttemptKind::Retry)?;
        }
        let mut reason = explain(&last);
        let fallback = step.fallback.as_ref();
        let fault = last.outcome.fault();
        if let Some(fallback) =
            fallback.filter(|fallback| fault.is_some_and(|fault| fallback.when.contains(&fault)))
        {
            self.events.emit(&Event::Fallback {
                step: step.id.clone(),
                requested: Value::Object(fallback.attempt.requested.clone()),
                actual: Value::Object(fallback.attempt.actual.clone()),
                reason: reason.clone(),
            });
            self.set_aside(index)?;
            let smaller = self.one(index, step, AttemptKind::Fallback)?;
            let (asked, actual) = (words(&smaller.requested), words(&smaller.actual));
            reason = match smaller.outcome {
                Outcome::Ok => {
                    format!("{reason}; {actual} was run instead of the asked {asked} and is ok")
                }
                _ => format!(
                    "{reason}; {actual}, run instead of the asked {asked}, failed too: {}",
                    explain(&smaller)
                ),
            };
            if smaller.outcome == Outcome::Cancelled {
                last.outcome = Outcome::Cancelled;
            }
        }
        let outcome = &mut self.state.steps[index];
        outcome.outcome = Some(last.outcome);
        outcome.reason = (last.outcome != Outcome::Ok).then_some(reason);
        if last.outcome == Outcome::Ok {
            let values = last.metrics.iter().map(|(name, metric)| (name.clone(), metric["value"].clone()));
            self.metrics.insert(step.id.clone(), Value::Object(values.collect()));
        }
        Ok(())
    }

    fn one(
        &mut self,
        index: usize,
        step: &PlanStep,
        kind: AttemptKind,
    ) -> Result<AttemptRecord, EvidenceError> {
        let number = self.next_number(index);
        let record = super::attempt::carry_out(self, index, step, kind, number)?;
        self.events.emit(&Event::AttemptEnded {
            step: step.id.clone(),
            attempt: number,
            outcome: record.outcome,
            seconds: record.seconds,
            reason: record.reason.clone(),
            note: super::attempt::note(&record),
        });
        self.state.steps[index].attempts.push(record.clone());
        Ok(record)
    }

    /// Moves what a failed attempt left behind out of the way of the next one.
    pub(super) fn set_aside(&mut self, index: usize) -> Result<(), EvidenceError> {
        // The attempt is written down before anything of it is moved.
        self.save()?;
        self.custody.set(None);
        let bundle = self.launcher.bundle().clone();
        let step = &mut self.state.steps[index];
        let Some(attempt) = step.attempts.last_mut() else { return Ok(()) };
        // What lies there already was set aside before a kill.
        for artifact in attempt.artifacts.iter_mut().filter(|artifact| !artifact.starts_with("failed/")) {
            let aside = format!("failed/{}-{}", step.id, attempt.number);
            let target = format!("{aside}/{artifact}");
            let from = bundle.find(artifact);
            let to = bundle.file(&aside).join(from.strip_prefix(bundle.path()).unwrap_or(&from));
            let is_there = |path: &Path| path.symlink_metadata().is_ok();
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)
                    .map_err(|error| EvidenceError::at(parent, "cannot create", error))?;
            }
            if !is_there(&from) && is_there(&bundle.find(&target)) {
                // Moved, and killed before that was written down.
                self.launcher.log_moved(&attempt.commands, artifact, &target)?;
                *artifact = target;
            } else if is_there(&from) {
                std::fs::rename(&from, &to)
                    .map_err(|error| EvidenceError::at(&from, "cannot set aside", error))?;
                remove_empty(from.parent(), bundle.path());
                // A log that the next attempt will make again: the record must follow the old one.
                self.launcher.log_moved(&attempt.commands, artifact, &target)?;
                for log in attempt.logs.iter_mut().filter(|log| *log == artifact) {
                    log.clone_from(&target);
                }
                *artifact = target;
            }
        }
        self.save()
    }
}

/// Where the programs of a run are started, and what each of them may be expected to read.
pub(super) fn surroundings(plan: &Plan, detect_only: bool) -> Surroundings {
    let plugins = plan.steps.iter().flat_map(|step| step.plugin.iter().chain(&step.profiler));
    let inputs = plan.inputs.iter().map(|input| plan.root.join(&input.path));
    let own = std::env::current_exe().ok();
    let all = plugins.map(|plugin| plugin.path.clone()).chain(inputs).chain(own);
    let known = all.filter_map(|path| path.canonicalize().ok()).collect();
    Surroundings { root: plan.root.clone(), known, detect_only }
}

/// How the programs of a run are guarded, before there is anything to compare.
pub(super) fn guarded(detect_only: bool) -> GuardRecord {
    let (confinement, how) = guard::confinement(detect_only);
    GuardRecord {
        confinement,
        how,
        compared: None,
        not_compared: Vec::new(),
        changes: Vec::new(),
        allowed: Vec::new(),
    }
}

/// Removes directories that became empty, up to the bundle itself: an empty `profile/` would look like one.
pub(super) fn remove_empty(mut directory: Option<&Path>, bundle: &Path) {
    // The first one that is not empty ends it.
    while let Some(empty) = directory.filter(|path| *path != bundle && std::fs::remove_dir(path).is_ok()) {
        directory = empty.parent();
    }
}

/// `oom at size=4096: ended by the runner: ...`.
pub(super) fn explain(attempt: &AttemptRecord) -> String {
    let place =
        if attempt.actual.is_empty() { String::new() } else { format!(" at {}", words(&attempt.actual)) };
    format!("{}{place}: {}", attempt.outcome, attempt.reason.as_deref().unwrap_or(&attempt.claim))
}

/// `size=4096 dtype=float32`.
pub(super) fn words(values: &Map<String, Value>) -> String {
    crate::evidence::with_line(&Value::Object(values.clone()))
}
