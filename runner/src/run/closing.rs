//! The end of a run: inputs as they were, required files present, surprises, summary, seal.

use std::path::Path;

use crate::client::plugin_id;
use crate::clock::Instant;
use crate::event::Event;
use crate::evidence::{
    AttemptKind, Bundle, EvidenceError, EvidenceRecord, InputCheck, PluginId, RunStatus, StepStatus, flush,
    seal, sweep,
};
use crate::fs::{digest_program, remember_programs};
use crate::guard::Confinement;
use crate::outcome::Outcome;
use crate::plan::{PlanStep, digest_bundle};
use crate::report::{self, Mapping};
use crate::run::engine::Engine;
use crate::run::{RunEnd, proof, rerun, surprises};

/// Files that the runner itself makes at the end, so that nobody can miss them earlier.
const MADE_LAST: [&str; 3] = ["summary.md", "manifest.json", "ledger.patch"];

/// Checks what must hold before the ledger may record the end, and decides the status.
pub(super) fn check(engine: &mut Engine) -> Result<(), EvidenceError> {
    tracing::debug!("the steps are over");
    let mut broken = Vec::new();
    for input in &engine.plan.inputs {
        let after = digest_bundle(&engine.plan.root.join(&input.path)).ok();
        let check = InputCheck {
            name: input.name.clone(),
            path: input.path.clone(),
            before: input.sha256.clone(),
            after,
        };
        if !check.unchanged() {
            broken.push(format!("the input bundle `{}` changed during the run", check.path));
        }
        engine.state.inputs.push(check);
    }
    let found = engine.proof.compare(&mut engine.state.guard);
    broken.extend(tampered(engine));
    if !found.changes.is_empty() {
        let by = match engine.state.guard.confinement {
            Confinement::Enforced => " (its steps were kept from writing there)",
            Confinement::DetectOnly => "",
        };
        broken.push(format!("the repository changed during the run{by}: {}", proof::words(&found.changes)));
    }
    engine.state.guard.changes = found.changes;
    let tracked = tracked(engine);
    let bundle = engine.launcher.bundle();
    let missing: Vec<&str> = engine
        .plan
        .requires
        .iter()
        .map(String::as_str)
        .filter(|required| !MADE_LAST.contains(required) && !bundle.has(required))
        .collect();
    let mut surprises = surprises::collect(engine);
    surprises.extend(tracked);
    if engine.stopped.is_none() {
        broken.extend(
            missing.iter().map(|required| format!("the bundle lacks `{required}`, which it requires")),
        );
    } else {
        surprises.extend(missing.iter().map(|required| format!("`{required}` is required and was not made")));
    }
    surprises.extend(
        found
            .other_runs
            .iter()
            .map(|bundle| format!("another run made `{bundle}` meanwhile, so the figures may be disturbed")),
    );
    engine.state.surprises = surprises;
    clean(engine)?;
    if !broken.is_empty() {
        engine.verdict = RunStatus::Broken;
        // A failure that came before is still a failure.
        broken.extend(engine.stopped.take());
        let reason = broken.join("; ");
        engine.state.reason = Some(reason.clone());
        engine.stopped = Some(reason);
    } else if engine.stopped.is_some() {
        engine.verdict = RunStatus::Blocked;
    } else {
        engine.verdict = RunStatus::Complete;
    }
    engine.state.next = next(engine);
    Ok(())
}

/// Notes which files that git tracks were changed where that is allowed; what is to be said of them.
fn tracked(engine: &mut Engine) -> Vec<String> {
    let Some(tracked) = &engine.tracked else { return Vec::new() };
    let allowed = &mut engine.state.guard.allowed;
    let unknown = match tracked.changes(&engine.plan, &engine.launcher) {
        Ok(changes) => {
            allowed.retain(|earlier| !changes.iter().any(|change| change.path == earlier.path));
            allowed.extend(changes);
            allowed.sort_by(|a, b| a.path.cmp(&b.path));
            None
        }
        Err(reason) => Some(format!(
            "whether files that git tracks were changed, as `writes:` allow, is not known: {reason}"
        )),
    };
    tracked.words(&engine.plan, allowed).into_iter().chain(unknown).collect()
}

/// What steps did to evidence that was there before them.
fn tampered(engine: &Engine) -> Vec<String> {
    let attempts = engine.state.steps.iter().flat_map(|step| &step.attempts);
    attempts.flat_map(|attempt| attempt.tampered.iter().cloned()).collect()
}

/// The steps are over: takes secrets out of what programs wrote into the bundle, and names those that were taken out
/// of anything.
pub(super) fn clean(engine: &mut Engine) -> Result<(), EvidenceError> {
    let bundle = engine.launcher.bundle().clone();
    bundle.settle();
    let mut told = sweep(&bundle)?;
    let ordinary = bundle.secrets().ordinary();
    told.extend(ordinary.iter().map(|name| {
        format!("the value of `{name}` is a word of the runner's own; it was not taken out of the evidence")
    }));
    told.retain(|surprise| !engine.state.surprises.contains(surprise));
    engine.state.surprises.extend(told);
    engine.state.redacted = bundle.secrets().replaced();
    Ok(())
}

/// What a person should do now.
fn next(engine: &Engine) -> Vec<String> {
    let bundle = &engine.plan.bundle;
    let (resume, again) =
        (format!("runner resume {bundle}"), format!("runner run {}", engine.plan.workflow.path));
    match engine.verdict {
        RunStatus::Complete => vec![format!("read {bundle}/summary.md")],
        RunStatus::Blocked => {
            let mut steps = vec![format!("read {bundle}/summary.md: what failed, and how that is known")];
            let failed = engine
                .state
                .steps
                .iter()
                .find(|step| step.outcome.is_some_and(|outcome| outcome != Outcome::Ok));
            let attempt = failed.and_then(|step| {
                let asked = step.attempts.iter().rev().filter(|one| one.kind != AttemptKind::Fallback);
                asked.clone().find(|attempt| attempt.outcome != Outcome::Ok)
            });
            let written = |log: &&String| {
                let path = engine.launcher.bundle().file(log);
                path.metadata().is_ok_and(|file| file.len() > 0)
            };
            if let Some(log) = attempt.and_then(|attempt| attempt.logs.iter().rev().find(written)) {
                steps.push(format!("read the output of the failing command: {bundle}/{log}"));
            }
            if engine.state.ledger.is_none() && engine.launcher.bundle().has("ledger.patch") {
                steps.push(format!(
                    "the ledger lacks the entry: `git apply {bundle}/ledger.patch` when it can take it"
                ));
            }
            steps.push(format!(
                "decide: remove the cause and go on with `{resume}`, or change the limits or the size on purpose and `{again}`"
            ));
            steps
        }
        _ => vec![
            format!("read {bundle}/summary.md"),
            format!("remove the cause, then `{resume}`, or `{again}`"),
        ],
    }
}

/// Writes the summary and seals.
pub(super) fn finish(mut engine: Engine) -> Result<RunEnd, EvidenceError> {
    let ledger_failed = engine.verdict == RunStatus::Complete && engine.stopped.is_some();
    if ledger_failed {
        engine.verdict = RunStatus::Blocked;
        engine.state.next = next(&engine);
    }
    // Without a ledger step nothing has happened since the check.
    if engine.state.guard.compared.is_none() || engine.plan.steps.iter().any(PlanStep::is_ledger) {
        let found = engine.proof.compare(&mut engine.state.guard);
        if found.changes.len() > engine.state.guard.changes.len() {
            // After the ledger had its word: all the more reason to say it.
            let reason = format!("the repository changed during the run: {}", proof::words(&found.changes));
            engine.state.reason = Some(reason);
            engine.state.guard.changes = found.changes;
            engine.verdict = RunStatus::Broken;
            engine.state.next = next(&engine);
        }
    }
    engine.state.status = engine.verdict;
    engine.state.ended = Some(Instant::now());
    clean(&mut engine)?;
    engine.save()?;
    let bundle = engine.launcher.bundle().clone();
    rerun::compare(&mut engine, &bundle)?;
    map(&mut engine, &bundle)?;
    let record = EvidenceRecord::load(bundle.path())?;
    bundle.write("summary.md", report::summary(&record).as_bytes())?;
    tracing::debug!("the summary is written");
    let files = flush(&bundle)?;
    tracing::debug!("every file is on the disk");
    // The program that runs cannot be changed, and this is the one that runs, whatever has its name by now.
    let sha256 = digest_program(Path::new("/proc/self/exe"))
        .map_err(|error| EvidenceError::at(bundle.path(), "cannot digest the runner for", error))?;
    let runner =
        PluginId { name: "runner".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), sha256 };
    let plugins = engine.plan.steps.iter().flat_map(|step| step.plugin.iter().chain(&step.profiler));
    let mut plugins: Vec<PluginId> = plugins.map(plugin_id).collect();
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    plugins.dedup();
    seal(&bundle, files, runner, plugins, engine.launcher.commands_head())?;
    tracing::debug!("the bundle is sealed");
    remember_programs(engine.launcher.root());
    Ok(end(&engine, true))
}

/// Relates the profile to the inventory of an input: `mapping.json`. An inventory that cannot be used is a
/// surprise, and no reason to fail.
fn map(engine: &mut Engine, bundle: &Bundle) -> Result<(), EvidenceError> {
    // One of an earlier try of a run that was resumed says nothing of this one.
    let path = bundle.file("mapping.json");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(EvidenceError::at(&path, "cannot remove", error));
        }
        _ => {}
    }
    match Mapping::of(bundle.path(), &engine.plan, &engine.state, engine.launcher.root()) {
        Ok(Some(mapping)) => bundle.write_json("mapping.json", &mapping),
        Ok(None) => Ok(()),
        Err(reason) => {
            engine.state.surprises.push(format!("the top operations were not mapped to loops: {reason}"));
            engine.save()
        }
    }
}

/// Leaves an interrupted run as it is: not sealed, and no word in the ledger.
pub(super) fn interrupted(mut engine: Engine) -> Result<RunEnd, EvidenceError> {
    engine.state.status = RunStatus::Interrupted;
    let tracked = tracked(&mut engine);
    engine.state.surprises = surprises::collect(&engine);
    engine.state.surprises.extend(tracked);
    let found = engine.proof.compare(&mut engine.state.guard);
    if !found.changes.is_empty() {
        let changes = proof::words(&found.changes);
        engine.state.surprises.push(format!("the repository changed during the run: {changes}"));
    }
    engine.state.guard.changes = found.changes;
    let running = engine
        .state
        .steps
        .iter()
        .find(|step| step.status == StepStatus::Running || step.outcome == Some(Outcome::Cancelled));
    let place =
        running.map_or_else(|| "between two steps".to_owned(), |step| format!("in step `{}`", step.id));
    engine.state.reason = Some(format!("interrupted {place}; the ledger was not touched"));
    engine.state.ended = Some(Instant::now());
    engine.state.next = vec![format!("go on with it: `runner resume {}`", engine.plan.bundle)];
    clean(&mut engine)?;
    engine.save()?;
    let bundle = engine.launcher.bundle().clone();
    let record = EvidenceRecord::load(bundle.path())?;
    bundle.write("summary.md", report::summary(&record).as_bytes())?;
    Ok(end(&engine, false))
}

fn end(engine: &Engine, sealed: bool) -> RunEnd {
    let state = &engine.state;
    // A run that was resumed tells how long this go took.
    let begun = state.resumed.last().map_or(state.started, |resumed| resumed.at);
    for surprise in &state.surprises {
        engine.events.emit(&Event::Surprise { message: surprise.clone() });
    }
    engine.events.emit(&Event::RunEnded {
        status: state.status.word().to_owned(),
        reason: state.reason.clone(),
        bundle: engine.plan.bundle.clone(),
        seconds: state.ended.map_or(0.0, |ended| ended.seconds_since(begun)),
        sealed,
        next: state.next.clone(),
    });
    RunEnd { status: state.status, bundle: engine.launcher.bundle().path().to_owned() }
}
