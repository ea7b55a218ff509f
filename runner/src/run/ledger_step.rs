//! The ledger step: the plugin computes an edit from the run record, the runner writes it.

use std::collections::BTreeMap;

use runner_plugin_host::protocol::{Job, Library, RoleJob};
use serde_json::{Value, json};

use crate::client::{PluginCall, run_plugin, unchanged};
use crate::clock::Instant;
use crate::event::Event;
use crate::evidence::{
    AttemptKind, AttemptRecord, Bundle, EvidenceError, LedgerRecord, StepOutcome, StepStatus,
};
use crate::ledger::{Documents, Edit, Lock};
use crate::outcome::Outcome;
use crate::plan::{PlanAction, PlanStep};
use crate::run::engine::Engine;
use crate::run::history::History;

/// What the edit looks like as a patch, in the bundle.
const PATCH: &str = "ledger.patch";

impl Engine {
    /// Lets the ledger record how the run ended.
    pub(super) fn ledger(&mut self, index: usize, step: &PlanStep) -> Result<(), EvidenceError> {
        let started = Instant::now();
        let number = self.next_number(index);
        let events = self.events.clone();
        let id = step.id.clone();
        let waiting = || {
            let message = "waiting for another run to finish its ledger entry".to_owned();
            events.emit(&Event::Log { step: id, level: 3, message });
        };
        let cancel = self.launcher.cancel().clone();
        let lock = Lock::acquire(&self.plan.root, waiting, || cancel.is_set());
        let mut attempt = match lock {
            Ok(lock) => {
                let attempt = self.write_ledger(index, step, started)?;
                drop(lock);
                attempt
            }
            Err(error) => {
                let mut attempt =
                    AttemptRecord::blank(number, AttemptKind::Asked, &step.asked, String::new(), started);
                attempt.reason = Some(format!("the ledger could not be locked: {error}"));
                if cancel.is_set() {
                    attempt.outcome = Outcome::Cancelled;
                }
                attempt
            }
        };
        attempt.ended = Instant::now();
        self.events.emit(&Event::AttemptEnded {
            step: step.id.clone(),
            attempt: number,
            outcome: attempt.outcome,
            seconds: attempt.seconds,
            reason: attempt.reason.clone(),
            note: String::new(),
        });
        let outcome = &mut self.state.steps[index];
        outcome.outcome = Some(attempt.outcome);
        outcome.reason.clone_from(&attempt.reason);
        outcome.attempts.push(attempt);
        Ok(())
    }

    fn write_ledger(
        &mut self,
        index: usize,
        step: &PlanStep,
        started: Instant,
    ) -> Result<AttemptRecord, EvidenceError> {
        let number = self.next_number(index);
        let nothing = serde_json::Map::new();
        let resolved = self.plan.attempt_in(index, &nothing, &self.metrics, &self.plan.bundle);
        let attempt = match resolved {
            Ok(attempt) => attempt,
            Err(message) => {
                let mut record =
                    AttemptRecord::blank(number, AttemptKind::Asked, &step.asked, String::new(), started);
                record
                    .fail("an expression has no value", format!("the step could not be resolved: {message}"));
                return Ok(record);
            }
        };

        let (PlanAction::Use { with }, Some(plugin)) = (&attempt.action, &step.plugin) else {
            return Ok(AttemptRecord::blank(number, AttemptKind::Asked, &attempt, String::new(), started));
        };
        let mut shown = with.clone();
        self.launcher.bundle().secrets().value(&mut shown);
        let command =
            format!("{} {}", plugin.manifest.name, crate::evidence::with_line(&shown)).trim_end().to_owned();
        self.events.emit(&Event::AttemptStarted {
            step: step.id.clone(),
            index,
            attempt: number,
            kind: AttemptKind::Asked.word().to_owned(),
            what: command.clone(),
        });
        let mut record = AttemptRecord::blank(number, AttemptKind::Asked, &attempt, command, started);
        if let Err(message) = unchanged(&[plugin]) {
            record.fail("the plugin is not the one that was planned", message);
            return Ok(record);
        }
        let documents = Documents::new(&self.plan.root);
        let library =
            Library { name: plugin.manifest.name.clone(), path: plugin.path.clone(), config: with.clone() };
        let job = Job {
            plugin: library,
            profiler: None,
            root: self.plan.root.clone(),
            bundle: self.launcher.bundle().path().to_owned(),
            role: RoleJob::Ledger { record: self.run_record()? },
        };
        let call = PluginCall {
            step: &step.id,
            attempt: number,
            job,
            plugins: vec![plugin],
            env: attempt.env.clone(),
            limits: attempt.limits,
            writes: attempt.writes.clone(),
            reads: attempt.reads.clone(),
        };
        let read = |path: &str| documents.read(path);
        let run = run_plugin(&self.launcher, &self.events, &call, &read)?;
        record.take(&run.launched);
        record.outcome = run.outcome;
        record.claim.clone_from(&run.claim);
        record.reason.clone_from(&run.reason);
        record.warnings.clone_from(&run.warnings);
        if let Some(result) = run.result {
            self.commit(result, &documents, &mut record)?;
        }
        Ok(record)
    }

    fn commit(
        &mut self,
        result: Value,
        documents: &Documents,
        record: &mut AttemptRecord,
    ) -> Result<(), EvidenceError> {
        let mut edit: Edit = match serde_json::from_value(result) {
            Ok(edit) => edit,
            Err(error) => {
                record.fail("the plugin's edit could not be understood", error.to_string());
                return Ok(());
            }
        };
        let bundle = self.launcher.bundle().clone();
        for splice in edit.splices.values_mut().flatten() {
            splice.text = bundle.secrets().text(&splice.text).into_owned();
        }
        // A number that is given out now was not given out before, whatever was meant then.
        for resumed in &mut self.state.resumed {
            resumed.entered = resumed.entered.filter(|entered| Some(*entered) != edit.attempt);
        }
        // Before the ledger: a run that is killed right after it must know which entry is its own.
        self.state.ledger_intent = edit.attempt.filter(|_| !edit.splices.is_empty());
        self.save()?;
        match documents.commit(&edit) {
            Ok(committed) => {
                bundle.write(PATCH, committed.patch.as_bytes())?;
                record.artifacts.push(PATCH.to_owned());
                for file in &committed.files {
                    self.proof.allow(&self.plan.root.join(file));
                }
                self.state.surprises.extend(committed.merged.iter().map(|file| {
                    format!("`{file}` was changed by somebody else while the ledger step ran; both changes stand in it")
                }));
                self.events
                    .emit(&Event::Ledger { summary: edit.summary.clone(), files: committed.files.clone() });
                self.state.ledger = Some(LedgerRecord {
                    attempt: edit.attempt,
                    summary: edit.summary,
                    files: committed.files,
                });
            }
            Err(error) => {
                if !error.patch.is_empty() {
                    bundle.write(PATCH, error.patch.as_bytes())?;
                    record.artifacts.push(PATCH.to_owned());
                }
                record.fail("the ledger was not written", format!("{error}; the entry is kept as `{PATCH}`"));
            }
        }
        self.state.ledger_intent = None;
        Ok(())
    }

    /// What a ledger plugin learns of the run: only what the bundle holds. `docs/guide/plugins.md` has the
    /// fields.
    fn run_record(&self) -> Result<Value, EvidenceError> {
        let bundle = self.launcher.bundle();
        let hotspots = crate::report::top_operations(bundle.path(), &self.state, 5);
        let history = History::read(bundle.path(), &self.plan.workflow.id);
        let files = crate::fs::files_below(bundle.path())
            .map_err(|error| EvidenceError::at(bundle.path(), "cannot list", error))?;
        let mut artifacts: Vec<String> = files
            .iter()
            .map(|file| crate::fs::shown(file))
            .filter(|file| !file.starts_with("logs/") && !file.starts_with("failed/"))
            .collect();
        // Made right after this step; a bundle without it is not complete.
        artifacts.push("summary.md".to_owned());
        artifacts.sort();
        // A resumed run has one from the time before.
        artifacts.dedup();
        // This step itself has no end yet, and is none of the run's results.
        let ended = self.state.steps.iter().filter(|step| step.status != StepStatus::Running);
        let steps: Vec<Value> = ended.map(|step| step_record(step, bundle)).collect();
        let entered: Vec<u64> = self.state.resumed.iter().filter_map(|resumed| resumed.entered).collect();
        let git =
            BTreeMap::from([("head", json!(self.state.git.head)), ("dirty", json!(self.state.git.dirty))]);
        let mut record = json!({
            "stamp": bundle.stamp(),
            "date": self.state.started.date(),
            "bundle": self.plan.bundle,
            "workflow": {
                "id": self.plan.workflow.id,
                "title": self.plan.workflow.title,
                "focus": self.plan.workflow.focus,
                "mode": self.plan.workflow.mode,
                "path": self.plan.workflow.path,
            },
            "git": git,
            "result": self.verdict.word(),
            "reason": self.state.reason,
            "next": self.state.next,
            "resumed": !self.state.resumed.is_empty(),
            "entered": entered,
            "overrides": self.plan.overrides,
            "steps": steps,
            "hotspots": hotspots,
            "artifacts": artifacts,
            "surprises": self.state.surprises,
            "repeated_failure": history.repeated_failure(&self.state),
        });
        bundle.secrets().value(&mut record);
        Ok(record)
    }
}

/// What a plugin's JSON in the bundle says is to be done next: the texts of its `next_actions`. Only of what was
/// asked: what a fallback found is not what the plan waits for.
fn next_actions(step: &StepOutcome, bundle: &Bundle) -> Vec<String> {
    let name = format!("{}.json", step.id);
    let last = step.attempts.last().filter(|attempt| {
        step.uses.is_some() && step.outcome == Some(Outcome::Ok) && attempt.artifacts.contains(&name)
    });
    let Some(bytes) = last.and_then(|_| std::fs::read(bundle.file(&name)).ok()) else { return Vec::new() };
    let Ok(found) = serde_json::from_slice::<Value>(&bytes) else { return Vec::new() };
    let actions = found["next_actions"].as_array().into_iter().flatten();
    actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}

fn step_record(step: &StepOutcome, bundle: &Bundle) -> Value {
    let attempts: Vec<Value> = step
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "number": attempt.number,
                "kind": attempt.kind,
                "requested": attempt.requested,
                "actual": attempt.actual,
                "outcome": attempt.outcome,
                "reason": attempt.reason,
                "command": attempt.command,
                "metrics": attempt.metrics,
                "log": attempt.logs.last(),
            })
        })
        .collect();
    json!({
        "id": step.id,
        "uses": step.uses,
        "outcome": step.outcome.map_or("skipped", Outcome::word),
        "attempts": attempts,
        "next_actions": next_actions(step, bundle),
    })
}
