//! [`resume`]: goes on with a run that was killed, interrupted, blocked or broken, in the same bundle.
//!
//! Steps that are done and ok stay; every other step is done again as a further attempt, with what its earlier
//! attempts left set aside. What the bundle says is checked before anything in it is changed; a file that is
//! shorter than it was when its step ended makes that step be done again. The ledger step always runs again.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::catalog::Role;
use crate::clock::Instant;
use crate::diagnostic::counted;
use crate::event::Event;
use crate::evidence::{
    Bundle, CommandLog, EvidenceError, EvidenceRecord, GuardRecord, RECORDS, ResumeRecord, RunState,
    RunStatus, Secrets, StepOutcome, StepStatus, Unfinished, process_mark,
};
use crate::fs::{digest_file, files_below, shown};
use crate::launch::Launcher;
use crate::outcome::Outcome;
use crate::plan::{DifferenceKind, Plan, differences};
use crate::run::custody::Custody;
use crate::run::engine::{Engine, guarded, remove_empty, surroundings};
use crate::run::proof::Proof;
use crate::run::recorded::Recorded;
use crate::run::tracked::Tracked;
use crate::run::{AgainRequest, RunEnd, RunError, closing};
use crate::verify::verify;

/// Files that the runner replaces as a whole while a run goes on, so that their size says nothing.
const REPLACED: [&str; 3] = ["state.json", "commands.txt", "summary.md"];
/// Files of the runner, besides its records, that belong to no step.
const MADE_LAST: [&str; 4] = ["summary.md", "comparison.json", "mapping.json", "manifest.json"];

/// Goes on with a run.
pub fn resume(request: AgainRequest<'_>) -> Result<RunEnd, RunError> {
    let recorded = Recorded::read(&request.bundle, request.root.as_deref())?;
    let shown = &recorded.shown;
    let refuse = |message: String| RunError::Refused(message);
    let rerun = format!("`runner rerun {shown}` runs the recorded plan again into a new bundle");
    let record = EvidenceRecord::load(&recorded.path)
        .map_err(|error| refuse(format!("`{shown}` cannot be gone on with: {error}; {rerun}")))?;
    permit(&recorded, &record, &rerun)?;
    let now = recorded.plan_now(request.catalog, true)?;
    let found = differences(&recorded.plan, &now);
    let changed: Vec<&str> = found
        .iter()
        .filter(|one| !matches!(one.kind, DifferenceKind::Head | DifferenceKind::Runner))
        .map(|one| one.text.as_str())
        .collect();
    if !changed.is_empty() {
        return Err(refuse(format!(
            "`{shown}` cannot be gone on with, because what it began with is different now:\n  - {}\n{rerun}; `runner run {}` begins anew",
            changed.join("\n  - "),
            recorded.plan.workflow.path
        )));
    }
    let stamp = recorded.plan.stamp.clone().ok_or_else(|| {
        refuse(format!("`{shown}` cannot be gone on with: its `plan.json` names no stamp; {rerun}"))
    })?;
    let secrets = Secrets::of_environment();
    secrets.learn_plan(&now);
    let events = secrets.events(request.events);
    let bundle = Bundle::open(&recorded.path, stamp).hiding(secrets);
    let Some(hold) = bundle.hold()? else {
        return Err(refuse(format!("another runner is in `{shown}` right now: wait for its end")));
    };
    let mut noted: Vec<String> =
        found.into_iter().map(|one| format!("since the run began: {}", one.text)).collect();
    let damaged = damaged(&bundle, &record.state);
    if let Some(text) = damaged.get("commands.jsonl") {
        return Err(refuse(format!(
            "`{shown}` cannot be gone on with: `commands.jsonl` {text}, so commands are missing from it; {rerun}"
        )));
    }
    noted.extend(
        damaged.iter().map(|(file, text)| format!("`{file}` {text}: damaged before the run was resumed")),
    );

    // From here on the bundle is changed.
    let (manifest, manifest_sha256) = put_manifest_aside(&bundle, &record)?;
    remove_torn(&bundle, &record.files);
    let (log, torn) = CommandLog::go_on(&bundle)?;
    noted.extend(torn);
    let mut state = record.state.clone();
    let from = match state.status {
        RunStatus::Running => "killed",
        other => other.word(),
    };
    let only_the_seal = state.status == RunStatus::Complete;
    let is_ledger = |index: usize| {
        let plugin = recorded.plan.steps.get(index).and_then(|step| step.plugin.as_ref());
        plugin.is_some_and(|plugin| plugin.manifest.role == Role::Ledger)
    };
    let stays =
        |index: usize, step: &StepOutcome| only_the_seal || !is_ledger(index) && is_whole(step, &damaged);
    let kept: BTreeSet<usize> = state
        .steps
        .iter()
        .enumerate()
        .filter(|(index, step)| stays(*index, step))
        .map(|(index, _)| index)
        .collect();
    let redone = (0..state.steps.len()).any(|index| !kept.contains(&index) && !is_ledger(index));
    // An entry of a try that is over stays, and the new end gets one of its own. When nothing but the ledger
    // step is left to do, the entry that may be there is the one that this very try wants.
    let over = redone || matches!(state.status, RunStatus::Blocked | RunStatus::Broken);
    let entered =
        state.ledger.as_ref().and_then(|ledger| ledger.attempt).or(state.ledger_intent).filter(|_| over);
    let unfinished = state.steps.iter().find(|step| step.status == StepStatus::Running).and_then(|step| {
        let recorded = step.attempts.last().map_or(0, |attempt| attempt.number);
        let started = record.commands.iter().filter(|command| command.start.step == step.id);
        let attempt =
            started.map(|command| command.start.attempt).max().filter(|number| *number > recorded)?;
        Some(Unfinished { step: step.id.clone(), attempt, files: Vec::new() })
    });
    state.resumed.push(ResumeRecord {
        at: Instant::now(),
        note: request.note,
        from: from.to_owned(),
        reason: state.reason.take(),
        manifest_sha256,
        manifest,
        unfinished,
        kept: kept.iter().map(|index| state.steps[*index].id.clone()).collect(),
        entered,
    });
    state.noted.append(&mut noted);
    state.pid = std::process::id();
    state.process = process_mark(state.pid);
    let plan = carried(&recorded.plan, now);
    let launcher = Launcher::new(
        surroundings(&plan, request.detect_only),
        &bundle,
        log,
        record.inputs.clone(),
        request.cancel,
    )?;
    // What an earlier go changed stays said.
    let allowed = std::mem::take(&mut state.guard.allowed);
    state.guard = GuardRecord { allowed, ..guarded(request.detect_only) };
    let proof = Proof::begin(&plan, bundle.path());
    let original =
        recorded.plan.rerun_of.as_ref().and_then(|of| Some(recorded.path.parent()?.join(of.as_str())));
    let mut engine = Engine {
        metrics: metrics(&state, &kept),
        plan,
        launcher,
        events,
        verdict: RunStatus::Running,
        stopped: None,
        original,
        hold: Some(hold),
        proof,
        tracked: None,
        custody: Cell::new(None),
        state,
    };
    engine.events.emit(&Event::RunStarted {
        workflow: engine.plan.workflow.id.clone(),
        title: engine.plan.workflow.title.clone(),
        bundle: engine.plan.bundle.clone(),
        steps: engine.plan.steps.len(),
    });
    let steps = engine.plan.steps.len();
    engine.events.emit(&Event::RunResumed { from: from.to_owned(), kept: kept.len(), steps });
    if only_the_seal {
        // Everything was done, the ledger included, when the kill came.
        engine.verdict = RunStatus::Complete;
        let noted = engine.state.noted.iter().filter(|one| !engine.state.surprises.contains(one));
        let noted: Vec<String> = noted.cloned().collect();
        engine.state.surprises.extend(noted);
        return Ok(closing::finish(engine)?);
    }
    engine.take_up(&kept)?;
    engine.run()
}

/// Whether a bundle is one that can go on; changes nothing.
fn permit(recorded: &Recorded, record: &EvidenceRecord, rerun: &str) -> Result<(), RunError> {
    let (shown, state) = (&recorded.shown, &record.state);
    let refuse = |message: String| Err(RunError::Refused(message));
    if state.status == RunStatus::Running && state.is_alive() {
        return refuse(format!("`{shown}` is still running (process {}): wait for its end", state.pid));
    }
    if state.status == RunStatus::Complete && record.manifest.is_some() {
        return refuse(format!("`{shown}` is complete: there is nothing left to do; {rerun}"));
    }
    let home = recorded.root.join(&recorded.plan.bundle).canonicalize();
    if home.ok().as_ref() != Some(&recorded.path) {
        return refuse(format!(
            "`{shown}` is not the bundle `{}` of the project `{}`, so it cannot be gone on with; {rerun}",
            recorded.plan.bundle,
            recorded.root.display()
        ));
    }
    let ids = |plan: &Plan| plan.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
    if state.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>() != ids(&recorded.plan) {
        return refuse(format!("`{shown}`: `state.json` and `plan.json` name different steps; {rerun}"));
    }
    if record.manifest.is_some() {
        let findings = verify(&recorded.path)?.findings;
        if !findings.is_empty() {
            let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
            return refuse(format!(
                "`{shown}` is not as it was sealed, so nothing is added to it:\n  - {}\n{rerun}",
                list.join("\n  - ")
            ));
        }
    }
    let known = record.commands.len() as u64;
    let named =
        state.steps.iter().flat_map(|step| &step.attempts).flat_map(|attempt| &attempt.commands).max();
    if let Some(missing) = named.filter(|named| **named > known) {
        return refuse(format!(
            "`{shown}` cannot be gone on with: `commands.jsonl` holds {}, and `state.json` names command {missing}; {rerun}",
            counted(known, "command")
        ));
    }
    Ok(())
}

/// Whether a step is done and all that it made is there.
fn is_whole(step: &StepOutcome, damaged: &BTreeMap<String, String>) -> bool {
    let last = step.attempts.last();
    let mut files = last.into_iter().flat_map(|attempt| attempt.artifacts.iter().chain(&attempt.logs));
    step.status == StepStatus::Done
        && step.outcome == Some(Outcome::Ok)
        && !files.any(|file| damaged.contains_key(file))
}

/// The recorded plan with what only today knows: where things are.
fn carried(recorded: &Plan, now: Plan) -> Plan {
    let mut plan = recorded.clone();
    for (step, today) in plan.steps.iter_mut().zip(now.steps) {
        step.plugin = today.plugin;
        step.profiler = today.profiler;
    }
    plan.root = now.root;
    plan.sources = now.sources;
    plan
}

/// What the steps that stay have delivered, for expressions.
fn metrics(state: &RunState, kept: &BTreeSet<usize>) -> Map<String, Value> {
    let steps = kept.iter().filter_map(|index| state.steps.get(*index));
    let delivered = steps.filter_map(|step| {
        let last = step.attempts.last()?;
        let values = last.metrics.iter().map(|(name, metric)| (name.clone(), metric["value"].clone()));
        Some((step.id.clone(), Value::Object(values.collect())))
    });
    delivered.collect()
}

/// Size in bytes of each file of a bundle, but for those that are replaced as a whole.
pub(super) fn sizes(bundle: &Bundle, custody: &Custody) -> BTreeMap<String, u64> {
    let others = custody.sizes().map(|(name, size)| (name.clone(), size));
    let all = others.chain(bundle.record_sizes());
    all.filter(|(name, _)| !REPLACED.contains(&name.as_str())).collect()
}

/// Files that are gone, or smaller than when the last step ended, and how that is known.
fn damaged(bundle: &Bundle, state: &RunState) -> BTreeMap<String, String> {
    let looked = state.sizes.iter().filter_map(|(name, size)| {
        let text = match bundle.find(name).symlink_metadata() {
            Ok(found) if found.len() < *size => format!("has {} of its {size} bytes", found.len()),
            Ok(_) => return None,
            Err(_) => "is gone".to_owned(),
        };
        Some((name.clone(), text))
    });
    looked.collect()
}

/// Gives the manifest of a sealed bundle another name: the bundle is not sealed any more.
fn put_manifest_aside(
    bundle: &Bundle,
    record: &EvidenceRecord,
) -> Result<(Option<String>, Option<crate::fs::Digest>), EvidenceError> {
    let name = |number: usize| format!("manifest.{number}.json");
    let count = (1..10_000).take_while(|number| bundle.has(&name(*number))).count();
    let digest = |file: &str| {
        let path = bundle.file(file);
        digest_file(&path)
            .map(|(sha256, _)| sha256)
            .map_err(|error| EvidenceError::at(&path, "cannot read", error))
    };
    if bundle.has("manifest.json") {
        let target = name(count + 1);
        let from = bundle.file("manifest.json");
        std::fs::rename(&from, bundle.file(&target))
            .map_err(|error| EvidenceError::at(&from, "cannot set aside", error))?;
        let sha256 = digest(&target)?;
        return Ok((Some(target), Some(sha256)));
    }
    // Set aside already, and killed before that was written down.
    let told = record.state.resumed.iter().filter(|resumed| resumed.manifest.is_some()).count();
    if count > told {
        let sha256 = digest(&name(count))?;
        return Ok((Some(name(count)), Some(sha256)));
    }
    Ok((None, None))
}

/// Removes what a kill left of a file of the runner that was being replaced; the file itself is whole.
fn remove_torn(bundle: &Bundle, files: &[String]) {
    let torn = |name: &&String| {
        let inner = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp"));
        inner.is_some_and(|inner| RECORDS.iter().chain(&MADE_LAST).any(|own| inner.starts_with(own)))
    };
    for name in files.iter().filter(torn) {
        // One that stays is listed in the manifest and harms nobody.
        let _ = std::fs::remove_file(bundle.file(name));
    }
}

impl Engine {
    /// Makes the bundle ready for the steps that are to be done.
    fn take_up(&mut self, kept: &BTreeSet<usize>) -> Result<(), EvidenceError> {
        self.state.status = RunStatus::Running;
        self.state.ended = None;
        self.state.surprises = Vec::new();
        self.state.inputs = Vec::new();
        self.state.next = Vec::new();
        self.state.ledger = None;
        self.state.ledger_intent = None;
        // Files are about to be moved; a kill in between must not make them look lost.
        self.state.sizes = BTreeMap::new();
        self.save()?;
        self.put_unfinished_aside()?;
        for index in (0..self.state.steps.len()).filter(|index| !kept.contains(index)) {
            self.set_aside(index)?;
            let step = &mut self.state.steps[index];
            step.status = StepStatus::Pending;
            step.outcome = None;
            step.reason = None;
        }
        let before = self.state.git.clone();
        let now = self.launcher.ask_git()?;
        self.tracked = Tracked::begin(&self.plan, self.launcher.git_files());
        if (now.dirty, now.changed_files) != (before.dirty, before.changed_files) {
            let word = |git: &crate::evidence::GitRecord| match (git.dirty, git.changed_files) {
                (Some(false), _) => "clean".to_owned(),
                (Some(true), Some(count)) => format!("dirty ({})", counted(count, "file")),
                _ => "unknown".to_owned(),
            };
            self.state.noted.push(format!(
                "since the run began: the working tree: {}, now {}",
                word(&before),
                word(&now)
            ));
        }
        self.remember_sizes()?;
        self.save()
    }

    /// Moves what a cut-off attempt left behind out of the way. No record names these files, so they are
    /// known by being nobody's.
    fn put_unfinished_aside(&mut self) -> Result<(), EvidenceError> {
        let Some(cut) = self.state.resumed.last().and_then(|resumed| resumed.unfinished.clone()) else {
            return Ok(());
        };
        let bundle = self.launcher.bundle().clone();
        let claimed: BTreeSet<&String> = self
            .state
            .steps
            .iter()
            .flat_map(|step| &step.attempts)
            .flat_map(|attempt| attempt.artifacts.iter().chain(&attempt.logs))
            .collect();
        let own =
            |name: &str| bundle.is_own(name) || MADE_LAST.contains(&name) || name.starts_with("manifest.");
        let listed = files_below(bundle.path())
            .map_err(|error| EvidenceError::at(bundle.path(), "cannot list", error))?;
        let named = listed.iter().map(|file| (file, shown(file)));
        let named = named.filter(|(_, name)| !name.starts_with("logs/") && !name.starts_with("failed/"));
        let left: Vec<_> = named.filter(|(_, name)| !own(name) && !claimed.contains(name)).collect();
        let commands: Vec<u64> = (1..self.launcher.next_id()).collect();
        let mut moved = Vec::new();
        for (file, name) in left {
            let aside = format!("failed/{}-{}", cut.step, cut.attempt);
            let target = format!("{aside}/{name}");
            let (from, to) = (bundle.path().join(file), bundle.file(&aside).join(file));
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)
                    .map_err(|error| EvidenceError::at(parent, "cannot create", error))?;
            }
            std::fs::rename(&from, &to)
                .map_err(|error| EvidenceError::at(&from, "cannot set aside", error))?;
            remove_empty(from.parent(), bundle.path());
            self.launcher.log_moved(&commands, &name, &target)?;
            moved.push(target);
        }
        if let Some(cut) = self.state.resumed.last_mut().and_then(|resumed| resumed.unfinished.as_mut()) {
            cut.files = moved;
        }
        self.save()
    }
}
