//! Surprises: what is no failure and still worth a person's attention. Nothing is filtered away; what repeats
//! is counted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::clock;
use crate::diagnostic::counted;
use crate::evidence::{AttemptKind, AttemptRecord, EvidenceRecord, GitClass, InputFile, StepOutcome};
use crate::guard::Confinement;
use crate::launch::is_hidden;
use crate::outcome::Outcome;
use crate::run::attempt::{at_the_end, attempted_words};
use crate::run::engine::{Engine, words};
use crate::run::history::History;

/// How much of each log is searched for warnings.
const SEARCHED: usize = 1 << 20;
/// How many files of one step are told one by one.
const QUOTED_FILES: usize = 5;
/// How many different warnings of one log are quoted.
const QUOTED: usize = 3;

/// Everything surprising about a run so far.
pub(super) fn collect(engine: &Engine) -> Vec<String> {
    let state = &engine.state;
    let bundle = engine.launcher.bundle();
    let mut list = state.noted.clone();
    for (name, both) in &engine.plan.overrides {
        list.push(format!(
            "`{name}` was set to {} on the command line; the workflow says {}",
            both.set, both.workflow
        ));
    }
    for step in &state.steps {
        for attempt in step.attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Fallback) {
            list.push(format!(
                "step `{}` was run with {} instead of the asked {}; its figures are not figures for what was asked",
                step.id,
                words(&attempt.actual),
                words(&attempt.requested)
            ));
        }
    }
    let history = History::read(bundle.path(), &engine.plan.workflow.id);
    list.extend(history.repeated_failure(state));
    let asked = |id: &str| {
        let step = engine.plan.steps.iter().find(|step| step.id == id)?;
        // As it stands in the plan of an earlier bundle.
        serde_json::to_value(bundle.secrets().action(&step.asked.action)).ok()
    };
    list.extend(history.regressions(state, asked));
    match (state.git.dirty, state.git.changed_files) {
        (Some(true), Some(count)) => list.push(format!(
            "the working tree was dirty: {}, so the commit alone does not reproduce this",
            counted(count, "changed or untracked file")
        )),
        (None, _) => {
            let reason = state.git.reason.clone().unwrap_or_default();
            list.push(format!("whether the working tree was clean is not known: {reason}"));
        }
        _ => {}
    }
    if let Ok(record) = EvidenceRecord::load(bundle.path()) {
        list.extend(record.env.as_ref().and_then(noisy));
    }
    list.extend(jumped(clock::drift()));
    list.extend(hidden_inputs(engine));
    for step in &state.steps {
        for attempt in &step.attempts {
            if !attempt.attempted.is_empty() {
                let how = match state.guard.confinement {
                    Confinement::Enforced => "was prevented: evidence-only",
                    Confinement::DetectOnly => "was not prevented",
                };
                list.push(format!(
                    "step `{}` tried to {}; that {how} (a step may write what its `writes:` names)",
                    step.id,
                    attempted_words(&attempt.attempted)
                ));
            }
            if !attempt.left_behind.is_empty() {
                list.push(format!(
                    "step `{}` left processes running, which were killed: {}",
                    step.id,
                    attempt.left_behind.join(", ")
                ));
            }
            if let Some(repeated) = attempt.kernel.as_ref().and_then(|kernel| kernel.repeated.as_ref()) {
                let (run, asked) =
                    attempt.kernel.as_ref().map_or((0, 0), |kernel| (kernel.run, kernel.asked));
                list.push(format!(
                    "step `{}`: {run} measured iterations were run, because after the asked {asked} the profile had {repeated}",
                    step.id
                ));
            }
            list.extend(undelivered(engine, step, attempt));
            for warning in &attempt.warnings {
                list.push(format!("step `{}`, from its plugin: {warning}", step.id));
            }
            for stream in &attempt.cut {
                let limit = crate::process::bytes(output_limit(engine, step, attempt));
                list.push(format!(
                    "step `{}`: its {stream} was cut at {limit}; the rest was thrown away",
                    step.id
                ));
            }
            for log in attempt.logs.iter().filter(|_| attempt.outcome != Outcome::Cancelled) {
                list.extend(warnings(&bundle.file(log), log));
            }
        }
    }
    list
}

/// Files that steps read although nobody committed or declared them.
fn hidden_inputs(engine: &Engine) -> Vec<String> {
    let mut list = Vec::new();
    for step in &engine.launcher.inputs().steps {
        let hidden: Vec<&InputFile> = step.files.iter().filter(|file| is_hidden(file)).collect();
        for file in hidden.iter().take(QUOTED_FILES) {
            let class = match file.git {
                Some(GitClass::Ignored) => "which git ignores",
                _ => "which git does not track",
            };
            let age = file.modified.map_or_else(String::new, |modified| {
                format!(", last changed {} before the run", ago(engine.state.started.seconds_since(modified)))
            });
            let digest = file
                .sha256
                .as_ref()
                .map_or_else(|| file.reason.clone().unwrap_or_default(), |sha256| format!("sha256 {sha256}"));
            list.push(format!(
                "step `{}` read `{}`, {class} and the workflow does not declare ({}{age}, {digest})",
                step.step,
                file.path,
                crate::process::bytes(file.size)
            ));
        }
        if hidden.len() > QUOTED_FILES {
            list.push(format!(
                "step `{}` read {} more files that nobody committed or declared (inputs.json has all)",
                step.step,
                hidden.len() - QUOTED_FILES
            ));
        }
    }
    list
}

/// A span of time in words for people: `12 days`.
fn ago(seconds: f64) -> String {
    let (count, unit) = match seconds {
        ..=-1.0 => return "0 seconds (its time lies in the future)".to_owned(),
        ..120.0 => (seconds.max(0.0), "second"),
        ..7200.0 => (seconds / 60.0, "minute"),
        ..172_800.0 => (seconds / 3600.0, "hour"),
        _ => (seconds / 86_400.0, "day"),
    };
    let count = count.floor();
    format!("{count} {unit}{}", if (count - 1.0).abs() < 0.5 { "" } else { "s" })
}

/// Figures that the workflow names and that nobody delivered: a gate would have failed for them.
fn undelivered<'a>(
    engine: &'a Engine,
    step: &'a StepOutcome,
    attempt: &'a AttemptRecord,
) -> impl Iterator<Item = String> + 'a {
    let index = engine.plan.steps.iter().position(|planned| planned.id == step.id);
    let named = index.is_some_and(|index| engine.plan.sources[index].metrics.is_some());
    let missing = attempt.metrics.iter().filter(move |(_, metric)| named && metric["value"].is_null());
    missing.map(|(name, metric)| {
        let reason = metric["reason"].as_str().unwrap_or("nobody delivered it");
        format!("step `{}`: the metric `{name}` has no value: {reason}", step.id)
    })
}

/// What was kept of each stream of an attempt, in bytes.
fn output_limit(engine: &Engine, step: &StepOutcome, attempt: &AttemptRecord) -> u64 {
    let planned = engine.plan.steps.iter().find(|planned| planned.id == step.id);
    let fallback = planned.and_then(|planned| planned.fallback.as_ref());
    let limits = match (attempt.kind, fallback) {
        (AttemptKind::Fallback, Some(fallback)) => Some(fallback.attempt.limits),
        _ => planned.map(|planned| planned.asked.limits),
    };
    limits.and_then(|limits| limits.output_bytes).unwrap_or(crate::process::OUTPUT_LIMIT)
}

/// A machine with more to do than the measurement.
fn noisy(env: &Value) -> Option<String> {
    let load = env.pointer("/load/minutes_1").and_then(Value::as_f64)?;
    let cores = env.pointer("/cpu/logical_cores").and_then(Value::as_f64)?;
    (load > cores * 0.5).then(|| {
        format!("the machine was busy when the run began: load average {load:.2} on {cores:.0} cores")
    })
}

/// A system clock that did not run as time does. Slewing by a time service stays below the limit.
fn jumped(seconds: f64) -> Option<String> {
    let way = if seconds < 0.0 { "back" } else { "forward, or the machine slept" };
    (seconds.abs() >= 1.0).then(|| {
        format!(
            "the system's clock was set {way}: it moved by {seconds:+.1} s during the run; the times in this bundle \
             count from the run's start and are not affected"
        )
    })
}

/// Lines of a log that call themselves warnings, counted; those that differ in digits only are one.
fn warnings(path: &std::path::Path, name: &str) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SEARCHED)]).into_owned();
    // By the words: number of the first line, how often, that line.
    let mut seen: BTreeMap<String, (usize, usize, &str)> = BTreeMap::new();
    let mut quoted = false;
    for (index, line) in text.lines().map(at_the_end).enumerate() {
        // Python quotes the line of source that warned, indented, below its warning.
        let source = quoted && line.starts_with("  ");
        quoted = line.contains("Warning: ");
        let line = line.trim();
        if !source && line.to_ascii_lowercase().contains("warning") {
            let words = line.replace(|character: char| character.is_ascii_digit(), "0");
            seen.entry(words).or_insert((index + 1, 0, line)).1 += 1;
        }
    }
    let mut found: Vec<(usize, usize, &str)> = seen.into_values().collect();
    found.sort_unstable();
    let more = found.len().saturating_sub(QUOTED);
    let mut list: Vec<String> = found
        .into_iter()
        .take(QUOTED)
        .map(|(at, count, line)| {
            let shown: String = line.chars().take(200).collect();
            let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
            format!("warning in {name}:{at}{times}: {shown}")
        })
        .collect();
    if more > 0 {
        list.push(format!("{more} more different warnings in {name}"));
    }
    list
}
