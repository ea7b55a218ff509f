//! Surprises: what is no failure and still worth a person's attention. Nothing is filtered away; what repeats
//! is counted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::evidence::{AttemptKind, EvidenceRecord};
use crate::outcome::Outcome;
use crate::run::engine::{Engine, words};
use crate::run::history::History;

/// How much of each log is searched for warnings.
const SEARCHED: usize = 1 << 20;
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
        serde_json::to_value(&step.asked.action).ok()
    };
    list.extend(history.regressions(state, asked));
    match (state.git.dirty, state.git.changed_files) {
        (Some(true), Some(count)) => list.push(format!(
            "the working tree was dirty: {count} changed or untracked files, so the commit alone does not reproduce this"
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
    for step in &state.steps {
        for attempt in &step.attempts {
            if let Some(repeated) = attempt.kernel.as_ref().and_then(|kernel| kernel.repeated.as_ref()) {
                let (run, asked) =
                    attempt.kernel.as_ref().map_or((0, 0), |kernel| (kernel.run, kernel.asked));
                list.push(format!(
                    "step `{}`: {run} measured iterations were run, because after the asked {asked} the profile had {repeated}",
                    step.id
                ));
            }
            for warning in &attempt.warnings {
                list.push(format!("step `{}`, from its plugin: {warning}", step.id));
            }
            for stream in &attempt.cut {
                let limit = crate::process::bytes(crate::process::OUTPUT_LIMIT);
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

/// A machine with more to do than the measurement.
fn noisy(env: &Value) -> Option<String> {
    let load = env.pointer("/load/minutes_1").and_then(Value::as_f64)?;
    let cores = env.pointer("/cpu/logical_cores").and_then(Value::as_f64)?;
    (load > cores * 0.5).then(|| {
        format!("the machine was busy when the run began: load average {load:.2} on {cores:.0} cores")
    })
}

/// Lines of a log that call themselves warnings, counted.
fn warnings(path: &std::path::Path, name: &str) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SEARCHED)]).into_owned();
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.to_ascii_lowercase().contains("warning") {
            seen.entry(line).or_insert((index + 1, 0)).1 += 1;
        }
    }
    let mut found: Vec<(usize, usize, &str)> =
        seen.into_iter().map(|(line, (at, count))| (at, count, line)).collect();
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
